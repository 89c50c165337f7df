"""The turns that processes take: one at a time, given back whatever happens, and nothing is left behind."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from err_confirm.store.turn import turn
from servers import PATIENCE, open_files

ENVIRONMENT = {"PYTHONPATH": ":".join(path for path in sys.path if path)}


def test_one_at_a_time_has_it_and_the_others_are_told_when_they_have_waited_long_enough(tmp_path: Path) -> None:
    path = tmp_path / "s.db.lock"
    with (
        turn(path, 0.0),
        pytest.raises(TimeoutError, match=r"another process has held s\.db\.lock for 0\.05 s"),
        turn(path, 0.05),
    ):
        raise AssertionError("two have it at once")


def test_who_waits_gets_it_as_soon_as_it_is_given_back(tmp_path: Path) -> None:
    path, given_back, taken = tmp_path / "lock", threading.Event(), threading.Event()

    def wait() -> None:
        with turn(path, PATIENCE):
            assert given_back.is_set()
            taken.set()

    waiting = threading.Thread(target=wait)
    with turn(path, 0.0):
        waiting.start()
        assert not taken.wait(0.05)
        given_back.set()
    waiting.join()
    assert taken.is_set()


def test_it_is_given_back_and_its_file_closed_also_after_an_exception(tmp_path: Path) -> None:
    before = open_files()
    for _ in range(2):
        with pytest.raises(RuntimeError), turn(tmp_path / "lock", 0.0):
            raise RuntimeError
    assert open_files() == before


def test_it_is_given_back_though_a_child_still_has_its_file(tmp_path: Path) -> None:
    """A lock of this kind is the file's: after a fork the child would hold it, too, for as long as it lives."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from err_confirm.store.turn import turn\n"
        "path = Path(sys.argv[1])\n"
        "ours, theirs = os.pipe()\n"
        "with turn(path, 0.0):\n"
        "    if not os.fork():\n"
        "        os.close(theirs)\n"
        "        os.read(ours, 1)\n"  # until the parent has ended
        "        os._exit(0)\n"
        "with turn(path, 0.0):\n"
        "    print('again')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "lock")]
    result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=True, text=True)
    assert result.stdout == "again\n"
