"""A loop in chat: what would run is shown once, and at its end is said of which target what."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from err_confirm.model.executions import State
from err_confirm.model.runs import Conduct, Part, PartState, Target
from err_confirm.transition.events import Abort
from servers import eventually
from talk import Talk, a_bot, write_files

FILES = {
    # Fails on `db…`; waits on `slow…` as long as the file `held` is there.
    "uptime": """#!/bin/sh
case $1 in slow*) echo $1 > started; while [ -e held ]; do sleep 0.02; done;; esac
case $1 in db*) echo "no route to $1" >&2; exit 255;; esac
echo "$1 up, told $CONFIRM_TARGET"
""",
    "aliases/uptime.yaml": """
name: uptime
formats: ["uptime of {{hosts}}"]
parameters: {hosts: {type: array, required: true}}
targets: "{{ hosts }}"
rate: {concurrency: "50%", max_errors: 1}
run: {command: [./uptime, "{{ target }}"]}
""",
    "aliases/uptime_all.yaml": """
name: uptime_all
formats: ["uptime everywhere"]
targets: {command: [echo, '[{"id": "db-9", "name": "web9"}, {"id": "web-8", "name": "web8"}]']}
run: {command: [./uptime, "{{ target }}"]}
""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loops")
    write_files(folder, FILES)
    return folder


@pytest.fixture(scope="module")
def talk(folder: Path) -> Iterator[Talk]:
    with a_bot(folder, CONFIRM_STOP_GRACE="200ms") as talk:
        yield talk


def confirmed(talk: Talk, hosts: str) -> str:
    """Let alice ask for the uptime of some hosts and confirm it; return its id."""
    talk.alice.says(f"!uptime of {hosts}")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}")
    return asked


def test_the_prompt_shows_once_what_runs_for_each_and_how_fast(talk: Talk) -> None:
    talk.alice.says("!uptime of web1,web2,web3,web4")
    talk.hears(r"^runs: \./uptime <target> · each of 4 targets · 2 at once · up to 1 error$")


def test_of_one_target_all_is_shown(talk: Talk) -> None:
    talk.alice.says("!uptime of web1")
    talk.hears(r"^runs: \./uptime web1$")


def test_what_went_well_is_counted_and_each_says_its_last_line(talk: Talk) -> None:
    asked = confirmed(talk, "web1,web22")
    talk.hears(
        rf"\A@alice {asked} succeeded in [0-9.]+ s · 2 done\s+web1   web1 up, told web1\s+web22  web22 up, told web22\Z"
    )


def test_after_too_many_errors_it_is_said_which_failed_and_which_were_not_begun(talk: Talk) -> None:
    asked = confirmed(talk, "db1,web2,db3,web4,web5,web6")
    counted = "2 of 6 failed, [123] not begun, [123] done"
    said = talk.hears(rf"\A@alice {asked} failed after [0-9.]+ s: ({counted}); see !show {asked}\s+db1")
    talk.alice.says(f"!show {asked}")
    shown = talk.hears(rf"\A{asked} failed .*").string
    assert f"targets: {said[1]}" in shown
    assert "failed: db1 exit code 255: no route to db1\n" in shown
    assert "failed: db3 exit code 255: no route to db3\n" in shown
    assert "web6\n" in shown.partition("not begun: ")[2]


def test_its_end_calls_targets_as_its_prompt_did(talk: Talk) -> None:
    """Whoever confirmed `web9 (db-9)` need not look up who `db-9` is, nor what was not begun."""
    talk.alice.says("!uptime everywhere")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}")
    talk.hears(
        rf"\A@alice {asked} failed after .*: 1 of 2 failed, 1 not begun; see !show {asked}\s+"
        r"web9 \(db-9\)  exit code 255  no route to db-9\s+not begun: web8 \(web-8\)\Z"
    )


def test_while_it_runs_it_is_shown_what_does_and_after_an_abort_what_was_stopped(folder: Path, talk: Talk) -> None:
    (folder / "held").touch()
    asked = confirmed(talk, "web1,slow1,slow2,web4")
    eventually(lambda: [part.state for part in talk.execution(asked).parts] == ["done", "runs", "runs", "waits"])
    talk.bob.says(f"!show {asked}")
    shown = talk.hears(rf"\A{asked} running .*").string
    assert "targets: 2 of 4 running, 1 to come, 1 done\nrunning: slow1, slow2\nto come: web4" in shown
    talk.service.engine.apply(asked, Abort("alice", reason="wrong hosts"))
    ended = talk.ended(asked)
    assert ended.state is State.ABORTED
    talk.hears(
        rf"\A@alice {asked} aborted after .*: stopped by alice: wrong hosts; 2 of 4 stopped, 1 not begun, 1 done"
    )


def test_where_the_bot_was_lost_the_first_are_named_of_which_nobody_knows(talk: Talk) -> None:
    ended = talk.ended(confirmed(talk, "web1"))
    targets = tuple(Target(id=f"i-{number}", name=f"web{number}") for number in range(15))
    parts = [*[Part(state=PartState.RUNS)] * 12, *[Part(state=PartState.DONE)] * 2, Part()]
    lookup = replace(ended.conduct.lookup, targets=targets)
    lost = replace(ended, state=State.LOST, outcome=None, parts=tuple(parts), conduct=Conduct(lookup=lookup))
    talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm").chat.tell(lost)
    named = ", ".join(rf"web{number} \(i-{number}\)" for number in range(10))
    talk.hears(
        rf"\A@alice {ended.id} lost: .*; it is not run again\n"
        rf"targets: 12 of 15 unknown, 1 not begun, 2 done\nunknown: {named} and 2 more\n"
        rf"what it started may still run: .* see !show {ended.id}\Z"
    )
