"""Spans of time (`"30d"`, `"4w"`, `"1mo"`, `"6h"`) and instants, parsed once at the edge.

Instants are naive datetimes in UTC. Days, weeks and months are those of the shop's time zone, so a span of
days keeps midnights at midnight when the clocks change.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from footfall.errors import UsageError

_UNITS = {"h": 1 / 24, "d": 1.0, "w": 7.0, "mo": 30.4375}


@dataclass(frozen=True)
class Span:
    """A length of time in one unit: hours `h`, days `d`, weeks `w` or calendar months `mo`."""

    count: int
    unit: Literal["h", "d", "w", "mo"]

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    @property
    def days(self) -> float:
        """Length in days (a month is 30.4375 on average); for ordering and rates, not for boundaries."""
        return self.count * _UNITS[self.unit]

    @property
    def words(self) -> str:
        names = {"h": "hour", "d": "day", "w": "week", "mo": "month"}
        return f"{self.count} {names[self.unit]}{'' if self.count == 1 else 's'}"


def span(text: str | Span) -> Span:
    """Parse `"30d"`. Raises UsageError on anything else."""
    if isinstance(text, Span):
        return text
    match = re.fullmatch(r"\s*(\d+)\s*(h|d|w|mo)\s*", str(text))
    if not match or int(match[1]) == 0:
        raise UsageError(f"'{text}' is not a span; write a whole number and a unit, as in '12h', '30d', '4w', '6mo'")
    return Span(int(match[1]), match[2])  # type: ignore[arg-type]


def zone(name: str) -> ZoneInfo:
    """The time zone called `name` (IANA). Raises UsageError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"'{name}' is not a time zone; write an IANA name such as 'Europe/London'") from None


def shift(at: datetime, by: Span, times: int, tz: str = "UTC") -> datetime:
    """`at` moved by `times` spans (negative: back). Days and months move on the shop's local clock."""
    if by.unit == "h":
        return at + timedelta(hours=by.count * times)
    here = zone(tz)
    local = at.replace(tzinfo=UTC).astimezone(here).replace(tzinfo=None)
    if by.unit == "mo":
        months = local.year * 12 + local.month - 1 + by.count * times
        year, month = divmod(months, 12)
        day = min(local.day, calendar.monthrange(year, month + 1)[1])
        local = local.replace(year=year, month=month + 1, day=day)
    else:
        local += timedelta(days=by.count * times * (7 if by.unit == "w" else 1))
    return local.replace(tzinfo=here).astimezone(UTC).replace(tzinfo=None)


def instant(text: str | datetime, tz: str = "UTC") -> datetime:
    """Parse an instant. A text without an offset is on the shop's local clock. Returns naive UTC."""
    if isinstance(text, str):
        try:
            text = datetime.fromisoformat(text.strip())
        except ValueError:
            raise UsageError(f"'{text}' is not an instant; write '2026-06-01' or '2026-06-01T12:00'") from None
    if text.tzinfo is None:
        text = text.replace(tzinfo=zone(tz))
    return text.astimezone(UTC).replace(tzinfo=None)


def midnight(at: datetime, tz: str = "UTC") -> datetime:
    """The last local midnight at or before `at` (naive UTC in, naive UTC out)."""
    here = zone(tz)
    local = at.replace(tzinfo=UTC).astimezone(here)
    start = datetime(local.year, local.month, local.day, tzinfo=here)
    return start.astimezone(UTC).replace(tzinfo=None)


def month_start(at: datetime, tz: str = "UTC") -> datetime:
    """The local midnight that the month of `at` began with (naive UTC in, naive UTC out)."""
    local = at.replace(tzinfo=UTC).astimezone(zone(tz))
    return datetime(local.year, local.month, 1, tzinfo=zone(tz)).astimezone(UTC).replace(tzinfo=None)
