"""Start one process in a session of its own, or say in one sentence why it cannot be started."""

import errno
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from err_confirm.errors import StartError


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What to start: `env` is its whole environment, `timeout` in seconds, `output_cap` and `stdin` in bytes.

    With `tidy`, what it leaves behind in the background is ended with it.
    All that it writes goes into the file `keep`, if there is one.
    `user` is the OS user as whom it runs, empty for the bot's own.
    """

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    timeout: float
    output_cap: int
    stdin: bytes = b""
    tidy: bool = False
    keep: Path | None = None
    user: str = ""


def spawn(launch: Launch) -> subprocess.Popen[bytes]:
    """Start it, without a shell, its output and its errors in one pipe. Raises StartError.

    Everything is handed over as UTF-8, so that a byte does not depend on the bot's locale.
    """
    identity = _identity(launch.user)
    with _stdin(launch.stdin) as stdin:
        try:
            return subprocess.Popen(
                [argument.encode() for argument in launch.argv],
                cwd=launch.cwd.encode(),
                env={name.encode(): value.encode(errors="surrogateescape") for name, value in launch.env.items()},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
                **identity,
            )
        except OSError as error:
            raise StartError(f'cannot start "{launch.argv[0]}": {_why(launch, error)}') from error


def _identity(user: str) -> dict[str, Any]:
    """Return how `Popen` makes a process somebody else's, all their groups included. Raises StartError."""
    if not user:
        return {}
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise StartError(f'cannot run as {user}: this machine has no such user; create it, or change "as"') from None
    if os.geteuid() == entry.pw_uid:
        return {}
    if os.geteuid() != 0:
        raise StartError(
            f"cannot run as {user}: only root can become somebody else; let a worker that {user} has started run it"
        )
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": os.getgrouplist(user, entry.pw_gid)}


@contextmanager
def _stdin(content: bytes) -> Iterator[int]:
    """Open something to read `content` from: a file, because a pipe could fill up and block us."""
    if not content:
        yield subprocess.DEVNULL
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield file.fileno()


def _why(launch: Launch, error: OSError) -> str:
    program = launch.argv[0]
    if error.filename == launch.cwd.encode():
        return f"its folder {launch.cwd} cannot be entered ({error.strerror}); create it, or change `cwd`"
    match error.errno:
        case errno.ENOENT if "/" not in program:
            return f"no such program in {launch.env['PATH']}; install it, or give its path"
        case errno.ENOENT if os.path.exists(os.path.join(launch.cwd, program)):
            return "the interpreter that its first line names does not exist; correct that line"
        case errno.ENOENT | errno.ENOTDIR:
            return f"no such file, seen from {launch.cwd}; correct its path"
        case errno.EACCES if os.path.isdir(os.path.join(launch.cwd, program)):
            return "it is a folder; name a program in it"
        case errno.EACCES:
            whose = f"the user {launch.user}" if launch.user else "the bot's user"
            return f"it is not executable for {whose}; set its x permission, and that of its folders"
        case errno.ENOEXEC:
            return "it is not a program of this machine; a script needs a first line such as #!/bin/sh"
        case errno.E2BIG:
            return "its arguments are longer than the system allows; give fewer"
    return f"{error.strerror}; correct the action, or what it needs"
