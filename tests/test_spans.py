"""Spans and instants: what is written, where it lands, on days that are not 24 hours long too."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from footfall.errors import UsageError
from footfall.spans import Span, instant, midnight, shift, span, zone

ZONES = ["UTC", "Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo"]
SPANS = st.builds(Span, st.integers(1, 400), st.sampled_from(["h", "d", "w", "mo"]))
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2035, 12, 31))
DAYS = st.dates(datetime(1990, 1, 1).date(), datetime(2035, 12, 31).date())


def wall(at: datetime, tz: str) -> datetime:
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(tz)).replace(tzinfo=None)


def there(local: datetime, tz: str) -> datetime:
    return local.replace(tzinfo=ZoneInfo(tz)).astimezone(UTC).replace(tzinfo=None)


# --- what is written ---


@given(SPANS)
def test_a_span_reads_back_as_it_is_written(one: Span) -> None:
    assert span(str(one)) == one
    assert span(one) is one
    assert span(f"  {one.count} {one.unit} ") == one


@pytest.mark.parametrize("text", ["", "d", "30", "30 days", "-7d", "0d", "1.5d", "30D", "7d2h", "1y", "1m", "١d d"])
def test_what_is_no_span_is_refused_with_the_way_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match="is not a span; write a whole number and a unit, as in '12h', '30d'"):
        span(text)


@pytest.mark.parametrize(
    ("text", "words", "days"),
    [
        ("1d", "1 day", 1),
        ("30d", "30 days", 30),
        ("4w", "4 weeks", 28),
        ("1mo", "1 month", 30.4375),
        ("12h", "12 hours", 0.5),
    ],
)
def test_a_span_in_words_and_days(text: str, words: str, days: float) -> None:
    assert (span(text).words, span(text).days) == (words, days)


# --- where it lands ---


@given(INSTANTS, SPANS, st.integers(-3, 3))
def test_in_utc_days_weeks_and_hours_are_elapsed_time(at: datetime, one: Span, times: int) -> None:
    assume(one.unit != "mo")
    hours = {"h": 1, "d": 24, "w": 168}[one.unit]
    assert shift(at, one, times) == at + timedelta(hours=hours * one.count * times)


@given(INSTANTS, st.integers(1, 400), st.sampled_from(ZONES))
def test_hours_are_elapsed_time_in_every_zone(at: datetime, count: int, tz: str) -> None:
    assert shift(at, Span(count, "h"), 1, tz) == at + timedelta(hours=count)


@given(
    DAYS,
    st.integers(1, 400),
    st.sampled_from(["d", "w"]),
    st.sampled_from(["UTC", "Europe/London", "America/New_York"]),
)
def test_days_keep_midnight_at_midnight_when_the_clocks_change(day: datetime, count: int, unit: str, tz: str) -> None:
    start = datetime(day.year, day.month, day.day)
    landed = shift(there(start, tz), Span(count, unit), -1, tz)  # type: ignore[arg-type]
    assert wall(landed, tz) == start - timedelta(days=count * (7 if unit == "w" else 1))


@given(DAYS, st.integers(1, 60), st.sampled_from([-1, 1]))
def test_months_keep_the_day_or_end_with_the_month(day: datetime, count: int, times: int) -> None:
    at = datetime(day.year, day.month, day.day, 9, 30)
    landed = shift(at, Span(count, "mo"), times)
    assert landed.year * 12 + landed.month == at.year * 12 + at.month + count * times
    assert landed.day == min(at.day, calendar.monthrange(landed.year, landed.month)[1])
    assert (landed.hour, landed.minute) == (9, 30)


@given(INSTANTS, SPANS, st.sampled_from(ZONES))
def test_a_shift_back_goes_back_and_a_shift_on_goes_on(at: datetime, one: Span, tz: str) -> None:
    assert shift(at, one, -1, tz) < at < shift(at, one, 1, tz)
    assert shift(at, one, 0, "UTC") == at


@pytest.mark.parametrize(
    ("at", "by", "times", "tz", "lands"),
    [
        # London: 29 March 2026 has 23 hours, 25 October 2026 has 25.
        (datetime(2026, 3, 29), "1d", 1, "Europe/London", datetime(2026, 3, 29, 23)),
        (datetime(2026, 3, 29, 23), "1d", -1, "Europe/London", datetime(2026, 3, 29)),
        (datetime(2026, 10, 24, 23), "1d", 1, "Europe/London", datetime(2026, 10, 26)),
        (datetime(2026, 10, 26), "7d", -1, "Europe/London", datetime(2026, 10, 18, 23)),
        (datetime(2026, 3, 29), "24h", 1, "Europe/London", datetime(2026, 3, 30)),
        # leap days
        (datetime(2024, 2, 29), "365d", 1, "UTC", datetime(2025, 2, 28)),
        (datetime(2024, 3, 1), "1d", -1, "UTC", datetime(2024, 2, 29)),
        (datetime(2023, 3, 1), "1d", -1, "UTC", datetime(2023, 2, 28)),
        # months
        (datetime(2024, 3, 31), "1mo", -1, "UTC", datetime(2024, 2, 29)),
        (datetime(2023, 3, 31), "1mo", -1, "UTC", datetime(2023, 2, 28)),
        (datetime(2024, 2, 29), "12mo", 1, "UTC", datetime(2025, 2, 28)),
        (datetime(2026, 1, 31), "1mo", 1, "UTC", datetime(2026, 2, 28)),
        (datetime(2026, 12, 15), "1mo", 1, "UTC", datetime(2027, 1, 15)),
        (datetime(2026, 1, 15), "1mo", -1, "UTC", datetime(2025, 12, 15)),
        (datetime(2026, 3, 1), "1mo", 1, "Europe/London", datetime(2026, 3, 31, 23)),
    ],
)
def test_where_a_span_lands(at: datetime, by: str, times: int, tz: str, lands: datetime) -> None:
    assert shift(at, span(by), times, tz) == lands


# --- instants ---


@given(INSTANTS, st.sampled_from(ZONES))
def test_midnight_is_the_last_local_one(at: datetime, tz: str) -> None:
    start = midnight(at, tz)
    assert start <= at
    assert wall(start, tz).date() == wall(at, tz).date()
    assert midnight(start, tz) == start
    before = wall(start - timedelta(microseconds=1), tz).date()
    assert before < wall(at, tz).date() or wall(start, tz).time() != datetime.min.time()


def test_an_instant_is_on_the_shops_clock_unless_it_says_otherwise() -> None:
    assert instant("2026-06-01", "Europe/London") == datetime(2026, 5, 31, 23)
    assert instant(" 2026-06-01T12:00 ", "Asia/Tokyo") == datetime(2026, 6, 1, 3)
    assert instant("2026-06-01T12:00Z", "Asia/Tokyo") == datetime(2026, 6, 1, 12)
    assert instant("2026-06-01T12:00+02:00") == datetime(2026, 6, 1, 10)
    assert instant(datetime(2026, 6, 1, tzinfo=UTC), "Asia/Tokyo") == datetime(2026, 6, 1)
    assert instant(datetime(2026, 6, 1)) == datetime(2026, 6, 1)


@given(INSTANTS)
def test_an_instant_reads_back(at: datetime) -> None:
    assert instant(at.isoformat()) == at
    assert instant(at.replace(tzinfo=UTC).isoformat(), "Asia/Tokyo") == at


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2025-02-29", "01/06/2026", "2026-06-01 25:00"])
def test_what_is_no_instant_is_refused_with_the_way_to_write_one(text: str) -> None:
    with pytest.raises(UsageError, match="is not an instant; write '2026-06-01'"):
        instant(text)


@pytest.mark.parametrize("name", ["Europe/Lodnon", "", "../../etc/passwd", "/etc/localtime", "Europe"])
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is not a time zone; write an IANA name"):
        zone(name)
