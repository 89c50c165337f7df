"""On a real chat network: several people with clients of their own, told directly, each with a token, and choices."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from irc_network import BOT, Bot, Person, Server, a_server, an_irc_bot, ran
from talk import write_files

FILES = {
    # Keeps its arguments and the people's answers in the file `ran`.
    "answers": """#!/usr/bin/python3 -IS
import json, os, sys
answers = json.loads(os.environ["CONFIRM_ANSWERS"])
with open("ran", "a") as file: print(json.dumps([*sys.argv[1:], *answers]), file=file)
""",
    "actions/resize.yaml": """
name: resize
parameters: {what: {type: string, required: true}}
run: {command: [./answers, resize, "{{ what }}"]}
""",
    "aliases/pay.yaml": """
name: pay
formats: ["pay {{what}}"]
run: {command: [./answers, pay, "{{ what }}"]}
confirm:
  by: [bob, carol, dave]
  need: all
  within: 1h
  ask: {dm: true}
  question: {text: "Your output?", type: json}
""",
    "aliases/idle.yaml": """
name: idle
formats: ["idle {{what}}"]
run: {command: [./answers, stop, "{{ what }}"]}
confirm:
  by: [bob, carol]
  within: 3d
  choices:
    Approve: {sure: true}
    Dismiss: {deny: true}
    Snooze: {after: 1s}
    Resize: {run: resize, question: {text: "How many CPUs?", type: number}}
""",
    "aliases/plain.yaml": """
name: plain
formats: ["plain {{what}}"]
run: {command: [./answers, plain, "{{ what }}"]}
confirm: {by: [bob, carol], retry: {count: 2, delay: 500ms}, choices: default}
""",
    "aliases/two.yaml": """
name: two
formats: ["two {{what}}"]
run: {command: [./answers, two, "{{ what }}"]}
confirm: {by: "@sre", need: 2, within: 1h, deny: {by: same, need: 2}}
""",
}
HOSTS = {"alice": "127.0.0.2", "bob": "127.0.0.3", "mallory": "127.0.0.4", "carol": "127.0.0.5", "dave": "127.0.0.6"}
PEOPLE = {nick: [f"irc:{nick}!{nick[0]}@{HOSTS[nick]}"] for nick in ("alice", "bob", "carol", "dave")}
GROUPS = {"sre": ["bob", "carol", "dave"]}
APPROVERS = ("bob", "carol", "dave")
KEY = r"^!confirm ([0-9a-z]{8}-[0-9a-z]{8})\b"

People = dict[str, Person]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with a_server() as server:
        yield server


@pytest.fixture(scope="module")
def one_bot(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Bot]:
    folder = tmp_path_factory.mktemp("irc_policies")
    write_files(folder, FILES)
    with an_irc_bot(folder, server, CONFIRM_PEOPLE=PEOPLE, CONFIRM_GROUPS=GROUPS) as bot:
        yield bot


@pytest.fixture
def bot(one_bot: Bot) -> Bot:
    (one_bot.folder / "ran").unlink(missing_ok=True)
    return one_bot


@pytest.fixture
def people(server: Server, bot: Bot) -> Iterator[People]:
    """Give everybody with a client of their own, who leave at the end."""
    with ExitStack() as leaving:
        everybody = {nick: Person(nick, nick[0], host, server) for nick, host in HOSTS.items()}
        for person in everybody.values():
            leaving.callback(person.leaves)
        yield everybody


def told_directly(people: People) -> tuple[str, dict[str, str]]:
    """Wait until each approver was told; return the id, and for each the id with a token of their own."""
    keys = {nick: people[nick].hears(KEY, nick)[1] for nick in APPROVERS}
    (asked,) = {key.partition("-")[0] for key in keys.values()}
    return asked, keys


def ask(people: People, text: str) -> str:
    """Let Alice ask for something that has choices; return the id of its prompt in the room."""
    people["alice"].says(text)
    return people["alice"].hears(r"^!deny ([0-9a-z]{8})$")[1]


# Parallel approval, as with AWS Step Functions


def test_three_are_told_directly_with_a_token_each_and_what_they_answer_reaches_what_runs(
    people: People, bot: Bot
) -> None:
    """In the room nobody can read a token, and it runs once, after the last of them."""
    people["alice"].says("!pay 4711")
    asked, keys = told_directly(people)
    assert len({*keys.values()}) == 3
    assert not any(key in text for key in keys.values() for _, text in people["mallory"].heard)
    outputs = {"bob": {"approved": True}, "carol": ["ok", 2.5], "dave": "with € and 'quotes'"}
    for nick, output in outputs.items():
        assert ran(bot) == []
        people[nick].says(f"!confirm {keys[nick]} {json.dumps(output, ensure_ascii=False)}", BOT)
        people[nick].hears(asked, nick)
    people["alice"].hears(f"^alice {asked} succeeded")
    ((_, _, *answers),) = ran(bot)
    assert {answer["person"]: answer["answer"] for answer in answers} == outputs


def test_the_first_refusal_ends_it_and_the_others_are_told(people: People, bot: Bot) -> None:
    people["alice"].says("!pay 4712")
    asked, keys = told_directly(people)
    people["bob"].says(f"!confirm {keys['bob']} {{}}", BOT)
    people["bob"].hears(asked, "bob")
    people["carol"].says(f"!deny {asked} wrong account", BOT)
    for nick in ("bob", "dave"):
        people[nick].hears(f"{asked}.*denied by carol: wrong account", nick)
    people["alice"].hears(f"^alice {asked} denied by carol: wrong account; nothing ran$")
    people["dave"].says(f"!confirm {keys['dave']} {{}}", BOT)
    people["dave"].hears(f"^{asked} was already denied by carol", "dave")
    assert ran(bot) == []


def test_a_token_is_worth_nothing_in_another_hand_and_a_hand_nothing_without_it(people: People, bot: Bot) -> None:
    people["alice"].says("!pay 4713")
    asked, keys = told_directly(people)
    for nick, said in (("mallory", keys["bob"]), ("bob", keys["carol"]), ("carol", asked), ("alice", keys["dave"])):
        people[nick].says(f"!confirm {said} {{}}", BOT)
        people[nick].hears(asked, nick)
    people["bob"].says(f"!confirm {keys['bob']} {{}}", BOT)
    people["bob"].hears(asked, "bob")
    people["alice"].says(f"!cancel {asked}")
    people["alice"].hears(f"{asked} canceled")
    assert ran(bot) == []


# Choices, as with OpenOps


def test_a_choice_with_a_question_runs_another_action_with_the_answer(people: People, bot: Bot) -> None:
    asked = ask(people, "!idle i-1")
    for said in ("Resize", "Resize many", "Sideways"):
        people["bob"].says(f"!confirm {asked} {said}")
        people["bob"].hears(f"{asked} ")
    assert ran(bot) == []
    people["bob"].says(f"!confirm {asked} resize 4")
    people["alice"].hears(f"^alice {asked} succeeded")
    ((action, what, answer),) = ran(bot)
    assert (action, what) == ("resize", "i-1")
    assert (answer["person"], answer["choice"], answer["answer"]) == ("bob", "Resize", 4)


def test_who_snoozes_is_asked_again_and_who_is_sure_lets_it_run(people: People, bot: Bot) -> None:
    asked = ask(people, "!idle i-2")
    people["bob"].says(f"!confirm {asked} Snooze")
    people["alice"].hears(f"^{asked} snoozed by bob")
    people["alice"].hears(f"^{asked} was snoozed, and is asked again")
    people["carol"].says(f"!confirm {asked} Approve")
    people["carol"].hears(f"^{asked}: are you sure")
    assert ran(bot) == []
    people["carol"].says(f"!confirm {asked} Approve yes")
    people["alice"].hears(f"^alice {asked} succeeded")
    assert [each[:2] for each in ran(bot)] == [["stop", "i-2"]]


def test_of_the_default_choices_one_ends_it_and_time_may_run_out(people: People, bot: Bot) -> None:
    dismissed = ask(people, "!idle i-3")
    people["bob"].says(f"!confirm {dismissed} Dismiss")
    people["alice"].hears(f"^alice {dismissed} denied by bob")
    brief = ask(people, "!plain i-4")
    people["alice"].hears(f"^alice {brief} expired")
    people["bob"].says(f"!confirm {brief} Approve")
    people["bob"].hears(f"^{brief} expired at")
    assert ran(bot) == []


# Groups


def test_two_of_a_group_confirm_and_a_second_nick_is_not_a_second_person(
    people: People, bot: Bot, server: Server
) -> None:
    """Anybody may take one more nick here; only who is listed counts."""
    people["alice"].says("!two 1")
    asked, _ = people["alice"].prompt()
    people["bob"].says(f"!confirm {asked}")
    people["alice"].hears(f"^{asked} confirmed by bob; needs 1 more of @sre")
    second = Person("bob_", "b", HOSTS["bob"], server)
    second.says(f"!confirm {asked}")
    second.hears(f"^{asked} is not yours to confirm")
    second.leaves()
    people["mallory"].says(f"!confirm {asked}")
    people["mallory"].hears(f"^{asked} is not yours to confirm")
    assert ran(bot) == []
    people["carol"].says(f"!confirm {asked}")
    people["alice"].hears(f"^alice {asked} succeeded")
    assert [each[:2] for each in ran(bot)] == [["two", "1"]]
