"""Names of executions, and how people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from err_confirm.ids import ALPHABET, LENGTH, new_id, read_id


def test_an_id_is_eight_characters_that_nobody_mistakes_for_others() -> None:
    ids = {new_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(re.fullmatch(r"[0-9a-hjkmnp-tv-z]{8}", each) for each in ids)


@pytest.mark.parametrize(
    "written",
    [
        *(
            "7f3kq2xa",
            "7F3KQ2XA",
            "`7f3kq2xa`",
            "**7f3kq2xa**",
            '"7f3kq2xa"',
            "“7f3kq2xa”",
            "<7f3kq2xa>",
            " 7f3kq2xa. ",
        ),
        *(
            "«7f3kq2xa»",
            "||7f3kq2xa||",
            "7f3kq2xa…",
            "\u200b7f3kq2xa\ufeff",
            "\u20667f3kq2xa\ufe0f\u2069",
            "７ｆ３ｋＱ２ｘａ",
        ),
    ],
)
def test_an_id_is_read_as_people_paste_it(written: str) -> None:
    assert read_id(written) == "7f3kq2xa"


@pytest.mark.parametrize(("written", "read"), [("7f3k", "7f3k"), ("1O0l", "1001"), ("IL0O", "1100")])
def test_the_start_of_an_id_will_do_and_look_alikes_are_read_as_digits(written: str, read: str) -> None:
    assert read_id(written) == read


@pytest.mark.parametrize("written", ["", "7f3", "7f3kq2xa9", "7f3k q2xa", "usual", "7f3k-q2xa"])
def test_what_cannot_be_an_id_is_none(written: str) -> None:
    assert read_id(written) is None


@given(st.text(alphabet=ALPHABET, min_size=LENGTH, max_size=LENGTH))
def test_every_id_is_read_back(written: str) -> None:
    assert read_id(f"*{written.upper()}*") == written


@given(st.text())
def test_whatever_is_written_is_an_id_or_none(written: str) -> None:
    found = read_id(written)
    assert found is None or set(found) <= set(ALPHABET)
