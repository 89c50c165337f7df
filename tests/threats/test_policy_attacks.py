"""What somebody may try who must not decide: a second name, an answer that counts no more, a text that takes hours."""

import json
import threading
from dataclasses import replace

import pytest

from builders import ECHO, NOW, a_policy, an_execution
from err_confirm.answers import read_answer
from err_confirm.errors import LimitError
from err_confirm.events import Advance, Answer, Event, Reason
from err_confirm.limits import Limits, Request, check
from err_confirm.model import Choice, Execution, Place, Plan, Policy, Question, QuestionType, State, Verdict
from err_confirm.policy import Roster
from err_confirm.runs import told
from err_confirm.steps import Refusal
from err_confirm.transition import transition

SRE: Roster = {"@sre": frozenset({"alice", "bob", "carol", "dave"})}
ONE_OR_MORE = a_policy(("@sre",), choices=(Choice(name="approve"), Choice(name="more")))
SECONDS = 20.0


def after(execution: Execution, *events: Event, roster: Roster = SRE) -> Execution:
    """Return what becomes of an execution, one second after the other."""
    for seconds, event in enumerate(events, 1):
        decision = transition(execution, event, NOW + seconds, roster)
        assert decision.execution is not None
        execution = decision.execution
    return execution


def yes(person: str, **more: str) -> Answer:
    return Answer(person, Verdict.APPROVE, **more)


@pytest.mark.parametrize("text", ["`" * 40_000 + "x", "`" * 40_001, "[" * 100_000, "`* " * 100_000, "9" * 100_000])
def test_no_text_takes_long_to_read_whoever_says_it(text: str) -> None:
    """Regression: 4,000 back-ticks to a question for JSON held the whole bot for 9 s, and 40,000 for hours."""
    policy = a_policy(question=Question(text="Which?", type=QuestionType.JSON))
    reading = threading.Thread(target=read_answer, args=(policy, text), daemon=True)
    reading.start()
    reading.join(SECONDS)
    assert not reading.is_alive()


@pytest.mark.parametrize("said", ['`{"a": 1}`', '```\n{"a": 1}\n```', '```json\n{"a": 1}```', '{"a": 1}'])
def test_a_block_of_code_is_still_what_stands_in_it(said: str) -> None:
    policy = a_policy(question=Question(text="Which?", type=QuestionType.JSON))
    assert json.loads(read_answer(policy, said).answer) == {"a": 1}


def test_what_runs_is_told_only_the_answers_that_let_it_run() -> None:
    """Regression: it was told, too, what people said who took another choice, or had left the group by then."""
    voted = an_execution(ONE_OR_MORE, posted=True)
    votes = [yes("dave", choice="more", answer="99"), yes("bob", choice="approve", answer="1")]
    early = tuple(after(voted, vote).votes[0] for vote in votes)
    stranger = replace(early[1], person="mallory", answer="666")
    running = replace(
        voted, state=State.RUNNING, votes=(*early, stranger), choice="approve", started_at=NOW + 5, decided_by="bob"
    )
    assert [each["person"] for each in json.loads(told(running, SRE)["CONFIRM_ANSWERS"])] == ["bob"]
    assert json.loads(told(replace(running, started_at=NOW + 500), SRE)["CONFIRM_ANSWERS"]) == []


@pytest.mark.parametrize("by", ["@sre", "alice"])
def test_on_irc_who_asks_under_a_second_nick_confirms_as_nobody_who_is_named(by: str) -> None:
    """Regression: alice asked under a nick of which CONFIRM_PEOPLE knows nothing, and confirmed as one of @sre."""
    asked = an_execution(a_policy((by,)), requester="irc:alice2!a@host", posted=True)
    decision = transition(asked, yes("alice"), NOW + 1, SRE)
    assert isinstance(decision, Refusal)
    assert decision.reason is Reason.UNPROVEN
    assert after(replace(asked, requester="bob"), yes("alice"), Advance("one")).state is State.RUNNING
    assert after(asked, Answer("alice", Verdict.DENY)).state is State.PENDING, "deny is for who asked here"


@pytest.mark.parametrize(
    "policy",
    [a_policy(("requester", "alice")), a_policy(("anyone", "alice")), a_policy(("irc:alice2!a@host", "alice"))],
)
def test_on_irc_who_is_named_confirms_where_who_asked_may_or_is_named_too(policy: Policy) -> None:
    asked = an_execution(policy, requester="irc:alice2!a@host", posted=True)
    assert after(asked, yes("alice"), Advance("one")).state is State.RUNNING


def test_a_room_to_which_a_policy_sends_prompts_is_not_flooded_from_elsewhere() -> None:
    """Regression: many who ask in direct messages posted any number of prompts in the room of `ask`."""
    policy = a_policy(("@sre",), room="#ops")
    plan = Plan(alias="echo", action="echo", policy=policy, invocation=ECHO)
    prompts = [
        an_execution(
            policy, id=f"{number:08}", requester=f"irc:nick{number}!n@host", place=Place(person=f"nick{number}")
        )
        for number in range(3)
    ]
    one_more = Request(plan=plan, requester="irc:nick4", place=Place(person="nick4"))
    check(Limits(room=4), one_more, prompts, NOW)
    for place in (Place(person="nick4"), Place(person="nick4", room="#ops")):
        with pytest.raises(LimitError, match="in #ops"):
            check(Limits(room=3), replace(one_more, place=place), prompts, NOW)
