"""The metadata of StackStorm's actions: what runs here as there, and why each other is left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from builders import a_policy, an_execution
from err_confirm.catalog import Catalog, load
from err_confirm.catalog.stackstorm.http_request import request
from err_confirm.catalog.stackstorm.metadata import MetadataFile
from err_confirm.catalog.stackstorm.not_run import OLD_NAMES, WHY, NotRunError
from err_confirm.catalog.stackstorm.shell_line import arguments
from err_confirm.errors import ParameterError, TemplateError
from err_confirm.following import values
from err_confirm.model.runs import FollowUp
from err_confirm.people import People
from err_confirm.plan import describe, plan
from err_confirm.plan.index import Index
from talk import write_files

SCRIPT = "#!/bin/sh\n"


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(metadata: dict[str, Any] | str, files: dict[str, str] | None = None) -> Catalog:
    """Return what a pack says whose only action has this metadata, and which an alias starts."""
    text = metadata if isinstance(metadata, str) else json.dumps({"name": "it", **metadata})
    write_files(Path(), {"ops/actions/it.yaml": text, "ops/actions/check": SCRIPT, **(files or {})})
    return load([], [], packs=[Path("ops")], people=People(None), default=a_policy(), shipped=None)


def said(metadata: dict[str, Any] | str) -> list[str]:
    """Return what lint says of metadata, without the file."""
    catalog = loaded(metadata)
    assert not catalog.errors
    return [problem.message for problem in catalog.problems]


def runs(metadata: dict[str, Any], rest: str = "", /, **parameters: dict[str, Any]) -> str:
    """Return what would run when somebody says `go` and the rest of a text."""
    fixed = {name: {"immutable": True, **each} for name, each in metadata.pop("fixed", {}).items()}
    write_files(Path(), {"ops/aliases/go.yaml": "name: go\nformats: [go]\naction_ref: ops.it\n"})
    catalog = loaded({**metadata, "parameters": {**fixed, **parameters}})
    assert not catalog.warnings, catalog.warnings
    (found,) = Index(catalog.aliases.values()).matches(f"go {rest}".strip())
    return describe(plan(catalog, found).invocation)


def cmd(line: str) -> dict[str, Any]:
    return {"runner_type": "local-shell-cmd", "fixed": {"cmd": {"default": line}}}


CHECK = {"runner_type": "local-shell-script", "entry_point": "check"}

# A line for a shell


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("uptime", ["uptime"]),
        (" df -h -- {{ path }}\n", ["df", "-h", "--", "{{ path }}{{ '' }}"]),
        ("echo 'a $b | c' \"d; e\" f''g", ["echo", "a $b | c", "d; e", "fg"]),
        ("echo \"{{ a }} and {{ b | join(' ') }}\"", ["echo", "{{ a }} and {{ b | join(' ') }}"]),
        ("echo --x={{ a }} ''", ["echo", "--x={{ a }}", ""]),
    ],
)
def test_a_line_that_needs_no_shell_is_divided_into_arguments(line, words):
    """Each template stays inside one of them, whatever it gives."""
    assert arguments(line) == words


@pytest.mark.parametrize(
    ("line", "what"),
    [
        *((f"ls {mark} x", "") for mark in ("|", "||", "&", "&&", ";", "<", ">", ">>", "2>&1", "(a)", "#", "!")),
        *((f"ls {text}", "") for text in ("$HOME", "$(id)", "`id`", "*.log", "a?", "[ab]", "~", "{a,b}", "a\\ b")),
        *((f'ls "{text}"', "") for text in ("$HOME", "`id`", "\\n")),
        ("ls\nid", "a second line"),
        ("ls\rid", "a second line"),
        ("ls 'a", "a quote that does not end"),
        ("{% if a %}ls{% endif %}", "a template with statements"),
        ("{# a #} ls", "a template with statements"),
        ("{{ program }} -h", "a program that comes from a template"),
        ("/opt/{{ program }}", "a program that comes from a template"),
        ("A=b ls", "a variable in front of its command"),
        ("cd /tmp", 'its own word "cd"'),
        ("exec ls", 'its own word "exec"'),
        ("'' x", "an empty line"),
        ("echo {{ '}}' }}", ""),
        ("echo \ue000", "a character for private use"),
    ],
)
def test_a_line_that_needs_a_shell_is_left_out(line, what):
    (message, *_) = said({"runner_type": "local-shell-cmd", "parameters": {"cmd": {"default": line}}})
    assert message.startswith('"it" is not run here: its cmd needs a shell for ' + what)
    assert message.endswith("; put it into a script, or write run: {command: […]}")


def test_a_line_from_chat_is_left_out():
    """It would be a shell for everybody."""
    for parameters in ({}, {"cmd": {"required": True}}, {"cmd": {"default": ""}}):
        (message,) = said({"runner_type": "local-shell-cmd", "parameters": parameters})
        assert message.startswith('"it" is not run here: "cmd" would come from chat')


def test_a_default_line_that_stackstorm_lets_people_change_is_fixed_here():
    assert said({"runner_type": "run-local", "parameters": {"cmd": {"default": "date"}}}) == [
        '"cmd" of it: fixed here, although StackStorm lets people set it'
    ]
    with pytest.raises(ParameterError, match='"cmd" is not a parameter of "it"'):
        runs(cmd("date"), "cmd=id")


def test_a_command_has_the_settings_of_its_runner():
    env = {"default": {"MODE": "{{ mode }}", "TOKEN": "env:OPS_TOKEN"}}
    fixed = {**cmd("deploy {{ mode }}")["fixed"], "env": env, "cwd": {"default": "/tmp"}, "timeout": {"default": 5}}
    line = runs({"runner_type": "local-shell-cmd", "fixed": fixed}, "mode=fast", mode={"type": "string"})
    assert line == "cd /tmp && MODE=fast TOKEN=<env:OPS_TOKEN> deploy fast"
    assert loaded({"runner_type": "run-local", "parameters": {**fixed, "mode": {}}}).actions["it"].run["timeout"] == 5
    assert loaded({"runner_type": "run-local", "parameters": cmd("date")["fixed"]}).actions["it"].run["timeout"] == 60


def test_a_value_is_written_as_stackstorm_writes_it():
    """None becomes several arguments."""
    given = {"flag": {"type": "boolean"}, "hosts": {"type": "array"}, "n": {"type": "number"}}
    line = runs(cmd("echo {{ flag }} {{ hosts }} {{ n }}"), "flag=yes hosts=a,b n=0.5", **given)
    assert line == """echo True '['"'"'a'"'"', '"'"'b'"'"']' 0.5"""


def test_a_line_needs_the_values_that_it_reads():
    with pytest.raises(TemplateError, match="'host' is undefined"):
        runs(cmd("ping {{ host }}"), host={"type": "string"})


# A script


def test_a_script_gets_named_arguments_first_and_then_those_with_a_position():
    """As in StackStorm: true is a flag, false and what is empty nothing; those with a position are all there."""
    parameters: dict[str, dict[str, Any]] = {
        "second": {"position": 1, "type": "array"},
        "first": {"position": 0},
        "third": {"position": 2, "type": "boolean"},
        "fourth": {"position": 3, "type": "object"},
        "fifth": {"position": 4, "type": "integer"},
        "host": {"type": "string"},
        "count": {"type": "integer", "default": 0},
        "dry": {"type": "boolean", "default": False},
        "mode": {"default": ""},
    }
    assert runs(CHECK.copy(), **parameters) == "actions/check --count=0 '' '' '' '' ''"
    text = 'first=f second=a,b third=no fourth={"k":"v"} fifth=7 host=web01 dry=yes mode=fast'
    line = 'actions/check --host=web01 --count=0 --dry --mode=fast f a,b 0 \'{"k": "v"}\' 7'
    assert runs(CHECK.copy(), text, **parameters) == line


def test_a_script_may_have_another_operator_and_another_folder():
    fixed = {"kwarg_op": {"default": "-"}, "cwd": {"default": "/tmp"}}
    line = runs({**CHECK, "fixed": fixed}, "a=b", a={"type": "string"})
    assert line == f"cd /tmp && {Path.cwd()}/ops/actions/check -a=b"


@pytest.mark.parametrize(
    "entry_point", ["", None, "/bin/sh", "../../secret", "a/../../../b", "not-there", "{{ x }}", "-x", "outside"]
)
def test_a_script_is_a_file_below_the_actions_folder(entry_point):
    Path("ops/actions").mkdir(parents=True)
    Path("ops/actions/outside").symlink_to("/bin/true")
    (message,) = said({**CHECK, "entry_point": entry_point})
    assert message.startswith('"it" is not run here: ')
    assert ("no file below the actions folder" in message) or ("there is no file" in message)


# What is left out, whatever runs it


def parameters(**given: dict[str, Any]) -> dict[str, Any]:
    return {**CHECK, "parameters": given}


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        (parameters(sudo={"default": True}), "it would be run by another user"),
        (parameters(sudo={"default": "{{ sudo }}"}), "it would be run by another user"),
        (parameters(sudo_password={"default": "x"}), "it would be run by another user"),
        (parameters(content_version={"default": "v1"}), "it wants an older version of its pack"),
        (parameters(timeout={"default": "{{ t }}"}), "its timeout is no number of seconds"),
        (parameters(timeout={"default": 100_000}), '"timeout" must be at most 1d'),
        (parameters(env={"default": "A=b"}), "its env is no mapping"),
        (parameters(env={"default": {"A-B": "c"}}), '"A-B" cannot name a variable'),
        (parameters(env={"default": {"A": "{{ st2kv.system.a }}"}}), '"st2kv" is StackStorm\'s own'),
        (parameters(kwarg_op={"default": "; id #"}), "its kwarg_op is none of --, - and nothing"),
        (parameters(a={"type": "array"}), '"a" would be handed over as Python writes it; give it a position'),
        (parameters(a={"position": 1}, b={"position": 1}), "two of its parameters have one position"),
        (parameters(a={"default": "{{ config_context.a }}"}), 'the default of "a" is a template'),
        (parameters(a={"type": "integer", "default": "{{ st2kv.a }}"}), 'the default of "a" is a template'),
        (parameters(a={"minLength": 3}), '"minLength" of "a" is not checked here'),
        (
            parameters(a={"type": "object", "additionalProperties": True}),
            '"additionalProperties" of "a" is',
        ),
        (parameters(a={"pattern": "(?=x)"}), 'the pattern "(?=x)" is no RE2 expression'),
        (parameters(a={"enum": ["x"], "default": "y"}), 'the default of "a" must be one of x'),
        (parameters(a={"secret": True}), '"a" is secret, and would be seen in what runs'),
        (parameters(a={"secret": True, "required": True}), '"a" is secret, and nobody can say it in chat'),
        (parameters(a={"secret": True, "default": "hunter2"}), 'the default of "a" is secret, and would be shown'),
        (parameters(a={"secret": True, "default": "env:A", "position": 0}), '"a" is secret, and would be seen'),
        (
            {**CHECK, "runner_type": "local-shell-scirpt"},
            "nobody here knows the runner local-shell-scirpt (did you",
        ),
        ({**CHECK, "runner_type": "python-script"}, "its entry_point is no Python file"),
        *(({"runner_type": name}, why) for name, why in WHY.items()),
        *(({"runner_type": old}, WHY[new]) for old, new in OLD_NAMES.items() if new in WHY),
    ],
)
def test_what_is_not_run_here_is_a_warning_that_says_why(metadata, why):
    """Nothing of it runs in a weaker form, and the rest of its pack can be used."""
    (message,) = said(metadata)
    assert message.startswith(f'"it" is not run here: {why}')
    assert "it" not in loaded({"name": "it", **metadata}).actions


def test_metadata_that_stackstorm_would_not_take_are_an_error():
    catalog = loaded("name: it\nrunner_type: noop\nenabeld: true\nparameters:\n  a: {type: text}\n")
    assert [str(each).partition("yaml:")[2] for each in catalog.errors] == [
        '3: unknown key "enabeld" (did you mean "enabled"?)',
        "5: \"type\" must be 'string', 'integer', 'number', 'boolean', 'array' or 'object'",
    ]


def test_what_is_switched_off_is_noted_and_left_out():
    assert said({**CHECK, "enabled": False}) == ['"it" is switched off']
    assert not loaded({**CHECK, "enabled": False}).actions


# What people may say


def test_a_text_is_one_plain_word_unless_the_metadata_widens_it():
    """With our own keys beside StackStorm's."""
    with pytest.raises(ParameterError, match='"host" must be one word'):
        runs(cmd("ping {{ host }}"), 'host="a b"', host={"type": "string"})
    assert runs(cmd("say {{ text }}"), 'text="a; b"', text={"type": "string", "free": True}) == "say 'a; b'"
    assert said({**CHECK, "parameters": {"a": {}, "b": {"enum": ["x"]}, "c": {"type": "array", "position": 0}}}) == [
        '"a", "c" of it: one plain word from chat, where StackStorm takes any text; '
        "add pattern, enum or free: true to widen"
    ]


def test_bounds_of_stackstorm_hold():
    given = {"n": {"type": "integer", "minimum": 1, "maximum": 3}, "word": {"maxLength": 3, "free": True}}
    for text, why in (("n=4", "at most 3"), ("n=0", "at least 1"), ("word=long", "longer than 3")):
        with pytest.raises(ParameterError, match=why):
            runs(CHECK.copy(), text, **given)


def test_what_is_immutable_or_secret_nobody_sets():
    """Neither by saying it, nor by an alias: each is an error in its file."""
    fixed = {"env": {"default": "prod", "immutable": True}}
    metadata = {"runner_type": "local-shell-cmd", "parameters": {**cmd("deploy {{ where }}")["fixed"]}}
    metadata["parameters"] |= {"where": fixed["env"]}
    for key in ("formats: ['go {{where}}']\n", "formats: [go]\nimmutable_parameters: {where: test}\n"):
        write_files(Path(), {"ops/aliases/go.yaml": f"name: go\naction_ref: it\n{key}"})
        catalog = loaded(metadata)
        assert [each.message for each in catalog.errors] == ['"where" is fixed by "it"; leave it out']
    where = {"default": "prod", "immutable": True}
    assert runs(cmd("deploy {{ where }}"), where=where) == "deploy prod"
    with pytest.raises(ParameterError, match='"where" is fixed by "it"; leave it out'):
        runs(cmd("deploy {{ where }}"), "where=test", where=where)


# A class, and a request


def test_a_class_gets_its_secrets_from_the_environment_of_the_bot():
    files = {"ops/actions/it.py": "", "ops/aliases/go.yaml": "name: go\nformats: [go]\naction_ref: it\n"}
    password = {"secret": True, "default": "env:OPS_PASSWORD", "required": True}
    metadata = {"runner_type": "python-script", "entry_point": "it.py"}
    catalog = loaded({**metadata, "parameters": {"host": {"default": "h1"}, "to": {}, "password": password}}, files)
    (found,) = Index(catalog.aliases.values()).matches("go")
    invocation = plan(catalog, found).invocation
    line = 'ST2_SECRET_password=<env:OPS_PASSWORD> actions/it.py: run(host="h1", to=null)'
    assert describe(invocation) == line
    assert [each.message for each in catalog.problems][1:] == ['"password" of it: secret, and cannot be said in chat']
    with pytest.raises(ParameterError, match='"password" is fixed by "it"'):
        plan(catalog, Index(catalog.aliases.values()).matches("go password=x")[0])


def test_what_follows_does_not_change_what_is_immutable():
    """A parameter of the same name is not handed on to it, and one that is given to it is an error."""
    first = "name: first\nformats: ['first {{where}}']\nrun: {command: [echo, '{{ where }}']}\nthen: "
    metadata = {"runner_type": "local-shell-cmd", "parameters": cmd("deploy {{ where }}")["fixed"]}
    metadata["parameters"] |= {"where": {"default": "prod", "immutable": True}}
    files = {"ops/aliases/go.yaml": "name: go\nformats: [go]\naction_ref: it\n"}
    catalog = loaded(metadata, {**files, "ops/aliases/first.yaml": first + "go\n"})
    assert not catalog.errors
    parent = an_execution(parameters={"where": "test"})
    go = catalog.aliases["go"]
    assert values(parent, FollowUp(alias="go"), go, catalog.action(go)) == {}
    wrong = loaded(metadata, {**files, "ops/aliases/first.yaml": first + "{alias: go, parameters: {where: test}}\n"})
    assert [each.message for each in wrong.errors] == ['"where" is fixed by "go"; leave it out']


URL = {"default": "https://api.example.com/hosts/{{ id }}", "immutable": True}


def http(**given: dict[str, Any]) -> dict[str, Any]:
    file = MetadataFile.model_validate({"name": "it", "runner_type": "http-request", "parameters": given})
    return request(file, Path())


def test_a_request_goes_to_its_fixed_host_alone():
    """Its body is read as JSON first, so that no value from chat changes more than its own text."""
    made = http(
        url=URL,
        method={"default": "PUT"},
        headers={"default": {"Content-Type": "application/json", "X-Token": "env:API_TOKEN"}},
        params={"default": {"dry": True, "by": "{{ who }}"}},
        body={"default": '{"who": "{{ who }}"}'},
        id={"type": "integer"},
        who={"free": True},
    )
    assert made == {
        "http": {
            "url": "https://api.example.com/hosts/{{ id }}",
            "method": "PUT",
            "headers": {"Content-Type": "application/json", "X-Token": "env:API_TOKEN"},
            "query": {"dry": "true", "by": "{{ who }}"},
            "json": {"who": "{{ who }}"},
            "expect": [200, 201, 202, 203, 204, 205, 206],
            "hosts": ["api.example.com"],
        },
        "timeout": 60,
    }
    line = runs(
        {"runner_type": "http-request", "fixed": {"url": URL, "body": {"default": {"who": "{{ who }}"}}}},
        """id=7 who='a", x'""",
        id={"type": "integer"},
        who={"free": True},
    )
    assert line.startswith("POST https://api.example.com/hosts/7 ")
    assert json.loads(line[line.index("{") :]) == {"who": 'a", x'}
    assert http(url=URL, id={"enum": ["a"]})["http"]["method"] == "GET"
    assert http(url=URL, id={"enum": ["a"]}, body={"default": "x"})["http"]["body"] == "x"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, '"url" would come from chat'),
        ({"url": {"default": "https://{{ host }}/x"}, "host": {}}, "the host of its url is not fixed"),
        ({"url": {"default": "{{ url }}"}}, "the host of its url is not fixed"),
        ({"url": {"default": "file:///etc/passwd"}}, "the host of its url is not fixed"),
        ({"url": URL, "id": {}}, '"id" is a part of its url; give it an enum or a pattern'),
        ({"url": URL, "verify_ssl_cert": {"default": False}}, "certificates are always checked here"),
        ({"url": URL, "allow_redirects": {"default": True}}, '"allow_redirects" is not supported'),
        ({"url": URL, "password": {"default": "x"}}, '"password" is not supported'),
        ({"url": URL, "http_proxy": {"default": "http://x"}}, '"http_proxy" is not supported'),
        ({"url": URL, "headers": {"default": "A: b"}}, "its headers are no mapping"),
        (
            {"url": URL, "headers": {"default": {"content-type": "application/json"}}, "body": {"default": "{{ b }}"}},
            "its body is no JSON before its templates are filled in",
        ),
    ],
)
def test_a_request_that_chat_could_bend_is_left_out(given, why):
    with pytest.raises(NotRunError) as raised:
        http(**given)
    assert str(raised.value).startswith(why)
