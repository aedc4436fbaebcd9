"""eval "$(slipway init bash)" against Lmod's own start and against EESSI's own initialisation."""
import os
import shutil
import subprocess
import sys
import tempfile

from measure import PREFIX, SLIPWAY, VERSION, Home, bash, build_stack, once, output, see_at_cvmfs, table
from modules import LMOD, chosen_tree, lmod_settings


def init(rounds, eessi_init):
    with tempfile.TemporaryDirectory() as directory:
        build_stack(directory)
        if eessi_init:
            install_eessi_init(eessi_init, f"{directory}/cvmfs/software.eessi.io")
        else:
            print("\nInit: without EESSI's own initialisation, which --eessi-init gives")
        see_at_cvmfs(f"{directory}/cvmfs", lambda: compare(directory, rounds, bool(eessi_init)))


def install_eessi_init(checkout, repository):
    """Puts EESSI's scripts where EESSI deploys them, with the version filled in as its deployment does."""
    target = f"{repository}/versions/{VERSION}/init"
    shutil.copytree(f"{checkout}/init", target, dirs_exist_ok=True)
    shutil.copytree(f"{checkout}/init/modules", f"{repository}/init/modules")
    for directory, _, names in os.walk(target):
        for name in names:
            path = f"{directory}/{name}"
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
            if "__EESSI_VERSION_DEFAULT__" in text:
                with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                    file.write(text.replace("__EESSI_VERSION_DEFAULT__", VERSION))


def compare(directory, rounds, has_eessi):
    config = f"{directory}/slipway.toml"
    with open(config, "w") as file:
        file.write(f'[stack]\nversion = "{VERSION}"\n')
    mine, lmod, eessi = (Home(directory, name) for name in ("mine", "lmod", "eessi"))
    tree = chosen_tree(config, mine.environment)
    lmod.environment |= lmod_settings(tree)
    eessi.environment["EESSI_SILENT"] = "1"
    by_slipway = f'eval "$({SLIPWAY} init bash --config {config})"'
    scripts = {
        "bash alone": ("true", mine),
        'eval "$(slipway init bash)"': (by_slipway, mine),
        "Lmod's init/bash, module load GCCcore": (f". {LMOD}/init/bash; module load GCCcore", lmod),
    }
    initialised = [by_slipway]
    if has_eessi:
        scripts["EESSI's init/bash"] = (f". {PREFIX}/init/bash", eessi)
        initialised.append(f". {PREFIX}/init/bash")
        if os.path.exists(f"{PREFIX}/init/lmod/bash"):
            scripts["EESSI's init/lmod/bash"] = (f". {PREFIX}/init/lmod/bash", eessi)
            initialised.append(f". {PREFIX}/init/lmod/bash")
    show = 'echo; echo "$EESSI_SOFTWARE_PATH $(type -t module) $MODULEPATH"'
    for script in initialised:
        answer = output(bash(f"{script} 2>&1; {show}"), mine.environment).splitlines()
        if not answer[-1].startswith(f"{tree} function") or f"{tree}/modules/all" not in answer[-1]:
            sys.exit(f"{script} does not initialise {tree}:\n" + "\n".join(answer))
    table(
        "Init of bash",
        {name: (lambda script=script, home=home: once(bash(script), env=home.environment, stderr=subprocess.DEVNULL))
         for name, (script, home) in scripts.items()},
        rounds, base='eval "$(slipway init bash)"', start="bash alone")
