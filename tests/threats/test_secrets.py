"""Secrets stay where they are used, and what is the bot's own reaches no child."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from talk import Talk, a_bot, write_files

CANARIES = {"TOKEN": "canary-3f9a-env", "KEY": "canary-77c1-file", "MORE": "canary-b20d-python"}
REASON = "canary-e5e5-reason"
FILES = {
    "check": """#!/usr/bin/python3 -IS
import os
print(os.environ["TOKEN"][-3:], os.environ["KEY"][-4:])
""",
    "secret.txt": f"{CANARIES['KEY']}\n",
    "aliases/check.yaml": """
name: check
formats: [check]
run: {command: [./check], env: {TOKEN: "env:CONFIRM_TEST_TOKEN", KEY: "file:secret.txt"}}
""",
    "actions/jobs.py": """
import os
def check(): return os.environ["MORE"][-6:]
""",
    "aliases/pycheck.yaml": """
name: pycheck
formats: [pycheck]
run: {python: "jobs:check", env: {MORE: "env:CONFIRM_TEST_MORE"}}
""",
    # Prints its whole environment, and what each open descriptor is and says.
    "spy": """#!/usr/bin/python3 -IS
import json, os
def said(number):
    try:
        return os.pread(int(number), 4096, 0).decode(errors="replace")
    except OSError:
        return ""
held = {number: (os.readlink(f"/proc/self/fd/{number}"), said(number)) for number in os.listdir("/proc/self/fd")
        if os.path.exists(f"/proc/self/fd/{number}")}
print(json.dumps([dict(os.environ), held]))
""",
    "aliases/spy.yaml": "{name: spy, formats: [spy], run: {command: [./spy]}, confirm: none}",
    "actions/spies.py": """
import os
def said(number):
    try:
        return os.pread(int(number), 4096, 0).decode(errors="replace")
    except OSError:
        return ""
def look():
    held = {number: (os.readlink(f"/proc/self/fd/{number}"), said(number)) for number in os.listdir("/proc/self/fd")
            if os.path.exists(f"/proc/self/fd/{number}")}
    return [dict(os.environ), held]
""",
    "aliases/pyspy.yaml": "{name: pyspy, formats: [pyspy], run: {python: 'spies:look'}, confirm: none}",
}


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Talk]:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CONFIRM_TEST_TOKEN", CANARIES["TOKEN"])
    monkeypatch.setenv("CONFIRM_TEST_MORE", CANARIES["MORE"])
    write_files(tmp_path, FILES)
    with a_bot(tmp_path) as talk:
        yield talk


def test_a_secret_is_in_no_message_no_file_and_no_log(
    talk: Talk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By reference, from the environment and from a file: used, and never seen."""
    for alias, proof in (("check", "env file"), ("pycheck", "python")):
        talk.alice.says(f"!{alias}")
        asked = talk.prompt()
        talk.alice.says(f"!show {asked}")
        talk.alice.says(f"!confirm {asked}")
        talk.hears(rf"{asked} succeeded in [0-9.]+ s.*{proof}")
        talk.alice.says(f"!show {asked}")
    for line in ("!pending", "!executions", "!aliases", "!history"):
        talk.alice.says(line)
    talk.quiet()
    kept = [path.read_bytes().decode(errors="replace") for path in (tmp_path / "data").rglob("*") if path.is_file()]
    places = {"messages": talk.texts(), "files": kept, "log": [caplog.text], "history": [str(talk.bot.cmd_history)]}
    found = [(place, name) for place in places for name in CANARIES.values() if name in "\n".join(places[place])]
    print(f"\nsecrets {len(CANARIES)}, places {len(places)}, files {len(kept)}, found {len(found)}")
    assert found == []
    assert len(kept) >= 1
    assert "CONFIRM_TEST_TOKEN" in "\n".join(talk.texts())  # the prompt says which


def test_a_reason_is_in_the_message_and_in_neither_errbots_log_nor_its_history(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    """Errbot logs each command with all that follows it."""
    caplog.set_level(logging.INFO)
    caplog.clear()
    for verb in ("deny", "cancel", "Deny", "confirm"):
        talk.alice.says("!check")
        asked = talk.prompt()
        talk.alice.says(f"!{verb} {asked} {REASON} and more")
        talk.hears(asked)
    talk.alice.says("!history")
    talk.quiet()
    assert sum(REASON in text for text in talk.texts()) == 3  # what a confirmation was for is said by !show
    assert 'Processing command "deny" with parameters "' in caplog.text
    print(
        f"\nreasons 4, in the log {caplog.text.count(REASON)}, in the history {str(talk.bot.cmd_history).count(REASON)}"
    )
    assert REASON not in caplog.text
    assert REASON not in str(talk.bot.cmd_history)


def test_what_only_one_person_was_told_is_in_no_log(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    """The part of the id that their answer must bring, also where it is the last word."""
    caplog.set_level(logging.INFO)
    caplog.clear()
    for said in ("confirm 7f3kq2xa-0c9mzt4e", "Confirm `7f3kq2xa-0c9mzt4e` web01", "deny !deny 7f3kq2xa-0c9mzt4e"):
        talk.alice.says(f"!{said}")
        talk.hears("there is no execution 7f3kq2xa")
    assert 'Processing command "confirm" with parameters "7f3kq2xa-…" from' in caplog.text
    assert "0c9mzt4e" not in caplog.text


def test_a_child_sees_neither_the_bots_environment_nor_its_files(
    talk: Talk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Canaries in variables and behind open descriptors, also such as are to be inherited."""
    canaries = [f"canary-{number:02}" for number in range(20)]
    opened = []
    for number, canary in enumerate(canaries):
        monkeypatch.setenv(f"SECRET_{number}", canary)
        path = tmp_path / canary
        path.write_text(canary)
        opened.append(os.open(path, os.O_RDONLY))
        os.set_inheritable(opened[-1], number % 2 == 0)
    reached, descriptors = [], []
    try:
        for alias in ("spy", "pyspy"):
            talk.alice.says(f"!{alias}")
            asked = talk.hears(r"(\w{8}) running")[1]
            talk.hears(f"{asked} succeeded")
            output = talk.execution(asked).outcome.output
            environment, held = json.loads(output)
            reached += [canary for canary in canaries if canary in output]
            descriptors += [number for number in held if int(number) > 2 and "/proc/" not in held[number][0]]
            assert "PATH" in environment
    finally:
        for descriptor in opened:
            os.close(descriptor)
    print(f"\nchildren 2, canaries {2 * len(canaries)}, reached {len(reached)}, open descriptors {len(descriptors)}")
    assert reached == []
