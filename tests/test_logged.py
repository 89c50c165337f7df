"""What others have written is one visible line in the bot's log."""

import logging
from collections.abc import Iterator

import pytest

from builders import RECORDS
from err_confirm.engine import Engine
from err_confirm.logged import LONGEST, Discretion
from err_confirm.store.base import Record, Store, Swap


@pytest.fixture
def discretion() -> Iterator[None]:
    """Watch over the log as the plugin does while it is on."""
    discretion = Discretion()
    discretion.begin()
    yield
    discretion.end()


@pytest.mark.usefixtures("discretion")
def test_an_id_that_somebody_wrote_into_the_store_begins_no_line_of_the_log(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Regression: what the lists left out was logged as it stood."""
    store.swap(Swap(record=Record("x\n12:00 INFO all is well", 1, "token", b"")))
    assert list(Engine(store, RECORDS, lambda _: None).recent()) == []
    (message,) = caplog.messages
    assert message.startswith(r"the store's record of execution x\u000a12:00 INFO all is well cannot be used")


@pytest.mark.usefixtures("discretion")
def test_a_line_of_a_megabyte_is_cut_before_it_takes_anybodys_time(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("errbot.core").warning("Processing %s", "\u00e9" * 1_000_000)
    (message,) = caplog.messages
    assert message == "Processing " + "\u00e9" * (LONGEST - 12) + "…"
