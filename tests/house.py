"""A store, an engine, a gate and its runs, put together as the bot does, with a runner that only keeps count."""

import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from builders import RECORDS, a_policy
from err_confirm.engine import Engine, Vouched
from err_confirm.engine.gate import Gate
from err_confirm.engine.outbox import Outbox
from err_confirm.engine.runs import Runs
from err_confirm.model.executions import Execution, Place, Plan, Speaker, State, Verdict
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Invocation, Outcome
from err_confirm.runners.base import Context, Starter
from err_confirm.store.base import Store
from err_confirm.transition.events import Answer, Posted
from err_confirm.transition.steps import Decision
from servers import PATIENCE

_NUMBERS = itertools.count(1)


@dataclass
class Counted:
    """A run that ends when it is let go, or at once."""

    let_go: threading.Event
    outcome: Outcome = Outcome(exit_code=0, output="done\n")

    def wait(self, timeout: float) -> Outcome | None:
        return self.outcome if self.let_go.wait(timeout) else None

    def stop(self, error: str, grace: float = 2.0) -> None:
        if not self.let_go.is_set():
            self.outcome = Outcome(exit_code=None, error=error, aborted=True)
            self.let_go.set()


@dataclass
class Counter:
    """A runner that starts nothing and remembers every start.

    `hold` keeps runs from ending by themselves; `surprise` is what no runner should raise.
    """

    key: str = "count"
    starts: list[str] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    surprise: Exception | None = None

    def start(self, invocation: Invocation, _: Context) -> Counted:
        self.starts.append(invocation.spec["name"])
        if self.surprise:
            raise self.surprise
        let_go = threading.Event()
        if not self.hold.is_set():
            let_go.set()
        return Counted(let_go)


@dataclass
class House:
    """One process of ours."""

    engine: Engine
    gate: Gate
    runs: Runs
    runner: Counter
    changes: "queue.SimpleQueue[Execution]"

    def ask(self, policy: Policy | None = None, name: str = "it", by: str = "alice") -> Execution:
        """Ask for one more execution, post it and let the gate know; returns it as stored."""
        return self.start(a_plan(policy or a_policy(), name), name, by)

    def start(self, plan: Plan, name: str = "it", by: str = "alice") -> Execution:
        """Ask for what a plan says: without a policy, it runs at once."""
        execution = self.engine.create(plan, Speaker(by, Place(person=f"@{by}")), name)
        posted = self.engine.apply(execution.id, Posted()).execution
        self.gate.add(posted or execution)
        return execution

    def confirm(self, execution: Execution, by: str = "alice") -> Decision:
        return self.engine.apply(execution.id, Answer(by, Verdict.APPROVE))

    def becomes(self, execution: Execution, *states: State) -> Execution:
        """Wait until an execution has become each of these states, in this order; others' changes are passed over."""
        for state in states:
            changed = self.changes.get(timeout=PATIENCE)
            while changed.id != execution.id:
                changed = self.changes.get(timeout=PATIENCE)
            assert changed.state is state, changed
        return changed

    def all_become(self, state: State, executions: Iterable[Execution]) -> list[Execution]:
        """Wait until each of these has become this state; returns all changes until then, in order."""
        missing = {execution.id for execution in executions}
        changes = []
        while missing:
            changed = self.changes.get(timeout=PATIENCE)
            missing -= {changed.id} if changed.state is state else set()
            changes.append(changed)
        return changes


def a_plan(policy: Policy | None, name: str = "it") -> Plan:
    invocation = Invocation(runner="count", spec={"name": name})
    return Plan(alias="count", action="count", policy=policy, invocation=invocation)


@contextmanager
def a_house(
    store: Store,
    runner: Counter | None = None,
    *more: Starter,
    on_progress: Callable[[Execution], None] = lambda _: None,
    vouch: Callable[[Execution], Vouched] | None = None,
    **gate: Any,
) -> Iterator[House]:
    """Open a house on a store; at the end the gate and the runs are stopped, the store stays open.

    It knows `more` runners, too.
    """
    runner = runner or Counter()
    changes: queue.SimpleQueue[Execution] = queue.SimpleQueue()
    # "approved" is told by the thread of the vote, and so perhaps after "running": nobody waits for it.
    outbox = Outbox(lambda execution: execution.state is State.APPROVED or changes.put(execution))
    engine = Engine(store, RECORDS, outbox.put, vouch=vouch)
    process = f"process-{next(_NUMBERS)}"
    known = {"count": runner, "loop": runner, **{starter.key: starter for starter in more}}
    runs = Runs(engine, known, process, on_progress=on_progress)
    house = House(engine, Gate(engine, runs, outbox, process, **gate), runs, runner, changes)
    with at_work(engine, outbox, house.gate, runs):
        yield house


@contextmanager
def at_work(engine: Engine, outbox: Outbox, gate: Gate, runs: Runs) -> Iterator[None]:
    """Start what works of its own accord, and stop it at the end as a bot does."""
    outbox.start(engine)
    gate.start()
    try:
        yield
    finally:
        gate.stop()
        runs.stop(0.0)
        outbox.stop(PATIENCE)
