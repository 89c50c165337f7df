"""Measure how long alias files take until their texts are known; each line of output is one JSON object.

PYTHONPATH=plugins/err-confirm .venv/bin/python bench/bench_load.py
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from err_confirm.catalog import load
from err_confirm.people import People
from err_confirm.plan.index import Index

ALIAS = """\
name: a{n}
description: restart number {n}
formats:
  - "restart {n} on {{{{host}}}} service {{{{service=web}}}}"
  - "bounce {n} {{{{host}}}}"
action_ref: act{action}
confirm: {{by: [alice, bob], need: 1, within: 5m}}
ack: {{format: "on it: {{{{ execution.text }}}}"}}
"""
ACTION = """\
name: act{action}
parameters:
  host: {{required: true, pattern: "[a-z0-9.-]+"}}
  service: {{enum: [web, db], default: web}}
run: {{command: [echo, "{{{{ host }}}}", "{{{{ service }}}}"]}}
"""


def main() -> None:
    for count in (10, 100, 1_000):
        with TemporaryDirectory() as folder:
            write(Path(folder), count)
            first, *again = (milliseconds(read, Path(folder), count) for _ in range(4))
        print(
            json.dumps(
                {"files": count, "read_ms": first, "again_ms": min(again), "share": round(min(again) / first, 2)}
            )
        )


def write(folder: Path, count: int) -> None:
    for n in range(count):
        (folder / f"a{n}.yaml").write_text(ALIAS.format(n=n, action=n % 10))
    (folder / "actions").mkdir()
    for action in range(10):
        (folder / f"actions/act{action}.yaml").write_text(ACTION.format(action=action))


def read(folder: Path, count: int) -> None:
    """Do what a bot does when it starts, and what `!aliases reload` does."""
    catalog = load([folder], [folder / "actions"], people=People(None), default=None)
    Index(catalog.aliases.values())
    assert len(catalog.aliases) == count


def milliseconds(work: Callable[..., None], *given: object) -> float:
    """Return what one call takes of the processor: what else runs on the machine does not count."""
    began = time.process_time()
    work(*given)
    return round((time.process_time() - began) * 1_000, 1)


if __name__ == "__main__":
    main()
