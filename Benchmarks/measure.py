"""What all parts share: running a command once, tables of medians, a demo stack at /cvmfs."""
import contextlib
import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PRODUCTS = os.environ.get("SLIPWAY_PRODUCTS", f"{ROOT}/.build/release")
SLIPWAY, NODE = f"{PRODUCTS}/slipway", f"{PRODUCTS}/slipway-node"
CLEAN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
VERSION = "2023.06"
PREFIX = f"/cvmfs/software.eessi.io/versions/{VERSION}"
CLONE_NEWNS = 0x20000  # <linux/sched.h>; os.unshare is there from Python 3.12 on


def once(argv, **options):
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
    return (time.perf_counter() - begin) * 1000


def table(title, variants, rounds, base=None, start=None, seconds=30):
    """Times the variants in turn and prints medians.

    variants: name -> function that runs it once and gives milliseconds. The differences and ratios are to
    `base`, else to the first. `start` names a variant that the others contain: a column gives the ratio
    without it. A variant that has taken `seconds` is not run again, but for five rounds at least.
    """
    times = {name: [] for name in variants}
    for run in variants.values():
        run()  # warm
    load = os.getloadavg()[0]
    for _ in range(rounds):
        for name, run in variants.items():
            if len(times[name]) < 5 or sum(times[name]) < seconds * 1000:
                times[name].append(run())
    medians = {name: statistics.median(values) for name, values in times.items()}
    base = base or next(iter(variants))
    print(f"\n{title}; load {load:.1f} to {os.getloadavg()[0]:.1f}\n")
    heads = ["median ms", "min ms", "rounds", "above base, ms", "ratio"] + ([f"without {start}"] if start else [])
    print(f"| | {' | '.join(heads)} |\n|---|{'--:|' * len(heads)}")
    for name, values in times.items():
        more = medians[name] - medians[base]
        cells = [f"{medians[name]:.2f}", f"{min(values):.2f}", len(values), f"{more:+.2f}",
                 f"{medians[name] / medians[base]:.3f}"]
        if start:
            net, net_base = (medians[key] - medians[start] for key in (name, base))
            cells.append("" if name == start else f"{net / net_base:.3f}")
        print(f"| {name} | {' | '.join(map(str, cells))} |")
    sys.stdout.flush()


def build_stack(directory):
    subprocess.run([f"{ROOT}/lab/stack", "build", directory], check=True, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def lab_cluster(base):
    """A lab of its own in a directory, with the plugin and a stack of its own; gives `lab env` as a dictionary.

    The stack is not shared, so that no other lab's work exchanges it meanwhile.
    """
    name = f"bench-{os.getpid()}"
    environment = {
        **os.environ, "SLIPWAY_LAB_DIR": base, "SLIPWAY_LAB_PLUGIN": f"{PRODUCTS}/slipway.so", "SLIPWAY_LAB_NODE": NODE}
    lab = lambda *words: subprocess.run(
        [f"{ROOT}/lab/cluster", *words, "--name", name], check=True, env=environment, stdout=subprocess.PIPE,
        text=True).stdout
    build_stack(f"{base}/stack")
    lab("up")
    try:
        lab("wait", "30")
        lines = [line.removeprefix("export ").split("=", 1) for line in lab("env").splitlines()]
        yield {key: value.strip("'\"") for key, value in lines}
    finally:
        lab("down")
        subprocess.run([f"{ROOT}/lab/stack", "clean", f"{base}/stack"], check=True)


def allocate(node, options):
    """The number of an allocation of 64 tasks on one node: jobs of their own would wait for each other's ends."""
    return subprocess.run(
        ["salloc", "--no-shell", "-N1", "-n64", "-w", node], check=True, capture_output=True, text=True,
        **options).stderr.split("job allocation ")[1].split()[0]


def bash(script):
    return ["bash", "--noprofile", "--norc", "-c", script]


def output(argv, environment):
    return subprocess.run(
        argv, check=True, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout


def see_at_cvmfs(directory, work):
    """Runs work() in a child of its own that sees `directory` as /cvmfs.

    The child gets a root directory with the machine's directories bound into it: a mount point /cvmfs in
    the machine's own root may be removed at any time by a lab that ends.
    """
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as root:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                enter(root, directory)
                work()
                status = 0
            except (OSError, subprocess.CalledProcessError) as error:
                print(f"Benchmarks/run: {error}", file=sys.stderr)
            finally:
                sys.stdout.flush()
                os._exit(status)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            sys.exit(1)


def enter(root, cvmfs):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "cannot make a mount namespace; that needs root")
    mount = lambda *words: subprocess.run(["mount", *words], check=True)
    mount("--make-rprivate", "/")
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", root)
    for entry in os.scandir("/"):
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), root + entry.path)
        elif entry.is_dir() and entry.name != "cvmfs":
            os.mkdir(root + entry.path)
            mount("--rbind", entry.path, root + entry.path)
    os.mkdir(f"{root}/cvmfs")
    mount("--bind", cvmfs, f"{root}/cvmfs")
    os.chroot(root)
    os.chdir("/")


class Home:
    """A home directory for the commands of one variant, so that none finds another's caches."""

    def __init__(self, directory, name):
        self.path = f"{directory}/home-{name}"
        os.mkdir(self.path)
        self.environment = {**CLEAN, "HOME": self.path, "XDG_CACHE_HOME": f"{self.path}/.cache"}

    def empty(self):
        shutil.rmtree(self.path)
        os.mkdir(self.path)
