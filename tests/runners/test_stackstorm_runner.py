"""An action of StackStorm is started there, followed to its end, and canceled when it must end."""

import json

import pytest
from pydantic import ValidationError

from err_confirm.errors import StartError
from err_confirm.model.runs import Outcome
from err_confirm.runners.base import Context
from err_confirm.runners.stackstorm_runner import StackStormRunner, StackStormSettings
from servers import PATIENCE
from web import StackStorm, a_web

RUNNER = StackStormRunner()


@pytest.fixture
def st2():
    """Return what answers as StackStorm."""
    return StackStorm()


@pytest.fixture
def web(st2):
    """Serve it on this machine."""
    with a_web() as web:
        web.reply = st2.reply
        yield web


@pytest.fixture
def there(web, tmp_path):
    """Return a function that completes what stands under `run:`."""
    (tmp_path / "key").write_text("st2-key\n")

    def run(action="linux.restart", **more):
        return {"stackstorm": action, "url": f"http://localhost:{web.port}/api", "key": "file:key", **more}

    return run


@pytest.mark.parametrize(
    "wrong",
    [
        {"stackstorm": "restart"},
        {"stackstorm": "{{ pack }}.restart"},
        {"url": "https://{{ host }}/api"},
        {"url": "https://st2.example/api?x=1"},
        {"url": "st2.example"},
        {"key": "ZjYx"},
        {"key": "env:{{ key }}"},
        {"parameters": []},
    ],
)
def test_what_cannot_be_meant_is_refused(wrong):
    """Where it goes is fixed, and the key is a reference."""
    sound = {"stackstorm": "linux.restart", "url": "https://st2.example/api", "key": "env:K"}
    StackStormSettings.model_validate(sound)
    with pytest.raises(ValidationError):
        StackStormSettings.model_validate({**sound, **wrong})


def test_an_invocation_shows_all_but_the_key(rendered, there, tmp_path, web):
    """It is JSON, and as one would type it for `st2`."""
    invocation = rendered(
        {"h": ["web1"], "t": "now"}, **there(parameters={"hosts": "{{ h }}", "note": {"at": "{{ t }}"}})
    )
    assert json.loads(json.dumps(invocation.spec)) == invocation.spec
    assert invocation.spec["parameters"] == {"hosts": ["web1"], "note": {"at": "now"}}
    assert RUNNER.describe(invocation) == (
        'st2 run linux.restart hosts=["web1"] note={"at": "now"} '
        f"at http://localhost:{web.port}/api as <file:{tmp_path}/key>"
    )


def test_it_is_started_once_and_followed_until_it_has_ended(rendered, there, st2, web):
    """Its result is the output, as JSON; a bad gateway in between is not its end."""
    st2.result, st2.failing = {"stdout": "fine ä", "succeeded": True}, 2
    told = {"CONFIRM_ID": "7f3kq2xa", "CONFIRM_FENCE": "1"}
    outcome = RUNNER.start(rendered({"h": 3}, **there(parameters={"n": "{{ h }}"})), Context(told=told)).wait(PATIENCE)
    assert outcome == Outcome(exit_code=0, output='{"stdout": "fine ä", "succeeded": true}\n')
    first, *others = web.asked
    assert (first.method, first.target) == ("POST", "/api/v1/executions")
    assert json.loads(first.body) == {
        "action": "linux.restart",
        "parameters": {"n": 3},
        "context": {"trace_context": {"trace_tag": "7f3kq2xa-1"}},
    }
    assert {(asked.method, asked.target) for asked in others} == {("GET", f"/api/v1/executions/{0:024x}")}


@pytest.mark.parametrize("state", ["failed", "timeout", "abandoned", "canceled"])
def test_every_other_end_is_a_failure(ended, there, st2, state):
    """It says which, and what StackStorm knows about it."""
    st2.to_come, st2.result = ("running", state), {"stderr": "no such host"}
    outcome = ended(**there())
    assert outcome.exit_code == 1
    assert outcome.output == f'{state} in StackStorm, execution {0:024x}\n{{"stderr": "no such host"}}\n'


def test_what_stackstorm_does_not_start_is_said(ended, there, st2):
    """An action that it does not have, a key that it does not know, and nobody there."""
    assert "HTTP 400 Action no.such cannot be found." in ended(**there("no.such")).output
    st2.key = "other"
    assert "HTTP 401 Unauthorized" in ended(**there()).output
    assert "nothing was sent" in ended(**there(url="http://localhost:1")).output
    assert st2.executions == {}


def test_an_execution_that_nobody_knows_any_more_is_not_followed_for_ever(ended, there, st2, web):
    """StackStorm has forgotten it."""
    web.reply = lambda handler: st2.reply(handler) if handler.asked.method == "POST" else handler.say(404, "{}")
    outcome = ended(**there())
    assert "cannot be followed (HTTP 404); it may go on there" in outcome.output


def test_a_stop_cancels_it_there_and_waits_until_it_is(started, there, st2, web):
    """Before its own process is killed."""
    st2.to_come = ("running",)
    running = started(**there())
    assert st2.running.wait(PATIENCE)
    running.stop("aborted by bob")
    outcome = running.wait(PATIENCE)
    assert (outcome.exit_code, outcome.error, outcome.aborted) == (None, "aborted by bob", True)
    assert outcome.output == f"canceling the execution {0:024x} of StackStorm\nit has been canceled\n"
    assert [asked.method for asked in web.asked if asked.method != "GET"] == ["POST", "DELETE"]
    assert st2.executions == {f"{0:024x}": ["canceled"]}


def test_a_time_limit_cancels_it_too(out_of_time, there, st2):
    """Nothing goes on there that nobody watches here."""
    st2.to_come = ("running",)
    out_of_time(lambda outcome: "it has been canceled" in outcome.output, **there())
    assert all(states == ["canceled"] for states in st2.executions.values())


@pytest.mark.parametrize("key", ["st2-key\nand more", "st2-k\u00e9y"])
def test_a_key_that_no_header_can_have_is_not_shown(rendered, there, tmp_path, key):
    """What is wrong with it is said without it."""
    (tmp_path / "key").write_text(key)
    with pytest.raises(StartError, match=r"^the secret for the header St2-Api-Key has characters"):
        RUNNER.start(rendered({}, **there()), Context())
