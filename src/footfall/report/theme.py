"""How charts look, and how a Vega-Lite chart becomes SVG that follows the page's light or dark colours.

Colours are written into the SVG as they are by day; the page's style sheet overrides them by attribute at night
(`style.css`, "charts by night"). Marks differ in shape as well as colour, and the colours are told apart by people
who do not see red and green (after Okabe and Ito, https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

import re
from typing import Any

import vl_convert

INK, MUTED, LINE, CARD = "#1b2530", "#5b6774", "#e3e8ee", "#fffffe"
BLUE, ORANGE, TEAL, PURPLE, GREY = "#1a62c5", "#c2570c", "#00806b", "#8b4cb8", "#7b8794"
SERIES = [BLUE, ORANGE, TEAL, PURPLE]
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

CONFIG: dict[str, Any] = {
    "aria": False,  # one label for the whole picture, and a table beside it, instead of a label per mark
    "font": FONT,
    "background": "transparent",
    "padding": 2,
    "view": {"stroke": None},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": LINE,
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
        "titlePadding": 10,
        "labelOverlap": True,
        "tickCount": 5,
    },
    "axisX": {"grid": False, "domain": True, "domainColor": LINE},
    "axisY": {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleBaseline": "bottom", "titleY": -9},
    "legend": {
        "orient": "bottom",
        "direction": "horizontal",
        "title": None,
        "labelFontSize": 12,
        "labelColor": INK,
        "symbolStrokeWidth": 0,
        "symbolOpacity": 1,
        "symbolSize": 90,
        "columnPadding": 16,
        "offset": 8,
        "labelLimit": 240,
    },
    "text": {"color": INK, "fontSize": 12},
}

_NOISE = re.compile(r' (?:aria-[a-z]+|pointer-events|role|stroke-miterlimit)="[^"]*"| class="[^"]*"')
_EMPTY = re.compile(r'<path[^>]* d="(?:M0,0h0v0h0Z)?"[^>]*/>|<path[^>]*display="none"[^>]*/>')
_HOLLOW = re.compile(r"<g(?: [^<>]*[^<>/])?></g>|<g(?: [^<>]*)?/>")
_LONG = re.compile(r"(\d+\.\d{2})\d+")
_ID = re.compile(r'<[^<>]* id="([^"]+)"')
_TAG = re.compile(r"<[^<>]*>")
_SAME = (f' font-family="{FONT}"', ' font-size="12px"')  # said once in the style sheet


def _slim(tag: str, ids: dict[str, str]) -> str:
    """A tag without what a still picture does not need; texts between tags stay as they are."""
    tag = _LONG.sub(r"\1", _EMPTY.sub("", _NOISE.sub("", tag)))
    for same in _SAME:
        tag = tag.replace(same, "")
    for old, new in ids.items():
        tag = tag.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
    return tag


def svg(spec: dict[str, Any], label: str, name: str) -> str:
    """The chart as an inline `<svg>`, labelled for screen readers; `name` keeps its inner ids its own."""
    text: str = vl_convert.vegalite_to_svg(spec)
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text)
    inner = text[text.index(">") + 1 : text.rindex("</svg>")]
    ids = list(dict.fromkeys(_ID.findall(inner)))  # numbered by the process so far: number them by the picture
    inner = _TAG.sub(lambda tag: _slim(tag[0], {old: f"{name}-{i}" for i, old in enumerate(ids)}), inner)
    while _HOLLOW.search(inner):
        inner = _HOLLOW.sub("", inner)
    width, height = (size[1], size[2]) if size else ("600", "300")
    title = label.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return (
        f'<svg role="img" aria-label="{title}" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" xmlns="http://www.w3.org/2000/svg">{inner}</svg>'
    )
