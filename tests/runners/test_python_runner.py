"""A function of the actions folder runs in an interpreter of its own."""

import json

import pytest
from pydantic import ValidationError

from err_confirm.errors import ParameterError
from err_confirm.model.runs import Invocation, Outcome
from err_confirm.runners.python_runner import PythonRunner, PythonSettings

RUNNER = PythonRunner()


@pytest.fixture
def module(tmp_path):
    """Return a function that writes `actions/mine.py`."""
    (tmp_path / "actions").mkdir()

    def write(text):
        (tmp_path / "actions" / "mine.py").write_text(text)

    return write


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        *({"python": wrong} for wrong in ("mine", "mine:", "mine:f()", "../mine:f", "mine:f\n", ":f", "mine:a.b")),
        {"python": "mine:f", "cwd": "."},
        {"python": "mine:f", "timeout": "2d"},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong):
    """It is one function of one module."""
    with pytest.raises(ValidationError):
        PythonSettings.model_validate(wrong)


def test_an_invocation_is_json_and_holds_everything(rendered, tmp_path):
    """It can be stored and read back, and does not change when the parameters do."""
    parameters = {"hosts": ["h1"], "word": "x"}
    invocation = rendered(parameters, python="mine:f", env={"A": "{{ word }}"}, timeout="3s", output_cap="1KiB")
    parameters["hosts"].append("h2")
    assert invocation == Invocation(
        runner="python",
        spec={
            "python": "mine:f",
            "arguments": {"hosts": ["h1"], "word": "x"},
            "path": [f"{tmp_path}/actions"],
            "cwd": str(tmp_path),
            "env": {"A": "x"},
            "timeout": 3.0,
            "output_cap": 1_024,
        },
    )
    assert json.loads(json.dumps(invocation.spec)) == invocation.spec
    assert RUNNER.describe(invocation) == 'A=x mine:f(hosts=["h1"], word="x")'


@pytest.mark.parametrize("value", [float("nan"), "\ud800", {1, 2}, object()])
def test_a_value_that_json_does_not_know_is_refused(rendered, value):
    """The parameter is named."""
    with pytest.raises(ParameterError, match='"v" cannot be handed'):
        rendered({"v": value}, python="mine:f")


def test_nothing_hides_in_what_is_shown(rendered):
    """A hidden character, a text that looks like one, and a type are all told apart."""
    values = ["\u202e", "\\u202e", "\n", "\\n", "n", 1, "1", 1.0, True, "true", None, [], {}, "a, b=1"]
    shown = {RUNNER.describe(rendered({"v": value}, python="mine:f")) for value in values}
    assert len(shown) == len(values)
    assert all(line.isprintable() for line in shown)
    assert r'mine:f(v="\u202e")' in shown
    assert r'mine:f(v="\\u202e")' in shown


def test_parameters_arrive_as_keyword_arguments_of_their_types(ended, module):
    """What it prints comes first, what it returns last, in words or as JSON."""
    module("def f(*, hosts, n, deep, text):\n    print(type(n).__name__, text)\n    return {'h': hosts, 'd': deep}\n")
    parameters = {"hosts": ["h1", "ä"], "n": 2, "deep": {"a": [None, True]}, "text": "x\0'; import os"}
    outcome = ended(parameters, python="mine:f")
    expected = 'int x\0\'; import os\n{"h": ["h1", "ä"], "d": {"a": [null, true]}}\n'
    assert outcome == Outcome(exit_code=0, output=expected)


@pytest.mark.parametrize(
    ("returned", "output"),
    [("None", ""), ("'as it is'", "as it is\n"), ("0", "0\n"), ("False", "false\n"), ("''", "\n")],
)
def test_only_none_returns_nothing(ended, module, returned, output):
    """Text is printed as it is, everything else as JSON."""
    module(f"def f(): return {returned}")
    assert ended(python="mine:f") == Outcome(exit_code=0, output=output)


@pytest.mark.parametrize(
    ("code", "exit_code", "output"),
    [("sys.exit(3)", 3, ""), ("sys.exit()", 0, ""), ("sys.exit('no such host')", 1, "no such host\n")],
)
def test_an_exit_is_respected(ended, module, code, exit_code, output):
    """As in any program."""
    module(f"import sys\ndef f(): {code}")
    assert ended(python="mine:f") == Outcome(exit_code=exit_code, output=output)


def test_an_exception_is_a_failure_with_the_end_of_its_traceback(ended, module):
    """It shows the lines of the module, and none of ours."""
    module("def f():\n    return g()\n\n\ndef g():\n    raise ValueError('no such host')\n")
    outcome = ended(python="mine:f")
    assert outcome.exit_code == 1
    assert outcome.output.endswith("ValueError: no such host\n")
    assert "mine.py" in outcome.output
    assert "python_child" not in outcome.output


@pytest.mark.parametrize(
    ("python", "output"),
    [
        ("missing:f", 'there is no module "missing" in {}/actions; correct `python:` in the action\n'),
        ("mine.deeper:f", 'there is no module "mine.deeper" in {}/actions; correct `python:` in the action\n'),
        ("mine:missing", 'the module "mine" has no function "missing"; correct `python:` in the action\n'),
        ("mine:NUMBER", 'the module "mine" has no function "NUMBER"; correct `python:` in the action\n'),
        ("mine:g", "TypeError: g() got an unexpected keyword argument 'word'\n"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(ended, module, tmp_path, python, output):
    """Not in a traceback of a script that nobody knows."""
    module("NUMBER = 1\ndef g(): pass\n")
    assert ended({"word": "x"}, python=python) == Outcome(exit_code=1, output=output.format(tmp_path))


def test_a_module_that_lacks_another_one_says_which(ended, module):
    """The name that is missing is the one in the sentence, with the line that wants it."""
    module("import not_installed")
    outcome = ended(python="mine:f")
    assert outcome.exit_code == 1
    assert "import not_installed" in outcome.output
    assert outcome.output.endswith("No module named 'not_installed'\n")


def test_it_sees_neither_the_bots_environment_nor_its_modules(ended, module, monkeypatch):
    """The interpreter is isolated: no variables, no user site, no folder but `actions`."""
    monkeypatch.setenv("BOT_TOKEN", "canary")
    monkeypatch.setenv("PYTHONPATH", "/canary")
    module(
        "import os, sys\ndef f(): return [dict(os.environ), sys.path, sys.stdin.read(), 'err_confirm' in sys.modules]"
    )
    outcome = ended(python="mine:f", env={"NAMED": "x"})
    assert "canary" not in outcome.output
    environment, path, rest, has_library = json.loads(outcome.output)
    assert environment["NAMED"] == "x"
    assert "/runners" not in "".join(path)
    assert (rest, has_library) == ("", False)


def test_a_megabyte_of_arguments_arrives(ended, module):
    """Arguments come through a file, which no pipe's size limits."""
    module("def f(text): return len(text)")
    assert ended({"text": "x" * 1_000_000}, python="mine:f").output == "1000000\n"


def test_what_was_printed_before_the_time_limit_is_kept(out_of_time, module):
    """Output is not held back."""
    module("import time\ndef f():\n    print('begun')\n    time.sleep(600)\n")
    assert out_of_time(lambda outcome: outcome.output, python="mine:f").output == "begun\n"
