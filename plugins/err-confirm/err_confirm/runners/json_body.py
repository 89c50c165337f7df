"""Render JSON in which each text is a template, at any depth."""

import json
from typing import Any

from err_confirm.errors import TemplateError
from err_confirm.runners.base import Render


def render_json(value: Any, render: Render) -> Any:
    """Return a value of a file with all its texts rendered; names of keys stay. Raises TemplateError."""
    match value:
        case str():
            return render(value)
        case dict():
            return {str(key): render_json(item, render) for key, item in value.items()}
        case list():
            return [render_json(item, render) for item in value]
    return value


def to_json(value: Any) -> str:
    """Return a rendered value as JSON. Raises TemplateError for what JSON does not know."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise TemplateError(f"it cannot be written as JSON ({error}); leave it out") from error
    return text
