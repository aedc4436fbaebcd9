execute{cmd = myShellType() == "csh" and "limit coredumpsize 0" or "ulimit -c 0", modeA = {"load"}}
