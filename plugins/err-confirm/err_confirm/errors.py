"""Everything that err-confirm raises, each with the facts of the case as attributes."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what has no execution in its hands needs none of the model
    from err_confirm.model.executions import Execution


class ErrConfirmError(Exception):
    """Root of all errors that err-confirm raises on purpose; its text is fit to be said in chat."""


class TextError(ErrConfirmError):
    """Raised when a text cannot start what an alias promises."""


class NoMatchError(TextError):
    """Raised when no alias, or not this representation, matches a text."""


class TextTooLongError(TextError):
    """Raised when a text is longer than what is ever matched."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"this text is {size:,} bytes long, commands may have {limit:,}; say it shorter")
        self.size = size
        self.limit = limit


class AmbiguousMatchError(TextError):
    """Raised when several aliases match one text."""

    def __init__(self, aliases: Sequence[str]) -> None:
        super().__init__(f"{len(aliases)} aliases match this text: {', '.join(aliases)}; say it more precisely")
        self.aliases = tuple(aliases)


class TooManyMatchesError(TextError):
    """Raised when a text asks for more executions at once than are ever started."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"this text asks for more than {limit} executions at once; say it in parts")
        self.limit = limit


class TooManyPairsError(TextError):
    """Raised when a text gives more `name=value` pairs than are ever read."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"this text ends with more than {limit} pairs like name=value; say fewer")
        self.limit = limit


class DuplicateParameterError(TextError):
    """Raised when a text gives one parameter twice, or gives one that the alias has fixed."""

    def __init__(self, parameter: str, detail: str = "is given twice; say it once") -> None:
        super().__init__(f'"{parameter}" {detail}')
        self.parameter = parameter


class ParameterError(TextError):
    """Raised when a parameter's value does not fit, is missing, or is not one of the action's."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(f'"{parameter}" {detail}')
        self.parameter = parameter


class MissingParametersError(ParameterError):
    """Raised when a text does not give what an action needs."""

    def __init__(self, parameters: Sequence[str]) -> None:
        super().__init__(parameters[0], "is missing; this action needs it")
        self.parameters = tuple(parameters)


class RefusedError(TextError):
    """Raised when a policy says that this may not even be asked for now."""


class GuardsDifferError(ErrConfirmError):
    """Raised when two guards say equally much about one command."""

    def __init__(self, command: str, sources: Sequence[str]) -> None:
        super().__init__(f"{command} has {len(sources)} guards: {', '.join(sources)}; keep one of them")
        self.command = command
        self.sources = tuple(sources)


class GroupError(ErrConfirmError):
    """Raised when nobody knows at this moment who is in a group."""

    def __init__(self, group: str, detail: str) -> None:
        super().__init__(f"who is in {group} cannot be looked up: {detail}")
        self.group = group
        self.detail = detail


class LimitError(ErrConfirmError):
    """Raised when there are so many prompts that nobody would read one more, or a no that should be heard."""


class GuessError(ErrConfirmError):
    """Raised when somebody has said so many ids that name nothing that no more of theirs are looked up for a while."""

    def __init__(self, most: int, seconds: float) -> None:
        super().__init__(f"{most} ids of the last minute name nothing; wait {math.ceil(seconds)} s")
        self.most = most
        self.seconds = math.ceil(seconds)


class BusyError(ErrConfirmError):
    """Raised when several others already let so much be read that answers would have to wait."""


class AlreadyAskedError(ErrConfirmError):
    """Raised when the same waits already, in the same place."""

    def __init__(self, execution: "Execution") -> None:
        super().__init__(f"{execution.id} asks for this already")
        self.execution = execution


class LockError(ErrConfirmError):
    """Raised when a lock cannot be put on, or taken off, as somebody wants it."""


class LockedError(ErrConfirmError):
    """Raised when somebody asks for what is locked."""


class CodesMissingError(ErrConfirmError):
    """Raised when codes cannot be checked here, because what makes them is not installed."""

    def __init__(self) -> None:
        super().__init__("codes of a second factor cannot be checked here: pip install pyotp, and restart the bot")


class SlowError(ErrConfirmError):
    """Raised when code of others takes longer than it may."""


class NotReadyError(ErrConfirmError):
    """Raised when this bot cannot tell yet whether something may run; later it, or another bot, can."""


class QuestionError(ErrConfirmError):
    """Raised when a question for executions cannot be understood."""


class ActionMissingError(ErrConfirmError):
    """Raised when an alias names an action that is in no file here."""

    def __init__(self, alias: str, action_ref: str) -> None:
        super().__init__(f'alias "{alias}" starts the action "{action_ref}", which has no file here that can be used')
        self.alias = alias
        self.action_ref = action_ref


class RepresentationError(ErrConfirmError):
    """Raised when a representation cannot be understood."""


class TemplateError(ErrConfirmError):
    """Raised when a template of an alias or action file fails, or grows past its limit."""


class SettingError(ErrConfirmError):
    """Raised when a CONFIRM_* setting cannot be used."""


class StoreError(ErrConfirmError):
    """Root of the errors of stores."""


class StoreUnavailableError(StoreError):
    """Raised when the store did not answer; what was asked may or may not have happened."""


class RecordError(StoreError):
    """Raised when a record is not one that err-confirm wrote under this id, or can write; nothing is done with it."""

    def __init__(self, execution_id: str, detail: str) -> None:
        super().__init__(f"the store's record of execution {execution_id} cannot be used ({detail}); ask again")
        self.execution_id = execution_id
        self.detail = detail


class ShelfError(StoreError):
    """Raised when what all bots share is not as err-confirm wrote it last; nothing is done with it."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(
            f"what the store says of {name} cannot be used ({detail}); whoever runs the bot must look at it, "
            "and restart the bot if they did that themselves"
        )
        self.name = name
        self.detail = detail


class LineError(StoreError):
    """Raised when a line of the journal is not as err-confirm wrote it."""


class UnsafeStoreError(StoreUnavailableError):
    """Raised when the store answers, but may forget what it is given."""


class NobodyError(ErrConfirmError):
    """Raised when nobody can be held to a message: a bot sent it, somebody changed it, or its sender has no id."""


class PostError(ErrConfirmError):
    """Raised when a message could not be posted."""


class StartError(ErrConfirmError):
    """Raised when an action could not be started at all."""


class JobError(ErrConfirmError):
    """Raised when a worker does not do a job: it is not ours, not offered, or not what an execution runs now."""


class StaleError(ErrConfirmError):
    """Raised when a run is nobody's any more: another process has taken it over, or it was given up."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(f"{execution_id} is no longer run here; see show {execution_id}")
        self.execution_id = execution_id


class AheadError(ErrConfirmError):
    """Raised when what must be known before anybody can be asked is not; `output` is what was said instead."""

    def __init__(self, detail: str, output: str = "") -> None:
        super().__init__(detail)
        self.output = output


class ProbeError(AheadError):
    """Raised when what runs before anybody has confirmed it failed, took too long, or printed too much."""


class TargetsError(AheadError):
    """Raised when there are no targets, or when what was to name them did not."""


class NoTargetsError(TargetsError):
    """Raised when there is nothing to do, because there is nothing to do it to."""


class PreviewError(AheadError):
    """Raised when a dry run failed, so that nobody can see what would happen."""


class SequelError(ErrConfirmError):
    """Raised when what is to follow an execution cannot be asked for."""
