"""What a killed process has started is ended by the one that watches, and can clean up before."""

import subprocess
import sys
from pathlib import Path

from servers import eventually

COUNTS = """
import signal, subprocess, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
unblocked = lambda: signal.pthread_sigmask(signal.SIG_SETMASK, [])
others = [subprocess.Popen(["sleep", "60"], preexec_fn=unblocked) for _ in range(100)]
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
asked = 1
while signal.sigtimedwait([signal.SIGTERM], 0.3):
    asked += 1
with open(sys.argv[1], "w") as file:
    file.write(str(asked))
"""
DIES = f"""
import os, signal, subprocess, sys
from err_confirm.runners.processes.orphans import no_orphans
with no_orphans("MARK", sys.argv[1]):
    started = subprocess.Popen(
        [sys.executable, "-c", {COUNTS!r}, sys.argv[1]],
        env={{"MARK": sys.argv[1], "PATH": "/usr/bin:/bin"}}, start_new_session=True, stdout=subprocess.PIPE,
    )
    started.stdout.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_group_is_asked_to_end_once_however_many_processes_it_has(tmp_path: Path) -> None:
    """A second signal would end the programs with which it cleans up: a folder was left, and the next run failed."""
    asked = tmp_path / "asked"
    subprocess.run([sys.executable, "-c", DIES, str(asked)], env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    eventually(lambda: asked.exists() and asked.read_text() != "")
    assert asked.read_text() == "1"
