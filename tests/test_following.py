"""What follows which end, what it is given, and that each is asked for once, whoever is killed in between."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from builders import RECORDS, a_policy, an_execution
from err_confirm import ids
from err_confirm.catalog import Catalog, load
from err_confirm.engine import After, Engine
from err_confirm.engine.outbox import Outbox
from err_confirm.errors import (
    ErrConfirmError,
    LimitError,
    LockedError,
    PostError,
    StoreUnavailableError,
    TextError,
)
from err_confirm.following import DEEPEST, following, values
from err_confirm.journal import NOT_FOLLOWED, lines
from err_confirm.journal.archive import Archive
from err_confirm.journal.records import Records
from err_confirm.model.executions import Execution, Place, Plan, Speaker, State, Verdict, Vote
from err_confirm.model.policies import Choice, Effect
from err_confirm.model.runs import Conduct, FollowUp, Lookup, Outcome, Part, PartState, Target
from err_confirm.parameters import cast
from err_confirm.people import People
from err_confirm.sequels import Sequels
from err_confirm.store import open_store
from err_confirm.store.base import Store, Swap, SwapResult
from err_confirm.store.seal import Seal
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition.events import Advance, Cancel, Finish, Posted, Told
from err_confirm.transition.steps import KEEP
from faulty import Around
from house import a_plan
from servers import StoreFactory, eventually

PLAIN = ("then", "else", "finally")
MONDAY = 4 * 86_400.0
STATES = ("failed", "aborted", "lost", "denied", "expired", "canceled")
CHOICES = (Choice(name="all"), Choice(name="half"), Choice(name="reject", effect=Effect.DENY))


def an_end(state: State, *causes: str, **changes: Any) -> Execution:
    """Return what has ended so, and is followed by an alias of the same name for each of these causes."""
    follow = {cause: FollowUp(alias=cause) for cause in causes}
    return an_execution(a_policy(choices=CHOICES), state=state, conduct=Conduct(follow=follow), **changes)


def a_vote(person: str, verdict: Verdict, choice: str, **said: str) -> Vote:
    digest = an_execution().digest
    return Vote(person=person, verdict=verdict, at=0.0, expires_at=9e9, digest=digest, choice=choice, **said)


@pytest.mark.parametrize(
    ("state", "causes"),
    [
        (State.PENDING, []),
        (State.APPROVED, []),
        (State.RUNNING, []),
        (State.SUCCEEDED, ["then", "finally"]),
        (State.FAILED, ["failed", "else", "finally"]),
        (State.ABORTED, ["aborted", "else", "finally"]),
        (State.LOST, ["lost", "finally"]),
        (State.DENIED, ["denied"]),
        (State.EXPIRED, ["expired"]),
        (State.CANCELED, ["canceled"]),
    ],
)
def test_each_end_has_what_follows_it_what_is_said_more_precisely_first(state: State, causes: list[str]) -> None:
    assert list(following(an_end(state, *PLAIN, *STATES, "all", "reject"))) == causes


def test_a_choice_is_followed_when_what_it_chose_has_come_about() -> None:
    half, no = a_vote("alice", Verdict.APPROVE, "half"), a_vote("bob", Verdict.DENY, "reject")
    for state, causes in [(State.SUCCEEDED, ["half", "then"]), (State.FAILED, []), (State.EXPIRED, [])]:
        assert list(following(an_end(state, "half", "all", "then", choice="half", votes=(half,)))) == causes
    denied = an_end(State.DENIED, "half", "reject", "denied", votes=(half, no))
    assert list(following(denied)) == ["reject", "denied"]
    assert list(following(replace(denied, votes=(half, replace(no, choice=""))))) == ["denied"]


CHILD = """\
name: child
formats: ['child {{host}} {{n}} {{hosts}}']
parameters:
  host: {type: string}
  n: {type: integer, max: 9}
  hosts: {type: array}
  size: {enum: [small, large]}
  words: {type: string, free: true}
  code: {type: string, pattern: '[a-z]{3}'}
  facts: {type: object}
  sure: {type: boolean}
  site: {type: string}
immutable_parameters: {site: eu}
run: {command: [echo, '{{host}}']}
confirm: none
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    folder = tmp_path_factory.mktemp("files")
    (folder / "child.yaml").write_text(CHILD)
    works = "confirm: {when: [{days: sun, refuse: no work}]}"
    for name, keys in (
        ("asks", "confirm: {}"),
        ("cleans", "confirm: none"),
        ("rests", "enabled: false"),
        ("works", works),
    ):
        text = f"name: {name}\nformats: [{name}]\nrun: {{command: ['true']}}\n{keys}\n"
        (folder / f"{name}.yaml").write_text(text)
    return load([folder], [], people=People({}), default=None)


VOTES = (
    replace(a_vote("dave", Verdict.APPROVE, "half"), digest="another"),
    a_vote("carol", Verdict.DENY, "half"),
    a_vote("bob", Verdict.APPROVE, "half", answer="12", reason="OPS-1"),
)
PARENT = replace(
    an_end(State.FAILED, votes=VOTES, choice="half"),
    parameters={"host": "web1", "id": "an id", "other": 1, "site": "us"},
    abort_reason="too slow",
    outcome=Outcome(
        exit_code=3,
        output="first\nlast\n",
        value={"id": 7, "names": ["a", "b"], "odd": "-oProxyCommand=x"},
        error="slow",
    ),
    parts=tuple(Part(state=PartState(state)) for state in ("done", "failed", "runs", "gone", "waits")),
)
PARENT = replace(
    PARENT, conduct=replace(PARENT.conduct, lookup=Lookup(targets=tuple(Target(id=f"i-{n}") for n in range(5))))
)


def given(catalog: Catalog, parameters: dict[str, Any] | None, parent: Execution = PARENT) -> dict[str, Any]:
    """Return what the child's action gets, cast and checked as what is typed."""
    alias = catalog.aliases["child"]
    action = catalog.action(alias)
    return cast(action, values(parent, FollowUp(alias="child", parameters=parameters), alias, action))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (None, {"host": "web1"}),
        ({}, {}),
        ({"host": "db1", "n": 4}, {"host": "db1", "n": 4}),
        ({"host": "x-{{ host }}", "n": "{{ result.exit_code }}"}, {"host": "x-web1", "n": 3}),
        ({"host": "{{ result.value.id }}", "n": "{{ result.value.id }}"}, {"host": "7", "n": 7}),
        ({"hosts": "{{ result.value.names }}"}, {"hosts": ["a", "b"]}),
        ({"hosts": ["{{ host }}", "db1"]}, {"hosts": ["web1", "db1"]}),
        ({"hosts": "{{ result.targets.done + result.targets.failed }}"}, {"hosts": ["i-0", "i-1"]}),
        ({"hosts": "{{ result.targets.left }}"}, {"hosts": ["i-2", "i-4"]}),
        ({"words": "{{ result.output }}"}, {"words": "first\nlast"}),
        ({"words": "{{ id }} {{ parameters.id }} {{ state }}"}, {"words": "7f3kq2xa an id failed"}),
        ({"words": "{{ requester }}: {{ reason }}, {{ result.error }}"}, {"words": "alice: too slow, slow"}),
        ({"words": "{{ answers[0].person }} {{ answers[0].reason }}"}, {"words": "bob OPS-1"}),
        ({"facts": {"a": "{{ host }}"}}, {"facts": {"a": "web1"}}),
        ({"sure": "{{ not result.succeeded }}"}, {"sure": True}),
    ],
)
def test_what_follows_is_given_values_that_fit_as_if_they_were_typed(
    catalog: Catalog, parameters: dict[str, Any] | None, expected: dict[str, Any]
) -> None:
    assert given(catalog, parameters) == expected


@pytest.mark.parametrize(
    ("parameter", "value", "why"),
    [
        ("host", "-oProxyCommand=x", 'must not start with "-"'),
        ("host", "; id", "must be one word"),
        ("host", "$(id)", "must be one word"),
        ("host", "a\nb", "must be one word"),
        ("host", "{{ 7 * 7 }}", "must be one word"),
        ("host", "", "must be one word"),
        ("host", ["a"], "must be one word"),
        ("words", "a\x1b[2J", "control character"),
        ("words", "-rf", 'must not start with "-"'),
        ("hosts", ["web1", "-x"], 'must not start with "-"'),
        ("hosts", ["web1", "a b"], "must be one word"),
        ("hosts", {"a": 1}, "must be one word"),
        ("facts", {"a": ["-x"]}, 'must not hold a text that starts with "-"'),
        ("n", "12", "must be at most 9"),
        ("n", True, "must be a whole number"),
        ("n", 1e300, "must be a whole number"),
        ("size", "huge", "must be one of small, large"),
        ("code", "abcd", "must match"),
        ("host", None, "there is no value"),
    ],
)
def test_what_a_program_wrote_is_refused_where_the_same_would_be_from_chat(
    catalog: Catalog, parameter: str, value: Any, why: str
) -> None:
    parent = replace(PARENT, outcome=Outcome(exit_code=0, value={"it": value}))
    with pytest.raises(ErrConfirmError, match=why):
        given(catalog, {parameter: "{{ result.value.it }}"}, parent)


def test_what_a_program_wrote_and_people_said_is_never_a_template(catalog: Catalog) -> None:
    parent = replace(PARENT, outcome=Outcome(exit_code=0, output="{{ requester }}", value="{{ 7 * 7 }}"))
    made = given(catalog, {"words": "{{ result.output }} {{ result.value }}"}, parent)
    assert made == {"words": "{{ requester }} {{ 7 * 7 }}"}


def test_parameters_of_the_same_names_are_checked_by_the_rules_of_what_follows(catalog: Catalog) -> None:
    with pytest.raises(TextError, match="must be one word"):
        given(catalog, None, replace(PARENT, parameters={"host": "two words"}))


class KilledError(BaseException):
    """Stands for the end of a process at this point; nothing of ours catches it."""


@dataclass
class Points:
    """What a process does, step by step; it dies at the step with this number, counted from 1."""

    die_at: int = 0
    passed: list[str] = field(default_factory=list)

    def at(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self.die_at:
            raise KilledError


class Mortal(Around):
    """A store at whose writes a process may die, before and after them."""

    def __init__(self, store: Store, points: Points) -> None:
        super().__init__(store)
        self._points = points

    def swap(self, swap: Swap) -> SwapResult:
        self._points.at("before swap")
        result = self.inside.swap(swap)
        self._points.at("after swap")
        return result

    def note(self, *line: Any) -> None:
        self._points.at("before note")
        self.inside.note(*line)
        self._points.at("after note")


@dataclass
class Bot:
    """One process that asks for what follows; `posted` and `refused` are what all of them have said in the room."""

    store: Store
    catalog: Catalog
    copy: Path
    points: Points = field(default_factory=Points)
    posted: list[str] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    check: Callable[[Plan], None] = lambda _: None
    post_fails: str = ""
    say_fails: str = ""
    moment: float | None = None

    def __post_init__(self) -> None:
        store = Mortal(self.store, self.points)
        self.engine = Engine(store, RECORDS, lambda _: None)
        archive = Archive(store, RECORDS.seal, self.copy, keep=9e9, on_gap=lambda _: None)
        self.sequels = Sequels(
            self.engine,
            archive,
            lambda: self.catalog,
            lambda _: self.moment,
            ask=self._ask,
            begin=self._begin,
            say=self._say,
        )

    def _ask(self, plan: Plan, by: Speaker, text: str, after: After) -> Execution:
        """Do what the service does, but for its limits."""
        self.check(plan)
        return self._begin(self.engine.create(plan, by, text, after))

    def _begin(self, execution: Execution) -> Execution:
        try:
            if execution.policy is not None:
                self._post(execution)
        except PostError as error:
            self.engine.apply(execution.id, Cancel(execution.requester, str(error)))
        else:
            self.engine.apply(execution.id, Posted())
        return execution

    def _say(self, _: Execution, *why: str) -> None:
        if self.say_fails:
            raise PostError(self.say_fails)
        cause, alias, error = why
        self.refused.append((cause, alias, error))

    def _post(self, execution: Execution) -> None:
        self.points.at("before post")
        if self.post_fails:
            raise PostError(self.post_fails)
        self.posted.append(execution.id)
        self.points.at("after post")

    def succeeds(self, **follow: str) -> Execution:
        """Ask for something that succeeds, and that these aliases follow."""
        conduct = Conduct(follow={cause.strip("_"): FollowUp(alias=alias) for cause, alias in follow.items()})
        plan, place = replace(a_plan(None), conduct=conduct), Place(person="@alice", room="#ops")
        asked = self.engine.create(plan, Speaker("alice", place), "it")
        self.engine.apply(asked.id, Posted())
        self.engine.apply(asked.id, Advance("a process"))
        self.engine.apply(asked.id, Finish("a process", 1, Outcome(exit_code=0)))
        ended, _ = self.engine.read(asked.id)
        assert ended is not None
        return ended

    def tells(self, parent: Execution) -> None:
        """Do what is done when an end is told: ask for what follows, then note it as told."""
        self.sequels.follow(parent)
        self.engine.apply(parent.id, Told(parent.state))

    def children(self, parent: Execution) -> list[Execution]:
        return [each for each in self.engine.recent() if each.parent == parent.id]


def test_whoever_is_killed_between_an_end_and_its_note_each_is_asked_for_once(
    store_factory: StoreFactory, catalog: Catalog, tmp_path: Path
) -> None:
    """And its prompt comes twice only where it was posted, and that was not noted."""
    die_at, points = 0, Points()
    while len(points.passed) >= die_at:  # else it met no more step to die at
        die_at += 1
        store, posted, refused = store_factory(f"life{die_at}"), list[str](), list[tuple[str, str, str]]()
        parent = Bot(store, catalog, tmp_path / "copy").succeeds(then="asks", finally_="cleans", succeeded="gone")
        points = Points(die_at)
        with suppress(KilledError):
            Bot(store, catalog, tmp_path / "copy", points, posted, refused).tells(parent)
        heir = Bot(store, catalog, tmp_path / "copy", posted=posted, refused=refused)
        heir.tells(parent)
        found = {child.cause: child for child in heir.children(parent)}
        assert len(heir.children(parent)) == len(found) == 2
        assert (found["then"].state, found["finally"].state) == (State.PENDING, State.APPROVED)
        assert all(child.posted for child in found.values())
        unnoted = points.passed[-2:] in (["before post", "after post"], ["after post", "before swap"])
        assert posted == [found["then"].id] * (2 if unnoted else 1)
        assert {alias for _, alias, _ in refused} == {"gone"}
        told, _ = heir.engine.read(parent.id)
        assert told is not None
        assert told.tell_after is None
    assert len(points.passed) == die_at - 1 == 14


def test_two_bots_that_tell_one_end_at_once_ask_for_each_once(
    store_factory: StoreFactory, catalog: Catalog, tmp_path: Path
) -> None:
    bots = [Bot(store_factory("shared"), catalog, tmp_path / f"copy{number}") for number in range(2)]
    for _ in range(5):
        parent, start = bots[0].succeeds(then="asks", finally_="cleans"), threading.Barrier(2)

        def follow(bot: Bot, parent: Execution = parent, start: threading.Barrier = start) -> None:
            start.wait()
            bot.sequels.follow(parent)

        threads = [threading.Thread(target=follow, args=(bot,)) for bot in bots]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(child.cause for child in bots[0].children(parent)) == ["finally", "then"]


@pytest.fixture
def bot(tmp_path: Path, catalog: Catalog) -> Bot:
    return Bot(open_store(f"sqlite:///{tmp_path}/s.db", namespace="tests"), catalog, tmp_path / "copy")


def no(error: ErrConfirmError) -> Callable[[Plan], None]:
    def check(_: Plan) -> None:
        raise error

    return check


@pytest.mark.parametrize(
    ("alias", "changes", "check", "why"),
    [
        ("chidl", {}, None, 'there is no such alias now (did you mean "child"?)'),
        ("rests", {}, None, "that alias is switched off"),
        ("child", {"depth": DEEPEST}, None, "10 executions have followed one another already; more never do"),
        ("child", {"parameters": {"host": "; id"}}, None, '"host" must be one word of letters, digits and'),
        ("asks", {}, LockedError("asks is locked by bob"), "asks is locked by bob"),
        ("asks", {}, LimitError("10 prompts of yours wait already"), "10 prompts of yours wait already"),
    ],
)
def test_what_cannot_be_asked_for_is_said_and_in_the_journal(
    bot: Bot, alias: str, changes: dict[str, Any], check: ErrConfirmError | None, why: str
) -> None:
    bot.check = no(check) if check else bot.check
    parent = bot.succeeds(then=alias)
    bot.tells(replace(parent, **changes))
    ((cause, named, said),) = bot.refused
    assert (cause, named) == ("then", alias)
    assert said.startswith(why)
    (noted,) = [line.entry for line in lines(bot.store, RECORDS.seal) if line.entry.what == NOT_FOLLOWED]
    assert noted.facts == {"parent": parent.id, "cause": "then", "alias": alias, "error": said}
    assert (noted.who, noted.room) == ("alice", "#ops")
    assert bot.children(parent) == []


def test_a_store_that_is_away_is_no_refusal_and_all_is_asked_for_once_it_is_back(bot: Bot) -> None:
    bot.check = no(StoreUnavailableError("the store is away"))
    parent = bot.succeeds(then="asks")
    with pytest.raises(StoreUnavailableError):
        bot.tells(parent)
    bot.check = lambda _: None
    bot.tells(parent)
    assert ([child.cause for child in bot.children(parent)], bot.refused) == (["then"], [])


def test_one_whose_prompt_cannot_be_posted_is_canceled_and_what_comes_after_it_is_asked_for(bot: Bot) -> None:
    bot.post_fails = "it is too long"
    parent = bot.succeeds(then="asks", finally_="cleans")
    bot.tells(parent)
    found = {child.cause: child for child in bot.children(parent)}
    assert (found["then"].state, found["then"].reason) == (State.CANCELED, "it is too long")
    assert found["finally"].state is State.APPROVED
    bot.post_fails = ""
    bot.tells(parent)
    assert bot.posted == []


def test_what_follows_is_asked_for_by_the_same_person_there_and_knows_what_it_follows(bot: Bot) -> None:
    parent = bot.succeeds(then="asks")
    bot.tells(replace(parent, depth=DEEPEST - 1))
    (child,) = bot.children(parent)
    assert (child.requester, child.place, child.text) == (parent.requester, parent.place, "asks")
    assert (child.parent, child.cause, child.depth) == (parent.id, "then", DEEPEST)
    assert bot.engine.sequels(parent) == {"then": child}


def test_what_follows_is_held_to_the_rules_of_the_moment(bot: Bot) -> None:
    """It is Monday, and then Sunday."""
    for bot.moment in (MONDAY, MONDAY - 1):
        bot.tells(bot.succeeds(then="works"))
    assert ([child.cause for child in bot.engine.recent() if child.parent], bot.refused) == (
        ["then"],
        [("then", "works", "no work")],
    )


def test_what_was_lost_and_reports_later_is_followed_by_the_rest(bot: Bot) -> None:
    """And not once more by what has followed already."""
    parent = bot.succeeds(then="asks", lost="cleans", finally_="cleans")
    for state in (State.LOST, State.SUCCEEDED):
        bot.tells(replace(parent, state=state))
    assert sorted(child.cause for child in bot.children(parent)) == ["finally", "lost", "then"]


def test_the_id_of_what_follows_can_be_made_with_the_key_alone(bot: Bot) -> None:
    parent = bot.succeeds(then="asks")
    made = [bot.engine.sequel(parent, cause)[0].id for cause in ("then", "then", "else")]
    others = Engine(bot.store, Records(Seal(b"another key", "tests")), lambda _: None)
    elsewhere = Engine(bot.store, Records(Seal(b"a key for tests", "elsewhere")), lambda _: None)
    assert made[0] == made[1]
    assert all(ids.read_id(each) == each for each in made)
    assert len({made[0], made[2], others.sequel(parent, "then")[0].id, elsewhere.sequel(parent, "then")[0].id}) == 4


def test_one_that_has_its_id_by_chance_is_not_taken_for_it(bot: Bot) -> None:
    parent = bot.succeeds(then="asks")
    after, _ = bot.engine.sequel(parent, "then")
    bot.engine.create(a_plan(None), Speaker("bob", parent.place), "", after=After(id=after.id))
    bot.tells(parent)
    (child,) = bot.children(parent)
    assert child.id != after.id


def test_an_end_is_noted_as_told_when_what_follows_was_asked_for_and_others_are_told_meanwhile(bot: Bot) -> None:
    """So the gate leaves it alone until then, and a child that has much to look up holds up nobody."""
    told, go_on, followed = list[str](), threading.Event(), list[str]()
    parent, other = bot.succeeds(then="asks"), bot.succeeds()

    def follow(execution: Execution) -> None:
        assert go_on.wait(15)
        followed.append(execution.id)

    outbox = Outbox(lambda execution: told.append(execution.id), follow)
    outbox.start(bot.engine)
    outbox.put(parent)
    outbox.put(other)
    eventually(lambda: not outbox.has(other.id))
    noted, _ = bot.engine.read(parent.id)
    assert noted is not None
    assert (noted.tell_after, outbox.has(parent.id)) == (parent.tell_after, True)
    go_on.set()
    eventually(lambda: not outbox.has(parent.id))
    noted, _ = bot.engine.read(parent.id)
    assert noted is not None
    assert noted.tell_after is None
    assert (told, followed) == ([parent.id, other.id], [parent.id])
    outbox.stop(15.0)


def test_what_could_not_all_be_asked_for_is_not_noted_as_told(bot: Bot) -> None:
    def follow(_: Execution) -> None:
        raise PostError("the network is gone")

    outbox = Outbox(lambda _: None, follow)
    parent = bot.succeeds(then="asks")
    outbox.put(parent)
    outbox.start(bot.engine)
    outbox.stop(15.0)
    left, _ = bot.engine.read(parent.id)
    assert (left, outbox.has(parent.id)) == (parent, False)


def test_a_bot_that_stops_leaves_what_follows_to_the_next_start(bot: Bot) -> None:
    """Nobody would hear the answers to a prompt, or start what needs none."""
    begun, go_on, asked = threading.Event(), threading.Event(), list[str]()

    def say(_: Execution) -> None:
        begun.set()
        go_on.wait(15)

    outbox = Outbox(say, lambda execution: asked.append(execution.id))
    parent = bot.succeeds(then="asks")
    outbox.put(parent)
    outbox.start(bot.engine)
    assert begun.wait(15)
    outbox.stop(0.05)
    go_on.set()
    eventually(lambda: not outbox.has(parent.id))
    left, _ = bot.engine.read(parent.id)
    assert (left, asked) == (parent, [])


def test_nothing_follows_what_ended_so_long_ago_that_it_may_have_been_followed_and_forgotten(
    catalog: Catalog, tmp_path: Path
) -> None:
    """Regression: a bot that was stopped for more than a day, with an end still to be told, asked once more."""
    moment = 1_000_000.0
    store = SqliteStore(tmp_path / "s.db", clock=lambda: moment)
    late = Bot(store, catalog, tmp_path / "late.jsonl")
    parent = late.succeeds(then="cleans")
    late.tells(parent)
    (child,) = late.children(parent)
    late.engine.apply(child.id, Advance("other"))
    late.engine.apply(child.id, Finish("other", 1, Outcome(exit_code=0)))
    moment += KEEP + 1.0
    late.succeeds()  # a store forgets when it is written to
    late.tells(parent)
    assert (late.engine.read(child.id)[0], [why[0] for why in late.refused]) == (None, ["then"])


def test_what_cannot_be_said_keeps_nothing_else_that_follows_from_being_asked_for(bot: Bot) -> None:
    parent = bot.succeeds(then="rests", finally_="cleans")
    bot.say_fails = "the room is gone"
    with pytest.raises(PostError, match="the room is gone"):
        bot.tells(parent)
    (child,) = bot.children(parent)
    assert (child.cause, child.state) == ("finally", State.APPROVED)
