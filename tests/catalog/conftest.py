"""Folders of alias and action files, written where a test runs."""

import textwrap
from pathlib import Path

import pytest

from builders import a_policy
from err_confirm.catalog import Catalog, load
from err_confirm.model.policies import Policy
from err_confirm.people import People
from err_confirm.people.directories import Table
from err_confirm.people.groups import Groups

PEOPLE = People({"alice": ["text:1"], "bob": ["text:2"], "carol": ["text:3"]})
GROUPS = Groups(PEOPLE, Table(lambda: {"sre": ["alice"], "leads": ["bob"]}))


class Folders:
    """`aliases/` and `actions/` in the current folder."""

    def __init__(self) -> None:
        self.aliases = Path("aliases")
        self.actions = Path("actions")
        self.aliases.mkdir()
        self.actions.mkdir()

    def alias(self, text: str | bytes, name: str = "reboot.yaml") -> None:
        _write(self.aliases / name, text)

    def action(self, text: str | bytes, name: str = "reboot.yaml") -> None:
        _write(self.actions / name, text)

    def load(self, default: Policy | None = a_policy()) -> Catalog:
        return load([self.aliases], [self.actions], people=PEOPLE, default=default, groups=GROUPS)

    def problems(self, text: str | bytes) -> list[str]:
        """Return what is wrong with one alias file, notes included."""
        self.alias(text)
        return [str(problem) for problem in self.load().problems]


def _write(path: Path, text: str | bytes) -> None:
    path.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode())


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    monkeypatch.chdir(tmp_path)
    return Folders()
