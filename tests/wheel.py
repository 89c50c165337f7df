"""The wheel of this checkout, built and installed without a network into an environment of its own."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import ZipFile

from terminal import ROOT

NOT_IN_GIT = (".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "data")


@dataclass
class Installed:
    """Where a wheel was installed: an environment that also sees what `make setup` has installed."""

    wheel: Path
    folder: Path

    @cached_property
    def python(self) -> str:
        """The Python of the environment."""
        return str(self.folder / "bin/python")

    def runs(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the environment, somewhere without any files of ours."""
        program, *arguments = command
        return subprocess.run(
            [str(self.folder / "bin" / program), *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def a_copy(folder: Path) -> Path:
    """Copy this checkout, without what Git leaves alone."""
    copy = folder / "err-confirm"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*NOT_IN_GIT))
    return copy


def install(folder: Path) -> Installed:
    """Build the wheel and install it, as `pip install` of this checkout does, but for what it needs."""
    pip(sys.executable, "wheel", "--no-build-isolation", "--wheel-dir", str(folder), str(a_copy(folder)))
    (wheel,) = folder.glob("*.whl")
    installed = Installed(wheel, folder / "venv")
    venv.create(installed.folder, symlinks=True)
    site = installed.folder / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    (site / "development.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip(installed.python, "install", str(wheel))
    return installed


def pip(python: str, command: str, *arguments: str) -> None:
    """Run the pip of this environment for a Python."""
    options = ["--python", python, "--isolated", "--disable-pip-version-check", command, "--no-index", "--no-deps"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *options, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def files(wheel: Path) -> set[str]:
    """Return the names of the files in a wheel."""
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}
