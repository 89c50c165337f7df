"""Nobody is asked so often that they stop reading."""

import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from err_confirm.errors import LimitError
from err_confirm.model.executions import Place, Plan, Speaker
from talk import Talk, a_bot, write_files

FILES = {
    "aliases/deploy.yaml": """
name: deploy
formats: ["deploy {{what}}"]
run: {command: [echo, "{{ what }}"]}
confirm: {by: [bob], within: 1h}
""",
    "aliases/ping.yaml": """
name: ping
formats: [{representation: "ping {{host}};", match_multiple: true}]
parameters: {host: {type: string, pattern: "[a-z0-9]+"}}
run: {command: [echo, "{{ host }}"]}
confirm: {by: [bob], within: 1h}
""",
}
PERSON, ROOM, REQUESTS = 5, 12, 1_000


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    write_files(tmp_path, FILES)
    with a_bot(tmp_path, CONFIRM_LIMITS={"person": PERSON, "room": ROOM, "pause": "1h"}) as talk:
        yield talk


def prompts(talk: Talk) -> list[str]:
    return re.findall(r"^!confirm (\w+)$\n!deny", "\n".join(text for _, text in talk.heard), re.MULTILINE)


def test_of_a_thousand_requests_no_more_become_prompts_than_may(talk: Talk) -> None:
    """One person, then four more in the same room, each a different thing every time; and everything in one text."""
    for number in range(REQUESTS):
        talk.alice.says(f"!deploy a{number}")
    talk.alice.says("!ping x1; !ping x2;")
    talk.quiet()
    assert len(prompts(talk)) == PERSON
    for person in ("carol", "mallory", "alice", "bob"):
        for number in range(20):
            getattr(talk, person).says(f"!deploy {person}{number}")
    talk.quiet()
    assert len(prompts(talk)) == ROOM
    assert sum("prompts of yours wait already" in text for _, text in talk.heard) >= REQUESTS - PERSON


def test_requests_that_come_at_once_are_no_way_around(talk: Talk) -> None:
    plans = [talk.service.plans(f"deploy b{number}") for number in range(30)]
    posted: list[str] = []

    def ask(plan: list[Plan]) -> None:
        place = Place(person="@alice", room="#ops")
        with suppress(LimitError):
            talk.service.requests.request(plan, Speaker("alice", place), "x", post=lambda e: posted.append(e.id))

    threads = [threading.Thread(target=ask, args=(plan,)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(posted) == PERSON


def test_the_same_again_is_shown_the_prompt_that_waits_and_a_no_is_heard(talk: Talk) -> None:
    talk.alice.says("!deploy web")
    asked = talk.prompt()
    talk.alice.says("!deploy web")
    lines = rf"\n!confirm {asked}\n!deny {asked}\Z"
    talk.hears(rf"\A{asked} asks for this already, until [0-9:]+ UTC; see !show {asked}{lines}")
    talk.bob.says(f"!deny {asked} not now")
    talk.hears(f"{asked} denied by bob")
    talk.alice.says("!deploy web")
    talk.hears(r"\Anothing runs: bob has just said no to this; ask again in (1 h|59 min.*)\Z")
    talk.alice.says("!deploy web2")
    assert talk.prompt() != asked
