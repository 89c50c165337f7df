"""Measure what guards cost a message; each line of output is one JSON object, ratios are of the first of its kind.

PYTHONPATH=plugins/err-confirm .venv/bin/python bench/bench_guards.py
"""

import json
import random
import statistics
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path

from builders import a_policy
from err_confirm.guards import BotCommand, Guards
from err_confirm.model.files import Guard, Source

SOURCE = Source(Path("aliases/bench.yaml"))
COMMANDS = [BotCommand(plugin=f"Plugin{n % 50}", name=f"do_{n}") for n in range(500)]


def main() -> None:
    base: dict[str, float] = {}
    for count in (1, 10, 100, 1_000):
        patterns = [f"Plugin{n % 50}:do_{n}" for n in range(count)]
        guards = Guards([guard(*patterns)])
        began = time.perf_counter()
        for command in COMMANDS:
            guards.covering(command)
        first = time.perf_counter() - began
        other = BotCommand(plugin="Other", name="look")
        times = {
            "unguarded": median_us(lambda guards=guards, other=other: guards.guarding(other, "web1 web2")),
            "guarded": median_us(lambda guards=guards: guards.guarding(COMMANDS[0], "web1 web2")),
        }
        for what, us in times.items():
            report(what, patterns=count, us=us, ratio=round(us / base.setdefault(what, us), 2))
        report("all 500 commands once", patterns=count, ms=round(first * 1000, 1))
    parser = ArgumentParser()
    parser.add_argument("where")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--env")
    command = BotCommand(plugin="Deploy", name="deploy")
    guards = Guards([guard("Deploy:deploy prod*")])
    words = random.Random(1).choices(["prod", "staging", "--env", "--force", "'a b'", "-x"], k=1_000)
    for what, text in {"a line": "--env eu web1", "1,000 words": " ".join(words), "1 MB": "x " * 500_000}.items():
        us = median_us(lambda text=text: guards.guarding(command, text, parser), 50)
        report("arguments", text=what, us=us, ratio=round(us / base.setdefault("arguments", us), 2))


def guard(*patterns: str) -> Guard:
    return Guard(name="bench", commands=patterns, source=SOURCE, policy=a_policy())


def median_us(work: Callable[[], object], times: int = 2_000) -> float:
    """Return the median of what one call takes, in microseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return round(statistics.median(taken) * 1e6, 2)


def report(what: str, **facts: object) -> None:
    print(json.dumps({"what": what, **facts}))


if __name__ == "__main__":
    main()
