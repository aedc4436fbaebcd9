append_path("PERL5LIB", pathJoin(root, "lib/perl5/site_perl/5.38.0"))
append_path("INFOPATH", pathJoin(root, "share/info"))
append_path("MANPATH", pathJoin(root, "share/man-late"))
