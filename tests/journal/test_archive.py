"""The journal's copy on this machine: whole after whatever happened, and a witness of what the store had."""

import contextlib
import resource
import signal
import sqlite3
import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builders import RECORDS, a_policy
from err_confirm.engine import Engine
from err_confirm.errors import LineError
from err_confirm.journal import PRUNED, check, read_line
from err_confirm.journal.archive import Archive
from err_confirm.model.executions import Place, Speaker
from err_confirm.store.sqlite_store import SqliteStore
from house import a_plan

DAY = 86_400.0


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    """A store with its journal, and a copy."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    gaps: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = SqliteStore(self.folder / "s.db", clock=self.clock)
        self.engine = Engine(self.store, RECORDS, lambda _: None)
        self.path = self.folder / "copies" / "journal.jsonl"
        self.archive = self.again()

    def again(self) -> Archive:
        """Return the archive of a bot that has been started anew."""
        return Archive(self.store, RECORDS.seal, self.path, keep=2 * DAY, on_gap=self.gaps.append)

    def ask(self, count: int = 1) -> None:
        for _ in range(count):
            self.engine.create(a_plan(a_policy()), Speaker("alice", Place(person="@alice")), "ü")

    def copied(self) -> list[tuple[int, str]]:
        return [(read_line(text).number, text) for text in self.path.read_text().splitlines()]

    def forget(self, where: str) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / "s.db")) as connection, connection:
            connection.execute(f"DELETE FROM journal WHERE {where}")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_copy_has_each_line_once_as_the_store_has_it(desk: Desk) -> None:
    for count in (0, 1, 3, 600):
        desk.ask(count)
        desk.archive.catch_up()
        desk.archive.catch_up()
    assert desk.copied() == desk.store.journal(0, 1_000)
    assert len(desk.copied()) == 604
    assert list(check(desk.copied(), RECORDS.seal)) == []
    assert stat.S_IMODE(desk.path.stat().st_mode) == 0o600
    assert desk.gaps == []


def test_the_next_start_goes_on_where_the_copy_ends(desk: Desk) -> None:
    desk.ask(3)
    desk.archive.catch_up()
    desk.ask(3)
    desk.again().catch_up()
    assert desk.copied() == desk.store.journal(0, 100)


@pytest.mark.parametrize("cut", [1, 5, 200])
def test_a_line_that_a_crash_has_cut_is_copied_again(desk: Desk, cut: int) -> None:
    desk.ask(3)
    desk.archive.catch_up()
    whole = desk.path.read_bytes()
    desk.path.write_bytes(whole[:-cut])
    desk.ask()
    desk.again().catch_up()
    assert desk.copied() == desk.store.journal(0, 100)
    assert desk.gaps == []


def test_a_copy_that_was_removed_is_made_anew(desk: Desk) -> None:
    desk.ask(3)
    desk.archive.catch_up()
    desk.path.unlink()
    desk.again().catch_up()
    assert desk.copied() == desk.store.journal(0, 100)


@pytest.mark.parametrize("where", ["number > 3", "number = 5"])
def test_a_journal_whose_end_was_cut_off_is_noticed_once(desk: Desk, where: str) -> None:
    desk.ask(5)
    desk.archive.catch_up()
    desk.forget(where)
    for archive in (desk.archive, desk.again()):
        desk.gaps.clear()
        archive.catch_up()
        archive.catch_up()
        assert desk.gaps == [
            f"the journal was cut off or changed: line 5 is in {desk.path}, and not so in the store; "
            f"check with: err-confirm verify --file {desk.path}"
        ]


def test_a_journal_whose_beginning_was_cut_off_is_noticed(desk: Desk) -> None:
    """Given the last line that was copied and the next one, but not those after them."""
    desk.ask(3)
    desk.archive.catch_up()
    desk.ask(3)
    desk.forget("number <= 4")
    desk.archive.catch_up()
    assert len(desk.gaps) == 1


def test_lines_that_were_forgotten_on_purpose_while_no_bot_copied_are_no_gap(desk: Desk) -> None:
    desk.ask(3)
    desk.archive.catch_up()
    desk.ask(3)
    desk.clock.now += 3 * DAY
    desk.again().forget_old()
    desk.ask()
    desk.archive.catch_up()
    assert desk.gaps == []
    assert [number for number, _ in desk.copied()] == [1, 2, 3, 7, 8]


def test_a_journal_that_was_cut_off_and_grew_again_is_noticed(desk: Desk) -> None:
    desk.ask(5)
    desk.archive.catch_up()
    desk.forget("number > 3")
    desk.ask(4)
    desk.archive.catch_up()
    assert len(desk.gaps) == 1
    assert any("does not follow" in finding for finding in check(desk.copied(), RECORDS.seal))


def test_old_lines_are_forgotten_in_the_store_and_stay_in_the_copy(desk: Desk) -> None:
    desk.ask(3)
    desk.archive.catch_up()
    desk.clock.now += 1.5 * DAY
    desk.ask(2)
    desk.archive.forget_old()
    assert len(desk.store.journal(0, 100)) == 5, "nothing is old yet"
    desk.clock.now += DAY
    desk.archive.forget_old()
    left = desk.store.journal(0, 100)
    assert [number for number, _ in left] == [4, 5, 6]
    assert (read_line(left[-1][1]).entry.what, read_line(left[-1][1]).entry.facts) == (PRUNED, {"through": 3})
    desk.archive.catch_up()
    assert [number for number, _ in desk.copied()] == [1, 2, 3, 4, 5, 6]
    assert (list(check(left, RECORDS.seal)), list(check(desk.copied(), RECORDS.seal))) == ([], [])
    assert desk.gaps == []


def test_when_all_is_old_only_the_line_that_says_so_stays(desk: Desk) -> None:
    desk.ask(3)
    desk.archive.catch_up()
    desk.clock.now += 3 * DAY
    desk.archive.forget_old()
    desk.archive.catch_up()
    desk.clock.now += 3 * DAY
    desk.archive.forget_old()
    assert [number for number, _ in desk.store.journal(0, 100)] == [5]
    desk.archive.catch_up()
    assert len(desk.copied()) == 5
    assert desk.gaps == []


def test_a_copy_that_cannot_be_written_stops_nobody_and_is_made_later(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.ask()
    desk.path.parent.write_text("a file where the folder should be")
    desk.archive.catch_up()
    assert "could not be copied" in caplog.text
    desk.path.parent.unlink()
    desk.archive.catch_up()
    assert desk.copied() == desk.store.journal(0, 100)


@pytest.mark.parametrize("notes", [b"somebody's notes\n", b"7\n", b"\xff\n"])
def test_a_copy_whose_end_is_no_line_is_left_alone_and_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture, notes: bytes
) -> None:
    desk.ask()
    desk.path.parent.mkdir()
    desk.path.write_bytes(notes)
    desk.archive.catch_up()
    assert desk.path.read_bytes() == notes
    assert "could not be copied" in caplog.text


def test_a_line_that_was_made_old_by_hand_is_not_forgotten(desk: Desk) -> None:
    """Regression: it was, with all before it, and a line with our own seal said that this was on purpose."""
    desk.ask(3)
    with contextlib.closing(sqlite3.connect(desk.folder / "s.db")) as connection, connection:
        connection.execute("UPDATE journal SET line = replace(line, '1000000.0', '1.0')")
    with pytest.raises(LineError):
        desk.archive.forget_old()
    assert len(desk.store.journal(0, 100)) == 3


def test_a_copy_that_a_full_disk_has_cut_goes_on_where_it_ends(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """Regression: while the same bot ran, the next line was appended to the piece."""
    desk.ask()
    desk.archive.catch_up()
    desk.ask(3)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (desk.path.stat().st_size + 900, limits[1]))
        desk.archive.catch_up()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert "could not be copied" in caplog.text
    desk.archive.catch_up()
    assert desk.copied() == desk.store.journal(0, 100)
