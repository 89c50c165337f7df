"""Judge what became of one execution whose processes were killed: from the store, and from the evidence outside."""

import itertools
import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import redis

from builders import RECORDS
from dying import Evidence
from err_confirm.engine import Engine
from err_confirm.journal import check, read_line
from err_confirm.model.executions import Execution, State, Verdict
from err_confirm.store.base import Store
from killed import Scenario, copy_beside

WRONGS = {
    "ran twice": "an effect was seen more than once",
    "ran without quorum": "it ran, and nobody who may confirm it had said so, or its prompt was never posted",
    "stuck": "it has not ended, or something is due for ever, or a process hung",
    "not told": "the room was never told how it ended",
    "told twice": "the room was told the end again, and no process had died between the post and the note of it",
    "told wrong": "the room was told another end, or was not told that the message may be a repetition",
    "ended wrong": "it ended as it must not: lost without having run, not run though approved, its effect missing",
    "deadline moved": "a restart moved the deadline, or it expired before that",
    "vote lost": "a vote that was taken is not in the record",
    "journal wrong": "it does not verify, a step is not in it or twice in it, or its copy is another one",
    "no TTL": "a key that should end by itself does not",
}
"""What must never be, and what it means."""
NO_TTL = -1
"""What Redis says of a key that is there for ever."""
RAN = {State.SUCCEEDED, State.FAILED, State.ABORTED}


class Judge:
    """The findings on one history."""

    def __init__(self, scenario: Scenario, evidence: Evidence, store: Store) -> None:
        self.scenario = scenario
        self.lines = evidence.read()
        self.copy = copy_beside(evidence)
        self.found: list[tuple[str, str]] = []
        self.repeated = False
        self.executions = list(Engine(store, RECORDS, lambda _: None).recent())
        self.due = store.due(10)[0]
        self.journal = list(store.journal(0, 1_000))

    def judge(self) -> None:
        """Look at everything."""
        self._wrong("stuck", bool(self.due), f"due: {self.due}")
        self._wrong("stuck", bool(self._all("hung")), "hung")
        self._wrong("stuck", len(self.executions) > 1, "more than one execution")
        effects = len(self._all("effect"))
        self._wrong("ran twice", effects > 1, f"{effects} effects")
        self._wrong("ran without quorum", effects > 0 and not self._has_quorum(), f"{effects} effects")
        if not self.executions:
            self._wrong("ended wrong", bool(effects or self._all("swap", status="ok")), "the record is gone")
            return
        (execution,) = self.executions
        self._judge_end(execution, effects)
        self._judge_telling(execution)
        self._judge_deadline(execution)
        self._judge_journal(execution)
        voted = {(vote.person, str(vote.verdict)) for vote in execution.votes}
        taken = {(line["person"], line["verdict"]) for line in self._all("taken") if line["verdict"] != "cancel"}
        self._wrong("vote lost", bool(taken - voted), f"{taken - voted}")

    def count(self, what: str) -> int:
        """Return how often something is in the evidence."""
        return len(self._all(what))

    @property
    def state(self) -> str:
        """Return how it stands; nothing where the request never reached the store."""
        return str(self.executions[0].state) if self.executions else ""

    @property
    def waited(self) -> bool:
        """Tell whether it waited, with its prompt posted, when its first process was killed."""
        found = self._all("found")
        return bool(found) and found[0]["state"] == State.PENDING and bool(self._all("prompt"))

    @property
    def answered_later(self) -> bool:
        """Tell whether an answer was taken by another process than the one that asked."""
        return any(line["by"] != self.lines[0]["by"] for line in self._all("taken"))

    def _judge_end(self, execution: Execution, effects: int) -> None:
        state = execution.state
        self._wrong("stuck", not state.ended, f"{state}")
        seen = {line["state"] for line in self._all("found")}
        left_running = any(line["state"] == State.RUNNING for line in self._all("found"))
        if left_running:
            may_end = {State.LOST}
        elif not (self._all("prompt") if execution.policy else execution.posted):
            may_end = {State.EXPIRED}
        else:
            may_end = set(self.scenario.ends)
        self._wrong("ended wrong", state.ended and state not in may_end, f"{state}, not {may_end}; was {seen}")
        expected = {1} if state in RAN else {0, 1} if state is State.LOST else {0}
        self._wrong("ended wrong", effects not in expected, f"{state} after {effects} effects")

    def _judge_telling(self, execution: Execution) -> None:
        """Repetitions are right where a process was killed after the post and before the note of it was stored."""
        told = [line for line in self._all("told") if State(line["state"]).ended]
        self._wrong("not told", execution.state.ended and not told, f"{execution.state}")
        self._wrong("told wrong", any(line["state"] != execution.state for line in told), f"{told}")
        for before, after in itertools.pairwise(told):
            between = self.lines[self.lines.index(before) : self.lines.index(after)]
            noted = any(
                line["what"] == "swap" and line["state"] == "told" and line["by"] == before["by"] for line in between
            )
            died = any(line["what"] == "died" and line["by"] == before["by"] for line in between)
            self._wrong("told twice", noted or not died or before["by"] == after["by"], f"{told}")
            self._wrong("told wrong", not after["again"], "the repetition does not say that it may be one")
        if told and told[0]["again"]:
            before = self.lines[: self.lines.index(told[0])]
            self._wrong(
                "told wrong", not any(line["what"] == "died" for line in before), "called a repetition for nothing"
            )
        self.repeated = len(told) > 1

    def _judge_journal(self, execution: Execution) -> None:
        """Each step that was stored and is told of stands in it once, in order, and the copy has the same lines."""
        for finding in check(self.journal, RECORDS.seal):
            self._wrong("journal wrong", True, finding)
        self._wrong("journal wrong", bool(self._all("gap")), "a gap was told")
        told = [read_line(text).entry for _, text in self.journal]
        versions = [entry.version for entry in told]
        self._wrong("journal wrong", sorted(set(versions)) != versions, f"versions {versions}")
        whats = [entry.what for entry in told]
        self._wrong("journal wrong", whats[0] != "asked" or str(execution.state) != whats[-1], f"{whats}")
        ran = [entry.facts["fence"] for entry in told if entry.what == State.RUNNING]
        self._wrong("journal wrong", ran != [1] * execution.fence, f"{whats}")
        copied = self.copy.read_text().splitlines() if self.copy.exists() else []
        self._wrong("journal wrong", copied != [text for _, text in self.journal], f"{len(copied)} lines copied")

    def _judge_deadline(self, execution: Execution) -> None:
        deadlines = {line["expires_at"] for line in self._all("deadline")}
        deadlines |= {line["expires_at"] for line in self._all("found") if line["posted"]} | {execution.expires_at}
        if execution.posted:
            self._wrong("deadline moved", len(deadlines) > 1, f"{deadlines}")
        if execution.state is State.EXPIRED and not execution.reason:
            self._wrong("deadline moved", (execution.ended_at or 0.0) < execution.expires_at, "expired early")

    def _has_quorum(self) -> bool:
        said = self._all("says", verdict=Verdict.APPROVE, person=self.scenario.who)
        return self.scenario.policy is None or bool(self._all("prompt") and said)

    def _all(self, what: str, **facts: Any) -> list[dict[str, Any]]:
        facts["what"] = what
        return [line for line in self.lines if facts.items() <= line.items()]

    def _wrong(self, what: str, is_wrong: bool, detail: str) -> None:
        if is_wrong:
            self.found.append((what, detail))


def redis_ttls(client: redis.Redis, namespace: str = "*") -> Iterator[tuple[str, bool]]:
    """Yield the keys that should end by themselves, and whether they do: those of people, and of ended records."""
    for name in client.scan_iter(f"{{c:{namespace}}}:[ek]:*", count=1_000):
        kind = name.decode().partition("}:")[2][0]
        if kind == "k" or _has_ended(client.get(name)):
            yield name.decode(), client.pttl(name) != NO_TTL


def sqlite_ttls(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield the same of an SQLite file, where a row says itself when it ends; and whether the file is whole."""
    with closing(sqlite3.connect(path)) as connection:
        for name, keep_until, body in connection.execute("SELECT id, keep_until, body FROM record"):
            if _has_ended(body):
                yield f"record {name}", keep_until < math.inf
        for name, expires_at in connection.execute("SELECT person, expires_at FROM key"):
            yield f"key {name}", expires_at < math.inf
        yield "file", connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _has_ended(body: bytes | None) -> bool:
    if body is None:  # it went while we looked
        return False
    return State(json.loads(body[body.index(b"{") :])["state"]).ended  # behind version, token and seal
