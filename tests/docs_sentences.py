"""Every sentence with which the bot refuses, worded by the bot's own templates about one made-up execution."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from builders import a_policy, an_execution
from err_confirm.answers import Said
from err_confirm.answers.guesses import MOST, WITHIN
from err_confirm.answers.otp import Checked, Proof
from err_confirm.chat import refusals
from err_confirm.chat.refusals import NOTHING
from err_confirm.errors import (
    ActionMissingError,
    AmbiguousMatchError,
    DuplicateParameterError,
    GroupError,
    GuardsDifferError,
    GuessError,
    LimitError,
    NobodyError,
    NoTargetsError,
    ParameterError,
    PostError,
    PreviewError,
    StoreUnavailableError,
    TargetsError,
    TemplateError,
    TextTooLongError,
    TooManyMatchesError,
    TooManyPairsError,
)
from err_confirm.grammar import MAX_OCCURRENCES, MAX_PAIRS, MAX_TEXT_BYTES
from err_confirm.holding.judge import OFF
from err_confirm.intake import LONGEST_ANSWER
from err_confirm.model.executions import Execution, State
from err_confirm.model.files import Alias, Format, Source
from err_confirm.model.policies import (
    Choice,
    Effect,
    Freeze,
    Policy,
    Question,
    QuestionType,
    ReasonRule,
    Seat,
    Stage,
    Times,
)
from err_confirm.model.runs import Invocation
from err_confirm.plan.index import Index
from err_confirm.transition.events import Reason
from err_confirm.wording import Wording

AT = 1_789_999_400.0
"""14:03:20 UTC on some day."""

HALF = Invocation(runner="command", spec={"argv": ["echo", "half"], "cwd": "/", "base": "/", "env": {}})
ASKED = an_execution(
    alias="do_something",
    text="do_something with h1,h2 word",
    expires_at=AT,
    invocation=replace(HALF, spec={**HALF.spec, "argv": ["echo", "all"]}),
    others={"half": HALF},
)
SAID = Alias(
    name="said",
    action_ref="said",
    formats=(Format(representations=("said {{so}}",)),),
    source=Source(Path("aliases/said.yaml")),
    policy=None,
)
STATES = {
    Reason.EXPIRED: replace(ASKED, state=State.EXPIRED, ended_at=AT),
    Reason.DECIDED: replace(ASKED, state=State.DENIED, ended_at=AT, decided_by="bob"),
    Reason.RUNNING: replace(ASKED, state=State.RUNNING, started_at=AT),
    Reason.ENDED: replace(ASKED, state=State.SUCCEEDED, ended_at=AT),
    Reason.NOT_YOURS: ASKED,
    Reason.UNPROVEN: ASKED,
    Reason.NOT_REQUESTER: ASKED,
    Reason.NOT_RUNNING: ASKED,
    Reason.UNREAD: ASKED,
}
UNSAID = {Reason.NOT_YET, Reason.STALE, Reason.REPEATED}
"""Refusals that only the gate and the runs meet, and the one of a message that comes again: nobody hears them."""

NUMBER = Question(text="How many?", type=QuestionType.NUMBER)
CHOICES = (
    Choice(name="approve"),
    Choice(name="half", run="half", question=NUMBER, sure=True),
    Choice(name="snooze", effect=Effect.SNOOZE, after=3_600.0),
)
DEMANDS: tuple[tuple[Reason, dict[str, Any], Said, dict[str, Any]], ...] = (
    (Reason.GUEST, {}, Said(), {}),
    (Reason.VIA, {"via": ("slack",)}, Said(), {}),
    (Reason.TOKEN, {"dm": True}, Said(), {}),
    (Reason.TOKEN, {"dm": True}, Said(), {"token": "0c9mzt4e"}),
    (Reason.CHOICE, {"choices": CHOICES}, Said(choice="snoze"), {}),
    (Reason.CHOICE, {"choices": CHOICES[1:]}, Said(), {}),
    (Reason.CHOICE, {}, Said(choice="no"), {}),
    (Reason.TYPED, {"typed": ("web01",)}, Said(), {}),
    (Reason.REASON, {"reason": ReasonRule.REQUIRED}, Said(), {}),
    (Reason.REASON, {"patterns": ("^OPS-[0-9]+",)}, Said(reason="now"), {}),
    (Reason.OTP, {"otp": True}, Said(), {}),
    *(
        (Reason.OTP, {"otp": True}, Said(code="123456"), {"checked": checked})
        for checked in (
            Checked(Proof.NOT_ENROLLED),
            Checked(Proof.USED),
            Checked(Proof.LOCKED, AT),
            Checked(Proof.WRONG),
        )
    ),
    (Reason.QUESTION, {"question": Question(text="Why?")}, Said(), {}),
    (Reason.QUESTION, {"question": NUMBER}, Said(answer="three"), {}),
    (Reason.SURE, {"choices": CHOICES}, Said(choice="half", answer="3"), {}),
    (Reason.FROZEN, {"freezes": (Freeze(times=Times(), reason="until the move is over"),)}, Said(), {}),
    (Reason.SNOOZED_OUT, {"choices": CHOICES}, Said(choice="snooze"), {}),
)
"""Refusals for what is wrong with an answer: under which policy, what was said, and what else is known."""

ERRORS = (
    ParameterError("service", "must be one of web, worker, db"),
    ParameterError("host", "is missing; this action needs it"),
    DuplicateParameterError("host"),
    AmbiguousMatchError(["restart", "restart_all"]),
    TextTooLongError(9_006, MAX_TEXT_BYTES),
    TooManyMatchesError(MAX_OCCURRENCES),
    TooManyPairsError(MAX_PAIRS),
    ActionMissingError("reboot", "linux.reboot"),
    TemplateError("the template `{{ word }}` fails: 'word' is undefined; correct shout.yaml"),
    NoTargetsError("reboot has no targets now, so there is nothing to do"),
    LimitError("what you have asked for before is still being looked up; say it again after that"),
    LimitError("too many others are just being looked up; say it again in a moment"),
    NobodyError("a message that was edited counts for nothing; say it anew"),
    NobodyError("bots and webhooks cannot ask or answer here"),
)

AHEAD = (
    TargetsError("the lookup of the targets of reboot failed with exit code 1"),
    TargetsError("the lookup of the targets of reboot was stopped after its time limit of 10 s"),
    TargetsError('the lookup of the targets of reboot says nothing usable: the target "web1" is there twice'),
    PreviewError("the dry run of reboot failed with exit code 1"),
)
"""What went wrong before anybody was asked."""

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

    def refused(reason: str, execution: Execution | None = None, /, **facts: object) -> str:
        common = {"id": ASKED.id, "verb": "confirm", "by": "bob", "asker": False}
        return wording.say(f"refused_{reason}", e=execution, **common | facts)

    def lacking(reason: Reason, policy: Policy, said: Said = NOTHING, token: str = "", **more: Any) -> str:
        execution = replace(ASKED, policy=policy)
        known = {"verb": "confirm", "token": token, "prefix": "!", "code": wording.inert.code}
        facts = {"checked": None} | refusals.facts(execution, said, AT, **known) | more
        return refused(reason, execution, **facts)

    said = [refused(reason, execution) for reason, execution in STATES.items()]
    said.append(refused(Reason.UNKNOWN))
    said += [refused(Reason.NOT_YOURS, ASKED, verb=verb, asker=True) for verb in ("confirm", "deny")]
    said.append(refused(Reason.NOT_RUNNING, ASKED, asker=True))
    said.append(refused(Reason.NOT_YOURS, ASKED, verb="abort"))
    said.append(refused(Reason.ENDED, replace(ASKED, state=State.LOST, ended_at=AT), verb="abort"))
    stopped = replace(STATES[Reason.RUNNING], aborted_by="bob", abort_reason="wrong host")
    said += [wording.say("stopping_already", e=each) for each in (stopped, replace(stopped, state=State.ABORTED))]
    stages = tuple(Stage(quorum=Seat(by=(who,))) for who in ("carol", "bob"))
    said.append(lacking(Reason.TOO_EARLY, Policy(stages=stages, deny=Seat(by=("bob",)))))
    said += [lacking(reason, a_policy(("bob",), **asks), lacks, **more) for reason, asks, lacks, more in DEMANDS]
    said.append(refused("waiting", ASKED, how=[]))
    said.append(refused("request", error=LimitError("bob has just said no to this; ask again in 1 min")))
    said.append(refused("group", error=GroupError("@sre", "its file cannot be read")))
    said.append(refused("long", size=5_000, most=LONGEST_ANSWER))
    said.append(refused("several"))
    said.append(refused("busy"))
    said.append(refused("guesses", error=GuessError(MOST, WITHIN)))
    ways = Index([replace(SAID, name=name) for name in ("clean_up", "do_something")]).near(SAID.name)
    said.append(refused("near", ways=ways[1:], more=False, lacks=("hosts",)))
    said.append(refused("near", ways=ways[:1], more=False, lacks=(), said="clean up /tmp of yesterday"))
    said += [refused("request", error=error) for error in ERRORS]
    said += [refused("ahead", error=error, output="x") for error in AHEAD]
    down = StoreUnavailableError("the store at 10.0.0.7:6379 cannot be used now: Connection refused")
    said += [refused("store", error=down), wording.say("unsure_request", error=down)]
    said.append(wording.say("off"))
    said.append(wording.say("already", e=STATES[Reason.ENDED], done="confirmed", missing=""))
    missing = "needs 1 more of @sre (carol; bob has answered)"
    said.append(wording.say("already", e=ASKED, done="confirmed", missing=missing))
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
    worded = {*STATES, Reason.UNKNOWN, Reason.TOO_EARLY, *(reason for reason, *_ in DEMANDS)}
    assert worded | UNSAID == {*Reason}, "each reason has a sentence"
    return {plain(text) for text in said}


def plain(markdown: str) -> str:
    """Return the first line of a message without its code spans' marks and its bold."""
    line = markdown.splitlines()[0]
    return re.sub(r"\*\*(.+?)\*\*", r"\1", re.sub(r"(?<!`)(`+) ?(.+?) ?\1(?!`)", r"\2", line))
