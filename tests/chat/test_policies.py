"""The ten policies of docs/policies.md, as it has them: who is let in, who is not, how often each runs."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from docs_pages import DOCS, blocks
from docs_walk import CONFIG, FILE
from err_confirm.answers.otp import codes
from err_confirm.model.executions import Notice, State
from servers import eventually
from talk import Talk, a_bot, write_files

BLOCKS = blocks(DOCS / "policies.md")
FILES = {named[1]: block.text for block in BLOCKS if (named := FILE.search(block.text))}
GUARD = {"aliases/prod.yaml": "{commands: ['Utils:echo deploy*'], confirm: {by: '@sre', need: 2, within: 1h}}"}
NAMES = ("alice", "bob", "carol", "mallory")


def settings() -> dict[str, Any]:
    """Return the people and groups of the page, and Mallory, who is in none of them."""
    (config,) = (block.text for block in BLOCKS if block.text.startswith(CONFIG))
    names: dict[str, Any] = {"CONFIRM_PEOPLE": {name: [f"text:{name}"] for name in NAMES}}
    exec(config, names)
    return {name: value for name, value in names.items() if name.startswith("CONFIRM_")}


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("policies")
    write_files(folder, FILES | GUARD)
    with a_bot(folder, **settings()) as talk:
        yield talk


def asks(talk: Talk, text: str) -> str:
    """Let Alice ask for something; return the id of its prompt in the room."""
    talk.alice.says(text)
    asked = talk.hears(r"^!deny ([0-9a-hjkmnp-tv-z]{8})$", "#ops")[1]
    eventually(lambda: talk.execution(asked).posted)
    return asked


def says(talk: Talk, person: str, text: str, room: str | None = "#ops") -> None:
    """Let somebody say something, and wait until the bot has heard it."""
    getattr(talk, person).says(text, room)
    talk.quiet()


def votes(talk: Talk, asked: str) -> list[str]:
    """Return who has said what: `bob approve`."""
    return [f"{vote.person} {vote.verdict}" for vote in talk.execution(asked).votes]


def waits(talk: Talk, asked: str, *said: str) -> bool:
    """Tell whether it waits with these votes, and has not run."""
    execution = talk.execution(asked)
    return (execution.state, execution.fence, votes(talk, asked)) == (State.PENDING, 0, [*said])


def ran_once(talk: Talk, asked: str, output: str) -> bool:
    """Tell whether it has run once, with this output."""
    execution = talk.ended(asked)
    assert execution.outcome is not None
    return (execution.state, execution.fence, execution.outcome.output.strip()) == (State.SUCCEEDED, 1, output)


def never_ran(talk: Talk, asked: str, state: State) -> bool:
    """Tell whether it has come to this end without ever running."""
    execution = talk.ended(asked)
    return (execution.state, execution.fence) == (state, 0)


def test_whoever_asked_alone_confirms(talk: Talk) -> None:
    """The first policy: nobody else, not even of a group."""
    asked = asks(talk, "!reindex orders")
    for other in ("bob", "erin", "mallory"):
        says(talk, other, f"!confirm {asked}")
    assert waits(talk, asked)
    says(talk, "alice", f"!confirm {asked}")
    assert ran_once(talk, asked, "would build orders anew")
    assert votes(talk, asked) == ["alice approve"]


@pytest.mark.parametrize("other", ["bob", "mallory"])
def test_anybody_but_who_asked_confirms(talk: Talk, other: str) -> None:
    """The second: it does not matter whose eyes it is."""
    asked = asks(talk, "!drain web01")
    says(talk, "alice", f"!confirm {asked}")
    assert waits(talk, asked)
    says(talk, other, f"!confirm {asked}")
    assert ran_once(talk, asked, "would drain web01")


def test_two_of_a_team_confirm_and_one_doubt_does_not_end_it(talk: Talk) -> None:
    """The third: the same person twice is one, who is not in the team is none, and the team's no counts in twos."""
    asked = asks(talk, "!failover orders")
    for person in ("bob", "bob", "erin", "mallory", "alice"):
        says(talk, person, f"!confirm {asked}")
    assert waits(talk, asked, "bob approve")
    says(talk, "carol", f"!deny {asked} the replica is behind")
    says(talk, "mallory", f"!deny {asked}")
    assert waits(talk, asked, "bob approve", "carol deny")
    says(talk, "dave", f"!confirm {asked}")
    assert ran_once(talk, asked, "would fail orders over")


def test_two_doubts_end_it(talk: Talk) -> None:
    """And who has changed their mind to a yes doubts no more."""
    asked = asks(talk, "!failover users")
    for person, verb in (("bob", "deny"), ("bob", "confirm"), ("carol", "deny")):
        says(talk, person, f"!{verb} {asked}")
    assert waits(talk, asked, "bob approve", "carol deny")
    says(talk, "dave", f"!deny {asked}")
    assert never_ran(talk, asked, State.DENIED)


@pytest.mark.parametrize("first", ["bob", "carol", "erin"])
def test_a_peer_and_a_lead_are_two_people(talk: Talk, first: str) -> None:
    """The fourth: Bob, who is both, is one of them, whoever comes first."""
    asked = asks(talk, "!resize orders to xl")
    says(talk, first, f"!confirm {asked}")
    says(talk, first, f"!confirm {asked}")
    assert waits(talk, asked, f"{first} approve")
    says(talk, "erin" if first == "carol" else "dave" if first == "erin" else "carol", f"!confirm {asked}")
    assert ran_once(talk, asked, "would make orders xl")


def test_two_peers_are_no_lead(talk: Talk) -> None:
    """However many of them agree."""
    asked = asks(talk, "!resize users to xl")
    for person in ("carol", "dave"):
        says(talk, person, f"!confirm {asked}")
    assert talk.execution(asked).state is State.PENDING
    says(talk, "erin", f"!deny {asked} too dear")
    assert never_ran(talk, asked, State.DENIED)


def test_the_release_manager_comes_after_quality_assurance_each_with_a_time_of_their_own(talk: Talk) -> None:
    """The fifth: who comes too early is told so, and nothing is counted."""
    asked = asks(talk, "!release 2.4")
    first = talk.execution(asked)
    assert first.expires_at - first.stage_at == 4 * 3_600
    says(talk, "erin", f"!confirm {asked}")
    assert waits(talk, asked)
    says(talk, "frank", f"!confirm {asked}")
    assert waits(talk, asked, "frank approve")
    second = talk.execution(asked)
    assert (second.stage, second.expires_at - second.stage_at) == (1, 24 * 3_600)
    says(talk, "frank", f"!confirm {asked}")
    assert talk.execution(asked).state is State.PENDING
    says(talk, "erin", f"!confirm {asked}")
    assert ran_once(talk, asked, "would release 2.4")


def told_directly(talk: Talk, *people: str) -> dict[str, str]:
    """Wait until each of these was told directly; return what each must say: the id and a token of their own."""
    return {person: talk.hears(r"^!confirm (\w{8}-\w{8})$", f"@{person}")[1] for person in people}


def test_each_of_three_people_is_told_and_what_they_say_reaches_the_action(talk: Talk) -> None:
    """The sixth: as data, and it runs once, after the last of them."""
    talk.alice.says("!close books of May")
    keys = told_directly(talk, "bob", "carol", "erin")
    asked = keys["bob"].partition("-")[0]
    assert len({*keys.values()}) == 3
    totals = {"bob": {"open": 0}, "carol": {"open": 2, "late": ["ACME"]}, "erin": {"open": 1}}
    for number, (person, said) in enumerate(totals.items()):
        assert len(talk.execution(asked).votes) == number
        assert talk.execution(asked).state is State.PENDING
        says(talk, person, f"!confirm {keys[person]} {json.dumps(said)}", None)
    ended = talk.ended(asked)
    assert (ended.state, ended.fence) == (State.SUCCEEDED, 1)
    before, _, answers = ended.outcome.output.partition(": ")
    assert before == "would close May"
    assert {answer["person"]: answer["answer"] for answer in json.loads(answers)} == totals


def test_the_first_refusal_ends_it_for_all_three(talk: Talk) -> None:
    """And a yes that comes later counts nothing."""
    talk.alice.says("!close books of June")
    keys = told_directly(talk, "bob", "carol", "erin")
    asked = keys["bob"].partition("-")[0]
    says(talk, "bob", f'!confirm {keys["bob"]} {{"open": 0}}', None)
    says(talk, "carol", f"!deny {asked} ACME has not paid", None)
    assert never_ran(talk, asked, State.DENIED)
    says(talk, "erin", f'!confirm {keys["erin"]} {{"open": 0}}', None)
    assert never_ran(talk, asked, State.DENIED)
    assert votes(talk, asked) == ["bob approve", "carol deny"]


def test_without_the_token_or_without_json_nothing_is_counted(talk: Talk) -> None:
    """Whatever else is right; and somebody else's token is none."""
    talk.alice.says("!close books of July")
    keys = told_directly(talk, "bob", "carol", "erin")
    asked = keys["bob"].partition("-")[0]
    for said in (f"!confirm {asked} {{}}", f"!confirm {keys['carol']} {{}}", f"!confirm {keys['bob']} some"):
        says(talk, "bob", said, None)
    assert waits(talk, asked)
    says(talk, "alice", f"!cancel {asked}")
    assert never_ran(talk, asked, State.CANCELED)


def test_another_choice_runs_another_action_with_an_answer_once_somebody_is_sure(talk: Talk) -> None:
    """The seventh: each thing that lacks is asked for, and nothing is counted until it is there."""
    asked = asks(talk, "!flush mails")
    for said in ("workers", "workers four", "workers 4", "sideways"):
        says(talk, "bob", f"!confirm {asked} {said}")
        assert waits(talk, asked), said
    says(talk, "bob", f"!confirm {asked} workers 4 yes")
    ended = talk.ended(asked)
    assert (ended.state, ended.fence, ended.choice) == (State.SUCCEEDED, 1, "workers")
    before, _, answers = ended.outcome.output.partition(": ")
    assert before == "would add workers to mails"
    assert [(answer["choice"], answer["answer"]) for answer in json.loads(answers)] == [("workers", 4)]


def test_each_choice_does_what_it_says(talk: Talk) -> None:
    """It runs, or it ends, or it is asked again later with the whole of its time."""
    approved, dismissed, snoozed = (asks(talk, f"!flush {queue}") for queue in ("a", "b", "c"))
    says(talk, "bob", f"!confirm {approved} approve")
    assert ran_once(talk, approved, "would flush a")
    says(talk, "bob", f"!confirm {dismissed} dismiss")
    assert never_ran(talk, dismissed, State.DENIED)
    before = talk.execution(snoozed)
    says(talk, "bob", f"!confirm {snoozed} snooze")
    later = talk.execution(snoozed)
    assert (later.state, later.fence, later.notice) == (State.PENDING, 0, Notice.SNOOZE)
    assert later.ask_again_at is not None
    assert 3_600 <= later.expires_at - later.ask_again_at <= later.expires_at - before.expires_at + 3_600


def test_the_choices_that_are_usual_have_one_word(talk: Talk) -> None:
    asked = asks(talk, "!prune eu1")
    says(talk, "bob", f"!confirm {asked} snooze")
    later = talk.execution(asked)
    assert (later.state, later.notice, later.ask_again_at is None) == (State.PENDING, Notice.SNOOZE, False)
    says(talk, "bob", f"!confirm {asked} approve")
    assert ran_once(talk, asked, "would prune eu1")


def test_who_is_called_when_nobody_answers_may_answer_from_then_on(talk: Talk) -> None:
    """The eighth: not before; and who was asked first still may."""
    asked = asks(talk, "!rotate keys of shop")
    says(talk, "erin", f"!confirm {asked}")
    assert waits(talk, asked)
    talk.hears("@bob @erin", "#ops")
    assert talk.execution(asked).escalated == (0,)
    talk.hears("still waits", "#ops")
    assert talk.execution(asked).reminded
    says(talk, "erin", f"!confirm {asked}")
    assert ran_once(talk, asked, "would give shop new keys")


def test_only_in_production_somebody_must_confirm_with_a_second_factor(talk: Talk) -> None:
    """The ninth: elsewhere nobody is asked; there, no answer counts without the code of the person who gives it."""
    talk.alice.says("!migrate orders staging")
    at_once = talk.hears(r"^(\w{8}) running: echo 'would migrate orders in staging'", "#ops")[1]
    assert ran_once(talk, at_once, "would migrate orders in staging")
    assert talk.execution(at_once).policy is None
    talk.bob.says("!confirm otp", None)
    secret = talk.hears(r"secret: `*([A-Z2-7]{32})", "@bob")[1]
    first, second = list(codes(secret, time.time()).values())[1:]  # the one before may be over when it is looked at
    says(talk, "bob", f"!confirm otp {first}", None)
    asked = asks(talk, "!migrate orders prod")
    for person, said in (("bob", ""), ("bob", " 000000"), ("bob", f" {first}"), ("carol", f" {second}")):
        says(talk, person, f"!confirm {asked}{said}")
        assert waits(talk, asked), (person, said)
    says(talk, "bob", f"!confirm {asked} {second}")
    assert ran_once(talk, asked, "would migrate orders in prod")
    again = asks(talk, "!migrate orders dr")
    says(talk, "bob", f"!confirm {again} {second}")
    assert waits(talk, again)


def test_all_of_it_together_needs_four_people_a_ticket_and_the_host_at_night(talk: Talk) -> None:
    """The tenth, at an hour that is always night: two leads and two more; Bob, who is both, is one of them."""
    asked = asks(talk, "!drop db9")
    for said in ("", "db9", "OPS-4711 it is empty", "db8 OPS-4711", "db9 because I say so"):
        says(talk, "bob", f"!confirm {asked} {said}")
        assert waits(talk, asked), said
    for person in ("bob", "carol", "dave"):
        says(talk, person, f"!confirm {asked} db9 OPS-4711")
    assert waits(talk, asked, "bob approve", "carol approve", "dave approve")
    says(talk, "erin", f"!confirm {asked} db9 OPS-4711")
    assert ran_once(talk, asked, "would remove db9")
    assert {vote.reason for vote in talk.execution(asked).votes} == {"OPS-4711"}


def test_over_the_holidays_it_cannot_even_be_asked_for(talk: Talk) -> None:
    """And who asks reads why."""
    before = len(talk.executions())
    talk.alice.says("!drop db1")
    talk.hears("^nothing runs: .*db1 is frozen until 2 January", "#ops")
    assert len(talk.executions()) == before


def test_a_command_of_another_plugin_waits_for_two_of_a_group(talk: Talk) -> None:
    """Whoever asked is not one of them, also where they are in it."""
    talk.bob.says("!echo deploy shop")
    asked = talk.prompt("#ops")
    for person in ("bob", "mallory", "carol", "carol"):
        says(talk, person, f"!confirm {asked}")
    assert waits(talk, asked, "carol approve")
    says(talk, "dave", f"!confirm {asked}")
    assert ran_once(talk, asked, "deploy shop")
