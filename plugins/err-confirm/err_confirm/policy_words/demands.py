"""Say in words what an answer must bring, and which answers there are."""

from collections.abc import Iterator

from err_confirm.durations import format_duration
from err_confirm.model.policies import Choice, Effect, Policy, Question, QuestionType, ReasonRule
from err_confirm.policy_words.quorums import Shown, listed
from err_confirm.policy_words.reasons import reason_words

_TYPES = {QuestionType.EMAIL: "an e-mail address", QuestionType.NUMBER: "a number", QuestionType.JSON: "JSON"}


def demands_words(policy: Policy, quoted: Shown = str) -> str:
    """Return what a yes must bring: `a yes needs a reason such as OPS-123 … and a code`; nothing if nothing."""
    demands = list(_demands(policy, quoted))
    return f"a yes needs {listed(demands)}" if demands else ""


def choices_words(policy: Policy, quoted: Shown = str) -> str:
    """Return which answers there are: `choices: approve, dismiss (a no), snooze (asks again in 1 h)`."""
    return f"choices: {', '.join(_choice(each, quoted) for each in policy.choices)}" if policy.choices else ""


def question_words(question: Question, quoted: Shown = str) -> str:
    """Return what is asked and what must be answered: `Cost centre? (a number)`."""
    details = [_TYPES[question.type]] if question.type in _TYPES else []
    details += [] if question.required else ["may be left out"]
    return f"{quoted(question.text)} ({', '.join(details)})" if details else quoted(question.text)


def _demands(policy: Policy, quoted: Shown) -> Iterator[str]:
    if policy.reason is ReasonRule.REQUIRED and not policy.patterns:
        yield "a reason"
    yield from (reason_words(pattern, quoted) for pattern in policy.patterns)
    yield from (f"the text {quoted(text)} typed" for text in policy.typed)
    if policy.otp:
        yield "a code"
    if policy.question is not None:
        yield f"an answer to {question_words(policy.question, quoted)}"


def _choice(choice: Choice, quoted: Shown) -> str:
    details = [quoted(choice.caption)] if choice.caption else []
    if choice.effect is Effect.DENY:
        details.append("a no")
    if choice.effect is Effect.SNOOZE:
        details.append(f"asks again in {format_duration(choice.after)}")
    if choice.run:
        details.append(f"runs {quoted(choice.run)}")
    if choice.question is not None:
        details.append(f"asks {question_words(choice.question, quoted)}")
    if choice.sure:
        details.append("asks if you are sure")
    return f"{quoted(choice.name)} ({', '.join(details)})" if details else quoted(choice.name)
