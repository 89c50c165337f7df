"""What is looked up before anybody is asked: on what something is done, and what a dry run says."""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from err_confirm.engine import After
from err_confirm.errors import NoTargetsError
from err_confirm.model.executions import Execution, Place, Speaker, State
from err_confirm.model.runs import SHOWN_BYTES, SHOWN_LINES, SHOWN_TARGETS
from err_confirm.plan.probes import AT_ONCE
from servers import eventually
from talk import Talk, a_bot, write_files

_NUMBERS = count(1)
LOOKUP = """
formats: ["{name} {{{{env}}}}"]
confirm: {{by: anyone, within: 10m}}
targets: {{command: ["./inventory", "{{{{ env }}}}"], select: "hosts[].{{id: id, name: name}}", {more}}}
run: {{command: ["echo", "{name}", "{{{{ {of} }}}}"]}}
"""
DRY_RUN = """
formats: ["{name} {{{{env}}}}"]
confirm: {{by: anyone, within: 10m}}
preview: {{command: ["cat", "plans/{{{{ env }}}}"], {more}}}
run: {{command: ["echo", "{name}", "{{{{ env }}}}"]}}
"""
FILES = {
    "aliases/reboot.yaml": "name: reboot" + LOOKUP.format(name="reboot", of="targets", more="timeout: 20s"),
    "aliases/drain.yaml": "name: drain"
    + LOOKUP.format(name="drain", of="target", more="on_change: intersect")
    + "on_lost: retry\n",
    "aliases/hurry.yaml": "name: hurry" + LOOKUP.format(name="hurry", of="targets", more="timeout: 100ms"),
    "aliases/apply.yaml": "name: apply" + DRY_RUN.format(name="apply", more="again: true"),
    "aliases/release.yaml": "name: release" + DRY_RUN.format(name="release", more="again: false"),
    "aliases/wipe.yaml": """
name: wipe
formats: ["wipe {{hosts}}"]
parameters: {hosts: {type: array, required: true}}
targets: "{{ hosts }}"
preview: {command: ["echo", "would wipe", "{{ targets }}"]}
run: {command: ["echo", "wiping", "{{ targets }}"]}
""",
    "inventory": '#!/bin/sh\ntouch "asked-$1"\ncat "hosts/$1"\n',
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("targets")
    write_files(folder, FILES)
    for name in ("hosts", "plans"):
        (folder / name).mkdir()
    return folder


@pytest.fixture(scope="module")
def talk(folder: Path) -> Iterator[Talk]:
    with a_bot(folder) as talk:
        yield talk


@dataclass
class Inventory:
    """What is found under the name of one test."""

    folder: Path
    name: str

    def __call__(self, *hosts: str | Mapping[str, str]) -> str:
        """Write the hosts that are known; return the name."""
        found = [{"id": host} if isinstance(host, str) else host for host in hosts]
        (self.folder / "hosts" / self.name).write_text(json.dumps({"hosts": found}))
        return self.name

    def plans(self, output: str) -> str:
        """Write what dry runs say; return the name."""
        (self.folder / "plans" / self.name).write_text(output)
        return self.name

    def hangs(self) -> Path:
        """Let lookups hang until somebody writes into what is returned."""
        path = self.folder / "hosts" / self.name
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        return path


@pytest.fixture
def inventory(folder: Path) -> Inventory:
    return Inventory(folder, f"e{next(_NUMBERS)}")


def asks(talk: Talk, text: str) -> tuple[str, list[str]]:
    """Let Alice ask; return the id of the prompt, and its lines."""
    talk.alice.says(text)
    asked = talk.prompt("#ops")
    return asked, talk.texts()[talk._read - 1].splitlines()


# The prompt


def test_targets_are_named_and_what_runs_gets_their_ids(talk: Talk, inventory: Inventory) -> None:
    env = inventory({"id": "i-1", "name": "web1"}, "db1", {"id": "i-2", "name": "*web* @here"})
    asked, prompt = asks(talk, f"!reboot {env}")
    assert "on: web1 (i-1), db1, *web* @here (i-2)" in prompt
    assert "runs: echo reboot i-1 db1 i-2" in prompt
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f"{asked} succeeded in .*: reboot i-1 db1 i-2")


def test_a_list_that_was_said_is_one_and_the_dry_run_knows_it(talk: Talk) -> None:
    asked, prompt = asks(talk, "!wipe h1,h2")
    assert re.search("^on: h1, h2\nits dry run says:\n\\s+would wipe h1 h2\n", "\n".join(prompt), re.MULTILINE)
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"{asked} succeeded in .*: wiping h1 h2")
    talk.alice.says("!wipe h1,h1")
    talk.hears('^nothing runs: the target "h1" is there twice$')


def test_no_line_of_a_dry_run_looks_like_one_of_the_prompts_own(talk: Talk, inventory: Inventory) -> None:
    """Nor is anything in it live."""
    inventory.plans(
        "``` !confirm 2222bbbb\nruns: nothing\n  @here\n**!deny**\nRUNS: x\non: db1\nafter x runs: y\nfine \u202e"
    )
    asked, prompt = asks(talk, f"!release {inventory.name}")
    said = [line.strip() for line in prompt if line.strip()]
    assert said[said.index("its dry run says:") + 1 :][:8] == [
        "· ``` !confirm 2222bbbb",
        "· runs: nothing",
        "@here",
        "· **!deny**",
        "· RUNS: x",
        "· on: db1",
        "· after x runs: y",
        r"fine \u202e",
    ]
    talk.alice.says(f"!cancel {asked}")


def test_what_holds_besides_the_command_is_in_the_prompt(talk: Talk, inventory: Inventory) -> None:
    """That less of it may run, and that it may run more than once."""
    asked, prompt = asks(talk, f"!drain {inventory('web1')}")
    talk.alice.says(f"!show {asked}")
    shown = talk.hears("bound to").string.splitlines()
    for each in ("targets that are gone when it starts are left out", "if it is lost, it is started again"):
        assert each in prompt
        assert each in shown
    talk.alice.says(f"!cancel {asked}")


def test_explain_says_what_would_be_looked_up_and_does_not_do_it(talk: Talk, folder: Path) -> None:
    talk.alice.says("!explain reboot nowhere")
    talk.hears("^looks up its targets first, before anybody is asked: ./inventory nowhere$.*^must confirm: anyone")
    talk.alice.says("!explain wipe h1,h2")
    talk.hears("^does a dry run first, before anybody is asked: echo 'would wipe' h1 h2$.*^on: h1, h2$.*^runs: echo")
    talk.alice.says("!explain wipe h1,h1")
    talk.hears('^nothing runs: the target "h1" is there twice$')
    assert not (folder / "asked-nowhere").exists()


# What a prompt cannot show must be read first


def lines(count: int) -> str:
    return "".join(f"line {number}\n" for number in range(count))


@pytest.mark.parametrize(
    ("alias", "content", "more"),
    [
        ("reboot", SHOWN_TARGETS, ""),
        ("reboot", SHOWN_TARGETS + 1, r"web9 and 1 more: read them first with !show {}"),
        ("reboot", 1_000, r"web9 and 990 more: read them first with !show {}"),
        ("release", lines(SHOWN_LINES), ""),
        ("release", lines(SHOWN_LINES + 1), r"… and 1 more line: read them first with !show {}"),
        ("release", "x" * SHOWN_BYTES, ""),
        ("release", "é" * (SHOWN_BYTES // 2) + "y", r"… and 1 more byte: read them first with !show {}"),
        ("release", lines(5_000), r"… and 4,988 more lines: read them first with !show {}"),
    ],
)
def test_a_yes_to_what_was_not_shown_whole_counts_once_that_was_read(
    talk: Talk, inventory: Inventory, alias: str, content: int | str, more: str
) -> None:
    """By each who says yes, and as soon as they have looked."""
    env = inventory(*(f"web{number}" for number in range(content if isinstance(content, int) else 0)))
    inventory.plans(str(content))
    asked, prompt = asks(talk, f"!{alias} {env}")
    assert any(line.endswith(more.format(asked)) for line in prompt if more) is bool(more)
    talk.carol.says(f"!show {asked}")
    talk.hears("bound to")
    shown = "\n".join(talk.texts()[talk.texts().index("\n".join(prompt)) :])
    assert all(f"web{number}" in shown for number in range(content)) if isinstance(content, int) else True
    assert shown.count("line") >= content.count("line") if isinstance(content, str) else True
    talk.bob.says(f"!confirm {asked}")
    if more:
        talk.hears(f"^{asked} is not confirmed: it is more than its prompt could show; .* !show {asked}, then say")
        assert talk.execution(asked).state is State.PENDING
        talk.bob.says(f"!show {asked}", None)
        talk.hears("bound to", "@bob")
        eventually(lambda: talk.execution(asked).readers == ("carol", "bob"))
        talk.bob.says(f"!confirm {asked}")
    assert talk.ended(asked).state is State.SUCCEEDED


# What goes wrong before anybody is asked


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "^nothing runs: reboot has no targets now, so there is nothing to do$"),
        (["-oProxyCommand=id"], 'says nothing usable: the target "-oProxyCommand=id" must not start with "-"'),
        (["web1", "; id"], "says nothing usable: the target '; id' "),
        (["web1\nweb2"], r"says nothing usable: the target 'web1\\nweb2' "),
        (["{{ 7*7 }}"], r"says nothing usable: the target '{{ 7\*7 }}' "),
        (["$(id)"], r"says nothing usable: the target '\$\(id\)' "),
        (["web1", "web1"], 'says nothing usable: the target "web1" is there twice'),
        (["w" * 501], "says nothing usable: a target has 501 characters, and at most 500 can be shown"),
    ],
    ids=str,
)
def test_an_inventory_that_says_nothing_usable_ends_the_request(
    talk: Talk, inventory: Inventory, content: Sequence[str], said: str
) -> None:
    before = len(talk.executions())
    talk.alice.says(f"!reboot {inventory(*content)}")
    talk.hears(said, "#ops")
    assert len(talk.executions()) == before


def test_a_lookup_that_fails_is_said_with_its_exit_code_and_its_last_words(talk: Talk) -> None:
    talk.alice.says("!reboot nowhere", None)
    talk.hears(
        r"\Anothing runs: the lookup of the targets of reboot failed with exit code 1\s+"
        r"cat: hosts/nowhere: No such file or directory\s*\Z",
        "@alice",
    )
    talk.alice.says("!apply nowhere")
    talk.hears("^nothing runs: the dry run of apply failed with exit code 1$.*cat: plans/nowhere: No such file", "#ops")


def test_a_lookup_that_takes_its_time_holds_up_nobody(talk: Talk, folder: Path, inventory: Inventory) -> None:
    """Whoever asked hears that it is under way, and cannot start another one beside it."""
    slow, other = inventory.hangs(), Inventory(folder, "other")
    talk.alice.says(f"!reboot {inventory.name}")
    talk.hears("^looking up the targets of reboot …$", "#ops")
    talk.alice.says(f"!drain {other('web1')}")
    talk.hears("^nothing runs: what you have asked for before is still being looked up; say it again after that$")
    talk.carol.says(f"!reboot {other.name}")
    talk.hears("^runs: echo reboot web1$")
    slow.write_text('{"hosts": [{"id": "web3"}]}')
    talk.hears("^runs: echo reboot web3$")


def test_many_who_ask_at_once_hold_up_nothing_that_was_confirmed(
    talk: Talk, folder: Path, inventory: Inventory
) -> None:
    other = Inventory(folder, "other")
    asked, _ = asks(talk, f"!reboot {other('web1')}")
    slow = inventory.hangs()
    for person in (talk.bob, talk.carol, talk.mallory, talk.dave):
        person.says(f"!reboot {inventory.name}")
    talk.quiet()
    talk.alice.says(f"!reboot {other('web1')}")
    talk.hears("^nothing runs: too many others are just being looked up; say it again in a moment$")
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f"{asked} succeeded in .*: reboot web1$")
    slow.write_text("{}")
    for _ in range(AT_ONCE):
        talk.hears("^nothing runs: the lookup of the targets of reboot says nothing usable: ")


def test_a_lookup_that_hangs_is_stopped_and_said(talk: Talk, inventory: Inventory) -> None:
    inventory.hangs()
    talk.alice.says(f"!hurry {inventory.name}")
    talk.hears("^nothing runs: the lookup of the targets of hurry was stopped after its time limit of 0.1 s$")


# What has changed until the claim


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (("web1", "web2", "db1"), r"its targets have changed: \+ db1"),
        (("web2", "db2"), r"its targets have changed: \+ db2, - web1"),
        (({"id": "web1", "name": "prod-db"}, "web2"), r"its targets have changed: web1 is now prod-db \(web1\)"),
        ((), "its targets have changed: - web1, - web2"),
        (({"id": "web1", "name": "\ud800"}, "web2"), r"its targets have changed: web1 is now \\ud800 \(web1\)"),
        (("-x",), r"what was looked up for it could not be looked up once more: it says nothing usable: the target"),
    ],
    ids=str,
)
def test_what_has_other_targets_now_does_not_run(
    talk: Talk, inventory: Inventory, now: Sequence[str], why: str
) -> None:
    asked, _ = asks(talk, f"!reboot {inventory('web1', 'web2')}")
    inventory(*now)
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f"^@alice {asked} expired after it was confirmed: {why}.*; nothing ran$")
    assert talk.execution(asked).fence == 0


def test_a_target_that_came_back_in_another_order_is_the_same(talk: Talk, inventory: Inventory) -> None:
    asked, _ = asks(talk, f"!reboot {inventory('web1', 'web2')}")
    inventory("web2", "web1")
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f"{asked} succeeded in .*: reboot web1 web2$")


def test_what_takes_those_that_are_left_says_which_are_gone(talk: Talk, inventory: Inventory) -> None:
    asked, _ = asks(talk, f"!drain {inventory('web1', 'web2', 'web3')}")
    inventory("web1", "web4", {"id": "web2", "name": "another name"})
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f"^{asked} confirmed by bob, running$.*^without web3, which is gone$")
    eventually(lambda: talk.execution(asked).state.ended)
    assert [part.state for part in talk.execution(asked).parts][2] == "gone"


def test_where_none_is_left_nothing_runs(talk: Talk, inventory: Inventory) -> None:
    asked, _ = asks(talk, f"!drain {inventory('web1')}")
    inventory("web2")
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f"{asked} expired after it was confirmed: none of its targets is there any more; nothing ran")


def test_a_dry_run_that_says_something_else_lets_nothing_run(talk: Talk, inventory: Inventory) -> None:
    inventory.plans("one\ntwo")
    asked, _ = asks(talk, f"!apply {inventory.name}")
    inventory.plans("one\n3 `x`")
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f'{asked} expired after it was confirmed: its dry run says something else now: "3 `x`", and not "two";')
    asked, _ = asks(talk, f"!apply {inventory.name}")
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f"{asked} succeeded")


def test_what_cannot_be_looked_up_once_more_in_time_does_not_run(talk: Talk, inventory: Inventory) -> None:
    asked, _ = asks(talk, f"!hurry {inventory('web1')}")
    inventory.hangs()
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f"{asked} expired after .* once more: it was stopped after its time limit of 0.1 s; nothing ran")


def test_what_cannot_be_looked_up_at_all_any_more_does_not_run(talk: Talk, inventory: Inventory) -> None:
    asked, _ = asks(talk, f"!reboot {inventory('web1')}")
    (inventory.folder / "hosts" / inventory.name).unlink()
    talk.bob.says(f"!confirm {asked}")
    talk.hears(f'{asked} expired after .* once more: it failed with exit code 1: "cat: .* No such file or directory";')


# What follows something else


def test_what_is_asked_for_afterwards_is_looked_up_first_and_asked_for_once(talk: Talk, inventory: Inventory) -> None:
    plugin = talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm")
    follows = After(id="2222aaaa", parent="1111aaaa", cause="then", depth=1)

    def ask() -> Execution:
        (plan,) = talk.service.plans(f"reboot {inventory.name}", "#ops")
        alice, text = Speaker("alice", Place(person="@alice", room="#ops")), f"reboot {inventory.name}"
        asked: Execution = talk.service.requests.ask(plan, alice, text, post=plugin.chat.ask, after=follows)
        return asked

    inventory()
    with pytest.raises(NoTargetsError, match=r"^reboot has no targets now"):
        ask()
    inventory("web1")
    assert [target.id for target in ask().conduct.targets] == ["web1"]
    inventory("web2")
    again = ask()
    assert (again.id, again.parent, [target.id for target in again.conduct.targets]) == (
        "2222aaaa",
        "1111aaaa",
        ["web1"],
    )
    talk.quiet()
    assert sum("!confirm 2222aaaa" in text for text in talk.texts()) == 1
