"""One process of ours on a store, small but real: what it does until it is killed, and how the next one takes over."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from builders import RECORDS, a_policy
from dying import Evidence, Mortal, Points
from err_confirm.engine import Engine
from err_confirm.engine.gate import Gate
from err_confirm.engine.outbox import Outbox
from err_confirm.engine.runs import Runs
from err_confirm.journal.archive import Archive
from err_confirm.model.executions import Execution, Place, Speaker, State, Verdict
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Invocation, Outcome
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context
from err_confirm.store.base import Store
from err_confirm.transition.events import Answer, Cancel, Event, Posted
from err_confirm.transition.steps import Step
from house import a_plan

IDLE = 0.12
"""Seconds for which a process with nothing to do but to wait goes on: some polls."""
HUNG = 20.0
"""Seconds after which a process that still has something to do counts as hung."""
PATIENT = {"retry_count": 500, "retry_delay": 0.05}
HASTY = {"retry_count": 6, "retry_delay": 0.05}


def yes(person: str) -> Answer:
    """Return that somebody confirms."""
    return Answer(person, Verdict.APPROVE)


def no(person: str) -> Answer:
    """Return that somebody denies."""
    return Answer(person, Verdict.DENY)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What alice asks for, what people say to it, all at once, and how it ends unless it is lost.

    `who` is the one whose yes it takes, as the scenario means it, whatever the code makes of the policy. `late`: they
    say it to the next process only. What they have said and seen no answer to, they say again there.
    """

    policy: Policy | None
    says: tuple[Answer | Cancel, ...]
    ends: frozenset[State]
    who: str = "alice"
    late: bool = False
    runner: str = "effect"
    exit_code: int = 0
    renewals: int = 0
    holds: bool = False


DONE, DENIED, EXPIRED = frozenset({State.SUCCEEDED}), frozenset({State.DENIED}), frozenset({State.EXPIRED})
BOB = a_policy(by=("bob",), deny_by=("carol",), **PATIENT)
SCENARIOS = {
    "requester confirms": Scenario(a_policy(**PATIENT), (yes("alice"),), DONE),
    "another confirms": Scenario(BOB, (yes("bob"),), DONE, who="bob"),
    "another confirms later": Scenario(a_policy(by=("others",), **PATIENT), (yes("bob"),), DONE, who="bob", late=True),
    "denied": Scenario(BOB, (no("carol"),), DENIED, who="bob"),
    "denied later": Scenario(BOB, (no("carol"),), DENIED, who="bob", late=True),
    "confirmed and denied": Scenario(BOB, (yes("bob"), no("carol")), DONE | DENIED, who="bob"),
    "canceled": Scenario(BOB, (Cancel("alice"),), frozenset({State.CANCELED}), who="bob"),
    "expires": Scenario(a_policy(**HASTY), (), EXPIRED),
    "strangers confirm": Scenario(a_policy(by=("bob",), **HASTY), (yes("alice"), yes("mallory")), EXPIRED, who="bob"),
    "confirm: none": Scenario(None, (), DONE),
    "fails": Scenario(a_policy(**PATIENT), (yes("alice"),), frozenset({State.FAILED}), exit_code=3),
    "runs long": Scenario(a_policy(**PATIENT), (yes("alice"),), DONE, renewals=3),
    "stopped while it runs": Scenario(a_policy(**PATIENT), (yes("alice"),), frozenset({State.ABORTED}), holds=True),
    "a command": Scenario(a_policy(**PATIENT), (yes("alice"),), DONE, runner="command"),
}


@dataclass
class Effect:
    """A runner whose run has one effect that cannot be taken back: a line in the evidence."""

    points: Points
    evidence: Evidence
    key: str = "effect"
    holding: int = 0

    def start(self, invocation: Invocation, context: Context) -> "EffectRun":
        """Start it."""
        with self.points.around("start"):
            return EffectRun(self, **invocation.spec)


@dataclass
class EffectRun:
    """A run for which time passes fast: as many looks as it has `renewals` find that it still runs.

    Then it has its effect. One that `holds` ends after that only if it is stopped.
    """

    effect: Effect
    renewals: int
    exit_code: int
    holds: bool
    stopped: threading.Event = field(default_factory=threading.Event)

    def wait(self, timeout: float) -> Outcome | None:
        """Have the effect after the looks."""
        if self.renewals > 0:
            self.renewals -= 1
            return None
        with self.effect.points.around("effect"):
            self.effect.evidence.note("effect")
        if not self.holds:
            return Outcome(exit_code=self.exit_code)
        self.effect.holding += 1
        return Outcome(exit_code=None, error="stopped", aborted=True) if self.stopped.wait(timeout) else None

    def stop(self, error: str) -> None:
        """End what holds."""
        self.stopped.set()


@dataclass
class Commands:
    """The real runner of commands, whose start is a point."""

    points: Points
    key: str = "command"

    def start(self, invocation: Invocation, context: Context) -> Any:
        """Start the process."""
        with self.points.around("start"):
            return RUNNERS["command"].start(invocation, context)


@dataclass
class Ours:
    """One process of ours: its parts as the guard puts them together, a room, and who speaks in it."""

    scenario: Scenario
    store: Store
    looker: Store
    evidence: Evidence
    points: Points
    process: str
    engine_of: type[Engine] = Engine
    outbox_of: type[Outbox] = Outbox

    def __post_init__(self) -> None:
        self.store = Mortal(self.store, self.points, self.evidence)
        self.archive = Archive(self.store, RECORDS.seal, copy_beside(self.evidence), keep=9e9, on_gap=self._on_gap)
        self.outbox = self.outbox_of(self._tell)
        self.engine = self.engine_of(self.store, RECORDS, self.outbox.put)
        self.effect = Effect(self.points, self.evidence)
        runners: dict[str, Any] = {"effect": self.effect, "command": Commands(self.points)}
        self.runs = Runs(self.engine, runners, self.process)
        self.gate = Gate(self.engine, self.runs, self.outbox, self.process)
        self.looking = Engine(self.looker, RECORDS, lambda _: None)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Start it, and stop it as a bot that ends cleanly does."""
        self.outbox.start(self.engine)
        self.gate.start()
        yield
        self.gate.stop()
        self.runs.stop(0.0)
        self.outbox.stop(5.0)
        self._copy()

    def ask(self) -> None:
        """Ask, as alice, as the guard does it: create, post the prompt, say that it is posted."""
        plan = replace(a_plan(self.scenario.policy), invocation=self._invocation())
        execution = self.engine.create(plan, Speaker("alice", Place(person="@alice", room="#ops")), "")
        if execution.policy is not None:
            with self.points.around("prompt"):
                self.evidence.note("prompt", id=execution.id)
        decision = self.engine.apply(execution.id, Posted())
        if isinstance(decision, Step):
            self.evidence.note("deadline", expires_at=decision.execution.expires_at)
        self.gate.add(decision.execution or execution)

    def people_speak(self) -> None:
        """Let all of them say it at once, if there is a prompt that nobody has decided."""
        prompted = any(line["what"] == "prompt" for line in self.evidence.read())
        for execution in self.looking.recent():
            if prompted and execution.state is State.PENDING:
                others = [threading.Thread(target=self._say, args=(execution.id, e)) for e in self.scenario.says[1:]]
                for thread in others:
                    thread.start()
                for event in self.scenario.says[:1]:
                    self._say(execution.id, event)
                for thread in others:
                    thread.join()

    def wait_for_the_end(self) -> None:
        """Wait until all that can be done now is done; where people speak late, just for some polls."""
        time.sleep(IDLE if self.scenario.late else 0)
        deadline = time.monotonic() + HUNG
        calm = 0
        while calm < 3 and time.monotonic() < deadline:
            calm = 0 if self._is_busy() else calm + 1
            time.sleep(0.005 if calm else 0.02)
        if calm < 3:
            self.evidence.note("hung")

    def _is_busy(self) -> bool:
        entries, now = self.looker.due(10)
        soon = now if self.scenario.late else now + 1.0
        claimed = (each for each in self.looking.recent() if each.state is State.RUNNING)
        runs = len(self.runs) > 0 or any(each.process == self.process for each in claimed)
        held = self.effect.holding > 0
        return (runs and not held) or len(self.outbox) > 0 or any(entry.at <= soon for entry in entries)

    def _say(self, execution_id: str, event: Event) -> None:
        assert isinstance(event, Answer | Cancel)
        said = {"person": event.person, "verdict": getattr(event, "verdict", "cancel")}
        self.evidence.note("says", **said)
        decision = self.engine.apply(execution_id, event)
        if isinstance(decision, Step):
            self.evidence.note("taken", **said)

    def _tell(self, execution: Execution) -> None:
        """Say in the room what an execution has become, after the journal's copy has it."""
        self._copy()
        with self.points.around(f"tell {execution.state}"):
            self.evidence.note("told", state=execution.state, again=execution.tells > 1)

    def _copy(self) -> None:
        with self.points.around("copy"):
            self.archive.catch_up()

    def _on_gap(self, sentence: str) -> None:
        self.evidence.note("gap", sentence=sentence)

    def _invocation(self) -> Invocation:
        if self.scenario.runner == "effect":
            spec = {name: getattr(self.scenario, name) for name in ("renewals", "exit_code", "holds")}
            return Invocation(runner="effect", spec=spec)
        return Invocation(
            runner="command",
            spec={
                "argv": ["sh", "-c", 'sleep 0.05; echo "$0" >> "$1"', '{"what": "effect"}', str(self.evidence.path)],
                "cwd": "/",
                "base": "/",
                "env": {},
                "timeout": 60.0,
                "output_cap": 1000,
            },
        )


def copy_beside(evidence: Evidence) -> Path:
    """Return where the copy of the journal is."""
    return evidence.path.with_name("journal.jsonl")


def first_life(ours: Ours) -> None:
    """Ask, answer and run until death; who meets no chosen point stops cleanly, and dies after that."""
    ours.evidence.note("lives", at=time.time())
    with ours.open():
        ours.ask()
        if not ours.scenario.late:
            ours.people_speak()
        ours.wait_for_the_end()
    ours.evidence.note("killed", point="idle", passed=[str(point) for point in ours.points.passed])
    os.kill(os.getpid(), 9)


def next_life(ours: Ours) -> None:
    """Take up what is there, let people answer once more, do all that can be done now, and say when more can be."""
    for execution in ours.looking.recent():
        facts = {"state": execution.state, "expires_at": execution.expires_at, "posted": execution.posted}
        ours.evidence.note("found", **facts)
    with ours.open():
        ours.people_speak()
        ours.wait_for_the_end()
    entries, now = ours.looker.due(1)
    ours.evidence.note("settled", again_in=entries[0].at - now if entries else None)


def evidence_in(folder: Path, process: str = "") -> Evidence:
    """Return the evidence of one history."""
    return Evidence(folder / "evidence", process)
