prepend_path("MODULEPATH", pathJoin(root, "modules"))
