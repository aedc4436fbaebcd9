set_alias("ta", "tmux attach -t")
set_alias("tl", "tmux list-sessions -F '#S: #W'")
set_alias("tw", [[tmux new-window -n "work in $PWD"]])
