"""Read the key `choices`: the answers that there are."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from err_confirm.catalog.policy.answer_keys import AsQuestion, QuestionEntry, a_line
from err_confirm.file_keys import Duration, Entry
from err_confirm.model.policies import Choice, Effect
from err_confirm.transition.steps import LONGEST_LIFE

MOST_CHOICES = 20
CHOICE = r"^[A-Za-z][A-Za-z0-9_-]*$"
"""What the name of a choice looks like: a word that is no code and no quoted text."""
_TAKEN = frozenset({"yes", "y", "no", "n", "me", "confirm"})
"""Words that mean something else in an answer."""
_NOES = frozenset({"abort", "cancel", "deny", "dismiss", "refuse", "reject"})
_HOUR = "1h"


class ChoiceEntry(Entry):
    """One of the answers that there are."""

    caption: Annotated[str, AfterValidator(a_line)] = ""
    """What it is called in the prompt."""
    deny: bool = False
    """`true`: it is a no."""
    after: Duration | None = None
    """It asks again so much later: 1h."""
    run: Annotated[str, AfterValidator(a_line)] | None = None
    """Another action that runs instead, with the same parameters."""
    question: Annotated[QuestionEntry, AsQuestion] | None = None
    """What else is asked of whoever takes it, instead of the policy's question."""
    sure: bool = False
    """`true` asks whether it is meant."""

    @model_validator(mode="after")
    def _one_effect(self) -> "ChoiceEntry":
        given = [key for key in ("deny", "after", "run") if getattr(self, key)]
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]} are two effects; keep one of them")
        if self.after is not None and self.after > LONGEST_LIFE:
            raise ValueError("after is at most 7 days")
        return self

    def choice(self, name: str) -> Choice:
        """Return what this means."""
        effect = Effect.DENY if self.deny else Effect.SNOOZE if self.after else Effect.APPROVE
        return Choice(
            name=name,
            effect=effect,
            caption=self.caption,
            question=self.question.question() if self.question else None,
            sure=self.sure,
            after=self.after or 0.0,
            run=self.run or "",
        )


def _as_choices(value: Any) -> Any:
    return {"approve": {}, "dismiss": {"deny": True}, "snooze": {"after": _HOUR}} if value == "default" else value


def _name(name: str) -> str:
    if not re.fullmatch(CHOICE, name):
        raise ValueError(f'"{name}" cannot name a choice; it is one word that begins with a letter')
    if name.lower() in _TAKEN:
        raise ValueError(f'"{name}" means something else in an answer; call the choice otherwise')
    return name


def _sound(choices: dict[str, ChoiceEntry]) -> dict[str, ChoiceEntry]:
    if len({name.lower() for name in choices}) < len(choices):
        raise ValueError("two choices differ only in case; call one of them otherwise")
    for name, entry in choices.items():
        approves = not (entry.deny or entry.after)
        if name.lower() == "approve" and not approves:
            raise ValueError(f"{name} would not approve; call the choice otherwise")
        if name.lower() in _NOES and approves and not entry.run:
            raise ValueError(f"{name} would approve; write {name}: {{deny: true}}")
        if name.lower() == "snooze" and not entry.after:
            raise ValueError(f"{name} would not ask again; write {name}: {{after: {_HOUR}}}")
    if all(entry.deny or entry.after for entry in choices.values()):
        raise ValueError("none of these choices lets anything run; add approve: {}")
    return choices


Choices = Annotated[
    dict[Annotated[str, AfterValidator(_name)], ChoiceEntry],
    Field(min_length=1, max_length=MOST_CHOICES),
    BeforeValidator(_as_choices, json_schema_input_type=Literal["default"] | dict[str, ChoiceEntry]),
    AfterValidator(_sound),
]
