"""Drives auscult-inspect --live in a pseudo-terminal, as a person would; says what came of it, as JSON.

Arguments: the program, then its arguments. Standard input: a JSON list of steps, each done when what it waits for was seen:
["until", TEXT] | ["keys", TEXT] | ["keys amid sizes", TEXT] | ["signal", NAME] | ["size", ROWS, COLUMNS] | ["stopped"] | ["end"]
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

WITHIN_S = 60


def shown(octets):
    """What stands on the screen, without what moves the cursor."""
    text = octets.decode("utf-8", "replace")
    return re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>])", " ", text)


def main():
    steps = json.load(sys.stdin)
    master, slave = pty.openpty()
    size = lambda rows, columns: fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    size(24, 80)
    before = termios.tcgetattr(slave)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for n in range(3):
            os.dup2(slave, n)
        os.closerange(3, 256)
        os.execv(sys.argv[1], sys.argv[1:])
    said, seen, told, status = b"", 0, [], None
    at, wider = (24, 80), False

    def read(seconds):
        nonlocal said
        if select.select([master], [], [], seconds)[0]:
            said += os.read(master, 65536)

    for step in steps:
        kind, began = step[0], time.monotonic()
        drawn = began
        if kind == "until":
            while step[1] not in shown(said[seen:]):
                if time.monotonic() - began > WITHIN_S:
                    print(json.dumps({"missing": step[1], "screen": shown(said)[-3000:]}))
                    os.kill(child, signal.SIGKILL)
                    return
                read(0.1)
                if time.monotonic() - drawn > 2:
                    # Only what changed is drawn; a word of which a part stood there before comes whole with the next whole screen.
                    drawn, wider = time.monotonic(), not wider
                    size(*at[:1], at[1] + wider)
                    os.kill(child, signal.SIGWINCH)
            told.append(termios.tcgetattr(slave) != before)
        elif kind == "keys":
            seen = len(said)
            os.write(master, step[1].encode())
        elif kind == "keys amid sizes":
            # The first wakes it; while it draws, a change of size and the key come together.
            seen = len(said)
            for _ in range(6):
                os.kill(child, signal.SIGWINCH)
                time.sleep(0.0003)
            os.write(master, step[1].encode())
        elif kind == "signal":
            seen = len(said)
            os.kill(child, getattr(signal, step[1]))
        elif kind == "size":
            seen = len(said)
            at = (step[1], step[2])
            size(*at)
            os.kill(child, signal.SIGWINCH)
        elif kind in ("stopped", "end"):
            while True:
                pid, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
                read(0.05)
                if pid:
                    break
                if time.monotonic() - began > WITHIN_S:
                    print(json.dumps({"missing": kind, "screen": shown(said)[-3000:]}))
                    os.kill(child, signal.SIGKILL)
                    return
            is_as_asked = os.WIFSTOPPED(status) if kind == "stopped" else os.WIFEXITED(status)
            told.append(is_as_asked and termios.tcgetattr(slave) == before)
    for _ in range(5):
        read(0.05)
    text = said.decode("utf-8", "replace")
    print(json.dumps({
        "told": told,
        "status": os.waitstatus_to_exitcode(status),
        # The other screen was left, and the cursor shown, behind the last time that it was taken.
        "left": text.rfind("\x1b[?1049l") > text.rfind("\x1b[?1049h") and text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l"),
        "taken": text.count("\x1b[?1049h"),
        "colours": len(re.findall(r"\x1b\[[0-9;]*(?:3[0-7]|38;5;[0-9]+|9[0-7])(?:;[0-9]+)*m", text)),
        "after": shown(text[text.rfind("\x1b[?1049l"):].encode()),
    }))


main()
