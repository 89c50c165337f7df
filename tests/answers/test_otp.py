"""A code counts once, for its person, for a minute and a half; and nobody finds one by trying."""

import base64
import json
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builders import RECORDS, a_policy
from err_confirm.answers.otp import (
    LOCKED_FOR,
    MOST_FAILURES,
    STEP,
    Checked,
    Proof,
    SecondFactor,
    Secret,
    asked_for,
    codes,
    installed,
)
from err_confirm.catalog import Catalog
from err_confirm.cli import checks
from err_confirm.errors import CodesMissingError, ShelfError, StoreUnavailableError
from err_confirm.health import Health
from err_confirm.journal import ENROLLED, RESET, lines
from err_confirm.journal.archive import Archive
from err_confirm.model.executions import Place, Speaker
from err_confirm.model.files import Guard, Source
from err_confirm.model.policies import When
from err_confirm.people import People
from err_confirm.store.base import Store
from err_confirm.store.seal import Seal
from err_confirm.store.shelf import Shelf
from err_confirm.store.sqlite_store import SqliteStore
from servers import StoreFactory

PEOPLE = People({name: [f"text:{name}"] for name in ("alice", "bob")})
THREADS = 12
OK, WRONG, USED, NOT_ENROLLED = map(Checked, (Proof.OK, Proof.WRONG, Proof.USED, Proof.NOT_ENROLLED))

# RFC 6238, appendix B: SHA-1, of which six digits are left.
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
RFC_CODES = {
    59: "287082",
    1_111_111_109: "081804",
    1_111_111_111: "050471",
    1_234_567_890: "005924",
    2_000_000_000: "279037",
    20_000_000_000: "353130",
}


@dataclass
class Clock:
    now: float = 1_000_020.0

    def __call__(self) -> float:
        return self.now


def speaker(person: str = "alice") -> Speaker:
    return Speaker(person, Place(person=f"@{person}"), f"text:{person}")


def a_factor(folder: Path, executions: Store, shelf: Store, seal: Seal = RECORDS.seal) -> SecondFactor:
    """Return the second factor of a process on these stores."""
    archive = Archive(executions, seal, folder / "journal.jsonl", keep=3_600.0, on_gap=print)
    return SecondFactor(Shelf(shelf, seal), seal, PEOPLE, archive, "bot")


@dataclass
class Desk:
    """A second factor whose clock is set by hand."""

    folder: Path
    seal: Seal = RECORDS.seal
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        stores = (SqliteStore(self.folder / "s.db", namespace=name, clock=self.clock) for name in ("a", "b"))
        self.executions, self.shelf = stores
        self.factor = a_factor(self.folder, self.executions, self.shelf, self.seal)

    def enrolled(self, person: str = "alice") -> str:
        """Enrol somebody, and return their secret once its first code can be used no more."""
        secret = self.begun(person)
        assert self.go_on(secret, person) == Checked(Proof.ENROLLED)
        self.clock.now += STEP
        return secret

    def begun(self, person: str = "alice") -> str:
        begun = self.factor.begin(person)
        assert isinstance(begun, Secret)
        return begun.text

    def go_on(self, secret: str, person: str = "alice") -> Secret | Checked:
        return self.factor.go_on(self.code(secret), speaker(person))

    def code(self, secret: str, steps: int = 0) -> str:
        """Return the code that an app shows so many steps from now."""
        at = self.clock.now + steps * STEP
        return codes(secret, at)[int(at // STEP)]

    def wrong(self, *right: str) -> str:
        """Return a code that is none of these secrets' at this moment."""
        taken = {code for secret in right for code in codes(secret, self.clock.now).values()}
        return next(code for code in ("000000", "111111", "222222", "333333") if code not in taken)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("moment", RFC_CODES)
def test_codes_are_those_of_the_standard(moment: int) -> None:
    made = codes(RFC_SECRET, float(moment))
    assert made[moment // STEP] == RFC_CODES[moment]
    assert list(made) == [moment // STEP + steps for steps in (-1, 0, 1)]


def test_a_secret_is_told_once_and_its_codes_count_only_after_the_first_of_them(desk: Desk) -> None:
    secret = desk.begun()
    assert len(base64.b32decode(secret)) == 20
    assert desk.factor.check("alice", desk.code(secret)) == NOT_ENROLLED
    assert desk.go_on(secret) == Checked(Proof.ENROLLED)
    assert desk.factor.check("alice", desk.code(secret)) == USED
    assert desk.factor.check("alice", desk.code(secret, 1)) == OK
    assert desk.factor.begin("alice") == Checked(Proof.ENROLLED)


def test_a_code_before_anything_was_begun_is_nobodys(desk: Desk) -> None:
    """Nothing is noted of it, so that nobody is locked out before they begin."""
    for _ in range(2 * MOST_FAILURES):
        assert desk.go_on(RFC_SECRET) == NOT_ENROLLED
    assert list(desk.shelf.recent()) == []


def test_an_app_gets_the_person_and_the_bot_in_the_uri(desk: Desk) -> None:
    begun = desk.factor.begin("alice")
    assert isinstance(begun, Secret)
    assert begun.uri == f"otpauth://totp/bot:alice?secret={begun.text}&issuer=bot"


def test_beginning_again_makes_another_secret_and_the_first_one_is_nothing(desk: Desk) -> None:
    first, second = desk.begun(), desk.begun()
    assert first != second
    assert desk.go_on(first) == WRONG
    assert desk.go_on(second) == Checked(Proof.ENROLLED)


@pytest.mark.parametrize("person", ["mallory", "text:mallory", "", "requester"])
def test_who_is_not_in_the_list_has_no_second_factor(desk: Desk, person: str) -> None:
    assert desk.factor.begin(person) == NOT_ENROLLED
    assert desk.factor.check(person, "123456") == NOT_ENROLLED
    assert list(desk.shelf.recent()) == []


def test_a_code_is_one_persons_under_one_key(desk: Desk, tmp_path: Path) -> None:
    """With another key file, the same enrolment has other codes."""
    of_alice, of_bob = desk.enrolled(), desk.enrolled("bob")
    assert of_alice != of_bob
    assert desk.factor.check("bob", desk.code(of_alice)) == WRONG
    (tmp_path / "other").mkdir()
    assert Desk(tmp_path / "other", Seal(b"another key", "tests")).begun() != of_alice
    assert Seal(b"k", "one").second_factor("alice", 1) != Seal(b"k", "two").second_factor("alice", 1)


@pytest.mark.parametrize(("steps", "found"), [(-2, WRONG), (-1, OK), (0, OK), (1, OK), (2, WRONG)])
def test_a_code_counts_one_step_before_and_after_its_own(desk: Desk, steps: int, found: Checked) -> None:
    secret = desk.enrolled()
    desk.clock.now += 10 * STEP
    assert desk.factor.check("alice", desk.code(secret, steps)) == found


def test_a_code_counts_once_and_so_does_each_one_before_it(desk: Desk) -> None:
    """Whoever reads it over a shoulder, or in the room, is too late; that is not counted as a guess."""
    secret = desk.enrolled()
    desk.clock.now += 10 * STEP
    assert desk.factor.check("alice", desk.code(secret)) == OK
    for _ in range(2 * MOST_FAILURES):
        assert desk.factor.check("alice", desk.code(secret)) == USED
        assert desk.factor.check("alice", desk.code(secret, -1)) == USED
    assert desk.factor.check("alice", desk.code(secret, 1)) == OK
    desk.clock.now += STEP
    assert desk.factor.check("alice", desk.code(secret)) == USED
    desk.clock.now += STEP
    assert desk.factor.check("alice", desk.code(secret)) == OK


def test_blanks_in_a_code_do_not_matter_and_what_is_no_code_is_not_counted(desk: Desk) -> None:
    secret = desk.enrolled()
    for said in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "+12345", "12345\n"):
        for _ in range(MOST_FAILURES):
            assert desk.factor.check("alice", said) == WRONG
    code = desk.code(secret)
    assert desk.factor.check("alice", f" {code[:3]} {code[3:]} ") == OK


def test_wrong_codes_in_a_row_stop_all_codes_for_a_while_and_a_right_one_begins_a_new_row(desk: Desk) -> None:
    secret = desk.enrolled()
    for _ in range(MOST_FAILURES - 1):
        assert desk.factor.check("alice", desk.wrong(secret)) == WRONG
    assert desk.factor.check("alice", desk.code(secret)) == OK
    for _ in range(MOST_FAILURES - 1):
        assert desk.factor.check("alice", desk.wrong(secret)) == WRONG
    until = desk.clock.now + LOCKED_FOR
    assert desk.factor.check("alice", desk.wrong(secret)) == Checked(Proof.WRONG, until)
    desk.clock.now = until - 0.001
    assert desk.factor.check("alice", desk.code(secret)) == Checked(Proof.LOCKED, until)
    assert desk.go_on(secret) == Checked(Proof.LOCKED, until)
    desk.clock.now = until
    assert desk.factor.check("alice", desk.wrong(secret)) == Checked(Proof.WRONG, until + LOCKED_FOR)
    desk.clock.now = until + LOCKED_FOR
    assert desk.factor.check("alice", desk.code(secret)) == OK
    assert desk.factor.check("alice", desk.wrong(secret)) == WRONG


def test_guesses_at_an_unfinished_enrolment_are_counted_and_beginning_again_takes_none_of_them_back(desk: Desk) -> None:
    for number in range(MOST_FAILURES):
        secret = desk.begun()
        checked = desk.factor.go_on(desk.wrong(secret), speaker())
        assert checked == Checked(Proof.WRONG, desk.clock.now + LOCKED_FOR if number == 4 else None)
    assert desk.go_on(desk.begun()) == Checked(Proof.LOCKED, desk.clock.now + LOCKED_FOR)


def test_enrolling_anew_needs_a_code_of_now_and_the_old_ones_count_until_it_is_finished(desk: Desk) -> None:
    """So nobody who has only the chat account takes it over, and nobody is left without."""
    old = desk.enrolled()
    assert desk.factor.go_on(desk.wrong(old), speaker()) == WRONG
    begun = desk.go_on(old)
    assert isinstance(begun, Secret)
    assert begun.text != old
    assert desk.go_on(old) == USED
    desk.clock.now += STEP
    assert desk.factor.check("alice", desk.code(old)) == OK
    assert desk.factor.check("alice", desk.code(begun.text)) == WRONG
    assert desk.go_on(begun.text) == Checked(Proof.ENROLLED)
    desk.clock.now += STEP
    assert desk.factor.check("alice", desk.code(old)) == WRONG
    assert desk.factor.check("alice", desk.code(begun.text)) == OK


def test_a_reset_takes_all_away_and_the_journal_keeps_who_did_it(desk: Desk) -> None:
    secret = desk.enrolled()
    for _ in range(MOST_FAILURES):
        desk.factor.check("alice", desk.wrong(secret))
    assert desk.factor.reset("alice", speaker("root"))
    assert not desk.factor.reset("alice", speaker("root"))
    assert desk.factor.check("alice", desk.code(secret)) == NOT_ENROLLED
    assert desk.enrolled() != secret
    told = [line.entry for line in lines(desk.executions, desk.seal)]
    assert [(entry.what, entry.who, entry.facts) for entry in told] == [
        (ENROLLED, "alice", {"person": "alice"}),
        (RESET, "root", {"person": "alice"}),
        (ENROLLED, "alice", {"person": "alice"}),
    ]


def test_neither_secrets_nor_codes_are_in_a_store(desk: Desk) -> None:
    """Nor in the journal, which lies there, too."""
    secret = desk.enrolled()
    code = desk.code(secret)
    assert desk.factor.check("alice", code) == OK
    with closing(sqlite3.connect(desk.folder / "s.db")) as connection:
        dumped = "\n".join(connection.iterdump())
        bodies = [bytes(body) for (body,) in connection.execute("SELECT body FROM record")]
    kept = dumped.encode() + b"".join(bodies)
    raw = base64.b32decode(secret)
    assert [each for each in (secret.encode(), raw, raw.hex().encode(), code.encode()) if each in kept] == []
    assert any(b"number" in body for body in bodies)


@pytest.mark.parametrize("same", [True, False], ids=["a right code", "wrong codes"])
def test_on_several_machines_at_once_a_code_counts_once_and_guesses_stay_few(
    tmp_path: Path, store_factory: StoreFactory, same: bool
) -> None:
    """Each thread has handles of its own, as a machine has."""
    factors = [a_factor(tmp_path, store_factory(), store_factory(tmp_path.name)) for _ in range(THREADS)]
    begun = factors[0].begin("alice")
    assert isinstance(begun, Secret)
    made = codes(begun.text, store_factory().read("it")[1])
    _, first, last = made.values()
    finished = factors[0].go_on(first, speaker())
    assert finished == Checked(Proof.ENROLLED)
    wrong = next(code for code in ("000000", "111111", "222222", "333333", "444444") if code not in made.values())
    together = threading.Barrier(THREADS)
    found: list[Proof] = []

    def say(factor: SecondFactor) -> None:
        together.wait()
        found.append(factor.check("alice", last if same else wrong).proof)

    threads = [threading.Thread(target=say, args=(factor,)) for factor in factors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    many = {Proof.USED: THREADS - 1} if same else {Proof.LOCKED: THREADS - MOST_FAILURES}
    one = {Proof.OK: 1} if same else {Proof.WRONG: MOST_FAILURES}
    assert Counter(found) == {**one, **many}


FAILURES: dict[str, tuple[Callable[[Desk], object], type[Exception]]] = {
    "the store is gone": (lambda desk: desk.shelf.close(), StoreUnavailableError),
    "somebody has written there": (
        lambda desk: sqlite3.connect(desk.folder / "s.db", isolation_level=None).execute(
            "UPDATE record SET body = replace(body, 'failures', 'fbilures')"
        ),
        ShelfError,
    ),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_where_it_cannot_be_known_no_code_counts(desk: Desk, failure: str) -> None:
    secret = desk.enrolled()
    fail, error = FAILURES[failure]
    fail(desk)
    with pytest.raises(error):
        desk.factor.check("alice", desk.code(secret))
    with pytest.raises(error):
        desk.go_on(secret)
    with pytest.raises(error):
        desk.factor.begin("alice")


def test_without_the_package_no_code_counts_and_the_error_names_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named by itself: nobody needs to know by which of the three ways the bot got the plugins."""
    secret = desk.enrolled()
    code = desk.code(secret)
    monkeypatch.setitem(sys.modules, "pyotp", None)
    for use in (installed, lambda: desk.factor.check("alice", code), lambda: desk.factor.begin("bob")):
        with pytest.raises(CodesMissingError, match=r"pip install pyotp"):
            use()


def test_a_policy_asks_for_codes_also_where_only_a_condition_does() -> None:
    plain, asking = a_policy(), a_policy(otp=True)
    assert not asked_for([None, plain])
    assert asked_for([None, plain, asking])
    assert asked_for([a_policy(when=(When(policy=asking),))])


def test_doctor_says_whether_the_codes_that_policies_ask_for_can_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is said where none asks for any."""

    def said(*, otp: bool) -> list[tuple[Health, str]]:
        guard = Guard(name="it", commands=("*",), source=Source(Path("it.yaml")), policy=a_policy(otp=otp))
        catalog = Catalog(aliases={}, guards={"it": guard}, actions={}, problems=())
        return [(finding.health, finding.what) for finding in checks.codes(catalog)]

    assert said(otp=False) == []
    assert said(otp=True) == [(Health.OK, "the codes that policies ask for can be checked")]
    monkeypatch.setitem(sys.modules, "pyotp", None)
    assert said(otp=False) == []
    assert said(otp=True) == [(Health.ERROR, str(CodesMissingError()))]


def test_what_is_known_of_a_person_is_a_few_numbers(desk: Desk) -> None:
    """Each new enrolment has a number by chance: after a reset, no secret comes again."""
    desk.enrolled()
    (record,) = desk.shelf.recent()
    name, text = json.loads(record.body[64:])
    assert name == "otp alice"
    assert json.loads(text).keys() == {"number", "next", "step", "failures", "locked_until"}
