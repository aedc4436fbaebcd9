prepend_path{"PATH", pathJoin(root, "libexec/ccache"), priority = 100}
