"""Find what an action may do, but probably should not: the warnings of `lint`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from err_confirm.catalog.findings import Findings
from err_confirm.catalog.problem import Severity
from err_confirm.model import Action, Parameter, ParameterType
from err_confirm.templating import is_template, unquoted

_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_SSH_OPTIONS_WITH_VALUE = frozenset("BbcDEeFIiJLlmOopQRSWw")
_HARMLESS = frozenset({ParameterType.INTEGER, ParameterType.NUMBER, ParameterType.BOOLEAN})


def find_risks(findings: Findings, action: Action) -> None:
    """Warn of a program that cannot be started, and of values from chat that another program takes for commands."""
    command = action.run.get("command")
    if not command:
        return
    program = command[0]
    if "/" in program and not is_template(program) and not os.access(action.base / program, os.X_OK):
        findings.add(("run", "command", 0), f"{program} is no program that can be started", Severity.WARNING)
    for index, reader in _read_again(command):
        for name in sorted(unquoted(command[index]) & action.parameters.keys()):
            if not _is_bounded(action.parameters[name]):
                findings.add(
                    ("run", "command", index),
                    f'"{name}" comes from chat and {reader} takes it for a part of a command; '
                    f"give it an enum or a pattern, or write {{{{ {name} | quote }}}}",
                    Severity.WARNING,
                )


def _is_bounded(parameter: Parameter) -> bool:
    return bool(parameter.enum or parameter.pattern) or parameter.type in _HARMLESS


def _read_again(command: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the index of each argument that is itself read as a command, with the program that reads it."""
    for index, argument in enumerate(command):
        program = PurePosixPath(argument).name
        if program in _SHELLS or program == "psql":
            yield from ((place, f"{program} -c") for place in _after_option_c(command, index + 1))
        elif program == "ssh":
            yield from ((place, program) for place in range(_ssh_command(command, index + 1), len(command)))
        elif program == "docker" and "exec" in command[index:]:
            first = command.index("exec", index) + 1
            yield from ((place, "docker exec") for place in range(first, len(command)))


def _after_option_c(command: Sequence[str], start: int) -> list[int]:
    """Return the place of the text that `-c`, also as in `-xc`, hands over."""
    for index in range(start, len(command) - 1):
        if command[index].startswith("-") and command[index].endswith("c"):
            return [index + 1]
    return []


def _ssh_command(command: Sequence[str], start: int) -> int:
    """Return where ssh's options and its destination end."""
    index = start
    while index < len(command) and command[index].startswith("-"):
        if command[index] == "--":
            index += 1
            break
        index += 2 if len(command[index]) == 2 and command[index][1] in _SSH_OPTIONS_WITH_VALUE else 1
    return index + 1
