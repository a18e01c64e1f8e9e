"""Values as a merchant reads them."""

from __future__ import annotations

import math
from datetime import date, datetime
from decimal import Decimal

import pytest

from footfall.report import numbers as n


@pytest.mark.parametrize("show", [*n.FORMATS.values(), n.money("GBP")])
@pytest.mark.parametrize("value", [None, math.nan, math.inf, Decimal("NaN"), "", "  "])
def test_nothing_is_a_dash(show, value):
    assert show(value) == "–"


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (n.count, 1234567, "1,234,567"),
        (n.count, -1200, "−1,200"),
        (n.number, 0.01234, "0.0123"),
        (n.number, 12.345, "12.3"),
        (n.number, 1234.5, "1,234"),
        (n.number, 0.0000001, "≈ 0"),
        (n.number, -0.5, "−0.500"),
        (n.score, 0.76249, "0.762"),
        (n.percent, 0.5, "50%"),
        (n.percent, 0.0345, "3.5%"),
        (n.percent, 0.00254, "0.25%"),
        (n.percent, 0.00001, "under 0.01%"),
        (n.percent, 0.9964, "99.6%"),
        (n.percent, 1.0, "100%"),
        (n.percent, 0, "0%"),
        (n.percent, -0.034, "−3.4%"),
        (n.points, 0.0341, "+0.034"),
        (n.points, -0.0004, "0.000"),
        (n.signed, 0.42, "+0.420"),
        (n.signed, -12.0, "−12.0"),
        (n.signed_percent, 0.034, "+3.4%"),
        (n.signed_percent, -0.034, "−3.4%"),
        (n.day, date(2026, 6, 1), "1 Jun 2026"),
        (n.instant, datetime(2026, 6, 1), "1 Jun 2026"),
        (n.instant, datetime(2026, 6, 1, 14, 5), "1 Jun 2026, 14:05"),
        (n.seconds, 0.42, "0.4 s"),
        (n.seconds, 12.4, "12 s"),
        (n.seconds, 125, "2 min 05 s"),
        (n.size, 820, "820 B"),
        (n.size, 1_234_000, "1.2 MB"),
        (n.size, 2_500_000_000_000, "2,500.0 GB"),
        (n.text, True, "yes"),
        (n.text, ["a", 2], "a; 2"),
        (n.money("GBP"), Decimal("1234.50"), "£1,234"),
        (n.money("EUR"), -3.5, "−€3.50"),
        (n.money("SEK"), 12.3, "12.30 SEK"),
        (n.money(None), 12.3, "12.30"),
    ],
)
def test_formats(show, value, text):
    assert show(value) == text
