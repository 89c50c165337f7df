"""Lay out the way of a command as boxes and arrows, from what is said to what follows; nothing is looked up or run."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from err_confirm.catalog import Catalog
from err_confirm.catalog.content import find
from err_confirm.durations import format_duration
from err_confirm.model.executions import State
from err_confirm.model.files import Action, Alias, Guard
from err_confirm.model.policies import Effect, Policy
from err_confirm.model.runs import ELSE, FINALLY, THEN, FollowUp
from err_confirm.policy_words.demands import demands_words
from err_confirm.policy_words.quorums import quorum_words, waits
from err_confirm.policy_words.rules import rule_words, times_words
from err_confirm.rendering import once_for_all
from err_confirm.runners.http_settings import masked, secret_pairs
from err_confirm.text.visible import shortened, visible

MOST_SAID = 5
"""How many of the ways in which something is said are drawn."""
LONGEST_RUN = 300
"""The most characters of what runs."""
_AFTER_IT_RAN = {THEN: State.SUCCEEDED, ELSE: State.FAILED, State.FAILED: State.FAILED}
"""To which of a run's ends what follows by these words belongs."""


class Kind(StrEnum):
    """What a box stands for."""

    SAID = "said"
    LOOK = "look"
    ASK = "ask"
    RUN = "run"
    END = "end"
    FOLLOW = "follow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One step: its kind, and what stands in it, line by line."""

    id: str
    kind: Kind
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """What leads from one box to another, and when."""

    start: str
    end: str
    label: str = ""


@dataclass(slots=True)
class Chart:
    """All boxes, in the order in which they are met, and all arrows."""

    title: str
    boxes: list[Box] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)

    def add(self, kind: Kind, *lines: str, after: str = "", label: str = "") -> str:
        """Add a box, and an arrow to it; return its id."""
        name = f"{kind}{len(self.boxes) + 1}"
        self.boxes.append(Box(id=name, kind=kind, lines=tuple(visible(line) for line in lines if line)))
        if after:
            self.arrows.append(Arrow(start=after, end=name, label=visible(label)))
        return name


def chart(catalog: Catalog, name: str) -> Chart | None:
    """Return the way of an alias, or of what a guard stands over; None if there is neither of this name."""
    if alias := catalog.aliases.get(name):
        return _of_alias(catalog, alias)
    if guard := catalog.guards.get(name):
        return _of_guard(guard)
    return None


def _of_guard(guard: Guard) -> Chart:
    made = Chart(guard.name)
    last = made.add(Kind.SAID, *_first(guard.commands))
    if guard.error:
        made.add(Kind.END, "refused", guard.error, after=last)
        return made
    last, label = _asked(made, guard.policy, last, {}, Catalog({}, {}, {}, ()))
    made.add(Kind.RUN, "the command itself", after=last, label=label)
    return made


def _of_alias(catalog: Catalog, alias: Alias) -> Chart:
    made = Chart(alias.name)
    action = find(catalog.actions, alias.action_ref, alias.pack)
    said = [format_.display or " / ".join(format_.representations) for format_ in alias.formats]
    last = made.add(Kind.SAID, *_first(said))
    for lines in _looks(action):
        last = made.add(Kind.LOOK, *lines, after=last)
    last, label = _asked(made, alias.policy, last, alias.follow, catalog)
    run = made.add(Kind.RUN, *_runs(action), after=last, label=label)
    _ends(made, run, alias, catalog)
    return made


def _first(said: Sequence[str]) -> list[str]:
    """Return the first of the ways in which something is said."""
    return [*said[:MOST_SAID], *(["…"] if len(said) > MOST_SAID else [])]


def _looks(action: Action | None) -> Iterator[list[str]]:
    """Yield what is looked up before anybody is asked."""
    if action is None:
        return
    if action.targets is not None:
        probe = action.targets.probe
        found = action.targets.of if probe is None else _on_one_line(probe.run[probe.runner])
        yield ["find the targets", found]
    if action.preview is not None:
        yield ["dry run", _on_one_line(action.preview.probe.run[action.preview.probe.runner])]


def _asked(
    made: Chart, policy: Policy | None, last: str, follow: Mapping[str, FollowUp], catalog: Catalog
) -> tuple[str, str]:
    """Add who must answer; return the last box of it, and when it goes on from there."""
    if policy is None or not (policy.stages or policy.when):
        return last, ""
    label = ""
    for number, stage in enumerate(policy.stages, start=1):
        count = f"stage {number}: " if len(policy.stages) > 1 else ""
        lines = [f"{count}{quorum_words(stage.quorum)}", f"within {format_duration(stage.within)}"]
        lines += [] if number > 1 else list(_conditions(policy))
        last = made.add(Kind.ASK, *lines, after=last, label=label)
        label = "yes"
        for state, when in ((State.DENIED, "no"), (State.EXPIRED, "too late")):
            end = made.add(Kind.END, state, after=last, label=when)
            if state in follow:
                _followed(made, end, follow[state], catalog)
    if not policy.stages:
        last = made.add(Kind.ASK, "nobody, unless a rule says so", *_conditions(policy), after=last)
    if State.CANCELED in follow:
        end = made.add(Kind.END, State.CANCELED, after=last, label="taken back")
        _followed(made, end, follow[State.CANCELED], catalog)
    for choice in policy.choices:
        if choice.name in follow and choice.effect is Effect.DENY:
            end = made.add(Kind.END, State.DENIED, after=last, label=choice.name)
            _followed(made, end, follow[choice.name], catalog)
        elif choice.run:
            made.add(Kind.RUN, choice.run, after=last, label=choice.name)
    return last, label


def _conditions(policy: Policy) -> Iterator[str]:
    yield demands_words(policy)
    yield from (rule_words(when) for when in policy.when)
    yield from (f"{times_words(freeze.times)}: nothing runs" for freeze in policy.freezes)


def _runs(action: Action | None) -> Iterator[str]:
    """Yield what runs, line by line; its templates as they stand in the file."""
    if action is None:
        yield "nothing: its action has no file"
        return
    if action.mutex is not None:
        yield f"alone under {action.mutex.name}"
    if action.targets is not None and not once_for_all(action.run):
        rate = action.rate
        enough = "one fails" if rate.max_errors in (0, "0%") else f"more than {rate.max_errors} fail"
        yield f"for each target, {rate.concurrency} at once, until {enough}"
    if action.remote is not None:
        yield f"on a worker of {action.remote.queue}"
    yield _on_one_line(action.run[action.runner])


def _ends(made: Chart, run: str, alias: Alias, catalog: Catalog) -> None:
    """Add how it can end, and what follows."""
    ends = {state: made.add(Kind.END, state, after=run) for state in (State.SUCCEEDED, State.FAILED)}
    approving = (
        [choice.name for choice in alias.policy.choices if choice.effect is Effect.APPROVE] if alias.policy else []
    )
    for cause, follow in alias.follow.items():
        if cause in (State.DENIED, State.EXPIRED, State.CANCELED):
            continue
        if cause == FINALLY:
            for end in ends.values():
                _followed(made, end, follow, catalog, cause)
        elif cause in approving:
            _followed(made, ends[State.SUCCEEDED], follow, catalog, f"after {cause}")
        elif cause in _AFTER_IT_RAN:
            _followed(made, ends[_AFTER_IT_RAN[cause]], follow, catalog, cause)
        elif cause in (State.ABORTED, State.LOST):
            _followed(made, made.add(Kind.END, cause, after=run), follow, catalog, cause)


def _followed(made: Chart, end: str, follow: FollowUp, catalog: Catalog, label: str = "") -> None:
    alias = catalog.aliases.get(follow.alias)
    asks = "there is no such alias" if alias is None else waits(alias.policy)
    made.add(Kind.FOLLOW, follow.alias, asks, after=end, label=label)


def _on_one_line(value: Any) -> str:
    """Return what stands under a runner's key on one line."""
    if isinstance(value, list):
        text = " ".join(map(str, value))
    else:
        if isinstance(value, Mapping) and isinstance(url := value.get("url"), str):
            value = {**value, "url": masked(url, secret_pairs(url))}
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shortened(text, LONGEST_RUN)
