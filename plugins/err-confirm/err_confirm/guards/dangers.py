"""Say which commands look dangerous: by the words in their names, and by whom they are for."""

import re
from dataclasses import dataclass

from err_confirm.guards import BotCommand


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ALWAYS = _words(
    """
    abort apply bash blacklist block bounce cleanup clear cordon deactivate decommission del delete demote
    deprovision destroy detach disable downgrade drain drop erase eval evict exec execute expire failover flush
    force halt install isolate kick kill killall migrate nuke offline overwrite poweroff promote provision prune
    purge quarantine reboot rebuild recycle redeploy reimage reinstall remove reset resize restart restore revert
    revoke rm rollback rollout rotate shell shutdown silence ssh stop sudo suspend switchover terminate truncate
    unblock undeploy undo uninstall unlock unmount unprovision upgrade wipe
    """
)
"""What is done to something, and is hard or impossible to undo."""

_AS_VERB = _words("ban deploy format grant merge publish push release run scale sql sync unban")
"""Words of the same kind that name things as often: `deploy prod`, but also `deploy status`."""

_LOOKING = _words(
    """
    about can count describe diff explain find get health help history info last latest list log logs notes plan search
    show stats status summary time url usage version view when who
    """
)
"""Words that tell that a command only looks."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@dataclass(frozen=True, slots=True)
class Danger:
    """A command that looks dangerous, and why."""

    command: BotCommand
    why: str


def why_dangerous(command: BotCommand) -> str:
    """Return in words why a command looks dangerous: `only for admins, its name says "restart"`; nothing if not."""
    words = dict.fromkeys(word.lower() for name in (command.name, command.function) for word in _WORD.findall(name))
    looking = not _LOOKING.isdisjoint(words)
    said = [word for word in words if word in _ALWAYS or (word in _AS_VERB and not looking)]
    reasons = ["only for admins"] if command.admin_only else []
    if said:
        reasons.append("its name says " + " and ".join(f'"{word}"' for word in said))
    return ", ".join(reasons)
