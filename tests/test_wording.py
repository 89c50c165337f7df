"""Moments are said so that nobody takes tomorrow for today, and values as people type them."""

import pytest

from err_confirm.wording import moment, value

AT = 1_789_999_400.0
HOUR = 3_600.0


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (AT, "14:03:20 UTC"),
        (AT - 11 * HOUR, "14:03:20 UTC"),
        (AT + 11 * HOUR, "14:03:20 UTC"),
        (AT - 12 * HOUR, "2026-09-21 14:03:20 UTC"),
        (AT - 48 * HOUR, "2026-09-21 14:03:20 UTC"),
        (AT + 13 * HOUR, "2026-09-21 14:03:20 UTC"),
    ],
)
def test_a_moment_that_need_not_be_today_has_its_day(now: float, said: str) -> None:
    """Whether it is gone or still to come."""
    assert moment(AT, now) == said


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (True, "yes"),
        (["web1", 2, False], "web1, 2, no"),
        ({"a": [1, None, True], "é": "x"}, '{"a": [1, null, true], "é": "x"}'),
    ],
)
def test_a_value_is_shown_as_it_could_be_typed(item: object, said: str) -> None:
    assert value(item) == said
