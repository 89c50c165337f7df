"""What is said in chat makes nothing look other than it is, takes nobody's time, and leaves no way around a limit."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from builders import a_policy, an_execution
from err_confirm.backends import BACKENDS
from err_confirm.chat.replies import introduction
from err_confirm.errors import LimitError, SettingError
from err_confirm.limits import LOOKED_AT, Limits, check
from err_confirm.locks import read_wish
from err_confirm.model.executions import Place, Plan, Speaker
from err_confirm.settings import read_settings
from err_confirm.text.inert import Inert
from err_confirm.text.pages import pages
from servers import PATIENCE
from talk import ROOT, Talk, a_bot, write_files

FILES = {
    "aliases/deploy.yaml": """
name: deploy
formats: ["deploy {{what}}"]
run: {command: [echo, "{{ what }}"]}
confirm: {by: [bob], within: 1h, ask: "#ops"}
""",
    "aliases/cost.yaml": """
name: cost
formats: [cost]
run: {command: ["true"]}
confirm: {by: [bob], within: 1h, question: {text: "Which?", type: json}}
""",
}
FORGED = "!confirm 00000000"
READ = """
import sys
from err_confirm.answers import read_answer
from err_confirm.model.policies import Policy, Question, QuestionType, Seat, Stage
stage = Stage(quorum=Seat(by=("bob",)), retry_count=1, retry_delay=1.0)
typed, said = eval(sys.stdin.read())
question = None if typed else Question(text="Which?", type=QuestionType.JSON)
read_answer(Policy(stages=(stage,), deny=Seat(by=("bob",)), typed=(typed,) if typed else (), question=question), said)
"""


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    write_files(tmp_path, FILES)
    with a_bot(tmp_path, CONFIRM_LIMITS={"person": 3, "room": 4, "pause": "1ms"}) as talk:
        yield talk


# Time


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "`" * 19_000 + "x"),
        ("", ("`" * 6_000 + "a") * 3),
        ("y" + r" \u0020" * 60 + "z", "y" + r"\u0020" * 180 + "x"),
        ("--" * 200, "\u2014" * 300 + "x"),
        ("--\u2014" * 100, "\u2014" * 250 + "x"),
        ("`" * 4_000, "`" * 19_000 + "x"),
    ],
)
def test_no_answer_holds_the_bot_up_while_it_is_read(typed: str, said: str) -> None:
    """Anybody can say it, and what must be typed may be a value of who asked; a search that goes back never ends."""
    command = [sys.executable, "-c", READ]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "plugins/err-confirm")}
    subprocess.run(command, input=repr((typed, said)), text=True, check=True, timeout=PATIENCE, env=env)


def test_an_answer_that_is_far_too_long_is_not_even_read(talk: Talk) -> None:
    talk.alice.says("!cost")
    asked = talk.prompt("#ops")
    talk.bob.says(f"!confirm {asked} {'`' * 1_000_000}")
    talk.hears(rf"^{asked} is not answered: an answer may have 20,000 characters, and this one has 1,000,000")
    assert talk.execution(asked).votes == ()


# Looks


@pytest.mark.parametrize("network", ["text", "slackv3", "telegram"])
@pytest.mark.parametrize("limit", range(200, 220))
def test_the_middle_of_a_long_value_never_looks_like_a_message_of_its_own(network: str, limit: int) -> None:
    """Whatever stands before it, and however little fits into one message."""
    inert = Inert(BACKENDS[network])
    for padding in range(limit):
        first, *rest = pages(f"said: {inert.code('x' * padding + FORGED + 'x' * limit)}", limit, inert)
        assert first.startswith("said: ")
        assert [part for part in rest if not part.startswith("… ")] == []


@pytest.mark.parametrize(
    "layout", ["{}", "__{}__", "_{}_", "**{}**", "- {}", "> {}", "# {}", "___{}___", "[{}](http://x)"]
)
@pytest.mark.parametrize("value", [FORGED, "runs: echo harmless"])
def test_no_value_in_a_policys_own_words_looks_like_a_line_of_the_prompt(layout: str, value: str) -> None:
    policy = a_policy(prompt=layout.replace("{}", "{{ note }}"))
    words = introduction(an_execution(policy, parameters={"note": value}), Inert(BACKENDS["text"]), "!")
    assert value.split(maxsplit=1)[0] in words
    assert re.match(r"\W*· ", words)


# Limits


def test_a_room_is_not_filled_from_direct_messages(talk: Talk) -> None:
    """The policy has each prompt posted there, too; whoever asks, and from where."""
    for person in ("alice", "carol", "mallory"):
        for number in range(3):
            getattr(talk, person).says(f"!deploy {person}{number}", room=None)
    talk.hears("4 prompts in #ops wait already")
    talk.quiet()
    there = [text for to, text in talk.heard if to == "#ops" and "!confirm" in text]
    assert len(there) == 4


def test_what_waits_counts_however_much_was_run_since() -> None:
    """A command that asks nobody is no way to be asked about more than may wait."""
    waiting = [an_execution(id=f"1000000{number}", posted=True) for number in range(3)]
    since = [an_execution(None, id=f"{number:08}") for number in range(LOOKED_AT)]
    asks = an_execution()
    plan = Plan(alias="echo", action="echo", policy=a_policy(), invocation=asks.invocation, parameters={"n": 9})
    alice = Speaker("alice", Place(person="@alice", room="#other"))
    with pytest.raises(LimitError, match="3 prompts of yours wait already"):
        check(Limits(person=3), plan, alice, [*since, *waiting], asks.created_at + 600, waiting=lambda: waiting)


# What bots share


@pytest.mark.parametrize("name", ["err-confirm.shelf", "a.b.shelf", ".shelf"])
def test_no_bot_keeps_its_executions_where_another_one_keeps_its_locks(name: str) -> None:
    with pytest.raises(SettingError, match="is where another bot keeps its locks or jobs; let it end otherwise"):
        read_settings(SimpleNamespace(CONFIRM_NAMESPACE=name), {})


def test_of_names_that_differ_in_case_the_one_that_is_said_is_locked() -> None:
    names = ["Restart", "restart", "RESTART all", "restart all"]
    assert [read_wish(f"{name} db", names, "!").name for name in names] == names
    assert read_wish("rEsTaRt aLL db", names, "!").name == "RESTART all"
