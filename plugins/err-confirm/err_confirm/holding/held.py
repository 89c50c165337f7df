"""A command of another plugin that must not run yet, and the ticket with which it runs once."""

from dataclasses import dataclass, field
from typing import Any

from err_confirm.guards import BotCommand
from err_confirm.model.executions import Place, Plan
from err_confirm.model.files import Guard, Reply
from err_confirm.model.policies import Policy
from err_confirm.model.runs import BOT_RUNNER, Invocation
from err_confirm.policy import fingerprint, trivial


@dataclass(frozen=True, slots=True)
class Held:
    """A command as Errbot knows it, its method, its arguments as they were said, and the guard that stands over it.

    `called` tells that its method was called: what is shown would mean another command if somebody said it, perhaps.
    """

    command: BotCommand
    method: Any
    args: str | None
    guard: Guard
    called: bool = False

    def plan(self, place: Place, prefix: str) -> Plan:
        """Return what its execution would be: this very command, said by the person of this place.

        Its policy is not decided yet: that takes more than what must always be there.
        """
        pattern = self.method._err_command_re_pattern.pattern if self.command.regex else None
        words = self.args or ""
        if pattern is None:
            words = " ".join([self.command.name.replace("_", " "), *([words] if words else [])])
        prefixed = pattern is None or self.method._err_command_prefix_required
        spec = {
            "plugin": self.command.plugin,
            "command": self.command.name,
            "pattern": pattern,
            "args": self.args,
            "said": f"{prefix}{words}" if prefixed else words,
            "named": self.called or pattern is not None,
            "person": place.person,
            "room": place.room,
            "thread": place.thread,
            "policy": fingerprint(self.guard.policy) if self.guard.policy else "",
        }
        return Plan(
            alias=self.guard.name,
            action=str(self.command),
            policy=self.guard.policy,
            invocation=Invocation(runner=BOT_RUNNER, spec=spec),
            result=Reply(enabled=False),  # its replies are said by the bot itself
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """A command that cannot be asked for either, and what is said about it."""

    said: str


@dataclass(slots=True)
class Ticket:
    """Lets one command through once, on the thread that has it, and notes how that went.

    `passed` tells that it has gone through the filters, `entered` that its method was called, `inside` that its code
    runs this very moment, `ended` that this came to its end; `failure` is why it did not. `policy` is the
    fingerprint of what was asked for.
    """

    command: str
    args: str | None
    plugin: Any
    policy: str = ""
    passed: bool = False
    entered: bool = False
    inside: bool = False
    ended: bool = False
    failure: str = ""
    replies: list[str] = field(default_factory=list)

    def includes(self, held: Held) -> bool:
        """Tell whether the yes to this command was one to another of its plugin, which its code now calls.

        It was, unless that one asks for more than was asked for here.
        """
        policy = held.guard.policy
        if not self.inside or held.method.__self__ is not self.plugin or policy is None:
            return False
        return covers(self.policy, policy)


def covers(confirmed: str, policy: Policy | None) -> bool:
    """Tell whether a yes under the policy of a fingerprint is one under another policy: if that asks for the same."""
    return policy is None or trivial(policy) or (confirmed != "" and confirmed == fingerprint(policy))
