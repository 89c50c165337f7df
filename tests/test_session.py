"""The session on the README's first screen, from a real bot on a pseudo-terminal; and how a bot begins and ends.

`python tests/test_session.py` writes the session into the README again.
"""

import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from talk import write_files
from terminal import ROOT, Terminal, a_terminal, command

README = ROOT / "README.md"
SESSION = re.compile(r"(<!-- transcript -->\n```\n).*?(\n```\n<!-- /transcript -->)", re.DOTALL)
ID = "([0-9a-hjkmnp-tv-z]{8})"
SAID = "do_something with h1,h2 word"
HANGS = "name: hang\nformats: [hang]\nrun: {command: [sleep, '60']}\nconfirm: none\n"


def test_the_session_in_the_readme_is_what_a_real_bot_says(tmp_path: Path) -> None:
    found = SESSION.search(README.read_text())
    assert found is not None
    assert found[0] == SESSION.sub(lambda match: match[1] + session(tmp_path) + match[2], found[0])


def test_what_waits_is_found_again_by_the_next_start(tmp_path: Path) -> None:
    with a_terminal(tmp_path) as first:
        first.types("!clean up /tmp older than 9999 days")
        first.shows("must be at most 3650")
        first.types("!clean up /tmp older than 3000 days")
        waiting = first.shows(f"^!confirm {ID}$")[1]
        assert first.ends() == 0
    with a_terminal(tmp_path) as second:
        assert "1 still waits; see !pending\n" in second.seen
        second.types("!pending")
        second.shows(f"{waiting} clean_up asked by alice · 3 h 59 min left")
        second.types("!asuser bob")
        second.shows("You are now: @bob")
        second.types(f"!Confirm `{waiting.upper()}`")
        second.shows(f"{waiting} confirmed by bob, running")
        second.shows(f"{waiting} succeeded")
        second.types("!asuser alice")
        second.shows("You are now: @alice")
        assert second.ends() == 0


def test_the_end_of_piped_input_ends_the_bot_after_what_runs(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path),
        input=f"!{SAID}\n!confirm\n",
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(f"{ID} succeeded in ", done.stdout)


def test_sigterm_ends_the_bot_cleanly_and_what_it_ran(tmp_path: Path) -> None:
    with a_terminal(tmp_path) as terminal:
        terminal.types(f"!{SAID}")
        asked = terminal.shows(f"^!confirm {ID}$")[1]
        terminal.types(f"!confirm {asked}")
        terminal.shows("running")
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait() == 0
        assert re.search(f"{asked} (succeeded|.*aborted)", terminal.seen)


def test_who_ends_the_bot_is_told_what_still_runs_and_for_how_long(tmp_path: Path) -> None:
    write_files(tmp_path, {"aliases/hang.yaml": HANGS})
    with a_terminal(tmp_path, CONFIRM_ALIASES=str(tmp_path / "aliases"), CONFIRM_STOP_GRACE="1s") as terminal:
        terminal.types("!hang")
        asked = terminal.shows(f"{ID} running: sleep 60")[1]
        terminal.process.send_signal(signal.SIGTERM)
        terminal.shows("1 still runs, and may go on for 1 s; then it is stopped")
        assert terminal.wait() == 0
        assert f"{asked} aborted" in terminal.seen


LOSES_IT = """
import os, signal, sys, time
sys.path[:0] = sys.argv[1:]
from err_confirm import sigterm
sigterm.AGAIN = 0.2
sigterm.listen()
for _ in range(2):
    try:
        if not _:
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


def test_a_sigterm_that_python_loses_comes_once_more() -> None:
    """Given a first interrupt that is dropped, as in a callback, then a second one follows by itself."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOSES_IT, str(ROOT / "plugins/err-confirm")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\ninterrupted\n"), done.stderr


def session(folder: Path) -> str:
    """Hold the README's conversation with a real bot; what differs from run to run is made the same."""
    with a_terminal(folder) as terminal:
        lines = exchange(terminal, f"!{SAID}", "^!deny .*$")
        asked = re.search(f"!confirm {ID}", "\n".join(lines))
        assert asked is not None
        lines += exchange(terminal, f"!confirm {asked[1]}", "said word to h1 h2$")
        assert terminal.ends() == 0
    text = "\n".join(lines).replace(asked[1], "7f3kq2xa")
    text = re.sub(r"\d\d:\d\d:\d\d UTC", "14:03:20 UTC", text)
    return re.sub(r"succeeded in [\d.]+ s", "succeeded in 1.1 s", text)


def exchange(terminal: Terminal, line: str, last: str) -> list[str]:
    """Type a line, and return it with all that the bot says up to a line that matches `last`."""
    start = len(terminal.seen)
    terminal.types(line)
    terminal.shows(last)
    end = re.compile(last, re.MULTILINE).search(terminal.seen, start)
    assert end is not None
    shown = re.sub(r"^.*>>> *", "", terminal.seen[start : end.end()], flags=re.MULTILINE)
    spoken = [each for each in shown.splitlines() if each.strip() and each not in line]  # it may be drawn in pieces
    begins = re.compile(f"@alice |{ID} ")
    return [f"alice> {line}", *(f"{'bot>' if begins.match(each) else '    '}   {each}" for each in spoken)]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        new = session(Path(folder))
    README.write_text(SESSION.sub(lambda match: match[1] + new + match[2], README.read_text()))
    sys.stdout.write(new + "\n")
