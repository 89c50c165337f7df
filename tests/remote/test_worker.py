"""What runs on a worker runs once, is followed to its end, and ends with its worker."""

import os
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from err_confirm.cli.configuration import Configuration, read_catalog
from err_confirm.cli.queues import unreachable, workers
from err_confirm.errors import SettingError, StartError, StoreUnavailableError
from err_confirm.journal.records import Records
from err_confirm.model.executions import Execution, State
from err_confirm.model.files import Remote
from err_confirm.model.runs import Outcome, PartState
from err_confirm.remote.job_record import JobRecord, JobState, asked, attended, beaten
from err_confirm.remote.runs import NO_REDIS, remote_runner
from err_confirm.runners import STARTERS
from err_confirm.runners.base import Context
from err_confirm.runners.remote_runner import remote
from err_confirm.settings import read_settings
from err_confirm.store import open_store
from err_confirm.store.redis_store import connect
from err_confirm.store.seal import Seal
from err_confirm.transition.steps import Step
from err_confirm.worker import a_bench
from servers import RedisServer, eventually
from talk import a_bot as a_chat
from talk import write_files
from workers import KEY, Bot, Site, a_bot, a_place, children, with_variable


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def two(redis_server: RedisServer, folder: Path) -> Iterator[Site]:
    """Give a place with two workers, which know who they are."""
    with a_place(redis_server, folder) as site:
        for name in ("one", "two"):
            site.worker(NAME=name)
        yield site


@pytest.fixture
def site(redis_server: RedisServer, tmp_path: Path) -> Iterator[Site]:
    """Give a place without workers."""
    with a_place(redis_server, tmp_path) as site:
        yield site


def runs(bot: Bot, execution: Execution, site: Site, fence: int = 1) -> None:
    """Wait until its line is in the ledger."""
    eventually(lambda: f"{execution.id}-{fence}" in site.lines)


def started_by(execution: Execution) -> list[Path]:
    """Return what stands for its processes: each is there as long as its process is."""
    return [Path(f"/proc/{process}") for process in with_variable(f"CONFIRM_ID={execution.id}")]


def all_are_gone(processes: list[Path]) -> None:
    assert processes
    eventually(lambda: not any(process.exists() for process in processes))


# What a worker does


def test_a_worker_runs_it_and_its_outcome_comes_back(two: Site) -> None:
    """With its exit code, its output and its secret, which only the worker has."""
    with a_bot(two) as bot:
        script = two.runs('echo "$WHO $CONFIRM_FENCE"; exit 3', env={"WHO": {"secret": "env:NAME"}})
        done = bot.ended(bot.ask(script))
    assert done.state is State.FAILED
    assert done.outcome
    assert done.outcome.exit_code == 3
    assert done.outcome.output in ("one 1\n", "two 1\n")


def test_what_runs_inherits_nothing_of_its_worker(two: Site) -> None:
    """Neither its variables, among them the way to store and key, nor what it has open."""
    with a_bot(two) as bot:
        done = bot.ended(bot.ask(two.runs("env; ls /proc/$$/fd")))
    assert done.outcome
    told = {line.partition("=")[0] for line in done.outcome.output.splitlines()}
    of_ours = {"PATH", "LANG", "CONFIRM_ID", "CONFIRM_FENCE", "CONFIRM_ANSWERS", "CONFIRM_JOB"}
    assert told - {"PWD", "OLDPWD", "SHLVL", "_"} == of_ours | {"0", "1", "2"}


def test_several_executions_run_on_both_workers_at_once(two: Site) -> None:
    """Each waits until another worker has begun, too; each runs once."""
    wait = f'echo "$CONFIRM_ID" >> {two.folder}/$WHO; until test -e {two.folder}/$OTHER; do sleep 0.01; done'
    with a_bot(two) as bot:
        env = {"WHO": {"secret": "env:NAME"}}
        both = two.runs(f"OTHER=two; test $WHO = one || OTHER=one; {wait}", env=env)
        executions = [bot.ask(both) for _ in range(4)]
        assert [bot.ended(execution).state for execution in executions] == [State.SUCCEEDED] * 4
    ran = sorted(line for name in ("one", "two") for line in (two.folder / name).read_text().splitlines())
    assert ran == sorted(execution.id for execution in executions)


def test_a_loop_runs_each_target_once_on_whatever_worker_is_free(two: Site) -> None:
    """Twelve targets, each on a worker that knows which one it is; what each said last is kept."""
    targets = [f"h{number}" for number in range(12)]
    script = two.runs(f'echo "$CONFIRM_TARGET" >> {two.folder}/targets; echo "did $CONFIRM_TARGET"')
    with a_bot(two) as bot:
        done = bot.ended(bot.ask_for_all(dict.fromkeys(targets, script), concurrency=4))
    assert done.state is State.SUCCEEDED
    assert sorted((two.folder / "targets").read_text().split()) == sorted(targets)
    assert [(part.state, part.said) for part in done.parts] == [(PartState.DONE, f"did {target}") for target in targets]


def test_the_queue_holds_neither_the_command_nor_a_secret(two: Site) -> None:
    """Nothing but the namespace and the name; the command is in the execution, the secret nowhere in the store."""
    client = connect(two.url)
    with a_bot(two) as bot:
        execution = bot.ask(two.runs("echo a-canary; sleep 60", env={"TOKEN": {"secret": "env:NAME"}}))
        eventually(lambda: with_variable(f"CONFIRM_ID={execution.id}"))
        queued = [
            client.dump(key) or b"" if client.type(key) != b"hash" else repr(client.hgetall(key)).encode()
            for key in client.keys("rq:*")
        ]
        bot.abort(execution)
        bot.ended(execution)
    client.close()
    assert any(execution.id.encode() in text for text in queued)
    assert not any(b"canary" in text or b"TOKEN" in text for text in queued)


def test_abort_leaves_no_process(two: Site) -> None:
    """Nor one that ignores that it is asked to end."""
    with a_bot(two) as bot:
        execution = bot.ask(two.waits(argv=["sh", "-c", f"trap '' TERM; {two.waits().spec['argv'][2]}"]))
        runs(bot, execution, two)
        processes = started_by(execution)
        bot.abort(execution)
        done = bot.ended(execution)
    assert done.state is State.ABORTED
    assert done.outcome
    assert done.outcome.error == "stopped by alice: not now"
    assert done.outcome.output == "begun\n"
    all_are_gone(processes)
    assert started_by(execution) == []


def test_what_cannot_be_started_on_the_worker_says_which_one(two: Site) -> None:
    """A folder that is there may be missing here."""
    with a_bot(two) as bot:
        done = bot.ended(bot.ask(two.runs("true", cwd="/no/such/folder")))
    assert done.state is State.FAILED
    assert done.outcome
    assert "/no/such/folder cannot be entered" in done.outcome.error
    assert "(on the worker " in done.outcome.error


def test_a_bot_that_is_killed_is_followed_by_what_its_worker_runs(two: Site) -> None:
    """Its execution is lost as soon as its lease is over, for which nobody waits here; the worker then ends it."""
    with two.another_bot(str(two.waits().spec["argv"][2])) as (process, execution_id):
        eventually(lambda: f"{execution_id}-1" in two.lines)
        process.kill()
        process.wait()
        with a_bot(two) as bot:
            execution, _ = bot.engine.read(execution_id)
            assert execution
            assert execution.state is State.RUNNING
            processes = started_by(execution)
            let_its_lease_end(two, execution)
            bot.gate.add(execution)
            assert bot.ended(execution).state is State.LOST
        all_are_gone(processes)
    assert two.lines.count(f"{execution_id}-1") == 1


def let_its_lease_end(site: Site, execution: Execution) -> None:
    records, store = Records(Seal(KEY, site.namespace)), open_store(site.url, namespace=site.namespace)
    over = replace(execution, lease_until=execution.started_at, version=execution.version + 1)
    store.swap(records.step_swap(execution, Step(over, 0.0, 9e9)))
    store.close()


# Workers that die


def test_with_its_worker_killed_it_is_lost_and_nothing_of_it_goes_on(site: Site) -> None:
    """Both of the worker's processes, with -9: what they had started is ended by the one that watches them."""
    worker = site.worker()
    with a_bot(site, lease=2.5) as bot:
        execution = bot.ask(site.waits())
        runs(bot, execution, site)
        processes = started_by(execution)
        worker.kill()
        all_are_gone(processes)
        lost = bot.ended(execution)
    assert lost.state is State.LOST
    assert lost.reason.startswith("the worker ")
    assert lost.reason.endswith(" is gone")
    assert site.lines == [f"{execution.id}-1"]


def test_with_a_worker_killed_the_others_do_the_rest_of_a_loop(site: Site) -> None:
    """The one target that it was at is the only one of which nobody knows; nothing is done twice."""
    first = site.worker()
    with a_bot(site, lease=3.0) as bot:
        write = f'echo "$CONFIRM_TARGET" >> {site.ledger}'
        each = {"h0": site.runs(f"{write}; sleep 60"), **{f"h{number}": site.runs(write) for number in range(1, 5)}}
        execution = bot.ask_for_all(each, concurrency=2, max_errors=5)
        eventually(lambda: "h0" in site.lines)
        site.worker()
        first.kill()
        parts = bot.ended(execution).parts
    assert sorted(site.lines) == sorted(each)
    assert [part.state for part in parts] == [PartState.RUNS, *[PartState.DONE] * 4]
    assert parts[0].said.endswith(" is gone")


def test_what_may_be_started_again_goes_on_on_the_other_worker(site: Site) -> None:
    """Under a new fence, and only after the first one has ended."""
    alone = f'mkdir {site.folder}/busy || exit 9; trap "rmdir {site.folder}/busy" EXIT; trap "exit 1" TERM; '
    script = alone + f'echo "$CONFIRM_ID-$CONFIRM_FENCE" >> {site.ledger}; test $CONFIRM_FENCE = 2 || sleep 60 & wait'
    first = site.worker()
    with a_bot(site, lease=5.0) as bot:
        execution = bot.ask(site.runs(script), retry=True)
        runs(bot, execution, site)
        site.worker()
        first.kill()
        done = bot.ended(execution)
    assert done.state is State.SUCCEEDED
    assert done.fence == 2
    assert site.lines == [f"{execution.id}-1", f"{execution.id}-2"]


def test_a_worker_that_is_killed_alone_leaves_its_job_to_its_horse(site: Site) -> None:
    """RQ does a job in a second process, which does not end with the first: it ends the job, and tells it."""
    worker = site.worker()
    with a_bot(site) as bot:
        execution = bot.ask(site.waits(0.5))
        runs(bot, execution, site)
        os.kill(worker.process.pid, signal.SIGKILL)
        assert bot.ended(execution).state is State.SUCCEEDED
    assert site.lines == [f"{execution.id}-1"]


def test_a_worker_that_is_to_end_stops_what_it_runs_and_tells_it(site: Site) -> None:
    """As systemd ends a service: each of its processes is asked, and what it runs is, too."""
    worker = site.worker()
    with a_bot(site) as bot:
        execution = bot.ask(site.waits())
        runs(bot, execution, site)
        for process in (
            worker.process.pid,
            *children(worker.process.pid),
            *with_variable(f"CONFIRM_ID={execution.id}"),
        ):
            os.kill(process, signal.SIGTERM)
        done = bot.ended(execution)
    assert done.state is State.ABORTED
    assert done.outcome
    assert done.outcome.error == "stopped, because its worker was stopped"
    assert started_by(execution) == []


def test_a_worker_that_comes_too_late_gets_nothing(site: Site) -> None:
    """It was there, but did not take it in time; then it goes on, and finds that it was taken back."""
    worker = site.worker()
    os.kill(worker.process.pid, signal.SIGSTOP)
    with a_bot(site) as bot:
        late = bot.ended(bot.ask(site.waits(0.0), within=0.3))
        assert late.state is State.FAILED
        assert late.outcome
        assert late.outcome.error == (
            'no worker of the queue "web" took it within 0.3 s; start one: rq worker -w err_confirm.worker.Worker web'
        )
        aborted = bot.ask(site.waits(0.0))
        eventually(lambda: bot.jobs.read(f"{aborted.id}-1")[0])
        bot.abort(aborted)
        assert bot.ended(aborted).state is State.ABORTED
        os.kill(worker.process.pid, signal.SIGCONT)
        intime = bot.ended(bot.ask(site.waits(0.0)))
    assert intime.state is State.SUCCEEDED
    assert site.lines == [f"{intime.id}-1"]


def test_a_queue_to_which_nobody_listens_is_said_at_once(site: Site) -> None:
    """So is one that does not exist, which is the same."""
    with a_bot(site) as bot:
        done = bot.ended(bot.ask(site.waits(), queue_name="wbe"))
    assert done.state is State.FAILED
    assert done.outcome
    assert done.outcome.error == (
        'no worker listens to the queue "wbe"; start one: rq worker -w err_confirm.worker.Worker wbe'
    )


def test_a_worker_that_reaches_no_store_stops_what_it_runs(own_redis_server: RedisServer, tmp_path: Path) -> None:
    """Before its bot gives it up and has it started elsewhere; given a shorter time here."""
    own_redis_server.start()
    with a_place(own_redis_server, tmp_path) as site, a_bot(site) as bot:
        site.seems_to_have_a_worker()
        execution = bot.ask(site.waits())
        eventually(lambda: bot.jobs.read(f"{execution.id}-1")[0])
        bench = replace(a_bench("here", site.environment()), alone=0.5, told_for=0.0)
        killer = threading.Thread(target=lambda: (runs(bot, execution, site), own_redis_server.kill()))
        killer.start()
        with pytest.raises(StoreUnavailableError):
            bench.do(f"{execution.id}-1")
        assert started_by(execution) == []
        killer.join()
        own_redis_server.start()
        bench.close()


def test_what_somebody_confirms_in_chat_runs_on_a_worker(site: Site) -> None:
    """From the prompt to the result, with the bot put together as it is."""
    action = "name: hail\nrun: {command: [echo, hello, from, '{{ who }}'], cwd: /, env: {WHO: 'env:WHO'}}\n"
    files = {
        "aliases/hail.yaml": "name: hail\nformats: ['hail {{who}}']\naction_ref: hail\n",
        "actions/hail.yaml": f"{action}parameters: {{who: {{required: true}}}}\nremote: web\n",
    }
    write_files(site.folder, files)
    config = {"CONFIRM_STORE": site.url, "CONFIRM_NAMESPACE": site.namespace, "CONFIRM_KEY_FILE": site.folder / "key"}
    site.worker(WHO="worker")
    with a_chat(site.folder, **config) as talk:
        talk.alice.says("!hail bob")
        asked = talk.prompt()
        assert re.search("on a worker of web: .*echo hello from bob", talk.texts()[-1])
        talk.alice.says("!confirm")
        assert talk.execution(asked).posted
        talk.hears("hello from bob")


# What it needs


def test_a_worker_without_what_it_needs_says_so(site: Site) -> None:
    """It never makes a key: a new one would fit nothing."""
    whole = site.environment()
    for name, value, told in [
        ("CONFIRM_STORE", "", "set CONFIRM_STORE"),
        ("CONFIRM_STORE", "sqlite:///here.db", "set CONFIRM_STORE"),
        ("CONFIRM_KEY_FILE", str(site.folder / "none"), "set CONFIRM_KEY_FILE"),
        ("CONFIRM_NAMESPACE", "bot.jobs", "another bot"),
    ]:
        with pytest.raises(SettingError, match=told):
            a_bench("", {**whole, name: value})
    assert not (site.folder / "none").exists()
    a_bench("", whole).close()


def test_a_bot_with_sqlite_says_what_remote_needs(tmp_path: Path, site: Site) -> None:
    """Nothing is shared between machines there."""
    runner = remote_runner(read_settings(SimpleNamespace(BOT_DATA_DIR=str(tmp_path)), {}))
    with pytest.raises(StartError, match="needs a Redis store"):
        runner.start(remote(site.runs("true"), Remote(queue="web")), Context())
    assert "CONFIRM_STORE" in NO_REDIS


def test_a_prompt_says_where_it_runs_and_what(site: Site) -> None:
    inner = site.runs("true", cwd="/", base="/")
    outer = remote(inner, Remote(queue="web"))
    assert STARTERS["remote"].describe(outer) == f"on a worker of web: {STARTERS['command'].describe(inner)}"


def test_doctor_says_how_many_workers_listen_and_lint_where_none_can(two: Site, site: Site) -> None:
    """To each queue that an action names, if there is one."""
    runner = "name: {0}\nrun: {{command: [echo]}}\nremote: {1}\n"
    files = {f"actions/{name}.yaml": runner.format(name, name) for name in ("web", "db")}
    write_files(two.folder, files)
    on_sqlite = read_settings(SimpleNamespace(CONFIRM_NAMESPACE=two.namespace), {})
    catalog = read_catalog(on_sqlite, actions=(two.folder / "actions",))
    on_redis = replace(on_sqlite, store=two.url)
    told = [f"{finding.health} {finding.what} → {finding.fix}" for finding in workers(catalog, on_redis)]
    assert told == [
        'warning no worker listens to the queue "db" → start one: rq worker -w err_confirm.worker.Worker db',
        'ok 2 workers listen to the queue "web" → ',
    ]
    nowhere = replace(on_sqlite, store=f"redis+unix://{site.folder}/none.sock?unsafe=yes")
    assert [finding.health for finding in workers(catalog, nowhere)] == ["error", "error"]
    assert [finding.what for finding in workers(catalog, on_sqlite)] == [NO_REDIS]
    assert list(workers(read_catalog(on_sqlite, actions=(site.folder,)), on_sqlite)) == []
    here = Configuration(two.folder / "config.py", SimpleNamespace(), on_sqlite)
    assert [str(problem) for problem in unreachable(catalog, here)] == [
        f"{two.folder}/actions/{name}.yaml:1: {NO_REDIS}" for name in ("db", "web")
    ]
    for well in (replace(here, settings=on_redis), replace(here, path=None)):
        assert list(unreachable(catalog, well)) == []


# What may become of a job

OFFERED = JobRecord(queue="web", digest="d", told={}, within=60.0, by=100.0)
ASKED = asked(OFFERED, 50.0, worker="w", token="t")
GRANTED = attended(ASKED, 50.0, token="", stop="", lease=30.0)


@pytest.mark.parametrize(
    ("job", "now", "wanted", "state", "outcome"),
    [
        (OFFERED, 99.0, ("", ""), JobState.OFFERED, None),
        (OFFERED, 100.0, ("", ""), JobState.GIVEN_UP, "failed"),
        (OFFERED, 99.0, ("", "no"), JobState.GIVEN_UP, "aborted"),
        (ASKED, 59.0, ("", ""), JobState.GRANTED, None),
        (ASKED, 59.0, ("", "no"), JobState.GIVEN_UP, "aborted"),
        (ASKED, 60.0, ("", ""), JobState.GIVEN_UP, "failed"),
        (ASKED, 79.0, ("t", ""), JobState.GRANTED, None),
        (ASKED, 80.0, ("t", ""), JobState.GIVEN_UP, "lost"),
        (ASKED, 60.0, ("another", ""), JobState.GIVEN_UP, "lost"),
        (GRANTED, 79.0, ("t", ""), JobState.GRANTED, None),
        (GRANTED, 79.0, ("t", "no"), JobState.GRANTED, None),
        (GRANTED, 80.0, ("t", ""), JobState.GIVEN_UP, "lost"),
        (GRANTED, 60.0, ("another", ""), JobState.GIVEN_UP, "lost"),
    ],
)
def test_a_bot_grants_a_job_once_and_gives_it_up_where_nobody_does_it(
    job: JobRecord, now: float, wanted: tuple[str, str], state: JobState, outcome: str | None
) -> None:
    """A worker that asks in time gets it, unless it is not wanted any more, or somebody else has it.

    Where none can have begun, it has failed; it was lost, and kept its lock, when a store was away while one asked.
    """
    token, stop = wanted
    after = attended(job, now, token=token, stop=stop, lease=30.0)
    assert after.state is state
    if outcome is None:
        assert after.outcome is None
        assert after.stop == (stop if state is JobState.GRANTED else "")
    else:
        assert after.outcome
        assert (after.outcome.aborted, after.outcome.lost) == (outcome == "aborted", outcome == "lost")


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.OFFERED])
def test_what_is_not_offered_is_not_to_be_had(state: JobState) -> None:
    """Nor what nobody waits for any more."""
    for job, now in ((replace(ASKED, state=state), 60.0), (OFFERED, 100.0)):
        assert asked(job, now, worker="other", token="other") == job


def test_a_sign_of_life_is_noted_of_who_does_it_and_who_shows_none_is_named() -> None:
    assert beaten(GRANTED, 70.0, "t") == replace(GRANTED, beat=70.0)
    assert (beaten(GRANTED, 70.0, "another"), beaten(ASKED, 70.0, "t")) == (GRANTED, ASKED)
    gone = attended(beaten(GRANTED, 70.0, "t"), 100.0, token="t", stop="", lease=30.0)
    assert gone.outcome == Outcome(error="the worker w is gone", lost=True)
