"""What runs alone under a name: said in the prompt, refused or waiting while another one runs, given up when lost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from err_confirm.engine import Engine
from err_confirm.model.executions import State
from err_confirm.model.runs import Outcome
from err_confirm.store.base import Swap
from err_confirm.transition.events import Finish
from servers import eventually
from talk import Talk, a_bot, write_files

FILES = {
    "aliases/restart.yaml": """
name: restart
formats: ["restart {{host}}"]
run: {command: [sh, -c, "until [ -e go ]; do sleep 0.02; done"]}
lock: "{{ host }}"
""",
    "aliases/patch.yaml": """
name: patch
formats: ["patch {{host}}"]
run: {command: [echo, "patched {{ host }}"]}
lock: {name: "{{ host }}", wait: 10m}
confirm: {by: anyone, within: 10m}
""",
}


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    write_files(tmp_path, FILES)
    with a_bot(tmp_path, CONFIRM_STOP_GRACE="1ms") as talk:
        yield talk


def restarts(talk: Talk) -> str:
    """Let alice start what runs until the file `go` is there."""
    talk.alice.says("!restart web1")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"{asked} confirmed by alice, running")
    return asked


def test_who_would_not_wait_is_refused_and_who_would_runs_as_soon_as_the_name_is_free(
    talk: Talk, tmp_path: Path
) -> None:
    talk.alice.says("!restart web1", "#dev")
    alone = talk.hears(r"^runs alone under web1$.*^!confirm (\w{8})$", "#dev")[1]
    first = restarts(talk)
    used = rf"web1 is in use by {first} \(restart, running for \d+ s\)"
    talk.bob.says("!restart web1")
    talk.hears(rf"\Anothing runs: {used}; ask again when it has ended\Z", "#ops")
    talk.alice.says(f"!confirm {alone}", "#dev")
    talk.hears(rf"{alone} expired after it was confirmed: {used}; ask again when it has ended; nothing ran")
    talk.alice.says("!patch web1")
    prompt = rf"^runs alone under web1, for which it would wait up to 10 min; {used}$.*^!confirm (\w{{8}})$"
    waits = talk.hears(prompt)[1]
    talk.bob.says(f"!confirm {waits}")
    talk.hears(
        rf"\A@alice {waits} is confirmed and waits, as {used}; it waits until [0-9:]+ UTC\n"
        rf"take it back: !cancel {waits}\Z",
        "#ops",
    )
    talk.bob.says(f"!show {waits}")
    talk.hears(rf"{waits} approved .*^waits, as {used}\n!cancel {waits}\Z")
    talk.alice.says("!patch web1", "#dev")
    other = talk.prompt("#dev")
    talk.bob.says(f"!confirm {other}", "#dev")
    talk.hears(f"{other} is confirmed and waits", "#dev")
    talk.alice.says(f"!cancel {other}", "#dev")
    talk.hears(f"{other} canceled", "#dev")
    (tmp_path / "go").touch()
    talk.hears(f"{waits} succeeded in .*: patched web1")
    assert sum(f"{waits} is confirmed and waits" in text for text in talk.texts()) == 1
    eventually(lambda: [fact for fact in talk.service._shelf.all().values() if fact] == [])
    talk.alice.says(f"!show {waits}")
    talk.hears(r"^alone under web1, waits for it up to 10 min$")


def loses(talk: Talk) -> str:
    """Run one whose bot seems to be killed: what it has started goes on, and nobody knows."""
    first = restarts(talk)
    running = talk.execution(first)
    engine: Engine = talk.service.engine
    engine.apply(first, Finish(running.process, running.fence, Outcome(exit_code=None, error="gone", lost=True)))
    assert talk.execution(first).state is State.LOST
    return first


def test_a_name_that_is_kept_by_a_record_that_cannot_be_used_is_given_up_by_an_admin(talk: Talk) -> None:
    """Regression: nobody could; the name was in use for good."""
    first = loses(talk)
    record, _ = talk.service.store.read(first)
    talk.service.store.swap(Swap(record=replace(record, version=record.version + 1, body=b"x" * 80)))
    talk.mallory.says(f"!unlock {first}")
    talk.hears(rf"\Athe record of {first} cannot be used: only a bot admin can give up web1\Z", "#ops")
    talk.alice.says(f"!unlock {first}")
    talk.hears(rf"\Aweb1 is free again, whatever {first} still does\Z", "#ops")


def test_a_name_that_a_lost_execution_keeps_is_given_up_by_who_may(talk: Talk, tmp_path: Path) -> None:
    first = loses(talk)
    talk.alice.says(f"!show {first}")
    talk.hears(r"^lost at .* UTC: gone, and what it started may still run; look what it did, then ask anew$", "#ops")
    talk.carol.says("!restart web1")
    talk.hears(rf"it may still run\); look what it did, then say !unlock {first}\Z", "#ops")
    talk.mallory.says(f"!unlock {first}")
    talk.hears(rf"\A{first} was asked for or confirmed by alice: only they or a bot admin can\Z", "#ops")
    talk.alice.says(f"!unlock {first[:6]}")
    talk.hears(rf"\Aweb1 is free again, whatever {first[:6]} still does\Z", "#ops")
    talk.carol.says("!restart web1")
    talk.prompt()
    (tmp_path / "go").touch()
