"""Whoever can write to the store, but has not the key, runs nothing and changes nothing unnoticed."""

import contextlib
import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import redis

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.errors import RecordError
from err_confirm.journal import check
from err_confirm.journal.records import Records
from err_confirm.model.executions import Execution, Place, Speaker, State, Verdict, Vote
from err_confirm.model.policies import AllOf, Seat, Stage
from err_confirm.store import open_store
from err_confirm.store.base import Record, Store, Swap
from err_confirm.store.seal import KEY_BYTES, SEAL_CHARACTERS, Seal
from err_confirm.transition.events import Advance, Answer, Posted
from err_confirm.transition.steps import Step
from faulty import LostAnswers, Overtaken, state_in
from house import a_house, a_plan
from servers import RedisServer, eventually

BOBS = a_policy(by=("bob",), retry_count=1_000)
Lines = list[tuple[int, str]]


# Records and votes


def approved(execution: Execution) -> Execution:
    """Return an execution as it would be if bob had confirmed it."""
    vote = Vote(
        person="bob",
        verdict=Verdict.APPROVE,
        at=execution.created_at,
        expires_at=execution.expires_at,
        digest=execution.digest,
    )
    version, at = execution.version + 1, execution.created_at
    return replace(execution, version=version, state=State.APPROVED, votes=(vote,), approved_at=at)


def body(records: Records, execution: Execution) -> bytes:
    return records.step_swap(execution, Step(execution, 0.0, 9e9)).record.body


def with_seal_of(genuine: bytes, wanted: Execution) -> bytes:
    return genuine[:SEAL_CHARACTERS] + body(RECORDS, wanted)[SEAL_CHARACTERS:]


FORGERIES: dict[str, Callable[[Execution, bytes], bytes]] = {
    "without a seal": lambda wanted, _: body(RECORDS, wanted)[SEAL_CHARACTERS:],
    "under the seal that was there": lambda wanted, genuine: with_seal_of(genuine, wanted),
    "under the seal of zeros": lambda wanted, _: with_seal_of(b"0" * SEAL_CHARACTERS, wanted),
    "sealed with a key of one's own": lambda wanted, _: body(Records(Seal(b"mallory's", "tests")), wanted),
    "sealed for another namespace": lambda wanted, _: body(Records(Seal(b"a key for tests", "other")), wanted),
    "sealed for another version": lambda wanted, _: body(RECORDS, replace(wanted, version=wanted.version + 1)),
    "sealed for another execution": lambda wanted, _: body(RECORDS, replace(wanted, id="another0")),
    "sealed as a line of the journal": lambda wanted, _: with_seal_of(
        RECORDS.seal.line(body(RECORDS, wanted)[SEAL_CHARACTERS:]).encode(), wanted
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_record_with_its_votes_runs_nothing(
    store: Store, forgery: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Given what bob could have approved, written as due at once by somebody who is not us."""
    with a_house(store) as house:
        execution = house.ask(BOBS)
        genuine, _ = store.read(execution.id)
        wanted = approved(house.engine.read(execution.id)[0])
        forged = FORGERIES[forgery](wanted, genuine.body)
        store.swap(Swap(record=Record(execution.id, wanted.version, "forged", forged), due_at=1.0))
        eventually(lambda: "it is not sealed with our key" in caplog.text)
        with pytest.raises(RecordError):
            house.confirm(execution, "bob")
        assert house.runner.starts == []


def test_what_is_forged_would_run_if_it_had_our_seal(store: Store) -> None:
    """So it is the seal that keeps the forgeries from running, and the line of the journal that they lack."""
    with a_house(store) as house:
        execution = house.ask(BOBS)
        before = house.engine.read(execution.id)[0]
        swap = RECORDS.step_swap(before, Step(approved(before), 0.0, 9e9))
        store.swap(replace(swap, due_at=1.0))
        house.becomes(execution, State.RUNNING, State.SUCCEEDED)
    assert house.runner.starts == ["it"]


@dataclass
class Reach:
    """A store, and the hand of somebody who writes there past us."""

    url: str
    put_back: Callable[[Swap], None]


@pytest.fixture(params=["sqlite", "redis"])
def reach(request: pytest.FixtureRequest, tmp_path: Path) -> Reach:
    if request.param == "sqlite":
        path = tmp_path / "s.db"

        def write(swap: Swap) -> None:
            with contextlib.closing(sqlite3.connect(path)) as connection, connection:
                connection.execute(
                    "UPDATE record SET version = ?, token = ?, body = ?, due_at = 1, keep_until = 9e9 WHERE id = ?",
                    (swap.record.version, swap.record.token, swap.record.body, swap.record.id),
                )

        return Reach(f"sqlite:///{path}", write)
    server: RedisServer = request.getfixturevalue("own_redis_server")
    server.start()

    def write_redis(swap: Swap) -> None:
        record = swap.record
        with redis.Redis(unix_socket_path=str(server.socket)) as client:
            client.set(
                f"{{c:default}}:e:{record.id}", b"%d\n%s\n" % (record.version, record.token.encode()) + record.body
            )
            client.zadd("{c:default}:due", {record.id: 1.0})

    return Reach(server.url, write_redis)


def test_an_approved_record_that_is_put_back_after_the_run_runs_nothing_more(
    reach: Reach, caplog: pytest.LogCaptureFixture
) -> None:
    """Its seal is right, but the journal has later lines about it. Given another process, which remembers nothing."""
    written: list[Swap] = []
    with contextlib.closing(open_store(reach.url)) as store:
        with a_house(Overtaken(store, written.append)) as house:
            execution = house.ask(BOBS)
            house.confirm(execution, "bob")
            house.becomes(execution, State.RUNNING, State.SUCCEEDED)
        (old,) = [swap for swap in written if b'"state":"approved"' in swap.record.body]
        with a_house(store) as other:
            reach.put_back(old)
            other.gate.add(execution)
            eventually(lambda: "it was put back" in caplog.text)
    assert (house.runner.starts, other.runner.starts) == (["it"], [])


def test_a_refused_claim_that_is_put_in_the_place_of_the_one_before_it_runs_nothing_more(
    reach: Reach, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: a bot took it for its own claim whose answer was lost. Its seal is right, but no line knows it."""
    refused, answered = list[Swap](), list[Swap]()
    with contextlib.closing(open_store(reach.url)) as store:
        first = Engine(store, RECORDS, lambda _: None)

        def be_first(swap: Swap) -> None:
            if state_in(swap) is State.RUNNING and not refused:
                refused.append(swap)
                first.apply(swap.record.id, Advance("first"))

        with a_house(LostAnswers(Overtaken(store, be_first), lambda swap: bool(answered.append(swap)))) as house:
            execution = house.ask(BOBS)
            house.confirm(execution, "bob")
            eventually(lambda: refused and refused[0] in answered)
            reach.put_back(refused[0])
            house.gate.add(execution)
            eventually(lambda: "does not know of this claim" in caplog.text)
            assert house.runner.starts == []


def test_a_claim_that_is_put_there_before_it_arrives_runs_nothing_more(
    reach: Reach, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: the store said that it had been written already, as it does where an answer was lost."""
    claims: list[Swap] = []
    with contextlib.closing(open_store(reach.url)) as store:
        first = Engine(store, RECORDS, lambda _: None)

        def be_first(swap: Swap) -> None:
            if state_in(swap) is State.RUNNING:
                claims.append(swap)
                first.apply(swap.record.id, Advance("first"))
                reach.put_back(swap)

        with a_house(Overtaken(store, be_first)) as house:
            house.confirm(house.ask(BOBS), "bob")
            eventually(lambda: "does not know of this claim" in caplog.text)
            assert (len(claims), house.runner.starts) == (1, [])


def test_an_approved_record_that_is_put_back_while_another_bot_claims_it_runs_nothing_more(
    reach: Reach, caplog: pytest.LogCaptureFixture
) -> None:
    """Given one that runs, ends and is put back after the other bot has asked the journal, and before it writes."""
    known: list[Swap] = []
    with contextlib.closing(open_store(reach.url)) as store:
        first = Engine(store, RECORDS, lambda _: None)

        def be_first(swap: Swap) -> None:
            known.append(swap)
            if [state_in(each) for each in known].count(State.RUNNING) == 1 and state_in(swap) is State.RUNNING:
                first.apply(swap.record.id, Advance("first"))
                reach.put_back(known[-2])

        with a_house(Overtaken(store, be_first)) as house:
            execution = house.ask(BOBS)
            house.confirm(execution, "bob")
            eventually(lambda: "it was put back" in caplog.text)
            assert house.runner.starts == []


def test_a_refused_approval_that_is_put_in_the_place_of_a_denial_runs_nothing(
    reach: Reach, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: both are the third version, and the journal was asked for no more than that."""
    refused: list[Swap] = []
    with contextlib.closing(open_store(reach.url)) as store:
        first = Engine(store, RECORDS, lambda _: None)

        def be_first(swap: Swap) -> None:
            if state_in(swap) is State.APPROVED:
                refused.append(swap)
                first.apply(swap.record.id, Answer("alice", Verdict.DENY))

        with a_house(Overtaken(store, be_first)) as house:
            execution = house.ask(BOBS)
            house.confirm(execution, "bob")
            assert first.read(execution.id)[0].state is State.DENIED
            reach.put_back(refused[0])
            house.gate.add(execution)
            eventually(lambda: "it was put back" in caplog.text)
            assert house.runner.starts == []


def test_a_refused_yes_that_is_put_in_the_place_of_a_denial_is_no_ground_for_others(reach: Reach) -> None:
    """Regression: who said yes next made a record of it that the journal knew, and the no was forgotten."""
    stage = Stage(quorum=AllOf(all=tuple(Seat(by=(who,)) for who in ("bob", "carol"))), retry_count=1_000)
    both = replace(BOBS, stages=(stage,))
    refused: list[Swap] = []
    with contextlib.closing(open_store(reach.url)) as store:
        first = Engine(store, RECORDS, lambda _: None)

        def be_first(swap: Swap) -> None:
            if any(key.person == "bob" for key in swap.keys):
                refused.append(swap)
                first.apply(swap.record.id, Answer("alice", Verdict.DENY))

        with a_house(Overtaken(store, be_first)) as house:
            execution = house.ask(both)
            house.confirm(execution, "bob")
            assert first.read(execution.id)[0].state is State.DENIED
            reach.put_back(refused[0])
            assert house.engine.read(execution.id)[0].state is State.PENDING
            with pytest.raises(RecordError, match="it was put back"):
                house.confirm(execution, "carol")
            assert house.runner.starts == []


# The journal


@pytest.fixture
def lines(store: Store) -> Lines:
    """Give the journal of three lives, each with its votes."""
    with a_house(store) as house:
        for _ in range(3):
            execution = house.ask(BOBS)
            house.confirm(execution, "bob")
            house.becomes(execution, State.RUNNING, State.SUCCEEDED)
    return store.journal(0, 100)


def found(lines: Lines) -> list[str]:
    return list(check(lines, RECORDS.seal))


def test_each_field_of_each_line_that_is_changed_is_found(lines: Lines) -> None:
    assert (len(lines), found(lines)) == (15, [])
    for index, (number, text) in enumerate(lines):
        for field, value in json.loads(text).items():
            other = {**json.loads(text), field: f"{value}x" if isinstance(value, str) else 1_000_000}
            changed = [*lines[:index], (number, json.dumps(other)), *lines[index + 1 :]]
            assert f"line {number} " in " ".join(found(changed)), field


def test_a_line_that_is_taken_away_with_all_numbers_moved_up_is_found(lines: Lines) -> None:
    for index in range(len(lines) - 1):
        left = [text for place, (_, text) in enumerate(lines) if place != index]
        assert found(list(enumerate(left, start=1))) != []


def test_the_key_is_in_neither_store_nor_journal(reach: Reach) -> None:
    """Nor is anything that is derived from it."""
    records = Records(Seal(bytes.fromhex("ab" * KEY_BYTES), "default"))
    with contextlib.closing(open_store(reach.url)) as store:
        engine = Engine(store, records, lambda _: None)
        swap = records.first_swap(approved(asked(engine)))
        text = swap.record.body + b"".join(line.encode() for _, line in store.journal(0, 10))
    for secret in ("ab" * 8, *(value.hex()[:16] for value in vars(records.seal).values())):
        assert secret.encode() not in text


def asked(engine: Engine) -> Execution:
    execution = engine.create(a_plan(BOBS), Speaker("alice", Place(person="@alice")), "it")
    engine.apply(execution.id, Posted())
    return engine.read(execution.id)[0]
