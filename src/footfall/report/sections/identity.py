"""Data preparation: how many customers there are behind the records, how sure that is, and what to look at by hand."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Points, Prose, spread
from footfall.report.measures import measure
from footfall.report.numbers import FORMATS, NOTHING, blank, count, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_PARTS = {
    "identified": "identified: known by name, and bought",
    "guests only": "guests only",
    "ids without details": "ids that bought, without details",
    "in CRM only": "in CRM only",
    "never purchased": "account, but never purchased",
}
_CRM = {"crm": "CRM"}
_IDENTITIES = {"raw": "the sources' ids", "as-of": "links known at the time", "today": "links of today"}
_MOST_SETS, _MOST_LINES = 5, 12
_SEND_BACK = [
    ("1.", 'Write the list to a file: footfall sql "select * from review" --out review.csv'),
    ("2.", "In its column verdict write same or different; leave empty what you cannot tell."),
    ("3.", "Send it back: footfall resolve --reviewed review.csv. The verdicts are kept and obeyed from then on."),
]


def _counts(page: Page) -> dict[str, Row]:
    return {str(r.get("part")): r for r in page.rows("customers_count")}


def _answer(page: Page) -> list[Block]:
    counts = _counts(page)
    whole = counts.get("customers", {})
    value, lower, upper = (whole.get(k) for k in ("customers", "lower", "upper"))
    if blank(value):
        return []
    blocks: list[Block] = [Prose(f"There are about {count(value)} customers.", "lead")]
    if not (blank(lower) or blank(upper)):
        blocks = [
            Prose(
                f"There are about {count(value)} customers, and most likely between {count(lower)} and {count(upper)}: "
                "of 20 shops with records as unclear as these, about 19 have their true number within such a range.",
                "lead",
            )
        ]
    linked = counts.get("clusters", {}).get("customers")
    if not blank(linked):
        missed, wrong = (counts.get(k, {}).get("customers") for k in ("links missed", "strangers linked"))
        words = f"As linked, the records make {count(linked)} customers; all answers on this page are about those."
        if not (blank(missed) or blank(wrong)):
            words += (
                f" Behind the range: an expected {count(missed)} links that the records say too little for, "
                f"and an expected {count(wrong)} records linked to somebody else."
            )
        blocks.append(Prose(words))
    return blocks


def _split(page: Page) -> list[Block]:
    counts = _counts(page)
    rows = [
        {"label": label, "value": row.get("customers"), "part": part}
        for part, label in _PARTS.items()
        if not blank((row := counts.get(part, {})).get("customers"))
    ]
    if not rows:
        return []
    words = "; ".join(f"{r['part']}: {count(r['value'])}" for r in rows)
    note = "Each customer as linked is in one of them."
    options = {"title": "Customers"}
    return [Figure("bars", "What they are known by", rows, words, note, ("customers_count",), options)]


def _origins(page: Page) -> list[Block]:
    rows = page.rows("identity_overlaps")
    told = [
        ([_CRM.get(m, m) for m in text(r["places"]).split(" + ")], r["customers"])
        for r in rows
        if not (blank(r.get("places")) or blank(r.get("customers")))
    ]
    sets = sorted({m for members, _ in told for m in members}, key=lambda m: (m == "id only", m == "guest", m))
    if not 2 <= len(sets) <= _MOST_SETS:
        return []
    shown = [{"members": members, "value": n} for members, n in told[:_MOST_LINES]]
    words = "; ".join(f"{' and '.join(members)}: {count(n)}" for members, n in told[:_MOST_LINES])
    note = "Each line counts the customers found in just the kinds of record that are marked."
    if len(told) > len(shown):
        note += f" {len(told) - len(shown)} rarer combinations are in the table."
    source, options = ("identity_overlaps",), {"sets": sets}
    return [Figure("overlaps", "Where they come from", shown, words, note, source, options)]


def _moves(page: Page) -> list[Block]:
    rows = [
        {"chance": r.get("chance"), "value": r.get("customers")}
        for r in page.rows("customers_by_threshold")
        if not (blank(r.get("chance")) or blank(r.get("customers")))
    ]
    if len(rows) < 2 or len({r["value"] for r in rows}) < 2:
        return []
    whole = _counts(page).get("customers", {})
    options = {"title": "Customers", "lower": whole.get("lower"), "upper": whole.get("upper")}
    words = "; ".join(f"links from {percent(r['chance'])}: {count(r['value'])}" for r in rows)
    note = (
        "Asking for surer links leaves more records apart, and so more customers. The band is the range stated above, "
        "which does not rest on any one threshold."
    )
    title = "How the count moves with the threshold"
    return [Figure("thresholds", title, rows, words, note, ("customers_by_threshold",), options)]


def _why(row: Row) -> Cell:
    parts = row.get("why")
    if isinstance(parts, (list, tuple)) and parts:
        return Cell("", points=tuple(text(p).replace(": -", ": −") for p in parts))
    return Cell(text(row.get("how")) if not blank(row.get("how")) else NOTHING)


def _pairs(page: Page, table: str, title: str, note: str) -> list[Block]:
    columns = [
        Column("One record", "first"),
        Column("The other", "second"),
        Column("Chance", "chance", "percent", "that they are one"),
        Column("What speaks for it, and against", _why),
    ]
    grid = Grid(title, columns, page.rows(table), (table,), note, 6, stack=True)
    return [grid] if grid.rows else []


def _worklist(page: Page) -> list[Block]:
    rows = page.rows("review")
    if not rows:
        return []
    columns = [
        Column("One record", "first"),
        Column("The other", "second"),
        Column("Chance", "chance", "percent", "that they are one"),
        Column("Linked now", "linked"),
        Column("Worth", "worth", "number", "orders a verdict settles"),
    ]
    note = "Pairs worth most to judge by hand: those most open, with the most orders behind them."
    grid = Grid("To look at by hand", columns, rows, ("review",), note, 10, stack=True)
    return [grid, Points("How to send verdicts back", _SEND_BACK)]


def _effect(page: Page) -> list[Block]:
    def value(row: Row) -> Cell:
        show = FORMATS[measure(row.get("measure")).format]
        return spread(row.get("value"), row.get("lower"), row.get("upper"), show)

    def what(row: Row) -> Cell:
        label = measure(text(row.get("measure"))).label
        return Cell(f"{label[:1].upper()}{label[1:]}", text(row.get("task")))

    def who(row: Row) -> Cell:
        return Cell(_IDENTITIES.get(str(row.get("identity")), text(row.get("identity"))))

    columns = [Column("What", what), Column("Customers told apart by", who), Column("Value", value, "number")]
    note = "The same question, asked with each way of telling customers apart."
    rows = page.rows("identity_effect")
    return [Grid("What resolution changed", columns, rows, ("identity_effect",), note, 30, stack=True)] if rows else []


def _notes(page: Page) -> Sequence[Block]:
    """What to mind comes first, as a caution; then what was compared."""
    notes = [r for r in page.rows("identity_notes") if not blank(r.get("note"))]
    words = [(r.get("kind") == "limit", f"{text(r['note'])[:1].upper()}{text(r['note'])[1:]}.") for r in notes]
    return [Prose(w, "caution") for limit, w in words if limit] + [Prose(w, "note") for limit, w in words if not limit]


def _draw(page: Page) -> Sequence[Block]:
    pictures = [*_split(page), *_origins(page), *_moves(page)]
    how = "A step of 1 doubles the odds that the two are one person."
    merges = _pairs(
        page, "identity_merges", "Linked, for example", f"The least evident of each degree of chance. {how}"
    )
    misses = _pairs(page, "identity_misses", "Left apart, though alike", f"The nearest misses. {how}")
    return [*_answer(page), *pictures, *merges, *misses, *_worklist(page), *_effect(page), *_notes(page)]


SECTION = Section(
    "identity",
    "Who is who",
    35,
    "Accounts, CRM entries and guest checkouts that are one person are counted as one customer.",
    (
        "customers_count",
        "customers_by_threshold",
        "identity_overlaps",
        "identity_merges",
        "identity_misses",
        "review",
        "identity_effect",
        "identity_notes",
    ),
    _draw,
)
