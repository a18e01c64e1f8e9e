"""Ten thousand daily series: what a shop of many products pays for four weeks ahead, with bands, and what it gets."""

from __future__ import annotations

import resource
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import Result, Table, span, tell
from footfall.forecast import AUTOMATIC, BASELINE, MEASURES, Forecast, Origin, Told, Work, forecast, measure
from footfall.forecast.anomalies import anomalies
from footfall.forecast.budget import models_within
from footfall.models.panel import Panel

SEED, SERIES, PERIODS, AHEAD = 0, 10_000, 730, 28
LIMIT = 300.0
KINDS = ("often", "seldom", "intermittent")
SHARES = (0.5, 0.3, 0.2)
RATES = ((5.0, 300.0), (0.5, 5.0), (0.02, 0.3))
CATEGORIES = 50
YOUNG = 0.2
ABOUT = (
    f"{SERIES:,} simulated products, {PERIODS} days of units sold, {AHEAD} days ahead. Half sell 5 to 300 a day, three "
    "in ten 0.5 to 5, two in ten less than one in three days. Each has a trend of its own, a wave of the week and one "
    "of the year (shared by the products of a category, up to a factor of their own) and promotions of a few days that "
    "double its sales or so, known ahead; sales scatter more than Poisson's (negative binomial), and one product in "
    "five began within the two years. The models are those that `models_within` lets pass; they are rehearsed at four "
    "origins, chosen, fitted and asked, and bands are made: all of that is the time. The truth itself would miss by "
    "what is called `the true mean`: nobody knows more. Intervals: 95%, series resampled."
)


def simulated(series: int = SERIES, seed: int = SEED) -> tuple[Panel, Any, Any, NDArray[np.int64]]:
    """The panel, what came, its true mean (each (n, AHEAD)), and the kind of each series."""
    draw = np.random.default_rng(seed)
    days = PERIODS + AHEAD
    at = np.arange(days)
    kind = draw.choice(len(KINDS), series, p=SHARES)
    low, high = np.log(np.asarray(RATES)[kind]).T
    rate = np.exp(draw.uniform(low, high))[:, None]
    category = draw.integers(0, CATEGORIES, series)
    week = draw.normal(0, 0.25, (CATEGORIES, 7))[category] + draw.normal(0, 0.05, (series, 7))
    phase, wide = draw.uniform(0, 1, CATEGORIES)[category], draw.uniform(0.1, 0.5, CATEGORIES)[category]
    own = draw.uniform(0.7, 1.3, series)
    year = (wide * own)[:, None] * np.sin(2 * np.pi * (at / 365.25 + phase[:, None]))
    trend = draw.normal(0, 0.25, (series, 1)) * (at - PERIODS) / 365.25
    promotion = np.zeros((series, days))
    for _ in range(16):
        begin, length = draw.integers(0, days, series), draw.integers(3, 9, series)
        promotion[(at >= begin[:, None]) & (at < (begin + length)[:, None])] = 1.0
    lift = draw.normal(0.7, 0.2, (series, 1))
    mean = rate * np.exp(week[:, at % 7] + year + trend + lift * promotion)
    scatter = draw.uniform(3, 20, (series, 1))
    values = draw.poisson(draw.gamma(scatter, mean / scatter)).astype(np.float64)
    begun = np.where(draw.random(series) < YOUNG, draw.integers(0, PERIODS - 60, series), 0)
    values[at[None, :] < begun[:, None]] = np.nan
    empty = ~(np.nan_to_num(values[:, :PERIODS]) > 0).any(axis=1)
    values[empty, PERIODS - 1] = 1.0
    panel = Panel(
        values[:, :PERIODS], np.datetime64("2022-01-01") + at, AHEAD, (7, 364), {"promotion": promotion},
        {"category": category.astype(np.int64)}, 0.0,
    )  # fmt: skip
    return panel, values[:, PERIODS:], mean[:, PERIODS:], kind


def run() -> Result:
    """Nothing but the package is needed."""
    panel, came, mean, kind = simulated()
    tell(f"{SERIES:,} series of {PERIODS} days are made")
    begun, processor = time.perf_counter(), time.process_time()
    within = models_within(panel, LIMIT)
    found = forecast(panel, Work(models=within.names))
    seconds, processor = time.perf_counter() - begun, time.process_time() - processor
    tell(f"forecast in {seconds:.0f} s ({processor:.0f} s of processor)")
    begun = time.perf_counter()
    odd = anomalies(panel)
    looking = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    told = {**found.told, "the true mean": Told(mean, {})}
    whole = measure([Origin(panel, came, told)], draws=500, seed=SEED)
    answer = whole[AUTOMATIC]
    gap = answer["wape"].difference
    assert gap is not None
    names = sorted(whole, key=lambda m: whole[m]["wape"].value, reverse=True)
    kinds = [{"kind": name} | _kind(panel, came, told, kind == k) for k, name in enumerate(KINDS)]
    timing = {
        "series": SERIES, "seconds": seconds, "seconds of processor": processor, "milliseconds a series":
        1000 * seconds / SERIES, "declared seconds": sum(within.seconds[m] for m in within.names),
        "seconds for anomalies": looking, "peak GiB": peak,
    }  # fmt: skip
    tables = [
        Table("time, on this machine", [timing]),
        Table("all series", [{"model": m} | {k: _value(whole[m], k) for k in MEASURES} for m in names]),
        Table("the answer by kind of series", kinds),
        Table("coverage by week ahead", _weeks(found, came)),
    ]
    verdicts = {
        f"forecast with bands in under {LIMIT / 60:.0f} minutes": seconds < LIMIT,
        "better than seasonal naive, interval clear of zero": gap[2] < 0,
        **{f"{n}% band covers within 3 points": abs(answer[f"coverage_{n}"].value - n / 100) < 0.03 for n in (80, 95)},
    }
    notes = [
        within.words or f"all models that can run here were tried: {', '.join(within.names)}",
        f"the answer is the median of {' and '.join(found.choice.members[0])}",
        f"WAPE less seasonal naive's {gap[0]:+.4f} ({span(*gap[1:])})",
        f"{len(odd):,} anomalies in {int(np.isfinite(panel.values).sum()):,} days (promotions known), none planted",
    ]
    return Result(ABOUT, SEED, tables, verdicts, notes)


def _value(found: Any, name: str) -> float | None:
    return found[name].value if name in found else None


def _kind(panel: Panel, came: Any, told: dict[str, Told], mine: NDArray[np.bool_]) -> dict[str, Any]:
    """Measures of the series of one kind."""
    rows = np.flatnonzero(mine)
    some = {
        m: replace(t, point=t.point[rows], bands={n: (b[0][rows], b[1][rows]) for n, b in t.bands.items()})
        for m, t in told.items()
    }
    found = measure([Origin(panel.only(rows), came[rows], some)], draws=200, seed=SEED)
    gap = found[AUTOMATIC]["wape"].difference
    row: dict[str, Any] = {
        "series": len(rows),
        "WAPE": found[AUTOMATIC]["wape"].value,
        "of naive": found[BASELINE]["wape"].value,
    }
    row["of the true mean"] = found["the true mean"]["wape"].value
    row["less naive's"] = "" if gap is None else f"{gap[0]:+.4f} ({span(*gap[1:])})"
    return row | {f"{n}%": found[AUTOMATIC][f"coverage_{n}"].value for n in (80, 95)}


def _weeks(found: Forecast, came: Any) -> list[dict[str, Any]]:
    rows = []
    for week in range(AHEAD // 7):
        cut = slice(7 * week, 7 * week + 7)
        row: dict[str, Any] = {"week": week + 1}
        for level in (80, 95):
            low, high = found.answer.bands[level]
            row[f"{level}%"] = float(((came >= low) & (came <= high))[:, cut].mean())
        rows.append(row)
    return rows
