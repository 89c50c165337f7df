"""Check a second factor: the codes of a person's authenticator app (TOTP, RFC 6238).

No secret is kept. Each is made again from the key file, the person and the number of their enrolment; the shelf has the
number, and what keeps a code from counting twice and from being guessed.
"""

import base64
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from importlib.util import find_spec

from err_confirm.errors import CodesMissingError
from err_confirm.journal import ENROLLED, RESET
from err_confirm.journal.archive import Archive
from err_confirm.model.executions import Speaker
from err_confirm.model.policies import Policy
from err_confirm.people import People
from err_confirm.store.seal import Seal
from err_confirm.store.shelf import Fact, Shelf

STEP = 30
"""Seconds for which a code is shown (RFC 6238, section 5.2)."""
WINDOW = 1
"""How many codes before and after the one of now are taken, too: clocks differ, and people type slowly."""
MOST_FAILURES = 5
"""How many wrong codes in a row may be said before no more are looked at for a while; each one after them does it."""
LOCKED_FOR = 900.0
"""For how many seconds none are looked at then."""
DIGITS = 6
_SECRET_BYTES = 20
"""Length of a secret, as RFC 4226 recommends it (section 4, R6)."""
_LARGEST = 2**53
"""Below this, each whole number is the same one in every program's JSON."""


class Proof(StrEnum):
    """What came of a code."""

    OK = "ok"
    WRONG = "wrong"
    USED = "used"
    LOCKED = "locked"
    NOT_ENROLLED = "not_enrolled"
    ENROLLED = "enrolled"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of a code, and until when no other one of this person is looked at, in seconds since 1970."""

    proof: Proof
    until: float | None = None

    @property
    def ok(self) -> bool:
        """Whether it was a right one, for the first time."""
        return self.proof is Proof.OK


@dataclass(frozen=True, slots=True)
class Secret:
    """What an authenticator app takes: a secret in base 32, and the same as a URI."""

    text: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Enrolment:
    """What is known of one person.

    `number` is that of the enrolment whose codes count, `next` that of one that is not finished; 0 for none. `step` is
    that of the last code that was taken.
    """

    number: int = 0
    next: int = 0
    step: int = 0
    failures: int = 0
    locked_until: float = 0.0


_Decide = Callable[[_Enrolment, str, str, float], tuple[_Enrolment, Checked]]
"""Makes of what is known of a person, their code and the store's clock what is known then, and what came of it."""


class SecondFactor:
    """The second factors of the people in CONFIRM_PEOPLE; nobody else has one.

    Whatever is decided is written by compare-and-swap first: a code counts once, and wrong ones are counted, also
    where several machines are asked at the same moment. Methods raise what those of the shelf and of the archive do,
    and CodesMissingError where codes cannot be made.

    Args:
        shelf: has the enrolments.
        seal: makes the secrets.
        people: who can have one.
        archive: notes who enrols, and whom an admin resets.
        issuer: what an app shows beside the person's name.
    """

    def __init__(self, shelf: Shelf, seal: Seal, people: People, archive: Archive, issuer: str) -> None:
        self._shelf = shelf
        self._seal = seal
        self._people = people
        self._archive = archive
        self._issuer = issuer

    def check(self, person: str, code: str) -> Checked:
        """Say whether a code is this person's, at this moment by the store's clock; a right one is used up by that."""
        return self._decide(person, code, self._checked)

    def knows(self, person: str) -> bool:
        """Tell whether somebody can have a second factor."""
        return person in self._people.names()

    def begin(self, person: str) -> Secret | Checked:
        """Return a new secret for somebody who has none; the codes of one that was begun before count no more."""
        if not self.knows(person):
            return Checked(Proof.NOT_ENROLLED)
        installed()
        number = _number()

        def begun(fact: Fact | None, _: float) -> Fact:
            known = _enrolment(fact)
            return asdict(known if known.number else replace(known, next=number))

        known = _enrolment(self._shelf.change(_name(person), begun))
        return Checked(Proof.ENROLLED) if known.number else self._secret(person, number)

    def go_on(self, code: str, by: Speaker) -> Secret | Checked:
        """Finish an enrolment with its first code; or, with a code of one that is finished, begin it anew.

        Until the new one is finished, too, the codes of the old one count.
        """
        person, number = by.person, _number()

        def gone_on(known: _Enrolment, person: str, code: str, now: float) -> tuple[_Enrolment, Checked]:
            step = self._newest(person, known.next, code, now) if known.next else None
            if step is not None:
                return _Enrolment(number=known.next, step=step), Checked(Proof.ENROLLED)
            after, checked = self._checked(known, person, code, now)
            return (replace(after, next=number) if checked.ok else after), checked

        checked = self._decide(person, code, gone_on, unfinished=True)
        if checked.ok:
            return self._secret(person, number)
        if checked.proof is Proof.ENROLLED:
            self._archive.note(ENROLLED, {"person": person}, by)
        return checked

    def reset(self, person: str, by: Speaker) -> bool:
        """Take a person's second factor away, so that they can enrol anew; tell whether there was anything."""
        if self._shelf.get(_name(person)) is None:
            return False
        self._archive.note(RESET, {"person": person}, by)
        self._shelf.change(_name(person), lambda _, __: None)
        return True

    def _decide(self, person: str, code: str, decide: _Decide, *, unfinished: bool = False) -> Checked:
        """Write what a code makes of a person's enrolment, and return what came of it."""
        if not self.knows(person):
            return Checked(Proof.NOT_ENROLLED)
        installed()
        said = "".join(code.split())
        checked = Checked(Proof.NOT_ENROLLED)

        def decided(fact: Fact | None, now: float) -> Fact | None:
            nonlocal checked
            known = _enrolment(fact)
            if not known.number and not (unfinished and known.next):
                checked = Checked(Proof.NOT_ENROLLED)
                return fact
            if now < known.locked_until:
                checked = Checked(Proof.LOCKED, known.locked_until)
                return fact
            if not (len(said) == DIGITS and said.isascii() and said.isdigit()):
                checked = Checked(Proof.WRONG)  # it tells nobody anything, so it is not counted
                return fact
            after, checked = decide(known, person, said, now)
            return asdict(after)

        self._shelf.change(_name(person), decided)
        return checked

    def _checked(self, known: _Enrolment, person: str, code: str, now: float) -> tuple[_Enrolment, Checked]:
        step = self._newest(person, known.number, code, now) if known.number else None
        if step is None:
            failures = known.failures + 1
            until = now + LOCKED_FOR if failures >= MOST_FAILURES else None
            return replace(known, failures=failures, locked_until=until or 0.0), Checked(Proof.WRONG, until)
        if step <= known.step:
            return known, Checked(Proof.USED)
        return replace(known, step=step, failures=0, locked_until=0.0), Checked(Proof.OK)

    def _newest(self, person: str, number: int, code: str, now: float) -> int | None:
        """Return the newest step near now whose code this is; None if there is none."""
        made = codes(self._secret(person, number).text, now)
        return max((step for step, each in made.items() if hmac.compare_digest(each, code)), default=None)

    def _secret(self, person: str, number: int) -> Secret:
        import pyotp  # noqa: PLC0415  # an extra: a bot whose policies ask for no codes need not have it

        text = base64.b32encode(self._seal.second_factor(person, number)[:_SECRET_BYTES]).decode()
        return Secret(text, pyotp.TOTP(text).provisioning_uri(name=person, issuer_name=self._issuer))


def codes(secret: str, now: float) -> dict[int, str]:
    """Return the codes of a secret that are taken at a moment (seconds since 1970), by their steps since 1970."""
    import pyotp  # noqa: PLC0415

    newest = int(now // STEP)
    return {step: pyotp.TOTP(secret).generate_otp(step) for step in range(newest - WINDOW, newest + WINDOW + 1)}


def installed() -> None:
    """See that codes can be made here. Raises CodesMissingError."""
    if find_spec("pyotp") is None:
        raise CodesMissingError


def asked_for(policies: Iterable[Policy | None]) -> bool:
    """Tell whether one of these asks for a code, be it only under a condition."""
    return any(
        policy is not None and (policy.otp or asked_for(when.policy for when in policy.when)) for policy in policies
    )


def _name(person: str) -> str:
    return f"otp {person}"


def _number() -> int:
    """Return the number of a new enrolment: by chance, so that no secret ever comes again."""
    return secrets.randbelow(_LARGEST - 1) + 1


def _enrolment(fact: Fact | None) -> _Enrolment:
    return _Enrolment(**fact) if fact else _Enrolment()
