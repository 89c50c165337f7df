"""Lengths of time, as files say them and as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from err_confirm.durations import format_duration, parse_duration
from err_confirm.file_keys import Duration


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("500ms", 0.5), ("3s", 3), ("5m", 300), ("4h", 14_400), ("1d", 86_400), ("1.5h", 5_400), (30, 30), (0.25, 0.25)],
)
def test_a_length_of_time_is_a_number_with_a_unit_or_a_number_of_seconds(said, seconds):
    """Every unit is read, and a bare number counts seconds."""
    assert parse_duration(said) == seconds
    assert type(parse_duration(said)) is float


@pytest.mark.parametrize(
    "said",
    [
        *("", "3", "s", "3 s", "3S", "3s\n", "-3s", "1h30m", "3w", "٣s", "1e3s", "0s", "0.0ms", "999999999d"),
        *(0, -1, float("nan"), float("inf"), 10**400, True, None, [3]),
    ],
)
def test_anything_else_is_refused_in_a_sentence(said):
    """Nothing is guessed: no unit, no blanks, no zero, nothing endless, no boolean."""
    with pytest.raises(ValueError, match="a length of time"):
        parse_duration(said)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0004, "0.0004 s"),
        (0.4, "0.4 s"),
        (1.5, "1.5 s"),
        (9.96, "10 s"),
        (30, "30 s"),
        (59.7, "1 min"),
        (300, "5 min"),
        (5_400, "1 h 30 min"),
        (3_605, "1 h 5 s"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
        (0, "0 s"),
        (-5, "0 s"),
    ],
)
def test_people_read_at_most_two_units(seconds, shown):
    """The two largest units are enough to decide by."""
    assert format_duration(seconds) == shown


@given(st.integers(1, 59), st.sampled_from([("s", "s"), ("m", "min"), ("h", "h")]))
def test_what_is_read_is_what_is_shown(count, unit):
    """A length of one unit reads the same in a file and in chat."""
    if unit[0] == "h":
        count = count % 23 + 1
    assert format_duration(parse_duration(f"{count}{unit[0]}")) == f"{count} {unit[1]}"


def test_a_model_takes_a_duration_and_says_what_is_wrong_with_one():
    """The annotated type reads as `parse_duration` does, and its JSON Schema allows text and numbers."""
    adapter = TypeAdapter(Duration)
    assert adapter.validate_python("5m", strict=True) == 300.0
    assert [one["type"] for one in adapter.json_schema()["anyOf"]] == ["string", "number"]
    with pytest.raises(ValidationError, match="say it like 500ms, 3s, 5m, 4h or 1d"):
        adapter.validate_python("5 minutes")
