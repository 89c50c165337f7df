"""`err-confirm completion`: print what lets a shell complete commands and options."""

import argparse
from collections.abc import Iterable, Iterator

from err_confirm.cli.command import Command, CommandParser
from err_confirm.cli.exits import Exit

_SCRIPT = """\
# Completes err-confirm in bash: source <(err-confirm completion bash)
_err_confirm() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} words=
    if [[ $COMP_CWORD == 1 ]]; then
        words='{commands}'
    else
        case ${{COMP_WORDS[1]}},${{COMP_WORDS[COMP_CWORD - 1]}},$word in
{cases}
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}}
complete -o bashdefault -o default -F _err_confirm err-confirm
"""
"""Where it has no words, bash completes the names of files."""


def completion(options: argparse.Namespace) -> Exit:
    """Print the script."""
    commands: dict[str, CommandParser] = options.commands
    for parser in commands.values():
        parser.know()
    cases = "\n".join(f"        {case} ;;" for name, parser in commands.items() for case in _cases(name, parser))
    print(_SCRIPT.format(commands=" ".join([*commands, "--help", "--version"]), cases=cases), end="")
    return Exit.OK


def _cases(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield what comes after an option with a value, then the options, then what a command takes."""
    actions = parser._actions  # argparse has no public list of them
    takes = [each for each in actions if each.option_strings and each.nargs is None]
    for option in takes:
        yield f"{name},{option.option_strings[-1]},*){_words(option.choices)}"
    yield f"{name},*,-*){_words([each.option_strings[-1] for each in actions if each.option_strings])}"
    for given in actions:
        if given.choices and not given.option_strings:
            yield f"{name},*){_words(given.choices)}"


def _words(words: Iterable[str] | None) -> str:
    found = " ".join(word for word in words or () if " " not in word)  # bash would take it for two
    return f" words='{found}'" if found else ""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash",), help="whose")


COMMAND = Command(
    description="Print a script that lets bash complete commands, options and their values. Always the script; reads "
    "no config.py. Put this into ~/.bashrc: source <(err-confirm completion bash)",
    run=completion,
    arguments=_arguments,
)
