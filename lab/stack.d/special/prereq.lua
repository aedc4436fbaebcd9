prereq("gompi")
