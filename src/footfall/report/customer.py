"""One customer as a page, and the weight of one link as a picture."""

from __future__ import annotations

import html
from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Group, Prose
from footfall.report.numbers import blank, count, percent, text
from footfall.report.page import Page, Row
from footfall.report.render import render
from footfall.report.section import Section

_WIDE, _DRAWN = 760, 12
_READ = (
    "Read from the top: two records picked at random are most likely two people. Each agreement moves the chance to "
    "the right, each disagreement to the left; a step of 1 doubles or halves the odds. Dashed: as likely as not."
)


def customer_page(page: Page) -> str:
    """A customer's story as one offline HTML text.

    `page.tables` holds what is told, each absent where there is nothing to tell: `story` (sentence), `golden` (field,
    value, source, records), `records` (kind, source, source_id, details, orders, first_seen, last_seen), `links` and
    `misses` (link, first, second, customer_id, how, chance), `steps` (link, label, kind, start, end), `changes`
    (made_at, change).
    """
    return render(page, _SECTIONS)


def customer_picture(page: Page, link: int | None = None) -> str:
    """The weight of one link as SVG for a file of its own: link number `link`, without it the least sure one.

    Without any weighed link the picture holds the customer's sentence alone.
    """
    from footfall.report.charts import waterfall
    from footfall.report.theme import FONT, svg

    links = {r["link"]: r for r in [*page.rows("links"), *page.rows("misses")]}
    weighed = [r for r in links.values() if page.rows("steps", link=r["link"])]
    if link is None and weighed:
        made = [r for r in weighed if r in page.rows("links")] or weighed
        link = min(made, key=lambda r: float(r["chance"]))["link"]
    steps = [] if link is None else page.rows("steps", link=link)
    if not steps:
        words = html.escape(_sentence(page))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDE} 40" font-family="{FONT}" font-size="14px">'
            f'<text x="8" y="25">{words}</text></svg>'
        )
    drawn = svg(waterfall(steps, _WIDE), _words(links[link], steps), "c1")
    return drawn.replace("<svg ", f'<svg font-family="{FONT}" font-size="12px" ', 1)


def _sentence(page: Page) -> str:
    return next((text(r.get("sentence")) for r in page.rows("story")), page.title)


def _words(link: Row, steps: Sequence[Row]) -> str:
    parts = "; ".join(f"{text(s.get('label'))} {float(s['end']) - float(s['start']):+.1f}" for s in steps)
    return f"{text(link.get('first'))} and {text(link.get('second'))}: {parts}."


def _who(page: Page) -> Sequence[Block]:
    golden = Grid(
        "What is known of them",
        [
            Column("What", "field"),
            Column("Value", "value"),
            Column("Taken from", "source"),
            Column("Records that say so", "records", "count"),
        ],
        page.rows("golden"),
        note="The value that most records state; of equally many, the latest.",
        stack=True,
    )
    changes = Grid(
        "What changed", [Column("When", "made_at", "day"), Column("What", "change")], page.rows("changes"), stack=True
    )
    blocks: list[Block] = [Prose(_sentence(page), "lead")]
    return [*blocks, *(g for g in (golden, changes) if g.rows)]


def _records(page: Page) -> Sequence[Block]:
    def record(row: Row) -> Cell:
        of = " ".join(text(row[k]) for k in ("kind", "source_id") if not blank(row.get(k)))
        return Cell(text(row.get("details")), f"{of} of {text(row.get('source'))}")

    columns = [
        Column("Record", record),
        Column("Orders", "orders", "count"),
        Column("First seen", "first_seen", "day"),
        Column("Last seen", "last_seen", "day"),
    ]
    note = "Orders of an account stand beside each of its records."
    return [Grid("Records", columns, page.rows("records"), note=note, limit=100, stack=True)]


def _pairs(page: Page, table: str) -> list[Block]:
    rows = page.rows(table)
    sure = [r for r in rows if not page.rows("steps", link=r.get("link"))]
    blocks: list[Block] = []
    if sure:
        columns = [Column("Record", "first"), Column("is", "second"), Column("By", "how")]
        blocks.append(Grid("By an exact identifier", columns, sure, limit=100, stack=True))
    weighed = [r for r in rows if r not in sure]
    if len(weighed) > _DRAWN:
        blocks.append(
            Prose(f"The {_DRAWN} least sure are drawn; {count(len(weighed) - _DRAWN)} surer ones are not.", "note")
        )
    if table == "links":
        weighed.sort(key=lambda r: float(r.get("chance") or 0.0))
    for row in weighed[:_DRAWN]:
        steps = page.rows("steps", link=row.get("link"))
        other = "" if blank(row.get("customer_id")) else f" ({text(row['customer_id'])})"
        title = f"{text(row.get('first'))} and {text(row.get('second'))}{other}"
        figure = Figure("waterfall", "What speaks for one person, and what against", steps, _words(row, steps), _READ)
        first = not any(isinstance(b, Group) for b in blocks)
        blocks.append(Group(title, [figure], badge=percent(row.get("chance")), open=first))
    return blocks


_SECTIONS = (
    Section("who", "Who this is", 10, "", ("story",), _who),
    Section(
        "records", "The records behind it", 20, "What each source says, as it stands there.", ("records",), _records
    ),
    Section(
        "links",
        "What links them",
        30,
        "The strongest links that hold the records together, and how likely each is.",
        ("links",),
        lambda page: _pairs(page, "links"),
    ),
    Section(
        "misses",
        "Left apart, though alike",
        40,
        "Records of other customers that come near.",
        ("misses",),
        lambda page: _pairs(page, "misses"),
    ),
)
