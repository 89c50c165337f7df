"""Which executions a search finds, in the journal and by what words in chat."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.errors import QuestionError
from err_confirm.journal import PAGE, Entry, append
from err_confirm.journal.history import Asked, Search, newest_first, search
from err_confirm.journal.question import read_moment, read_question
from err_confirm.journal.records import Records
from err_confirm.model.executions import Place, Speaker, State, Verdict
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Outcome
from err_confirm.store.seal import Seal
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition.events import Abort, Advance, Answer, Cancel, Event, Finish, Posted
from house import a_plan

DAY = 86_400.0
ANYBODY = a_policy(by=("anyone",), deny_by=("anyone",))
YES, NO = (Answer("bob", verdict) for verdict in Verdict)
LIVES: dict[State, tuple[Event, ...]] = {
    State.PENDING: (Posted(),),
    State.APPROVED: (Posted(), YES),
    State.RUNNING: (Posted(), YES, Advance("one")),
    State.SUCCEEDED: (Posted(), YES, Advance("one"), Finish("one", 1, Outcome(exit_code=0))),
    State.FAILED: (Posted(), YES, Advance("one"), Finish("one", 1, Outcome(exit_code=1))),
    State.DENIED: (Posted(), NO),
    State.CANCELED: (Cancel("alice"),),
}


class World:
    """A store whose clock stands where it is set."""

    def __init__(self, path: Path) -> None:
        self.now = 1_000 * DAY
        self.path = path
        self.store = SqliteStore(path, clock=lambda: self.now)
        self.engine = Engine(self.store, RECORDS, lambda _: None)

    def lives(self, state: State, by: str = "alice", text: str = "count it", policy: Policy | None = ANYBODY) -> str:
        """Ask for something, and let it come to a state; returns its id."""
        asked = self.engine.create(a_plan(policy), Speaker(by, Place(person=f"@{by}")), text)
        for event in (Cancel(by),) if state is State.CANCELED else LIVES[state]:
            self.engine.apply(asked.id, event)
        return asked.id

    def finds(self, most: int = 1_000, **wanted: object) -> list[str]:
        found = search(self.store, RECORDS, Search(**wanted), most)  # type: ignore[arg-type]
        assert found.complete
        return [asked.id for asked in found.executions]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "s.db")
    with closing(made.store):
        yield made


@pytest.mark.parametrize("state", LIVES)
def test_an_execution_is_found_in_the_state_that_it_has_come_to(world: World, state: State) -> None:
    found = world.lives(state)
    world.now += 1
    for other in State:
        assert world.finds(state=other) == ([found] if other is state else [])


def test_what_somebody_wants_stopped_still_runs(world: World) -> None:
    """Also where its record is gone; then the line that says so is all there is."""
    found = world.lives(State.RUNNING)
    world.engine.apply(found, Abort("alice", "wrong host"))
    assert world.finds(state="running") == [found]
    with closing(sqlite3.connect(world.path)) as connection, connection:
        connection.execute("DELETE FROM record")
    assert world.finds(state="running") == [found]


def test_one_without_confirmation_is_approved_while_it_waits_to_run(world: World) -> None:
    """No line says so; its record does."""
    assert world.finds(state="approved") == []
    found = world.lives(State.PENDING, policy=None)
    assert world.finds(state="approved") == [found]


def test_the_newest_comes_first_and_no_more_than_asked_for(world: World) -> None:
    ids = [world.lives(State.PENDING) for _ in range(5)]
    found = search(world.store, RECORDS, Search(), 3)
    assert [asked.id for asked in found.executions] == ids[:1:-1]
    assert found.more
    assert not search(world.store, RECORDS, Search(), 5).more


def test_one_that_the_store_no_longer_keeps_is_found_all_the_same(world: World) -> None:
    old = world.lives(State.SUCCEEDED, text="restart web01")
    world.now += 30 * DAY
    world.lives(State.DENIED, text="restart web02")
    assert [each.id for each in world.engine.recent()] != [old]
    assert world.finds(text="WEB01") == [old]
    (asked,) = search(world.store, RECORDS, Search(state="succeeded"), 9).executions
    assert asked == Asked(
        id=old,
        at=1_000 * DAY,
        state=State.SUCCEEDED,
        changed_at=1_000 * DAY,
        alias="count",
        requester="alice",
        text="restart web01",
    )


def test_each_word_narrows_and_a_bound_is_in_or_out(world: World) -> None:
    first = world.lives(State.SUCCEEDED, by="alice")
    world.now += DAY
    second = world.lives(State.FAILED, by="bob")
    assert world.finds(person="bob") == [second]
    assert world.finds(person="bob", state="succeeded") == []
    assert world.finds(alias="count") == [second, first]
    assert world.finds(alias="coun") == []
    assert world.finds(since=world.now) == [second]
    assert world.finds(until=world.now) == [first]
    assert world.finds(since=world.now - DAY, until=world.now) == [first]


def test_whatever_is_asked_for_what_is_found_is_what_everybody_would_pick_by_hand(world: World) -> None:
    """300 lives, over several pages of the journal; 100 searches by chance, each compared with a plain filter."""
    chance = random.Random(7)
    known: list[Asked] = []
    for number in range(300):
        world.now += chance.choice([1, 3_600, DAY])
        state, by, text = chance.choice(list(LIVES)), chance.choice(["alice", "bob", "carol"]), f"say {number % 7}"
        name = world.lives(state, by, text)
        known.insert(
            0, Asked(id=name, at=world.now, state=state, changed_at=world.now, alias="count", requester=by, text=text)
        )
    assert len(list(newest_first(world.store, RECORDS.seal))) > PAGE
    for _ in range(100):
        wanted = Search(
            person=chance.choice(["", "alice", "dave"]),
            state=chance.choice(["", *LIVES]),
            since=chance.choice([0.0, world.now - 40 * DAY]),
            until=chance.choice([world.now - 5 * DAY, 1e12]),
            text=chance.choice(["", "SAY 3", "4"]),
        )
        expected = [asked.id for asked in known if wanted.takes(asked)]
        found = search(world.store, RECORDS, wanted, 1_000)
        assert [asked.id for asked in found.executions] == expected


def test_it_gives_up_after_so_many_lines_and_says_so(world: World) -> None:
    old = world.lives(State.SUCCEEDED, by="bob")
    for _ in range(10):
        world.lives(State.PENDING)
    found = search(world.store, RECORDS, Search(person="bob"), 10, lines=20)
    assert (found.executions, found.complete) == ((), False)
    assert [asked.id for asked in search(world.store, RECORDS, Search(person="bob"), 10, lines=30).executions] == [old]


def test_a_line_that_is_not_as_it_was_written_is_left_out(world: World, caplog: pytest.LogCaptureFixture) -> None:
    other = Records(Seal(b"another key for tests", "tests"))
    world.lives(State.PENDING)
    forger = Engine(world.store, other, lambda _: None)
    forger.create(a_plan(ANYBODY), Speaker("mallory", Place(person="@mallory")), "forged")
    assert world.finds(person="mallory") == []
    assert "line 3 of the journal was changed, or was sealed with another key; see: err-confirm verify" in caplog.text


def test_pruned_and_empty_journals_are_no_trouble(world: World) -> None:
    assert world.finds() == []
    world.lives(State.PENDING)
    kept = world.lives(State.PENDING)
    told = Entry(at=world.now, what="pruned", facts={"through": 3})
    world.store.note(append(RECORDS.seal, told), 3)
    assert world.finds() == [], "what was asked is not known any more"
    assert [line.number for line in newest_first(world.store, RECORDS.seal)] == [5, 4]
    assert world.engine.read(kept)[0] is not None


# The words

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
ALIASES = {"restart", "clean_up", "failed"}


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", Search()),
        ("failed", Search(state="failed")),
        ("FAILED", Search(state="failed")),
        ("restart", Search(alias="restart")),
        ("by bob", Search(person="bob")),
        ("By @bob", Search(person="bob")),
        ("by slack:U024", Search(person="slack:U024")),
        ("alias failed", Search(alias="failed")),
        ("alias long_gone", Search(alias="long_gone")),
        ("restart failed since 2d", Search(alias="restart", state="failed", since=NOW - 2 * DAY)),
        ("since 2d by bob failed restart", Search(alias="restart", state="failed", person="bob", since=NOW - 2 * DAY)),
        ("since 2d until 12h", Search(since=NOW - 2 * DAY, until=NOW - DAY / 2)),
        ("until 2026-11-20", Search(until=NOW - DAY / 2)),
    ],
)
def test_words_are_read_in_any_order(words: str, wanted: Search) -> None:
    assert read_question(words, ALIASES, NOW) == wanted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "reboot",
            '"reboot" is no state, alias or guard; say a state, an alias or guard, by <person>, since 2d or until 12h',
        ),
        ("faild", r'"faild" is no state, alias or guard \(did you mean "failed"\?\); say'),
        ("bye bob", '"bye" is no state, alias or guard'),
        ("by", r"what comes after by\? say a state"),
        ("restart since", r"what comes after since\? say"),
        ("since yesterday", r'"yesterday" is no moment; say 2d \(ago\), 12h, 2026-11-20 or 2026-11-20T14:00 \(UTC\)'),
        ("failed denied", "failed and denied: say only one of them"),
        ("restart alias clean_up", "restart and clean_up: say only one of them"),
        ("by bob by carol", "bob and carol: say only one of them"),
    ],
)
def test_words_that_mean_nothing_are_answered_with_what_is_allowed(words: str, message: str) -> None:
    with pytest.raises(QuestionError, match=f"^{message}"):
        read_question(words, ALIASES, NOW)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", 90),
        ("2d", 2 * DAY),
        ("2026-11-20T11:00", 3_600),
        ("2026-11-20T11:00:00+01:00", 2 * 3_600),
        ("2026-11-19", 1.5 * DAY),
    ],
)
def test_a_moment_is_so_long_ago_or_a_day_and_time(text: str, ago: float) -> None:
    assert read_moment(text, NOW) == NOW - ago


def test_the_engine_searches_its_own_store(world: World) -> None:
    found = world.lives(State.DENIED)
    assert [asked.id for asked in world.engine.search(Search(state="denied"), 5).executions] == [found]


def test_a_gap_of_more_than_a_page_ends_no_search(world: World) -> None:
    """Regression: where very many lines had been taken out, what was before them was not looked at."""
    old = world.lives(State.SUCCEEDED)
    for number in range(PAGE + 50):
        world.store.note(append(RECORDS.seal, Entry(at=world.now, what=f"filler {number}", facts={})), 0)
    new = world.lives(State.DENIED)
    with closing(sqlite3.connect(world.store._path)) as connection, connection:
        connection.execute("DELETE FROM journal WHERE line LIKE '%filler%'")
    assert world.finds() == [new, old]
