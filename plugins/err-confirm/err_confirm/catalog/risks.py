"""Find what an action may do, but probably should not: the warnings of `lint`."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from err_confirm.catalog.entries import ParameterEntry
from err_confirm.catalog.findings import Findings, texts
from err_confirm.catalog.problem import Severity
from err_confirm.model.files import Action, Parameter, ParameterType
from err_confirm.rendering import TARGET, TARGET_NAME, TARGETS
from err_confirm.runners.http_settings import HttpRequest, HttpSettings, secret_pairs
from err_confirm.runners.processes.environment import is_secret
from err_confirm.templating import is_template, names, printed, unquoted

_OPTION = dict.fromkeys(["sh", "bash", "dash", "ksh", "zsh", "su", "runuser", "psql", "python", "python3"], "c")
_OPTION |= dict.fromkeys(["perl", "ruby", "node", "mysql"], "e")
"""The option behind which each of these programs takes a text that it runs."""

_EXEC = frozenset({"docker", "podman", "kubectl"})
_SSH_OPTIONS_WITH_VALUE = frozenset("BbcDEeFIiJLlmOopQRSWw")
_HARMLESS = frozenset({ParameterType.INTEGER, ParameterType.NUMBER, ParameterType.BOOLEAN})

_WRITTEN = {
    ParameterType.ARRAY: "{{{{ {name} | join(',') }}}}, or put it alone into an argument",
    ParameterType.BOOLEAN: "{{{{ {name} | to_json_string }}}}",
    ParameterType.OBJECT: "{{{{ {name} | to_json_string }}}}",
}
"""How what is no text is put into one."""


def find_risks(findings: Findings, action: Action) -> None:
    """Warn of a program that cannot be started, and of values that another program takes for commands or options.

    What looks ahead is looked at, too: it runs for whoever asks.
    """
    ahead = {"targets": action.targets, "preview": action.preview}
    probes = {key: rule.probe for key, rule in ahead.items() if rule is not None and rule.probe is not None}
    for key, run in {"run": action.run, **{key: probe.run for key, probe in probes.items()}}.items():
        if "http" in run:
            _find_in_request(findings, action, key, HttpSettings.model_validate(dict(run)).http)
        if command := run.get("command"):
            _find_in(findings, action, key, command)
        _find_in_texts(findings, action, key, run)


def _find_in(findings: Findings, action: Action, key: str, command: Sequence[str]) -> None:
    program = command[0]
    if "/" in program and not is_template(program) and not os.access(action.base / program, os.X_OK):
        findings.add((key, "command", 0), f"{program} is no program that can be started", Severity.WARNING)
    for index, reader in _read_again(command).items():
        read = unquoted(command[index])
        if TARGET_NAME in read:
            findings.add(
                (key, "command", index),
                f'"{TARGET_NAME}" may be any text, and {reader} takes it for a part of a command; '
                f"write {{{{ {TARGET_NAME} | quote }}}}",
                Severity.WARNING,
            )
        for name in sorted(read & action.parameters.keys()):
            if not is_bounded(action.parameters[name]):
                findings.add(
                    (key, "command", index),
                    f'"{name}" comes from chat and {reader} takes it for a part of a command; '
                    f"give it an enum or a pattern, or write {{{{ {name} | quote }}}}",
                    Severity.WARNING,
                )
    for index, argument in enumerate(command):
        if argument.startswith("{{") and TARGET_NAME in names(argument):
            findings.add(
                (key, "command", index),
                f'"{TARGET_NAME}" may be any text, also one that begins with -; take the id, {{{{ {TARGET} }}}}',
                Severity.WARNING,
            )


def _find_in_request(findings: Findings, action: Action, key: str, request: HttpRequest) -> None:
    """Warn of a secret that is in the file or goes over the network in clear text, and of values that make a path."""
    where = (key, "http", "url")
    for pair in secret_pairs(request.url):
        name = pair.partition("=")[0]
        findings.add(
            where,
            f'"{name}" looks secret, and is in this file and in the store; put it under query as env:NAME or file:PATH',
            Severity.WARNING,
        )
    secret = next((name for name, value in {**request.headers, **request.query}.items() if is_secret(value)), None)
    if secret and request.url.startswith("http://"):
        findings.add(where, f'the secret for "{secret}" is sent without TLS; say https://', Severity.WARNING)
    for name in sorted(names(request.url) & action.parameters.keys()):
        if not is_bounded(action.parameters[name]):
            findings.add(
                where,
                f'"{name}" comes from chat and may bring / or % into the URL; give it an enum or a pattern, '
                "or put it under query",
                Severity.WARNING,
            )


def _find_in_texts(findings: Findings, action: Action, key: str, run: Mapping[str, Any]) -> None:
    """Warn of what is no text, and would stand in one as Python writes it; of StackStorm's, which wants that, not."""
    kinds = {name: each.type for name, each in action.parameters.items() if each.type in _WRITTEN}
    kinds |= {TARGETS: ParameterType.ARRAY} if action.targets else {}
    for where, text in texts(run, (key,)):
        own = findings.document.locate(where) == where
        for name in sorted(printed(text) & kinds.keys()) if own else ():
            better = _WRITTEN[kinds[name]].format(name=name)
            findings.add(
                where, f'"{name}" would stand in this text as Python writes it; write {better}', Severity.WARNING
            )


def is_bounded(parameter: Parameter | ParameterEntry) -> bool:
    """Tell whether a file says which values there can be, or none of them can mean anything else."""
    return bool(parameter.enum or parameter.pattern) or parameter.type in _HARMLESS


def _read_again(command: Sequence[str]) -> dict[int, str]:
    """Return the index of each argument that is itself read as a command, with the program that reads it."""
    readers: dict[int, str] = {}
    for index, argument in enumerate(command):
        program, rest = PurePosixPath(argument).name, range(index + 1, len(command))
        if option := _OPTION.get(program):
            reader, places = f"{program} -{option}", _after(option, command, rest)
        elif program == "ssh":
            reader, places = program, rest[_destination(command[index + 1 :]) + 1 :]
        elif program in _EXEC and "exec" in command[index:]:
            reader, places = f"{program} exec", range(command.index("exec", index) + 1, len(command))
        else:
            continue
        readers = dict.fromkeys(places, reader) | readers
    return readers


def _after(option: str, command: Sequence[str], places: range) -> range:
    """Return the place of the text that `-c`, also as in `-xc` or `--command`, hands over."""
    for place in places[:-1]:
        if re.fullmatch(f"-[A-Za-z]*{option}|--command|--execute", command[place]):
            return range(place + 1, place + 2)
    return range(0)


def _destination(arguments: Sequence[str]) -> int:
    """Return which of ssh's arguments says where to connect to; what follows it is the command."""
    place = 0
    while place < len(arguments) and arguments[place].startswith("-"):
        if arguments[place] == "--":
            return place + 1
        place += 2 if len(arguments[place]) == 2 and arguments[place][1] in _SSH_OPTIONS_WITH_VALUE else 1
    return place
