"""No key outlives what it is for: whatever happens and in whatever order, each key that should end has its TTL."""

import itertools
from collections.abc import Iterator
from contextlib import closing

import pytest
import redis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.errors import StoreUnavailableError
from err_confirm.model.executions import Place, Speaker, State, Verdict
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Outcome
from err_confirm.store import open_store
from err_confirm.transition.events import Advance, Answer, Cancel, Event, Expire, Finish, Posted, Renew, Told
from faulty import LostAnswers
from house import a_plan
from judging import redis_ttls
from servers import RedisServer

ANYBODY = a_policy(by=("anyone",), deny_by=("anyone",), retry_count=100)
people = st.sampled_from(("alice", "bob"))
processes = st.sampled_from(("one", "two"))
events: st.SearchStrategy[Event] = st.one_of(
    st.just(Posted()),
    *[st.builds(Answer, people, st.sampled_from(Verdict))] * 4,
    st.builds(Cancel, people),
    *[st.builds(Advance, processes)] * 2,
    st.just(Expire(0.0)),
    st.builds(Renew, processes, st.just(1)),
    st.builds(Finish, processes, st.just(1), st.builds(Outcome, exit_code=st.sampled_from((0, 1)))),
    st.builds(Told, st.sampled_from([state for state in State if state.ended])),
)


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=str(redis_server.socket)) as client:
        yield client


def test_whatever_happens_each_key_that_should_end_has_its_ttl(redis_server: RedisServer, client: redis.Redis) -> None:
    """Every second answer of the store is lost, so that things are said again."""
    seen = {"histories": 0, "answers": 0, "records that ended": 0}

    @given(st.lists(events, min_size=2, max_size=20), st.sampled_from((None, ANYBODY, ANYBODY, ANYBODY)))
    @settings(max_examples=300, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def happen(history: list[Event], policy: Policy | None) -> None:
        seen["histories"] += 1
        namespace = f"ttl-{seen['histories']}"
        with closing(open_store(redis_server.url, namespace=namespace)) as store:
            engine = Engine(store, RECORDS, lambda _: None)
            lost = itertools.cycle((True, False))
            losing = Engine(LostAnswers(store, lambda _: next(lost)), RECORDS, lambda _: None)
            plan = a_plan(policy)
            execution_id = engine.create(plan, Speaker("alice", Place(person="@alice")), "").id
            for event in history:
                try:
                    losing.apply(execution_id, event)
                except StoreUnavailableError:
                    losing.apply(execution_id, event)
            execution, _ = engine.read(execution_id)
        assert execution
        record = client.pttl(f"{{c:{namespace}}}:e:{execution_id}")
        assert (record >= 0) == execution.state.ended, "and none ends that should not"
        seen["answers"] += any(
            client.exists(f"{{c:{namespace}}}:k:{execution_id}:{person}") for person in ("alice", "bob")
        )
        seen["records that ended"] += execution.state.ended

    happen()
    found = dict(redis_ttls(client, "ttl-*"))
    assert [name for name, ends in found.items() if not ends] == []
    assert len(found) > 100
    assert seen["answers"] > 50
    assert seen["records that ended"] > 50


def test_a_key_without_its_ttl_is_found(redis_server: RedisServer, client: redis.Redis) -> None:
    """So the test above sees what it is there to see."""
    namespace = "lost-ttl"
    with closing(open_store(redis_server.url, namespace=namespace)) as store:
        engine = Engine(store, RECORDS, lambda _: None)
        execution = engine.create(a_plan(ANYBODY), Speaker("alice", Place(person="@alice")), "")
        engine.apply(execution.id, Answer("bob", Verdict.DENY))
    names = [f"{{c:{namespace}}}:e:{execution.id}", f"{{c:{namespace}}}:k:{execution.id}:bob"]
    for name in names:
        assert client.persist(name)
    assert dict(redis_ttls(client, namespace)) == dict.fromkeys(names, False)
