"""Make an action of StackStorm's metadata, or say in a warning why it is not run here."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from err_confirm.catalog.action_reader import make_action
from err_confirm.catalog.entries import ActionFile
from err_confirm.catalog.findings import Findings
from err_confirm.catalog.messages import problems
from err_confirm.catalog.problem import Severity
from err_confirm.catalog.run_keys import Conducted
from err_confirm.catalog.stackstorm import http_request, local_shell, python_script
from err_confirm.catalog.stackstorm.metadata import MetadataFile, MetadataParameter
from err_confirm.catalog.stackstorm.not_run import OLD_NAMES, WHY, NotRunError
from err_confirm.catalog.stackstorm.settings import COMMON, SHELL, is_fixed, settable
from err_confirm.errors import TemplateError
from err_confirm.model.files import Action, Parameter, ParameterType
from err_confirm.templating import names, templates
from err_confirm.text.spelling import did_you_mean

_CONVERTED: Mapping[str, tuple[Callable[[MetadataFile, Path], dict[str, Any]], Collection[str]]] = {
    "local-shell-cmd": (local_shell.command, SHELL | {"cmd"}),
    "local-shell-script": (local_shell.script, SHELL),
    "python-script": (python_script.call, COMMON),
    "http-request": (http_request.request, http_request.OWN),
}
"""What makes a `run:` of each runner that is run here, and the parameters of that runner."""
_ELSEWHERE = frozenset({"st2kv", "config_context", "action_context", "system", "user"})
"""What StackStorm's templates can read, and ours cannot."""


def is_metadata(data: Mapping[str, Any]) -> bool:
    """Tell whether an action file is one of StackStorm's."""
    return "runner_type" in data


def read_metadata(findings: Findings) -> Action | None:
    """Return the action that StackStorm's metadata describe; None if they are wrong, or it is not run here."""
    try:
        file = MetadataFile.model_validate(findings.document.data)
    except ValidationError as error:
        findings.problems += problems(error, MetadataFile, findings.document)
        return None
    if not file.enabled:
        findings.add(("enabled",), f'"{file.name}" is switched off', Severity.NOTE)
        return None
    try:
        return _converted(findings, file)
    except NotRunError as error:
        findings.add(error.location, f'"{file.name}" is not run here: {error}', Severity.WARNING)
        return None


def _converted(findings: Findings, file: MetadataFile) -> Action | None:
    kind = OLD_NAMES.get(file.runner_type, file.runner_type)
    if kind not in _CONVERTED:
        why = WHY.get(kind) or f"nobody here knows the runner {kind}{did_you_mean(kind, _CONVERTED)}"
        raise NotRunError(("runner_type",), why)
    convert, runners = _CONVERTED[kind]
    own = {name: each for name, each in file.parameters.items() if name not in runners}
    for name, parameter in own.items():
        _check(name, parameter)
    run = convert(file, findings.document.path.absolute().parent)
    _check_templates(run, own)
    conducted = {
        key: findings.document.data[key] for key in Conducted.model_fields.keys() & findings.document.data.keys()
    }
    parameters = {name: _entry(each) for name, each in own.items()}
    data = {"name": file.name, "pack": file.pack, "description": file.description, "parameters": parameters, "run": run}
    action = _made(findings, {**data, **conducted})
    if action is None:
        return None
    _note(findings, action, own, settable(file, runners))
    return replace(action, parameters={name: _fixed(each, own[name]) for name, each in action.parameters.items()})


def _made(findings: Findings, data: dict[str, Any]) -> Action | None:
    """Return the action of a file of ours that says the same; what is wrong with that is no error of StackStorm's."""
    trial = Findings(findings.document, findings.pack)
    action = None
    try:
        file = ActionFile.model_validate(data)
    except ValidationError as error:
        trial.problems += problems(error, ActionFile, findings.document)
    else:
        action = make_action(trial, file, file.run)
    for problem in trial.problems:
        if problem.severity is Severity.ERROR:
            message = f'"{data["name"]}" is not run here: {problem.message}'
            problem = replace(problem, message=message, severity=Severity.WARNING)  # noqa: PLW2901
        findings.problems.append(problem)
    return action


def _check(name: str, parameter: MetadataParameter) -> None:
    """Refuse a parameter that would be looser here than there, or whose value nobody here knows."""
    if key := parameter.unchecked():
        why = f'"{key}" of "{name}" is not checked here; say it with pattern, enum, min, max or max_length'
        raise NotRunError(("parameters", name, key), why)
    if not is_fixed(parameter.default):
        why = f'the default of "{name}" is a template, and is not filled in here; write a value'
        raise NotRunError(("parameters", name, "default"), why)
    given = parameter.default
    if parameter.secret and given is None and parameter.required:
        why = f'"{name}" is secret, and nobody can say it in chat; give it a default: env:NAME'
        raise NotRunError(("parameters", name), why)
    if parameter.secret and given is not None and not python_script.is_reference(given):
        why = f'the default of "{name}" is secret, and would be shown; write default: env:NAME'
        raise NotRunError(("parameters", name, "default"), why)


def _check_templates(run: Mapping[str, Any], own: Mapping[str, MetadataParameter]) -> None:
    """Refuse what reads StackStorm's datastore or configuration, and a secret that would be seen."""
    secrets = {name for name, parameter in own.items() if parameter.secret}
    for text in templates(run):
        try:
            read = names(text)
        except TemplateError as error:
            raise NotRunError(("parameters",), str(error)) from error
        for name in sorted(read & _ELSEWHERE - own.keys()):
            why = f'"{name}" is StackStorm\'s own; give the value by env, with a default such as {{NAME: env:NAME}}'
            raise NotRunError(("parameters",), why)
        for name in sorted(read & secrets):
            why = f'"{name}" is secret, and would be seen in what runs; give it by env: {{default: {{NAME: env:NAME}}}}'
            raise NotRunError(("parameters", name), why)


def _entry(parameter: MetadataParameter) -> dict[str, Any]:
    """Return what a file of ours says of a parameter; a secret has no value that could be shown."""
    default = {} if parameter.secret or parameter.default is None else {"default": parameter.default}
    return {**parameter.entry(), **default}


def _fixed(parameter: Parameter, said: MetadataParameter) -> Parameter:
    return replace(parameter, immutable=said.immutable or said.secret, required=said.required and not said.secret)


def _note(findings: Findings, action: Action, own: Mapping[str, MetadataParameter], settable: list[str]) -> None:
    """Note what people can give here less freely than in StackStorm."""
    words = [
        name
        for name, each in own.items()
        if each.type in (ParameterType.STRING, ParameterType.ARRAY)
        and not (each.enum or each.pattern or each.free or each.immutable or each.secret)
    ]
    for names_there, message in (
        (words, "one plain word from chat, where StackStorm takes any text; add pattern, enum or free: true to widen"),
        ([name for name, each in own.items() if each.secret], "secret, and cannot be said in chat"),
        (settable, "fixed here, although StackStorm lets people set it"),
    ):
        if names_there:
            quoted = ", ".join(f'"{name}"' for name in names_there)
            findings.add(("parameters", names_there[0]), f"{quoted} of {action.name}: {message}", Severity.NOTE)
