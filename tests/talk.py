"""Talk to a real Errbot bot with our plugins, as people do: `alice.says("!restart web01")`, `talk.hears("confirm")`."""

import importlib
import logging
import queue
import re
import shutil
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import errbot.core
from errbot.bootstrap import setup_bot
from errbot.core_plugins import flask_app

from servers import PATIENCE, eventually

ROOT = Path(__file__).resolve().parent.parent
PROMPT = r"^!confirm ([0-9a-hjkmnp-tv-z]{8})(?: approve)?$"
UNGUARDED = {
    "aliases/err-confirm.yaml": "{commands: ['Plugins:*'], enabled: false}",
    "aliases/err-confirm-reload.yaml": "{commands: ['Aliases:*'], enabled: false}",
}
"""Stand in for the guards that are shipped, so that alice alone can reload and switch plugins."""


@dataclass
class Person:
    """Somebody in the chat."""

    name: str
    talk: "Talk"

    def says(self, text: str, room: str | None = "#ops") -> None:
        """Say something in a room, or with `room=None` to the bot alone."""
        self.talk.bot.inbox.put((self.name, room, text))


@dataclass
class Talk:
    """A conversation with one running bot; what was heard stays in `heard` as (to, text)."""

    bot: Any
    heard: list[tuple[str, str]] = field(default_factory=list)
    _read: int = 0

    def __getattr__(self, name: str) -> Person:
        return Person(name, self)

    @property
    def service(self) -> Any:
        return self.bot.plugin_manager.get_plugin_obj_by_name("Confirm").service

    def hears(self, pattern: str, to: str | None = None) -> re.Match[str]:
        """Wait for the next message that matches, after the last one that was waited for."""
        deadline = time.monotonic() + PATIENCE
        while True:
            while self._read < len(self.heard):
                where, text = self.heard[self._read]
                self._read += 1
                match = re.search(pattern, text, re.MULTILINE | re.DOTALL)
                if match and to in (None, where):
                    return match
            try:
                self.heard.append(self.bot.heard.get(timeout=max(0.0, deadline - time.monotonic())))
            except queue.Empty:
                told = "\n".join(f"[{where}] {text}" for where, text in self.heard[-12:])
                raise AssertionError(f"nobody said {pattern!r} (to {to}); what was said last:\n{told}") from None

    def prompt(self, to: str | None = None) -> str:
        """Wait for a prompt, and return its id as soon as the bot has noted that it was posted."""
        asked = self.hears(PROMPT, to)[1]
        eventually(lambda: (found := self.execution(asked)).posted or found.state.ended)
        return asked

    def quiet(self) -> list[str]:
        """Wait until the bot has answered all that was said before; return what it said meanwhile.

        An admin's command waits for all others. What the bot says of its own accord may still come after it.
        """
        before = self._read
        self.root.says("!log tail", room=None)
        self.hears("^(No log is configured|nothing runs: Utils:log_tail is guarded)", to="@root")
        return [text for _, text in self.heard[before : self._read - 1]]

    def execution(self, execution_id: str) -> Any:
        """Return an execution as it is in the store."""
        return self.service.engine.read(execution_id)[0]

    def ended(self, execution_id: str) -> Any:
        """Return an execution as soon as the bot has noted that its end was told."""
        eventually(lambda: (found := self.execution(execution_id)).state.ended and found.tell_after is None)
        return self.execution(execution_id)

    def executions(self) -> list[Any]:
        """Return all executions that the store keeps, newest first."""
        return list(self.service.engine.recent())

    def texts(self) -> list[str]:
        """Return all that was heard so far."""
        return [text for _, text in self.heard]


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, by their path below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if not path.suffix:
            path.chmod(0o755)


def on_networks(name: str) -> tuple[str, str]:
    """Return as whom access control knows somebody on the loopback's Slack and on its Telegram."""
    return f"U{name.upper()}", str(int.from_bytes(name.encode()))


@contextmanager
def a_bot(folder: Path, *, shipped: bool = False, **config: Any) -> Iterator[Talk]:
    """Start a bot on the alias and action files below `folder`, and end it cleanly; its data stays there.

    Only where `shipped` says so, the guards hold that are shipped.
    """
    if not shipped:
        write_files(folder, UNGUARDED)
    for name in ("aliases", "actions", "data", "backend"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "tests/loopback.py", folder / "backend")
    (folder / "backend/loopback.plug").write_text("[Core]\nName = Loopback\nModule = loopback\n")
    settings = {
        **vars(importlib.import_module("errbot.config-template")),
        "AUTOINSTALL_DEPS": False,
        "BOT_ADMINS": ("@alice", "@root", *(aclattr for name in ("alice", "root") for aclattr in on_networks(name))),
        "BOT_ADMINS_NOTIFICATIONS": ("@alice", "@root"),
        "BOT_DATA_DIR": str(folder / "data"),
        "BOT_EXTRA_BACKEND_DIR": str(folder / "backend"),
        "BOT_EXTRA_PLUGIN_DIR": str(ROOT / "plugins"),
        "BOT_LOG_FILE": None,
        "BOT_LOG_LEVEL": logging.INFO,
        "CONFIRM_PEOPLE": {name: [f"text:{name}"] for name in ("alice", "bob", "carol", "mallory")},
        "CONFIRM_LIMITS": {"person": 100_000, "room": 100_000, "pause": "1ms"},
        "CONFIRM_ALIASES": folder / "aliases",
        "CONFIRM_ACTIONS": folder / "actions",
        "CONFIRM_STORE": f"sqlite:///{folder / 'data/test.db'}",
        **config,
    }
    # Errbot has one web application for the process; after its first request it takes no more webhooks.
    flask_app._got_first_request = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Errbot's own plugins import
        bot = setup_bot("Loopback", logging.getLogger(), SimpleNamespace(**settings))
    # Errbot keeps the pool of threads that each admin's command replaces, with its pipe, until the process ends.
    errbot.core.atexit = SimpleNamespace(register=lambda _: None)
    thread = threading.Thread(target=bot.serve_forever, name="bot", daemon=True)
    thread.start()
    talk = Talk(bot)
    try:
        talk.quiet()
        yield talk
    finally:
        bot.inbox.put(None)
        thread.join(60)
        assert not thread.is_alive(), "the bot did not end"
        if bot.bot_config.BOT_ASYNC:
            bot.thread_pool.close()
