"""Read the key `when`: what makes a policy stricter, or, if it says so, looser."""

import re
from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from err_confirm.catalog.policy.answer_keys import a_line
from err_confirm.catalog.policy.keys import SAME, PolicyKeys
from err_confirm.catalog.policy.quorums import ALL
from err_confirm.conditions import NOTHING
from err_confirm.file_keys import as_list
from err_confirm.model.policies import Policy, Seat, Stage, Times, When
from err_confirm.policy.seating import names
from err_confirm.policy.times import DAYS
from err_confirm.text.spelling import did_you_mean

HOURS = r"^ *([01][0-9]|2[0-3]):([0-5][0-9]) *- *(?:([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)) *$"
"""What a part of a day looks like."""
DATES = r"^ *([0-9]{4}-[0-9]{2}-[0-9]{2})(?: +to +([0-9]{4}-[0-9]{2}-[0-9]{2}))? *$"
"""What days of the calendar look like."""
_TIMES = ("hours", "days", "dates")
ABOUT = ("parameters", "room", *_TIMES)
"""The keys that say when a rule holds."""
_WAITS = frozenset({"within", "retry"})
ADDING = frozenset({"by", "self", "need", "all", "any", "retry", "within", "reason", "typed", "otp", "via"})
"""What a rule that does not loosen can say."""


def _hours(text: str) -> str:
    match = re.fullmatch(HOURS, text)
    if match is None or len({*_minutes(text)}) < 2:
        raise ValueError(f'"{text}" is no part of a day; write it like 22:00-06:00')
    return text


def _minutes(text: str) -> tuple[int, int]:
    hour, minute, *end = re.findall("[0-9]+", text)
    return int(hour) * 60 + int(minute), int(end[0]) * 60 + int(end[1])


def _dates(text: str) -> str:
    try:
        first, last = _days(text)
        if date.fromisoformat(first) <= date.fromisoformat(last):
            return text
    except ValueError:
        pass
    raise ValueError(f'"{text}" is no day or days; write it like 2026-12-24, or 2026-12-20 to 2027-01-02')


def _days(text: str) -> tuple[str, str]:
    found = re.findall("[0-9-]{10}", text) if re.fullmatch(DATES, text) else [""]
    return found[0], found[-1]


def _weekday(text: str) -> str:
    if text not in DAYS:
        raise ValueError(f'"{text}" is no day of the week{did_you_mean(text, DAYS)}; write {", ".join(DAYS)}')
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        hint = did_you_mean(name, available_timezones())
        raise ValueError(f'unknown time zone "{name}"{hint}; write it like Europe/Berlin') from error
    return name


def _with_times(name: str, info: ValidationInfo) -> str:
    if not any(info.data.get(key) for key in _TIMES):
        raise ValueError("zone is for hours, days and dates; write one of them, or remove it")
    return name


def _one_value(value: Any) -> Any:
    if not isinstance(value, str | int | float):
        raise ValueError("each parameter has one value or a list of values: texts, numbers, true or false")
    return value


_Some = BeforeValidator(as_list, json_schema_input_type=str | list[str])
_NotEmpty = Field(min_length=1)
_Values = Annotated[list[Annotated[Any, AfterValidator(_one_value)]], _NotEmpty, BeforeValidator(as_list)]


class WhenEntry(PolicyKeys):
    """When a policy is stricter, and what it asks for then; or, if it says so, looser."""

    parameters: Annotated[dict[str, _Values], _NotEmpty] | None = None
    """Values of parameters, one or a list each: all of the parameters must have one of theirs."""
    room: Annotated[list[Annotated[str, AfterValidator(a_line)]], _NotEmpty, _Some] | None = None
    """Where it is asked for: a room or a list."""
    hours: Annotated[list[Annotated[str, AfterValidator(_hours)]], _NotEmpty, _Some] | None = None
    """Parts of a day such as 22:00-06:00, one or a list."""
    days: Annotated[list[Annotated[str, AfterValidator(_weekday)]], _NotEmpty, _Some] | None = None
    """Days of the week: mon, tue, wed, thu, fri, sat, sun; one or a list."""
    dates: Annotated[list[Annotated[str, AfterValidator(_dates)]], _NotEmpty, _Some] | None = None
    """Days such as 2026-12-24, or 2026-12-20 to 2027-01-02; one or a list."""
    zone: Annotated[str, AfterValidator(_zone), AfterValidator(_with_times)] = "UTC"
    """The time zone of hours, days and dates, such as Europe/Berlin."""
    refuse: Annotated[str, AfterValidator(a_line)] | None = None
    """Nothing may be asked for then, and nothing runs; the text says why."""
    loosen: bool = False
    """`true`: this policy holds instead, also if it asks for less; `lint` lists it."""

    @model_validator(mode="after")
    def _meant(self) -> "WhenEntry":
        said = {*self.model_fields_set} & {*PolicyKeys.model_fields}
        if not self.model_fields_set & {*ABOUT}:
            raise ValueError(f"does not say when; write one of {', '.join(ABOUT)}")
        if self.refuse is not None and (said or self.loosen):
            raise ValueError("refuse stands alone: nothing can be asked for then; remove the rest")
        if not said and self.refuse is None:
            raise ValueError("asks for nothing; write what is needed then, such as need: 2, or refuse with a reason")
        if self.need == ALL and not self.who_keys():
            raise ValueError("need: all is for people by name; write by, or a number")
        if self.loosen and not self.who_keys():
            raise ValueError("loosen: true does not say who confirms then; write by")
        if self.loosen or self.refuse is not None:
            return self
        if idle := [key for key in self.model_fields_set & {*PolicyKeys.model_fields} if key not in ADDING]:
            raise ValueError(f"{min(idle)} adds nothing to a policy; say it there, or with loosen: true")
        if self.nobody():
            raise ValueError("by: none asks for less; say loosen: true, if it is meant so")
        return self

    @property
    def times(self) -> Times | None:
        """The part of the calendar that it is about."""
        if not (self.hours or self.days or self.dates):
            return None
        return Times(
            days=tuple(sorted({DAYS.index(day) for day in self.days or ()})),
            hours=tuple(map(_minutes, self.hours or ())),
            dates=tuple(map(_days, self.dates or ())),
            zone=self.zone,
        )

    def when(self, base: PolicyKeys) -> When:
        """Return what this means for a policy."""
        return When(
            policy=self.policy() if self.loosen else self._added(base),
            need=int(self.need) if not (self.loosen or self.who_keys()) and "need" in self.model_fields_set else 0,
            refuse=self.refuse or "",
            parameters={name: tuple(values) for name, values in (self.parameters or {}).items()},
            rooms=tuple(self.room or ()),
            times=self.times,
            loosen=self.loosen,
        )

    def _added(self, base: PolicyKeys) -> Policy:
        """Return what this adds to a policy: seats if it names somebody, and a shorter time if it says one."""
        whole = self.policy()
        names_somebody, shorter = bool(self.who_keys()), bool(_WAITS & self.model_fields_set)
        quorum = whole.stages[0].quorum if names_somebody else NOTHING
        waits = [whole.stages[0]] if shorter else []
        if base.nobody() and (not shorter or _WAITS & base.model_fields_set):
            waits.append(base.stage())
        stage = min(waits, key=lambda each: each.within, default=Stage(quorum=NOTHING, retry_count=0))
        added = Stage(quorum=quorum, retry_count=stage.retry_count, retry_delay=stage.retry_delay)
        same = tuple(names(quorum)) if names_somebody and SAME in base.deny.by else ()
        return Policy(
            stages=(added,) if names_somebody or shorter else (),
            deny=Seat(by=same, own=True),
            reason=whole.reason,
            patterns=whole.patterns,
            typed=whole.typed,
            otp=whole.otp,
            via=whole.via,
        )
