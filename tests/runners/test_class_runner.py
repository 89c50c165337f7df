"""A class of a StackStorm pack runs as it does there, in an interpreter of its own."""

import json
from dataclasses import replace

import pytest
from pydantic import ValidationError

from err_confirm.errors import ParameterError
from err_confirm.model.files import Action, Parameter, Source
from err_confirm.model.runs import Outcome
from err_confirm.runners.base import Context
from err_confirm.runners.class_runner import ClassRunner, ClassSettings
from servers import PATIENCE

RUNNER = ClassRunner()
BASE = "from st2common.runners.base_action import Action\n"


@pytest.fixture
def pack(tmp_path):
    """Return a function that runs the class of a file of the pack `web`."""
    (tmp_path / "actions").mkdir()

    def run(text, parameters=None, names=(), **settings):
        (tmp_path / "actions" / "it.py").write_text(text)
        action = Action(
            name="it",
            pack="web",
            runner="python_class",
            run={"python_class": "it.py", **settings},
            source=Source(tmp_path / "actions/it.yaml"),
            base=tmp_path,
            parameters={name: Parameter(name=name) for name in (*(parameters or {}), *names)},
        )
        invocation = RUNNER.render(action, lambda template: template, parameters or {})
        assert json.loads(json.dumps(invocation.spec)) == invocation.spec
        outcome = RUNNER.start(invocation, Context()).wait(PATIENCE)
        assert outcome is not None
        return outcome

    return run


def a_class(body, base=BASE):
    return f"{base}class It(Action):\n    def run(self, **given):\n        {body}\n"


@pytest.mark.parametrize(
    "wrong", [{}, *({"python_class": wrong} for wrong in ("it", "/it.py", "../it.py", "it.py\n", "a b.py", "it:run"))]
)
def test_what_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValidationError):
        ClassSettings.model_validate(wrong)


def test_half_a_character_is_handed_to_no_class(pack):
    with pytest.raises(ParameterError, match='"v" cannot be handed'):
        pack(a_class("return given"), {"v": "\ud800"})


@pytest.mark.parametrize(
    ("body", "output", "code"),
    [
        ("return 'done'", "done\n", 0),
        ("return {'a': [1]}", '{"a": [1]}\n', 0),
        ("return None", "", 0),
        ("return (True, 'done')", "done\n", 0),
        ("return (False, 'no disk')", "no disk\n", 1),
        ("return (True, {'a': It})", """{"a": "<class 'it.It'>"}\n""", 0),
        ("return ('x', 'y')", "run returned two values, of which the first must be true or false\n", 1),
        ("self.logger.info('looking'); self.logger.debug('more'); return [1, 2]", "INFO looking\n[1, 2]\n", 0),
        ("return self.config", "{}\n", 0),
    ],
)
def test_what_it_returns_is_its_output_and_may_say_that_it_failed(pack, body, output, code):
    outcome = pack(a_class(body))
    assert (outcome.output, outcome.exit_code) == (output, code)


def test_every_parameter_is_an_argument_and_one_without_a_value_is_none(pack):
    outcome = pack(a_class("return sorted(given.items())"), {"host": "web01", "count": 3}, names=["more"])
    assert json.loads(outcome.output) == [["count", 3], ["host", "web01"], ["more", None]]


def test_a_payload_arrives_as_it_is_and_starts_nothing(pack, tmp_path):
    """All of them in one list: same text, no new file."""
    nasty = [
        "; touch M",
        "$(touch M)",
        "`touch M`",
        "'",
        '"',
        "{{ 7 * 7 }}",
        "\n",
        "-x",
        "env:HOME",
        "__import__('os')",
    ]
    outcome = pack(a_class("return given"), {"it": nasty, "self_": nasty[0]})
    assert json.loads(outcome.output) == {"it": nasty, "self_": nasty[0]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["actions"]


def test_a_secret_is_in_no_record_and_in_no_other_process(pack, monkeypatch):
    """It comes by the environment, and is gone from there when the class runs."""
    monkeypatch.setenv("OPS_PASSWORD", "hunter2")
    env = {"ST2_SECRET_password": "env:OPS_PASSWORD"}
    body = "import os; return [given, 'hunter2' in str(os.environ)]"
    assert json.loads(pack(a_class(body), names=["password"], env=env).output) == [{"password": "hunter2"}, False]


def test_a_pack_may_have_a_configuration_and_modules(pack, tmp_path):
    (tmp_path / "web.yaml").write_text("url: https://example.com\n")
    (tmp_path / "actions" / "beside.py").write_text("NAME = 'beside'\n")
    text = a_class("return [beside.NAME, self.config['url']]", "import beside\n" + BASE)
    assert pack(text).output == '["beside", "https://example.com"]\n'
    (tmp_path / "web.yaml").write_text("url: '{{ st2kv.system.url }}'\n")
    assert "web.yaml has templates, which only StackStorm fills in" in pack(text).output


def test_older_packs_import_the_class_from_elsewhere(pack):
    assert pack(a_class("return 'old'", "from st2actions.runners.pythonrunner import Action\n")).output == "old\n"


def test_a_class_may_be_derived_from_one_of_the_pack(pack, tmp_path):
    (tmp_path / "actions" / "base.py").write_text(a_class("return 'of the base'").replace("It(", "Base("))
    assert pack("from base import Base\nclass It(Base):\n    pass\n").output == "of the base\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            a_class("return self.action_service.get_value('x')"),
            "action_service.get_value of StackStorm, which is not here",
        ),
        (a_class("return self.datastore.set_value('x', 1)"), "datastore.set_value of StackStorm, which is not here"),
        (a_class("pass", "import not_installed\n"), 'it.py needs the module "not_installed", which is not installed'),
        (a_class("pass", "from st2client.client import Client\n"), 'it.py needs the module "st2client"'),
        (a_class("pass", BASE + "import st2common.util.date\n"), 'it.py needs the module "st2common.util"'),
        ("x = 1\n", "it.py has 0 classes that are derived from Action"),
        (BASE + "class A(Action): pass\nclass B(Action): pass\n", "it.py has 2 classes that are derived from Action"),
        (a_class("raise ValueError('no disk')"), "ValueError: no disk"),
        ("class", "SyntaxError"),
    ],
)
def test_what_is_not_there_is_said_and_fails(pack, text, why):
    outcome = pack(text)
    assert why in outcome.output
    assert outcome.exit_code == 1


def test_a_file_that_is_gone_fails(pack, tmp_path):
    outcome = pack("", python_class="gone.py")
    assert outcome == replace(
        Outcome(exit_code=1), output=f"there is no file {tmp_path}/actions/gone.py; correct entry_point\n"
    )
