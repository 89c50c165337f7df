"""The gate: what is confirmed runs once, what is not never does, whatever is lost on the way."""

import logging
import threading
from collections import Counter as Tally
from pathlib import Path

import pytest

from builders import a_policy
from err_confirm.errors import StoreUnavailableError
from err_confirm.model.executions import Place, Speaker, State, Verdict
from err_confirm.store.base import Key, Record, Store, Swap
from err_confirm.store.sqlite_store import SqliteStore
from err_confirm.transition.events import Answer, Cancel, Posted, Reason
from err_confirm.transition.steps import LEASE, Already, Refusal, Step
from faulty import Broken, Deaf, LostAnswers, LostSwaps, Once, Overtaken
from house import Counter, a_house, a_plan
from servers import PATIENCE, StoreFactory, eventually

PATIENT = a_policy(retry_count=60, retry_delay=60.0)
SHORT = a_policy(retry_count=3, retry_delay=0.1)
MANY = 110
"""More than the gate asks for at once."""
QUICK_POLL = a_policy(retry_count=6_000, retry_delay=0.05)


def test_what_is_confirmed_runs_once_and_is_told_in_order(store: Store) -> None:
    with a_house(store) as house:
        execution = house.ask(PATIENT)
        assert isinstance(house.confirm(execution), Step)
        ended = house.becomes(execution, State.RUNNING, State.SUCCEEDED)
        assert isinstance(house.confirm(execution), Already)
        assert house.runner.starts == ["it"]
        assert (ended.fence, ended.outcome.output) == (1, "done\n")


def test_without_a_policy_it_runs_at_once(store: Store) -> None:
    with a_house(store) as house:
        execution = house.engine.create(a_plan(None), Speaker("alice", Place(person="@alice")), "it")
        house.engine.apply(execution.id, Posted())
        house.becomes(execution, State.RUNNING, State.SUCCEEDED)


def test_nobody_confirms_so_it_expires_once_and_nothing_runs(store: Store) -> None:
    with a_house(store) as house:
        execution = house.ask(SHORT)
        house.becomes(execution, State.EXPIRED)
        refused = house.confirm(execution)
        assert isinstance(refused, Refusal)
        assert refused.reason is Reason.EXPIRED
        assert house.runner.starts == []
        assert house.changes.empty()


@pytest.mark.parametrize("no", [Answer("alice", Verdict.DENY, "not now"), Cancel("alice", "not now")])
def test_after_a_no_nothing_runs(store: Store, no: Answer | Cancel) -> None:
    with a_house(store) as house:
        execution = house.ask(PATIENT)
        house.engine.apply(execution.id, no)
        ended = house.becomes(execution, State.DENIED if isinstance(no, Answer) else State.CANCELED)
        assert (ended.reason, ended.decided_by) == ("not now", "alice")
        assert isinstance(house.confirm(execution), Refusal)
    assert house.runner.starts == []


def test_a_confirmation_writes_the_key_of_its_person_which_ends_with_the_vote(store: Store) -> None:
    swaps: list[Swap] = []
    with a_house(Overtaken(store, swaps.append)) as house:
        execution = house.ask(a_policy(by=("requester", "bob"), retry_count=60, retry_delay=60.0))
        house.confirm(execution)
        assert store.poll([(execution.id, person) for person in ("alice", "bob")]) == [True, False]
        (vote,) = house.becomes(execution, State.RUNNING, State.SUCCEEDED).votes
        assert vote.expires_at == vote.at + 3_600
        written = [key for swap in swaps for key in swap.keys]
        assert written == [Key(execution.id, "alice", "approve", vote.expires_at)]


def test_a_key_written_by_hand_wakes_the_gate_and_runs_nothing(store: Store) -> None:
    with a_house(store) as house:
        execution = house.ask(a_policy(retry_count=8, retry_delay=0.1))
        forged = Key(execution.id, "alice", "approve", execution.expires_at + 100)
        other = Record("otherone", 1, "token", b"{}")
        store.swap(Swap(record=other, keys=(forged,)))
        assert store.poll([(execution.id, "alice")]) == [True]
        house.becomes(execution, State.EXPIRED)
    assert house.runner.starts == []


def test_votes_whose_wake_ups_are_all_lost_are_found_by_the_polls(store: Store) -> None:
    with a_house(Deaf(store)) as house:
        executions = [house.ask(QUICK_POLL, str(number)) for number in range(MANY)]
        for execution in reversed(executions):
            house.confirm(execution)
        house.all_become(State.SUCCEEDED, executions)
    assert Tally(house.runner.starts) == Tally(str(number) for number in range(MANY))


def test_what_is_confirmed_is_claimed_in_that_order_long_before_the_next_poll(store: Store) -> None:
    with a_house(store) as house:
        executions = [house.ask(PATIENT, str(number)) for number in range(MANY)]
        for execution in reversed(executions):
            house.confirm(execution)
        claimed = [change.id for change in house.all_become(State.SUCCEEDED, executions) if not change.state.ended]
    assert claimed == [execution.id for execution in reversed(executions)]
    assert Tally(house.runner.starts) == Tally(str(number) for number in range(MANY))


def test_what_waits_is_found_by_the_next_process_with_its_deadline(store_factory: StoreFactory) -> None:
    with a_house(store_factory()) as before:
        execution = before.ask(PATIENT)
        before.gate.stop()  # else a slow machine lets it see the other one expire
        expiring = before.ask(SHORT)
    with a_house(store_factory()) as after:
        after.becomes(expiring, State.EXPIRED)
        assert after.engine.read(execution.id)[0].expires_at == before.engine.read(execution.id)[0].expires_at
        after.confirm(execution)
        after.becomes(execution, State.RUNNING, State.SUCCEEDED)
    assert (before.runner.starts, after.runner.starts) == ([], ["it"])


def test_a_vote_given_while_no_gate_ran_counts_after_the_start(store_factory: StoreFactory) -> None:
    with a_house(store_factory()) as before:
        execution = before.ask(PATIENT)
    before.confirm(execution)
    with a_house(store_factory()) as after:
        after.becomes(execution, State.RUNNING, State.SUCCEEDED)


def test_of_two_gates_on_one_store_one_runs_each_execution(store_factory: StoreFactory) -> None:
    runner = Counter()
    with a_house(store_factory(), runner) as one, a_house(store_factory(), runner) as two:
        executions = [one.ask(PATIENT, str(number)) for number in range(60)]
        for execution in executions:
            two.confirm(execution)
        eventually(lambda: not one.engine.waiting(1)[0])
    assert Tally(runner.starts) == Tally(str(number) for number in range(60))


def test_the_end_of_the_bot_aborts_what_runs_and_leaves_what_waits(store: Store) -> None:
    runner = Counter()
    runner.hold.set()
    with a_house(store, runner) as house:
        waiting, running = house.ask(PATIENT, "waiting"), house.ask(PATIENT, "running")
        house.confirm(running)
        house.becomes(running, State.RUNNING)
        house.gate.stop()
        house.confirm(waiting)
        house.runs.stop(0.0)
        aborted = house.becomes(running, State.ABORTED)
        assert aborted.outcome.error == "stopped, because the bot was stopped"
        assert house.engine.read(waiting.id)[0].state is State.APPROVED
        assert runner.starts == ["running"]


def test_what_a_dead_process_ran_is_lost_and_not_run_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = [1_000_000.0]
    path = tmp_path / "s.db"
    dead, alive = (SqliteStore(path, clock=lambda: clock[0]) for _ in range(2))
    runner = Counter()
    runner.hold.set()
    with a_house(dead, runner) as before:
        execution = before.ask(PATIENT)
        before.confirm(execution)
        before.becomes(execution, State.RUNNING)
        clock[0] += LEASE + 1
        with a_house(alive) as after:
            lost = after.becomes(execution, State.LOST)
            assert (lost.process, after.runner.starts) == (before.engine.read(execution.id)[0].process, [])
            assert [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING] == [
                f"execution {execution.id} is lost"
            ]
        before.runs.stop(0.0)
        before.becomes(execution, State.ABORTED)
    dead.close()
    alive.close()


@pytest.mark.parametrize("lossy", [LostAnswers, LostSwaps])
@pytest.mark.parametrize("state", [State.APPROVED, State.RUNNING, State.SUCCEEDED])
def test_whatever_answer_is_lost_it_runs_once_and_each_change_is_told_once(
    store: Store, lossy: type[LostAnswers], state: State
) -> None:
    lose = Once(state)
    with a_house(lossy(store, lose)) as house:
        execution = house.ask(PATIENT)
        if state is State.APPROVED:
            with pytest.raises(StoreUnavailableError):
                house.confirm(execution)
        assert isinstance(house.confirm(execution), Step | Already)
        house.becomes(execution, State.RUNNING, State.SUCCEEDED)
    assert (lose.done, house.runner.starts, house.changes.empty()) == (True, ["it"], True)


@pytest.mark.parametrize("lossy", [LostAnswers, LostSwaps])
def test_an_expiry_whose_answer_was_lost_is_told_once(store: Store, lossy: type[LostAnswers]) -> None:
    lose = Once(State.EXPIRED)
    with a_house(lossy(store, lose)) as house:
        house.becomes(house.ask(SHORT), State.EXPIRED)
    assert (lose.done, house.runner.starts, house.changes.empty()) == (True, [], True)


def test_nothing_runs_while_the_store_is_down_and_the_vote_counts_when_it_is_back(store: Store) -> None:
    broken = Broken(store)
    with a_house(broken) as house:
        execution = house.ask(PATIENT)
        broken.down.set()
        with pytest.raises(StoreUnavailableError):
            house.confirm(execution)
        assert house.runner.starts == []
        broken.down.clear()
        house.confirm(execution)
        house.becomes(execution, State.RUNNING, State.SUCCEEDED)


def test_the_log_says_once_that_the_store_is_down_and_once_that_it_is_back(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a gate that looks three times in vain."""
    looks = threading.Semaphore(0)
    broken = Broken(store, on_question=looks.release)
    down = ["nothing runs until the store answers again: the store is down"]
    with a_house(broken) as house:
        broken.down.set()
        for _ in range(3):
            house.gate.wake()
            assert looks.acquire(timeout=PATIENCE)
        assert said_by_the_gate(caplog) == down
        broken.down.clear()
        eventually(lambda: said_by_the_gate(caplog) == [*down, "the store answers again"])


def said_by_the_gate(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "err_confirm.engine.gate"]
