"""Who may answer what, how they may write it, and the sentence for each answer that changes nothing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from err_confirm.store.base import Record, Swap
from servers import RedisServer, eventually
from talk import Talk, a_bot, write_files

EVERYBODY = {"alice", "bob", "carol", "mallory"}
MAY_CONFIRM = {
    "requester": {"alice"},
    "others": EVERYBODY - {"alice"},
    "anyone": EVERYBODY,
    "[bob, carol]": {"bob", "carol"},
}
"""`by`, and who may confirm what alice asks for."""

MAY_DENY = {"same": set(), "anyone": EVERYBODY, "[carol]": {"carol"}}
"""`deny`, and who may deny beside those whom `same` means."""

FILES = {
    # Runs until the file `go` is there.
    "hold": "#!/bin/sh\nwhile ! [ -e go ]; do sleep 0.02; done\n",
    "aliases/hold.yaml": "{name: hold, formats: [hold], run: {command: [./hold]}, confirm: {by: anyone}}",
    "aliases/mine.yaml": "{name: mine, formats: [mine], run: {command: [echo, done]}, confirm: {within: 10m}}",
    "aliases/bobs.yaml": """
name: bobs
formats: [bobs]
run: {command: [echo, done]}
confirm: {by: [bob, carol], within: 10m}
""",
    "aliases/brief.yaml": """
name: brief
formats: ["brief {{it}}"]
run: {command: [echo, "{{ it }}"]}
confirm: {by: anyone, retry: {count: 2, delay: 100ms}}
""",
    **{
        f"aliases/matrix_{number}.yaml": f"""
name: matrix_{number}
formats: ["matrix {number}"]
run: {{command: ['true']}}
confirm: {{by: {by}, deny: {{by: {deny}}}, within: 10m}}
"""
        for number, (by, deny) in enumerate((by, deny) for by in MAY_CONFIRM for deny in MAY_DENY)
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("answers")


@pytest.fixture(scope="module")
def one_bot(folder: Path) -> Iterator[Talk]:
    write_files(folder, FILES)
    people = {name: [f"text:{name}"] for name in EVERYBODY} | {"alice": ["text:alice", "text:alice2"]}
    with a_bot(folder, CONFIRM_PEOPLE=people) as talk:
        yield talk


def asks(talk: Talk, text: str = "mine", room: str | None = "#ops") -> str:
    """Let alice ask for something; return its id."""
    talk.alice.says(f"!{text}", room)
    return talk.prompt()


@pytest.mark.parametrize(
    "said",
    [
        "!confirm {id}",
        "! confirm {id}",
        "!Confirm {id}",
        "!CONFIRM {ID}",
        "!confirm {ID}",
        "!confirm {id:.4}",
        "!confirm {ID:.6}",
        "!confirm `{id}`",
        "!confirm **{id}**",
        "!confirm *{id}*",
        "!confirm _{id}_",
        '!confirm "{id}"',
        "!confirm '{id}'",
        "!confirm \u201c{id}\u201d",
        "!confirm <{id}>",
        "!confirm {id}.",
        "!confirm #{id}",
        "!confirm !confirm {id}",
        "!confirm ! Confirm {id}",
        "!confirm   {id}  ",
        "!confirm\n{id}",
    ],
)
def test_an_id_is_understood_as_people_write_it(talk: Talk, said: str) -> None:
    asked = asks(talk)
    talk.alice.says(said.format(id=asked, ID=asked.upper()))
    talk.hears(f"^{asked} confirmed by alice, running$", "#ops")


@pytest.mark.parametrize(
    "said",
    [
        "confirm {id}\n!deny {id}",
        "confirm {id}\n `!deny {id}`",
        "confirm {id} !Cancel {id}",
        "Deny {id}\n!confirm {id}",
        "deny {id}\n!deny {other}",
        "deny {id} {other}",
        "cancel {id} and {other}",
    ],
)
def test_two_answers_in_one_message_are_refused_and_neither_counts(talk: Talk, said: str) -> None:
    """Both lines of a prompt are easily copied at once; what stood behind the first was taken for its reason."""
    asked, other = asks(talk), asks(talk, "bobs")
    talk.alice.says(f"!{said.format(id=asked, other=other)}")
    talk.hears(rf"\A(nothing was done: .* more than one answer|say which one:\n!\w+ {asked}\n!\w+ {other}\Z)")
    assert {talk.execution(each).state for each in (asked, other)} == {"pending"}


def test_a_letter_that_only_looks_like_one_of_ours_makes_no_command_of_ours(talk: Talk) -> None:
    """A dotless i is an i in any case, and the message was dropped in silence."""
    talk.alice.says("!conf\u0131rm 00000000")
    talk.hears('Did you mean "!confirm')


@pytest.mark.parametrize("verb", ["deny", "Deny", "cancel", "Cancel"])
def test_every_answer_is_understood_in_any_case(talk: Talk, verb: str) -> None:
    asked = asks(talk)
    talk.alice.says(f"!{verb} `{asked.upper()}` Not Now")
    talk.hears(f"^.*{asked} (denied|canceled) by alice: Not Now; nothing ran$", "#ops")


@pytest.mark.parametrize("said", ["confirm me", "Confirm me", "CONFIRM ME", "confirm Me"])
@pytest.mark.parametrize("room", ["#ops", None])
def test_people_can_see_who_they_are(talk: Talk, said: str, room: str | None) -> None:
    talk.alice2.says(f"!{said}", room)
    talk.hears("^you are text:alice2, known here as alice$")
    talk.stranger.says(f"!{said}", room)
    talk.hears("^you are text:stranger, on nobody's list yet: .*CONFIRM_PEOPLE$")


def test_look_and_list_are_understood_in_any_case(talk: Talk) -> None:
    asked = asks(talk)
    talk.bob.says("!Pending")
    talk.hears(f"^{asked} mine asked by alice · 9 min [0-9]+ s left · mine$|^{asked} mine asked by alice · 10 min left")
    talk.bob.says(f"!Show {asked}")
    talk.hears(
        rf"\A{asked} pending · mine asked by alice at .*said: mine\nruns: echo done\n"
        rf"must confirm: whoever asked within 10 min · may deny: whoever asked\n.*^!confirm {asked}\n!deny {asked}\Z"
    )
    talk.bob.says("!Executions")
    talk.hears(f"^[0-9:]+ UTC {asked} pending · mine by alice$")


class TestEachHasASentenceOfItsOwn:
    def test_an_unknown_id(self, talk: Talk) -> None:
        talk.alice.says("!confirm 00000000")
        talk.hears(r"\Athere is no execution 00000000, or it ended more than a day ago; see !pending\Z")

    @pytest.mark.parametrize("reference", ["abc", "not-an-id", "00000000000", "`**`"])
    def test_no_id_at_all(self, talk: Talk, reference: str) -> None:
        talk.alice.says(f"!confirm {reference}")
        talk.hears(r"\A.+ is no execution here; see !pending\Z")
        assert talk.heard[-1][1].startswith(reference)

    def test_an_ambiguous_prefix(self, talk: Talk) -> None:
        asked = asks(talk)
        talk.quiet()
        execution = talk.execution(asked)
        twin = replace(execution, id=execution.id[:4] + ("zzzz" if execution.id[4:] != "zzzz" else "yyyy"))
        record = Record(twin.id, 1, "twin", b"")
        talk.service.store.swap(Swap(record=record, keep_until=execution.expires_at))
        talk.alice.says(f"!deny {execution.id[:4]}")
        talk.hears(r"\A(\w{4}) could be\n!deny \1\w{4}\n!deny \1\w{4}\Z")
        assert talk.execution(execution.id) == execution

    def test_an_expired_one(self, talk: Talk) -> None:
        asked = asks(talk, "brief x")
        talk.hears(f"{asked} expired")
        talk.alice.says(f"!confirm {asked}")
        talk.hears(rf"\A{asked} expired at [0-9:]+ UTC and nothing ran; ask again: !brief x\Z")

    def test_one_that_was_denied(self, talk: Talk) -> None:
        asked = asks(talk, "bobs")
        talk.bob.says(f"!deny {asked}")
        talk.hears("denied by bob")
        for person, verb in [(talk.carol, "confirm"), (talk.carol, "deny"), (talk.alice, "cancel")]:
            person.says(f"!{verb} {asked}")
            talk.hears(rf"\A{asked} was already denied by bob; see !show {asked}\Z")

    def test_one_that_was_canceled(self, talk: Talk) -> None:
        asked = asks(talk, "bobs")
        talk.alice.says(f"!cancel {asked}")
        talk.hears("canceled by alice")
        talk.bob.says(f"!confirm {asked}")
        talk.hears(rf"\A{asked} was already canceled by alice; see !show {asked}\Z")

    def test_one_that_runs_and_one_that_has_run(self, talk: Talk, folder: Path) -> None:
        asked = asks(talk, "hold")
        talk.alice.says(f"!confirm {asked}")
        talk.hears(f"{asked} confirmed by alice, running")
        for person, verb in [(talk.bob, "confirm"), (talk.bob, "deny"), (talk.alice, "cancel")]:
            person.says(f"!{verb} {asked}")
            talk.hears(rf"\A{asked} is already running, since [0-9:]+ UTC; to stop it, say !abort {asked}\Z")
        talk.alice.says(f"!confirm {asked}")
        talk.hears(rf"\Ayou already confirmed {asked}; it is running; see !show {asked}\Z")
        (folder / "go").touch()
        talk.hears(f"{asked} succeeded")
        for person, verb in [(talk.bob, "confirm"), (talk.bob, "deny"), (talk.alice, "cancel")]:
            person.says(f"!{verb} {asked}")
            talk.hears(rf"\A{asked} has already run: succeeded at [0-9:]+ UTC; see !show {asked}\Z")

    def test_not_yours(self, talk: Talk) -> None:
        asked = asks(talk, "bobs")
        for verb in ("confirm", "deny"):
            talk.mallory.says(f"!{verb} {asked}")
            talk.hears(rf"\A{asked} is not yours to {verb}: bob or carol may; see !show {asked}\Z")
        talk.alice.says(f"!deny {asked}")
        talk.hears(rf"\A{asked} is not yours to deny: bob or carol may; you may take it back: !cancel {asked}\Z")
        talk.bob.says(f"!cancel {asked}")
        talk.hears(rf"\Aonly alice, who asked for {asked}, may cancel it; !deny {asked} says no to it\Z")
        assert talk.execution(asked).state == "pending"

    @pytest.mark.parametrize("verb", ["confirm", "deny", "cancel"])
    def test_you_already_did(self, talk: Talk, verb: str) -> None:
        asked = asks(talk)
        talk.alice.says(f"!{verb} {asked}")
        talk.hears(f"{asked} (succeeded|denied|canceled)")
        before = talk.ended(asked)
        for _ in range(3):
            talk.alice.says(f"!{verb} {asked}")
            talk.hears(rf"\Ayou already \w+ed {asked}; it (has succeeded|is denied|is canceled); see !show {asked}\Z")
        assert talk.execution(asked) == before


def test_who_may_answer_is_what_the_policy_says_and_nobody_else(talk: Talk) -> None:
    wrong = []
    counted: Counter[str] = Counter()
    policies = [(by, deny) for by in MAY_CONFIRM for deny in MAY_DENY]
    for number, (by, deny) in enumerate(policies):
        allowed = {
            "confirm": MAY_CONFIRM[by],
            "deny": MAY_CONFIRM[by] if deny == "same" else MAY_DENY[deny],
            "cancel": {"alice"},
        }
        for verb, person in [(verb, person) for verb in allowed for person in ("alice", "bob", "mallory")]:
            asked = asks(talk, f"matrix {number}")
            getattr(talk, person).says(f"!{verb} {asked}")
            told = talk.hears(f"{asked} (confirmed|denied|canceled|is not yours to)|(only) alice, who asked")
            refused = "only" in told.groups() or "is not yours to" in told.groups()
            state = talk.execution(asked).state
            counted[f"{verb} {'refused' if refused else 'taken'}"] += 1
            if refused is (person in allowed[verb]) or refused is not (state == "pending"):
                wrong.append((by, deny, person, verb, state))
    assert wrong == []
    assert counted == {
        **{"confirm taken": 21, "confirm refused": 15},
        **{"deny taken": 19, "deny refused": 17},
        **{"cancel taken": 12, "cancel refused": 24},
    }


@pytest.mark.parametrize("asked_in", ["#ops", None])
@pytest.mark.parametrize(("answered_in", "to"), [("#dev", "#dev"), (None, "@bob")])
def test_an_answer_from_elsewhere_is_answered_there_and_the_result_is_told_where_it_was_asked(
    talk: Talk, asked_in: str | None, answered_in: str | None, to: str
) -> None:
    asked = asks(talk, "bobs", asked_in)
    start = len(talk.heard)
    talk.bob.says(f"!confirm {asked}", answered_in)
    talk.hears(f"{asked} succeeded", asked_in or "@alice")
    talk.quiet()
    heard = [(where, text) for where, text in talk.heard[start:] if asked in text]
    assert [text for where, text in heard if where == to] == [f"{asked} confirmed; see !show {asked}"]
    told = [text for where, text in heard if where == (asked_in or "@alice")]
    assert told[0] == f"{asked} confirmed by bob, running"
    assert len(told) == 2


@pytest.mark.parametrize(("verb", "done"), [("deny", "denied"), ("cancel", "canceled")])
def test_a_no_from_elsewhere_is_told_where_it_was_asked(talk: Talk, verb: str, done: str) -> None:
    asked = asks(talk)
    start = len(talk.heard)
    talk.alice.says(f"!{verb} {asked} later", None)
    talk.hears(f"{asked} {done} by alice: later; nothing ran", "#ops")
    talk.quiet()
    assert ("@alice", f"{asked} {done}; see !show {asked}") in talk.heard[start:]


@pytest.mark.parametrize(("asked_in", "answered_in"), [("#ops", None), (None, "#ops"), ("#ops", "#dev")])
def test_one_name_in_a_room_and_in_a_direct_message_is_one_person(
    talk: Talk, asked_in: str | None, answered_in: str | None
) -> None:
    asked = asks(talk, "mine", asked_in)
    talk.alice.says(f"!confirm {asked}", answered_in)
    talk.hears(f"{asked} confirmed by alice, running", asked_in or "@alice")


def test_a_person_with_two_identities_is_one_person(talk: Talk) -> None:
    asked = asks(talk, "matrix 3")  # by others
    talk.alice2.says(f"!confirm {asked}")
    talk.hears(f"{asked} is not yours to confirm")
    mine = asks(talk)
    talk.alice2.says(f"!confirm {mine}", None)
    talk.hears(f"{mine} confirmed by alice, running", "#ops")
    talk.alice2.says("!mine", None)
    second = talk.hears(r"\A@alice  mine\n.*^!confirm (\w{8})$", "@alice2")[1]
    talk.alice.says(f"!confirm {second}", None)
    talk.hears(f"{second} confirmed by alice, running", "@alice2")


@pytest.mark.parametrize("name", ["Alice", "alice ", "@alice", "#ops/alice", "text:alice", "аlice"])
def test_a_name_that_only_looks_the_same_is_somebody_else(talk: Talk, name: str) -> None:
    asked = asks(talk)
    getattr(talk, name).says(f"!confirm {asked}")
    talk.hears(f"{asked} is not yours to confirm: whoever asked may")
    assert talk.execution(asked).votes == ()


class TestConfirmAlone:
    def test_names_ones_own_newest_prompt_in_the_same_room(self, talk: Talk) -> None:
        older = asks(talk, "matrix 0", "#alone")
        newer = asks(talk, "mine", "#alone")
        elsewhere = asks(talk, "mine", "#other")
        talk.alice.says("!confirm", "#alone")
        talk.hears(f"^{newer} confirmed by alice, running$", "#alone")
        assert {talk.execution(each).state for each in (older, elsewhere)} == {"pending"}

    def test_names_nothing_where_one_of_ones_own_has_just_ended(self, talk: Talk) -> None:
        ended = asks(talk, "mine", "#ended")
        talk.alice.says(f"!cancel {ended}", "#ended")
        talk.hears(f"{ended} canceled")
        talk.alice.says("!confirm", "#ended")
        talk.hears(r"\Asay which one: !confirm <id>; see !pending\Z")
        other = asks(talk, "mine", "#ended")
        talk.alice.says("!confirm", "#ended")
        talk.hears(rf"\Asay which one:\n!confirm {other}\Z")
        assert talk.execution(other).state == "pending"

    def test_is_not_for_what_somebody_else_asked_for(self, talk: Talk) -> None:
        asked = asks(talk, "bobs", "#theirs")
        talk.bob.says("!confirm", "#theirs")
        talk.hears(r"\Asay which one: !confirm <id>; see !pending\Z")
        talk.alice.says("!confirm", "#theirs")
        talk.hears(r"\Asay which one: !confirm <id>; see !pending\Z")
        assert talk.execution(asked).state == "pending"

    @pytest.mark.parametrize(("verb", "done"), [("deny", "denied"), ("cancel", "canceled")])
    def test_holds_for_the_other_answers(self, talk: Talk, verb: str, done: str) -> None:
        asked = asks(talk, "mine", f"#{verb}")
        talk.alice.says(f"!{verb}", f"#{verb}")
        talk.hears(f"{asked} {done} by alice; nothing ran")


def test_the_bot_starts_without_its_store_says_so_and_works_when_it_is_there(
    own_redis_server: RedisServer, tmp_path: Path
) -> None:
    write_files(tmp_path, FILES)
    unsaved = r"\Athe store does not answer, so this is not known to be saved: .*\nsay it again; it counts once\Z"
    unasked = r"\Athe store does not answer, so this is not known to be asked for: .*\nbefore you say it again, look at"
    with a_bot(tmp_path, CONFIRM_STORE=own_redis_server.url) as talk:
        talk.alice.says("!mine")
        talk.hears(unasked, "#ops")
        for said in ("confirm 7f3kq2xa", "confirm", "deny 7f3kq2xa"):
            talk.alice.says(f"!{said}")
            talk.hears(unsaved, "#ops")
        for said in ("pending", "show 7f3kq2xa", "executions"):
            talk.alice.says(f"!{said}")
            talk.hears(r"\Athe store does not answer: .*\nsay it again in a moment\Z", "#ops")
        own_redis_server.start()
        asked = asks(talk)
        talk.alice.says("!confirm")
        talk.hears(f"{asked} confirmed by alice, running")
        talk.hears(f"{asked} succeeded")


def test_a_store_that_freezes_is_said_and_what_is_said_again_counts_once(
    own_redis_server: RedisServer, tmp_path: Path
) -> None:
    write_files(tmp_path, FILES)
    own_redis_server.start()
    with a_bot(tmp_path, CONFIRM_STORE=own_redis_server.url) as talk:
        asked = asks(talk)
        own_redis_server.freeze()
        talk.alice.says(f"!confirm {asked}")
        talk.hears(r"\Athe store does not answer")
        own_redis_server.thaw()
        talk.alice.says(f"!confirm {asked}")
        eventually(lambda: talk.execution(asked).state == "succeeded")
        talk.hears(f"{asked} succeeded")
        talk.quiet()
        assert sum("confirmed by alice, running" in text for text in talk.texts()) == 1
        assert talk.execution(asked).fence == 1


def test_a_store_that_comes_back_empty_knows_nothing_and_the_bot_goes_on(
    own_redis_server: RedisServer, tmp_path: Path
) -> None:
    write_files(tmp_path, FILES)
    own_redis_server.start()
    with a_bot(tmp_path, CONFIRM_STORE=own_redis_server.url) as talk:
        asked = asks(talk)
        own_redis_server.kill()
        talk.alice.says(f"!confirm {asked}")
        talk.hears(r"\Athe store does not answer")
        own_redis_server.start()
        talk.alice.says(f"!confirm {asked}")
        talk.hears(f"there is no execution {asked}")
        again = asks(talk)
        talk.alice.says(f"!confirm {again}")
        talk.hears(f"{again} succeeded")
