function __slipway_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __slipway_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __slipway_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __slipway_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __slipway_parse_tokens -S
    set -l unparsed_tokens (__slipway_tokens -pc)
    switch $unparsed_tokens[1]
    case 'slipway'
        __slipway_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'detect'
            __slipway_parse_subcommand 0 'format=' 'json' 'all' 'root=' 'cpuinfo=' 'arch=' 'hwloc-xml=' 'hwloc-cpuid=' 'config=' 'version' 'h/help'
        case 'env'
            __slipway_parse_subcommand 0 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'load=' 'load-fallback' 'shell=' 'json' 'module-records' 'as-initialised' 'version' 'h/help'
        case 'run'
            __slipway_parse_subcommand -r 1 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'load=' 'load-fallback' 'dry-run' 'json' 'version' 'h/help'
        case 'init'
            __slipway_parse_subcommand 1 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'load=' 'load-fallback' 'version' 'h/help'
        case 'deinit'
            __slipway_parse_subcommand 1 'version' 'h/help'
        case 'shell'
            __slipway_parse_subcommand 1 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'load=' 'load-fallback' 'version' 'h/help'
        case 'modules'
            __slipway_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'avail'
                __slipway_parse_subcommand 1 'long' 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'json' 'version' 'h/help'
            case 'spider'
                __slipway_parse_subcommand 1 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'json' 'version' 'h/help'
            case 'show'
                __slipway_parse_subcommand 1 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'json' 'version' 'h/help'
            case 'list'
                __slipway_parse_subcommand 0 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'json' 'version' 'h/help'
            end
        case 'modulefile'
            __slipway_parse_subcommand 1 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'slipway=' 'version' 'h/help'
        case 'inject'
            __slipway_parse_subcommand 0 'version' 'h/help'
            switch $unparsed_tokens[1]
            case 'list'
                __slipway_parse_subcommand 1 'in=+' 'json' 'version' 'h/help'
            case 'check'
                __slipway_parse_subcommand -r 1 'with=' 'via=' 'world=' 'mpi=' 'level=' 'threads=' 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'all' 'json' 'version' 'h/help'
            case 'explain'
                __slipway_parse_subcommand 1 'with=' 'via=' 'world=' 'mpi=' 'level=' 'threads=' 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'version' 'h/help'
            case 'plan'
                __slipway_parse_subcommand 1 'with=' 'for=+' 'all-targets' 'despite=' 'threads=' 'json' 'target=' 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'version' 'h/help'
            case 'apply'
                __slipway_parse_subcommand 1 'with=' 'for=+' 'all-targets' 'despite=' 'threads=' 'json' 'target=' 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'dry-run' 'version' 'h/help'
            case 'remove'
                __slipway_parse_subcommand 1 'target=' 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'version' 'h/help'
            case 'rollback'
                __slipway_parse_subcommand 0 'target=' 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'version' 'h/help'
            case 'status'
                __slipway_parse_subcommand 0 'json' 'target=' 'eessi=' 'eessi-repo=' 'eessi-arch=' 'config=' 'v/verbose' 'version' 'h/help'
            end
        case 'help'
            __slipway_parse_subcommand -r 1 'version'
        end
    end
end

function __slipway_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __slipway_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __slipway_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __slipway_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__slipway_tokens -p)
    if test -z "$(__slipway_tokens -t)"
        set -l index (count (__slipway_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'slipway' -f
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'detect' -d 'Tells which target of the stack fits a machine, and why.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'env' -d 'Prints what initialising the stack changes in the environment.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'run' -d 'Replaces itself with a command in the stack of this node.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'init' -d 'Initialises the stack in a running shell.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'deinit' -d 'Takes back in a running shell what slipway init has done.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'shell' -d 'Replaces itself with an interactive shell in the stack of this node.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'modules' -d 'Tells which modules of the stack exist, for this node and for every target.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'modulefile' -d 'Prints a module file that initialises the stack on the node that loads it.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'inject' -d 'Puts the site\'s MPI and GPU driver under a stack, after proof that they fit.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" format' -l 'format' -d 'What to print: eessi is the best target, eessi-path all, joined by colons.' -rfka 'text json eessi eessi-path'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" json' -l 'json' -d 'The same as --format json.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" all' -l 'all' -d 'Tell of every target of the architecture, the unsuitable ones too.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" root' -l 'root' -d 'Read the machine below this directory.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" cpuinfo' -l 'cpuinfo' -d 'Read the processor from the text of a /proc/cpuinfo.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" arch' -l 'arch' -d 'The architecture of that machine: x86_64, aarch64, ppc64le or riscv64.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" hwloc-xml' -l 'hwloc-xml' -d 'Read the processor\'s identity from an hwloc XML file.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" hwloc-cpuid' -l 'hwloc-cpuid' -d 'Read the processor\'s identity from a dump of hwloc-gather-cpuid.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway detect" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" load' -l 'load' -d 'Modules to load, named as for module load, separated by commas.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" load-fallback' -l 'load-fallback' -d 'Take all software from a lesser tree where the best one lacks a module.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" shell' -l 'shell' -d 'The shell to print for: sh, bash, zsh, ksh, dash, csh, tcsh or fish.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" json' -l 'json' -d 'Print the plan as JSON, schema 1, as run --dry-run --json does.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" module-records' -l 'module-records' -d 'Print what a module file of Lmod or Environment Modules carries out.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" as-initialised' -l 'as-initialised' -d 'With --module-records: only what the environment shows that was done, whichever node did it; a module file takes that back when it is unloaded.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway env" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" load' -l 'load' -d 'Modules to load, named as for module load, separated by commas.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" load-fallback' -l 'load-fallback' -d 'Take all software from a lesser tree where the best one lacks a module.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" dry-run' -l 'dry-run' -d 'Print the plan and launch nothing.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" json' -l 'json' -d 'With --dry-run: print the plan as JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway run" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway init" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway init" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway init" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway init" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway init" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway init" load' -l 'load' -d 'Modules to load, named as for module load, separated by commas.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway init" load-fallback' -l 'load-fallback' -d 'Take all software from a lesser tree where the best one lacks a module.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway init" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway init" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway deinit" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway deinit" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway shell" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway shell" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway shell" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway shell" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway shell" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway shell" load' -l 'load' -d 'Modules to load, named as for module load, separated by commas.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway shell" load-fallback' -l 'load-fallback' -d 'Take all software from a lesser tree where the best one lacks a module.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway shell" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway shell" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway modules" -eq 1' -fa 'avail' -d 'Lists the modules of the stack that this node can load.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway modules" -eq 1' -fa 'spider' -d 'Tells which modules of the stack exist for which targets.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway modules" -eq 1' -fa 'show' -d 'Shows a module: its file, the targets that have it, and what loading it changes.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway modules" -eq 1' -fa 'list' -d 'Lists the modules that this environment has loaded, and which targets have them.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules avail" long' -l 'long' -d 'Say what each module is, too.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules avail" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules avail" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules avail" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules avail" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules avail" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules avail" json' -l 'json' -d 'Print JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules avail" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules avail" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules spider" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules spider" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules spider" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules spider" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules spider" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules spider" json' -l 'json' -d 'Print JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules spider" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules spider" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules show" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules show" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules show" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules show" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules show" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules show" json' -l 'json' -d 'Print JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules show" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules show" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules list" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules list" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules list" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules list" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules list" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules list" json' -l 'json' -d 'Print JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules list" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modules list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway modulefile" -eq 1' -fka 'lmod tcl'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modulefile" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modulefile" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modulefile" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modulefile" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modulefile" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modulefile" slipway' -l 'slipway' -d 'The program that the file starts: a path, or a name to look up in PATH.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modulefile" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway modulefile" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject" -eq 1' -fa 'list' -d 'Lists the MPIs and GPU drivers of this machine.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject" -eq 1' -fa 'check' -d 'Tells whether programs work with an MPI that they were not built with.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject" -eq 1' -fa 'explain' -d 'Says what one program would load, by which rules, and what speaks against it.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject" -eq 1' -fa 'plan' -d 'Prints what apply would place, for whom it works, and why.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject" -eq 1' -fa 'apply' -d 'Puts an MPI, or the running GPU driver, under the stack.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject" -eq 1' -fa 'remove' -d 'Takes away what was injected, and gives back what was there before.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject" -eq 1' -fa 'rollback' -d 'Goes back to what was injected before the last change.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject" -eq 1' -fa 'status' -d 'Says what is injected, and what has changed since.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject list" -eq 1' -fka 'mpi cuda rocm'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject list"' -l 'in' -d 'Another directory that holds MPIs.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject list" json' -l 'json' -d 'Print JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject list" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject list" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" with' -l 'with' -d 'The MPI: the directory that it was installed to, its library directory, or its C library.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" via' -l 'via' -d 'How it reaches programs: override (a directory in their RPATH), library-path, preload, or present for what is there already (default: override where they have such a directory, else library-path; without --with: present).' -rfka 'override library-path preload present'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" world' -l 'world' -d 'Where programs are loaded: host, stack (its dynamic linker, for programs that name none), or root:DIRECTORY.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" mpi' -l 'mpi' -d 'How tasks are started: none, pmi2, pmix, as for srun --mpi.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" level' -l 'level' -d 'The x86-64 level of the processor, 1 to 4 (default: this machine\'s).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" threads' -l 'threads' -d 'Threads to check with.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" all' -l 'all' -d 'List those that use no MPI, too.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" json' -l 'json' -d 'Print JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject check" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" with' -l 'with' -d 'The MPI: the directory that it was installed to, its library directory, or its C library.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" via' -l 'via' -d 'How it reaches programs: override (a directory in their RPATH), library-path, preload, or present for what is there already (default: override where they have such a directory, else library-path; without --with: present).' -rfka 'override library-path preload present'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" world' -l 'world' -d 'Where programs are loaded: host, stack (its dynamic linker, for programs that name none), or root:DIRECTORY.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" mpi' -l 'mpi' -d 'How tasks are started: none, pmi2, pmix, as for srun --mpi.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" level' -l 'level' -d 'The x86-64 level of the processor, 1 to 4 (default: this machine\'s).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" threads' -l 'threads' -d 'Threads to check with.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject explain" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject plan" -eq 1' -fka 'mpi cuda'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" with' -l 'with' -d 'mpi: the directory that it was installed to.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan"' -l 'for' -d 'mpi: the programs or directories whose verdicts decide (default: all software of the subdirectory).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" all-targets' -l 'all-targets' -d 'mpi: for every software subdirectory of this architecture, not only this node\'s.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" despite' -l 'despite' -d 'mpi: inject although the worst verdict is this: cond or fail.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" threads' -l 'threads' -d 'Threads to check with.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" json' -l 'json' -d 'Print JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" target' -l 'target' -d 'The directory to write to (default: where the repository\'s host_injections leads).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject plan" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject apply" -eq 1' -fka 'mpi cuda'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" with' -l 'with' -d 'mpi: the directory that it was installed to.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply"' -l 'for' -d 'mpi: the programs or directories whose verdicts decide (default: all software of the subdirectory).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" all-targets' -l 'all-targets' -d 'mpi: for every software subdirectory of this architecture, not only this node\'s.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" despite' -l 'despite' -d 'mpi: inject although the worst verdict is this: cond or fail.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" threads' -l 'threads' -d 'Threads to check with.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" json' -l 'json' -d 'Print JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" target' -l 'target' -d 'The directory to write to (default: where the repository\'s host_injections leads).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" dry-run' -l 'dry-run' -d 'Print the plan and change nothing, as plan does.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject apply" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_positional "slipway inject remove" -eq 1' -fka 'mpi cuda'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject remove" target' -l 'target' -d 'The directory to write to (default: where the repository\'s host_injections leads).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject remove" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject remove" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject remove" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject remove" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject remove" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject remove" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject remove" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject rollback" target' -l 'target' -d 'The directory to write to (default: where the repository\'s host_injections leads).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject rollback" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject rollback" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject rollback" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject rollback" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject rollback" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject rollback" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject rollback" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject status" json' -l 'json' -d 'Print JSON, schema 1.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject status" target' -l 'target' -d 'The directory to write to (default: where the repository\'s host_injections leads).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject status" eessi' -l 'eessi' -d 'The version of the stack (default: the environment\'s, the site\'s, or the newest).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject status" eessi-repo' -l 'eessi-repo' -d 'The repository, by its CVMFS name.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject status" eessi-arch' -l 'eessi-arch' -d 'A software subdirectory instead of the detected one, such as x86_64/amd/zen2.' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject status" config' -l 'config' -d 'The configuration file (default: /etc/slipway/slipway.toml).' -rfka ''
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject status" v verbose' -l 'verbose' -s 'v' -d 'Say what is chosen and why, on standard error.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject status" version' -l 'version' -d 'Show the version.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway inject status" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway help" version' -l 'version' -d 'Show the version.'
