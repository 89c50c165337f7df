"""Add to the JSON Schema of a policy what its models check by code."""

from typing import Any

from err_confirm.backends import SCHEMES
from err_confirm.catalog.policy.answer_keys import RULES, VIA
from err_confirm.catalog.policy.choices import CHOICE, MOST_CHOICES
from err_confirm.catalog.policy.conditions_key import ABOUT, ADDING, DATES, HOURS
from err_confirm.catalog.policy.keys import SAME, PolicyKeys
from err_confirm.catalog.policy.quorums import GROUP, MOST_SEATS, NOBODY, WHO
from err_confirm.catalog.policy.stages import LONGEST_WAIT, SHORTEST_POLL, TIMING
from err_confirm.people import EVERYBODY
from err_confirm.policy.times import DAYS

Schema = dict[str, Any]

_PERSON = {
    "type": "string",
    "pattern": rf"^(?:[^@:][^:]*$|(?:{'|'.join(sorted(SCHEMES))}):[^@])",
    "not": {"enum": [NOBODY]},
}
_GROUP = {"type": "string", "pattern": GROUP}
_LINE = {"type": "string", "pattern": r"\S"}
_WORDS = sorted(EVERYBODY)
_REASON = {"type": "string", "pattern": "[^A-Za-z0-9_]"}
_SCALAR = {"type": ["string", "number", "boolean"]}
_NUMBER = {"type": "integer", "minimum": 1, "maximum": MOST_SEATS}


def complete_policy(name: str, definition: Schema) -> None:
    """Add to the definition of one of the models of a policy what that checks by code."""
    keys: Schema = definition.get("properties", {})
    if name in _ENTRIES:
        for key in keys.values():
            _never_null(key)
    if name in ("QuorumEntry", "StageEntry", "PolicyEntry", "WhenEntry"):
        _complete_quorum(name, definition, keys)
    if name in ("StageEntry", "PolicyEntry", "WhenEntry"):
        _complete_stage(keys)
        definition["allOf"].append(_never("retry", "within"))
    if name in ("PolicyEntry", "WhenEntry"):
        _complete_answers(keys)
        definition["allOf"] += [_never("stages", key) for key in TIMING]
    match name:
        case "WhenEntry":
            _complete_rule(definition, keys)
        case "DenyEntry":
            keys["by"] = {**described(keys["by"]), **_some([{"enum": [*_WORDS, SAME]}, _PERSON, _GROUP])}
        case "EscalateEntry":
            called = {**_PERSON, "not": {"enum": [*_WORDS, NOBODY]}}
            keys["to"] = {**described(keys["to"]), **_some([called, _GROUP])}
        case "RetryEntry":
            bound(keys["delay"], SHORTEST_POLL, LONGEST_WAIT)
        case "AskEntry":
            keys["room"] |= _LINE
            definition["anyOf"] = [{"required": ["room"]}, {"required": ["dm"], "properties": {"dm": {"const": True}}}]
        case "QuestionEntry":
            keys["text"] |= _LINE
        case "ChoiceEntry":
            keys["run"] |= _LINE
            bound(keys["after"], None, LONGEST_WAIT)
            definition["allOf"] = [_never("after", "run")]


_ENTRIES = frozenset(
    {"AskEntry", "ChoiceEntry", "DenyEntry", "EscalateEntry", "PolicyEntry", "QuestionEntry", "QuorumEntry"}
    | {"RetryEntry", "StageEntry", "WhenEntry"}
)


def described(key: Schema) -> Schema:
    """Return what a key has of its schema that only explains it."""
    return {"description": key["description"]}


def bound(key: Schema, least: float | None, most: float) -> None:
    """Bound the plain number that a length of time or a size may be."""
    number = next(each for each in key["anyOf"] if each["type"] in ("number", "integer"))
    number["maximum"] = most
    if least is not None:
        number.pop("exclusiveMinimum", None)
        number["minimum"] = least


def _complete_quorum(name: str, definition: Schema, keys: Schema) -> None:
    """Let the words stand alone so that an editor offers them."""
    words = [*_WORDS, NOBODY] if name in ("PolicyEntry", "WhenEntry") else _WORDS
    one: list[Schema] = [{"enum": _WORDS}, _PERSON, _GROUP]
    many = {"type": "array", "items": {"anyOf": one}, "minItems": 1}
    keys["by"] = {**described(keys["by"]), "anyOf": [{"enum": words}, _PERSON, _GROUP, many]}
    if NOBODY in words:
        keys["by"]["anyOf"].append({"type": "array", "items": {"const": NOBODY}, "minItems": 1})
    keys["need"] = {**described(keys["need"]), "anyOf": [_NUMBER, {"const": "all"}]}
    who = [key for key in WHO if key in keys]
    definition["allOf"] = [_never(one, other) for place, one in enumerate(who) for other in who[place + 1 :]]
    definition["allOf"] += [_never(one, other) for one in who if one != "by" for other in ("need", "self")]
    if name in ("QuorumEntry", "StageEntry"):
        definition["anyOf"] = [{"required": [key]} for key in who]


def _complete_stage(keys: Schema) -> None:
    bound(keys["within"], SHORTEST_POLL, LONGEST_WAIT)


def _complete_answers(keys: Schema) -> None:
    keys["reason"] = {**described(keys["reason"]), "anyOf": [{"enum": RULES}, _REASON]}
    keys["typed"] = {**described(keys["typed"]), **_some([_LINE])}
    keys["via"] = {**described(keys["via"]), **_some([{"enum": sorted(VIA)}])}
    keys["deny"] = {
        **described(keys["deny"]),
        "anyOf": [{"enum": [*_WORDS, SAME]}, _PERSON, _GROUP, {"$ref": "#/$defs/DenyEntry"}],
    }
    for key in ("ask", "question"):
        keys[key]["anyOf"] = [_LINE if each == {"type": "string"} else each for each in keys[key]["anyOf"]]
    for each in keys["choices"]["anyOf"]:
        if each.get("type") == "object":
            each |= {"propertyNames": {"pattern": CHOICE}, "minProperties": 1, "maxProperties": MOST_CHOICES}


def _complete_rule(definition: Schema, keys: Schema) -> None:
    keys["parameters"]["additionalProperties"] = _some([_SCALAR])
    keys["room"] = {**described(keys["room"]), **_some([_LINE])}
    keys["hours"] = {**described(keys["hours"]), **_some([{"type": "string", "pattern": HOURS}])}
    keys["days"] = {**described(keys["days"]), **_some([{"enum": [*DAYS]}])}
    keys["dates"] = {**described(keys["dates"]), **_some([{"type": "string", "pattern": DATES}])}
    keys["refuse"] |= _LINE
    said = [*PolicyKeys.model_fields]
    idle = [key for key in said if key not in ADDING]
    loose = {"required": ["loosen"], "properties": {"loosen": {"const": True}}}
    definition["allOf"] += [
        {"anyOf": [{"required": [key]} for key in ABOUT]},
        {"if": {"required": ["refuse"]}, "then": {"properties": dict.fromkeys(said, False)}},
        {"anyOf": [{"required": [key]} for key in ("refuse", *said)]},
        {"if": {"not": loose}, "then": {"properties": dict.fromkeys(idle, False)}},
        {"if": loose, "then": {"anyOf": [{"required": [key]} for key in WHO], "properties": {"refuse": False}}},
    ]


def _never(one: str, other: str) -> Schema:
    return {"not": {"required": [one, other]}}


def _some(one: list[Schema]) -> Schema:
    """Return the schema of one value or a list of them."""
    return {"anyOf": [*one, {"type": "array", "items": {"anyOf": one}, "minItems": 1}]}


def _never_null(key: Schema) -> None:
    """Take away that a key may be there without a value."""
    if "anyOf" in key:
        key["anyOf"] = [each for each in key["anyOf"] if each != {"type": "null"}]
        if len(key["anyOf"]) == 1:
            key |= key.pop("anyOf")[0]
