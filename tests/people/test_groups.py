"""Who is in a group, at each moment: a dict, a file or a function; and what is said where nobody knows."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from err_confirm.errors import GroupError, SettingError
from err_confirm.people import People
from err_confirm.people.directories import AT_ONCE, WITHIN, Function
from err_confirm.people.groups import Groups
from err_confirm.settings import read_settings
from err_confirm.transition.steps import LATEST_WRITE
from talk import write_files

PEOPLE = {"alice": ["slack:U1", "text:alice"], "bob": ["text:bob"], "carol": ["text:carol"]}
SRE = frozenset({"alice", "bob"})


def groups(value: Any) -> Groups:
    """Return what CONFIRM_GROUPS means."""
    return read_settings(SimpleNamespace(CONFIRM_PEOPLE=PEOPLE, CONFIRM_GROUPS=value), {}).groups


def a_file(folder: Path, text: str) -> Path:
    write_files(folder, {"groups.yaml": text})
    return folder / "groups.yaml"


class Asked:
    """A function of the bot's, which answers what it is told to, and hangs while it is held."""

    def __init__(self, answer: Any = ("alice", "bob")) -> None:
        self.answer = answer
        self.groups: list[str] = []
        self.threads: list[threading.Thread] = []
        self.let_go = threading.Event()
        self.let_go.set()

    def __call__(self, group: str) -> Any:
        self.groups.append(group)
        self.threads.append(threading.current_thread())
        self.let_go.wait()
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def asked() -> Iterator[Asked]:
    function = Asked()
    yield function
    function.let_go.set()


def why(found: Groups, name: str = "@sre") -> str:
    """Return what is said where a group cannot be looked up."""
    with pytest.raises(GroupError) as raised:
        found.roster([name])
    assert raised.value.group == name
    assert str(raised.value) == f"who is in {name} cannot be looked up: {raised.value.detail}"
    return raised.value.detail


# Who is in one


def test_a_dict_a_file_and_a_function_say_the_same(tmp_path: Path, asked: Asked) -> None:
    """By name or by identity; each identity of a person is that person, once."""
    members = ["slack:U1", "text:alice", "bob", "text:bob", "alice"]
    asked.answer = members
    for value in (
        {"sre": members},
        a_file(tmp_path, f"sre: {members}"),
        str(a_file(tmp_path, f"sre: {members}")),
        asked,
    ):
        assert groups(value).roster(["@sre"]) == {"@sre": SRE}


def test_several_groups_are_looked_up_at_once_and_each_once(asked: Asked) -> None:
    assert groups(asked).roster(["@sre", "@leads", "@sre"]) == {"@sre": SRE, "@leads": SRE}
    assert sorted(asked.groups) == ["leads", "sre"]


def test_without_names_nobody_is_asked(asked: Asked) -> None:
    assert groups(asked).roster([]) == {}
    assert asked.groups == []


def test_a_function_works_on_a_thread_of_its_own(asked: Asked) -> None:
    groups(asked).roster(["@sre"])
    assert asked.threads[0].daemon
    assert asked.threads[0] is not threading.current_thread()


def test_an_identity_that_is_on_nobodys_list_is_a_member_as_itself() -> None:
    assert groups({"sre": ["slack:U9"]}).roster(["@sre"]) == {"@sre": frozenset({"slack:U9"})}


@pytest.mark.parametrize(
    "nobody",
    ["mallory", "Alice", "@alice", "ali\u0441e", "requester", "others", "anyone", "@leads", "slak:U1", "", " bob"],
)
def test_who_is_nobody_is_nobody_in_a_group_and_never_who_has_such_a_nick(
    tmp_path: Path, asked: Asked, nobody: str
) -> None:
    """Not even the words that stand for everybody, nor another group."""
    asked.answer = [nobody, "bob"]
    for value in (asked, a_file(tmp_path, f'sre: ["{nobody}", bob]')):
        found = groups(value)
        assert found.roster(["@sre"]) == {"@sre": frozenset({"bob"})}
        assert found.nobodies(found.members(["@sre"])["@sre"]) == [nobody]


def test_an_empty_group_has_nobody(tmp_path: Path, asked: Asked) -> None:
    asked.answer = []
    for value in ({"sre": []}, a_file(tmp_path, "sre: []"), asked):
        assert groups(value).roster(["@sre"]) == {"@sre": frozenset()}


# At this moment


def test_whoever_was_removed_is_no_member_any_more(tmp_path: Path, asked: Asked) -> None:
    table, file = {"sre": ["alice", "bob"]}, a_file(tmp_path, "sre: [alice, bob]")
    each = [groups(table), groups(file), groups(asked)]
    assert [found.roster(["@sre"])["@sre"] for found in each] == [SRE] * 3
    table["sre"], asked.answer = ["bob"], ["bob"]
    file.write_text("sre: [bob]")
    assert [found.roster(["@sre"])["@sre"] for found in each] == [{"bob"}] * 3


def test_a_file_is_read_anew_although_its_time_and_size_are_the_same(tmp_path: Path) -> None:
    file = a_file(tmp_path, "sre: [alice]")
    os.utime(file, (1, 1))
    found = groups(file)
    assert found.roster(["@sre"])["@sre"] == {"alice"}
    file.write_text("sre: [carol]")
    os.utime(file, (1, 1))
    assert found.roster(["@sre"])["@sre"] == {"carol"}


def test_the_answer_of_a_function_is_its_own_copy(asked: Asked) -> None:
    """What the function does to its list afterwards changes no roster."""
    asked.answer = ["alice", "bob"]
    roster = groups(asked).roster(["@sre"])
    asked.answer.append("carol")
    assert roster["@sre"] == SRE


def test_a_file_is_found_after_the_bot_has_changed_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_file(tmp_path, "sre: [alice, bob]")
    monkeypatch.chdir(tmp_path)
    found = groups("groups.yaml")
    monkeypatch.chdir("/")
    assert found.roster(["@sre"])["@sre"] == SRE


def test_a_function_is_also_named_as_module_and_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(
        tmp_path, {"who_is_in_what.py": "class Team:\n    members = staticmethod(lambda group: ['bob', group])\n"}
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = groups("who_is_in_what:Team.members")
    assert "who_is_in_what" not in sys.modules, "it is imported when it is needed"
    assert found.roster(["@alice", "@sre"]) == {"@alice": SRE, "@sre": frozenset({"bob"})}


# Nobody knows


def test_a_group_that_there_is_not_is_named_with_where_to_add_it(tmp_path: Path) -> None:
    for value in ({"leads": []}, a_file(tmp_path, "leads: []"), {}):
        assert why(groups(value)) == "CONFIRM_GROUPS has no such group; add it there"


@pytest.mark.parametrize("name", ["sre", "@", "@@sre", "@s re", "@sre:x", "@-sre", ""])
def test_what_no_group_can_be_called_is_never_looked_up(asked: Asked, name: str) -> None:
    assert why(groups(asked), name) == "no group can be called that; name another"
    assert asked.groups == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("sre: [alice", "is not YAML"),
        ("sre: &all [alice]", "has a YAML anchor"),
        ("sre: [alice]\nsre: [bob]", 'has the key "sre" again'),
        ("[alice]", "must be a mapping"),
    ],
)
def test_a_file_that_was_spoiled_meanwhile_names_its_line(tmp_path: Path, text: str, words: str) -> None:
    found = groups(a_file(tmp_path, "sre: [alice]"))
    file = a_file(tmp_path, text)
    assert (detail := why(found)).startswith(f"{file}:")
    assert words in detail
    assert detail.endswith("; correct the file of CONFIRM_GROUPS")


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    found = groups(a_file(tmp_path, "sre: [alice]"))
    (tmp_path / "groups.yaml").unlink()
    assert "cannot be read: No such file" in why(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sre: alice", "sre must be a list of names, not 'alice'; correct it in CONFIRM_GROUPS"),
        ("sre:", "sre must be a list of names, not None; correct it in CONFIRM_GROUPS"),
        ("sre: [alice, 5]", "sre must be a list of names, not 5 among them; correct it in CONFIRM_GROUPS"),
        ("sre: {alice: bob}", "sre must be a list of names, not {'alice': 'bob'}; correct it in CONFIRM_GROUPS"),
    ],
)
def test_a_group_that_is_no_list_any_more_is_said_and_the_others_stay(tmp_path: Path, text: str, words: str) -> None:
    found = groups(a_file(tmp_path, "sre: [alice]\nleads: [bob]"))
    a_file(tmp_path, f"{text}\nleads: [bob]")
    assert why(found) == words
    assert found.roster(["@leads"]) == {"@leads": frozenset({"bob"})}


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (None, "None"),
        ("alice", "'alice'"),
        (5, "5"),
        ({"alice": True}, "{'alice': True}"),
        (["alice", None], "None among them"),
        (["alice", ["bob"]], "['bob'] among them"),
        ([b"alice"], "b'alice' among them"),
        (True, "True"),
    ],
)
def test_what_a_function_returns_must_be_a_list_of_names(asked: Asked, answer: Any, shown: str) -> None:
    """A text is a list of letters to Python, and must not be one here."""
    asked.answer = answer
    assert why(groups(asked)) == (
        f"what the function of CONFIRM_GROUPS returns must be a list of names, not {shown}; correct it"
    )


def test_a_generator_is_no_list_as_nobody_knows_how_long_it_takes(asked: Asked) -> None:
    asked.answer = (name for name in ["alice"])
    assert "must be a list of names, not <generator" in why(groups(asked))


@pytest.mark.parametrize(
    "error", [ConnectionError("ldap://bot:secret@host"), KeyError("sre"), SystemExit("secret"), TimeoutError()]
)
def test_a_function_that_fails_is_said_without_what_it_says(
    asked: Asked, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    """The chat is no place for the address of a directory; the log is."""
    asked.answer = error
    kind = type(error).__name__
    assert why(groups(asked)) == f"the function of CONFIRM_GROUPS failed ({kind}); the bot's log says why"
    assert str(error) in caplog.text


@pytest.mark.parametrize(
    ("name", "kind"),
    [("no_such_module:members", "ModuleNotFoundError"), ("os:no_such", "AttributeError"), ("os:name", "TypeError")],
)
def test_a_function_that_there_is_not_is_said(name: str, kind: str) -> None:
    assert why(groups(name)) == f"the function of CONFIRM_GROUPS failed ({kind}); the bot's log says why"


def test_a_function_that_hangs_is_waited_for_no_longer_than_all_groups_together_may_take(asked: Asked) -> None:
    """And less long than what it is wanted for may be written, so that an answer that comes is never too late."""
    asked.let_go.clear()
    assert WITHIN < LATEST_WRITE
    found = Groups(People(PEOPLE), Function(asked, within=0.05))
    assert why(found) == "there was no answer within 0.05 s from the function of CONFIRM_GROUPS; say it again later"


def test_a_function_that_hangs_holds_a_few_threads_and_never_more(asked: Asked) -> None:
    asked.let_go.clear()
    found = Groups(People(PEOPLE), Function(asked, within=0.0))
    for _ in range(AT_ONCE):
        assert "no answer within 0 s" in why(found)
    assert why(found).startswith(f"{AT_ONCE} earlier questions have no answer yet from the function")
    assert len(asked.groups) <= AT_ONCE

    asked.let_go.set()
    for thread in asked.threads:
        thread.join()
    assert Groups(People(PEOPLE), Function(asked)).roster(["@sre"]) == {"@sre": SRE}


# What may be named


def test_a_policy_may_name_the_groups_that_there_are(tmp_path: Path) -> None:
    for value in ({"sre": [], "leads": []}, a_file(tmp_path, "sre: []\nleads: []")):
        found = groups(value)
        assert found.names() == ["@leads", "@sre"]
        assert [found.knows(name) for name in ("@sre", "@leads", "@srr", "sre", "@", "")] == [True, True, *[False] * 4]


def test_with_a_function_every_group_may_be_named_and_nobody_is_asked(asked: Asked) -> None:
    found = groups(asked)
    assert (found.knows("@sre"), found.knows("sre"), found.knows("@s re"), found.names()) == (True, False, False, [])
    assert asked.groups == []


def test_without_a_config_every_group_may_be_named_and_none_looked_up() -> None:
    found = Groups(People(None), None)
    assert (found.knows("@sre"), found.knows("sre"), found.names()) == (True, False, [])
    assert "config.py" in why(found)
    assert found.roster([]) == {}


def test_a_reload_with_a_file_that_was_spoiled_says_so(tmp_path: Path) -> None:
    found = groups(a_file(tmp_path, "sre: [alice]"))
    a_file(tmp_path, "sre: [alice")
    with pytest.raises(SettingError, match=r"^CONFIRM_GROUPS: .*groups\.yaml:1: is not YAML"):
        found.knows("@sre")


Use = Callable[[Path], Any]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda _: ["sre"], r"must be a dict such as .*, a YAML file or a function, not \['sre'\]$"),
        (lambda _: None, "must be a dict such as .*, a YAML file or a function, not None"),
        (lambda _: "sre", '"sre" is no module:function, and no file that ends with .yaml'),
        (lambda _: "a b:c", '"a b:c" is no module:function'),
        (lambda _: "os:", '"os:" is no module:function'),
        (lambda _: {"@sre": ["alice"]}, '"@sre" cannot be the name of a group, which has no @ here'),
        (lambda _: {"": ["alice"]}, '"" cannot be the name of a group'),
        (lambda _: {5: ["alice"]}, '"5" cannot be the name of a group'),
        (lambda _: {"s re": ["alice"]}, '"s re" cannot be the name of a group'),
        (lambda _: {"sre": "alice"}, r'sre must be a list of names, not \'alice\', as in {"sre"'),
        (lambda _: {"sre": [5]}, "sre must be a list of names, not 5 among them"),
        (lambda _: {"sre": ["alcie"]}, '"alcie" of @sre is nobody; name them in CONFIRM_PEOPLE'),
        (lambda _: {"sre": ["@leads"], "leads": []}, '"@leads" of @sre is nobody'),
        (lambda _: {"sre": ["anyone"]}, '"anyone" of @sre is nobody'),
        (lambda _: {"sre": ["text:@alice"]}, '"text:@alice" of @sre is nobody'),
        (lambda folder: folder / "no.yaml", ".*no.yaml:1: cannot be read: No such file"),
        (lambda folder: a_file(folder, "sre: alice"), "sre must be a list of names, not 'alice'"),
        (lambda folder: a_file(folder, "sre: [alice"), r".*groups\.yaml:1: is not YAML"),
    ],
)
def test_groups_of_another_shape_stop_the_start_and_are_said_with_what_would_be_right(
    tmp_path: Path, value: Use, message: str
) -> None:
    with pytest.raises(SettingError, match=f"^CONFIRM_GROUPS:? {message}"):
        groups(value(tmp_path))
