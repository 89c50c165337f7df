"""Tell what an execution has become, where it was asked for; and shortly the others whom its policy names."""

from collections.abc import Callable
from typing import Any

from err_confirm.answers import APPROVE
from err_confirm.chat.asking import Asking
from err_confirm.chat.looked_up import gone
from err_confirm.chat.posting import Posting
from err_confirm.chat.replies import acknowledgement, ending
from err_confirm.errors import PostError
from err_confirm.model.executions import Execution, Notice, State, Verdict
from err_confirm.plan import describe
from err_confirm.wording import Wording


class Telling:
    """What is said of executions on one chat network.

    Args:
        asking: posts prompts, and knows who is meant.
        posting: brings texts to where they belong.
        wording: has the sentences.
        mention: returns what makes a person's phone ring.
        more: returns what to type to see all that a run has written; nothing if that is not here.
    """

    def __init__(
        self,
        asking: Asking,
        posting: Posting,
        wording: Wording,
        mention: Callable[[str], str],
        more: Callable[[Execution], str],
    ) -> None:
        self._asking = asking
        self._posting = posting
        self._wording = wording
        self._mention = mention
        self._more = more

    def tell(self, execution: Execution) -> None:
        """Say what it has become, or what is to be said while it waits; where that fails, to who asked.

        Raises:
            PostError: not even that could be.
        """
        match execution.state, execution.notice:
            case (State.APPROVED, _) | (State.PENDING, None):
                return
            case State.PENDING, (Notice.VOTE | Notice.SNOOZE):
                self._progress(execution)
            case State.PENDING, _:
                self._asking.again(execution)
            case _:
                self._change(execution)

    def say_not(self, execution: Execution, cause: str, alias: str, error: str) -> None:
        """Say what does not follow it, and why; where that fails, to who asked. Raises PostError."""
        facts = {"e": execution, "cause": cause, "alias": alias, "error": error}
        text = self._wording.say("not_followed", who=self._mention(execution.requester), **facts)
        self._posting.there(execution.place, self._wording.repeated(execution, text))

    def _progress(self, execution: Execution) -> None:
        """Say that somebody has answered, which is not enough yet, or has put it off."""
        audience = self._asking.audience(execution, self._asking.clock(execution))
        text = self._wording.say(
            f"notice_{execution.notice}",
            e=execution,
            vote=next((vote for vote in execution.votes if vote.person == execution.notice_by), None),
            missing=self._asking.missing(audience),
            pause=(execution.ask_again_at or audience.now) - audience.now,
            plain=APPROVE,
        )
        self._posting.there(execution.place, text)
        self._posting.each(self._posting.other_rooms(execution), text)

    def _change(self, execution: Execution) -> None:
        text = self._wording.say(execution.state, **self._facts(execution))
        try:
            self._posting.there(execution.place, self._wording.repeated(execution, text))
        except PostError:
            if execution.tells <= 1:  # and not each time that the place is tried again
                self._others(execution)
            raise
        self._others(execution)

    def _others(self, execution: Execution) -> None:
        """Say it where else the prompt went: in the room, and at its end to each person; a failure hides nothing."""
        if execution.policy is None or (execution.state is State.CANCELED and not execution.posted):
            return
        places = self._posting.other_rooms(execution)
        if execution.policy.dm and execution.state.ended:
            people = self._asking.audience(execution, execution.created_at).asked
            places += [place for person in people for place in self._posting.direct(person)]
        text = self._wording.repeated(execution, self._wording.say("notice_end", **self._decided(execution)))
        self._posting.each([place for place in places if not place.same_as(execution.place)], text)

    def _facts(self, execution: Execution) -> dict[str, Any]:
        took = max(0.1, (execution.ended_at or 0.0) - (execution.started_at or 0.0))
        return {
            **self._decided(execution),
            "who": self._mention(execution.requester),
            "runs": describe(execution.runs),
            "gone": gone(execution),
            "instead": execution.choice in execution.others,
            "took": took,
            "ack": acknowledgement(execution, self._wording.inert),
            "text": ending(execution, self._wording.inert, self._more(execution)),
        }

    def _decided(self, execution: Execution) -> dict[str, Any]:
        """Return who has confirmed it with which choice, and what they answered; or why it did not run."""
        stopped = execution.state in (State.DENIED, State.CANCELED)
        votes = [
            vote
            for vote in execution.votes
            if vote.verdict is Verdict.APPROVE and vote.choice == execution.choice
            if execution.approved_at is not None and not stopped
        ]
        return {
            "e": execution,
            "confirmed": [vote.person for vote in votes],
            "choice": "" if execution.choice == APPROVE else execution.choice,
            "answers": [(vote.person, vote.answer) for vote in votes if vote.answer],
            "why": execution.reason if stopped or execution.state is State.EXPIRED else "",
        }
