"""Between Errbot's messages and executions: who speaks and where, and what to say there."""

import io
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from err_confirm.answers import Said
from err_confirm.answers.otp import Checked
from err_confirm.answers.tokens import Tokens
from err_confirm.backends import backend_for
from err_confirm.chat import refusals
from err_confirm.chat.asking import Asking
from err_confirm.chat.looked_up import whole
from err_confirm.chat.output import OutputPages
from err_confirm.chat.posting import Posting
from err_confirm.chat.progress import ProgressNews
from err_confirm.chat.prompts import Prompts, alike
from err_confirm.chat.refusals import NOTHING
from err_confirm.chat.replies import left_out
from err_confirm.chat.telling import Telling
from err_confirm.engine import Engine
from err_confirm.engine.outputs import Outputs
from err_confirm.errors import NobodyError
from err_confirm.model.executions import Execution, Place, Speaker, State
from err_confirm.people import People
from err_confirm.plan import describe
from err_confirm.policy.openings import Rosters
from err_confirm.policy_words.follow_ups import PolicyOf
from err_confirm.runners.processes.process import GRACE
from err_confirm.text.pages import pages
from err_confirm.transition.events import Reason
from err_confirm.transition.steps import Already, Decision, Refusal, Step
from err_confirm.wording import Wording

log = logging.getLogger(__name__)

_PREFIX = 100
"""Bytes of a message that Errbot may need for the name of who is answered (GROUPCHAT_NICK_PREFIXED)."""
WHOLE = (100, 5_000)
"""The most lines of output, and characters of these, that are shown of an execution."""
DONE = {"confirm": "confirmed", "deny": "denied", "cancel": "canceled", "abort": "stopped"}
"""What somebody has done who says these."""


class Chat:
    """One bot's side of the conversation.

    Args:
        bot: Errbot's bot object; this module never imports Errbot.
        people: who is who.

    Raises:
        NobodyError: on this chat network, nobody can be told apart for sure.
    """

    def __init__(self, bot: Any, people: People) -> None:
        self._bot = bot
        self._people = people
        self._backend = backend_for(bot.mode)
        self._backend.prepare(bot)
        self.wording = Wording(bot.prefix, self._backend)
        self._posting = Posting(bot, self._backend, people, self.wording.inert)

    @property
    def scheme(self) -> str:
        """With what identities begin on this chat network."""
        return self._backend.scheme

    def identity(self, msg: Any) -> str:
        """Return who sent a message, as `<backend>:<id>`. Raises NobodyError."""
        if self._backend.edited(msg):
            raise NobodyError("a message that was edited counts for nothing; say it anew")
        if self._backend.automatic(msg):
            raise NobodyError("bots and webhooks cannot ask or answer here")
        return f"{self._backend.scheme}:{self._backend.person_id(msg.frm)}"

    def person(self, msg: Any) -> str:
        """Return the person who sent a message. Raises NobodyError."""
        return self._people.person(self.identity(msg))

    def speaker(self, msg: Any) -> Speaker:
        """Return who sent a message, and where. Raises NobodyError."""
        identity = self.identity(msg)
        return Speaker(self._people.person(identity), self.place(msg), identity)

    def guest(self, msg: Any) -> bool:
        """Tell whether who sent a message is from outside; in doubt, they are."""
        return self._backend.guest(self._bot, msg)

    def message_id(self, msg: Any) -> str:
        """Return what names a message on its network, also when it comes once more; empty if nothing does."""
        return self._backend.message_id(msg)

    def ways(self, _: Any) -> tuple[str, ...]:
        """Return the names of the way by which a message came: `chat`, and the network's scheme."""
        return "chat", self.scheme

    def place(self, msg: Any) -> Place:
        """Return where a message was said, in a form that outlives the bot."""
        room = getattr(msg.frm, "room", None)
        return Place(
            person=self._backend.address(self._backend.person_id(msg.frm)),
            room="" if room is None else self._backend.room(room),
            thread=self._backend.thread(msg),
        )

    def message(self, place: Place, body: str) -> Any:
        """Return a message in which the person of a place says something there, anew. Raises NobodyError."""
        message = self._bot.build_message(body)
        try:
            self._backend.speak_as(self._bot, message, place)
            person_id = self._backend.person_id(message.frm)
        except NobodyError:
            raise
        except Exception as error:  # each backend raises its own kinds
            raise NobodyError(f"{place.person} cannot be found on this chat network any more: {error}") from error
        if self._backend.address(person_id) != place.person:
            raise NobodyError(f"{place.person} is somebody else on this chat network now")
        return message

    def join(
        self,
        engine: Engine,
        tokens: Tokens,
        *,
        outputs: Outputs,
        in_use: Callable[[Execution], str],
        policy_of: PolicyOf,
    ) -> None:
        """Take who knows what waits, who is in groups and what time it is: before, nothing is asked or told.

        Args:
            engine: knows that.
            tokens: of those who are told directly.
            outputs: has what was written, complete.
            in_use: says which other execution has what this one needs for itself.
            policy_of: returns the policy of an alias; raises KeyError if there is no such alias.
        """
        self._engine = engine
        self._in_use = in_use
        self._prompts = Prompts(
            self.wording, self.mention, tokens, self._bot.prefix, in_use=in_use, policy_of=policy_of
        )
        self._asking = Asking(engine, self._posting, self._prompts, self.wording, self._bot.prefix)
        self._pages = OutputPages(outputs, self.wording, self._bot.prefix)
        self._telling = Telling(self._asking, self._posting, self.wording, self.mention, self._pages.more)
        self._news = ProgressNews(engine, self._posting, self.wording)

    def mention(self, person: str) -> str:
        """Return what makes a person's phone ring here, or their name where they have no identity here."""
        for person_id in self._posting.identities(person):
            return self._backend.mention(person_id)
        return self.wording.inert.code(person)

    def direct(self, person: str) -> list[Place]:
        """Return where a person can be told something directly; nothing if they have no identity here."""
        return self._posting.direct(person)

    def ask(self, execution: Execution) -> None:
        """Post the prompt of an execution wherever its policy wants it. Raises PostError or GroupError."""
        self._asking.ask(execution)

    def tell(self, execution: Execution) -> None:
        """Say what an execution has become, or what is to be said while it waits. Raises PostError."""
        if execution.state.ended:
            self._news.end(execution)
        self._telling.tell(execution)

    def waits(self, execution: Execution) -> None:
        """Say that what was confirmed waits for another one. Raises PostError, or StoreError."""
        facts = {"who": self.mention(execution.requester), "why": self._in_use(execution)}
        self._posting.there(execution.place, self.wording.say("waits", e=execution, **facts))

    def progress(self, execution: Execution) -> None:
        """Take in that a run has come farther, which is said later; returns at once."""
        self._news.hear(execution)

    def begin(self) -> None:
        """Say now and then how far what runs has come."""
        self._news.start()

    def leave(self) -> None:
        """Say no more of that."""
        self._news.stop()

    def say_not(self, execution: Execution, cause: str, alias: str, error: str) -> None:
        """Say what does not follow an execution, and why. Raises PostError."""
        self._telling.say_not(execution, cause, alias, error)

    def say(self, place: Place, message: str, **facts: Any) -> None:
        """Post one message of the templates somewhere. Raises PostError."""
        self._posting.send(place, self.wording.say(message, **facts))

    def post(self, place: Place, text: str) -> None:
        """Post a text somewhere; if that fails, to the person of that place. Raises PostError."""
        self._posting.there(place, text)

    def answer(
        self,
        decision: Decision,
        execution_id: str,
        verb: str,
        place: Place,
        *,
        said: Said = NOTHING,
        checked: Checked | None = None,
        done: str = "",
        missing: str = "",
        now: float = 0.0,
        token: str = "",
    ) -> str:
        """Return what to say to who answered; nothing where the execution's own message follows in the same place.

        Args:
            decision: what their answer does.
            execution_id: to which execution.
            verb: which command it was.
            place: where they said it.
            said: what else they said.
            checked: what came of their code, if it was looked at.
            done: what they have done, in a word.
            missing: what is missing after that, in words.
            now: the store's clock.
            token: what they have brought as theirs.
        """
        match decision:
            case Step(execution) if verb == "abort":
                return self.wording.say("stopping", e=execution, grace=GRACE)
            case Already(execution) if verb == "abort":
                return self.wording.say("stopping_already", e=execution)
            case Step(execution) if execution.place.same_as(place):
                return ""
            case Step(execution):
                return self.wording.say("elsewhere", e=execution, done=done, missing=missing)
            case Already(execution):
                return self.wording.say("already", e=execution, done=done, missing=missing)
            case Refusal(Reason.REPEATED):
                return ""
            case Refusal(reason, None):
                return self.wording.say(f"refused_{reason}", id=execution_id)
            case Refusal(reason, refused):
                assert refused is not None
                asker = refused.place.person == place.person
                known = {"verb": verb, "token": token, "prefix": self._bot.prefix, "code": self.wording.inert.code}
                facts = {**refusals.facts(refused, said, now, **known), "asker": asker, "checked": checked}
                return self.wording.say(f"refused_{reason}", e=refused, verb=verb, **facts)

    def show(self, execution: Execution, now: float, rosters: Rosters) -> str:
        """Return all there is to say about an execution."""
        outcome = execution.outcome
        facts = {
            "how": self._prompts.how(execution),
            "runs": describe(execution.invocation),
            **whole(execution, self._bot.prefix),
            "others": {name: describe(other) for name, other in execution.others.items()},
            "alike": alike(execution),
            "left": execution.expires_at - now,
            "output": WHOLE,
            "more": self._pages.more(execution) if outcome and left_out(outcome, *WHOLE) else "",
            "follows": "" if execution.state.ended else self._prompts.follows(execution),
            "sequels": self._engine.sequels(execution),
            "in_use": self._in_use(execution) if execution.state is State.APPROVED else "",
        }
        return self.wording.say("show", e=execution, now=now, rosters=rosters, **facts)

    def output(self, msg: Any, execution: Execution, asked: str) -> str:
        """Return what a run has written, as `asked` says; it may come as a file instead."""
        return self._pages.say(execution, asked, partial(self.send_file, msg))

    def send_file(self, msg: Any, name: str, make: Callable[[], bytes]) -> bool:
        """Send a file where a message was said; return whether that could be begun: nobody hears how it ends."""
        to = self._backend.file_to(msg)
        if to is None:
            return False
        try:
            content = make()
            size = {"name": name, "size": len(content), "stream_type": "document"}
            self._bot.send_stream_request(to, io.BytesIO(content), **size)
        except Exception as error:  # noqa: BLE001  # each backend raises its own kinds
            log.warning("the file %s could not be sent: %s", name, error)
            return False
        return True

    def waiting(self, execution: Execution) -> str:
        """Return what to say to who asks for what waits already."""
        return self.wording.say("refused_waiting", e=execution, how=self._prompts.how(execution))

    def reply(self, msg: Any, text: str) -> str:
        """Return what to answer a message with; where one message cannot hold it, its first parts are sent here."""
        *first, last = pages(text, self._bot.message_size_limit - _PREFIX, self.wording.inert)
        for part in first:
            self._bot.send_simple_reply(msg, part)
        return last
