set_shell_function("nfclean", [[
    local days="${1:-7}"
    echo "cleaning what is older than $days days"
]], "echo 'cleaning what is older than $1 days'")
