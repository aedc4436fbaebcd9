#%Module1.0
module-whatis {Description: @DESCRIPTION@}
set root @ROOT@
setenv SPACK_ROOT $root
prepend-path MODULEPATH $root/modules
