"""The engine: every event happens once, whoever else writes meanwhile and whichever answer is lost."""

import math
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import redis

from builders import RECORDS, a_policy, an_execution
from err_confirm.engine import After, Engine, Vouched
from err_confirm.engine.gate import DUE, IDLE, SAID_AGAIN, Gate
from err_confirm.engine.outbox import Outbox
from err_confirm.engine.polls import Polls
from err_confirm.engine.runs import Runs
from err_confirm.errors import NotReadyError, RecordError, StoreUnavailableError
from err_confirm.journal import lines
from err_confirm.model.executions import Execution, Place, Speaker, State, Verdict
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Outcome
from err_confirm.store import open_store
from err_confirm.store.base import Due, Key, Record, Store, Swap
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition.events import Advance, Answer, Cancel, Event, Finish, Posted, Reason, Renew, Told
from err_confirm.transition.steps import LATEST_WRITE, LEASE, RUN_WITHIN, TELL_AGAIN, Already, Decision, Refusal, Step
from faulty import Around, Broken, Deaf, LostAnswers, LostSwaps, Once, Overtaken, state_in
from house import Counter, a_house, a_plan
from servers import RedisServer, eventually

PATIENT = a_policy(retry_count=60, retry_delay=60.0)
YES = Answer("alice", Verdict.APPROVE)
NO = Answer("alice", Verdict.DENY)
FINE = Finish("one", 1, Outcome(exit_code=0))
UNREADABLE = (b"", b"{}", b"\xff\xfe", b'{"id": "damaged0", "state": "approved"}', b"null")


@dataclass
class Desk:
    """An engine, and what it has told."""

    store: Store
    vouch: Callable[[Execution], Vouched] | None = None
    told: list[State] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = Engine(self.store, RECORDS, lambda execution: self.told.append(execution.state), vouch=self.vouch)

    def ask(self, policy: Policy | None = PATIENT) -> str:
        return self.engine.create(a_plan(policy), Speaker("alice", Place(person="@alice")), "it").id

    def do(self, execution_id: str, *events: Event) -> Execution:
        """Apply events, each of which must change something; returns the last change."""
        for event in events:
            decision = self.engine.apply(execution_id, event)
            assert isinstance(decision, Step), decision
        return decision.execution

    def state(self, execution_id: str) -> State:
        execution, _ = self.engine.read(execution_id)
        assert execution
        return execution.state


class Clock:
    """The clock of a store, which only the test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slow(tmp_path: Path, clock: Clock) -> Iterator[SqliteStore]:
    """Give a store whose clock stands still."""
    with closing(SqliteStore(tmp_path / "slow.db", clock=clock)) as store:
        yield store


class TestAsking:
    def test_an_id_that_is_taken_is_left_to_whoever_has_it(self, store: Store) -> None:
        """Given somebody who takes the chosen id at the last moment, then another id is chosen."""
        theirs: list[Record] = []

        def take(swap: Swap) -> None:
            if len(theirs) < 2:
                theirs.append(replace(swap.record, token="theirs", body=b"theirs"))
                store.swap(Swap(record=theirs[-1]))

        execution_id = Desk(Overtaken(store, take)).ask()
        assert execution_id not in [record.id for record in theirs]
        assert [store.read(record.id)[0] for record in theirs] == theirs

    def test_what_follows_another_is_asked_for_once_whoever_else_asks_for_it(self, store: Store) -> None:
        """Also at the same moment: its id can only be made of what it follows."""
        after = After(id="7f3kq2xa", parent="7f3kw0m2", cause="then", depth=2)
        others: list[Execution] = []

        def follow(engine: Engine, name: str) -> Execution:
            place = Place(person="@alice")
            return engine.create(a_plan(PATIENT, name), Speaker("alice", place), name, after=after)

        def take(swap: Swap) -> None:
            if not others:
                others.append(Desk(store).do(follow(Desk(store).engine, "first").id, Posted()))

        followed = follow(Desk(Overtaken(store, take)).engine, "second")
        assert followed == others[0] == follow(Desk(store).engine, "third")
        assert (followed.text, followed.posted) == ("first", True)
        assert (followed.parent, followed.cause, followed.depth) == ("7f3kw0m2", "then", 2)
        assert [line.entry.what for line in lines(store)] == ["asked", "posted"]

    def test_where_every_id_is_taken_it_is_refused_in_the_end(self, store: Store) -> None:
        def take(swap: Swap) -> None:
            store.swap(Swap(record=replace(swap.record, token="theirs")))

        with pytest.raises(StoreUnavailableError, match="say it again"):
            Desk(Overtaken(store, take)).ask()

    def test_all_that_waits_comes_from_the_one_setting(self, slow: SqliteStore, clock: Clock) -> None:
        """Deadline, TTL of vote and key, and number of polls are 4 times 2.5 s; no poll comes after the deadline."""
        desk = Desk(slow)
        execution_id = desk.ask(a_policy(by=("requester", "bob"), retry_count=4, retry_delay=2.5))
        clock.now += 1
        asked = desk.do(execution_id, Posted())
        assert asked.expires_at == clock.now + 10

        polls = Polls()
        polls.add(asked, clock.now)
        moments = [moment for moment in (polls.soonest() for _ in range(5)) for _ in polls.take(moment)]
        assert moments == [clock.now + 2.5, clock.now + 5, clock.now + 7.5, asked.expires_at]
        assert polls.soonest() == math.inf

        clock.now += 2
        (vote,) = desk.do(execution_id, YES).votes
        assert vote.expires_at == clock.now + 10
        clock.now = vote.expires_at - 0.01
        assert slow.poll([(execution_id, "alice"), (execution_id, "bob")]) == [True, False]
        clock.now = vote.expires_at
        assert slow.poll([(execution_id, "alice")]) == [False]

    def test_whoever_changes_their_mind_has_a_new_vote_and_a_new_key(self, slow: SqliteStore, clock: Clock) -> None:
        desk = Desk(slow)
        execution_id = desk.ask(a_policy(retry_count=4, retry_delay=2.5))
        desk.do(execution_id, YES)
        clock.now += 5
        (vote,) = desk.do(execution_id, NO).votes
        assert (vote.verdict, vote.expires_at) == (Verdict.DENY, clock.now + 10)
        clock.now += 9
        assert slow.poll([(execution_id, "alice")]) == [True]

    def test_in_redis_every_key_of_a_person_ends_with_their_vote(self, own_redis_server: RedisServer) -> None:
        own_redis_server.start()
        with closing(open_store(own_redis_server.url)) as store:
            desk = Desk(store)
            denied, approved, pending, ended = (desk.ask(a_policy(retry_count=10, retry_delay=60.0)) for _ in range(4))
            desk.do(denied, Posted(), NO)
            desk.do(approved, Posted(), YES)
            desk.do(pending, Posted())
            desk.do(ended, Posted(), YES, Advance("one"), Renew("one", 1), FINE)
        with redis.Redis(unix_socket_path=str(own_redis_server.socket)) as client:
            keys = client.keys("*:k:*")
            assert {key.decode().split(":", 2)[2] for key in keys} == {
                f"k:{execution_id}:alice" for execution_id in (denied, approved, ended)
            }
            assert all(0 < client.pttl(key) <= 600_000 for key in keys)
            records = {name: client.pttl(f"{{c:default}}:e:{name}") for name in (denied, approved, pending, ended)}
        assert {name for name, ttl in records.items() if ttl > 0} == {denied, ended}, "what has not ended is kept"


class TestTelling:
    def test_only_a_change_of_the_state_is_told(self, store: Store) -> None:
        desk = Desk(store)
        execution_id = desk.ask()
        desk.do(execution_id, Posted(), YES, Advance("one"), Renew("one", 1), Renew("one", 1), FINE)
        for event in (YES, NO, Posted(), Advance("one"), Advance("two"), Renew("one", 1), FINE, Cancel("alice")):
            assert not isinstance(desk.engine.apply(execution_id, event), Step)
        assert desk.told == [State.APPROVED, State.RUNNING, State.SUCCEEDED]


class TestOthers:
    def test_a_step_that_others_overtake_is_decided_anew(self, store: Store) -> None:
        """Given a lease that is renewed right before the end is written, again and again, then it is written once."""
        left = [20]
        other = Desk(store)

        def renew(swap: Swap) -> None:
            if left[0] and state_in(swap).ended:
                left[0] -= 1
                other.do(swap.record.id, Renew("one", 1))

        desk = Desk(Overtaken(store, renew))
        execution_id = desk.ask()
        desk.do(execution_id, Posted(), YES, Advance("one"))
        assert desk.do(execution_id, FINE).version == 4 + 20 + 1

    def test_a_step_that_others_overtake_without_end_is_refused_and_changes_nothing(self, store: Store) -> None:
        other = Desk(store)
        execution_id = other.ask()
        other.do(execution_id, Posted(), YES, Advance("one"))
        desk = Desk(Overtaken(store, lambda swap: other.do(swap.record.id, Renew("one", 1))))
        with pytest.raises(StoreUnavailableError, match="say it again"):
            desk.engine.apply(execution_id, FINE)
        assert (desk.state(execution_id), desk.told) == (State.RUNNING, [])

    @pytest.mark.parametrize(
        ("first", "second", "refused"),
        [
            (NO, YES, Reason.DECIDED),
            (YES, Answer("bob", Verdict.APPROVE), Reason.DECIDED),
            (Cancel("alice"), YES, Reason.DECIDED),
        ],
    )
    def test_whoever_comes_second_is_told_what_has_happened(
        self, store: Store, first: Event, second: Event, refused: Reason
    ) -> None:
        other = Desk(store)
        desk = Desk(Overtaken(store, lambda swap: other.engine.apply(swap.record.id, first)))
        execution_id = other.ask(a_policy(by=("requester", "bob")))
        decision = desk.engine.apply(execution_id, second)
        assert isinstance(decision, Refusal)
        assert decision.reason is refused
        assert desk.told == []


class TestLate:
    """A swap that the store gets only after its window is decided anew, with the store's own clock."""

    @staticmethod
    def late(store: Store, clock: Clock, seconds: float) -> Desk:
        """Return a desk whose next swap arrives after so many seconds."""
        pauses = [seconds]

        def wait(_: Swap) -> None:
            clock.now += pauses.pop() if pauses else 0.0

        return Desk(Overtaken(store, wait))

    def test_a_late_vote_still_counts_before_the_deadline_and_from_then_on(
        self, slow: SqliteStore, clock: Clock
    ) -> None:
        execution_id = Desk(slow).ask()
        approved = self.late(slow, clock, LATEST_WRITE).do(execution_id, YES)
        assert approved.approved_at == approved.votes[0].at == clock.now

    def test_a_vote_that_comes_after_the_deadline_does_not_count(self, slow: SqliteStore, clock: Clock) -> None:
        desk = Desk(slow)
        execution_id = desk.ask(a_policy(retry_count=2, retry_delay=1.0))
        decision = self.late(slow, clock, 2.0).engine.apply(execution_id, YES)
        assert isinstance(decision, Refusal)
        assert decision.reason is Reason.EXPIRED
        assert desk.state(execution_id) is State.PENDING

    def test_a_claim_that_comes_after_the_votes_have_ended_runs_nothing(self, slow: SqliteStore, clock: Clock) -> None:
        desk = Desk(slow)
        execution_id = desk.ask(a_policy(retry_count=2, retry_delay=1.0))
        desk.do(execution_id, YES)
        expired = self.late(slow, clock, 2.0).do(execution_id, Advance("one"))
        assert (expired.state, expired.fence) == (State.EXPIRED, 0)

    def test_a_clock_that_was_set_back_is_followed(self, slow: SqliteStore, clock: Clock) -> None:
        execution_id = Desk(slow).ask()
        assert self.late(slow, clock, -3.0).do(execution_id, YES).approved_at == clock.now

    def test_a_request_that_comes_late_is_asked_anew(self, slow: SqliteStore, clock: Clock) -> None:
        desk = self.late(slow, clock, LATEST_WRITE)
        execution, now = desk.engine.read(desk.ask())
        assert execution
        assert execution.created_at == now == clock.now


def again_and_again(call: Callable[[], Decision]) -> Decision:
    """Say the same until it is known to have happened."""
    for _ in range(5):
        try:
            return call()
        except StoreUnavailableError:
            continue
    raise AssertionError("it is not known to this day")


class TestUnknown:
    """The store does not say whether it has written something; then the same is said again."""

    LIFE = (Posted(), YES, Advance("one"), Renew("one", 1), FINE, Told(State.SUCCEEDED))

    @pytest.mark.parametrize("lossy", [LostAnswers, LostSwaps])
    @pytest.mark.parametrize("lost", [(2,), (3,), (4,), (5,), (6,), (7,), (2, 3, 4, 5, 6, 7)])
    def test_whichever_swap_is_lost_the_life_is_the_same(
        self, store: Store, lossy: type[LostAnswers], lost: tuple[int, ...]
    ) -> None:
        """Version 2 is the prompt, 3 the vote, 4 the claim, 5 the lease, 6 the end, 7 that the room was told."""
        to_lose = set(lost)

        def lose(swap: Swap) -> bool:
            loses = swap.record.version in to_lose
            to_lose.discard(swap.record.version)
            return loses

        desk = Desk(lossy(store, lose))
        execution_id = desk.ask()
        for event in self.LIFE:
            again_and_again(lambda event=event: desk.engine.apply(execution_id, event))
        execution, _ = desk.engine.read(execution_id)
        assert execution
        assert (execution.state, execution.fence, len(execution.votes)) == (State.SUCCEEDED, 1, 1)
        assert (to_lose, desk.told) == (set(), [State.APPROVED, State.RUNNING, State.SUCCEEDED])
        assert store.due(1)[0] == []

    @pytest.mark.parametrize("event", [NO, Cancel("alice")])
    def test_a_no_whose_answer_was_lost_is_told_when_it_is_said_again(self, store: Store, event: Event) -> None:
        lost = iter([True])
        desk = Desk(LostAnswers(store, lambda swap: swap.record.version == 2 and next(lost, False)))
        execution_id = desk.ask()
        assert isinstance(again_and_again(lambda: desk.engine.apply(execution_id, event)), Already)
        assert desk.told == [desk.state(execution_id)]

    def test_a_request_whose_answer_was_lost_is_not_posted_and_expires_by_itself(
        self, slow: SqliteStore, clock: Clock
    ) -> None:
        lost = iter([True])
        desk = Desk(LostAnswers(slow, lambda _: next(lost, False)))
        with pytest.raises(StoreUnavailableError):
            desk.ask(a_policy())
        ((due,), _) = slow.due(2)
        clock.now = due.at
        assert desk.do(due.id, Advance("one")).state is State.EXPIRED

    def test_what_another_has_written_since_is_not_told_as_ours(self, store: Store) -> None:
        lost = iter([True])
        desk = Desk(LostSwaps(store, lambda swap: swap.record.version == 2 and next(lost, False)))
        execution_id = desk.ask()
        with pytest.raises(StoreUnavailableError):
            desk.engine.apply(execution_id, Cancel("alice"))
        Desk(store).do(execution_id, Cancel("alice"))
        assert isinstance(desk.engine.apply(execution_id, Cancel("alice")), Already)
        assert desk.told == []


class TestPolls:
    def test_a_key_is_found_by_the_next_poll_where_all_else_is_lost(self, own_redis_server: RedisServer) -> None:
        """Given neither a wake-up nor a due moment, then the key alone leads to the execution."""
        own_redis_server.start()
        with closing(open_store(own_redis_server.url)) as store, a_house(Deaf(store)) as house:
            execution = house.ask(a_policy(retry_count=1_000, retry_delay=0.3))
            house.confirm(execution)
            with redis.Redis(unix_socket_path=str(own_redis_server.socket)) as client:
                client.zrem("{c:default}:due", execution.id)
            house.becomes(execution, State.RUNNING, State.SUCCEEDED)

    def test_the_gate_sleeps_until_the_next_poll_and_polls_no_more_what_is_decided(
        self, slow: SqliteStore, clock: Clock
    ) -> None:
        with a_gate_by_hand(slow, clock) as one:
            execution_id = one.desk.ask(a_policy(retry_count=4, retry_delay=2.5))
            one.gate.add(one.desk.do(execution_id, Posted()))
            assert one.gate.look() == 2.5
            clock.now += 1.0
            assert one.gate.look() == 1.5
            clock.now += 1.5
            assert one.gate.look() == 2.5
            one.desk.do(execution_id, NO)
            clock.now += 2.5
            one.gate.look()
            clock.now += 2.5
            assert one.gate.look() == IDLE

    def test_one_look_claims_all_that_is_approved(self, slow: SqliteStore, clock: Clock) -> None:
        with a_gate_by_hand(slow, clock) as one:
            for _ in range(DUE + 10):
                one.desk.do(one.desk.ask(), YES)
            one.gate.look()
            assert one.desk.told.count(State.RUNNING) == DUE + 10


class TestAway:
    """The store is gone for a while: nothing runs, and what is said again afterwards counts once."""

    def test_while_redis_stands_still(self, own_redis_server: RedisServer) -> None:
        own_redis_server.start()
        with closing(open_store(own_redis_server.url)) as store, a_house(store) as house:
            execution = house.ask(PATIENT)
            own_redis_server.freeze()
            with pytest.raises(StoreUnavailableError):
                house.confirm(execution)
            assert house.runner.starts == []
            own_redis_server.thaw()
            assert isinstance(again_and_again(lambda: house.confirm(execution)), Step | Already)
            assert len(house.becomes(execution, State.RUNNING, State.SUCCEEDED).votes) == 1
        assert house.runner.starts == ["it"]

    def test_after_redis_was_killed_and_has_forgotten_everything(self, own_redis_server: RedisServer) -> None:
        own_redis_server.start()
        with closing(open_store(own_redis_server.url)) as store, a_house(store) as house:
            forgotten = house.ask(PATIENT, "forgotten")
            own_redis_server.kill()
            with pytest.raises(StoreUnavailableError):
                house.confirm(forgotten)
            own_redis_server.start()
            refused = again_and_again(lambda: house.confirm(forgotten))
            assert isinstance(refused, Refusal)
            assert refused.reason is Reason.UNKNOWN
            house.becomes(approved(house.ask(PATIENT, "new"), house.confirm), State.RUNNING, State.SUCCEEDED)
        assert house.runner.starts == ["new"]

    def test_while_another_holds_the_lock_of_the_file(self, tmp_path: Path) -> None:
        with closing(SqliteStore(tmp_path / "s.db")) as store, a_house(store) as house:
            execution = house.ask(PATIENT)
            with closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreUnavailableError):
                    house.confirm(execution)
                assert house.runner.starts == []
            house.becomes(approved(execution, house.confirm), State.RUNNING, State.SUCCEEDED)
        assert house.runner.starts == ["it"]

    def test_what_runs_here_is_not_given_up_here_because_its_lease_could_not_be_renewed(
        self, slow: SqliteStore, clock: Clock
    ) -> None:
        with a_house(slow) as house:
            house.runner.hold.set()
            long, other = house.ask(PATIENT, "long"), house.ask(PATIENT, "other")
            house.becomes(approved(long, house.confirm), State.RUNNING)
            clock.now += LEASE
            house.becomes(approved(other, house.confirm), State.RUNNING)
            house.runs.stop(0.0)
            house.becomes(long, State.ABORTED)

    def test_what_was_evicted_is_not_looked_for_for_ever(self, own_redis_server: RedisServer) -> None:
        own_redis_server.start()
        with closing(open_store(own_redis_server.url)) as store, a_house(store) as house:
            execution = house.ask(a_policy(retry_count=2, retry_delay=0.1))
            with redis.Redis(unix_socket_path=str(own_redis_server.socket)) as client:
                assert client.delete(f"{{c:default}}:e:{execution.id}") == 1
            eventually(lambda: store.due(1)[0] == [])


def approved(execution: Execution, confirm: Callable[[Execution], Decision]) -> Execution:
    confirm(execution)
    return execution


class TestDamaged:
    """A record that something else has written runs nothing, and stops nothing else."""

    @pytest.fixture(params=range(len(UNREADABLE)))
    def damaged(self, request: pytest.FixtureRequest, store: Store) -> str:
        record = Record("damaged0", 1, "token", UNREADABLE[request.param])
        store.swap(Swap(record=record, keys=(Key("damaged0", "alice", "approve", 9e9),), due_at=1.0))
        return record.id

    def test_the_others_run_and_it_is_said_once(
        self, store: Store, damaged: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with a_house(store) as house:
            executions = [house.ask(PATIENT, str(number)) for number in range(5)]
            for execution in executions:
                house.confirm(execution)
            house.all_become(State.SUCCEEDED, executions)
            assert house.engine.waiting(9)[0] == []
            assert {each.id for each in house.engine.recent()} == {each.id for each in executions}
        assert len(house.runner.starts) == 5
        assert [entry.id for entry in store.due(2)[0]] == [damaged]
        said = [each for each in caplog.records if each.name == "err_confirm.engine.gate"]
        assert [damaged in record.message for record in said] == [True]

    def test_whatever_is_asked_of_it_is_refused(self, store: Store, damaged: str) -> None:
        desk = Desk(store)
        before = store.read(damaged)[0]
        for event in (YES, NO, Cancel("alice"), Advance("one"), FINE):
            with pytest.raises(RecordError, match="damaged0"):
                desk.engine.apply(damaged, event)
        assert store.read(damaged)[0] == before

    def test_what_no_record_can_hold_is_refused_by_itself(self) -> None:
        """The gate then leaves it alone: it would hold up all others."""
        with pytest.raises(RecordError, match="something in it cannot be written"):
            RECORDS.first_swap(an_execution(text="half a character: \ud800"))

    def test_a_copy_of_another_record_does_not_run(self, store: Store) -> None:
        """Given the approved record of one execution under another's name and version, then both are refused."""
        approved = RECORDS.first_swap(an_execution(None))
        renamed = replace(approved.record, id="0the0the")
        ahead = replace(
            approved.record, version=1, id="ahead000", body=approved.record.body.replace(b"7f3kq2xa", b"ahead000")
        )
        store.swap(Swap(record=renamed, due_at=1.0))
        store.swap(Swap(record=ahead, due_at=1.0))
        store.swap(Swap(record=replace(ahead, version=2, token="other"), due_at=1.0))
        desk = Desk(store)
        for execution_id in ("0the0the", "ahead000"):
            with pytest.raises(RecordError):
                desk.engine.apply(execution_id, Advance("one"))

    def test_more_of_them_than_the_gate_asks_for_at_once_hide_nothing(self, store: Store) -> None:
        for number in range(DUE + 10):
            store.swap(Swap(record=Record(f"bad{number:05}", 1, "token", b"{}"), due_at=1.0))
        with a_house(store) as house:
            execution = house.ask(PATIENT)
            house.confirm(execution)
            house.becomes(execution, State.RUNNING, State.SUCCEEDED)

    def test_one_that_is_damaged_while_it_runs_is_given_up(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        with a_house(store) as house:
            house.runner.hold.set()
            execution = house.becomes(approved(house.ask(PATIENT), house.confirm), State.RUNNING)
            eventually(lambda: house.runner.starts)
            store.swap(Swap(record=Record(execution.id, execution.version + 1, "token", b"{}"), due_at=1.0))
            house.runs.stop(0.0)
        assert "cannot be reported" in caplog.text

    def test_a_key_of_another_kind_in_its_place_stops_nothing(self, own_redis_server: RedisServer) -> None:
        """Regression: Redis answers WRONGTYPE, which was taken for a store that is away: nothing ran any more."""
        own_redis_server.start()
        with closing(open_store(own_redis_server.url)) as store, a_house(store) as house:
            execution = house.ask(PATIENT)
            with redis.Redis(unix_socket_path=str(own_redis_server.socket)) as client:
                client.lpush("{c:default}:e:damaged0", "x")
                client.zadd("{c:default}:due", {"damaged0": 1.0})
            house.confirm(execution)
            house.becomes(execution, State.RUNNING, State.SUCCEEDED)
            with pytest.raises(RecordError):
                house.engine.read("damaged0")

    @pytest.mark.parametrize(
        "change",
        [
            "body = CAST(body AS TEXT)",
            "due_at = 'soon'",
            "id = CAST(x'ff' AS BLOB)",
            "id = CAST(x'ff' AS TEXT)",
            "version = 'x'",
            "token = x'ff'",
        ],
    )
    def test_a_row_of_another_kind_stops_nothing(
        self, tmp_path: Path, change: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Regression: one such row ended each look of the gate, and nothing ran or expired any more."""
        with closing(open_store(f"sqlite:///{tmp_path}/s.db")) as store, a_house(store) as house:
            house.ask(PATIENT)
            with closing(sqlite3.connect(tmp_path / "s.db")) as file, file:
                file.execute("UPDATE record SET due_at = 1.0")
                file.execute(f"UPDATE record SET {change}")
            execution = house.ask(a_policy(retry_count=2, retry_delay=0.5, by=("others",)))
            house.becomes(execution, State.EXPIRED)
            assert next(house.engine.recent()).id == execution.id
            assert "should not have happened" not in caplog.text

    def test_what_is_no_record_of_ours_in_redis_stops_nothing(self, own_redis_server: RedisServer) -> None:
        """Regression: a version of very many digits cannot be read, and a due name that is no text not forgotten."""
        own_redis_server.start()
        with closing(open_store(own_redis_server.url)) as store, a_house(store) as house:
            with redis.Redis(unix_socket_path=str(own_redis_server.socket)) as client:
                client.set("{c:default}:e:damaged0", "1" * 5_000)
                client.zadd("{c:default}:due", {"damaged0": 1.0, **{b"\xff%d" % number: 1.0 for number in range(DUE)}})
            execution = house.ask(PATIENT)
            house.confirm(execution)
            house.becomes(execution, State.RUNNING, State.SUCCEEDED)


class TestDoubt:
    def test_where_the_journal_is_gone_nothing_runs_and_the_room_is_told(self, own_redis_server: RedisServer) -> None:
        """Regression: after a Redis that came back empty, what was confirmed was neither run nor told of."""
        own_redis_server.start()
        with closing(open_store(own_redis_server.url)) as store, a_house(store) as house:
            house.becomes(approved(house.ask(PATIENT, "first"), house.confirm), State.RUNNING, State.SUCCEEDED)
            with redis.Redis(unix_socket_path=str(own_redis_server.socket)) as client:
                client.flushall()
            doubted = house.becomes(approved(house.ask(PATIENT, "second"), house.confirm), State.EXPIRED)
            assert house.runner.starts == ["first"]
        assert "the journal cannot vouch for it (line " in doubted.reason
        assert "err-confirm verify" in doubted.reason
        with closing(open_store(own_redis_server.url)) as store, a_house(store) as house:
            house.becomes(approved(house.ask(PATIENT, "third"), house.confirm), State.RUNNING, State.SUCCEEDED)

    def test_where_the_last_line_was_changed_nothing_runs_and_the_room_is_told(self, tmp_path: Path) -> None:
        with closing(SqliteStore(tmp_path / "s.db")) as store, a_house(store) as house:
            asked = house.ask(PATIENT)
            house.gate.stop()
            house.confirm(asked)
            with closing(sqlite3.connect(tmp_path / "s.db")) as other, other:
                other.execute("UPDATE journal SET line = replace(line, 'confirmed', 'denied')")
            assert isinstance(house.engine.apply(asked.id, Advance("one")), Step)
            assert "was changed" in house.becomes(asked, State.EXPIRED).reason
            assert house.runner.starts == []


class TestSurprise:
    """What nobody foresaw is said in the log, runs nothing, and does not end the gate."""

    def test_the_gate_outlives_a_store_that_breaks_its_promise(
        self, store: Store, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken = Broken(store, ZeroDivisionError("surprise"))
        with a_house(broken) as house:
            execution = house.ask(PATIENT)
            broken.down.set()
            Desk(store).do(execution.id, YES)
            eventually(lambda: "surprise" in caplog.text)
            assert house.runner.starts == []
            broken.down.clear()
            house.becomes(execution, State.RUNNING, State.SUCCEEDED)
        assert house.runner.starts == ["it"]

    def test_one_that_nobody_can_foresee_holds_up_no_other(self, store: Store) -> None:
        """Regression: the gate began anew with the same one, each second."""

        def vouch(execution: Execution) -> Vouched:
            if execution.id == first.id:
                raise ZeroDivisionError("surprise")
            return Vouched()

        with a_house(store, vouch=vouch) as house:
            first = house.ask(PATIENT)
            second = house.ask(PATIENT)
            for each in (first, second):
                Desk(store).do(each.id, YES)
            house.becomes(second, State.RUNNING, State.SUCCEEDED)
            assert Desk(store).state(first.id) is State.APPROVED

    def test_what_a_runner_that_breaks_its_promise_was_given_is_lost_and_not_started_again(
        self, slow: SqliteStore, clock: Clock
    ) -> None:
        """Nobody knows what it did; the key, which is still there, does not lead to a second run."""
        with a_gate_by_hand(slow, clock, surprise=ZeroDivisionError("surprise")) as one:
            execution_id = one.desk.ask(a_policy(retry_count=20, retry_delay=1.0))
            one.gate.add(one.desk.do(execution_id, Posted()))
            one.desk.do(execution_id, YES)
            one.gate.look()
            eventually(lambda: not one.runs.has(execution_id))
            clock.now += 1.0
            one.gate.look()
            assert one.desk.state(execution_id) is State.RUNNING
            clock.now += LEASE
            one.gate.look()
        assert one.desk.told == [State.APPROVED, State.RUNNING, State.LOST]
        assert one.runner.starts == ["it"]

    def test_a_claim_that_is_known_too_late_to_start_ends_lost_and_not_running_for_ever(
        self, slow: SqliteStore, clock: Clock
    ) -> None:
        """Given a claim whose answer was lost, and a store that is away for half a lease after it."""
        with a_gate_by_hand(LostAnswers(slow, Once(State.RUNNING)), clock) as one:
            one.desk.do(one.desk.ask(), YES)
            with pytest.raises(StoreUnavailableError):
                one.gate.look()
            clock.now += LEASE / 2
            one.gate.look()
            assert one.desk.told == [State.APPROVED, State.RUNNING]
            clock.now += LEASE / 2
            one.gate.look()
        assert one.desk.told == [State.APPROVED, State.RUNNING, State.LOST]
        assert one.runner.starts == []

    def test_a_process_that_was_frozen_while_it_claimed_starts_nothing(self, slow: SqliteStore, clock: Clock) -> None:
        """Given half a lease between the wish to claim and the store's answer, by the clock of the process."""
        own_clock = Clock()

        def freeze(swap: Swap) -> None:
            own_clock.now += LEASE / 2 if state_in(swap) is State.RUNNING else 0.0

        with a_gate_by_hand(Overtaken(slow, freeze), own_clock) as one:
            one.desk.do(one.desk.ask(), YES)
            one.gate.look()
            clock.now += LEASE
            one.gate.look()
        assert one.desk.told == [State.APPROVED, State.RUNNING, State.LOST]
        assert one.runner.starts == []


class TestClocks:
    """The store's clock decides, and our own must agree: whichever says that the time is over, it is."""

    @pytest.mark.parametrize("back", [-3_600.0, 0.0, 3_600.0])
    def test_a_prompt_is_over_after_its_time_whatever_the_stores_clock_does(
        self, slow: SqliteStore, clock: Clock, back: float
    ) -> None:
        """Given a store whose clock goes back by an hour, stands still or goes on too fast after the prompt."""
        own_clock = Clock()
        with a_gate_by_hand(slow, own_clock) as one:
            execution_id = one.desk.ask(a_policy(retry_count=20, retry_delay=1.0))
            one.gate.add(one.desk.do(execution_id, Posted()))
            clock.now += back
            for _ in range(20):
                own_clock.now += 1.0
                one.gate.look()
            assert one.desk.state(execution_id) is State.EXPIRED
            assert isinstance(one.desk.engine.apply(execution_id, YES), Refusal)
        assert one.desk.told == [State.EXPIRED]
        assert one.runner.starts == []

    def test_before_its_time_a_clock_that_went_back_takes_nothing_away(self, slow: SqliteStore, clock: Clock) -> None:
        own_clock = Clock()
        with a_gate_by_hand(slow, own_clock) as one:
            execution_id = one.desk.ask(a_policy(retry_count=20, retry_delay=1.0))
            one.gate.add(one.desk.do(execution_id, Posted()))
            clock.now -= 3_600
            own_clock.now += 19.0
            one.gate.look()
            one.desk.do(execution_id, YES)
            one.gate.look()
            eventually(lambda: one.runner.starts == ["it"])

    @pytest.mark.parametrize("back", [-3_600.0, 0.0])
    def test_what_is_approved_and_held_up_is_over_after_its_time_whatever_the_stores_clock_does(
        self, slow: SqliteStore, clock: Clock, back: float
    ) -> None:
        """Regression: nobody looked at it until the store's clock had caught up, and then it ran."""
        own_clock, free = Clock(), threading.Event()

        def vouch(_: Execution) -> Vouched:
            if free.is_set():
                return Vouched()
            raise NotReadyError("another one runs")

        with a_gate_by_hand(slow, own_clock, vouch=vouch) as one:
            execution_id = one.desk.ask()
            one.desk.do(execution_id, Posted(), YES)
            one.gate.look()
            clock.now += back
            own_clock.now += RUN_WITHIN - 1.0
            assert one.gate.look() <= 1.0
            assert one.desk.state(execution_id) is State.APPROVED
            own_clock.now += 1.0
            free.set()
            one.gate.look()
            assert one.desk.told == [State.APPROVED, State.EXPIRED]
            clock.now -= back
            one.gate.look()
            assert one.desk.state(execution_id) is State.EXPIRED
        assert one.runner.starts == []

    def test_a_gate_that_begins_while_a_prompt_is_being_posted_takes_nothing_of_its_time(
        self, slow: SqliteStore, clock: Clock
    ) -> None:
        """Regression: its own clock ran from its start, and so the prompt expired before its deadline."""
        own_clock, store, one = Clock(), Looks(slow), Desk(slow)
        execution_id = one.ask(a_policy(retry_count=20, retry_delay=1.0))
        with a_house(store, monotonic=own_clock) as two:
            eventually(lambda: store.looks >= 2)
            clock.now += 5.0
            posted = one.do(execution_id, Posted())
            clock.now += 15.0
            own_clock.now += 20.0
            for _ in range(2):  # the first may have begun before that
                looks = store.looks
                two.gate.add(posted)
                eventually(lambda looks=looks: store.looks > looks)
            assert one.state(execution_id) is State.PENDING
            one.do(execution_id, YES)

    def test_what_is_over_while_the_store_is_away_is_over_when_it_is_back(
        self, slow: SqliteStore, clock: Clock
    ) -> None:
        own_clock, store = Clock(), Broken(slow)
        with a_gate_by_hand(store, own_clock) as one:
            execution_id = one.desk.ask(a_policy(by=("anyone",), retry_count=2, retry_delay=1.0))
            one.gate.add(one.desk.do(execution_id, Posted()))
            clock.now -= 3_600
            own_clock.now += 1.0
            one.gate.look()
            own_clock.now += 1.0
            store.down.set()
            for _ in range(3):
                with pytest.raises(StoreUnavailableError):
                    one.gate.look()
            store.down.clear()
            one.gate.look()
        assert one.desk.told == [State.EXPIRED]

    def test_what_has_expired_by_our_own_clock_is_asked_for_no_more(self, slow: SqliteStore) -> None:
        class Counting(Around):
            reads = 0

            def read(self, execution_id: str) -> tuple[Record | None, float]:
                self.reads += 1
                result: tuple[Record | None, float] = self.inside.read(execution_id)
                return result

        own_clock, store = Clock(), Counting(slow)
        with a_gate_by_hand(store, own_clock) as one:
            execution_id = one.desk.ask(a_policy(retry_count=2, retry_delay=1.0))
            one.gate.add(one.desk.do(execution_id, Posted()))
            own_clock.now += 1.0
            one.gate.look()
            own_clock.now += 1.0
            one.gate.look()
            assert one.desk.told == [State.EXPIRED]
            before = store.reads
            for _ in range(3):
                one.gate.look()
            assert store.reads == before


class TestTrouble:
    def test_it_is_logged_once_then_now_and_again_and_when_it_is_over(
        self, slow: SqliteStore, clock: Clock, caplog: pytest.LogCaptureFixture
    ) -> None:
        def said(trouble: str, seconds: float = 0.0) -> list[str]:
            clock.now += seconds
            caplog.clear()
            one.gate._note(trouble)
            return [record.getMessage() for record in caplog.records]

        with a_gate_by_hand(slow, clock) as one:
            assert said("") == []
            assert said("down") == ["nothing runs until the store answers again: down"]
            assert said("down", SAID_AGAIN - 1) == []
            assert said("down", 1) == ["nothing runs until the store answers again: down"]
            assert said("down", SAID_AGAIN - 1) == []
            assert said("full") == ["nothing runs until the store answers again: full"]
            assert said("") == ["the store answers again"]
            assert said("") == []

    def test_a_gate_that_begins_while_the_store_is_away_goes_on_when_it_is_there(self, store: Store) -> None:
        broken = Broken(store)
        broken.down.set()
        with a_house(broken) as house:
            eventually(lambda: house.gate._trouble)
            broken.down.clear()
            house.becomes(approved(house.ask(PATIENT), house.confirm), State.RUNNING, State.SUCCEEDED)


class TestToldAgain:
    def test_an_end_that_nobody_noted_is_told_again_by_one_process_ever_more_seldom(
        self, slow: SqliteStore, clock: Clock
    ) -> None:
        """Given a process that was killed before it told the end, then the next ones do, one each time."""
        with a_gate_by_hand(slow, clock) as one, a_gate_by_hand(slow, clock) as two:
            execution_id = one.desk.ask()
            one.desk.do(execution_id, NO)
            for seconds, times in ((TELL_AGAIN - 1, 0), (1, 1), (59, 1), (1, 2), (119, 2), (1, 3)):
                clock.now += seconds
                two.gate.look()
                one.gate.look()
                assert two.desk.told == [State.DENIED] * times
            two.desk.do(execution_id, Told(State.DENIED))
            clock.now += 10_000
            two.gate.look()
        assert (one.desk.told, len(two.desk.told)) == ([State.DENIED], 3)

    def test_what_is_to_be_told_here_is_left_to_the_outbox(self, slow: SqliteStore, clock: Clock) -> None:
        with a_gate_by_hand(slow, clock) as one:
            execution_id = one.desk.ask()
            one.outbox.put(one.desk.do(execution_id, NO))
            clock.now += TELL_AGAIN
            one.gate.look()
        assert one.desk.told == [State.DENIED]


class Looks(Around):
    """Counts how often somebody has asked what is due."""

    looks = 0

    def due(self, limit: int) -> tuple[list[Due], float]:
        self.looks += 1
        return self.inside.due(limit)


@dataclass
class ByHand:
    """A process whose gate looks only when it is told to."""

    desk: Desk
    gate: Gate
    runs: Runs
    runner: Counter
    outbox: Outbox


@contextmanager
def a_gate_by_hand(
    store: Store,
    monotonic: Clock,
    surprise: Exception | None = None,
    vouch: Callable[[Execution], Vouched] | None = None,
) -> Iterator[ByHand]:
    desk, runner = Desk(store, vouch), Counter(surprise=surprise)
    runs = Runs(desk.engine, {"count": runner}, "one")
    outbox = Outbox(lambda _: None)
    gate = Gate(desk.engine, runs, outbox, "one", monotonic)
    yield ByHand(desk, gate, runs, runner, outbox)
    gate.start()
    gate.stop()
    runs.stop(0.0)
