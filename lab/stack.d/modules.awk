# Writes the module files of all trees in one go, for a process per file would take minutes.
# Usage: awk -v special=DIRECTORY -f modules.awk modules trees; a line of trees: where to write, root, VERSION, SUBDIR.
# The root is where users will see the tree.

function fail(text) {
    print "stack: " FILENAME ":" FNR ": " text >"/dev/stderr"
    failed = 1
    exit 1
}
function trim(text) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    return text
}
# As EasyBuild makes the name of a variable: SciPy-bundle is SCIPYMINBUNDLE.
function variable(name) {
    gsub(/\+/, "plus", name)
    gsub(/-/, "min", name)
    gsub(/\./, "", name)
    return toupper(name)
}
function template(name, suffix,   path, text, line) {
    path = special "/" name suffix
    if (path in templates) return templates[path]
    while ((getline line <path) > 0) text = text line "\n"
    close(path)
    return templates[path] = text
}
# By parts, for a replacement by gsub takes & for itself.
function replace(text, word, value,   result, at) {
    while (at = index(text, word)) {
        result = result substr(text, 1, at - 1) value
        text = substr(text, at + length(word))
    }
    return result text
}

BEGIN { FS = "|" }

FNR == 1 { files++ }
files == 1 && (/^#/ || !NF) { next }
files == 1 {
    count++
    full[count] = trim($1)
    at = index(full[count], "/")
    name[count] = substr(full[count], 1, at - 1)
    version[count] = substr(full[count], at + 1)
    if (NF < 4 || NF > 5 || at < 2 || full[count] in known) fail("this should be a new module, its kind and so on")
    words = split(trim($3), word, " ")
    for (i = 1; i <= words; i++) {
        if (word[i] in latest) word[i] = latest[word[i]]
        # Java/17 is a version that a .modulerc.lua adds.
        else if (!(word[i] in known) && word[i] != "Java/17") fail("no module above is " word[i])
        depends[count] = depends[count] " " word[i]
    }
    words = split(trim($2), word, "+")
    for (i = 1; i <= words; i++) {
        if (word[i] ~ /^(compiler|lib|tool|python|perl|r)$/) is[count, word[i]] = 1
        else if (word[i] ~ /^default:(symlink|version|modulerc)$/) choice[count] = substr(word[i], 9)
        else if (word[i] ~ /^below:/) below[count] = substr(word[i], 7)
        else if (template(word[i], ".lua") != "") added[count] = added[count] template(word[i], ".lua")
        else if (template(word[i], ".tcl") != "") tcl[count] = template(word[i], ".tcl")
        else if (word[i] != "bundle") fail("there is no kind \"" word[i] "\"")
    }
    description[count] = trim($4)
    where[count] = trim($5)
    known[full[count]] = count
    latest[name[count]] = full[count]
    next
}
{
    trees++
    split($0, field, "\t")
    tree[trees] = field[1]
    root[trees] = field[2]
    place[trees] = field[3] "/" field[4]
    subdir[trees] = field[4]
}

# Whether tree t has module m.
function has(t, m,   words, word, i) {
    words = split(where[m], word, " ")
    if (!words) return subdir[t] !~ /\/accel\//
    for (i = 1; i <= words; i++) {
        if (subdir[t] ~ /\/accel\// && word[i] !~ /\/accel\//) continue
        if (index(place[t] "/", word[i] "/") == 1 || index(subdir[t] "/", word[i] "/") == 1) return 1
    }
    return 0
}
function installation(t, m) { return tree[t] "/software/" full[m] }
function modules(t, m) { return below[m] ? tree[t] "/software/" below[m] "/modules" : tree[t] "/modules/all" }

# The lines of a module file that are the same in every tree; its root is a variable there.
function contents(m,   text, words, word, i) {
    text = "\nwhatis([==[Description: " description[m] "]==])\n"
    text = text "whatis([==[Homepage: https://example.org/" name[m] "]==])\n"
    text = text "whatis([==[URL: https://example.org/" name[m] "]==])\n\n@ROOT@\nconflict(\"" name[m] "\")\n\n"
    words = split(depends[m], word, " ")
    for (i = 1; i <= words; i++) text = text "depends_on(\"" word[i] "\")\n\n"
    text = text paths(m) "setenv(\"EBROOT" variable(name[m]) "\", root)\n"
    text = text "setenv(\"EBVERSION" variable(name[m]) "\", \"" \
        substr(version[m], 1, index(version[m] "-", "-") - 1) "\")\n"
    text = text "setenv(\"EBDEVEL" variable(name[m]) "\", pathJoin(root, \"easybuild/" \
        name[m] "-" version[m] "-easybuild-devel\"))\n"
    if (is[m, "python"]) text = text "prepend_path(\"PYTHONPATH\", pathJoin(root, \"lib/python3.11/site-packages\"))\n"
    if (is[m, "perl"]) text = text "prepend_path(\"PERL5LIB\", pathJoin(root, \"lib/perl5/site_perl\"))\n"
    if (is[m, "r"]) text = text "prepend_path(\"R_LIBS_SITE\", root)\n"
    return text (added[m] == "" ? "" : "\n" added[m]) "-- Built with EasyBuild's layout for slipway's demo stack\n"
}
function prepend(name, path) {
    return "prepend_path(\"" name "\", " (path == "" ? "root" : "pathJoin(root, \"" path "\")") ")\n"
}
function paths(m,   lib, tool, compiler) {
    lib = is[m, "lib"]
    tool = is[m, "tool"]
    compiler = is[m, "compiler"]
    return (lib || tool ? prepend("CMAKE_PREFIX_PATH") : "") \
        (lib ? prepend("CPATH", "include") : "") \
        (lib || compiler ? prepend("LD_LIBRARY_PATH", "lib") : "") \
        (compiler ? prepend("LD_LIBRARY_PATH", "lib64") : "") \
        (lib || compiler ? prepend("LIBRARY_PATH", "lib") : "") \
        (tool || compiler ? prepend("MANPATH", "share/man") : "") \
        (tool || compiler ? prepend("PATH", "bin") : "") \
        (lib ? prepend("PKG_CONFIG_PATH", "lib/pkgconfig") : "") \
        (lib || tool || compiler ? prepend("XDG_DATA_DIRS", "share") : "")
}

END {
    if (failed) exit 1
    mkdir = "xargs -d '\\n' mkdir -p"
    for (t = 1; t <= trees; t++) {
        print tree[t] "/modules/all" | mkdir
        for (m = 1; m <= count; m++) {
            if (!has(t, m)) continue
            print modules(t, m) "/" name[m] | mkdir
            # An installation has its easybuild folder even where the lab has no program to put beside it.
            print installation(t, m) "/easybuild" | mkdir
        }
    }
    if (close(mkdir)) exit 1
    for (m = 1; m <= count; m++) {
        lines = tcl[m] == "" ? contents(m) : replace(tcl[m], "@DESCRIPTION@", description[m])
        for (t = 1; t <= trees; t++) if (has(t, m)) write(t, m)
    }
    if (links && close(link)) exit 1
}

function write(t, m,   directory, path, here) {
    path = installation(t, m) "/easybuild/" name[m] "-" version[m] "-easybuild-devel"
    printf "" >path
    close(path)
    directory = modules(t, m) "/" name[m]
    path = directory "/" version[m] (tcl[m] == "" ? ".lua" : "")
    here = root[t] "/software/" full[m]
    if (tcl[m] != "") printf "%s", replace(lines, "@ROOT@", here) >path
    else {
        printf "help([==[\n\nDescription\n===========\n%s\n\n\n", description[m] >path
        printf "More information\n================\n - Homepage: https://example.org/%s\n]==])\n", name[m] >path
        printf "%s", replace(lines, "@ROOT@", "local root = \"" here "\"\n") >path
    }
    close(path)
    if (choice[m] == "version") {
        path = directory "/.version"
        printf "#%%Module\nset ModulesVersion \"%s\"\n", version[m] >path
        close(path)
    } else if (choice[m] == "modulerc") {
        path = directory "/.modulerc.lua"
        here = version[m]
        sub(/\..*/, "", here)
        printf "module_version(\"%s\", \"%s\")\nmodule_version(\"%s\", \"default\")\n", full[m], here, full[m] >path
        close(path)
    } else if (choice[m] == "symlink") {
        links = 1
        link = "xargs -n 2 ln -s"
        print version[m] ".lua", directory "/default" | link
    }
}
