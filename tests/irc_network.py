"""A real chat network on loopback: an IRC server, people with clients of their own, and the bot as an `errbot` process.

The server is the one of the package `irc`, made stricter where real servers are: who speaks is known by the address
that they connect from, and a line that is longer than 512 bytes is cut.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from irc.server import IRCChannel, IRCClient, IRCServer
from jaraco.stream.buffer import LineBuffer

from servers import PATIENCE, eventually, readable
from talk import ROOT

ROOM = "#ops"
BOT = "guard"
LONGEST_LINE = 512
"""Bytes of a line with its end, https://www.rfc-editor.org/rfc/rfc1459#section-2.3."""
SAID = re.compile(r":(?P<mask>\S+) PRIVMSG (?P<to>\S+) :(?P<text>.*)")
FORMATTING = re.compile(r"[\x02\x0f\x1d\x1f]|\x03(\d\d?(,\d\d?)?)?")
"""What a client draws and nobody reads: bold, colours and the like, https://modern.ircdocs.horse/formatting."""
READY = "Plugin activation done."
"""What Errbot's log says when it hears commands."""
PROMPT = r"^!confirm ([0-9a-hjkmnp-tv-z]{8})$"

CONFIG = """
import irc.bot
irc.bot.ExponentialBackoff.min_interval = 1  # seconds until the bot connects again; a minute by default
BACKEND = "IRC"
BOT_ADMINS = ("root!*@127.0.0.9",)
BOT_LOG_LEVEL = 20
CORE_PLUGINS = ("ACLs", "ChatRoom", "CommandNotFoundFilter", "Help")
IRC_CHANNEL_RATE = IRC_PRIVATE_RATE = 0
IRC_RECONNECT_ON_KICK = 1
CONFIRM_STOP_GRACE = "100ms"
CONFIRM_LIMITS = {"person": 100_000, "room": 100_000, "pause": "1ms"}
"""


class _Lines(LineBuffer):
    """Lines as servers read them that take either half of a line's end for all of it."""

    line_sep_exp = re.compile(rb"[\r\n]+")


class _AtOnce:
    """What the library keeps until it polls again goes out at once."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def append(self, line: str) -> None:
        self._client._send(line)


class Client(IRCClient):
    """One connection to the server."""

    def setup(self) -> None:
        self._sending = threading.Lock()
        self.send_queue = _AtOnce(self)
        self.host = self.client_address[0]
        self.buffer = _Lines()
        self.server.links.add(self)

    def handle(self) -> None:
        """Serve one line after another; the library's own loop never rests."""
        try:
            while True:
                self._handle_incoming()
        except self.Disconnect:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection, as a server does that is restarted."""
        with self._sending, suppress(OSError):  # it may be closed
            self.request.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        self.server.links.discard(self)
        with self.server.one_at_a_time:
            super().finish()

    def client_ident(self) -> str:
        return f"{self.nick}!{self.user}@{self.host}"

    def handle_join(self, params: str) -> None:
        """Join one room; the library's sends a topic before the join."""
        name = params.split(maxsplit=1)[0]
        room = self.server.channels.setdefault(name, IRCChannel(name))
        room.clients.add(self)
        self.channels[name] = room
        for each in room.clients:
            each._send(f":{self.client_ident()} JOIN {name}")
        nicks = " ".join(each.nick for each in room.clients)
        self._send(f":{self.server.servername} 353 {self.nick} = {name} :{nicks}")
        self._send(f":{self.server.servername} 366 {self.nick} {name} :End of /NAMES list")

    def handle_kick(self, params: str) -> None:
        """Put somebody out of a room, which the library cannot."""
        name, nick, reason = params.split(maxsplit=2)
        room, kicked = self.server.channels[name], self.server.clients[nick]
        for each in room.clients:
            each._send(f":{self.client_ident()} KICK {name} {nick} {reason}")
        room.clients.remove(kicked)
        kicked.channels.pop(name)

    def handle_quit(self, params: str) -> None:
        raise self.Disconnect

    def _handle_line(self, line: str) -> None:
        if line:
            self.server.lines.append((self.nick, line))
            with self.server.one_at_a_time:
                super()._handle_line(line)

    def _send(self, msg: str) -> None:
        with self._sending, suppress(OSError):  # whose client is gone ends in its own thread
            self.request.sendall(msg.encode()[: LONGEST_LINE - 2] + b"\r\n")


class Server(IRCServer):
    """An IRC server on a free port; `lines` is all that it was sent, as (nick, line)."""

    daemon_threads = False
    block_on_close = True

    def __init__(self) -> None:
        self.one_at_a_time = threading.RLock()
        self.links: set[Client] = set()
        self.lines: list[tuple[str | None, str]] = []
        super().__init__(("127.0.0.1", 0), Client)
        self.port = self.server_address[1]

    def has(self, nick: str, room: str = ROOM) -> bool:
        """Tell whether somebody is in a room."""
        return room in self.channels and any(each.nick == nick for each in set(self.channels[room].clients))


@dataclass
class Person:
    """Somebody with a client of their own: a nick, a user name, and the address that they come from."""

    nick: str
    user: str
    host: str
    server: Server
    heard: list[tuple[str, str]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    """Each line that the bot said, as it came, and in `heard` as (to, text) without its formatting."""
    _read: int = 0
    _buffer: Any = field(default_factory=LineBuffer)

    def __post_init__(self) -> None:
        self.arrives()

    @property
    def mask(self) -> str:
        return f"{self.nick}!{self.user}@{self.host}"

    def arrives(self) -> None:
        """Connect, and join the room."""
        address = ("127.0.0.1", self.server.port)
        self._socket = socket.create_connection(address, source_address=(self.host, 0))
        self.sends(f"NICK {self.nick}", f"USER {self.user} 0 * :{self.nick}", f"JOIN {ROOM}")
        eventually(lambda: self.server.has(self.nick))

    def leaves(self) -> None:
        """Quit, if not gone already; returns when the server has noted it."""
        if self._socket.fileno() < 0:
            return
        self.sends("QUIT :bye")
        eventually(lambda: not self.server.has(self.nick) and self.nick not in self.server.clients)
        self._socket.close()

    def renames(self, nick: str) -> None:
        """Take another nick."""
        self.sends(f"NICK {nick}")
        self.nick = nick
        eventually(lambda: nick in self.server.clients)

    def says(self, text: str, to: str = ROOM) -> None:
        """Say something in a room, or with `to=BOT` to the bot alone."""
        self.sends(f"PRIVMSG {to} :{text}")

    def sends(self, *lines: str) -> None:
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def hears(self, pattern: str, to: str | None = ROOM) -> re.Match[str]:
        """Wait for the bot's next line that matches, after the last one that was waited for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            while self._read < len(self.heard):
                where, text = self.heard[self._read]
                self._read += 1
                if to in (None, where) and (match := re.search(pattern, text)):
                    return match
            if not readable(self._socket.fileno(), max(0.0, deadline - time.monotonic())):
                told = "\n".join(f"[{where}] {text}" for where, text in self.heard[-15:])
                raise AssertionError(f"{self.nick} never heard {pattern!r} (to {to}); what was said last:\n{told}")
            self._receive()

    def prompt(self, to: str = ROOM) -> tuple[str, list[str]]:
        """Wait for a prompt; return its id, and its lines from where the last one that was waited for ended."""
        before = self._read
        asked = self.hears(PROMPT, to)[1]
        self.hears(rf"^!deny {asked}$", to)
        return asked, [text for where, text in self.heard[before : self._read] if where == to]

    def quiet(self) -> list[str]:
        """Return what the bot said here since the last line that was waited for, up to its answer to a last word."""
        before = self._read
        self.says("!confirm me", BOT)
        self.hears("^you are ", to=self.nick)
        return [text for _, text in self.heard[before : self._read - 1]]

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        assert data, f"the server has closed {self.nick}'s connection"
        self._buffer.feed(data)
        for line in self._buffer:
            match = SAID.fullmatch(line.decode(errors="replace"))
            if match and match["mask"].startswith(f"{BOT}!"):
                self.raw.append(line.decode(errors="replace"))
                self.heard.append((match["to"], FORMATTING.sub("", match["text"]).strip()))


class Bot:
    """The bot as a process, on the config in a folder, where its data and its files are, too."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server
        self.start()

    def start(self) -> None:
        """Start it, and wait until it is in the room with all its plugins."""
        self._log = self.folder / "data/errbot.log"
        self._log.unlink(missing_ok=True)
        command = [str(Path(sys.executable).with_name("errbot")), "-c", str(self.folder / "config.py")]
        with (self.folder / "stderr").open("w") as stderr:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONFAULTHANDLER": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
        try:
            eventually(lambda: self._is_ready() or self.process.poll() is not None)
            assert self.process.poll() is None, self._log.read_text()
        except AssertionError:
            self.end()
            raise

    def loses_its_connection(self) -> None:
        """Close its connection, and wait until it is back."""
        before = self._log.read_text().count(READY)
        self.server.clients[BOT].hang_up()
        eventually(lambda: self._is_ready(before + 1))

    def stop(self) -> None:
        """End it with SIGTERM, as the system does."""
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0
        eventually(lambda: BOT not in self.server.clients)

    def end(self) -> None:
        """Leave nothing behind; a bot that does not end shows where its threads are."""
        self.process.terminate()  # does nothing to one that has ended
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait(PATIENCE)
            raise AssertionError(f"the bot did not end:\n{(self.folder / 'stderr').read_text()}") from None

    def _is_ready(self, times: int = 1) -> bool:
        return self.server.has(BOT) and self._log.read_text().count(READY) == times


@contextmanager
def a_server() -> Iterator[Server]:
    """Run a server on a thread; at the end no connection and no thread of it is left."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="irc server")
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        for link in list(server.links):
            link.hang_up()
        server.server_close()


@contextmanager
def an_irc_bot(folder: Path, server: Server, **config: object) -> Iterator[Bot]:
    """Start the bot on the alias and action files below `folder`, and end it; its data stays there."""
    for name in ("aliases", "actions", "data"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    settings = {
        "BOT_IDENTITY": {"nickname": BOT, "server": "127.0.0.1", "port": server.port},
        "BOT_DATA_DIR": str(folder / "data"),
        "BOT_EXTRA_PLUGIN_DIR": str(ROOT / "plugins"),
        "BOT_LOG_FILE": str(folder / "data/errbot.log"),
        "CHATROOM_PRESENCE": (ROOM,),
        "CONFIRM_ALIASES": str(folder / "aliases"),
        "CONFIRM_ACTIONS": str(folder / "actions"),
        "CONFIRM_STORE": f"sqlite:///{folder}/data/test.db",
        **config,
    }
    (folder / "config.py").write_text(CONFIG + "".join(f"{name} = {value!r}\n" for name, value in settings.items()))
    bot = Bot(folder, server)
    try:
        yield bot
    finally:
        bot.end()


def ran(bot: Bot) -> list[list[str]]:
    """Return the arguments of everything that has run, which its program has kept in the file `ran`."""
    kept = bot.folder / "ran"
    return [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
