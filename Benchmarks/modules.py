"""slipway env --load against module load, for 1, 20 and 100 modules."""
import json
import shutil
import subprocess
import sys
import tempfile

from measure import PREFIX, ROOT, SLIPWAY, VERSION, Home, bash, build_stack, once, output, see_at_cvmfs, table

SETS = {"GCCcore/13.2.0": 1, "buildtools-bundle/2023b": 20, "EESSI-bundle/2023b": 100}
LMOD = f"{PREFIX}/compat/linux/x86_64/usr/share/Lmod"


def lmod_settings(tree):
    """What an environment that is initialised for the tree holds for Lmod."""
    return {
        "MODULEPATH": f"{tree}/modules/all", "LMOD_RC": f"{tree}/.lmod/lmodrc.lua",
        "LMOD_PACKAGE_PATH": f"{tree}/.lmod", "LMOD_CMD": f"{LMOD}/libexec/lmod"}


def chosen_tree(config, environment):
    """The subtree that slipway takes on this machine."""
    stack = json.loads(output([SLIPWAY, "env", "--json", "--config", config], environment))["stack"]
    return f"{PREFIX}/software/linux/{stack['subdirectory']}"


def modules(rounds):
    with tempfile.TemporaryDirectory() as directory:
        build_stack(directory)
        see_at_cvmfs(f"{directory}/cvmfs", lambda: compare(directory, rounds))


def compare(directory, rounds):
    config = f"{directory}/slipway.toml"
    with open(config, "w") as file:
        file.write(f'[stack]\nversion = "{VERSION}"\n')
    warm, cold, plain, cached, loads = (
        Home(directory, name) for name in ("warm", "cold", "plain", "cached", "loads"))
    tree = chosen_tree(config, warm.environment)
    # The same tree without its cache: Lmod is given the settings from before the cache was built.
    shutil.copy(f"{tree}/.lmod/lmodrc.lua", f"{directory}/lmodrc.lua")
    subprocess.run([f"{ROOT}/lab/stack", "cache", directory], check=True, stderr=subprocess.DEVNULL)
    for home in (plain, cached, loads):
        home.environment |= lmod_settings(tree)
    plain.environment["LMOD_RC"] = f"{directory}/lmodrc.lua"
    loads.environment["LMOD_CACHED_LOADS"] = "yes"

    for name, count in SETS.items():
        env = [SLIPWAY, "env", "--config", config, "--load", name]
        by_slipway = f'eval "$({SLIPWAY} env --config {config} --load {name})"'
        by_lmod = f'eval "$($LMOD_CMD bash load {name})"'
        for home, script in ((warm, by_slipway), (plain, by_lmod), (cached, by_lmod), (loads, by_lmod)):
            loaded = output(bash(f"{script}; echo $LOADEDMODULES"), home.environment).strip().split(":")
            if len(loaded) != count or loaded[-1] != name:
                sys.exit(f"{name}: {len(loaded)} modules were loaded instead of {count}: {script}")

        def from_nothing():
            cold.empty()
            return once(env, env=cold.environment)

        run = lambda argv, home: lambda: once(argv, env=home.environment)
        table(
            f"{name}: {count} modules",
            {
                "slipway env --load, warm": run(env, warm),
                "slipway env --load, no capsule yet": from_nothing,
                "slipway env, no modules": run(env[:-2], warm),
                "bash alone": run(bash("true"), warm),
                "bash: eval slipway env --load, warm": run(bash(by_slipway), warm),
                "bash: Lmod, no spider cache": run(bash(by_lmod), plain),
                "bash: Lmod, spider cache": run(bash(by_lmod), cached),
                "bash: Lmod, spider cache, LMOD_CACHED_LOADS": run(bash(by_lmod), loads),
            }, rounds)
