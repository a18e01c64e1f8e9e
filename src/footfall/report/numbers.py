"""Values as a merchant reads them: thousands separators, percent, money, dates, spans; nothing is an en dash."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

NOTHING = "–"
_SIGNS = {"EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥", "CNY": "¥", "INR": "₹", "PLN": "zł"}
_BEFORE = {"€", "£", "$", "¥", "₹"}


def blank(value: Any) -> bool:
    """True for None, NaN, infinities and empty texts: what a page shows as a dash."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    return isinstance(value, (float, Decimal)) and not math.isfinite(value)


def text(value: Any) -> str:
    """Any value as plain words; lists are joined by semicolons, True and False are yes and no."""
    if blank(value):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple, set)):
        return "; ".join(text(v) for v in value) or NOTHING
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, date):
        return day(value)
    if isinstance(value, int):
        return count(value)
    if isinstance(value, (float, Decimal)):
        return number(value)
    return str(value)


def count(value: Any) -> str:
    """`1,234,567`."""
    return NOTHING if blank(value) else f"{round(float(value)):,}".replace("-", "−")


def number(value: Any) -> str:
    """Three significant digits, never in powers of ten: `0.0123`, `12.3`, `1,230`."""
    if blank(value):
        return NOTHING
    x = float(value)
    if x == 0:
        return "0"
    if abs(x) >= 100:
        return f"{x:,.0f}".replace("-", "−")
    if abs(x) < 0.00005:
        return "≈ 0"
    places = min(4, max(0, 2 - math.floor(math.log10(abs(x)))))
    return f"{x:.{places}f}".replace("-", "−")


def score(value: Any) -> str:
    """Three decimals, as metrics between 0 and 1 are compared: `0.762`."""
    return NOTHING if blank(value) else f"{float(value):.3f}".replace("-", "−")


def percent(value: Any) -> str:
    """A share of 1 as percent: `42%`, `3.4%`, `0.25%`, `under 0.01%`."""
    if blank(value):
        return NOTHING
    x = 100 * float(value)
    if x == 0 or abs(x) >= 99.95:
        return f"{x:,.0f}%".replace("-", "−")
    if abs(x) < 0.01:
        return "under 0.01%"
    places = 0 if abs(x) >= 20 else 1 if abs(x) >= 1 else 2
    if x > 99 and places == 0:  # 99.6% is not everything
        places = 1
    return f"{x:,.{places}f}%".replace("-", "−")


def points(value: Any) -> str:
    """A signed difference with three decimals: `+0.034`, `−0.002`."""
    if blank(value):
        return NOTHING
    x = round(float(value), 3)
    return "0.000" if x == 0 else f"{x:+.3f}".replace("-", "−")


def signed(value: Any) -> str:
    """A signed difference with three significant digits: `+1,230`, `−0.42`."""
    if blank(value):
        return NOTHING
    x = number(value)
    return x if x.startswith(("−", "≈")) or x == "0" else f"+{x}"


def signed_percent(value: Any) -> str:
    """A signed share: `+3.4%`."""
    if blank(value):
        return NOTHING
    x = percent(value)
    return x if x.startswith(("−", "under")) or float(value) <= 0 else f"+{x}"


def day(value: Any) -> str:
    """`1 Jun 2026`."""
    if blank(value):
        return NOTHING
    if not isinstance(value, date):
        return str(value)
    return f"{value.day} {value:%b %Y}"


def instant(value: Any) -> str:
    """`1 Jun 2026, 14:05`; a midnight is its day alone."""
    if blank(value):
        return NOTHING
    if not isinstance(value, datetime):
        return day(value)
    if (value.hour, value.minute, value.second) == (0, 0, 0):
        return day(value)
    return f"{day(value)}, {value:%H:%M}"


def seconds(value: Any) -> str:
    """`0.4 s`, `12 s`, `2 min 05 s`."""
    if blank(value):
        return NOTHING
    x = float(value)
    if x >= 60:
        minutes, rest = divmod(round(x), 60)
        return f"{minutes:,} min {rest:02d} s"
    return f"{x:.0f} s" if x >= 10 else f"{x:.1f} s"


def size(value: Any) -> str:
    """Bytes as `820 B`, `1.2 MB` (powers of 1,000)."""
    if blank(value):
        return NOTHING
    x = float(value)
    for unit in ("B", "kB", "MB"):
        if x < 999.5:
            return f"{x:.0f} {unit}" if unit == "B" or x >= 100 else f"{x:.1f} {unit}"
        x /= 1000
    return f"{x:,.1f} GB"


def money(currency: str | None) -> Callable[[Any], str]:
    """A format of amounts in `currency` (ISO code; None: no sign): `£1,234`, `£12.30`, `12.30 SEK`."""
    sign = _SIGNS.get((currency or "").upper(), currency or "")

    def show(value: Any) -> str:
        if blank(value):
            return NOTHING
        x = float(value)
        body = f"{abs(x):,.0f}" if abs(x) >= 1000 else f"{abs(x):,.2f}"
        minus = "−" if x < 0 and body.strip("0.,") else ""
        if not sign:
            return minus + body
        return f"{minus}{sign}{body}" if sign in _BEFORE else f"{minus}{body} {sign}"

    return show


FORMATS: dict[str, Callable[[Any], str]] = {
    "text": text,
    "count": count,
    "number": number,
    "score": score,
    "percent": percent,
    "points": points,
    "signed": signed,
    "signed_percent": signed_percent,
    "day": day,
    "instant": instant,
    "seconds": seconds,
    "size": size,
}
