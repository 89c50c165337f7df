"""Read what an action runs, before anybody is asked and after: the keys `run`, `targets` and `preview`."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from err_confirm.catalog.findings import Findings, texts
from err_confirm.catalog.messages import problems
from err_confirm.catalog.problem import Severity
from err_confirm.catalog.run_keys import LONGEST_PROBE, USUAL_PROBE, Conducted, PreviewKeys, TargetKeys
from err_confirm.catalog.yaml_source import Location
from err_confirm.errors import TemplateError
from err_confirm.model.files import PreviewRule, Probe, Profile, TargetRule
from err_confirm.model.runs import OnChange
from err_confirm.rendering import TARGET, TARGET_WORDS, TARGETS, target_words
from err_confirm.rendering.selection import check_selection
from err_confirm.runners import RUNNERS
from err_confirm.runners.said_runner import SaidRunner
from err_confirm.templating import check, names
from err_confirm.text.spelling import did_you_mean

_Keys = TypeVar("_Keys", bound=BaseModel)


def choose_runner(findings: Findings, run: Mapping[str, Any], location: Location) -> str:
    """Return which runner a mapping chooses by its key, nothing if it is wrong."""
    key, chosen = location[-1], [each for each in run if each in RUNNERS]
    if len(chosen) != 1:
        hint = "" if chosen else "".join(did_you_mean(each, RUNNERS) for each in run)
        findings.add(location, f'"{key}" has exactly one of the keys {", ".join(RUNNERS)}{hint}')
        return ""
    _read(findings, RUNNERS[chosen[0]].Settings, run, location)
    return chosen[0]


def read_targets(findings: Findings, file: Conducted) -> TargetRule | None:
    """Return where the targets come from; None if there are none, or if that is wrong."""
    given = {"of": file.targets} if isinstance(file.targets, str) else file.targets
    if given is None:
        return None
    own, run = _divided(given, TargetKeys)
    keys = _read(findings, TargetKeys, own, ("targets",))
    if keys is None:
        return None
    if keys.of is not None and run:
        findings.add(("targets",), f'"of" is a list that is there already, and {next(iter(run))} finds one; keep one')
        return None
    if keys.select:
        with findings.refusals("targets", "select"):
            check_selection(keys.select)
    probe = None if keys.of is not None else _probe(findings, run, "targets")
    return TargetRule(probe=probe, of=keys.of or "", select=keys.select, on_change=keys.on_change)


def read_preview(findings: Findings, file: Conducted) -> PreviewRule | None:
    """Return the dry run; None if there is none, or if it is wrong."""
    if file.preview is None:
        return None
    own, run = _divided(file.preview, PreviewKeys)
    keys = _read(findings, PreviewKeys, own, ("preview",))
    return None if keys is None else PreviewRule(probe=_probe(findings, run, "preview"), again=keys.again)


def check_templates(findings: Findings, value: Any, location: Location, known: Collection[str]) -> None:
    """Note each template in a value that is none, or that reads what it cannot know."""
    for where, text in texts(value, location):
        try:
            check(text)
            unknown = sorted(names(text) - {*known})
        except TemplateError as error:
            findings.add(where, str(error))
        else:
            for name in unknown:
                findings.add(where, f'unknown parameter "{name}"{did_you_mean(name, known)}')


def check_profile(findings: Findings, value: Any, location: Location, profiles: Mapping[str, Profile] | None) -> None:
    """Note a profile that nobody has described."""
    acting = value.get("as") if isinstance(value, Mapping) else None
    name = acting.get("profile") if isinstance(acting, Mapping) else None
    if isinstance(name, str) and profiles is not None and name not in profiles:
        hint = did_you_mean(name, profiles)
        findings.add((*location, "as", "profile"), f'unknown profile "{name}"{hint}; name it in CONFIRM_PROFILES')


def check_loop(
    findings: Findings, run: Mapping[str, Any], runner: str, parameters: Collection[str], rule: TargetRule
) -> None:
    """Note targets that nothing is done to, or whose names the parameters have."""
    for name in sorted(TARGET_WORDS & {*parameters}):
        findings.add(("parameters", name), f'with targets, "{name}" is one of them; call the parameter otherwise')
    if findings.failed:
        return
    read = target_words(run)
    if runner != "python" and not read:
        findings.add(("run",), f"runs the same for each target; say where it goes: {{{{ {TARGET} }}}}")
    if rule.on_change is OnChange.INTERSECT and read == {TARGETS}:
        findings.add(("targets", "on_change"), f"intersect is for what runs once for each {{{{ {TARGET} }}}}")


def _divided(given: Mapping[str, Any], keys: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keys of a mapping that a model knows, and the others."""
    own = {key: value for key, value in given.items() if key in keys.model_fields}
    return own, {key: value for key, value in given.items() if key not in own}


def _read(findings: Findings, model: type[_Keys], given: Any, location: Location) -> _Keys | None:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        findings.problems += problems(error, model, findings.document, under=location)
        return None


def _probe(findings: Findings, run: dict[str, Any], key: str) -> Probe:
    """Return what runs before anybody is asked, which a note says."""
    runner = choose_runner(findings, run, (key,))
    if runner == SaidRunner.key:
        findings.add((key,), "a command of the bot runs only when it was confirmed; let something else look")
    settings = None if findings.failed else RUNNERS[runner].Settings.model_validate(run)
    if getattr(settings, "timeout", 0) > LONGEST_PROBE and "timeout" in run:
        findings.add((key, "timeout"), f"at most {LONGEST_PROBE}s, because somebody waits for it")
    findings.add((key,), "runs before anybody has confirmed it: let it only look", Severity.NOTE)
    return Probe(runner=runner, run={**run, "timeout": run.get("timeout", USUAL_PROBE)})
