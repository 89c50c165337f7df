"""What an answer may have to bring beside the id, in a real chat, and the sentence for each that lacks something."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders import a_policy
from err_confirm.answers.otp import MOST_FAILURES, STEP, codes
from err_confirm.model.executions import Place, Speaker
from err_confirm.model.policies import (
    AllOf,
    Choice,
    Effect,
    Freeze,
    Policy,
    Question,
    QuestionType,
    ReasonRule,
    Seat,
    Stage,
    Times,
)
from talk import Talk, a_bot, write_files

FILES = {
    "actions/echo.yaml": """
name: echo
parameters: {what: {type: string, required: true, free: true}}
run: {command: [sh, -c, 'echo "$1: $CONFIRM_ANSWERS"', sh, "{{ what }}"]}
""",
    "aliases/say.yaml": "{name: say, formats: ['say {{what}}'], action_ref: echo}",
}
CHOICES = (
    Choice(name="approve", caption="Do it"),
    Choice(name="dismiss", effect=Effect.DENY),
    Choice(name="snooze", effect=Effect.SNOOZE, after=3_600.0),
    Choice(
        name="half",
        run="half",
        sure=True,
        question=Question(text="How many?", type=QuestionType.NUMBER),
    ),
)
ANYBODY = ("alice", "bob", "carol")
Ask = Callable[..., str]
NUMBERS = itertools.count()
"""So that nothing is asked for twice."""


@pytest.fixture(scope="module")
def one_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("choices")
    write_files(folder, FILES)
    with a_bot(folder) as talk:
        yield talk


@pytest.fixture
def ask(talk: Talk) -> Ask:
    return asking(talk)


def asking(talk: Talk) -> Ask:
    """Return what lets alice ask for something under a policy; it returns the id."""

    def ask_for(policy: Policy, what: str = "", room: str = "#ops") -> str:
        text = f"say {what or f'hello {next(NUMBERS)}'}"
        half = talk.service.plans("say half of it")[0].invocation
        others = {choice.run: half for choice in policy.choices if choice.run}
        plans = [replace(plan, policy=policy, others=others) for plan in talk.service.plans(text)]
        confirm = talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm")
        place = Place(person=confirm.chat.mention("alice"), room=room)
        identity = "slack:UALICE" if place.person.startswith("<") else "text:alice"
        talk.service.requests.request(plans, Speaker("alice", place, identity), text, post=confirm.chat.ask)
        return str(talk.executions()[0].id)

    return ask_for


def patient(**changes: Any) -> Policy:
    """Return a policy for which any one of us is enough, and that waits long."""
    return a_policy(ANYBODY, ANYBODY, retry_count=200, **changes)


def staged(*quorums: Any) -> Policy:
    return Policy(stages=tuple(Stage(quorum=each) for each in quorums), deny=Seat(by=ANYBODY, own=True))


def unanswered(talk: Talk, asked: str) -> bool:
    """Tell whether nothing has changed by what was said."""
    execution = talk.execution(asked)
    return (str(execution.state), execution.votes, execution.ask_again_at) == ("pending", (), None)


LACKING = [
    (patient(typed=("web 01",)), "", "wants web 01 typed, letter by letter, as you mean just that; say: {line} web 01"),
    (patient(typed=("web01",)), "Web01", "wants web01 typed, .*; say: {line} web01"),
    (patient(reason=ReasonRule.REQUIRED), "", "needs a reason; say: {line} <reason>"),
    (patient(patterns=("^OPS-[0-9]+",)), "as OPS-1", "needs a reason such as OPS-123 …; say: {line} <reason>"),
    (
        patient(otp=True),
        "",
        "{id} needs your code, as your authenticator app shows it; say: {line} <code>\nif you have none set up, say "
        "!confirm otp to me alone",
    ),
    (
        patient(otp=True),
        "123 456",
        "{id} needs a code, and you have none set up: say !confirm otp to me alone, and then: {line} <code>",
    ),
    (patient(question=Question(text="Why?")), "", r"asks: Why\? \(any text\); say: {line} <answer>"),
    (
        patient(question=Question(text="How many?", type=QuestionType.NUMBER)),
        "three",
        r"asks: How many\? \(a number, unlike three\); say: {line} <number>",
    ),
    (
        patient(choices=CHOICES),
        "snoze",
        "has no choice snoze; say one of these:\nto Do it:\n{line} approve\n.*deny {id}",
    ),
    (patient(choices=CHOICES[1:]), "", "has several choices, .*\n{line} snooze\n.*\n!deny {id}"),
    (patient(choices=CHOICES), "half", r"asks: How many\? \(a number\); say: {line} half <number> yes"),
    (
        patient(choices=CHOICES),
        "HALF 3",
        r"{id}: are you sure\? runs sh -c .* 'half of it'; if you mean it, say: {line} half 3 yes",
    ),
    (patient(), "no, wait", "no, may mean no, so {id} is not confirmed; say what you mean:\n{line}\n!deny {id}"),
    (patient(via=("slack", "irc")), "", "cannot be confirmed from here, only on slack or on irc; say it there: {line}"),
    (patient(dm=True), "", "takes only the line that you alone were sent: its id has a part more"),
    (
        patient(freezes=(Freeze(times=Times(), reason="until the move is over"),)),
        "",
        "cannot be confirmed now: until the move is over; it waits until [0-9:]+ UTC, and !deny {id} says no to it",
    ),
    (
        patient(choices=(Choice(name="later", effect=Effect.SNOOZE, after=8 * 86_400.0),)),
        "later",
        "{id} cannot be snoozed any more: it would wait for more than a week; say !deny {id}",
    ),
    (
        staged(Seat(by=("alice",), own=True), Seat(by=("bob",))),
        "",
        "waits for alice first, then for you; .* !show {id}",
    ),
    (staged(Seat(by=("carol",))), "", "is not yours to confirm: carol may; see !show {id}"),
]


@pytest.mark.parametrize(("policy", "said", "sentence"), LACKING, ids=[sentence[:30] for _, _, sentence in LACKING])
def test_an_answer_that_lacks_something_changes_nothing_and_hears_what_to_type(
    talk: Talk, ask: Ask, policy: Policy, said: str, sentence: str
) -> None:
    """The sentence names the execution, what is wrong, and the whole line."""
    asked = ask(policy)
    talk.bob.says(f"!confirm {asked} {said}")
    found = talk.hears(sentence.format(id=asked, line=f"!confirm {asked}"), "#ops")
    assert asked in found.string.splitlines()[0]
    assert unanswered(talk, asked)


def test_the_line_that_a_refusal_shows_is_the_one_that_counts(talk: Talk, ask: Ask) -> None:
    """Copied from the chat, with a reason in place of `<reason>`."""
    asked = ask(patient(typed=("rm -rf 'x'", "web01"), patterns=("^OPS-",)))
    talk.bob.says(f"!confirm {asked}")
    line = talk.hears(r"; say: (!confirm .*)\Z", "#ops")[1]
    talk.bob.says(line.replace("<reason>", "OPS-1"))
    talk.hears(f"^{asked} confirmed by bob, running$", "#ops")
    assert talk.execution(asked).votes[0].reason == "OPS-1"


class TestChoices:
    @pytest.mark.parametrize("said", ["", "approve", "Approve.", "`approve`", "**APPROVE**"])
    def test_one_approves_as_it_is_written_also_by_the_id_alone(self, talk: Talk, ask: Ask, said: str) -> None:
        asked = ask(patient(choices=CHOICES))
        talk.bob.says(f"!confirm {asked} {said}")
        talk.hears(f"{asked} succeeded.*hello")
        assert talk.execution(asked).votes[0].choice == "approve"

    def test_one_runs_something_else_once_that_is_meant(self, talk: Talk, ask: Ask) -> None:
        asked = ask(patient(choices=CHOICES))
        talk.bob.says(f"!confirm {asked} half 3")
        line = talk.hears(r"are you sure.*if you mean it, say: (!confirm .*)\Z")[1]
        talk.bob.says(line)
        talk.hears(f"{asked} succeeded.*half of it")

    def test_one_says_no(self, talk: Talk, ask: Ask) -> None:
        asked = ask(patient(choices=CHOICES, typed=("web01",)))
        talk.bob.says(f"!confirm {asked} dismiss web01 is down")
        talk.hears(f"{asked} denied by bob: web01 is down; nothing ran", "#ops")

    def test_one_says_no_from_elsewhere_and_is_not_told_that_it_was_confirmed(self, talk: Talk, ask: Ask) -> None:
        asked = ask(patient(choices=CHOICES))
        talk.bob.says(f"!confirm {asked} dismiss", None)
        talk.hears(rf"\A{asked} denied; see !show {asked}\Z", "@bob")

    def test_one_asks_again_later(self, talk: Talk, ask: Ask) -> None:
        asked = ask(patient(choices=CHOICES))
        talk.bob.says(f"!confirm {asked} snooze", None)
        talk.hears(rf"\A{asked} asks again at [0-9:]+ UTC; see !show {asked}\Z", "@bob")
        assert talk.execution(asked).ask_again_at is not None

    def test_there_is_no_command_of_its_name(self, talk: Talk, ask: Ask) -> None:
        asked = ask(patient(choices=CHOICES))
        talk.bob.says(f"!snooze {asked}")
        talk.quiet()
        assert unanswered(talk, asked)


class TestShow:
    @pytest.mark.parametrize(
        ("policy", "lines"),
        [
            (patient(), "!confirm {id}\n!deny {id}"),
            (patient(typed=("web01",)), "!confirm {id}\nand behind it, on the same line: web01\n!deny {id}"),
            (patient(choices=CHOICES[1:]), "to say no:\n!confirm {id} dismiss\n.*\n!confirm {id} half\n.*\n!deny {id}"),
            (patient(dm=True), r"\) *\n!deny {id}"),
        ],
    )
    def test_it_offers_no_line_that_would_be_refused(self, talk: Talk, ask: Ask, policy: Policy, lines: str) -> None:
        """One that lacks its choice, its text or its token is none to be copied."""
        asked = ask(policy)
        talk.bob.says(f"!show {asked}")
        talk.hears(rf"{asked} pending .* left \(until .*{lines.format(id=asked)}\Z")


class TestReasons:
    def test_one_is_kept_also_where_none_is_asked_for(self, talk: Talk, ask: Ask) -> None:
        asked = ask(patient())
        talk.bob.says(f"!confirm {asked} looks good, see 4711")
        talk.hears(f"{asked} succeeded")
        talk.bob.says(f"!show {asked}")
        talk.hears("confirmed by bob at .*: looks good, see 4711")

    def test_one_that_looks_like_an_id_is_a_reason(self, talk: Talk, ask: Ask) -> None:
        asked = ask(patient(patterns=("^CHG[0-9]+$",)))
        talk.bob.says(f"!confirm {asked} CHG12345")
        talk.hears(f"{asked} confirmed by bob, running")

    @pytest.mark.parametrize("between", [" ", ", ", " and ", " & "])
    def test_two_executions_at_once_are_refused_and_neither_is_confirmed(
        self, talk: Talk, ask: Ask, between: str
    ) -> None:
        one, other = ask(patient()), ask(patient())
        talk.bob.says(f"!confirm {one}{between}`{other}`")
        talk.hears(rf"\Asay which one:\n!confirm {one}\n!confirm {other}\Z")
        assert unanswered(talk, one)
        assert unanswered(talk, other)

    def test_a_second_id_counts_as_one_also_without_a_digit(self, talk: Talk, ask: Ask) -> None:
        """One of twenty has none; a word that only looks like one is a reason."""
        one = other = ask(patient())
        while other == one or any(map(str.isdigit, other)):
            other = ask(patient())
        talk.bob.says(f"!confirm {one} {other}")
        talk.hears(rf"\Asay which one:\n!confirm {one}\n!confirm {other}\Z")
        assert unanswered(talk, one)
        talk.bob.says(f"!confirm {one} reverted")
        talk.hears(f"{one} confirmed by bob, running")


def test_an_answer_arrives_whole_where_it_runs(talk: Talk, ask: Ask) -> None:
    """JSON over several lines, from a phone that bends its quotes."""
    asked = ask(patient(question=Question(text="Which?", type=QuestionType.JSON)), "it")
    talk.bob.says(
        f"!confirm {asked}\n```json\n" + '{\n  \u201ca\u201d: "x  y"\n}\n```'.replace('"x  y"', "\u201cx  y\u201d")
    )
    talk.hears(f"{asked} succeeded")
    (told,) = json.loads(talk.execution(asked).outcome.output.partition(": ")[2])
    assert told == {"person": "bob", "choice": "", "answer": {"a": "x  y"}, "reason": ""}


def test_an_answer_that_is_too_long_is_refused_not_cut(talk: Talk, ask: Ask) -> None:
    asked = ask(patient(question=Question(text="Why?")))
    talk.bob.says(f"!confirm {asked} {'x' * 4_001}")
    talk.hears(f"{asked} is not answered: an answer may have 4,000 characters, and this one has 4,001; say it shorter")
    assert unanswered(talk, asked)


class TestTokens:
    def test_the_line_of_each_person_counts_for_that_person_alone(self, talk: Talk, ask: Ask) -> None:
        asked = ask(patient(dm=True))
        execution, tokens = talk.execution(asked), talk.service.tokens
        for token in (tokens.token(execution, "bob"), tokens.token(execution, "carol").upper()):
            talk.mallory.says(f"!confirm {asked}-{token}")
            talk.hears(f"{asked} is not yours to confirm")
        talk.carol.says(f"!confirm `{asked}-{tokens.token(execution, 'bob')}`")
        talk.hears(f"this line is not yours: {asked} takes from each person only the line that they alone were sent")
        assert unanswered(talk, asked)
        talk.carol.says(f"!confirm `{asked.upper()}-{tokens.token(execution, 'carol')}`.")
        talk.hears(f"{asked} confirmed by carol, running")

    def test_a_no_needs_none(self, talk: Talk, ask: Ask) -> None:
        asked = ask(patient(dm=True))
        talk.bob.says(f"!deny {asked} not now")
        talk.hears(f"{asked} denied by bob: not now")


class TestCodes:
    @pytest.fixture
    def secret(self, tmp_path: Path) -> Iterator[tuple[Talk, str]]:
        """Give a bot of its own, with codes of bob's."""
        write_files(tmp_path, FILES)
        with a_bot(tmp_path) as talk:
            talk.bob.says("!confirm otp", None)
            secret = talk.hears(r"^ ?secret: ([A-Z2-7]{32})$", "@bob")[1]
            talk.bob.says(f"!confirm otp {shown(talk, secret, -1)}", None)
            talk.hears("your codes are set up", "@bob")
            yield talk, secret

    def test_one_counts_once_and_is_looked_at_only_when_it_is_all_that_is_missing(
        self, secret: tuple[Talk, str]
    ) -> None:
        """A slip in the rest of the line uses up no code, and wrong ones of others lock nobody out."""
        talk, key = secret
        one, other = (asking(talk)(patient(otp=True, typed=("web01",))) for _ in range(2))
        code = shown(talk, key)
        talk.bob.says(f"!confirm {one} {code} web02")
        talk.hears(f"{one} wants web01 typed, .*; say: !confirm {one} <code> web01")
        talk.mallory.says(f"!confirm {one} {code} web01")
        talk.hears(f"{one} is not yours to confirm")
        talk.carol.says(f"!confirm {one} {code} web01")
        talk.hears(f"{one} needs a code, and you have none set up")
        talk.bob.says(f"!confirm {one} {code[:3]} {code[3:]} web01 it is time")
        talk.hears(f"{one} confirmed by bob, running")
        talk.bob.says(f"!confirm {other} {code} web01")
        talk.hears(f"{other} is not confirmed: that code was used already; wait for the next one, and say: !confirm")
        talk.bob.says(f"!confirm {other} {int(code) ^ 1:06} web01")
        talk.hears(f"{other} is not confirmed: that is not your code of now; say: !confirm {other} <code> web01")
        assert unanswered(talk, other)
        assert talk.execution(one).votes[0].reason == "it is time"

    def test_after_too_many_wrong_ones_none_is_looked_at(self, secret: tuple[Talk, str]) -> None:
        talk, key = secret
        asked = asking(talk)(patient(otp=True))
        for _ in range(MOST_FAILURES):
            talk.bob.says(f"!confirm {asked} {int(shown(talk, key, 9)) ^ 1:06}")
            talk.hears(f"{asked} is not confirmed: ")
        talk.bob.says(f"!confirm {asked} {shown(talk, key)}")
        talk.hears(
            f"{asked} is not confirmed: after too many wrong codes, none of yours is looked at until [0-9:]+ UTC"
        )
        assert unanswered(talk, asked)


def shown(talk: Talk, secret: str, steps: int = 0) -> str:
    """Return the code that an app shows, so many steps from now."""
    now = talk.service.store.due(1)[1] + steps * STEP
    return codes(secret, now)[int(now // STEP)]


class TestWhereMoreThanOneIsNeeded:
    TWO = AllOf(all=(Seat(by=("bob", "carol")), Seat(by=("bob", "carol"))))

    def test_who_answers_from_elsewhere_hears_what_is_missing(self, talk: Talk, ask: Ask) -> None:
        asked = ask(staged(self.TWO))
        talk.bob.says(f"!confirm {asked}", None)
        talk.hears(
            rf"\Ayou have confirmed {asked}; it still needs carol \(bob has answered\); see !show {asked}\Z", "@bob"
        )
        talk.bob.says(f"!confirm {asked}", None)
        talk.hears(
            rf"\Ayou already confirmed {asked}; it still needs carol \(bob has answered\); see !show {asked}\Z", "@bob"
        )
        talk.carol.says(f"!confirm {asked}", None)
        talk.hears(rf"\A{asked} confirmed; see !show {asked}\Z", "@carol")

    def test_a_no_from_elsewhere_that_is_not_enough_hears_so(self, talk: Talk, ask: Ask) -> None:
        asked = ask(Policy(stages=(Stage(quorum=self.TWO),), deny=self.TWO))
        talk.bob.says(f"!deny {asked}", None)
        talk.hears(rf"\Ayou have denied {asked}; it still waits, as a no takes 2 of .*; see !show {asked}\Z", "@bob")

    def test_who_answers_in_the_same_place_hears_nothing_twice(self, talk: Talk, ask: Ask) -> None:
        asked = ask(staged(self.TWO))
        talk.bob.says(f"!confirm {asked}", "#ops")
        talk.hears(f"{asked} confirmed by bob; needs ", "#ops")
        assert not any("see !show" in text for text in talk.quiet())
        assert len(talk.execution(asked).votes) == 1


class TestHowAnIdIsSaid:
    @pytest.mark.parametrize(
        "said", ["!confirm !confirm {id}", "!confirm confirm {id}", "!confirm #{id}", "!Confirm !Confirm #{id}"]
    )
    def test_a_command_that_was_pasted_twice_counts_once(self, talk: Talk, ask: Ask, said: str) -> None:
        asked = ask(patient())
        talk.bob.says(said.format(id=asked))
        talk.hears(f"{asked} confirmed by bob, running")

    @pytest.mark.parametrize("said", ["!confirm !deny {id}", "!confirm deny {id}", "!confirm cancel {id}"])
    def test_another_command_behind_a_yes_is_no_yes(self, talk: Talk, ask: Ask, said: str) -> None:
        asked = ask(patient())
        talk.bob.says(said.format(id=asked))
        talk.hears(r"is no execution here; see !pending\Z")
        assert unanswered(talk, asked)

    @pytest.mark.parametrize("said", ["!confirm !{blanks}{id}", "!show x output y{blanks}{id}"])
    def test_very_many_blanks_hold_up_nobody(self, talk: Talk, ask: Ask, said: str) -> None:
        """Regression: 40,000 of them held up the whole bot for up to 9 s, and more of them for hours."""
        asked = ask(patient())
        talk.mallory.says(said.format(id=asked, blanks=" " * 200_000))
        talk.hears(r"is no execution here; see !pending\Z")
        assert unanswered(talk, asked)


def test_an_answer_that_nobody_can_count_is_not_saved(tmp_path: Path) -> None:
    """Who is in a group is looked up for each; once that works again, the same line counts."""
    write_files(tmp_path, FILES | {"groups.yaml": "{sre: [bob]}"})
    with a_bot(tmp_path, CONFIRM_GROUPS=str(tmp_path / "groups.yaml")) as talk:
        asked = asking(talk)(staged(Seat(by=("@sre",))))
        (tmp_path / "groups.yaml").rename(tmp_path / "gone.yaml")
        talk.bob.says(f"!confirm {asked} it is time")
        talk.hears(
            rf"\Ayour answer to {asked} does not count: .*@sre.*\nsay it again when that can be looked up", "#ops"
        )
        assert unanswered(talk, asked)
        talk.alice.says("!confirm", "#ops")
        talk.hears(r"\Ayour answer does not count: .*@sre", "#ops")
        (tmp_path / "gone.yaml").rename(tmp_path / "groups.yaml")
        talk.bob.says(f"!confirm {asked} it is time")
        talk.hears(f"{asked} confirmed by bob, running")


class TestConfirmAlone:
    def test_means_only_what_is_ones_own_to_confirm(self, talk: Talk, ask: Ask) -> None:
        mine = ask(a_policy(("requester",)), room="#alone")
        ask(staged(Seat(by=("bob",))), room="#alone")
        ask(staged(Seat(by=("bob",)), Seat(by=("alice",), own=True)), room="#alone")
        talk.alice.says("!confirm", "#alone")
        talk.hears(f"^{mine} confirmed by alice, running$", "#alone")

    def test_means_nothing_where_none_of_ones_own_is_to_be_confirmed_by_oneself(self, talk: Talk, ask: Ask) -> None:
        asked = ask(staged(Seat(by=("bob",))), room="#theirs")
        for person in (talk.alice, talk.bob):
            person.says("!confirm", "#theirs")
            talk.hears(r"\Asay which one: !confirm <id>; see !pending\Z", "#theirs")
        assert unanswered(talk, asked)
        talk.alice.says("!cancel", "#theirs")
        talk.hears(f"{asked} canceled by alice", "#theirs")


@pytest.fixture(scope="module")
def slack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("slack")
    write_files(folder, FILES)
    people = {name: [f"slack:U{name.upper()}"] for name in ANYBODY}
    with a_bot(folder, LOOPBACK_NETWORK="slackv3", CONFIRM_PEOPLE=people) as talk:
        yield talk


class TestOnSlack:
    def test_a_message_that_comes_again_says_and_does_nothing(self, slack: Talk) -> None:
        """Not even after its sender has said something else meanwhile."""
        asked = asking(slack)(staged(TestWhereMoreThanOneIsNeeded.TWO), room="<#Cops>")
        slack.bot.event = {"ts": "1700000000.1"}
        slack.bob.says(f"!confirm {asked} the first")
        slack.quiet()
        before = slack.execution(asked)
        assert [vote.reason for vote in before.votes] == ["the first"]
        slack.bob.says(f"!confirm {asked} the first")
        slack.bob.says(f"!deny {asked}")
        assert [text for text in slack.quiet() if asked in text] == []
        assert slack.execution(asked) == before
        slack.bot.event = {}

    def test_a_guest_counts_only_by_name(self, slack: Talk) -> None:
        slack.bot.slack_web.guests |= {"UMALLORY", "UBOB"}
        asked = asking(slack)(a_policy(("anyone",)), room="<#Cops>")
        slack.mallory.says(f"!confirm {asked}")
        slack.hears(f"{asked} is not for guests to confirm: .*; anyone may; see !show {asked}")
        assert unanswered(slack, asked)
        named = asking(slack)(a_policy(("bob",)), room="<#Cops>")
        slack.bob.says(f"!confirm {named}")
        slack.hears(f"{named} confirmed by `bob`, running")
        slack.bot.slack_web.guests.clear()

    def test_a_text_is_typed_as_slack_shows_it(self, slack: Talk) -> None:
        """What Slack would take for a call of everybody stands there with an escape."""
        asked = asking(slack)(patient(typed=("tell @here <b> & `c`",)), room="<#Cops>")
        slack.bob.says(f"!confirm {asked}")
        slack.bob.says(slack.hears(r"; say: `(!confirm .*)`\Z", "#ops")[1])
        slack.hears(f"{asked} confirmed by `bob`, running")
