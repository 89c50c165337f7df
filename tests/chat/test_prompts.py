"""What the bot says while something is asked for, confirmed and run, and where it says it."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builders import an_execution
from err_confirm.model.runs import Outcome
from err_confirm.text.visible import exact
from err_confirm.wording import Wording
from talk import PROMPT, Talk, a_bot, write_files

ID = "[0-9a-hjkmnp-tv-z]{8}"
FILES = {
    # Prints its arguments as JSON, and keeps them in the file `ran`.
    "argv": """#!/usr/bin/python3 -IS
import json, sys
with open("ran", "a") as file: print(json.dumps(sys.argv[1:]), file=file)
print(json.dumps(sys.argv[1:]))
""",
    "fail": "#!/bin/sh\nfor line in $(seq 15); do echo line $line; done\nexit 3\n",
    "actions/argv.yaml": """
name: argv
parameters: {what: {type: string, required: true, free: true}}
run: {command: ["./argv", "{{ what }}"]}
""",
    "aliases/say.yaml": "{name: say, formats: ['say {{what}}'], action_ref: argv}",
    "aliases/bobs.yaml": "{name: bobs, formats: ['bobs {{what}}'], action_ref: argv, confirm: {by: [bob, carol]}}",
    "aliases/others.yaml": "{name: others, formats: ['others {{what}}'], action_ref: argv, confirm: {by: others}}",
    "aliases/anyone.yaml": "{name: anyone, formats: ['anyone {{what}}'], action_ref: argv, confirm: {by: anyone}}",
    "aliases/now.yaml": "{name: now, formats: ['now {{what}}'], action_ref: argv, confirm: none}",
    "aliases/brief.yaml": """
name: brief
formats: ['brief {{what}}']
action_ref: argv
confirm: {retry: {count: 2, delay: 100ms}}
""",
    "aliases/fail.yaml": "{name: fail, formats: [fail], run: {command: [./fail]}}",
    "noise": "#!/bin/sh\nprintf 'a\\tb\\r\\n```\\n**b** \\033[31mred <i>&amp;\\n!confirm\\n'\n",
    "aliases/noise.yaml": "{name: noise, formats: [noise], run: {command: [./noise]}}",
    "aliases/quiet.yaml": "{name: quiet, formats: [be quiet], run: {command: ['true']}}",
    "aliases/worded.yaml": """
name: worded
formats: ["worded {{what}}"]
action_ref: argv
ack:
  format: "{{ what }} is on its way by {{ actionalias.ref }}"
  extra: {slack: {fields: [{title: To, value: "{{ what }}"}, odd]}}
result: {format: "{{ execution.status }} in {{ execution.elapsed_seconds|round(1) }} s: {{ execution.result.stdout }}"}
""",
    "aliases/misworded.yaml": """
name: misworded
formats: ["misworded {{what}}"]
action_ref: argv
ack: {enabled: false, format: "never said"}
result: {format: "{{ execution.nothing }}"}
""",
    "aliases/unknown.yaml": """
name: unknown
formats: ["unknown {{what}}"]
action_ref: argv
result: {format: "{{ execution.result.stdout | decrypt_kv }}"}
""",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prompts")


@pytest.fixture(scope="module")
def one_bot(folder: Path) -> Iterator[Talk]:
    write_files(folder, FILES)
    with a_bot(folder, MESSAGE_SIZE_LIMIT=2_000) as talk:
        yield talk


@pytest.fixture
def talk(one_bot: Talk, folder: Path) -> Talk:
    one_bot.quiet()
    (folder / "ran").unlink(missing_ok=True)
    return one_bot


def ran(folder: Path) -> list[list[str]]:
    """Return the arguments of everything that has run."""
    kept = folder / "ran"
    return [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []


@pytest.mark.parametrize(("room", "to"), [("#ops", "#ops"), ("#dev", "#dev"), (None, "@alice")])
def test_it_asks_runs_and_tells_where_it_was_asked(talk: Talk, folder: Path, room: str | None, to: str) -> None:
    talk.alice.says("!say hello", room)
    asked = talk.hears(
        rf"\A@alice  say → hello\nruns: \./argv hello\n1 min left \(until \d\d:\d\d:\d\d UTC\)\n"
        rf"!confirm ({ID})\n!deny ({ID})\Z",
        to,
    )
    assert asked[1] == asked[2]
    assert ran(folder) == []
    talk.alice.says(f"!confirm {asked[1]}", room)
    talk.hears(rf"\A{asked[1]} confirmed by alice, running\Z", to)
    talk.hears(rf'\A@alice {asked[1]} succeeded in [0-9.]+ s: \["hello"\]\Z', to)
    assert ran(folder) == [["hello"]]


def test_a_failure_tells_the_exit_code_and_the_last_lines(talk: Talk) -> None:
    talk.alice.says("!fail")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}")
    rest = rf"\(35 bytes more: !show {asked} output\)"
    told = talk.hears(rf"\A@alice {asked} failed with exit code 3 after [0-9.]+ s {rest}\n(.*)\Z", "#ops")
    lines = [line.strip() for line in told[1].splitlines() if line.strip()]
    assert lines == ["… 5 more lines before", *(f"line {number}" for number in range(6, 16))]


def test_a_failure_says_what_to_type_to_see_all_of_it_once() -> None:
    failed = replace(an_execution(), outcome=Outcome(exit_code=3))
    for text, shown in {
        "": "; see !show 7f3kq2xa",
        ": no such host": ": no such host; see !show 7f3kq2xa",
        "\n\n```\none\n```": "; see !show 7f3kq2xa\n\n```\none\n```",
        " (35 bytes more: !show 7f3kq2xa output)": " (35 bytes more: !show 7f3kq2xa output)",
    }.items():
        told = Wording("!").say("failed", who="@alice", e=failed, took=1.0, text=text)
        assert told == f"@alice 7f3kq2xa **failed** with exit code 3 after 1 s{shown}".replace("\n\n", "\n")


def test_a_success_without_output_is_one_line(talk: Talk) -> None:
    talk.alice.says("!be quiet", "#quiet")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}", "#quiet")
    talk.hears(rf"\A@alice {asked} succeeded in [0-9.]+ s\Z", "#quiet")


@pytest.mark.parametrize(("reason", "told"), [("", ""), (" not *now*, `bob`", r": not \*now\*, `bob`")])
def test_a_denial_tells_who_and_why_and_nothing_runs(talk: Talk, folder: Path, reason: str, told: str) -> None:
    talk.alice.says("!bobs hello")
    asked = talk.prompt()
    talk.bob.says(f"!deny {asked}{reason}")
    talk.hears(rf"\A@alice {asked} denied by bob{told}; nothing ran\Z", "#ops")
    assert (talk.execution(asked).state, ran(folder)) == ("denied", [])


@pytest.mark.parametrize(("reason", "told"), [("", ""), (" wrong host", ": wrong host")])
def test_a_cancellation_tells_who_and_why_and_nothing_runs(talk: Talk, folder: Path, reason: str, told: str) -> None:
    talk.alice.says("!bobs hello")
    asked = talk.prompt()
    talk.alice.says(f"!cancel {asked}{reason}")
    talk.hears(rf"\A{asked} canceled by alice{told}; nothing ran\Z", "#ops")
    assert (talk.execution(asked).state, ran(folder)) == ("canceled", [])


@pytest.mark.parametrize(("room", "to"), [("#ops", "#ops"), (None, "@alice")])
def test_at_expiry_nothing_runs_and_the_line_to_ask_again_is_said(
    talk: Talk, folder: Path, room: str | None, to: str
) -> None:
    talk.alice.says("!brief a `b`  c", room)
    asked = talk.prompt(to)
    talk.hears(
        rf"\A@alice {asked} expired: nobody who may confirm did in 0\.2 s; nothing ran\nask again: !brief a `b`  c\Z",
        to,
    )
    assert (talk.execution(asked).state, ran(folder)) == ("expired", [])


def test_what_nothing_guards_runs_at_once_and_says_what(talk: Talk, folder: Path) -> None:
    talk.mallory.says("!now hello")
    asked = talk.hears(rf"\A({ID}) running: \./argv hello\Z", "#ops")[1]
    talk.hears(rf'\A@mallory {asked} succeeded in [0-9.]+ s: \["hello"\]\Z', "#ops")
    assert ran(folder) == [["hello"]]
    assert not any(re.search(PROMPT, text, re.MULTILINE) for text in talk.quiet())


@pytest.mark.parametrize(
    ("alias", "mentioned"),
    [("say", "@alice"), ("bobs", "@bob @carol"), ("others", "anyone but alice"), ("anyone", "anyone")],
)
def test_who_must_answer_is_mentioned(talk: Talk, alias: str, mentioned: str) -> None:
    talk.alice.says(f"!{alias} hello")
    talk.hears(rf"\A{mentioned}  {alias} → hello\n", "#ops")


VALUES = [
    "`tick` **bold** _it_ <b>tag</b> {:color='red'} [x](http://y) ![i](http://y)",
    "@here @bob <!channel> <@U024> #ops",
    "a & b &amp; c && d | e; $(f) > g",
    "``` fence ```` `",
    "back\\slash\\",
    "*[HTML]: x [^1] :smile: ~~x~~ ==y==",
    'it\'s "quoted" in the middle',
    "two  blanks and a\ttab",
    "one\n\n!confirm 00000000\nruns: echo harmless",
    "right\u202eto\u2066left\u200bhidden\ufeffmark\u00adsoft",
    "\u043fa\u0443pal line\u2028separator \U000e0041tag",
    "\\u202e typed as it stands",
    "x - # > 1. + ---",
    "é ü 漢字 🙂",
]


@pytest.mark.parametrize("value", VALUES)
def test_a_value_is_shown_inert_and_is_exactly_what_runs(talk: Talk, folder: Path, value: str) -> None:
    talk.alice.says(f"!say {value}")
    asked = talk.prompt()
    _, prompt = talk.heard[-1]
    header, runs, *_, confirm, deny = prompt.split("\n")
    assert header.startswith("@alice  say → ")
    assert runs == f"runs: ./argv {exact(shlex.quote(value))}"
    assert (confirm, deny) == (f"!confirm {asked}", f"!deny {asked}")
    assert prompt.replace("\n", "").isprintable()
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"{asked} succeeded")
    assert ran(folder) == [[value]]


def test_no_two_values_look_the_same(talk: Talk) -> None:
    shown = set()
    for value in (values := ["a\u202eb", "a\\u202eb", "ab", "a\u200bb", "a b", "a  b", "a\u00a0b", "a\nb", "a\tb"]):
        talk.alice.says(f"!say {value}")
        talk.prompt()
        shown.add(talk.heard[-1][1].split("\n")[1])
    assert len(shown) == len(values)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x9b"])
def test_a_control_character_is_refused(talk: Talk, folder: Path, character: str) -> None:
    talk.alice.says(f"!say a{character}b")
    talk.hears(rf'\Anothing runs: "what" has the control character U\+{ord(character):04X}; leave it out\nsay: !say ')
    assert ran(folder) == []


def test_output_is_shown_inert(talk: Talk) -> None:
    talk.alice.says("!noise", "#noise")
    talk.alice.says(f"!confirm {talk.prompt()}", "#noise")
    told = talk.hears(r"succeeded in [0-9.]+ s\n(.*)\Z", "#noise")
    assert [line.strip() for line in told[1].strip().splitlines()] == [
        "a       b",
        "```",
        r"**b** \u001b[31mred <i>&amp;",
        "!confirm",
    ]


def test_a_long_output_fits_one_message(talk: Talk) -> None:
    talk.alice.says("!now " + "x" * 700)
    talk.hears(r"running: ")
    talk.hears(r"succeeded in [0-9.]+ s\n .*x{700}")


def test_a_prompt_that_is_too_long_to_be_read_whole_is_refused(talk: Talk, folder: Path) -> None:
    before = len(talk.executions())
    talk.alice.says("!say " + "x" * 1_500)
    talk.hears(
        r"\A@alice \w{8} canceled, nothing ran: its prompt would have 3,\d\d\d bytes, and a message here has at most "
        r"2,000; nobody may confirm what they cannot read, so say it shorter\Z",
        "#ops",
    )
    assert not any("!confirm" in text for text in talk.quiet())
    assert (len(talk.executions()) - before, talk.executions()[0].state, ran(folder)) == (1, "canceled", [])


def test_in_a_room_that_takes_no_message_nothing_runs_and_who_asked_is_told(talk: Talk, folder: Path) -> None:
    talk.bot.broken_rooms.add("#broken")
    talk.alice.says("!say hello", "#broken")
    talk.hears(
        r"\A@alice \w{8} canceled, nothing ran: a message to #broken could not be posted: #broken is gone", "@alice"
    )
    assert talk.executions()[0].state == "canceled"
    talk.alice.says(f"!confirm {talk.executions()[0].id}")
    talk.hears("was already canceled by alice", "#ops")
    assert ran(folder) == []


def test_where_a_room_is_gone_meanwhile_who_asked_hears_how_it_ended(talk: Talk, folder: Path) -> None:
    talk.alice.says("!say hello", "#fading")
    asked = talk.prompt("#fading")
    talk.bot.broken_rooms.add("#fading")
    talk.alice.says(f"!confirm {asked}", None)
    talk.hears(rf"\A{asked} confirmed; see !show {asked}\Z", "@alice")
    talk.hears(f"{asked} succeeded", "@alice")
    assert ran(folder) == [["hello"]]


def test_an_alias_says_its_own_words(talk: Talk) -> None:
    talk.alice.says("!worded x", "#worded")
    asked = talk.prompt()
    talk.alice.says(f"!confirm {asked}", "#worded")
    talk.hears(rf"\A{asked} confirmed by alice, running\nx is on its way by worded\nTo: x\Z", "#worded")
    talk.hears(rf'\A@alice {asked} succeeded in [0-9.]+ s\nsucceeded in [0-9.]+ s: \["x"\]\Z', "#worded")


def test_own_words_that_fail_say_so_and_hide_nothing(talk: Talk) -> None:
    for said, reason in (("misworded", "nothing"), ("unknown", "no filter")):
        room = f"#{said}"
        talk.alice.says(f"!{said} x", room)
        asked = talk.prompt()
        talk.alice.says(f"!confirm {asked}", room)
        talk.hears(rf"\A{asked} confirmed by alice, running\Z", room)
        fails = r"\(the alias's own words for this fail: .*"
        talk.hears(rf"{asked} succeeded in [0-9.]+ s\n{fails}{reason}.*x", room)
