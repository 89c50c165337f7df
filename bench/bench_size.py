"""How much is kept of an execution: JSON lines, in bytes.

    PYTHONPATH=plugins/err-confirm:tests .venv/bin/python bench/bench_size.py

`record` and `journal` are what one execution comes to that was asked for with a line of 60 characters, confirmed once,
and has printed 200 characters; `file` and `memory` are what a store grows by with each of them.
"""

import json
import tempfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import redis

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.model.executions import Execution, Place, Speaker, Verdict
from err_confirm.model.runs import Invocation, Outcome
from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.transition.events import Advance, Answer, Finish, Posted
from house import a_plan
from servers import RedisServer

LIVES = 1_000
HOSTS = ["web01.example.org", "web02.example.org"]
TEXT = f"restart service=web on {','.join(HOSTS)}"
RUN = Invocation(runner="command", spec={"argv": ["./restart", "--", *HOSTS], "cwd": "/srv/ops", "env": {}})
OUTCOME = Outcome(exit_code=0, output="x" * 199 + "\n")


def main() -> None:
    """Measure one life by itself, and many of them in each store."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        path = Path(folder) / "s.db"
        with closing(open_store(f"sqlite:///{path}")) as store:
            execution = live(store)
            record, _ = store.read(execution.id)
            lines = store.journal(0, 100)
            report("any", "record", each=len(record.body))
            report("any", "journal", each=sum(len(text.encode()) for _, text in lines), lines=len(lines))
            for _ in range(LIVES):
                live(store)
            checkpointed = path.stat().st_size + path.with_name("s.db-wal").stat().st_size
        report("sqlite", "file", each=round(checkpointed / LIVES))
    server = RedisServer()
    server.start()
    with closing(open_store(server.url)) as store, redis.Redis(unix_socket_path=str(server.socket)) as client:
        live(store)
        before = client.info("memory")["used_memory"]
        for _ in range(LIVES):
            live(store)
        report("redis", "memory", each=round((client.info("memory")["used_memory"] - before) / LIVES))
    server.remove()


def live(store: Store) -> Execution:
    """Let one execution be asked for, confirmed and run to its end."""
    engine = Engine(store, RECORDS, lambda _: None)
    plan = replace(a_plan(a_policy()), parameters={"hosts": HOSTS, "service": "web"}, invocation=RUN)
    place = Place(person="<@U024BE7LH>", room="<#C024BE91L>")
    execution = engine.create(plan, Speaker("alice", place, "slack:U024BE7LH"), TEXT)
    yes = Answer("alice", Verdict.APPROVE, identity="slack:U024BE7LH", room="<#C024BE91L>")
    for event in (Posted(), yes, Advance("bench"), Finish("bench", 1, OUTCOME)):
        engine.apply(execution.id, event)
    return execution


def report(store: str, what: str, **facts: object) -> None:
    """Print one line."""
    print(json.dumps({"bench": "size", "store": store, "what": what, **facts}), flush=True)


if __name__ == "__main__":
    main()
