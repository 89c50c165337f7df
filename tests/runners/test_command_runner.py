"""A command is rendered once, into exactly what is shown."""

import itertools
import json
import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from err_confirm.errors import TemplateError
from err_confirm.model.files import Action, Source
from err_confirm.model.runs import Invocation
from err_confirm.runners.command_runner import CommandRunner, CommandSettings

RUNNER = CommandRunner()


class TestSettings:
    """What may stand under `run:`."""

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"command": []},
            {"command": "reboot now"},
            {"command": ["sleep", 5]},
            {"command": ["true"], "shell": True},
            {"command": ["true"], "timeout": "2d"},
            {"command": ["true"], "timeout": 0},
            {"command": ["true"], "output_cap": "2MiB"},
            {"command": ["true"], "output_cap": "64KB"},
            {"command": ["true"], "output_cap": 0},
            {"command": ["true"], "output_cap": True},
            {"command": ["true"], "env": {"A-B": "x"}},
            {"command": ["true"], "env": {"A": 1}},
            {"command": ["true"], "env": {"A": "env:{{ name }}"}},
            {"command": ["true"], "env": {"A": "file:"}},
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, wrong):
        """A wrong key, type or size never gets as far as running."""
        with pytest.raises(ValidationError):
            CommandSettings.model_validate(wrong)

    def test_what_was_checked_can_be_checked_again(self):
        """The catalog may hand over what the file says, or what the check made of it."""
        settings = CommandSettings.model_validate({"command": ["x"], "timeout": "90s", "output_cap": "1KiB"})
        assert (settings.timeout, settings.output_cap) == (90.0, 1_024)
        assert CommandSettings.model_validate(settings.model_dump(by_alias=True)) == settings


class TestRender:
    """From templates to the exact arguments."""

    def test_an_invocation_is_json_and_holds_everything(self, rendered, tmp_path):
        """It can be stored and read back, and says where, with what and how long."""
        invocation = rendered({"x": "1"}, command=["echo", "{{ x }}"], cwd="sub", env={"A": "a{{ x }}", "B": "env:C"})
        assert invocation == Invocation(
            runner="command",
            spec={
                "argv": ["echo", "1"],
                "cwd": f"{tmp_path}/sub",
                "base": str(tmp_path),
                "env": {"A": "a1", "B": {"secret": "env:C"}},
                "timeout": 300.0,
                "output_cap": 65_536,
            },
        )
        assert json.loads(json.dumps(invocation.spec)) == invocation.spec

    def test_a_list_of_its_own_becomes_several_arguments(self, rendered):
        """An empty one becomes none; a list inside a list is JSON."""
        parameters = {"hosts": ["h1", "h 2"], "none": [], "deep": [["a"], 1]}
        command = ["ssh", "{{ none }}", "{{ hosts }}", "{{ deep }}"]
        assert rendered(parameters, command=command).spec["argv"] == ["ssh", "h1", "h 2", '["a"]', "1"]

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (True, "true"),
            (False, "false"),
            (3, "3"),
            (1.5, "1.5"),
            ({"ä": [1]}, '{"ä": [1]}'),
            ("", ""),
            ("a\nb", "a\nb"),
        ],
    )
    def test_every_other_value_becomes_one_argument(self, rendered, value, text):
        """Booleans and numbers read as in the file; an object is JSON."""
        assert rendered({"v": value}, command=["x", "{{ v }}"]).spec["argv"] == ["x", text]

    @pytest.mark.parametrize("value", [None, "a\0b", "a\ud800", {"k": "\ud800"}])
    @pytest.mark.parametrize("where", ["command", "list", "cwd", "env"])
    def test_what_no_process_can_be_given_is_refused(self, rendered, value, where):
        """Nothing is dropped, cut or replaced on the way."""
        with pytest.raises(TemplateError, match=r"has no value|no process can be given"):
            rendered(
                {"v": [value] if where == "list" else value},
                command=["x", "{{ v }}"] if where in ("command", "list") else ["x"],
                cwd="{{ v }}" if where == "cwd" else ".",
                env={"A": "{{ v }}"} if where == "env" else {},
            )

    @pytest.mark.parametrize(
        "run",
        [{"command": ["{{ empty }}", "x"]}, {"command": ["{{ none }}"]}, {"command": ["x"], "cwd": "{{ empty }}"}],
    )
    def test_an_empty_program_or_folder_is_refused(self, rendered, run):
        """An empty value never makes the next argument the program, or the bot's folder the place."""
        with pytest.raises(TemplateError, match="empty"):
            rendered({"empty": "", "none": []}, **run)


class TestDescribe:
    """What people confirm."""

    def test_it_is_what_one_would_type(self, rendered, tmp_path):
        """Arguments are quoted; a folder and variables of its own stand in front; a secret is its reference."""
        assert RUNNER.describe(rendered(command=["ssh", "--", "h1", "sudo reboot"])) == "ssh -- h1 'sudo reboot'"
        env = {"B": "1 2", "A": "env:TOKEN", "C": "file:key", "D": "{{ v }}"}
        invocation = rendered({"v": "env:TOKEN"}, command=["./x"], cwd="a b", env=env)
        assert RUNNER.describe(invocation) == (
            f"cd 'a b' && A=<env:TOKEN> B='1 2' C=<file:{tmp_path}/key> D=env:TOKEN ./x"
        )
        assert RUNNER.describe(rendered(command=["x"], cwd="/srv")) == "cd /srv && x"
        assert RUNNER.describe(rendered(command=["A=b", "x"])) == "'A=b' x"

    def test_it_is_one_line_in_which_nothing_hides(self, rendered):
        """A new line, a direction mark and a text that only looks like one are all told apart."""
        shown = {
            RUNNER.describe(rendered({"v": v}, command=["x", "{{ v }}"])) for v in ("\u202e", "\\u202e", "\n", "n")
        }
        assert shown == {r"x '\u202e'", r"x '\u005cu202e'", r"x '\u000a'", "x n"}

    def test_no_two_different_commands_look_the_same(self, tmp_path):
        """Every mixture of things that look like another one is tried."""
        source = Source(tmp_path)
        words = ["A=b", "B=<env:A>", "cd", "s", "&&", "a b", "'", "\\u0027", "\u0027'", "", "<env:A>", "{{ v }}"]
        commands = [list(command) for n in (1, 2, 3) for command in itertools.product(words, repeat=n) if command[0]]
        envs = [{}, {"A": "b"}, {"B": "env:A"}, {"B": "<env:A>"}, {"A": "b", "B": "env:A"}]
        shown = {}
        for command, env, cwd in itertools.product(commands, envs, [".", "s", "s && A=b", "/s"]):
            run = {"command": command, "env": env, "cwd": cwd}
            action = Action(name="it", runner="command", run=run, source=source, base=tmp_path)
            invocation = RUNNER.render(action, lambda template: template, {})
            assert shown.setdefault(RUNNER.describe(invocation), invocation) == invocation

    @given(
        st.lists(st.text(st.sampled_from("\\u202e\u202e\n '\"$=<>&ä\u00a0") | st.characters(codec="utf-8")), min_size=1)
    )
    def test_the_command_can_be_read_back(self, argv):
        """What is shown leads to exactly these arguments, and so to no others."""
        spec = {"argv": argv, "cwd": "/b", "base": "/b", "env": {}}
        shown = RUNNER.describe(Invocation(runner="command", spec=spec))
        read_back = re.sub(r"\\u([0-9a-f]{4})|\\U([0-9a-f]{8})", lambda m: chr(int(m[1] or m[2], 16)), shown)
        assert shlex.split(read_back) == argv
