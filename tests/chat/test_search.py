"""`!executions` with words: what is found, and what is said about words that mean nothing."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from err_confirm.model.executions import Place
from talk import Talk, a_bot, write_files

FILES = {
    f"aliases/{name}.yaml": f"""
name: {name}
formats: ["{name} {{{{it}}}}"]
parameters: {{it: {{free: true}}}}
run: {{command: ["{program}"]}}
confirm: {{by: anyone, within: 10m}}
"""
    for name, program in (("work", "true"), ("break", "false"))
}


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talk]:
    folder = tmp_path_factory.mktemp("search")
    write_files(folder, FILES)
    with a_bot(folder) as talk:
        for person, text in (("alice", "work one"), ("bob", "work `two` @here"), ("alice", "break three")):
            getattr(talk, person).says(f"!{text}")
            asked = talk.prompt()
            talk.carol.says(f"!confirm {asked}")
            talk.ended(asked)
        talk.alice.says("!work four")
        talk.prompt()
        yield talk


def found(talk: Talk, words: str) -> list[str]:
    """Say `!executions` with some words; return the lines of the answer."""
    talk.quiet()
    talk.mallory.says(f"!executions {words}")
    (answer,) = talk.quiet()
    return answer.splitlines()


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        ("work", ["four", "two", "one"]),
        ("by alice", ["four", "three", "one"]),
        ("failed", ["three"]),
        ("pending", ["four"]),
        ("since 1h", ["four", "three", "two", "one"]),
        ("by alice succeeded work since 1h", ["one"]),
        ("Succeeded", ["two", "one"]),
    ],
)
def test_each_word_narrows_what_is_listed_newest_first(talk: Talk, words: str, texts: list[str]) -> None:
    lines = [line for line in found(talk, words) if " by " in line]
    assert len(lines) == len(texts)
    assert all(text in line for line, text in zip(lines, texts, strict=True)), lines


def test_what_was_typed_is_shown_inert(talk: Talk) -> None:
    (line,) = [line for line in found(talk, "by bob") if " by " in line]
    assert "work `two` @here" in line


def test_the_answer_ends_with_what_to_type_next(talk: Talk) -> None:
    assert "!show <id>" in found(talk, "work")[-1]
    assert found(talk, "denied") == ["no such execution was found"]
    assert found(talk, "")[-1] == "further back: !executions since 7d"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (
            "wrok",
            '"wrok" is no state, alias or guard (did you mean "work"?); say a state, an alias or guard, by <person>,',
        ),
        ("since", "what comes after since? say a state"),
        ("since monday", '"monday" is no moment; say 2d (ago), 12h,'),
        ("failed denied", "failed and denied: say only one of them;"),
        ("`*x*`", '"`*x*`" is no state, alias or guard'),
    ],
)
def test_words_that_mean_nothing_are_answered_with_what_is_allowed(talk: Talk, words: str, answer: str) -> None:
    lines = found(talk, words)
    assert lines[0].startswith(answer)
    assert lines[1:] == ["for example: !executions failed by bob since 2d"]


def test_what_the_store_no_longer_keeps_is_still_found(tmp_path: Path) -> None:
    """A day after its end only the journal knows of it; here its record is taken away by hand."""
    write_files(tmp_path, FILES)
    with a_bot(tmp_path) as talk:
        talk.alice.says("!work one")
        asked = talk.prompt()
        talk.alice.says(f"!deny {asked}")
        talk.ended(asked)
        with talk.service.store._writing() as connection:
            connection.execute("DELETE FROM record")
        assert talk.executions() == []
        assert found(talk, "")[0] == "nothing was asked for in the last day"
        (line,) = [line for line in found(talk, "denied") if " by " in line]
        assert asked in line


@pytest.mark.parametrize(
    ("said", "others"),
    [
        ("executions by alice", ("alice", "bob")),
        ("pending mine", ("mallory",)),
        ("confirm", ("alice", "bob")),
        ("abort", ("mallory",)),
    ],
)
def test_a_crowd_of_searches_is_refused_so_that_no_answer_waits_behind_it(
    talk: Talk, said: str, others: tuple[str, ...]
) -> None:
    """One search of a long journal takes seconds, and there are ten threads for all commands.

    Nobody has more than one: else somebody alone could keep all others from theirs.
    """
    confirm = talk.bot.plugin_manager.get_plugin_obj_by_name("Confirm")
    with contextlib.ExitStack() as stack:
        for person in others:
            stack.enter_context(confirm.intake.few(confirm.chat.message(Place(person=f"@{person}"), "")))
        talk.mallory.says(f"!{said}")
        talk.hears(r"\Aothers, or you, are just looking for much; say it again in a moment\Z")
    talk.mallory.says(f"!{said}")
    talk.hears("asked by alice|by alice$|say which one")
