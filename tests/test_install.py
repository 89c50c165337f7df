"""Three ways into a bot, each one a real `errbot` process with which somebody talks."""

import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from terminal import ROOT, Terminal, a_terminal
from wheel import Installed, a_copy, files, install

PLUGINS = ROOT / "plugins/err-confirm"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ID = "([0-9a-hjkmnp-tv-z]{8})"
NEIGHBOUR = {
    "neighbour.plug": "[Core]\nName = Neighbour\nModule = neighbour\n",
    # Its own `settings` has the name of a module of ours.
    "settings.py": "GREETING = 'good morning'\n",
    "neighbour.py": """
import json, sys
from errbot import BotPlugin, botcmd
from settings import GREETING

class Neighbour(BotPlugin):
    @botcmd
    def paths(self, msg, args):
        return "paths: " + json.dumps(sys.path)
""",
}
"""Another plugin, which also tells where this bot's modules come from."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(tmp_path_factory.mktemp("wheel"))


def test_a_machine_with_apt_can_make_setup(tmp_path: Path) -> None:
    """The sshd of the tests is unpacked into a folder that is named from where make runs; without it all goes on."""
    for tool, does in {"apt-get": 'for last; do :; done; touch "$last.deb"', "dpkg": 'mv "$2" "$3/unpacked"'}.items():
        (tmp_path / tool).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / tool).chmod(0o755)
    (tmp_path / ".venv").mkdir()
    fetch = [ROOT / "tests/fetch_sshd.sh", ".venv/sshd"]
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(fetch, cwd=tmp_path, env=path, check=True)
    assert [path.name for path in (tmp_path / ".venv").rglob("*")] == ["sshd", "unpacked"]
    (tmp_path / "apt-get").write_text("#!/bin/sh\nexit 100\n")
    subprocess.run(fetch, cwd=tmp_path, env=path, check=True)
    assert (tmp_path / ".venv/sshd/unpacked").exists()


def talks(terminal: Terminal) -> None:
    """Ask, read the prompt, confirm, and see the end."""
    terminal.types("!do_something with h1,h2 word")
    terminal.shows("runs: ./actions/do_something h1 h2 --with word$")
    asked = terminal.shows(f"^!confirm {ID}$")[1]
    terminal.types(f"!confirm {asked}")
    terminal.shows(f"{asked} confirmed by alice, running")
    terminal.shows(f"{asked} succeeded in .*: said word to h1 h2$")


def runs_a_function(terminal: Terminal) -> None:
    """See the end of an action that is a Python function, which our library runs in a process of its own."""
    terminal.types("!clean up /tmp older than 3000 days")
    asked = bob_confirms(terminal)
    terminal.shows(f"{asked} succeeded")


def bob_confirms(terminal: Terminal) -> str:
    """Let another person confirm what was asked for, and return its id."""
    asked = terminal.shows(f"^!confirm {ID}$")[1]
    for line in ("!asuser bob", f"!confirm {asked}", "!asadmin"):
        terminal.types(line)
    return asked


def ends_cleanly(terminal: Terminal, folder: Path) -> None:
    assert terminal.ends() == 0
    assert re.findall(r"^.*(?:ERROR|Traceback).*$", (folder / "data/errbot.log").read_text(), re.MULTILINE) == []


def a_repository(folder: Path) -> Path:
    """Make a Git repository of all that is in a folder."""
    us = ["-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", "-C", str(folder), *us, *command], check=True)
    return folder


def without_an_index(folder: Path) -> dict[str, object]:
    """Return the settings with which `!repos install` needs no network: an index of no plugins."""
    index = folder / "repos.json"
    index.write_text("{}")
    return {"BOT_EXTRA_PLUGIN_DIR": None, "BOT_PLUGIN_INDEXES": (str(index),)}


def test_the_plugins_of_a_checkout_are_found_in_their_folder(tmp_path: Path) -> None:
    """As `make run` starts them."""
    with a_terminal(tmp_path, BOT_EXTRA_PLUGIN_DIR=str(ROOT / "plugins")) as terminal:
        talks(terminal)
        ends_cleanly(terminal, tmp_path)


def test_what_repos_install_has_cloned_is_found_at_once_and_by_the_next_start(tmp_path: Path) -> None:
    """Errbot says that all it needs is there, and loads nothing else of what the repository holds."""
    repository = a_repository(a_copy(tmp_path))
    settings = without_an_index(tmp_path)
    with a_terminal(tmp_path, **settings) as terminal:
        terminal.types("!do_something with h1 word")
        terminal.shows('Command "do_something" .*not found')
        terminal.types(f"!repos install file://{repository}")
        terminal.shows("A new plugin repository has been installed correctly")
        terminal.shows("Plugins reloaded")
        talks(terminal)
        ends_cleanly(terminal, tmp_path)
    clone = tmp_path / "data/plugins"
    found = {path.parent.name + "/" + path.name for path in clone.rglob("*") if path.suffix in (".plug", ".flow")}
    assert found == {f"err-confirm/{path.name}" for path in PLUGINS.glob("*.plug")}
    with a_terminal(tmp_path, **settings) as terminal:
        talks(terminal)
        ends_cleanly(terminal, tmp_path)


def test_the_plugins_of_a_wheel_are_found_by_their_entry_point(tmp_path: Path, installed: Installed) -> None:
    """A neighbour that comes later, from chat, imports its own modules; ours are in nobody's way."""
    (tmp_path / "neighbour").mkdir()
    for name, text in NEIGHBOUR.items():
        (tmp_path / "neighbour" / name).write_text(text)
    neighbour = a_repository(tmp_path / "neighbour")
    with a_terminal(tmp_path, python=installed.python, **without_an_index(tmp_path)) as terminal:
        talks(terminal)
        runs_a_function(terminal)
        terminal.types(f"!repos install file://{neighbour}")
        bob_confirms(terminal)
        terminal.shows("A new plugin repository has been installed correctly")
        terminal.types("!paths")
        paths = json.loads(terminal.shows(r"paths: (\[.*\])$")[1])
        ends_cleanly(terminal, tmp_path)
    ours = [place for place, path in enumerate(paths) if path.startswith(f"{site(installed)}/err_confirm")]
    others = [place for place, path in enumerate(paths) if re.search(r"(lib/python[0-9.]+|/site-packages)$", path)]
    assert min(ours) > max(others)


def test_the_command_of_the_wheel_gives_its_exit_code(tmp_path: Path, installed: Installed) -> None:
    version = installed.runs("err-confirm", "--version")
    assert (version.returncode, version.stdout) == (0, f"err-confirm {PROJECT['version']}\n")
    good = installed.runs("err-confirm", "lint", str(ROOT))
    assert (good.returncode, good.stdout.splitlines()[-1]) == (
        0,
        "8 aliases, 2 guards and 8 actions can be used: 0 errors, 0 warnings",
    )
    (tmp_path / "aliases").mkdir()
    (tmp_path / "aliases/wrong.yaml").write_text("name: wrong\n")
    wrong = installed.runs("err-confirm", "lint", str(tmp_path))
    assert wrong.returncode == 1
    assert "wrong.yaml" in wrong.stdout


def test_the_wheel_has_each_file_of_the_plugins_and_none_in_site_packages_itself(installed: Installed) -> None:
    """Errbot 6.2.1 looks for plugins in each folder that has a file of the wheel; all of site-packages would end it."""
    sources = {
        path.relative_to(PLUGINS)
        for path in PLUGINS.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and path.name != "requirements.txt"
    }
    assert files(installed.wheel) == {in_wheel(path) for path in sources}
    assert all("/" in name for name in files(installed.wheel))


def in_wheel(path: Path) -> str:
    """Return where a file of the plugins' folder is in the wheel."""
    match path.parts[0]:
        case "err_confirm":
            return str(path)
        case "templates":
            return f"err_confirm/{path}"
    return f"err_confirm_plugins/{path}"


def test_no_module_of_ours_has_the_name_of_another_that_is_installed(installed: Installed) -> None:
    """Errbot puts every folder of the wheel on sys.path: each file in it can then be imported by its short name."""
    probe = "from errbot.utils import entry_point_plugins as found; print(*found('errbot.plugins'), sep='\\n')"
    folders = [Path(path) for path in installed.runs("python", "-c", probe).stdout.splitlines()]
    ours = [folder for folder in folders if folder.is_relative_to(site(installed))]
    assert site(installed) not in ours
    assert {folder.name for folder in ours} > {"err_confirm_plugins", "err_confirm", "store", "runners"}
    names = {path.stem for folder in ours for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}
    taken = sys.stdlib_module_names | metadata.packages_distributions().keys()
    assert names & taken <= {"__init__", "__main__", "__pycache__"}


def site(installed: Installed) -> Path:
    """Return the site-packages in which the wheel is."""
    (found,) = installed.folder.resolve().glob("lib/python*/site-packages")
    return found


def test_the_requirements_beside_the_plugins_are_those_of_the_project_by_bare_names() -> None:
    """`!repos install` looks at these, and takes a name with a version for one that is missing."""
    named = (PLUGINS / "requirements.txt").read_text().split()
    assert named == [
        name for name in re.findall(r"^[\w-]+", "\n".join(PROJECT["dependencies"]), re.M) if name != "errbot"
    ]
    assert f"`python -m pip install {' '.join(named)}`" in (ROOT / "README.md").read_text()
    for name in named:
        assert metadata.distribution(name)
