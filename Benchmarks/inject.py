"""Verdicts on a tree of programs, against an ldd loop over the same files."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from measure import CLEAN, ROOT, SLIPWAY, table

FILES = 2000


def drop_caches():
    subprocess.run(["sync"], check=True)
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")


def inject(rounds):
    mpi = pathlib.Path(os.environ.get("SLIPWAY_LAB_DIR", f"/tmp/slipway-lab-{os.getuid()}"), "mpi")
    pattern = "openmpi-4.1.8/(basics|extended)-(plain|rpath|override) openmpi-5.0.11$"
    for step in ("fetch", "build"):
        subprocess.run([f"{ROOT}/lab/mpi-swaps", step, "--only", pattern], check=True, stdout=subprocess.DEVNULL)
    bundle = mpi / "prefix" / "openmpi-5.0.11"
    environment = CLEAN | {"LD_LIBRARY_PATH": str(mpi / "prefix" / "openmpi-4.1.8" / "lib")}
    with tempfile.TemporaryDirectory() as work:
        all_mpi, mixed = pathlib.Path(work, "mpi"), pathlib.Path(work, "mixed")
        programs = sorted((mpi / "consumers" / "openmpi-4.1.8").glob("*-*"))
        copy(programs, all_mpi, FILES)
        machine = [path for directory in ("/usr/bin", "/usr/lib/x86_64-linux-gnu") for path in
                   sorted(pathlib.Path(directory).iterdir()) if path.is_file() and not path.is_symlink() and is_dynamic(path)]
        copy(machine, mixed, FILES - 100)
        copy(programs, mixed / "mpi", 100)
        for title, tree in (("all use MPI", all_mpi), ("100 use MPI, the others are the machine's own", mixed)):
            files = sorted(str(path) for path in tree.rglob("*") if path.is_file())
            loop = ["bash", "-c", 'for file; do ldd "$file"; done', "bash", *files]
            check = [SLIPWAY, "inject", "check", str(tree), "--with", str(bundle), "--via", "library-path"]
            options = dict(stderr=subprocess.DEVNULL, env=environment)
            verify = subprocess.run(check, env=environment, capture_output=True, text=True)
            print(f"\n{len(files)} files, {title}: {verify.stdout.splitlines()[-1]}")
            variants = {"slipway inject check": lambda: timed(check, options), "ldd in a loop": lambda: timed(loop, options)}
            table(f"{len(files)} ELF files, {title}, warm", variants, min(rounds, 5), seconds=120)
            cold = {}
            for name, run in variants.items():
                drop_caches()
                cold[name] = run()
            print("\ncold page cache, once: " + ", ".join(f"{name} {value:.0f} ms" for name, value in cold.items()))


def timed(argv, options):
    # A verdict that is not OK has an exit code of its own.
    begin = time.perf_counter()
    subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
    return (time.perf_counter() - begin) * 1000


def is_dynamic(path):
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return False
    return b".dynamic" in subprocess.run(["readelf", "-SW", path], capture_output=True).stdout


def copy(sources, directory, count):
    """Copies of files in turn, each with an inode of its own."""
    directory.mkdir(parents=True)
    for number in range(count):
        source = sources[number % len(sources)]
        shutil.copy(source, directory / f"{number:04}-{source.name}")
        (directory / f"{number:04}-{source.name}").chmod(0o755)
