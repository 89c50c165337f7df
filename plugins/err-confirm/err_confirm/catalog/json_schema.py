"""Say in JSON Schema what files may say, so that an editor completes keys, explains them and marks mistakes.

The keys, their types and their meaning come from the models of `entries`; what those check by code is added here, as
far as JSON Schema (draft 2020-12, https://json-schema.org/draft/2020-12) can say it. What it cannot say, such as
whether a template is sound, is for `lint` alone; it never refuses what the loader takes.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from err_confirm.catalog.entries import LONGEST_PATTERN, MOST_PATTERNS, ONLY_FOR, ActionFile, AliasFile, GuardFile
from err_confirm.catalog.policy import Confirm
from err_confirm.catalog.policy.schema import bound, complete_policy, described
from err_confirm.catalog.run_keys import (
    AFTER,
    LONGEST_DELAY,
    LONGEST_LOCK,
    LONGEST_PROBE,
    LONGEST_TAKING,
    Conducted,
    PreviewKeys,
    TargetKeys,
)
from err_confirm.catalog.stackstorm.metadata import MetadataFile
from err_confirm.model.files import ParameterType
from err_confirm.runners import RUNNERS
from err_confirm.runners.processes.settings import LARGEST_OUTPUT, LONGEST_RUN

Schema = dict[str, Any]

KINDS: Mapping[str, tuple[Any, str]] = {
    "alias": (AliasFile | GuardFile, "err-confirm: alias or guard file"),
    "action": (ActionFile | MetadataFile, "err-confirm: action file, ours or StackStorm's"),
    "policy": (Confirm, "err-confirm: policy, as under confirm: and in CONFIRM_DEFAULT"),
}
"""What there is a schema of, with its title."""

_NAME = {"pattern": r"^[^\t\n]*\S[^\t\n]*$"}
# What \w is in Python; in an editor it is ASCII only.
_WORD = r"[^\u0000-\u002f\u003a-\u0040\u005b-\u005e\u0060\u007b-\u007f]"
# A plugin, without blanks, and a command; or a command alone, without colons.
_PATTERN = {
    "type": "string",
    "maxLength": LONGEST_PATTERN,
    "pattern": r"^(?: *[^:\s\[\]]+ *: *[^\s\[\]]+(?: .*)?| *[^:\s\[\]]+(?: [^:\n]*)?)$",
}
_PARAMETER_NAME = {"pattern": f"^[A-Za-z_]{_WORD}*$"}
_VARIABLE_NAME = {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
_SCALAR = {"type": ["string", "number", "boolean"]}
_VALUE: dict[ParameterType, Schema] = {
    **{kind: {"type": str(kind)} for kind in ParameterType},
    ParameterType.ARRAY: {"type": "array", "items": _SCALAR},
}
_LONGEST = {"delay": LONGEST_DELAY, "wait": LONGEST_LOCK, "within": LONGEST_TAKING}
_NULLABLE = frozenset({"pattern", "min", "max", "max_length"})


def json_schema(kind: str) -> Schema:
    """Return the schema of one of `KINDS`."""
    model, title = KINDS[kind]
    adapters = [(name, TypeAdapter(runner.Settings)) for name, runner in RUNNERS.items()]
    found, shared = TypeAdapter.json_schemas(
        [("root", "validation", TypeAdapter(model)), *((name, "validation", each) for name, each in adapters)],
        schema_generator=_Generator,
    )
    definitions: Schema = shared["$defs"]
    for name, definition in definitions.items():
        _complete(name, definition)
    runs = [found[name, "validation"] for name in RUNNERS]
    for name in ("AliasFile", "ActionFile"):
        if name in definitions:
            keys = definitions[name]["properties"]
            nothing = [{"type": "null"}] if name == "AliasFile" else []
            keys["run"] = {**described(keys["run"]), "anyOf": [*runs, *nothing]}
            for key, own in (("targets", TargetKeys), ("preview", PreviewKeys)):
                keys[key]["anyOf"] = [
                    *_probes(key, own, runs, definitions),
                    *(each for each in keys[key]["anyOf"] if each["type"] != "object"),
                ]
    root = found["root", "validation"]
    if "$ref" in root:
        root = definitions.pop(root["$ref"].rpartition("/")[2])
    used = _reachable(root, definitions)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": title,
        **root,
        "$defs": {name: definitions[name] for name in sorted(used)},
    }


def _probes(key: str, model: type[BaseModel], runs: Iterable[Schema], definitions: Schema) -> list[Schema]:
    """Return what `targets` or `preview` may be besides a text: any of the runners, with the keys of its own."""
    own = TypeAdapter(model).json_schema(schema_generator=_Generator)
    definitions |= own.pop("$defs", {})
    of = own["properties"].pop("of", None)
    found: list[Schema] = []
    for run in runs:
        name = run["$ref"].rpartition("/")[2]
        probe = deepcopy(definitions[name])
        probe["properties"] |= own["properties"]
        if "timeout" in probe["properties"]:
            bound(probe["properties"]["timeout"], None, LONGEST_PROBE)
        definitions[f"{key}.{name}"] = probe
        found.append({"$ref": f"#/$defs/{key}.{name}"})
    if of is not None:
        text = {"type": "string", "description": of["description"]}
        found.append({**own, "properties": {"of": text, **own["properties"]}, "required": ["of"]})
    return found


class _Generator(GenerateJsonSchema):
    """Leaves out titles that only repeat a key, and defaults that nobody would write."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default") in (None, "", [], {}) or isinstance(made["default"], dict | list):
            made.pop("default", None)
        return made


def _complete(name: str, definition: Schema) -> None:
    """Add to the definition of a model what that checks by code."""
    definition.pop("title", None)
    keys: Schema = definition.get("properties", {})
    for key in ("parameters", "immutable_parameters"):
        if key in keys:
            keys[key]["propertyNames"] = _PARAMETER_NAME
    match name:
        case "AliasFile" | "ActionFile" | "MetadataFile":
            keys["name"] |= _NAME
            if name == "AliasFile":
                keys["action_ref"]["anyOf"][0] |= _NAME
                definition["oneOf"] = _ONE_ACTION
                keys["on"]["properties"] = dict.fromkeys(AFTER, keys["on"]["additionalProperties"])
        case "GuardFile":
            keys["name"]["anyOf"][0] |= _NAME
            many = {"type": "array", "items": _PATTERN, "minItems": 1, "maxItems": MOST_PATTERNS}
            keys["commands"] = {**described(keys["commands"]), "anyOf": [_PATTERN, many]}
        case "RateEntry" | "LockEntry" | "RemoteEntry":
            for key in _LONGEST.keys() & keys.keys():
                bound(keys[key], None, _LONGEST[key])
        case "ParameterEntry":
            definition["allOf"] = [_if_type(kind) for kind in ParameterType]
        case _:
            complete_policy(name, definition)
    if "env" in keys:
        keys["env"]["propertyNames"] = _VARIABLE_NAME
    if "timeout" in keys:
        bound(keys["timeout"], None, LONGEST_RUN)
        bound(keys["output_cap"], 1, LARGEST_OUTPUT)
    if "python" in keys:
        keys["python"]["pattern"] = f"^[A-Za-z_](?:{_WORD}|[.])*:[A-Za-z_]{_WORD}*$"


_ONE_ACTION = [
    {
        "description": "an action of its own",
        "required": ["run"],
        "properties": {"run": {"type": "object"}, "action_ref": {"type": "null"}},
    },
    {
        "description": "an action of a file",
        "required": ["action_ref"],
        "properties": {
            "action_ref": {"type": "string"},
            "run": {"type": "null"},
            "parameters": {"maxProperties": 0},
            **dict.fromkeys(Conducted.model_fields, False),
        },
    },
]
"""What an alias file may start."""


def _if_type(kind: ParameterType) -> Schema:
    """Return what a parameter of a type may say: no keys that mean nothing for it, and values of that type."""
    value = _VALUE[kind]
    keys: Schema = {
        key: {"type": "null"} if key in _NULLABLE else False for key, types in ONLY_FOR.items() if kind not in types
    }
    keys["default"] = {"anyOf": [value, {"type": "null"}]}
    keys["enum"] = {"items": _SCALAR if kind is ParameterType.ARRAY else value}
    condition: Schema = {"properties": {"type": {"const": str(kind)}}}
    if kind is not ParameterType.STRING:
        condition["required"] = ["type"]
    return {"if": condition, "then": {"properties": keys}}


def _reachable(schema: Any, definitions: Mapping[str, Any]) -> set[str]:
    """Return the names of the definitions that a schema refers to, or those do."""
    found: set[str] = set()
    rest = [schema]
    while rest:
        part = rest.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                rest.append(definitions[name])
            rest += part.values()
        elif isinstance(part, list):
            rest += part
    return found
