"""Ask for what follows an execution that has ended: each once, whoever does it, and however often it is done."""

import logging
from collections.abc import Callable

from err_confirm.catalog import Catalog
from err_confirm.engine import After, Engine
from err_confirm.errors import ErrConfirmError, SequelError, StoreUnavailableError
from err_confirm.following import DEEPEST, following, values, worded
from err_confirm.journal import NOT_FOLLOWED
from err_confirm.journal.archive import Archive
from err_confirm.model.executions import Execution, Plan, Speaker, State
from err_confirm.model.policies import Policy
from err_confirm.model.runs import FollowUp
from err_confirm.plan import plan
from err_confirm.plan.index import Match
from err_confirm.text.spelling import did_you_mean

log = logging.getLogger(__name__)

Say = Callable[[Execution, str, str, str], None]
"""Says of an execution that for some cause, an alias was to follow it, and why it does not."""


class Sequels:
    """What is asked for after something else, by who asked for that, and in the same place.

    An id that can only be made of the one before it, and of the cause, keeps each from being asked for twice.

    Args:
        engine: has the executions.
        archive: keeps in the journal what could not be asked for.
        catalog: returns the aliases that are in use.
        moment: returns the time if a policy wants to know it.
        ask: asks for a plan, after something else; raises an ErrConfirmError if it may not be asked for.
        begin: posts the prompt of one that was asked for and is not posted yet, or lets it run.
        say: says in the room what does not follow.
    """

    def __init__(
        self,
        engine: Engine,
        archive: Archive,
        catalog: Callable[[], Catalog],
        moment: Callable[[list[Policy | None]], float | None],
        *,
        ask: Callable[..., Execution],
        begin: Callable[[Execution], Execution],
        say: Say,
    ) -> None:
        self._engine = engine
        self._archive = archive
        self._catalog = catalog
        self._moment = moment
        self._ask = ask
        self._begin = begin
        self._say = say

    def follow(self, parent: Execution) -> None:
        """Ask for all that follows; what was asked for already is only posted, if it is not yet.

        Raises:
            StoreUnavailableError: the store does not answer; doing it again does no harm.
            PostError: what does not follow could not be said; likewise, and all else that follows was asked for.
        """
        failures = []
        for cause, follow_up in following(parent).items():
            try:
                self._go_on(parent, cause, follow_up)
            except ErrConfirmError as error:
                failures.append(error)
        for failure in failures:
            raise failure

    def _go_on(self, parent: Execution, cause: str, follow_up: FollowUp) -> None:
        after, found = self._engine.sequel(parent, cause)
        if found is None:
            try:
                self._request(parent, follow_up, after)
            except StoreUnavailableError:
                raise
            except ErrConfirmError as error:
                self._refuse(parent, cause, follow_up.alias, str(error))
        elif found.state is State.PENDING and not found.posted:
            self._begin(found)

    def _request(self, parent: Execution, follow_up: FollowUp, after: After) -> None:
        if after.depth > DEEPEST:
            raise SequelError(f"{DEEPEST} executions have followed one another already; more never do")
        made = self._plan(parent, follow_up)
        self._ask(made, _asker(parent), worded(made.alias, made.parameters), after=after)

    def _plan(self, parent: Execution, follow_up: FollowUp) -> Plan:
        catalog = self._catalog()
        alias = catalog.aliases.get(follow_up.alias)
        if alias is None:
            raise SequelError(f"there is no such alias now{did_you_mean(follow_up.alias, catalog.aliases)}")
        if not alias.enabled:
            raise SequelError("that alias is switched off")
        given = values(parent, follow_up, alias, catalog.action(alias))
        return plan(catalog, Match(alias, "", given), room=parent.place.room, at=self._moment([alias.policy]))

    def _refuse(self, parent: Execution, cause: str, alias: str, error: str) -> None:
        log.warning("%s does not follow %s (%s): %s", alias, parent.id, cause, error)
        facts = {"parent": parent.id, "cause": cause, "alias": alias, "error": error}
        self._archive.note(NOT_FOLLOWED, facts, _asker(parent))
        self._say(parent, cause, alias, error)


def _asker(execution: Execution) -> Speaker:
    """Return who asked for an execution, and where."""
    return Speaker(execution.requester, execution.place, execution.identity)
