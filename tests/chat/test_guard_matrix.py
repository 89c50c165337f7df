"""Every way to say a command, every kind of command, all that can become of it: a guarded one never runs unasked."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from errbot.core_plugins.wsview import reset_app

from err_confirm.model.executions import State
from servers import eventually
from talk import ROOT, Talk, a_bot, write_files
from third_party import posted

PLUG = "[Core]\nName = {name}\nModule = {module}\n"
SITE = r'''
import json

from errbot import BotPlugin, Command, arg_botcmd, botcmd, re_botcmd, webhook


def ran(plugin, msg, command, args):
    """Keep what ran, for whom, and what they had said, over restarts, too; return what to say."""
    with open(f"{plugin.bot_config.BOT_DATA_DIR}/ran", "a") as file:
        print(json.dumps([command, args, str(msg.frm), str(msg.to), msg.body]), file=file)
    return f"{command} ran with {json.dumps(args)}"


def called(method, msg, args):
    """Call a command's method as Errbot would; return all that it says."""
    separator = method._err_command_split_args_with
    if method._err_re_command:
        pattern = method._err_command_re_pattern
        given = list(pattern.finditer(args)) if method._err_command_matchall else pattern.search(args)
    else:
        given = args if separator == "" else args.split(separator)
    said = method(msg, given)
    return said if said is None or isinstance(said, (str, dict)) else "; ".join(said)


class Site(BotPlugin):
    """One command of each kind, two webhooks, and what says again what it hears."""

    def activate(self):
        super().activate()
        dynamic = Command(lambda plugin, msg, args: ran(plugin, msg, "dynamic", args), name="dynamic", cmd_type=botcmd)
        self.create_dynamic_plugin("Dynamic", (dynamic,))

    @botcmd
    def plain(self, msg, args):
        return ran(self, msg, "plain", args)

    @botcmd
    def service_stop(self, msg, args):
        return ran(self, msg, "service_stop", args)

    @arg_botcmd("where")
    @arg_botcmd("--force", action="store_true")
    def ship(self, msg, where, force):
        return ran(self, msg, "ship", [where, force])

    @botcmd(split_args_with=None)
    def wipe(self, msg, args):
        return ran(self, msg, "wipe", args)

    @botcmd(split_args_with=" ")
    def move(self, msg, args):
        return ran(self, msg, "move", args)

    @botcmd
    def roll(self, msg, args):
        yield ran(self, msg, "roll", args)
        yield f"roll ran on with {json.dumps(args)}"

    @botcmd(template="card")
    def card(self, msg, args):
        return {"said": ran(self, msg, "card", args)}

    @botcmd(admin_only=True)
    def danger(self, msg, args):
        return ran(self, msg, "danger", args)

    @re_botcmd(pattern=r"^launch (\w+)$")
    def launch(self, msg, match):
        return ran(self, msg, "launch", match[1])

    @re_botcmd(pattern=r"^please start (\w+)$", prefixed=False)
    def start(self, msg, match):
        return ran(self, msg, "start", match[1])

    @re_botcmd(pattern=r"host-(\w+)", matchall=True)
    def reboot(self, msg, matches):
        return ran(self, msg, "reboot", [match[1] for match in matches])

    @botcmd(flow_only=True)
    def step(self, msg, args):
        return ran(self, msg, "step", args)

    @botcmd
    def begin(self, msg, args):
        return "begun"

    @botcmd
    def follow(self, msg, args):
        msg.ctx["next"] = args
        return "begun"

    @webhook
    def method(self, payload):
        command = payload["command"]
        plugin = self._dynamic_plugins["Dynamic"] if command == "dynamic" else self
        return called(getattr(plugin, command), self._from_alice(payload), payload["args"])

    @webhook
    def table(self, payload):
        return called(self._bot.all_commands[payload["command"]], self._from_alice(payload), payload["args"])

    def callback_message(self, msg):
        if msg.body.startswith("again "):
            msg.body = msg.body.removeprefix("again ")
            self._bot.process_message(msg)

    def _from_alice(self, payload):
        msg = self._bot.build_message("")
        msg.frm, msg.to = self.build_identifier(payload["frm"]), self.build_identifier(payload["to"])
        return msg
'''
CALLER = """
from errbot import BotPlugin, botcmd

from every_kind import called


class Caller(BotPlugin):
    @botcmd
    def call(self, msg, args):
        command, args = args.split(" ", 1)
        return called(self._bot.all_commands[command], msg, args)
"""
FLOWS = """
from errbot import BotFlow, botflow

PLAIN = {plain!r}
ALL = {all!r}


class SiteFlows(BotFlow):
    @botflow
    def by_hand(self, flow):
        begun = flow.connect("begin", auto_trigger=True)
        for command in ALL:
            begun.connect(command)

    @botflow
    def by_itself(self, flow):
        begun = flow.connect("follow", auto_trigger=True)
        for command in PLAIN:
            begun.connect(command, predicate=lambda ctx, command=command: ctx.get("next") == command)
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of command: its name, what is said after it, with `{}` for a word, and what of that the method gets."""

    command: str
    said: str
    gets: Callable[[str], Any] = str
    regex: bool = False
    unprefixed: bool = False

    def args(self, word: str) -> str:
        return self.said.format(word)


KINDS = {
    "botcmd": Kind("plain", "{}"),
    "subcommand": Kind("service_stop", "{}"),
    "arg_botcmd": Kind("ship", "--force {}", lambda word: [word, True]),
    "split": Kind("wipe", "{}  b", lambda word: [word, "b"]),
    "split at each blank": Kind("move", "{}  b", lambda word: [word, "", "b"]),
    "generator": Kind("roll", "{}"),
    "template": Kind("card", "{}"),
    "admin_only": Kind("danger", "{}"),
    "re_botcmd": Kind("launch", "launch {}", regex=True),
    "unprefixed re_botcmd": Kind("start", "please start {}", regex=True, unprefixed=True),
    "matchall": Kind("reboot", "now host-{} host-b", lambda word: [word, "b"], regex=True),
    "dynamic plugin": Kind("dynamic", "{}"),
    "flow_only": Kind("step", "{}"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One way to say one kind of command; its room and its word tell it from all others."""

    path: str
    kind: str
    number: int

    @property
    def word(self) -> str:
        return f"w{self.number}"

    @property
    def room(self) -> str | None:
        """Where it is said; Errbot takes admins' commands in direct messages only."""
        direct = self.path.startswith("direct") or self.kind == "admin_only"
        return None if direct else f"#r{self.number}"

    @property
    def asker(self) -> str:
        """Who says it: in direct messages an alice of its own, with a history and a flow of her own."""
        return "alice" if self.room else f"alice{self.number}"

    @property
    def frm(self) -> str:
        return f"{self.room}/alice" if self.room else f"@{self.asker}"

    @property
    def to(self) -> str:
        return self.room or "@errbot"

    @property
    def answered(self) -> str:
        return self.room or self.frm

    @property
    def text(self) -> str:
        """What somebody says after the prefix."""
        kind = KINDS[self.kind]
        args = kind.args(self.word)
        return args if kind.regex else f"{kind.command.replace('_', ' ')} {args}"

    @property
    def shown(self) -> str:
        """What the prompt shows, and the message has that it runs with."""
        kind = KINDS[self.kind]
        if self.path == "automatic step":
            return f"!{kind.command.replace('_', ' ')}"
        if self.path in CALLED and self.kind == "split":
            return f"!{' '.join(self.text.split())}"  # how many blanks there were, nobody knows
        return self.text if kind.unprefixed else f"!{self.text}"

    def is_asked(self, execution: Any) -> bool:
        """Tell whether an execution is this one: who asks, where, and what is shown."""
        requester = "alice" if self.room else f"text:{self.asker}"
        place = execution.place
        return (execution.requester, place.person, place.room, execution.text, execution.invocation.spec["said"]) == (
            requester,
            f"@{self.asker}",
            self.room or "",
            self.shown,
            self.shown,
        )

    @property
    def gets(self) -> Any:
        kind = KINDS[self.kind]
        return None if self.path == "automatic step" else kind.gets(self.word)

    @property
    def trace(self) -> str:
        """What it leaves when it runs."""
        return json.dumps([KINDS[self.kind].command, self.gets, self.frm, self.to, self.shown])

    @property
    def replies(self) -> list[tuple[str, str]]:
        """What it says when it runs, and where."""
        command, got = KINDS[self.kind].command, json.dumps(self.gets)
        more = [(self.answered, f"{command} ran on with {got}")] if self.kind == "generator" else []
        return [(self.answered, f"{command} ran with {got}"), *more]

    def says(self, talk: Talk, text: str) -> None:
        getattr(talk, self.asker).says(text, self.room)

    def runs(self, restarted: bool) -> bool:
        """Tell whether Errbot itself runs it after a yes; it forgets its flows when it ends."""
        if self.kind == "flow_only":
            return self.path in ("step by hand", "automatic step") and not restarted
        return (self.path, self.kind) != ("automatic step", "arg_botcmd")  # has no text to parse


def says(prefix: str) -> Callable[[Talk, Cell], None]:
    return lambda talk, cell: cell.says(talk, prefix + cell.text)


def says_again(again: str) -> Callable[[Talk, Cell], None]:
    """In a direct message, where nothing is asked for twice, only once the first was taken back."""

    def ask(talk: Talk, cell: Cell) -> None:
        if cell.room:
            talk.alice.says(f"!{cell.text}", FIRST)
        else:
            cell.says(talk, f"!{cell.text}")
            first = talk.prompt(cell.answered)
            cell.says(talk, f"!cancel {first}")
            talk.ended(first)
        cell.says(talk, again)

    return ask


def takes_a_step(talk: Talk, cell: Cell) -> None:
    cell.says(talk, "!begin")
    cell.says(talk, f"!{cell.text}")


def begins_what_follows(talk: Talk, cell: Cell) -> None:
    cell.says(talk, f"!follow {KINDS[cell.kind].command}")


def posts(uri: str) -> Callable[[Talk, Cell], None]:
    def ask(_: Talk, cell: Cell) -> None:
        kind = KINDS[cell.kind]
        call = {"command": kind.command, "args": kind.args(cell.word), "frm": cell.frm, "to": cell.to}
        assert "Internal Server Error" in posted(uri, call)

    return ask


def lets_another_call(talk: Talk, cell: Cell) -> None:
    kind = KINDS[cell.kind]
    cell.says(talk, f"!call {kind.command} {kind.args(cell.word)}")


FIRST = "#first"
"""Where was said what is said again in another room."""
PATHS: Mapping[str, Callable[[Talk, Cell], None]] = {
    "prefix": says("!"),
    "alternative prefix": says("bot, "),
    "mention": says("@errbot: "),
    "no prefix": says(""),
    "direct message": says("!"),
    "!!": says_again("!!"),
    "!1": says_again("!1"),
    "step by hand": takes_a_step,
    "automatic step": begins_what_follows,
    "webhook that calls the method": posts("/method"),
    "webhook that calls by the table": posts("/table"),
    "said again by a plugin": says("again !"),
    "called by another plugin": lets_another_call,
}
CALLED = ("webhook that calls the method", "webhook that calls by the table", "called by another plugin")
"""These call with arguments that are split already."""
SYNCHRONOUS = {"prefix": says("!"), "direct message": says("!"), "direct message without prefix": says("")}
"""On a bot that has no pool, with BOT_ASYNC and BOT_PREFIX_OPTIONAL_ON_CHAT the other way round."""


def possible(path: str, kind: str) -> bool:
    """Leave out what Errbot 6.2.1 cannot do, whatever is guarded."""
    if path == "no prefix":
        return KINDS[kind].unprefixed
    if path in ("!!", "!1", "automatic step"):  # these look a name up among the commands that are no regex: KeyError
        return not KINDS[kind].regex
    return True


def cells_of(paths: Mapping[str, Any]) -> list[Cell]:
    found = [(path, kind) for path in paths for kind in KINDS if possible(path, kind)]
    return [Cell(path, kind, number) for number, (path, kind) in enumerate(found, 1)]


CELLS = cells_of(PATHS)
SYNCHRONOUS_CELLS = cells_of(SYNCHRONOUS)


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of an execution: who says what to it (nobody named is who asked), and how it ends."""

    verb: str
    who: str
    state: State
    restarted: bool = False
    within: str = "1h"


FATES = {
    "confirmed": Fate("confirm", "bob", State.SUCCEEDED),
    "denied": Fate("deny", "bob", State.DENIED),
    "expired": Fate("", "", State.EXPIRED, within="100ms"),
    "canceled": Fate("cancel", "", State.CANCELED),
    "restarted and confirmed": Fate("confirm", "bob", State.SUCCEEDED, restarted=True),
    "restarted and denied": Fate("deny", "bob", State.DENIED, restarted=True),
}


@contextmanager
def the_bot(folder: Path, within: str, **config: Any) -> Iterator[Talk]:
    """Start a bot on one plugin of each kind of command, all of which bob must confirm."""
    plain = [kind.command for kind in KINDS.values() if not kind.regex]
    commands = [f"{'Dynamic' if kind.command == 'dynamic' else 'Site'}:{kind.command}" for kind in KINDS.values()]
    write_files(
        folder,
        {
            "aliases/site.yaml": json.dumps({"commands": commands, "confirm": {"by": ["bob"], "within": within}}),
            "plugins/site/site.plug": PLUG.format(name="Site", module="every_kind"),
            "plugins/site/every_kind.py": SITE,
            "plugins/site/templates/card.md": "{{ said|safe }}",
            "plugins/site/caller.plug": f"{PLUG.format(name='Caller', module='caller')}DependsOn = Site\n",
            "plugins/site/caller.py": CALLER,
            "plugins/site/flows.flow": PLUG.format(name="SiteFlows", module="site_flows"),
            "plugins/site/site_flows.py": FLOWS.format(plain=plain, all=[kind.command for kind in KINDS.values()]),
        },
    )
    if not (folder / "plugins/err-confirm").exists():
        (folder / "plugins/err-confirm").symlink_to(ROOT / "plugins/err-confirm")
    reset_app()  # Errbot keeps the webhooks of all bots of a process in one table
    config = {
        "BOT_ADMINS": ("@root", "@alice*"),
        "BOT_ALT_PREFIXES": ("bot", "@errbot"),
        "BOT_ALT_PREFIX_SEPARATORS": (":", ","),
        "BOT_EXTRA_PLUGIN_DIR": str(folder / "plugins"),
        **config,
    }
    with a_bot(folder, **config) as talk:
        yield talk


def all_asked(talk: Talk, paths: Mapping[str, Callable[[Talk, Cell], None]], cells: list[Cell]) -> dict[Cell, str]:
    """Ask for all; return the id of each."""
    for cell in cells:
        paths[cell.path](talk, cell)
    others = sum(cell.path in ("!!", "!1") for cell in cells)  # what was said before it was said again
    eventually(lambda: len(talk.executions()) >= len(cells) + others)
    eventually(lambda: all(each.posted or each.state.ended for each in talk.executions()))
    found = talk.executions()
    assert len(found) == len(cells) + others
    asked = {cell: [each.id for each in found if cell.is_asked(each)] for cell in cells}
    twice = {cell for cell in cells if cell.path in ("!!", "!1") and not cell.room}
    assert {cell: ids for cell, ids in asked.items() if len(ids) != 1 + (cell in twice)} == {}
    return {cell: ids[0] for cell, ids in asked.items()}


def decided(talk: Talk, asked: Mapping[Cell, str], fate: Fate, end: Callable[[Cell], State]) -> None:
    """Let each end as it must, and then see that a yes comes too late."""
    for cell, each in asked.items():
        if fate.verb:
            getattr(talk, fate.who or cell.asker).says(f"!{fate.verb} {each}", None)
    ended = {cell: talk.ended(each).state for cell, each in asked.items()}
    assert {cell: state for cell, state in ended.items() if state is not end(cell)} == {}
    for each in asked.values():
        talk.bob.says(f"!confirm {each}", None)
    talk.quiet()
    assert {cell: talk.execution(each).state for cell, each in asked.items()} == ended


def the_matrix(folder: Path, fate: Fate, paths: Mapping[str, Any], cells: list[Cell], **config: Any) -> None:
    """Ask for all, let all have one fate, and compare everything that ran and that was said."""
    ran = folder / "data/ran"

    def runs(cell: Cell) -> bool:
        return fate.state is State.SUCCEEDED and cell.runs(fate.restarted)

    def end(cell: Cell) -> State:
        return State.FAILED if fate.state is State.SUCCEEDED and not runs(cell) else fate.state

    with the_bot(folder, fate.within, **config) as talk:
        asked = all_asked(talk, paths, cells)
        assert not ran.exists()
        if not fate.restarted:
            decided(talk, asked, fate, end)
        talk.quiet()
        heard = talk.heard
    if fate.restarted:
        assert not ran.exists()
        with the_bot(folder, fate.within, **config) as talk:
            decided(talk, asked, fate, end)
            heard = heard + talk.heard
    traces = ran.read_text().splitlines() if ran.exists() else []
    assert Counter(traces) == Counter(cell.trace for cell in cells if runs(cell))
    replies = Counter(said for said in heard if " ran with " in said[1] or " ran on with " in said[1])
    assert replies == Counter(reply for cell in cells if runs(cell) for reply in cell.replies)
    prompts = Counter((to, each) for to, text in heard for each in asked.values() if f"\n!confirm {each}\n" in text)
    assert prompts == Counter((cell.answered, each) for cell, each in asked.items())


@pytest.mark.parametrize("fate", FATES)
def test_a_guarded_command_runs_once_after_a_yes_and_else_never(tmp_path: Path, fate: str) -> None:
    """By every path, every kind: nothing before, then exactly what was shown, as alice, where she asked."""
    the_matrix(tmp_path, FATES[fate], PATHS, CELLS)


@pytest.mark.parametrize("fate", FATES)
def test_a_bot_without_a_pool_of_threads_holds_as_well(tmp_path: Path, fate: str) -> None:
    """BOT_ASYNC is False, and in direct messages nothing needs a prefix."""
    config = {"BOT_ASYNC": False, "BOT_PREFIX_OPTIONAL_ON_CHAT": True}
    the_matrix(tmp_path, FATES[fate], SYNCHRONOUS, SYNCHRONOUS_CELLS, **config)


def test_the_matrix_has_no_hole() -> None:
    """Only what Errbot cannot do is left out; 1,122 cells are left, 888 of them on the bot as it is by default."""
    left_out = [(path, kind) for path in PATHS for kind in KINDS if not possible(path, kind)]
    assert Counter(path for path, _ in left_out) == {"no prefix": 12, "!!": 3, "!1": 3, "automatic step": 3}
    assert len(CELLS) * len(FATES) == 888
    assert (len(CELLS) + len(SYNCHRONOUS_CELLS)) * len(FATES) == 1_122
