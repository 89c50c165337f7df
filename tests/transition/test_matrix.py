"""Each role, each verb, each state, under each kind of policy: what is decided is what the policy says, cell by cell.

What is right is written out here by hand, policy by policy, and not worked out from the policies.
"""

from dataclasses import dataclass, replace
from itertools import product

import pytest

from builders import NOW, an_execution
from err_confirm.model.executions import Execution, State, Verdict
from err_confirm.model.policies import AllOf, Choice, Effect, Policy, Seat, Stage
from err_confirm.model.runs import Outcome
from err_confirm.transition import transition
from err_confirm.transition.events import Abort, Advance, Answer, Cancel, Event, Finish, Posted, Reason
from err_confirm.transition.steps import LEASE, Already, Decision, Refusal, Step

ROSTER = {"@sre": frozenset({"alice", "bob", "carol"}), "@leads": frozenset({"dave", "carol"})}
ROLES = {
    "who asked": ("alice", False),
    "one of the group": ("bob", False),
    "one of both groups": ("carol", False),
    "one of the other group": ("dave", False),
    "somebody else": ("erin", False),
    "a guest": ("gina", True),
    "a guest of the group": ("carol", True),
    "nobody's identity": ("slack:U7", False),
    "an identity on IRC": ("irc:eve!e@host", False),
    "who has left the group": ("frank", False),
}
"""Who they are, and whether the network says that they are from outside."""
EVERYBODY = frozenset(ROLES)
INSIDE = EVERYBODY - {"a guest", "a guest of the group"}
OTHERS = INSIDE - {"who asked"}
SRE = frozenset({"one of the group", "one of both groups", "a guest of the group"})
LEADS = frozenset({"one of both groups", "one of the other group", "a guest of the group"})
SURE = frozenset({"nobody's identity", "an identity on IRC"})


@dataclass(frozen=True)
class Kind:
    """A policy, who may confirm under it, who may deny, and how many have to."""

    policy: Policy
    may_confirm: frozenset[str]
    may_deny: frozenset[str]
    needs: int = 1
    denials: int = 1


def seat(*by: str, own: bool = False) -> Seat:
    return Seat(by=by, own=own)


def policy(*quorums: Seat | AllOf, deny: Seat | AllOf, **more: object) -> Policy:
    return Policy(stages=tuple(Stage(quorum=each, retry_count=100) for each in quorums), deny=deny, **more)


def both(*parts: Seat) -> AllOf:
    return AllOf(all=parts)


KINDS = {
    "whoever asked": Kind(
        policy(seat("requester"), deny=seat("requester", own=True)),
        frozenset({"who asked"}),
        frozenset({"who asked"}),
    ),
    "anyone": Kind(policy(seat("anyone"), deny=seat("anyone", own=True)), INSIDE, INSIDE),
    "anyone else": Kind(
        policy(seat("others"), deny=seat("others", own=True)), OTHERS - {"an identity on IRC"}, OTHERS
    ),
    "a person": Kind(
        policy(seat("bob"), deny=seat("bob", own=True)),
        frozenset({"one of the group"}),
        frozenset({"one of the group"}),
    ),
    "a group": Kind(policy(seat("@sre"), deny=seat("@sre", own=True)), SRE, SRE | {"who asked"}),
    "a group, also who asked": Kind(
        policy(seat("@sre", own=True), deny=seat("@sre", own=True)), SRE | {"who asked"}, SRE | {"who asked"}
    ),
    "two of a group, two to deny": Kind(
        policy(
            both(seat("@sre"), seat("@sre")), deny=both(seat("@sre", own=True), seat("@sre", own=True))
        ),
        SRE,
        SRE | {"who asked"},
        2,
        2,
    ),
    "one of each group": Kind(
        policy(both(seat("@sre"), seat("@leads")), deny=seat("@sre", "@leads", own=True)),
        SRE | LEADS,
        SRE | LEADS | {"who asked"},
        2,
    ),
    "two of anybody": Kind(
        policy(both(seat("anyone"), seat("anyone")), deny=seat("anyone", own=True)), INSIDE - SURE, INSIDE, 2
    ),
    "one group after the other": Kind(
        policy(seat("@sre"), seat("@leads"), deny=seat("@sre", "@leads", own=True)),
        SRE,
        SRE | LEADS | {"who asked"},
        2,
    ),
}  # fmt: skip
CHOICES = (
    Choice(name="approve"),
    Choice(name="dismiss", effect=Effect.DENY),
    Choice(name="snooze", effect=Effect.SNOOZE, after=60.0),
)
VERBS = (
    "confirm", "deny", "cancel", "abort", "choose approve", "choose dismiss", "choose snooze", "choose nothing that is",
)  # fmt: skip
WITH_CHOICES = frozenset(name for name, kind in KINDS.items() if len(kind.policy.stages) == 1)


def event(role: str, verb: str) -> Event:
    person, guest = ROLES[role]
    match verb.split():
        case ["cancel"]:
            return Cancel(person)
        case ["abort"]:
            return Abort(person, guest=guest)
        case ["deny"]:
            return Answer(person, Verdict.DENY, guest=guest)
        case ["confirm"]:
            return Answer(person, Verdict.APPROVE, guest=guest)
        case ["choose", choice, *_]:
            return Answer(person, Verdict.APPROVE, guest=guest, choice=choice)
    raise AssertionError(verb)


def asked(kind: Kind, state: str, *, choices: bool) -> Execution:
    """Return an execution in a state; where others have confirmed it, those are none of the roles."""
    made = replace(kind.policy, choices=CHOICES if choices else ())
    pending = an_execution(made)
    if state == "not posted":
        return pending
    pending = done(pending, Posted(), NOW)
    if state in ("pending", "late"):
        return pending
    if state == "expired":
        return done(pending, Advance("one"), pending.expires_at)
    if state == "denied":
        return replace(pending, state=State.DENIED, ended_at=NOW, decided_by="zoe")
    if state == "canceled":
        return replace(pending, state=State.CANCELED, ended_at=NOW, decided_by="alice")
    approved = replace(pending, state=State.APPROVED, approved_at=NOW, choice="approve" if choices else "")
    if state == "approved":
        return approved
    running = replace(approved, state=State.RUNNING, started_at=NOW, lease_until=NOW + LEASE, fence=1, process="one")
    if state == "running":
        return running
    if state == "stopping":
        return done(running, Abort("alice"), NOW + 1)
    if state == "lost":
        return done(running, Advance("two"), NOW + LEASE)
    outcomes = {
        "succeeded": Outcome(exit_code=0),
        "failed": Outcome(exit_code=1),
        "aborted": Outcome(exit_code=None, aborted=True),
    }
    return done(running, Finish("one", 1, outcomes[state]), NOW + 1)


def done(execution: Execution, happens: Event, now: float) -> Execution:
    decision = transition(execution, happens, now, ROSTER)
    assert isinstance(decision, Step), decision
    return decision.execution


STATES = (
    "not posted", "pending", "late", "approved", "running", "stopping", "succeeded", "failed", "aborted", "lost",
    "denied", "expired", "canceled",
)  # fmt: skip
WAITS = ("not posted", "pending")


def right(kind: Kind, role: str, verb: str, state: str, *, choices: bool) -> str:
    """Return what must come of it: `counted`, `approved`, `denied`, `canceled`, `snoozed`, `again` or `refused`."""
    if verb == "cancel":
        if role != "who asked":
            return "refused"
        return {"canceled": "again"}.get(state, "canceled" if state in (*WAITS, "late", "approved") else "refused")
    if verb == "abort":
        if state == "stopping":
            return "again"
        stops = role == "who asked" or role in kind.may_confirm | kind.may_deny
        return "counted" if state == "running" and stops else "refused"
    no = verb in ("deny", "choose dismiss")
    if state not in WAITS and not (no and state == "approved"):
        return "refused"
    if verb == "choose dismiss" and not choices:
        return "refused"
    if no:
        if role not in kind.may_deny:
            return "refused"
        return "denied" if kind.denials == 1 else "counted"
    if role not in kind.may_confirm or verb == "choose nothing that is":
        return "refused"
    if verb == ("confirm" if choices else "choose approve") or (verb == "choose snooze" and not choices):
        return "refused"
    if verb == "choose snooze":
        return "snoozed"
    return "approved" if kind.needs == 1 else "counted"


def came(decision: Decision, execution: Execution) -> str:
    match decision:
        case Refusal():
            return "refused"
        case Already():
            return "again"
        case Step(after):
            if after.state is State.PENDING or after.state is execution.state:
                return "snoozed" if after.ask_again_at is not None else "counted"
            return str(after.state)


CELLS = [
    (name, role, verb, state, choices)
    for name, choices in ((name, choices) for name in KINDS for choices in (False, True))
    if not choices or name in WITH_CHOICES
    for role, verb, state in product(ROLES, VERBS, STATES)
]


@pytest.mark.parametrize("name", KINDS)
def test_who_may_do_what_and_when_is_what_the_policy_says(name: str) -> None:
    """In all cells of this policy; and who was refused has changed nothing."""
    wrong = []
    for kind, role, verb, state, choices in CELLS:
        if kind != name:
            continue
        execution = asked(KINDS[name], state, choices=choices)
        now = execution.expires_at if state == "late" else NOW + 2
        decision = transition(execution, event(role, verb), now, ROSTER)
        expected, found = right(KINDS[name], role, verb, state, choices=choices), came(decision, execution)
        if expected != found:
            wrong.append((role, verb, state, choices, expected, found, decision))
    assert wrong == []


def test_the_matrix_has_no_empty_rows() -> None:
    """Each end is reached by somebody under each policy, and each role is let through and refused somewhere."""
    assert len(CELLS) == len(set(CELLS)) == 19_760
    ends = {(name, right(KINDS[name], *cell[:3], choices=cell[3])) for name, *cell in CELLS}
    for name, kind in KINDS.items():
        assert {(name, "refused"), (name, "canceled"), (name, "again")} <= ends
        assert (name, "approved" if kind.needs == 1 else "counted") in ends
        assert (name, "denied" if kind.denials == 1 else "counted") in ends
    for role in ROLES:
        here = {right(KINDS[name], role, verb, state, choices=c) for name, who, verb, state, c in CELLS if who == role}
        assert "refused" in here
        assert here != {"refused"} or role in ("a guest", "who has left the group")


def test_a_refusal_says_why() -> None:
    """A guest is told that they are one, and an unknown identity that nobody can tell it apart."""
    waiting = asked(KINDS["anyone"], "pending", choices=False)
    guest = transition(waiting, event("a guest", "confirm"), NOW + 1, ROSTER)
    assert isinstance(guest, Refusal)
    assert guest.reason is Reason.GUEST
    two = asked(KINDS["two of anybody"], "pending", choices=False)
    unknown = transition(two, event("nobody's identity", "confirm"), NOW + 1, ROSTER)
    assert isinstance(unknown, Refusal)
    assert unknown.reason is Reason.UNPROVEN
    staged = asked(KINDS["one group after the other"], "pending", choices=False)
    early = transition(staged, event("one of the other group", "confirm"), NOW + 1, ROSTER)
    assert isinstance(early, Refusal)
    assert early.reason is Reason.TOO_EARLY
