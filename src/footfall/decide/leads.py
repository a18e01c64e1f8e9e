"""Which products' demand rises beyond chance, beside how the whole shop grows.

The units of the last span are set against those of the span before, and a product's share in what the others sold is
asked about: where nothing has changed, the units of both spans together fall on the last one in the ratio of what the
**other** products sold in the two. Periods without stock are left out on both sides, so an empty shelf is no fall and a
filled one no rise.

Real sales scatter more than a coin: packs, promotions, moods. How much more (the dispersion) is learnt within short
blocks of each product's past and leans on that of all products (empirical Bayes); the units are divided by it, which
makes the exact binomial test a quasi-Poisson one, and Student's t stands for what is not known of the dispersion.
Where the same spans lie a year back, a product leads only if it also sells more than then: the summer is no rise of
ice cream. Over all products the false discovery rate is held (Benjamini and Hochberg 1995).

Sources: McCullagh and Nelder (1989) for quasi-likelihood; Smyth (2004) for the dispersion's prior; Clopper and Pearson
(1934) for the interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, ndtr, ndtri, polygamma, stdtr, stdtrit

from footfall.engine import Engine
from footfall.errors import FootfallError, UsageError
from footfall.models.panel import Floats
from footfall.spans import Span, span

TASK = "units-product-8w"
LEAST_UNITS = 5.0
"""Units in both spans together, divided by the dispersion, below which nothing could be told."""
LEAST_OPEN = 0.5
"""Share of each span's periods that must have been in stock."""
BLOCK = 3
"""Periods of a block whose scatter is measured, at least."""
_TINY = 1e-300


@dataclass(frozen=True)
class Rising:
    """How demand leads are looked for: the `window` that is compared with the one before it, and the `rate` of false
    ones among those named. Raises UsageError for a rate that is no chance."""

    window: str | Span = "28d"
    rate: float = 0.05

    def __post_init__(self) -> None:
        object.__setattr__(self, "window", span(self.window))
        if not 0 < self.rate < 1:
            raise UsageError(f"rate is a chance between 0 and 1, as 0.05, not {self.rate!r}")


@dataclass(frozen=True)
class History:
    """Units of products by period: `units` (n, periods), NaN before a product began and where it was out of stock."""

    task: str
    cutoff: datetime
    products: tuple[str, ...]
    starts: tuple[datetime, ...]
    units: Floats


@dataclass(frozen=True)
class Compared:
    """One span against another, per product: units in both, growth beside the others with its interval, and the
    one-sided chance of so much growth where there is none; NaN where nothing can be told."""

    now: Floats
    before: Floats
    growth: Floats
    lower: Floats
    upper: Floats
    p: Floats


def demand_leads(engine: Engine, settings: Rising | None = None, task: str = TASK) -> list[dict[str, Any]]:
    """Rows of the table `demand_leads`: the products that can be compared. Those that rise stand first, by the least
    growth that can be counted on (`lower`).

    Args:
        task: a task of units per product; the series that its newest forecast was made from are read.

    Raises:
        FootfallError: there are no such series, or they are shorter than two windows.
    """
    settings = settings or Rising()
    past = history(engine, task)
    step = _step_days(past.starts)
    width = max(1, round(span(settings.window).days / step))
    if past.units.shape[1] < 2 * width:
        raise FootfallError(
            f"{task}: its series are {past.units.shape[1]} periods long, and two windows of {settings.window} are "
            f"{2 * width}; choose a shorter window"
        )
    last = compare(past.units, width, 0)
    year = 52 * 7 / step if step <= 7 else 365.25 / step
    then = compare(past.units, width, round(year)) if past.units.shape[1] >= round(year) + width else None
    p = last.p if then is None else np.where(np.isnan(then.p), last.p, np.maximum(last.p, then.p))
    told = np.flatnonzero(np.isfinite(p))
    adjusted = benjamini_hochberg(p[told])
    whole = _overall(past.units, width)
    days = _span_words(span(settings.window))
    categories = dict(
        engine.rows(
            "select product_id, coalesce(max(p.category), max(l.category)) from (\n"
            "  select product_id, arg_max(category, occurred_at) as category from lines group by product_id) l\n"
            "full join products p using (product_id) group by product_id"
        )
    )
    rows = []
    for i, q in zip(told, adjusted, strict=True):
        rising = bool(q <= settings.rate and last.growth[i] > 0)
        rows.append(
            {
                "task": task, "cutoff": past.cutoff, "product_id": past.products[i],
                "category": categories.get(past.products[i]), "before_units": float(last.before[i]),
                "now_units": float(last.now[i]), "growth": _finite(last.growth[i]), "lower": _finite(last.lower[i]),
                "upper": _finite(last.upper[i]), "p_value": float(p[i]), "adjusted_p": float(q), "rising": rising,
                "words": _words(last, then, int(i), days, whole),
            }
        )  # fmt: skip
    return sorted(
        rows, key=lambda r: (not r["rising"], -r["lower"] if r["rising"] else r["adjusted_p"], r["product_id"])
    )


def history(engine: Engine, task: str) -> History:
    """The series per product that the newest forecast of `task` was made from. Raises FootfallError without any."""
    cutoff = engine.value("select max(cutoff) from forecast_history where task = ? and level = 'product'", [task])
    if cutoff is None:
        raise FootfallError(f"there is no forecast per product of {task} yet; run: footfall fit {task}")
    found = engine.fetch(
        "select product_id, period_start, case when not coalesce(censored, false) then amount end as amount\n"
        "from forecast_history where task = ? and cutoff = ? and level = 'product' order by product_id, period_start",
        [task, cutoff],
    )
    starts, column = np.unique(found.column("period_start").to_numpy(), return_inverse=True)
    names = found.column("product_id").to_pylist()
    index: dict[str, int] = {}
    rows = np.asarray([index.setdefault(str(n), len(index)) for n in names])
    units = np.full((len(index), len(starts)), np.nan)
    units[rows, column] = found.column("amount").to_numpy(zero_copy_only=False)
    return History(task, cutoff, tuple(index), tuple(starts.astype("datetime64[us]").tolist()), units)


def compare(units: Floats, width: int, lag: int) -> Compared:
    """The last `width` periods of each product against those before them; with a `lag`, against those `lag` earlier.

    Args:
        units: (n, periods) of 0 or more, NaN where a product was not on sale or out of stock.
    """
    end = units.shape[1]
    now = slice(end - width, end)
    before = slice(end - width - (lag or width), end - (lag or width))
    open_ = np.isfinite(units)
    sold = np.where(open_, np.maximum(units, 0.0), 0.0)
    other = _others(units, (now, before))
    enough = np.ones(len(units), dtype=bool)
    a, b = sold[:, now].sum(axis=1), sold[:, before].sum(axis=1)
    beside_a, beside_b = (np.where(open_[:, w], other[:, w], 0.0).sum(axis=1) for w in (now, before))
    for window in (now, before):
        enough &= open_[:, window].mean(axis=1) >= LEAST_OPEN
    enough &= (beside_a > 0) & (beside_b > 0)
    scatter, freedom = dispersion(units, width)
    # What the others sold is itself the outcome of chance: its own scatter joins that of the product.
    with np.errstate(divide="ignore", invalid="ignore"):
        share = beside_a / (beside_a + beside_b)
        noise = np.median(scatter) * (1 / beside_a + 1 / beside_b) * (a + b) * share * (1 - share)
        scatter = scatter + np.where(np.isfinite(noise) & (len(units) > 1), noise, 0.0)
    high, total = a / scatter, (a + b) / scatter
    enough &= total >= LEAST_UNITS
    p = np.full(len(units), np.nan)
    low_edge, high_edge = p.copy(), p.copy()
    kept = np.flatnonzero(enough)
    k, n, s, df = high[kept], total[kept], share[kept], freedom[kept]
    some, none = np.maximum(k, _TINY), np.maximum(n - k, _TINY)
    tail = np.where(k > 0, betainc(some, n - k + 1, s), 1.0)
    p[kept] = stdtr(df, ndtri(np.clip(tail, _TINY, 1.0)))
    side = ndtr(stdtrit(df, 0.025))
    low_edge[kept] = np.where(k > 0, betaincinv(some, n - k + 1, side), 0.0)
    high_edge[kept] = np.where(n - k > 0, betaincinv(k + 1, none, 1 - side), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds = np.where(enough, beside_b / beside_a, np.nan)
        growth = np.where(b > 0, a / b, np.inf) * odds - 1
        lower, upper = (np.where(e < 1, e / (1 - e), np.inf) * odds - 1 for e in (low_edge, high_edge))
    return Compared(a, b, growth, lower, upper, p)


def dispersion(units: Floats, width: int) -> tuple[Floats, Floats]:
    """(n,) variance over mean of a product's periods, at least 1, and the degrees of freedom behind each.

    Measured around the product's share in what the others sold, within blocks of neighbouring periods, up to a year's
    worth of them: waves of the whole shop, trends and seasons do not count. Each product's own leans on that of all by
    as much as the products are alike (Smyth 2004).
    """
    n, periods = units.shape
    size = min(max(width, BLOCK), periods)
    blocks = min(periods // size, max(2, 52 // size))
    cut = units[:, periods - blocks * size :].reshape(n, blocks, size)
    beside = _others(units, ())[:, periods - blocks * size :].reshape(n, blocks, size)
    here = np.isfinite(cut) & (beside > 0)
    count, sold = here.sum(axis=2), np.where(here, cut, 0.0).sum(axis=2)
    beside = np.where(here, beside, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = (sold / beside.sum(axis=2))[:, :, None] * beside
        pearson = np.where(here, (cut - usual) ** 2 / usual, 0.0).sum(axis=2)
    used = (count > 1) & (sold > 0)
    freedom = np.where(used, count - 1, 0).sum(axis=1).astype(np.float64)
    total = np.where(used, pearson, 0.0).sum(axis=1)
    if freedom.sum() == 0:
        return np.ones(n), np.ones(n)
    pooled = float(total.sum() / freedom.sum())
    own = np.divide(total, freedom, out=np.full(n, pooled), where=freedom > 0)
    prior = _prior_freedom(own, freedom, sold.sum(axis=1))
    mixed = (freedom * own + prior * pooled) / (freedom + prior)
    return np.maximum(mixed, 1.0), freedom + prior


def benjamini_hochberg(p: Floats) -> Floats:
    """(n,) each p-value corrected for how many there are: the rate of false ones among all up to it."""
    order = np.argsort(p, kind="stable")
    scaled = p[order] * len(p) / np.arange(1, len(p) + 1)
    out = np.empty(len(p))
    out[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return out


def _prior_freedom(own: Floats, freedom: Floats, sold: Floats) -> float:
    """Degrees of freedom that the products together lend to each: few where they differ more than chance explains."""
    rich = (own > 0) & (freedom >= 3) & (sold >= 20)
    if rich.sum() < 5:
        return 4.0
    f = freedom[rich]
    spread = float(np.var(np.log(own[rich]), ddof=1) - polygamma(1, f / 2).mean())
    if spread <= 0.01:
        return 100.0
    low, high = 0.5, 200.0  # trigamma falls: halve the interval until it meets the spread
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if polygamma(1, middle / 2) > spread else (low, middle)
    return float(min(100.0, low))


def _others(units: Floats, windows: tuple[slice, ...]) -> Floats:
    """(n, periods) what all other products sold in each period; a period out of stock counts as a usual one."""
    filled = np.nan_to_num(units)
    for window in windows:
        part = units[:, window]
        here = np.isfinite(part)
        usual = np.where(here, part, 0.0).sum(axis=1) / np.maximum(here.sum(axis=1), 1)
        filled[:, window] = np.where(here, part, usual[:, None])
    filled = np.maximum(filled, 0.0)
    others = filled.sum(axis=0) - filled
    # A product alone in the shop has nobody to be set beside: each period counts the same.
    return cast("Floats", np.ones_like(filled) if len(units) < 2 else others)


def _overall(units: Floats, width: int) -> float:
    """How many times as much as in the window before the whole shop sold in the last one."""
    both = np.isfinite(units[:, -2 * width :]).mean(axis=1) >= LEAST_OPEN
    sold = np.nan_to_num(units[both])
    before = float(sold[:, -2 * width : -width].sum())
    return float(sold[:, -width:].sum()) / before if before > 0 else float("nan")


def _words(last: Compared, then: Compared | None, i: int, days: str, whole: float) -> str:
    now, before = last.now[i], last.before[i]
    words = f"{now:,.0f} sold in the last {days}, {before:,.0f} in the {days} before"
    if np.isfinite(whole):
        words += f"; the whole shop sold {_times(whole)}"
    if then is not None and np.isfinite(then.p[i]):
        words += f"; a year ago {then.before[i]:,.0f} in the same {days}"
    return words


def _times(ratio: float) -> str:
    if 0.995 <= ratio < 1.005:
        return "as much as then"
    return f"{abs(ratio - 1):.0%} {'more' if ratio > 1 else 'less'}"


def _span_words(window: Span) -> str:
    return window.words if window.count > 1 else {"d": "day", "w": "week", "mo": "month", "h": "hour"}[window.unit]


def _finite(value: float) -> float | None:
    """None for growth from nothing, which no number tells."""
    return float(value) if np.isfinite(value) else None


def _step_days(starts: tuple[datetime, ...]) -> float:
    gaps: NDArray[np.float64] = np.diff(np.asarray(starts, dtype="datetime64[s]")).astype(np.float64) / 86400
    return float(np.median(gaps)) if len(gaps) else 7.0
