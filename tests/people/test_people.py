"""Who is who: what CONFIRM_PEOPLE may say, and whom a policy may name."""

from typing import Any

import pytest

from err_confirm.errors import SettingError
from err_confirm.people import People

PEOPLE = People({"alice": ["slack:U024", "text:alice"], "bob": ("irc:bob!b@host",)})


def test_all_identities_of_one_name_are_one_person() -> None:
    assert {PEOPLE.person(identity) for identity in ("slack:U024", "text:alice")} == {"alice"}
    assert PEOPLE.identities("alice") == ("slack:U024", "text:alice")


def test_an_identity_on_nobodys_list_stands_for_itself() -> None:
    assert PEOPLE.person("slack:U999") == "slack:U999"
    assert (PEOPLE.identities("slack:U999"), PEOPLE.identities("mallory")) == (("slack:U999",), ())


@pytest.mark.parametrize("person", ["alice", "bob", "slack:U999", "telegram:5", "text:mallory", "irc:bob!b@host"])
def test_a_policy_may_name_who_is_in_the_map_and_any_identity(person: str) -> None:
    assert PEOPLE.knows(person)


@pytest.mark.parametrize(
    "person", ["mallory", "slak:U024", "Slack:U024", "@sre", "@sre:x", "text:@alice", "slack:", ":x"]
)
def test_whom_nobody_can_ever_be_is_known_to_no_policy(person: str) -> None:
    """Regression: any text with a colon was, so that a typo passed `lint` and nobody could confirm."""
    assert not PEOPLE.knows(person)


def test_without_a_map_at_hand_every_name_is_somebodys_but_a_mistyped_identity_is_not() -> None:
    people = People(None)
    assert people.knows("mallory")
    assert people.knows("slack:U024")
    assert not people.knows("slak:U024")
    assert not people.knows("@sre")


@pytest.mark.parametrize(
    ("people", "message"),
    [
        ({"alice": "slack:U024"}, r'alice must be a list, such as \["slack:U024"\]$'),
        ({"alice": None}, "alice must be a list"),
        ({"alice": []}, "alice must be a list"),
        ({"alice": {"slack": "U024"}}, "alice must be a list"),
        ({1: ["slack:U024"]}, '"1" cannot be a person\'s name'),
        ({"others": ["slack:U024"]}, '"others" cannot be a person\'s name'),
        ({"@alice": ["slack:U024"]}, '"@alice" cannot be a person\'s name'),
        ({"text:alice": ["slack:U024"]}, '"text:alice" cannot be a person\'s name'),
        ({"alice": ["alice"]}, '"alice" of alice must read <backend>:<id>'),
        ({"alice": [5]}, '"5" of alice must read <backend>:<id>'),
        ({"alice": ["slak:U024"]}, '"slak:U024" of alice .* irc or slack or telegram or text; say !confirm me'),
        ({"alice": ["text:@alice"]}, '"text:@alice" of alice must read <backend>:<id>, without @'),
        ({"alice": ["slack:U1"], "bob": ["slack:U1"]}, "slack:U1 belongs to alice and to bob"),
    ],
)
def test_a_map_of_another_shape_is_refused_with_what_would_be_right(people: Any, message: str) -> None:
    with pytest.raises(SettingError, match=f"^CONFIRM_PEOPLE: {message}"):
        People(people)
