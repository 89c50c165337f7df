"""Ask: post the prompt of an execution wherever its policy wants it, and again when others are to answer."""

import logging
from collections.abc import Iterable

from err_confirm.chat.audience import Audience
from err_confirm.chat.posting import Posting
from err_confirm.chat.prompts import PROMPT, Prompts, Told
from err_confirm.chat.replies import introduction
from err_confirm.engine import Engine
from err_confirm.errors import GroupError, PostError
from err_confirm.model.executions import Execution
from err_confirm.policy.seating import NOBODY
from err_confirm.policy_words.quorums import who_confirms
from err_confirm.wording import Wording

log = logging.getLogger(__name__)

MOST_DIRECT = 50
"""How many people are told directly, one after the other, while somebody waits for the prompt."""


class Asking:
    """Who is asked on one chat network, and where.

    Args:
        engine: knows what waits, who is in groups, and what time it is.
        posting: brings texts there.
        prompts: words them.
        wording: has the sentences.
        prefix: what commands begin with.
    """

    def __init__(self, engine: Engine, posting: Posting, prompts: Prompts, wording: Wording, prefix: str) -> None:
        self._engine = engine
        self._posting = posting
        self._prompts = prompts
        self._wording = wording
        self._prefix = prefix

    def ask(self, execution: Execution) -> None:
        """Post the prompt of an execution; each person who is to be told directly, is so first.

        Raises:
            PostError: it could not be posted in a room, is too long there to be read whole, or did not reach somebody
                without whom nobody else can confirm it. Who has it already is told that it counts for nothing.
            GroupError: nobody knows who is to be asked.
        """
        audience = Audience(execution, self._engine.roster(execution), execution.created_at)
        rooms = [*self._posting.rooms(execution), execution.place]  # where somebody waits for it: then it is everywhere
        people = _directly(audience)
        if not audience.possible:
            raise PostError(f"too few people are left who could confirm it; it needs {_needed(execution)}")
        if len(people) > MOST_DIRECT:
            raise PostError(f"{len(people)} people would have to be told directly, and at most {MOST_DIRECT} can be")
        for place in rooms:
            self._posting.check(place, self._prompts.everywhere(audience, place, told=Told(people)))
        for person in people:
            for place in self._posting.direct(person):
                self._posting.check(place, self._prompts.directly(audience, place, person))
        told, words = self._reach_all(audience, people), self._words(execution)
        posted = [place for person in told.people for place in self._posting.direct(person)]
        try:
            _check_reached(audience, told)
            for place in rooms:
                text = self._prompts.everywhere(audience, place, told=told)
                self._posting.check(place, text)
                for each in filter(None, (words, text)):
                    self._posting.send(place, each)
                posted.append(place)
        except PostError as error:
            self._posting.each(posted, self._wording.say("notice_void", e=execution, why=error))
            raise

    def again(self, execution: Execution) -> None:
        """Post the whole prompt once more, for those who are missing; not what has gone on since then.

        Raises:
            PostError: who has asked cannot be told either.
        """
        current, now = self._engine.read(execution.id)
        if current is None or (current.state, current.stage) != (execution.state, execution.stage):
            return
        audience, message = self.audience(execution, now), f"notice_{execution.notice}"
        told, words = self._reach_all(audience, _directly(audience), message), self._words(execution)
        for place in [execution.place, *self._posting.other_rooms(execution)]:
            text = self._wording.repeated(execution, self._prompts.everywhere(audience, place, message, told=told))
            try:
                self._posting.check(place, text)
            except PostError as error:
                text = self._wording.say("notice_long", e=execution, who=self._prompts.called(audience), why=error)
            self._posting.each([place] if words else [], words)
            if place is execution.place:
                self._posting.there(place, text)
            else:
                self._posting.each([place], text)

    def audience(self, execution: Execution, now: float) -> Audience:
        """Return whom an execution waits for; who is in groups that cannot be looked up is then not known."""
        try:
            return Audience(execution, self._engine.roster(execution), now)
        except GroupError as error:
            log.warning("%s", error)
            return Audience(execution, NOBODY, now)

    def missing(self, audience: Audience) -> str:
        """Return in words what an execution waits for."""
        return self._prompts.missing(audience)

    def clock(self, execution: Execution) -> float:
        """Return the store's clock."""
        _, now = self._engine.read(execution.id)
        return now

    def _words(self, execution: Execution) -> str:
        """Return the policy's own words; they are a message of their own, so that they cannot touch the prompt."""
        return introduction(execution, self._wording.inert, self._prefix)

    def _reach_all(self, audience: Audience, people: Iterable[str], message: str = PROMPT) -> Told:
        """Post the prompt to each person, one after the other; return who has it, and why others have not."""
        reached, failed = list[str](), dict[str, list[str]]()
        for number, person in enumerate(people):
            why = self._reach(audience, person, message) if number < MOST_DIRECT else f"only {MOST_DIRECT} people are"
            (failed.setdefault(why, []) if why else reached).append(person)
        return Told(reached, failed)

    def _reach(self, audience: Audience, person: str, message: str) -> str:
        """Post the prompt wherever a person can be told directly; return why that could not be, nothing if it could."""
        words, failures = self._words(audience.execution), list[str]()
        places = self._posting.direct(person)
        for place in places:
            text = self._prompts.directly(audience, place, person, message)
            try:
                self._posting.check(place, text)
                for each in filter(None, (words, self._wording.repeated(audience.execution, text))):
                    self._posting.send(place, each)
            except PostError as error:
                failures.append(str(error))
        if not places:
            return "nobody of that name is known on this chat network"
        return failures[0] if len(failures) == len(places) else ""


def _directly(audience: Audience) -> list[str]:
    """Return who is to be told directly."""
    policy = audience.execution.policy
    return audience.people if policy is not None and policy.dm else []


def _needed(execution: Execution) -> str:
    """Return who must confirm an execution, and what of who asked may stand in the way."""
    assert execution.policy is not None
    requester = execution.requester
    who = f"{requester} has asked for it" if ":" not in requester else f"{requester} is nobody in CONFIRM_PEOPLE"
    return f"{who_confirms(execution.policy)}, and {who}"


def _check_reached(audience: Audience, told: Told) -> None:
    """Raise PostError where those who were told directly are too few to confirm it."""
    policy = audience.execution.policy
    if policy is None or not policy.dm or audience.enough(told.people):
        return
    failed = "; ".join(f"{', '.join(who)} could not be told directly: {why}" for why, who in told.failed.items())
    raise PostError(failed or "its policy wants all told directly who may confirm, and names too few")
