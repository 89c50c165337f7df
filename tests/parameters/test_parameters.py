"""Values typed in chat: what each type takes, and that nothing unsafe gets through."""

import json
import math
import shlex
import unicodedata
from pathlib import Path
from string import ascii_lowercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from err_confirm.errors import DuplicateParameterError, ParameterError, TemplateError
from err_confirm.model.files import Action, Parameter, ParameterType, Source
from err_confirm.parameters import cast, cast_one, values
from err_confirm.parameters import casting as parameters

TYPES = ("string", "integer", "number", "boolean", "array", "object")


def parameter(type_="string", **keys):
    """Return a parameter named x."""
    return Parameter(name="x", type=ParameterType(type_), **keys)


def action(**parameters):
    """Return an action with these parameters."""
    declared = {
        name: Parameter(name=name, **{**keys, "type": ParameterType(keys.get("type", "string"))})
        for name, keys in parameters.items()
    }
    return Action(
        name="restart",
        runner="command",
        run={"command": ["true"]},
        source=Source(Path("actions/restart.yaml")),
        base=Path(),
        parameters=declared,
    )


TAKEN = [
    ("string", {}, "web1.example.com", "web1.example.com"),
    ("string", {}, "https://u@h:80/p?"[:-1], "https://u@h:80/p"),
    ("string", {}, "a,b=c+d%20", "a,b=c+d%20"),
    ("string", {}, "größe日本", "größe日本"),
    ("string", {"free": True}, "any text; with\n$(marks) \u202e", "any text; with\n$(marks) \u202e"),
    ("string", {"free": True}, "", ""),
    ("string", {"enum": ("two words", "-x", "")}, "two words", "two words"),
    ("string", {"enum": ("two words", "-x", "")}, "-x", "-x"),
    ("string", {"pattern": "[a-z ]+;"}, "a b;", "a b;"),
    ("string", {"dash": True}, "-v", "-v"),
    ("string", {"max_length": 3}, "abc", "abc"),
    ("integer", {}, "42", 42),
    ("integer", {}, "007", 7),
    ("integer", {"min": -5}, "-5", -5),
    ("integer", {"dash": True}, "-5", -5),
    ("integer", {"enum": (1, 2)}, "2", 2),
    ("integer", {"min": 1, "max": 3}, "3", 3),
    ("number", {}, "0.5", 0.5),
    ("number", {}, "3", 3),
    ("number", {"min": -1.5}, "-1.5", -1.5),
    ("boolean", {}, "true", True),
    ("boolean", {}, "YES", True),
    ("boolean", {}, "On", True),
    ("boolean", {}, "false", False),
    ("boolean", {}, "no", False),
    ("boolean", {}, "OFF", False),
    ("array", {}, "web1", ["web1"]),
    ("array", {}, "web1, web2,web3", ["web1", "web2", "web3"]),
    ("array", {}, '["web1", 2, true, 0.5]', ["web1", 2, True, 0.5]),
    ("array", {}, "[]", []),
    ("array", {"max_length": 2}, "a,b", ["a", "b"]),
    ("array", {"enum": ("a", "b")}, "b,a", ["b", "a"]),
    ("array", {"pattern": "web[0-9]"}, "web1,web2", ["web1", "web2"]),
    ("array", {"free": True}, '["a b", "c;d"]', ["a b", "c;d"]),
    ("array", {"dash": True}, "-a,-b", ["-a", "-b"]),
    ("array", {}, "[]", []),
    ("object", {"dash": True}, '{"a": "-v"}', {"a": "-v"}),
    ("object", {}, '{"a": "b-c", "d": -1}', {"a": "b-c", "d": -1}),
    ("object", {}, '{"a": [1, {"b": null}]}', {"a": [1, {"b": None}]}),
]

WORD = "must be one word of letters, digits and . _ - : / @ % + , ="
DASH = 'must not start with "-"'
REFUSED = [
    *(("string", {}, text, WORD) for text in ("", "a b", "nginx; id", "$(id)", "`id`", "a|b", "a&b", "a>b", "a<b")),
    *(
        ("string", {}, text, WORD)
        for text in ("a'b", 'a"b', "a\\b", "a*", "a?", "~", "{a,b}", "a[1]", "#a", "a!b", "^a")
    ),
    *(
        ("string", {}, text, WORD)
        for text in ("a\nb", "a\tb", "a\u00a0b", "a\u200bb", "a\u202eb", "a\u00adb", "a\ufeffb")
    ),
    *(
        ("string", {}, text, WORD)
        for text in ("a\u3164", "\u115f", "\uffa0", "a\u2028b", "a\u0301", "a\ufe0f", "a；b", "a😀")
    ),
    ("string", {}, "--version", DASH),
    ("string", {}, "-oProxyCommand=id", DASH),
    ("string", {"free": True}, "-rf /", DASH),
    ("string", {"pattern": ".*"}, "-rf", DASH),
    ("string", {"free": True}, "a\x00b", "has the control character U+0000; leave it out"),
    ("string", {"free": True}, "\x1b[2J", "has the control character U+001B; leave it out"),
    ("string", {"free": True}, "\udc80", "has the control character U+DC80; leave it out"),
    ("string", {"pattern": "(?s).*"}, "a\rb", "has the control character U+000D; leave it out"),
    ("string", {"enum": ("a", "b")}, "c", "must be one of a, b"),
    ("string", {"enum": ("prod", "qa")}, "PROD", 'must be one of prod, qa (did you mean "prod"?)'),
    ("string", {"enum": tuple(ascii_lowercase)}, "é", f"must be one of {', '.join(ascii_lowercase[:20])} and 6 more"),
    ("string", {"pattern": "[a-z]+"}, "abc1", "must match [a-z]+"),
    ("string", {"pattern": "a|ab"}, "abc", "must match a|ab"),
    ("string", {"pattern": "[a-z]+"}, "abc\n", "must match [a-z]+"),
    ("string", {"max_length": 3}, "abcd", "is longer than 3 characters"),
    *(("integer", {}, text, "must be a whole number") for text in ("", "x", "1.0", "1e3", "0x1f", "1_000", "+1", "٣")),
    ("integer", {}, "1" * 19, "must be a whole number, such as 3, of at most 18 digits"),
    ("integer", {}, "9" * 5_000, "must be a whole number, such as 3, of at most 18 digits"),
    ("integer", {}, "-1", DASH),
    ("integer", {"min": 1}, "0", "must be at least 1"),
    ("integer", {"max": 3}, "4", "must be at most 3"),
    ("integer", {"max": 3_650_000}, "3650001", "must be at most 3650000"),
    ("number", {"max": 0.25}, "0.3", "must be at most 0.25"),
    ("integer", {"enum": (1, 2)}, "3", "must be one of 1, 2"),
    *(
        ("number", {}, text, "must be a number")
        for text in ("nan", "inf", "-inf", "1e999", ".5", "5.", "1,5", "0x1", "")
    ),
    ("number", {}, "-0.5", DASH),
    ("number", {}, "-0.0", DASH),
    ("array", {"required": True}, "[]", "is empty; this action needs at least one"),
    ("object", {}, '{"a": [{"b": "-oProxyCommand=id"}]}', 'must not hold a text that starts with "-"'),
    *(("boolean", {}, text, "must be true or false") for text in ("", "1", "y", "truee", "on ")),
    ("array", {}, "", "has an empty item; write words divided by commas, or a JSON list"),
    ("array", {}, "a,,b", "has an empty item; write words divided by commas, or a JSON list"),
    ("array", {}, "a,b c", WORD),
    ("array", {}, '["a", "b; id"]', WORD),
    ("array", {}, "a,-b", DASH),
    ("array", {}, '["a", -1]', DASH),
    ("array", {}, '["a", null]', "must be a list of words or numbers"),
    ("array", {}, '["a", ["b"]]', "must be a list of words or numbers"),
    ("array", {}, '["a", {"b": 1}]', "must be a list of words or numbers"),
    ("array", {}, "[NaN]", "must be JSON (NaN is no number)"),
    ("array", {}, "[1e999]", "must be JSON (1e999 is no number)"),
    ("array", {}, "[" * 4_000, "must be JSON (it is nested too deeply)"),
    ("array", {}, "[1,", "must be a list of words or numbers, such as a,b or "),
    ("array", {}, '["\\u0000"]', "has the control character U+0000; leave it out"),
    ("array", {"free": True}, '["\\ud800"]', "has the control character U+D800; leave it out"),
    ("array", {"max_length": 2}, "a,b,c", "is longer than 2 items"),
    ("array", {"enum": ("a",)}, "a,b", "must be one of a"),
    ("array", {"pattern": "web[0-9]"}, "web1,db1", "must match web[0-9] (item 2)"),
    *(("object", {}, text, "must be") for text in ("", "x", "[1]", '"x"', "1", "{", "{'a': 1}", '{"a": Infinity}')),
    ("object", {}, '{"a": 1, "a": 2}', "must be JSON (a key is in it twice)"),
    ("object", {}, '{"a": "\\u001b"}', "has the control character U+001B; leave it out"),
    ("object", {}, '{"\\u0000": 1}', "has the control character U+0000; leave it out"),
    ("object", {}, '{"a":' * 100 + "1" + "}" * 100, "must be JSON (it is nested too deeply)"),
]


@pytest.mark.parametrize(("type_", "keys", "text", "value"), TAKEN)
def test_each_type_takes_what_people_write_for_it(type_, keys, text, value):
    """The value has the very type that was declared."""
    typed = cast_one(parameter(type_, **keys), text)
    assert (typed, type(typed)) == (value, type(value))


@pytest.mark.parametrize(("type_", "keys", "text", "detail"), REFUSED)
def test_anything_else_is_refused_with_what_would_be_right(type_, keys, text, detail):
    """The error names the parameter, and does not repeat what was typed."""
    with pytest.raises(ParameterError) as caught:
        cast_one(parameter(type_, **keys), text)
    assert str(caught.value).startswith(f'"x" {detail}')
    assert caught.value.parameter == "x"


def test_values_come_in_the_order_of_the_action_with_its_defaults():
    """What has no value at all is left out."""
    restart = action(env={"default": "staging"}, host={"required": True}, note={}, count={"type": "integer"})
    assert list(cast(restart, {"count": "3", "host": "web1"}).items()) == [
        ("env", "staging"),
        ("host", "web1"),
        ("count", 3),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, '"host" is missing; this action needs it'),
        ({"host": "a", "hsot": "b"}, '"hsot" is not a parameter of "restart" (did you mean "host"?)'),
        ({"host": "a", "zzz": "b"}, '"zzz" is not a parameter of "restart"'),
    ],
)
def test_a_missing_or_an_unknown_parameter_is_refused(values, message):
    """The unknown one with the nearest name."""
    with pytest.raises(ParameterError) as caught:
        cast(action(host={"required": True}), values)
    assert str(caught.value) == message


def test_fixed_values_are_templates_over_the_typed_ones():
    """They keep their type, may be more than a word, and fill what is required."""
    restart = action(
        host={},
        hosts={"type": "array"},
        count={"type": "integer"},
        line={"required": True},
        force={"type": "boolean"},
        more={"type": "array"},
        inside={"type": "object"},
    )
    fixed = {"line": "--host={{ host }} now", "force": True, "more": "{{ hosts }}", "count": "5"}
    fixed["inside"] = {"on": [1, "{{ host }}"]}
    assert cast(restart, {"host": "web1", "hosts": "a,b"}, fixed) == {
        **{"host": "web1", "hosts": ["a", "b"], "count": 5},
        **{"line": "--host=web1 now", "force": True, "more": ["a", "b"], "inside": {"on": [1, "web1"]}},
    }


def test_what_was_typed_is_never_a_template_in_a_fixed_value():
    """Not even when the parameter takes any text."""
    restart = action(note={"free": True}, line={})
    typed = "{{ note }}{{ 7 * 7 }}{% for x in y %}"
    assert cast(restart, {"note": typed}, {"line": "{{ note }}"})["line"] == typed


@pytest.mark.parametrize(
    ("fixed", "error", "message"),
    [
        ({"host": "db1"}, DuplicateParameterError, '"host" is fixed by this alias; leave it out'),
        ({"hsot": "db1"}, ParameterError, '"hsot" is not a parameter of "restart" (did you mean "host"?)'),
        ({"count": "many"}, ParameterError, '"count" must be a whole number, such as 3, of at most 18 digits'),
        ({"count": True}, ParameterError, '"count" must be a whole number, such as 3, of at most 18 digits'),
        ({"count": 9}, ParameterError, '"count" must be at most 5'),
        ({"count": "{{ nothing }}"}, TemplateError, "the template `{{ nothing }}` fails: 'nothing' is undefined"),
    ],
)
def test_a_fixed_value_that_was_typed_or_does_not_fit_is_refused(fixed, error, message):
    """Nobody can widen what the alias has narrowed."""
    with pytest.raises(error) as caught:
        cast(action(host={}, count={"type": "integer", "max": 5}), {"host": "web1"}, fixed)
    assert str(caught.value) == message


PLANTED = {
    "a word may have blanks": (values, "[.:/@%+,=-]", "[ .:/@%+,=-]"),
    "only the beginning is a word": (values, "_WORD.fullmatch(text)", "_WORD.match(text)"),
    "fillers are letters": (values, r"\u115f\u1160\u3164\uffa0", ""),
    "control characters pass": (values, '("Cc", "Cs")', '("Cs",)'),
    "surrogates pass": (values, '("Cc", "Cs")', '("Cc",)'),
    "texts in a mapping are not looked at": (values, "check_text([*value, *value.values()])", "check_text([*value])"),
    "texts in a list are not looked at": (
        values,
        "        for item in value:\n            check_text(item)",
        "        pass",
    ),
    "digits of every script are digits": (values, 'r"-?[0-9]{1,18}"', 'r"-?\\d{1,18}"'),
    "numbers have no end": (values, 'r"-?[0-9]{1,18}"', 'r"-?[0-9]+"'),
    "endless numbers are numbers": (values, "parse_constant=_finite", "parse_constant=float"),
    "the later of two keys counts": (values, "if len(result) < len(pairs):", "if False:"),
    "a list has empty items": (values, "if not all(items):", "if False:"),
    "an object is as deep as it likes": (values, "if depth > _DEEPEST:", "if False:"),
    "options pass": (parameters, "and not parameter.dash and not below_zero", "and False"),
    "numbers below zero pass": (parameters, "str(item).startswith", "isinstance(item, str) and str(item).startswith"),
    "options inside an object pass": (parameters, "            _check_inside(parameter, item)", "            pass"),
    "a required list may be empty": (parameters, "if parameter.required and value == []:", "if False:"),
    "any text is a word": (parameters, "not (parameter.pattern or parameter.free)", "False"),
    "items of a list are not looked at": (
        parameters,
        "enumerate(value, start=1)",
        "enumerate([], start=1)",
    ),
    "a pattern matches a part": (parameters, ".fullmatch(str(item))", ".search(str(item))"),
    "an enum ignores case": (parameters, "item == known for", "str(item).lower() == str(known).lower() for"),
    "the largest is one too large": (parameters, "item > parameter.max:", "item > parameter.max + 1:"),
    "the smallest is one too small": (parameters, "item < parameter.min:", "item < parameter.min - 1:"),
    "a length is one too long": (
        parameters,
        "len(value) > parameter.max_length:",
        "len(value) > parameter.max_length + 1:",
    ),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_each_planted_bug_is_found_by_the_examples(bug):
    """Otherwise the examples above would miss it in the real code, too."""
    assert disagreements(mutant(*PLANTED[bug])) != []


def test_the_code_without_a_planted_bug_agrees_with_all_examples():
    """So it is the bug that is found."""
    assert disagreements(mutant(values, "", "")) == []


def disagreements(cast_one):
    """Return the examples of which this function says something else."""
    wrong = [example for example in TAKEN if outcome(cast_one, *example[:3]) != example[3]]
    for *example, detail in REFUSED:
        if not str(outcome(cast_one, *example)).startswith(f'"x" {detail}'):
            wrong.append(example)
    return wrong


def outcome(cast_one, type_, keys, text):
    """Return the value, or the sentence of the refusal."""
    try:
        return cast_one(parameter(type_, **keys), text)
    except (ParameterError, TypeError, ValueError, RecursionError) as error:
        return str(error)


def mutant(module, right, wrong):
    """Return `cast_one` with one bug in it or in what it calls."""
    sources = {part: Path(part.__file__).read_text() for part in (values, parameters)}
    assert right in sources[module], right
    sources[module] = sources[module].replace(right, wrong) if right else sources[module]
    callee, caller = {"__name__": "values"}, {"__name__": "parameters"}
    exec(compile(sources[values], "values", "exec"), callee)
    exec(compile(sources[parameters], "parameters", "exec"), caller)
    caller.update({name: callee[name] for name in ("check_text", "check_type", "check_word", "parse")})
    return caller["cast_one"]


texts = (
    st.text()
    | st.text("-a1;$ \n'\"{}[]:,.\\u0d82", max_size=30)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ).map(json.dumps)
)
declared = st.builds(
    parameter,
    st.sampled_from(TYPES),
    free=st.booleans(),
    dash=st.booleans(),
    max_length=st.none(),
)


@given(declared, texts)
def test_no_text_raises_anything_but_our_error(declared, text):
    """Whatever the type, the value is of that type and can be stored as JSON and given to a process."""
    try:
        value = cast_one(declared, text)
    except ParameterError:
        return
    assert isinstance(
        value,
        {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}.get(
            declared.type, (int, float)
        ),
    )
    assert json.loads(json.dumps(value, allow_nan=False).encode()) == value
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    assert "\\u0000" not in json.dumps(value).replace("\\\\", "")


@given(st.sampled_from(["string", "integer", "number", "boolean", "array"]), texts)
def test_what_an_undescribed_parameter_accepts_is_safe(type_, text):
    """One word that no shell reads otherwise, and that no program takes for an option."""
    try:
        value = cast_one(parameter(type_), text)
    except ParameterError:
        return
    for item in value if isinstance(value, list) else [value]:
        word = str(item)
        assert not word.startswith("-")
        assert shlex.split(word, comments=True) == [word]
        assert not set(word) & set("\"'`$&|;<>()[]{}*?~#!\\^")
        assert all(unicodedata.category(character)[0] in "LNPS" and character.isprintable() for character in word)


@given(st.integers(0, 10**18 - 1), st.floats(0, 1e6, allow_nan=False), st.booleans())
def test_what_is_written_is_what_is_read(whole, fraction, flag):
    """Round trips of the scalar types."""
    assert cast_one(parameter("integer"), str(whole)) == whole
    assert math.isclose(cast_one(parameter("number"), f"{fraction:.17f}"), fraction, abs_tol=1e-16)
    assert cast_one(parameter("boolean"), str(flag)) is flag


@given(st.lists(st.from_regex(r"[A-Za-z0-9_.:/@%+=][A-Za-z0-9_.:/@%+=-]*", fullmatch=True), min_size=1))
def test_a_list_reads_the_same_in_both_forms(items):
    """As words divided by commas and as JSON."""
    assert cast_one(parameter("array"), ", ".join(items)) == items
    assert cast_one(parameter("array"), json.dumps(items)) == items


@given(st.dictionaries(st.text("abc"), st.integers() | st.text("xyz ") | st.lists(st.booleans())))
def test_an_object_is_read_as_it_was_written(value):
    """JSON in, JSON out."""
    assert cast_one(parameter("object"), json.dumps(value)) == value
