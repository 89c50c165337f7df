"""Which alias a text means, and which one answers it."""

import random
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from err_confirm.catalog import load
from err_confirm.errors import (
    AmbiguousMatchError,
    DuplicateParameterError,
    NoMatchError,
    RepresentationError,
    TextError,
    TextTooLongError,
    TooManyMatchesError,
)
from err_confirm.grammar import MAX_OCCURRENCES, MAX_TEXT_BYTES, Representation, compiled
from err_confirm.model.files import Alias, Format, Source
from err_confirm.people import People
from err_confirm.plan.index import Index, Match

FIXES = r"(?:\b|^)fixes (?P<key>[A-Z]+-[0-9]+)(?:\b|$)"


def an_alias(name: str, *formats: str | Format, **changes: Any) -> Alias:
    """Return an alias that people say in one of these ways."""
    return Alias(
        name=name,
        action_ref="echo",
        formats=tuple(each if isinstance(each, Format) else Format(representations=(each,)) for each in formats),
        source=Source(Path("aliases/test.yaml")),
        policy=None,
        **changes,
    )


def every(*representations: str) -> Format:
    return Format(representations=representations, match_multiple=True)


RESTART = an_alias("restart", "restart {{host}}", "bounce {{host}} {{env=prod}}")
STOP = an_alias("stop", "stop {{host}}")
GUESS = an_alias("guess", "{{what}} (the )?server")


def test_a_text_means_the_alias_that_it_matches() -> None:
    index = Index([STOP, RESTART])
    assert index.matches("bounce web1 x=y") == [
        Match(RESTART, "bounce {{host}} {{env=prod}}", {"host": "web1", "env": "prod", "x": "y"})
    ]
    assert index.winner("bounce web1 x=y") is RESTART


def test_a_text_that_no_alias_matches_is_refused() -> None:
    index = Index([STOP, RESTART])
    with pytest.raises(NoMatchError):
        index.matches("restart")
    assert index.winner("restart") is None


def test_competing_aliases_are_named_in_order_and_the_first_answers() -> None:
    index = Index([STOP, GUESS, an_alias("a", "stop {{x}}")])
    with pytest.raises(AmbiguousMatchError) as caught:
        index.matches("stop the server")
    assert caught.value.aliases == ("a", "guess", "stop")
    assert index.winner("stop the server") == an_alias("a", "stop {{x}}")


def test_formats_of_one_alias_do_not_compete_the_first_listed_wins() -> None:
    """D6: whether they are formats or representations of one format."""
    alias = an_alias("go", Format(representations=("go {{a}} to {{b}}", "go {{a}}")), "{{c}} up")
    (match,) = Index([alias]).matches("go it to x up")
    assert (match.representation, match.values) == ("go {{a}} to {{b}}", {"a": "it", "b": "x up"})
    (match,) = Index([alias]).matches("go up")
    assert match.representation == "go {{a}}"


def test_a_text_that_nothing_matches_is_near_to_what_begins_with_the_same_word_the_most_alike_first() -> None:
    ways = Format(display="bounce db <host>", representations=("bounce db {{host}}", "bounce db on {{host}}"))
    more = an_alias("more", ways, "{{x}} bounce")
    index = Index(
        [RESTART, more, an_alias("ping", every("ping {{host}};")), an_alias("off", "bounce it", enabled=False)]
    )
    for text, near in {
        "bounce": ["bounce {{host}} {{env=prod}}", "bounce db <host>"],
        "BOUNCE\u00a0Db": ["bounce db <host>", "bounce {{host}} {{env=prod}}"],
        "bounce dbs": ["bounce {{host}} {{env=prod}}", "bounce db <host>"],
        "ping web1": ["ping {{host}};"],
        "bounced": [],
        "bo": [],
        " ": [],
    }.items():
        assert [way.display for way in index.near(text)] == near


def test_disabled_aliases_and_help_texts_match_nothing() -> None:
    index = Index([an_alias("off", "go", enabled=False), an_alias("help", Format(display="go"))])
    assert index.winner("go") is None


def test_a_parameter_given_twice_is_refused_by_the_alias_that_it_means() -> None:
    index = Index([RESTART, STOP])
    with pytest.raises(DuplicateParameterError):
        index.matches("restart web1 host=db1")
    assert index.winner("restart web1 host=db1") is RESTART


def test_a_parameter_given_twice_still_competes() -> None:
    index = Index([STOP, GUESS])
    with pytest.raises(AmbiguousMatchError):
        index.matches("stop the server host=db1")
    with pytest.raises(AmbiguousMatchError):
        index.matches("stop the server what=x")


def test_a_fixed_parameter_may_not_be_given_and_its_default_is_left_out() -> None:
    fixed = an_alias("deploy", "deploy {{app}} {{env=qa}}", immutable_parameters={"env": "prod"})
    index = Index([fixed])
    (match,) = index.matches("deploy web")
    assert match.values == {"app": "web"}
    for text in ("deploy web qa", "deploy web env=qa"):
        with pytest.raises(DuplicateParameterError, match='"env" is fixed by the alias; leave it out'):
            index.matches(text)
        assert index.winner(text) is fixed


def test_each_occurrence_is_one_execution() -> None:
    alias = an_alias("fix", every(FIXES))
    assert [match.values for match in Index([alias]).matches("fixes A-1, fixes B-2 in=qa")] == [
        {"key": "A-1", "in": "qa"},
        {"key": "B-2", "in": "qa"},
    ]
    too_many = "fixes A-1 " * (MAX_OCCURRENCES + 1)
    assert len(Index([alias]).matches("fixes A-1 " * MAX_OCCURRENCES)) == MAX_OCCURRENCES
    with pytest.raises(TooManyMatchesError):
        Index([alias]).matches(too_many)
    assert Index([alias]).winner(too_many) is alias


def test_occurrences_are_looked_for_only_where_nothing_else_matches() -> None:
    fix, note = an_alias("fix", every(FIXES)), an_alias("note", "note {{text}}")
    index = Index([fix, note])
    assert [match.alias for match in index.matches("note fixes A-1")] == [note]
    assert [match.alias for match in index.matches("it fixes A-1")] == [fix]


def test_aliases_that_find_occurrences_compete_with_each_other() -> None:
    index = Index([an_alias("fix", every(FIXES)), an_alias("close", every(r"(^|.*\s){{key}} (closed|done)$", FIXES))])
    with pytest.raises(AmbiguousMatchError) as caught:
        index.matches("it fixes A-1")
    assert caught.value.aliases == ("close", "fix")


def test_a_text_that_is_too_long_is_answered_by_the_alias_that_it_begins_like() -> None:
    index = Index(
        [
            an_alias("z", "say {{x}}"),
            an_alias("b", "say it {{x}}", "saying"),
            an_alias("a", "(say) {{x}}", "do say {{x}}"),
        ]
    )
    long = "x" * MAX_TEXT_BYTES
    with pytest.raises(TextTooLongError):
        index.matches(f"say {long}")
    found = [index.winner(f"{beginning}{long}") for beginning in ("say ", "  say\n", "sayi ", "", " ")]
    assert [alias and alias.name for alias in found] == ["b", "b", None, None, None]
    assert index.winner(" " * MAX_TEXT_BYTES + " ") is None


def test_a_representation_that_is_none_is_an_error() -> None:
    with pytest.raises(RepresentationError):
        Index([an_alias("go", "go (?=x)")])


@pytest.mark.parametrize("text", ["", " ", "\ud800", "\x00", "restart \ud83d"])
def test_no_text_makes_the_search_for_a_winner_fail(text: str) -> None:
    assert Index([RESTART, an_alias("all", "(go)?")]).winner(text) is None


def test_many_threads_get_the_answers_to_their_own_texts() -> None:
    index = Index([RESTART, STOP])
    wrong: list[str] = []

    def ask(text: str, expected: Alias | None) -> None:
        wrong.extend(text for _ in range(2000) if index.winner(text) is not expected)

    threads = [Thread(target=ask, args=each) for each in [("restart a", RESTART), ("stop a", STOP), ("go a", None)] * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


REPRESENTATIONS = [
    "go", "go {{x}}", "go {{x=1}}", "go{{x}}", "go up {{x}}", "go (up|down)", "go (up )?{{x}}", "{{x}} up",
    "(go|up) {{x}}", "go|up", "(?i)GO {{x}}", r"go\.up", "go up?", "go u(p)", "^go {{x}}", "go$", "go ", " up",
    r"(^|\s)up(\s|$)", "go {{x}}={{y}}",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(["go", "up", "down", "GO", "go.up", "x=1", "y=2", "a", '"b c"']), max_size=5).flatmap(
    lambda words: st.sampled_from([" ", "  ", "\n"]).map(lambda blank: blank.join(words))
)


@settings(max_examples=400)
@given(st.permutations(REPRESENTATIONS), st.integers(1, len(REPRESENTATIONS)), TEXTS)
def test_the_index_finds_exactly_the_aliases_that_match(order: list[str], count: int, text: str) -> None:
    """What it skips to be fast would not have matched."""
    aliases = {each: an_alias(f"{number:02}", each) for number, each in enumerate(order[:count])}
    expected = []
    for representation, alias in aliases.items():
        try:
            Representation(representation).extract(text)
        except NoMatchError:
            continue
        except TextError:
            pass
        expected.append(alias.name)
    index = Index(aliases.values())
    winner = index.winner(text)
    assert (winner and winner.name) == (expected[0] if expected else None)
    try:
        found = [match.alias.name for match in index.matches(text)]
    except AmbiguousMatchError as error:
        found = list(error.aliases)
    except DuplicateParameterError:
        found = expected[:1]
    except NoMatchError:
        found = []
    assert found == expected


def test_one_among_a_thousand_is_found() -> None:
    aliases = [an_alias(f"a{n}", f"do {{{{x}}}} in room{n}", f"task{n} {{{{x}}}}") for n in range(1000)]
    random.Random(1).shuffle(aliases)
    index = Index(aliases)
    for text in ("do it in room77", "task77 it"):
        (match,) = index.matches(text)
        assert (match.alias.name, match.values) == ("a77", {"x": "it"})


def test_match_multiple_finds_each_place_unless_the_representation_ends_with_a_parameter() -> None:
    index = Index(
        [
            an_alias("issues", Format(representations=("(?P<issue>[A-Z]+-[0-9]+)",), match_multiple=True)),
            an_alias("now", Format(representations=("restart {{host}} now",), match_multiple=True)),
            an_alias("rest", Format(representations=("check {{host}}",), match_multiple=True)),
        ]
    )
    assert [match.values["issue"] for match in index.matches("see OPS-1 and OPS-22")] == ["OPS-1", "OPS-22"]
    assert [match.values["host"] for match in index.matches("restart a now, restart b now")] == ["a", "b"]
    assert [match.values["host"] for match in index.matches("check a check b")] == ["a check b"]


def test_files_are_compiled_once_however_often_they_are_read(tmp_path: Path) -> None:
    """Regression: who read the files compiled all that people may say, and the index did so once more."""
    for n in range(3):
        (tmp_path / f"a{n}.yaml").write_text(f"name: a{n}\nformats: ['compile {n} {{{{host}}}}']\naction_ref: b\n")
    before = compiled.cache_info().misses
    for _ in range(2):
        catalog = load([tmp_path], [], people=People({}), default=None, shipped=None)
        assert Index(catalog.aliases.values()).matches("compile 1 x")
    assert compiled.cache_info().misses == before + 3
