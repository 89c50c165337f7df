"""Tell whether a moment is in some part of the calendar."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from err_confirm.model.policies import Freeze, Times

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""The weekdays as policies write them, in the order in which the model counts them."""


def during(times: Times, at: float) -> bool:
    """Tell whether a moment (seconds since 1970) is one of these times, by the clock of their time zone.

    Hours that go past midnight belong to the day on which they begin.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: this machine does not know the zone.
    """
    local = datetime.fromtimestamp(at, ZoneInfo(times.zone))
    minute = local.hour * 60 + local.minute
    if not times.hours:
        return _on(times, local)
    return any(
        (begin <= minute < end and _on(times, local))
        or (end <= begin and minute >= begin and _on(times, local))
        or (end <= begin and minute < end and _on(times, local - timedelta(days=1)))
        for begin, end in times.hours
    )


def frozen(freezes: Iterable[Freeze], at: float) -> Freeze | None:
    """Return what forbids that anything runs at a moment; a time that cannot be told, its zone unknown, does."""
    for freeze in freezes:
        try:
            if during(freeze.times, at):
                return freeze
        except (KeyError, ValueError, OSError):
            return freeze
    return None


def _on(times: Times, local: datetime) -> bool:
    day = local.date().isoformat()
    return (not times.days or local.weekday() in times.days) and (
        not times.dates or any(first <= day <= last for first, last in times.dates)
    )
