"""Read the keys that say who must answer: `by`, `need` and `self`, or `all` and `any` of several such."""

import math
from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from err_confirm.backends import SCHEMES
from err_confirm.conditions import all_of
from err_confirm.file_keys import Entry, as_list
from err_confirm.model.policies import AllOf, AnyOf, Quorum, Seat
from err_confirm.people import EVERYBODY, People
from err_confirm.people.groups import Groups
from err_confirm.policy.seating import seat_people, ways
from err_confirm.text.spelling import did_you_mean

MOST_SEATS = 20
MOST_WAYS = 64
NOBODY = "none"
ALL = "all"
OPEN = frozenset({"others", "anyone"})
"""The words of `by` that name nobody who could be told."""
GROUP = r"^@[^\s:@]+$"
"""What a group's name looks like."""
WHO = ("by", "all", "any", "stages")
"""The keys of which one says who must answer."""


def as_names(value: Any) -> str:
    """Return people as they are written after `by:`."""
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)


def known(name: str, info: ValidationInfo) -> str:
    """Return whom a name means: a person by any of their identities, a group, or a word. Raises ValueError."""
    context = info.context or {}
    people: People = context["people"]
    groups: Groups | None = context.get("groups")
    if name in EVERYBODY or name == NOBODY:
        return name
    if name.startswith("@") and ":" not in name:
        return _group(name, groups)
    if not people.knows(name):
        _, colon, person_id = name.partition(":")
        identities = [f"{scheme}:{person_id}" for scheme in SCHEMES if colon]
        hint = did_you_mean(name, [*EVERYBODY, *people.names(), *(groups.names() if groups else ()), *identities])
        raise ValueError(f'unknown person "{name}"{hint}; name them in CONFIRM_PEOPLE')
    return people.person(name)


def _group(name: str, groups: Groups | None) -> str:
    if len(name) < 2 or any(letter.isspace() for letter in name) or "@" in name[1:]:
        raise ValueError(f'"{name}" cannot name a group; write it like @sre')
    if groups is not None and not groups.knows(name):
        raise ValueError(f'unknown group "{name}"{did_you_mean(name, groups.names())}; name it in CONFIRM_GROUPS')
    return name


def _once(names: list[str]) -> list[str]:
    names = list(dict.fromkeys(names))
    if NOBODY in names and len(names) > 1:
        raise ValueError("none is nobody; name people, or write by: none")
    return names


def _number(value: Any) -> Any:
    if value == ALL or (type(value) is int and 1 <= value <= MOST_SEATS):
        return value
    raise ValueError(f"need is a number from 1 to {MOST_SEATS}, or all (each of the people by name)")


def _enough(need: int | str, info: ValidationInfo) -> int | str:
    by: list[str] = info.data.get("by") or []
    if NOBODY in by:
        raise ValueError("need is for somebody who confirms, and none is nobody; remove it")
    countless = [name for name in by if name in OPEN or name.startswith("@")]
    if need == ALL and (uncounted := [*countless, *(name for name in by if name in ("requester", NOBODY))]):
        raise ValueError(f"need: all cannot count {uncounted[0]}; name the people, or a number")
    if isinstance(need, int) and by and not countless and need > len(by):
        whom = f"{', '.join(by)} {'is one person' if len(by) == 1 else f'are {len(by)}'}"
        raise ValueError(f"need is {need}, but {whom}; name more, or need fewer")
    return need


def _own(value: bool, info: ValidationInfo) -> bool:
    if value and not any(name not in EVERYBODY for name in info.data.get("by") or []):
        raise ValueError("self is for people by name and @groups; to let whoever asked confirm, write by: requester")
    return value


def _as_quorum(value: Any) -> Any:
    if isinstance(value, str | list):
        raise ValueError(f"people stand under the key by: write {{by: {as_names(value)}}}")
    return value


Whom = Annotated[
    list[Annotated[str, AfterValidator(known)]],
    Field(min_length=1),
    BeforeValidator(as_list, json_schema_input_type=str | list[str]),
    AfterValidator(_once),
]
Part = BeforeValidator(_as_quorum)


class QuorumKeys(Entry):
    """Who must answer."""

    by: Whom = Field(default=[])
    """Who may confirm: requester, others (anyone but who asked), anyone, people and @groups; one or a list."""
    self: Annotated[bool, AfterValidator(_own)] = False
    """`true` lets whoever asked fill a seat, too, where they are named or in the group."""
    need: Annotated[
        int | Literal["all"],
        BeforeValidator(_number, json_schema_input_type=int | Literal["all"]),
        AfterValidator(_enough),
    ] = 1
    """How many of them; `all` for each of the people by name."""
    all: "Annotated[list[Annotated[QuorumEntry, Part]], Field(min_length=1)] | None" = None
    """Each of these is needed: mappings with `by`, `all` or `any`."""
    any: "Annotated[list[Annotated[QuorumEntry, Part]], Field(min_length=1)] | None" = None
    """One of these is enough: mappings with `by`, `all` or `any`."""

    @model_validator(mode="before")
    @classmethod
    def _said_once(cls, value: Any) -> Any:
        # Before all others: what is wrong with `need` beside `all` is not that one requester were too few.
        given = [key for key in WHO if isinstance(value, dict) and key in value]
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]} both say who must answer; keep one of them")
        for key in ("need", "self"):
            if given and given != ["by"] and key in value:
                raise ValueError(f"{key} belongs to by; write it there")
        return value

    def who_keys(self) -> list[str]:
        """Return the keys that were given which say who must answer."""
        return [key for key in WHO if key in self.model_fields_set]

    def nobody(self) -> bool:
        """Tell whether nobody must answer."""
        return self.by == [NOBODY]

    def quorum(self) -> Quorum:
        """Return what these keys mean."""
        if self.all is not None:
            return all_of(*(part.quorum() for part in self.all))
        if self.any is not None:
            parts = tuple(part.quorum() for part in self.any)
            return parts[0] if len(parts) == 1 else AnyOf(any=parts)
        if self.need == ALL:
            return all_of(*(Seat(by=(name,), own=self.self) for name in self.by))
        return all_of(*[Seat(by=tuple(self.by), own=self.self)] * int(self.need))


class QuorumEntry(QuorumKeys):
    """One part of `all` or `any`."""

    @model_validator(mode="after")
    def _somebody(self) -> "QuorumEntry":
        if not self.who_keys():
            raise ValueError("does not say who; write by, all or any")
        if self.nobody():
            raise ValueError("none is nobody; it stands alone, as confirm: none or by: none")
        return self


QuorumKeys.model_rebuild()


def check_size(quorum: Quorum, *, fillable: bool = True) -> None:
    """Raise ValueError for a quorum that is too large to be counted, or, if it is to be, that nobody could fill."""
    count, most = _size(quorum)
    if most > MOST_SEATS:
        raise ValueError(f"it would need {most} people, at most {MOST_SEATS} are counted; need fewer")
    if count > MOST_WAYS:
        raise ValueError(f"it could be confirmed in {count:,} ways, at most {MOST_WAYS} are tried; make any shorter")
    if fillable and not any(_can_be_filled(way) for way in ways(quorum)):
        raise ValueError(
            "it could never be confirmed: one person fills one seat, and too few are named for all of them"
        )


def _size(quorum: Quorum) -> tuple[int, int]:
    """Return how many ways there are to meet a quorum, and the most seats of one."""
    match quorum:
        case Seat():
            return 1, 1
        case AllOf(all=parts):
            sizes = [_size(part) for part in parts]
            return math.prod(count for count, _ in sizes), sum(most for _, most in sizes)
        case AnyOf(any=parts):
            sizes = [_size(part) for part in parts]
            return sum(count for count, _ in sizes), max(most for _, most in sizes)


def _can_be_filled(way: Collection[Seat]) -> bool:
    closed = [seat for seat in way if not any(name in OPEN or name.startswith("@") for name in seat.by)]
    people = list(dict.fromkeys(name for seat in closed for name in seat.by))
    able = {seat: [people.index(name) for name in seat.by] for seat in closed}
    return len(seat_people(closed, able)) == len(closed)
