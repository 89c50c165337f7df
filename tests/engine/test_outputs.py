"""All that a run writes is in a file, as long as its execution is kept, and no file makes a run suffer."""

import errno
import json
import logging
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import an_execution
from err_confirm.engine.outputs import LONGEST_PAGE, PAGE_LINES, Output, Outputs, page
from err_confirm.engine.results import LARGEST_JSON, LARGEST_RESULT, with_value
from err_confirm.model.runs import Outcome
from err_confirm.runners.processes import keeping
from err_confirm.runners.processes.keeping import Keeping
from err_confirm.runners.processes.launch import Launch
from err_confirm.runners.processes.process import ProcessGroup
from err_confirm.transition.steps import KEEP
from servers import PATIENCE

RAN = an_execution(fence=2)
OK = Outcome(exit_code=0)


def ran(path: Path, script: str, cap: int = 10) -> Outcome:
    """Run a line of a shell whose output is kept."""
    environment = {"PATH": os.defpath}
    launch = Launch(argv=["sh", "-c", script], cwd="/", env=environment, timeout=PATIENCE, output_cap=cap, keep=path)
    outcome = ProcessGroup(launch).wait(PATIENCE)
    assert outcome is not None
    return outcome


def kept(folder: Path, content: bytes) -> Output:
    (folder / "7f3kq2xa-2").write_bytes(content)
    found = Outputs(folder).find(RAN)
    assert found is not None
    return found


def test_all_that_a_run_writes_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "data/output")
    outcome = ran(outputs.path(RAN), "seq 1000; echo oops >&2")
    assert (outcome.output, outcome.omitted_bytes) == ("1000\noops\n", 3_888)
    found = outputs.find(RAN)
    assert found is not None
    assert found.read(found.size) == "".join(f"{number}\n" for number in range(1, 1_001)).encode() + b"oops\n"
    assert [oct(path.stat().st_mode & 0o777) for path in (found.path, found.path.parent)] == ["0o600", "0o700"]
    ran(outputs.path(replace(RAN, fence=3)), "true")
    assert os.listdir(tmp_path / "data/output") == ["7f3kq2xa-2"]


def broken_folder(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("no folder")


def file_of_another(path: Path) -> None:
    path.write_text("theirs")


def link(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))


@pytest.mark.parametrize("prepare", [broken_folder, file_of_another, link])
def test_where_nothing_can_be_kept_it_runs_all_the_same(tmp_path: Path, prepare: object, caplog: object) -> None:
    """And what is there stays as it is."""
    path = tmp_path / "out/7f3kq2xa-2"
    path.parent.mkdir()
    assert callable(prepare)
    prepare(path)
    assert ran(path, "echo fine") == Outcome(exit_code=0, output="fine\n")
    assert isinstance(caplog, pytest.LogCaptureFixture)
    assert "not all that a run says is kept in" in caplog.text
    assert not (path.parent.is_dir() and path.exists() and path.read_bytes() not in (b"theirs",))


def test_a_flood_is_kept_up_to_a_limit_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """That of one target of a loop up to a lower one."""
    written = keeping.MOST_OF_A_TARGET + 5_000
    outcome = ran(tmp_path / "7f3kq2xa-2.7", f"head -c {written} /dev/zero", cap=1)
    assert (outcome.exit_code, outcome.omitted_bytes) == (0, written - 1)
    assert (tmp_path / "7f3kq2xa-2.7").stat().st_size == keeping.MOST_OF_A_TARGET
    assert "it has written 1,048,576 bytes, and no more of it is kept" in caplog.text


def test_a_full_disk_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`/dev/full` stands for it: to open it anew is refused, so it stands in for a file that was opened before."""
    one = Keeping(tmp_path / "7f3kq2xa-2")
    one.write(b"before")
    file = os.open("/dev/full", os.O_WRONLY)
    assert one._file is not None
    os.dup2(file, one._file)
    os.close(file)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            one.write(b"after")
    assert caplog.text.count(os.strerror(errno.ENOSPC)) == 1
    assert (tmp_path / "7f3kq2xa-2").read_bytes() == b"before"


def test_only_our_old_files_of_what_is_forgotten_are_removed(tmp_path: Path) -> None:
    """A link, a folder and a file of another name stay, and so does what the store still has."""
    names = ["7f3kq2xa-1", "7f3kq2xa-1.12", "9abcdefg-1", "8abcdefg-1", "notes.txt", "7f3kq2xa-1.txt"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "7f3kq2xa-4").mkdir()
    (tmp_path / "7f3kq2xa-5").symlink_to(tmp_path / "notes.txt")
    os.utime(tmp_path / "8abcdefg-1", (0, 5.0))
    for name in (*names[:3], *names[4:]):
        os.utime(tmp_path / name, (0, 0))
    Outputs(tmp_path, clock=lambda: KEEP + 5.0).forget_old(lambda execution_id: execution_id == "9abcdefg")
    left = {"9abcdefg-1", "8abcdefg-1", "notes.txt", "7f3kq2xa-1.txt", "7f3kq2xa-4", "7f3kq2xa-5"}
    assert set(os.listdir(tmp_path)) == left
    Outputs(tmp_path / "nowhere").forget_old(lambda _: False)


@given(text=st.text(st.sampled_from("aé€𝄞\n"), max_size=400), times=st.sampled_from([1, 10, 60]))
def test_pages_together_are_the_whole_output_and_none_cuts_a_letter(text: str, times: int) -> None:
    whole = (text * times).encode()
    _, count = page(whole, 1)
    pages = [page(whole, number)[0] for number in range(1, count + 1)]
    assert "".join(pages) == text * times
    assert all(each and len(each.encode()) <= LONGEST_PAGE and each.count("\n") <= PAGE_LINES for each in pages)
    assert [page(whole, number)[0] for number in (0, count + 1, 10**9)] == ["", "", ""]


JSON = {
    '{"free": [1, 2.5, null, "é"]}\n': {"free": [1, 2.5, None, "é"]},
    " 3 ": 3,
    "[" * 32 + "]" * 32: json.loads("[" * 32 + "]" * 32),
}
NO_JSON = {
    "": "it is empty",
    "starting\n{}": "line 1, column 1",
    "{}\n{}": "line 2, column 1",
    '{"a": NaN}': "NaN is no number",
    "1e999": "not JSON compliant",
    "9" * 5_000: "Exceeds the limit",
    r'"\ud800"': "half a character",
    "[" * 33 + "]" * 33: "more than 32 lists",
    "[" * 50_000: "more than 32 lists",
    f'"{"é" * (LARGEST_RESULT // 2)}"': "65,538 bytes as JSON",
}


@pytest.mark.parametrize("text", JSON)
def test_one_json_value_is_a_result(text: str) -> None:
    assert with_value(replace(OK, output=text), None) == replace(OK, output=text, value=JSON[text])


@pytest.mark.parametrize("text", NO_JSON, ids=lambda text: text[:12])
def test_what_is_no_usable_json_fails_and_keeps_its_exit_code(text: str) -> None:
    outcome = with_value(replace(OK, output=text), None)
    assert outcome.error.startswith("its result cannot be used: ")
    assert NO_JSON[text] in outcome.error
    assert (outcome.succeeded, outcome.exit_code, outcome.value) == (False, 0, None)


def test_a_result_is_read_from_all_of_the_output_where_only_its_end_is_in_the_store(tmp_path: Path) -> None:
    """And if that is not all here, or too much, it has none; what failed anyway has its own reason."""
    text = json.dumps(["€" * 2_000], ensure_ascii=False).encode()
    outcome = Outcome(exit_code=0, output=text[-100:].decode(errors="replace"), omitted_bytes=len(text) - 100)
    assert with_value(outcome, kept(tmp_path, text)).value == ["€" * 2_000]
    for found in (None, kept(tmp_path, text[:-1])):
        assert "could not be kept whole" in with_value(outcome, found).error
    assert "more than 1,048,576 bytes" in with_value(outcome, kept(tmp_path, b" " * (LARGEST_JSON + 1))).error
    failed = replace(outcome, exit_code=3)
    assert with_value(failed, None) == failed
