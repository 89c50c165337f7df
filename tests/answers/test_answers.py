"""What people say behind the id when they confirm, and that what they are told to say is always read as it is meant."""

import html
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import a_policy
from err_confirm.answers import (
    ANSWERS,
    CODE,
    REASON,
    Said,
    behind,
    example,
    how_to_answer,
    read_answer,
    wanted_reason,
    written,
)
from err_confirm.backends import SlackBackend
from err_confirm.model.policies import Choice, Effect, Policy, Question, QuestionType, ReasonRule
from err_confirm.text.visible import visible
from err_confirm.transition.demands import chosen, question

PLAIN = a_policy()
NUMBER = Question(text="How many?", type=QuestionType.NUMBER)
CHOICES = a_policy(
    choices=(
        Choice(name="approve", caption="Do it"),
        Choice(name="dismiss", effect=Effect.DENY),
        Choice(name="snooze", effect=Effect.SNOOZE, after=3_600),
        Choice(name="scale_down", run="scale", question=NUMBER, sure=True),
    )
)


def asking(type_: QuestionType, *, required: bool = True) -> Policy:
    """Return a policy that asks a question."""
    return a_policy(question=Question(text="Why?", type=type_, required=required))


# One after the other


@pytest.mark.parametrize("text", ["looks good", "OPS-17 `now`", "yes", "123456", "web01", "none", "nobody objects"])
def test_what_stands_behind_the_id_is_the_reason_where_nothing_else_is_asked_for(text: str) -> None:
    """Whatever it looks like."""
    assert read_answer(PLAIN, f" {text} ") == Said(reason=text)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("approve", "approve"),
        ("Approve", "approve"),
        ("APPROVE.", "approve"),
        ("`snooze`", "snooze"),
        ("**snooze**", "snooze"),
        ("_snooze_", "snooze"),
        ('"snooze"', "snooze"),
        ("\u201cSnooze\u201d", "snooze"),
        ("`scale_down`", "scale_down"),
        ("", "approve"),
    ],
)
def test_a_choice_is_read_as_phones_and_people_write_it(text: str, choice: str) -> None:
    """In any case; without a word, it is the one that approves."""
    assert read_answer(CHOICES, text) == Said(choice=choice)


@pytest.mark.parametrize("text", ["snoze", "approved", "looks good", "no", "yes", "approve-it", "7f3kq2xa", "123456"])
def test_a_choice_that_does_not_exist_stays_as_it_was_said(text: str) -> None:
    """It is never taken for the one that approves, nor for a reason of that."""
    assert read_answer(CHOICES, text).choice == text.split(maxsplit=1)[0]
    assert chosen(CHOICES, read_answer(CHOICES, text).choice) is None


def test_without_one_that_approves_the_id_alone_chooses_nothing() -> None:
    """Also where a no is called `approve`."""
    for choice in (Choice(name="go"), Choice(name="approve", effect=Effect.DENY)):
        assert read_answer(a_policy(choices=(choice,)), "") == Said()


@pytest.mark.parametrize("code", ["123456", "123 456", "`123456`", "**123 456**", "123456.", "1234567", "1234 5678"])
def test_a_code_is_six_to_eight_digits_also_with_a_blank_in_the_middle(code: str) -> None:
    """What follows it is the reason."""
    digits = re.sub("[^0-9]", "", code)
    assert read_answer(a_policy(otp=True), f"{code} for OPS-1") == Said(code=digits, reason="for OPS-1")


@pytest.mark.parametrize("text", ["12345", "123456789", "12 3456", "a123456", "１２３４５６", "123456a"])
def test_what_is_no_code_is_none(text: str) -> None:
    """Nothing is cut out of a longer one."""
    assert read_answer(a_policy(otp=True), text).code == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("web01", "web01"),
        ("web01", "`web01`"),
        ("web01", '"web01"'),
        ("web01", "\u2018web01\u2019"),
        ("rm -rf --all", "rm -rf \u2014all"),
        ("rm -rf --all", "rm \u2013rf \u2014all"),
        ("it's", "it\u2019s"),
        ("two words", "two\u00a0 words"),
        ("a`b", "`` a`b ``"),
        ("a\u202eb", r"a\u202eb"),
        ("a & b", "a &amp; b"),
        ("@here", r"\u0040here"),
        ("", '""'),
        (" ", "\u201c\u201d"),
    ],
)
def test_a_text_is_typed_as_it_is_shown(text: str, said: str) -> None:
    """Phones change quotes, dashes and blanks, networks a few signs more."""
    assert read_answer(a_policy(typed=(text,)), f"{said} OPS-1") == Said(typed=(text,), reason="OPS-1")


@pytest.mark.parametrize("said", ["", "Web01", "web012", "web 01", "web0", "for web01", "web01,", "`web01", "\"web01'"])
def test_a_text_that_is_not_typed_exactly_or_stands_elsewhere_is_not_typed(said: str) -> None:
    """A capital is another letter."""
    assert read_answer(a_policy(typed=("web01",)), said).typed == ()


def test_a_long_dash_that_is_shown_is_not_typed_as_a_shorter_one() -> None:
    assert read_answer(a_policy(typed=("a\u2014\u2014b",)), "a\u2014b").typed == ()


def test_several_texts_stand_in_any_order() -> None:
    """One that is the beginning of another is not taken for it."""
    policy = a_policy(typed=("web", "web01", "drop all"))
    assert set(read_answer(policy, "web01 drop all web OPS-1").typed) == set(policy.typed)
    assert read_answer(policy, "web01 web").typed == ("web01", "web")


@pytest.mark.parametrize("text", ["yes", "Yes", "YES.", "`yes`", "**yes**", "yes!"])
def test_yes_is_the_last_word_of_a_choice_that_asks_whether_it_is_meant(text: str) -> None:
    """It is no part of the answer."""
    assert read_answer(CHOICES, f"scale_down 3 {text}") == Said(choice="scale_down", answer="3", sure=True)


@pytest.mark.parametrize(
    "text", ["eyes", '"he said yes"', "yes, later", "ye s", "yes?", "y", "ye\u017f", "yes yes-man"]
)
def test_nothing_else_is_a_yes(text: str) -> None:
    """Nor is one where nobody asks whether it is meant."""
    assert not read_answer(CHOICES, f"scale_down {text}").sure
    assert read_answer(CHOICES, "approve yes") == Said(choice="approve", reason="yes")


def test_a_no_or_a_snooze_needs_no_code_and_no_text() -> None:
    """What looks like one is a part of its reason."""
    policy = replace(CHOICES, otp=True, typed=("web01",))
    assert read_answer(policy, "dismiss web01 is down").reason == "web01 is down"
    assert read_answer(policy, "snooze 123456").reason == "123456"
    assert read_answer(policy, "approve 123456 web01 fine") == Said("approve", "123456", ("web01",), reason="fine")


@pytest.mark.parametrize(
    "text",
    [
        *("no", "No, wait", "not yet", "deny", "Deny it", "snooze", "later", "don\u2019t", "stop!"),
        "**no**",
        "\u201cNO\u201d wait",
    ],
)
def test_what_may_mean_no_is_not_the_reason_of_a_yes(text: str) -> None:
    """It is a choice that there is not."""
    said = read_answer(PLAIN, text)
    assert said.choice == text.split(maxsplit=1)[0]
    assert chosen(PLAIN, said.choice) is None


def test_an_answer_to_a_question_may_be_no_but_not_another_answer_alone() -> None:
    """`deny` alone is meant for the bot."""
    policy = asking(QuestionType.TEXT)
    assert read_answer(policy, "no").answer == "no"
    assert read_answer(policy, "deny all traffic").answer == "deny all traffic"
    assert read_answer(policy, "deny") == Said(choice="deny")


@pytest.mark.parametrize(
    ("type_", "said", "answer"),
    [
        (QuestionType.NUMBER, "`42`", "42"),
        (QuestionType.NUMBER, "4 2", "4 2"),
        (QuestionType.EMAIL, "<mailto:bob@example.org|bob@example.org>", "bob@example.org"),
        (QuestionType.EMAIL, "bob@example.org.", "bob@example.org"),
        (QuestionType.TEXT, '"as  it is".', '"as  it is".'),
        (QuestionType.JSON, '{"a":\n  "x  y"}', '{"a":\n  "x  y"}'),
        (QuestionType.JSON, '```json\n{"a":\n  "x  y"}\n```', '{"a":\n  "x  y"}'),
        (QuestionType.JSON, "{\u201ca\u201d: 1}", '{"a": 1}'),
        (QuestionType.JSON, '{"a": "\u201cx\u201d"}', '{"a": "\u201cx\u201d"}'),
        (QuestionType.JSON, "{a: 1}", "{a: 1}"),
    ],
)
def test_an_answer_is_what_was_meant_by_it(type_: QuestionType, said: str, answer: str) -> None:
    """What networks and phones add is taken off; blanks and line ends are not."""
    assert read_answer(asking(type_), said) == Said(answer=answer)


# What is said of how to answer


def code(value: object) -> str:
    """Return a value as the lines below show it."""
    return f"`{value}`"


def test_each_way_to_answer_has_its_command_alone_on_a_line() -> None:
    """So that it can be copied; the caption stands before it, what else it needs after it."""
    policy = replace(CHOICES, typed=("web01",), otp=True, patterns=("^OPS-[0-9]+",))
    assert how_to_answer(policy, "7f3kq2xa", "0c9mzt4e", prefix="!", code=code) == [
        "to `Do it`:",
        "!confirm 7f3kq2xa-0c9mzt4e approve",
        "and behind it, on the same line: your code, `web01`, a reason such as `OPS-123 …`",
        "to `say no`:",
        "!confirm 7f3kq2xa-0c9mzt4e dismiss",
        "to `be asked again in 1 h`:",
        "!confirm 7f3kq2xa-0c9mzt4e snooze",
        "!confirm 7f3kq2xa-0c9mzt4e scale_down",
        "and behind it, on the same line: your code, `web01`, "
        "an answer to `How many?` (a number), which is also a reason such as `OPS-123 …`, `yes`",
        "!deny 7f3kq2xa",
    ]
    assert how_to_answer(PLAIN, "7f3kq2xa", prefix="bot ", code=code) == ["bot confirm 7f3kq2xa", "bot deny 7f3kq2xa"]


def test_an_answer_that_may_be_left_out_is_asked_for_so() -> None:
    """Unless a reason is needed, which the answer then is."""
    optional = asking(QuestionType.TEXT, required=False)
    assert behind(optional, Choice(name=""), code) == ["if you like, an answer to `Why?`"]
    needed = replace(optional, reason=ReasonRule.REQUIRED)
    assert behind(needed, Choice(name=""), code) == ["an answer to `Why?`, which is also a reason"]


def test_each_pattern_of_a_reason_is_said_by_an_example() -> None:
    """One after the other; without any, it is just a reason."""
    policy = a_policy(patterns=("^OPS-[0-9]+", "urgent$"))
    assert wanted_reason(policy, code) == "a reason such as `OPS-123 …` and a reason such as `urgent`"
    assert wanted_reason(PLAIN, code) == "a reason"


# Whatever is said

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(str.strip)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
QUESTIONS = st.builds(Question, text=WORDS, type=st.sampled_from(QuestionType), required=st.booleans())
CHOSEN = st.lists(
    st.builds(
        Choice,
        name=NAMES | st.just("approve"),
        effect=st.sampled_from(Effect),
        question=st.none() | QUESTIONS,
        sure=st.booleans(),
        after=st.just(60.0),
    ),
    max_size=3,
    unique_by=lambda choice: choice.name.lower(),
)
POLICIES = st.builds(
    lambda choices, typed, **others: a_policy(choices=tuple(choices), typed=tuple(typed), **others),
    choices=CHOSEN,
    typed=st.lists(
        st.text(max_size=8) | st.sampled_from(["web01", "yes", "123456", "approve"]), max_size=2, unique=True
    ),
    otp=st.booleans(),
    reason=st.sampled_from(ReasonRule),
    patterns=st.sampled_from([(), ("^OPS-",)]),
    question=st.none() | QUESTIONS,
)
FILLED = {
    QuestionType.TEXT: "blue",
    QuestionType.EMAIL: "a@b.org",
    QuestionType.NUMBER: "3",
    QuestionType.JSON: '{"a": [1]}',
}


@given(POLICIES, st.booleans())
def test_what_is_shown_as_the_way_to_answer_is_read_as_it_is_meant(policy: Policy, on_slack: bool) -> None:
    """For each choice, as its texts look on any network, with what only people know in place of `<code>` and so on."""
    for choice in policy.choices or (Choice(name=""),):
        whole, asked = example(policy, choice), question(policy, choice)
        filled = replace(
            whole,
            code=whole.code and "123456",
            reason=whole.reason and "OPS-1 it is time",
            answer=whole.answer and asked is not None and FILLED[asked.type],
        )
        shown = visible(written(filled))
        line = html.unescape(SlackBackend().inert(shown)) if on_slack else shown
        read = read_answer(policy, line)
        assert replace(read, typed=()) == replace(filled, typed=())
        assert set(read.typed) == set(filled.typed)
        for stands_for in (CODE, REASON, *(shown for shown, _ in ANSWERS.values())):
            assert stands_for not in line


@given(POLICIES, WORDS.map(str.strip))
def test_a_line_as_it_is_shown_says_what_each_choice_is_called(policy: Policy, text: str) -> None:
    """The command of each choice stands alone on its line, and its name is read back."""
    lines = how_to_answer(policy, "7f3kq2xa", prefix="!", code=code)
    for choice in policy.choices:
        (line,) = [each for each in lines if each == f"!confirm 7f3kq2xa {choice.name}"]
        assert read_answer(policy, line.removeprefix("!confirm 7f3kq2xa")).choice == choice.name
        assert read_answer(policy, f"{choice.name} {text}").choice == choice.name


@given(st.none() | POLICIES, st.text() | st.lists(WORDS | st.sampled_from(["approve", "yes", "123456"])).map(" ".join))
def test_whatever_is_said_is_read_and_nothing_is_chosen_or_sure_by_accident(policy: Policy | None, text: str) -> None:
    """A choice is its first word, `yes` its last one, and a code and texts count only where they are asked for."""
    said = read_answer(policy, text)
    names = [choice.name for choice in policy.choices] if policy else []
    words = [re.sub(r"[^a-z0-9_-]", "", word.lower()) for word in text.split()]
    if said.choice in names and text.strip():
        assert said.choice.strip("_-").lower() in words[0]
    if said.sure:
        assert policy is not None
        assert next(choice for choice in policy.choices if choice.name == said.choice).sure
        assert words[-1] == "yes"
    assert not said.code or (policy is not None and policy.otp)
    assert set(said.typed) <= set(policy.typed if policy else ())


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_json_arrives_whole(value: object) -> None:
    """Also over several lines, and in a code block."""
    policy, text = asking(QuestionType.JSON), json.dumps(value, indent=2)
    for said in (text, f"```\n{text}\n```"):
        assert json.loads(read_answer(policy, said).answer) == value
