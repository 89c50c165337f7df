"""Give what there is to say about an answer that changes nothing: what is wrong with it, and what to type instead."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from err_confirm.answers import ANSWERS, CODE, Said, caption, example, how_to_answer, wanted_reason, written
from err_confirm.model.executions import Execution
from err_confirm.model.policies import Choice, Effect, Policy
from err_confirm.plan import describe
from err_confirm.policy.times import frozen
from err_confirm.policy_words.quorums import quorum_words, who_confirms
from err_confirm.transition.demands import CHAT, chosen, question
from err_confirm.transition.steps import current_stage

NOTHING = Said()
"""What somebody has said who gave only the id."""


def facts(
    execution: Execution,
    said: Said,
    now: float,
    *,
    verb: str,
    token: str,
    prefix: str,
    code: Callable[[object], str],
) -> dict[str, Any]:
    """Return the facts for the templates of refusals.

    Args:
        execution: which was answered.
        said: what was said with it.
        now: the store's clock.
        verb: which command it was.
        token: what was brought as one's own.
        prefix: what commands begin with.
        code: makes a value inert in Markdown.
    """
    policy = execution.policy
    if policy is None:
        return {"by": ""}
    choice = chosen(policy, said.choice)
    denies = verb == "deny" or (choice is not None and choice.effect is Effect.DENY)
    command = f"{prefix}confirm {execution.id}-{token}" if token else f"{prefix}confirm {execution.id}"
    return {
        "by": quorum_words(policy.deny, code) if denies else who_confirms(policy, code),
        "first": quorum_words(current_stage(execution).quorum, code),
        "via": " or ".join("in chat" if way == CHAT else f"on {way}" for way in policy.via),
        "said": said,
        "brought": bool(token),
        "choices": policy.choices,
        "how": how_to_answer(policy, execution.id, token, prefix=prefix, code=code),
        "typed": policy.typed,
        "reason": wanted_reason(policy, code),
        "frozen": frozen(policy.freezes, now),
        **(_demands(execution, policy, choice, said, command) if choice is not None else {}),
    }


def _demands(execution: Execution, policy: Policy, choice: Choice, said: Said, command: str) -> dict[str, Any]:
    """Return what an answer with a choice must bring, and the line that has it all."""
    asked = question(policy, choice)
    whole = example(policy, choice)
    kept = replace(said, code=CODE if whole.code else "", sure=True)
    return {
        "line": f"{command} {written(whole)}".strip(),
        "sure_line": f"{command} {written(kept)}".strip(),
        "asked": asked,
        "kind": "" if asked is None else ANSWERS[asked.type][1],
        "effect": choice.effect,
        "caption": caption(choice),
        "would_run": describe(execution.others.get(choice.name, execution.invocation)),
    }
