#!/usr/bin/env python3
"""Brings every fuzz target to its minutes, several at a time, and says of each what it did: `tests/fuzz/run.py [--seconds 600] [--at-once 2] [NAME...]`

Seconds are those of the processor, so that a busy machine does not shorten a run. What a target had of them stands in runs.tsv beside
this file, which is kept with the project: a run that was interrupted goes on from there, on another machine too, piece by piece, the
target that had the least first, those of `agent/src/wire` before the papers of `report`. A row belongs to its file as it is: one whose
file changed begins again (not one whose file uses another that changed; `--anew` begins all again, the inputs that were found stay).
Counts as failure: a crash, a failed assertion, a single allocation of more than 4 MiB, an input that takes longer than thirty seconds
under the sanitizer. At the end the uninstrumented program takes every input that was found (the example `fuzzed`), and one of more
than 100 ms of processor time is a failure. What was found is kept in fuzz-found/NAME under cargo's target folder; an input that hurt lies in fuzz-hurt/NAME.
Needs cargo-fuzz and a nightly compiler. Standard library only.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
FOUND, HURT = BUILT / "fuzz-found", BUILT / "fuzz-hurt"
TABLE = HERE / "runs.tsv"
COLUMNS = ("target", "file", "processor s", "runs", "edges", "found", "peak MiB")
# Wall time of one piece: what an interruption loses at most.
PIECE_S = 120
LOCK = threading.Lock()


def main():
    known = sorted(p.stem for p in (HERE / "targets").glob("*.rs"))
    asked = argparse.ArgumentParser(description="Runs the fuzz targets.")
    asked.add_argument("--seconds", type=int, default=600, help="processor time of each target")
    asked.add_argument("--at-once", type=int, default=os.cpu_count())
    asked.add_argument("--anew", action="store_true", help="count from nothing")
    asked.add_argument("names", nargs="*", metavar="NAME", help="all of them, if none is named")
    asked = asked.parse_args()
    for name in set(asked.names) - set(known):
        sys.exit(f"no target is called {name}; there are {' '.join(known)}")
    for name in known:
        digest(name)  # what is built now, whatever is edited while it runs
    subprocess.run(["cargo", "+nightly", "fuzz", "build", "--fuzz-dir", HERE, "-O", "--debug-assertions"], cwd=ROOT, check=True)
    done = {} if asked.anew else read()
    hurt, busy = set(), set()

    def next_piece():
        """The target that had the least, and is not running now."""
        with LOCK:
            left = [n for n in asked.names or known if n not in hurt | busy and done.get(n, {}).get("processor s", 0) < asked.seconds]
            name = min(left, key=lambda n: (not wire(n).exists(), done.get(n, {}).get("processor s", 0)), default=None)
            busy.add(name)
            return name

    def work():
        while name := next_piece():
            left = asked.seconds - done.get(name, {}).get("processor s", 0)
            piece = run(name, min(PIECE_S, max(int(left), 1)))
            with LOCK:
                add(done, name, piece)
                busy.discard(name)
                if not piece["whole"]:
                    hurt.add(name)
                    print(f"HURT: {name}, see {HURT / name}", flush=True)

    with concurrent.futures.ThreadPoolExecutor(asked.at_once) as pool:
        for worker in [pool.submit(work) for _ in range(asked.at_once)]:
            worker.result()
    for name in asked.names or known:
        row = {"target": name} | done.get(name, {})
        print("".join(f"{row.get(c, 0):>{16 if c == 'target' else 14}}" for c in COLUMNS))
    slow = subprocess.run(["cargo", "run", "--release", "--manifest-path", HERE / "Cargo.toml", "--example", "fuzzed", FOUND]).returncode
    sys.exit(1 if hurt or slow else 0)


def wire(name):
    """The file that a target is for; there is none where it reads a paper of `report`."""
    return ROOT / "agent/src/wire" / f"{name}.rs"


@functools.cache
def digest(name):
    """What a target's file is at present: the beginning of its SHA-256, for a paper that of all of `report`."""
    files = [wire(name)] if wire(name).exists() else sorted((ROOT / "report/src").rglob("*.rs"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:12]


def read():
    """What each target had so far, where its file is what it was."""
    rows = [line.split("\t") for line in TABLE.read_text().splitlines()[1:]] if TABLE.exists() else []
    return {name: {"file": file} | dict(zip(COLUMNS[2:], map(int, numbers))) for name, file, *numbers in rows if file == digest(name)}


def add(done, name, piece):
    """Adds a piece, and writes the table as a whole."""
    before = done.get(name, dict.fromkeys(COLUMNS[2:], 0))
    sums = {c: before[c] + piece[c] for c in ("processor s", "runs")}
    done[name] = {"file": digest(name)} | sums | {"edges": max(before["edges"], piece["edges"]), "found": piece["found"], "peak MiB": max(before["peak MiB"], piece["peak MiB"])}
    lines = ["\t".join(COLUMNS)] + ["\t".join([n, *(str(done[n][c]) for c in COLUMNS[1:])]) for n in sorted(done)]
    new = TABLE.with_suffix(".new")
    new.write_text("\n".join(lines) + "\n")
    new.replace(TABLE)


def run(name, seconds):
    """A piece of one target's run."""
    found, hurt = FOUND / name, HURT / name
    found.mkdir(parents=True, exist_ok=True)
    hurt.mkdir(parents=True, exist_ok=True)
    program = next(BUILT.glob(f"*/release/{name}"))
    with (HURT / f"{name}.log").open("w+") as log:
        child = subprocess.Popen(
            [program, found, HERE / "corpus" / name, f"-max_total_time={seconds}", "-timeout=30", "-malloc_limit_mb=4", "-rss_limit_mb=1024",
             "-print_final_stats=1", f"-artifact_prefix={hurt}/"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        log.seek(0)
        said = log.read()
    last = lambda words: max(map(int, re.findall(words + r":\s*(\d+)", said)), default=0)
    return {
        "processor s": round(used.ru_utime + used.ru_stime), "runs": last("stat::number_of_executed_units"), "edges": last("cov"),
        "found": sum(1 for _ in found.iterdir()), "peak MiB": last("stat::peak_rss_mb"), "whole": os.waitstatus_to_exitcode(status) == 0,
    }


if __name__ == "__main__":
    main()
