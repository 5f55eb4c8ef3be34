#!/usr/bin/env python3
"""Packets per CPU second and peak memory of auscult-inspect, beside p0f -r on the same file in the same run.

  tests/speed.py [MEGABYTES]        default 120

Makes one capture of that size out of the Ethernet captures of tests/captures, each round with other client ports and
other host octets, so that every conversation is a new one. Figures are CPU time (user and system) by the kernel's account
of each child, best of three. Needs a release build (cargo build --release) and, for the comparison, Debian's p0f.
"""
import os, pathlib, shutil, struct, subprocess, sys, tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/release/auscult-inspect"


def frames(path):
    """Frames of a little-endian Ethernet pcap."""
    octets = path.read_bytes()
    if octets[:4] != b"\xd4\xc3\xb2\xa1" or struct.unpack("<I", octets[20:24])[0] != 1:
        return
    at = 24
    while at + 16 <= len(octets):
        captured = struct.unpack("<I", octets[at + 8 : at + 12])[0]
        yield octets[at + 16 : at + 16 + captured]
        at += 16 + captured


def varied(frame, turn):
    """The same frame with another client port: the higher one, if it is a client's."""
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] not in (6, 17):
        return frame
    ports = 14 + (frame[14] & 15) * 4
    out = bytearray(frame)
    for place in (ports, ports + 2):
        port = struct.unpack(">H", out[place : place + 2])[0]
        if port >= 32768:
            out[place : place + 2] = struct.pack(">H", 32768 + (port + turn * 7) % 32768)
    return bytes(out)


def make(out, megabytes):
    base = [f for p in sorted((ROOT / "tests/captures").glob("*.pcap")) for f in frames(p)]
    count = turn = 0
    with open(out, "wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        while file.tell() < megabytes * 1_000_000:
            for frame in base:
                count += 1
                frame = varied(frame, turn)
                file.write(struct.pack("<IIII", 1795000000 + count // 5000, count % 5000 * 200, len(frame), len(frame)) + frame)
            turn += 1
    return count


def measure(command):
    best = None
    for _ in range(3):
        with open(os.devnull, "wb") as sink:
            child = subprocess.Popen(command, stdout=sink, stderr=sink)
            _, status, used = os.wait4(child.pid, 0)
        seconds = used.ru_utime + used.ru_stime
        best = min(best or (seconds, used.ru_maxrss), (seconds, used.ru_maxrss))
    return best


def main():
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 120
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "speed.pcap"
        count = make(path, megabytes)
        print(f"{count} packets, {path.stat().st_size / 1e6:.0f} MB")
        programs = {"auscult-inspect": [str(PROGRAM), "--format", "json", "--home", "192.168.20.0/24", str(path)]}
        if shutil.which("p0f"):
            programs["p0f -r"] = ["p0f", "-r", str(path)]
        for name, command in programs.items():
            seconds, kib = measure(command)
            print(f"{name:16} {seconds:6.2f} CPU s  {count / seconds / 1e6:5.2f} million packets a CPU second  peak {kib / 1024:.1f} MiB")


if __name__ == "__main__":
    main()
