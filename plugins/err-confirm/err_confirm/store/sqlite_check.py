"""Judge the file of a store by where it lies and who else may open it."""

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from err_confirm.health import Finding, error, warning, well

_NETWORK = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs", "gfs2", "glusterfs"}
    | {"lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs"}
)
"""File systems whose files may be open on another machine: SQLite's locks and shared memory do not hold there
(https://www.sqlite.org/wal.html, https://www.sqlite.org/howtocorrupt.html)."""


def modes(path: Path) -> Iterator[Finding]:
    """Yield who else may open the file, those beside it, and change the folder that they are in."""
    files = [
        each
        for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", ".lock")))
        if each.exists()
    ]
    opened = [each for each in files if each.stat().st_mode & 0o077]
    for each in opened:
        mode = stat.S_IMODE(each.stat().st_mode)
        yield error(f"{each} is open to others (mode {mode:04o})", f"chmod 600 {each}")
    if not opened:
        yield well("its files are open to their owner alone")
    folder = path.parent
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o022 and not mode & stat.S_ISVTX:
        yield error(f"others may put files into {folder} (mode {mode:04o})", f"chmod go-w {folder}")


def file_system(path: Path, mounts: Iterable[str]) -> Finding:
    """Return whether a file lies on this machine.

    Args:
        path: an absolute path without links.
        mounts: the lines of /proc/self/mountinfo (https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html).
    """
    best, kind = Path(), ""
    for line in mounts:
        before, _, after = line.partition(" - ")
        place = Path(before.split()[4].encode().decode("unicode_escape"))
        if path.is_relative_to(place) and len(place.parts) >= len(best.parts):
            best, kind = place, after.split()[0]
    if not kind:
        return warning("on what file system it lies cannot be seen", "see to it that it is no network file system")
    if kind in _NETWORK:
        return error(
            f"it lies on a network file system ({kind} on {best}), where SQLite's locks do not hold",
            "move it to a disk of this machine, or use Redis",
        )
    return well("it lies on this machine")


def mounted() -> list[str]:
    """Return what is mounted here, a line each; nothing where Linux does not tell."""
    try:
        return Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return []
