"""A chart as an object: shown by a notebook, written as a picture, or handed on to Altair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from footfall.report.blocks import Block, Figure, Group, Side
from footfall.report.page import Page, Row
from footfall.report.section import Section

WIDE = 760


@dataclass(frozen=True)
class Chart:
    """A chart with its title and its words.

    A notebook shows it by itself: as Vega-Lite where it can, else as a picture.
    """

    title: str
    words: str
    spec: dict[str, Any] = field(repr=False)

    def altair(self) -> Any:
        """The same as an Altair chart, to be changed further."""
        import altair

        return altair.Chart.from_dict(self.spec, validate=False)

    def svg(self) -> str:
        """As a picture for a file of its own."""
        import vl_convert

        return str(vl_convert.vegalite_to_svg({**self.spec, "title": self.title}))

    def png(self, scale: float = 2.0) -> bytes:
        """As pixels, on white."""
        import vl_convert

        config = {**self.spec.get("config", {}), "background": "white"}
        return bytes(vl_convert.vegalite_to_png({**self.spec, "title": self.title, "config": config}, scale=scale))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        shown = {**self.spec, "title": self.title}
        return {"application/vnd.vegalite.v6+json": shown, "image/svg+xml": self.svg(), "text/plain": repr(self)}


def chart(kind: str, title: str, rows: Sequence[Row], options: Mapping[str, Any], words: str = "") -> Chart:
    """The chart that the report has under `kind`, of these rows."""
    from footfall.report.render import spec

    return Chart(title, words, spec(Figure(kind, title, rows, words, options=dict(options)), WIDE))


def charts_of(page: Page, sections: Sequence[Section]) -> list[Chart]:
    """Every chart of these sections of the page, in order."""
    found: list[Chart] = []

    def collect(blocks: Sequence[Block]) -> None:
        for b in blocks:
            if isinstance(b, Figure):
                found.append(chart(b.kind, b.title, b.rows, b.options, b.words))
            elif isinstance(b, Side | Group):
                collect(b.blocks)

    for section in sections:
        collect(list(section.draw(page)))
    return found
