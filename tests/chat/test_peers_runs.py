"""What users of Alibaba's OOS and of AWS Step Functions do, from the request to what follows, here and on workers."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from err_confirm.model.executions import Execution, State
from err_confirm.model.runs import PartState
from servers import RedisServer, eventually
from talk import Talk, a_bot, write_files
from workers import Site, a_place

# OOS: DescribeInstances by a filter, ACS::Approve in a group with the names found, then a loop under a rate control.

PEOPLE = {name: [f"text:{name}"] for name in ("alice", "bob", "carol")}
GROUPS = {"ops": ["bob", "carol"]}
INSTANCES = {
    "Instances": [
        {"InstanceId": f"i-{number}", "InstanceName": f"web-{number}", "Status": status, "Tag": "app:shop"}
        for number, status in enumerate(["Running", "Running", "Stopped", "Running", "Running"], start=1)
    ]
}
OOS = {
    "instances.json": json.dumps(INSTANCES),
    "describe_instances": """#!/bin/sh
case "$*" in "--tag app:shop") cat instances.json;; *) echo '{"Instances": []}';; esac
""",
    # Notes who runs it; an instance named in `slow` takes until that file is gone.
    "reboot_instance": """#!/bin/sh
echo "$1 $CONFIRM_ID-$CONFIRM_FENCE $WORKER" >> ran
while grep -qsx "$1" slow; do sleep 0.05; done
echo "$1 rebooted"
""",
    "aliases/reboot.yaml": """\
name: reboot
description: Reboot the instances that have a tag and run
formats: ["reboot instances tagged {{tag}}"]
parameters:
  tag: {type: string, required: true, pattern: "[a-z]+:[a-z]+"}
targets:
  command: ["./describe_instances", "--tag", "{{ tag }}"]
  select: "Instances[?Status=='Running'].{id: InstanceId, name: InstanceName}"
run:
  command: ["./reboot_instance", "{{ target }}"]
  env: {WORKER: "env:WORKER"}
rate: {concurrency: "50%", max_errors: MAX_ERRORS}
confirm: {by: ["@ops"], need: 2, within: 1h}
result:
  format: "rebooted: {{ execution.result.targets.done | join(', ') }}"
""",
}

# AWS: three people are told at once, each with a token of their own; all must answer; then it is processed or rejected.

AWS = {
    "aliases/pay_out.yaml": """\
name: pay_out
formats: ["pay out {{amount}}"]
parameters: {amount: {type: integer, required: true, min: 1}}
output: json
run: {command: ["printf", '{"payment": "p-%s"}', "{{ amount }}"]}
confirm: {by: [bob, carol, dave], need: all, within: 1h, ask: {dm: true}}
then: {alias: process, parameters: {payment: "{{ result.value.payment }}"}}
on: {denied: {alias: reject, parameters: {amount: "{{ amount }}", by: "{{ reason }}"}}}
""",
    "aliases/process.yaml": """\
name: process
formats: ["process {{payment}}"]
confirm: none
run: {command: ["echo", "processed {{ payment }}"]}
""",
    "aliases/reject.yaml": """\
name: reject
formats: ["reject {{amount}} {{by}}"]
confirm: none
run: {command: ["echo", "rejected {{ amount }}: {{ by }}"]}
""",
}


@pytest.fixture
def on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Talk]]:
    monkeypatch.setenv("WORKER", "here")
    yield from _bots(tmp_path, {})


@pytest.fixture
def site(redis_server: RedisServer, tmp_path: Path) -> Iterator[Site]:
    with a_place(redis_server, tmp_path) as site:
        yield site


@pytest.fixture
def on_redis(site: Site, tmp_path: Path) -> Iterator[Callable[..., Talk]]:
    config = {"CONFIRM_STORE": site.url, "CONFIRM_NAMESPACE": site.namespace, "CONFIRM_KEY_FILE": tmp_path / "key"}
    yield from _bots(tmp_path, config)


def _bots(folder: Path, config: dict[str, Any]) -> Iterator[Callable[..., Talk]]:
    """Yield what opens a bot over some files; they end together."""
    opened = []

    def begin(files: dict[str, str], **people: Any) -> Talk:
        write_files(folder, files)
        bot = a_bot(folder, **config, **people)
        opened.append(bot)
        return bot.__enter__()

    yield begin
    for bot in opened:
        bot.__exit__(None, None, None)


def oos(max_errors: int = 0, **keys: str) -> dict[str, str]:
    more = "".join(f"{key}: {value}\n" for key, value in keys.items())
    alias = OOS["aliases/reboot.yaml"].replace("MAX_ERRORS", str(max_errors)) + more
    return {**OOS, "aliases/reboot.yaml": alias}


def ran(folder: Path) -> list[list[str]]:
    """Return a line for each reboot: the instance, the claim, and who did it."""
    ledger = folder / "ran"
    return [line.split() for line in ledger.read_text().splitlines()] if ledger.exists() else []


def asks_and_all_agree(talk: Talk) -> str:
    """Ask for the reboots; both of @ops agree to what is listed."""
    talk.alice.says("!reboot instances tagged app:shop")
    asked = talk.prompt()
    prompt = talk.texts()[-1]
    for number in (1, 2, 4, 5):
        assert f"web-{number} (i-{number})" in prompt
    assert "web-3" not in prompt
    assert all(f"@{name}" in prompt for name in ("bob", "carol"))
    talk.bob.says(f"!confirm {asked}")
    assert talk.execution(asked).state is State.PENDING
    talk.carol.says(f"!confirm {asked}")
    return asked


class TestAlibabaOos:
    """Found by a filter, listed by name to everybody who may approve, done at a rate, and the outputs are said."""

    def test_what_two_have_approved_by_name_is_done_at_its_rate_and_said(
        self, tmp_path: Path, on_sqlite: Callable[..., Talk]
    ) -> None:
        talk = on_sqlite(oos(), CONFIRM_PEOPLE=PEOPLE, CONFIRM_GROUPS=GROUPS)
        asked = asks_and_all_agree(talk)
        talk.hears(r"rebooted: web-1 \(i-1\), web-2 \(i-2\), web-4 \(i-4\), web-5 \(i-5\)")
        assert talk.ended(asked).state is State.SUCCEEDED
        assert sorted(ran(tmp_path)) == [[f"i-{number}", f"{asked}-1", "here"] for number in (1, 2, 4, 5)]

    def test_a_reject_cancels_it(self, tmp_path: Path, on_sqlite: Callable[..., Talk]) -> None:
        talk = on_sqlite(oos(), CONFIRM_PEOPLE=PEOPLE, CONFIRM_GROUPS=GROUPS)
        talk.alice.says("!reboot instances tagged app:shop")
        asked = talk.prompt()
        talk.carol.says(f"!deny {asked} not during the sale")
        talk.hears("denied by carol: not during the sale; nothing ran")
        assert ran(tmp_path) == []

    def test_what_the_filter_finds_at_the_last_moment_must_be_what_was_approved(
        self, tmp_path: Path, on_sqlite: Callable[..., Talk]
    ) -> None:
        talk = on_sqlite(oos(), CONFIRM_PEOPLE=PEOPLE, CONFIRM_GROUPS=GROUPS)
        talk.alice.says("!reboot instances tagged app:shop")
        asked = talk.prompt()
        started = {"Instances": [{**each, "Status": "Running"} for each in INSTANCES["Instances"]]}
        write_files(tmp_path, {"instances.json": json.dumps(started)})
        talk.bob.says(f"!confirm {asked}")
        talk.carol.says(f"!confirm {asked}")
        talk.hears("i-3")
        assert talk.ended(asked).state is State.EXPIRED
        assert ran(tmp_path) == []

    def test_two_workers_share_the_loop_and_of_a_killed_one_is_said_what_is_not_known(
        self, tmp_path: Path, site: Site, on_redis: Callable[..., Talk]
    ) -> None:
        """The other worker does the rest; nothing is done twice."""
        talk = on_redis(oos(1, remote="web"), CONFIRM_PEOPLE=PEOPLE, CONFIRM_GROUPS=GROUPS)
        write_files(tmp_path, {"slow": "i-1\ni-2\n"})
        workers = {name: site.worker(WORKER=name) for name in ("one", "two")}
        asked = asks_and_all_agree(talk)
        eventually(lambda: len(ran(tmp_path)) == 2)
        doing = {who: instance for instance, _, who in ran(tmp_path)}
        assert sorted(doing) == ["one", "two"]
        workers["one"].kill()
        write_files(tmp_path, {"slow": doing["one"]})
        ended = ends(talk, asked)
        assert ended.state is State.LOST
        states = {target.id: part.state for target, part in zip(ended.conduct.targets, ended.parts, strict=True)}
        assert states.pop(doing["one"]) is PartState.RUNS
        assert set(states.values()) == {PartState.DONE}
        assert sorted(instance for instance, *_ in ran(tmp_path)) == ["i-1", "i-2", "i-4", "i-5"]
        assert {who for instance, _, who in ran(tmp_path) if instance != doing["one"]} == {"two"}
        talk.alice.says(f"!show {asked}")
        talk.hears(f"unknown: .*{doing['one']}")


def ends(talk: Talk, asked: str) -> Execution:
    """Wait until it has ended, also where a worker has to be given up first."""
    eventually(lambda: talk.execution(asked).state.ended, within=60.0)
    return talk.execution(asked)


def answers(talk: Talk, asked: str, *people: str) -> None:
    """Let each answer with the token that only they were told."""
    for name in people:
        mine = "\n".join(text for to, text in talk.heard if to == f"@{name}")
        (line,) = re.findall(rf"^!confirm {asked}-\w+", mine, re.MULTILINE)
        getattr(talk, name).says(line, None)


THREE = {name: [f"text:{name}"] for name in ("alice", "bob", "carol", "dave")}


def pays_out(talk: Talk, amount: str) -> str:
    talk.alice.says(f"!pay out {amount}")
    return str(talk.hears(r"^!deny ([0-9a-hjkmnp-tv-z]{8})$", "#ops")[1])


class TestAwsParallelApproval:
    """Three are told at once; when all have said yes, it goes on with what came out; one no, and it is rejected."""

    def test_after_three_yes_it_is_processed_and_after_one_no_rejected(self, on_sqlite: Callable[..., Talk]) -> None:
        talk = on_sqlite(AWS, CONFIRM_PEOPLE=THREE)
        asked = pays_out(talk, "120")
        answers(talk, asked, "bob", "dave", "carol")
        talk.hears("succeeded.*processed p-120")
        denied = pays_out(talk, "7")
        answers(talk, denied, "bob")
        talk.carol.says(f"!deny {denied} twice-this-month")
        talk.hears("succeeded.*rejected 7: twice-this-month")
        kinds = [(each.alias, each.parent) for each in talk.service.engine.recent() if each.parent]
        assert sorted(kinds) == [("process", asked), ("reject", denied)]

    def test_a_worker_processes_it_too(self, site: Site, on_redis: Callable[..., Talk]) -> None:
        files = {**AWS, "aliases/process.yaml": AWS["aliases/process.yaml"] + "remote: web\n"}
        talk = on_redis(files, CONFIRM_PEOPLE=THREE)
        site.worker()
        asked = pays_out(talk, "40")
        answers(talk, asked, "carol", "bob", "dave")
        talk.hears("succeeded.*processed p-40")
