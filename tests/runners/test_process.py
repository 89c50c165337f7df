"""A process group ends by itself, at its time limit or when stopped, and leaves nothing behind."""

import os
import resource
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from err_confirm.errors import StartError
from err_confirm.model.runs import Outcome
from servers import PATIENCE, eventually

FAMILY = """
import os, signal, sys
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "quiet" in sys.argv:
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    os.dup2(1, 2)
for _ in range(2):
    if os.fork():
        break
with open(sys.argv[1], "w") as news:
    news.write(f"{os.getpid()}\\n")
while True:
    signal.pause()
"""

WORKER = """
import os, signal, sys

def tell(line):
    with open(sys.argv[1], "w") as news:
        news.write(f"{line}\\n")

def clean_up(*_):
    tell("asked to end")
    signal.sigwait([signal.SIGUSR1])
    open("done", "w").close()
    sys.exit()

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
signal.signal(signal.SIGTERM, clean_up)
tell(os.getpid())
while True:
    signal.pause()
"""


def open_descriptors():
    """Return how many descriptors this process has."""
    return len(os.listdir("/proc/self/fd"))


def children():
    """Return the ids of all children of this process, those too that nobody has reaped."""
    stats = {int(path.parent.name): path for path in Path("/proc").glob("[0-9]*/stat")}
    found = set()
    for pid, path in stats.items():
        with suppress(FileNotFoundError, ProcessLookupError):
            if int(path.read_bytes().rpartition(b")")[2].split()[1]) == os.getpid():
                found.add(pid)
    return found


@pytest.fixture
def input_of_the_bot():
    """Return a function that puts something into this process's standard input."""
    saved = os.dup(0)
    read, write = os.pipe()
    os.dup2(read, 0)
    os.close(read)
    with os.fdopen(write, "wb", buffering=0) as pipe:
        yield pipe.write
    os.dup2(saved, 0)
    os.close(saved)


def is_stopped(pid):
    """Return whether a process stands still, as SIGSTOP makes it."""
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"T"


def all_free_descriptors():
    """Take every descriptor that this process may still have."""
    taken = []
    with suppress(OSError):
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    return taken


class TestStart:
    """How it begins."""

    def test_it_has_a_session_of_its_own(self, ended, script):
        """No terminal, no group shared with the bot."""
        text = "import os; print(os.getsid(0) == os.getpgid(0) == os.getpid())"
        assert ended(command=script(text)).output == "True\n"

    def test_it_has_nothing_to_read(self, ended, input_of_the_bot):
        """Its standard input is at its end, whatever the bot's holds."""
        input_of_the_bot(b"typed at the bot\n")
        assert ended(command=["cat"]) == Outcome(exit_code=0)

    def test_no_descriptor_is_inherited(self, ended, script):
        """Not even one that the bot holds open for its children."""
        read, write = os.pipe()
        os.set_inheritable(write, True)
        outcome = ended(command=script("import os; print(sorted(os.listdir('/proc/self/fd'), key=int)[:-1])"))
        os.close(read)
        os.close(write)
        assert outcome.output == "['0', '1', '2']\n"

    def test_it_runs_in_its_folder_and_its_program_is_found_from_there(self, ended, tmp_path):
        """A path with a slash is seen from `cwd`, not from where the bot is."""
        (tmp_path / "sub").mkdir()
        program = tmp_path / "sub" / "program"
        program.write_text("#!/bin/sh\npwd\n")
        program.chmod(0o755)
        assert ended(command=["./program"], cwd="sub").output == f"{tmp_path}/sub\n"

    @pytest.mark.parametrize(
        ("command", "cwd", "why"),
        [
            (["no-such-program"], ".", r"no such program in /usr/local/sbin:.*; install it"),
            (["./missing"], ".", r"no such file, seen from .*; correct its path"),
            (["./plain/x"], ".", r"no such file, seen from"),
            (["/etc"], ".", "it is a folder; name a program in it"),
            (["./plain"], ".", r"not executable for the bot's user; set its x permission"),
            (["./orphan"], ".", r"the interpreter that its first line names does not exist"),
            (["./noise"], ".", r"not a program of this machine"),
            (["true"], "missing", r"its folder .*/missing cannot be entered \(No such file"),
            (["true"], "plain", r"its folder .*/plain cannot be entered \(Not a directory"),
            (["true", "x" * 300_000], ".", r"arguments are longer than the system allows"),
        ],
    )
    def test_what_cannot_be_started_is_said_in_a_sentence(self, started, tmp_path, command, cwd, why):
        """It names the program and what to change."""
        (tmp_path / "plain").write_text("x")
        for name, text in (("orphan", "#!/no/such/interpreter\n"), ("noise", "\x01\x02")):
            (tmp_path / name).write_text(text)
            (tmp_path / name).chmod(0o755)
        with pytest.raises(StartError, match=why) as raised:
            started(command=command, cwd=cwd)
        assert str(raised.value).startswith(f'cannot start "{command[0]}": ')


class TestOwnEnd:
    """How it ends if nobody ends it."""

    @pytest.mark.parametrize("code", [0, 1, 127, 255])
    def test_its_exit_code_and_both_outputs_are_reported(self, ended, code):
        """Errors stand where they were written, between the rest."""
        outcome = ended(command=["sh", "-c", f"echo a; echo b >&2; echo c; exit {code}"])
        assert outcome == Outcome(exit_code=code, output="a\nb\nc\n")
        assert outcome.succeeded == (code == 0)

    @pytest.mark.parametrize(("number", "name"), [(signal.SIGKILL, "KILL"), (signal.SIGSEGV, "SEGV"), (40, "40")])
    def test_a_signal_from_elsewhere_is_named(self, ended, number, name):
        """The exit code is the one that a shell would give."""
        outcome = ended(command=["sh", "-c", f"kill -{int(number)} $$"])
        assert outcome == Outcome(exit_code=128 + number, error=f"ended by signal {name}")
        assert not outcome.succeeded

    def test_wait_returns_nothing_while_it_runs(self, started, news):
        """It can be asked again and again, and says the same once it has ended."""
        running = started({"news": news.path}, command=["sh", "-c", 'echo go > "$0"; read line', "{{ news }}"])
        assert running.wait(PATIENCE) == Outcome(exit_code=1)
        running = started({"news": news.path}, command=["sh", "-c", 'echo $$ > "$0"; kill -STOP $$', "{{ news }}"])
        assert news.line() == "go"
        process = news.process()
        eventually(lambda: is_stopped(process.pid))
        assert running.wait(0) is None
        signal.pidfd_send_signal(process.descriptor, signal.SIGCONT)
        assert running.wait(PATIENCE) == running.wait(0) == Outcome(exit_code=0)

    @pytest.mark.parametrize("ends_with", ["", "exit 3"])
    def test_a_grandchild_that_holds_the_output_does_not_hold_the_end(self, ended, news, ends_with):
        """It goes on by itself, as started by a shell."""
        code = 'sleep 600 & echo $! > "$0"; echo early; ' + ends_with
        outcome = ended({"news": news.path}, command=["sh", "-c", code, "{{ news }}"])
        assert outcome == Outcome(exit_code=3 if ends_with else 0, output="early\n")
        grandchild = news.process()
        assert not grandchild.is_gone(within=0)


class TestOutput:
    """What is kept of what it writes."""

    def test_a_flood_is_capped_and_counted(self, ended, script):
        """The end is kept, the writer is never blocked."""
        text = "import os\nfor n in range(160): os.write(1, b'x' * 65_536)\nos.write(1, b'the end')"
        outcome = ended(command=script(text), output_cap=1_000)
        assert outcome.exit_code == 0
        assert outcome.output == "x" * 993 + "the end"
        assert outcome.omitted_bytes == 160 * 65_536 + 7 - 1_000

    @pytest.mark.parametrize(("size", "omitted"), [(0, 0), (9, 0), (10, 0), (11, 1), (20, 10)])
    def test_not_one_byte_is_kept_or_left_out_too_many(self, ended, size, omitted):
        """The cap is exact."""
        outcome = ended(command=["printf", "%s", "x" * size], output_cap=10)
        assert (len(outcome.output), outcome.omitted_bytes) == (size - omitted, omitted)

    def test_bytes_that_are_no_text_are_replaced(self, ended):
        """Whatever it writes can be stored and shown."""
        assert ended(command=["printf", r"a\377\303\244"]).output == "a\ufffdä"

    def test_a_process_that_closes_its_output_still_runs(self, ended):
        """The end of its output is not its end."""
        assert ended(command=["sh", "-c", "exec >&- 2>&-; sleep 0.1; exit 4"]) == Outcome(exit_code=4)


class TestTimeLimit:
    """What happens when its time is over."""

    def test_the_whole_group_is_ended(self, started, script, news):
        """Child and grandchild go, too, and the sentence says why."""
        for limit in (1, 5, 25):  # a slow machine needs more
            running = started({"n": news.path}, command=[*script(FAMILY), "{{ n }}"], timeout=limit)
            family = news.processes(3, running)
            error = f"stopped after its time limit of {limit} s"
            assert running.wait(PATIENCE) == Outcome(exit_code=None, error=error)
            assert all(process.is_gone() for process in family)
            if len(family) == 3:
                break
        assert len(family) == 3

    def test_what_it_wrote_until_then_is_kept(self, out_of_time):
        """Its last words on being asked to end as well."""
        code = "trap 'echo bye; exit 0' TERM; echo hello; sleep 600 & wait"
        outcome = out_of_time(lambda outcome: len(outcome.output.split()) > 1, command=["sh", "-c", code])
        assert outcome.output == "hello\nbye\n"

    def test_an_endless_flood_does_not_keep_it_alive(self, out_of_time):
        """The clock is looked at between two pieces of output."""
        outcome = out_of_time(lambda outcome: outcome.omitted_bytes > 65_536, command=["yes"], output_cap=4)
        assert outcome.output == "y\ny\n"


class TestStop:
    """What happens when it is to end before its time."""

    @pytest.mark.parametrize("kind", [[], ["quiet"], ["stubborn"], ["stubborn", "quiet"]])
    def test_the_whole_group_is_ended_and_it_is_aborted(self, started, script, news, kind):
        """Asked first, killed when it does not listen; whoever writes nothing is found, too."""
        running = started({"n": news.path}, command=[*script(FAMILY), "{{ n }}", *kind])
        family = [news.process() for _ in range(3)]
        assert running.wait(0) is None
        running.stop("stopped by alice")
        assert running.wait(PATIENCE) == Outcome(exit_code=None, error="stopped by alice", aborted=True)
        assert all(process.is_gone() for process in family)

    def test_a_grandchild_has_the_whole_grace_to_clean_up(self, started, script, news, tmp_path):
        """The first process ends at once; another one, which writes elsewhere, may finish its work."""
        worker = [*script(WORKER, "worker.py"), "{{ n }}"]
        code = 'echo $$ > "$0"; "$@" >/dev/null 2>&1 & wait'
        running = started({"n": news.path}, command=["sh", "-c", code, "{{ n }}", *worker])
        leader, child = news.process(), news.process()
        running.stop("stopped")
        assert news.line() == "asked to end"
        assert leader.is_gone()
        assert running.wait(0.2) is None
        signal.pidfd_send_signal(child.descriptor, signal.SIGUSR1)
        assert running.wait(PATIENCE) == Outcome(exit_code=None, error="stopped", aborted=True)
        assert (tmp_path / "done").exists()

    def test_the_first_reason_counts(self, started, script, news):
        """A second stop does not change the sentence."""
        running = started({"n": news.path}, command=[*script(FAMILY), "{{ n }}"])
        assert [news.line() for _ in range(3)]
        running.stop("first")
        running.stop("second")
        assert running.wait(PATIENCE).error == "first"
        running.stop("third")
        assert running.wait(0).error == "first"

    def test_what_has_ended_by_itself_is_reported_as_what_it_was(self, started):
        """A stop that comes too late says nothing."""
        running = started(command=["sh", "-c", "exit 7"])
        assert running.wait(PATIENCE) == Outcome(exit_code=7)
        running.stop("too late")
        assert running.wait(0) == Outcome(exit_code=7)

    def test_an_end_a_time_limit_and_stops_at_once_give_one_outcome(self, started):
        """Whoever is first wins, everybody reads the same, nobody hangs."""
        for _ in range(30):
            running = started(command=["sh", "-c", "exit 7"], timeout="2ms")
            seen = []
            threads = [threading.Thread(target=lambda r=running, s=seen: s.append(r.wait(PATIENCE))) for _ in range(3)]
            threads += [threading.Thread(target=running.stop, args=("stopped",)) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert seen == [running.wait(0)] * 3
            assert seen[0] in (
                Outcome(exit_code=7),
                Outcome(exit_code=None, error="stopped", aborted=True),
                Outcome(exit_code=None, error="stopped after its time limit of 0.002 s"),
            )


def test_nothing_is_left_of_any_kind_of_end(started, script, news):
    """No zombie, no descriptor, no thread, however it ended."""
    family = [*script(FAMILY), "{{ n }}"]
    started(command=["true"]).wait(PATIENCE)
    before, others = open_descriptors(), children()
    for _ in range(5):
        started(command=["true"]).wait(PATIENCE)
        started(command=["sh", "-c", "kill -9 $$"]).wait(PATIENCE)
        started(command=["sleep", "600"], timeout="1ms").wait(PATIENCE)
        running = started({"n": news.path}, command=family)
        assert [news.line() for _ in range(3)]
        running.stop("stopped")
        running.wait(PATIENCE)
        with pytest.raises(StartError):
            started(command=["./missing"])
    assert open_descriptors() == before
    assert children() == others


def test_a_bot_without_room_for_a_thread_starts_nothing(started):
    """The process that nobody could watch is gone before the refusal is said."""
    before, others = open_descriptors(), children()
    usual = threading.stack_size(2**46)
    try:
        with pytest.raises(StartError, match="the system is at its limit"):
            started(command=["sleep", "600"])
    finally:
        threading.stack_size(usual)
    assert open_descriptors() == before
    assert children() == others


def test_a_bot_without_descriptors_starts_all_or_nothing(started):
    """What was begun is undone, however far it came."""
    before, others = open_descriptors(), children()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 20, limits[1]))
    held, refused = [], 0
    try:
        for room in range(12):
            held += all_free_descriptors()
            for _ in range(room):
                os.close(held.pop())
            try:
                running = started(command=["sleep", "600"])
            except StartError:
                refused += 1
            else:
                running.stop("stopped")
                assert running.wait(PATIENCE) is not None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in held:
            os.close(descriptor)
    assert 3 < refused < 12
    assert open_descriptors() == before
    assert children() == others
