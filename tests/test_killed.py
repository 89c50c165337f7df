"""Killed with -9 at any step, and taken up by another process: it runs once at most, ends, and the room is told.

Here are a hundred runs a store; `make faults` does thousands (faults.py says how).
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from judging import WRONGS

FAULTS = Path(__file__).with_name("faults.py")
ENVIRONMENT = {"PYTHONPATH": ":".join(path for path in sys.path if path), "TMPDIR": tempfile.gettempdir()}


def kill(*options: str) -> dict[str, dict[str, Any]]:
    """Kill many processes, each at another step; returns the figures of each store.

    It is a process of its own, because only one without threads may fork.
    """
    command = [sys.executable, FAULTS, "--json", *options]
    result = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=False)
    figures: dict[str, dict[str, Any]] = json.loads(result.stdout)
    return figures


def is_seen(broken: str, wrong: str) -> bool:
    """Tell whether kills show what is broken; sixty of them do so nearly always, where chance has it with the next."""
    options = ("--runs", "60", "--stores", "sqlite", "--broken", broken)
    return any(kill(*options)["sqlite"][wrong] for _ in range(3))


def test_whatever_step_it_is_killed_at_each_runs_once_at_most_ends_and_is_told_once() -> None:
    figures = kill("--runs", "100")
    assert set(figures) == {"sqlite", "redis"}
    for kind, figure in figures.items():
        assert {what: figure[what] for what in WRONGS if figure[what]} == {}, kind
        assert figure["killed before or after a step"] >= 70
        assert figure["effects"] > 0
        ends = ("succeeded", "lost", "denied", "canceled", "expired")
        assert [state for state in ends if not figure[f"ended {state}"]] == []


def test_without_the_claim_the_same_kills_run_things_twice() -> None:
    """So the harness sees what it is there to see."""
    assert is_seen("look", "ran twice")


def test_where_what_is_to_be_told_is_kept_in_memory_only_the_same_kills_leave_things_untold() -> None:
    assert is_seen("telling", "not told")
