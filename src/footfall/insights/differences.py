"""What distinguishes those who then bought: each feature on its own, buyers beside the others.

The measure is the chance that a buyer drawn at random has more of it than another customer (ties count half): 0.5 is
no difference. It needs no units and no bell curve (Mann and Whitney, 1947; the interval by DeLong et al., Biometrics
44, 1988). Many features are looked at, so the p values are corrected for that, whatever hangs together among them
(Benjamini and Yekutieli, Annals of Statistics 29, 2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import ndtr
from scipy.stats import rankdata

from footfall.errors import FootfallError
from footfall.insights.insight import Chart, Ground, Insight, Row
from footfall.spans import shift, span
from footfall.windows import (
    Feature,
    Frame,
    Future,
    Past,
    Sample,
    Spine,
    Upcoming,
    compile_windows,
    events,
    features,
    orders,
)

Array = np.ndarray[Any, Any]
AHEAD, ACTIVE = span("30d"), span("90d")
MOST = 40_000
"""Customers beyond this number are sampled."""
LEAST, _VALUES, _SHOWN = 20, 6, 15
_TARGET = "bought_then"


def _features(ground: Ground) -> list[Feature]:
    return [f for f in features(ground.shape) if not isinstance(f.window, Upcoming)]


def _active(ground: Ground) -> dict[str, Past]:
    """Windows of which one must hold: the population is who was there lately."""
    facts = [f for f in (orders, events) if ground.shape.has(f.table)]
    return {f"active_{f.table}": f.any().past(ACTIVE) for f in facts}


def buyers_differ(ground: Ground) -> str:
    """One row a customer: every feature as known at the cutoff, and whether they bought in the 30 days from it."""
    cutoff = shift(ground.end, AHEAD, -1, ground.tz)
    if cutoff <= ground.first:
        raise FootfallError(
            f"the shop's history of {ground.shape.days:.0f} days is too short to look {AHEAD.words} back"
        )
    rate = min(1.0, MOST / max(1, ground.known))
    active = _active(ground)
    windows = {_TARGET: Future(orders.any(), AHEAD), **active, **{f.name: f.window for f in _features(ground)}}
    query = compile_windows(Frame(("customer_id",), (cutoff,), ground.tz), windows, Spine(sample=Sample(rate)))
    return query.then(
        "there_lately", f"select * exclude ({', '.join(active)})\nfrom beside\nwhere {' or '.join(active)}"
    ).sql()


def compare(table: pa.Table, ground: Ground) -> list[Row]:
    """Every feature's difference between buyers and others, the surest first."""
    bought = np.asarray(table[_TARGET].to_numpy(zero_copy_only=False), bool)
    if min(bought.sum(), (~bought).sum()) < LEAST:
        raise FootfallError(
            f"of {len(bought):,} customers there lately, {bought.sum():,} bought in the {AHEAD.words} after it: "
            f"at least {LEAST} buyers and {LEAST} others are needed to tell them apart"
        )
    found: list[Row] = []
    for feature in _features(ground):
        column, label = table[feature.name], feature.words.label
        if feature.text:
            counts = column.drop_null().value_counts().to_pylist()
            busiest = sorted(counts, key=lambda c: (-c["counts"], c["values"]))[:_VALUES]
            values = [(f"{label} '{c['values']}'", pa.compute.equal(column, c["values"])) for c in busiest]
        else:
            values = [(label, column)]
        for name, of in values:
            row = _difference(_numbers(of), bought)
            if row:
                found.append({"feature": feature.name, "label": name, **row})
    # In a young shop "in the last 365 days" and "so far" are one feature: what repeats another is told once.
    found = list({(r["more_often"], r["lower"], r["buyers"]): r for r in reversed(found)}.values())
    found.sort(key=lambda r: (r["p_value"], -abs(r["more_often"] - 0.5), r["label"]))
    for row, p in zip(found, corrected(np.array([r["p_value"] for r in found])), strict=True):
        row |= {"adjusted_p": float(p), "sure": bool(p < 0.05)}
    return found


def _numbers(column: pa.ChunkedArray) -> Array:
    """As doubles, NaN where null; dates as days."""
    if pa.types.is_temporal(column.type):
        column = column.cast(pa.date32()).cast(pa.int32())
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), float)


def _difference(values: Array, bought: Array) -> Row | None:
    there = np.isfinite(values)
    one, other = values[there & bought], values[there & ~bought]
    if min(len(one), len(other)) < LEAST or np.ptp(values[there]) == 0:
        return None
    chance, error = superiority(one, other)
    lower, upper = max(0.0, chance - 1.96 * error), min(1.0, chance + 1.96 * error)
    return {
        "buyers": len(one),
        "others": len(other),
        "buyers_mean": float(one.mean()),
        "others_mean": float(other.mean()),
        "buyers_median": float(np.median(one)),
        "others_median": float(np.median(other)),
        "more_often": chance,
        "lower": lower,
        "upper": upper,
        "p_value": float(2 * ndtr(-abs(chance - 0.5) / error)),
    }


def superiority(one: Array, other: Array) -> tuple[float, float]:
    """The chance that a value of `one` is above one of `other`, ties counting half, and its standard error."""
    m, n = len(one), len(other)
    ranks = rankdata(np.concatenate([one, other]))
    above = (ranks[:m] - rankdata(one)) / n
    below = (ranks[m:] - rankdata(other)) / m
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n
    # Two groups that do not overlap show no spread, which is not certainty.
    return float(above.mean()), float(np.sqrt(max(variance, 1 / (4 * m * n))))


def corrected(p: Array) -> Array:
    """P values corrected for their number, under any dependence (Benjamini and Yekutieli)."""
    n = len(p)
    if n == 0:
        return p
    order = np.argsort(p, kind="stable")
    harmonic = (1 / np.arange(1, n + 1)).sum()
    stepped = p[order] * n * harmonic / np.arange(1, n + 1)
    found = np.empty(n)
    found[order] = np.minimum(1, np.minimum.accumulate(stepped[::-1])[::-1])
    return found


def difference_words(rows: Sequence[Row], ground: Ground) -> str:
    cutoff = shift(ground.end, AHEAD, -1, ground.tz)
    of = f"customers there in the {ACTIVE.words} before {cutoff:%Y-%m-%d}"
    if ground.known > MOST:
        of += f" (a sample of about {MOST:,} of the {ground.known:,} known)"
    sure = [r for r in rows if r["sure"]]
    if not sure:
        return f"Nothing tells the buyers of the {AHEAD.words} after apart, beyond chance, among {of}."
    best = sure[0]
    more = best["more_often"] > 0.5
    share = best["more_often"] if more else 1 - best["more_often"]
    than = f"a buyer has {'more' if more else 'less'} of it than another customer in {share:.0%} of pairs"
    return (
        f"Among {of}, {len(sure)} of {len(rows)} features tell those who bought in the {AHEAD.words} after from "
        f"the others, beyond chance and corrected for their number. The surest is '{best['label']}': {than}; "
        "a difference is no proof of a cause."
    )


def _ranges(rows: Sequence[Row]) -> Sequence[Row]:
    return [
        {"label": r["label"], "value": r["more_often"], "lower": r["lower"], "upper": r["upper"], "other": 0.5}
        for r in rows[:_SHOWN]
    ]


BUYERS_DIFFER = Insight(
    "buyers-differ",
    "What distinguishes those who then bought?",
    """
        feature VARCHAR name of the feature
        label VARCHAR the same in words
        buyers BIGINT buyers of whom it is known
        others BIGINT others of whom it is known
        buyers_mean DOUBLE mean of the buyers
        others_mean DOUBLE mean of the others
        buyers_median DOUBLE median of the buyers
        others_median DOUBLE median of the others
        more_often DOUBLE chance that a buyer has more of it than another customer; 0.5 is no difference
        lower DOUBLE lower end of its 95% interval
        upper DOUBLE upper end
        p_value DOUBLE chance of such a difference where there is none
        adjusted_p DOUBLE the same, corrected for the number of features
        sure BOOLEAN adjusted_p is below 0.05
        """,
    buyers_differ,
    difference_words,
    ("orders",),
    digest=compare,
    charts=(
        Chart(
            "ranges",
            "What distinguishes buyers",
            _ranges,
            {"title": "Pairs in which the buyer has more of it", "beside": "no difference", "format": ".0%"},
        ),
    ),
)
