#%Module
proc ModulesHelp { } {
    puts stderr "Octave, a language for numerical computations."
}
module-whatis {Description: @DESCRIPTION@}
set root @ROOT@
conflict Octave
if { ![ is-loaded foss/2023b ] } {
    module load foss/2023b
}
module load Python/3.11.5-GCCcore-13.2.0
prepend-path PATH $root/bin
prepend-path LD_LIBRARY_PATH $root/lib
append-path MANPATH $root/share/man
prepend-path --delim ";" OCTAVE_PATH $root/share/octave
setenv EBROOTOCTAVE "$root"
setenv EBVERSIONOCTAVE "8.4.0"
setenv OCTAVE_HISTFILE "~/.octave history"
if { [ info exists env(OCTAVE_USER) ] } {
    setenv OCTAVE_OWNER $env(OCTAVE_USER)
}
set-alias oct "octave --no-gui"
