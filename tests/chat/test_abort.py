"""`!abort`: who may stop what runs, what is said to whom, and what it is told where there is nothing to stop."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from builders import an_execution
from err_confirm.model.executions import State
from err_confirm.model.runs import BOT_RUNNER, Invocation
from err_confirm.policy_words.quorums import who_confirms
from err_confirm.wording import Wording
from servers import eventually
from stubborn import with_canary
from talk import Talk, a_bot, write_files

CANARY = uuid4().hex
FILES = {
    # Runs until somebody ends it: its child, too.
    "stay": f"#!/bin/sh\n: > here\nsh -c 'sleep 60; :' {CANARY} &\nwait\n",
    "aliases/stay.yaml": """
name: stay
formats: [stay]
run: {command: [./stay]}
confirm: {by: [bob, carol], within: 10m}
""",
    "aliases/now.yaml": "{name: now, formats: [now], run: {command: [./stay]}, confirm: none}",
    "aliases/short.yaml": "{name: short, formats: [short], run: {command: ['true']}, confirm: {within: 10m}}",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("abort")


@pytest.fixture(scope="module")
def one_bot(folder: Path) -> Iterator[Talk]:
    write_files(folder, FILES)
    with a_bot(folder) as talk:
        yield talk


def stays(talk: Talk, folder: Path) -> str:
    """Let alice ask for what stays, and bob confirm it; return its id when it is there."""
    (folder / "here").unlink(missing_ok=True)
    talk.alice.says("!stay")
    asked = talk.prompt()
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f"{asked} confirmed by bob, running")
    eventually((folder / "here").exists)
    return asked


@pytest.mark.parametrize(
    ("who", "said", "why"),
    [
        ("bob", "!abort {id} the wrong cluster", ": the wrong cluster"),
        ("alice", "!Abort **{ID:.6}**.", ""),
        ("carol", "! abort !abort `{id}` `rm` @here", ": `rm` @here"),
    ],
    ids=["who confirmed", "who asked, on a phone", "who could have confirmed"],
)
def test_what_runs_is_stopped_with_all_its_processes_and_the_room_is_told_by_whom_and_why(
    talk: Talk, folder: Path, who: str, said: str, why: str
) -> None:
    asked = stays(talk, folder)
    talk.bob.says("!abort", room=None)
    talk.hears(rf"\Asay which one:\n!abort {asked}\Z", "@bob")
    getattr(talk, who).says(said.format(id=asked, ID=asked.upper()))
    talk.hears(rf"\Astopping {asked}: it is asked to end, and killed after 2 s\Z", "#ops")
    talk.hears(rf"\A@alice {asked} aborted after [0-9.]+ s: stopped by {who}{re.escape(why)}\Z", "#ops")
    assert with_canary(CANARY) == []
    ended = talk.ended(asked)
    assert (ended.aborted_by, ended.abort_reason, ended.tells) == (who, why.removeprefix(": "), 1)
    talk.mallory.says(f"!abort {asked}")
    talk.hears(rf"\A{asked} was stopped already, by {who}{re.escape(why)}; see !show {asked}\Z")
    talk.bob.says(f"!show {asked}")
    talk.hears(rf"\A{asked} aborted .*^ ?stopped by {who}{re.escape(why)}$")


def test_what_runs_is_listed_with_how_to_stop_it_and_nobody_else_may(talk: Talk) -> None:
    talk.alice.says("!now")
    asked = talk.hears("([0-9a-z]{8}) running: ./stay")[1]
    talk.mallory.says("!pending")
    talk.hears(rf"^{asked} now asked by alice · running · now\nstop it: !abort {asked}$")
    talk.mallory.says(f"!abort {asked}")
    talk.hears(rf"\A{asked} is not yours to abort: alice, who asked, may; see !show {asked}\Z")
    talk.alice.says("!abort")
    talk.hears(rf"\Asay which one:\n!abort {asked}\Z")
    talk.mallory.says("!abort", room="#dev")
    talk.hears(r"\Asay which one: !abort <id>; see !pending\Z", "#dev")
    talk.alice.says("!abort zzzz")
    talk.hears(r"\Azzzz is no execution here; see !pending\Z")
    talk.alice.says(f"!abort {asked}", room=None)
    talk.hears(rf"\Astopping {asked}: it is asked to end", "@alice")
    talk.alice.says(f"!abort {asked} again")
    talk.hears(rf"\A{asked} (is being|was) stopped already, by alice; see !show {asked}\Z", "#ops")
    assert talk.ended(asked).state is State.ABORTED


def test_what_does_not_run_says_what_to_do_instead(talk: Talk) -> None:
    talk.alice.says("!short")
    asked = talk.prompt()
    talk.alice.says(f"!abort {asked}")
    talk.hears(rf"\A{asked} does not run yet; take it back: !cancel {asked}\Z")
    talk.bob.says(f"!abort {asked}")
    talk.hears(rf"\A{asked} does not run yet; say no to it: !deny {asked}\Z")
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"{asked} succeeded")
    talk.alice.says(f"!abort {asked}")
    talk.hears(rf"\A{asked} has already run: succeeded at [0-9:]+ UTC; see !show {asked}\Z")


def test_a_message_that_the_network_hands_over_again_or_that_was_edited_stops_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    people = {name: [f"slack:U{name.upper()}"] for name in ("alice", "bob", "carol")}
    with a_bot(tmp_path, LOOPBACK_NETWORK="slackv3", CONFIRM_PEOPLE=people) as talk:
        talk.alice.says("!now")
        asked = talk.hears("([0-9a-z]{8}) running: `./stay`")[1]
        for event, why in (
            ({"edited": {"ts": "2.0"}}, "a message that was edited counts for nothing"),
            ({"bot_id": "B1"}, "bots and webhooks cannot ask or answer here"),
        ):
            talk.bot.event = event
            talk.alice.says(f"!abort {asked}")
            talk.hears(f"nothing runs: `{why}")
        assert talk.execution(asked).aborted_by == ""
        talk.bot.event = {"ts": "77.0"}
        for _ in range(2):
            talk.alice.says(f"!abort {asked}")
        talk.hears(f"stopping {asked}")
        talk.bot.event = {}
        talk.ended(asked)
        assert not any("already" in text for text in talk.texts())


def test_a_command_of_the_bot_is_only_left_alone() -> None:
    """It runs inside the bot, where nothing can be killed."""
    held = replace(an_execution(), invocation=Invocation(runner=BOT_RUNNER, spec={}))
    said = Wording("!").say("stopping", e=held, grace=2.0)
    assert said == "stopping 7f3kq2xa: nobody waits for it any more; what a command of the bot has begun may go on"


def test_who_asked_is_named_once_where_only_they_could_confirm_it() -> None:
    asked = an_execution()
    assert asked.policy is not None
    by = who_confirms(asked.policy)
    said = Wording("!").say("refused_not_yours", e=asked, verb="abort", by=by, asker=False)
    assert said == "7f3kq2xa is not yours to abort: `alice`, who asked, may; see !show 7f3kq2xa"
