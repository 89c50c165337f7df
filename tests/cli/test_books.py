"""`err-confirm pending`, `show`, `executions`, `verify` and `export`: what they say of a store and its journal."""

import csv
import io
import json
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from builders import a_policy
from err_confirm.cli import main
from err_confirm.cli.exits import Exit
from err_confirm.engine import Engine
from err_confirm.journal import lines
from err_confirm.journal.records import Records
from err_confirm.model.executions import Execution, Place, Speaker, Verdict
from err_confirm.model.runs import NO_CONDUCT, NOTHING, Conduct, FollowUp, Lookup, Outcome, Preview, Target
from err_confirm.settings import read_settings
from err_confirm.store import open_store
from err_confirm.store.base import Store
from err_confirm.store.seal import Seal, load_key
from err_confirm.transition.events import Abort, Advance, Answer, Event, Finish, Posted
from house import a_plan
from servers import RedisServer
from talk import write_files

ANYBODY = a_policy(by=("anyone",), deny_by=("anyone",), retry_count=10, retry_delay=60.0)
COMMANDS = (["pending"], ["show", "7f3kq2xa"], ["executions"], ["verify"], ["export"])


@dataclass
class Site:
    """A folder with a config.py, and the store that it names, written as a bot does."""

    folder: Path
    url: str
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        write_files(self.folder, {"config.py": f"BOT_DATA_DIR = 'data'\nCONFIRM_STORE = {self.url!r}\n"})
        (self.folder / "data").mkdir(mode=0o700)
        self.key = self.folder / "data/err-confirm.key"
        self.records = Records(Seal(load_key(self.key), "err-confirm"))
        self.store: Store = open_store(self.url, namespace="err-confirm")
        self.store.due(1)  # it is there from now on
        self.engine = Engine(self.store, self.records, lambda _: None)

    def asks(
        self, text: str = "count it", by: str = "alice", *events: Event, conduct: Conduct = NO_CONDUCT
    ) -> Execution:
        """Ask for something, and let it live through events; returns it as it was asked for."""
        place, plan = Place(person=f"@{by}", room="#ops"), replace(a_plan(ANYBODY), conduct=conduct)
        asked = self.engine.create(plan, Speaker(by, place, f"text:{by}"), text)
        for event in (Posted(), *events):
            self.engine.apply(asked.id, event)
        return asked

    def succeeds(self, text: str = "count it", by: str = "alice") -> Execution:
        finish = Finish("p", 1, Outcome(exit_code=0, output="fine\n\tand \x1b[31mred\n"))
        return self.asks(text, by, Answer("bob", Verdict.APPROVE), Advance("p"), finish)

    def says(self, *arguments: str, code: int = Exit.OK) -> str:
        """Run a command; returns what it printed."""
        assert main(list(arguments)) == code
        self.said = self.capsys.readouterr()
        return self.said.out

    def rows(self, *arguments: str) -> Any:
        return json.loads(self.says(*arguments, "--json"))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Site]:
    monkeypatch.chdir(tmp_path)
    made = Site(tmp_path, f"sqlite:///{tmp_path}/data/s.db", capsys)
    with closing(made.store):
        yield made


# What can go wrong before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_without_a_config_a_key_or_a_store_there_is_one_line_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"

    def fails(code: int, message: str) -> None:
        assert main(command) == code
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err == f"err-confirm: {message}\n"

    fails(64, "there is no config.py in this folder; name the bot's with --config FILE")
    write_files(tmp_path, {"config.py": "BOT_DATA_DIR = 'data'\n"})
    fails(64, f"there is no key in {data}/err-confirm.key yet; start the bot, or correct CONFIRM_KEY_FILE")
    assert not data.exists()
    load_key(data / "err-confirm.key")
    fails(69, f"{data}/err-confirm.db is not there yet; start the bot, or correct CONFIRM_STORE")
    (data / "err-confirm.key").chmod(0o644)
    key = data / "err-confirm.key"
    fails(64, f"others can read the key in {key}; say: chmod 600 {key}")
    assert [path.name for path in data.iterdir()] == ["err-confirm.key"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_store_that_does_not_answer_is_69(
    site: Site, own_redis_server: RedisServer, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it is, and whatever is in its place."""
    monkeypatch.setenv("CONFIRM_STORE", f"redis+unix://{own_redis_server.socket}")
    assert site.says(*command, code=Exit.UNAVAILABLE) == ""
    assert site.said.err.startswith(f"err-confirm: the store at {own_redis_server.socket} cannot be used now: ")
    no_store = site.folder / "no store.db"
    no_store.write_text("some text\n" * 500)
    monkeypatch.setenv("CONFIRM_STORE", f"sqlite:///{no_store}")
    assert site.says(*command, code=Exit.UNAVAILABLE) == ""
    assert site.said.err.count("\n") == 1


def test_a_server_is_read_as_a_file_is(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_redis_server: RedisServer,
) -> None:
    own_redis_server.start()
    monkeypatch.chdir(tmp_path)
    site = Site(tmp_path, own_redis_server.url, capsys)
    with closing(site.store):
        waits, done = site.asks("one"), site.succeeds("two")
        assert [row["id"] for row in site.rows("pending")] == [waits.id]
        assert [row["id"] for row in site.rows("executions")] == [done.id, waits.id]
        assert site.rows("show", done.id)["execution"]["state"] == "succeeded"
        assert site.rows("verify") == {"lines": 7, "last": 7, "findings": []}
        assert [row["what"] for row in site.rows("export")][-1] == "succeeded"


# pending


def test_pending_lists_what_waits_and_what_runs_soonest_first(site: Site) -> None:
    assert site.says("pending") == "nothing waits\n"
    waits = site.asks("count \u202e it")
    runs = site.asks("two", "carol", Answer("bob", Verdict.APPROVE), Advance("p"))
    site.succeeds()
    out = site.says("pending")
    assert out.startswith(f"{runs.id} count asked by carol · running\n         two\n{waits.id} ")
    assert " asked by alice · " in out
    assert " left · needs anyone\n         count \\u202e it\n" in out
    assert [(row["id"], row["state"]) for row in site.rows("pending")] == [(runs.id, "running"), (waits.id, "pending")]


# show


def test_show_says_what_was_said_what_runs_and_each_step(site: Site) -> None:
    done = site.succeeds("count it")
    out = site.says("show", done.id[:5].upper())
    for words in (f"{done.id} succeeded · count asked by alice", "said: count it", "exit code 0", "  | fine\n"):
        assert words in out
    assert "\\u001b[31mred" in out
    assert [line.split("UTC  ")[1] for line in out.splitlines() if "UTC  " in line] == [
        "asked by alice",
        "posted",
        "confirmed by bob",
        "running",
        "succeeded",
    ]
    shown = site.rows("show", done.id)
    assert shown["execution"]["outcome"]["exit_code"] == 0
    assert [step["what"] for step in shown["journal"]][:2] == ["asked", "posted"]


def test_show_writes_all_that_was_written_as_it_is_and_to_a_terminal_visible(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the file, and where that is not here from the store, which has the end of it."""
    done = site.succeeds("count it")
    assert site.says("show", done.id, "--output") == "fine\n\tand \x1b[31mred\n"
    write_files(site.folder / "data/err-confirm.output", {f"{done.id}-1": "all \x1b[31mof it\n"})
    assert site.says("show", done.id, "--output") == "all \x1b[31mof it\n"
    assert site.says("show", "--output", done.id) == "all \x1b[31mof it\n"
    assert site.says("show", code=Exit.USAGE) == ""
    assert site.says("show", done.id, "--output", "web1", code=Exit.NO) == ""
    assert site.said.err == f"err-confirm: {done.id} has no targets\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert site.says("show", done.id, "--output") == "all \\u001b[31mof it\n"


def test_who_wanted_something_stopped_and_why_is_in_all_books(site: Site) -> None:
    outcome = Outcome(exit_code=None, aborted=True, error="stopped by carol: wrong host")
    events = (Answer("bob", Verdict.APPROVE), Advance("p"), Abort("carol", "wrong host"), Finish("p", 1, outcome))
    asked = site.asks("count it", "alice", *events)
    out = site.says("show", asked.id)
    assert re.findall(r"UTC  (.*)", out)[-2:] == [
        "stopping by carol: wrong host",
        "aborted: stopped by carol: wrong host",
    ]
    (row,) = site.rows("export", "--state", "stopping")
    assert (row["who"], row["facts"]) == ("carol", {"reason": "wrong host"})
    assert [each["id"] for each in site.rows("executions", "--state", "aborted")] == [asked.id]
    assert site.rows("verify")["findings"] == []


def test_show_says_on_what_it_is_done_and_what_its_dry_run_said(site: Site) -> None:
    targets = Target(id="i-1", name="web1"), Target(id="db1")
    preview = Preview(invocation=NOTHING, output="would\n\tdo \x1b[31mit\n")
    asked = site.asks(conduct=Conduct(lookup=Lookup(targets=targets), preview=preview))
    out = site.says("show", asked.id)
    assert "\n  on: web1 (i-1), db1\n  its dry run says:\n  | would\n  |         do \\u001b[31mit\n" in out


def test_show_finds_in_the_journal_what_is_no_longer_kept(site: Site) -> None:
    done = site.asks("count it", "alice", Answer("bob", Verdict.DENY, "not now"))
    with closing(sqlite3.connect(site.folder / "data/s.db")) as connection, connection:
        connection.execute("DELETE FROM record")
    for reference in (done.id, done.id[:6]):
        out = site.says("show", reference)
        assert out.startswith(f"{done.id} is no longer kept; the journal has of it:\n")
        assert out.endswith("denied by bob: not now\n")
    assert site.rows("show", done.id)["execution"] is None


def test_what_follows_and_what_it_follows_name_each_other(site: Site) -> None:
    """Also when the records are gone: the journal has it, too."""
    follow = Conduct(follow={"then": FollowUp(alias="verify"), "else": FollowUp(alias="rollback")})
    place = Place(person="@alice", room="#ops")
    parent = site.engine.create(replace(a_plan(None), conduct=follow), Speaker("alice", place), "deploy")
    assert "  then: verify · if it fails: rollback\n" in site.says("show", parent.id)
    for event in (Posted(), Advance("p"), Finish("p", 1, Outcome(exit_code=0))):
        site.engine.apply(parent.id, event)
    ended, _ = site.engine.read(parent.id)
    assert ended is not None
    after, _ = site.engine.sequel(ended, "then")
    site.engine.create(a_plan(None), Speaker("alice", place), "verify", after=after)
    assert f"  then: {after.id} pending\n" in site.says("show", parent.id)
    assert site.rows("show", parent.id)["followed_by"] == {"then": after.id}
    assert f"  follows {parent.id} (then)\n" in site.says("show", after.id)
    assert f"  asked by alice after {parent.id} (then)\n" in site.says("show", after.id)
    assert f"pending · verify by alice · follows {parent.id} (then)\n" in site.says("executions")
    assert [row["parent"] for row in site.rows("executions")] == [parent.id, ""]


@pytest.mark.parametrize("reference", ["zzzzzzzz", "zzzz", "x", "no such id", ""])
def test_an_id_that_is_none_is_one_line_and_1(site: Site, reference: str) -> None:
    site.asks()
    assert site.says("show", reference, code=Exit.NO) == ""
    assert site.said.err == f"err-confirm: there is no execution {reference}; see: err-confirm executions\n"


def test_the_start_of_several_ids_is_2_and_names_them(site: Site) -> None:
    ids = [f"7f3k{end}" for end in ("aaaa", "bbbb")]
    for name in ids:
        with closing(sqlite3.connect(site.folder / "data/s.db")) as connection, connection:
            asked = site.asks()
            connection.execute("UPDATE record SET id = ? WHERE id = ?", (name, asked.id))
    assert site.says("show", "7f3k", code=Exit.AMBIGUOUS) == ""
    assert site.said.err == f"err-confirm: 7f3k could be {', '.join(ids)}; say more of it\n"


def test_a_record_that_is_forged_is_named_and_its_journal_is_shown(site: Site) -> None:
    asked = site.asks()
    with closing(sqlite3.connect(site.folder / "data/s.db")) as connection, connection:
        connection.execute("UPDATE record SET body = replace(body, 'alice', 'mallo')")
    out = site.says("show", asked.id)
    assert "it is not sealed with our key" in site.said.err
    assert "asked by alice" in out


# executions


def test_executions_are_filtered_by_each_option(site: Site) -> None:
    first, second = site.succeeds("restart web01", "alice"), site.asks("restart web02", "bob")
    for arguments, expected in [
        ((), [second, first]),
        (("--person", "bob"), [second]),
        (("--state", "succeeded"), [first]),
        (("--alias", "count"), [second, first]),
        (("--alias", "other"), []),
        (("--text", "WEB01"), [first]),
        (("--since", "1h"), [second, first]),
        (("--until", "1h"), []),
        (("--since", "2001-01-01", "--until", "2100-01-01", "--person", "alice"), [first]),
        (("--limit", "1"), [second]),
    ]:
        assert [row["id"] for row in site.rows("executions", *arguments)] == [each.id for each in expected], arguments
    assert "… and more; the newest 1 are shown" in site.said.err
    assert site.says("executions", "--state", "lost") == ""
    assert site.said.err == "the journal has no such execution\n"
    assert site.says("executions", "--person", "bob").endswith(f" UTC {second.id} pending · restart web02 by bob\n")


@pytest.mark.parametrize(
    "arguments", [("--since", "monday"), ("--state", "done"), ("--limit", "0"), ("--limit", "x"), ("--until", "")]
)
def test_a_filter_that_means_nothing_is_64(site: Site, arguments: tuple[str, str]) -> None:
    try:
        code = main(["executions", *arguments])
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    assert code == Exit.USAGE
    assert arguments[1] in site.capsys.readouterr().err


# verify


def forge(site: Site, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(site.folder / "data/s.db")) as connection, connection:
        connection.execute(statement, values)


def test_a_whole_journal_is_well_with_every_head_that_was_kept(site: Site) -> None:
    assert site.says("verify") == "0 lines are as they were written, the last is line 0\n"
    site.succeeds()
    heads = [line.head for line in lines(site.store, site.records.seal)]
    kept = [part for head in heads for part in ("--head", f"{head.number}:{head.seal}")]
    assert site.says("verify", *kept) == "5 lines are as they were written, the last is line 5\n"


FORGERIES = {
    "an edit": ("UPDATE journal SET line = replace(line, 'alice', 'mallo') WHERE number = 1", "line 1 was changed"),
    "a swap": (
        "UPDATE journal SET line = (SELECT line FROM journal AS j WHERE j.number = 2) WHERE number = 3",
        "line 3 stands in the wrong place: it is line 2",
    ),
    "a deletion": ("DELETE FROM journal WHERE number = 3", "line 3 is missing"),
    "rubbish": ("UPDATE journal SET line = '{}' WHERE number = 4", "line 4 is no line of a journal"),
    "bytes": ("UPDATE journal SET line = x'ff00' WHERE number = 4", "line 4 is no line of a journal"),
    "no text": ("UPDATE journal SET line = CAST(x'ff' AS TEXT) WHERE number = 4", "line 4 is no line of a journal"),
    "its beginning": ("DELETE FROM journal WHERE number < 3", "lines 1 to 2 are missing at the beginning"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forgery_is_named_with_its_line_and_1(site: Site, forgery: str) -> None:
    site.succeeds()
    statement, finding = FORGERIES[forgery]
    forge(site, statement)
    assert finding in site.says("verify", code=Exit.NO)
    assert main(["verify", "--json"]) == Exit.NO
    assert any(finding in each for each in json.loads(site.capsys.readouterr().out)["findings"])


def test_an_end_that_was_cut_off_shows_by_a_head(site: Site) -> None:
    site.succeeds()
    *_, last = lines(site.store, site.records.seal)
    forge(site, "DELETE FROM journal WHERE number > 3")
    site.says("verify")
    out = site.says("verify", "--head", f"5:{last.head.seal}", code=Exit.NO)
    assert out == "the end is cut off: it ends with line 3, and a head of line 5 was kept\n"


@pytest.mark.parametrize("head", ["5", "5:abc", "x:" + "0" * 64, "5:" + "g" * 64, ""])
def test_a_head_that_is_none_is_64(site: Site, head: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["verify", "--head", head])
    assert exit_.value.code == Exit.USAGE
    assert "write it as it was posted, N:SEAL" in site.capsys.readouterr().err


def a_copy(site: Site) -> Path:
    copy = site.folder / "copy.jsonl"
    copy.write_text("".join(f"{text}\n" for _, text in site.store.journal(0, 100)))
    return copy


def test_a_copy_is_checked_and_compared_with_the_store(site: Site) -> None:
    site.succeeds()
    copy = a_copy(site)
    site.succeeds()
    assert site.says("verify", "--file", str(copy)) == "5 lines are as they were written, the last is line 5\n"
    copy.write_text(copy.read_text().replace("alice", "mallo", 1))
    out = site.says("verify", "--file", str(copy), code=Exit.NO)
    assert f"{copy}: line 1 was changed, or was sealed with another key\n" in out
    assert "line 1 is another one in the store than in the copy\n" in out
    copy.write_bytes(b"\xff\xfe no text\n[]\n" + b"9" * 5_000 + b"\n")
    assert f"{copy}: line 1 is no line of a journal" in site.says("verify", "--file", str(copy), code=Exit.NO)
    assert site.says("verify", "--file", "nowhere.jsonl", code=Exit.USAGE) == ""
    assert site.said.err == "err-confirm: nowhere.jsonl cannot be read: No such file or directory\n"


def test_a_copy_knows_what_was_cut_off_in_the_store_and_what_was_written_anew(site: Site) -> None:
    site.succeeds()
    copy = a_copy(site)
    forge(site, "DELETE FROM journal WHERE number > 3")
    out = site.says("verify", "--file", str(copy), code=Exit.NO)
    assert out == "the end of the store's journal is cut off: it ends with line 3, the copy with 5\n"
    with closing(open_store(site.url, namespace="err-confirm")) as store:
        engine = Engine(store, site.records, lambda _: None)
        for _ in range(4):
            engine.create(a_plan(ANYBODY), Speaker("alice", Place(person="@alice")), "anew")
    out = site.says("verify", "--file", str(copy), code=Exit.NO)
    assert out.startswith("line 4 is another one in the store than in the copy\n")


# export


def test_csv_has_a_row_for_each_line_and_all_that_is_in_it(site: Site) -> None:
    done = site.succeeds('count, "it"\nagain\u2028')
    rows = list(csv.DictReader(io.StringIO(site.says("export", "--format", "csv"))))
    assert [row["what"] for row in rows] == ["asked", "posted", "confirmed", "running", "succeeded"]
    assert {row["execution"] for row in rows} == {done.id}
    assert {row["text"] for row in rows} == {'count, "it"\nagain\u2028'}
    assert {row["alias"] for row in rows} == {"count"}
    assert rows[0]["who"] == "alice"
    assert json.loads(rows[0]["facts"])["action"] == "count"
    assert rows[1]["before"] == rows[0]["seal"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(site: Site, text: str) -> None:
    site.asks(text, text)
    rows = list(csv.DictReader(io.StringIO(site.says("export"), newline="")))
    assert {row["text"] for row in rows} == {f"'{text}"}
    assert rows[0]["who"] == f"'{text}"
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())


def test_json_has_the_same_as_it_is(site: Site) -> None:
    site.asks("=1+1")
    rows = json.loads(site.says("export", "--format", "json"))
    assert rows == site.rows("export")
    assert [(row["number"], row["what"], row["text"]) for row in rows] == [(1, "asked", "=1+1"), (2, "posted", "=1+1")]
    assert rows[0]["facts"]["policy"]["stages"][0]["quorum"]["by"] == ["anyone"]
    assert site.rows("export", "--person", "nobody") == []


def test_an_export_is_filtered_by_what_a_line_tells(site: Site) -> None:
    site.succeeds("one", "alice")
    site.asks("two", "carol", Answer("bob", Verdict.DENY))
    for arguments, numbers in [
        (("--person", "bob"), [3, 8]),
        (("--state", "denied"), [8]),
        (("--state", "asked"), [1, 6]),
        (("--text", "two"), [6, 7, 8]),
        (("--alias", "count", "--person", "carol"), [6]),
        (("--until", "1h"), []),
        (("--since", "1h", "--state", "running"), [4]),
    ]:
        assert [row["number"] for row in site.rows("export", *arguments)] == numbers, arguments


def test_a_file_is_its_owners_alone(site: Site) -> None:
    site.asks()
    assert site.says("export", "--output", "out.csv") == ""
    assert len((site.folder / "out.csv").read_text().splitlines()) == 3
    assert (site.folder / "out.csv").stat().st_mode & 0o777 == 0o600
    (site.folder / "out.csv").chmod(0o644)
    assert site.says("export", "--output", "out.csv") == ""
    assert (site.folder / "out.csv").stat().st_mode & 0o777 == 0o600
    assert site.says("export", "--output", "no/folder.csv", code=Exit.USAGE) == ""
    assert site.said.err == "err-confirm: no/folder.csv cannot be written: No such file or directory\n"


def test_a_line_that_was_changed_ends_an_export_with_1(site: Site) -> None:
    site.succeeds()
    forge(site, "UPDATE journal SET line = replace(line, 'posted', 'passed') WHERE number = 2")
    site.says("export", code=Exit.NO)
    assert site.said.err == (
        "err-confirm: a line of the journal was changed, or was sealed with another key; see: err-confirm verify\n"
    )


def test_the_settings_that_are_read_are_the_bots(site: Site) -> None:
    """Another namespace is another journal, and another key reads nothing."""
    asked = site.asks()
    config = (site.folder / "config.py").read_text()
    write_files(site.folder, {"config.py": f"{config}CONFIRM_NAMESPACE = 'other'\n"})
    assert site.rows("executions") == []
    load_key(site.folder / "data/other.key")
    write_files(site.folder, {"config.py": f"{config}CONFIRM_KEY_FILE = 'data/other.key'\n"})
    assert site.rows("executions") == []
    assert "line 1 was changed, or was sealed with another key" in site.says("verify", code=Exit.NO)
    write_files(site.folder, {"config.py": config})
    assert [row["id"] for row in site.rows("executions")] == [asked.id]
    assert read_settings(object()).namespace == "err-confirm"
