"""A web server on this machine that remembers what it was asked, and one that is StackStorm's API as far as we use it.

What StackStorm answers is as in its st2api/controllers/v1/actionexecutions.py (3.8): 201 for a new execution, 400 with
a `faultstring`, 401 without a key that is known; a canceled one is `canceling` first.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Reply = Callable[["Handler"], None]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: str


class Handler(BaseHTTPRequestHandler):
    """Notes each request, and answers as the test wants."""

    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        self.raw_requestline = self.rfile.readline(65_537)
        self.close_connection = True
        if not self.raw_requestline or not self.parse_request():
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = Asked(self.command, self.path, headers, body)
        web = self.server.web  # type: ignore[attr-defined]
        web.asked.append(self.asked)
        try:
            web.reply(self)
        except (BrokenPipeError, ConnectionResetError):
            web.left.set()

    def say(self, status: int, body: str = "", **headers: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@dataclass
class Web:
    """What was asked, and how it is answered; `left` is set when somebody goes in the middle of an answer."""

    port: int = 0
    reply: Reply = field(default=lambda handler: handler.say(200, "fine\n"))
    asked: list[Asked] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    def says(self, status: int, body: str = "", **headers: str) -> None:
        """Answer this from now on."""
        self.reply = lambda handler: handler.say(status, body, **headers)


@contextmanager
def a_web(certificate: Path | None = None) -> Iterator[Web]:
    """Serve on a port of 127.0.0.1; over TLS, if there is a file with a certificate and its key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.web = web = Web(server.server_address[1])  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class StackStorm:
    """Executions, each with its states to come; the last one stays."""

    key: str = "st2-key"
    to_come: tuple[str, ...] = ("requested", "scheduled", "running", "succeeded")
    result: Any = None
    executions: dict[str, list[str]] = field(default_factory=dict)
    failing: int = 0
    running: threading.Event = field(default_factory=threading.Event)

    def reply(self, handler: Handler) -> None:
        asked = handler.asked
        if asked.headers.get("st2-api-key") != self.key:
            handler.say(401, json.dumps({"faultstring": "Unauthorized - Invalid API key."}))
        elif asked.method == "POST":
            self._begin(handler, json.loads(asked.body))
        elif self.failing:
            self.failing -= 1
            handler.say(502, "<html>Bad Gateway</html>")
        else:
            self._tell(handler, asked.target.rpartition("/")[2], asked.method == "DELETE")

    def _begin(self, handler: Handler, wanted: dict[str, Any]) -> None:
        if wanted["action"].startswith("no."):
            handler.say(400, json.dumps({"faultstring": f"Action {wanted['action']} cannot be found."}))
            return
        execution = f"{len(self.executions):024x}"
        self.executions[execution] = list(self.to_come)
        handler.say(201, json.dumps({"id": execution, "status": self.to_come[0]}))

    def _tell(self, handler: Handler, execution: str, cancel: bool) -> None:
        states = self.executions[execution]
        if cancel:
            states[:] = ["canceling", "canceled"]
        state = states.pop(0) if len(states) > 1 else states[0]
        if state == "running":
            self.running.set()
        handler.say(200, json.dumps({"id": execution, "status": state, "result": self.result}))
