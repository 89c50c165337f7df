"""A text from chat that goes to another machine by ssh, whose shell reads it: it arrives as it is, starts nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from err_confirm.catalog import Catalog, load
from err_confirm.errors import ParameterError, TemplateError
from err_confirm.model.runs import Outcome
from err_confirm.people import People
from err_confirm.plan import plan
from err_confirm.plan.index import Match
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context
from runners.test_injection import PAYLOADS
from servers import PATIENCE
from sshd import an_sshd, is_there
from talk import write_files

pytestmark = pytest.mark.skipif(not is_there(), reason="there is no sshd in .venv; make setup unpacks one with apt")
ALIAS = """
name: say
formats: ["say {{{{text}}}}"]
parameters: {{text: {{free: true, dash: true}}, host: {{default: "alice@127.0.0.1"}}}}
run: {{command: {command}}}
"""


HOSTS = ["-oProxyCommand=touch M", "-oProxyCommand=touch", "a b", "x;id", "$(id)", "\n-F/etc/passwd"]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[str], Path]]:
    """The command that gets there, and the folder in which everything there runs."""
    folder = tmp_path_factory.mktemp("sshd")
    with an_sshd(folder) as command:
        yield command, folder / "home"


def _catalog(folder: Path, command: list[str]) -> Catalog:
    write_files(folder, {"aliases/say.yaml": ALIAS.format(command=command), "actions/.keep": ""})
    return load([folder / "aliases"], [folder / "actions"], people=People({}), default=None)


def _said(catalog: Catalog, **values: str) -> Outcome:
    """Run what the alias starts with these values."""
    alias = catalog.aliases["say"]
    made = plan(catalog, Match(alias, "", values))
    running = RUNNERS[made.invocation.runner].start(made.invocation, Context())
    outcome = running.wait(PATIENCE)
    assert outcome is not None
    return outcome


def test_a_quoted_text_arrives_byte_for_byte_and_starts_nothing(tmp_path: Path, far: tuple[list[str], Path]) -> None:
    """The far shell gets one word, whatever is in it."""
    ssh, there = far
    catalog = _catalog(tmp_path, [*ssh, "--", "{{ host }}", "printf %s {{ text | quote }}"])
    assert not catalog.warnings
    before = set(there.iterdir())
    sent, changed = 0, dict[str, str]()
    for payload in PAYLOADS:
        try:
            outcome = _said(catalog, text=payload)
        except (ParameterError, TemplateError):
            continue  # a character that no terminal should get, or too many
        sent += 1
        if (outcome.exit_code, outcome.output) != (0, payload):
            changed[payload] = outcome.output
    assert sent > 150
    assert changed == {}
    assert set(there.iterdir()) == before


def test_without_quote_lint_warns_and_is_right_to(tmp_path: Path, far: tuple[list[str], Path]) -> None:
    """The same payload runs then: this is what the warning is about, and what this test would notice."""
    ssh, there = far
    catalog = _catalog(tmp_path, [*ssh, "--", "{{ host }}", "printf %s {{ text }}"])
    assert "ssh takes it for a part of a command" in str(catalog.warnings[0])
    _said(catalog, text="x; touch planted")
    assert (there / "planted").exists()


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_would_be_an_option_or_more_than_a_word_is_refused(tmp_path: Path, host: str) -> None:
    """Nothing is started at all."""
    catalog = _catalog(tmp_path, ["ssh", "--", "{{ host }}", "true"])
    with pytest.raises(ParameterError):
        _said(catalog, text="x", host=host)
