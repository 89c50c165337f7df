"""Collect what is found in one file."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from err_confirm.catalog.problem import Problem, Severity
from err_confirm.catalog.yaml_source import Document, Location
from err_confirm.errors import ErrConfirmError, TemplateError
from err_confirm.templating import check


class Findings:
    """The problems of a document, in the order in which they were found."""

    def __init__(self, document: Document, pack: str = "") -> None:
        self.document = document
        self.pack = pack  # whose it is if it does not say so itself
        self.problems: list[Problem] = []

    @property
    def error(self) -> Problem | None:
        """The first of them that is an error."""
        return next((problem for problem in self.problems if problem.severity is Severity.ERROR), None)

    @property
    def failed(self) -> bool:
        """Whether one of them is an error."""
        return self.error is not None

    def add(self, location: Sequence[str | int], message: str, severity: Severity = Severity.ERROR) -> None:
        """Note a problem at a value."""
        self.problems.append(Problem(self.document.source(location), message, severity))

    @contextmanager
    def refusals(self, *location: str | int) -> Iterator[None]:
        """Take what is raised on purpose inside for an error at a value."""
        try:
            yield
        except ErrConfirmError as error:
            self.add(location, str(error))

    def check_templates(self, value: Any, location: Location) -> None:
        """Note each text in a value that is no sound template."""
        for where, text in texts(value, location):
            with self.refusals(*where):
                check(text)

    def check_words(self, value: Any, location: Location, instead: str) -> None:
        """Warn of each text in a value that is no sound template, but only words: `instead` is said, nothing runs."""
        for where, text in texts(value, location):
            try:
                check(text)
            except TemplateError as error:
                self.add(where, f"{error}; {instead}", Severity.WARNING)


def texts(value: Any, location: Location = ()) -> Iterator[tuple[Location, str]]:
    """Return every text in a value, with the way to it."""
    if isinstance(value, str):
        yield location, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, (*location, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts(item, (*location, index))
