"""What a representation makes of a text: tables for each rule of the grammar, then properties for all texts."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from err_confirm.errors import (
    DuplicateParameterError,
    NoMatchError,
    RepresentationError,
    TextError,
    TextTooLongError,
    TooManyPairsError,
)
from err_confirm.grammar import MAX_PAIRS, MAX_TEXT_BYTES, Representation, Text

MATCHES = [
    # parameters
    ("restart {{host}}", "restart web1", {"host": "web1"}),
    ("restart {{ host }}", "restart web1", {"host": "web1"}),
    ("restart {{\thost\n}}", "restart web1", {"host": "web1"}),
    ("restart {{ host }} in {{ env = prod }}", "restart web1 in", {"host": "web1", "env": "prod"}),
    ("restart {{host}} in {{env=prod}}", "restart web1 in qa", {"host": "web1", "env": "qa"}),
    ("{{ what }} now", "restart web1 now", {"what": "restart web1"}),
    # the shortest value that the rest allows; the last one takes the rest
    ("move {{a}} to {{b}}", "move x to y to z", {"a": "x", "b": "y to z"}),
    ("set {{a}} {{b}}", "set one two three", {"a": "one", "b": "two three"}),
    ("put {{a}}.", "put it there.", {"a": "it there"}),
    # defaults take the blanks before them along
    ("top {{n=10}}", "top", {"n": "10"}),
    ("top {{n=10}}", "top 3", {"n": "3"}),
    ("{{greeting=hi}} bob", "bob", {"greeting": "hi"}),
    ("{{greeting=hi}} bob", "hello bob", {"greeting": "hello"}),
    ("run {{a=1}} {{b=2}}", "run x", {"a": "x", "b": "2"}),
    ("run {{ a = 'one two' }}", "run", {"a": "one two"}),
    ('run {{a="x}}y"}}', "run", {"a": "x}}y"}),
    ("run {{ a = “one two” }}", "run", {"a": "one two"}),
    ("run {{a=one two}}", "run", {"a": "one two"}),
    ("run {{a={'k': {'l': 1}}}}", "run", {"a": "{'k': {'l': 1}}"}),
    ("run {{ a = {{ config.default }} }} now", "run now", {"a": "{{ config.default }}"}),
    ('run {{a=""}}', "run", {"a": ""}),
    ("run {{a=x=y}}", "run", {"a": "x=y"}),
    # the rest is a regular expression
    ("(please )?stop {{x}}", "please stop it", {"x": "it"}),
    ("(please )?stop {{x}}", "stop it", {"x": "it"}),
    ("turn (on|off) {{x}}", "turn off it", {"x": "it"}),
    ("rack [0-9]+ {{x}}", "rack 12 up", {"x": "up"}),
    (r"go\s+{{x}}", "go \t up", {"x": "up"}),
    ("page (?P<who>[a-z]+)(?: at (?P<hour>[0-9]{1,2}))?", "page bob at 12", {"who": "bob", "hour": "12"}),
    ("pick (?P<x>'.*')", "pick 'a'", {"x": "'a'"}),
    ("(run|do) {{cmd}}( on {{hosts=here}})?[!.]?", "do it on web1!", {"cmd": "it", "hosts": "web1"}),
    ("(run|do) {{cmd}}( on {{hosts=here}})?[!.]?", "run it", {"cmd": "it", "hosts": "here"}),
    ("a{,3} {{x}}", "aa 1", {"x": "1"}),
    ("page {{who}}( at {{hour}})?", "page bob", {"who": "bob"}),
    ("up|down {{x}}", "up", {}),
    ("note {{x}}", "note one\ntwo", {"x": "one\ntwo"}),
    ("begin.end", "begin\nend", {}),
    # blanks around the text do not count, nor do those around a value
    ("restart {{host}}", "  restart web1\n", {"host": "web1"}),
    ("restart {{host}} ", "restart web1", {"host": "web1"}),
    ("move {{a}} to {{b}}", "move  x  to \t y", {"a": "x", "b": "y"}),
    ("go {{x}}", "go\u00a0up", {"x": "up"}),
    # quotes come off, and hold blanks together
    ("set {{a}} {{b}}", 'set "one two" three', {"a": "one two", "b": "three"}),
    ("set {{a}} {{b}}", "set 'one two' three", {"a": "one two", "b": "three"}),
    ("set {{a}} {{b}}", "set “one two” ‘three’", {"a": "one two", "b": "three"}),
    ("set {{a}} {{b}}", "set „one two“ three", {"a": "one two", "b": "three"}),
    ("say {{x}}", "say it's fine", {"x": "it's fine"}),
    ("say {{x}}", "say 'it's fine'", {"x": "it's fine"}),
    ("say {{x}}", "say it’s “fine” now", {"x": "it’s “fine” now"}),
    ("say {{x}}", 'say "a \\"b\\" c"', {"x": 'a \\"b\\" c'}),
    ("run {{x}}", 'run grep "a b"', {"x": 'grep "a b"'}),
    ("say {{x}}", "say “a” and “b”", {"x": "“a” and “b”"}),
    ("say {{x}}", "say \"a'", {"x": "\"a'"}),
    ("say {{x}} now", "say the boys' now", {"x": "the boys'"}),
    ("say {{x}}", 'say ""', {"x": ""}),
    ("set {{a}} {{b}}", "set '' x", {"a": "", "b": "x"}),
    ("say {{x}}", "say '", {"x": "'"}),
    ("say {{x}}", 'say " a "', {"x": " a "}),
    ('say "{{x}}" to {{y}}', 'say "a b" to c', {"x": "a b", "y": "c"}),
    ("don't {{x}}", "don’t go", {"x": "go"}),
    # objects
    ("send {{o}} to {{x}}", 'send {"a": "b to c"} to d', {"o": '{"a": "b to c"}', "x": "d"}),
    ("send {{o}} {{x=1}}", 'send { "a": { "b": { "c": 1 } } }', {"o": '{ "a": { "b": { "c": 1 } } }', "x": "1"}),
    ("send {{o}} {{x=1}}", 'send {"a": "}"} y', {"o": '{"a": "}"}', "x": "y"}),
    ("send {{o}}", 'send {"a": "} b", "c": {"d": "\\"} {"}}', {"o": '{"a": "} b", "c": {"d": "\\"} {"}}'}),
    ("send {{o}}", 'send {"a": "} b"} c={"d": “{ e”}', {"o": '{"a": "} b"}', "c": '{"d": “{ e”}'}),
    ("send {{o}} {{x=1}}", "send " + '{"a": ' * 9 + "1" + "}" * 9, {"o": '{"a": ' * 9 + "1" + "}" * 9, "x": "1"}),
    # pairs at the end
    ("go", "go a=1", {"a": "1"}),
    ("go", "go a=1  b='x y'\nc=\"z\"", {"a": "1", "b": "x y", "c": "z"}),
    ("go", 'go a={"b": {"c": "d e"}} f=1', {"a": '{"b": {"c": "d e"}}', "f": "1"}),
    ("go", "go a=“x y” b=‘it’s’", {"a": "x y", "b": "it’s"}),
    ("go", "go a=\"\" b=''", {"a": "", "b": ""}),
    ("go", "go a=b=c", {"a": "b=c"}),
    ("go", "go url=https://x/?a=b&c=d", {"url": "https://x/?a=b&c=d"}),
    ("go", 'go a="x', {"a": '"x'}),
    ("go", "go a =1", {"a": "1"}),
    ("go {{x}}", "go up to=me", {"x": "up", "to": "me"}),
    ("go {{x}}", "go a=1 up", {"x": "a=1 up"}),
    ("fly {{x}}", "fly seats= 2", {"x": "seats= 2"}),
    ("fly {{x}}", "fly seats=", {"x": "seats="}),
    ("say {{x}}", 'say "set a=1" b=2', {"x": "set a=1", "b": "2"}),
    ("say {{x}}", "say {a: b c=d}", {"x": "{a: b c=d}"}),
    # D1: a pair may fill what the text leaves out
    ("deploy {{app}} {{env=prod}}", "deploy web env=qa", {"app": "web", "env": "qa"}),
    ("page {{who}}( at {{hour}})?", "page bob hour=12", {"who": "bob", "hour": "12"}),
    ("page (?P<who>[a-z]*)", "page who=bob", {"who": "bob"}),
    # D2: an equals sign in a value
    ("open {{url}}", "open https://x/?a=b", {"url": "https://x/?a=b"}),
    ("open {{url}}", "open https://x/?a=b c=d", {"url": "https://x/?a=b", "c": "d"}),
    ("open {{url}} {{n=1}}", "open x-y=z 2", {"url": "x-y=z", "n": "2"}),
    ("say {{x}}", "say a == b", {"x": "a == b"}),
    ("run {{x}}", "run tool --host=db1", {"x": "tool --host=db1"}),
    # D4b: many blanks
    ("restart {{host}}", "restart" + " " * 1600 + "web1", {"host": "web1"}),
    # D7: equals signs of the representation, and an empty default
    ("{{a}}={{b}}", "x=y", {"a": "x", "b": "y"}),
    ("set {{a}}={{b}}", "set x=1", {"a": "x", "b": "1"}),
    ("set {{a}}={{b}} {{c=2}}", "set x=1 y=3", {"a": "x", "b": "1", "c": "2", "y": "3"}),
    ("set {{a}}={{b}}", "set x = 1", {"a": "x", "b": "1"}),
    ("top {{n=}}", "top", {"n": ""}),
    ("top {{n=}}", "top 3", {"n": "3"}),
    # anchors of one's own
    ("^stop {{x}}$", " stop it ", {"x": "it"}),
    (r"^\s*stop {{x}}\s*$", "stop it", {"x": "it"}),
    (r"\Astop {{x}}\Z", "stop it", {"x": "it"}),
    # counts
    ("sum (?P<x>[0-9a-f]{64})", "sum " + "0a" * 32, {"x": "0a" * 32}),
    ("ping (?P<x>([0-9]{1,3}[.]){3}[0-9]{1,3}|([0-9a-f]{1,4}:){7}[0-9a-f]{1,4})", "ping 10.0.0.1", {"x": "10.0.0.1"}),
    (r"(?:\b|^)fixes (?P<key>[A-Z]+-[0-9]+)(?:\b|$)", "this fixes AB-1, I hope", {"key": "AB-1"}),
]  # fmt: skip


@pytest.mark.parametrize(("representation", "text", "values"), MATCHES)
def test_a_text_that_matches_gives_these_values(representation: str, text: str, values: dict[str, str]) -> None:
    assert Representation(representation).extract(text) == values


@pytest.mark.parametrize(
    ("representation", "text"),
    [
        ("restart {{host}}", "restart"),
        ("restart {{host}}", "restart   "),
        ("restart {{host}}", "Restart web1"),
        ("restart {{host}}", "please restart web1"),
        ("restart {{host}} now", "restart web1 now or later"),
        ("restart {{host}}", ""),
        ("top {{n=10}}", "top3"),
        ("turn (on|off)", "turn up"),
        ("up|down", "down there"),
        ("up|down", "stand up"),
        ("fly {{to}}", "fly to=Rome"),  # a pair cannot fill what the text must give
        ("{{x}}", "to=Rome"),
        ("restart {{host}}", "restart host =db1"),
        ("^stop", "do stop"),
        ("stop$", "stop it"),
        ("(go)?", ""),
        ("go (?i:up)", "GO UP"),
        ("go {{x}}", "go \ud800"),
    ],
)
def test_a_text_that_does_not_match_says_so(representation: str, text: str) -> None:
    with pytest.raises(NoMatchError):
        Representation(representation).extract(text)


@pytest.mark.parametrize(
    ("representation", "text", "parameter"),
    [
        ("restart {{host}}", "restart web1 host=db1", "host"),
        ("deploy {{app}} {{env=prod}}", "deploy web qa env=dev", "env"),
        ("deploy {{app}} {{env=prod}}", "deploy web env=dev env=qa", "env"),
        ("page (?P<who>[a-z]+)", "page bob who=carol", "who"),
        ("go", "go x='' x=1", "x"),
        ("deploy {{app}} {{env=prod}}", 'deploy web "" env=dev', "env"),
        ("set {{a}}={{b}}", "set x=1 a=2", "a"),
    ],
)
def test_what_is_given_twice_is_refused(representation: str, text: str, parameter: str) -> None:
    """D1: neither silently wins."""
    with pytest.raises(DuplicateParameterError) as caught:
        Representation(representation).extract(text)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    ("representation", "reason"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("x" * 2049, "2,048 characters"),
        ("go {{a}} to {{a}}", '"a" stands twice'),
        ("go {{a}} (?P<a>x)", '"a" stands twice'),
        ("go {{a-b}}", '"a-b" cannot be a parameter'),
        ("go {{1}}", '"1" cannot be a parameter'),
        ("go {{}}", "opens no parameter"),
        ("go {{a b}}", "opens no parameter"),
        ("go {{a", "opens no parameter"),
        ("go {{a}}{{b=1}}", 'where "a" ends and "b" begins'),  # D7
        ("go (?=x)", "ahead or behind"),
        ("go (?<!x)y", "ahead or behind"),
        (r"(a) \1", "refers back"),
        ("(?P<a>x) (?P=a)", "refers back"),
        ("(a)?(?(1)b|c)", "refers back"),
        (r"go \C", "escape"),
        ("(?U)go", "flags"),
        ("go (now", "cannot be understood: missing )"),
        ("go) (now", "without a ("),
        ("a|b) (c", "without a ("),
        ("go [now", "cannot be understood"),
        ("*go", "cannot be understood: no argument for repetition operator: *"),
        ("go x++", "cannot be understood"),
        ("go \ud800", "cannot be understood"),
        ("(go{1000}){1000}", "cannot be understood"),
        (".{900}", "too big"),
        ("id [0-9a-f]{66}", "too big"),
        ("(?:a[bc]{2,3}|(?P<x>d)){17}", "too big"),
    ],
)
def test_what_is_no_representation_is_refused_with_the_reason(
    representation: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RepresentationError, match=re.escape(reason)):
        Representation(representation)
    assert capfd.readouterr().err == ""


def test_a_representation_tells_its_parameters_in_order_and_their_defaults() -> None:
    representation = Representation("go {{b}} (?P<c>x) {{ a = 1 }}")
    assert representation.text == "go {{b}} (?P<c>x) {{ a = 1 }}"
    assert representation.parameters == ("b", "c", "a")
    assert representation.defaults == {"a": "1"}
    assert list(representation.extract("go up x z=1")) == ["b", "c", "a", "z"]


@pytest.mark.parametrize(
    ("representation", "prefix", "first_word", "landmark"),
    [
        ("restart {{host}}", "restart", "restart", "restart"),
        ("list all {{kind}}", "list all", "list", "list all"),
        ("go {{x}} and return", "go", "go", "and return"),
        ("restart", "restart", "restart", "restart"),
        ("restart {{host=a}}", "restart", "restart", "restart"),
        ("restart{{host}}", "restart", "", "restart"),
        ("restarts? {{host}}", "restart", "", "restart"),
        ("go.up", "go", "", "go"),
        (r"\^go {{x}}", "^go", "", "^go"),
        (r"^\s*go {{x}}", "go", "", "go"),
        ("(re)?start {{host}}", "", "", "start"),
        ("(re)start(ed|ing)? it", "", "", "start"),
        ("up|down", "", "", ""),
        ("(?i)up", "", "", ""),
        ("go(^|x)", "", "", "go"),
        ("{{x}} now", "", "", "now"),
    ],
)
def test_a_representation_knows_by_what_a_match_is_found(
    representation: str, prefix: str, first_word: str, landmark: str
) -> None:
    compiled = Representation(representation)
    assert (compiled.prefix, compiled.first_word, compiled.landmark) == (prefix, first_word, landmark)


@pytest.mark.parametrize(
    ("representation", "text", "lacks"),
    [
        ("bounce {{host}} in {{env}}", "bounce", ("host", "env")),
        ("bounce {{host}} in {{env}}", "bounce web1", ("env",)),
        ("bounce {{host}} in {{env}}", "bounce web1 in", ("env",)),
        ("bounce {{host}} in {{env}}", "bounce web1 env=qa", ("env",)),
        ("bounce {{host}} in {{env}}", "bounce web1 host=web2", ()),
        ("bounce {{host}} in {{env}}", "bounces", ()),
        ("rotate (the )?logs on {{host}}( in {{env}})? {{keep=7}}", "rotate logs on", ("host",)),
        ("rotate (the )?logs on {{host}}( in {{env}})? {{keep=7}}", "rotate logs", ()),
        ("do it with {{host}}", "do it", ("host",)),
        ("switch {{it}} (on|off)", "switch", ("it",)),
        ("switch {{it}} (on|off)", "switch lamp onn", ()),
        ("restart", "restart it", ()),
    ],
)
def test_a_representation_tells_which_values_a_text_lacks_that_is_right_as_far_as_it_goes(
    representation: str, text: str, lacks: tuple[str, ...]
) -> None:
    assert Representation(representation).lacks(Text(text)) == lacks


def test_a_long_text_is_refused_before_it_is_matched() -> None:
    representation = Representation("say {{x}}")
    longest = "say " + "é" * ((MAX_TEXT_BYTES - 4) // 2)
    assert representation.extract(longest) == {"x": longest[4:]}
    with pytest.raises(TextTooLongError) as caught:
        representation.extract(longest + "é")
    assert (caught.value.size, caught.value.limit) == (MAX_TEXT_BYTES + 2, MAX_TEXT_BYTES)


def test_so_many_pairs_that_reading_them_takes_time_are_refused() -> None:
    representation = Representation("say {{x}}")
    pairs = [f" p{n}='a b'" for n in range(MAX_PAIRS + 1)]
    assert len(representation.extract("say it" + "".join(pairs[1:]))) == MAX_PAIRS + 1
    assert len(representation.extract("say it" + "".join(pairs) + " now")) == 1
    with pytest.raises(TooManyPairsError):
        representation.extract("say it" + "".join(pairs))


@pytest.mark.parametrize("representation", ["(a+)+b", "(a|a|aa)+b", "(a?){30}a{30}b", "(.*)*b", "({{x}} )?({{y}} )?b"])
def test_expressions_that_stall_a_backtracking_engine_answer(representation: str) -> None:
    """D4: `a` 8,000 times would take `re` longer than the universe will last."""
    with pytest.raises(NoMatchError):
        Representation(representation).extract("a" * 8000)


@pytest.mark.parametrize(
    "filler",
    [" ", '{"a":', '{} "" ', "a=1 ", "a= ", "{a ", "a={ ", "a={b {c} ", '"a ', "a='b ", "{", "a=“x ", "'a b='"],
)
def test_texts_made_to_be_slow_are_read(filler: str) -> None:
    text = Text("say x " + filler * ((MAX_TEXT_BYTES - 6) // len(filler.encode())))
    assert len(text.plain) == len(text.typed)


# Properties. `Extract` is what they are about; wrong ones must be told from the right one.

Extract = Callable[[str, str], dict[str, str]]

VALUES = st.from_regex(r"[a-z0-9][a-z0-9.:/@_-]{0,8}", fullmatch=True)
PHRASES = st.lists(VALUES, min_size=2, max_size=3).map(" ".join)
ADDRESSES = st.builds("https://{}/?{}={}".format, VALUES, VALUES, VALUES)
LEAVES = VALUES.map('{{"k": "{}"}}'.format)
OBJECTS = st.one_of(LEAVES, st.builds('{{ "k": {}, "l": {} }}'.format, LEAVES, LEAVES))
WRITTEN = st.one_of(
    VALUES.map(lambda value: (value, value)),
    ADDRESSES.map(lambda value: (value, value)),
    OBJECTS.map(lambda value: (value, value)),
    st.tuples(st.sampled_from(["''", '""', "“”", "‘’"]), PHRASES).map(lambda q: (q[0][0] + q[1] + q[0][1], q[1])),
    st.tuples(PHRASES, VALUES).map(lambda p: (f'"{p[0]} {p[0][0]}x={p[1]}"', f"{p[0]} {p[0][0]}x={p[1]}")),
)
"""A value as people write it, and what is meant."""


@dataclass(frozen=True, slots=True)
class Saying:
    """A representation, a text that it matches, and what that gives; `host` is always in the text."""

    representation: str
    text: str
    values: dict[str, str]


@st.composite
def sayings(draw: st.DrawFn) -> Saying:
    host, meant = draw(WRITTEN)
    representation, text, values = "Restart {{ host }}", f"Restart {host}", {"host": meant}
    for name in draw(st.sampled_from([(), ("from",), ("from", "till")])):
        written, values[name] = draw(WRITTEN)
        representation, text = f"{representation} {name.upper()} {{{{{name}}}}}", f"{text} {name.upper()} {written}"
    if draw(st.booleans()):
        representation, values["env"] = f"{representation} IN {{{{env='the default'}}}}", "the default"
        text += " IN"
        if draw(st.booleans()):
            written, values["env"] = draw(WRITTEN)
            text += f" {written}"
    for name in draw(st.lists(st.sampled_from(["a", "b_2", "env"]), unique=True)):
        if name == "env" and values.get("env") != "the default":
            continue
        written, values[name] = draw(WRITTEN)
        text += f" {name}={written}"
    return Saying(representation, text, values)


def check(extract: Extract, saying: Saying) -> None:
    """Assert all that must hold of one saying."""
    assert extract(saying.representation, saying.text) == saying.values
    assert extract(saying.representation, f"\n {saying.text}  ") == saying.values
    for text in (f"do {saying.text}", saying.text.lower(), "Restart"):
        with pytest.raises(NoMatchError):
            extract(saying.representation, text)
    for twice in ("host=db1", "c=1 c=2"):
        with pytest.raises(DuplicateParameterError):
            extract(saying.representation, f"{saying.text} {twice}")


def right(representation: str, text: str) -> dict[str, str]:
    return Representation(representation).extract(text)


@settings(max_examples=300)
@given(sayings())
def test_what_is_written_is_what_is_read(saying: Saying) -> None:
    check(right, saying)


def forgets_defaults(representation: str, text: str) -> dict[str, str]:
    defaults = Representation(representation).defaults
    return {name: value for name, value in right(representation, text).items() if defaults.get(name) != value}


def lets_the_last_pair_win(representation: str, text: str) -> dict[str, str]:
    try:
        return right(representation, text)
    except DuplicateParameterError as error:
        kept, _, pair = text.rpartition(" ")
        return lets_the_last_pair_win(representation, kept) | {error.parameter: pair.partition("=")[2]}


def drops_unknown_pairs(representation: str, text: str) -> dict[str, str]:
    parameters = Representation(representation).parameters
    return {name: value for name, value in right(representation, text).items() if name in parameters}


def takes_addresses_for_pairs(representation: str, text: str) -> dict[str, str]:
    return right(representation, re.sub(r"\S+[^\s\w]\S*=\S+", "", text))


def ignores_case(representation: str, text: str) -> dict[str, str]:
    return right(f"(?i){representation}", text)


def matches_anywhere(representation: str, text: str) -> dict[str, str]:
    return right(f"(^|.*? ){representation}", text)


def knows_no_curly_quotes(representation: str, text: str) -> dict[str, str]:
    return right(representation, text.translate(str.maketrans("“”‘’", "«»‹›")))


def keeps_quotes(representation: str, text: str) -> dict[str, str]:
    values = right(representation, text)
    return {name: f'"{value}"' if f'"{value}"' in text else value for name, value in values.items()}


def ends_values_at_blanks(representation: str, text: str) -> dict[str, str]:
    return {name: value.split()[0] for name, value in right(representation, text).items()}


def minds_blanks_around(representation: str, text: str) -> dict[str, str]:
    if text != text.strip():
        raise NoMatchError
    return right(representation, text)


@pytest.mark.parametrize(
    "wrong",
    [
        forgets_defaults,
        lets_the_last_pair_win,
        drops_unknown_pairs,
        takes_addresses_for_pairs,
        ignores_case,
        matches_anywhere,
        knows_no_curly_quotes,
        keeps_quotes,
        ends_values_at_blanks,
        minds_blanks_around,
    ],
)
def test_the_property_tells_a_wrong_grammar_from_the_right_one(wrong: Extract) -> None:
    @settings(max_examples=200, phases=[Phase.generate])
    @given(sayings())
    def holds(saying: Saying) -> None:
        check(wrong, saying)

    with pytest.raises((AssertionError, TextError, pytest.fail.Exception)):
        holds()


CHARACTERS = st.sampled_from(
    [*"ab AB01 {}{}=\"'“’()[]|?*+.^$\\sdwbZ<>P:!-,\n\t\u00a0é€😀\x00", "{{a}}", "{{b=1}}", " {{ c = x }}", "a=1 "]
)
"""Characters that mean something to the grammar, and some that do not."""


@settings(max_examples=1500)
@given(st.lists(CHARACTERS).map("".join) | st.text(), st.lists(CHARACTERS).map("".join) | st.text())
def test_only_documented_errors_are_raised(representation: str, text: str) -> None:
    try:
        compiled = Representation(representation)
    except RepresentationError:
        return
    try:
        values = compiled.extract(text)
    except (NoMatchError, DuplicateParameterError):
        return
    assert values.keys() >= compiled.defaults.keys()
    assert Text(text).plain[1:].startswith(compiled.prefix)
    assert compiled.landmark in Text(text).plain
    assert compiled.fill(compiled.given(Text(text), every=True)[0]) == values


@settings(max_examples=300)
@given(st.lists(CHARACTERS | st.sampled_from(["go ", "a='b c'", "x={"])).map("".join) | st.text(st.characters()))
def test_any_text_is_read_and_its_pairs_are_at_its_end(text: str) -> None:
    try:
        read = Text(text)
    except NoMatchError:
        return
    assert len(read.plain) == len(read.typed)
    starts = [pair.start for pair in read.pairs]
    assert starts == sorted(starts)
    assert all(pair.value in read.typed and re.fullmatch(r"[A-Za-z_]\w*", pair.name) for pair in read.pairs)
