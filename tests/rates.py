#!/usr/bin/env python3
"""How fast it hears, beside tcpdump and p0f on the same machine in the same run: a table, no verdict.

  tests/rates.py [--seconds 8] [--rates 10000,20000,...,0] [--program NAME=PATH ...]

Root, Debian's tcpreplay, tcpdump, p0f, iproute2; builds nothing: `cargo build --release -p auscult-agent` and `cargo build --profile
release-agent -p auscult-agent` first. In a network namespace of its own tcpreplay sends the Ethernet captures of tests/captures, each
round with other client ports, over a veth pair; at the other end one listener at a time hears them with the same snap length and the
same buffer. For each rate (packets a second, 0: as fast as it goes) all listeners take turns. Printed: packets sent, packets that the
kernel dropped, CPU time a packet (user and system of the listener's process), peak resident memory.
"""
import argparse, os, pathlib, re, signal, subprocess, sys, tempfile, time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import speed

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BUFFER_KIB = 2048


def fits(path, most=1514):
    """What a cable of 1,500 octets carries: the rest would be refused by tcpreplay."""
    octets = path.read_bytes()
    out, at = [octets[:24]], 24
    while at + 16 <= len(octets):
        captured = int.from_bytes(octets[at + 8 : at + 12], "little")
        if captured <= most:
            out.append(octets[at : at + 16 + captured])
        at += 16 + captured
    path.write_bytes(b"".join(out))
    return len(out) - 1


def listeners(programs, folder):
    """Name, command, what says that it hears."""
    for name, path in programs:
        state = folder / f"state-{name}"
        config = folder / f"{name}.toml"
        config.write_text(
            f'state = "{state}"\n[identity]\nmachine_id = "{folder}/none"\n[clinic]\nhome = ["192.168.20.0/24"]\n[window]\n'
            f'length_s = 3600\n[capture]\nbuffer_kib = {BUFFER_KIB}\n[[capture.interface]]\nname = "heard"\n'
        )
        yield name, [str(path), "run", "-c", str(config)], " heard "
    yield "tcpdump", ["tcpdump", "-i", "heard", "-s", "65535", "-B", str(BUFFER_KIB), "-Z", "root", "-w", "/dev/null"], "listening on"
    yield "p0f", ["p0f", "-i", "heard", "-p"], "Entered main event loop"


def used(pid):
    """Nanoseconds on a CPU of all threads (user and system, finer than the ticks of /proc/PID/stat); peak memory in KiB."""
    threads = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return sum(int(t.read_text().split()[0]) for t in threads), int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def heard_frames(log, name):
    text = log.read_text(errors="replace")
    if name == "tcpdump":
        return int((re.search(r"(\d+) packets? captured", text) or [0, 0])[1]), int((re.search(r"(\d+) packets? dropped by kernel", text) or [0, 0])[1])
    if name == "p0f":
        # It hears TCP only, and nobody tells what it lost.
        told = re.search(r"Processed (\d+) packets", text)
        return int(told[1]) if told else None, None
    windows = re.findall(r"window frames=(\d+)", text)
    lost = re.findall(r"lost=(\d+)", text)
    return sum(map(int, windows)), sum(map(int, lost))


def one(name, command, ready, capture, rate, seconds, folder):
    log = folder / f"{name}.log"
    with open(log, "w") as file:
        child = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    for _ in range(200):
        if ready in log.read_text(errors="replace"):
            break
        time.sleep(0.05)
    else:
        sys.exit(f"{name} does not hear: {log.read_text(errors='replace')}")
    time.sleep(0.3)
    before, _ = used(child.pid)
    speed_words = ["--topspeed"] if rate == 0 else [f"--pps={rate}"]
    sent = subprocess.run(
        ["tcpreplay", "-q", "-K", "--loop=0", f"--duration={seconds}", *speed_words, "-i", "there", str(capture)], capture_output=True, text=True
    )
    told = re.search(r"Actual: (\d+) packets \(\d+ bytes\) sent in ([\d.]+) seconds", sent.stdout + sent.stderr)
    if not told:
        sys.exit(f"tcpreplay: {sent.stdout}{sent.stderr}")
    packets, took = int(told[1]), float(told[2])
    time.sleep(0.7)
    after, peak = used(child.pid)
    child.send_signal(signal.SIGINT if name == "tcpdump" else signal.SIGTERM)
    child.wait()
    frames, lost = heard_frames(log, name)
    return packets, took, frames, lost, (after - before) / packets, peak


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--seconds", type=int, default=8)
    words.add_argument("--rates", default="10000,20000,50000,100000,200000,0")
    words.add_argument("--program", action="append", default=[])
    words.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = words.parse_args()
    if not given.inside:
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv, "--inside"])
    programs = [p.split("=", 1) for p in given.program] or [
        (n, TARGET / n / "auscult-agent") for n in ("release", "release-agent") if (TARGET / n / "auscult-agent").exists()
    ]
    for command in (
        "ip link add name heard type veth peer name there",
        "ip link set heard up",
        "ip link set there up",
    ):
        subprocess.run(command.split(), check=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        capture = folder / "mix.pcap"
        speed.make(capture, 40)
        print(f"{fits(capture)} packets a round, {capture.stat().st_size // 1_000_000} MB; buffers of {BUFFER_KIB} KiB; {os.cpu_count()} cores")
        print(f"{'asked/s':>9} {'listener':<14} {'sent':>9} {'sent/s':>8} {'heard':>9} {'dropped':>8} {'CPU ns/packet':>13} {'peak KiB':>9}")
        for rate in map(int, given.rates.split(",")):
            for name, command, ready in listeners(programs, folder):
                packets, took, frames, lost, cpu, peak = one(name, command, ready, capture, rate, given.seconds, folder)
                asked = rate or "top"
                shown = ["?" if n is None else n for n in (frames, lost)]
                print(f"{asked:>9} {name:<14} {packets:>9} {packets / took:>8.0f} {shown[0]:>9} {shown[1]:>8} {cpu:>13.0f} {peak:>9}", flush=True)


main()
