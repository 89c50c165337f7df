"""Read the key `confirm:`, which says who must answer and for how long an execution waits."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from err_confirm.catalog.policy.conditions_key import WhenEntry
from err_confirm.catalog.policy.keys import PolicyKeys
from err_confirm.catalog.policy.quorums import NOBODY, OPEN, Whom, as_names, check_size
from err_confirm.catalog.policy.stages import StageEntry
from err_confirm.conditions import all_of, both, further_seats
from err_confirm.model.policies import Policy, When
from err_confirm.policy.seating import names
from err_confirm.text.spelling import did_you_mean

MOST_RULES = 50


def _as_policy(value: Any) -> Any:
    if value == "requester":
        return {}
    if value == NOBODY:
        return None
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return {"stages": value}
    if isinstance(value, str) and (hint := did_you_mean(value, ["requester", NOBODY])):
        raise ValueError(f'confirm is requester, none (runs at once) or a mapping, not "{value}"{hint}')
    if isinstance(value, str | list):
        raise ValueError(f"people stand under the key by: write confirm: {{by: {as_names(value)}}}")
    if isinstance(value, dict):
        return value
    raise ValueError("confirm is requester, none (runs at once) or a mapping such as {by: others, within: 5m}")


class PolicyEntry(PolicyKeys):
    """What stands under `confirm:`."""

    by: Whom = Field(default=["requester"])
    """Who may confirm: requester, others (anyone but who asked), anyone, people and @groups; one or a list."""
    when: Annotated[list[WhenEntry], Field(min_length=1, max_length=MOST_RULES)] | None = None
    """Rules that make it stricter, each with what it is about; see below."""

    @model_validator(mode="after")
    def _fits(self) -> "PolicyEntry":
        if self.nobody() and not self.when:
            raise ValueError("by: none is for a policy with when; to let it run at once, write confirm: none")
        policy = self.policy()
        _check(policy, ())
        for number, rule in enumerate(policy.when):
            try:
                self._check_rule(policy, rule)
            except ValueError as error:
                raise ValueError(f"item {number + 1} of when: {error}") from error
        for base in (policy, *(rule.policy for rule in policy.when if rule.loosen)):
            _check(base, [rule for rule in policy.when if not rule.loosen], fillable=False)
        return self

    def _check_rule(self, policy: Policy, rule: When) -> None:
        if rule.loosen:
            _check(rule.policy, ())
            return
        added = [name for stage in rule.policy.stages for name in names(stage.quorum)]
        if not policy.stages and not added and not rule.refuse:
            raise ValueError("nobody confirms here, so there is nothing to add to; name somebody with by")
        if policy.dm and (untold := [name for name in added if name in OPEN]):
            raise ValueError(f"dm reaches people by name and @groups, and {untold[0]} is nobody to tell")
        if not both(policy.via, rule.policy.via):
            raise ValueError(f"no answer comes both from {' or '.join(policy.via)} and {' or '.join(rule.policy.via)}")
        _check(policy, [rule])

    def policy(self) -> Policy:
        """Return what this means."""
        return replace(super().policy(), when=tuple(entry.when(self) for entry in self.when or ()))


def _check(base: Policy, rules: Sequence[When], *, fillable: bool = True) -> None:
    """Raise ValueError if a policy with all of these rules could not be counted, or never be confirmed."""
    whole = all_of(*(stage.quorum for stage in base.stages), *(s.quorum for rule in rules for s in rule.policy.stages))
    check_size(whole, fillable=fillable)
    need = max((rule.need for rule in rules), default=0)
    if need and base.stages:
        own = all_of(*(stage.quorum for stage in base.stages))
        check_size(all_of(whole, *further_seats(own, need)), fillable=fillable)


_Stages = Annotated[list[StageEntry], Field(min_length=1)]
Confirm = Annotated[
    PolicyEntry | None,
    BeforeValidator(_as_policy, json_schema_input_type=Literal["requester", "none"] | PolicyEntry | _Stages),
]
"""The value of `confirm:`; None runs at once."""
