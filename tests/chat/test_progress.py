"""How far a loop has come is said while it runs: in one message that is changed where the network can, else seldom."""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from builders import RECORDS, a_policy
from err_confirm.backends import backend_for
from err_confirm.chat.posting import Posting
from err_confirm.chat.progress import CHANGES, PAUSES, ProgressNews
from err_confirm.engine import Engine
from err_confirm.model.executions import Execution, Place, Plan, Speaker, State
from err_confirm.model.runs import LOOP_RUNNER, Invocation, Outcome, Part, PartState
from err_confirm.people import People
from err_confirm.runners.base import Context
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition.events import Abort, Posted
from err_confirm.wording import Wording
from faulty import Broken
from house import PATIENCE, Counted, Counter, House, a_house
from talk import Talk, a_bot

TARGETS = 40


@dataclass
class Told(Counted):
    """A run that says how far it has come when the test says so."""

    report: Any = None

    def tell(self, done: int, failed: int = 0, runs: int = 0) -> None:
        """Report how many targets have come how far."""
        states = [PartState.DONE] * done + [PartState.FAILED] * failed + [PartState.RUNS] * runs
        states += [PartState.WAITS] * (TARGETS - len(states))
        assert self.report([Part(state=state) for state in states])

    def finish(self) -> None:
        self.let_go.set()


@dataclass
class Loops(Counter):
    """A runner of loops."""

    runs: "queue.SimpleQueue[Told]" = field(default_factory=queue.SimpleQueue)

    def start(self, invocation: Invocation, context: Context) -> Told:
        run = Told(threading.Event(), report=context.report)
        self.runs.put(run)
        return run


@dataclass
class Scene:
    """A house, a loop that runs in it, a chat network, and a clock that only the test moves."""

    house: House
    news: ProgressNews
    bot: Any
    run: Told
    execution: Execution
    now: list[float]

    def after(self, seconds: float) -> list[str]:
        """Return what is said when so much time has passed."""
        self.now[0] += seconds
        self.news.look()
        said = []
        while not self.bot.heard.empty():
            said.append(self.bot.heard.get()[1])
        return said

    def ends(self) -> Execution:
        """Let the loop end; return it as it was told."""
        self.run.finish()
        return self.house.becomes(self.execution, State.SUCCEEDED)


@pytest.fixture(scope="module", params=["text", "slackv3"])
def talk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    with a_bot(tmp_path_factory.mktemp("progress"), LOOPBACK_NETWORK=request.param, CONFIRM_PEOPLE={}) as talk:
        yield talk


@contextmanager
def a_scene(bot: Any, path: Path, posting: type[Posting] = Posting, store: Any = None) -> Iterator[Scene]:
    backend = backend_for(bot.mode)
    wording = Wording("!", backend)
    now = [1_000.0]
    store = store or SqliteStore(path / "s.db")
    runner = Loops()
    engine = Engine(store, RECORDS, lambda _: None)
    news = ProgressNews(engine, posting(bot, backend, People({}), wording.inert), wording, lambda: now[0])
    with a_house(store, runner, on_progress=news.hear) as house:
        invocation = Invocation(runner=LOOP_RUNNER, spec={"name": "loop", "each": [{}] * TARGETS})
        plan = Plan(alias="loop", action="loop", policy=a_policy(), invocation=invocation)
        room = "<#Cops>" if bot.mode == "slackv3" else "#ops"
        person = "<@UALICE>" if bot.mode == "slackv3" else "@alice"
        asked = house.engine.create(plan, Speaker("alice", Place(person=person, room=room)), "loop")
        house.engine.apply(asked.id, Posted())
        house.confirm(asked)
        running = house.becomes(asked, State.RUNNING)
        yield Scene(house, news, bot, runner.runs.get(timeout=PATIENCE), running, now)
    store.close()


def looks_since(bot: Any, before: Sequence[str]) -> list[list[str]]:
    """Return the texts that each message has had that was sent since."""
    return [texts for stamp, texts in bot.looks.items() if stamp not in before]


@pytest.mark.parametrize("talk", ["text"], indirect=True)
def test_where_nothing_can_be_changed_it_is_said_ever_more_seldom(talk: Talk, tmp_path: Path) -> None:
    """After 10 s, 30 s more, a minute, two, and then every 5 minutes; however often it is reported."""
    with a_scene(talk.bot, tmp_path) as scene:
        scene.run.tell(0, runs=2)
        said_at = []
        for second in range(0, 900, 5):
            scene.run.tell(second // 60, runs=2)
            if scene.after(5):
                said_at.append(scene.now[0] - 1_000)
        assert said_at == [10, 40, 100, 220, 520, 820]
        assert (PAUSES[0], PAUSES[-1]) == (10, 300)


def test_what_is_said_has_what_is_done_failed_and_left_how_fast_and_how_long_still(talk: Talk, tmp_path: Path) -> None:
    with a_scene(talk.bot, tmp_path) as scene:
        scene.run.tell(4, runs=2)
        scene.run.tell(10, 2, runs=2)
        (said,) = scene.after(10)
        one = scene.execution.id
        assert said == f"{one}: 10 of 40 done, 2 failed, 28 left · 48 a minute, about 35 s to go; stop it: !abort {one}"
        assert scene.after(1) == []
        scene.house.engine.apply(one, Abort("alice"))
        (said,) = scene.after(30)
        assert said.endswith(
            "to go; alice has stopped it" if talk.bot.mode == "text" else "to go; `alice` has stopped it"
        )


@pytest.mark.parametrize("talk", ["slackv3"], indirect=True)
def test_where_messages_can_be_changed_it_is_one_that_has_the_last_numbers_in_the_end(
    talk: Talk, tmp_path: Path
) -> None:
    before = [*talk.bot.looks]
    with a_scene(talk.bot, tmp_path) as scene:
        for done in range(1, TARGETS, 10):
            scene.run.tell(done)
            scene.after(CHANGES[0])
        scene.run.tell(38, 2)
        scene.news.end(scene.ends())
        (texts,) = looks_since(talk.bot, before)
        one = scene.execution.id
        assert [text.split(" done")[0] for text in texts] == [f"{one}: {n} of 40" for n in (1, 11, 21, 31, 38)]
        assert texts[-1] == f"{one}: 38 of 40 done, 2 failed"
        scene.after(100)
        scene.news.hear(scene.execution)
        scene.after(100)
        assert len(texts) == 5


@pytest.mark.parametrize("talk", ["text"], indirect=True)
def test_nothing_is_said_after_the_end_or_of_what_others_run_now(talk: Talk, tmp_path: Path) -> None:
    """Given news that comes late, or a run that another bot has taken over, then it is dropped."""
    with a_scene(talk.bot, tmp_path) as scene:
        scene.run.tell(1)
        assert scene.after(10) != []
        ended = scene.ends()
        assert scene.after(1_000) == [], "also where its end is still to be told"
        scene.news.hear(scene.execution)
        scene.news.end(ended)
        assert scene.after(1_000) == []
        assert scene.news.look() is None


@pytest.mark.parametrize("talk", ["text"], indirect=True)
def test_a_slow_network_holds_up_no_run_and_what_is_outdated_is_left_out(talk: Talk, tmp_path: Path) -> None:
    sending, go_on = threading.Event(), threading.Event()

    class Slow(Posting):
        def post(self, place: Place, text: str, instead: Any = None) -> Any:
            sending.set()
            assert go_on.wait(PATIENCE)
            return super().post(place, text, instead)

    with a_scene(talk.bot, tmp_path, Slow) as scene:
        scene.run.tell(1)
        scene.now[0] += 10
        scene.news.start()
        assert sending.wait(PATIENCE)
        for done in range(2, 20):
            scene.run.tell(done)
        scene.now[0] += 30
        go_on.set()
        one = scene.execution.id
        said = [talk.bot.heard.get(timeout=PATIENCE)[1] for _ in range(2)]
        assert [text.split(" done")[0] for text in said] == [f"{one}: 1 of 40", f"{one}: 19 of 40"]
        scene.news.stop()
        scene.run.outcome = Outcome(exit_code=0)


@pytest.mark.parametrize("talk", ["slackv3"], indirect=True)
def test_a_room_or_a_store_that_is_gone_for_a_while_costs_messages_and_nothing_else(talk: Talk, tmp_path: Path) -> None:
    before, store = [*talk.bot.looks], Broken(SqliteStore(tmp_path / "s.db"))
    with a_scene(talk.bot, tmp_path, store=store) as scene:
        scene.run.tell(1)
        talk.bot.broken_rooms.add("#ops")
        assert scene.after(10) == []
        talk.bot.broken_rooms.clear()
        assert len(scene.after(10)) == 1
        store.down.set()
        assert scene.after(10) == []
        store.down.clear()
        assert len(scene.after(10)) == 1
        assert [len(texts) for texts in looks_since(talk.bot, before)] == [2]
