"""The chat commands that lock aliases and guards, and unlock them.

Errbot is not told that this needs Confirm: it would then start that one although it is blacklisted.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from errbot import BotPlugin, CommandError, botcmd

from err_confirm.errors import LockError
from err_confirm.holding.hold import active
from err_confirm.locks import read_wish
from err_confirm.model.executions import Speaker
from err_confirm.text.visible import writable
from err_confirm.wording import Wording


class Locks(BotPlugin):
    """Stop aliases and guarded commands for a while."""

    @botcmd
    def lock(self, msg: Any, args: str) -> str:
        """Let nothing of it start: !lock <alias, guard or *> [2h] <reason>"""
        confirm, by = self._begin(msg)
        with self._worded(confirm):
            people = confirm.service.settings.people.names()
            if by.person not in people:
                raise CommandError(confirm.chat.wording.say("lock_nobody", identity=by.identity))
            wish = read_wish(writable(args), confirm.service.names(), self._bot.prefix)
            guard = confirm.service.catalog.guards.get(wish.name)
            if guard is not None and guard.policy is None and not guard.error:
                raise LockError(f"{guard.name} lets its commands run at once, without being asked; change its file")
            lock = confirm.service.locks.put(wish, by)
        return confirm.chat.wording.say("locked", lock=lock, lasts=wish.lasts)

    # Not in the history: `!!`, said to ask once more, would unlock instead.
    @botcmd(historize=False)
    def unlock(self, msg: Any, args: str) -> str:
        """Take your lock off it, or as a bot admin all of them: !unlock <alias, guard or *>

        !unlock <id> gives up what an execution keeps for itself that was lost.
        """
        confirm, by = self._begin(msg)
        with self._worded(confirm):
            admin = confirm.is_admin(msg)
            if (given := confirm.service.unlock(args, by, admin=admin)) is not None:
                return confirm.chat.wording.say("given_up", mutex=given, id=args.strip())
            done = confirm.service.locks.take(args, by, admin=admin)
        return confirm.chat.wording.say("unlocked", done=done)

    @botcmd
    def locks(self, msg: Any, _: str) -> str:
        """List what is locked, by whom and why."""
        confirm = self._confirm()
        with confirm.worded():
            found, now = confirm.service.locks.all()
        return confirm.chat.reply(msg, confirm.chat.wording.say("locks", locks=found, now=now))

    def _confirm(self) -> Any:
        if (confirm := active(self._bot, "Confirm")) is None:
            raise CommandError(Wording(self._bot.prefix).say("off"))
        return confirm

    @contextmanager
    def _worded(self, confirm: Any) -> Iterator[None]:
        """Turn what goes wrong inside into what is said about it."""
        with confirm.worded():
            try:
                yield
            except LockError as error:
                raise CommandError(confirm.chat.wording.say("refused_lock", error=error)) from error

    def _begin(self, msg: Any) -> tuple[Any, Speaker]:
        """Return the plugin that knows everything, and who speaks from where."""
        confirm = self._confirm()
        with confirm.worded():
            return confirm, confirm.chat.speaker(msg)
