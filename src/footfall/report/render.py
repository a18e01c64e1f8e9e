"""Page -> one HTML text: sections, charts as SVG, tables as CSV links. The result loads nothing from anywhere."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from footfall.report.blocks import Block, Figure, Group, Side
from footfall.report.csvs import link
from footfall.report.numbers import count
from footfall.report.page import Page
from footfall.report.section import Section, sections

SECTIONS = sections()
_WIDE, _HALF, _NARROW = 760, 360, 326
_CSV_ROWS, _CSV_ONE, _CSV_ALL = 5_000, 350_000, 450_000  # rows; characters a table, all tables


@dataclass
class _Writer:
    """What a rendering remembers: which tables have their CSV link already, and how many charts there are."""

    page: Page
    linked: set[str] = field(default_factory=set)
    drawn: int = 0
    spent: int = 0
    specs: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)

    def kind(self, block: Block) -> str:
        return type(block).__name__.lower()

    def spec(self, figure: Figure, width: int) -> dict[str, Any]:
        key = (id(figure), width)
        if key not in self.specs:
            self.specs[key] = spec(figure, width)
        return self.specs[key]

    def plots(self, figure: Figure, half: bool) -> list[tuple[str, Markup]]:
        """The figure as SVG by class: `any` where it fits all screens, else `wide` and `narrow`."""
        from footfall.report.theme import svg

        self.drawn += 1
        label = f"{figure.title}. {figure.words}"
        sizes = [("any", _HALF)] if half else [("wide", _WIDE), ("narrow", _NARROW)]
        return [(c, Markup(svg(self.spec(figure, w), label, f"c{self.drawn}{c[0]}"))) for c, w in sizes]

    def spec_link(self, figure: Figure, half: bool) -> str:
        body = json.dumps(self.spec(figure, _HALF if half else _WIDE), separators=(",", ":"), ensure_ascii=False)
        return f"data:application/json;base64,{base64.b64encode(body.encode()).decode('ascii')}"

    def download(self, table: str) -> dict[str, str] | None:
        """The CSV link of a table, the first time it is asked for."""
        found = self.page.tables.get(table)
        if found is None or table in self.linked:
            return None
        self.linked.add(table)
        most = max(10_000, min(_CSV_ONE, _CSV_ALL - self.spent))
        rows = min(found.num_rows, _CSV_ROWS)
        address = link(found, rows)
        while len(address) > most and rows > 1:
            rows = max(1, int(rows * 0.9 * most / len(address)))
            address = link(found, rows)
        self.spent += len(address)
        note = "" if rows == found.num_rows else f"first {count(rows)} of {count(found.num_rows)} rows"
        return {"name": f"{table}.csv", "address": address, "note": note}

    def query(self, table: str) -> str:
        return (self.page.queries.get(table) or "").strip()

    def rest(self) -> list[str]:
        """The tables that no section has linked yet."""
        return [t for t in self.page.tables if t not in self.linked]


def spec(figure: Figure, width: int) -> dict[str, Any]:
    """The Vega-Lite specification of a figure, `width` pixels wide."""
    from footfall.report import charts, charts_contributions  # Altair takes a second: only pages with charts pay for it

    home = charts if hasattr(charts, figure.kind) else charts_contributions
    made: dict[str, Any] = getattr(home, figure.kind)(figure.rows, width, **figure.options)
    return made


def parts(page: Page, chosen: Sequence[Section] = SECTIONS) -> list[tuple[Section, list[Block]]]:
    """The sections shown for this page, with their blocks."""
    drawn = [(s, list(s.draw(page))) for s in chosen if s.shown(page)]
    return [(s, blocks) for s, blocks in drawn if blocks]


def figures(page: Page) -> dict[str, dict[str, Any]]:
    """The Vega-Lite specification of each chart of the page, by `section/task/title`, to draw them elsewhere."""
    found: dict[str, dict[str, Any]] = {}

    def collect(path: str, blocks: Sequence[Block]) -> None:
        for b in blocks:
            if isinstance(b, Figure):
                found[f"{path}/{b.title}"] = spec(b, _WIDE)
            elif isinstance(b, Side):
                collect(path, b.blocks)
            elif isinstance(b, Group):
                collect(f"{path}/{b.note or b.title}", b.blocks)

    for section, blocks in parts(page):
        collect(section.name, blocks)
    return found


def render(page: Page, chosen: Sequence[Section] = SECTIONS) -> str:
    """The report (or a page of other sections) as one self-contained HTML text.

    No script, no request, readable by day, by night and on a phone.

    Sections whose tables are absent or empty are left out. All texts are escaped.
    """
    environment = Environment(
        loader=PackageLoader("footfall.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    writer = _Writer(page)
    source = environment.loader.get_source(environment, "style.css")[0] if environment.loader else ""
    template = environment.get_template("page.html")
    return template.render(page=page, parts=parts(page, chosen), w=writer, style=Markup(source), count=count)
