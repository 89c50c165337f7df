"""The rule of who must have said yes, a second time and in another way: as sets of people, and by trying everything."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, permutations, product

from err_confirm.model.executions import Execution, Notice, State, Verdict
from err_confirm.model.policies import AllOf, Choice, Effect, Policy, Quorum, ReasonRule, Seat
from err_confirm.policy.times import during
from err_confirm.transition import due_at
from err_confirm.transition.events import Abort, Answer, Cancel, Posted, Read

WEEK = 7 * 86_400.0
LEADS = "@leads"
SRE = "@sre"
PEOPLE = ("alice", "bob", "carol", "dave", "mallory", "slack:U7", "irc:eve!e@host")
"""All people there are; alice asks. The last two are on nobody's list."""
GUESTS = frozenset({"mallory"})
ROSTERS: tuple[Mapping[str, frozenset[str]], ...] = (
    {SRE: frozenset({"alice", "bob", "carol"}), LEADS: frozenset({"carol", "dave"})},
    {SRE: frozenset({"bob", "carol", "dave"}), LEADS: frozenset({"dave", "mallory"})},
    {SRE: frozenset({"carol", "slack:U7"}), LEADS: frozenset({"bob"})},
)
"""Who is in the groups, at different times."""


def seat_lists(quorum: Quorum) -> list[list[Seat]]:
    """Return each list of seats that must all be filled for a quorum."""
    if isinstance(quorum, Seat):
        return [[quorum]]
    if isinstance(quorum, AllOf):
        return [[*chain(*chosen)] for chosen in product(*map(seat_lists, quorum.all))]
    return [*chain(*map(seat_lists, quorum.any))]


def several(quorums: Iterable[Quorum]) -> bool:
    """Tell whether more than one answer may be needed."""
    return max((len(way) for way in seat_lists(AllOf(all=tuple(quorums)))), default=0) > 1


def people_of(seat: Seat, roster: Mapping[str, frozenset[str]], *, count: bool, deny: bool = False) -> set[str]:
    """Return all who can fill a seat of what alice has asked for."""
    inside = set(PEOPLE) - GUESTS
    named = {each for who in seat.by for each in roster.get(who, {who}) if each in PEOPLE}
    named -= set() if seat.own else {"alice"}
    meant = {"requester": {"alice"}, "others": inside - {"alice"}, "anyone": inside}
    others = set().union(*(meant.get(who, set()) for who in seat.by))
    if count:
        others = {who for who in others if ":" not in who}
    elif not deny and "anyone" not in seat.by:
        others = {who for who in others if not who.startswith("irc:")}
    return named | others


def filled(
    quorums: Iterable[Quorum],
    people: Iterable[str],
    roster: Mapping[str, frozenset[str]],
    *,
    count: bool,
    deny: bool = False,
    since: Mapping[str, int] | None = None,
) -> bool:
    """Tell whether these people fill all seats of some way, each of them one, by trying every order of them.

    The quorums are those of stages; `since` tells in which stage each of the people has answered.
    """
    people = list(people)
    for chosen in product(*map(seat_lists, quorums)):
        way = [(number, seat) for number, seats in enumerate(chosen) for seat in seats]
        able = [
            {
                who
                for who in people_of(seat, roster, count=count, deny=deny)
                if since is None or since.get(who, 0) >= number
            }
            for number, seat in way
        ]
        for order in permutations(people, len(way)):
            if all(who in those for who, those in zip(order, able, strict=True)):
                return True
    return False


def opened(quorum: Quorum, to: tuple[str, ...]) -> Quorum:
    """Return a quorum with more people for each seat."""
    if isinstance(quorum, Seat):
        return replace(quorum, by=quorum.by + to)
    if isinstance(quorum, AllOf):
        return AllOf(all=tuple(opened(part, to) for part in quorum.all))
    return type(quorum)(any=tuple(opened(part, to) for part in quorum.any))


@dataclass
class Ledger:
    """What was really said about one execution, and what follows from that."""

    policy: Policy | None
    begun: float
    deadline: float
    roster: Mapping[str, frozenset[str]] = field(default_factory=lambda: ROSTERS[0])
    yes: dict[str, tuple[float, str, int]] = field(default_factory=dict)
    no: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    messages: set[str] = field(default_factory=set)
    stage: int = 0
    stage_at: float = 0.0
    posted: bool = False
    again_at: float | None = None
    escalated: set[int] = field(default_factory=set)
    reminded: bool = False
    owed: set[Notice] = field(default_factory=set)
    runs: int = 0
    cut: bool = False
    wait: float = 0.0
    readers: set[str] = field(default_factory=set)
    stopped_by: str = ""

    # ---- who ----

    def _quorums(self, stages: int) -> list[Quorum]:
        assert self.policy is not None
        return [
            opened(stage.quorum, stage.escalate_to) if number in self.escalated else stage.quorum
            for number, stage in enumerate(self.policy.stages[:stages])
        ]

    def approved_by(self, choice: str, now: float, stages: int) -> bool:
        """Tell whether enough people want this choice at a moment, for the first so many stages."""
        assert self.policy is not None
        people = [who for who, (until, chosen, _) in self.yes.items() if until > now and chosen == choice]
        since = {who: stage for who, (_, _, stage) in self.yes.items()}
        quorums = self._quorums(len(self.policy.stages))
        return filled(quorums[:stages], people, self.roster, count=several(quorums), since=since)

    def denied(self, now: float) -> bool:
        """Tell whether enough people do not want it."""
        assert self.policy is not None
        people = [who for who, until in self.no.items() if until > now]
        count = several([self.policy.deny])
        return filled([self.policy.deny], people, self.roster, count=count, deny=True)

    def may_stop(self, event: Abort) -> bool:
        """Tell whether somebody may stop what runs: who asked or has answered, and who may."""
        if event.person == "alice" or event.person in {*self.yes, *self.no}:
            return True
        if self.policy is None:
            return False
        stages, deny = self._quorums(len(self.policy.stages)), [self.policy.deny]
        return any(
            event.person in people_of(seat, self.roster, count=several(quorums), deny=quorums is deny)
            for quorums in (stages, deny)
            for quorum in quorums
            for way in seat_lists(quorum)
            for seat in way
        )

    def chosen(self, event: Answer) -> Choice | None:
        """Return what an answer chooses."""
        assert self.policy is not None
        if event.verdict is Verdict.DENY:
            return Choice(name="", effect=Effect.DENY)
        choices = {choice.name: choice for choice in self.policy.choices} or {"": Choice(name="")}
        return choices.get(event.choice)

    def counts(self, execution: Execution, event: Answer, now: float) -> bool:
        """Tell whether an answer must change something."""
        policy, choice = self.policy, None
        if policy is None or (event.message and event.message in self.messages):
            return False
        choice = self.chosen(event)
        if choice is None:
            return False
        deny = choice.effect is Effect.DENY
        late = now >= self.deadline
        if execution.state is State.APPROVED:
            late = not deny or now >= (execution.approved_at or 0) + 60.0 + self.wait
        elif execution.state is not State.PENDING:
            late = True
        if late:
            return False
        if choice.effect is not Effect.SNOOZE:
            standing = self.no.get(event.person, 0.0) if deny else self.yes.get(event.person, (0.0, "", 0))[0]
            same = deny or self.yes.get(event.person, (0.0, "", 0))[1] == event.choice
            same = same and (deny or event.answer in ("", self.answers.get(event.person, "")))
            if standing > now and same:
                return False
        quorums = [policy.deny] if deny else self._quorums(self.stage + 1)
        count = several([policy.deny] if deny else self._quorums(len(policy.stages)))
        seats = [seat for way in seat_lists(AllOf(all=tuple(quorums))) for seat in way]
        if not any(event.person in people_of(seat, self.roster, count=count, deny=deny) for seat in seats):
            return False
        if not self.brings_all(event, choice):
            return False
        if choice.effect is Effect.SNOOZE:
            return now + choice.after + policy.stages[self.stage].within <= self.begun + WEEK
        return deny or not any(during(freeze.times, now) for freeze in policy.freezes)

    def brings_all(self, event: Answer, choice: Choice) -> bool:
        """Tell whether an answer has all that it needs beside its person."""
        policy, deny, approve = self.policy, choice.effect is Effect.DENY, choice.effect is Effect.APPROVE
        assert policy is not None
        asked = choice.question or (policy.question if approve else None)
        reason = event.reason or event.answer
        return (
            (deny or not self.cut or event.person in self.readers)
            and (deny or bool(set(policy.via) & set(event.via)))
            and (deny or not policy.dm or event.token)
            and (not approve or set(policy.typed) <= set(event.typed))
            and (not approve or policy.reason is not ReasonRule.REQUIRED or bool(reason))
            and (not approve or not policy.patterns or reason.startswith("OPS-"))
            and (asked is None or (event.answer or "x").isdecimal() or (not event.answer and not asked.required))
            and (not choice.sure or event.sure)
            and (not approve or not policy.otp or event.otp)
        )

    def next_at(self, tell_after: float | None) -> float:
        """Return when it must be looked at next while it waits."""
        moments = [self.deadline] + ([tell_after] if self.owed and tell_after is not None else [])
        if self.policy and self.posted and self.again_at is not None:
            moments.append(self.again_at)
        elif self.policy and self.posted:
            stage = self.policy.stages[self.stage]
            calls = bool(stage.escalate_to) and stage.escalate_after > 0 and self.stage not in self.escalated
            moments += [self.stage_at + stage.escalate_after] * calls
            moments += [self.deadline - stage.remind] * (stage.remind > 0 and not self.reminded)
        return min(moments)

    # ---- what follows ----

    def follow(self, before: Execution, event: object, after: Execution, now: float) -> None:
        """Note what an event has done, and hold the execution to what it must have become."""
        self._note(before, event, after, now)
        assert (after.aborted_by, set(after.readers)) == (self.stopped_by, self.readers)
        if after.state is State.PENDING:
            assert after.expires_at == self.deadline
            assert (after.stage, after.ask_again_at) == (self.stage, self.again_at)
            assert due_at(after) == self.next_at(after.tell_after)
            assert set(after.untold) == self.owed
            assert (after.tell_after is not None) is bool(self.owed), "what must be told is told"
            assert set(after.untold.values()) <= set(range(1, after.notices + 1))
        if before.state is after.state:
            return
        if after.state is State.APPROVED and self.policy:
            assert self.approved_by(after.choice, now, len(self.policy.stages)), "not without its votes"
        if after.state is State.RUNNING:
            self.runs += 1
            assert self.runs == 1, "at most once"
            if self.policy:
                assert self.approved_by(after.choice, now, len(self.policy.stages)), "never without its votes"
                assert not any(during(freeze.times, now) for freeze in self.policy.freezes)
        if after.state is State.DENIED:
            assert self.denied(now)

    def _note(self, before: Execution, event: object, after: Execution, now: float) -> None:
        policy = self.policy
        match event:
            case Posted() if policy is not None:
                self.posted = True
                if not self.stage and self.again_at is None:
                    self.stage_at, self.deadline = now, now + policy.stages[0].within
            case Answer():
                self._said(event, after, now)
            case Cancel():
                assert event.person == "alice"
            case Read():
                assert self.cut
                self.readers.add(event.person)
            case Abort():
                assert self.may_stop(event)
                assert (before.aborted_by, after.aborted_by, after.state) == ("", event.person, State.RUNNING)
                self.stopped_by = event.person
            case _ if after.notices > before.notices and before.state is State.PENDING:
                self._called(before, after, now)
        if after.state is not State.PENDING:
            self.owed = set()

    def _said(self, event: Answer, after: Execution, now: float) -> None:
        policy, choice = self.policy, self.chosen(event)
        assert policy is not None
        assert choice is not None
        if event.message:
            self.messages.add(event.message)
        if choice.effect is Effect.SNOOZE:
            self.again_at = now + choice.after
            self.deadline = self.again_at + policy.stages[self.stage].within
            self.owed, self.reminded = set(), False
            return
        until = now + sum(stage.within for stage in policy.stages[self.stage :]) + self.wait
        self.yes.pop(event.person, None)
        self.no.pop(event.person, None)
        if choice.effect is Effect.DENY:
            self.no[event.person] = until
            assert self.denied(now) is (after.state is State.DENIED)
            return
        self.yes[event.person] = (until, event.choice, self.stage)
        self.answers[event.person] = event.answer
        reached = next(
            (n for n in range(self.stage, len(policy.stages)) if not self.approved_by(event.choice, now, n + 1)), None
        )
        assert (after.state is State.APPROVED) is (reached is None)
        if reached is not None and reached > self.stage:
            self.stage, self.stage_at, self.deadline = reached, now, now + policy.stages[reached].within
            self.owed, self.again_at, self.reminded = {Notice.STAGE}, None, False

    def _called(self, before: Execution, after: Execution, now: float) -> None:
        """Note for what people were called; it must have been the time for it."""
        assert self.policy is not None
        stage = self.policy.stages[self.stage]
        match after.notice:
            case kind if kind in before.untold and before.tell_after is not None and now >= before.tell_after:
                assert after.tells == before.tells + 1, "told once more, by one process"
                assert after.untold[kind] == after.notices > before.notices
                assert after.tell_after is not None
                assert after.tell_after > now
            case Notice.AGAIN:
                assert self.again_at is not None
                assert now >= self.again_at
                self.stage_at, self.again_at, self.owed = self.again_at, None, {Notice.AGAIN}
            case Notice.ESCALATION:
                assert self.again_at is None
                assert self.posted
                assert self.stage not in self.escalated
                assert stage.escalate_after > 0
                assert now >= self.stage_at + stage.escalate_after
                self.escalated.add(self.stage)
                self.owed |= {Notice.ESCALATION}
            case Notice.REMINDER:
                assert self.again_at is None
                assert self.posted
                assert not self.reminded
                assert stage.remind
                assert self.deadline - stage.remind <= now < self.deadline
                self.reminded = True
                self.owed |= {Notice.REMINDER}
            case other:
                raise AssertionError(other)

    def told(self, before: Execution, number: int) -> None:
        """Note that a notice was said."""
        self.owed -= {kind for kind, its in before.untold.items() if its == number}
