"""A look at every table: what is missing, how values spread, and what hangs together.

Tables of more than half a million rows are read by a sample, the same one each time, and the answer says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from footfall.engine import Query, literal
from footfall.insights.insight import Chart, Ground, Insight, Row
from footfall.tables import TABLES
from footfall.tables.canonical import Column, Table

ROWS = 500_000
"""A larger table is read by a sample of about this many rows."""
BINS, TOP, _PAIRS = 20, 12, 40
_NUMBERS, _DATES = ("DOUBLE", "INTEGER", "BIGINT", "DECIMAL"), ("DATE", "TIMESTAMP")
_GROUPS = (
    "gender", "location", "profession", "loyalty_tier", "household", "channel", "type", "category", "brand", "currency",
    "payment_method", "kind", "store_id", "offer",
)  # fmt: skip
"""Texts that put rows into groups; other texts are names, ids and prose."""
_PRIVATE = (
    "first_name", "later_names", "surname", "email", "phone", "postcode", "address", "birth_place", "further",
    "guest_first_name", "guest_surname", "guest_postcode", "shipping_address", "title", "text", "description",
    "outside", "keys",
)  # fmt: skip
"""Texts whose most frequent values are nobody's business on a page."""


@dataclass(frozen=True)
class Looked:
    """A table that is looked at: its columns, and the share of its rows."""

    table: Table
    rows: int

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def share(self) -> float:
        return min(1.0, ROWS / self.rows) if self.rows else 1.0

    @property
    def columns(self) -> list[Column]:
        more = [Column("source_customer_id", "VARCHAR", "customer")] if self.table.customer else []
        return [*self.table.columns, *more]

    def numbers(self) -> list[Column]:
        return [c for c in self.columns if c.type.startswith(_NUMBERS)]

    def dates(self) -> list[Column]:
        return [c for c in self.columns if c.type.startswith(_DATES) and c.name != "known_at"]

    def groups(self) -> list[Column]:
        return [c for c in self.columns if c.name in _GROUPS]

    def sql(self) -> str:
        where = ""
        if self.share < 1:
            where = f"\nwhere hash(rowid) % 1000000 < {round(self.share * 1_000_000)}"
        return f"select {', '.join(c.name for c in self.columns)}\nfrom facts.{self.name}{where}"


def looked_at(ground: Ground) -> list[Looked]:
    """The tables that hold rows."""
    return [Looked(t, n) for name, t in TABLES.items() if (n := ground.shape.rows.get(name, 0))]


def _sampled(tables: Sequence[Looked]) -> Query:
    query = Query()
    for t in tables:
        query = query.then(f"seen_{t.name}", t.sql())
    return query


def _nothing(columns: str) -> str:
    return f"select {columns} limit 0"


# --- columns --------------------------------------------------------------------------------------------------------


def columns_sql(ground: Ground) -> str:
    """One row a column: what is missing, how many values there are, and where they lie."""
    tables = looked_at(ground)
    selects = [_profile(t, c) for t in tables for c in t.columns]
    names = "table_name, column_name, type, rows, read, missing, values_about, low, quarter, middle, high, mean, often"
    query = _sampled(tables).then(
        "answer",
        "\nunion all\n".join(selects) or _nothing(", ".join(f"null as {n.strip()}" for n in names.split(","))),
    )
    return query.sql()


def _profile(t: Looked, c: Column) -> str:
    ordered = c.type.startswith((*_NUMBERS, *_DATES))
    number = c.type.startswith(_NUMBERS)

    def text(sql: str) -> str:
        return f"cast({sql} as varchar)" if ordered else "null"

    spots = [text(f"min({c.name})")]
    spots += [text(f"quantile_disc({c.name}, {q})") for q in (0.25, 0.5, 0.75)] + [text(f"max({c.name})")]
    mean = f"round(avg({c.name}), 9)" if number else "null"
    often = "null" if c.name in _PRIVATE or c.name.endswith("_id") else f"cast(mode({c.name}) as varchar)"
    named = zip(spots, ("low", "quarter", "middle", "three_quarters", "high"), strict=True)
    return (
        f"select {literal(t.name)} as table_name, {literal(c.name)} as column_name, {literal(c.type)} as type,\n"
        f"  {t.rows} as rows, count(*) as read, 1 - count({c.name}) / count(*) as missing,\n"
        f"  approx_count_distinct({c.name}) as values_about, {', '.join(f'{s} as {n}' for s, n in named)},\n"
        f"  {mean} as mean, {often} as often\nfrom seen_{t.name}"
    )


def columns_words(rows: Sequence[Row], ground: Ground) -> str:
    tables = looked_at(ground)
    if not rows:
        return "There is nothing to look at. The shop holds no rows yet."
    empty = sum(r["missing"] == 1 for r in rows)
    holes = [r for r in rows if 0.05 < r["missing"] < 1]
    first = (
        f"{len(tables)} tables hold {sum(t.rows for t in tables):,} rows; of their {len(rows)} columns {empty} are "
        f"empty and {len(holes)} lack more than 5% of their values."
    )
    return f"{first} {sampling(tables)}"


def sampling(tables: Sequence[Looked]) -> str:
    """Which tables were read by a sample, said aloud."""
    parts = [f"{t.name} ({t.share:.1%} of {t.rows:,} rows)" for t in tables if t.share < 1]
    return f"Read by a sample: {', '.join(parts)}." if parts else "Every row was read."


# --- distributions --------------------------------------------------------------------------------------------------


def distributions_sql(ground: Ground) -> str:
    """Numbers in 20 bins between their 1st and 99th percentile, dates by month, groups by their busiest values."""
    tables = looked_at(ground)
    selects = [s for t in tables for s in _spreads(t)]
    query = _sampled(tables).then(
        "answer",
        "\nunion all\n".join(selects) or _nothing("'' as table_name, '' as column_name, 0 as place, '' as bin"),
    )
    return f"{query.sql()}\norder by table_name, column_name, place, bin"


def _spreads(t: Looked) -> Iterator[str]:
    head = "select {0} as table_name, {1} as column_name, {2} as place, {3} as bin, {4} as rows\n"
    for c in t.numbers():
        x = f"cast({c.name} as double)"
        bin_ = f"least({BINS - 1}, greatest(0, cast(floor({BINS} * (x - low) / nullif(high - low, 0)) as integer)))"
        yield (
            head.format(literal(t.name), literal(c.name), "place", "cast(edge as varchar)", "rows")
            + f"from (\n  select coalesce({bin_}, 0) as place, any_value(low) + coalesce({bin_}, 0) * "
            f"any_value(high - low) / {BINS} as edge, count(*) as rows\n"
            f"  from (select {x} as x from seen_{t.name} where {c.name} is not null) as v,\n"
            f"    (select quantile_cont({x}, 0.01) as low, quantile_cont({x}, 0.99) as high from seen_{t.name}) as q\n"
            f"  group by low, high, coalesce({bin_}, 0)\n)"
        )
    for c in t.dates():
        month = f"strftime({c.name}, '{'%Y' if c.name == 'birth_date' else '%Y-%m'}')"
        yield (
            head.format(literal(t.name), literal(c.name), "0", month, "count(*)")
            + f"from seen_{t.name}\nwhere {c.name} > '1900-01-01'\ngroup by {month}"
        )
    for c in t.groups():
        yield (
            head.format(literal(t.name), literal(c.name), "place", "bin", "rows")
            + f"from (\n  select {c.name} as bin, count(*) as rows,\n"
            f"    row_number() over (order by count(*) desc, {c.name}) as place\n"
            f"  from seen_{t.name} where {c.name} is not null group by {c.name}\n)\nwhere place <= {TOP}"
        )


def distributions_words(rows: Sequence[Row], ground: Ground) -> str:
    shown = {(r["table_name"], r["column_name"]) for r in rows}
    return (
        f"{len(shown)} columns are drawn: numbers in {BINS} bins from their 1st to their 99th percentile (the outer "
        f"bins hold what lies beyond), dates by month, and groups by their {TOP} busiest values. "
        f"{sampling(looked_at(ground))}"
    )


def _bins(rows: Sequence[Row]) -> Sequence[Row]:
    found = []
    dated = not any(r["place"] for r in rows)  # months and years, which are no amounts
    for r in rows:
        try:
            found.append({"bin": r["bin"] if dated else f"{float(r['bin']):,.4g}", "rows": r["rows"]})
        except ValueError:
            found.append({"bin": r["bin"], "rows": r["rows"]})
    return found if len(found) > 1 else []


# --- what hangs together --------------------------------------------------------------------------------------------


def correlations_sql(ground: Ground) -> str:
    """Numbers: correlation of ranks. Groups: Cramér's V. A number by a group: the share of its spread, as a root."""
    tables = [t for t in looked_at(ground) if len(t.numbers()) + len(t.groups()) > 1]
    query, selects = _sampled(tables), []
    for t in tables:
        query = query.then(f"ranked_{t.name}", _ranked(t))
        selects += list(_pairs(t))
    query = query.then(
        "answer",
        "\nunion all\n".join(selects)
        or _nothing("'' as table_name, '' as one, '' as other, '' as kind, 0 as rows, 0.0 as strength"),
    )
    return (
        f"{query.sql()}\nwhere rows > 1 and strength is not null and not isnan(strength)\n"
        "order by table_name, abs(strength) desc, one, other"
    )


def _ranked(t: Looked) -> str:
    """Numbers as ranks (null stays null), groups as their busiest values and the rest."""
    parts = [
        f"case when {c.name} is not null then percent_rank() over (order by {c.name}) end as {c.name}"
        for c in t.numbers()
    ]
    for c in t.groups():
        busy = f"select {c.name} from seen_{t.name} where {c.name} is not null group by 1 order by count(*) desc, 1"
        parts.append(
            f"case when {c.name} in ({busy} limit {TOP}) then {c.name} when {c.name} is not null then 'others' end "
            f"as {c.name}"
        )
    return "select " + ",\n  ".join(parts) + f"\nfrom seen_{t.name}"


def _pairs(t: Looked) -> Iterator[str]:
    head = "select {0} as table_name, {1} as one, {2} as other, {3} as kind, {4} as rows, {5} as strength\n"
    of = f"from ranked_{t.name}"
    for a, b in combinations([c.name for c in t.numbers()], 2):
        both = f"count(*) filter (where {a} is not null and {b} is not null)"
        yield head.format(literal(t.name), literal(a), literal(b), "'ranks'", both, f"round(corr({a}, {b}), 9)") + of
    for a, b in combinations([c.name for c in t.groups()], 2):
        yield (
            head.format(literal(t.name), literal(a), literal(b), "'groups'", "any_value(n)", _CRAMER)
            + f"from (\n  select count(*) as cell, sum(count(*)) over () as n,\n"
            f"    sum(count(*)) over (partition by {a}) as at_a, dense_rank() over (order by {a}) as place_a,\n"
            f"    sum(count(*)) over (partition by {b}) as at_b, dense_rank() over (order by {b}) as place_b\n"
            f"  {of} where {a} is not null and {b} is not null group by {a}, {b}\n)"
        )
    for number in t.numbers():
        for group in t.groups():
            a, b = number.name, group.name
            yield (
                head.format(literal(t.name), literal(a), literal(b), "'ranks by group'", "sum(n)", _ETA)
                + f"from (\n  select count(*) as n, avg({a}) as mean, var_pop({a}) as spread\n"
                f"  {of} where {a} is not null and {b} is not null group by {b}\n)"
            )


_CRAMER = (
    "round(sqrt(greatest(0, sum(cell * cell / (at_a * at_b)) - 1) "
    "/ nullif(least(max(place_a), max(place_b)) - 1, 0)), 9)"
)
"""From the cells: chi squared over n is the sum of cell^2 / (row total * column total), less 1 (Cramér 1946)."""
_ETA = (
    "round(sqrt(greatest(0, 1 - sum(n * spread) / nullif(sum(n * (spread + mean * mean)) "
    "- sum(n * mean) * sum(n * mean) / sum(n), 0))), 9)"
)
"""The correlation ratio: one less the spread within groups over the whole (Pearson 1905)."""


def correlations_words(rows: Sequence[Row], ground: Ground) -> str:
    if not rows:
        return f"No table holds two columns to compare. {sampling(looked_at(ground))}"
    strong = sum(abs(r["strength"]) >= 0.5 for r in rows)
    best = max(rows, key=lambda r: (abs(r["strength"]) if abs(r["strength"]) < 0.999 else 0, r["one"]))
    return (
        f"Of {len(rows)} pairs of columns, {strong} hang together strongly (0.5 or more); the strongest short of "
        f"saying the same are {best['one']} and {best['other']} in {best['table_name']}, at {best['strength']:.2f}. "
        f"{sampling(looked_at(ground))}"
    )


def _square(rows: Sequence[Row]) -> Sequence[Row]:
    """Both halves of the square; the direction of a correlation is in the table."""
    names = sorted({r[k] for r in rows for k in ("one", "other")})
    found = {(r["one"], r["other"]): abs(r["strength"]) for r in rows}
    found |= {(b, a): v for (a, b), v in found.items()}
    return [{"x": a, "y": b, "value": found[a, b]} for b in names for a in names if (a, b) in found]


_HEAT = {"across": "", "down": "", "format": ".2f"}
INSIGHTS = (
    Insight(
        "explore-columns",
        "What do the tables hold, and what is missing?",
        """
        table_name VARCHAR table
        column_name VARCHAR column
        type VARCHAR its type
        rows BIGINT rows of the table
        read BIGINT rows that were read; fewer than all: a sample
        missing DOUBLE share without a value
        values_about BIGINT different values, about
        low VARCHAR smallest
        quarter VARCHAR a quarter of the values are at most this
        middle VARCHAR half of them are
        three_quarters VARCHAR three quarters of them are
        high VARCHAR largest
        mean DOUBLE mean
        often VARCHAR most frequent value
        """,
        columns_sql,
        columns_words,
        charts=(
            Chart(
                "bars",
                "{table_name}: missing, in per cent",
                lambda rows: [
                    {"label": r["column_name"], "value": round(100 * r["missing"])} for r in rows if r["missing"] > 0
                ],
                {"title": "Missing, %"},
                "table_name",
            ),
        ),
    ),
    Insight(
        "explore-distributions",
        "How do the values of each column spread?",
        """
        table_name VARCHAR table
        column_name VARCHAR column
        place INTEGER place of the bin
        bin VARCHAR lower edge of the bin, month or value
        rows BIGINT rows in it
        """,
        distributions_sql,
        distributions_words,
        charts=(
            Chart(
                "histogram",
                "{table_name}: {column_name}",
                _bins,
                {"title": "", "what": "Rows"},
                "table_name column_name",
            ),
        ),
    ),
    Insight(
        "explore-correlations",
        "Which columns hang together?",
        """
        table_name VARCHAR table
        one VARCHAR column
        other VARCHAR column
        kind VARCHAR ranks (of two numbers), groups (of two texts), ranks by group
        rows BIGINT rows with both
        strength DOUBLE ranks: -1 to 1; the others: 0 to 1
        """,
        correlations_sql,
        correlations_words,
        charts=(Chart("heat", "{table_name}: what hangs together", _square, _HEAT, "table_name"),),
    ),
)
