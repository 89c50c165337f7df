"""The filters that templates may use: Jinja's usual ones, bounded where they could grow, and ours."""

import json
import re
import shlex
from collections.abc import Callable, Iterable
from typing import Any

from jinja2 import Environment, pass_environment
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as _JINJA
from jinja2.filters import do_format, do_indent, do_round, make_attrgetter

from err_confirm.templating import stackstorm_filters
from err_confirm.templating.budget import spend

_USUAL = (
    *("abs", "capitalize", "count", "d", "default", "dictsort", "filesizeformat", "first", "float", "groupby", "int"),
    *("items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select"),
    *("selectattr", "sort", "string", "sum", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount"),
)
_STACKSTORM = (
    *("basename", "dirname", "from_json_string", "json_escape", "path_join", "regex_match", "regex_replace"),
    *("regex_search", "regex_substring", "to_complex", "to_human_time_from_seconds", "use_none"),
)
_LARGE_WIDTH = re.compile(r"[0-9]{4}|\*")


def quote(value: Any) -> str:
    """Return a value as one word of a POSIX shell's command line; a list becomes one word an item."""
    if isinstance(value, list | tuple):
        return shlex.join(str(item) for item in value)
    return shlex.quote(str(value))


def to_json_string(value: Any, indent: int | None = None, sort_keys: bool = False) -> str:
    """Return a value as JSON."""
    if indent is not None and not 0 <= indent <= 8:
        raise SecurityError("an indent goes up to 8")
    return json.dumps(value, indent=indent, sort_keys=sort_keys, ensure_ascii=False)


def to_yaml_string(value: Any, indent: int = 2) -> str:
    """Return a value as YAML, in its JSON form: what is read back is the same, whatever reads it."""
    return to_json_string(value, indent=indent)


@pass_environment
def join(environment: Environment, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    """Join the items of a list, or one attribute of each, with `d` between them."""
    items = list(value) if attribute is None else [*map(make_attrgetter(environment, attribute), value)]
    return join_texts(str(d), items)


def join_texts(separator: str, items: Iterable[Any]) -> str:
    """Join texts (what `", ".join(items)` does)."""
    texts = [str(item) for item in items]
    spend(len(separator) * len(texts))
    return separator.join(texts)


def replace(value: Any, old: str, new: str, count: int | None = None) -> str:
    """Replace a text by another, everywhere or the first `count` times."""
    text = str(value)
    spend(text.count(old) * len(new))
    return text.replace(old, new, -1 if count is None else count)


def indent(value: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    """Put blanks, or the text `width`, before every line."""
    spend((value.count("\n") + 1) * (len(width) if isinstance(width, str) else width))
    return do_indent(value, width, first, blank)


def fill_in(value: str, *args: Any, **kwargs: Any) -> str:
    """Fill values into a text, as `"%s is %.1f"` says."""
    if _LARGE_WIDTH.search(value):
        raise SecurityError("the filter format has no widths over 999")
    return do_format(value, *args, **kwargs)


def rounded(value: float, precision: int = 0, method: Any = "common") -> float:
    """Round a number."""
    if abs(precision) > 15:
        raise SecurityError("the filter round goes up to 15 digits")
    return do_round(value, precision, method)


FILTERS: dict[str, Callable[..., Any]] = {
    **{name: _JINJA[name] for name in _USUAL},
    **{name: getattr(stackstorm_filters, name) for name in _STACKSTORM},
    "format": fill_in,
    "indent": indent,
    "join": join,
    "quote": quote,
    "pprint": to_yaml_string,
    "replace": replace,
    "round": rounded,
    "to_json_string": to_json_string,
    "to_yaml_string": to_yaml_string,
    "tojson": to_json_string,
}
