"""Tell what follows an execution that has ended, and with which values; pure, nothing is asked for here."""

import json
from collections.abc import Mapping
from typing import Any

from err_confirm.errors import SequelError
from err_confirm.model.executions import Execution, State, Verdict
from err_confirm.model.files import Action, Alias
from err_confirm.model.runs import ELSE, FINALLY, THEN, FollowUp
from err_confirm.runners.base import to_text
from err_confirm.runners.json_values import with_texts
from err_confirm.tally import by_end
from err_confirm.templating import render_value
from err_confirm.transition.demands import answer_value

DEEPEST = 10
"""How many executions may follow one another."""
WORDS = ("parameters", "result", "state", "id", "requester", "reason", "answers")
"""What templates of what follows know besides the parameters by their names."""
_RAN = {State.SUCCEEDED: THEN, State.FAILED: ELSE, State.ABORTED: ELSE, State.LOST: ""}
"""The states of what ran, and what follows them."""


def following(execution: Execution) -> dict[str, FollowUp]:
    """Return what follows an execution, by its causes: that of a choice first, then that of its state, `finally` last.

    Nothing follows what has not ended.
    """
    if not execution.state.ended:
        return {}
    causes = [_choice(execution), str(execution.state), _RAN.get(execution.state, "")]
    causes += [FINALLY] if execution.state in _RAN else []
    follow = execution.conduct.follow
    return {cause: follow[cause] for cause in causes if cause in follow}


def values(parent: Execution, follow_up: FollowUp, alias: Alias, action: Action) -> dict[str, str]:
    """Return what an alias that follows is given, each value as somebody would type it.

    So each goes through the very checks that stand between chat and what runs. What programs wrote and people said is
    data here: only what stands in the alias file is a template.

    Args:
        parent: what has ended.
        follow_up: how the alias follows it.
        alias: that one.
        action: its action; without parameters of its own, it gets those of its parameters that the parent has.

    Raises:
        TemplateError: a template fails with these values.
        SequelError: one of them gives nothing.
    """
    if follow_up.parameters is None:
        given = {name: value for name, value in parent.parameters.items() if name in action.parameters}
        fixed = {*alias.immutable_parameters, *(name for name in given if action.parameters[name].immutable)}
        given = {name: value for name, value in given.items() if name not in fixed}
    else:
        variables = {**parent.parameters, **_facts(parent)}
        given = with_texts(follow_up.parameters, lambda text: render_value(text, variables))
    for name, value in given.items():
        if value is None:
            raise SequelError(f'there is no value for "{name}"')
    return {name: to_text(value, f'"{name}"') for name, value in given.items()}


def _choice(execution: Execution) -> str:
    """Return the choice that was taken and has had its effect: it ran and succeeded, or it was denied."""
    if execution.state is State.SUCCEEDED:
        return execution.choice
    if execution.state is State.DENIED:
        return next((vote.choice for vote in reversed(execution.votes) if vote.verdict is Verdict.DENY), "")
    return ""


def _facts(execution: Execution) -> dict[str, Any]:
    """Return what templates know of an execution. The output has no line end behind it, as in a shell's `$(…)`."""
    outcome = execution.outcome
    return {
        "parameters": dict(execution.parameters),
        "result": {
            "exit_code": outcome.exit_code if outcome else None,
            "output": outcome.output.rstrip("\n") if outcome else "",
            "value": outcome.value if outcome else None,
            "succeeded": execution.state is State.SUCCEEDED,
            "error": outcome.error if outcome else "",
            "targets": by_end(execution, lambda target: target.id),
        },
        "state": str(execution.state),
        "id": execution.id,
        "requester": execution.requester,
        "reason": execution.reason or execution.abort_reason,
        "answers": _answers(execution),
    }


def _answers(execution: Execution) -> list[dict[str, Any]]:
    """Return what those answered who have decided it."""
    policy, denied = execution.policy, execution.state is State.DENIED
    if policy is None:
        return []
    return [
        {"person": vote.person, "choice": vote.choice, "answer": answer_value(policy, vote), "reason": vote.reason}
        for vote in execution.votes
        if vote.digest == execution.digest and (vote.verdict is Verdict.DENY) == denied
        if denied or vote.choice == execution.choice
    ]


def worded(alias: str, given: Mapping[str, Any]) -> str:
    """Return what stands for the text by which somebody would have asked for it."""
    pairs = (f"{name}={item if isinstance(item, str) else json.dumps(item)}" for name, item in given.items())
    return " ".join([alias, *pairs])
