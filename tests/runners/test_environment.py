"""A process sees what its action names, and nothing of the bot's own."""

import json
import os

import pytest

from err_confirm.errors import StartError
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context
from err_confirm.runners.processes.environment import CONSTANTS
from servers import PATIENCE

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def test_nothing_of_the_bots_environment_is_inherited(ended, script, monkeypatch):
    """Neither tokens nor the bot's own PATH; two constants are always there."""
    for name in ("BOT_TOKEN", "AWS_SECRET_ACCESS_KEY", "HOME", "LD_PRELOAD_CANARY", "PYTHONPATH", "PATH"):
        monkeypatch.setenv(name, "canary")
    outcome = ended({"v": "a b"}, command=["/usr/bin/env"], env={"NAMED": "{{ v }}"})
    assert dict(line.split("=", 1) for line in outcome.output.splitlines()) == CONSTANTS | {"NAMED": "a b"}


def test_a_constant_can_be_named(ended, script):
    """What the action says wins."""
    outcome = ended(command=script(SHOW), env={"PATH": "/opt/bin", "LANG": "de_DE.UTF-8"})
    assert json.loads(outcome.output)["PATH"] == "/opt/bin"


def test_a_secret_is_read_when_it_is_started_and_not_before(rendered, script, tmp_path, monkeypatch):
    """What is stored, shown and bound holds the reference; only the process gets the value."""
    monkeypatch.setenv("CONFIRM_TEST_TOKEN", "canary-1")
    (tmp_path / "key").write_text("canary-2\n")
    env = {"A": "env:CONFIRM_TEST_TOKEN", "B": "file:key", "C": f"file:{tmp_path}/key"}
    invocation = rendered(command=script(SHOW), env=env)
    runner = RUNNERS["command"]
    assert "canary" not in json.dumps(invocation.spec) + runner.describe(invocation)

    monkeypatch.setenv("CONFIRM_TEST_TOKEN", "canary-3")
    outcome = runner.start(invocation, Context()).wait(PATIENCE)
    seen = json.loads(outcome.output)
    assert (seen["A"], seen["B"], seen["C"]) == ("canary-3", "canary-2", "canary-2")


@pytest.mark.parametrize("typed", ["env:CONFIRM_TEST_TOKEN", "file:/etc/hostname"])
def test_a_reference_typed_in_chat_is_only_text(ended, script, monkeypatch, typed):
    """Which secrets a process gets is said by its file alone."""
    monkeypatch.setenv("CONFIRM_TEST_TOKEN", "canary")
    outcome = ended({"v": typed}, command=script(SHOW), env={"A": "{{ v }}"})
    assert json.loads(outcome.output)["A"] == typed


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("env:CONFIRM_TEST_MISSING", "the bot's environment does not have"),
        ("file:missing", "No such file"),
        ("file:folder", "Is a directory"),
        ("file:binary", "not UTF-8"),
        ("file:nul", "zero byte"),
    ],
)
def test_a_secret_that_cannot_be_had_is_named(started, tmp_path, reference, why):
    """Nothing is started with a variable missing."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "nul").write_bytes(b"a\0b")
    assert "CONFIRM_TEST_MISSING" not in os.environ
    with pytest.raises(StartError, match=why) as raised:
        started(command=["true"], env={"TOKEN": reference})
    assert "TOKEN" in str(raised.value)
    assert reference.partition(":")[2] in str(raised.value)
