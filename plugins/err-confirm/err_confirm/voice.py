"""What a chat network must be able to say for the bot."""

from typing import Protocol

from err_confirm.model.executions import Execution


class Voice(Protocol):
    """Who words and sends what is said. What cannot be sent raises PostError, unless it says otherwise."""

    def ask(self, execution: Execution) -> None:
        """Post the prompt of an execution; an ErrConfirmError cancels that execution."""
        ...

    def tell(self, execution: Execution) -> None:
        """Say what an execution has become; called on one thread, in order."""
        ...

    def say_not(self, execution: Execution, cause: str, alias: str, error: str) -> None:
        """Say for which cause which alias does not follow an execution, and why."""
        ...

    def waits(self, execution: Execution) -> None:
        """Say that a confirmed execution waits for the one that runs; called as `tell` is."""
        ...

    def progress(self, execution: Execution) -> None:
        """Take in that what runs has come farther; returns at once, and never raises."""
        ...
