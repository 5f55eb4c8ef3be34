#!/usr/bin/env python3
"""Runs the fuzz targets, several at a time, and says of each what it did: `tests/fuzz/run.py [--seconds 600] [--at-once 2] [NAME...]`

Counts as failure: a crash, a failed assertion, a single allocation of more than 4 MiB, an input that takes longer than ten seconds
under the sanitizer. Afterwards the uninstrumented program takes every input that was found (the example `fuzzed`), and one of more
than 100 ms of processor time is a failure. What was found is kept in fuzz-found/NAME under cargo's target folder, and the next run goes on
from there; an input that hurt lies in fuzz-hurt/NAME. Seconds are wall time: with more targets at once than processors each gets
its part, so the table says how many inputs it was. Needs cargo-fuzz and a nightly compiler. Standard library only.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
FOUND, HURT = BUILT / "fuzz-found", BUILT / "fuzz-hurt"
WORDS = {"runs": "stat::number_of_executed_units", "peak MiB": "stat::peak_rss_mb"}


def main():
    known = sorted(p.stem for p in (HERE / "targets").glob("*.rs"))
    asked = argparse.ArgumentParser(description="Runs the fuzz targets.")
    asked.add_argument("--seconds", type=int, default=600)
    asked.add_argument("--at-once", type=int, default=os.cpu_count())
    asked.add_argument("names", nargs="*", metavar="NAME", help="all of them, if none is named")
    asked = asked.parse_args()
    for name in set(asked.names) - set(known):
        sys.exit(f"no target is called {name}; there are {' '.join(known)}")
    names = asked.names or known
    subprocess.run(["cargo", "+nightly", "fuzz", "build", "--fuzz-dir", HERE, "-O", "--debug-assertions"], cwd=ROOT, check=True)
    print(f"{'target':16} {'seconds':>8} {'cpu s':>8} {'runs':>12} {'edges':>8} {'found':>6} {'peak MiB':>9}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(asked.at_once) as pool:
        hurt = [name for name, whole in zip(names, pool.map(lambda n: run(n, asked.seconds), names)) if not whole]
    slow = subprocess.run(["cargo", "run", "--release", "--manifest-path", HERE / "Cargo.toml", "--example", "fuzzed", FOUND]).returncode
    if hurt:
        print(f"HURT: {' '.join(hurt)}; see {HURT}")
    sys.exit(1 if hurt or slow else 0)


def run(name, seconds):
    """One target; prints its line. Whether it took everything."""
    found, hurt = FOUND / name, HURT / name
    found.mkdir(parents=True, exist_ok=True)
    hurt.mkdir(parents=True, exist_ok=True)
    program = next(BUILT.glob(f"*/release/{name}"))
    begun = time.monotonic()
    with (HURT / f"{name}.log").open("w+") as log:
        child = subprocess.Popen(
            [program, found, HERE / "corpus" / name, f"-max_total_time={seconds}", "-timeout=10", "-malloc_limit_mb=4", "-rss_limit_mb=1024",
             "-print_final_stats=1", f"-artifact_prefix={hurt}/"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        log.seek(0)
        said = log.read()
    numbers = {word: re.search(rf"{key}:\s*(\d+)", said) for word, key in WORDS.items()}
    runs, peak = (numbers[w].group(1) if numbers[w] else "?" for w in ("runs", "peak MiB"))
    edges = re.findall(r"cov: (\d+)", said)
    whole = os.waitstatus_to_exitcode(status) == 0
    print(f"{name:16} {time.monotonic() - begun:8.0f} {used.ru_utime + used.ru_stime:8.0f} {runs:>12} {edges[-1] if edges else '?':>8} "
          f"{sum(1 for _ in found.iterdir()):6} {peak:>9}{'' if whole else '  HURT'}", flush=True)
    return whole


if __name__ == "__main__":
    main()
