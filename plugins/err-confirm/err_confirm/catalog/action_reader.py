"""Make an action of what a file says under `parameters` and `run`."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from err_confirm.catalog.entries import ActionFile, AliasFile, ParameterEntry
from err_confirm.catalog.findings import Findings, texts
from err_confirm.catalog.messages import problems
from err_confirm.catalog.risks import find_risks
from err_confirm.catalog.yaml_source import Location
from err_confirm.errors import ParameterError, TemplateError
from err_confirm.model import Action, Parameter, ParameterType
from err_confirm.parameters import check_type, check_value, compile_pattern
from err_confirm.runners import RUNNERS
from err_confirm.spelling import did_you_mean
from err_confirm.templating import check, names


def read_action(findings: Findings) -> Action | None:
    """Return the action of an action file, or None if it has errors."""
    try:
        file = ActionFile.model_validate(findings.document.data)
    except ValidationError as error:
        findings.problems += problems(error, ActionFile, findings.document)
        return None
    return make_action(findings, file, file.run)


def make_action(
    findings: Findings, file: ActionFile | AliasFile, run: Mapping[str, Any], implied: Iterable[str] = ()
) -> Action | None:
    """Return the action that a file describes, or None if it has errors.

    Args:
        findings: gets what is wrong.
        file: an action file, or an alias file with an action of its own.
        run: what it says under `run`.
        implied: the parameters (one word each) of a file that has no `parameters`: those that its formats name.
    """
    parameters = {name: _parameter(findings, name, entry) for name, entry in file.parameters.items()}
    if "parameters" not in file.model_fields_set:
        parameters = {name: Parameter(name=name) for name in implied}
    runner = _runner(findings, run)
    _check_templates(findings, run, parameters)
    if findings.failed:
        return None
    action = Action(
        name=file.name,
        pack=file.pack,
        description=file.description,
        parameters=parameters,
        runner=runner,
        run=run,
        source=findings.document.source(("name",)),
        base=_base(findings.document.path),
    )
    find_risks(findings, action)
    return action


def _base(path: Path) -> Path:
    """Return the folder that contains `aliases/` or `actions/`."""
    return path.absolute().parent.parent


def _parameter(findings: Findings, name: str, entry: ParameterEntry) -> Parameter:
    parameter = entry.parameter(name)
    try:
        compile_pattern(parameter.pattern or "")
    except ValueError as error:
        findings.add(("parameters", name, "pattern"), str(error))
        return parameter
    location: Location
    for index, value in enumerate(parameter.enum):
        location = ("parameters", name, "enum", index)
        try:
            check_type([value] if parameter.type is ParameterType.ARRAY else value, parameter.type)
        except ValueError as error:
            findings.add(location, f'the enum of "{name}" {error}{_quotes(findings, location, parameter)}')
    if parameter.default is not None:
        location = ("parameters", name, "default")
        try:
            check_value(parameter, parameter.default)
        except ParameterError as error:
            findings.add(location, f"the default of {error}{_quotes(findings, location, parameter)}")
    return parameter


def _quotes(findings: Findings, location: Location, parameter: Parameter) -> str:
    return findings.document.quotes(location) if parameter.type is ParameterType.STRING else ""


def _runner(findings: Findings, run: Mapping[str, Any]) -> str:
    keys = [key for key in run if key in RUNNERS]
    if len(keys) != 1:
        hint = "" if keys else "".join(did_you_mean(key, RUNNERS) for key in run)
        findings.add(("run",), f'"run" has exactly one of the keys {", ".join(RUNNERS)}{hint}')
        return ""
    settings = RUNNERS[keys[0]].Settings
    try:
        settings.model_validate(run)
    except ValidationError as error:
        findings.problems += problems(error, settings, findings.document, under=("run",))
    return keys[0]


def _check_templates(findings: Findings, run: Mapping[str, Any], parameters: Collection[str]) -> None:
    for location, text in texts(run, ("run",)):
        try:
            check(text)
            unknown = sorted(names(text) - set(parameters))
        except TemplateError as error:
            findings.add(location, str(error))
        else:
            for name in unknown:
                findings.add(location, f'unknown parameter "{name}"{did_you_mean(name, parameters)}')
