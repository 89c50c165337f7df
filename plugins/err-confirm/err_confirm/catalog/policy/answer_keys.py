"""Read the keys that say what an answer must bring, and what is said to ask for it."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from err_confirm.backends import SCHEMES
from err_confirm.errors import TemplateError
from err_confirm.file_keys import Entry, as_list
from err_confirm.model.policies import Question, QuestionType, ReasonRule
from err_confirm.parameters import compile_pattern
from err_confirm.templating import check
from err_confirm.text.spelling import did_you_mean
from err_confirm.transition.demands import CHAT

VIA = frozenset({CHAT, *SCHEMES})
"""From where answers may come."""
RULES = [str(rule) for rule in ReasonRule]
"""The words of `reason`; all else is an expression."""


def a_line(text: str) -> str:
    """Return a text that stands on one line and says something. Raises ValueError."""
    if not text.strip() or not text.isprintable():
        raise ValueError("a text has at least one character, on one line")
    return text


def template(text: str) -> str:
    """Return a text that is a sound template. Raises ValueError."""
    try:
        check(text)
    except TemplateError as error:
        raise ValueError(str(error)) from error
    return text


def _reason(text: str) -> str:
    if text in RULES:
        return text
    if re.fullmatch(r"\w*", text):
        hint = did_you_mean(text, RULES) or f'; "^{text}" would look for this word' * bool(text)
        raise ValueError(f"reason is none, optional, required or an RE2 expression{hint}")
    compile_pattern(text)
    return text


def _via(name: str) -> str:
    if name not in VIA:
        raise ValueError(f'"{name}" is no way to answer{did_you_mean(name, VIA)}; write chat, or a chat network')
    return name


def as_question(value: Any) -> Any:
    """Take a text for a question."""
    return {"text": value} if isinstance(value, str) else value


def _as_ask(value: Any) -> Any:
    if value == "dm":
        raise ValueError("dm is no room; to tell people directly, write ask: {dm: true}")
    return {"room": value} if isinstance(value, str) else value


class QuestionEntry(Entry):
    """What else is asked of whoever answers."""

    text: Annotated[str, AfterValidator(a_line)]
    """The question."""
    type: Annotated[QuestionType, Field(strict=False)] = QuestionType.TEXT
    """What its answer must be: text, email, number or json."""
    required: bool = True
    """`false` lets the answer be left out."""

    def question(self) -> Question:
        """Return what this means."""
        return Question(text=self.text, type=self.type, required=self.required)


AsQuestion = BeforeValidator(as_question, json_schema_input_type=str | QuestionEntry)


class AskEntry(Entry):
    """Where the prompt goes besides the place where it was asked for."""

    room: Annotated[str, AfterValidator(a_line)] = ""
    """A room, such as `#ops`."""
    dm: bool = False
    """`true`: also to each person who may answer, directly, with a token that their answer must bring."""

    @model_validator(mode="after")
    def _somewhere(self) -> "AskEntry":
        if not self.room and not self.dm:
            raise ValueError("ask says nowhere; write a room, or dm: true")
        return self


class AnswerKeys(Entry):
    """What an answer must bring, and what is said to ask for it."""

    reason: Annotated[str, AfterValidator(_reason)] = "optional"
    """`none`, `optional`, `required`, or an RE2 expression that must be found in it, such as `^OPS-[0-9]+`."""
    typed: Annotated[
        list[Annotated[str, AfterValidator(a_line), AfterValidator(template)]],
        Field(min_length=1),
        BeforeValidator(as_list, json_schema_input_type=str | list[str]),
    ] = Field(default=[])
    """What must be typed with the answer: one text or a list; templates over the parameters."""
    otp: bool = False
    """`true` asks for the code of a second factor."""
    via: Annotated[
        list[Annotated[str, AfterValidator(_via)]],
        Field(min_length=1),
        BeforeValidator(as_list, json_schema_input_type=str | list[str]),
    ] = Field(default=[CHAT])
    """Where an answer counts: `chat`, or chat networks such as slack."""
    ask: Annotated[AskEntry, BeforeValidator(_as_ask, json_schema_input_type=str | AskEntry)] | None = None
    """Where the prompt goes besides: a room, or a mapping with `room` and `dm`."""
    prompt: Annotated[str, AfterValidator(template)] = ""
    """A template of what the prompt says first; what runs always follows."""
    question: Annotated[QuestionEntry, AsQuestion] | None = None
    """What else is asked: a text, or a mapping with `text`, `type` and `required`."""
