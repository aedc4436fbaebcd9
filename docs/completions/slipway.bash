# shellcheck shell=bash

__slipway_cursor_index_in_current_word() {
    local remaining="${COMP_LINE}"

    local word
    for word in "${COMP_WORDS[@]::COMP_CWORD}"; do
        remaining="${remaining##*([[:space:]])"${word}"*([[:space:]])}"
    done

    local -ir index="$((COMP_POINT - ${#COMP_LINE} + ${#remaining}))"
    if [[ "${index}" -le 0 ]]; then
        printf 0
    else
        printf %s "${index}"
    fi
}

# positional arguments:
#
# - 1: the current (sub)command's count of positional arguments
#
# required variables:
#
# - repeating_flags: the repeating flags that the current (sub)command can accept
# - non_repeating_flags: the non-repeating flags that the current (sub)command can accept
# - repeating_options: the repeating options that the current (sub)command can accept
# - non_repeating_options: the non-repeating options that the current (sub)command can accept
# - positional_number: value ignored
# - unparsed_words: unparsed words from the current command line
#
# modified variables:
#
# - non_repeating_flags: remove flags for this (sub)command that are already on the command line
# - non_repeating_options: remove options for this (sub)command that are already on the command line
# - positional_number: set to the current positional number
# - unparsed_words: remove all flags, options, and option values for this (sub)command
__slipway_offer_flags_options() {
    local -ir positional_count="${1}"
    positional_number=0

    local was_flag_option_terminator_seen=false
    local is_parsing_option_value=false

    local -ar unparsed_word_indices=("${!unparsed_words[@]}")
    local -i word_index
    for word_index in "${unparsed_word_indices[@]}"; do
        if "${is_parsing_option_value}"; then
            # This word is an option value:
            # Reset marker for next word iff not currently the last word
            [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]] && is_parsing_option_value=false
            unset "unparsed_words[${word_index}]"
            # Do not process this word as a flag or an option
            continue
        fi

        local word="${unparsed_words["${word_index}"]}"
        if ! "${was_flag_option_terminator_seen}"; then
            case "${word}" in
            --)
                unset "unparsed_words[${word_index}]"
                # by itself -- is a flag/option terminator, but if it is the last word, it is the start of a completion
                if [[ "${word_index}" -ne "${unparsed_word_indices[${#unparsed_word_indices[@]} - 1]}" ]]; then
                    was_flag_option_terminator_seen=true
                fi
                continue
                ;;
            -*)
                # ${word} is a flag or an option
                # If ${word} is an option, mark that the next word to be parsed is an option value
                local option
                for option in "${repeating_options[@]}" "${non_repeating_options[@]}"; do
                    [[ "${word}" = "${option}" ]] && is_parsing_option_value=true && break
                done

                # Remove ${word} from ${non_repeating_flags} or ${non_repeating_options} so it isn't offered again
                local not_found=true
                local -i index
                for index in "${!non_repeating_flags[@]}"; do
                    if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                        unset "non_repeating_flags[${index}]"
                        non_repeating_flags=("${non_repeating_flags[@]}")
                        not_found=false
                        break
                    fi
                done
                if "${not_found}"; then
                    for index in "${!non_repeating_flags[@]}"; do
                        if [[ "${non_repeating_flags[${index}]}" = "${word}" ]]; then
                            unset "non_repeating_flags[${index}]"
                            non_repeating_flags=("${non_repeating_flags[@]}")
                            break
                        fi
                    done
                fi
                unset "unparsed_words[${word_index}]"
                continue
                ;;
            esac
        fi

        # ${word} is neither a flag, nor an option, nor an option value
        if [[ "${positional_number}" -lt "${positional_count}" || "${positional_count}" -lt 0 ]]; then
            # ${word} is a positional
            ((positional_number++))
            unset "unparsed_words[${word_index}]"
        else
            if [[ -z "${word}" ]]; then
                # Could be completing a flag, option, or subcommand
                positional_number=-1
            else
                # ${word} is a subcommand or invalid, so stop processing this (sub)command
                positional_number=-2
            fi
            break
        fi
    done

    unparsed_words=("${unparsed_words[@]}")

    if\
        ! "${was_flag_option_terminator_seen}"\
        && ! "${is_parsing_option_value}"\
        && [[ ("${cur}" = -* && "${positional_number}" -ge 0) || "${positional_number}" -eq -1 ]]
    then
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "${repeating_flags[*]} ${non_repeating_flags[*]} ${repeating_options[*]} ${non_repeating_options[*]}" -- "${cur}")
    fi
}

__slipway_add_completions() {
    local completion
    while IFS='' read -r completion; do
        COMPREPLY+=("${completion}")
    done < <(IFS=$'\n' compgen "${@}" -- "${cur}")
}

__slipway_custom_complete() {
    if [[ -n "${cur}" || -z ${COMP_WORDS[${COMP_CWORD}]} || "${COMP_LINE:${COMP_POINT}:1}" != ' ' ]]; then
        local -ar words=("${COMP_WORDS[@]}")
    else
        local -ar words=("${COMP_WORDS[@]::${COMP_CWORD}}" '' "${COMP_WORDS[@]:${COMP_CWORD}}")
    fi

    "${COMP_WORDS[0]}" "${@}" "${words[@]}"
}

_slipway() {
    local state
    state="$(shopt -p;shopt -po)"
    # shellcheck disable=SC2064
    trap "${state//$'\n'/;}" RETURN
    shopt -s extglob
    set +o history +o posix

    local -xr SAP_SHELL=bash
    local -x SAP_SHELL_VERSION
    SAP_SHELL_VERSION="$(IFS='.';printf %s "${BASH_VERSINFO[*]}")"
    local -r SAP_SHELL_VERSION

    local -r cur="${2}"
    local -r prev="${3}"

    local -i positional_number
    local -a unparsed_words=("${COMP_WORDS[@]:1:${COMP_CWORD}}")

    local -a repeating_flags=()
    local -a non_repeating_flags=(--version -h --help)
    local -a repeating_options=()
    local -a non_repeating_options=()
    __slipway_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    detect|env|run|exec|init|deinit|shell|modules|modulefile|inject|image|store|help)
        # Offer subcommand argument completions
        "_slipway_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W 'detect env run exec init deinit shell modules modulefile inject image store help' -- "${cur}")
        ;;
    esac
}

_slipway_detect() {
    repeating_flags=()
    non_repeating_flags=(--json --all --version -h --help)
    repeating_options=()
    non_repeating_options=(--format --root --cpuinfo --arch --hwloc-xml --hwloc-cpuid --config)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--format')
        __slipway_add_completions -W 'text'$'\n''json'$'\n''eessi'$'\n''eessi-path'
        return
        ;;
    '--root')
        return
        ;;
    '--cpuinfo')
        return
        ;;
    '--arch')
        return
        ;;
    '--hwloc-xml')
        return
        ;;
    '--hwloc-cpuid')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_env() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --load-fallback --json --module-records --as-initialised --version -h --help)
    repeating_options=()
    non_repeating_options=(--eessi --eessi-repo --eessi-arch --config --load --shell)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    '--load')
        return
        ;;
    '--shell')
        return
        ;;
    esac
}

_slipway_run() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --load-fallback --no-home --entrypoint --writable --stack --explain --dry-run --json --version -h --help)
    repeating_options=(--bind --env --profile)
    non_repeating_options=(--eessi --eessi-repo --eessi-arch --config --load --image --workdir --inject)
    __slipway_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    '--load')
        return
        ;;
    '--image')
        return
        ;;
    '--bind')
        return
        ;;
    '--env')
        return
        ;;
    '--workdir')
        return
        ;;
    '--profile')
        return
        ;;
    '--inject')
        return
        ;;
    esac
}

_slipway_exec() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--node)
    __slipway_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--node')
        return
        ;;
    esac
}

_slipway_init() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --load-fallback --version -h --help)
    repeating_options=()
    non_repeating_options=(--eessi --eessi-repo --eessi-arch --config --load)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    '--load')
        return
        ;;
    esac
}

_slipway_deinit() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __slipway_offer_flags_options 1
}

_slipway_shell() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --load-fallback --version -h --help)
    repeating_options=()
    non_repeating_options=(--eessi --eessi-repo --eessi-arch --config --load)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    '--load')
        return
        ;;
    esac
}

_slipway_modules() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __slipway_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    avail|spider|show|list)
        # Offer subcommand argument completions
        "_slipway_modules_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W 'avail spider show list' -- "${cur}")
        ;;
    esac
}

_slipway_modules_avail() {
    repeating_flags=()
    non_repeating_flags=(--long --verbose -v --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_modules_spider() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_modules_show() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_modules_list() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_modulefile() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --version -h --help)
    repeating_options=()
    non_repeating_options=(--eessi --eessi-repo --eessi-arch --config --slipway)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    '--slipway')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __slipway_add_completions -W 'lmod'$'\n''tcl'
        return
        ;;
    esac
}

_slipway_inject() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __slipway_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    list|check|explain|plan|apply|remove|rollback|status)
        # Offer subcommand argument completions
        "_slipway_inject_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W 'list check explain plan apply remove rollback status' -- "${cur}")
        ;;
    esac
}

_slipway_inject_list() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=(--in)
    non_repeating_options=()
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--in')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __slipway_add_completions -W 'mpi'$'\n''cuda'$'\n''rocm'
        return
        ;;
    esac
}

_slipway_inject_check() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --all --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--with --via --world --mpi --level --threads --eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--with')
        return
        ;;
    '--via')
        __slipway_add_completions -W 'override'$'\n''library-path'$'\n''preload'$'\n''present'
        return
        ;;
    '--world')
        return
        ;;
    '--mpi')
        return
        ;;
    '--level')
        return
        ;;
    '--threads')
        return
        ;;
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_inject_explain() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --version -h --help)
    repeating_options=()
    non_repeating_options=(--with --via --world --mpi --level --threads --eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--with')
        return
        ;;
    '--via')
        __slipway_add_completions -W 'override'$'\n''library-path'$'\n''preload'$'\n''present'
        return
        ;;
    '--world')
        return
        ;;
    '--mpi')
        return
        ;;
    '--level')
        return
        ;;
    '--threads')
        return
        ;;
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_inject_plan() {
    repeating_flags=()
    non_repeating_flags=(--all-targets --json --verbose -v --version -h --help)
    repeating_options=(--for)
    non_repeating_options=(--with --despite --threads --target --eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--with')
        return
        ;;
    '--for')
        return
        ;;
    '--despite')
        return
        ;;
    '--threads')
        return
        ;;
    '--target')
        return
        ;;
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __slipway_add_completions -W 'mpi'$'\n''cuda'
        return
        ;;
    esac
}

_slipway_inject_apply() {
    repeating_flags=()
    non_repeating_flags=(--all-targets --json --verbose -v --dry-run --version -h --help)
    repeating_options=(--for)
    non_repeating_options=(--with --despite --threads --target --eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--with')
        return
        ;;
    '--for')
        return
        ;;
    '--despite')
        return
        ;;
    '--threads')
        return
        ;;
    '--target')
        return
        ;;
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __slipway_add_completions -W 'mpi'$'\n''cuda'
        return
        ;;
    esac
}

_slipway_inject_remove() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --version -h --help)
    repeating_options=()
    non_repeating_options=(--target --eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--target')
        return
        ;;
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac

    # Offer positional completions
    case "${positional_number}" in
    1)
        __slipway_add_completions -W 'mpi'$'\n''cuda'
        return
        ;;
    esac
}

_slipway_inject_rollback() {
    repeating_flags=()
    non_repeating_flags=(--verbose -v --version -h --help)
    repeating_options=()
    non_repeating_options=(--target --eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--target')
        return
        ;;
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_inject_status() {
    repeating_flags=()
    non_repeating_flags=(--json --verbose -v --version -h --help)
    repeating_options=()
    non_repeating_options=(--target --eessi --eessi-repo --eessi-arch --config)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--target')
        return
        ;;
    '--eessi')
        return
        ;;
    '--eessi-repo')
        return
        ;;
    '--eessi-arch')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_image() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __slipway_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    pull|list|show|resolve|tag|remove|import|export)
        # Offer subcommand argument completions
        "_slipway_image_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W 'pull list show resolve tag remove import export' -- "${cur}")
        ;;
    esac
}

_slipway_image_pull() {
    repeating_flags=()
    non_repeating_flags=(--as-directory --keep-layers --quiet --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--name --platform --store --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--name')
        return
        ;;
    '--platform')
        return
        ;;
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_image_list() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store --config)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_image_show() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_image_resolve() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=(--pin --store --config)
    __slipway_offer_flags_options 1

    # Offer option value completions
    case "${prev}" in
    '--pin')
        return
        ;;
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_image_tag() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--store --config)
    __slipway_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_image_remove() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--store --config)
    __slipway_offer_flags_options -1

    # Offer option value completions
    case "${prev}" in
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_image_import() {
    repeating_flags=()
    non_repeating_flags=(--as-directory --keep-layers --quiet --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--platform --store --config)
    __slipway_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--platform')
        return
        ;;
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_image_export() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=(--store --config)
    __slipway_offer_flags_options 2

    # Offer option value completions
    case "${prev}" in
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_store() {
    repeating_flags=()
    non_repeating_flags=(--version -h --help)
    repeating_options=()
    non_repeating_options=()
    __slipway_offer_flags_options 0

    # Offer subcommand / subcommand argument completions
    local -r subcommand="${unparsed_words[0]}"
    unset 'unparsed_words[0]'
    unparsed_words=("${unparsed_words[@]}")
    case "${subcommand}" in
    list|verify|gc|repair)
        # Offer subcommand argument completions
        "_slipway_store_${subcommand}"
        ;;
    *)
        # Offer subcommand completions
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W 'list verify gc repair' -- "${cur}")
        ;;
    esac
}

_slipway_store_list() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store --config)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_store_verify() {
    repeating_flags=()
    non_repeating_flags=(--json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store --config)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_store_gc() {
    repeating_flags=()
    non_repeating_flags=(--dry-run --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--older-than --store --config)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--older-than')
        return
        ;;
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_store_repair() {
    repeating_flags=()
    non_repeating_flags=(--quarantine --json --version -h --help)
    repeating_options=()
    non_repeating_options=(--store --config)
    __slipway_offer_flags_options 0

    # Offer option value completions
    case "${prev}" in
    '--store')
        return
        ;;
    '--config')
        return
        ;;
    esac
}

_slipway_help() {
    repeating_flags=()
    non_repeating_flags=(--version)
    repeating_options=()
    non_repeating_options=()
    __slipway_offer_flags_options -1
}

complete -o filenames -F _slipway slipway
