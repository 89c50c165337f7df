"""A real `errbot` on a pseudo-terminal, as `make run` starts it: type lines, read what a person would see."""

import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from servers import readable

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
"""Seconds after which a line that does not come fails the test."""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x07|\r")
READY = re.compile(r"\[@\w+ ➡ @?\w+\] >>> ")

CONFIG = """
__file__ = {config!r}
exec(compile(open(__file__).read(), __file__, "exec"))
BOT_DATA_DIR = {data!r}
BOT_LOG_FILE = {data!r} + "/errbot.log"
CONFIRM_STORE = "sqlite:///" + {data!r} + "/err-confirm.db"
CONFIRM_LIMITS = {{"person": 100_000, "room": 100_000, "pause": "1ms"}}
"""


class Terminal:
    """One bot on a screen of its own."""

    def __init__(self, process: "subprocess.Popen[bytes]", screen: int) -> None:
        self.process = process
        self._raw = b""
        self._typed = 0
        self._screen = screen
        self._read_to = 0

    @property
    def seen(self) -> str:
        """Everything that it has shown, without colours."""
        return ESCAPES.sub("", self._raw.decode(errors="ignore"))

    def types(self, line: str) -> None:
        """Type a line, as soon as one more is awaited: what is typed before is shown twice."""
        while len(READY.findall(self.seen)) <= self._typed:
            self._read()
        self._typed += 1
        os.write(self._screen, f"{line}\n".encode())

    def shows(self, pattern: str) -> re.Match[str]:
        """Wait until something new matches; returns the match."""
        while (match := re.compile(pattern, re.MULTILINE).search(self.seen, self._read_to)) is None:
            self._read(pattern)
        self._read_to = match.end()
        return match

    def _read(self, pattern: str = READY.pattern) -> None:
        if not readable(self._screen, PATIENCE):
            raise AssertionError(f"{pattern!r} was never shown; what was:\n{self.seen}")
        self._raw += os.read(self._screen, 65536)

    def ends(self) -> int:
        """Press Ctrl-D, again each second as it only counts while a line is awaited; return the exit status."""
        return self.wait(press=b"\x04")

    def wait(self, press: bytes = b"") -> int:
        """Read on until the process has ended; returns its exit status."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            os.write(self._screen, press)
            try:
                while readable(self._screen, 1.0):
                    self._raw += os.read(self._screen, 65536)
            except OSError:  # how Linux says that the other side of a pseudo-terminal is closed
                return self.process.wait(PATIENCE)
        raise AssertionError(f"the bot did not end; what it showed:\n{self.seen}")


def a_config(folder: Path, **settings: object) -> Path:
    """Write this checkout's config.py with its data below `folder`, and with these settings instead of its own."""
    data = folder / "data"
    data.mkdir(exist_ok=True)
    config = folder / "config.py"
    text = CONFIG.format(config=str(ROOT / "config.py"), data=str(data))
    config.write_text(text + "".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    return config


def command(folder: Path, python: str = sys.executable, **settings: object) -> list[str]:
    """Return the command that `make run` runs, or the same with another Python."""
    return [python, str(Path(sys.executable).with_name("errbot")), "-c", str(a_config(folder, **settings)), "-T"]


@contextmanager
def a_terminal(folder: Path, **options: Any) -> Iterator[Terminal]:
    """Start the bot, wait until one can type, and leave nothing behind; options are those of `command`."""
    ours, theirs = pty.openpty()
    mode = termios.tcgetattr(theirs)
    mode[3] &= ~termios.ECHO  # only the bot draws what is typed: what comes before it listens would be drawn twice
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    with subprocess.Popen(
        command(folder, **options), stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            terminal = Terminal(process, ours)
            terminal.shows(READY.pattern)
            yield terminal
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            os.close(ours)
