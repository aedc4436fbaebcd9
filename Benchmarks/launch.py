"""srun with and without the plugin, and with modules, on the lab."""
import os
import pwd
import subprocess

from measure import CLEAN, PREFIX, VERSION, allocate, lab_cluster, once, table
from modules import lmod_settings

# n4 has the generic tree, so the longest way down.
HOST, TREE = "n4", f"{PREFIX}/software/linux/x86_64/generic"


def launch(rounds):
    with lab_cluster(f"/tmp/slipway-bench-{os.getpid()}") as settings:
        compare(settings, rounds)


def compare(settings, rounds):
    directory, user = settings["SLIPWAY_LAB_DIR_CURRENT"], settings["SLIPWAY_LAB_USER"]
    account = pwd.getpwnam(user)
    home = f"{directory}/home"
    os.mkdir(home, 0o700)
    os.chown(home, account.pw_uid, account.pw_gid)
    options = {
        "user": account.pw_uid, "group": account.pw_gid, "extra_groups": [account.pw_gid], "cwd": home,
        "env": {**CLEAN, "HOME": home, "USER": user, "SLURM_CONF": settings["SLURM_CONF"]}}
    job = allocate(HOST, options)
    line, off = f"{directory}/plugstack.d/slipway.conf", f"{directory}/plugstack.d/slipway.off"

    def step(tasks, plugin, *words, command="/bin/true", environment={}):
        # plugstack.conf is read again at each launch, by srun and by slurmstepd.
        if plugin != os.path.exists(line):
            os.rename(off if plugin else line, line if plugin else off)
        return once(
            ["srun", f"--jobid={job}", "--overlap", f"-n{tasks}", *words, command],
            **options | {"env": options["env"] | environment})

    stack = f"--eessi={VERSION}"
    for tasks in (1, 16, 64):
        table(
            f"srun -n{tasks} /bin/true on one node, in an allocation",
            {
                "no plugin": lambda: step(tasks, False),
                "plugin loaded, not used": lambda: step(tasks, True),
                "--eessi": lambda: step(tasks, True, stack),
            }, rounds)

    def loaded(name):
        """The environment of a task with the modules, for launches that only carry it."""
        step(1, True, stack)  # the plugin is on
        words = ["srun", f"--jobid={job}", "--overlap", "-n1", stack, f"--eessi-load={name}", "env", "-0"]
        text = subprocess.run(words, check=True, capture_output=True, text=True, **options).stdout
        pairs = (entry.split("=", 1) for entry in text.split("\0") if "=" in entry)
        return {key: value for key, value in pairs if not key.startswith(("SLURM", "PMI", "_SLURM"))}

    variants = {"no plugin": lambda: step(64, False), "--eessi": lambda: step(64, True, stack)}
    for name in ("GROMACS", "EESSI-bundle/2023b"):
        carried = loaded(name)
        variants[f"--eessi-load={name}"] = (
            lambda name=name: step(64, True, stack, f"--eessi-load={name}"))
        variants[f"no plugin, an environment with {name} loaded"] = (
            lambda carried=carried: step(64, False, environment=carried))
    table("Modules: srun -n64 /bin/true on one node, in an allocation", variants, rounds)
    # Apart, because 64 times Lmod leaves the machine busy for whatever comes next.
    table(
        "Modules by a script: srun -n64 on one node, in an allocation",
        {
            "--eessi-load=GROMACS /bin/true": lambda: step(64, True, stack, "--eessi-load=GROMACS"),
            "a script that does nothing": lambda: step(64, False, command=script(directory, "")),
            "a script with module load GROMACS": lambda: step(64, False, command=script(directory, "GROMACS")),
        }, min(rounds, 5))


def script(directory, module):
    """A batch user's script that calls Lmod in each task, without slipway."""
    path = f"{directory}/lib/load-{module or 'nothing'}"
    if not os.path.exists(path):
        words = [f"export {name}={value}" for name, value in lmod_settings(TREE).items()]
        if module:
            words.append(f'eval "$($LMOD_CMD bash load {module})" && [[ :$LOADEDMODULES: = *:{module}/* ]] || exit')
        with open(path, "w") as file:
            file.write("\n".join(["#!/bin/bash", *words, "exec /bin/true", ""]))
        os.chmod(path, 0o755)
    return path
