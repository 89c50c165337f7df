"""What was shown is what runs, whatever changes meanwhile, and one person is one, whatever they are called."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from talk import Talk, a_bot, write_files

FILES = {
    # Writes its arguments, its folder and two variables into the file `ran`.
    "tell": """#!/usr/bin/python3 -IS
import json, os, sys
said = [sys.argv[1:], os.path.basename(os.getcwd()), os.environ.get("MODE"), os.environ.get("EXTRA")]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ran"), "a") as file:
    print(json.dumps(said), file=file)
""",
    "there/keep": "",
    "here/keep": "",
    "actions/tell.yaml": """
name: tell
parameters:
  host: {type: string, required: true}
  mode: {type: string, default: careful}
run: {command: [../tell, "{{ host }}", "{{ mode }}"], cwd: here, env: {MODE: "{{ mode }}"}}
""",
    "aliases/tell.yaml": """
name: tell
formats: ['tell {{host}}']
action_ref: tell
confirm: {by: bob, within: 10m}
""",
}
ACTION, ALIAS = "actions/tell.yaml", "aliases/tell.yaml"


def changed(path: str, old: str, new: str) -> Callable[[Path], None]:
    """Return what replaces a text in a file."""

    def change(folder: Path) -> None:
        assert old in FILES[path]
        (folder / path).write_text(FILES[path].replace(old, new))

    return change


def removed(*paths: str) -> Callable[[Path], None]:
    """Return what removes files."""

    def change(folder: Path) -> None:
        for path in paths:
            (folder / path).unlink()

    return change


CHANGES = {
    "the program's arguments": changed(ACTION, '"{{ host }}", "{{ mode }}"]', '"--all", "{{ host }}"]'),
    "the program": changed(ACTION, "../tell", "/bin/false"),
    "the folder": changed(ACTION, "cwd: here", "cwd: there"),
    "a variable": changed(ACTION, 'MODE: "{{ mode }}"', "MODE: reckless"),
    "one more variable": changed(ACTION, "env: {", 'env: {EXTRA: "yes", '),
    "a default": changed(ACTION, "default: careful", "default: reckless"),
    "a parameter's type": changed(ACTION, "host: {type: string", "host: {type: integer"),
    "a parameter's name": changed(ACTION, "host", "target"),
    "the runner": changed(ACTION, 'command: [../tell, "{{ host }}", "{{ mode }}"], cwd: here', 'python: "os:getcwd"'),
    "the timeout": changed(ACTION, "run: {", "run: {timeout: 1ms, "),
    "the alias's action": changed(ALIAS, "action_ref: tell", "run: {command: ['false']}"),
    "a fixed parameter": changed(ALIAS, "action_ref: tell", "action_ref: tell\nimmutable_parameters: {mode: reckless}"),
    "how it is said": changed(ALIAS, "'tell {{host}}'", "'tell all {{host}}'"),
    "who may": changed(ALIAS, "by: bob", "by: [carol]"),
    "no confirmation": changed(ALIAS, "{by: bob, within: 10m}", "none"),
    "how long": changed(ALIAS, "10m", "1s"),
    "the alias is off": changed(ALIAS, "name: tell", "name: tell\nenabled: false"),
    "the alias is gone": removed(ALIAS),
    "all is gone": removed(ALIAS, ACTION),
    "nothing can be read": changed(ALIAS, "name: tell", "name: [tell"),
}


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    write_files(tmp_path, FILES)
    with a_bot(tmp_path, CONFIRM_PEOPLE=PEOPLE) as talk:
        yield talk


PEOPLE = {
    "alice": ["text:alice", "text:alice_at_home"],
    "bob": ["text:bob", "text:bob_at_home", "slack:UBOB"],
    "carol": ["text:carol"],
}


def test_whatever_is_changed_meanwhile_what_runs_is_what_was_shown(talk: Talk, tmp_path: Path) -> None:
    """Each part of the files, and a reload of the files or of the whole plugin, between prompt and claim."""
    as_shown, shown = 0, [["web1", "careful"], "here", "careful", None]
    for name, change in CHANGES.items():
        for reload in ("!aliases reload", "!plugin reload Confirm"):
            write_files(tmp_path, FILES)
            talk.alice.says("!aliases reload", None)
            talk.hears("are in use")
            talk.alice.says("!tell web1")
            asked = talk.prompt()
            assert "web1 careful" in talk.heard[-1][1]
            before = talk.execution(asked)
            change(tmp_path)
            talk.root.says(reload, None)
            talk.hears("use|reloaded")
            talk.bob.says(f"!confirm {asked}")
            talk.hears(f"{asked} succeeded")
            after = talk.execution(asked)
            ran = [json.loads(line) for line in (tmp_path / "ran").read_text().splitlines()]
            (tmp_path / "ran").unlink()
            assert (after.invocation, after.digest) == (before.invocation, before.digest), name
            as_shown += ran == [shown]
    print(f"\nchanges {len(CHANGES)} × 2 reloads, ran as shown {as_shown}")
    assert as_shown == 2 * len(CHANGES)


def test_a_person_with_several_identities_has_one_vote_and_one_seat(talk: Talk) -> None:
    """Also where the second identity would be somebody else's: of who asked, of who has confirmed."""
    cases = {
        # who asks, who answers, what they are told, and the people whose votes there are
        ("alice", "bob"): ("succeeded", ["bob"]),
        ("alice", "bob_at_home"): ("succeeded", ["bob"]),
        ("alice", "alice_at_home"): ("is not yours to confirm", []),
        ("alice", "eve"): ("is not yours to confirm", []),
        ("alice", "Bob"): ("is not yours to confirm", []),
        ("alice", "bob_"): ("is not yours to confirm", []),
        ("alice", "UBOB"): ("is not yours to confirm", []),
        ("alice", "text:bob"): ("is not yours to confirm", []),
        ("alice", "b\u043eb"): ("is not yours to confirm", []),
    }
    wrong = []
    for (asks, answers), (told, voters) in cases.items():
        getattr(talk, asks).says("!tell web1")
        asked = talk.prompt()
        getattr(talk, answers).says(f"!confirm {asked}")
        talk.hears(f"{asked} {told}")
        if voters:
            talk.bob.says(f"!confirm {asked}")
            talk.hears(f"you already confirmed {asked}")
            talk.bob_at_home.says(f"!confirm {asked}")
            talk.hears(f"you already confirmed {asked}")
        if [vote.person for vote in talk.execution(asked).votes] != voters:
            wrong.append((asks, answers))
        talk.bob.says(f"!deny {asked}")
        talk.hears(asked)
    talk.bob_at_home.says("!tell web1")
    talk.hears("canceled, nothing ran: too few people .* it needs bob, and bob has asked for it")
    print(f"\nidentities {len(cases)}, wrong seats {len(wrong)}")
    assert wrong == []


def test_nobody_else_is_not_oneself_under_another_name(tmp_path: Path) -> None:
    """`others` means another person, not another identity."""
    write_files(tmp_path, {**FILES, ALIAS: FILES[ALIAS].replace("by: bob", "by: others")})
    with a_bot(tmp_path, CONFIRM_PEOPLE=PEOPLE) as talk:
        talk.alice.says("!tell web1")
        asked = talk.prompt()
        talk.alice_at_home.says(f"!confirm {asked}")
        talk.hears(f"{asked} is not yours to confirm")
        assert talk.execution(asked).votes == ()
        talk.alice_at_home.says("!cancel", None)
        talk.alice_at_home.says(f"!cancel {asked}")
        talk.hears(f"{asked} canceled")
        assert not (tmp_path / "ran").exists()


def test_an_app_on_slack_neither_asks_nor_answers_under_the_id_of_a_person(tmp_path: Path) -> None:
    """Also with the token, and so the id, of somebody who may."""
    write_files(tmp_path, FILES)
    events = [{"bot_id": "B1"}, {"bot_id": "B1", "app_id": "A1"}, {"subtype": "bot_message"}]
    with a_bot(tmp_path, CONFIRM_PEOPLE=PEOPLE | {"carol": ["slack:UCAROL"]}, LOOPBACK_NETWORK="slackv3") as talk:
        talk.carol.says("!tell web1")
        asked = talk.prompt()
        refused = 0
        for event in events:
            for text in ("!tell web2", f"!confirm {asked}", f"!deny {asked}", f"!cancel {asked}", "!confirm me"):
                talk.quiet()  # what is said next is said by an app
                talk.bot.event = event
                talk.bob.says(text)
                talk.hears("bots and webhooks cannot ask or answer here")
                talk.bot.event = {}
                refused += 1
        assert (len(talk.executions()), talk.execution(asked).votes) == (1, ())
        print(f"\nsaid by apps {5 * len(events)}, refused {refused}")
        talk.bob.says(f"!confirm {asked}")
        talk.hears(f"{asked} confirmed by `bob`")
