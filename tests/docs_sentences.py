"""Every sentence with which the bot refuses, worded by the bot's own templates about one made-up execution."""

import re
from dataclasses import replace

from builders import an_execution
from err_confirm.errors import (
    ActionMissingError,
    AmbiguousMatchError,
    DuplicateParameterError,
    GuardsDifferError,
    NobodyError,
    ParameterError,
    PostError,
    StoreUnavailableError,
    TemplateError,
    TextTooLongError,
    TooManyMatchesError,
)
from err_confirm.events import Reason
from err_confirm.grammar import MAX_OCCURRENCES, MAX_TEXT_BYTES
from err_confirm.judge import OFF
from err_confirm.model import Execution, State
from err_confirm.wording import Wording

AT = 1_789_999_400.0
"""14:03:20 UTC on some day."""

ASKED = an_execution(alias="do_something", text="do_something with h1,h2 word", expires_at=AT)
STATES = {
    Reason.EXPIRED: replace(ASKED, state=State.EXPIRED, ended_at=AT),
    Reason.DECIDED: replace(ASKED, state=State.DENIED, ended_at=AT, decided_by="bob"),
    Reason.RUNNING: replace(ASKED, state=State.RUNNING, started_at=AT),
    Reason.ENDED: replace(ASKED, state=State.SUCCEEDED, ended_at=AT),
    Reason.NOT_YOURS: ASKED,
    Reason.UNPROVEN: ASKED,
    Reason.NOT_REQUESTER: ASKED,
}
INTERNAL = {Reason.NOT_YET, Reason.STALE}
"""Refusals that only the gate and the runs meet: nobody in chat does."""

ERRORS = (
    ParameterError("service", "must be one of web, worker, db"),
    ParameterError("host", "is missing; this action needs it"),
    DuplicateParameterError("host"),
    AmbiguousMatchError(["restart", "restart_all"]),
    TextTooLongError(9_006, MAX_TEXT_BYTES),
    TooManyMatchesError(MAX_OCCURRENCES),
    ActionMissingError("reboot", "linux.reboot"),
    TemplateError("the template `{{ word }}` fails: 'word' is undefined"),
    NobodyError("a message that was edited counts for nothing; say it anew"),
    NobodyError("bots and webhooks cannot ask or answer here"),
)

GUARDED = (
    OFF.format("!"),
    'aliases/prod.yaml:3: unknown key "need"',
    GuardsDifferError("Deploy:deploy", ["aliases/a.yaml:2", "aliases/b.yaml:1"]),
    "its arguments cannot be kept until it is confirmed",
    "it could not be asked for: the room is gone",
)
"""Why a guarded command is refused."""


def sentences() -> set[str]:
    """Return them as they look in chat, each on one line (of several lines, the first)."""
    wording = Wording("!")

    def refused(reason: str, execution: Execution | None = None, **facts: object) -> str:
        common = {"id": ASKED.id, "verb": "confirm", "by": ("bob",), "own": False}
        return wording.say(f"refused_{reason}", e=execution, **common | facts)

    said = [refused(reason, execution) for reason, execution in STATES.items()]
    said.append(refused(Reason.UNKNOWN))
    said.append(refused(Reason.NOT_YOURS, ASKED, verb="deny", own=True))
    said += [refused("request", error=error) for error in ERRORS]
    down = StoreUnavailableError("the store at 10.0.0.7:6379 cannot be used now: Connection refused")
    said += [refused("store", error=down), wording.say("unsure_request", error=down)]
    said.append(wording.say("off"))
    said.append(wording.say("already", e=STATES[Reason.ENDED], done="confirmed"))
    said.append(wording.say("unclear", verb="confirm", reference="", candidates=()))
    said.append(wording.say("unclear", verb="confirm", reference="7f3k", candidates=()))
    said.append(wording.say("unclear", verb="confirm", reference="7f3k", candidates=(ASKED.id, "7f3kw0m2")))
    said.append(wording.say("unclear", verb="confirm", reference="", candidates=(ASKED.id,)))
    said.append(wording.say("held", said="deploy"))
    said.append(wording.say("flow_waits", flow="release", said="!deploy"))
    said += [wording.say("refused_guarded", command="Deploy:deploy", why=why) for why in GUARDED]
    failed = PostError("a message to #ops could not be posted: no such room")
    unposted = replace(ASKED, state=State.CANCELED, reason=str(failed), decided_by="alice")
    said.append(wording.say("canceled", e=unposted, who="@alice"))
    return {plain(text) for text in said}


def plain(markdown: str) -> str:
    """Return the first line of a message without its code spans' marks and its bold."""
    line = markdown.splitlines()[0]
    return re.sub(r"\*\*(.+?)\*\*", r"\1", re.sub(r"(?<!`)(`+) ?(.+?) ?\1(?!`)", r"\2", line))
