#!/usr/bin/env python3
"""Peak memory and CPU time of a program over captures; see hostile.sh. Standard library only."""
import os, pathlib, random, resource, subprocess, sys, tempfile

MAX_KIB, MAX_SECONDS = 32 * 1024, 2.0


def measure(program, path, form):
    """Exit status, peak resident KiB and CPU seconds of one run, from the kernel's own account of that child."""
    with open(os.devnull, "wb") as sink:
        child = subprocess.Popen([program, "--format", form, str(path)], stdout=sink, stderr=sink)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used.ru_maxrss, used.ru_utime + used.ru_stime


def changed(folder, captures):
    """Some captures with octets changed and cut, the same each time."""
    pick = random.Random(20261121)
    for path in captures:
        octets = bytearray(path.read_bytes())
        for share in (300, 30):
            copy = bytearray(octets)
            for _ in range(max(1, len(copy) // share)):
                copy[pick.randrange(24, len(copy))] = pick.choice((0, 1, 127, 128, 255, pick.randrange(256)))
            out = folder / f"{path.stem}-{share}.pcap"
            out.write_bytes(copy)
            yield out
        out = folder / f"{path.stem}-cut.pcap"
        out.write_bytes(octets[: pick.randrange(len(octets))])
        yield out


def main():
    program, folders = sys.argv[1], [pathlib.Path(a) for a in sys.argv[2:]]
    captures = [p for f in folders for p in sorted(f.rglob("*")) if p.suffix in (".pcap", ".pcapng", ".cap")]
    worst_kib, worst_s, faults = (0, ""), (0.0, ""), []
    with tempfile.TemporaryDirectory() as temporary:
        own = [p for p in captures if p.parent == folders[0]]
        everything = captures + list(changed(pathlib.Path(temporary), own))
        for path in everything:
            for form in ("json", "text"):
                code, kib, seconds = measure(program, path, form)
                worst_kib, worst_s = max(worst_kib, (kib, path.name)), max(worst_s, (seconds, path.name))
                if code not in (0, 2) or kib >= MAX_KIB or seconds >= MAX_SECONDS:
                    faults.append(f"{path.name} as {form}: status {code}, {kib} KiB, {seconds:.2f} s")
    print(f"{len(everything)} captures read twice; most memory {worst_kib[0]} KiB ({worst_kib[1]}), most CPU {worst_s[0]:.2f} s ({worst_s[1]})")
    for fault in faults:
        print("FAULT", fault)
    return 1 if faults else 0


sys.exit(main())
