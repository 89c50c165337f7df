"""Put the parts together: one object that a bot starts, asks, and stops."""

import logging
import os
import secrets
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from err_confirm.answers.otp import SecondFactor, asked_for, installed
from err_confirm.answers.tokens import Tokens
from err_confirm.catalog import Catalog, Severity
from err_confirm.catalog.changes import changes
from err_confirm.conditions import Situation
from err_confirm.engine import Engine
from err_confirm.engine.gate import Gate
from err_confirm.engine.meant import Unclear, resolve
from err_confirm.engine.outbox import Outbox
from err_confirm.engine.outputs import Outputs
from err_confirm.engine.recheck import Recheck
from err_confirm.engine.runs import Runs
from err_confirm.errors import (
    CodesMissingError,
    RecordError,
    StoreError,
)
from err_confirm.guards import Guards
from err_confirm.journal import RELOADED
from err_confirm.journal.archive import Archive
from err_confirm.journal.records import Records
from err_confirm.locks import Locks
from err_confirm.locks.mutexes import Mutexes
from err_confirm.model.executions import Execution, Plan, Speaker
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Mutex
from err_confirm.plan import decided, plan
from err_confirm.plan.index import Index
from err_confirm.plan.preparing import Preparing
from err_confirm.plan.probes import Probes
from err_confirm.remote.runs import NO_REDIS, remote_runner
from err_confirm.requesting import Requests
from err_confirm.runners import starters
from err_confirm.runners.bot_runner import BotRunner
from err_confirm.sequels import Sequels
from err_confirm.settings import Settings
from err_confirm.store import on_redis, open_store
from err_confirm.store.base import Head, clock
from err_confirm.store.seal import Seal, load_key
from err_confirm.store.shelf import Shelf
from err_confirm.voice import Voice
from err_confirm.vouching import Vouch, Vouching

log = logging.getLogger(__name__)

ALIASES_OFF = "the plugin Aliases, whose command this may be, is off; a bot admin can say plugin activate Aliases"
LAST_WORDS = 5.0
"""Seconds for which a stopping service goes on telling what happened."""


class Service:
    """Aliases in, executions out.

    Args:
        settings: of the bot.
        voice: says things in chat.
        warn: tells the bot's admins a sentence.
        bot_runner: starts commands of the bot's other plugins.
        vouch: what must agree before an approved execution runs.
        prefix: what commands begin with.

    Raises:
        SettingError: a setting cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        voice: Voice,
        warn: Callable[[str], None],
        bot_runner: BotRunner | None = None,
        *,
        vouch: Sequence[Vouch] = (),
        prefix: str = "",
    ) -> None:
        self.settings = settings
        self._use(self._load())
        process = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        seal = Seal(load_key(settings.key_file), settings.namespace)
        self.tokens = Tokens(seal)
        self.store = open_store(settings.store, namespace=settings.namespace)
        self.archive = Archive(self.store, seal, settings.journal, keep=settings.journal_keep, on_gap=warn)
        self._shelf = Shelf(open_store(settings.store, namespace=f"{settings.namespace}.shelf"), seal)
        self.locks = Locks(self._shelf, self.archive, prefix)
        self.second_factor = SecondFactor(self._shelf, seal, settings.people, self.archive, settings.namespace)
        self._head = Head()
        self._voice = voice
        self._outbox = Outbox(self._tell, lambda execution: self._sequels.follow(execution))  # noqa: PLW0108  # they need this
        self.engine = Engine(
            self.store,
            Records(seal),
            self._outbox.put,
            groups=settings.groups.roster,
            vouch=lambda execution: self._vouching(execution),  # noqa: PLW0108  # which needs this
            person=settings.people.person,
        )
        self.mutexes = Mutexes(self._shelf, self.archive, self.engine.read, prefix)
        self._remote = remote_runner(settings)
        runners = starters(bot_runner or BotRunner(), self._remote)
        self.outputs = Outputs(settings.output)
        self._runs = Runs(self.engine, runners, process, outputs=self.outputs, on_progress=voice.progress)
        self._gate = Gate(self.engine, self._runs, self._outbox, process)
        self._preparing = Preparing(Probes(runners), settings.limits.person)
        self.requests = Requests(
            settings.limits,
            self.engine,
            locks=self.locks,
            mutexes=self.mutexes,
            preparing=self._preparing,
            add=self._gate.add,
        )
        self._again = Probes(runners)
        recheck = Recheck(self._again, self._gate.wake)
        self._vouching = Vouching((self.locks.vouch, *vouch), self.mutexes, recheck, self._waits)
        self._sequels = Sequels(
            self.engine,
            self.archive,
            lambda: self.catalog,
            self.moment,
            ask=partial(self.requests.ask, post=voice.ask),
            begin=partial(self.requests.begin, post=voice.ask),
            say=voice.say_not,
        )

    def start(self) -> None:
        """Take up what waits in the store; returns at once."""
        self._outbox.start(self.engine)
        self._gate.start()

    def stop(self) -> None:
        """End cleanly: claim nothing more, give what runs its grace, tell how it ended; what waits stays."""
        self._gate.stop()
        self._again.stop()
        self._preparing.stop()
        self._runs.stop(self.settings.stop_grace)
        self._outbox.stop(LAST_WORDS)
        self.archive.catch_up()
        self._shelf.close()
        self._remote.close()
        self.store.close()

    def reload(self, by: Speaker) -> Catalog:
        """Read all files again and use them if none is wrong; return what was read either way.

        What waits already keeps what was shown. The journal keeps what changed, and first: what cannot be kept is not
        taken into use.

        Args:
            by: who wants it.

        Raises:
            StoreUnavailableError: the store does not answer; nothing was changed.
        """
        catalog = self._load()
        if not catalog.errors:
            if changed := changes(self.catalog, catalog):
                self.archive.note(RELOADED, changed, by)
            self._use(catalog)
        return catalog

    def keep_journal(self) -> Head | None:
        """Copy what is new in the journal and forget what is too old; return its head if that has changed since.

        With the journal, it looks after the files of what has run.
        """
        head = self._head
        try:
            self.archive.catch_up()
            head = self.archive.head()
            self.archive.forget_old()
            self.outputs.forget_old(lambda execution_id: self.store.read(execution_id)[0] is not None)
        except StoreError as error:  # the head is posted all the same: with a line that was changed, it is wanted most
            log.warning("the journal could not be looked after: %s", error)
        changed, self._head = head != self._head, head
        return head if changed and head.number else None

    def names(self) -> list[str]:
        """Return the names of all aliases and guards, under which executions are found."""
        return [*self.catalog.aliases, *self.catalog.guards]

    def plans(self, text: str, room: str | None = None) -> list[Plan]:
        """Return what a text would start that is said in a room (empty in a direct message, None if not known).

        Raises TextError, ActionMissingError, TemplateError, or StoreUnavailableError where the time counts.
        """
        matches = self.index.matches(text)
        at = self.moment(match.alias.policy for match in matches)
        return [plan(self.catalog, match, room=room, at=at) for match in matches]

    def decided(self, held: Plan, room: str) -> Plan:
        """Return the plan of a held command under the policy that holds now and in this room.

        Raises RefusedError, TemplateError, or StoreUnavailableError where the time counts.
        """
        situation = Situation(parameters=held.parameters, room=room, at=self.moment([held.policy]))
        return replace(held, policy=decided(held.policy, situation))

    def moment(self, policies: Iterable[Policy | None]) -> float | None:
        """Return the store's clock if one of these policies has conditions; None where nobody looks at it."""
        return clock(self.store) if any(policy is not None and policy.when for policy in policies) else None

    def unlock(self, reference: str, by: Speaker, *, admin: bool) -> Mutex | None:
        """Give up the name that a lost execution keeps, if an execution is meant; return it.

        Raises:
            LockError: that may not be.
        """
        if any(lock.name.casefold() == reference.strip().casefold() for lock in self.locks.all()[0]):
            return None
        found = resolve(self.store, reference)
        if isinstance(found, Unclear):
            return None
        try:
            execution, _ = self.engine.read(found)
        except RecordError:
            return self.mutexes.give_up_unread(found, by, admin=admin)
        if execution is None:
            return None
        return self.mutexes.give_up(execution, by, admin=admin)

    def policy_of(self, alias: str) -> Policy | None:
        """Return the policy of an alias, None if it has none. Raises KeyError if there is no such alias."""
        return self.catalog.aliases[alias].policy

    def running(self) -> int:
        """Return how many executions run here."""
        return len(self._runs)

    def wait_told(self, timeout: float) -> None:
        """Wait until all that has happened so far was told, for at most `timeout` seconds."""
        self._outbox.wait(timeout)

    def lacks(self) -> str:
        """Return what is missing here that a policy or an action needs; nothing if all is there."""
        if asked_for(self.catalog.policies):
            try:
                installed()
            except CodesMissingError as error:
                return str(error)
        remote = any(action.remote for action in self.catalog.actions.values())
        return NO_REDIS if remote and not on_redis(self.settings.store) else ""

    def _waits(self, execution: Execution) -> None:
        self._outbox.put_word(partial(self._voice.waits, execution))

    def _tell(self, execution: Execution) -> None:
        """Say what an execution has become, after the journal's copy has it, too."""
        self.archive.catch_up()
        try:
            self.mutexes.leave(execution)
        except StoreError as error:  # it has nothing any more in any case
            log.warning("that %s is free could not be noted: %s", execution.conduct.mutex, error)
        self._voice.tell(execution)

    def _load(self) -> Catalog:
        catalog = self.settings.load()
        for problem in catalog.problems:
            log.log(logging.INFO if problem.severity is Severity.NOTE else logging.WARNING, "%s", problem)
        return catalog

    def _use(self, catalog: Catalog) -> None:
        self.catalog, self.index = catalog, Index(catalog.aliases.values())
        self.guards = Guards(catalog.all_guards())
        if why := self.lacks():
            log.error("%s", why)
        self.guards_without_aliases = Guards([*catalog.all_guards(), *catalog.instead_of_aliases(ALIASES_OFF)])
