"""What a run has written is told shortly, shown page by page or sent as a file, and may be read as JSON."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from builders import an_execution
from err_confirm.chat.output import OutputPages
from err_confirm.chat.replies import ending
from err_confirm.engine.outputs import PAGE_LINES, Outputs
from err_confirm.model.executions import State
from err_confirm.model.files import Reply
from err_confirm.model.runs import LOOP_RUNNER, Conduct, Invocation, Lookup, Outcome, Part, PartState, Target
from err_confirm.wording import Wording
from talk import Talk, a_bot, write_files

FILES = {
    "aliases/count.yaml": """
name: count
formats: ["count {{last}}"]
parameters: {last: {type: integer}}
run: {command: [seq, "{{ last }}"], output_cap: 2KiB}
confirm: none
""",
    "aliases/shout.yaml": r"""
name: shout
formats: [shout]
run: {command: [printf, '@here `x` \033[31m<!channel>\n%.0s', "{{ range(60) | list }}"]}
confirm: none
""",
    "aliases/where.yaml": """
name: where
formats: [where]
run: {command: [echo, '{"free": {"gib": [3, 4]}, "disk": "*d*`"}']}
output: json
confirm: none
result: {format: "{{ execution.result.value.free.gib[1] }} GiB on {{ execution.result.result.disk }}"}
""",
    "aliases/broken.yaml": """
name: broken
formats: [broken]
run: {command: [echo, no JSON]}
output: json
confirm: none
""",
}


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    write_files(tmp_path, FILES)
    with a_bot(tmp_path) as talk:
        yield talk


def ran(talk: Talk, text: str) -> str:
    talk.alice.says(text)
    return talk.hears(r"(\w{8}) succeeded in")[1]


def test_the_message_of_the_end_says_where_the_rest_is_and_each_page_where_the_next_is(talk: Talk) -> None:
    """A page that is not there is said to be none; what fits needs no pages."""
    talk.alice.says("!count 1000")
    asked = talk.hears(r"(\w{8}) succeeded in [^\n]* \(3,852 bytes more: !show \1 output\)\n")[1]
    shown, page, last = list[str](), 1, 1
    while page <= last:
        talk.bob.says(f"!show {asked[:5]} output {page}")
        found = talk.hears(rf"\A{asked} succeeded · page {page} of (\d+) · output\n([\d\s]*)(?:^ ?next: (.*))?\Z")
        shown += found[2].split()
        last, page = int(found[1]), page + 1
        assert found[3] == (None if page > last else f"!show {asked} output {page}")
    assert shown == [str(number) for number in range(1, 1_001)]
    assert last == 1_000 // PAGE_LINES
    talk.bob.says(f"!show {asked} output {page}")
    talk.hears(rf"\A{asked} succeeded · page {page} of {last} · there is no page {page}\Z")
    talk.bob.says(f"!show {asked} output web1")
    talk.hears(rf"\Aweb1 is no page; say !show {asked} output 1\Z")
    talk.bob.says(f"!show {asked}")
    talk.hears(rf"^all that it has written: !show {asked} output$")
    few = ran(talk, "!count 3")
    talk.alice.says(f"!show {few} output")
    talk.hears(rf"\A{few} succeeded · output\n+ ?1\n2\n3\Z")


def test_where_the_file_is_not_here_it_is_said_what_is_missing_and_where_it_ran(talk: Talk, tmp_path: Path) -> None:
    asked = ran(talk, "!count 1000")
    (kept,) = (tmp_path / "data/err-confirm.output").iterdir()
    old = kept.with_name("zzzzzzzz-1")
    old.touch()
    for each in (kept, old):
        os.utime(each, (0, 0))
    talk.service.keep_journal()
    assert (kept.exists(), old.exists()) == (True, False)
    kept.unlink()
    host = talk.execution(asked).process.partition(":")[0]
    talk.alice.says(f"!show {asked} output")
    talk.hears(
        rf"\A{asked} succeeded · page 1 of \d+ · output \(1,845 bytes before this are not here: if they could be kept, "
        rf"they are on {host}, where it ran\)\n"
    )
    talk.alice.says(f"!show {asked}")
    talk.hears(r"^\(1845 bytes before this were not kept\)$")


@pytest.mark.parametrize(("network", "to"), [("slackv3", "#ops/alice"), ("telegram", "#ops")])
def test_where_there_are_files_one_is_sent_instead_of_many_pages(network: str, to: str, tmp_path: Path) -> None:
    """With all in it visible; where that cannot be begun, or a page is named, there are pages."""
    write_files(tmp_path, FILES)
    with a_bot(tmp_path, LOOPBACK_NETWORK=network) as talk:
        asked = ran(talk, "!shout")
        talk.alice.says(f"!show {asked} output")
        talk.hears(rf"{asked} · all of its output, 1,560 bytes, comes as a file; .*!show {asked} output 1")
        assert talk.bot.files == [(to, f"{asked}.txt", b"@here `x` \\u001b[31m<!channel>\n" * 60)]
        for talk.bot.broken_files, line in ((True, f"!show {asked} output"), (False, f"!show {asked} output 2")):
            talk.alice.says(line)
            page = talk.hears(r"page \d of 2 · output.*u001b")[0]
            assert "@here" not in page
            assert "\x1b" not in page
        assert len(talk.bot.files) == 1


def test_a_drawing_is_sent_as_a_picture_where_that_can_be(tmp_path: Path) -> None:
    write_files(tmp_path, FILES)
    with a_bot(tmp_path, LOOPBACK_NETWORK="slackv3") as talk:
        talk.alice.says("!draw shout")
        talk.hears("shout`? comes as a file, a picture")
        ((_, name, content),) = talk.bot.files
        assert (name, content[:4]) == ("drawing.svg", b"<svg")
        talk.bot.broken_files = True
        talk.alice.says("!draw shout")
        talk.hears("flowchart TD")
        talk.alice.says("!draw nothing")
        talk.hears("no alias and no guard is called")
        talk.alice.says("!draw")
        talk.hears(r"\Asay which: .*!draw .*!aliases and !guards list them")


def test_json_is_what_a_result_template_reads_and_adds_nothing_to_it(talk: Talk) -> None:
    talk.alice.says("!where")
    talk.hears(r"succeeded in [0-9.]+ s\n4 GiB on \*d\*`\Z")


def test_what_should_be_json_and_is_not_has_failed_with_its_exit_code(talk: Talk) -> None:
    talk.alice.says("!broken")
    words = r"failed with exit code 0 after .*: its result cannot be used: its output is not JSON \(line 1, column 1\)"
    asked = talk.hears(rf"(\w{{8}}) {words}")[1]
    assert talk.execution(asked).state is State.FAILED


TARGETS = (Target(id="i-1", name="web1"), Target(id="i-2", name="web2"), Target(id="2"))
LOOP = an_execution(
    state=State.FAILED,
    fence=2,
    invocation=Invocation(runner=LOOP_RUNNER, spec={"runner": "command"}),
    conduct=Conduct(lookup=Lookup(targets=TARGETS)),
    parts=(Part(state=PartState.DONE), Part(state=PartState.FAILED, said="no route"), Part(state=PartState.STOPPED)),
    outcome=Outcome(exit_code=None, error="too many errors"),
)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "say whose output: 7f3kq2xa is for web1, web2, 2\n`!show 7f3kq2xa output web1`"),
        ("web9", "say whose output: 7f3kq2xa is for web1, web2, 2\n`!show 7f3kq2xa output web1`"),
        ("web1", "7f3kq2xa failed · `i-1` · output\n```\nfirst run\n```"),
        ("i-1 2", "7f3kq2xa failed · `i-1` · there is no page 2"),
        ("web2", "7f3kq2xa failed · `i-2` · output\n```\nno route\n```"),
        ("2", "7f3kq2xa failed · `2` · no output"),
    ],
)
def test_of_a_loop_each_target_has_its_own_output(tmp_path: Path, asked: str, said: str) -> None:
    """By its name or id, also where that looks like a page; one that was done before a restart has it from then."""
    write_files(tmp_path, {"7f3kq2xa-1.0": "first run\n", "7f3kq2xa-1": "that of no target"})
    pages = OutputPages(Outputs(tmp_path), Wording("!"), "!")
    assert plain(pages.say(LOOP, asked, lambda *_: False)) == plain(said)


def test_what_is_called_like_anothers_id_does_not_hide_its_output(tmp_path: Path) -> None:
    named = (Target(id="i-1", name="i-2"), Target(id="i-2", name="i-1"), Target(id="2"))
    loop = replace(LOOP, conduct=Conduct(lookup=Lookup(targets=named)))
    said = OutputPages(Outputs(tmp_path), Wording("!"), "!").say(loop, "i-2", lambda *_: False)
    assert plain(said) == "7f3kq2xa failed · i-2 · output\nno route"


def plain(text: str) -> str:
    return "\n".join(line for line in text.replace("`", "").splitlines() if line)


def test_a_result_template_knows_what_has_become_of_each_target() -> None:
    words = (
        "{% for state, names in execution.result.targets.items() %}{{ state }}: {{ names | join(', ') }}; {% endfor %}"
    )
    loop = replace(LOOP, result=Reply(format=words))
    assert plain(ending(loop, Wording("!").inert)) == "done: web1 (i-1); failed: web2 (i-2); left: 2;"
    loop = replace(loop, parts=(*loop.parts[:2], Part(state=PartState.GONE)))
    assert plain(ending(loop, Wording("!").inert)) == "done: web1 (i-1); failed: web2 (i-2); left: ;"
