"""The command line: what it prints, where, and its exit codes."""

import contextlib
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from err_confirm import __version__
from err_confirm.cli import COMMANDS, Exit, main
from talk import ROOT, write_files

FILES = {
    "aliases/restart.yaml": """
        name: restart
        action_ref: pack.restart
        formats: ["restart {{host}} {{service=web}}"]
        """,
    "aliases/start.yaml": """
        name: start
        action_ref: missing.action
        formats: ["start {{host}}", "re{{x}} both", "([Cc]ancel )?both"]
        immutable_parameters: {mode: "for {{ host }}", tags: [{of: "{{ host }}"}]}
        """,
    "aliases/all.yaml": """
        name: all
        action_ref: missing.other
        formats:
          - {representation: "!{{word}}!", match_multiple: true}
          - "restart {{x}} both"
        confirm: none
        """,
    "actions/restart.yaml": """
        name: restart
        pack: pack
        parameters:
          host: {required: true}
          service: {enum: [web, db], default: web}
        run: {command: [echo, "{{ host }}", "{{ service }}"]}
        """,
}


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    write_files(tmp_path, {name: "\n".join(line[8:] for line in text.split("\n")) for name, text in FILES.items()})
    return tmp_path


@dataclass
class Done:
    """What a command has printed, and with what it ended."""

    returncode: int
    stdout: str
    stderr: str


def err_confirm(*arguments: str, cwd: Path) -> Done:
    """Run the command in this process: to start one takes longer than all that it does."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code: int = main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
    texts = []
    for stream in (out, err):
        stream.seek(0)
        texts.append(stream.read())
    return Done(code, *texts)


def process(*arguments: str, cwd: Path, python: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
    """Run the command as people do, in a process of its own."""
    return subprocess.run(
        [sys.executable, *python, "-m", "err_confirm", *arguments],
        cwd=cwd,
        env={"PYTHONPATH": str(ROOT / "plugins/err-confirm")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_match_says_what_a_text_would_start(pack: Path) -> None:
    done = process("match", "restart web01", cwd=pack)
    assert done.returncode == 0
    assert done.stdout == (
        "restart\n  host: web01\n  service: web\n  runs: echo web01 web\n"
        "  must confirm: whoever asked within 1 min · may deny: whoever asked\n"
    )


def test_match_prints_a_list_for_programs(pack: Path) -> None:
    done = err_confirm("match", "--json", "restart web01 service=db", cwd=pack)
    (found,) = json.loads(done.stdout)
    assert (found["alias"], found["parameters"]) == ("restart", {"host": "web01", "service": "db"})
    assert (found["runs"], found["policy"]["within"]) == ("echo web01 db", 60.0)


def test_match_says_what_would_be_looked_up_and_does_not_do_it(pack: Path) -> None:
    alias = "name: reboot\nformats: ['reboot {{hosts}}']\nparameters: {hosts: {type: array}}\n"
    run = "run: {command: [echo, '{{ targets }}']}\n"
    lookup = alias + run + "targets: {command: [touch, '{{ hosts }}'], select: a}\n"
    given = alias + run + "targets: '{{ hosts }}'\npreview: {command: [touch, '{{ targets }}']}\n"
    write_files(pack, {"aliases/lookup.yaml": lookup, "aliases/given.yaml": given.replace("reboot", "restart_all")})
    out = err_confirm("match", "reboot h1,h2", cwd=pack).stdout
    assert "  looks up its targets first, before anybody is asked: touch h1 h2\n  must confirm" in out
    assert "runs:" not in out
    out = err_confirm("match", "restart_all h1,h2", cwd=pack).stdout
    assert "  does a dry run first, before anybody is asked: touch h1 h2\n  on: h1, h2\n  runs: echo h1 h2\n" in out
    refused = err_confirm("match", "restart_all h1,h1", cwd=pack)
    assert (refused.returncode, refused.stderr) == (3, 'err-confirm: the target "h1" is there twice\n')
    (found,) = json.loads(err_confirm("match", "--json", "reboot h1,h2", cwd=pack).stdout)
    assert (found["runs"], found["targets"], found["ahead"]) == (None, [], {"targets": "touch h1 h2"})
    assert not (pack / "h1").exists()


def test_match_says_which_rules_hold_in_a_room_at_a_time(pack: Path) -> None:
    rules = 'when: [{room: "#ops", need: 2}, {hours: "22:00-06:00", by: bob}, {dates: "2026-12-24", refuse: holiday}]'
    write_files(
        pack,
        {
            "aliases/ship.yaml": f"""
name: ship
formats: [ship]
action_ref: pack.restart
immutable_parameters: {{host: web01}}
confirm: {{by: others, {rules}}}
"""
        },
    )
    day, night = ("--at", "2026-11-21T12:00"), ("--at", "2026-11-21T23:00")
    (found,) = json.loads(err_confirm("match", "--json", *day, "--room", "#dev", "ship", cwd=pack).stdout)
    assert found["policy"]["stages"] == [{"quorum": {"by": ["others"]}}]
    assert "because" not in found["policy"]
    assert found["words"][1:] == [
        "2026-12-24 UTC: nothing runs (holiday)",
        "does not apply: in #ops: at least 2",
        "does not apply: 22:00–06:00 UTC: also bob",
    ]
    (found,) = json.loads(err_confirm("match", "--json", *night, "--room", "#ops", "ship", cwd=pack).stdout)
    assert found["policy"]["because"] == ["in #ops: at least 2", "22:00–06:00 UTC: also bob"]
    assert "  because in #ops: at least 2\n" in err_confirm("match", *day, "ship", cwd=pack).stdout, "no room, no doubt"
    done = err_confirm("match", "--at", "2026-12-24", "ship", cwd=pack)
    assert (done.returncode, done.stderr) == (3, "err-confirm: holiday\n")
    done = err_confirm("match", "--at", "soon", "ship", cwd=pack)
    assert (done.returncode, '"soon" is no moment' in done.stderr) == (64, True)


def test_an_action_without_a_file_is_a_warning_and_its_parameters_stay_text(pack: Path) -> None:
    done = err_confirm("match", "--json", "--aliases", "aliases", "start web01 count=3", cwd=pack)
    (found,) = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["parameters"] == {"host": "web01", "count": "3", "mode": "for web01", "tags": [{"of": "web01"}]}
    assert found["runs"] is None
    assert 'alias "start" starts the action "missing.action", which has no file here' in done.stderr


def test_one_execution_for_each_match_of_match_multiple(pack: Path) -> None:
    found = json.loads(err_confirm("match", "--json", "!one! and !two!", cwd=pack).stdout)
    assert [each["parameters"] for each in found] == [{"word": "one"}, {"word": "two"}]
    assert [each["policy"] for each in found] == [None, None]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("stop web01", 1, "no alias matches 'stop web01'\n"),
        ("", 1, "no alias matches ''\n"),
        ("Start", 1, "no alias matches 'Start'; say it as start {{host}}\n"),
        ("!restart web01", 1, "no alias matches '!restart web01'; leave out the bot's prefix !\n"),
        ("Cancel both", 1, "no alias matches 'Cancel both'; \"cancel\" is our own command and always wins\n"),
        ("restart web01 both", 2, "aliases match this text: all, "),
        ("restart web01 host=db1", 3, '"host" is given twice'),
        ("restart web01 queue", 3, '"service" must be one of web, db'),
        ("start web01 mode=x", 3, '"mode" is fixed by the alias'),
        ("restart " + "x" * 9000, 3, "this text is"),
    ],
)
def test_what_starts_nothing_has_an_exit_code_and_an_empty_list(pack: Path, text: str, code: int, message: str) -> None:
    done = err_confirm("match", "--json", text, cwd=pack)
    assert (done.returncode, json.loads(done.stdout)) == (code, [])
    assert message in done.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["match"], ["match", "--aliases", "nowhere", "x"], ["lint", "nowhere"], ["x"]]
)
def test_wrong_usage_is_64(pack: Path, arguments: list[str]) -> None:
    done = (process if arguments == ["x"] else err_confirm)(*arguments, cwd=pack)
    assert (done.returncode, done.stdout) == (64, "")
    assert "err-confirm" in done.stderr


def test_match_takes_the_folder_that_has_aliases_and_actions(pack: Path) -> None:
    """Regression: it had no alias files itself, so that nothing matched."""
    assert err_confirm("match", "--aliases", str(pack), "restart web01", cwd=ROOT).stdout.startswith("restart\n")


def test_a_wrong_alias_file_is_named_and_skipped(pack: Path) -> None:
    write_files(pack, {"aliases/wrong.yaml": "name: wrong\nfromats: [x]\naction_ref: y\n"})
    done = err_confirm("match", "restart web01", cwd=pack)
    assert done.returncode == 0
    assert 'aliases/wrong.yaml:2: unknown key "fromats" (did you mean "formats"?) (skipped)' in done.stderr


def test_lint_lists_errors_warnings_and_what_runs_at_once(pack: Path) -> None:
    done = err_confirm("lint", cwd=pack)
    assert done.returncode == 0, done.stdout
    assert 'aliases/all.yaml:7: note: "all" runs at once, without confirmation' in done.stdout.replace("'", '"')
    assert 'aliases/start.yaml:3: warning: alias "start" starts the action' in done.stdout
    assert "3 aliases, 2 guards and 1 action can be used: 0 errors, 2 warnings" in done.stdout
    write_files(pack, {"aliases/wrong.yaml": "name: wrong\nformats: [x]\naction_ref: y\nconfirm: [alice]\n"})
    done = err_confirm("lint", ".", cwd=pack)
    assert done.returncode == 1
    assert "aliases/wrong.yaml:4: people stand under" in done.stdout
    assert re.search("^aliases/.*:[0-9]+: warning: ", done.stdout, re.MULTILINE)


def test_packs_are_looked_at_those_of_the_settings_and_those_that_are_named(pack: Path) -> None:
    """One that is named is a pack if it is one of the settings, or says so with a pack.yaml."""
    files = {
        "packs/web/aliases/hello.yaml": "name: hello\nformats: [hello]\naction_ref: web.greet\n",
        "packs/web/actions/greet.yaml": "name: greet\nrun: {command: [echo, hello]}\n",
        "config.py": "CONFIRM_PACKS = ['packs/web']\n",
    }
    write_files(pack, files)
    assert "\n  runs: echo hello\n" in err_confirm("match", "hello", cwd=pack).stdout
    assert "echo hello" in err_confirm("draw", "hello", cwd=pack).stdout
    found = [err_confirm("lint", *named, cwd=pack).stdout.splitlines()[-1] for named in ([], ["packs/web"])]
    assert [line.partition(" can be")[0] for line in found] == [
        "4 aliases, 2 guards and 2 actions",
        "1 alias, 2 guards and 1 action",
    ]
    (pack / "config.py").unlink()
    assert err_confirm("match", "hello", cwd=pack).returncode == 1
    assert "\n  runs: echo hello\n" in err_confirm("match", "--pack", "packs/web", "hello", cwd=pack).stdout
    write_files(pack, {"packs/web/pack.yaml": "name: other\n"})
    assert 'starts the action "web.greet", which has no file' in err_confirm("lint", "packs/web", cwd=pack).stdout


def test_names_of_people_are_checked_against_a_config(pack: Path) -> None:
    write_files(pack, {"aliases/mine.yaml": "name: mine\nformats: [mine]\naction_ref: restart\nconfirm: {by: alcie}\n"})
    assert err_confirm("lint", cwd=pack).returncode == 0
    write_files(pack, {"config.py": 'CONFIRM_PEOPLE = {"alice": ["text:alice"]}\n'})
    done = err_confirm("lint", cwd=pack)
    assert done.returncode == 1
    assert "alcie" in done.stdout
    write_files(pack, {"config.py": 'CONFIRM_PEOPLE = {"alice": ["alice"]}\n'})
    done = err_confirm("lint", cwd=pack)
    assert done.returncode == 64
    assert "must read <backend>:<id>" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("BACKEND = (", "config.py cannot be read: SyntaxError: "),
        ("import nothing_of_this_name", "config.py cannot be read: ModuleNotFoundError: No module named"),
        ("raise SystemExit(0)", "config.py cannot be read: SystemExit: 0"),
    ],
)
def test_a_config_that_fails_is_wrong_usage_and_not_no_match(pack: Path, text: str, message: str) -> None:
    """Regression: it was a traceback and 1, which means that no alias matches."""
    write_files(pack, {"config.py": text})
    for command in (["lint"], ["match", "restart web01"]):
        done = err_confirm(*command, cwd=pack)
        assert (done.returncode, done.stdout) == (64, "")
        assert done.stderr.startswith(f"err-confirm: {message}")
    done = err_confirm("lint", "--config", "nowhere.py", cwd=pack)
    assert (done.returncode, "nowhere.py cannot be read: FileNotFoundError" in done.stderr) == (64, True)


# What all commands share


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_the_shared_options(pack: Path, command: str) -> None:
    done = err_confirm(command, "--help", cwd=pack)
    assert (done.returncode, done.stderr) == (0, "")
    for words in (f"usage: err-confirm {command}", "--config FILE", "--json", "show this help"):
        assert words in done.stdout
    assert f"\n    {command}" in err_confirm("--help", cwd=pack).stdout


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_what_no_command_is_asked_for_imports_nothing_of_one(tmp_path: Path, option: str) -> None:
    """It answers ten times as fast as with all that reads files and stores."""
    done = process(option, cwd=tmp_path, python=["-X", "importtime"])
    imported = set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))
    assert (done.returncode, "err_confirm.cli" in imported) == (0, True)
    assert imported & {"pydantic", "yaml", "redis", "jinja2", "re2", "err_confirm.cli.lint"} == set()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("do", {"doctor"}),
        ("--v", {"--version"}),
        ("schema a", {"alias", "action"}),
        ("schema --", {"--help", "--config", "--json"}),
        ("export --format ", {"csv", "json"}),
        ("show x --o", {"--output"}),
        ("lint --config ", set()),
        ("match restart", set()),
    ],
)
def test_bash_completes_commands_options_and_their_values(pack: Path, typed: str, words: set[str]) -> None:
    """What has no words is completed with names of files, by bash itself."""
    script = err_confirm("completion", "bash", cwd=pack).stdout
    script += (
        'COMP_WORDS=(err-confirm "$@"); COMP_CWORD=$#; _err_confirm; echo "${COMPREPLY[@]}"; complete -p err-confirm'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", *typed.split(" ")], capture_output=True, text=True, check=False
    )
    completed, registered = done.stdout.splitlines()
    assert (set(completed.split()), done.stderr) == (words, "")
    assert registered == "complete -o bashdefault -o default -F _err_confirm err-confirm"


def test_every_exit_code_has_its_own_number() -> None:
    assert len({code.value for code in Exit.__members__.values()}) == len(Exit.__members__)


def test_lint_prints_json_for_programs(pack: Path) -> None:
    write_files(pack, {"aliases/wrong.yaml": "name: wrong\nformats: [x]\naction_ref: y\nconfirm: [alice]\n"})
    done = err_confirm("lint", "--json", cwd=pack)
    found = json.loads(done.stdout)
    assert (done.returncode, found["aliases"], found["guards"], found["actions"]) == (1, 3, 2, 1)
    (error,) = [problem for problem in found["problems"] if problem["severity"] == "error"]
    assert (error["file"], error["line"]) == ("aliases/wrong.yaml", 4)


def test_what_a_config_prints_is_no_part_of_the_answer(pack: Path) -> None:
    write_files(pack, {"config.py": "print('loading')\n"})
    done = err_confirm("match", "--json", "restart web01", cwd=pack)
    assert json.loads(done.stdout)[0]["alias"] == "restart"
    assert done.stderr.startswith("loading\n")


@pytest.mark.parametrize(
    ("environment", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colours_are_for_terminals_and_not_for_those_who_want_none(
    pack: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colored: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"TERM": "xterm", **environment}.items():
        monkeypatch.setenv(name, value)
    screen, terminal = pty.openpty()
    with os.fdopen(screen, "rb", buffering=0) as shown:
        with os.fdopen(terminal, "w") as out, contextlib.chdir(pack), contextlib.redirect_stdout(out):
            main(["lint"])
            out.flush()
        assert (b"\x1b[33m" in shown.read(65_536)) is colored
    assert "\x1b" not in err_confirm("lint", cwd=pack).stdout


def test_a_reader_that_has_seen_enough_is_no_error(pack: Path) -> None:
    """As `err-confirm schema alias | head -1`."""
    done = subprocess.run(
        ["/bin/bash", "-c", f"{sys.executable} -m err_confirm schema alias | true; echo ${{PIPESTATUS[0]}}"],
        cwd=pack,
        env={"PYTHONPATH": str(ROOT / "plugins/err-confirm"), "PYTHONUNBUFFERED": "1", "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{Exit.BROKEN_PIPE}\n", "")


def test_an_interrupt_is_quiet(pack: Path) -> None:
    write_files(pack, {"config.py": f"import os, signal\nos.kill(os.getpid(), {int(signal.SIGINT)})\n"})
    done = process("lint", cwd=pack)
    assert (done.returncode, done.stdout, done.stderr) == (Exit.INTERRUPTED, "", "")


def test_a_terminal_that_knows_few_letters_gets_escapes(pack: Path) -> None:
    write_files(pack, {"aliases/umlaut.yaml": "name: ü\nformats: [ü]\naction_ref: y\n"})
    done = subprocess.run(
        [sys.executable, "-m", "err_confirm", "lint"],
        cwd=pack,
        env={"PYTHONPATH": str(ROOT / "plugins/err-confirm"), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert 'alias "\\xfc" starts the action' in done.stdout


def test_the_script_that_setup_writes_is_this_command() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("err-confirm"), "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"err-confirm {__version__}\n")


def test_the_version_is_that_of_the_project() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == __version__


def test_what_cannot_be_written_is_one_line(pack: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "err_confirm", "schema", "alias"],
            cwd=pack,
            env={"PYTHONPATH": str(ROOT / "plugins/err-confirm"), "PATH": os.environ["PATH"]},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == Exit.NO
    assert done.stderr == "err-confirm: this could not be written: No space left on device\n"


# What lint says of the guards

OPS = """
from errbot import BotPlugin, botcmd

raise SystemExit("this file was run")


class Ops(BotPlugin):
    @botcmd
    def deploy(self, msg, args): ...

    @botcmd(admin_only=True)
    def restart(self, msg, args): ...

    @botcmd
    def deploy_status(self, msg, args): ...

    @botcmd(name="stop\\u202eall")
    def halt(self, msg, args): ...
"""
GUARDED = {
    "config.py": "BOT_EXTRA_PLUGIN_DIR = 'plugins'\nCORE_PLUGINS = ('Health',)\n",
    "plugins/ops.plug": "[Core]\nName = Ops\nModule = ops\n",
    "plugins/ops.py": OPS,
    "aliases/prod.yaml": 'commands: [Ops:deploy prod*, Health:*, "Nagios:ack"]\nconfirm: {by: others, within: 10m}\n',
    "aliases/narrow.yaml": "commands: Health:shutdown\nconfirm: none\n",
}


@pytest.fixture
def guarded(tmp_path: Path) -> Path:
    write_files(tmp_path, GUARDED)
    return tmp_path


def test_lint_lists_what_each_guard_covers_and_what_nothing_guards(guarded: Path) -> None:
    """What nothing guards is no error; plugins are read, and not run."""
    done = err_confirm("lint", cwd=guarded)
    assert (done.returncode, done.stderr) == (0, "")
    shown = done.stdout.splitlines()
    start = next(place for place, line in enumerate(shown) if line.startswith('guard "narrow"'))
    assert shown[start : start + 10] == [
        'guard "narrow" (aliases/narrow.yaml:1): runs at once, without confirmation',
        "  Health:shutdown  covers Health:shutdown",
        'guard "prod" (aliases/prod.yaml:1): anyone but who asked confirms within 10 min, or nothing runs',
        "  Ops:deploy prod*  covers Ops:deploy for some arguments",
        "  Health:*          covers Health:restart",
        "                    covers Health:status",
        "                    covers Health:status_gc",
        "                    covers Health:status_load",
        "                    covers Health:status_plugins",
        "                    covers Health:uptime",
    ]
    assert shown[start + 10 : start + 12] == [
        '                    leaves Health:shutdown to "narrow", which says more of it',
        "  Nagios:ack        covers nothing: no plugin found here has such a command",
    ]
    assert shown[-4:-1] == [
        "not guarded, and look dangerous:",
        '  Ops:ops-restart    only for admins, its name says "restart"',
        '  Ops:stop\\u202eall  its name says "stop" and "halt"',
    ]
    assert 'guard "err-confirm" (shipped): anyone but who asked confirms' in done.stdout


def test_lint_says_the_same_for_programs(guarded: Path) -> None:
    done = err_confirm("lint", "--json", cwd=guarded)
    found = json.loads(done.stdout)
    narrow, prod, *shipped = found["coverage"]
    assert (narrow["guard"], narrow["policy"], narrow["error"]) == ("narrow", None, None)
    assert (prod["file"], prod["line"], prod["shipped"]) == ("aliases/prod.yaml", 1, False)
    assert (prod["policy"]["deny"]["by"], prod["policy"]["within"]) == (["others"], 600.0)
    in_part, health, nothing = prod["patterns"]
    assert in_part == {
        "pattern": "Ops:deploy prod*", "whole": [], "in_part": ["Ops:deploy"], "tied": [], "overruled": {},
    }  # fmt: skip
    assert health["overruled"] == {"Health:shutdown": "narrow"}
    assert nothing["whole"] == nothing["in_part"] == []
    assert [each["guard"] for each in shipped] == ["err-confirm", "err-confirm-reload"]
    assert found["unguarded"][0] == {
        "command": "Ops:ops-restart",
        "admin_only": True,
        "why": 'only for admins, its name says "restart"',
    }
    assert found["unread"] == []


def test_without_a_config_guards_are_listed_and_no_plugins_are_known(guarded: Path) -> None:
    (guarded / "config.py").unlink()
    done = err_confirm("lint", cwd=guarded)
    assert done.returncode == 0
    assert "  Ops:deploy prod*\n  Health:*\n  Nagios:ack\n" in done.stdout
    assert "covers" not in done.stdout
    assert "dangerous" not in done.stdout
    found = json.loads(err_confirm("lint", "--json", cwd=guarded).stdout)
    assert [each["guard"] for each in found["coverage"]] == ["narrow", "prod"]
    assert found["coverage"][0]["patterns"] == [
        {"pattern": "Health:shutdown", "whole": None, "in_part": None, "tied": None, "overruled": None}
    ]
    assert (found["unguarded"], found["unread"]) == (None, [])


def test_of_a_part_of_the_files_nothing_is_said_that_others_may_change(guarded: Path) -> None:
    """What its guards cover is said, and not what nothing guards: other files may."""
    done = err_confirm("lint", "aliases", cwd=guarded)
    assert "covers Ops:deploy for some arguments" in done.stdout
    assert "shipped" not in done.stdout
    assert "dangerous" not in done.stdout
    assert json.loads(err_confirm("lint", "--json", "aliases", cwd=guarded).stdout)["unguarded"] is None
    write_files(guarded, {"actions/none.txt": ""})
    assert err_confirm("lint", "actions", cwd=guarded).stdout.count("\n") == 1


def test_plugins_that_cannot_be_read_are_named_and_are_no_error(guarded: Path) -> None:
    write_files(guarded, {"plugins/ops.py": "class Ops(\n", "plugins/\x1b[31m.plug": "no\n"})
    done = err_confirm("lint", cwd=guarded)
    assert done.returncode == 0
    assert "plugins that cannot be read, whose commands are not known here:\n" in done.stdout
    assert "  plugins/ops.py: is no Python that can be read: " in done.stdout
    assert "  plugins/\\u001b[31m.plug: is no .plug file: " in done.stdout
    assert len(json.loads(err_confirm("lint", "--json", cwd=guarded).stdout)["unread"]) == 2


def test_a_wrong_guard_is_shown_with_what_it_refuses(guarded: Path) -> None:
    """One whose commands cannot be read refuses everything that no other guard covers, too much for a list."""
    write_files(guarded, {"aliases/prod.yaml": "commands: Ops:deploy\nconfrim: none\n"})
    done = err_confirm("lint", cwd=guarded)
    assert done.returncode == 1
    assert 'guard "prod" (aliases/prod.yaml:1): refuses what it covers: aliases/prod.yaml:2: unknown key' in done.stdout
    assert "  Ops:deploy  covers Ops:deploy\n" in done.stdout
    write_files(guarded, {"aliases/prod.yaml": "commands: [\n"})
    done = err_confirm("lint", cwd=guarded)
    assert done.returncode == 1
    assert re.search(r"\n  \*  covers \d+ commands that no other guard covers\n", done.stdout)
    assert "dangerous" not in done.stdout


def test_two_guards_that_say_as_much_are_shown_with_the_command_that_they_refuse(guarded: Path) -> None:
    write_files(guarded, {"aliases/prod.yaml": "commands: Ops:dep*oy\n", "aliases/other.yaml": "commands: Ops:depl*\n"})
    done = err_confirm("lint", cwd=guarded)
    assert done.stdout.count(" covers Ops:deploy, and another guard as much: it is refused\n") == 0
    write_files(guarded, {"aliases/other.yaml": "commands: Ops:de*loy\n"})
    done = err_confirm("lint", cwd=guarded)
    assert done.stdout.count(" covers Ops:deploy, and another guard as much: it is refused\n") == 2
