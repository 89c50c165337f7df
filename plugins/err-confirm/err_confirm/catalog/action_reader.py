"""Make an action of what a file says under `parameters` and `run`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from err_confirm.catalog.entries import ActionFile, AliasFile, ParameterEntry
from err_confirm.catalog.findings import Findings
from err_confirm.catalog.messages import problems
from err_confirm.catalog.risks import find_risks
from err_confirm.catalog.run_reader import (
    check_loop,
    check_profile,
    check_templates,
    choose_runner,
    read_preview,
    read_targets,
)
from err_confirm.catalog.yaml_source import Location
from err_confirm.errors import ParameterError
from err_confirm.model.files import Action, Parameter, ParameterType, Profile
from err_confirm.parameters import check_type, check_value, compile_pattern
from err_confirm.rendering import TARGET_WORDS, TARGETS
from err_confirm.runners.said_runner import SaidRunner


def read_action(findings: Findings, profiles: Mapping[str, Profile] | None) -> Action | None:
    """Return the action of an action file, or None if it has errors."""
    try:
        file = ActionFile.model_validate(findings.document.data)
    except ValidationError as error:
        findings.problems += problems(error, ActionFile, findings.document)
        return None
    return make_action(findings, file, file.run, profiles=profiles)


def make_action(
    findings: Findings,
    file: ActionFile | AliasFile,
    run: Mapping[str, Any],
    implied: Iterable[str] = (),
    profiles: Mapping[str, Profile] | None = None,
) -> Action | None:
    """Return the action that a file describes, or None if it has errors.

    Args:
        findings: gets what is wrong.
        file: an action file, or an alias file with an action of its own.
        run: what it says under `run`.
        implied: the parameters (one word each) of a file that has no `parameters`: those that its formats name.
        profiles: as whom it may run; None if nobody knows.
    """
    parameters = {name: _parameter(findings, name, entry) for name, entry in file.parameters.items()}
    if "parameters" not in file.model_fields_set:
        parameters = {name: Parameter(name=name) for name in implied}
    runner = choose_runner(findings, run, ("run",))
    targets, preview = read_targets(findings, file), read_preview(findings, file)
    known = {*parameters, *(TARGET_WORDS if targets else ())}
    for key, value, names_there in (
        ("run", run, known),
        ("targets", file.targets, parameters),
        ("preview", file.preview, {*parameters, *((TARGETS,) if targets else ())}),
        ("lock", file.lock.name if file.lock else None, parameters),
    ):
        check_templates(findings, value, (key,), names_there)
    for key, value in (("run", run), ("targets", file.targets), ("preview", file.preview)):
        check_profile(findings, value, (key,), profiles)
    if file.remote is not None and runner == SaidRunner.key:
        findings.add(("remote",), "a command of the bot runs in the bot, and no worker has one; leave remote out")
    if targets is not None:
        check_loop(findings, run, runner, parameters, targets)
    if findings.failed:
        return None
    action = Action(
        name=file.name,
        pack=file.pack or findings.pack,
        description=file.description,
        parameters=parameters,
        runner=runner,
        run=run,
        source=findings.document.source(("name",)),
        base=_base(findings.document.path),
        targets=targets,
        preview=preview,
        rate=file.rate.rate(),
        mutex=file.lock.rule() if file.lock else None,
        remote=file.remote.remote() if file.remote else None,
        retry=file.on_lost is not None,
        json=file.output == "json",
        profiles=profiles or {},
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
