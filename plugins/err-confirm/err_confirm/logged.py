"""Keep what people say from having an effect in the bot's log, and their reasons and codes out of it."""

import logging
import re

from err_confirm.text.visible import shortened, visible

_LOGGERS = (
    "errbot.core",
    "err_confirm.engine",
    "err_confirm.engine.gate",
    "err_confirm.engine.outbox",
    "err_confirm.engine.runs",
)
"""Those that log what was said, or what went wrong with it."""

_ANSWER = "(?:confirm|deny|cancel|abort)"
_REASON = re.compile(
    rf'(Processing command "(?:{_ANSWER}" with parameters "|\w+_any_case" with parameters "{_ANSWER}\s)\s*[^\s-]+[\s-])'
    r'.*(" from )',
    re.DOTALL | re.IGNORECASE,
)
"""What Errbot 6.2.1 logs of each command, at INFO (`_process_command` in errbot/core.py)."""
_CODE = re.compile(r"(?<!\w)\d{3}\s?\d{3}(?!\w)")
"""What may be a code of a second factor, in any line that speaks of a confirmation: Errbot logs texts in several."""


LONGEST = 20_000
"""Characters of a line that are kept: to make one visible may take a second for each million of them, and Errbot logs
each command on the thread that receives messages."""


class Discretion(logging.Filter):
    """Makes each line of a logger visible text, on one line and without the reasons and codes of answers."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it is always logged."""
        text = _REASON.sub(r"\1…\2", record.getMessage())
        if "confirm" in text.casefold():
            text = _CODE.sub("…", text)
        record.msg, record.args = visible(shortened(text, LONGEST)), ()
        return True

    def begin(self) -> None:
        """Watch over the loggers."""
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(self)

    def end(self) -> None:
        """Leave the loggers as they were."""
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)
