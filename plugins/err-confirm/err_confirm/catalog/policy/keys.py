"""Read all keys of a policy but its conditions, and make a policy of them."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from err_confirm.catalog.policy.answer_keys import RULES, AnswerKeys
from err_confirm.catalog.policy.choices import Choices
from err_confirm.catalog.policy.quorums import MOST_SEATS, NOBODY, OPEN, Part, as_names, known
from err_confirm.catalog.policy.stages import TIMING, StageEntry, StageKeys, check_wait
from err_confirm.file_keys import Entry, as_list
from err_confirm.model.policies import AllOf, Policy, Quorum, ReasonRule, Seat, Stage
from err_confirm.policy.seating import names

SAME = "same"


def _known_or_same(name: str, info: ValidationInfo) -> str:
    if name == NOBODY:
        raise ValueError("somebody must be able to refuse; write who, or leave deny out")
    return name if name == SAME else known(name, info)


def _as_deny(value: Any) -> Any:
    if isinstance(value, str):
        return {"by": value}
    if isinstance(value, list):
        raise ValueError(f"a list of people needs the key by: write deny: {{by: {as_names(value)}}}")
    return value


def _stages(stages: list[StageEntry]) -> list[StageEntry]:
    check_wait(sum(stage.stage().within for stage in stages))
    return stages


class DenyEntry(Entry):
    """Who may refuse; `same` is whoever may confirm."""

    by: Annotated[
        list[Annotated[str, AfterValidator(_known_or_same)]],
        Field(min_length=1),
        BeforeValidator(as_list, json_schema_input_type=str | list[str]),
    ] = Field(default=[SAME])
    """`same` (whoever may confirm), or as in `by` of the policy."""
    need: Annotated[int, Field(ge=1, le=MOST_SEATS)] = 1
    """How many of them."""

    def check(self, same: list[str]) -> None:
        """Raise ValueError if too few may refuse where the people of `same` may confirm."""
        by = self._whom(same)
        if self.need > len(by) and not any(name in OPEN or name.startswith("@") for name in by):
            raise ValueError(f"deny needs {self.need}, but only {', '.join(by)} may; name more, or need fewer")

    def quorum(self, same: list[str]) -> Quorum:
        """Return what this means where the people of `same` may confirm."""
        seat = Seat(by=tuple(self._whom(same)), own=True)
        return seat if self.need == 1 else AllOf(all=(seat,) * self.need)

    def _whom(self, same: list[str]) -> list[str]:
        return list(dict.fromkeys(person for name in self.by for person in (same if name == SAME else (name,))))


class PolicyKeys(AnswerKeys, StageKeys):
    """All keys of a policy but its conditions."""

    stages: Annotated[list[Annotated[StageEntry, Part]], Field(min_length=1), AfterValidator(_stages)] | None = None
    """Who must answer one after the other: a list of mappings with the keys above."""
    deny: Annotated[DenyEntry, BeforeValidator(_as_deny, json_schema_input_type=str | DenyEntry)] = DenyEntry()
    """Who may refuse."""
    choices: Choices | None = None
    """The answers that there are: `default` (approve, dismiss, snooze), or names with their keys."""

    @model_validator(mode="after")
    def _sound(self) -> "PolicyKeys":
        given = [key for key in TIMING if key in self.model_fields_set]
        if self.stages and given:
            raise ValueError(f"{given[0]} belongs to a stage; write it in each of them")
        if self.stages and len(self.stages) > 1 and self.choices:
            raise ValueError("choices are for one stage; leave out the choices, or the other stages")
        if self.nobody() and (idle := [key for key in ("remind", "escalate") if key in self.model_fields_set]):
            raise ValueError(f"{idle[0]} needs somebody who confirms, and none is nobody; remove it")
        if self.confirmers() or SAME not in self.deny.by:
            self.deny.check(self.confirmers())
        if self.ask is not None and self.ask.dm and (untold := [*filter(OPEN.__contains__, self.confirmers())]):
            raise ValueError(f"dm reaches people by name and @groups, and {untold[0]} is nobody to tell")
        return self

    def confirmers(self) -> list[str]:
        """Return all who may confirm."""
        found = [name for stage in self._made() for name in (*names(stage.quorum), *stage.escalate_to)]
        return list(dict.fromkeys(found))

    def _made(self) -> tuple[Stage, ...]:
        if self.stages is not None:
            return tuple(each.stage() for each in self.stages)
        return () if self.nobody() else (self.stage(),)

    def policy(self) -> Policy:
        """Return what this means."""
        rule = self.reason in RULES
        return Policy(
            stages=self._made(),
            deny=self.deny.quorum(self.confirmers()),
            reason=ReasonRule(self.reason) if rule else ReasonRule.REQUIRED,
            patterns=() if rule else (self.reason,),
            typed=tuple(dict.fromkeys(self.typed)),
            otp=self.otp,
            via=tuple(dict.fromkeys(self.via)),
            room=self.ask.room if self.ask else "",
            dm=self.ask is not None and self.ask.dm,
            prompt=self.prompt,
            question=self.question.question() if self.question else None,
            choices=tuple(entry.choice(name) for name, entry in (self.choices or {}).items()),
        )
