"""Stores that fail in one way, around a real one: the wake-up that never comes, the answer that is lost."""

import json
import threading
from collections.abc import Callable
from typing import Any

from err_confirm.errors import StoreUnavailableError
from err_confirm.model.executions import State
from err_confirm.store.base import Store, Swap, SwapResult
from err_confirm.store.seal import SEAL_CHARACTERS


class Around:
    """Everything as the store inside does it."""

    def __init__(self, store: Store) -> None:
        self.inside = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)


class DeafWatch:
    """An ear that hears no swap; it can still be woken."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def wait(self, timeout: float) -> bool:
        woken = self._woken.wait(timeout)
        self._woken.clear()
        return woken

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        pass


class Deaf(Around):
    """Drops every wake-up."""

    def watch(self) -> DeafWatch:
        return DeafWatch()


class LostAnswers(Around):
    """Does a swap, and then says that the store did not answer, where `lose` says so."""

    def __init__(self, store: Store, lose: Callable[[Swap], bool]) -> None:
        super().__init__(store)
        self._lose = lose

    def swap(self, swap: Swap) -> SwapResult:
        result = self.inside.swap(swap)
        if self._lose(swap):
            raise StoreUnavailableError("the answer was lost")
        return result


class LostSwaps(LostAnswers):
    """Does not do a swap and says that the store did not answer: who asks cannot tell it from a lost answer."""

    def swap(self, swap: Swap) -> SwapResult:
        if self._lose(swap):
            raise StoreUnavailableError("the swap was lost")
        return self.inside.swap(swap)


def state_in(swap: Swap) -> State:
    """Return the state that a swap would write."""
    return State(json.loads(swap.record.body[SEAL_CHARACTERS:])["state"])


class Once:
    """Says yes once for each of these states: to the next swap that writes it."""

    def __init__(self, *states: State) -> None:
        self._states = list(states)

    def __call__(self, swap: Swap) -> bool:
        state = state_in(swap)
        if state not in self._states:
            return False
        self._states.remove(state)
        return True

    @property
    def done(self) -> bool:
        return not self._states


class Overtaken(Around):
    """Lets something else happen right before each swap: between the reading and the writing of who swaps."""

    def __init__(self, store: Store, before: Callable[[Swap], object]) -> None:
        super().__init__(store)
        self._before = before

    def swap(self, swap: Swap) -> SwapResult:
        self._before(swap)
        return self.inside.swap(swap)


class Broken(Around):
    """Answers nothing while `down` is set; `error` is what it raises instead."""

    def __init__(
        self, store: Store, error: Exception | None = None, on_question: Callable[[], object] = lambda: None
    ) -> None:
        super().__init__(store)
        self._on_question = on_question
        self.down = threading.Event()
        self._error = error or StoreUnavailableError("the store is down")

    def __getattr__(self, name: str) -> Any:
        if self.down.is_set() and name in ("read", "swap", "due", "poll", "recent", "find", "forget_due"):
            self._on_question()
            raise self._error
        return super().__getattr__(name)
