"""What alias, guard and action files may say: the keys, the type of each value, and in a sentence what it means.

`json_schema` makes of these models what an editor reads.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from err_confirm.catalog.policy import Confirm, PolicyEntry
from err_confirm.catalog.run_keys import Conducted, Following
from err_confirm.file_keys import Keys, as_list
from err_confirm.model.files import Parameter, ParameterType

_LISTS = frozenset({ParameterType.STRING, ParameterType.ARRAY})
_NUMBERS = frozenset({ParameterType.INTEGER, ParameterType.NUMBER})
LONGEST_PATTERN = 200
MOST_PATTERNS = 1_000
ONLY_FOR = {
    "pattern": _LISTS,
    "max_length": _LISTS,
    "free": _LISTS,
    "dash": _LISTS | _NUMBERS | {ParameterType.OBJECT},
    "min": _NUMBERS,
    "max": _NUMBERS,
}
"""The types that each of these keys makes sense for."""


def _check_name(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError("a name has at least one character, on one line")
    return name


def _check_parameter_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise ValueError(f'"{name}" cannot name a parameter; use letters, digits and _')
    return name


def _check_pattern(pattern: str) -> str:
    plugin, colon, said = map(str.strip, pattern.partition(":"))
    if not pattern.strip() or not pattern.isprintable():
        raise ValueError('a pattern names a command, on one line: "Deploy:deploy", "Deploy:*"')
    if colon and not plugin:
        raise ValueError(f'"{pattern}" names no plugin; write "*{pattern.strip()}" for any')
    if colon and not said:
        raise ValueError(f'"{pattern}" names no command; write "{plugin}:*" for all of the plugin')
    if colon and " " in plugin:
        raise ValueError(f'"{pattern}" would be of a plugin "{plugin}"; write "*:{pattern}" for any plugin')
    if {"[", "]"} & {*plugin.partition(" ")[0], *said.partition(" ")[0]}:
        raise ValueError(f'only * and ? stand for other letters; "{pattern}" has brackets')
    return pattern


Name = Annotated[str, AfterValidator(_check_name)]
Pattern = Annotated[str, Field(max_length=LONGEST_PATTERN), AfterValidator(_check_pattern)]
ParameterName = Annotated[str, AfterValidator(_check_parameter_name)]


def _as_patterns(value: Any) -> Any:
    return [] if value is None else as_list(value)


def _as_format(value: Any) -> Any:
    return {"display": value, "representation": [value]} if isinstance(value, str) else value


def _matters(value: Any, info: ValidationInfo) -> Any:
    types = ONLY_FOR[str(info.field_name)]
    kind = info.data.get("type")
    if kind and kind not in types:
        meant = " or ".join(type_.value for type_ in ParameterType if type_ in types)
        raise ValueError(f'"{info.field_name}" means nothing for the type {kind}, only for {meant}; remove it')
    return value


class ParameterEntry(Keys):
    """One parameter of an action."""

    type: Annotated[ParameterType, Field(strict=False)] = ParameterType.STRING
    """What kind of value it is."""
    description: str = ""
    """For the reader of the file."""
    required: bool = False
    """Without a value, nothing runs."""
    default: Any = None
    """Its value when none is given."""
    enum: Annotated[list[Any], Field(min_length=1)] | None = None
    """The only values that it may have; for an array: that its items may have."""
    pattern: Annotated[str, AfterValidator(_matters)] | None = None
    """An RE2 expression that must match all of it, or each item of an array."""
    min: Annotated[float, AfterValidator(_matters)] | None = None
    """The least number."""
    max: Annotated[float, AfterValidator(_matters)] | None = None
    """The greatest number."""
    max_length: Annotated[int, Field(ge=1), AfterValidator(_matters)] | None = None
    """The most characters of a string, or items of an array."""
    free: Annotated[bool, AfterValidator(_matters)] = False
    """Any text, also with blanks; read docs/actions.md first: some programs take text for commands."""
    dash: Annotated[bool, AfterValidator(_matters)] = False
    """It may begin with `-`; a number may be below zero."""

    def parameter(self, name: str) -> Parameter:
        """Return what this declares."""
        return Parameter(name=name, **{**dict(self), "enum": tuple(self.enum or ())})


class FormatEntry(Keys):
    """One way to say an alias: help text, and the expressions that match."""

    display: str = ""
    """How `!help` shows it; without it, the first representation."""
    representation: Annotated[list[str], BeforeValidator(as_list, json_schema_input_type=str | list[str])] = Field(
        default=[]
    )
    """Expressions that match, one or a list. Without it, `display` is help text and matches nothing."""
    match_multiple: bool = False
    """Start one execution for each place in the text that matches; tried only when nothing else matches."""


class ResultEntry(Keys):
    """What is said when an execution has ended."""

    enabled: bool = True
    """`false` says nothing; for `result` that hides the output, too."""
    format: str | None = None
    """A template of what to say; `{~}` in it is a line end."""
    extra: dict[str, Any] = Field(default={})
    """As for StackStorm's Slack attachments: title, title_link, text, image_url and fields become lines of text."""


class AckEntry(ResultEntry):
    """What is said when an execution was asked for; `append_url` is StackStorm's, and ignored."""

    append_url: bool = False
    """StackStorm's; not looked at."""


class Runnable(Keys):
    """What alias and action files, ours and StackStorm's, have in common."""

    name: Name
    """Its name; no two files of a kind share one."""
    pack: str = ""
    """StackStorm's; found again in `action_ref: pack.name`."""
    description: str = ""
    """What it is for; an alias's is shown by `!help` and `!aliases`."""


class ActionFile(Runnable, Conducted):
    """A file of `actions/`."""

    parameters: dict[ParameterName, ParameterEntry] = Field(default={})
    """Its parameters: name and keys of each."""
    run: dict[str, Any]
    """What runs: a command or a Python function, with its keys."""


class AliasFile(Runnable, Conducted, Following):
    """A file of `aliases/`: as in StackStorm, and `confirm`, and an action of its own in `run` and `parameters`."""

    enabled: bool = True
    """`false` switches it off."""
    action_ref: Name | None = None
    """The action that it starts: its name, or `pack.name`. Either this or `run`."""
    run: dict[str, Any] | None = None
    """An action of its own: a command or a Python function, with its keys. Either this or `action_ref`."""
    parameters: dict[ParameterName, ParameterEntry] = Field(default={})
    """The parameters of its own action. Without this key, each name in `formats` is one plain word."""
    formats: Annotated[
        list[Annotated[FormatEntry, BeforeValidator(_as_format, json_schema_input_type=str | FormatEntry)]],
        Field(min_length=1),
    ]
    """What people may say: texts such as `restart {{host}}`, or mappings."""
    confirm: Confirm = PolicyEntry()
    """Who must confirm, and for how long it waits. Without this key: CONFIRM_DEFAULT."""
    ack: AckEntry = AckEntry()
    """What is said when it begins to run."""
    result: ResultEntry = ResultEntry()
    """What is said when it has ended. Without it: the last lines of the output."""
    extra: dict[str, Any] = Field(default={})
    """Anything; not looked at."""
    immutable_parameters: dict[ParameterName, Any] = Field(default={})
    """Values that nobody can change. A text may be a template over the other parameters."""
    metadata_file: str = ""
    """StackStorm's; not looked at."""

    @model_validator(mode="after")
    def _one_action(self) -> "AliasFile":
        if self.action_ref is None and self.run is None:
            raise ValueError("starts nothing; give it action_ref (an action's name) or run (an action of its own)")
        if self.action_ref is not None and self.run is not None:
            raise ValueError("has both action_ref and run; keep one of them")
        if self.run is None and self.parameters:
            raise ValueError('"parameters" belong to an action: move them to its file, or write run here')
        if self.run is None and (keys := sorted(Conducted.model_fields.keys() & self.model_fields_set)):
            raise ValueError(f'"{keys[0]}" belongs to an action: move it to its file, or write run here')
        return self


class GuardFile(Keys):
    """A file of `aliases/` that makes commands of other plugins ask first."""

    name: Name | None = None
    """Its name; no alias and no other guard shares it. Without it, that of the file."""
    pack: str = ""
    """Not looked at."""
    description: str = ""
    """What it is for."""
    enabled: bool = True
    """`false` switches it off."""
    commands: Annotated[
        list[Pattern],
        Field(min_length=1, max_length=MOST_PATTERNS),
        BeforeValidator(_as_patterns, json_schema_input_type=str | list[str]),
    ]
    """Which commands, one pattern or a list: `Plugin:command` or `Plugin:command beginning of its arguments`."""
    confirm: Confirm = PolicyEntry()
    """Who must confirm, and for how long it waits. Without this key: CONFIRM_DEFAULT."""
