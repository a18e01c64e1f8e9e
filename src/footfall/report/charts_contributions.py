"""Charts of what features add to answers: the summary of a sample, the dependence on one feature, one answer's way."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from math import log2
from typing import Any

from footfall.report.charts import _ODDS, _data, _finish, alt
from footfall.report.numbers import blank
from footfall.report.page import Row
from footfall.report.theme import BLUE, GREY, MUTED, ORANGE, PURPLE, TEAL

POINTS = 90
"""Points drawn of a feature: evenly over all, from the lowest contribution to the highest."""
HEIGHTS = {"low": TEAL, "middle": GREY, "high": PURPLE, "a word, or none": BLUE}
"""Where a value lies among all: lower, middle or upper third."""
_CHANCES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.97, 0.99, 0.997, 0.999)
_AMOUNTS = [log2(n * 10**k) for k in range(-2, 9) for n in (1, 2, 5)]


def third(place: Any) -> str:
    """In which third of all values this one lies."""
    if blank(place):
        return "a word, or none"
    return "low" if place < 1 / 3 else "high" if place > 2 / 3 else "middle"


def beeswarm(rows: Sequence[Row], width: int, *, title: str) -> dict[str, Any]:
    """A point an answer and feature: `contribution` to the right raises it; `label` in the order given; `place` paints.

    Points that would cover each other stand above one another.
    """
    by: dict[str, list[Row]] = defaultdict(list)
    for r in rows:
        by[str(r["label"])].append(r)
    kept: list[Row] = []
    ends = [float(r["contribution"]) for r in rows]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    cells = max(20, width // 7)
    for i, of in enumerate(by.values()):
        thinned = _evenly(sorted(of, key=lambda r: float(r["contribution"])), POINTS)
        stacked: dict[int, int] = defaultdict(int)
        crowds: dict[int, int] = defaultdict(int)
        places = [int((float(r["contribution"]) - low) / ((high - low) or 1) * cells) for r in thinned]
        for cell in places:
            crowds[cell] += 1
        most = max(crowds.values(), default=1)
        mixed = random.Random(0)  # in no order within a stack: sorted ones would lean
        turns = {cell: mixed.sample(range(n), n) for cell, n in crowds.items()}
        for r, cell in zip(thinned, places, strict=True):
            turn = turns[cell][stacked[cell]]
            stacked[cell] += 1
            away = (turn + 1) // 2 * (1 if turn % 2 else -1)
            kept.append(
                {"at": i + 0.18 + 0.62 * away / max(most, 6), "third": third(r.get("place")), "x": r["contribution"]}
            )
    names = [{"at": i - 0.36, "label": name, "x": low} for i, name in enumerate(by)]
    present = [h for h in HEIGHTS if any(k["third"] == h for k in kept)]
    y = alt.Y("at:Q").axis(None).scale(domain=[-0.55, len(by) - 0.4], reverse=True, nice=False, zero=False)
    scale = alt.Scale(domain=[low, high], nice=True)
    x = alt.X("x:Q").title(title).scale(scale).axis(format="+.2~f", tickCount=5, grid=False)
    colour = alt.Color("third:N").scale(domain=present, range=[HEIGHTS[h] for h in present])
    base = alt.Chart(_data(kept, "at", "third", "x")).encode(y=y)
    zero = alt.Chart(alt.Data(values=[{"x": 0}])).mark_rule(color=MUTED, strokeDash=[4, 4])
    label = alt.Chart(_data(names, "at", "label", "x")).mark_text(
        align="left", baseline="middle", fontSize=12.5, limit=width - 12
    )
    chart = (
        zero.encode(x=x)
        + base.mark_point(filled=True, size=13, opacity=0.85).encode(x=x, color=colour.legend(symbolType="circle"))
        + label.encode(x=alt.value(2), y=y, text="label:N")
    )
    return _finish(chart, width, 80 + 46 * len(by))


def dependence(rows: Sequence[Row], width: int, *, title: str, of: str) -> dict[str, Any]:
    """The contribution of one feature, `contribution`, against its `value` (or its word, `text`); `error` as a rule."""
    words = all(blank(r.get("value")) for r in rows)
    y = alt.Y("contribution:Q").title(title).axis(format="+.2~f", tickCount=5)
    zero = alt.Chart(alt.Data(values=[{"contribution": 0}])).mark_rule(color=MUTED, strokeDash=[4, 4]).encode(y=y)
    field = "text" if words else "value"
    kept = [r for r in rows if not blank(r.get(field))]
    kept = _evenly(sorted(kept, key=lambda r: r[field]), 2 * POINTS)
    kept = [
        {**r, "least": r["contribution"] - (r.get("error") or 0), "most": r["contribution"] + (r.get("error") or 0)}
        for r in kept
    ]
    if words:
        names = sorted({str(r["text"]) for r in kept})
        x = alt.X("text:N").sort(names).title(of).axis(labelAngle=0, labelLimit=max(30, width // max(1, len(names))))
    else:
        values = sorted(float(r["value"]) for r in kept)
        middle = values[len(values) // 2] if values else 0.0
        skewed = bool(values) and values[0] >= 0 and values[-1] > 12 * max(middle, 1e-9)
        scale = alt.Scale(type="symlog") if skewed else alt.Scale(zero=False)
        axis: dict[str, Any] = {"tickCount": 5, "grid": False, "format": ",.3~r", "labelOverlap": "greedy"}
        if skewed:
            least = 0 if all(v == int(v) for v in values) else -1
            axis |= {"values": [0, *(n * 10**k for k in range(least, 7) for n in (1, 3) if n * 10**k <= values[-1])]}
        x = alt.X("value:Q").title(of).scale(scale).axis(**axis)
    base = alt.Chart(_data(kept, field, "least", "most", "contribution")).encode(x=x)
    points = base.mark_point(color=BLUE, filled=True, size=18, opacity=0.55).encode(y=y)
    chart = zero + points
    if any(r.get("error") for r in kept):
        ends = alt.Y("least:Q").title(title)
        chart = zero + base.mark_rule(color=BLUE, opacity=0.3).encode(y=ends, y2="most:Q") + points
    return _finish(chart, width, 230)


def way(rows: Sequence[Row], width: int, *, title: str, unit: str = "chance") -> dict[str, Any]:
    """Steps from the usual answer to one customer's, one below the other: `label`, `kind`, `begins`, `ends`, `base`.

    Positions are base-2 logarithms of the odds (`unit` chance) or of the amount; the axis says chances or amounts.
    """
    paint = {"raises": BLUE, "lowers": ORANGE, "start": GREY, "total": TEAL}
    kept = [
        {
            **r, "place": i, "ahead": min(r["begins"], r["ends"]), "tip": max(r["begins"], r["ends"]),
            "shown": "" if r["kind"] in ("start", "total") else _times(float(r["ends"]) - float(r["begins"])),
        }
        for i, r in enumerate(rows)
    ]  # fmt: skip
    low, high = min(r["ahead"] for r in kept), max(r["tip"] for r in kept)
    room = (high - low) or 1.0
    ends = (low - 0.06 * room, high + 0.16 * room)
    scale = alt.Scale(domain=list(ends), nice=False, zero=False)
    said = _ODDS if unit == "chance" else "format(pow(2, datum.value), ',.3~r')"
    marks = _AMOUNTS if unit != "chance" else [log2(p / (1 - p)) for p in _CHANCES]
    axis = {"labelExpr": said, "values": [m for m in marks if ends[0] <= m <= ends[1]], "grid": True}
    axis |= {"labelOverlap": "greedy"}
    y = alt.Y("place:O").axis(None).scale(paddingInner=0.66, paddingOuter=0.6)
    x, tip = (alt.X(f"{f}:Q").title(title).scale(scale).axis(**axis) for f in ("ahead", "tip"))
    base = alt.Chart(_data(kept, "label", "kind", "shown", "ahead", "tip", "place")).encode(y=y)
    colour = alt.Color("kind:N").scale(domain=list(paint), range=list(paint.values())).legend(None)
    usual = alt.Chart(alt.Data(values=[{"ahead": kept[0]["base"]}])).mark_rule(color=MUTED, strokeDash=[4, 4])
    points = [r for r in kept if r["kind"] == "start"]
    dot = alt.Chart(_data(points, "ahead", "place")).mark_point(filled=True, size=90, color=GREY, opacity=1)
    chart = (
        usual.encode(x=x)
        + base.mark_bar().encode(x=x, x2="tip:Q", color=colour)
        + dot.encode(x=x, y=y)
        + base.transform_filter("datum.shown").mark_text(align="left", dx=6, color=MUTED).encode(x=tip, text="shown:N")
        + base.mark_text(align="left", baseline="bottom", dy=-8, fontSize=12.5, limit=width - 40).encode(
            x=alt.value(2), text="label:N"
        )
    )
    return _finish(chart, width, 56 + 40 * len(kept))


def _times(bits: float) -> str:
    """How many times the odds or the amount: `x 1.8`."""
    return f"× {2**bits:.2f}" if abs(bits) < 6 else f"× {2**bits:.3g}"


def _evenly(rows: Sequence[Row], most: int) -> list[Row]:
    if len(rows) <= most:
        return list(rows)
    return [rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most)]
