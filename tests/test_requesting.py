"""What was asked for before is neither asked for nor posted once more, and only what can be posted waits."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builders import RECORDS, a_policy
from err_confirm.engine import After, Engine
from err_confirm.errors import (
    AlreadyAskedError,
    ErrConfirmError,
    LimitError,
    LockedError,
    PostError,
    StoreUnavailableError,
)
from err_confirm.journal.archive import Archive
from err_confirm.limits import LOOKED_AT, Limits
from err_confirm.locks import Locks, Wish
from err_confirm.locks.mutexes import Mutexes
from err_confirm.model.executions import Execution, Place, Speaker, State
from err_confirm.model.runs import Conduct, Mutex
from err_confirm.plan.preparing import Preparing
from err_confirm.plan.probes import Probes
from err_confirm.requesting import Requests
from err_confirm.store import open_store
from err_confirm.store.shelf import Shelf
from err_confirm.transition.steps import KEEP
from house import a_plan

ALICE = Speaker("alice", Place(person="@alice", room="#ops"))
FOLLOWS = After(id="2222aaaa", parent="1111aaaa", cause="then", depth=1)


class Bot:
    """What asks, and what it has posted and handed on to the gate."""

    def __init__(self, folder: Path) -> None:
        store, shelf = (open_store(f"sqlite:///{folder}/s.db", namespace=name) for name in ("a", "a.shelf"))
        facts = Shelf(shelf, RECORDS.seal)
        archive = Archive(store, RECORDS.seal, folder / "copy", keep=KEEP, on_gap=print)
        self.posted: list[str] = []
        self.added: list[str] = []
        self.engine = Engine(store, RECORDS, lambda _: None)
        self.probes = Probes({})
        self.locks = Locks(facts, archive)
        self.mutexes = Mutexes(facts, archive, self.engine.read)
        self.requests = Requests(
            Limits(person=1),
            self.engine,
            locks=self.locks,
            mutexes=self.mutexes,
            preparing=Preparing(self.probes, 1),
            add=lambda execution: self.added.append(execution.id),
        )

    def post(self, execution: Execution) -> None:
        self.posted.append(execution.id)

    def asks(self, name: str = "it", post: Callable[[Execution], None] | None = None) -> Execution:
        plan = a_plan(a_policy(), name)
        return self.requests.ask(plan, ALICE, name, post=post or self.post, after=FOLLOWS)


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Bot]:
    bot = Bot(tmp_path)
    yield bot
    bot.probes.stop()


def fails(error: ErrConfirmError) -> Callable[[Execution], None]:
    def post(_: Execution) -> None:
        raise error

    return post


def test_what_was_posted_is_returned_as_it_is(bot: Bot) -> None:
    first = bot.asks()
    assert bot.asks("another") == first
    assert bot.posted == bot.added == [FOLLOWS.id]


def test_what_has_ended_without_a_prompt_gets_none_later(bot: Bot) -> None:
    """Also where there may be no further prompt."""
    canceled = bot.asks(post=fails(PostError("it is too long")))
    assert (canceled.state, canceled.reason) == (State.CANCELED, "it is too long")
    with pytest.raises(LimitError):
        bot.requests.ask(a_plan(a_policy(), "another"), ALICE, "another", post=bot.post)
    assert bot.asks() == canceled
    assert (bot.posted, bot.added) == ([], [])


def test_what_is_locked_or_would_run_alone_and_cannot_is_not_asked_for_not_even_after_something_else(bot: Bot) -> None:
    plan = replace(a_plan(None), conduct=Conduct(mutex=Mutex(name="web1")))
    assert bot.mutexes.take(bot.requests.ask(plan, ALICE, "first", post=bot.post)) == ""
    bot.locks.put(Wish(name="locked", lasts=None, reason="no"), ALICE)
    for each, why in ((plan, "web1 is in use by"), (replace(a_plan(None), alias="locked"), "^locked is locked by")):
        with pytest.raises(LockedError, match=why):
            bot.requests.request([a_plan(None), each], ALICE, "it", post=bot.post)
        with pytest.raises(LockedError, match=why):
            bot.requests.ask(each, ALICE, "it", post=bot.post, after=FOLLOWS)
    assert [each.id for each in bot.engine.recent()] == bot.added, "the first one alone"


def test_what_waits_counts_however_much_was_asked_for_since(bot: Bot) -> None:
    plan = a_plan(a_policy(), "it")
    bot.requests.request([plan], ALICE, "it", post=bot.post)
    for _ in range(LOOKED_AT):
        bot.engine.create(a_plan(None), ALICE, "")
    with pytest.raises(AlreadyAskedError):
        bot.requests.request([plan], ALICE, "it", post=bot.post)


def test_a_store_that_is_away_while_it_is_posted_cancels_nothing(bot: Bot) -> None:
    """Whoever comes next posts it."""
    with pytest.raises(StoreUnavailableError):
        bot.asks(post=fails(StoreUnavailableError("the store is away")))
    left, _ = bot.engine.read(FOLLOWS.id)
    assert left is not None
    assert (left.state, left.posted, bot.added) == (State.PENDING, False, [])
    assert bot.asks().posted
    assert bot.posted == bot.added == [FOLLOWS.id]
