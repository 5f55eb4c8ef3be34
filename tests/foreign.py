#!/usr/bin/env python3
"""The daemon of another processor hears a cable: `tests/foreign.py EMULATOR... PROGRAM`, in a network namespace of its own.

Counts as failure: a frame that was sent and is not counted, a right that is left, a restraint that is missing and not said, a refusal
of the system that the log does not name. Emulation (qemu-user) knows no options of packet sockets: there is no ring and no promiscuous
mode, so the portable way is what is tried, and a refusal comes for free.
Needs root, or user namespaces, and iproute2; without them it says NOT RUN, with AUSCULT_FOREIGN=1 that is a failure.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile

FRAMES = 200


def inside(program):
    for words in ("link set lo up", "link add name heard type veth peer name there", "link set heard up", "link set there up"):
        subprocess.run(["ip", *words.split()], check=True)
    with tempfile.TemporaryDirectory() as folder:
        hears(program, pathlib.Path(folder))
        refused(program, pathlib.Path(folder))


def configured(folder, promiscuous):
    path = folder / "agent.toml"
    path.write_text(f'state = "{folder}/state-{promiscuous}"\n[identity]\nmachine_id = "{folder}/none"\n'
                    f'[[capture.interface]]\nname = "heard"\npromiscuous = {promiscuous}\n')
    return path


def until(log, word):
    """The line of a log in which a word stands, and all before it."""
    said = []
    for line in log:
        said.append(line)
        if word in line:
            return "".join(said)
    sys.exit(f"it ended without saying {word!r}:\n{''.join(said)}")


def hears(program, folder):
    config = configured(folder, "false")
    daemon = subprocess.Popen([*program, "run", "--config", config], stderr=subprocess.PIPE, text=True)
    said = until(daemon.stderr, "heard interface")
    if "seccomp=false" not in said or "as far as this kernel can" not in said:
        sys.exit(f"it does not say how far it is held:\n{said}")
    status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
    for line in (r"CapEff:\t0+\n", r"CapPrm:\t0+\n", r"CapBnd:\t0+\n", r"NoNewPrivs:\t1\n"):
        if not re.search(line, status):
            sys.exit(f"it holds more than it needs: {status}")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        mouth.bind(("there", 0))
        for n in range(FRAMES):
            # For all, and of a protocol that nobody speaks.
            mouth.send(bytes([255] * 6 + [2, 0, 0, 0, 0, n]) + b"\x88\xb5" + bytes(50))
    # What waits when it is told to stop is heard before it stops.
    daemon.send_signal(signal.SIGTERM)
    rest = daemon.stderr.read()
    if daemon.wait() != 0:
        sys.exit(f"it ended with {daemon.returncode}:\n{rest}")
    frames = int(re.search(r"stopped frames=(\d+)", rest).group(1))
    if frames < FRAMES:
        sys.exit(f"it heard {frames} of {FRAMES} frames:\n{rest}")
    print(f"    heard {frames} frames on a cable, no right left, and said what emulation does not hold")


def refused(program, folder):
    daemon = subprocess.Popen([*program, "run", "--config", configured(folder, "true")], stderr=subprocess.PIPE, text=True)
    said = until(daemon.stderr, "cannot be heard; tried again")
    daemon.send_signal(signal.SIGTERM)
    daemon.stderr.read()
    if "Protocol not available" not in said.splitlines()[-1] or daemon.wait() != 0:
        sys.exit(f"the refusal is not named:\n{said}")
    checked = subprocess.run([*program, "check", "--seconds", "1", "--config", folder / "agent.toml"], capture_output=True, text=True)
    if "does not let it be heard" not in checked.stdout or "Protocol not available" not in checked.stdout or checked.returncode != 4:
        sys.exit(f"check does not name the refusal:\n{checked.stdout}{checked.stderr}")
    print("    a refusal of the system is named by the log and by check, and it goes on")


def main():
    if os.environ.get("AUSCULT_INSIDE"):
        return inside(sys.argv[1:])
    for way in (["-n"], ["-r", "-n"]):
        if subprocess.run(["unshare", *way, "ip", "link", "add", "name", "t0", "type", "veth", "peer", "name", "t1"], capture_output=True).returncode == 0:
            os.execvpe("unshare", ["unshare", *way, sys.executable, *sys.argv], os.environ | {"AUSCULT_INSIDE": "1"})
    if os.environ.get("AUSCULT_FOREIGN") == "1":
        sys.exit("no network namespace is to be had (AUSCULT_FOREIGN=1)")
    print("    NOT RUN: no network namespace is to be had (root, iproute2, veth)")


if __name__ == "__main__":
    main()
