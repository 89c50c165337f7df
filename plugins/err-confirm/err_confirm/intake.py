"""Take in what people answer: who says it and from where, of which execution, with what; and say what came of it."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from err_confirm import ids
from err_confirm.answers import Said, read_answer, split_first
from err_confirm.answers.guesses import Guesses
from err_confirm.answers.otp import Checked
from err_confirm.answers.tokens import read_reference
from err_confirm.chat import DONE, Chat
from err_confirm.engine.meant import Unclear, implied, resolve, running
from err_confirm.errors import BusyError, GroupError, NobodyError
from err_confirm.model.executions import Execution, State, Verdict
from err_confirm.model.policies import Effect
from err_confirm.policy_words.missing import missing_words
from err_confirm.policy_words.quorums import quorum_words
from err_confirm.service import Service
from err_confirm.text.visible import writable
from err_confirm.transition.events import Abort, Answer, Cancel, Reason
from err_confirm.transition.steps import Decision, Refusal

SEARCHES = 2
"""How many people may let very much be read at once: no answer is to wait behind a crowd of them."""
LONGEST_REASON = 500
"""How many characters of a reason are kept."""
LONGEST_ANSWER = 4_000
"""How many characters an answer to a question may have."""
LONGEST_LINE = 20_000
"""How many characters may stand behind an id: an answer, and each text that must be typed."""
MOST_WORDS = 20
"""How many words are looked at to see whether more than one execution is named."""
MOST_HEARD = 10_000
"""How many messages are remembered, so that each is taken in once, also one that did nothing then."""
VERDICTS = {"confirm": Verdict.APPROVE, "deny": Verdict.DENY}
NAMED = "abort"
"""The verb that always needs an id, and offers those that run: a slip must stop nothing that runs."""
_EFFECTS = {Effect.APPROVE: "confirmed", Effect.DENY: "denied", Effect.SNOOZE: "snoozed"}
_BETWEEN = frozenset({"and", "&", "+", ","})


@dataclass(frozen=True, slots=True)
class Intake:
    """What `confirm`, `deny`, `cancel` and `abort` do with what stands behind them."""

    service: Service
    chat: Chat
    prefix: str
    guesses: Guesses = field(default_factory=Guesses)
    _searching: set[str] = field(default_factory=set)
    _heard: dict[str, None] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, msg: Any, verb: str, args: str) -> str | Unclear:
        """Do what somebody says with one of our verbs; return what to say to them.

        Raises:
            NobodyError: nobody can be held to this message.
            GuessError: they have said too many ids that name nothing.
            StoreError: the store does not answer, or what it has cannot be used.
        """
        if self._again(self.chat.message_id(msg)):
            return ""
        reference, rest = _addressed(args, verb, self.prefix)
        if _commands(self.prefix).search(rest):
            return self.chat.wording.say("refused_several")
        name, token = read_reference(reference)
        try:
            found = self.find(msg, verb, name)
            if isinstance(found, Unclear):
                return found
            if verb == "confirm" and len(rest) > LONGEST_LINE:
                return self.chat.wording.say("refused_long", id=found, size=len(rest), most=LONGEST_LINE)
            execution, now = self.service.engine.read(found)
            said = (
                read_answer(execution.policy if execution else None, rest) if verb == "confirm" else Said(reason=rest)
            )
            if len(several := self._ids(found, execution, said)) > 1:
                return Unclear("", tuple(several))
            if len(said.answer) > LONGEST_ANSWER:
                return self.chat.wording.say("refused_long", id=found, size=len(said.answer), most=LONGEST_ANSWER)
            proven = execution is not None and self.service.tokens.matches(execution, self.chat.person(msg), token)
            if execution is None or (token and not proven):
                self.guessed(msg)
            event = self._event(msg, verb, said, token=proven)
            decision, checked = self._apply(found, event, said)
        except GroupError as error:
            return self.chat.wording.say("refused_group", id=reference, error=error)
        done = _done(verb, execution, said)
        missing = self._missing(decision, done, now)
        place, facts = self.chat.place(msg), {"done": done, "missing": missing, "token": token}
        return self.chat.answer(decision, found, verb, place, said=said, checked=checked, now=now, **facts)

    def find(self, msg: Any, verb: str, name: str) -> str | Unclear:
        """Return the execution that is meant by an id, the start of one, or nothing; what is not clear, as it is."""
        if name:
            self.guesses.check(self._sender(msg))
            found = resolve(self.service.store, name)
            if isinstance(found, Unclear) and not found.candidates and ids.read_id(name):
                self.guessed(msg)
            return found
        engine, person, place = self.service.engine, self.chat.person(msg), self.chat.place(msg)
        with self.few(msg):
            if verb == NAMED:
                return running(engine, person, place)
            return implied(engine, person, place, verdict=VERDICTS.get(verb), guest=self.chat.guest(msg))

    @contextmanager
    def few(self, msg: Any) -> Iterator[None]:
        """Do at once what reads very much, and one of each person, who so takes no more places. Raises BusyError."""
        sender = self._sender(msg)
        with self._lock:
            if sender in self._searching or len(self._searching) == SEARCHES:
                raise BusyError("others are just looking for much")
            self._searching.add(sender)
        try:
            yield
        finally:
            with self._lock:
                self._searching.remove(sender)

    def guessed(self, msg: Any) -> None:
        """Take in that somebody has said what names nothing."""
        self.guesses.note(self._sender(msg))

    def _sender(self, msg: Any) -> str:
        """Return who sent a message; all to whom nobody can be held are one."""
        with suppress(NobodyError):
            return self.chat.person(msg)
        return ""

    def _again(self, message: str) -> bool:
        """Tell whether a message was taken in before: its network may hand it over again, much later."""
        with self._lock:
            if message in self._heard:
                return True
            if message:
                self._heard[message] = None
                if len(self._heard) > MOST_HEARD:
                    del self._heard[next(iter(self._heard))]
            return False

    def _event(self, msg: Any, verb: str, said: Said, *, token: bool) -> Answer | Cancel | Abort:
        chat, reason, by = self.chat, said.reason[:LONGEST_REASON], self.chat.speaker(msg)
        person, identity, room = by.person, by.identity, by.place.room
        if verb == NAMED:
            return Abort(person, reason, identity, room, guest=chat.guest(msg))
        if verb not in VERDICTS:
            return Cancel(person, reason, identity, room)
        return Answer(
            person,
            VERDICTS[verb],
            reason,
            identity,
            room,
            message=chat.message_id(msg),
            guest=chat.guest(msg),
            via=chat.ways(msg),
            choice=said.choice,
            answer=said.answer,
            typed=said.typed,
            sure=said.sure,
            token=token,
        )

    def _apply(self, execution_id: str, event: Answer | Cancel | Abort, said: Said) -> tuple[Decision, Checked | None]:
        """Apply an answer; a code is looked at only where it is all that is missing, as it counts once."""
        decision = self.service.engine.apply(execution_id, event)
        needs_code = isinstance(decision, Refusal) and decision.reason is Reason.OTP
        if not (needs_code and said.code and isinstance(event, Answer)):
            return decision, None
        checked = self.service.second_factor.check(event.person, said.code)
        if checked.ok:
            decision = self.service.engine.apply(execution_id, replace(event, otp=True))
        return decision, checked

    def _missing(self, decision: Decision, done: str, now: float) -> str:
        """Return in words what is still missing after an answer; nothing if all is there, or nobody knows."""
        execution = None if isinstance(decision, Refusal) else decision.execution
        if execution is None or execution.policy is None or execution.state is not State.PENDING:
            return ""
        code = self.chat.wording.inert.code
        if done == "denied":
            return f"waits, as a no takes {quorum_words(execution.policy.deny, code)}"
        with suppress(GroupError):  # the answer counts all the same
            return missing_words(execution, self.service.engine.roster(execution), now, code)
        return ""

    def _ids(self, execution_id: str, execution: Execution | None, said: Said) -> list[str]:
        """Return the executions that are named if it is more than one: a reason may look like an id and be none."""
        words = (said.answer or said.reason).split(maxsplit=MOST_WORDS)[:MOST_WORDS]
        said_ids = [_id(word, digit=execution is None) for word in words if word not in _BETWEEN]
        found = list(dict.fromkeys(said_ids))
        if not all(found):
            return [execution_id]
        if execution is not None:
            found = [each for each in found if self.service.engine.read(each)[0] is not None]
        return list(dict.fromkeys([execution_id, *found]))


def _id(word: str, *, digit: bool) -> str:
    """Return the id that a word is, whole; where it must have a `digit`, many words are none that look like one."""
    found = ids.read_id(word)
    return found if found and len(found) == ids.LENGTH and (not digit or any(map(str.isdigit, word))) else ""


def _done(verb: str, execution: Execution | None, said: Said) -> str:
    """Return in a word what somebody does who says this."""
    choices = execution.policy.choices if verb == "confirm" and execution and execution.policy else ()
    return next((_EFFECTS[choice.effect] for choice in choices if choice.name == said.choice), DONE[verb])


def _addressed(args: str, verb: str, prefix: str) -> tuple[str, str]:
    """Return the word that names an execution and the rest, as Unicode that can be stored.

    A command that was pasted behind itself counts once: `!confirm !confirm 7f3kq2xa`.
    """
    text = writable(args)
    word = re.escape(prefix.lstrip("".join({sign for sign in prefix if not sign.isalnum()})))
    # Possessive, so that no sign is looked at twice: a message may hold very many, and would hold up the whole bot.
    again = re.match(rf"(?:\W|_)*+(?:{word}\s*+)?{verb}(?!\w)", text, re.IGNORECASE)
    return split_first(text[again.end() :] if again else text)


def _commands(prefix: str) -> re.Pattern[str]:
    """Return what finds one more answer at the beginning of a line, as where two lines of a prompt were pasted."""
    return re.compile(rf"^[^\w\n]*{re.escape(prefix)}[^\S\n]*(?:{'|'.join(DONE)})(?!\w)", re.MULTILINE | re.IGNORECASE)
