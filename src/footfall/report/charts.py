"""The charts, one function each: rows in, an Altair chart of the given width out. `theme.py` turns it to SVG.

A function has a `narrow` twin by being called with a small width: texts keep their size on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import altair

from footfall.report.numbers import blank, day, percent
from footfall.report.page import Row
from footfall.report.theme import BLUE, CARD, CONFIG, GREY, INK, MUTED, ORANGE, SERIES, TEAL

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


def histogram(rows: Sequence[Row], width: int, *, title: str, edges: str = "text") -> dict[str, Any]:
    """How many `rows` fall in each `bin`, in the order given."""
    names = [percent(r["bin"]) if edges == "percent" else str(r["bin"]) for r in rows]
    data = [{"name": n, "rows": r.get("rows")} for n, r in zip(names, rows, strict=True)]
    step = -(-len(names) // 5) or 1
    x = alt.X("name:O").sort(names).title(title).axis(labelAngle=0, values=names[::step]).scale(padding=0.12)
    y = alt.Y("rows:Q").title("Customers").axis(**_counts(rows, "rows", 3))
    bars = alt.Chart(_data(data, "name", "rows")).mark_bar(color=BLUE)
    return _finish(bars.encode(x=x, y=y), width, 170)
