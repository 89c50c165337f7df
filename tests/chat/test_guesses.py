"""Ids lead nowhere by being guessed, and whoever guesses is nobody's trouble but their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from err_confirm.answers.guesses import MOST, WITHIN, Guesses
from err_confirm.errors import GuessError
from talk import Talk, a_bot, write_files

REFUSED = rf"\Anothing was done: {MOST} ids that you have said in the last minute name nothing; wait .*\Z"
FILES = {
    "aliases/mine.yaml": "{name: mine, formats: [mine], run: {command: [echo, done]}, confirm: {within: 10m}}",
    "aliases/ours.yaml": "{name: ours, formats: [ours], run: {command: [echo, done]}, confirm: {by: anyone}}",
}


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    write_files(tmp_path, FILES)
    with a_bot(tmp_path) as talk:
        yield talk


def test_of_a_thousand_guesses_few_are_looked_up_and_nobody_else_is_kept_from_answering(talk: Talk) -> None:
    """Whole ids and the starts of some, said with each verb; then the guesser's right one counts for nothing, too."""
    talk.alice.says("!ours")
    asked = talk.prompt()
    before = len(talk.heard)
    for number in range(1_000):
        verb = ("confirm", "deny", "cancel", "abort", "show", "show")[number % 6]
        talk.mallory.says(f"!{verb} {number % 2 * 1000 + number:04}" if number % 5 else f"!{verb} {number:08}")
    talk.mallory.says(f"!confirm {asked}")
    talk.quiet()
    told = [text for _, text in talk.heard[before:] if "there is no execution" in text or "is no execution" in text]
    assert MOST <= len(told) < MOST + 10  # so many commands are done at once
    talk.mallory.says(f"!deny {asked}")
    talk.hears(REFUSED)
    assert talk.execution(asked).state == "pending"
    talk.alice.says(f"!confirm {asked}")
    talk.hears(f"{asked} succeeded")
    talk.mallory.says("!mine", None)
    own = talk.prompt()
    talk.mallory.says("!confirm", None)
    talk.hears(f"{own} confirmed by mallory, running")


class TestGuesses:
    def test_count_until_a_minute_is_over_and_are_then_forgotten(self) -> None:
        now = [100.0]
        said = Guesses(lambda: now[0])
        for number in range(MOST):
            said.check("mallory")
            now[0] = 100.0 + number
            said.note("mallory")
        with pytest.raises(GuessError) as refused:
            said.check("mallory")
        assert refused.value.seconds == WITHIN - MOST + 1
        said.check("alice")
        now[0] = 100.0 + WITHIN
        said.check("mallory")

    def test_nobody_is_remembered_for_ever(self) -> None:
        now = [0.0]
        said = Guesses(lambda: now[0])
        for number in range(1_000):
            said.note(f"irc:nick{number}!a@b")
            said.note("irc:mallory!a@b")
            now[0] += 1.0
        assert len(said) <= WITHIN + 1
