"""What an answer must bring beside a yes: a choice, a reason, a text that is typed, a code, an answer to a question."""

import json
import math
import re
from typing import Any

from err_confirm.model.executions import Vote
from err_confirm.model.policies import Choice, Effect, Policy, Question, QuestionType, ReasonRule
from err_confirm.transition.events import Answer, Reason

CHAT = "chat"
"""Stands in `via` for every chat network."""
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(?:\.[^@\s.]+)+")


def chosen(policy: Policy, name: str) -> Choice | None:
    """Return the choice with a name; without choices, the nameless one approves. None if there is none."""
    if not policy.choices:
        return Choice(name="") if name == "" else None
    return next((choice for choice in policy.choices if choice.name == name), None)


def question(policy: Policy, choice: Choice) -> Question | None:
    """Return what is asked with a choice."""
    return choice.question or (policy.question if choice.effect is Effect.APPROVE else None)


def unmet(policy: Policy, choice: Choice, event: Answer) -> Reason | None:
    """Return what an answer lacks, the first thing that is to be mended; None if it lacks nothing."""
    if choice.effect is not Effect.DENY:  # a no counts wherever it comes from
        if not {*policy.via} & {*event.via}:
            return Reason.VIA
        if policy.dm and not event.token:
            return Reason.TOKEN
    asked = question(policy, choice)
    if choice.effect is Effect.APPROVE:
        if not {*policy.typed} <= {*event.typed}:
            return Reason.TYPED
        if not _reasoned(policy, event.reason or event.answer):
            return Reason.REASON
    if asked is not None and not _answers(asked, event.answer):
        return Reason.QUESTION
    if choice.sure and not event.sure:
        return Reason.SURE
    if policy.otp and choice.effect is Effect.APPROVE and not event.otp:
        return Reason.OTP
    return None


def answer_value(policy: Policy, vote: Vote) -> Any:
    """Return what somebody answered to the question of their choice, as JSON knows it; None if nothing was asked."""
    choice = chosen(policy, vote.choice)
    asked = None if choice is None else question(policy, choice)
    if asked is None or not vote.answer:
        return None
    match asked.type:
        case QuestionType.NUMBER:
            whole = vote.answer.lstrip("+-").isdecimal()
            return int(vote.answer) if whole else float(vote.answer)
        case QuestionType.JSON:
            return json.loads(vote.answer)
    return vote.answer


def _reasoned(policy: Policy, reason: str) -> bool:
    if not reason and (policy.reason is ReasonRule.REQUIRED or policy.patterns):
        return False
    if not policy.patterns:
        return True
    import re2  # noqa: PLC0415  # what is guarded must be refused also where this is missing

    return all(re2.search(pattern, reason) for pattern in policy.patterns)


def _answers(asked: Question, answer: str) -> bool:
    if not answer:
        return not asked.required
    match asked.type:
        case QuestionType.EMAIL:
            return _EMAIL.fullmatch(answer) is not None
        case QuestionType.NUMBER:
            return _NUMBER.fullmatch(answer) is not None and math.isfinite(float(answer))
        case QuestionType.JSON:
            try:
                json.dumps(json.loads(answer), allow_nan=False, ensure_ascii=False).encode()  # it is handed on
            except (ValueError, RecursionError):
                return False
    return True
