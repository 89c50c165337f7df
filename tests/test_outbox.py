"""What happened is told in order, and what could not be told is counted."""

import logging
import threading

import pytest

from builders import an_execution
from err_confirm.model import Execution
from err_confirm.outbox import Outbox


def test_what_is_left_when_it_stops_is_told_in_order(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Execution] = []
    outbox = Outbox(told.append)
    executions = [an_execution() for _ in range(5)]
    for execution in executions:
        outbox.put(execution)
    outbox.start()
    outbox.stop(15.0)
    assert told == executions
    assert caplog.records == []


def test_what_could_not_be_told_in_time_is_counted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Regression: it was dropped in silence."""
    begun, go_on = threading.Event(), threading.Event()

    def tell(_: Execution) -> None:
        begun.set()
        go_on.wait(15)

    outbox = Outbox(tell)
    outbox.start()
    for _ in range(3):
        outbox.put(an_execution())
    assert begun.wait(15)
    outbox.stop(0.05)
    go_on.set()
    ((_, level, message),) = caplog.record_tuples
    assert level == logging.ERROR
    assert message == "3 changes of executions were not told within the last 0.05 s"
