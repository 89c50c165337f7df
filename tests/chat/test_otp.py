"""`!confirm otp` sets up a second factor, for the person alone; secrets and codes are in no log and kept nowhere."""

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from err_confirm.answers.otp import STEP, Proof, codes
from err_confirm.journal import ENROLLED, RESET, lines
from talk import Talk, a_bot, write_files

FILES = {
    "aliases/say.yaml": """
name: say
formats: [say]
run: {command: [echo, it]}
confirm: {by: anyone, otp: true, within: 1h}
""",
}
DONE = r"\Ayour codes are set up; where one is asked for, say !confirm <id> <code>\n"
SECRET = (
    r"\Ayour secret, shown this once; .*^ ?secret: (?P<secret>[A-Z2-7]{32})$.*otpauth://totp/err-confirm:(?P<who>\w+)\?"
)


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    write_files(tmp_path, FILES)
    with a_bot(tmp_path) as talk:
        yield talk


def shown(talk: Talk, secret: str, steps: int = 0) -> str:
    """Return the code that an app shows, so many steps from now."""
    now = talk.service.store.due(1)[1] + steps * STEP
    return codes(secret, now)[int(now // STEP)]


def begun(talk: Talk, person: str = "bob", said: str = "!confirm otp") -> str:
    getattr(talk, person).says(said, None)
    found = talk.hears(SECRET, f"@{person}")
    assert found["who"] == person
    return found["secret"]


def enrolled(talk: Talk, person: str = "bob") -> str:
    secret = begun(talk, person)
    getattr(talk, person).says(f"!confirm otp {shown(talk, secret, -1)}", None)
    talk.hears(DONE, f"@{person}")
    return secret


def test_a_person_sets_up_their_codes_alone_with_the_bot(talk: Talk) -> None:
    """As phones write it, too."""
    talk.bob.says("!confirm otp 123456", None)
    talk.hears(r"\Ayou have no codes set up; say !confirm otp to me alone\Z", "@bob")
    talk.bob.says("!confirm otp", None)
    secret = talk.hears(SECRET, "@bob")["secret"]
    talk.bob.says(f"!Confirm OTP {shown(talk, secret)}", None)
    talk.hears(DONE, "@bob")
    assert talk.service.second_factor.check("bob", shown(talk, secret, 1)).ok
    assert talk.service.second_factor.check("bob", shown(talk, secret, 1)).proof is Proof.USED
    talk.bob.says("!confirm otp", None)
    talk.hears(DONE, "@bob")
    told = [line.entry for line in lines(talk.service.store, talk.service.archive._seal)]
    assert [(entry.what, entry.who, entry.identity, entry.facts) for entry in told] == [
        (ENROLLED, "bob", "text:bob", {"person": "bob"})
    ]


def test_in_a_room_nothing_is_set_up_and_nothing_is_shown(talk: Talk) -> None:
    for said in ("!confirm otp", "!confirm otp 123456", "!Confirm Otp", "!confirm otp reset bob"):
        talk.bob.says(said)
        talk.hears(r"\Asay that to me alone: what belongs to it is for nobody else to read\Z", "#ops")
    assert not talk.service._shelf.all()
    assert not any("secret:" in text for text in talk.texts())


def test_who_is_on_nobodys_list_sets_up_nothing(talk: Talk) -> None:
    talk.dave.says("!confirm otp", None)
    talk.hears(r"\Aonly who is in CONFIRM_PEOPLE can set up codes; you are text:dave here", "@dave")
    talk.dave.says("!confirm otp 123456", None)
    talk.hears(r"\Aonly who is in CONFIRM_PEOPLE can set up codes; you are text:dave here", "@dave")


def test_codes_are_set_up_anew_with_a_code_of_now(talk: Talk) -> None:
    old = enrolled(talk)
    talk.bob.says("!confirm otp 12345x", None)
    talk.hears(r"\Athat is not the code of now\Z", "@bob")
    new = begun(talk, said=f"!confirm otp {shown(talk, old)}")
    assert new != old
    talk.bob.says(f"!confirm otp {shown(talk, old)}", None)
    talk.hears(r"\Athat code was used already; wait for the next one\Z", "@bob")
    talk.bob.says(f"!confirm otp {shown(talk, new)}", None)
    talk.hears(DONE, "@bob")


def test_guessing_stops_and_a_bot_admin_helps(talk: Talk) -> None:
    """The person is told, so that they know if it was not for them."""
    secret = enrolled(talk)
    taken = {shown(talk, secret, steps) for steps in range(-2, 9)}
    wrong = next(code for code in ("000000", "111111", "222222") if code not in taken)
    for number in range(5):
        talk.bob.says(f"!confirm otp {wrong}", None)
        talk.hears(r"not the code of now; no other is looked at until [0-9:]+ UTC\Z" if number == 4 else r"of now\Z")
    talk.bob.says(f"!confirm otp {shown(talk, secret, 1)}", None)
    talk.hears(r"\Atoo many wrong codes: none is looked at until [0-9:]+ UTC\Z", "@bob")
    talk.carol.says("!confirm otp reset bob", None)
    talk.hears(r"\Aonly a bot admin can reset codes\Z", "@carol")
    talk.alice.says("!confirm otp reset carol", None)
    talk.hears(r"\Acarol has no codes set up\Z", "@alice")
    talk.alice.says("!confirm otp reset bob", None)
    talk.hears(r"\Ayour codes were reset by alice, and count no more; say !confirm otp", "@bob")
    talk.hears(r"\Athe codes of bob are reset, and they were told\Z", "@alice")
    assert talk.service.second_factor.check("bob", shown(talk, secret, 1)).proof is Proof.NOT_ENROLLED
    told = [line.entry for line in lines(talk.service.store, talk.service.archive._seal)]
    assert [(entry.what, entry.who, entry.facts["person"]) for entry in told] == [
        (ENROLLED, "bob", "bob"),
        (RESET, "alice", "bob"),
    ]
    assert begun(talk) != secret


def test_a_bot_admin_does_not_reset_their_own_codes(talk: Talk) -> None:
    """Whoever has got hold of their account would else be rid of the second factor."""
    secret = enrolled(talk, "alice")
    talk.alice.says("!confirm otp reset alice", None)
    talk.hears(r"\Anobody resets their own codes: ask another bot admin, or say !confirm otp <code>", "@alice")
    assert talk.service.second_factor.check("alice", shown(talk, secret, 1)).ok
    talk.root.says("!confirm otp reset alice", None)
    talk.hears(r"\Athe codes of alice are reset, and they were told\Z", "@root")


def test_secrets_and_codes_are_in_one_message_and_nowhere_else(
    talk: Talk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in Errbot's log, at any level, nor in its history, in no file, journal or reply; answers with codes, too."""
    logging.getLogger().setLevel(logging.DEBUG)
    for name in ("errbot.core", "err_confirm"):
        caplog.set_level(logging.DEBUG, name)
    of_carol = enrolled(talk, "carol")
    secret = begun(talk)
    said = [shown(talk, secret, steps) for steps in (0, 1, 5)]
    said += [shown(talk, of_carol), "777 888", "424242", "434343", "454545"]
    talk.bob.says(f"!confirm otp {said[0]}", None)
    talk.hears(DONE)
    talk.bob.says(f"!Confirm otp {said[1]}", None)
    other = talk.hears(SECRET)["secret"]
    talk.bob.says(f"!CONFIRM OTP {said[2]}", None)
    talk.bob.says(f"!confirm  otp  {said[4]}", None)
    talk.bob.says(f"!confirm otp {said[5]}")
    talk.alice.says("!say")
    asked = talk.prompt("#ops")
    talk.carol.says(f"!confirm {asked} {said[6]}")
    talk.carol.says(f"!Confirm {asked} {said[3]}")
    talk.hears(f"{asked} succeeded")
    talk.bob.says(f"!confirm {asked} {said[7]}")
    talk.bob.says("!history")
    talk.alice.says(f"!show {asked}")
    talk.quiet()
    kept = [path.read_bytes().decode(errors="replace") for path in (tmp_path / "data").rglob("*") if path.is_file()]
    places = {
        "messages": talk.texts(),
        "files": kept,
        "log": [record.getMessage() for record in caplog.records],
        "history": [str(talk.bot.cmd_history)],
    }
    whole = {code: re.compile(rf"(?<![\w.]){code}(?!\w)") for code in said}  # not six digits of a moment or a digest
    found = [(place, code) for place in places for code in said if whole[code].search("\n".join(places[place]))]
    print(f"\nsecrets 3, codes {len(said)}, places {len(places)}, found {found}")
    assert found == []
    assert 'Processing command "confirm_otp" with parameters "…" from ' in caplog.text
    assert "*** text = !confirm otp …" in caplog.text
    for each in (of_carol, secret, other):
        assert [place for place, texts in places.items() if each in "\n".join(texts)] == ["messages"]
        assert sum(each in text for text in talk.texts()) == 1
    assert len(re.findall("secret: ", "\n".join(talk.texts()))) == 3


def test_without_the_package_the_admins_are_told_at_once_and_nothing_that_needs_a_code_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra, and a policy that asks for codes must not be the weaker for it."""
    monkeypatch.setitem(sys.modules, "pyotp", None)
    write_files(tmp_path, FILES)
    with a_bot(tmp_path) as talk:
        missing = r"codes of a second factor cannot be checked here: pip install pyotp, and restart the bot"
        assert any(re.search(missing, text) for text in talk.texts())
        talk.bob.says("!confirm otp", None)
        talk.hears(missing, "@bob")
        talk.alice.says("!say")
        asked = talk.prompt("#ops")
        talk.bob.says(f"!confirm {asked} 123456")
        talk.hears(missing, "#ops")
        talk.bob.says(f"!confirm {asked}")
        talk.quiet()
        assert talk.execution(asked).votes == ()
