"""Whoever tries to run a guarded command without the yes that it needs, or another than the one that was shown."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from builders import a_policy
from err_confirm.guards import Guards
from err_confirm.model.executions import State
from err_confirm.model.files import Guard, Source
from servers import eventually
from talk import ROOT, Talk, a_bot, write_files

PLUG = "[Core]\nName = {name}\nModule = {module}\n"
SITE = """
from types import MethodType

from errbot import BotPlugin, ShlexArgParser, botcmd


def ran(plugin, msg, what):
    with open(f"{plugin.bot_config.BOT_DATA_DIR}/ran", "a") as file:
        print(what, file=file)
    return f"ran {what}"


@botcmd
def drain(plugin, msg, args):
    return ran(plugin, msg, f"drain {args}")


class Site(BotPlugin):
    def activate(self):
        self.drain = MethodType(drain, self)
        super().activate()
        self.kept = self.drop

    @botcmd
    def drop(self, msg, args, really=None):
        return ran(self, msg, f"drop {args}{really or ''}")

    @botcmd
    def wipe(self, msg, args):
        return ran(self, msg, f"wipe {args}")

    @botcmd
    def restock(self, msg, args):
        yield "begun"
        ran(self, msg, f"restock {args}")
        yield "restocked"

    @botcmd
    def again(self, msg, args):
        if args == "and again":
            ran(self, msg, "again and again")
            self._bot.process_message(msg)
            self._bot._process_command(msg, "again", "once more", None)
        return ran(self, msg, "again")

    @botcmd(split_args_with=ShlexArgParser())
    def lex(self, msg, args):
        return ran(self, msg, f"lex {args}")

    @botcmd
    def lex_list(self, msg, args):
        return self.lex(msg, [args, "web"])

    @botcmd
    def fail(self, msg, args):
        raise ValueError(f"no such {args}")

    @botcmd(name="status")
    def _show_status(self, msg, args):
        return ran(self, msg, f"status {args}")

    @botcmd
    def by_keyword(self, msg, args):
        return self.drop(msg, args=args)

    @botcmd
    def by_two(self, msg, args):
        return self.drop(msg, "a", args)

    @botcmd
    def by_instance(self, msg, args):
        return self.drain(msg, args)

    @botcmd
    def by_reference(self, msg, args):
        return self.kept(msg, args)

    @botcmd
    def wipes(self, msg, args):
        return self.wipe(msg, args)
"""
CALLER = """
from errbot import BotPlugin, botcmd


class Caller(BotPlugin):
    @botcmd
    def indirectly(self, msg, args):
        return self.get_plugin("Site").drop(msg, args)

    def callback_botmessage(self, msg):
        if msg.body == "begun":
            self.get_plugin("Site").wipe(msg.parent, "all")
"""


def guard(*commands: str, by: str = "[alice, bob], self: true") -> str:
    return f"{{commands: {[*commands]}, confirm: {{by: {by}, within: 1h}}}}"


@contextmanager
def the_bot(folder: Path, guards: dict[str, str], *, site: str = SITE, **config: Any) -> Iterator[Talk]:
    write_files(
        folder,
        {
            "plugins/site/site.plug": PLUG.format(name="Site", module="site_plugin"),
            "plugins/site/site_plugin.py": site,
            "plugins/site/caller.plug": PLUG.format(name="Caller", module="caller") + "DependsOn = Site\n",
            "plugins/site/caller.py": CALLER,
            **{f"aliases/{name}.yaml": text for name, text in guards.items()},
        },
    )
    if not (folder / "plugins/err-confirm").exists():
        (folder / "plugins/err-confirm").symlink_to(ROOT / "plugins/err-confirm")
    with a_bot(folder, BOT_EXTRA_PLUGIN_DIR=str(folder / "plugins"), **config) as talk:
        yield talk


def ran(folder: Path) -> list[str]:
    path = folder / "data/ran"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.parametrize("said", ["!by keyword prod", "!by two prod", "!by instance prod", "!by reference prod"])
def test_a_method_asks_in_whatever_form_it_gets_its_arguments(tmp_path: Path, said: str) -> None:
    """A guard over some arguments sees them all, by position and by name."""
    with the_bot(tmp_path, {"site": guard("Site:drop prod*", "Site:drain prod*")}) as talk:
        talk.alice.says(said)
        talk.hears("(drop|drain) does not run yet|Site:drop is guarded: its arguments cannot be kept")
        talk.quiet()
        assert ran(tmp_path) == []


def test_after_a_reload_the_new_code_runs_and_what_it_has_no_more_is_gone(tmp_path: Path) -> None:
    """Errbot gives the same plugin object another class; no method of the old one may stay behind."""
    with the_bot(tmp_path, {"site": guard("Site:drop", "Site:wipe", "Site:drain")}) as talk:
        new = SITE.replace('"drop {args', '"new drop {args').replace("def wipe(", "def erase(")
        (tmp_path / "plugins/site/site_plugin.py").write_text(new)
        talk.alice.says("!plugin reload Site", None)
        talk.hears("Plugin Site reloaded", "@alice")
        talk.alice.says("!wipe all")
        talk.hears('Command "wipe".* not found')
        for said in ("!drop a", "!by instance b"):
            talk.alice.says(said)
            asked = talk.prompt()
            talk.alice.says(f"!confirm {asked}")
            assert talk.ended(asked).state is State.SUCCEEDED
        assert ran(tmp_path) == ["new drop a", "drain b"]


def test_a_plugin_whose_commands_are_guarded_no_more_gets_its_own_methods_back(tmp_path: Path) -> None:
    """Those of its class and those that it made itself."""
    with the_bot(tmp_path, {"site": guard("Site:drop", "Site:drain")}) as talk:
        site = talk.bot.plugin_manager.get_plugin_obj_by_name("Site")
        assert {"drop", "drain"} <= vars(site).keys()
        write_files(tmp_path, {"aliases/site.yaml": guard("Site:wipe")})
        talk.alice.says("!aliases reload", None)
        talk.hears("are in use", "@alice")
        talk.alice.says("!drop a")
        talk.hears("^ran drop a$")
        talk.alice.says("!by instance b")
        talk.hears("^ran drain b$")
        assert "drop" not in vars(site)


def test_with_all_plugins_of_ours_off_a_method_that_is_called_refuses(tmp_path: Path) -> None:
    """Errbot loads them all the same, and what one plugin calls of another goes through no filter."""
    with the_bot(tmp_path, {"site": guard("Site:drop")}) as talk:
        for name in ("Confirm", "Aliases", "Guards", "Locks"):
            talk.alice.says(f"!plugin blacklist {name}", None)
            talk.hears("is now blacklisted", "@alice")
    with the_bot(tmp_path, {}) as talk:
        talk.alice.says("!indirectly prod")
        talk.hears("nothing runs: Site:drop is guarded: the plugin Confirm is switched off")
        assert ran(tmp_path) == []


def test_a_command_that_errbot_has_renamed_is_guarded_by_its_own_name(tmp_path: Path) -> None:
    """Which of two plugins has its command renamed depends on the order in which Errbot finds their files."""
    with the_bot(tmp_path, {"site": guard("Site:status")}) as talk:
        talk.alice.says("!site-status prod")
        assert talk.execution(talk.prompt()).text == "!site-status prod"
        talk.alice.says("!status")
        talk.hears("Yes I am alive")
        assert ran(tmp_path) == []


def test_a_yes_counts_for_nothing_that_other_plugins_do_while_the_command_waits(tmp_path: Path) -> None:
    """Between two of its replies, other plugins hear of the first one, on the same thread."""
    with the_bot(tmp_path, {"site": guard("Site:restock", "Site:wipe")}) as talk:
        talk.alice.says("!restock prod")
        asked = talk.prompt()
        talk.alice.says(f"!confirm {asked}")
        assert talk.ended(asked).state is State.SUCCEEDED
        assert ran(tmp_path) == ["restock prod"]


@pytest.mark.parametrize(
    ("outer", "inner", "runs"),
    [
        ("[bob]", "[alice]", False),
        ("[alice, bob]", "[bob]", False),
        ("requester", "others", False),
        ("[bob]", "others", False),
        ("[bob]", "[bob, alice]", False),
        ("[bob]", "[bob], self: true", False),
        ("[bob]", "[bob]", True),
        ("others", "others", True),
        ("[bob]", "requester", True),
        ("requester", "anyone", True),
    ],
)
def test_a_command_cannot_lend_its_yes_to_one_that_needs_the_yes_of_others(
    tmp_path: Path, outer: str, inner: str, runs: bool
) -> None:
    """What its code calls of its own plugin runs only if that asks for the very same, or only for a second look."""
    guards = {"wipes": guard("Site:wipes", by=outer), "wipe": guard("Site:wipe", by=inner)}
    with the_bot(tmp_path, guards) as talk:
        talk.alice.says("!wipes prod")
        asked = talk.prompt()
        (talk.alice if outer == "requester" else talk.bob).says(f"!confirm {asked}")
        talk.ended(asked)
        assert ran(tmp_path) == ["wipe prod"] * runs
        assert [each.text for each in talk.executions()] == [*["!wipe prod"] * (not runs), "!wipes prod"]


@pytest.mark.parametrize("change", ["deactivate", "activate"])
def test_a_message_skips_no_filter_while_a_plugin_comes_or_goes(tmp_path: Path, change: str) -> None:
    """A held command may switch a plugin off while another message is on its way through access control."""
    with the_bot(tmp_path, {}) as talk:
        plugins = talk.bot.plugin_manager
        if change == "activate":
            plugins.deactivate_plugin("Aliases")
        before = [each.__name__ for each in talk.bot.command_filters]
        walking = iter(talk.bot.command_filters)
        passed = [next(walking).__name__]
        getattr(plugins, f"{change}_plugin")("Aliases")
        assert passed + [each.__name__ for each in walking] == before
        assert {"acls", "hold_guarded"} <= {*before}


def test_a_guarded_command_of_a_million_letters_holds_nobody_up(tmp_path: Path) -> None:
    """They are not read, so that a guard over some arguments decides; and they are not kept in the store."""
    with the_bot(tmp_path, {"site": guard("Site:drop prod*")}) as talk:
        talk.alice.says(f"!drop {'a' * 1_000_000}")
        talk.mallory.says("!drop test")
        for _ in range(2):
            talk.hears("^ran drop test$|1,000,000 characters of arguments are too many")
        assert talk.executions() == []
        assert ran(tmp_path) == ["drop test"]


def test_why_a_command_failed_is_said_only_to_who_asked_in_private(tmp_path: Path) -> None:
    """An error may name what nobody else should know."""
    with the_bot(tmp_path, {"site": guard("Site:fail")}) as talk:
        talk.alice.says("!fail secret", None)
        asked = talk.prompt()
        talk.bob.says(f"!confirm {asked}", None)
        talk.hears("no such secret", to="@alice")
        assert talk.ended(asked).outcome.error == "it failed, and has said why to who asked"


@pytest.mark.parametrize(("room", "diverted"), [(None, ()), ("#ops", ("drop",)), ("#ops", ("ALL_COMMANDS",))])
def test_what_was_answered_to_one_person_is_shown_to_no_other(
    tmp_path: Path, room: str | None, diverted: tuple[str, ...]
) -> None:
    """`!plugin config` answers with passwords, and `!show` answers anybody."""
    with the_bot(tmp_path, {"site": guard("Site:drop")}, DIVERT_TO_PRIVATE=diverted) as talk:
        talk.alice.says("!drop secrets", room)
        asked = talk.prompt()
        talk.bob.says(f"!confirm {asked}", room)
        talk.hears("^ran drop secrets$", to="#ops/alice" if room else "@alice")
        assert talk.ended(asked).state is State.SUCCEEDED
        talk.mallory.says(f"!show {asked}", None)
        assert "ran drop" not in talk.hears("bound to", to="@mallory").string
        assert talk.execution(asked).outcome.output == ""


def test_a_plugin_that_is_named_like_one_of_ours_is_guarded_as_any_other(tmp_path: Path) -> None:
    """Only our own code is let alone, so that it can always be confirmed."""
    named = SITE.replace(
        "super().activate()",
        """super().activate()
        answer = Command(lambda plugin, msg, args: ran(plugin, msg, f"open {args}"), name="open")
        self.create_dynamic_plugin("Confirm", (answer,))""",
    ).replace("BotPlugin,", "BotPlugin, Command,", 1)
    with the_bot(tmp_path, {"all": guard("*:open", by="[bob]")}, site=named) as talk:
        talk.alice.says("!open the door")
        asked = talk.prompt()
        talk.bob.says(f"!confirm {asked}")
        assert talk.ended(asked).state is State.SUCCEEDED
        assert ran(tmp_path) == ["open the door"]


def test_blanks_and_line_ends_around_arguments_are_shown(tmp_path: Path) -> None:
    """Nobody types them, but a plugin that calls a method may give them."""
    spaced = SITE.replace("self.drop(msg, args=args)", 'self.drop(msg, args=f"{args}\\n--all\\n")')
    with the_bot(tmp_path, {"site": guard("Site:drop")}, site=spaced) as talk:
        talk.alice.says("!by keyword prod")
        shown = talk.hears(r"^runs: (.*)$")[1].splitlines()[0]
        assert shown == r"!drop prod\u000a--all\u000a (Site:drop)"


ODD = f"""{SITE.replace("super().activate()", 'super().activate(); self._bot.commands["loose"] = drain')}
    @classmethod
    @botcmd
    def shared(cls, msg, args):
        return "ran shared " + args
"""


def test_odd_commands_are_guarded_and_hide_no_others(tmp_path: Path) -> None:
    """A class method, which knows no plugin, and a function that somebody put into Errbot's table."""
    with the_bot(tmp_path, {"site": guard("Site:*", by="[bob]")}, site=ODD) as talk:
        for said in ("!shared x", "!loose x"):
            talk.alice.says(said)
            talk.quiet()
        assert not any(re.search(r"\bran\b", text) for text in talk.texts())  # an id may have these letters in it
        assert [each.text for each in talk.executions()] == ["!shared x"]
        talk.alice.says("!indirectly x")
        talk.hears("drop does not run yet")
        assert ran(tmp_path) == []


def test_rules_of_before_a_reload_uncover_nothing_after_it(tmp_path: Path) -> None:
    """A plugin may become active, and look at the rules, just before new ones come."""
    with the_bot(tmp_path, {}) as talk:
        hold = talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm").hold
        a_guard = Guard(name="site", commands=("Site:drop",), source=Source(Path("site.yaml")), policy=a_policy())
        old, new = Guards([]), Guards([a_guard])
        looks, reloaded, current = threading.Event(), threading.Event(), [old]

        def rules() -> Guards:
            found = current[0]
            if threading.current_thread() is slow:
                looks.set()
                reloaded.wait(1)
            return found

        slow = threading.Thread(target=hold.cover)
        hold.open(rules, lambda msg, held: "no")
        slow.start()
        looks.wait()
        current[0] = new
        quick = threading.Thread(target=hold.cover)
        quick.start()
        quick.join(0.5)
        reloaded.set()
        slow.join()
        quick.join()
        talk.alice.says("!indirectly x")
        talk.quiet()
        assert ran(tmp_path) == []


@pytest.mark.parametrize("pool", [True, False])
def test_a_confirmed_command_that_says_itself_again_asks_again(tmp_path: Path, pool: bool) -> None:
    """A yes is good for once, with a pool of threads and without one."""
    with the_bot(tmp_path, {"site": guard("Site:again")}, BOT_ASYNC=pool) as talk:
        talk.alice.says("!again and again")
        asked = talk.prompt()
        talk.bob.says(f"!confirm {asked}")
        assert talk.ended(asked).state is State.SUCCEEDED
        talk.quiet()
        assert ran(tmp_path) == ["again and again", "again"]
        eventually(lambda: len(talk.executions()) == 3)
        assert [each.state for each in talk.executions()] == [State.PENDING, State.PENDING, State.SUCCEEDED]


def test_arguments_that_a_parser_of_its_own_has_split_are_judged_and_not_asked_for(tmp_path: Path) -> None:
    """What was said is not known any more; said by somebody, it is."""
    with the_bot(tmp_path, {"site": guard("Site:lex prod*", by="[bob]")}) as talk:
        for said in ("!lex 'test' web", "!lex list test"):
            talk.alice.says(said)
            talk.hears(r"^ran lex \['test', 'web'\]$")
        talk.alice.says("!lex list prod")
        talk.hears("Site:lex is guarded: its arguments cannot be kept until it is confirmed")
        talk.alice.says("!lex 'prod' web")
        asked = talk.prompt()
        talk.bob.says(f"!confirm {asked}")
        assert talk.ended(asked).state is State.SUCCEEDED
        assert ran(tmp_path)[2:] == ["lex ['prod', 'web']"]


def test_who_may_not_see_a_command_does_not_see_it_among_the_guarded(tmp_path: Path) -> None:
    """HIDE_RESTRICTED_COMMANDS keeps it out of `!help`."""
    rights = {"Site:*": {"denyusers": ("*mallory",)}}
    hidden = {"HIDE_RESTRICTED_COMMANDS": True, "ACCESS_CONTROLS": rights}
    with the_bot(tmp_path, {"site": guard("Site:drop")}, **hidden) as talk:
        talk.mallory.says("!guards", None)
        assert "Site:" not in talk.hears("look dangerous", to="@mallory").string
        talk.alice.says("!guards", None)
        assert "Site:drop" in talk.hears("look dangerous", to="@alice").string
