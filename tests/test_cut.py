"""The server has acted, and the answer is lost: nothing happens twice, and nothing before it is known.

A TCP proxy in front of a real redis-server lets each request through, lets the server act, and then cuts the
connection or stays silent: once, or for all the tries that redis-py makes.
"""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from builders import RECORDS, a_policy
from cutting import RETRIES, Next, Proxy, a_proxy, play
from err_confirm.engine import Engine
from err_confirm.errors import StoreUnavailableError
from err_confirm.model.executions import Execution, State
from err_confirm.store import open_store
from err_confirm.transition.steps import Already, Step
from house import House, a_house
from servers import RedisServer, eventually
from talk import a_bot, write_files

SOON = a_policy(retry_count=10, retry_delay=0.1)


@dataclass
class Wire:
    """A house behind the proxy, and an eye on the server beside it."""

    proxy: Proxy
    house: House
    looking: Engine

    def lose(self, count: int, *states: State, version: int | None = None) -> Next:
        self.proxy.loses = Next(count, *states, version=version)
        return self.proxy.loses

    def the_one(self) -> Execution:
        """Return the only execution."""
        (execution,) = self.looking.recent()
        return execution

    def runs_once_and_ends(self, execution: Execution) -> None:
        """Wait for its end; it was confirmed once, ran once and was told once."""
        self.house.becomes(execution, State.RUNNING, State.SUCCEEDED)
        eventually(lambda: not self.looking.store.due(1)[0])
        ended = self.the_one()
        assert (ended.state, ended.fence, len(ended.votes)) == (State.SUCCEEDED, 1, 1)
        assert self.house.runner.starts == ["it"]
        assert self.house.changes.empty()


@contextmanager
def a_wire(server: RedisServer, *, stall: bool) -> Iterator[Wire]:
    with (
        a_proxy(server) as proxy,
        closing(open_store(proxy.url, namespace="wire")) as store,
        closing(open_store(server.url, namespace="wire")) as looker,
        a_house(store) as house,
    ):
        proxy.stall = stall
        yield Wire(proxy, house, Engine(looker, RECORDS, lambda _: None))


@pytest.fixture(params=["cut", "silent"])
def wire(request: pytest.FixtureRequest, own_redis_server: RedisServer) -> Iterator[Wire]:
    """Give a wire that is cut after the server has acted, or stays silent for longer than the time-out."""
    with a_wire(own_redis_server, stall=request.param == "silent") as wire:
        yield wire


class TestOneAnswerIsLost:
    @pytest.mark.parametrize(
        ("state", "version"),
        [
            (State.PENDING, 1),
            (State.PENDING, 2),
            (State.APPROVED, None),
            (State.RUNNING, None),
            (State.SUCCEEDED, None),
        ],
    )
    def test_nobody_notices(self, wire: Wire, state: State, version: int | None) -> None:
        """The same swap is repeated below, and found done, or found overtaken by what it has made possible."""
        lost = wire.lose(1, state, version=version)
        execution = wire.house.ask()
        assert isinstance(wire.house.confirm(execution), Step | Already)
        wire.runs_once_and_ends(execution)
        assert (lost.left, wire.proxy.lost) == (0, 1)


class TestAllAnswersAreLost:
    def test_to_a_request_then_there_is_no_prompt_and_what_was_stored_expires(self, wire: Wire) -> None:
        wire.lose(RETRIES, State.PENDING, version=1)
        with pytest.raises(StoreUnavailableError):
            wire.house.ask(SOON)
        left = wire.the_one()
        assert not left.posted
        wire.house.becomes(left, State.EXPIRED)
        assert wire.house.runner.starts == []

    def test_to_a_vote_then_it_is_said_again_and_counts_once(self, wire: Wire) -> None:
        execution = wire.house.ask()
        wire.lose(RETRIES, State.APPROVED)
        with pytest.raises(StoreUnavailableError):
            wire.house.confirm(execution)
        eventually(lambda: wire.the_one().votes)  # on a busy machine it is still on its way
        assert isinstance(wire.house.confirm(execution), Already)
        wire.runs_once_and_ends(execution)

    def test_to_a_claim_then_nothing_runs_before_it_is_known(self, wire: Wire) -> None:
        lost = wire.lose(2 * RETRIES, State.RUNNING)
        execution = wire.house.ask()
        wire.house.confirm(execution)
        eventually(lambda: wire.proxy.lost >= 1)
        assert wire.the_one().state is State.RUNNING
        assert wire.house.runner.starts == []
        lost.left = 0
        wire.runs_once_and_ends(execution)

    def test_to_the_end_then_it_is_reported_until_that_is_known(self, wire: Wire) -> None:
        lost = wire.lose(RETRIES, State.SUCCEEDED)
        execution = wire.house.ask()
        wire.house.confirm(execution)
        eventually(lambda: lost.left == 0)
        eventually(lambda: wire.the_one().state is State.SUCCEEDED)  # the last one may still be on its way there
        wire.runs_once_and_ends(execution)


def test_a_vote_whose_answer_is_lost_is_said_to_count_once_when_said_again(
    own_redis_server: RedisServer, tmp_path: Path
) -> None:
    """Given a real bot, of which bob hears that his answer may not be saved."""
    write_files(
        tmp_path,
        {
            "aliases/greet.yaml": (
                'name: greet\nformats: ["greet"]\nconfirm: {by: [bob]}\n'
                'run: {command: ["sh", "-c", "echo hello; echo ran >> ran"]}\n'
            )
        },
    )
    with a_proxy(own_redis_server) as proxy, a_bot(tmp_path, CONFIRM_STORE=proxy.url) as talk:
        talk.alice.says("!greet")
        asked = talk.prompt()
        proxy.loses = Next(RETRIES, State.APPROVED)
        talk.bob.says(f"!confirm {asked}")
        talk.hears(r"not known to be saved: .*\nsay it again; it counts once\Z")
        eventually(lambda: talk.execution(asked).votes)  # on a busy machine it is still on its way
        talk.bob.says(f"!confirm {asked}")
        talk.hears(f"you already confirmed {asked}")
        eventually(lambda: talk.execution(asked).state is State.SUCCEEDED)
        assert len(talk.execution(asked).votes) == 1
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_where_every_fourth_answer_is_lost_nothing_runs_twice_and_nothing_is_stuck(
    own_redis_server: RedisServer,
) -> None:
    """The figures for more of them: `python tests/cutting.py`."""
    tally = play(own_redis_server, 40, random.Random(1))
    wrong = ("ran twice", "stuck", "confirmed and not run", "not confirmed and run", "voted twice", "not told once")
    assert {what: tally[what] for what in wrong if tally[what]} == {}
    assert (tally["ran"], tally["ended succeeded"]) == (40, 40)
    assert tally["answers lost"] > 100
