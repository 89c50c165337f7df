"""Keep what people say from having an effect in the bot's log, and their reasons out of it."""

import logging
import re

from err_confirm.visible import visible

_LOGGERS = ("errbot.core", "err_confirm.engine", "err_confirm.gate", "err_confirm.outbox", "err_confirm.runs")
"""Those that log what was said, or what went wrong with it."""

_ANSWER = "(?:confirm|deny|cancel)"
_REASON = re.compile(
    rf'(Processing command "(?:{_ANSWER}" with parameters "|\w+_any_case" with parameters "{_ANSWER}\s)\s*\S+\s)'
    r'.*(" from )',
    re.DOTALL | re.IGNORECASE,
)
"""What Errbot 6.2.1 logs of each command, at INFO (`_process_command` in errbot/core.py)."""


class Discretion(logging.Filter):
    """Makes each line of a logger visible text, on one line and without the reasons of answers."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it is always logged."""
        record.msg, record.args = visible(_REASON.sub(r"\1…\2", record.getMessage())), ()
        return True

    def begin(self) -> None:
        """Watch over the loggers."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def end(self) -> None:
        """Leave the loggers as they were."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)
