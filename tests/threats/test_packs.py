"""Values from chat are text to an action of StackStorm's, whatever kind it is: they start nothing."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from builders import a_policy
from err_confirm.catalog import load
from err_confirm.errors import ParameterError
from err_confirm.parameters import cast
from err_confirm.people import People
from err_confirm.plan import plan
from err_confirm.plan.index import Match
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context
from servers import PATIENCE
from talk import ROOT, write_files

INJECTION = runpy.run_path(str(ROOT / "tests/runners/test_injection.py"))
PAYLOADS = [payload for payload in INJECTION["PAYLOADS"] if len(payload) < 1_000]
ECHO = "#!/usr/bin/env -S python3 -I -S\n" + INJECTION["ECHO"].lstrip()
CLASS = """
import json, os
from st2common.runners.base_action import Action

class Echo(Action):
    def run(self, **given):
        arguments = [text.encode().hex() for text in given.values()]
        mine = [pid for pid in os.listdir("/proc") if pid.isdigit() and self.session(pid) == os.getsid(0)]
        return [arguments, len(mine), os.listdir()]

    def session(self, pid):
        try:
            return os.getsid(int(pid))
        except ProcessLookupError:
            return None
"""


def metadata(kind: str, names: list[str]) -> dict[str, Any]:
    """Return an action of a kind that takes every payload, each as a parameter that takes any text."""
    parameters: dict[str, Any] = {name: {"type": "string", "free": True, "dash": True} for name in names}
    match kind:
        case "line":
            bare = {
                "cmd": {"immutable": True, "default": " ".join(["actions/echo", *(f"{{{{ {n} }}}}" for n in names)])}
            }
            return {"runner_type": "local-shell-cmd", "parameters": {**parameters, **bare}}
        case "quoted":
            quoted = " ".join(["actions/echo", *(f"'{{{{ {name} }}}}'" for name in names)])
            return {"runner_type": "local-shell-cmd", "parameters": {**parameters, "cmd": {"default": quoted}}}
        case "positions":
            placed = {name: {**each, "position": place} for place, (name, each) in enumerate(parameters.items())}
            return {"runner_type": "local-shell-script", "entry_point": "echo", "parameters": placed}
        case "names":
            return {"runner_type": "local-shell-script", "entry_point": "echo", "parameters": parameters}
    return {"runner_type": "python-script", "entry_point": "echo.py", "parameters": parameters}


@pytest.mark.parametrize(("kind", "step"), [("line", 1), ("quoted", 5), ("positions", 5), ("names", 5), ("class", 1)])
def test_payloads_arrive_as_text_and_start_no_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, step: int
) -> None:
    """As values of parameters that take any text; what is no text at all is refused before."""
    monkeypatch.chdir(tmp_path)
    payloads = PAYLOADS[::step]
    names = [f"p{number}" for number in range(len(payloads))]
    files = {"actions/it.yaml": json.dumps({"name": "it", **metadata(kind, names)}), "actions/echo": ECHO}
    files |= {"actions/echo.py": CLASS, "aliases/go.yaml": "name: go\nformats: [go]\naction_ref: it\n"}
    write_files(tmp_path / "ops", files)
    catalog = load([], [], packs=[Path("ops")], people=People(None), default=a_policy(), shipped=None)
    assert not catalog.warnings, catalog.warnings
    alias = catalog.aliases["go"]
    action, values = catalog.action(alias), dict[str, str]()
    for name, payload in zip(names, payloads, strict=True):
        try:
            values |= {name: payload} if cast(action, {name: payload}) else {}
        except ParameterError as error:
            assert "control character" in str(error)  # noqa: PT017 (most of them are texts)
            values[name] = f"instead of {name}"
    invocation = plan(catalog, Match(alias, "go", values)).invocation
    outcome = RUNNERS[invocation.runner].start(invocation, Context()).wait(PATIENCE)
    assert outcome is not None
    arguments, processes, files_there = json.loads(outcome.output)
    given = list(values.values())
    if kind == "names":
        given = [f"--{name}={value}" for name, value in values.items() if value]
    assert [bytes.fromhex(argument).decode() for argument in arguments] == given
    assert processes == 1
    assert sorted(files_there) == ["actions", "aliases"]
