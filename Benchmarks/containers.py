"""Containers against their peers: a start, a step of 64 tasks, and what becomes of an image in a registry."""
import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

from measure import CLEAN, ROOT, SLIPWAY, VERSION, allocate, lab_cluster, once, table

USER = "slipway-lab"


def containers(rounds):
    base = f"/tmp/slipway-bench-{os.getpid()}"
    os.mkdir(base, 0o755)
    try:
        subprocess.run([f"{ROOT}/lab/image", "build", f"{base}/image"], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        starts(rounds, f"{base}/image")
        steps(rounds, base)
        pulls(rounds, base)
    finally:
        subprocess.run(["rm", "-rf", base])


def starts(rounds, image):
    """As a user, in a directory and in a squashfs file; ch-run is Debian's charliecloud."""
    account = pwd.getpwnam(USER)
    user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    environment = {**CLEAN, "HOME": account.pw_dir, "USER": USER}
    # bwrap and ch-run need places to mount on.
    root, squashfs = f"{image}/full", f"{image}/full.sqfs"
    subprocess.run(["cp", "-a", f"{image}/root", root], check=True)
    for name in ("dev", "sys", "run", "home", "root", "mnt"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    os.remove(f"{root}/etc/resolv.conf")
    for name in ("resolv.conf", "hosts"):
        with open(f"{root}/etc/{name}", "w"):
            pass
    subprocess.run(["mksquashfs", root, squashfs, "-comp", "lz4", "-all-root", "-no-progress", "-quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    bwrap = ["bwrap", "--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--bind", "/tmp", "/tmp"]
    commands = {
        "plain": [],
        "bwrap, directory": bwrap,
        "slipway run, directory": [SLIPWAY, "run", "--image", root, "--"],
        "slipway run, squashfs": [SLIPWAY, "run", "--image", squashfs, "--"],
    }
    if shutil.which("ch-run"):
        commands["ch-run, directory"] = ["ch-run", root, "--"]
        commands["ch-run, squashfs"] = ["ch-run", squashfs, "--"]
    variants = {}
    for name, argv in commands.items():
        try:
            once(user + argv + ["/bin/true"], env=environment, cwd="/tmp")
        except subprocess.CalledProcessError:
            print(f"\n{name}: does not run here")
            continue
        variants[name] = lambda argv=argv: once(user + argv + ["/bin/true"], env=environment, cwd="/tmp")
    table("Start of /bin/true in an image, setpriv included", variants, rounds, base="bwrap, directory", start="plain")


def steps(rounds, base):
    image, account = f"{base}/image/lab.squashfs", pwd.getpwnam(USER)
    with lab_cluster(base) as settings:
        options = {
            "user": account.pw_uid, "group": account.pw_gid, "extra_groups": [account.pw_gid], "cwd": "/tmp",
            "env": {**CLEAN, "HOME": account.pw_dir, "USER": USER, "SLURM_CONF": settings["SLURM_CONF"]}}
        job = allocate("n1", options)
        step = lambda tasks, *words: once(
            ["srun", f"--jobid={job}", "--overlap", f"-n{tasks}", *words, "/bin/true"], **options)
        for tasks in (1, 64):
            table(
                f"srun -n{tasks} /bin/true on one node, in an allocation", {
                    "plain": lambda: step(tasks),
                    "in an image": lambda: step(tasks, f"--eessi-image={image}"),
                    "in an image, with the stack": lambda: step(tasks, f"--eessi-image={image}", f"--eessi={VERSION}"),
                }, rounds)


@contextlib.contextmanager
def registry(base):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = f"{base}/registry.yml"
    with open(config, "w") as file:
        file.write(f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {base}/registry}}}}\n"
                   f"http: {{addr: 127.0.0.1:{port}}}\n")
    server = subprocess.Popen(["docker-registry", "serve", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def many_files(directory):
    """About 500 MB of this machine's files in many small ones, in three layers' worth of directories."""
    total = 0
    for source in ("/usr/share", "/usr/include", "/usr/lib/python3", "/usr/lib/x86_64-linux-gnu", "/usr/bin"):
        for place, _, names in os.walk(source):
            for name in names:
                path = f"{place}/{name}"
                if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > 4 << 20:
                    continue
                os.makedirs(f"{directory}{place}", exist_ok=True)
                shutil.copyfile(path, f"{directory}{path}")
                total += os.path.getsize(path)
                if total > 500e6:
                    return


def pulls(rounds, base):
    os.mkdir(f"{base}/tree")
    many_files(f"{base}/tree")
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for argv in (["init", "--layout", f"{base}/many"], ["new", "--image", f"{base}/many:latest"],
                 ["insert", "--image", f"{base}/many:latest", f"{base}/tree/usr", "/usr"]):
        subprocess.run(["umoci", *argv], **quiet)
    files = sum(len(names) for _, _, names in os.walk(f"{base}/tree"))
    size = int(subprocess.check_output(["du", "-sb", f"{base}/tree"]).split()[0])
    with registry(base) as address:
        reference = f"{address}/many:latest"
        subprocess.run(
            ["skopeo", "copy", "--dest-tls-verify=false", f"oci:{base}/many:latest", f"docker://{reference}"], **quiet)
        config = f"{base}/slipway.toml"
        with open(config, "w") as file:
            file.write(f'[images]\ninsecure = ["{address}"]\n')

        def peers():
            shutil.rmtree(f"{base}/peer", ignore_errors=True)
            os.mkdir(f"{base}/peer")
            begin = time.perf_counter()
            subprocess.run(["skopeo", "copy", "--src-tls-verify=false", f"docker://{reference}",
                            f"oci:{base}/peer/layout:latest"], **quiet)
            subprocess.run(["umoci", "unpack", "--rootless", "--image", f"{base}/peer/layout:latest",
                            f"{base}/peer/bundle"], **quiet)
            return (time.perf_counter() - begin) * 1000

        def slipway(*options):
            shutil.rmtree(f"{base}/store", ignore_errors=True)
            return once([SLIPWAY, "image", "pull", "--quiet", "--config", config, "--store", f"{base}/store", *options,
                         "--", reference], env={**CLEAN, "HOME": base})

        table(
            f"Pull and build of {size / 1e6:.0f} MB in {files} files, one gzip layer, loopback registry", {
                "slipway image pull": slipway,
                "slipway image pull --as-directory": lambda: slipway("--as-directory"),
                "skopeo copy + umoci unpack": peers,
            }, min(rounds, 5), seconds=120)
