"""A token is good for one person, one execution and what was shown, and nobody without the key can make it."""

import itertools
import re
from dataclasses import replace

import pytest

from builders import an_execution
from err_confirm.answers.tokens import Tokens, read_reference
from err_confirm.ids import ALPHABET, LENGTH
from err_confirm.store.seal import Seal

TOKENS = Tokens(Seal(b"a key for tests", "tests"))


def test_a_token_depends_on_key_namespace_execution_what_runs_and_person() -> None:
    """Whatever differs, the token does."""
    executions = [an_execution(id=name, digest=digest) for name in ("7f3kq2xa", "7f3kq2xb") for digest in ("aa", "ab")]
    seals = [Seal(b"one", "tests"), Seal(b"two", "tests"), Seal(b"one", "others")]
    made = [
        Tokens(seal).token(execution, person)
        for seal, execution, person in itertools.product(seals, executions, ("alice", "bob", '", "bob', ""))
    ]
    assert len(set(made)) == len(made) == 48
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{8}", each) for each in made)


def test_all_characters_of_the_alphabet_come_up() -> None:
    """None of the 40 bits is lost."""
    made = [TOKENS.token(an_execution(), f"person {number}") for number in range(500)]
    assert all({token[place] for token in made} == {*ALPHABET} for place in range(LENGTH))


def test_every_bot_with_the_key_knows_it_whatever_has_happened_since() -> None:
    """Answers and deadlines change; what would run must not."""
    execution = an_execution()
    token = TOKENS.token(execution, "bob")
    later = replace(execution, version=7, stage=1, expires_at=0.0, posted=True)
    assert Tokens(Seal(b"a key for tests", "tests")).matches(later, "bob", token)
    assert not TOKENS.matches(replace(execution, digest="0" * 64), "bob", token)
    assert not TOKENS.matches(execution, "carol", token)


@pytest.mark.parametrize("token", ["", "0", "7f3kq2xa", "\ud800", "0" * 9, "0" * 100_000])
def test_what_is_not_the_token_is_refused(token: str) -> None:
    assert not TOKENS.matches(an_execution(), "bob", token)


def test_the_beginning_of_a_token_is_none() -> None:
    execution = an_execution()
    token = TOKENS.token(execution, "bob")
    assert [TOKENS.matches(execution, "bob", token[:size]) for size in range(4, 9)] == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("7f3kq2xa-0c9mzt4e", ("7f3kq2xa", "0c9mzt4e")),
        (" 7F3KQ2XA-oC9MZT4E. ", ("7F3KQ2XA", "0c9mzt4e")),
        ("`7f3kq2xa-0c9mzt4e`", ("`7f3kq2xa", "0c9mzt4e")),
        ("7f3k-0c9mzt4e", ("7f3k", "0c9mzt4e")),
        ("7f3kq2xa", ("7f3kq2xa", "")),
        ("7f3kq2xa-", ("7f3kq2xa", "")),
        ("7f3kq2xa-0c9mzt4e-1", ("7f3kq2xa", "")),
        ("web-01", ("web-01", "")),
        ("-0c9mzt4e", ("-0c9mzt4e", "")),
        ("", ("", "")),
    ],
)
def test_a_reference_is_read_as_people_paste_it(written: str, read: tuple[str, str]) -> None:
    assert read_reference(written) == read
