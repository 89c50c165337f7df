"""Many processes, one store: each execution is confirmed once and runs once, whoever is first.

What a run does is counted outside the store, in a file to which each run appends one line.
"""

import contextlib
import json
import subprocess
import sys
import threading
from collections import Counter as Tally
from pathlib import Path
from typing import Any

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.model.executions import Place, Speaker, State, Verdict
from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.transition.events import Answer, Posted, Reason
from err_confirm.transition.steps import Already, Decision, Refusal, Step
from house import a_house, a_plan
from servers import PATIENCE, StoreFactory

RACING = Path(__file__).with_name("racing.py")
ENVIRONMENT = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
EXECUTIONS = 1_000
RACERS = tuple(f"racer {number}" for number in range(8))
VOTERS = 50


def ask_for(store: Store, count: int) -> list[str]:
    """Ask for so many executions that any racer may confirm; returns their ids."""
    engine = Engine(store, RECORDS, lambda _: None)
    plan = a_plan(a_policy(by=RACERS, retry_count=1_000))
    ids = [engine.create(plan, Speaker("alice", Place(person="@alice")), "").id for _ in range(count)]
    for execution_id in ids:
        engine.apply(execution_id, Posted())
    return ids


def race(url: str, folder: Path, ids: list[str], way: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Let all racers run through all ids at the same time; returns what each says, and the lines of the effects."""
    (folder / "ids").write_text("\n".join(ids))
    (folder / "effects").touch()
    command = [sys.executable, RACING, url, folder / "effects", folder / "ids", way, *RACERS]
    done = subprocess.run(command, stdout=subprocess.PIPE, env=ENVIRONMENT, timeout=PATIENCE * 4, check=True)
    said: list[dict[str, Any]] = json.loads(done.stdout)
    return said, (folder / "effects").read_text().splitlines()


def test_of_eight_racing_processes_one_runs_each_execution_and_no_vote_is_lost(url: str, tmp_path: Path) -> None:
    with contextlib.closing(open_store(url)) as store:
        ids = ask_for(store, EXECUTIONS)
        said, effects = race(url, tmp_path, ids, "claim")
        ended = {execution.id: execution for execution in Engine(store, RECORDS, lambda _: None).recent()}
        due, _ = store.due(1)

    runs = Tally(line.split()[0] for line in effects)
    voted = {
        (execution_id, racer) for racer, each in zip(RACERS, said, strict=True) for execution_id in each["decided"]
    }
    stored = {(each.id, vote.person) for each in ended.values() for vote in each.votes}
    assert [execution_id for execution_id in ids if runs[execution_id] > 1] == [], "run twice"
    assert [execution_id for execution_id in ids if runs[execution_id] == 0] == [], "not run"
    assert voted - stored == set(), "votes lost"
    assert stored - voted == set(), "votes that nobody was told of"
    assert len(voted) == EXECUTIONS, "one vote decides each"
    assert Tally((each.state, each.fence) for each in ended.values()) == {(State.SUCCEEDED, 1): EXECUTIONS}
    assert {line.split()[1] for line in effects} == {"1"}
    assert due == []

    how = sum((Tally({key: each[key] for key in each if key != "decided"}) for each in said), Tally())
    assert all(each["decided"] and each["advance step"] for each in said), "every racer has voted and run something"
    assert sum(how[key] for key in how if key.startswith("answer ")) == len(RACERS) * EXECUTIONS
    assert sum(how[key] for key in how if key.startswith("advance ")) == len(RACERS) * EXECUTIONS
    assert how["swap conflict"] > 0, "they were really racing"


def test_without_the_claim_the_same_race_runs_things_twice(tmp_path: Path) -> None:
    """So the race sees what it is there to see."""
    url = f"sqlite:///{tmp_path}/race.db"
    with contextlib.closing(open_store(url)) as store:
        ids = ask_for(store, 200)
    _, effects = race(url, tmp_path, ids, "look")
    assert len(effects) > len(set(effects))


def test_of_fifty_voters_at_once_one_decides_and_the_others_are_told_so(store_factory: StoreFactory) -> None:
    """Each of 25 people says it twice, at the same time, to a process of their own."""
    with a_house(store_factory()) as house:
        house.runner.hold.set()
        execution = house.ask(a_policy(by=("anyone",), retry_count=1_000))
        engines = [Engine(store_factory(), RECORDS, lambda _: None) for _ in range(VOTERS)]
        together = threading.Barrier(VOTERS)
        decisions: list[tuple[str, Decision]] = []

        def vote(number: int) -> None:
            person = f"voter {number // 2}"
            together.wait()
            decisions.append((person, engines[number].apply(execution.id, Answer(person, Verdict.APPROVE))))

        threads = [threading.Thread(target=vote, args=(number,)) for number in range(VOTERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        running = house.becomes(execution, State.RUNNING)

    (winner,) = [person for person, decision in decisions if isinstance(decision, Step)]
    assert [person for person, decision in decisions if isinstance(decision, Already)] == [winner]
    refused = Tally(decision.reason for _, decision in decisions if isinstance(decision, Refusal))
    assert set(refused) <= {Reason.DECIDED, Reason.RUNNING}
    assert refused.total() == VOTERS - 2
    assert ([vote.person for vote in running.votes], running.decided_by) == ([winner], winner)
    assert house.runner.starts == ["it"]
