"""One real Errbot command for each alias, so that help lists it and access control judges it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from types import SimpleNamespace
from typing import Any

from errbot import BotPlugin, Command, CommandError, botcmd, cmdfilter, re_botcmd

from err_confirm.catalog import own_command
from err_confirm.drawing import chart, mermaid, svg
from err_confirm.errors import TextTooLongError
from err_confirm.grammar import MAX_TEXT_BYTES
from err_confirm.guards import ALIAS_COMMANDS, OWN, bot_command
from err_confirm.guards.cover import coverage
from err_confirm.holding.explain import Explainer, Meaning, slip
from err_confirm.holding.hold import without_prefix
from err_confirm.model.files import Alias
from err_confirm.plan.index import Index
from err_confirm.text.spelling import holds
from err_confirm.wording import displays

MOST_WORDS = 2_000
"""How many words a command may have. Errbot 6.2.1 looks each command up in time quadratic in them: 20,000 words hold
the whole bot for 4 s, and a message of 1 MB for hours."""
MOST_WORK = 80_000_000
"""How many words times characters: each look copies the text, and 2,000 words of 1 MB held the bot for 3 s."""
LISTED = 50
"""How many aliases `!aliases` lists."""
MOST_WAYS = 5
"""How many ways to say something are shown to who has said it in another."""
MOST_NEAR = 100
"""How many are looked at for that: access control is asked about each alias."""
PICTURE = "drawing.svg"
"""What the file is called in which a drawing is sent."""
_OURS = "alias."


@dataclass(frozen=True, slots=True)
class Said:
    """What Errbot hands to a regex command: truthy, with the text that matched."""

    string: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """Stands where Errbot keeps a compiled expression: the index decides which one alias a text means."""

    alias: str
    pattern: str
    index: Callable[[], Index]

    def search(self, text: str) -> Said | None:
        """Return the text if this alias answers it; what begins with one of our own words, none does."""
        if own_command(text):
            return None
        winner = self.index().winner(text)
        return Said(text) if winner is not None and winner.name == self.alias else None


class Aliases(BotPlugin):
    """Commands that are alias files."""

    def activate(self) -> None:
        """Register the aliases, and see texts before commands that would hide them."""
        super().activate()
        self._register()
        with self._bot._gbl:  # in a list of its own: a message that is on its way through the old one skips none
            others = [each for each in self._bot.command_filters if each != self.prefer_alias]
            self._bot.command_filters = [self.prefer_alias, *others]
        self._process_message = self._bot.process_message
        self._bot.process_message = self.process_message
        self._unknown_command = self._bot.unknown_command
        self._bot.unknown_command = self.unknown_command

    def deactivate(self) -> None:
        """Take the commands away."""
        self._bot.process_message = self._process_message
        self._bot.unknown_command = self._unknown_command
        super().deactivate()
        self._unregister()

    def refresh(self) -> None:
        """Make the commands what the files now say."""
        self._unregister()
        self._register()

    def process_message(self, msg: Any) -> Any:
        """Refuse a command of very many words, the fewer the longer it is; all else is Errbot's."""
        if len(msg.body) > 2 * MOST_WORDS and without_prefix(msg, self._bot) != msg.body.strip():
            words, most = len(msg.body.split()), min(MOST_WORDS, max(1, MOST_WORK // len(msg.body)))
            if words > most:
                say = self._confirm().chat.wording.say
                self._bot.send_simple_reply(msg, say("refused_words", words=words, most=most))
                return True
        return self._process_message(msg)

    def unknown_command(self, msg: Any, cmd: str, args: str | None) -> Any:
        """Say how the aliases are said that a text begins like, which nothing answers; all else is Errbot's.

        Errbot repeats what was said, twice: of a message of 1 MB, that would be hundreds of messages.
        """
        text = without_prefix(msg, self._bot)
        size = len(text.encode(errors="replace"))
        if size > MAX_TEXT_BYTES:
            say = self._confirm().chat.wording.say
            return say("refused_request", error=TextTooLongError(size, MAX_TEXT_BYTES))
        return self._near(msg, text) or self._unknown_command(msg, cmd, args)

    def _confirm(self) -> Any:
        return self.get_plugin("Confirm")

    def _index(self) -> Index:
        return self._confirm().service.index

    @botcmd
    def aliases(self, msg: Any, args: str) -> str:
        """List the aliases, and who must confirm each; with words, those that have them: !aliases restart"""
        confirm = self._confirm()
        confirm.check_on()
        catalog, words = confirm.service.catalog, args.casefold().split()
        found = [alias for alias in catalog.aliases.values() if alias.enabled and _has(alias, words)]
        if self.bot_config.HIDE_RESTRICTED_COMMANDS:  # as in !help, what somebody may not use is not there
            found = [alias for alias in found if self._may(msg, command_name(alias.name))]
        facts = {"aliases": found[:LISTED], "more": len(found) - LISTED, "words": " ".join(words)}
        errors = () if words else catalog.errors
        return confirm.chat.reply(msg, confirm.chat.wording.say("aliases", **facts, errors=errors))

    @botcmd
    def explain(self, msg: Any, args: str) -> str:
        """Say what a text means and who must confirm it, without asking: !explain restart web01"""
        confirm = self._confirm()
        confirm.check_on()
        text = without_prefix(SimpleNamespace(body=args), self._bot)
        service, methods = confirm.service, confirm.hold.methods
        explainer = Explainer(
            service.index, confirm.rules(), methods, service.catalog, service.moment, self._bot.prefix
        )
        with confirm.worded():
            found = explainer.meanings(text, confirm.chat.place(msg)) if text else []
        barred = [each for each in found if not self._may(msg, _command_of(each))]
        if self.bot_config.HIDE_RESTRICTED_COMMANDS:  # as in !help, what somebody may not use is not there
            found = [each for each in found if each not in barred]
        if not found and (near := self._near(msg, text)):
            return near
        return confirm.chat.reply(msg, confirm.chat.wording.say("explain", text=text, found=found, barred=barred))

    @botcmd
    def draw(self, msg: Any, args: str) -> str:
        """Draw who must answer, what runs and what follows, as a picture where that can be sent: !draw restart"""
        confirm = self._confirm()
        confirm.check_on()
        name = args.strip().strip("`")
        made = chart(confirm.service.catalog, name)
        sent = made is not None and confirm.chat.send_file(msg, PICTURE, lambda: svg(made).encode())
        text = mermaid(made) if made else ""
        return confirm.chat.reply(msg, confirm.chat.wording.say("draw", name=name, text=text, sent=sent))

    @botcmd(admin_only=True)
    def aliases_reload(self, msg: Any, _: str) -> str:
        """Read the alias, guard and action files again; a wrong file changes nothing."""
        confirm = self._confirm()
        confirm.check_on()
        with confirm.worded("refused_store"):
            catalog = confirm.service.reload(confirm.chat.speaker(msg))
        say = confirm.chat.wording.say
        if catalog.errors:
            used = confirm.service.catalog
            counts = {"aliases": len(used.aliases), "guards": len(used.guards)}
            raise CommandError(say("kept", **counts, errors=catalog.errors))
        self.refresh()
        confirm.hold.cover()
        counts = {"aliases": len(catalog.aliases), "guards": len(catalog.guards), "actions": len(catalog.actions)}
        commands = [command for command, _ in confirm.hold.methods.all()]
        nothing = coverage(catalog.guards.values(), commands).naming_nothing()
        return say("reloaded", **counts, warnings=catalog.warnings, nothing=nothing)

    @cmdfilter
    def prefer_alias(self, msg: Any, cmd: str, args: str, dry_run: bool) -> tuple[Any, Any, Any]:
        """Give a text that is wholly an alias to it, where Errbot found a shorter command: !restart web01.

        The alias then passes all filters under its own name. Our own commands always win.
        """
        if dry_run or cmd not in self._bot.commands or self._bot.commands[cmd].__self__.name in OWN:
            return msg, cmd, args
        text = without_prefix(msg, self._bot)
        winner = self._index().winner(text)
        if winner is not None:
            self._bot._process_command(msg, command_name(winner.name), text, Said(text))
            return None, None, None
        if (near := slip(self._index(), bot_command(cmd, self._bot.commands[cmd]), args, text)) is not None:
            say = self._confirm().chat.wording.say
            known = near if self._may(msg, command_name(near.name)) else None
            self._bot.send_simple_reply(msg, say("refused_slip", said=text, command=cmd, alias=known))
            return None, None, None
        return msg, cmd, args

    def _near(self, msg: Any, text: str) -> Any:
        """Return how the aliases are said that a text begins like; who may not use one does not hear of it."""
        may = cache(lambda alias: self._may(msg, command_name(alias)))
        near = self._index().near(text)[:MOST_NEAR]
        ways = list(islice((each for each in near if may(each.alias.name)), MOST_WAYS + 1))
        if not ways:
            return ""
        chat, lacks = self._confirm().chat, {each.lacks(text) for each in ways}
        facts = {
            "ways": ways[:MOST_WAYS],
            "more": len(ways) > MOST_WAYS,
            "lacks": min(lacks) if len(lacks) == 1 else (),
        }
        return chat.reply(msg, chat.wording.say("refused_near", said=text, **facts))

    def _may(self, msg: Any, command: str) -> bool:
        """Tell whether access control lets somebody use a command."""
        return self._bot._process_command_filters(msg, command, None, True)[0] is not None

    def _unregister(self) -> None:
        with suppress(ValueError):  # there are none yet
            self.destroy_dynamic_plugin(ALIAS_COMMANDS)

    def _register(self) -> None:
        catalog = self._confirm().service.catalog
        commands = tuple(self._command(alias) for alias in catalog.aliases.values() if alias.enabled)
        self.create_dynamic_plugin(ALIAS_COMMANDS, commands, doc="Commands that ask before they run")

    def _command(self, alias: Alias) -> Command:
        def start(_: Any, msg: Any, match: Any) -> None:
            self._confirm().start(msg, match.string)

        display = " · ".join(displays(alias))
        command = Command(
            start,
            cmd_type=re_botcmd,
            cmd_kwargs={"pattern": "", "historize": False, "re_cmd_name_help": display},
            name=command_name(alias.name),
            doc=alias.description or f"Start {alias.action_ref}",
        )
        command.definition._err_command_re_pattern = Pattern(alias.name, display, self._index)
        return command


def command_name(alias: str) -> str:
    """Return the name of an alias's Errbot command; with its own prefix it can hide no other."""
    return f"{_OURS}{alias}"


def _has(alias: Alias, words: list[str]) -> bool:
    """Tell whether each of these words is in an alias's name, in what people say, or in its description."""
    return holds(words, alias.name, *displays(alias), alias.description)


def _command_of(meaning: Meaning) -> str:
    return meaning.command.name if meaning.command else command_name(meaning.alias)
