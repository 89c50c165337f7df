"""`err-confirm doctor`: say what is wrong with how a bot is set up, and what puts it right."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from err_confirm.cli import answerers, checks, queues
from err_confirm.cli.command import Command
from err_confirm.cli.configuration import read_catalog, read_configuration
from err_confirm.cli.console import GREEN, RED, YELLOW, colored, report
from err_confirm.cli.exits import Exit
from err_confirm.errors import SettingError
from err_confirm.health import Finding, Health, error, well
from err_confirm.store import open_store
from err_confirm.text.spelling import number

COLORS = {Health.OK: GREEN, Health.WARNING: YELLOW, Health.ERROR: RED}


def doctor(options: argparse.Namespace) -> Exit:
    """Print all findings; 1 if one of them is an error."""
    findings = list(_findings(options.config))
    report(options, [asdict(finding) for finding in findings], _lines(findings))
    return Exit.NO if any(finding.health is Health.ERROR for finding in findings) else Exit.OK


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{colored(f'{finding.health:<8}', COLORS[finding.health])}{finding.what}"
        if finding.fix:
            yield f"        → {finding.fix}"
    errors, warnings = (sum(each.health is health for each in findings) for health in (Health.ERROR, Health.WARNING))
    yield f"{number(errors, 'error')}, {number(warnings, 'warning')}"


def _findings(path: Path | None) -> Iterator[Finding]:
    yield from checks.versions()
    try:
        found = read_configuration(path)
        if found.path is None:
            yield error("there is no config.py in this folder", "name the bot's with --config FILE")
            return
        catalog = read_catalog(found.settings)
        store = open_store(found.settings.store, namespace=found.settings.namespace, create=False)
    except SettingError as wrong:
        yield error(str(wrong), "correct it: until then the plugin does not start, and no alias runs")
        return
    yield well(f"the settings of {found.path} can be used")
    yield from checks.names(found.module)
    with closing(store):
        yield from store.check()
    yield checks.key(found.settings.key_file)
    yield from checks.files(catalog)
    with _importing_from(found.path.absolute().parent):
        yield from answerers.groups(catalog, found.settings.groups)
        backend = getattr(found.module, "BACKEND", "Text")
        yield from answerers.people(catalog, found.settings.people, found.settings.groups, backend)
    yield from checks.codes(catalog)
    yield from queues.workers(catalog, found.settings)
    yield checks.log(found.module)
    yield checks.page(found.module)


@contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Find the bot's own modules as Errbot does, which looks for them beside its config.py."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


COMMAND = Command(
    description="Look at the settings, the store, the files, the people, the log and the web server of a bot. Say of "
    "each whether it is well, and if not, what puts it right. Changes nothing. Exit code 1 if something is an error.",
    run=doctor,
)
