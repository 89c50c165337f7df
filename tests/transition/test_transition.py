"""The one state machine: a table of what is said, and rules that hold for every history."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from builders import ECHO, NOW, a_policy, an_execution
from err_confirm import policy as policies
from err_confirm import transition as real
from err_confirm.model.executions import Execution, Notice, State, Verdict, Vote
from err_confirm.model.policies import (
    AllOf,
    AnyOf,
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
from err_confirm.model.runs import (
    LOOP_RUNNER,
    MOST_RUNS,
    Conduct,
    Invocation,
    Lookup,
    Mutex,
    OnChange,
    Outcome,
    Part,
    PartState,
    Preview,
    Target,
    bound,
)
from err_confirm.policy import seating, times
from err_confirm.transition import answering, claiming, demands, due_at, keep_until, running, steps, transition, waiting
from err_confirm.transition.events import (
    Abort,
    Advance,
    Answer,
    Cancel,
    Doubt,
    Event,
    Expire,
    Finish,
    Posted,
    Progress,
    Read,
    Reason,
    Renew,
    Told,
)
from err_confirm.transition.steps import (
    KEEP,
    LATEST_WRITE,
    LEASE,
    RUN_AGAIN_WITHIN,
    RUN_WITHIN,
    TELL_AGAIN,
    TELL_AGAIN_AT_MOST,
    Already,
    Decision,
    Refusal,
    Step,
)
from ledger import GUESTS, LEADS, PEOPLE, ROSTERS, SRE, Ledger
from planting import planted_below

OTHERS = a_policy(by=("others",), deny_by=("others",))
FINE = Outcome(exit_code=0)


def confirm(person: str) -> Answer:
    return Answer(person, Verdict.APPROVE)


def deny(person: str, reason: str = "") -> Answer:
    return Answer(person, Verdict.DENY, reason)


def after(execution: Execution, *events: tuple[float, Event]) -> Execution:
    """Return the execution after events, each so many seconds after it was asked for; every one must be a step."""
    for seconds, event in events:
        decision = transition(execution, event, NOW + seconds)
        assert isinstance(decision, Step), (event, decision)
        execution = decision.execution
    return execution


def refusal(execution: Execution, event: Event, seconds: float = 1) -> Reason:
    decision = transition(execution, event, NOW + seconds)
    assert isinstance(decision, Refusal), decision
    return decision.reason


APPROVED = after(an_execution(), (1, confirm("alice")))
RUNNING = after(APPROVED, (2, Advance("one")))
LOST = after(RUNNING, (3 + LEASE, Advance("two")))
ENDED = {
    State.SUCCEEDED: after(RUNNING, (3, Finish("one", 1, FINE))),
    State.FAILED: after(RUNNING, (3, Finish("one", 1, Outcome(exit_code=2)))),
    State.ABORTED: after(RUNNING, (3, Finish("one", 1, Outcome(exit_code=None, aborted=True)))),
    State.LOST: LOST,
    State.DENIED: after(an_execution(), (1, deny("alice"))),
    State.CANCELED: after(an_execution(), (1, Cancel("alice"))),
    State.EXPIRED: after(an_execution(), (60, Advance("one"))),
}


@pytest.mark.parametrize("state", ENDED)
def test_each_end_is_reached_kept_for_a_day_and_due_until_it_was_told(state: State) -> None:
    execution = ENDED[state]
    assert execution.state is state
    assert execution.ended_at is not None
    assert (due_at(execution), keep_until(execution)) == (execution.ended_at + TELL_AGAIN, execution.ended_at + KEEP)
    told = after(execution, (100, Told(state)))
    assert (due_at(told), keep_until(told), told.state) == (None, execution.ended_at + KEEP, state)
    assert isinstance(transition(told, Told(state), NOW + 101), Already)
    assert refusal(told, Advance("one"), 10_000) is Reason.ENDED


def test_an_end_that_nobody_noted_as_told_is_told_by_one_process_later_and_ever_more_seldom() -> None:
    execution, at = ENDED[State.DENIED], 1.0
    assert refusal(execution, Advance("one"), at + TELL_AGAIN - 1) is Reason.ENDED
    for attempt, pause in ((2, 60), (3, 120), (4, 240), (5, 480), (6, TELL_AGAIN_AT_MOST), (7, TELL_AGAIN_AT_MOST)):
        assert execution.tell_after is not None
        at = execution.tell_after - NOW
        execution = after(execution, (at, Advance("one")))
        assert (execution.tells, execution.tell_after, execution.state) == (attempt, NOW + at + pause, State.DENIED)
        assert refusal(execution, Advance("two"), at) is Reason.ENDED, "one process tells it"


def test_that_lost_was_told_says_nothing_of_the_late_report() -> None:
    corrected = after(LOST, (90, Finish("one", 1, FINE)))
    assert isinstance(transition(corrected, Told(State.LOST), NOW + 91), Already)
    assert due_at(corrected) == NOW + 90 + TELL_AGAIN
    assert after(LOST, (90, Advance("one"))).tells == 2
    assert after(after(LOST, (90, Told(State.LOST))), (99, Finish("one", 1, FINE))).tells == 1


def test_what_has_waited_its_whole_time_expires_whatever_the_clock_of_the_store_says() -> None:
    posted = after(an_execution(), (10, Posted()))
    assert after(posted, (-3_600, Expire(posted.expires_at))).state is State.EXPIRED
    assert refusal(APPROVED, Expire(APPROVED.expires_at)) is Reason.DECIDED
    assert refusal(RUNNING, Expire(RUNNING.expires_at)) is Reason.RUNNING
    assert refusal(ENDED[State.DENIED], Expire(0.0)) is Reason.DECIDED


def test_what_nobody_can_vouch_for_expires_and_says_why() -> None:
    doubted = after(APPROVED, (2, Doubt("the journal is gone")))
    assert (doubted.state, doubted.reason, doubted.tells) == (State.EXPIRED, "the journal is gone", 1)
    assert refusal(an_execution(), Doubt("")) is Reason.DECIDED
    assert refusal(RUNNING, Doubt("")) is Reason.RUNNING
    assert refusal(ENDED[State.DENIED], Doubt("")) is Reason.DECIDED


def test_an_answer_says_where_it_came_from() -> None:
    said = Answer("alice", Verdict.APPROVE, identity="slack:U1", room="#ops")
    (vote,) = after(an_execution(), (1, said)).votes
    assert (vote.identity, vote.room) == ("slack:U1", "#ops")


def test_the_deadline_starts_when_the_prompt_has_been_posted() -> None:
    posted = after(an_execution(), (10, Posted()))
    assert posted.expires_at == NOW + 10 + 60
    assert isinstance(transition(posted, Posted(), NOW + 20), Already)


def test_a_confirmation_counts_until_its_own_ttl_ends() -> None:
    """A short wait makes a short vote: claimed later, it no longer counts and nothing runs."""
    short = a_policy(retry_count=2, retry_delay=0.5)
    approved = after(an_execution(short), (0.5, confirm("alice")))
    assert after(approved, (1.4, Advance("one"))).state is State.RUNNING
    assert after(approved, (1.6, Advance("one"))).state is State.EXPIRED


def test_what_is_approved_is_due_at_once_and_expires_if_nobody_claims_it() -> None:
    assert due_at(APPROVED) == NOW + 1
    long = after(an_execution(a_policy(retry_count=1000)), (1, confirm("alice")))
    assert after(long, (1 + RUN_WITHIN, Advance("one"))).state is State.EXPIRED


def test_a_claim_counts_again_and_binds_what_was_shown() -> None:
    other = Invocation(runner="command", spec={"argv": ["rm"]})
    assert after(replace(APPROVED, invocation=other), (2, Advance("one"))).state is State.EXPIRED
    assert after(replace(APPROVED, votes=()), (2, Advance("one"))).state is State.EXPIRED
    for_another = replace(APPROVED.votes[0], digest=other.digest)
    assert after(replace(APPROVED, votes=(for_another,)), (2, Advance("one"))).state is State.EXPIRED
    by_mallory = replace(APPROVED.votes[0], person="mallory")
    assert after(replace(APPROVED, votes=(by_mallory,)), (2, Advance("one"))).state is State.EXPIRED


def test_one_process_claims_and_holds_it_by_renewing() -> None:
    assert (RUNNING.process, RUNNING.fence, RUNNING.lease_until) == ("one", 1, NOW + 2 + LEASE)
    assert refusal(RUNNING, Advance("two")) is Reason.RUNNING
    assert isinstance(transition(RUNNING, Advance("one"), NOW + 3), Already)
    assert after(RUNNING, (2 + LEASE, Advance("one"))).state is State.LOST, "claimed, and then never started"
    renewed = after(RUNNING, (20, Renew("one", 1)))
    assert renewed.lease_until == NOW + 20 + LEASE
    assert refusal(RUNNING, Renew("two", 1)) is Reason.STALE
    assert refusal(RUNNING, Renew("one", 2)) is Reason.STALE
    assert refusal(LOST, Renew("one", 1)) is Reason.STALE


def test_only_the_late_report_of_the_same_claim_corrects_lost() -> None:
    assert after(LOST, (90, Finish("one", 1, FINE))).state is State.SUCCEEDED
    assert refusal(LOST, Finish("two", 1, FINE)) is Reason.STALE
    assert refusal(LOST, Finish("one", 2, FINE)) is Reason.STALE
    assert isinstance(transition(ENDED[State.FAILED], Finish("one", 1, FINE), NOW + 9), Already)


@pytest.mark.parametrize(
    ("execution", "event", "reason"),
    [
        (an_execution(), confirm("mallory"), Reason.NOT_YOURS),
        (an_execution(), deny("mallory"), Reason.NOT_YOURS),
        (an_execution(), Cancel("mallory"), Reason.NOT_REQUESTER),
        (an_execution(OTHERS), confirm("alice"), Reason.NOT_YOURS),
        (an_execution(), Advance("one"), Reason.NOT_YET),
        (an_execution(a_policy(by=("bob",), deny_by=("carol",))), deny("bob"), Reason.NOT_YOURS),
        (APPROVED, confirm("bob"), Reason.DECIDED),
        (RUNNING, confirm("bob"), Reason.RUNNING),
        (RUNNING, deny("alice"), Reason.RUNNING),
        (RUNNING, Cancel("alice"), Reason.RUNNING),
        (ENDED[State.SUCCEEDED], deny("alice"), Reason.ENDED),
        (ENDED[State.LOST], confirm("bob"), Reason.ENDED),
        (ENDED[State.DENIED], confirm("alice"), Reason.DECIDED),
        (ENDED[State.CANCELED], confirm("alice"), Reason.DECIDED),
        (ENDED[State.EXPIRED], confirm("alice"), Reason.EXPIRED),
        (ENDED[State.EXPIRED], Posted(), None),
    ],
)
def test_each_refusal_has_its_own_reason(execution: Execution, event: Event, reason: Reason | None) -> None:
    decision = transition(execution, event, NOW + 2)
    assert (decision.reason if isinstance(decision, Refusal) else None) is reason


def test_an_answer_after_the_deadline_is_too_late_even_before_the_gate_has_looked() -> None:
    assert refusal(an_execution(), confirm("alice"), 60) is Reason.EXPIRED
    assert refusal(an_execution(), deny("alice"), 60) is Reason.EXPIRED
    assert refusal(an_execution(), Posted(), 60) is Reason.EXPIRED


@pytest.mark.parametrize("state", [State.RUNNING, State.SUCCEEDED, State.FAILED, State.ABORTED, State.LOST])
def test_saying_the_same_again_is_no_new_vote(state: State) -> None:
    execution = RUNNING if state is State.RUNNING else ENDED[state]
    assert isinstance(transition(execution, confirm("alice"), NOW + 3), Already)
    assert isinstance(transition(ENDED[State.DENIED], deny("alice"), NOW + 3), Already)
    assert isinstance(transition(ENDED[State.CANCELED], Cancel("alice"), NOW + 3), Already)


def test_what_is_approved_can_still_be_denied_or_canceled_until_it_runs() -> None:
    assert after(APPROVED, (2, deny("alice", "wrong host"))).reason == "wrong host"
    assert after(APPROVED, (2, Cancel("alice"))).state is State.CANCELED


def test_without_a_policy_nobody_need_answer() -> None:
    free = an_execution(None)
    assert refusal(free, confirm("alice")) is Reason.DECIDED
    assert after(free, (1, Advance("one"))).state is State.RUNNING


@pytest.mark.parametrize(
    ("by", "asks", "confirms", "proved"),
    [
        (("others",), "irc:alice!a@host", "irc:alice2!a@host", False),
        (("others",), "irc:alice!a@host", "bob", False),
        (("others",), "alice", "irc:bob!b@host", False),
        (("others",), "alice", "bob", True),
        (("others",), "slack:U1", "slack:U2", True),
        (("others", "irc:bob!b@host"), "alice", "irc:bob!b@host", True),
        (("others", "anyone"), "irc:alice!a@host", "irc:bob!b@host", True),
        (("anyone",), "irc:alice!a@host", "irc:bob!b@host", True),
    ],
)
def test_where_anybody_may_take_one_more_name_others_are_those_whom_the_map_names(
    by: tuple[str, ...], asks: str, confirms: str, proved: bool
) -> None:
    """Regression: on IRC, alice asked, took another nick and confirmed as one of the others."""
    asked = an_execution(a_policy(by=by, deny_by=by), requester=asks)
    if proved:
        assert after(asked, (1, confirm(confirms)), (2, Advance("one"))).state is State.RUNNING
    else:
        assert refusal(asked, confirm(confirms)) is Reason.UNPROVEN
        assert after(asked, (1, deny(confirms))).state is State.DENIED, "a no needs no proof"
        vote = Vote(person=confirms, verdict=Verdict.APPROVE, at=NOW, expires_at=NOW + 60, digest=asked.digest)
        voted = replace(asked, votes=(vote,), state=State.APPROVED, approved_at=NOW)
        assert after(voted, (1, Advance("one"))).state is State.EXPIRED, "and the claim counts no such vote"


def test_what_is_next_due_depends_on_the_state() -> None:
    assert due_at(an_execution()) == NOW + 60
    assert due_at(RUNNING) == NOW + 2 + LEASE
    assert (keep_until(an_execution()), keep_until(APPROVED), keep_until(RUNNING)) == (None, None, None)


@pytest.mark.parametrize(
    ("execution", "event", "seconds", "until"),
    [
        (an_execution(), Posted(), 10, 10 + LATEST_WRITE),
        (an_execution(), confirm("alice"), 10, 10 + LATEST_WRITE),
        (an_execution(), confirm("alice"), 58, 60),
        (an_execution(), deny("alice"), 58, 60),
        (APPROVED, deny("alice"), 59, 1 + RUN_WITHIN),
        (APPROVED, Cancel("alice"), 59, 59 + LATEST_WRITE),
        (APPROVED, Advance("one"), 2, 2 + LATEST_WRITE),
        (APPROVED, Advance("one"), 59, 1 + RUN_WITHIN),
        (replace(APPROVED, approved_at=NOW + 30), Advance("one"), 59, 61),
        (RUNNING, Renew("one", 1), 10, 10 + LATEST_WRITE),
        (RUNNING, Finish("one", 1, FINE), 10, 10 + LATEST_WRITE),
        (LOST, Told(State.LOST), 90, 90 + LATEST_WRITE),
    ],
)
def test_a_step_is_one_version_more_and_may_be_written_for_seconds_and_only_while_its_cause_lasts(
    execution: Execution, event: Event, seconds: float, until: float
) -> None:
    """Its cause is the deadline for an answer, and for a claim that and the last moment at which the vote counts."""
    step = transition(execution, event, NOW + seconds)
    assert isinstance(step, Step)
    assert (step.execution.version, step.not_before, step.not_after) == (
        execution.version + 1,
        NOW + seconds,
        NOW + until,
    )


def test_what_needs_no_answer_may_run_once_its_prompt_was_posted() -> None:
    asked = an_execution(None, state=State.PENDING, approved_at=None, expires_at=NOW + 60)
    posted = after(asked, (1, Posted()))
    assert (posted.state, posted.posted, posted.approved_at) == (State.APPROVED, True, NOW + 1)
    assert isinstance(transition(posted, Posted(), NOW + 2), Already)
    assert isinstance(transition(RUNNING, Posted(), NOW + 999), Already)


def test_a_vote_holds_who_said_what_when_why_and_for_what() -> None:
    approved = after(an_execution(), (1, Answer("alice", Verdict.APPROVE, "a reason", "slack:U1", "#ops")))
    assert approved.votes == (
        Vote(
            person="alice",
            verdict=Verdict.APPROVE,
            at=NOW + 1,
            expires_at=NOW + 61,
            digest=approved.digest,
            reason="a reason",
            identity="slack:U1",
            room="#ops",
        ),
    )
    assert (approved.decided_by, approved.reason) == ("alice", "a reason")
    denied = after(an_execution(), (1, deny("alice", "no")))
    assert (denied.decided_by, denied.reason) == ("alice", "no")
    canceled = after(an_execution(), (1, Cancel("alice", "a slip")))
    assert (canceled.decided_by, canceled.reason) == ("alice", "a slip")


def test_the_votes_of_others_stay() -> None:
    execution = after(an_execution(a_policy(by=("bob",), deny_by=("carol",))), (1, confirm("bob")), (2, deny("carol")))
    assert [vote.person for vote in execution.votes] == ["bob", "carol"]


def test_a_vote_that_no_longer_counts_decides_nothing_and_can_be_said_again() -> None:
    """Given a vote whose TTL was over before the wait was: none of our policies does that."""
    waiting = after(an_execution(a_policy(retry_count=0), expires_at=NOW + 60), (58, confirm("alice")))
    assert (waiting.state, waiting.decided_by, len(waiting.votes)) == (State.PENDING, "", 1)
    step = transition(waiting, confirm("alice"), NOW + 58)
    assert isinstance(step, Step)
    assert (step.not_after, len(step.execution.votes)) == (NOW + 60, 1)
    counting = replace(waiting, votes=(replace(waiting.votes[0], expires_at=NOW + 59),))
    assert isinstance(transition(counting, confirm("alice"), NOW + 58.5), Already)
    assert isinstance(transition(counting, confirm("alice"), NOW + 59), Step)


@pytest.mark.parametrize(
    ("no", "reason"),
    [(Cancel("alice"), Reason.DECIDED), (deny("carol"), Reason.DECIDED), (Advance("one"), Reason.EXPIRED)],
)
def test_who_has_confirmed_what_did_not_run_is_told_so(no: Event, reason: Reason) -> None:
    policy = a_policy(deny_by=("carol",))
    ended = after(an_execution(policy), (1, confirm("alice")), (60 if isinstance(no, Answer) else 61, no))
    assert ended.state.ended
    assert refusal(ended, confirm("alice"), 62) is reason


def test_a_claim_that_runs_nothing_says_why() -> None:
    other = Invocation(runner="command", spec={"argv": ["rm"]})
    long = after(an_execution(a_policy(retry_count=1000)), (1, confirm("alice")))
    assert [
        after(execution, (1 + RUN_WITHIN, Advance("one"))).reason
        for execution in (
            replace(APPROVED, invocation=other),
            long,
            replace(APPROVED, votes=(), approved_at=NOW + 2),
        )
    ] == [
        "what would run is not what was shown",
        "no bot could start it in time",
        "the confirmation no longer counted",
    ]


def test_a_claim_says_who_runs_it_since_when() -> None:
    assert (RUNNING.state, RUNNING.started_at, RUNNING.process) == (State.RUNNING, NOW + 2, "one")


def test_an_end_holds_how_it_ended() -> None:
    assert ENDED[State.FAILED].outcome == Outcome(exit_code=2)
    assert after(LOST, (90, Finish("one", 1, FINE))).outcome == FINE


def test_without_the_moments_that_it_needs_nothing_runs() -> None:
    """Given a record that none of our steps writes, then in doubt it is no."""
    assert after(replace(APPROVED, approved_at=None), (2, Advance("one"))).state is State.EXPIRED
    assert after(replace(RUNNING, lease_until=None), (3, Advance("two"))).state is State.LOST


# ---- what runs, by example ----


def of(what_runs: int, policy: Policy | None = None) -> Execution:
    """Return an execution of one of the kinds, right after it was asked for; who asked confirms it."""
    invocation, conduct = WHATS[what_runs]
    digest = bound(invocation, {}, conduct)
    return an_execution(policy or a_policy(), invocation=invocation, conduct=conduct, digest=digest)


def test_what_a_prompt_could_not_show_whole_is_seen_before_a_yes_but_not_before_a_no() -> None:
    cut = of(CUT)
    assert refusal(cut, confirm("alice")) is Reason.UNREAD
    assert after(cut, (1, deny("alice"))).state is State.DENIED
    read = after(cut, (1, Read("alice")))
    assert (read.readers, after(read, (2, confirm("alice"))).state) == (("alice",), State.APPROVED)
    assert isinstance(transition(read, Read("alice"), NOW + 2), Already)
    assert isinstance(transition(an_execution(), Read("alice"), NOW + 1), Already), (
        "where all was shown, it matters not"
    )


def test_what_waits_for_others_may_run_later_and_its_votes_count_as_long() -> None:
    approved = after(of(CUT), (1, Read("alice")), (2, confirm("alice")))
    assert approved.votes[0].expires_at == NOW + 2 + 60 + 40
    assert after(approved, (101.9, Advance("one"))).state is State.RUNNING
    assert after(approved, (102, Advance("one"))).reason == "no bot could start it in time"
    assert refusal(approved, deny("alice"), 102) is Reason.EXPIRED


def test_what_may_be_is_started_again_when_it_is_lost_within_an_hour_twice_and_never_after_an_abort() -> None:
    first = after(of(AGAIN), (1, confirm("alice")), (2, Advance("one")))
    second = after(first, (2 + LEASE, Advance("two")))
    assert (second.state, second.process, second.fence, second.started_at) == (State.RUNNING, "two", 2, NOW + 2)
    assert refusal(second, Finish("one", 1, FINE), 40) is Reason.STALE, "who ran it before has nothing to say"
    third = after(second, (40, Finish("two", 2, LOST_BY_ITS_WORKER)), (40, Advance("one")))
    assert (third.state, third.fence) == (State.RUNNING, MOST_RUNS)
    assert after(third, (50, Finish("one", 3, LOST_BY_ITS_WORKER))).reason == "its worker is gone"
    assert after(first, (2 + RUN_AGAIN_WITHIN, Advance("two"))).state is State.LOST
    assert after(first, (3, Abort("alice")), (2 + LEASE, Advance("two"))).state is State.LOST
    assert refusal(first, Doubt("why"), 3) is Reason.RUNNING
    doubted = after(first, (2 + LEASE, Doubt("why")))
    assert (doubted.state, doubted.reason) == (State.LOST, "why")
    changed = after(replace(first, digest="another"), (2 + LEASE, Advance("two")))
    assert (changed.state, changed.reason) == (State.LOST, "what would run is not what was shown")


def test_a_loop_leaves_out_what_is_gone_and_goes_on_where_another_one_was_lost() -> None:
    approved = after(of(LOOPED), (1, confirm("alice")))
    running = after(approved, (2, Advance("one", SOME)))
    assert running.parts == (WAITS, GONE, WAITS)
    assert after(approved, (2, Advance("one", ALL))).reason == "none of its targets is there any more"
    told = after(running, (3, Progress("one", 1, (DONE, GONE, RUNS))))
    assert (told.lease_until, told.parts) == (NOW + 3 + LEASE, (DONE, GONE, RUNS))
    assert after(told, (3 + LEASE, Advance("two"))).parts == (DONE, GONE, WAITS)
    assert refusal(running, Progress("two", 1, ()), 3) is Reason.STALE
    ended = after(told, (4, Finish("one", 1, replace(FINE, parts=(DONE, GONE, DONE)))))
    assert (ended.parts, ended.outcome) == ((DONE, GONE, DONE), FINE)


def test_what_somebody_wants_stopped_says_so_until_it_has_ended() -> None:
    stopping = after(RUNNING, (3, Abort("alice", "wrong host")))
    assert (stopping.state, stopping.aborted_by, stopping.abort_reason) == (State.RUNNING, "alice", "wrong host")
    assert stopping.lease_until == RUNNING.lease_until, "that is no sign of life"
    assert isinstance(transition(stopping, Abort("bob"), NOW + 4), Already)
    stopped = after(stopping, (4, Finish("one", 1, OUTCOMES[2])))
    assert isinstance(transition(stopped, Abort("bob"), NOW + 5), Already)
    assert after(stopping, (4, Finish("one", 1, FINE))).state is State.SUCCEEDED, "it was faster"
    assert [refusal(each, Abort("alice"), 9) for each in (an_execution(), APPROVED, LOST, ENDED[State.DENIED])] == [
        Reason.NOT_RUNNING,
        Reason.NOT_RUNNING,
        Reason.ENDED,
        Reason.DECIDED,
    ]
    vote = replace(RUNNING.votes[0], person="zoe")
    assert after(replace(RUNNING, votes=(vote,)), (3, Abort("zoe"))).aborted_by == "zoe", "who has confirmed it"
    later = a_policy(by=("bob",), deny_by=("bob",))
    later = replace(later, stages=(replace(later.stages[0], escalate_after=1.0, escalate_to=("carol",)),))
    asked = an_execution(later, posted=True, stage_at=NOW)
    called = after(asked, (1, Advance("one")), (2, confirm("bob")), (3, Advance("one")))
    assert after(called, (4, Abort("carol"))).aborted_by == "carol", "who was called because nobody answered"


# ---- rules that hold for every history ----

PROCESSES = ("one", "two")


def need(count: int, *by: str) -> AllOf:
    return AllOf(all=(Seat(by=by),) * count)


QUICK = Stage(quorum=Seat(by=(SRE,)), retry_count=10, remind=10.0, escalate_after=9.0, escalate_to=("mallory", LEADS))
APPROVE, DISMISS = Choice(name="approve"), Choice(name="dismiss", effect=Effect.DENY)
SNOOZE = Choice(name="snooze", effect=Effect.SNOOZE, after=61.0)
FOREVER = Choice(name="forever", effect=Effect.SNOOZE, after=1e9)
OTHER = Choice(name="other", run="other", sure=True, question=Question(text="How many?", type=QuestionType.NUMBER))
LUNCH = Freeze(times=Times(hours=((13 * 60 + 48, 13 * 60 + 50),)), reason="lunch")
POLICIES = (
    None,
    a_policy(),
    a_policy(by=("others",), deny_by=("others",), retry_count=100),
    a_policy(by=("bob",), deny_by=("bob", "requester"), retry_count=100),
    a_policy(by=("bob", "carol"), deny_by=("anyone",), retry_count=3),
    a_policy(by=("anyone",), deny_by=("carol",), retry_count=2, retry_delay=1.0),
    Policy(stages=(Stage(quorum=need(2, SRE), retry_count=100),), deny=need(2, "anyone")),
    Policy(stages=(QUICK, Stage(quorum=Seat(by=(LEADS,)), remind=31.0)), deny=Seat(by=("others",))),
    Policy(
        stages=(Stage(quorum=AllOf(all=(Seat(by=(SRE,)), Seat(by=(LEADS,)))), retry_count=100),),
        deny=Seat(by=("others",)),
    ),
    Policy(
        stages=(Stage(quorum=AnyOf(any=(need(2, "others"), Seat(by=("dave",)))), retry_count=50),),
        deny=AnyOf(any=(need(2, SRE), Seat(by=("requester",)))),
    ),
    Policy(
        stages=(replace(QUICK, quorum=need(2, "anyone"), retry_count=40),),
        deny=need(2, SRE),
        choices=(APPROVE, DISMISS, SNOOZE, FOREVER, OTHER),
    ),
    Policy(
        stages=(
            replace(QUICK, quorum=Seat(by=("bob", "alice"), own=True)),
            replace(QUICK, remind=0.0, escalate_after=0.0),
        ),
        deny=Seat(by=("requester",)),
        choices=(APPROVE, SNOOZE),
    ),
    a_policy(
        by=(SRE, "anyone"),
        deny_by=("anyone",),
        patterns=("^OPS-",),
        typed=("web1",),
        otp=True,
        via=("slack",),
        dm=True,
        question=Question(text="How many?", type=QuestionType.NUMBER, required=False),
    ),
    a_policy(by=("anyone",), deny_by=("others",), retry_count=100, freezes=(LUNCH,), reason=ReasonRule.REQUIRED),
)
LOST_BY_ITS_WORKER = Outcome(exit_code=None, error="its worker is gone", lost=True)
OUTCOMES = (FINE, Outcome(exit_code=1), Outcome(exit_code=None, aborted=True, error="stopped"), LOST_BY_ITS_WORKER)
LOOP = Invocation(runner=LOOP_RUNNER, spec={"each": [{}, {}, {}]})
TARGETS = tuple(Target(id=name) for name in ("one", "two", "three"))
DONE, RUNS, WAITS, GONE = (Part(state=PartState(state)) for state in ("done", "runs", "waits", "gone"))
WHATS = (
    (ECHO, Conduct()),
    (ECHO, Conduct(preview=Preview(invocation=ECHO, output="a line\n" * 20), mutex=Mutex(name="it", wait=40.0))),
    (ECHO, Conduct(retry=True)),
    (LOOP, Conduct(retry=True, lookup=Lookup(targets=TARGETS, on_change=OnChange.INTERSECT))),
    (LOOP, Conduct(lookup=Lookup(targets=TARGETS))),
)
"""What runs: alone, seen whole or not, after a wait, more than once, for each target that is there or for all."""
CUT, AGAIN, LOOPED = 1, 2, 3
SOME, ALL = frozenset({1}), frozenset({0, 1, 2})


class Say(NamedTuple):
    """Somebody answers, with all that may be asked, but for what `lacks`; it is the so manieth message."""

    person: str
    verdict: Verdict = Verdict.APPROVE
    choice: str = "approve"
    lacks: str = ""
    message: int = 0


class Tell(NamedTuple):
    """What is to be said, or a notice before it, is noted as said."""

    before: int = 0


class RunOut(NamedTuple):
    """The whole time has passed by a process's own clock: up to the deadline of now, or of before."""

    early: bool = False


class Regroup(NamedTuple):
    """Other people are in the groups from now on."""

    roster: int


class Due(NamedTuple):
    """Time passes until something is due, and a process looks at it."""

    process: str = "one"


whats = st.sampled_from((0, 0, 0, 1, 2, 3, 4))
Happening = Event | Say | Tell | RunOut | Regroup | Due
History = list[tuple[float, Happening]]
LACKS = {
    "answer": "many",
    "reason": "",
    "pattern": "",
    "typed": (),
    "sure": False,
    "otp": False,
    "token": False,
    "via": ("irc",),
}


def stop(person: str) -> Abort:
    return Abort(person, guest=person in GUESTS)


people = st.sampled_from(PEOPLE)
processes = st.sampled_from(PROCESSES)
fences = st.sampled_from((1, 1, 1, 1, 0, 2))
verdicts = st.sampled_from((Verdict.APPROVE, Verdict.APPROVE, Verdict.DENY))
choices = st.sampled_from(("approve", "approve", "approve", "snooze", "other", "dismiss", "forever", ""))
lacks = st.sampled_from(("",) * 8 + tuple(LACKS))
# Weighted so that histories get far: most events are ones that move an execution on.
answers = st.builds(Say, people, verdicts, choices, lacks, st.integers(0, 4))
happenings: st.SearchStrategy[Happening] = st.one_of(
    *[answers] * 2,
    *[st.builds(Say, st.sampled_from(("bob", "carol", "dave", "alice")), verdicts, choices, st.just(""), st.just(0))]
    * 4,
    st.builds(Advance, processes),
    *[st.builds(Due, processes)] * 2,
    st.builds(Finish, processes, fences, st.sampled_from(OUTCOMES)),
    st.builds(Finish, st.just("one"), st.just(1), st.sampled_from(OUTCOMES)),
    st.builds(Renew, processes, fences),
    st.builds(Progress, processes, fences, st.sampled_from(((DONE, RUNS, WAITS), (RUNS, RUNS, RUNS), ()))),
    st.one_of(people.map(stop), st.just(Abort("alice"))),
    st.one_of(st.builds(Read, people), st.just(Doubt("nobody vouches"))),
    st.builds(Advance, processes, st.sampled_from((SOME, ALL))),
    st.just(Posted()),
    st.builds(Cancel, st.sampled_from(("alice", "mallory"))),
    st.one_of(st.builds(RunOut, st.booleans()), st.builds(Regroup, st.integers(0, 2))),
    st.builds(Tell, st.sampled_from((0, 0, 0, 1, 2))),
)
pauses = st.sampled_from((0.0, 0.0, 0.5, 1.0, 1.0, 2.0, 5.0, 9.0, 29.0, 31.0, 61.0, 301.0))
histories = st.lists(st.tuples(pauses, happenings), min_size=1, max_size=18)

EDGES = {
    ("pending", "approved"), ("pending", "denied"), ("pending", "expired"), ("pending", "canceled"),
    ("approved", "running"), ("approved", "denied"), ("approved", "expired"), ("approved", "canceled"),
    ("running", "succeeded"), ("running", "failed"), ("running", "aborted"), ("running", "lost"),
    ("lost", "succeeded"), ("lost", "failed"), ("lost", "aborted"),
}  # fmt: skip
MOMENTS = {
    *Notice, "said again", "told", "replayed", "another choice ran", "frozen at the claim", "a mind changed", "a no for a yes",
    "two answers", "two stages", "escalated answered", "regrouped and ran", "regrouped and did not run", "snoozed twice",
    "a stage after a snooze", "given more time", "all of it told by another", "read", "stopped", "reported", "went on without some",
    "nothing was left", "ran again", "ran for the last time", "a part was not done again", "given up", "lost although it may run again",
    "lost after somebody wanted it stopped", "ran after a long wait",
}  # fmt: skip
"""What else must have happened, and more often than once."""


def spoken(execution: Execution, say: Say) -> Answer:
    """Return the answer that somebody gives: a good one, but for what it lacks."""
    choice = say.choice if execution.policy and execution.policy.choices else ""
    right = Answer(
        say.person,
        say.verdict,
        "OPS-1",
        message=str(say.message) if say.message else "",
        guest=say.person in GUESTS,
        via=("chat", "slack"),
        choice=choice if say.verdict is Verdict.APPROVE else "",
        answer="3",
        typed=("web1", "web2"),
        sure=True,
        otp=True,
        token=True,
    )
    if say.lacks in ("reason", "pattern"):
        return replace(right, reason="why" if say.lacks == "pattern" else "", answer="")
    return replace(right, **{say.lacks: LACKS[say.lacks]}) if say.lacks else right


def check(module: ModuleType, policy: Policy | None, history: History, seen: Counter, what_runs: int = 0) -> None:
    """Drive one history through a state machine, and hold it to what must be true of any."""
    others = {"other": Invocation(runner="command", spec={"argv": ["other"]})}
    invocation, conduct = WHATS[what_runs]
    digest = bound(invocation, others, conduct)
    execution = an_execution(policy, invocation=invocation, conduct=conduct, others=others, digest=digest)
    ledger, now, deadlines = Ledger(policy, NOW, execution.expires_at), NOW, [execution.expires_at]
    ledger.cut, ledger.wait = what_runs == CUT, 40.0 if what_runs == CUT else 0.0
    given: list[Event] = []
    for pause, what in history:
        now += pause
        match what:
            case Regroup(roster):
                ledger.roster = ROSTERS[roster]
                seen["regroup"] += 1
                continue
            case Due(process):
                now, event = max(now, due_at(execution) or now), Advance(process)
            case Say():
                event = spoken(execution, what)
            case Tell(before):
                number = 0 if execution.state.ended else execution.notices - before
                wrong = State.LOST if execution.state is not State.LOST else State.FAILED
                event = Told(wrong if before == 1 and not number else execution.state, max(0, number))
            case RunOut(early):
                event = Expire(deadlines[-2 if early and len(deadlines) > 1 else -1])
            case _:
                event = what
        decision: Decision = module.transition(execution, event, now, ledger.roster)
        expected_step = must_change(execution, event, now, ledger)
        assert expected_step is None or isinstance(decision, Step) is expected_step, (execution, event, decision)
        seen[decision.reason if isinstance(decision, Refusal) else ""] += 1
        if not isinstance(decision, Step):
            continue
        changed = decision.execution
        given.append(event)
        hold_step(execution, event, decision, ledger, seen)
        deadlines += [changed.expires_at] if changed.expires_at != execution.expires_at else []
        execution = changed
        assert decision.not_before == now
        seen["replayed"] += replayed(module, execution, given, now, ledger)
    tell_all(module, execution, now, ledger, seen)


def hold_step(execution: Execution, event: Event, decision: Step, ledger: Ledger, seen: Counter) -> None:
    """Hold one step to what must be true of any."""
    policy, changed, now = execution.policy, decision.execution, decision.not_before
    assert changed.version == execution.version + 1
    assert (changed.invocation, changed.others, changed.conduct, changed.digest, changed.id) == (
        execution.invocation,
        execution.others,
        execution.conduct,
        execution.digest,
        execution.id,
    )
    hold_run(execution, event, changed, now)
    assert now < decision.not_after <= now + LATEST_WRITE
    assert len({vote.person for vote in changed.votes}) == len(changed.votes), "one person, one vote"
    note_moments(execution, event, changed, ledger, seen)
    if isinstance(event, Told):
        ledger.told(execution, event.notice)
    ledger.follow(execution, event, changed, now)
    if changed.state is not execution.state:
        edge = (str(execution.state), str(changed.state))
        assert edge in EDGES
        seen[edge] += 1
    if changed.state is State.RUNNING and execution.state is not State.RUNNING:
        lasting = decision.not_after - 1e-6
        assert policy is None or ledger.approved_by(changed.choice, lasting, len(policy.stages))
        assert now < (execution.approved_at or 0) + RUN_WITHIN + ledger.wait
        assert changed.fence == execution.fence + 1
    if changed.state is State.EXPIRED:
        early = execution.state is not State.PENDING or isinstance(event, Expire)
        assert early or now >= execution.expires_at
    if changed.state is State.EXPIRED is not execution.state and execution.state is State.APPROVED:
        enough = policy is None or ledger.approved_by(changed.choice, now, len(policy.stages))
        assert changed.reason != "the confirmation no longer counted" or not enough
        in_time = now < (execution.approved_at or 0) + RUN_WITHIN + ledger.wait
        assert changed.reason != "no bot could start it in time" or not in_time
    if isinstance(event, Finish | Renew | Progress):
        assert (event.process, event.fence) == (execution.process, execution.fence)
    assert (changed.ended_at is not None) is changed.state.ended
    if changed.state is not execution.state and changed.state.ended:
        assert (changed.tells, changed.tell_after) == (1, now + TELL_AGAIN), "each end is to be told"
    if changed.state is execution.state and changed.state.ended:
        assert execution.tell_after is not None, "what was told is not told again"
        assert changed.tell_after is None or execution.tell_after <= now < changed.tell_after, (
            "by one process at a time"
        )


def hold_run(before: Execution, event: Event, after: Execution, now: float) -> None:
    """Hold what runs to what may become of it: how far it has come, and when it is started once more, or lost."""
    began = after.state is State.RUNNING and after.fence > before.fence
    again = began and before.state is State.RUNNING
    may = before.conduct.retry and before.fence < 3 and not before.aborted_by
    may = may and now < (before.started_at or 0) + 3_600
    over = now >= (before.lease_until or 0)
    if began and isinstance(event, Advance):
        is_loop = after.runs is after.invocation and after.invocation is LOOP
        assert len(after.parts) == (len(before.parts) if again else 3 if is_loop else 0)
        left_out = event.gone if before.conduct.lookup and before.conduct.lookup.on_change is OnChange.INTERSECT else ()
        for place, part in enumerate(after.parts):
            known = before.parts[place] if again else GONE if place in left_out else WAITS
            assert part == (WAITS if known == RUNS else known)
        assert not after.parts or set(after.parts) != {GONE}
        assert (after.process, after.lease_until) == (event.process, now + LEASE)
        assert after.started_at == (before.started_at if again else now)
    if again:
        assert may, "not more often than is allowed"
        assert over, "not while somebody runs it"
        assert not any(times.during(freeze.times, now) for freeze in (after.policy.freezes if after.policy else ()))
        assert after.fence <= MOST_RUNS
    if after.state is State.LOST is not before.state:
        given_up = isinstance(event, Finish) and event.outcome.lost
        assert over or given_up
        assert not may or isinstance(event, Doubt) or after.reason == LUNCH.reason
    if isinstance(event, Finish) and event.outcome.lost:
        assert after.state is State.LOST or (may and after.state is State.RUNNING and due_at(after) == now)
    if isinstance(event, Progress | Renew):
        assert after.parts == (event.parts if isinstance(event, Progress) else before.parts)
        assert after.lease_until == now + LEASE


def note_moments(before: Execution, event: Event, after: Execution, ledger: Ledger, seen: Counter) -> None:
    """Count what has happened that rules are about."""
    policy, ran = after.policy, after.state is State.RUNNING is not before.state
    if after.notices != before.notices:
        seen["said again" if after.tells > before.tells > 0 else after.notice] += 1
    seen["told"] += isinstance(event, Told)
    seen["read"] += isinstance(event, Read)
    seen["stopped"] += isinstance(event, Abort)
    seen["reported"] += isinstance(event, Progress)
    seen["went on without some"] += ran and GONE in after.parts
    seen["nothing was left"] += after.reason == "none of its targets is there any more"
    seen["ran after a long wait"] += ran and bool(before.approved_at) and after.started_at > before.approved_at + 60
    again, lost = after.fence > before.fence > 0, after.state is State.LOST is not before.state
    seen["ran again"] += again
    seen["ran for the last time"] += again and after.fence == MOST_RUNS
    seen["a part was not done again"] += again and DONE in after.parts
    seen["given up"] += isinstance(event, Finish) and event.outcome.lost and not lost
    seen["lost although it may run again"] += lost and after.conduct.retry
    seen["lost after somebody wanted it stopped"] += lost and bool(after.aborted_by)
    seen["another choice ran"] += ran and after.choice == "other"
    seen["two answers"] += ran and len(after.votes) > 1
    seen["two stages"] += ran and policy is not None and len(policy.stages) > 1
    seen["escalated answered"] += ran and bool({"mallory"} & {vote.person for vote in after.votes})
    seen["regrouped and ran"] += ran and policy is not None and ledger.roster is not ROSTERS[0]
    seen["frozen at the claim"] += after.reason == LUNCH.reason
    seen["regrouped and did not run"] += after.reason == "the confirmation no longer counted" and policy is not None
    seen["snoozed twice"] += after.notice is Notice.SNOOZE and before.ask_again_at is not None
    seen["a stage after a snooze"] += after.stage > before.stage and before.ask_again_at is not None
    seen["given more time"] += after.expires_at > before.expires_at and not isinstance(event, Posted)
    if isinstance(event, Answer):
        own = [(vote.verdict, vote.choice) for vote in before.votes if vote.person == event.person]
        now = [(vote.verdict, vote.choice) for vote in after.votes if vote.person == event.person]
        seen["a mind changed"] += own not in ([], now)
        seen["a no for a yes"] += [each[0] for each in (*own, *now)] == [Verdict.APPROVE, Verdict.DENY]


def replayed(module: ModuleType, execution: Execution, given: list[Event], now: float, ledger: Ledger) -> int:
    """Let the network hand over again what it has handed over before; of what has ended, let all be said again."""
    count = 0
    for event in given:
        named = isinstance(event, Answer) and event.message
        if named or (execution.state.ended and not isinstance(event, Told)):
            assert not isinstance(module.transition(execution, event, now, ledger.roster), Step), event
            count += 1
    return count


def tell_all(module: ModuleType, execution: Execution, now: float, ledger: Ledger, seen: Counter) -> None:
    """Let another process look at it whenever something is due: all that must be told is, and then it ends."""
    calls = bool(execution.untold)
    for _ in range(60):
        due = due_at(execution)
        if due is None:
            seen["all of it told by another"] += calls
            return
        now = max(now, due)
        decision: Decision = module.transition(execution, Advance("three"), now, ledger.roster)
        assert isinstance(decision, Step), "what is due is done"
        hold_step(execution, Advance("three"), decision, ledger, seen)
        execution = decision.execution
        number = 0 if execution.state.ended else execution.notices
        told = module.transition(execution, Told(execution.state, number), now, ledger.roster)
        if isinstance(told, Step):
            hold_step(execution, Told(execution.state, number), told, ledger, seen)
            execution = told.execution
    raise AssertionError("it never ends")


def must_change(execution: Execution, event: Event, now: float, ledger: Ledger) -> bool | None:
    """Tell whether an event has to change an execution (nothing gets stuck), must not, or may (None)."""
    state = execution.state
    match event:
        case Answer():
            return ledger.counts(execution, event, now)
        case Cancel(person):
            return person == "alice" and state in (State.PENDING, State.APPROVED)
        case Advance():
            return {
                State.PENDING: now >= ledger.next_at(execution.tell_after),
                State.APPROVED: True,
                State.RUNNING: now >= (execution.lease_until or 0),
            }.get(state, execution.tell_after is not None and now >= execution.tell_after)
        case Expire(deadline):
            return state is State.PENDING and deadline == ledger.deadline
        case Told(told, number):
            if number:
                return state is told is State.PENDING and number in execution.untold.values()
            return state is told and execution.tell_after is not None and state.ended
        case Finish(process, fence):
            mine = (process, fence) == (execution.process, execution.fence)
            return mine and (state is State.RUNNING or (state is State.LOST and not event.outcome.lost))
        case Read(person):
            return ledger.cut and state is State.PENDING and now < ledger.deadline and person not in ledger.readers
        case Abort():
            return state is State.RUNNING and not ledger.stopped_by and ledger.may_stop(event)
        case Doubt():
            over = now >= (execution.lease_until or 0)
            return state is State.APPROVED or (state is State.RUNNING and over)
        case Renew(process, fence) | Progress(process, fence):
            return state is State.RUNNING and (process, fence) == (execution.process, execution.fence)
        case _:
            return None


def runs() -> Iterator[tuple[Policy | None, History, int]]:
    """Yield what can become of a run of each kind."""
    said: History = [(0.0, Posted())]
    said += [(0.0, happens) for who in ("bob", "alice", "carol", "dave") for happens in (Read(who), Say(who))]
    report = Progress("one", 1, (DONE, RUNS, WAITS))
    for policy, number in itertools.product(POLICIES, range(len(WHATS))):
        claim: History = [*said, (1.0, Advance("one", SOME))]
        ways: list[History] = [
            [*said, (1.0, Advance("one", ALL)), (1.0, Finish("one", 1, FINE))],
            [*said, (65.0, Advance("one")), (1.0, report), (1.0, Finish("one", 1, FINE))],
            [*said, (101.0, Advance("one"))],
            [*said, (0.5, Abort("alice")), (0.5, Doubt("why"))],
            [*claim, (1.0, Doubt("why")), (29.0, Doubt("why")), (1.0, Finish("one", 1, FINE))],
            [*claim, *[(25.0, Renew("one", 1))] * 2, (40.0, Advance("two")), (1.0, Finish("two", 2, FINE))],
            [*claim, (1.0, report), (0.0, Due("two")), (1.0, report), (1.0, Finish("two", 2, FINE))],
            [*claim, (1.0, report), (1.0, Finish("one", 1, LOST_BY_ITS_WORKER)), (0.0, Due("two"))],
            [*claim, (0.0, Due("two")), (0.0, Due("one")), (0.0, Due("two")), (0.0, Due("one"))],
            [*claim, (4_000.0, Advance("two"))],
        ]
        ways += [
            [*claim, (1.0, stop(person)), (1.0, Abort("alice")), (29.0, Advance("two")), (1.0, Finish("one", 1, FINE))]
            for person in (PEOPLE if number == AGAIN else ())
        ]
        yield from ((policy, way, number) for way in ways)
    for policy in POLICIES:
        few: History = [(0.0, Posted()), (0.5, Say("alice")), (0.5, Say("bob")), (0.5, Advance("one"))]
        yield policy, [*few, (0.5, Abort("carol"))], 0
        for event in (Advance("one"), Renew("two", 1), Cancel("alice")):
            yield policy, [*few, (0.5, event)], 0
        read: History = [
            (0.0, Posted()),
            (0.5, Read("carol")),
            (0.5, Say("bob")),
            (0.5, Read("bob")),
            (0.5, Say("bob")),
        ]
        yield policy, [*read, (400.0, Read("dave"))], CUT


def scripts() -> Iterator[tuple[Policy | None, History]]:
    """Yield a history to each end, and how it gets there under each policy: chance may leave one of them out."""
    for policy, person in itertools.product(POLICIES, PEOPLE):
        yes, no = Say(person), Say(person, Verdict.DENY)
        ways: list[History] = [
            [(0.5, no)],
            [(0.5, yes), (0.5, no)],
            [(0.5, yes), (61.0, Advance("one"))],
        ]
        ways += [[(0.5, yes), (0.5, Cancel(person))], [(0.5, Cancel(person))], [(301.0, Advance("one"))]]
        ways += [[(90.0, yes)], [(75.0, yes), (8.0, Advance("one"))]]
        for outcome in OUTCOMES:
            claim: History = [(0.5, yes), (0.5, Advance("one"))]
            end: History = [(1.0, Renew("one", 1)), (1.0, Finish("one", 1, outcome)), (61.0, Advance("two"))]
            ways += [[*claim, *end], [*claim, (31.0, Advance("two")), *end], [*claim, (1.0, Finish("one", 2, outcome))]]
        yield from ((policy, [(0.0, Posted()), *way]) for way in ways)
    for policy, lack, choice in itertools.product(POLICIES, LACKS, ("approve", "other", "snooze")):
        said: History = [(0.5, Say(person, choice=choice, lacks=lack)) for person in ("bob", "alice")]
        yield policy, [(0.0, Posted()), *said]
    for policy, others in itertools.product(POLICIES, itertools.permutations(("bob", "carol", "dave", "mallory"), 2)):
        yield from ((policy, [(0.0, Posted()), *way]) for way in together(*map(Say, others)))
    for policy, person, choice in itertools.product(POLICIES, PEOPLE, ("approve", "snooze")):
        yield policy, [(0.5, Say(person, choice=choice)), (2.0, Posted()), (0.5, Say("carol")), (0.5, Say("dave"))]


def together(first: Say, second: Say) -> Iterator[History]:
    """Yield what two people can do together."""
    run: History = [(0.5, Due()), (1.0, Finish("one", 1, FINE))]
    snooze, message = Say(first.person, choice="snooze"), first._replace(message=1)
    other = [(0.5, Say(each.person, choice="other")) for each in (first, second)]
    yield [(0.5, first), (0.5, second), *run]
    yield [*other, *run]
    yield [(0.5, first), *other, *run]
    yield [(0.5, first), other[1], *run]
    yield [(0.5, first), (118.0, second), (1.0, Advance("one"))]
    yield [(0.5, message), (0.5, Say(first.person, Verdict.DENY, message=2)), (0.5, message), (0.5, second), *run]
    yield [(0.5, Say(each.person, Verdict.DENY)) for each in (first, second)]
    yield [
        (0.5, first),
        (0.5, second),
        (0.5, Say(first.person, Verdict.DENY)),
        (0.5, Say(first.person, Verdict.DENY)),
        *run,
    ]
    yield [(0.5, first), (0.5, second), (0.5, Regroup(1)), *run]
    yield [(0.5, first), (0.5, Regroup(2)), (0.5, second), *run]
    yield [(0.5, first), (9.0, Due()), (0.5, Due()), (0.5, second), (0.0, Tell()), *run]
    yield [(9.0, Due()), (9.0, Due()), (0.5, first), (9.0, Due()), (0.5, second), *run]
    yield [(0.5, snooze), (0.5, Say(second.person, choice="snooze")), (0.5, first), (0.5, second), *run]
    yield [(0.5, snooze), (0.0, Due()), (0.0, Due()), (0.0, Due()), (0.0, Due()), (0.5, first), (0.5, second), *run]
    yield [(29.0, first), (0.5, snooze), (0.5, RunOut(early=True)), (0.0, Due()), (0.5, second), *run]
    yield [(0.5, first), (0.0, Due()), (0.0, Due()), (0.0, Due()), (0.0, Tell(1)), (0.0, Tell())]
    yield [(0.5, Say(first.person, choice="forever")), (0.5, first), (61.0, Due()), (61.0, second), *run]


@cache
def known_histories() -> list[tuple[Policy | None, History, int]]:
    """Return them all, the kinds mixed, and always in the same order: so a bug is found soon, whatever it is about."""
    known = [*((policy, history, 0) for policy, history in scripts()), *runs()]
    random.Random(1).shuffle(known)
    return known


def hold_known(module: ModuleType) -> Counter:
    """Hold a state machine to the rules in every known history."""
    seen: Counter = Counter()
    for policy, history, what_runs in known_histories():
        check(module, policy, history, seen, what_runs)
    return seen


def test_the_rules_hold_for_every_history_and_every_edge_is_really_taken() -> None:
    seen = hold_known(real)
    assert set(seen) >= EDGES
    assert [what for what in MOMENTS if seen[what] < 3] == []
    assert [why for why in Reason if not seen[why]] == [Reason.UNKNOWN], "which is the engine's"


@settings(max_examples=1000, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.sampled_from(POLICIES), histories, whats)
def test_the_rules_hold_for_what_chance_makes_up(policy: Policy | None, history: History, what_runs: int) -> None:
    """Chance looks for what nobody has thought of: no bug below needs it."""
    check(real, policy, history, Counter(), what_runs)


MACHINE = (times, seating, policies, steps, demands, answering, waiting, claiming, running, real)
TYPES = ("Step", "Already", "Refusal")
PLANTED = {
    "anybody's vote counts": (seating, "return named or (not voter.guest and", "return True or (not voter.guest and"),
    "whoever may deny may confirm": (answering, "seats(policy.deny if deny else quorum_until(execution, len(policy.stages)))", "seats(policy.deny)"),
    "an answer counts after the deadline": (answering, "    if now >= open_until:\n        return Refusal(Reason.EXPIRED, execution)\n", ""),
    "a second vote takes a second seat": (answering, "*(other for other in execution.votes if other.person != event.person), vote", "*execution.votes, vote"),
    "one person fills two seats": (seating, "len(seat_people(way, able)) == len(way)", "all(able[seat] for seat in way)"),
    "one seat of two is enough": (seating, "len(seat_people(way, able)) == len(way)", "len(seat_people(way, able)) >= min(1, len(way))"),
    "an answer counts for a stage that comes later": (seating, "seat.since <= voter.stage and ", ""),
    "nobody makes room": (seating, "if who not in seat_of or sit(seat_of[who], tried):", "if who not in seat_of:"),
    "any way needs all": (seating, "return any(len(seat_people", "return all(len(seat_people"),
    "the requester counts by name": (seating, "(named and seat.own)", "named"),
    "the requester counts by no name": (seating, "(named and seat.own)", "False"),
    "a guest is one of the others": (seating, "return named or (not voter.guest and", "return named or ("),
    "one human is two": (seating, "        if self.counts and _is_identity(voter.person):\n            return False\n", ""),
    "a new nick is another person": (seating, "        return not any(who.startswith(_WEAK) for who in (voter.person, self.requester))", "        return True"),
    "a group has no people": (seating, "any(person in self.roster.get(name, ()) for name in seat.by if name[:1] == \"@\")", "False"),
    "a vote lasts for ever": (policies, "        and now < vote.expires_at\n", ""),
    "a vote ends as the last one does": (policies, "return ends[good - 1] if good else None", "return ends[-1] if good else None"),
    "a vote counts for any choice": (policies, '(verdict is Verdict.DENY or execution.choice in ("", vote.choice))', "True"),
    "a no is a yes": (policies, "if vote.verdict is verdict\n", "if True\n"),
    "only the last stage is needed": (policies, "enumerate(execution.policy.stages[:stages])", "list(enumerate(execution.policy.stages[:stages]))[-1:]"),
    "who is called later may answer at once": (policies, "if number in execution.escalated", "if True"),
    "who is called later may never answer": (policies, "if number in execution.escalated", "if False"),
    "one no is enough": (answering, "    if not met(voted.policy.deny,", "    if False and not met(voted.policy.deny,"),
    "no number of noes is enough": (answering, "    if not met(voted.policy.deny,", "    if True or not met(voted.policy.deny,"),
    "a no can be said twice": (answering, "State.PENDING or (deny and execution.state is State.APPROVED):", "State.PENDING:"),
    "a mind cannot be changed": (answering, "(not deny and vote.choice != event.choice)", "False"),
    "a message acts twice": (answering, "event.message in execution.seen:", "False:"),
    "a message acts again after another": (answering, "(*execution.seen, event.message)", "(event.message,)"),
    "the last stage may begin": (answering, "    if not deny and not any(who.fills(seat, voter)", "    if False and not any(who.fills(seat, voter)"),
    "nothing more is asked": (answering, "    if why := unmet(policy, choice, event):", "    if why := None:"),
    "a code is not asked": (demands, "    if policy.otp and", "    if False and"),
    "a token is not asked": (demands, "        if policy.dm and", "        if False and"),
    "it may come from anywhere": (demands, "        if not {*policy.via} & {*event.via}:", "        if False:"),
    "nothing need be typed": (demands, "        if not {*policy.typed} <= {*event.typed}:", "        if False:"),
    "any reason will do": (demands, "return all(re2.search(pattern, reason) for pattern in policy.patterns)", "return True"),
    "no reason will do": (demands, "    if not reason and (", "    if False and ("),
    "any answer will do": (demands, "_NUMBER.fullmatch(answer) is not None and", "True or"),
    "nobody is asked whether it is meant": (demands, "    if choice.sure and", "    if False and"),
    "a freeze stops no answer": (answering, "    if not deny and frozen(", "    if False and frozen("),
    "a freeze stops no claim": (claiming, "    if freeze := frozen(", "    if freeze := None and frozen("),
    "a freeze has no time zone": (times, "datetime.fromtimestamp(at, ZoneInfo(times.zone))", "datetime.fromtimestamp(at - 3600, ZoneInfo(times.zone))"),
    "a snooze never ends": (answering, "    if not expires_at <= execution.created_at + LONGEST_LIFE:", "    if False:"),
    "a snooze gives no time": (answering, "expires_at = again + current_stage(execution).within", "expires_at = execution.expires_at"),
    "who snoozes is called all the same": (answering, "quiet = replace(execution, untold={}, tell_after=None, tells=0)", "quiet = execution"),
    "a stage begins with the time of the last": (answering, "    until = now + stages[stage].within\n", "    until = voted.expires_at\n"),
    "a stage begins asleep": (answering, "reminded=False, ask_again_at=None)", "reminded=False)"),
    "a stage begins reminded": (answering, "expires_at=until, reminded=False, ask", "expires_at=until, ask"),
    "a stage begins in silence": (answering, "step(call_people(begun, Notice.STAGE, now, event.person)", "step(noticed(begun, Notice.STAGE, event.person)"),
    "a stage is passed over": (answering, "        stage += 1\n", "        stage = len(stages)\n"),
    "the choice is forgotten": (answering, "replace(voted, choice=event.choice)", "voted"),
    "the posted prompt begins the first stage anew": (waiting, "    if execution.stage or execution.ask_again_at is not None:", "    if False:"),
    "a snooze is for ever asleep": (waiting, "        return {Notice.AGAIN: execution.ask_again_at}", "        return {}"),
    "who sleeps is reminded": (waiting, "    if execution.ask_again_at is not None:\n        return {Notice.AGAIN: execution.ask_again_at}\n", ""),
    "nobody is called later": (waiting, "    if stage.escalate_after and", "    if False and"),
    "zero is at once": (waiting, "    if stage.escalate_after and", "    if"),
    "people are called later again and again": (waiting, " and execution.stage not in execution.escalated:", ":"),
    "nobody is reminded": (waiting, "    if stage.remind and", "    if False and"),
    "people are reminded again and again": (waiting, "    return replace(execution, reminded=True)", "    return execution"),
    "people are reminded too early": (waiting, "execution.expires_at - stage.remind", "execution.expires_at - 2 * stage.remind"),
    "a call is not told again": (waiting, "    if execution.tell_after is not None and now >= execution.tell_after:", "    if False:"),
    "what was told in part was told": (real, "tell_after=execution.tell_after if left else None)", "tell_after=None)"),
    "another notice counts as told": (real, "event.notice in execution.untold.values() if event.notice", "bool(execution.untold) if event.notice"),
    "a call is lost in another": (steps, "untold={**before, notice: called.notices}", "untold={notice: called.notices}"),
    "a new prompt leaves the old calls": (steps, "before = {} if notice in (Notice.STAGE, Notice.AGAIN) else execution.untold", "before = execution.untold"),
    "two say it once more": (steps, "first: again.notices}", "first: execution.untold[first]}"),
    "what has ended is still to be told of what it was": (steps, "untold={}, tell_after=now", "tell_after=now"),
    "a given time is a time up": (waiting, "    if event.expires_at != execution.expires_at:", "    if False:"),
    "the claim does not count again": (claiming, "    if until is None:\n", "    until = until or latest\n    if False:\n"),
    "the claim has no deadline": (claiming, "    if now >= latest:\n", "    if False:\n"),
    "the claim may be written after the votes have ended": (claiming, ", before=min(latest, until)", ""),
    "what runs can be claimed again": (real, "return Already(execution) if execution.process == event.process", "return claim(execution, event, now, roster) if execution.process == event.process"),
    "a lease is over too early": (real, "now >= (execution.lease_until or 0.0):", "now >= (execution.lease_until or 0.0) - 30.0:"),
    "a lease is never over": (real, "now >= (execution.lease_until or 0.0):", "False:"),
    "anybody reports the end": (running, "    if not _is_of(execution, event):\n", "    if execution.process != event.process:\n"),
    "anybody renews": (running, "(execution.process, execution.fence) == (event.process, event.fence)", "execution.fence == event.fence"),
    "lost is final": (running, "not in (State.RUNNING, State.LOST)", "not in (State.RUNNING,)"),
    "anybody cancels": (real, "    if event.person != execution.requester:\n", "    if False:\n"),
    "what runs can be canceled": (real, "if execution.state not in (State.PENDING, State.APPROVED):", "if execution.state.ended:"),
    "the fence stands still": (claiming, "fence = execution.fence + 1", "fence = execution.fence"),
    "pending never expires": (waiting, "    if now >= execution.expires_at:\n        return end(", "    if False:\n        return end("),
    "pending expires early": (waiting, "    if now >= execution.expires_at:\n        return end(", "    if now >= execution.expires_at - 1:\n        return end("),
    "a version is skipped": (steps, "version=changed.version + 1", "version=changed.version + 2"),
    "an end is never told again": (real, "    if execution.tell_after is None or now < execution.tell_after:\n", "    if True:\n"),
    "two processes tell an end": (steps, "tell_after=now + pause, tells", "tells"),
    "what was told is told again": (real, "    return step(replace(execution, untold=left, tell_after=execution.tell_after if left else None), now)", "    return step(execution, now)"),
    "an end is not to be told": (steps, "untold={}, tell_after=now + TELL_AGAIN, tells=1)", "untold={}, tells=1)"),
    "another end counts as told": (real, "if execution.state is not event.state or", "if"),
    "what is approved can run out by a clock": (waiting, "    if execution.state is not State.PENDING:\n        return Refusal(too_late(execution), execution)\n", ""),
    "a step may be written whenever": (steps, "now + LATEST_WRITE)", "now + 3600)"),
    "what nobody has seen whole can be confirmed": (answering, "    if not deny and execution.conduct.cut and", "    if False and"),
    "one person has seen it for all": (answering, "event.person not in execution.readers", "not execution.readers"),
    "what is over can be read": (waiting, "waits = execution.state is State.PENDING and now < execution.expires_at", "waits = True"),
    "who has read is not noted": (waiting, "readers = (*execution.readers, event.person)[-MOST_SEEN:]", "readers = execution.readers"),
    "anybody stops what runs": (running, "    if not _may_abort(execution, event, roster):", "    if False:"),
    "who may deny may not stop it": (running, ", (policy.deny, True)]", "]"),
    "who is asked later may not stop it": (running, "quorum_until(execution, len(policy.stages))", "quorum_until(execution, 1)"),
    "it is stopped twice": (running, "    if execution.aborted_by and execution.state in", "    if False and execution.state in"),
    "what waits is stopped": (running, "        return Refusal(Reason.NOT_RUNNING, execution)", "        return step(replace(execution, aborted_by=event.person), now)"),
    "what has ended is stopped": (running, "    if execution.state is not State.RUNNING:\n        return Refusal(too_late(execution), execution)\n", ""),
    "news is no sign of life": (running, "replace(execution, lease_until=now + LEASE, parts=parts)", "replace(execution, parts=parts)"),
    "news is forgotten": (running, "parts = event.parts if isinstance(event, Progress) else execution.parts", "parts = execution.parts"),
    "what is gone is begun": (claiming, "PartState.GONE if place in left_out else PartState.WAITS", "PartState.WAITS"),
    "what is gone is left out whatever the action says": (claiming, "lookup is not None and lookup.on_change is OnChange.INTERSECT", "lookup is not None"),
    "it runs where nothing is left": (claiming, "    if parts and all(part.state is PartState.GONE for part in parts):", "    if False:"),
    "what is lost always runs again": (running, "return execution.conduct.retry and young", "return young"),
    "what is lost never runs again": (running, "return execution.conduct.retry and young", "return False and young"),
    "it runs again and again": (running, "execution.fence < MOST_RUNS and ", ""),
    "it runs again after hours": (running, "return execution.conduct.retry and young", "return execution.conduct.retry"),
    "what somebody wanted stopped runs again": (running, " and not execution.aborted_by", ""),
    "it runs again in a freeze": (claiming, "        return end(replace(execution, reason=freeze.reason), now, State.LOST)\n", "        pass\n"),
    "what was done is done again": (claiming, "Part() if part.state is PartState.RUNS else part", "Part()"),
    "what is not known is not done": (claiming, "Part() if part.state is PartState.RUNS else part", "part"),
    "when it runs again all time begins anew": (claiming, "replace(_running(execution, process, now), parts", "replace(_running(execution, process, now), started_at=now, parts"),
    "a doubt ends what runs": (real, "    if execution.state is State.RUNNING and now >= (execution.lease_until or 0.0):\n        return end(", "    if execution.state is State.RUNNING:\n        return end("),
    "a doubt lets run again": (real, "    if execution.state is State.RUNNING and now >= (execution.lease_until or 0.0):\n        return end(", "    if False:\n        return end("),
    "whoever ran it cannot give it up": (running, "    if outcome.lost:\n", "    if False:\n"),
    "what was given up waits for its lease": (running, "return step(replace(execution, lease_until=now), now)", "return step(execution, now)"),
    "what was given up is lost at once": (running, "    if not may_run_again(execution, now):\n", "    if True:\n"),
    "a vote ends while it waits for others": (answering, "        + execution.conduct.wait,\n", "        + 0.0,\n"),
    "what waits for others has no time for it": (steps, " + RUN_WITHIN + execution.conduct.wait", " + RUN_WITHIN"),
}  # fmt: skip


@pytest.mark.parametrize("bug", PLANTED)
def test_each_planted_bug_is_found_by_the_rules(bug: str) -> None:
    module = planted_below(MACHINE, *PLANTED[bug], *TYPES)
    with pytest.raises(AssertionError):
        hold_known(module)


def test_what_is_started_again_keeps_the_reason_with_which_it_was_confirmed() -> None:
    """Regression: why it was lost before stood in its place, also when it had succeeded after all."""
    runs = {"conduct": Conduct(retry=True), "process": "one", "fence": 1, "started_at": 0.0, "lease_until": LEASE}
    running = an_execution(state=State.RUNNING, reason="OPS-1", **runs)
    decision = transition(running, Finish("one", 1, LOST_BY_ITS_WORKER), 1.0)
    assert isinstance(decision, Step)
    assert (decision.execution.state, decision.execution.reason) == (State.RUNNING, "OPS-1")
