"""What kind of YAML is read, and what is said about the rest."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from err_confirm.catalog import yaml_source
from err_confirm.catalog.problem import UnreadableError

BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (letter, letter, b", ".join([b"*%c" % (letter - 1)] * 9)) for letter in range(98, 107)
)
"""Nine levels of nine: 3 GB when written out."""

SURPRISES = [
    ("time: 1:30", '1:30 means an unusual number in YAML; write "1:30", with quotes, if it is text'),
    ("mode: 0755", '0755 means an unusual number in YAML; write "0755", with quotes, if it is text'),
    ("bits: 0b11", '0b11 means an unusual number in YAML; write "0b11", with quotes, if it is text'),
    ("size: 1_000", '1_000 means an unusual number in YAML; write "1_000", with quotes, if it is text'),
    ("wait: .inf", '.inf means an unusual number in YAML; write ".inf", with quotes, if it is text'),
    ("day: 2024-01-31", '2024-01-31 means a date in YAML; write "2024-01-31", with quotes, if it is text'),
    ("yes: 1", 'has a key that is not text; write "yes", with quotes'),
    ("404: gone", 'has a key that is not text; write "404", with quotes'),
]

REFUSED = [
    ("a: &mark x", "has a YAML anchor (&mark); remove it"),
    ("a: x\nb: *mark", "is a YAML alias (*mark); put it in quotes, or write the value out"),
    (
        "a: x\nb: [*delete*]",
        "is not YAML: did not find expected alphabetic or numeric character; text that begins with * is put in quotes",
    ),
    (
        "a: x\nb: *",
        "is not YAML: did not find expected alphabetic or numeric character; text that begins with * is put in quotes",
    ),
    (
        "confirm: {by: @sre}",
        "is not YAML: found character that cannot start any token; text that begins with @, ` or % is put in quotes",
    ),
    ("a: !!python/object/apply:os.system [id]", "has a YAML tag (tag:yaml.org,2002:python/object/apply:os.system)"),
    ("a: !secret x", "has a YAML tag (!secret); remove it"),
    ("a: x\nb: {<<: {a: 1}}", "merges with <<; write the keys out"),
    (
        "a: x\n\tb: 1",
        "is not YAML: found a tab character that violates indentation; indent with spaces, not with a tab",
    ),
    (
        "a: x\n  b: 1",
        'is not YAML: mapping values are not allowed in this context; text with ": " in it is put in quotes',
    ),
    (
        "a:\n  b: 1\n c: 2",
        "is not YAML: did not find expected key; a key stands as far to the right as those beside it",
    ),
    ("b: [x {{y}}]", "is not YAML: did not find expected ',' or ']'; text with {{ in it is put in quotes"),
    ("b:\n- {{ x }}", "has a list or a mapping as a key; a key is text; text with {{ in it is put in quotes"),
    ("a: x\n[b]: c", "has a list or a mapping as a key; a key is text"),
    ("a: 1\nb: 2\na: 3", 'has the key "a" again, after line 1; remove one'),
    ("a:\n  need: 2\n  need: 1", 'has the key "need" again, after line 2; remove one'),
    ("a: 1\n--- {b: 2}", "is a second document; give it a file of its own"),
    ("[1, 2]", 'must be a mapping: lines of "key: value"'),
    ("", "is empty; write at least a name"),
    ("# nothing", "is empty; write at least a name"),
    ("a: x\nb: [1", "is not YAML: "),
    ("a: " + "[" * 100_000, "is nested more than 20 levels deep; make it flatter"),
    ("a: x\nb: \x00", "has the control character U+0000; remove it"),
    ("a: x\nb: \x1b[2J", "has the control character U+001B; remove it"),
]


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return what reads a text as a file named `x.yaml`."""
    monkeypatch.chdir(tmp_path)

    def read_(text):
        Path("x.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return yaml_source.read(Path("x.yaml"))

    return read_


@pytest.mark.parametrize(("text", "message"), REFUSED + SURPRISES)
def test_what_is_not_plain_yaml_is_refused_with_its_line(read, text, message):
    """The line is the last of the text, where each example has its mistake."""
    with pytest.raises(UnreadableError) as caught:
        read(text)
    assert str(caught.value).startswith(f"x.yaml:{text.count(chr(10)) + 1}: {message}")


def test_a_yaml_bomb_is_refused_at_its_first_anchor(read):
    """Nothing is built of it."""
    with pytest.raises(UnreadableError, match=r"x\.yaml:1: has a YAML anchor \(&a\)"):
        read(BOMB)


def test_a_file_over_256_kib_is_refused_before_it_is_parsed(read):
    """One of exactly that size is read."""
    exact = b"a: x #" + b"x" * (262_144 - 6)
    assert read(exact).data == {"a": "x"}
    with pytest.raises(UnreadableError, match=r"x\.yaml:1: is larger than 256 KiB; divide it"):
        read(exact + b"x")


def test_a_file_that_is_not_utf_8_is_refused_with_the_line_of_the_first_wrong_byte(read):
    """Latin-1 is never guessed."""
    with pytest.raises(UnreadableError, match=r"x\.yaml:2: is not UTF-8 here; save the file as UTF-8"):
        read("a: x\nb: ö".encode("latin-1"))


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    """The reason is the system's."""
    with pytest.raises(UnreadableError, match=r"gone\.yaml:1: cannot be read: No such file or directory"):
        yaml_source.read(tmp_path / "gone.yaml")


def test_every_value_has_the_line_of_its_key(read):
    """Also in lists, and for a value that goes on over several lines."""
    document = read(
        "name: x\nformats:\n  - one\n  - display: |\n      long\n      text\n    representation: [a,\n      b]\n"
    )
    lines = {location: document.source(location).line for location in document.lines}
    assert lines == {
        (): 1,
        ("name",): 1,
        ("formats",): 2,
        ("formats", 0): 3,
        ("formats", 1): 4,
        ("formats", 1, "display"): 4,
        ("formats", 1, "representation"): 7,
        ("formats", 1, "representation", 0): 7,
        ("formats", 1, "representation", 1): 8,
    }


def test_a_location_that_the_file_does_not_have_gets_the_line_of_what_should_contain_it(read):
    """Steps that only a checker knows are left out."""
    document = read("name: x\nack:\n  format: hello\n")
    assert document.source(("ack", "enabled")).line == 2
    assert document.source(("ack", "some-tag", "format")).line == 3
    assert document.source(("gone", "nowhere")).line == 1


def test_plain_values_are_what_they_look_like(read):
    """The yes and no of YAML 1.1 are booleans as in StackStorm, and remembered as they were written."""
    document = read("a: 1\nb: -0.5\nc: true\nd: no\ne: ~\nf: 'no'\ng: text\nh: [1, {i: x}]\nj: '1:30'\nk: =\n")
    assert document.data == {
        **{"a": 1, "b": -0.5, "c": True, "d": False, "e": None, "f": "no", "g": "text"},
        **{"h": [1, {"i": "x"}], "j": "1:30", "k": "="},
    }
    assert document.quotes(("d",)) == "; YAML does not read no as text; put it in quotes"
    assert document.quotes(("f",)) == ""


@given(st.binary(max_size=200) | st.text("ab01-:.~ \n[]{}&*!|>'\"#,?<@%\t", max_size=60).map(str.encode))
def test_no_content_raises_anything_but_unreadable(tmp_path_factory, content):
    """Whatever the bytes are."""
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    try:
        document = yaml_source.read(path)
    except UnreadableError:
        return
    assert isinstance(document.data, dict)
