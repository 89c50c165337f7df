"""What somebody may try who must not decide: a second name, an answer that counts no more, a text that takes hours."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from builders import ECHO, NOW, RECORDS, a_policy, an_execution
from err_confirm.answers import read_answer
from err_confirm.engine import Engine
from err_confirm.engine.runs import told
from err_confirm.errors import LimitError
from err_confirm.limits import Limits, check
from err_confirm.model.executions import Execution, Place, Plan, Speaker, State, Verdict
from err_confirm.model.policies import AllOf, Choice, Question, QuestionType, Seat, Stage
from err_confirm.people import People
from err_confirm.policy.seating import Roster
from err_confirm.store.base import Store
from err_confirm.transition import transition
from err_confirm.transition.events import Advance, Answer, Event, Posted, Reason
from err_confirm.transition.steps import Already, Refusal, Step
from house import a_plan
from talk import a_bot, on_networks, write_files

SRE: Roster = {"@sre": frozenset({"alice", "bob", "carol", "dave"})}
ONE_OR_MORE = a_policy(("@sre",), choices=(Choice(name="approve"), Choice(name="more")))
SECONDS = 20.0
DEPLOY = """
name: deploy
formats: ["deploy {{what}}"]
run: {command: [echo, "{{ what }}"]}
confirm: {by: [bob, carol], need: 2, within: 1h, deny: {by: same, need: 2}}
"""


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
    "by", [("requester", "alice"), ("anyone", "alice"), ("irc:alice2!a@host", "alice")], ids=lambda by: by[0]
)
def test_on_irc_who_is_named_confirms_where_who_asked_may_or_is_named_too(by: tuple[str, ...]) -> None:
    asked = an_execution(a_policy(by), requester="irc:alice2!a@host", posted=True)
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
    check(Limits(room=4), plan, Speaker("irc:nick4", Place(person="nick4")), prompts, NOW)
    for place in (Place(person="nick4"), Place(person="nick4", room="#ops")):
        with pytest.raises(LimitError, match="in #ops"):
            check(Limits(room=3), plan, Speaker("irc:nick4", place), prompts, NOW)


def test_who_gets_a_name_after_asking_is_still_who_asked(store: Store) -> None:
    """Regression: alice asked, was put into CONFIRM_PEOPLE, and then confirmed her own request as somebody else."""
    before, now = People({"bob": ["slack:UBOB"]}), People({"alice": ["slack:UA", "slack:UA2"], "bob": ["slack:UBOB"]})
    asking, deciding = (Engine(store, RECORDS, lambda _: None, person=people.person) for people in (before, now))
    place, policy = Place(person="<@UA>"), a_policy(("others",))
    requester = before.person("slack:UA")
    asked = asking.create(a_plan(policy), Speaker(requester, place, "slack:UA"), "it")
    asking.apply(asked.id, Posted())
    for identity in ("slack:UA", "slack:UA2"):
        own = deciding.apply(asked.id, yes(now.person(identity), identity=identity))
        assert isinstance(own, Refusal)
        assert own.reason is Reason.NOT_YOURS
    assert isinstance(deciding.apply(asked.id, yes("bob", identity="slack:UBOB")), Step)


def test_who_gets_a_name_after_answering_fills_one_seat(store: Store) -> None:
    """Regression: an answer under an identity counted beside the one under the name that this identity has since."""
    before, now = People({"alice": ["slack:UA"]}), People({"alice": ["slack:UA"], "bob": ["slack:UB", "slack:UB2"]})
    engines = [Engine(store, RECORDS, lambda _: None, person=people.person) for people in (before, now)]
    seat = Seat(by=("slack:UB", "bob", "carol"))
    policy = replace(a_policy(), stages=(Stage(quorum=AllOf(all=(seat, seat)), retry_count=100),))
    asked = engines[0].create(a_plan(policy), Speaker("alice", Place(person="<@UA>")), "it")
    engines[0].apply(asked.id, Posted())
    engines[0].apply(asked.id, yes("slack:UB", identity="slack:UB"))
    engines[1].apply(asked.id, yes("bob", identity="slack:UB2"))
    execution, _ = engines[1].read(asked.id)
    assert execution is not None
    assert (execution.state, [vote.person for vote in execution.votes]) == (State.PENDING, ["bob"])
    engines[1].apply(asked.id, yes("carol", identity="slack:UC"))
    execution, _ = engines[1].read(asked.id)
    assert execution is not None
    assert execution.state is State.APPROVED


def test_another_answer_of_the_same_person_takes_the_place_of_the_first() -> None:
    """Regression: who corrected "40" to "4" was told that they had answered already, and it ran with 40."""
    question = Question(text="How many?", type=QuestionType.NUMBER)
    stages = (Stage(quorum=AllOf(all=(Seat(by=("@sre",)),) * 2)),)
    asked = an_execution(replace(a_policy(question=question), stages=stages), posted=True, requester="carol")
    first = after(asked, yes("bob", answer="40"))
    assert [vote.answer for vote in after(first, yes("bob", answer="4")).votes] == ["4"]
    for again in ("40", ""):
        assert isinstance(transition(first, yes("bob", answer=again), NOW + 2, SRE), Already)


def test_a_message_that_comes_again_takes_back_no_later_no(tmp_path: Path) -> None:
    """Regression: bob said yes twice, then no; when Slack handed the second yes over again, it counted."""
    write_files(tmp_path, {"aliases/deploy.yaml": DEPLOY})
    people = {name: [f"slack:{on_networks(name)[0]}"] for name in ("alice", "bob", "carol")}
    with a_bot(tmp_path, LOOPBACK_NETWORK="slackv3", CONFIRM_PEOPLE=people) as talk:
        talk.alice.says("!deploy it")
        asked = talk.prompt()
        for stamp, said in enumerate(("confirm", "confirm", "deny", "confirm"), 1):
            talk.bot.event = {"ts": f"{min(stamp, 2) if said == 'confirm' else stamp}.5"}
            talk.bob.says(f"!{said} {asked}")
            talk.quiet()
        assert [vote.verdict for vote in talk.execution(asked).votes] == [Verdict.DENY]
