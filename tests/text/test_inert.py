"""An alias's own Markdown with values in it, and messages in several parts."""

import re

import pytest
from errbot.rendering import text
from hypothesis import given
from hypothesis import strategies as st

from err_confirm.backends import BACKENDS
from err_confirm.text.inert import Inert, marked, paragraphs
from err_confirm.text.pages import pages

PLAIN, SLACK = Inert(BACKENDS["text"]), Inert(BACKENDS["slackv3"])
PIECES = ["`", "``", "```", "*", "a", "b c", "\n", "<!x>", "](", "é", " ", "~~~", "\\", "_"]
LIVELY = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@pytest.mark.parametrize(
    ("markdown", "value", "shown"),
    [
        ("**to** {}", "web01", "**to** web01"),
        ("to {}, {}", "db-1.example.org, web01", "to db-1.example.org, web01, db-1.example.org, web01"),
        ("to {}", "*x*", "to `*x*`"),
        ("to {}x", "*x*", "to `*x*` x"),
        ("{}{}", "*x*", "`*x*` `*x*`"),
        ("`{}` {}", "a`b", "``a`b`` ``a`b``"),
        ("it`s {}", "*x*", "it\\`s `*x*`"),
        ("[log](http://x/{})", "7", "[log](http://x/7)"),
        ("[log](http://x/{})", "*7*", "[log] (http://x/`*7*`)"),
        ("out: {} end", "a\nb\n", "out: \n```\na\nb\n```\n end"),
        ("```\n{}\n```", "*a*\n```\nb", "````\n*a*\n```\nb\n````"),
        ("nothing: {}", "", "nothing: "),
        ("say {}", "1. go", "say `1. go`"),
        ("{}", "\ue000x\ue001", r"`\ue000x\ue001`"),
    ],
)
def test_a_plain_value_stands_as_it_is_and_any_other_as_code(markdown: str, value: str, shown: str) -> None:
    """The Markdown around it is the alias's own."""
    assert PLAIN.markdown(markdown.replace("{}", marked(value))) == shown


def test_a_block_on_slack_has_the_fence_that_slack_reads_and_one_for_the_converter() -> None:
    """slackv3 takes the outer one away."""
    assert SLACK.block("a\n<b> `c`") == "````\n```\na\n&lt;b&gt; \\u0060c\\u0060\n```\n````"
    assert SLACK.markdown(f"```\n{marked('x')}\n```") == SLACK.block("x")


@given(LIVELY.filter(str.strip))
def test_a_value_in_code_is_shown_letter_by_letter(value: str) -> None:
    """As Errbot's own converter to text reads it; blanks at the ends are the one thing that it takes away."""
    value = value.strip().replace("\n", "")
    if value:
        assert text().convert(f"x {PLAIN.code(value)} y") == f"x {value} y"


@given(LIVELY, LIVELY, st.integers(60, 200))
def test_no_part_of_a_message_is_longer_than_the_limit_and_nothing_gets_lost(
    value: str, output: str, limit: int
) -> None:
    """Letters are counted, as back-ticks may become escapes."""
    for inert in (PLAIN, SLACK):
        message = paragraphs(f"said: {inert.code(value * 9)}\n\n{inert.block(output * 9, 500)}\nend")
        parts = pages(message, limit, inert)
        assert all(len(part.encode()) <= limit for part in parts)
        for letter in "aé*":
            assert "".join(parts).count(letter) == message.count(letter)


def test_blanks_that_would_push_a_text_into_another_line_are_shown() -> None:
    """A screen wraps what is long: behind enough of them, a value was the line that says what runs."""
    assert PLAIN.code(f"a{' ' * 7}b") == f"`a{' ' * 7}b`"
    assert PLAIN.code(f"a{' ' * 300}runs: echo harmless") == "`a" + r"\u0020" * 300 + "runs: echo harmless`"


def test_a_line_that_begins_with_an_element_keeps_its_line_end() -> None:
    """Regression: Errbot's converter puts it on the line before."""
    assert text().convert(paragraphs("x **y**\n`z`")).split() == ["x", "y", "z"]
    assert re.search(r"y\n *z", text().convert(paragraphs("x **y**\n`z`")))
    assert paragraphs("a\n```\n`b`\n`c`\n```\nd") == "a\n```\n`b`\n`c`\n```\nd"
