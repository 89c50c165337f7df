"""Word what the bot says: one template file a message, every value made inert."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from err_confirm.durations import format_duration
from err_confirm.model.executions import Execution, State
from err_confirm.model.files import Alias
from err_confirm.model.policies import Policy
from err_confirm.model.runs import BOT_RUNNER
from err_confirm.policy.openings import Rosters
from err_confirm.policy_words.missing import waiting_words
from err_confirm.policy_words.quorums import listed, quorum_words, waits, who_confirms
from err_confirm.policy_words.rules import rule_words
from err_confirm.policy_words.terms import terms
from err_confirm.tally import counts, kinds, unknown
from err_confirm.text.inert import Inert, Network, paragraphs
from err_confirm.text.spelling import number

_HALF_A_DAY = 43_200
_LIBRARY = Path(__file__).resolve().parent
TEMPLATES = (_LIBRARY / "templates", _LIBRARY.parent / "templates")
"""Where the sentences are: in the library's folder if this is installed as a wheel, else beside it."""


def clock(moment: float) -> str:
    """Return a moment (seconds since 1970) as `14:03:20 UTC`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S UTC")


def moment(at: float, now: float) -> str:
    """Return a moment as `14:03:20 UTC`, with its day before it where that need not be today."""
    day = "" if abs(now - at) < _HALF_A_DAY else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d ")
    return f"{day}{clock(at)}"


def value(item: object) -> str:
    """Return a parameter's value as a person would say it."""
    if isinstance(item, list):
        return ", ".join(map(value, item))
    if isinstance(item, dict):
        return json.dumps(item, ensure_ascii=False)
    if isinstance(item, bool):
        return "yes" if item else "no"
    return str(item)


def displays(alias: Alias) -> list[str]:
    """Return what help says about an alias: for each format its `display`, or its first representation."""
    return [each.display or each.representations[0] for each in alias.formats if each.display or each.representations]


class Wording:
    """The sentences of the bot on one chat network.

    Args:
        prefix: what commands begin with.
        network: tells how values are shown there; Markdown alone, if it is not given.
    """

    def __init__(self, prefix: str, network: Network | None = None) -> None:
        self._network = network or Network()
        self.inert = Inert(self._network)
        # Values come out through `code` and `block`, not through HTML escapes: what chat shows must be what runs.
        self._environment = Environment(  # noqa: S701
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            code=self.inert.code,
            block=self.inert.block,
            whole=self.inert.whole,
            clock=clock,
            displays=displays,
            duration=format_duration,
            value=value,
            named=self.named,
            moment=moment,
            again=self._again,
            needs=self._needs,
            terms=self._terms,
            counted=counts,
            number=number,
            kinds=kinds,
            unknown=unknown,
            listed=listed,
            some=self._some,
            quorum_words=lambda quorum: quorum_words(quorum, self.named),
            waits=lambda policy: waits(policy, self.named),
            rule_words=lambda when: rule_words(when, self.named, self.inert.code),
            who_confirms=lambda policy: who_confirms(policy, self.named),
        )
        self._environment.globals["prefix"] = prefix

    def say(self, message: str, **facts: Any) -> str:
        """Return one message: the template of this name, with these facts."""
        return paragraphs(self._environment.get_template(f"{message}.md").render(facts).strip())

    def repeated(self, execution: Execution, text: str) -> str:
        """Return a text of an execution that says of itself where it may have been said before."""
        # That it runs is told once, whatever was said before.
        repeated = execution.tells > 1 and execution.state is not State.RUNNING
        return f"{self.say('repeated')}\n{text}" if repeated else text

    def named(self, name: str) -> str:
        """Return a name of a policy as code; that of a group without its `@` where it would call somebody."""
        calls = name.startswith("@") and self._network.inert(name) != name
        return self.inert.code(name.removeprefix("@") if calls else name)

    def _some(self, first: Iterable[object], more: int = 0) -> str:
        """Return the first of many as code, and how many there are besides."""
        shown = ", ".join(map(self.inert.code, first))
        return f"{shown} and {more:,} more" if more > 0 else shown

    def _needs(self, execution: Execution, rosters: Rosters, now: float) -> str:
        return waiting_words(execution, rosters, now, self.named)

    def _terms(self, policy: Policy | None) -> list[str]:
        return terms(policy, self.named, self.inert.code)

    def _again(self, execution: Execution) -> str:
        """Return what to type to ask again: the text of a held command has the prefix already, if it needs one."""
        held = execution.invocation.runner == BOT_RUNNER
        return execution.text if held else f"{self._environment.globals['prefix']}{execution.text}"
