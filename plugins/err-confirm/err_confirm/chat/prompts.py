"""Word the prompt of an execution, for each place where it is said: what would run, who is missing, how to answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from err_confirm.answers import how_to_answer
from err_confirm.answers.tokens import Tokens
from err_confirm.chat.audience import Audience
from err_confirm.chat.looked_up import beginning
from err_confirm.model.executions import Execution, Place
from err_confirm.model.policies import Policy
from err_confirm.model.runs import Invocation
from err_confirm.plan import describe
from err_confirm.policy.seating import ways
from err_confirm.policy_words.follow_ups import PolicyOf, follow_words
from err_confirm.policy_words.missing import waiting_words
from err_confirm.text.lookalikes import lookalikes
from err_confirm.wording import Wording, value

MOST_MENTIONED = 10
"""How many people a group may have so that each of them is called; a larger one is only named."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who was told directly; and who could not be, by the reason."""

    people: Sequence[str] = ()
    failed: Mapping[str, Sequence[str]] = field(default_factory=dict)


NOBODY_TOLD = Told()
PROMPT = "prompt"
"""The first prompt; those that follow have a line before that."""


class Prompts:
    """Prompts on one chat network.

    Args:
        wording: has the sentences.
        mention: returns what makes a person's phone ring.
        tokens: of those who are told directly.
        prefix: what commands begin with.
        in_use: says which other execution has what one needs for itself.
        policy_of: returns the policy of an alias; raises KeyError if there is no such alias.
    """

    def __init__(
        self,
        wording: Wording,
        mention: Callable[[str], str],
        tokens: Tokens,
        prefix: str,
        *,
        in_use: Callable[[Execution], str],
        policy_of: PolicyOf,
    ) -> None:
        self._wording = wording
        self._policy_of = policy_of
        self._mention = mention
        self._tokens = tokens
        self._prefix = prefix
        self._in_use = in_use

    def everywhere(self, audience: Audience, place: Place, message: str = PROMPT, *, told: Told = NOBODY_TOLD) -> str:
        """Return the prompt for a place that many read; where each answer needs a token, nobody can confirm by it."""
        execution = audience.execution
        assert execution.policy is not None
        return self._text(message, audience, place, self.called(audience), how=self.how(execution), told=told)

    def directly(self, audience: Audience, place: Place, person: str, message: str = PROMPT) -> str:
        """Return the prompt for one person alone, with the token that only their answer can bring."""
        execution = audience.execution
        assert execution.policy is not None
        how = self._how(execution.policy, execution.id, self._tokens.token(execution, person))
        return self._text(message, audience, place, self._mention(person), how=how, told=NOBODY_TOLD)

    def called(self, audience: Audience) -> str:
        """Return what calls those who are missing, each of them once; a large group is only named."""
        code = self._wording.inert.code
        called = list[str]()
        for name in audience.names:
            if name == "anyone":
                called.append(name)
            elif name == "others":
                called.append(f"anyone but {code(audience.execution.requester)}")
            elif name.startswith("@") and (size := audience.size(name)) > MOST_MENTIONED:
                called.append(f"{self._wording.named(name)} ({size} people)")
            else:
                called += map(self._mention, audience.behind(name))
        return " ".join(dict.fromkeys(called)) or ", ".join(map(self._wording.named, audience.names))

    def how(self, execution: Execution) -> list[str]:
        """Return the lines that answer an execution; where each yes needs a token, only the one that says no."""
        if execution.policy is None:
            return []
        lines = self._how(execution.policy, execution.id)
        return lines[-1:] if execution.policy.dm else lines

    def missing(self, audience: Audience) -> str:
        """Return in words what an execution waits for."""
        return waiting_words(audience.execution, lambda _: audience.roster, audience.now, self._wording.named)

    def follows(self, execution: Execution) -> str:
        """Return in words what would follow an execution, and whether that asks again."""
        return follow_words(execution.conduct.follow, self._policy_of, self._wording.inert.code)

    def _text(self, message: str, audience: Audience, place: Place, who: str, *, how: Sequence[str], told: Told) -> str:
        execution = audience.execution
        policy = execution.policy
        assert policy is not None
        return self._wording.say(
            message,
            e=execution,
            who=who,
            values=_values(execution),
            runs=describe(execution.invocation),
            **beginning(execution, self._prefix),
            others={name: describe(each) for name, each in execution.others.items()},
            alike=alike(execution),
            in_use=self._in_use(execution),
            follows=self.follows(execution),
            left=execution.expires_at - audience.now,
            missing="" if _plain(execution) else self.missing(audience),
            here=place.same_as(execution.place),
            told=told.people,
            failed=told.failed,
            how=how,
        )

    def _how(self, policy: Policy, execution_id: str, token: str = "") -> list[str]:
        """Return the lines that say how to answer; the last of them is how to say no."""
        return how_to_answer(policy, execution_id, token, prefix=self._prefix, code=self._wording.inert.code)


def alike(execution: Execution) -> list[str]:
    """Return the words in what may run whose letters may be taken for others."""
    every: list[Invocation] = [execution.invocation, *execution.others.values()]
    shown = [*map(describe, every), *map(value, execution.parameters.values()), *map(str, execution.conduct.targets)]
    return lookalikes(" ".join(shown))


def _values(execution: Execution) -> list[Any]:
    """Return the values that were given; a list of targets stands in a line of its own."""
    targets = [target.id for target in execution.conduct.targets]
    return [item for item in execution.parameters.values() if item not in (None, "", [], targets)]


def _plain(execution: Execution) -> bool:
    """Tell whether whoever is called in the first line is all there is to say about who is missing."""
    assert execution.policy is not None
    first, *more = execution.policy.stages
    return not more and all(len(way) == 1 for way in ways(first.quorum))
