"""What an alias file and an action file may say: the keys, and the type of each value.

`model_json_schema()` of the two files' models says the same as JSON Schema; nothing here hands that out yet.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from err_confirm.catalog.policies import Confirm, PolicyEntry, as_list
from err_confirm.model import Parameter, ParameterType

_LISTS = frozenset({ParameterType.STRING, ParameterType.ARRAY})
_NUMBERS = frozenset({ParameterType.INTEGER, ParameterType.NUMBER})
_ONLY_FOR = {
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


Name = Annotated[str, AfterValidator(_check_name)]
_ParameterName = Annotated[str, AfterValidator(_check_parameter_name)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


def _as_format(value: Any) -> Any:
    return {"display": value, "representation": [value]} if isinstance(value, str) else value


def _matters(value: Any, info: ValidationInfo) -> Any:
    types = _ONLY_FOR[str(info.field_name)]
    kind = info.data.get("type")
    if kind and kind not in types:
        meant = " or ".join(type_.value for type_ in ParameterType if type_ in types)
        raise ValueError(f'"{info.field_name}" means nothing for the type {kind}, only for {meant}; remove it')
    return value


class ParameterEntry(_Entry):
    """One parameter of an action."""

    type: Annotated[ParameterType, Field(strict=False)] = ParameterType.STRING
    description: str = ""
    required: bool = False
    default: Any = None
    enum: Annotated[list[Any], Field(min_length=1)] | None = None
    pattern: Annotated[str, AfterValidator(_matters)] | None = None
    min: Annotated[float, AfterValidator(_matters)] | None = None
    max: Annotated[float, AfterValidator(_matters)] | None = None
    max_length: Annotated[int, Field(ge=1), AfterValidator(_matters)] | None = None
    free: Annotated[bool, AfterValidator(_matters)] = False
    dash: Annotated[bool, AfterValidator(_matters)] = False

    def parameter(self, name: str) -> Parameter:
        """Return what this declares."""
        return Parameter(name=name, **{**dict(self), "enum": tuple(self.enum or ())})


class FormatEntry(_Entry):
    """One way to say an alias: help text, and the expressions that match."""

    display: str = ""
    representation: Annotated[list[str], BeforeValidator(as_list, json_schema_input_type=str | list[str])] = []
    match_multiple: bool = False


class ResultEntry(_Entry):
    """What is said when an execution has ended."""

    enabled: bool = True
    format: str | None = None
    extra: dict[str, Any] = {}


class AckEntry(ResultEntry):
    """What is said when an execution was asked for; `append_url` is StackStorm's, and ignored."""

    append_url: bool = False


class _Runnable(_Entry):
    name: Name
    pack: str = ""
    description: str = ""


class ActionFile(_Runnable):
    """A file of `actions/`."""

    parameters: dict[_ParameterName, ParameterEntry] = {}
    run: dict[str, Any]


class AliasFile(_Runnable):
    """A file of `aliases/`: as in StackStorm, and `confirm`, and an action of its own in `run` and `parameters`."""

    enabled: bool = True
    action_ref: Name | None = None
    run: dict[str, Any] | None = None
    parameters: dict[_ParameterName, ParameterEntry] = {}
    formats: Annotated[
        list[Annotated[FormatEntry, BeforeValidator(_as_format, json_schema_input_type=str | FormatEntry)]],
        Field(min_length=1),
    ]
    confirm: Confirm = PolicyEntry()
    ack: AckEntry = AckEntry()
    result: ResultEntry = ResultEntry()
    extra: dict[str, Any] = {}
    immutable_parameters: dict[_ParameterName, Any] = {}
    metadata_file: str = Field(default="", description="StackStorm's; ignored")

    @model_validator(mode="after")
    def _one_action(self) -> "AliasFile":
        if self.action_ref is None and self.run is None:
            raise ValueError("starts nothing; give it action_ref (an action's name) or run (an action of its own)")
        if self.action_ref is not None and self.run is not None:
            raise ValueError("has both action_ref and run; keep one of them")
        if self.run is None and self.parameters:
            raise ValueError('"parameters" belong to an action: move them to its file, or write run here')
        return self
