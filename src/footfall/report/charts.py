"""The charts, one function each: rows in, an Altair chart of the given width out. `theme.py` turns it to SVG.

A function has a `narrow` twin by being called with a small width: texts keep their size on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from math import log2
from typing import Any

import altair

from footfall.report.numbers import blank, count, day, percent
from footfall.report.page import Row
from footfall.report.theme import BLUE, CARD, CONFIG, GREY, INK, LINE, MUTED, ORANGE, SERIES, TEAL

alt: Any = altair  # its overloads of dictionaries and literals are beyond a type checker
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross"]
_D3 = {"percent": "~%", "score": ".2f"}
_PLAIN = "datum.value == 0 ? '0' : datum.label"  # not `0k`


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, date)):
        return value.isoformat() + ("Z" if isinstance(value, datetime) else "T00:00:00Z")
    if blank(value):
        return None
    return value if isinstance(value, (str, int, float, bool)) else float(value)


def _data(rows: Sequence[Row], *fields: str) -> Any:
    keep = [{f: _plain(r.get(f)) for f in fields} for r in rows]
    return alt.Data(values=[r for r in keep if r[fields[-1]] is not None])


def _finish(chart: Any, width: int, height: int) -> dict[str, Any]:
    sized = chart.properties(width=width, height=height, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
    spec: dict[str, Any] = sized.to_dict(validate=False)  # the tests validate; here it would take seconds
    spec["config"] = CONFIG
    return spec


def _top(rows: Sequence[Row], *fields: str) -> float:
    return max((float(r[f]) for r in rows for f in fields if not blank(r.get(f))), default=1.0)


def _counts(rows: Sequence[Row], field: str, ticks: int) -> dict[str, Any]:
    """An axis of counts or money: `250`, `1,200`, `20k`."""
    large = _top(rows, field) >= 10_000
    return {"format": "~s" if large else ",~f", "tickCount": ticks, "labelExpr": _PLAIN}


def trend(rows: Sequence[Row], width: int, *, value: str, title: str, time: str = "date") -> dict[str, Any]:
    """One value over time, as a line over a faint area. Wants rows of `time` (date or instant) and `value`."""
    times = [r[time] for r in rows if not blank(r.get(time))]
    long = bool(times) and (max(times) - min(times)).days > 120
    ticks = 7 if width > 500 else 4
    x = alt.X(f"{time}:T").title(None).scale(type="utc")
    x = x.axis(format="%b %Y" if long else "%-d %b", tickCount=ticks, labelFlush=True)
    y = alt.Y(f"{value}:Q").title(title).axis(**_counts(rows, value, 4))
    base = alt.Chart(_data(rows, time, value)).encode(x=x, y=y)
    chart = base.mark_area(color=BLUE, opacity=0.1) + base.mark_line(color=BLUE, strokeWidth=1.5)
    return _finish(chart, width, 190)


def calibration(rows: Sequence[Row], width: int) -> dict[str, Any]:
    """Predicted chance `x` against what then happened, `y` (`lower`, `upper`), with the diagonal."""
    top = min(1.0, 1.06 * _top(rows, "x", "y", "upper"))
    scale = alt.Scale(domain=[0, top], nice=False)
    axis = {"format": ".1~%" if top < 0.1 else ".0%", "tickCount": 5}
    x = alt.X("x:Q").title("Predicted chance").scale(scale).axis(**axis)
    y = alt.Y("y:Q").title("Share who really did").scale(scale).axis(**axis)
    line = alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": top, "y": top}]))
    base = alt.Chart(_data(rows, "lower", "upper", "x", "y")).encode(x=x)
    chart = (
        line.mark_line(color=GREY, strokeDash=[4, 4], strokeWidth=1.25).encode(x=x, y=y)
        + base.mark_rule(color=BLUE, strokeWidth=1.5, opacity=0.55).encode(
            y=alt.Y("lower:Q").title("Share who really did").scale(scale).axis(**axis), y2="upper:Q"
        )
        + base.mark_point(color=BLUE, filled=True, size=46, opacity=1).encode(y=y)
    )
    return _finish(chart, width, 300)


def gains(rows: Sequence[Row], width: int, *, chosen: str | None = None) -> dict[str, Any]:
    """Share reached, `y`, when the best `x` of all are approached; one line a `model`, and the random diagonal."""
    axis = {"format": ".0%", "values": [0, 0.25, 0.5, 0.75, 1]}
    scale = alt.Scale(domain=[0, 1])
    x = alt.X("x:Q").title("Share of customers approached, best first").scale(scale).axis(**axis)
    y = alt.Y("y:Q").title("Share of all those who did, reached").scale(scale).axis(**axis)
    models = list(dict.fromkeys(str(r.get("model")) for r in rows))
    start = [{"model": m, "x": 0.0, "y": 0.0, "lower": 0.0, "upper": 0.0} for m in models]
    data = _data([*start, *rows], "model", "lower", "upper", "x", "y")
    line = alt.Chart(alt.Data(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
    colour = _colour(models, chosen)
    base = alt.Chart(data).encode(x=x, color=colour)
    chart = (
        line.mark_line(color=GREY, strokeDash=[4, 4], strokeWidth=1.25).encode(x=x, y=y)
        + base.mark_area(opacity=0.14).encode(
            y=alt.Y("lower:Q").title("Share of all those who did, reached").scale(scale).axis(**axis), y2="upper:Q"
        )
        + base.mark_line(strokeWidth=2).encode(y=y)
    )
    return _finish(chart, width, 300)


def _colour(models: Sequence[str], chosen: str | None) -> Any:
    """Blue is the model the shop uses, grey the baseline."""
    if len(models) < 2:
        return alt.value(BLUE)
    others = sorted((m for m in models if m != "baseline"), key=lambda m: m != chosen)
    paint = {m: SERIES[i % len(SERIES)] for i, m in enumerate(others)} | {"baseline": GREY}
    scale = alt.Scale(domain=list(models), range=[paint[m] for m in models])
    return alt.Color("model:N").scale(scale).legend(symbolType="circle")


def stability(
    rows: Sequence[Row], width: int, *, title: str, format: str = "score", chosen: str | None = None
) -> dict[str, Any]:
    """A metric's `value` (`lower`, `upper`) at each `cutoff`, one line a `model`; cutoffs are shown in order."""
    models = list(dict.fromkeys(str(r.get("model")) for r in rows))
    cutoffs = sorted({r["cutoff"] for r in rows if not blank(r.get("cutoff"))})
    names = [day(c) for c in cutoffs]
    most = 7 if width > 500 else 3
    step = -(-len(names) // most) or 1
    data = [{**r, "when": day(r.get("cutoff"))} for r in rows]
    x = (
        alt.X("when:O")
        .sort(names)
        .title("Tested on the time after")
        .scale(type="band", paddingInner=0.6, paddingOuter=0.3)
    )
    x = x.axis(labelAngle=0, values=names[::step])
    offset = alt.XOffset("model:N").sort(models)
    y = alt.Y("value:Q").title(title).scale(zero=False, nice=True).axis(format=_D3.get(format, "~f"), tickCount=5)
    ends = alt.Y("lower:Q").title(title).scale(zero=False, nice=True)
    shape = alt.Shape("model:N").scale(domain=models, range=SHAPES[: len(models)]).legend(None)
    base = alt.Chart(_data(data, "when", "model", "lower", "upper", "value")).encode(
        x=x, xOffset=offset, color=_colour(models, chosen)
    )
    chart = (
        base.mark_rule(strokeWidth=1.5, opacity=0.5).encode(y=ends, y2="upper:Q")
        + base.mark_line(strokeWidth=1.25, opacity=0.7).encode(y=y)
        + base.mark_point(filled=True, size=48, opacity=1).encode(y=y, shape=shape)
    )
    return _finish(chart, width, 250)


def forest(rows: Sequence[Row], width: int, *, title: str, format: str = "+~f") -> dict[str, Any]:
    """Differences to the baseline: `value` with `lower`, `upper` per `name`; `verdict` paints and shapes them."""
    words = ["better", "cannot tell", "worse"]
    colour = alt.Color("verdict:N").scale(domain=words, range=[TEAL, GREY, ORANGE]).legend(symbolType="circle")
    shape = alt.Shape("verdict:N").scale(domain=words, range=["circle", "diamond", "square"]).legend(None)
    kept = [{**r, "place": i} for i, r in enumerate(rows)]
    wide = width > 500
    y = alt.Y("place:O").axis(None).scale(paddingInner=0.5, paddingOuter=0.6)
    if wide:  # names beside the marks; where there is no room, above them
        y = alt.Y("name:N").sort([str(r.get("name")) for r in rows]).title(None)
        y = y.axis(labelColor=INK, labelLimit=210, minExtent=200)
    base = alt.Chart(_data(kept, "place", "name", "verdict", "lower", "upper", "value")).encode(y=y)
    axis = {"format": format, "tickCount": 6 if wide else 3, "grid": True, "labelExpr": _PLAIN}
    x = alt.X("value:Q").title(title).axis(**axis)
    ends = alt.X("lower:Q").title(title).axis(**axis)
    zero = alt.Chart(alt.Data(values=[{"value": 0}])).mark_rule(color=MUTED, strokeDash=[4, 4])
    above = {"align": "left", "baseline": "bottom", "dy": -5, "dx": 2}
    place = {"x": alt.value(0), "text": "name:N"}
    label = base.mark_text(**above, stroke=CARD, strokeWidth=4, strokeJoin="round").encode(**place)
    label += base.mark_text(**above).encode(**place)
    chart = (
        zero.encode(x=x)
        + base.mark_rule(strokeWidth=2).encode(x=ends, x2="upper:Q", color=colour)
        + base.mark_point(filled=True, size=80, opacity=1).encode(x=x, color=colour, shape=shape)
    )
    return _finish(chart if wide else chart + label, width, 90 + (28 if wide else 36) * len(kept))


def drivers(rows: Sequence[Row], width: int, *, title: str) -> dict[str, Any]:
    """What moves the answers: bars of `importance`, the `label` above each, painted by `effect`."""
    words = ["raises it", "lowers it", "depends"]
    kept = [{**r, "place": i, "start": 0} for i, r in enumerate(rows)]
    data = _data(kept, "place", "label", "effect", "start", "importance")
    y = alt.Y("place:O").axis(None).scale(paddingInner=0.72, paddingOuter=0.6)
    colour = alt.Color("effect:N").scale(domain=words, range=[BLUE, ORANGE, GREY])
    base = alt.Chart(data).encode(y=y)
    value = alt.X("importance:Q").title(title).axis(format="~g", tickCount=4, labels=False)
    bars = base.mark_bar().encode(x=value, color=colour.legend(symbolType="square"))
    label = base.mark_text(align="left", baseline="bottom", dy=-7, fontSize=12.5, limit=width - 12)
    chart = bars + label.encode(x=alt.X("start:Q"), text="label:N")
    return _finish(chart, width, 70 + 38 * len(kept))


def tuning(rows: Sequence[Row], width: int, *, title: str) -> dict[str, Any]:
    """Loss `against` the own settings' at the same instants (0: alike) of each `trial` by `state`; the least so far.

    What is far worse than most is drawn at the upper edge, lest it flatten the rest.
    """
    words = {"own": "its own", "done": "tried", "pruned": "pruned", "failed": "failed"}
    found = sorted(float(r["against"]) for r in rows)
    middle = found[len(found) // 2]
    top = max(0.0, middle) + max(middle - found[0], 0.005)
    least, best, kept = float("inf"), [], []
    for r in rows:
        value = float(r["against"])
        least = min(least, value) if r.get("state") in ("own", "done") else least
        best.append({"trial": r["trial"], "least": least})
        kept.append({"trial": r["trial"], "kind": words.get(str(r["state"]), "failed"), "shown": min(value, top)})
    kinds = [w for w in words.values() if any(r["kind"] == w for r in kept)]
    paint = {"its own": INK, "tried": BLUE, "pruned": GREY, "failed": ORANGE}
    marks = {"its own": "square", "tried": "circle", "pruned": "triangle-up", "failed": "diamond"}
    last = max(int(r["trial"]) for r in rows)
    ticks = list(range(0, last + 1, -(-last // (6 if width > 500 else 4)) or 1))
    x = alt.X("trial:Q").title("Try").scale(nice=False).axis(values=ticks, format="d")
    y = alt.Y("shown:Q").title(title).scale(nice=True).axis(format="+.1~%", tickCount=5)
    colour = alt.Color("kind:N").scale(domain=kinds, range=[paint[k] for k in kinds]).legend(symbolType="circle")
    shape = alt.Shape("kind:N").scale(domain=kinds, range=[marks[k] for k in kinds]).legend(None)
    line = alt.Chart(alt.Data(values=[{"shown": 0}]))
    chart = (
        line.mark_rule(color=MUTED, strokeDash=[4, 4]).encode(y=y)
        + alt.Chart(_data(best, "trial", "least"))
        .mark_line(color=TEAL, strokeWidth=1.5, interpolate="step-after")
        .encode(x=x, y=alt.Y("least:Q").title(title))
        + alt.Chart(_data(kept, "trial", "kind", "shown"))
        .mark_point(filled=True, size=52, opacity=0.9)
        .encode(x=x, y=y, color=colour, shape=shape)
    )
    return _finish(chart, width, 230)


def histogram(
    rows: Sequence[Row], width: int, *, title: str, edges: str = "text", what: str = "Customers"
) -> dict[str, Any]:
    """How many `rows` fall in each `bin`, in the order given; `what` they are rows of."""
    names = [percent(r["bin"]) if edges == "percent" else str(r["bin"]) for r in rows]
    data = [{"name": n, "rows": r.get("rows")} for n, r in zip(names, rows, strict=True)]
    step = -(-len(names) // 5) or 1
    x = alt.X("name:O").sort(names).title(title).axis(labelAngle=0, values=names[::step]).scale(padding=0.12)
    y = alt.Y("rows:Q").title(what).axis(**_counts(rows, "rows", 3))
    bars = alt.Chart(_data(data, "name", "rows")).mark_bar(color=BLUE)
    return _finish(bars.encode(x=x, y=y), width, 170)


def bars(rows: Sequence[Row], width: int, *, title: str) -> dict[str, Any]:
    """A bar of `value` a row, in the order given: its `label` above it, its number at its end."""
    kept = [{**r, "place": i, "start": 0, "shown": count(r.get("value"))} for i, r in enumerate(rows)]
    data = _data(kept, "place", "label", "shown", "start", "value")
    y = alt.Y("place:O").axis(None).scale(paddingInner=0.72, paddingOuter=0.6)
    base = alt.Chart(data).encode(y=y)
    longest = max((len(r["shown"]) for r in kept), default=0)  # the longest bar leaves room for its number
    room = alt.Scale(domain=[0, _top(rows, "value") / (1 - min(0.4, (7.2 * longest + 16) / width)) or 1], nice=False)
    value = alt.X("value:Q").title(title).scale(room).axis(None)
    label = base.mark_text(align="left", baseline="bottom", dy=-7, fontSize=12.5, limit=width - 12)
    chart = (
        base.mark_bar(color=BLUE).encode(x=value)
        + base.mark_text(align="left", dx=6, color=MUTED).encode(x=value, text="shown:N")
        + label.encode(x=alt.X("start:Q").scale(room), text="label:N")
    )
    return _finish(chart, width, 30 + 38 * len(kept))


def overlaps(rows: Sequence[Row], width: int, *, sets: Sequence[str]) -> dict[str, Any]:
    """How many (`value`) are in exactly which of `sets` (`members`, a list): an UpSet chart, one row a combination.

    Source: Lex et al., UpSet: Visualization of Intersecting Sets, IEEE TVCG 20 (2014); here lying down, so that a phone
    has room for it.
    """
    step = 84 if width > 500 else 46
    kept = [{**r, "place": i, "shown": count(r.get("value"))} for i, r in enumerate(rows)]
    dots = [{"place": r["place"], "set": s, "inside": "in" if s in r["members"] else "out"} for r in kept for s in sets]
    spans = [(r["place"], [s for s in sets if s in r["members"]]) for r in kept]
    joined = [{"place": place, "first": inside[0], "last": inside[-1]} for place, inside in spans if len(inside) > 1]
    top = {"orient": "top", "labelAngle": 0, "labelLimit": step, "labelOverlap": False, "domain": False}

    def x(field: str) -> Any:
        return alt.X(f"{field}:N").sort(list(sets)).title(None).scale(domain=list(sets)).axis(**top)

    y = alt.Y("place:O").axis(None).scale(padding=0.2)
    paint = alt.Color("inside:N").scale(domain=["in", "out"], range=[BLUE, LINE]).legend(None)
    matrix = alt.Chart(_data(dots, "place", "set", "inside")).mark_point(filled=True, size=95, opacity=1)
    matrix = matrix.encode(x=x("set"), y=y, color=paint)
    if joined:
        line = alt.Chart(_data(joined, "place", "first", "last")).mark_rule(color=BLUE, strokeWidth=2)
        matrix = matrix + line.encode(x=x("first"), x2="last:N", y=y)
    room = alt.Scale(domain=[0, 1.3 * _top(kept, "value") or 1], nice=False)
    value = alt.X("value:Q").title(None).scale(room).axis(None)
    base = alt.Chart(_data(kept, "place", "shown", "value")).encode(y=y)
    bar = base.mark_bar(color=BLUE, height={"band": 0.62}).encode(x=value)
    bar += base.mark_text(align="left", dx=6, color=MUTED).encode(x=value, text="shown:N")
    left, tall = step * len(sets), 26 * len(kept)
    sized = matrix.properties(width=left, height=tall) | bar.properties(width=max(80, width - left - 40), height=tall)
    spec: dict[str, Any] = sized.resolve_scale(color="independent").to_dict(validate=False)
    spec["config"] = CONFIG
    return spec


def thresholds(
    rows: Sequence[Row], width: int, *, title: str, lower: float | None = None, upper: float | None = None
) -> dict[str, Any]:
    """How a count, `value`, moves with the `chance` that is asked for; the band from `lower` to `upper` behind it."""
    kept = [{**r, "name": percent(r.get("chance")), "shown": count(r.get("value"))} for r in rows]
    names = [r["name"] for r in kept]
    axis = {"format": ",~f", "tickCount": 5}
    y = alt.Y("value:Q").title(title).scale(zero=False, nice=True).axis(**axis)
    x = alt.X("name:O").sort(names).title("Records are linked from a chance of").axis(labelAngle=0)
    base = alt.Chart(_data(kept, "name", "shown", "value")).encode(x=x, y=y)
    chart = base.mark_line(color=GREY, strokeWidth=1.5) + base.mark_point(color=BLUE, filled=True, size=70, opacity=1)
    chart += base.mark_text(dx=-12, dy=-12, color=INK).encode(text="shown:N")
    if not (blank(lower) or blank(upper)):
        band = alt.Chart(alt.Data(values=[{"lower": lower, "upper": upper}])).mark_rect(color=TEAL, opacity=0.18)
        ends = alt.Y("lower:Q").title(title).scale(zero=False, nice=True).axis(**axis)
        chart = band.encode(y=ends, y2="upper:Q") + chart
    return _finish(chart, width, 240)


_ODDS = (
    "format(1 / (1 + pow(2, -datum.value)), "
    "abs(datum.value) > 13 ? '.2%' : abs(datum.value) > 9 ? '.1%' : '.0%')"
)  # fmt: skip
_NINES = sorted([0.0, *(sign * log2(10**nines - 1) for nines in range(1, 5) for sign in (-1, 1))])
"""Chances of 0.01%, 0.1%, 1%, 10%, 50%, 90%, 99%, ..., in bits from even odds."""


def waterfall(rows: Sequence[Row], width: int) -> dict[str, Any]:
    """Steps from `start` to `end` (bits from even odds), one below the other: `label`, and `kind` paints them."""
    words, paint = ["raises", "lowers", "start", "total"], [BLUE, ORANGE, GREY, TEAL]
    kept = [
        {**r, "place": i, "ahead": min(r["start"], r["end"]), "tip": max(r["start"], r["end"]),
         "shown": f"{r['end'] - r['start']:+.1f}".replace("-", "−")}
        for i, r in enumerate(rows)
    ]  # fmt: skip
    low = min([0.0, *(r["ahead"] for r in kept)])
    high = max([0.0, *(r["tip"] for r in kept)])
    room = alt.Scale(domain=[low, high + 0.13 * (high - low or 1)], nice=False)
    roomy = width * 3.3 / (high - low or 1) > 48  # pixels from one nine to the next
    shown = _NINES if roomy else _NINES[::2]
    axis = {"labelExpr": _ODDS, "values": [x for x in shown if low <= x <= high], "labelOverlap": "greedy"}
    y = alt.Y("place:O").axis(None).scale(paddingInner=0.66, paddingOuter=0.6)
    x, tip = (
        alt.X(f"{f}:Q").title("Chance that they are one person").scale(room).axis(**axis) for f in ("ahead", "tip")
    )
    base = alt.Chart(_data(kept, "label", "kind", "shown", "ahead", "tip", "place")).encode(y=y)
    colour = alt.Color("kind:N").scale(domain=words, range=paint).legend(None)
    label = base.mark_text(align="left", baseline="bottom", dy=-8, fontSize=12.5, limit=width - 12)
    even = alt.Chart(alt.Data(values=[{"ahead": 0}])).mark_rule(color=MUTED, strokeDash=[4, 4])
    chart = (
        even.encode(x=x)
        + base.mark_bar().encode(x=x, x2="tip:Q", color=colour)
        + base.mark_text(align="left", dx=6, color=MUTED).encode(x=tip, text="shown:N")
        + label.encode(x=alt.value(2), text="label:N")
    )
    return _finish(chart, width, 56 + 40 * len(kept))


def outlook(rows: Sequence[Row], width: int, *, title: str) -> dict[str, Any]:
    """A series and its forecast: rows of `date` with `actual`, or with `amount` between its `lower_` and `upper_` ends.

    Grey points are periods that the product was out of stock in (`censored`).
    """
    rows = [r for r in rows if not blank(r.get("date"))]
    values = [float(r[f]) for r in rows for f in ("actual", "amount", "upper_95", "lower_95") if not blank(r.get(f))]
    axis = {"format": "~s" if max(values, default=0.0) >= 10_000 else ",~f", "tickCount": 4, "labelExpr": _PLAIN}
    scale = alt.Scale(domainMin=min(0.0, *values) if values else 0.0)
    times = [r["date"] for r in rows]
    long = bool(times) and (max(times) - min(times)).days > 120
    x = alt.X("date:T").title(None).scale(type="utc")
    x = x.axis(format="%b %Y" if long else "%-d %b", tickCount=7 if width > 500 else 3, labelFlush=True)

    def y(field: str) -> Any:
        return alt.Y(f"{field}:Q").title(title).axis(**axis).scale(scale)

    past = alt.Chart(_data(rows, "date", "censored", "actual")).encode(x=x, y=y("actual"))
    ahead = alt.Chart(_data(rows, "date", "lower_80", "upper_80", "lower_95", "upper_95", "amount")).encode(x=x)
    chart = (
        ahead.mark_area(color=TEAL, opacity=0.14).encode(y=y("lower_95"), y2="upper_95:Q")
        + ahead.mark_area(color=TEAL, opacity=0.2).encode(y=y("lower_80"), y2="upper_80:Q")
        + past.mark_line(color=BLUE, strokeWidth=1.5)
        + past.transform_filter("datum.censored").mark_point(color=GREY, filled=True, size=40, opacity=1)
        + ahead.mark_line(color=TEAL, strokeWidth=2).encode(y=y("amount"))
    )
    return _finish(chart, width, 220)


def ranges(
    rows: Sequence[Row], width: int, *, title: str, format: str = ".1~%", beside: str = "", zero: bool = True
) -> dict[str, Any]:
    """A point with its interval a row: `label` above it, `value`, `lower`, `upper`.

    Rows may have a second value, `other`: a tick that the legend calls `beside`. Without `zero` the axis shows the
    intervals alone: for a scale whose zero means nothing.
    """
    kept = [{**r, "place": i, "start": 0, "told": beside} for i, r in enumerate(rows)]
    data = _data(kept, "place", "label", "start", "told", "lower", "upper", "other", "value")
    y = alt.Y("place:O").axis(None).scale(paddingInner=0.72, paddingOuter=0.6)
    base = alt.Chart(data).encode(y=y)
    ends = [min([0.0, *(float(r["lower"]) for r in rows)]), 1.05 * _top(rows, "upper", "other") or 1]
    if not zero and rows:
        low, high = min(float(r["lower"]) for r in rows), max(float(r["upper"]) for r in rows)
        ends = [low - 0.05 * (high - low), high + 0.05 * (high - low)]
    scale = alt.Scale(domain=ends, zero=zero)
    axis = {"format": format, "tickCount": 5 if width > 500 else 3, "grid": True, "labelExpr": _PLAIN}

    def x(field: str) -> Any:
        return alt.X(f"{field}:Q").title(title).scale(scale).axis(**axis)

    label = base.mark_text(align="left", baseline="bottom", dy=-7, fontSize=12.5, limit=width - 12)
    chart = base.mark_rule(color=BLUE, strokeWidth=2).encode(x=x("lower"), x2="upper:Q")
    chart += base.mark_point(color=BLUE, filled=True, size=70, opacity=1).encode(x=x("value"))
    if any(not blank(r.get("other")) for r in rows):
        colour = alt.Color("told:N").scale(domain=[beside], range=[ORANGE]).legend(symbolType="square", title=None)
        chart += base.mark_tick(thickness=3, size=14).encode(x=x("other"), color=colour)
    chart += label.encode(x=alt.value(2), text="label:N")
    return _finish(chart, width, 76 + 38 * len(kept))


def heat(rows: Sequence[Row], width: int, *, across: str, down: str, format: str = ".0%") -> dict[str, Any]:
    """A square of colour a row at (`x`, `y`), in the order given, fuller for a larger `value`; numbers if they fit."""
    columns, lines = (list(dict.fromkeys(r[k] for r in rows)) for k in ("x", "y"))
    x = alt.X("x:O").sort(columns).title(across).axis(labelAngle=0, labelLimit=width // max(1, len(columns)) + 8)
    room = min(width // 3, 7 * max((len(str(line)) for line in lines), default=0))  # fonts of others may be wider
    y = alt.Y("y:O").sort(lines).title(down).axis(minExtent=room, labelLimit=max(room, 60))
    base = alt.Chart(_data(rows, "x", "y", "value")).encode(x=x, y=y)
    # By opacity and not by colour, so that the texts can be read by day and by night.
    chart = base.mark_rect(color=BLUE).encode(opacity=alt.Opacity("value:Q").scale(range=[0.04, 0.6]).legend(None))
    if (width - 90) / max(1, len(columns)) >= 34:
        chart += base.mark_text(color=INK, fontSize=11).encode(text=alt.Text("value:Q").format(format))
    return _finish(chart, width, 70 + 26 * len(lines))
