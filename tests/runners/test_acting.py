"""A process runs as the user, and with the credentials, that its action names."""

import json
import os
import pwd
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from err_confirm.catalog import load, parse_policy
from err_confirm.errors import SettingError, StartError
from err_confirm.model.files import Action, Profile, Source
from err_confirm.model.runs import Outcome
from err_confirm.people import People
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context
from err_confirm.runners.command_runner import CommandRunner, CommandSettings
from err_confirm.settings import read_settings
from servers import PATIENCE

RUNNER = CommandRunner()
ME = pwd.getpwuid(os.geteuid()).pw_name
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
PROFILES = {"prod": Profile(user=ME, env={"AWS_PROFILE": "prod-admin", "AWS_TOKEN": "env:CONFIRM_TEST_AWS"})}


@pytest.fixture
def made(tmp_path):
    """Return a function that renders a command with the profiles."""

    def render(**run):
        source = Source(tmp_path / "actions" / "it.yaml")
        (key,) = RUNNERS.keys() & run.keys()
        action = Action(name="it", runner=key, run=run, source=source, base=tmp_path, profiles=PROFILES)
        return RUNNERS[key].render(action, str, {})

    return render


@pytest.mark.parametrize("wrong", ["", "a b", "{{ user }}", "-x", "0", 0, [], {}, {"profile": ""}, {"user": "x"}])
def test_as_is_one_fixed_name(wrong):
    """Of a user or of a profile, and no template."""
    with pytest.raises(ValidationError, match="is the name of an OS user"):
        CommandSettings.model_validate({"command": ["id"], "as": wrong})


def test_it_is_shown_and_bound(made):
    """Another user is another run; a program called `as` looks unlike one."""
    commands = [
        made(command=["id"]),
        made(command=["id"], **{"as": "deploy"}),
        made(command=["as", "deploy:", "id"]),
        made(command=["id"], cwd="sub", env={"A": "b"}, **{"as": {"profile": "prod"}}),
        made(python="jobs:it", **{"as": "deploy"}),
    ]
    assert [RUNNERS[each.runner].describe(each) for each in commands] == [
        "id",
        "as deploy: id",
        "'as' deploy: id",
        f"as profile prod (user {ME}): cd sub && A=b AWS_PROFILE=prod-admin AWS_TOKEN=<env:CONFIRM_TEST_AWS> id",
        "as deploy: jobs:it()",
    ]
    assert len({each.digest for each in commands}) == len(commands)
    assert all(json.loads(json.dumps(each.spec)) == each.spec for each in commands)


def test_a_profile_brings_its_variables_and_its_secrets(made, monkeypatch):
    """They win over what the action says, and a secret is only in the process."""
    monkeypatch.setenv("CONFIRM_TEST_AWS", "s3cret")
    invocation = made(
        command=["/bin/sh", "-c", 'echo "$AWS_PROFILE $AWS_TOKEN $LOGNAME $HOME $A"'],
        env={"AWS_PROFILE": "mine", "A": "b"},
        **{"as": {"profile": "prod"}},
    )
    assert "s3cret" not in json.dumps(invocation.spec)
    outcome = RUNNER.start(invocation, Context()).wait(PATIENCE)
    assert outcome == Outcome(exit_code=0, output=f"prod-admin s3cret {ME} {os.path.expanduser('~' + ME)} b\n")


@only_root
def test_it_runs_as_the_user_with_their_groups_and_none_of_ours(made):
    """And can be stopped by us."""
    nobody = pwd.getpwnam("nobody")
    groups = " ".join(map(str, os.getgrouplist("nobody", nobody.pw_gid)))
    script = "id -u; id -g; id -G; echo $USER; exec sleep 60"
    running = RUNNER.start(made(command=["/bin/sh", "-c", script], cwd="/", **{"as": "nobody"}), Context())
    assert running.wait(0.3) is None
    running.stop("the test is over")
    outcome = running.wait(PATIENCE)
    assert (outcome.aborted, outcome.error) == (True, "the test is over")
    assert outcome.output.splitlines() == [str(nobody.pw_uid), str(nobody.pw_gid), groups, "nobody"]


def test_a_user_who_is_not_there_runs_nothing(made):
    """It says what to do."""
    with pytest.raises(StartError, match="this machine has no such user; create it"):
        RUNNER.start(made(command=["id"], **{"as": "no-such-user"}), Context())


@only_root
def test_only_root_becomes_somebody_else(made):
    """A bot of another user says who could do it."""
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        with pytest.raises(StartError, match="only root can become somebody else; let a worker"):
            RUNNER.start(made(command=["/usr/bin/id"], cwd="/", **{"as": "daemon"}), Context())
        invocation = made(command=["/usr/bin/id", "-un"], cwd="/", **{"as": "nobody"})
        assert RUNNER.start(invocation, Context()).wait(PATIENCE) is not None
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    "wrong",
    [[], {}, {"usr": "x"}, {"user": 0}, {"user": "a b"}]
    + [{"env": env} for env in ({"A": 1}, {"A-B": "x"}, {"A": "env:"})],
)
def test_a_profile_that_means_nothing_stops_the_start(wrong):
    """The setting is named, and the profile."""
    with pytest.raises(SettingError, match='CONFIRM_PROFILES: "prod"'):
        read_settings(SimpleNamespace(CONFIRM_PROFILES={"prod": wrong}), {})


def test_an_unknown_profile_is_an_error_of_the_file(tmp_path):
    """With the nearest name; where it runs, where its targets come from, and in its dry run."""
    (tmp_path / "aliases").mkdir()
    command = 'command: [echo, "{{ target }}"], as: {profile: prd}'
    text = f"name: x\nformats: [x]\nrun: {{{command}}}\ntargets: {{command: [echo], as: {{profile: prd}}}}\n"
    (tmp_path / "aliases" / "x.yaml").write_text(text + "preview: {command: [echo], as: {profile: prod}}\n")
    settings = read_settings(SimpleNamespace(CONFIRM_PROFILES={"prod": {"user": "deploy"}}), {})
    people = People({})
    for profiles, expected in ((settings.profiles, 2), (None, 0)):
        default = parse_policy("requester", people)
        catalog = load([tmp_path / "aliases"], [], people=people, default=default, profiles=profiles)
        assert [error.message for error in catalog.errors] == [
            'unknown profile "prd" (did you mean "prod"?); name it in CONFIRM_PROFILES'
        ] * expected
