"""A request from chat reaches no host that was not meant: none inside, none by another way to write it, none behind."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest

from err_confirm.catalog import load, parse_policy
from err_confirm.errors import ParameterError, TemplateError
from err_confirm.model.executions import Plan
from err_confirm.model.files import Action, Source
from err_confirm.model.runs import Outcome
from err_confirm.outgoing.destination import read_url, refusal
from err_confirm.outgoing.exchange import Request, exchange
from err_confirm.outgoing.http_child import without
from err_confirm.people import People
from err_confirm.plan import plan
from err_confirm.plan.index import Index
from err_confirm.runners import RUNNERS
from err_confirm.runners.base import Context
from servers import PATIENCE
from talk import a_bot, write_files
from web import Handler, Web, a_web

LOCAL = [
    *("127.0.0.1", "localhost", "LOCALHOST", "localhost.", "127.0.0.2", "0.0.0.0", "0", "127.1", "127.0.1"),
    *("2130706433", "0x7f000001", "0x7F.1", "0x7f.0.0.0x1", "017700000001", "0177.0.0.1", "127.0.0.01", "0x"),
    *("[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::7f00:1]"),
    *("[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[::1%25lo]", "[::1%lo]"),
    *("user@127.0.0.1", "api.example@127.0.0.1", "api.example:80@127.0.0.1", "127.0.0.1#@api.example"),
    *("api.example\\@127.0.0.1", "127.0.0.1\\@api.example", "127.0.0.1\\.api.example", "127.0.0.1%00.api.example"),
    *(
        "127.0.0.1%2eapi.example",
        "127。0。0。1",
        "127\uff0e0\uff0e0\uff0e1",
        "①②⑦.⓪.⓪.①",
        "ｌｏｃａｌｈｏｓｔ",
        "loc\u00adalhost",
    ),
    *(" 127.0.0.1", "127.0.0.1 ", "127.0.0.1\t", "127.0.0.1\n", "127.0.0.1\r\nHost: api.example", "127.0.0.1\0"),
    *("", ".", "..", "[", "[]", "[::1", "::1", "127.0.0.1:", "127.0.0.1::", "api.example,127.0.0.1"),
]
"""Ways to write this machine, or something from which somebody else could read it."""
INNER = [
    *("10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.0.1", "100.64.0.1", "100.100.100.200", "169.254.169.254"),
    *("198.18.0.1", "192.0.0.192", "168.63.129.16", "224.0.0.1", "255.255.255.255", "240.0.0.1", "0.1.2.3"),
    *("[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[::ffff:169.254.169.254]"),
    *("[::ffff:10.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[2002:a00:1::1]", "[2001:db8::1]", "[2001::1]", "[100::1]"),
]
"""Addresses that no request from outside could reach."""
SCHEMES = ["file:///etc/passwd", "ftp://h/", "gopher://h/", "HTTP://h/", "http:/h", "http:h", "//h/", "h/", "http:///x"]

CHATTED = """
name: {name}
formats: ["{name} {{{{what}}}}"]
parameters: {{what: {{free: true, required: true}}}}
run: {{http: {{url: "{url}", hosts: [{hosts}]}}, timeout: 10s}}
confirm: none
"""


@pytest.fixture
def web() -> Iterator[Web]:
    with a_web() as web:
        yield web


class Chat:
    """Aliases whose URL is typed in chat, as far as the file lets it."""

    def __init__(self, folder: Path, **urls: tuple[str, str]) -> None:
        files = {
            f"aliases/{name}.yaml": CHATTED.format(name=name, url=url, hosts=hosts)
            for name, (url, hosts) in urls.items()
        }
        write_files(folder, files)
        default = parse_policy("requester", People({}))
        self.catalog = load([folder / "aliases"], [], people=People({}), default=default)
        assert self.catalog.errors == ()

    def planned(self, name: str, what: str) -> Plan:
        (match,) = Index(self.catalog.aliases.values()).matches(f"{name} x")
        return plan(self.catalog, type(match)(**{**fields_of(match), "values": {"what": what}}))

    def sent(self, name: str, what: str) -> str:
        """Return what became of a request: nothing if it was refused before it could be asked for."""
        try:
            invocation = self.planned(name, what).invocation
        except (ParameterError, TemplateError):
            return ""
        outcome = RUNNERS["http"].start(invocation, Context()).wait(PATIENCE)
        assert outcome is not None
        assert not outcome.succeeded
        return outcome.output


def fields_of(match: object) -> dict[str, object]:
    return {name: getattr(match, name) for name in match.__slots__}  # type: ignore[attr-defined]


def test_no_way_to_write_an_address_leads_inside(tmp_path: Path, web: Web) -> None:
    """Typed as the host where one of a list is wanted, and written in a file that lists nothing."""
    chat = Chat(tmp_path, host=(f"http://{{{{ what }}}}:{web.port}/", '"*.example", api.example'))
    typed = [chat.sent("host", payload) for payload in LOCAL + INNER]
    written = []
    for payload in LOCAL + INNER + SCHEMES:
        url = payload if payload in SCHEMES else f"http://{payload}:{web.port}/"
        try:
            exchange(Request(method="GET", url=url), timeout=0.5)
        except ValueError as error:
            written.append(str(error))
    print(f"\npayloads {len(LOCAL + INNER + SCHEMES)}, in a file and from chat, requests {len(web.asked)}")
    assert set(typed) == {""}
    assert len(written) == len(LOCAL + INNER + SCHEMES)
    assert web.asked == []


@pytest.mark.parametrize(
    ("address", "hosts", "allowed"),
    [
        ("93.184.216.34", [], True),
        ("2606:2800:220:1::1", [], True),
        ("64:ff9b::5db8:d822", [], True),
        ("10.0.0.1", ["it.example"], True),
        ("::1", ["it.example"], True),
        ("10.0.0.1", ["*.example"], False),
        ("169.254.169.254", ["it.example"], False),
        ("169.254.169.254", ["169.254.169.254"], True),
        ("0.0.0.0", ["it.example"], False),
        ("fd00:ec2::254", ["it.example"], False),
        ("fd20:ce::254", ["it.example"], False),
        ("fd00:c1::a9fe:a9fe", ["it.example"], False),
        ("224.0.0.1", ["it.example"], False),
    ],
)
def test_an_inner_address_is_for_a_host_that_is_listed_by_its_name(
    address: str, hosts: list[str], allowed: bool
) -> None:
    """Not for one below a listed domain; what is inside every machine or cloud only by the address itself."""
    assert (refusal("it.example", ip_address(address), hosts) == "") is allowed


@pytest.mark.parametrize(
    ("host", "address", "said"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1 is an inner address; list 127.0.0.1 under hosts to allow it"),
        ("it.example", "10.0.0.5", "it.example is 10.0.0.5, an inner address; list it.example under hosts to allow it"),
    ],
)
def test_a_refused_address_is_a_whole_sentence(host: str, address: str, said: str) -> None:
    """It stands behind a file and its line, or behind `nothing was sent`."""
    assert refusal(host, ip_address(address), ()) == said


def test_a_name_is_looked_up_once_and_the_address_that_was_checked_is_the_one_that_is_asked(web: Web) -> None:
    """A name server that answers otherwise the second time is never asked a second time."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    request = Request(method="GET", url=f"http://turns.example:{web.port}/", hosts=["turns.example"])
    assert exchange(request, timeout=PATIENCE, resolve=lambda *_: answers.pop(0)).read(100) == b"fine\n"
    assert answers == [["169.254.169.254"]]
    assert [asked.headers["host"] for asked in web.asked] == [f"turns.example:{web.port}"]


@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], ["93.184.216.34", "127.0.0.1"], ["fe80::1%lo"], ["::ffff:10.0.0.1"]]
)
def test_a_public_name_with_an_inner_address_is_not_asked(web: Web, answers: list[str]) -> None:
    """Whichever of its addresses that is."""
    request = Request(method="GET", url=f"http://bad.example:{web.port}/")
    with pytest.raises(ValueError, match=r"bad\.example is "):
        exchange(request, timeout=1, resolve=lambda *_: answers)
    assert web.asked == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_that_says_where_it_points(tmp_path: Path, web: Web, status: int) -> None:
    """Nobody goes there."""
    chat = Chat(tmp_path, path=(f"http://localhost:{web.port}/{{{{ what }}}}", "localhost"))
    web.says(status, Location=f"http://127.0.0.1:{web.port}/inside")
    said = chat.sent("path", "x")
    assert said.startswith(f"HTTP {status} ")
    assert f"points to http://127.0.0.1:{web.port}/inside, where nobody goes" in said
    assert [asked.target for asked in web.asked] == ["/x"]


@pytest.mark.parametrize(
    "what",
    [
        *("../admin", "a/../../admin", "%2e%2e/admin", ".%2E/admin", "a%2f..%2fadmin", "..\\admin", "..%5cadmin"),
        *("..;/admin", "..%3bx/admin", "%252e%252e/admin", "a%252f..%252fadmin"),
        *("./admin", "a#b", "a b", "a\r\nHost: x", "ä", "a\\b", "%zz", "a<b", "a%", "{}"),
    ],
)
def test_a_value_cannot_make_another_path_than_it_seems(tmp_path: Path, web: Web, what: str) -> None:
    chat = Chat(tmp_path, path=(f"http://localhost:{web.port}/hosts/{{{{ what }}}}", "localhost"))
    assert chat.sent("path", what) == ""
    assert web.asked == []


def test_read_url_gives_back_what_it_was_given() -> None:
    """What passes is sent as it is, down to each character."""
    for rest in ("/", "/a%2Fb/c;d=e", "/?q=a/../b", "/a?", "?x=1&y=[2]"):
        assert read_url(f"https://h.example:8443{rest}").target == (rest if rest.startswith("/") else f"/{rest}")


SECRETS = {"CONFIRM_TEST_HEADER": "canary-1f00-header", "CONFIRM_TEST_QUERY": "canary-2f00-query"}


def test_a_secret_of_a_request_is_only_in_the_request(
    tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither in the chat, nor in a file, nor in the log, also where the other side repeats all that it was sent.

    A fixed token in a URL is not in the chat.
    """
    web.reply = lambda handler: handler.say(200, f"fine {handler.asked.headers} {handler.asked.target}")
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    run = {
        "url": f"http://localhost:{web.port}/?token=canary-3f00-fixed",
        "hosts": ["localhost"],
        "headers": {"Authorization": "env:CONFIRM_TEST_HEADER"},
        "query": {"api_key": "env:CONFIRM_TEST_QUERY"},
    }
    write_files(tmp_path, {"aliases/ask.yaml": json.dumps({"name": "ask", "formats": ["ask"], "run": {"http": run}})})
    with a_bot(tmp_path) as talk:
        talk.alice.says("!ask")
        asked = talk.prompt()
        talk.alice.says(f"!show {asked}")
        talk.alice.says(f"!confirm {asked}")
        talk.hears(rf"{asked} succeeded in [0-9.]+ s.*fine")
        talk.alice.says(f"!show {asked}")
        talk.quiet()
        said = "\n".join(talk.texts())
    kept = [path.read_bytes().decode(errors="replace") for path in (tmp_path / "data").rglob("*") if path.is_file()]
    (request,) = web.asked
    assert request.headers["authorization"] == SECRETS["CONFIRM_TEST_HEADER"]
    assert request.target == f"/?token=canary-3f00-fixed&api_key={SECRETS['CONFIRM_TEST_QUERY']}"
    places = [said, caplog.text, *kept]
    found = [name for name, value in SECRETS.items() if any(value in place for place in places)]
    print(f"\nsecrets {len(SECRETS)}, places {len(places)}, found {len(found)}")
    assert found == []
    assert "canary" not in said
    assert "?token=***&api_key=***" in said


@pytest.mark.parametrize("size", range(1, 12))
def test_a_secret_that_is_repeated_in_pieces_is_not_to_be_read(size: int) -> None:
    body = b"key canary-1 key canary-2 canary-1canary-1 canar"
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    assert b"".join(without(pieces, [b"canary-1", b"canary-2"])) == b"key *** key *** ****** canar"


def test_the_process_that_sends_has_nothing_of_the_bots(
    tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variable, no argument and no open file; what it is told comes on its standard input."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    seen: list[str] = []

    def look(handler: Handler) -> None:
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                arguments = (process / "cmdline").read_text()
                if "http_child.py" in arguments and f"\nPPid:\t{os.getpid()}\n" in (process / "status").read_text():
                    held = [os.readlink(each) for each in (process / "fd").iterdir() if int(each.name) > 2]
                    seen.extend([arguments, (process / "environ").read_text(), *held])
        handler.say(200, "fine")

    web.reply = look
    with (tmp_path / "held").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        source = Source(tmp_path / "actions" / "it.yaml")
        headers = {"Authorization": "env:CONFIRM_TEST_HEADER"}
        run = {"http": {"url": f"http://localhost:{web.port}/", "hosts": ["localhost"], "headers": headers}}
        action = Action(name="it", runner="http", run=run, source=source, base=tmp_path)
        told = {"CONFIRM_ID": "7f3kq2xa", "CONFIRM_ANSWERS": SECRETS["CONFIRM_TEST_QUERY"]}
        running = RUNNERS["http"].start(RUNNERS["http"].render(action, str, {}), Context(told=told))
        assert running.wait(PATIENCE) == Outcome(exit_code=0, output="fine")
    assert seen
    print(f"\ncanaries {len(SECRETS)}, descriptors {[each for each in seen[2:] if 'socket' not in each]}")
    assert not any(value in each for each in seen for value in SECRETS.values())
    assert all(each.startswith("socket:") for each in seen[2:])


def test_lint_warns_of_what_is_better_written_otherwise(tmp_path: Path) -> None:
    """A fixed token, a secret in clear text, and a value that may make another path."""
    run = {"url": "http://h.example/{{ host }}?token=x&page=1", "headers": {"Authorization": "env:T"}}
    alias = {"name": "ask", "formats": ["ask {{host}}"], "run": {"http": run}}
    write_files(tmp_path, {"aliases/ask.yaml": json.dumps(alias)})
    default = parse_policy("requester", People({}))
    catalog = load([tmp_path / "aliases"], [], people=People({}), default=default)
    assert [warning.message.partition(";")[0].partition(",")[0] for warning in catalog.warnings] == [
        '"token" looks secret',
        'the secret for "Authorization" is sent without TLS',
        '"host" comes from chat and may bring / or % into the URL',
    ]
