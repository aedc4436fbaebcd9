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
complete -c 'slipway' -n '__slipway_should_offer_completions_for_flags_or_options "slipway help" version' -l 'version' -d 'Show the version.'
