"""Loops over commands that note their beginning and their end in a file, and what such a file says of all of them."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from err_confirm.model.executions import Plan
from err_confirm.model.files import Rate
from err_confirm.model.runs import Conduct, Invocation, Lookup, Target
from err_confirm.runners.loops import loop
from house import a_plan

SCRIPT = """\
echo "begin $1" >> "$0"
case $1 in fast*) ;; *) while [ -e "$0.hold" ]; do sleep 0.02; done;; esac
case $1 in *bad) echo "no $1 here"; code=3;; *) echo "did $1"; code=0;; esac
echo "end $1" >> "$0"
exit $code
"""
"""Waits as long as a file stands beside the evidence, unless the target is `fast`; fails if it ends in `bad`."""


def noting(evidence: Path, target: str, script: str = SCRIPT) -> Invocation:
    """Return the command of one target."""
    return Invocation(
        runner="command",
        spec={
            "argv": ["sh", "-c", script, os.path.abspath(evidence), target],
            "cwd": os.path.abspath(evidence.parent),
            "base": os.path.abspath(evidence.parent),
            "env": {},
            "timeout": 60.0,
            "output_cap": 1_000,
        },
    )


def a_loop(evidence: Path, ids: list[str], *, retry: bool = False, **rate: int) -> Plan:
    """Return the plan of a loop over these targets."""
    invocation = loop([noting(evidence, each) for each in ids], Rate(**rate), ids)
    lookup = Lookup(targets=tuple(Target(id=each) for each in ids))
    return replace(a_plan(None), invocation=invocation, conduct=Conduct(lookup=lookup, retry=retry))


def hold(evidence: Path) -> Path:
    """Let the commands wait from now on; return the file to remove to let them go."""
    file = evidence.with_name(f"{evidence.name}.hold")
    file.touch()
    return file


def noted(evidence: Path) -> list[tuple[str, str]]:
    """Return what was noted: begin or end, and which target."""
    lines = evidence.read_text().splitlines() if evidence.exists() else []
    return [(what, target) for what, target in (line.split() for line in lines)]


def begun(evidence: Path) -> Mapping[str, int]:
    """Return how often each target was begun."""
    return Counter(target for what, target in noted(evidence) if what == "begin")


def most_at_once(evidence: Path) -> int:
    """Return how many were under way at once, at most."""
    now = most = 0
    for what, _ in noted(evidence):
        now += 1 if what == "begin" else -1
        most = max(most, now)
    return most
