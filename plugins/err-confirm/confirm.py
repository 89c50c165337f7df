"""The chat commands that answer, take back and look at what was asked for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from itertools import islice
from pathlib import Path
from typing import Any

from errbot import BotPlugin, CommandError, botcmd, re_botcmd
from errbot.core_plugins.acls import get_acl_usr, glob

import err_confirm
from err_confirm import sigterm
from err_confirm.answers import split_first
from err_confirm.answers.otp import Secret
from err_confirm.catalog import RESERVED
from err_confirm.chat import Chat
from err_confirm.chat.output import asked_for
from err_confirm.engine import SEARCHED
from err_confirm.engine.meant import Unclear
from err_confirm.errors import (
    AheadError,
    AlreadyAskedError,
    BusyError,
    DuplicateParameterError,
    ErrConfirmError,
    GuessError,
    MissingParametersError,
    NobodyError,
    ParameterError,
    PostError,
    QuestionError,
    StoreError,
    StoreUnavailableError,
    UnsafeStoreError,
)
from err_confirm.guards import Guards
from err_confirm.holding.calls import Calls
from err_confirm.holding.held import Held
from err_confirm.holding.hold import active, attach
from err_confirm.holding.permission import Permission
from err_confirm.intake import Intake
from err_confirm.journal.question import read_question
from err_confirm.logged import Discretion
from err_confirm.model.executions import Execution, Place, Plan, Speaker, State
from err_confirm.policy.openings import Rosters, waits_for
from err_confirm.runners.bot_runner import BotRunner
from err_confirm.service import Service
from err_confirm.settings import read_settings
from err_confirm.store.base import clock
from err_confirm.text.spelling import holds
from err_confirm.transition.events import Read, Reason
from err_confirm.transition.steps import Refusal

ANY_CASE = rf"^(?ai:{'|'.join(sorted(RESERVED))})(?:\s|$)"
HOUR = 3_600
"""Seconds between two looks after the journal."""
MOST_WAITING = 1_000
"""How many executions `!pending mine` and `!pending` with words look at."""
LISTED = 20
"""How many executions `!pending` and `!executions` list."""


class Confirm(BotPlugin):
    """Answer and look at commands that ask before they run."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        sigterm.listen()  # on the main thread, where Errbot loads plugins; IRC activates them on another

    def activate(self) -> None:
        """Start the guard; a setting that cannot be used stops the plugin, and with it every alias."""
        settings = read_settings(self.bot_config)
        self.chat = Chat(self._bot, settings.people)
        self.hold = attach(self._bot, CommandError)
        self.calls = Calls(self._bot, self.chat, self.hold)
        vouch = [Permission(self._bot, self.chat, self.hold.ready)]
        self.service = Service(
            settings,
            self.chat,
            self.warn_admins,
            BotRunner(self.calls.start, self.calls.say),
            vouch=vouch,
            prefix=self._bot.prefix,
        )
        self.chat.join(
            self.service.engine,
            self.service.tokens,
            outputs=self.service.outputs,
            in_use=self.service.mutexes.in_use,
            policy_of=self.service.policy_of,
        )
        self.calls.wait_told = self.service.wait_told
        self.calls.check_locks = self.service.locks.check
        self.intake = Intake(self.service, self.chat, self._bot.prefix)
        super().activate()
        self.discretion = Discretion()
        self.discretion.begin()
        self.chat.begin()
        self.service.start()
        self.hold.open(self.rules, self.ask_first)
        self.start_poller(1, self.keep_journal, times=1)
        self.start_poller(HOUR, self.keep_journal)
        hide_library()
        aliases = active(self._bot, "Aliases")
        if aliases is not None:  # this plugin was reloaded, and has read all files again
            aliases.refresh()
        if self.service.catalog.errors:
            self.warn_admins(self.chat.wording.say("left_out", errors=self.service.catalog.errors))
        if lacks := self.service.lacks():
            self.warn_admins(lacks)
        with suppress(StoreError):  # whoever asks for something is told
            waiting, now = self.service.engine.waiting(LISTED)
            if found := sum(each.state is State.PENDING and each.expires_at > now for each in waiting):
                self._tell_terminal("still_waits", waiting=found, most=LISTED)

    def deactivate(self) -> None:
        """End cleanly: what waits stays in the store, what runs gets its grace."""
        sigterm.done()
        super().deactivate()
        if running := self.service.running():
            self._tell_terminal("still_runs", running=running, grace=self.service.settings.stop_grace)
        self.hold.close()
        self.calls.leave()
        self.chat.leave()
        self.service.stop()
        self.discretion.end()

    def keep_journal(self) -> None:
        """Look after the journal, and post its head where it is kept."""
        settings, head = self.service.settings, self.service.keep_journal()
        if head is not None and settings.journal_room:
            self.chat.say(Place(person="", room=settings.journal_room), "journal_head", head=head)

    # Answers are not in the history: `!!`, said to ask once more, would answer instead.
    @botcmd(historize=False)
    def confirm(self, msg: Any, args: str) -> str:
        """Let it run: !confirm <id>, and behind it what its prompt asks for, or a reason

        !confirm alone means your own newest prompt here, if it is yours to confirm.
        """
        if args.strip().lower() == "me":
            return self.confirm_me(msg, "")
        first, rest = split_first(args)
        if first.lower() == "otp":
            return self.confirm_otp(msg, rest)
        return self._answer(msg, "confirm", args)

    @botcmd
    def confirm_me(self, msg: Any, _: str) -> str:
        """Show who you are here, as CONFIRM_PEOPLE wants it."""
        with self.worded():
            by = self.chat.speaker(msg)
        return self.chat.wording.say("me", identity=by.identity, person=by.person)

    @botcmd(historize=False)
    def confirm_otp(self, msg: Any, args: str) -> str:
        """Set up the codes that some commands ask for: !confirm otp, said to the bot alone."""
        say, factor = self.chat.wording.say, self.service.second_factor
        with self.worded():
            by = self.chat.speaker(msg)
            if by.place.room or not msg.is_direct:
                raise CommandError(say("otp_direct"))
            verb, whom = split_first(args)
            if verb.lower() == "reset":
                return self._reset_otp(msg, whom, by)
            if not factor.knows(by.person):
                raise CommandError(say("otp_nobody", identity=by.identity))
            found = factor.go_on(args, by) if verb else factor.begin(by.person)
            if isinstance(found, Secret):
                return say("otp_secret", secret=found)
            return say(f"otp_{found.proof}", until=found.until)

    def _reset_otp(self, msg: Any, whom: str, by: Speaker) -> str:
        say = self.chat.wording.say
        if not self.is_admin(msg):
            raise CommandError(say("otp_not_admin"))
        if whom == by.person:  # whoever has got hold of an admin's account would be rid of the codes
            raise CommandError(say("otp_not_own"))
        if not self.service.second_factor.reset(whom, by):
            raise CommandError(say("otp_nothing", person=whom))
        told = False
        for place in self.chat.direct(whom):
            with suppress(PostError):
                self.chat.say(place, "otp_was_reset", by=by.person)
                told = True
        return say("otp_reset", person=whom, told=told)

    @botcmd(historize=False)
    def deny(self, msg: Any, args: str) -> str:
        """Say no, so that it never runs: !deny <id> [reason]"""
        return self._answer(msg, "deny", args)

    @botcmd(historize=False)
    def cancel(self, msg: Any, args: str) -> str:
        """Take back what you asked for yourself: !cancel <id> [reason]"""
        return self._answer(msg, "cancel", args)

    @botcmd(historize=False)
    def abort(self, msg: Any, args: str) -> str:
        """Stop what runs: !abort <id> [reason]"""
        return self._answer(msg, "abort", args)

    @botcmd
    def pending(self, msg: Any, args: str) -> str:
        """List what waits for an answer, and what runs; with words, what has them: !pending restart"""
        words = args.casefold().split()
        with self.worded(), self.intake.few(msg) if words else nullcontext():
            waiting, now = self.service.engine.waiting(MOST_WAITING if words else LISTED + 1)
            found = [each for each in waiting if _has(each, words)]
        return self._listed(msg, found, now, Rosters(self.service.engine.roster), words=" ".join(words))

    @botcmd
    def pending_mine(self, msg: Any, _: str) -> str:
        """List what waits for your answer."""
        rosters = Rosters(self.service.engine.roster)
        with self.worded(), self.intake.few(msg):
            waiting, now = self.service.engine.waiting(MOST_WAITING)
            person = self.chat.person(msg)
            theirs = [each for each in waiting if waits_for(each, person, rosters, now)]
        return self._listed(msg, theirs, now, rosters, mine=True)

    @botcmd
    def show(self, msg: Any, args: str) -> str:
        """Show all about one execution: !show <id>, or all that it has written: !show <id> output"""
        name, output = asked_for(args)
        with self.worded():
            execution_id = self._clear("show", self.intake.find(msg, "show", name))
            execution, now = self.service.engine.read(execution_id)
            if execution is None:
                self.intake.guessed(msg)
                return self.chat.answer(Refusal(Reason.UNKNOWN), execution_id, "show", self.chat.place(msg))
            if output is not None:
                return self.chat.reply(msg, self.chat.output(msg, execution, output))
            shown = self.chat.reply(msg, self.chat.show(execution, now, Rosters(self.service.engine.roster)))
            if execution.conduct.cut:
                with suppress(NobodyError):  # whoever cannot be told apart may look, and cannot answer
                    self.service.engine.apply(execution_id, Read(self.chat.person(msg)))
            return shown

    @botcmd
    def executions(self, msg: Any, args: str) -> str:
        """List what was asked for in the last day, or search: !executions restart failed by bob since 2d"""
        engine, say = self.service.engine, self.chat.wording.say
        with self.worded():
            if not args.strip():
                newest = list(islice(engine.recent(), LISTED))
                return self.chat.reply(msg, say("executions", executions=newest))
            now = clock(engine.store)
            try:
                wanted = read_question(args, self.service.names(), now)
            except QuestionError as error:
                raise CommandError(say("refused_search", error=error)) from error
            with self.intake.few(msg):
                found = engine.search(wanted, LISTED)
        return self.chat.reply(msg, say("found", found=found, now=now, lines=SEARCHED))

    def start(self, msg: Any, text: str) -> None:
        """Ask for what a text means; the aliases' commands call this, also while this plugin is switched off."""
        self.check_on()
        with self.worded("unsure_request"):
            try:
                self._request(msg, self.service.plans(text, self.chat.place(msg).room), text)
            except (ParameterError, DuplicateParameterError) as error:
                alias = self.service.index.winner(text)
                missing = error.parameters if isinstance(error, MissingParametersError) else ()
                facts = {"alias": alias, "pairs": "".join(f" {name}=<{name}>" for name in missing)}
                raise CommandError(self.chat.wording.say("refused_value", error=error, **facts)) from error

    def ask_first(self, msg: Any, held: Held) -> str:
        """Ask for a held command; return why that cannot be, nothing if it was asked for."""
        try:
            self.check_on()
            with self.worded("unsure_request"):
                plan = self.service.decided(
                    held.plan(self.chat.place(msg), self._bot.prefix), self.chat.place(msg).room
                )
                self._request(msg, [plan], plan.invocation.spec["said"])
        except CommandError as error:
            return str(error.reason)
        return ""

    @re_botcmd(pattern=ANY_CASE, hidden=True, historize=False, re_cmd_name_help="Confirm, Deny, …")
    def confirm_any_case(self, msg: Any, match: Any) -> Any:
        """Understand !Confirm, as phones write it."""
        command, args = split_first(match.string)
        command = command.lower()
        if f"{command}_{args.strip().lower()}" in self._bot.commands:
            command, args = f"{command}_{args.strip().lower()}", ""
        # Run here, not queued again: while an admin's command waits for all others, the pool takes nothing new.
        msg, command, args = self._bot._process_command_filters(msg, command, args)
        return self._bot.commands[command](msg, args) if msg else None

    def rules(self) -> Guards:
        """Return the guards that hold at this moment: without its plugin, no alias's text is another's command."""
        aliases = active(self._bot, "Aliases")
        return self.service.guards if aliases is not None else self.service.guards_without_aliases

    def is_admin(self, msg: Any) -> bool:
        """Tell whether a bot admin sent a message, in a room, too, where Errbot knows some people by other names."""
        directly = self.chat.message(Place(person=self.chat.place(msg).person), "")
        return bool(glob(get_acl_usr(directly), self.bot_config.BOT_ADMINS))

    def check_on(self) -> None:
        """Refuse while this plugin is switched off: Errbot leaves plugins on that need it."""
        if not self.is_activated:
            raise CommandError(self.chat.wording.say("off"))

    @contextmanager
    def worded(self, unavailable: str = "store_unavailable") -> Iterator[None]:
        """Turn what goes wrong inside into what is said about it; `unavailable` is for a store that is."""
        try:
            yield
        except ErrConfirmError as error:
            raise CommandError(self._sentence(error, unavailable)) from error

    def _sentence(self, error: ErrConfirmError, unavailable: str) -> str:
        """Return what is said about what went wrong."""
        say = self.chat.wording.say
        match error:
            case AlreadyAskedError():
                return self.chat.waiting(error.execution)
            case AheadError(output=output) if output:
                return say("refused_ahead", error=error, output=output)
            case BusyError():
                return say("refused_busy")
            case GuessError():
                return say("refused_guesses", error=error)
            case StoreUnavailableError() if not isinstance(error, UnsafeStoreError):
                return say(unavailable, error=error)
        return say("refused_request", error=error)  # of an unsafe store, too: saying it again would not help

    def _request(self, msg: Any, plans: list[Plan], text: str) -> None:
        by = self.chat.speaker(msg)

        def slow(what: str, plan: Plan) -> None:
            self._later(by.place, self.chat.wording.say("looking", what=what, action=plan.action))

        def refused(error: ErrConfirmError) -> None:
            self._later(by.place, self._sentence(error, "unsure_request"))

        self.service.requests.request(plans, by, text, post=self.chat.ask, slow=slow, refused=refused)

    def _tell_terminal(self, message: str, **facts: Any) -> None:
        """Say something to who has started or ended a bot in a terminal; on a network, it would be said to nobody."""
        if self._bot.mode == "text":
            self._bot.send(self._bot.user, self.chat.wording.say(message, **facts))

    def _later(self, place: Place, text: str) -> None:
        """Say something of a request where it was made, or to who made it."""
        try:
            self.chat.post(place, text)
        except PostError as error:
            self.log.warning("%s", error)

    def _answer(self, msg: Any, verb: str, args: str) -> str:
        with self.worded("refused_store"):
            return self.chat.reply(msg, self._clear(verb, self.intake.take(msg, verb, args)))

    def _listed(
        self, msg: Any, found: list[Execution], now: float, rosters: Rosters, *, words: str = "", mine: bool = False
    ) -> str:
        facts = {"executions": found[:LISTED], "more": len(found) > LISTED, "words": words, "mine": mine}
        return self.chat.reply(msg, self.chat.wording.say("pending", **facts, now=now, rosters=rosters))

    def _clear(self, verb: str, found: str | Unclear) -> str:
        """Refuse what is not clear."""
        if isinstance(found, Unclear):
            unclear = {"reference": found.reference, "candidates": found.candidates}
            raise CommandError(self.chat.wording.say("unclear", verb=verb, **unclear))
        return found


def _has(execution: Execution, words: list[str]) -> bool:
    """Tell whether each of these words is in an execution's id, alias, text, or who asked for it."""
    return holds(words, execution.id, execution.alias, execution.requester, execution.text)


def hide_library() -> None:
    """Take the folders of our library off sys.path, where Errbot 6.2.1 puts each folder of a wheel.

    A plugin that is installed from chat later comes after them, and would import our `settings` for its own.
    """
    library = Path(err_confirm.__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if not Path(entry).is_relative_to(library)]
