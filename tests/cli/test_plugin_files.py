"""Which commands are found in the files of plugins, of which nothing is run."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from err_confirm.cli.plugin_files import Scan, scan
from err_confirm.guards import BotCommand
from talk import ROOT, Talk, a_bot, write_files
from third_party import a_bot_with

PLUG = "[Core]\nName = {name}\nModule = {module}\n"
OPS = '''
import errbot
from errbot import BotPlugin, arg_botcmd, botcmd as command, botmatch, re_botcmd

raise SystemExit("this file was run")


class Ops(BotPlugin):
    """Each way to write a command."""

    @command
    def bare(self, msg, args): ...

    @command()
    def called(self, msg, args): ...

    @errbot.botcmd(admin_only=True, split_args_with=" ")
    def dotted(self, msg, args): ...

    @command(name="spoken")
    def written(self, msg, args): ...

    @arg_botcmd("--force", action="store_true", admin_only=False, name="not_me")
    @arg_botcmd("host", admin_only=True, name="stacked")
    def many(self, msg, host, force): ...

    @re_botcmd(pattern="x", prefixed=False, admin_only=True)
    def found(self, msg, match): ...

    @botmatch(r"^yes$")
    def answered(self, msg, match): ...

    @errbot.webhook
    def called_by_web(self, payload): ...

    def helper(self): ...
'''
"""A file that must not be run."""

OF_OPS = {
    "Ops:answered": ("answered", False, True),
    "Ops:bare": ("bare", False, False),
    "Ops:called": ("called", False, False),
    "Ops:dotted": ("dotted", True, False),
    "Ops:found": ("found", True, True),
    "Ops:spoken": ("written", False, False),
    "Ops:stacked": ("many", True, False),
}


def a_plugin(text: str, folder: str = "plugins/x", name: str = "X", module: str = "x") -> dict[str, str]:
    return {f"{folder}/{module}.plug": PLUG.format(name=name, module=module), f"{folder}/{module}.py": text}


def scanned(folder: Path, files: Mapping[str, str], **config: Any) -> Scan:
    """Write files, and look for plugins below `plugins` and no other; no core plugin is called `none`."""
    write_files(folder, files)
    settings = {"BOT_EXTRA_PLUGIN_DIR": str(folder / "plugins"), "CORE_PLUGINS": ("none",), **config}
    found = scan(SimpleNamespace(**settings))
    return Scan(found.commands, tuple(line.replace(f"{folder}/", "") for line in found.unread))


def names(found: Scan) -> list[str]:
    return [str(command) for command in found.commands]


def a_class(*methods: str, base: str = "BotPlugin", name: str = "X") -> str:
    text = "".join(f"\n    @botcmd\n    def {method}(self, msg, args): ...\n" for method in methods)
    return f"from errbot import BotPlugin, botcmd\n\n\nclass {name}({base}):\n    '''Some.'''\n{text}"


def test_each_way_to_write_a_command_is_found_and_nothing_is_run(tmp_path: Path) -> None:
    found = scanned(tmp_path, a_plugin(OPS, name="Ops"))
    assert found.unread == ()
    assert {str(each): (each.function, each.admin_only, each.regex) for each in found.commands} == OF_OPS
    assert not any(command.own for command in found.commands)


def key(command: BotCommand) -> tuple[str, str, bool, bool]:
    return str(command), command.function, command.admin_only, command.regex


def commands_of(talk: Talk) -> set[tuple[str, str, bool, bool]]:
    """Return what a bot has in its tables, with plugins that wait for another backend or for their configuration."""
    for plugin in talk.bot.plugin_manager.plugins.values():
        if not plugin.is_activated:
            talk.bot.inject_commands_from(plugin)
    return {
        (f"{method.__self__.name}:{name}", method.__func__.__name__, method._err_command_admin_only, regex)
        for regex, table in ((False, talk.bot.commands), (True, talk.bot.re_commands))
        for name, method in table.items()
    }


def test_what_is_found_is_what_a_real_bot_has(tmp_path: Path) -> None:
    """Errbot's own plugins, ours, and others with commands of the same names, which Errbot renames."""
    files = {
        **a_plugin(a_class("restart", "deploy"), "ops/a", "Ops", "ops"),
        **a_plugin(a_class("deploy", "about"), "ops/b", "Zeal", "zeal"),
        **a_plugin(OPS.replace("raise SystemExit", "print"), "ops", "Own", "mine"),
    }
    write_files(tmp_path, files)
    folders = [str(ROOT / "plugins"), str(tmp_path / "ops")]
    with a_bot(tmp_path, BOT_EXTRA_PLUGIN_DIR=folders) as talk:
        real = commands_of(talk)
        found = scan(talk.bot.bot_config)
    assert found.unread == ()
    assert {key(command) for command in found.commands} == real
    assert {command.plugin for command in found.commands if command.own} == {"Aliases", "Confirm", "Guards", "Locks"}
    assert {"Ops:ops-restart", "Zeal:zeal-about"} <= set(names(found))


def test_what_is_found_of_third_party_plugins_is_all_but_what_they_make_while_they_run(tmp_path: Path) -> None:
    """St2 makes its commands at activation; so nobody sees them in its file."""
    with a_bot_with(tmp_path) as talk:
        real = commands_of(talk)
        found = scan(talk.bot.bot_config)
    assert found.unread == ()
    made = {each for each in real if each[0].startswith("St2:")}
    assert len(made) == 7
    assert {key(command) for command in found.commands} == real - made


def test_core_plugins_that_the_bot_leaves_out_are_left_out(tmp_path: Path) -> None:
    found = scanned(tmp_path, {}, CORE_PLUGINS=("Health",), BOT_EXTRA_PLUGIN_DIR=None)
    assert {command.plugin for command in found.commands} == {"Health"}
    assert "Backup:backup" in names(scanned(tmp_path, {}, CORE_PLUGINS=None, BOT_EXTRA_PLUGIN_DIR=None))


def test_installed_repositories_and_several_folders_are_looked_through(tmp_path: Path) -> None:
    """Hidden folders are not, as Errbot does not."""
    files = {
        **a_plugin(a_class("one"), "plugins/deep/down", "One", "one"),
        **a_plugin(a_class("two"), "more", "Two", "two"),
        **a_plugin(a_class("three"), "data/plugins/err-three", "Three", "three"),
        **a_plugin(a_class("hidden"), "plugins/.git", "Hidden", "hidden"),
    }
    folders = [str(tmp_path / "plugins"), str(tmp_path / "more")]
    found = scanned(tmp_path, files, BOT_EXTRA_PLUGIN_DIR=folders, BOT_DATA_DIR=str(tmp_path / "data"))
    assert names(found) == ["One:one", "Two:two", "Three:three"]


def test_a_circle_of_links_is_walked_once(tmp_path: Path) -> None:
    write_files(tmp_path, a_plugin(a_class("one")))
    os.symlink(tmp_path / "plugins", tmp_path / "plugins/x/again")
    assert names(scanned(tmp_path, {})) == ["X:one"]


def test_of_two_plugins_of_one_name_the_first_is_taken(tmp_path: Path) -> None:
    write_files(tmp_path, a_plugin(a_class("one"), "a") | a_plugin(a_class("two"), "b"))
    found = scanned(tmp_path, {}, BOT_EXTRA_PLUGIN_DIR=[str(tmp_path / "a"), str(tmp_path / "b")])
    assert names(found) == ["X:one"]


def test_a_package_is_read_where_there_is_no_file(tmp_path: Path) -> None:
    files = {"plugins/x.plug": PLUG.format(name="X", module="pack"), "plugins/pack/__init__.py": a_class("one")}
    assert names(scanned(tmp_path, files)) == ["X:one"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (a_class("base", name="Base") + a_class("own", base="Base", name="Able"), ["base", "own"]),
        (a_class("mixed", base="object", name="Mixin") + a_class("own", base="Mixin, BotPlugin"), ["mixed", "own"]),
        (
            a_class("gone", "stays", name="Base") + "class Able(Base):\n    def gone(self): ...\n",
            ["stays"],
        ),
        ("from beside import Base\n" + a_class("own", base="Base", name="Able"), ["own", "shared"]),
        ("import beside\n" + a_class("own", base="beside.Base"), ["own", "shared"]),
        ("import beside as b\n" + a_class("own", base="b.Base"), ["own", "shared"]),
        ("from deeper import Base as B\n" + a_class("own", base="B", name="Able"), ["own", "shared"]),
        ("from pack.inner import Base\n" + a_class("own", base="Base", name="Able"), ["own", "shared"]),
        ("from pack import inner\n" + a_class("own", base="inner.Base"), ["own", "shared"]),
        ("from nowhere import Base\n" + a_class("own", base="Base"), ["own"]),
        ("from beside import *\n" + a_class("own", base="Nobody, BotPlugin"), ["own"]),
        ("from beside import Base\n" + a_class("own", name="Later"), ["shared"]),
        (a_class("loop", base="X"), ["loop"]),
        (a_class("not_me", name="Zulu") + a_class("first", name="Able"), ["first"]),
        (
            "try:\n    import x\nexcept ImportError:\n    x = None\nif x:\n    pass\nelse:\n"
            + "".join(f"    {line}\n" for line in a_class("within").splitlines()),
            ["within"],
        ),
    ],
)  # fmt: skip
def test_commands_are_found_in_what_a_plugin_is_built_on(tmp_path: Path, text: str, expected: list[str]) -> None:
    """In the same file, in one beside it or below it; of several plugins in a file, Errbot takes the first by name."""
    files = {
        "plugins/x/beside.py": a_class("shared", name="Base"),
        "plugins/x/deeper.py": "from beside import Base",
        "plugins/x/pack/__init__.py": "",
        "plugins/x/pack/inner.py": "from .most import Base",
        "plugins/x/pack/most.py": a_class("shared", name="Base"),
    }
    found = scanned(tmp_path, files | a_plugin(text))
    assert (sorted(names(found)), found.unread) == ([f"X:{name}" for name in expected], ())


@pytest.mark.parametrize(
    "line",
    [
        "admins = botcmd(admin_only=True)",
        "from functools import partial\nadmins = partial(botcmd, admin_only=True)",
        "ONLY = True\nonce = botcmd\nadmins = once(admin_only=ONLY)",
    ],
)
def test_a_decorator_may_have_a_name_of_its_own(tmp_path: Path, line: str) -> None:
    text = f"from errbot import *\n{line}\nclass X(BotPlugin):\n    @admins\n    def one(self, msg, args): ...\n"
    (command,) = scanned(tmp_path, a_plugin(text)).commands
    assert (str(command), command.admin_only) == ("X:one", True)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"plugins/x.plug": "Name = X\n"}, "plugins/x.plug: is no .plug file: File contains no section headers."),
        ({"plugins/x.plug": "[Core]\nName = X\n"}, "plugins/x.plug: is no .plug file: No option 'module'"),
        ({"plugins/x.plug": PLUG.format(name="X", module="gone")}, "plugins/gone.py: cannot be read: No such file"),
        ({"plugins/x.plug": PLUG.format(name="X", module="y" * 300)}, "cannot be read: File name too long"),
        (
            a_plugin("class X(BotPlugin:\n"),
            "plugins/x/x.py: is no Python that can be read: invalid syntax (x.py, line 1)",
        ),
        (a_plugin("x = '\0'\n"), "plugins/x/x.py: is no Python that can be read: "),
        (a_plugin("# coding: nothing\n"), "plugins/x/x.py: is no Python that can be read: "),
        (a_plugin("x = " + "(" * 5000), "plugins/x/x.py: is "),
        (a_plugin("x = 1\n"), "plugins/x/x.py: it has no class that is a plugin"),
        (a_plugin("a = b\nb = a\nclass X(c):\n    @a\n    def f(self): ...\n"), "plugins/x/x.py: it has no class"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_found(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    found = scanned(tmp_path, files | a_plugin(a_class("fine"), "plugins/fine", "Fine", "fine"))
    assert names(found) == ["Fine:fine"]
    (line,) = found.unread
    assert message in line


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    """A pipe would be waited for; bytes that are no text, and links that lead nowhere, are read by nobody."""
    (tmp_path / "plugins").mkdir()
    os.mkfifo(tmp_path / "plugins/pipe.plug")
    os.mkfifo(tmp_path / "plugins/source.py")
    os.symlink(tmp_path / "gone", tmp_path / "plugins/link.plug")
    (tmp_path / "plugins/bytes.plug").write_bytes(b"[Core]\nName = \xff\nModule = x\n")
    found = scanned(tmp_path, {"plugins/source.plug": PLUG.format(name="X", module="source")})
    assert sorted(line.partition(": ")[0] for line in found.unread) == [
        "plugins/bytes.plug", "plugins/link.plug", "plugins/pipe.plug", "plugins/source.py",
    ]  # fmt: skip


@pytest.mark.parametrize("value", ["nowhere", 5, ["nowhere", None]])
def test_a_setting_that_leads_nowhere_is_named(tmp_path: Path, value: object) -> None:
    found = scanned(tmp_path, {}, BOT_EXTRA_PLUGIN_DIR=value, BOT_DATA_DIR=value, CORE_PLUGINS=5)
    (line,) = found.unread
    assert line.endswith(": is no folder; see BOT_EXTRA_PLUGIN_DIR")
    assert "Health:restart" in names(found)
