"""A real sshd on loopback, for one user of its own, with keys of its own; nothing of the system is changed.

`make setup` has unpacked it into `.venv/sshd`. It knows its one user through nss_wrapper, which lets a program read
other files instead of /etc/passwd (https://cwrap.org/nss_wrapper.html). As root it would want a user and a folder of
the system, so it never runs as root.
"""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servers import PATIENCE, eventually
from talk import ROOT

UNPACKED = ROOT / ".venv/sshd"
NOBODY = 65_534


def is_there() -> bool:
    """Tell whether it was unpacked here."""
    return (UNPACKED / "usr/sbin/sshd").exists()


@contextmanager
def an_sshd(folder: Path) -> Iterator[list[str]]:
    """Run one that keeps its files in `folder`, `home` among them; yield ssh and its options for `alice@127.0.0.1`."""
    user = NOBODY if os.getuid() == 0 else os.getuid()
    _open_up(folder)
    for name in ("host", "alice"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    os.chown(folder / "host", user, -1)
    home = folder / "home"
    home.mkdir()
    os.chown(home, user, -1)
    (folder / "passwd").write_text(f"alice:x:{user}:{user}::{home}:/bin/sh\n")
    (folder / "group").write_text(f"alice:x:{user}:\n")
    port = _free_port()
    config = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "alice.pub",
        "PidFile": "none",
        "UsePAM": "no",
        "StrictModes": "no",
        "MaxSessions": 100,
    }
    (folder / "sshd_config").write_text("".join(f"{key} {value}\n" for key, value in config.items()))
    (library,) = UNPACKED.glob("usr/lib/*/libnss_wrapper.so")
    log = (folder / "sshd.log").open("w")
    server = subprocess.Popen(
        [UNPACKED / "usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd_config"],
        env={
            "PATH": "/usr/bin:/bin",
            "LD_LIBRARY_PATH": str(library.parent),
            "LD_PRELOAD": str(library),
            "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
            "NSS_WRAPPER_GROUP": str(folder / "group"),
        },
        stderr=log,
        **({"user": user, "group": user, "extra_groups": []} if os.getuid() == 0 else {}),
    )
    try:
        eventually(lambda: _answers(port) or server.poll() is not None)
        assert server.poll() is None, f"sshd does not answer: {(folder / 'sshd.log').read_text()}"
        options = {
            "Port": port,
            "IdentityFile": folder / "alice",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ControlMaster": "auto",  # one connection for all: 200 of them would take a minute
            "ControlPath": folder / "control",
            "ControlPersist": "60",
        }
        yield ["ssh", "-F", "none", *(part for key, value in options.items() for part in ("-o", f"{key}={value}"))]
        subprocess.run(["ssh", "-F", "none", "-o", f"ControlPath={folder / 'control'}", "-O", "exit", "x"], check=False)
    finally:
        server.terminate()
        server.wait(PATIENCE)
        log.close()


def _open_up(folder: Path) -> None:
    """Let another user get to a folder below the system's folder for temporary files."""
    for each in (folder, *folder.parents):
        if os.stat(each).st_uid == os.getuid() and each != Path("/"):
            each.chmod(each.stat().st_mode | 0o011)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
