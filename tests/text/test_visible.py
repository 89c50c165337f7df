"""What cannot be seen is shown as an escape, and nothing else changes."""

import itertools
import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from err_confirm.text.visible import exact, exact_json, visible

TRICKY = st.text(st.sampled_from(["\\", "u", "U", "2", "0", "e", "a", "\u202e", "\n", "\u00a0", "\U000e0041", "é"]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc\rd\x1be\x00\x7f\x85", r"a\u000ab\u0009c\u000dd\u001be\u0000\u007f\u0085"),
        ("a\u202eb\u2066c\u200dd\u200be\ufefff\u00adg", r"a\u202eb\u2066c\u200dd\u200be\ufefff\u00adg"),
        ("a\u00a0b\u2003c\u3000d\u2028e\u2029", r"a\u00a0b\u2003c\u3000d\u2028e\u2029"),
        ("a\ue000b\uffffc\U000e0041d\ud800", r"a\ue000b\uffffc\U000e0041d\ud800"),
        ("a\u0338b\u20ddc\u0489d\U0001d159e\U00016fe4", r"a\u0338b\u20ddc\u0489d\U0001d159e\U00016fe4"),
        ("e\u0301 \u212a \u1100\u1161", r"e\u0301 \u212a \u1100\u1161".replace(r"\u1100", "\u1100")),
        ("a\u3164b\u115fc\u2800d\ufe0fe\U000e0100f\u034f", r"a\u3164b\u115fc\u2800d\ufe0fe\U000e0100f\u034f"),
    ],
)
def test_hidden_characters_are_shown_as_escapes(text, shown):
    """Control, format, blanks, private, unassigned, and letters that show nothing."""
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["plain text", r"C:\new\table", "größe", "привет", "שלום", "日本語", "नमस्ते", "🙂", ""])
def test_letters_of_every_script_stay(text):
    """A name is readable in the script that it is written in."""
    assert visible(text) == exact(text) == text


def test_no_character_of_a_hidden_category_is_ever_shown_raw():
    """All of Unicode's inhabited planes are tried, one character at a time."""
    for char in map(chr, itertools.chain(range(0x3_4000), range(0xE_0000, 0xE_1000))):
        if visible(char) == char and char != " ":
            assert unicodedata.category(char)[0] not in "CZ"


@given(st.text(st.characters() | st.sampled_from("aeo\u0301\u0323\u0308\u0338\u1100\u1161\u11a8"), max_size=12))
def test_what_is_shown_is_the_one_way_to_write_it(text):
    """No two texts look the same because one is written with an accent of its own."""
    assert unicodedata.is_normalized("NFC", visible(text))
    assert visible(visible(text)) == visible(text)


@given(TRICKY)
def test_what_is_visible_stays_as_it_is(text):
    """Two layers that both make sure do no harm."""
    assert visible(visible(text)) == visible(text)


@given(TRICKY)
def test_the_exact_form_can_be_read_back(text):
    """Different texts have different exact forms, because each form leads back to its text."""
    read_back = re.sub(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})", lambda m: chr(int(m[1] or m[2], 16)), exact(text))
    assert read_back == text


@given(TRICKY.filter(lambda text: text.isascii() or max(text) <= "\uffff"))
def test_the_exact_form_of_json_is_json(text):
    """It says the same value, on one visible line."""
    assert json.loads(exact_json({"text": text})) == {"text": text}
    assert visible(exact_json(text)) == exact_json(text)
