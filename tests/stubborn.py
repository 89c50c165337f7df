"""What nobody can end politely: it ignores SIGTERM, has children and grandchildren, and floods what reads it.

stubborn.py CANARY FILE    writes FILE as soon as all of them are there; each has CANARY among its arguments
"""

import os
import signal
import sys
import time
from pathlib import Path

FAMILY = 7
"""How many processes it is: itself, two children, and two grandchildren of each."""
FLOOD = b"x" * 100_000 + b"\n"
_ENDLESS = 60.0


def with_canary(canary: str) -> list[int]:
    """Return the processes of this machine that have a canary among their arguments, and are no zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            dead = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
            if not dead and canary.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def main(canary: str, file: str) -> None:
    """Be there until somebody kills all of it, but for a minute at most."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(2):
        if not os.fork():
            for _ in range(2):
                if not os.fork():
                    break
            break
    else:
        while len(with_canary(canary)) < FAMILY:
            time.sleep(0.01)
        Path(file).touch()
    end = time.monotonic() + _ENDLESS
    while time.monotonic() < end:
        os.write(1, FLOOD)
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
