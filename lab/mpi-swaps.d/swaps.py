"""What lab/mpi-swaps runs and compares: the matrix, the real runs, the table. Called by lab/mpi-swaps only."""

import collections
import concurrent.futures
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile

DEADLINE = 40  # seconds for one run; the slowest takes two on an idle machine
WORKERS = 2

# ---- the matrix ------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Mpi:
    """An MPI installation: its name in EESSI's rpath_overrides, its C library, and the launcher below its prefix."""

    family: str
    library: str
    launcher: tuple[str, ...]


OMPI4 = ("--oversubscribe", "--bind-to", "none")
OMPI5 = ("--map-by", ":OVERSUBSCRIBE", "--bind-to", "none")
HYDRA = ("-launcher", "fork")
MPIS = {
    "debian-openmpi": Mpi("OpenMPI", "libmpi.so.40", ("mpirun.openmpi", *OMPI4)),
    "openmpi-4.1.8": Mpi("OpenMPI", "libmpi.so.40", ("bin/mpirun", *OMPI4)),
    "openmpi-5.0.11": Mpi("OpenMPI", "libmpi.so.40", ("bin/mpirun", *OMPI5)),
    "debian-mpich": Mpi("MPICH", "libmpich.so.12", ("mpiexec.mpich", *HYDRA)),
    "mpich-3.4.3": Mpi("MPICH", "libmpi.so.12", ("bin/mpiexec.hydra", *HYDRA)),
    "mpich-4.3.2": Mpi("MPICH", "libmpi.so.12", ("bin/mpiexec.hydra", *HYDRA)),
    "mpich-5.0.2": Mpi("MPICH", "libmpi.so.12", ("bin/mpiexec.hydra", *HYDRA)),
    # Intel's default, ssh, fails where no sshd runs.
    "impi-2021.19": Mpi("MPICH", "libmpi.so.12", ("bin/mpiexec.hydra", "-bootstrap", "fork")),
}

# The same installations as sites package them: MPI+KIND, made by lab/mpi-swaps (`variant`).
#   multiarch  the distribution's library directory itself
#   alias      the whole tree, with Debian's names for its libraries beside them (Debian's own: with MPICH's names)
#   away       a directory with only such links
#   flat       a directory of links to the files of lib/
#   only       a directory with a link to the C library and nothing else
KINDS = {
    "debian-openmpi": ("multiarch",),
    "debian-mpich": ("multiarch", "alias"),
    "openmpi-4.1.8": ("flat", "only"),
    "openmpi-5.0.11": ("flat", "only"),
    "mpich-3.4.3": ("alias", "away"),
    "mpich-4.3.2": ("alias", "away"),
    "mpich-5.0.2": ("alias", "away", "flat", "only"),
    "impi-2021.19": ("alias", "away", "flat", "only"),
}
PACKAGED = [f"{mpi}+{kind}" for mpi, kinds in KINDS.items() for kind in kinds]

LANGUAGES = {"cxx": "C++", "bindings": "C++", "mpif": "Fortran", "usempi": "Fortran", "f08": "Fortran"}
BASE = ("basics", "extended", "onesided", "errors", "cxx")
MPI4 = ("sessions", "large")
# What is compiled with which; NAME-abi is NAME's compiler with the MPI-ABI.
PROGRAMS = {
    "debian-openmpi": (*BASE, "bindings", "mpif", "usempi", "f08"),
    "openmpi-4.1.8": BASE,
    "openmpi-5.0.11": (*BASE, "sessions"),
    "debian-mpich": (*BASE, *MPI4, "bindings", "mpif", "usempi", "f08"),
    "mpich-3.4.3": BASE,
    "mpich-4.3.2": (*BASE, *MPI4),
    "mpich-5.0.2": (*BASE, *MPI4),
    "mpich-5.0.2-abi": (*BASE, *MPI4),
    "impi-2021.19": (*BASE, *MPI4, "bindings", "mpif", "usempi"),
    "impi-2021.19-abi": (*BASE, *MPI4),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One run: a program as it was built and linked, and the MPI that is put under it, and how."""

    built: str
    program: str
    link: str
    via: str
    injected: str
    ranks: int

    @property
    def consumer(self):
        return f"{self.built}/{self.program}-{self.link}"

    @property
    def own(self):
        return self.built.removesuffix("-abi")

    @property
    def base(self):
        return self.injected.partition("+")[0]

    @property
    def language(self):
        return LANGUAGES.get(self.program, "C") + (" (MPI-ABI)" if self.built.endswith("-abi") else "")


def ways(built, program, injected):
    """How this program meets that MPI: link, via, ranks."""
    base, _, kind = injected.partition("+")
    own = built.removesuffix("-abi")
    if kind:
        related = MPIS[own].family == MPIS[base].family
        if related and own != base and program in ("basics", "sessions", "bindings", "mpif", "f08"):
            yield "plain", "library-path", 2
            yield "override", "override", 2
        return
    yield "plain", "library-path", 2
    yield "plain", "library-path", 4
    yield "override", "override", 2
    if program in MPI4:
        yield "now", "library-path", 2
    if program in ("basics", "bindings", "f08"):
        yield "rpath", "library-path", 2
    if program in ("basics", "bindings", "f08", *MPI4):
        yield "rpath", "preload", 2
    if program == "basics":
        yield "runpath", "library-path", 2


def matrix(only):
    """The rows whose "CONSUMER INJECTED" the pattern is found in, by what is injected."""
    for injected in (*MPIS, *PACKAGED):
        for built, programs in PROGRAMS.items():
            for program in programs:
                for link, via, ranks in ways(built, program, injected):
                    row = Row(built, program, link, via, injected, ranks)
                    if re.search(only, f"{row.consumer} {injected}"):
                        yield row


# ---- how a row runs --------------------------------------------------------------------------------------------------


def prefix(name):
    return directory / "prefix" / name


def libraries(row):
    """What the program's environment gets."""
    lib = prefix(row.injected) / "lib"
    if row.via == "library-path":
        # As with modules: the site's library in front of the program's own. Debian's lies on the default path.
        own = [] if row.own.startswith("debian-") else [prefix(row.own) / "lib"]
        return {"LD_LIBRARY_PATH": ":".join(map(str, [lib, *own]))}
    if row.via == "preload":
        own = "libmpi_abi.so.1" if row.built.endswith("-abi") else MPIS[row.own].library
        return {"LD_PRELOAD": str(lib / own if (lib / own).exists() else lib / MPIS[row.base].library)}
    return {}


def override(injected):
    """Lets `system` of every family's override directory point to the injected prefix."""
    for family in sorted({mpi.family for mpi in MPIS.values()}):
        link = directory / "rpath_overrides" / family / "system"
        link.parent.mkdir(parents=True, exist_ok=True)
        new = link.with_name("system.new")
        new.unlink(missing_ok=True)
        new.symlink_to(prefix(injected))
        new.rename(link)


def kill_all(marker):
    """Ends every process that has the marker in its environment: launchers put ranks into sessions of their own."""
    deadline = time.monotonic() + 10
    while True:
        found = False
        for environment in pathlib.Path("/proc").glob("[0-9]*/environ"):
            try:
                if marker in environment.read_bytes():
                    found = True
                    os.kill(int(environment.parent.name), signal.SIGKILL)
            except OSError:  # gone, or another user's
                continue
        if not found:
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"mpi-swaps: processes with {marker.decode()} do not end after SIGKILL")
        time.sleep(0.02)


def run(row):
    """Runs a row for real; what came of it."""
    first, *options = MPIS[row.base].launcher
    launcher = str(prefix(row.base) / first) if "/" in first else first
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="swaps."))  # short, as it holds sockets
    try:
        report = scratch / "report"
        environment = {
            "PATH": "/usr/bin:/bin", "HOME": str(scratch), "TMPDIR": str(scratch), "LC_ALL": "C",
            "SWAPS_REPORT": str(report),
            "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            # Not in /dev/shm, where Open MPI's singletons leave theirs behind.
            "OMPI_MCA_btl_vader_backing_directory": str(scratch), "OMPI_MCA_btl_sm_backing_directory": str(scratch),
        }  # fmt: skip
        # env sets what the program gets behind the launcher's back: Open MPI's mpirun changes LD_LIBRARY_PATH.
        settings = [f"{key}={value}" for key, value in libraries(row).items()]
        command = [launcher, *options, "-n", str(row.ranks), "/usr/bin/env", "-u", "LD_LIBRARY_PATH", *settings]
        with open(scratch / "output", "wb") as output:
            process = subprocess.Popen(
                [*command, str(directory / "consumers" / row.consumer)], env=environment, cwd=scratch,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                status = process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                kill_all(f"SWAPS_REPORT={report}".encode())
                process.wait()
        said = report.read_text().splitlines() if report.exists() else []
        with open(scratch / "output", errors="replace") as output:
            return outcome(row, status, [line.split("\t") for line in said], output.read(1 << 20))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def outcome(row, status, said, output):
    """A run's class and what it rests on."""
    used = [words[1] for words in said if words[0] == "start" and words[1] != "-"]
    sizes = [int(words[2]) for words in said if words[0] == "rank"]
    ends = [int(words[1]) for words in said if words[0] == "end"]
    real = {path.resolve() for path in (prefix(row.injected) / "lib").glob("libmpi*.so*")}
    origin = ("injected" if pathlib.Path(used[0]).resolve() in real else "own") if used else "none"

    undefined = re.search(r"symbol lookup error: .*?undefined symbol: ([^\s,]+)", output)
    refused = undefined or re.search(
        r"error while loading shared libraries: .*|\S+: version `\S+' not found .*", output
    )
    if status is None:
        kind, detail = "hang", f"no end within {DEADLINE} s"
    elif status == 0 and sizes == [row.ranks] * row.ranks and ends == [0] * row.ranks:
        kind, detail = ("ok" if origin == "injected" else "own"), ""
    elif refused and not used:
        kind, detail = "load", refused.group(0)
    elif undefined:
        kind, detail = "symbol", undefined.group(1)
    elif any(ends):
        kind, detail = "wrong", " ".join(re.findall(r"wrong: .*", output))
    elif len(ends) == row.ranks and set(sizes) == {1}:
        kind, detail = "singletons", ""
    else:
        # The line that says most: a crash, the MPI's last words, whatever came first.
        for pattern in (r".*[Ss]egmentation fault.*", r"Abort\(.*", r".*(opal|orte|ompi)_init.*", r".*\w.*"):
            if found := re.search(pattern, output):
                break
        kind, detail = "abort", found.group(0) if found else f"exit {status}"
    return {
        "class": kind,
        "origin": origin,
        "exit": "" if status is None else status,
        "seen": len(sizes),
        "sizes": ",".join(map(str, sorted(set(sizes)))),
        "library": used[0].replace(f"{directory}/", "") if used else "",
        "detail": detail.replace(f"{directory}/", "").replace("\t", " ")[:300],
    }


COLUMNS = (
    "consumer", "built", "language", "link", "via", "injected", "ranks",
    "class", "origin", "exit", "seen", "sizes", "library", "detail", "key",
)  # fmt: skip


def key(row):
    """Changes when the consumer or an MPI of the row does."""
    try:
        digest = hashlib.sha256((directory / "consumers" / row.consumer).read_bytes())
        for name in (row.injected, row.own):
            digest.update((prefix(name) / ".stamp").read_bytes())
    except FileNotFoundError as error:
        remedy = "lab/mpi-swaps fetch, then lab/mpi-swaps build"
        raise SystemExit(f"mpi-swaps: cannot run {row.consumer}: no {error.filename}; remedy: {remedy}") from error
    return digest.hexdigest()[:12]


def read_real():
    """The outcomes so far, by row."""
    real = {}
    try:
        lines = (directory / "real.tsv").read_text().splitlines()[1:]
    except FileNotFoundError:
        return real
    for line in lines:
        cells = line.split("\t")
        if len(cells) == len(COLUMNS):  # the last line of an interrupted run may not be whole
            entry = dict(zip(COLUMNS, cells))
            real[tuple(entry[name] for name in ("consumer", "via", "injected", "ranks"))] = entry
    return real


def identity(row):
    return (row.consumer, row.via, row.injected, str(row.ranks))


def run_all(rows):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # lets the runs in progress end
    real = read_real()
    keys = {row: key(row) for row in rows}
    left = [row for row in rows if real.get(identity(row), {}).get("key") != keys[row]]
    kept = {identity(row) for row in matrix("")} - {identity(row) for row in left}
    with open(directory / "real.tsv.new", "w") as table:
        table.write("\t".join(COLUMNS) + "\n")
        for known, entry in real.items():
            if known in kept:
                table.write("\t".join(entry.values()) + "\n")
    os.rename(directory / "real.tsv.new", directory / "real.tsv")

    counts = collections.Counter()
    started = time.monotonic()
    with open(directory / "real.tsv", "a") as table, concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for injected in dict.fromkeys(row.injected for row in left):
            override(injected)  # nothing of the former runs any more
            batch = [row for row in left if row.injected == injected]
            futures = {pool.submit(run, row): row for row in batch}
            try:
                for future in concurrent.futures.as_completed(futures):
                    row = futures[future]
                    entry = {
                        "consumer": row.consumer, "built": row.built, "language": row.language, "link": row.link,
                        "via": row.via, "injected": injected, "ranks": row.ranks, "key": keys[row], **future.result(),
                    }  # fmt: skip
                    table.write("\t".join(str(entry[name]) for name in COLUMNS) + "\n")
                    table.flush()
                    counts[entry["class"]] += 1
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            print(f"mpi-swaps: {injected}: {len(batch)} runs, {time.monotonic() - started:.0f} s", file=sys.stderr)
    summary = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
    print(f"mpi-swaps: ran {len(left)} of {len(rows)} rows{': ' + summary if summary else ''}", file=sys.stderr)


# ---- the table -------------------------------------------------------------------------------------------------------


def verdicts(slipway, rows):
    """Each row's verdict, asked for in as few calls as the environments allow."""
    calls = collections.defaultdict(set)
    for row in rows:
        path = libraries(row).get("LD_LIBRARY_PATH", "")
        calls[row.injected, row.via, path].add(str(directory / "consumers" / row.consumer))
    found = {}
    for (injected, via, path), consumers in calls.items():
        override(injected)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("LD_")}
        if path:
            environment["LD_LIBRARY_PATH"] = path
        command = [slipway, "inject", "check", *sorted(consumers), "--with", str(prefix(injected)), "--via", via]
        try:
            answer = subprocess.run(
                [*command, "--world", "host", "--json"], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=300,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise SystemExit(f"mpi-swaps: no verdict within 300 s from {' '.join(command)}") from error
        try:
            checks = {check["consumer"]: check for check in json.loads(answer.stdout)["checks"]}
            for consumer in consumers:
                found[injected, via, consumer] = checks[consumer]
        except (ValueError, KeyError) as error:
            raise SystemExit(f"mpi-swaps: no verdict from {' '.join(command)}: {error!r}\n{answer.stderr}") from error
    return {row: found[row.injected, row.via, str(directory / "consumers" / row.consumer)] for row in rows}


def agreement(check, entry):
    """How a verdict and a real outcome go together."""
    verdict, kind, failed = check["verdict"], entry["class"], entry["class"] not in ("ok", "own")
    if verdict in ("OK", "WARN"):
        return "agrees" if kind == "ok" else "wrongly accepted"
    if verdict == "COND":
        # Step B names functions that are there and whose behaviour differs.
        behaves = any(found["step"] == "B" and found["verdict"] == "COND" for found in check["findings"])
        return "agrees" if kind in ("ok", "symbol") or kind == "abort" and behaves else "wrongly accepted"
    if kind == "ok":
        return "wrongly rejected"
    if verdict == "NOT-APPLIED":
        return "agrees" if entry["origin"] == "own" else "wrongly explained"
    return "agrees" if failed else "wrongly explained"  # FAIL


def table(slipway, rows):
    real = read_real()
    rows = [row for row in rows if identity(row) in real]
    if not rows:
        raise SystemExit("mpi-swaps: no real outcomes for these rows; remedy: lab/mpi-swaps run")

    # A library that fails a program of its own tells nothing about swaps.
    broken = set()
    for row in matrix(""):
        entry = real.get(identity(row))
        if entry and row.link == "plain" and row.own == row.injected and entry["class"] != "ok":
            broken.add((row.program, row.built.endswith("-abi"), row.base))
    sound = [
        row
        for row in rows
        if (row.program, row.built.endswith("-abi"), row.base) not in broken or real[identity(row)]["origin"] == "own"
    ]

    answers = verdicts(slipway, sound)
    groups = collections.defaultdict(list)
    for row in sound:
        groups[row.built, row.language, row.injected].append(row)
    print("| built with | language | injected | runs | real | slipway | |\n|---|---|---|---|---|---|---|")
    counts = collections.Counter()
    disagreements = []
    for (built, language, injected), members in groups.items():
        outcomes, said, agreements = (collections.Counter() for _ in range(3))
        for row in members:
            entry, check = real[identity(row)], answers[row]
            result = agreement(check, entry)
            outcomes[entry["class"]] += 1
            said[check["verdict"]] += 1
            agreements[result] += 1
            if result != "agrees":
                disagreements.append((result, row, entry, check))
        counts += agreements
        bad = {f"**{name}**": count for name, count in agreements.items() if name != "agrees"}
        cells = [", ".join(f"{name} {counter[name]}" for name in sorted(counter)) for counter in (outcomes, said, bad)]
        cells[2] = cells[2] or "agrees"
        print(f"| {built} | {language} | {injected} | {len(members)} | {' | '.join(cells)} |")

    print(f"\nRuns: {len(sound)}. Agreements: {counts['agrees']}.", end="")
    for name in ("wrongly accepted", "wrongly rejected", "wrongly explained"):
        print(f" {name.capitalize()}: {counts[name]}.", end="")
    print(f" Left out, as the library fails the same program of its own: {len(rows) - len(sound)}.")
    for result, row, entry, check in disagreements:
        print(f"\n* **{result}**: {row.consumer}, {row.via}, {row.injected}, {row.ranks} ranks: ", end="")
        print(f"real {entry['class']} ({entry['library']}) {entry['detail']}; slipway {check['verdict']}")
        for finding in check.get("findings", []):
            print(f"  * {finding.get('step')} {finding.get('verdict')}: {finding.get('message')}")
    return 1 if disagreements else 0


# ---- what lab/mpi-swaps asks -----------------------------------------------------------------------------------------


def unpack(wheel, target):
    """A wheel's data directory, which is the MPI's prefix; zipfile would drop the modes."""
    with zipfile.ZipFile(wheel) as archive:
        for item in archive.infolist():
            _, found, name = item.filename.partition(".data/data/")
            if not found or item.is_dir():
                continue
            path = pathlib.Path(target, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(item))
            path.chmod((item.external_attr >> 16) & 0o777 or 0o644)


def main(command, *arguments):
    global directory
    if command == "unpack":
        return unpack(*arguments)
    directory = pathlib.Path(arguments[0])
    rows = list(matrix(arguments[1]))
    if not rows:
        raise SystemExit(f'mpi-swaps: no row of the matrix contains "{arguments[1]}"')
    if command == "prefixes":  # those that others are made of come first
        names = {name for row in rows for name in (row.own, row.base, row.injected)}
        print("\n".join(sorted(names, key=lambda name: ("+" in name, name))))
    elif command == "consumers":
        print("\n".join(dict.fromkeys(f"{row.built} {row.program} {row.link} {MPIS[row.own].family}" for row in rows)))
    elif command == "run":
        run_all(rows)
    else:
        return table(arguments[2], rows)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
