"""Read what people say: one representation of an alias against one text.

`Representation(text).extract(command)` is for other programs, too; docs/cli.md shows it.
"""

from err_confirm.grammar.representation import MAX_OCCURRENCES, Representation, compiled
from err_confirm.grammar.text import MAX_PAIRS, MAX_TEXT_BYTES, Text, plain

__all__ = ["MAX_OCCURRENCES", "MAX_PAIRS", "MAX_TEXT_BYTES", "Representation", "Text", "compiled", "plain"]
