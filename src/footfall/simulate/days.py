"""The shop's days: seasons, holidays, promotions and coupon campaigns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from footfall.simulate.dials import Dials
from footfall.spans import zone

Array = np.ndarray[Any, Any]

WEEK = (0.05, -0.02, -0.05, 0.0, 0.08, -0.22, 0.16)
"""Log lift by weekday, Monday first."""
YEAR = 0.18
"""Log lift of the best day of the yearly wave, a cosine; the worst has the opposite."""
PEAK_DAY = 345
"""Day of the year on which the yearly wave is highest."""
CAMPAIGN_DAYS = 7
CAMPAIGN_EVERY = 56
COUPON_CUT = 0.10
PROMOTION_CUT = 0.15


@dataclass(frozen=True)
class Days:
    """One entry a day of the simulation, in the shop's time zone.

    `midnight` are UTC microseconds since 1970 of each local midnight, one more than there are days.
    `season` is the log lift of the purchase rate, `feast` what holidays and December give to it; `cut` the share the
    promotion takes off the list price; `campaign` the number of the coupon campaign that runs, or -1.
    """

    start: date
    count: int
    midnight: Array
    weekday: Array
    feast: Array
    season: Array
    cut: Array
    campaign: Array
    campaign_starts: tuple[int, ...]
    holiday: tuple[str, ...]
    promotion: tuple[str, ...]

    def date(self, day: int) -> date:
        return self.start + timedelta(days=day)

    def instant(self, day: int) -> datetime:
        """Local midnight of `day` as a naive UTC datetime."""
        return datetime(1970, 1, 1) + timedelta(microseconds=int(self.midnight[day]))


def _black_friday(year: int) -> date:
    first = date(year, 11, 1)
    return first + timedelta(days=(4 - first.weekday()) % 7 + 21)


def _holiday(day: date) -> tuple[str, float]:
    fixed = {
        (1, 1): ("New Year", -0.4),
        (2, 14): ("Valentine's Day", 0.35),
        (5, 1): ("May Day", -0.1),
        (10, 31): ("Halloween", 0.15),
        (12, 25): ("Christmas Day", -1.0),
        (12, 26): ("Boxing Day", 0.4),
    }
    if (day.month, day.day) in fixed:
        return fixed[(day.month, day.day)]
    if day == _black_friday(day.year):
        return "Black Friday", 0.5
    return "", 0.35 if day.month == 12 and day.day <= 20 else 0.0


def make_days(count: int, dials: Dials) -> Days:
    """The calendar of `count` days from `dials.start`."""
    here = zone(dials.timezone)
    dates = [dials.start + timedelta(days=i) for i in range(count + 1)]
    midnight = [
        int(datetime(d.year, d.month, d.day, tzinfo=here).astimezone(UTC).timestamp()) * 1_000_000 for d in dates
    ]
    holidays = [_holiday(d) for d in dates[:count]]
    cut = np.zeros(count)
    promotion = [""] * count
    for i, day in enumerate(dates[:count]):
        if (i + 14) % 42 < 4:
            cut[i], promotion[i] = PROMOTION_CUT, "Seasonal sale"
        if _black_friday(day.year) <= day <= _black_friday(day.year) + timedelta(days=3):
            cut[i], promotion[i] = 0.25, "Black Friday sale"
    weekday = np.array([d.weekday() for d in dates[:count]])
    year = np.array([YEAR * np.cos(2 * np.pi * (d.timetuple().tm_yday - PEAK_DAY) / 365.25) for d in dates[:count]])
    feast = np.array([h[1] for h in holidays])
    season = dials.season * (np.array(WEEK)[weekday] + year + feast)
    season = season + dials.trend * np.arange(count) / 365.0
    campaign = np.full(count, -1)
    starts = tuple(range(21, count - CAMPAIGN_DAYS, CAMPAIGN_EVERY))
    for number, first in enumerate(starts):
        campaign[first : first + CAMPAIGN_DAYS] = number
    return Days(
        dials.start,
        count,
        np.array(midnight, dtype=np.int64),
        weekday,
        dials.season * feast,
        season.astype(np.float32),
        cut,
        campaign,
        starts,
        tuple(h[0] for h in holidays),
        tuple(promotion),
    )
