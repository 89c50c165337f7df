"""Whom the bot asks besides, and what it says while something waits, and to whom."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders import a_policy
from err_confirm.model.executions import Execution, Place, Speaker, Verdict
from err_confirm.model.policies import AllOf, Choice, Effect, Policy, Question, QuestionType, ReasonRule, Seat, Stage
from err_confirm.transition.events import Answer, Cancel
from talk import Talk, a_bot, write_files

FILES = {
    "actions/echo.yaml": """
name: echo
parameters: {what: {type: string, required: true, free: true}}
run: {command: [echo, "{{ what }}"]}
""",
    "aliases/say.yaml": "{name: say, formats: ['say {{what}}'], action_ref: echo}",
}
PEOPLE = {
    **{name: [f"text:{name}"] for name in ("alice", "bob", "carol", "mallory")},
    "dave": ["slack:UDAVE"],
}
TOKEN = "[0-9a-hjkmnp-tv-z]{8}"
BOB_AND_CAROL = AllOf(all=(Seat(by=("bob", "carol")), Seat(by=("bob", "carol"))))
NO = Seat(by=("alice", "bob", "carol"), own=True)


@pytest.fixture(scope="module")
def one_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("notices")
    write_files(folder, FILES)
    with a_bot(folder, CONFIRM_PEOPLE=PEOPLE, MESSAGE_SIZE_LIMIT=2_000) as talk:
        yield talk


@pytest.fixture
def talk(one_bot: Talk) -> Iterator[Talk]:
    one_bot.quiet()
    yield one_bot
    for execution in one_bot.executions():
        one_bot.service.engine.apply(execution.id, Cancel("alice"))  # what waits already is not asked for again
    one_bot.service.wait_told(30.0)
    one_bot.bot.broken_rooms.clear()


Ask = Callable[..., str]


@pytest.fixture
def ask(talk: Talk) -> Ask:
    """Let alice ask for something under a policy; return its id. What was heard before is over."""

    def ask_for(policy: Policy, what: str = "hello", room: str = "#ops", **changes: Any) -> str:
        service = talk.service
        plans = [replace(plan, policy=policy, **changes) for plan in service.plans(f"say {what}")]
        post = talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm").chat.ask
        place = Place(person="@alice", room=room)
        service.requests.request(plans, Speaker("alice", place, "text:alice"), f"say {what}", post=post)
        return str(talk.executions()[0].id)

    return ask_for


def answer(talk: Talk, execution_id: str, person: str, verdict: Verdict = Verdict.APPROVE, **said: Any) -> Execution:
    decision = talk.service.engine.apply(execution_id, Answer(person, verdict, token=True, **said))
    return decision.execution  # type: ignore[no-any-return]


def heard(talk: Talk, execution_id: str, to: str) -> list[str]:
    """Return what was heard somewhere about an execution."""
    talk.service.wait_told(30.0)
    talk.quiet()
    return [text for where, text in talk.heard if where == to and execution_id in text]


def staged(*quorums: Any, **changes: Any) -> Policy:
    return Policy(stages=tuple(Stage(quorum=quorum) for quorum in quorums), deny=NO, **changes)


def test_the_room_of_the_policy_is_asked_besides_and_hears_who_decided_and_the_end(talk: Talk, ask: Ask) -> None:
    """In the other room, who has asked is said, too."""
    asked = ask(a_policy(by=("bob",), room="#sre"))
    prompt = rf"runs: echo hello\n1 min left \(until [^)]*\)\n!confirm {asked}\n!deny {asked}\Z"
    talk.hears(rf"\A@bob  say → hello · asked by alice\n{prompt}", "#sre")
    talk.hears(rf"\A@bob  say → hello\n{prompt}", "#ops")
    talk.bob.says(f"!confirm {asked}", "#sre")
    talk.hears(rf"\A{asked} confirmed by bob, running\Z", "#ops")
    talk.hears(rf"\A{asked} say asked by alice: running, confirmed by bob\Z", "#sre")
    talk.hears(rf"\A{asked} say asked by alice: succeeded, confirmed by bob\Z", "#sre")


def test_the_room_of_the_policy_is_asked_once_if_it_was_asked_for_right_there(talk: Talk, ask: Ask) -> None:
    asked = ask(a_policy(by=("bob",), deny_by=("alice",), room="#ops"))
    talk.alice.says(f"!deny {asked} no")
    talk.hears(f"{asked} denied")
    assert len(heard(talk, asked, "#ops")) == 2


def test_a_room_that_takes_no_message_cancels_it_and_who_asked_hears_why(talk: Talk, ask: Ask) -> None:
    talk.bot.broken_rooms.add("#sre")
    asked = ask(a_policy(by=("bob",), room="#sre"))
    talk.hears(
        rf"\A@alice {asked} canceled, nothing ran: a message to #sre could not be posted: #sre is gone\Z", "#ops"
    )
    assert not any("!confirm" in text for text in heard(talk, asked, "#ops"))


def test_each_person_is_told_directly_with_a_token_of_their_own(talk: Talk, ask: Ask) -> None:
    """The room sees who was told, and no line by which anybody could confirm."""
    asked = ask(staged(BOB_AND_CAROL, dm=True, room="#sre"))
    execution = talk.execution(asked)
    tokens = {}
    for name in ("bob", "carol"):
        told = talk.hears(
            rf"\A@{name}  say → hello · asked by alice\nruns: echo hello\n1 min left [^\n]*\nneeds [^\n]*\n"
            rf"!confirm {asked}-({TOKEN})\n!deny {asked}\Z",
            f"@{name}",
        )
        tokens[name] = told[1]
    assert {name: talk.service.tokens.matches(execution, name, token) for name, token in tokens.items()} == {
        "bob": True,
        "carol": True,
    }
    assert not talk.service.tokens.matches(execution, "bob", tokens["carol"])
    for room in ("#sre", "#ops"):
        talk.hears(
            rf"\A@bob @carol  say → hello[^\n]*\nruns: echo hello\n1 min left [^\n]*\nneeds [^\n]*\n"
            rf"told directly, each how to confirm: bob, carol\n!deny {asked}\Z",
            room,
        )


def test_what_one_person_was_told_lets_nobody_else_confirm(talk: Talk, ask: Ask) -> None:
    """Nor does the id alone, wherever it is said."""
    asked = ask(staged(Seat(by=("bob", "carol")), dm=True))
    token = talk.hears(rf"^!confirm {asked}-({TOKEN})$", "@bob")[1]
    for who, said, room in [
        (talk.carol, f"!confirm {asked}-{token}", None),
        (talk.mallory, f"!confirm {asked}-{token}", "#ops"),
        (talk.bob, f"!confirm {asked}", "#ops"),
        (talk.bob, f"!confirm {asked}-{'0' * 8}", None),
    ]:
        who.says(said, room)
        talk.quiet()
        assert talk.execution(asked).votes == ()
    talk.bob.says(f"!confirm {asked}-{token}", None)
    talk.hears(rf"\A{asked} confirmed by bob, running\Z", "#ops")


@pytest.mark.parametrize("lost", ["@carol", "dave"])
def test_without_somebody_who_must_be_told_nobody_is_asked_and_who_was_hears_that_it_is_void(
    talk: Talk, ask: Ask, lost: str
) -> None:
    """Carol's network is down; dave is not on this one."""
    talk.bot.broken_rooms.add("@carol")
    name = lost.removeprefix("@")
    asked = ask(staged(AllOf(all=(Seat(by=("bob",)), Seat(by=(name,)))), dm=True))
    why = "a message to @carol could not be posted: @carol is gone"
    why = why if name == "carol" else "nobody of that name is known on this chat network"
    talk.hears(rf"\A{asked} counts for nothing any more: {name} could not be told directly: {why}; nothing ran", "@bob")
    talk.hears(rf"\A@alice {asked} canceled, nothing ran: {name} could not be told directly: {why}\Z", "#ops")
    assert talk.execution(asked).state == "canceled"
    assert len(heard(talk, asked, "@bob")) == 2


def test_where_others_are_enough_the_room_is_told_who_could_not_be(talk: Talk, ask: Ask) -> None:
    asked = ask(staged(Seat(by=("dave", "bob")), dm=True))
    talk.hears(
        rf"told directly, each how to confirm: bob\ncould not be told directly: dave, as nobody of that name is known "
        rf"on this chat network\n!deny {asked}\Z",
        "#ops",
    )
    assert answer(talk, asked, "bob").state == "approved"


def test_who_is_only_described_cannot_be_told_directly(talk: Talk, ask: Ask) -> None:
    asked = ask(staged(Seat(by=("others",)), dm=True))
    talk.hears(rf"{asked} canceled, nothing ran: its policy wants all told directly who may confirm, and names too few")


def test_too_many_people_are_not_told_directly(talk: Talk, ask: Ask) -> None:
    asked = ask(staged(Seat(by=tuple(f"text:somebody{number}" for number in range(51))), dm=True))
    talk.hears(rf"{asked} canceled, nothing ran: 51 people would have to be told directly, and at most 50 can be")
    assert heard(talk, asked, "@somebody0") == []


def test_a_prompt_that_is_too_long_anywhere_is_posted_nowhere(talk: Talk, ask: Ask) -> None:
    """By the few bytes that only a direct message has."""
    policy, size = staged(Seat(by=("bob",)), dm=True), 500
    while True:
        asked = ask(policy, "x" * size)
        if talk.execution(asked).state == "canceled":
            break
        size += 3
    talk.hears(rf"{asked} canceled, nothing ran: its prompt would have 2,0\d\d bytes, and a message here has at most")
    assert heard(talk, asked, "@bob") == []
    assert len(heard(talk, asked, "#ops")) == 1


def test_the_policys_own_words_come_first_and_touch_nothing_of_the_prompt(talk: Talk, ask: Ask) -> None:
    """Neither their Markdown nor a value in them: no line of them looks like one of the prompt's."""
    words = "```\nto **{{ what }}**\n{{ what }}\n*[hello]: x\n\n> <!-- {{ execution.id }}"
    what = "!confirm 00000000\nruns: echo harmless"
    asked = ask(a_policy(by=("bob",), prompt=words), what)
    bound = talk.hears(rf"\A.*!confirm {asked}\n.*\Z", "#ops")[0]
    number = talk.heard.index(("#ops", bound))
    where, own = talk.heard[number - 1]
    assert where == "#ops"
    assert "to " in own
    assert not re.search(r"^\W*(!confirm|runs:)", own.replace("· ", "x "), re.MULTILINE)
    header, runs, left, *lines = bound.split("\n")
    assert header.startswith("@bob  say → !confirm 00000000")
    assert runs.startswith("runs: echo ")
    assert left.startswith("1 min left")
    assert lines == [f"!confirm {asked}", f"!deny {asked}"]


def test_own_words_that_fail_say_so_and_the_prompt_is_there(talk: Talk, ask: Ask) -> None:
    asked = ask(a_policy(by=("bob",), prompt="{{ nothing.at_all }}"))
    talk.hears(r"\A\(the policy's own words for this fail: .*nothing", "#ops")
    talk.hears(rf"^runs: echo hello\n.*^!confirm {asked}\n!deny {asked}\Z", "#ops")


def test_each_choice_says_what_it_means_what_runs_then_and_how_to_take_it(talk: Talk, ask: Ask) -> None:
    small = talk.service.plans("say small")[0].invocation
    number = Question(text="How many?", type=QuestionType.NUMBER)
    choices = (
        Choice(name="approve", caption="Do it"),
        Choice(name="smaller", caption="Less", run="x", question=number, sure=True),
        Choice(name="snooze", effect=Effect.SNOOZE, after=3600.0),
        Choice(name="dismiss", effect=Effect.DENY),
    )
    policy = a_policy(by=("bob",), choices=choices, because=("env is prod", "it is night"))
    asked = ask(policy, others={"smaller": small})
    told = talk.hears(rf"\A@bob  say → hello\n.*^!deny {asked}\Z", "#ops")[0]
    lines = [line.strip() for line in told.split("\n") if line.strip() and " left (until" not in line]
    assert lines == [
        "@bob  say → hello",
        "runs: echo hello",
        "after smaller runs instead: echo small",
        "because: env is prod; it is night",
        "to Do it:",
        f"!confirm {asked} approve",
        "to Less:",
        f"!confirm {asked} smaller",
        "and behind it, on the same line: an answer to How many? (a number), yes",
        "to be asked again in 1 h:",
        f"!confirm {asked} snooze",
        "to say no:",
        f"!confirm {asked} dismiss",
        f"!deny {asked}",
    ]
    answer(talk, asked, "bob", choice="smaller", answer="3", sure=True)
    talk.hears(rf"\A{asked} confirmed by bob: smaller, running: echo small · bob answered 3\Z", "#ops")
    talk.hears(rf"\A@alice {asked} succeeded in [0-9.]+ s: small\Z", "#ops")


def test_what_an_answer_must_bring_stands_in_its_line_and_is_inert(talk: Talk, ask: Ask) -> None:
    asked = ask(
        a_policy(by=("bob",), reason=ReasonRule.REQUIRED, patterns=("^OPS-[0-9]+",), typed=("*web* 01",), otp=True)
    )
    talk.hears(
        rf"^!confirm {asked}\nand behind it, on the same line: your code, \*web\* 01, a reason such as OPS-123 …\n",
        "#ops",
    )


def test_a_yes_that_is_not_enough_says_who_is_missing(talk: Talk, ask: Ask) -> None:
    asked = ask(staged(BOB_AND_CAROL, room="#sre"))
    talk.bob.says(f"!confirm {asked}")
    talk.hears(rf"\A{asked} confirmed by bob; needs carol \(bob has answered\)\Z", "#ops")
    talk.hears(rf"\A{asked} confirmed by bob; needs [^\n]+\Z", "#sre")
    talk.carol.says(f"!confirm {asked}")
    talk.hears(rf"\A{asked} confirmed by bob and carol, running\Z", "#ops")


def test_a_no_that_is_not_enough_says_so_with_its_reason(talk: Talk, ask: Ask) -> None:
    asked = ask(Policy(stages=(Stage(quorum=BOB_AND_CAROL),), deny=BOB_AND_CAROL))
    talk.bob.says(f"!deny {asked} not *now*")
    talk.hears(
        rf"\A{asked} denied by bob: not \*now\*; it still waits, as a no takes 2 of bob or carol\Z",
        "#ops",
    )
    assert talk.execution(asked).state == "pending"


def test_the_next_stage_is_a_prompt_of_its_own_for_those_who_are_next(talk: Talk, ask: Ask) -> None:
    """In the place, in the room, and directly."""
    asked = ask(staged(Seat(by=("bob",)), Seat(by=("carol",)), room="#sre", dm=True))
    talk.hears(rf"^@bob .*^!confirm {asked}-{TOKEN}$", "@bob")
    assert heard(talk, asked, "@carol") == []
    answer(talk, asked, "bob")
    talk.hears(
        rf"\A{asked} confirmed by bob, and goes on to others\n@carol  say → hello · asked by alice\nruns: echo hello\n"
        rf".*^!confirm {asked}-{TOKEN}\n!deny {asked}\Z",
        "@carol",
    )
    for room in ("#ops", "#sre"):
        talk.hears(rf"\A{asked} confirmed by bob, and goes on to others\n@carol  say → .*^!deny {asked}\Z", room)
    assert len(heard(talk, asked, "@bob")) == 1


def test_a_reminder_calls_those_who_have_not_answered(talk: Talk, ask: Ask) -> None:
    stage = Stage(quorum=BOB_AND_CAROL, retry_count=600, retry_delay=0.1, remind=59.0)
    asked = ask(Policy(stages=(stage,), deny=NO))
    answer(talk, asked, "bob")
    talk.hears(
        rf"\A{asked} still waits\n@carol  say → hello\nruns: echo hello\n5\d s left .*^!confirm {asked}\n!deny",
        "#ops",
    )


def test_an_escalation_is_a_prompt_that_calls_others_too(talk: Talk, ask: Ask) -> None:
    stage = Stage(quorum=Seat(by=("bob",)), escalate_after=0.3, escalate_to=("carol",))
    asked = ask(Policy(stages=(stage,), deny=NO))
    talk.hears(
        rf"\A{asked} waits for too long: others may answer now, too\n@bob @carol  say → .*^!confirm {asked}\n", "#ops"
    )
    assert answer(talk, asked, "carol").state == "approved"


def test_what_is_put_off_says_until_when_and_is_asked_again(talk: Talk, ask: Ask) -> None:
    snooze = Choice(name="snooze", effect=Effect.SNOOZE, after=1.0)
    asked = ask(a_policy(by=("bob",), choices=(Choice(name="approve"), snooze)))
    answer(talk, asked, "bob", choice="snooze")
    talk.hears(
        rf"\A{asked} snoozed by bob for [0-9.]+ m?s \(until \d\d:\d\d:\d\d UTC\); it can be answered all the while\Z",
        "#ops",
    )
    talk.hears(rf"\A{asked} was snoozed, and is asked again\n@bob  say → hello\n.*^!deny {asked}\Z", "#ops")
    answer(talk, asked, "bob", choice="approve")
    talk.hears(rf"\A{asked} confirmed by bob, running\Z", "#ops")


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (Answer("carol", Verdict.DENY, "not *now*"), r"denied by carol: not \*now\*"),
        (Cancel("alice", "`wrong`"), "canceled by alice: `wrong`"),
        (Answer("bob", Verdict.APPROVE, token=True), "succeeded, confirmed by bob"),
    ],
)
def test_everybody_who_was_told_directly_hears_the_end(talk: Talk, ask: Ask, end: Any, told: str) -> None:
    """Also where one of them cannot be reached any more."""
    asked = ask(staged(Seat(by=("bob", "carol")), dm=True))
    talk.bot.broken_rooms.add("@bob")
    talk.service.engine.apply(asked, end)
    talk.hears(rf"\A(@alice )?{asked} (denied|canceled|succeeded)", "#ops")
    talk.hears(rf"\A{asked} say asked by alice: {told}\Z", "@carol")
    talk.ended(asked)


def test_an_expired_one_is_told_to_everybody_who_was_told_directly(talk: Talk, ask: Ask) -> None:
    stage = Stage(quorum=Seat(by=("bob",)), retry_count=2, retry_delay=0.1)
    asked = ask(Policy(stages=(stage,), deny=NO, dm=True))
    talk.hears(rf"{asked} expired", "#ops")
    talk.hears(rf"\A{asked} say asked by alice: expired\Z", "@bob")


@pytest.mark.parametrize("network", ["slackv3", "telegram"])
def test_people_are_told_directly_by_their_own_ids_on_each_network(network: str, tmp_path: Path) -> None:
    """Who is on another network alone is not told here; the room that the policy names is found by its name."""
    write_files(tmp_path, FILES)
    scheme, number = ("slack", str.upper) if network == "slackv3" else ("telegram", _number)
    ids = {name: f"{scheme}:{'U' if scheme == 'slack' else ''}{number(name)}" for name in ("alice", "bob")}
    people = {**{name: [each] for name, each in ids.items()}, "dave": ["irc:dave!d@host"]}
    with a_bot(tmp_path, LOOPBACK_NETWORK=network, CONFIRM_PEOPLE=people) as talk:
        policy = staged(Seat(by=("bob", "dave")), dm=True, room="#sre")
        plans = [replace(plan, policy=policy) for plan in talk.service.plans("say hello")]
        chat = talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm").chat
        person = f"<@{ids['alice'].partition(':')[2]}>" if scheme == "slack" else ids["alice"].partition(":")[2]
        alice = Speaker("alice", Place(person=person), ids["alice"])
        talk.service.requests.request(plans, alice, "say hello", post=chat.ask)
        asked = talk.hears(rf"^!confirm ({TOKEN})-{TOKEN}$", "@bob")[1]
        talk.hears(r"told directly, each how to confirm: `?bob`?\s+could not be told directly: `?dave", "#sre")
        talk.hears(rf"^!deny {asked}\Z", "@alice")


def _number(name: str) -> str:
    return str(int.from_bytes(name.encode()))
