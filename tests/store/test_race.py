"""Many processes swap one record: each version has one writer, and no write is lost."""

import contextlib
import subprocess
import sys
from pathlib import Path

from err_confirm.store import open_store

RACER = Path(__file__).with_name("racer.py")
ENVIRONMENT = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
PROCESSES, WINS = 8, 100


def start_racer(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, str(RACER), url, "race", str(WINS)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)


def test_racing_processes_lose_no_update(url: str) -> None:
    racers = [start_racer(url) for _ in range(PROCESSES)]
    for racer in racers:
        assert racer.stdout
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("go\n")
        racer.stdin.flush()
    results = [racer.communicate()[0].split() for racer in racers]
    with contextlib.closing(open_store(url, namespace="test")) as store:
        record, _ = store.read("race")
    assert record
    assert [int(won) for won, _ in results] == [WINS] * PROCESSES
    assert (record.version, int(record.body)) == (PROCESSES * WINS, PROCESSES * WINS)
    assert sum(int(lost) for _, lost in results) > 0
