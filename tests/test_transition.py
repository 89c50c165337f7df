"""The one state machine: a table of what is said, and rules that hold for every history."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from builders import NOW, a_policy, an_execution
from err_confirm import transition as real
from err_confirm.events import Advance, Answer, Cancel, Doubt, Event, Expire, Finish, Posted, Reason, Renew, Told
from err_confirm.model import Execution, Invocation, Outcome, Policy, State, Verdict, Vote
from err_confirm.steps import (
    KEEP,
    LATEST_WRITE,
    LEASE,
    RUN_WITHIN,
    TELL_AGAIN,
    TELL_AGAIN_AT_MOST,
    Already,
    Decision,
    Refusal,
    Step,
)
from err_confirm.transition import due_at, keep_until, transition
from planting import planted

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


# ---- rules that hold for every history ----

PEOPLE = ("alice", "bob", "carol", "mallory")
PROCESSES = ("one", "two")
POLICIES = (
    None,
    a_policy(),
    a_policy(by=("others",), deny_by=("others",), retry_count=100),
    a_policy(by=("bob",), deny_by=("bob", "requester"), retry_count=100),
    a_policy(by=("bob", "carol"), deny_by=("anyone",), retry_count=3),
    a_policy(by=("anyone",), deny_by=("carol",), retry_count=2, retry_delay=1.0),
)
OUTCOMES = (FINE, Outcome(exit_code=1), Outcome(exit_code=None, aborted=True, error="stopped"))

people = st.sampled_from(PEOPLE)
processes = st.sampled_from(PROCESSES)
fences = st.sampled_from((1, 1, 1, 1, 0, 2))
# Weighted so that histories get far: most events are ones that move an execution on.
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Answer, people, st.sampled_from((Verdict.APPROVE, Verdict.APPROVE, Verdict.DENY))),
    st.builds(Answer, st.sampled_from(("bob", "alice")), st.just(Verdict.APPROVE)),
    st.builds(Advance, processes),
    st.builds(Advance, processes),
    st.builds(Finish, processes, fences, st.sampled_from(OUTCOMES)),
    st.builds(Finish, st.just("one"), st.just(1), st.sampled_from(OUTCOMES)),
    st.builds(Renew, processes, fences),
    st.just(Posted()),
    st.builds(Cancel, st.sampled_from(("alice", "mallory"))),
    st.one_of(st.just(Expire(0.0)), st.builds(Told, st.sampled_from((State.SUCCEEDED, State.LOST, State.DENIED)))),
)
pauses = st.sampled_from((0.0, 0.0, 0.5, 1.0, 1.0, 2.0, 5.0, 9.0, 29.0, 31.0, 61.0, 301.0))
histories = st.lists(st.tuples(pauses, events), min_size=1, max_size=14)

EDGES = {
    ("pending", "approved"), ("pending", "denied"), ("pending", "expired"), ("pending", "canceled"),
    ("approved", "running"), ("approved", "denied"), ("approved", "expired"), ("approved", "canceled"),
    ("running", "succeeded"), ("running", "failed"), ("running", "aborted"), ("running", "lost"),
    ("lost", "succeeded"), ("lost", "failed"), ("lost", "aborted"),
}  # fmt: skip


def allowed(by: tuple[str, ...], person: str) -> bool:
    """The rule of who may, said a second time in another way: as the set of those who may."""
    sets = {"anyone": set(PEOPLE), "others": set(PEOPLE) - {"alice"}, "requester": {"alice"}}
    return person in set().union(*(sets.get(who, {who}) for who in by))


def check(module: ModuleType, policy: Policy | None, history: list[tuple[float, Event]], seen: Counter) -> None:
    """Drive one history through a state machine, and hold it to what must be true of any."""
    execution, now, yes, runs = an_execution(policy), NOW, {}, 0
    for pause, event in history:
        now += pause
        decision: Decision = module.transition(execution, event, now)
        expected_step = must_change(execution, event, now, yes)
        assert expected_step is None or isinstance(decision, Step) is expected_step, (execution.state, event, decision)
        if not isinstance(decision, Step):
            continue
        changed = decision.execution
        assert changed.version == execution.version + 1
        assert (changed.invocation, changed.digest, changed.id) == (
            execution.invocation,
            execution.digest,
            execution.id,
        )
        assert decision.not_before <= now < decision.not_after <= now + LATEST_WRITE
        assert len({vote.person for vote in changed.votes}) == len(changed.votes), "one person, one seat"
        if isinstance(event, Answer):
            assert policy is not None
            assert allowed(policy.by if event.verdict is Verdict.APPROVE else policy.deny_by, event.person)
            yes.pop(event.person, None)
            if event.verdict is Verdict.APPROVE:
                yes[event.person] = now + policy.within
        if isinstance(event, Cancel):
            assert event.person == "alice"
        if changed.state is not execution.state:
            edge = (str(execution.state), str(changed.state))
            assert edge in EDGES
            seen[edge] += 1
        if changed.state is State.RUNNING and execution.state is not State.RUNNING:
            runs += 1
            assert runs == 1, "at most once"
            assert policy is None or any(until > now for until in yes.values()), "never without its votes"
            assert policy is None or decision.not_after <= max(yes.values())
            assert now < (execution.approved_at or 0) + RUN_WITHIN
            assert changed.fence == execution.fence + 1
        if changed.state is State.EXPIRED:
            early = execution.state is not State.PENDING or isinstance(event, Expire)
            assert early or now >= execution.expires_at
        if changed.state is State.LOST:
            assert now >= (execution.lease_until or 0)
        if isinstance(event, Finish | Renew):
            assert (event.process, event.fence) == (execution.process, execution.fence)
        assert (changed.ended_at is not None) is changed.state.ended
        if changed.state is not execution.state and changed.state.ended:
            assert (changed.tells, changed.tell_after) == (1, now + TELL_AGAIN), "each end is to be told"
        if changed.state is execution.state and changed.state.ended:
            assert execution.tell_after is not None, "what was told is not told again"
            assert changed.tell_after is None or execution.tell_after <= now < changed.tell_after, (
                "by one process at a time"
            )
        execution = changed


def must_change(execution: Execution, event: Event, now: float, yes: dict[str, float]) -> bool | None:
    """Tell whether an event has to change an execution (nothing gets stuck), must not, or may (None)."""
    policy, state = execution.policy, execution.state
    match event:
        case Answer(person, verdict) if policy is not None:
            may = allowed(policy.by if verdict is Verdict.APPROVE else policy.deny_by, person)
            if state is State.PENDING and now < execution.expires_at:
                return may and not (verdict is Verdict.APPROVE and yes.get(person, 0) > now)
            if state is State.APPROVED and verdict is Verdict.DENY:
                return may and now < (execution.approved_at or 0) + RUN_WITHIN
            return False
        case Answer():
            return False
        case Cancel(person):
            return person == "alice" and state in (State.PENDING, State.APPROVED)
        case Advance():
            return {
                State.PENDING: now >= execution.expires_at,
                State.APPROVED: True,
                State.RUNNING: now >= (execution.lease_until or 0),
            }.get(state, execution.tell_after is not None and now >= execution.tell_after)
        case Expire():
            return state is State.PENDING
        case Told(told):
            return state is told and execution.tell_after is not None
        case Finish(process, fence):
            mine = (process, fence) == (execution.process, execution.fence)
            return mine and state in (State.RUNNING, State.LOST)
        case Renew(process, fence):
            return state is State.RUNNING and (process, fence) == (execution.process, execution.fence)
        case _:
            return None


def scripts() -> Iterator[tuple[Policy | None, list[tuple[float, Event]]]]:
    """Yield a history to each end, and how it gets there under each policy: chance may leave one of them out."""
    for policy, person in itertools.product(POLICIES, PEOPLE):
        yes, no = (Answer(person, verdict) for verdict in (Verdict.APPROVE, Verdict.DENY))
        ways: list[list[tuple[float, Event]]] = [
            [(0.5, no)],
            [(0.5, yes), (0.5, no)],
            [(0.5, yes), (61.0, Advance("one"))],
        ]
        ways += [[(0.5, yes), (0.5, Cancel(person))], [(0.5, Cancel(person))], [(301.0, Advance("one"))]]
        for outcome in OUTCOMES:
            claim = [(0.5, yes), (0.5, Advance("one"))]
            end = [(1.0, Renew("one", 1)), (1.0, Finish("one", 1, outcome)), (61.0, Advance("two"))]
            ways += [[*claim, *end], [*claim, (31.0, Advance("two")), *end]]
        yield from ((policy, [(0.0, Posted()), *way]) for way in ways)


def hold(module: ModuleType, examples: int) -> Counter:
    seen: Counter = Counter()

    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(POLICIES), histories)
    def every_history(policy: Policy | None, history: list[tuple[float, Event]]) -> None:
        check(module, policy, history, seen)

    for policy, history in scripts():
        check(module, policy, history, seen)
    every_history()
    return seen


def test_the_rules_hold_for_every_history_and_every_edge_is_really_taken() -> None:
    seen = hold(real, 6000)
    assert set(seen) == EDGES


TYPES = ("Step", "Already", "Refusal", "Reason", *(event.__name__ for event in get_args(Event)))
PLANTED = {
    "anybody's vote counts": ("if not may(policy.deny_by if deny else policy.by, event.person", "if not may(('anyone',), event.person"),
    "whoever may deny may confirm": ("policy.deny_by if deny else policy.by", "policy.deny_by"),
    "an answer counts after the deadline": ("    if now >= open_until:\n        return Refusal(Reason.EXPIRED, execution)\n", ""),
    "the claim does not count again": ("    if met is None:\n", "    met = met or run_by\n    if False:\n"),
    "the claim has no deadline": ("    if now >= run_by:\n", "    if False:\n"),
    "the claim may be written after the votes have ended": (", before=min(run_by, met)", ""),
    "a second vote takes a second seat": ("*(other for other in execution.votes if other.person != event.person), vote", "*execution.votes, vote"),
    "what runs can be claimed again": ("return Already(execution) if execution.process == event.process", "return _claim(execution, event.process, now) if execution.process == event.process"),
    "a lease is over too early": ("now >= (execution.lease_until or 0.0):", "now >= (execution.lease_until or 0.0) - LEASE:"),
    "a lease is never over": ("now >= (execution.lease_until or 0.0):", "False:"),
    "anybody reports the end": ("    if not _is_of(execution, event):\n", "    if execution.process != event.process:\n"),
    "anybody renews": ("(execution.process, execution.fence) == (event.process, event.fence)", "execution.fence == event.fence"),
    "lost is final": ("not in (State.RUNNING, State.LOST)", "not in (State.RUNNING,)"),
    "anybody cancels": ("    if event.person != execution.requester:\n", "    if False:\n"),
    "what runs can be canceled": ("if execution.state not in (State.PENDING, State.APPROVED):", "if execution.state.ended:"),
    "the fence stands still": ("fence=execution.fence + 1", "fence=execution.fence"),
    "pending never expires": ("            return _end(execution, now, State.EXPIRED)\n        case State.APPROVED", "            return Refusal(Reason.NOT_YET, execution)\n        case State.APPROVED"),
    "pending expires early": ("if now < execution.expires_at:", "if now < execution.expires_at - 1:"),
    "a version is skipped": ("version=changed.version + 1", "version=changed.version + 2"),
    "an end is never told again": ("    if execution.tell_after is None or now < execution.tell_after:\n", "    if True:\n"),
    "two processes tell an end": ("tell_after=now + pause, tells", "tells"),
    "what was told is told again": ("return _step(replace(execution, tell_after=None), now)", "return _step(execution, now)"),
    "an end is not to be told": ("tell_after=now + TELL_AGAIN, tells=1)", "tells=1)"),
    "another end counts as told": ("if execution.state is not event.state or", "if"),
    "what is approved can run out by a clock": ("    if execution.state is not State.PENDING:\n        return Refusal(_too_late(execution), execution)\n    return _end", "    return _end"),
    "a step may be written whenever": ("now + LATEST_WRITE)", "now + 3600)"),
}  # fmt: skip


@pytest.mark.parametrize("bug", PLANTED)
def test_each_planted_bug_is_found_by_the_rules(bug: str) -> None:
    module = planted(real, *PLANTED[bug], *TYPES)
    with pytest.raises(AssertionError):
        hold(module, 3000)
