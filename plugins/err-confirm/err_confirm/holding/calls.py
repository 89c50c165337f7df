"""Run a held command after all, as Errbot would have: as who asked for it, through all filters, answering there.

Errbot's own way, `process_message`, would close the pool of threads for an admin's command, and wait in it for itself.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from err_confirm.chat import Chat
from err_confirm.errors import ErrConfirmError, NobodyError
from err_confirm.guards import bot_command
from err_confirm.holding.held import Refused, Ticket, covers
from err_confirm.holding.hold import Hold
from err_confirm.model.executions import Place
from err_confirm.model.runs import Outcome

log = logging.getLogger(__name__)

STARTED_WITHIN = 50.0
"""Seconds that a command waits for the plugins of a bot that has just been started."""
TOLD_WITHIN = 5.0
"""Seconds that a command waits until it is told that it runs, so that its own replies come after that."""
MOST_OUTPUT = 65_536
"""How many characters of replies are kept; all of them are in the chat. Those to one person alone are not kept."""
STOPPING = "it stops err-confirm itself, so nobody waits here for its end"


class Call:
    """One held command that runs, on a thread of its own: no pool of Errbot's may wait for itself."""

    def __init__(self, work: Callable[["Call"], Outcome], name: str) -> None:
        self._work = work
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._outcome: Outcome | None = None
        threading.Thread(target=self._run, name=f"err-confirm {name}", daemon=True).start()

    def wait(self, timeout: float) -> Outcome | None:
        """Return how it ended, or None if it still runs after `timeout` seconds."""
        return self._outcome if self._ended.wait(timeout) else None

    def stop(self, error: str) -> None:
        """Wait for it no longer: what runs inside the bot cannot be ended from outside."""
        self.end(Outcome(error=f"{error}; what it began may have gone on", aborted=True))

    def end(self, outcome: Outcome) -> None:
        """Note how it ended; the first note counts."""
        with self._lock:
            if self._outcome is None:
                self._outcome = outcome
                self._ended.set()

    @property
    def ended(self) -> bool:
        """Whether nobody waits for it any more."""
        return self._ended.is_set()

    def _run(self) -> None:
        try:
            self.end(self._work(self))
        except Exception as error:  # Errbot's and the plugins' code
            log.exception("a held command could not be run")
            self.end(Outcome(error=str(error) or type(error).__name__))


class Calls:
    """What starts held commands of one bot.

    Args:
        bot: Errbot's bot object.
        chat: says where people are.
        hold: lets them through.
    """

    def __init__(self, bot: Any, chat: Chat, hold: Hold) -> None:
        self._bot = bot
        self._chat = chat
        self._hold = hold
        self.wait_told: Callable[[float], None] = lambda _: None
        """Waits until what has happened so far was told, for at most so many seconds."""
        self.check_locks: Callable[[Iterable[str]], None] = lambda _: None
        """Raises what says that one of these guards is locked."""
        self._here = threading.local()

    def start(self, spec: dict[str, Any]) -> Call:
        """Start the command that a specification names."""
        return Call(lambda call: self._run(call, spec), spec["command"])

    def say(self, text: str, place: Place, policy: str) -> Call:
        """Start the command that a text means, as if who asked had said it there, under a policy's fingerprint."""
        return Call(lambda call: self._say(call, text, place, policy), "said")

    def leave(self) -> None:
        """Report the command that runs on this thread as ended, if one does: it is what stops us."""
        call: Call | None = getattr(self._here, "call", None)
        if call is not None:
            call.end(Outcome(exit_code=0, output=STOPPING))

    def _say(self, call: Call, text: str, place: Place, policy: str) -> Outcome:
        if not self._hold.ready.wait(STARTED_WITHIN):
            return _failed("the bot's plugins were not all there in time")
        name, method, args = self._hold.methods.meant(text)
        if method is None:
            return _failed(f'the bot has no command for "{text}" now')
        command, said = bot_command(name, method), f"{self._bot.prefix}{text}"
        if command.own:
            return _failed(f"{command} is a command of err-confirm, which no alias may say")
        held = self._hold.judge.judge(method, name, args)
        if isinstance(held, Refused):
            return _failed(held.said)
        if held is not None and not covers(policy, held.guard.policy):
            asks = f"the guard {held.guard.name} over {command} asks for something else than this alias"
            return _failed(f"{asks}; let both ask for the same, or say {said}")
        try:
            self.check_locks([held.guard.name] if held else [])
        except ErrConfirmError as error:
            return _failed(str(error))
        spec = {"plugin": command.plugin, "command": name, "pattern": None, "args": args, "said": said}
        where = {"person": place.person, "room": place.room, "thread": place.thread}
        return self._run(call, {**spec, **where, "policy": policy})

    def _run(self, call: Call, spec: dict[str, Any]) -> Outcome:
        self._here.call = call
        if not self._hold.ready.wait(STARTED_WITHIN):
            return _failed("the bot's plugins were not all there in time")
        self.wait_told(TOLD_WITHIN)
        method = self._hold.methods.find(spec["command"], regex=spec["pattern"] is not None)
        if method is None or method.__self__.name != spec["plugin"]:
            return _failed(f"the plugin {spec['plugin']} has no command {spec['command']} here now")
        if spec["pattern"] is not None and method._err_command_re_pattern.pattern != spec["pattern"]:
            return _failed(f"{spec['plugin']}:{spec['command']} answers other texts now than when it was asked for")
        try:
            place = Place(person=spec["person"], room=spec["room"], thread=spec["thread"])
            message = self._chat.message(place, spec["said"])
        except NobodyError as error:
            return _failed(str(error))
        if call.ended:  # while it waited for the plugins
            return _failed("")
        self._hold.methods.replace(spec["command"], method)
        ticket = Ticket(spec["command"], spec["args"], method.__self__, spec["policy"])
        with self._hold.methods.admitting(ticket):
            why = self._execute(message, spec, method, ticket)
        if not ticket.entered:
            return _failed(why or "Errbot did not run it, as if it were not there; does it run only inside a flow?")
        public = self._is_public(spec)
        output = "\n".join(ticket.replies) if public else ""
        failure = ticket.failure if public or not ticket.failure else "it failed, and has said why to who asked"
        kept = output[-MOST_OUTPUT:]
        return Outcome(
            exit_code=0 if ticket.ended else None,
            output=kept,
            omitted_bytes=len(output.encode()) - len(kept.encode()),
            error="" if ticket.ended else failure or "it did not come to its end",
        )

    def _is_public(self, spec: dict[str, Any]) -> bool:
        """Tell whether all in the room get the replies: `!show` says what is kept to anybody."""
        private = {"ALL_COMMANDS", spec["command"]} & {*self._bot.bot_config.DIVERT_TO_PRIVATE}
        return spec["room"] != "" and not private

    def _execute(self, message: Any, spec: dict[str, Any], method: Any, ticket: Ticket) -> str:
        """Do what Errbot 6.2.1 does in `_process_command`; return why it was not done, where that is known."""
        bot, name = self._bot, spec["command"]
        msg, command, args = bot._process_command_filters(message, name, spec["args"], False)
        if msg is None:
            return "the bot's access control, or another of its filters, does not let it through now"
        if not ticket.passed or (command, args) != (name, spec["args"]):
            return "another plugin's filter has made something else of it"
        match = None
        if spec["pattern"] is not None:
            pattern = method._err_command_re_pattern
            match = list(pattern.finditer(args)) if method._err_command_matchall else pattern.search(args)
            if not match:
                return "it does not match its own text any more"
        else:
            try:
                args = _split(method, args)
            except Exception as error:  # noqa: BLE001  # the plugin's own parser
                return f"its arguments could not be parsed: {error}"
        bot._execute_and_send(cmd=command, args=args, match=match, msg=msg, template_name=method._err_command_template)
        return ""


def _split(method: Any, args: str | None) -> Any:
    """Return a command's arguments as Errbot hands them over."""
    separator = method._err_command_split_args_with
    if separator == "" or args is None:
        return args
    if hasattr(separator, "parse_args"):
        return separator.parse_args(args)
    return separator(args) if callable(separator) else args.split(separator)


def _failed(error: str) -> Outcome:
    return Outcome(error=error)
