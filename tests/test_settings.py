"""The CONFIRM_* settings: what each means, and what is said about one that means nothing."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from err_confirm.errors import SettingError
from err_confirm.settings import read_settings


def test_without_any_setting_a_bot_has_its_defaults() -> None:
    settings = read_settings(SimpleNamespace(BOT_DATA_DIR="/var/bot"), {})
    assert settings.store == "sqlite:////var/bot/err-confirm.db"
    assert (settings.namespace, settings.default, settings.stop_grace) == ("err-confirm", "requester", 10.0)
    assert (settings.aliases, settings.actions, settings.packs) == ((Path("aliases"),), (Path("actions"),), ())
    assert (settings.people.names(), settings.groups.names()) == ([], [])


def test_the_environment_says_where_the_store_is_unless_it_is_empty() -> None:
    config = SimpleNamespace(CONFIRM_STORE="sqlite:///a.db")
    assert read_settings(config, {"CONFIRM_STORE": "redis://host"}).store == "redis://host"
    assert read_settings(config, {"CONFIRM_STORE": ""}).store == "sqlite:///a.db"


def test_a_folder_is_one_or_several_as_text_or_path() -> None:
    one = read_settings(SimpleNamespace(CONFIRM_ALIASES="a", CONFIRM_ACTIONS=Path("b")), {})
    assert (one.aliases, one.actions) == ((Path("a"),), (Path("b"),))
    several = read_settings(SimpleNamespace(CONFIRM_ALIASES=["a", Path("b")], CONFIRM_ACTIONS=()), {})
    assert (several.aliases, several.actions) == ((Path("a"), Path("b")), ())


def test_people_may_stand_in_a_file(tmp_path: Path) -> None:
    """As a dict does; what is wrong in it has the line."""
    file = tmp_path / "people.yaml"
    file.write_text("alice: ['slack:U024', 'text:alice']\nbob: ['text:bob']\n")
    for path in (file, str(file)):
        people = read_settings(SimpleNamespace(CONFIRM_PEOPLE=path), {}).people
        assert (people.names(), people.person("slack:U024")) == (["alice", "bob"], "alice")
    for text, words in {
        "alice: ['text:alice'": ":1: is not YAML",
        "bob: &b ['text:bob']": ":1: has a YAML anchor",
        "alice: ['text:a']\nbob: ['text:a']": "text:a belongs to alice and to bob",
        "alice: text:alice": 'alice must be a list, such as ["slack:U024"]',
    }.items():
        file.write_text(text)
        with pytest.raises(SettingError, match=r"^CONFIRM_PEOPLE: ") as raised:
            read_settings(SimpleNamespace(CONFIRM_PEOPLE=file), {})
        assert words in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("STORE", 5, "CONFIRM_STORE must be a str, not 5"),
        ("NAMESPACE", None, "CONFIRM_NAMESPACE must be a str, not None"),
        ("PEOPLE", ["alice"], r"CONFIRM_PEOPLE must be a dict or the path of a YAML file, not \['alice'\]"),
        ("PEOPLE", {"alice": "slack:U024"}, "CONFIRM_PEOPLE: alice must be a list"),
        ("PEOPLE", "", "CONFIRM_PEOPLE must be a dict or the path of a YAML file, not ''"),
        ("PEOPLE", "/nowhere/people.yaml", "CONFIRM_PEOPLE: /nowhere/people.yaml:1: cannot be read: No such file"),
        ("GROUPS", ["sre"], "CONFIRM_GROUPS must be a dict such as .*, a YAML file or a function"),
        ("ALIASES", [5], r"CONFIRM_ALIASES must be a folder or a list of folders, not \[5\]"),
        ("PACKS", {"web": "w"}, r"CONFIRM_PACKS must be a folder or a list of folders, not \{'web': 'w'\}"),
        ("ACTIONS", None, "CONFIRM_ACTIONS must be a folder or a list of folders, not None"),
        ("STOP_GRACE", "soon", 'CONFIRM_STOP_GRACE: "soon" is not a length of time'),
        ("STOP_GRACE", 0, "CONFIRM_STOP_GRACE: a length of time is longer than zero"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: Any, message: str) -> None:
    with pytest.raises(SettingError, match=f"^{message}"):
        read_settings(SimpleNamespace(**{f"CONFIRM_{name}": value}), {})
