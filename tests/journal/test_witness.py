"""What a process has seen of the journal cannot be taken back, and costs it one look at each line."""

import pytest

from builders import RECORDS
from err_confirm.errors import LineError
from err_confirm.journal import PAGE, PRUNED, Entry, append
from err_confirm.journal.witness import FIRST_LOOK, FORKED, Witness
from err_confirm.store.base import Record, Store, Swap
from faulty import Around
from tampering import cut_journal

SEAL = RECORDS.seal


def version_of(witness: Witness, execution_id: str) -> int | None:
    """Return which version of an execution the last line about it tells of."""
    last, _ = witness.last(execution_id)
    return last and last[0]


def write(store: Store, name: str, version: int = 1) -> None:
    """Write one more version of something, with its line."""
    told = append(SEAL, Entry(at=1.0, what="asked", execution=name, version=version, facts={}))
    store.swap(Swap(record=Record(name, version, f"token {version}", b""), journal=told))


class Counting(Around):
    """Counts the lines that are read."""

    lines = 0

    def journal(self, after: int, limit: int) -> list[tuple[int, str]]:
        page = self.inside.journal(after, limit)
        self.lines += len(page)
        return page


def test_the_last_line_about_each_is_known_as_the_journal_grows(store: Store) -> None:
    witness = Witness(store, SEAL)
    assert version_of(witness, "one") is None
    write(store, "one")
    assert (version_of(witness, "one"), version_of(witness, "two")) == (1, None)
    write(store, "two")
    write(store, "one", 2)
    assert (version_of(witness, "one"), version_of(witness, "two")) == (2, 1)


def test_what_was_seen_is_not_read_again(store: Store) -> None:
    counting = Counting(store)
    witness = Witness(counting, SEAL)
    for number in range(30):
        write(store, f"id{number:02}")
        assert version_of(witness, f"id{number:02}") == 1
    assert counting.lines == 2 * 29, "the line that was the last one, and the new one"


def test_one_that_is_far_back_is_found_and_nothing_is_found_for_ever(store: Store) -> None:
    write(store, "old")
    for number in range(FIRST_LOOK + 10):
        write(store, f"id{number:04}")
    witness = Witness(store, SEAL)
    assert version_of(witness, "id0500") == 1
    assert version_of(witness, "old") == 1
    assert version_of(witness, "never") is None


@pytest.mark.parametrize("left", [0, 1, 4])
def test_an_end_that_was_seen_and_cut_off_is_noticed(store: Store, left: int) -> None:
    for number in range(5):
        write(store, f"id{number}")
    witness = Witness(store, SEAL)
    assert version_of(witness, "id0") == 1
    cut_journal(store, left)
    with pytest.raises(LineError, match="line 5, which was there, is gone"):
        version_of(witness, "id0")


def test_a_line_that_was_taken_out_before_it_was_seen_is_noticed(store: Store) -> None:
    for number in range(5):
        write(store, f"id{number}")
    texts = store.journal(0, 10)

    class Without(Around):
        def newest(self, limit: int) -> list[tuple[int, str]]:
            return [each for each in texts if each[0] != 3]

    with pytest.raises(LineError, match="line 4 does not follow"):
        version_of(Witness(Without(store), SEAL), "id0")


@pytest.mark.parametrize("gone", [1, PAGE - 1, PAGE, PAGE + 1, PAGE + 2])
def test_a_line_that_was_taken_out_between_two_looks_is_noticed(store: Store, gone: int) -> None:
    """Regression: it was not where a page of the second look ended."""

    class Without(Around):
        def journal(self, after: int, limit: int) -> list[tuple[int, str]]:
            return [each for each in self.inside.journal(after, limit + 1) if each[0] != gone][:limit]

    witness = Witness(Without(store), SEAL)
    write(store, "first")
    assert version_of(witness, "first") == 1
    for number in range(PAGE + 10):
        write(store, f"id{number:03}")
    with pytest.raises(LineError, match=rf"line {gone + 1} does not follow|line {gone}, which was there, is gone"):
        version_of(witness, "first")


def test_what_was_forgotten_on_purpose_is_not_missed(store: Store) -> None:
    for number in range(5):
        write(store, f"id{number}")
    witness = Witness(store, SEAL)
    assert version_of(witness, "id4") == 1
    store.note(append(SEAL, Entry(at=1.0, what=PRUNED, facts={"through": 5})), 5)
    write(store, "new")
    assert version_of(witness, "new") == 1
    write(store, "newer")
    assert version_of(witness, "newer") == 1


def test_what_was_forgotten_on_purpose_is_not_missed_where_very_much_has_come_since(store: Store) -> None:
    """Regression: only the first page was searched for the line that says so, and nothing was claimed any more."""
    write(store, "seen")
    witness = Witness(store, SEAL)
    assert version_of(witness, "seen") == 1
    for number in range(PAGE + 10):
        write(store, f"id{number:04}")
    store.note(append(SEAL, Entry(at=1.0, what=PRUNED, facts={"through": 3})), 3)
    assert version_of(witness, "id0005") == 1
    assert version_of(witness, "seen") is None, "it may have gone on in a line that was forgotten unseen"


def test_lines_that_cannot_both_be_true_are_noticed_and_stay_so_however_far_apart(store: Store) -> None:
    """Given a record that was put back and went on, then a version is told of twice."""
    witness = Witness(store, SEAL)
    for version in (1, 2, 3):
        write(store, "one", version)
    assert version_of(witness, "one") == 3
    for number in range(FIRST_LOOK + 10):
        write(store, f"id{number:04}")
    again = Entry(at=1.0, what="canceled", execution="one", version=3, facts={})
    store.swap(Swap(record=Record("other", 1, "token", b""), journal=append(SEAL, again)))
    assert (version_of(witness, "one"), version_of(Witness(store, SEAL), "one")) == (FORKED, FORKED)
    write(store, "one", 4)
    assert (version_of(witness, "one"), version_of(Witness(store, SEAL), "one")) == (FORKED, FORKED)


def test_a_beginning_that_nobody_forgot_on_purpose_is_noticed(store: Store) -> None:
    for number in range(5):
        write(store, f"id{number}")

    class Behead(Around):
        def newest(self, limit: int) -> list[tuple[int, str]]:
            return self.inside.newest(limit)[3:]

    with pytest.raises(LineError, match="what was there before line 4 is gone"):
        version_of(Witness(Behead(store), SEAL), "id4")
