"""Divide a line for a shell into arguments, if it means the same without a shell."""

import re
import shlex
from collections.abc import Iterator

_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_STAND_IN = "\ue000"
_IN_QUOTES = {"$": "$", "`": "a command in backticks", "\\": "a backslash"}
_OUTSIDE = {
    **_IN_QUOTES,
    "|": "a pipe",
    "&": "&",
    ";": "a second command",
    **dict.fromkeys("\n\r", "a second line"),
    **dict.fromkeys("<>", "a redirection"),
    **dict.fromkeys("()", "parentheses"),
    **dict.fromkeys("*?[]", "a pattern of file names"),
    **dict.fromkeys("{}", "braces"),
    "~": "a home folder",
    "#": "a comment",
    "!": "!",
}
"""What a shell would read, where it is not quoted, and what that is."""
_WORDS = frozenset(
    {".", ":", "[[", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue", "coproc", "declare"}
    | {"disown", "do", "done", "elif", "else", "enable", "esac", "eval", "exec", "exit", "export", "fg", "fi", "for"}
    | {"function", "hash", "if", "jobs", "let", "local", "logout", "mapfile", "popd", "pushd", "read", "readonly"}
    | {"return", "select", "set", "shift", "shopt", "source", "then", "time", "times", "trap", "type", "typeset"}
    | {"ulimit", "umask", "unalias", "unset", "until", "wait", "while"}
)
"""What is no program, but a word of the shell."""
_SETTING = re.compile(r"[A-Za-z_]\w*\+?=")
_TEXT = "{{ '' }}"


def arguments(line: str) -> list[str]:
    """Return the arguments that a line means, each a template that gives one text.

    Raises:
        ValueError: it needs a shell; the text names what for.
    """
    line = line.strip()
    if "{%" in line or "{#" in line:
        raise ValueError("a template with statements")
    if any("\ue000" <= character <= "\uf8ff" for character in line):
        raise ValueError("a character for private use")
    templates = _TEMPLATE.findall(line)
    bare = _TEMPLATE.sub(_STAND_IN, line)
    for character, quote in _with_quotes(bare):
        needs = _IN_QUOTES if quote == '"' else {} if quote else _OUTSIDE
        if character in needs:
            raise ValueError(needs[character])
    try:
        words = shlex.split(bare)
    except ValueError as error:
        raise ValueError("a quote that does not end") from error
    if not words or not words[0]:
        raise ValueError("an empty line")
    if _STAND_IN in words[0]:
        raise ValueError("a program that comes from a template")
    if _SETTING.match(words[0]):
        raise ValueError("a variable in front of its command")
    if words[0] in _WORDS:
        raise ValueError(f'its own word "{words[0]}"')
    rest = iter(templates)
    return ["".join(_filled(word, rest)) for word in words]


def _with_quotes(line: str) -> Iterator[tuple[str, str]]:
    """Yield each character that is no quote, with the quote that it stands in."""
    quote = ""
    for character in line:
        if quote:
            if character == quote:
                quote = ""
            else:
                yield character, quote
        elif character in "\"'":
            quote = character
        else:
            yield character, quote


def _filled(word: str, templates: Iterator[str]) -> Iterator[str]:
    """Yield the parts of a word; a template that is all of it must give a text, and never several arguments."""
    for character in word:
        yield next(templates) if character == _STAND_IN else character
    if word == _STAND_IN:
        yield _TEXT
