"""A request goes where and as it was shown, and what comes back is the output."""

import json
import subprocess
import threading

import pytest
from pydantic import ValidationError

from err_confirm.errors import StartError, TemplateError
from err_confirm.model.runs import Invocation, Outcome
from err_confirm.runners.base import Context
from err_confirm.runners.http_runner import HttpRunner
from err_confirm.runners.http_settings import HttpSettings
from servers import PATIENCE
from web import a_web

RUNNER = HttpRunner()


@pytest.fixture
def web():
    """Serve on this machine."""
    with a_web() as web:
        yield web


@pytest.fixture
def here(web):
    """Return a function that completes what stands under `http:` with this server."""
    return lambda path="/", **more: {"url": f"http://localhost:{web.port}{path}", "hosts": ["localhost"], **more}


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://h/"},
        {"url": "https://u:p@h/"},
        {"url": "https://h/", "method": "post"},
        {"url": "https://h/", "method": "POST", "json": 1, "body": "1"},
        {"url": "https://h/", "body": "x"},
        {"url": "https://h/", "headers": {"Host": "other"}},
        {"url": "https://h/", "headers": {"content-length": "1"}},
        {"url": "https://h/", "headers": {"A B": "1"}},
        {"url": "https://h/", "headers": {"A": "1", "a": "2"}},
        {"url": "https://h/", "headers": {"A": "env:{{ x }}"}},
        {"url": "https://h/", "query": {"a": "file:"}},
        {"url": "https://h/", "expect": [99]},
        {"url": "https://h/", "hosts": ["other"]},
        {"url": "https://h/", "hosts": ["https://h"]},
        {"url": "https://h/", "hosts": ["*"]},
        {"url": "https://h/", "hosts": ["a.*.h"]},
        {"url": "https://{{ host }}/"},
        {"url": "https://h{{ rest }}/"},
        {"url": "https://h:{{ port }}/"},
        {"url": "{{ scheme }}://h/"},
        {"url": "{{ url }}"},
        {"url": "https://127.0.0.1/"},
        {"url": "https://u@h/{{ x }}"},
    ],
)
def test_what_must_not_be_sent_is_no_action(wrong):
    """It is refused in the file already."""
    with pytest.raises(ValidationError):
        HttpSettings.model_validate({"http": wrong})


def test_an_invocation_is_json_and_holds_everything(rendered, tmp_path):
    """It can be stored and read back, secrets only as references."""
    invocation = rendered(
        {"host": "web1", "n": 3},
        http={
            "url": "https://api.example/{{ host }}/restart?token=fixed",
            "method": "POST",
            "query": {"n": "{{ n }}", "key": "env:K"},
            "headers": {"Authorization": "env:T", "X-Why": "a {{ host }}"},
            "json": {"list": ["{{ n }}", {"deep": "on {{ host }}", "plain": None}]},
            "expect": [202],
            "ca": "ca.pem",
        },
        timeout="3s",
        output_cap="1KiB",
    )
    assert invocation == Invocation(
        runner="http",
        spec={
            "method": "POST",
            "url": "https://api.example/web1/restart?token=fixed",
            "query": {"n": "3", "key": {"secret": "env:K"}},
            "hidden": ["token=fixed"],
            "headers": {
                "Authorization": {"secret": "env:T"},
                "X-Why": "a web1",
                "Content-Type": "application/json",
            },
            "body": '{"list": [3, {"deep": "on web1", "plain": null}]}',
            "json": True,
            "expect": [202],
            "hosts": [],
            "ca": f"{tmp_path}/ca.pem",
            "timeout": 3.0,
            "output_cap": 1_024,
        },
    )
    assert json.loads(json.dumps(invocation.spec)) == invocation.spec
    assert RUNNER.describe(invocation) == (
        "POST https://api.example/web1/restart?token=***&n=3&key=<env:K> with "
        'Authorization: <env:T>, X-Why: "a web1", Content-Type: "application/json", '
        '{"list": [3, {"deep": "on web1", "plain": null}]}'
    )


def test_what_comes_from_chat_is_never_masked(rendered):
    """Only what the file itself has fixed is; also not where chat adds another of that name."""
    invocation = rendered({"key": "a1", "q": "x&token=b2"}, http={"url": "https://h/?key={{ key }}&token=c3&q={{ q }}"})
    assert RUNNER.describe(invocation) == "GET https://h/?key=a1&token=***&q=x&token=b2"


def test_nothing_hides_in_what_is_shown(rendered):
    """A text and JSON, a header and a body, hidden characters: all are told apart."""
    requests = [
        *({"body": body} for body in ("x", '"x"', "\u202e", "\\u202e", "a\nb", "a, b", "")),
        *({"json": body} for body in ("x", {}, None, ["\u202e"], [r"\u202e"], 1, "1")),
        *({"headers": {"A": value}} for value in ("x", "x, B: y", "<env:T>", "env:T", "")),
    ]
    shown = {RUNNER.describe(rendered(http={"url": "https://h/", "method": "POST", **more})) for more in requests}
    assert len(shown) == len(requests)
    assert all(line.isprintable() for line in shown)


def test_a_request_arrives_as_it_was_shown(ended, here, web, monkeypatch):
    """With the secrets in it that were references, and nothing that the bot's own environment says."""
    monkeypatch.setenv("CONFIRM_TEST_TOKEN", "Bearer s3cret")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    request = here(
        "/hosts/{{ host }}?a=1",
        method="PUT",
        query={"b c": "{{ text }}", "key": "env:CONFIRM_TEST_TOKEN"},
        headers={"Authorization": "env:CONFIRM_TEST_TOKEN", "User-Agent": "ours"},
        json={"n": "{{ n }}"},
    )
    assert ended({"host": "web1", "n": 3, "text": "ä&b"}, http=request) == Outcome(exit_code=0, output="fine\n")
    (asked,) = web.asked
    assert (asked.method, asked.target) == ("PUT", "/hosts/web1?a=1&b%20c=%C3%A4%26b&key=Bearer%20s3cret")
    assert asked.body == '{"n": 3}'
    assert asked.headers == {
        "host": f"localhost:{web.port}",
        "authorization": "Bearer s3cret",
        "content-type": "application/json",
        "content-length": "8",
        "user-agent": "ours",
        "accept": "*/*",
        "accept-encoding": "identity",
        "connection": "close",
    }


def test_the_other_side_is_told_which_execution_it_is(rendered, here, web):
    """It can refuse a second request for one; what people have answered stays here."""
    told = {"CONFIRM_ID": "7f3kq2xa", "CONFIRM_FENCE": "2", "CONFIRM_ANSWERS": "[]"}
    running = RUNNER.start(rendered(http=here()), Context(told=told))
    assert running.wait(PATIENCE).succeeded
    assert {name: value for name, value in web.asked[0].headers.items() if name.startswith("confirm")} == {
        "confirm-id": "7f3kq2xa",
        "confirm-fence": "2",
    }


@pytest.mark.parametrize(
    "case", [(200, [], True), (299, [], True), (404, [], False), (404, [404], True), (200, [201, 202], False)]
)
def test_a_status_that_was_not_expected_is_a_failure(ended, here, web, case):
    """It says which, and how the answer begins."""
    status, expect, succeeds = case
    web.says(status, "\n".join(f"line {number}" for number in range(1, 20)))
    outcome = ended(http=here(expect=expect))
    assert outcome.succeeded is succeeds
    if not succeeds:
        assert outcome.exit_code == 1
        assert outcome.output.startswith(f"HTTP {status} ")
        assert [line for line in outcome.output.splitlines() if "line" in line] == [f"line {n}" for n in range(1, 9)]


def test_an_answer_is_read_up_to_its_cap_and_no_further(ended, here, web):
    """One that never ends is left, and the output says that there was more."""

    def flood(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"0123456789abcde\n" * 4_096)

    web.reply = flood
    outcome = ended(http=here(), output_cap="4KiB")
    assert outcome.succeeded
    assert outcome.output == "0123456789abcde\n" * 256 + "\n... more than 4,096 bytes came, and the rest was not read"
    assert web.left.wait(PATIENCE)


def test_an_answer_that_drips_ends_with_the_time_limit(out_of_time, here, web):
    """What came until then is kept."""
    over = threading.Event()

    def drip(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"first")
        over.wait(PATIENCE)

    web.reply = drip
    outcome = out_of_time(lambda outcome: outcome.output, http=here())
    over.set()
    assert outcome.output == "first"


def test_an_answer_that_breaks_off_is_a_failure(ended, here, web):
    """What was promised and did not come is not taken for all."""

    def break_off(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"half")

    web.reply = break_off
    assert ended(http=here()) == Outcome(exit_code=1, output="half\n... the answer broke off here\n")


def test_nobody_at_the_other_end_is_a_failure_that_says_so(ended, here):
    """The connection is refused."""
    outcome = ended(http={"url": "http://localhost:1/", "hosts": ["localhost"]})
    assert (outcome.exit_code, "refused" in outcome.output) == (1, True)


def test_tls_is_verified(ended, tmp_path, web):
    """A certificate counts if the system trusts it, or the file that the action names; and only for its host."""
    made = "-x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout key.pem -out ca.pem"
    name = "-subj /CN=localhost -addext subjectAltName=DNS:localhost"
    subprocess.run(f"openssl req {made} {name}".split(" "), cwd=tmp_path, check=True, capture_output=True)
    both = tmp_path / "both.pem"
    both.write_text((tmp_path / "key.pem").read_text() + (tmp_path / "ca.pem").read_text())
    with a_web(both) as tls:
        hosts = ["localhost", "127.0.0.1"]
        trusted = ended(http={"url": f"https://localhost:{tls.port}/", "hosts": hosts, "ca": "ca.pem"})
        assert trusted == Outcome(exit_code=0, output="fine\n")
        unknown = ended(http={"url": f"https://localhost:{tls.port}/", "hosts": hosts})
        other = ended(http={"url": f"https://127.0.0.1:{tls.port}/", "hosts": hosts, "ca": "ca.pem"})
        for outcome in (unknown, other):
            assert outcome.exit_code == 1
            assert "CERTIFICATE_VERIFY_FAILED" in outcome.output
        assert len(tls.asked) == 1


@pytest.mark.parametrize("value", ["a\r\nX: y", "ä", "\x7f"])
def test_no_value_makes_a_header_of_its_own(rendered, here, value, tmp_path):
    """Neither one from chat nor a secret."""
    with pytest.raises(TemplateError, match="header X"):
        rendered({"v": value}, http=here(headers={"X": "{{ v }}"}))
    (tmp_path / "secret").write_text(value, newline="")
    with pytest.raises(StartError, match="header X"):
        RUNNER.start(rendered(http=here(headers={"X": "file:secret"})), Context())
