"""Turn what a template gave into the text that a process gets."""

import json
from typing import Any

from err_confirm.errors import TemplateError


def to_text(value: Any, where: str) -> str:
    """Return a value as one argument. Raises TemplateError, naming `where`, if it has none.

    Text stays as it is, a boolean is `true` or `false`, all else is JSON.
    """
    if value is None:
        raise TemplateError(f"{where} has no value; give its parameter, or a default in the action")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    for char in text:
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise TemplateError(f"{where} contains U+{ord(char):04X}, which no process can be given; leave it out")
    return text
