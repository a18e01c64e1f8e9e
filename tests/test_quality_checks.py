"""Every check has a case that trips it, and only it; a clean shop trips none.

Findings are told per source, so each case is a source of its own: a copy of one clean shop with one thing broken. All
of them are checked in one run, which shows as well that no source colours another.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from footfall.engine import DuckDBEngine
from footfall.quality import CHECKS, Check, Finding, check
from footfall.quality.declare import RowCheck, SpellingCheck
from quality_shop import clean, copy_as, new_shop

Key = tuple[str, str, str]


@dataclass(frozen=True)
class Case:
    """`sql` breaks the source `{s}`; `rows` are then counted by the check `name` of `table`."""

    name: str
    table: str
    rows: int
    sql: str
    action: str = "kept"
    also: tuple[Key, ...] = ()
    example: str = ""


def first(table: str, count: int, order: str = "occurred_at") -> str:
    """The first rows of a table of the source."""
    return f"rowid in (select rowid from facts.{table} where source = {{s}} order by {order}, rowid limit {count})"


def put(table: str, sets: str, count: int = 1) -> str:
    """Set columns of the first rows."""
    order = {"products": "product_id", "lines": "occurred_at, product_id"}.get(table, "occurred_at")
    return f"update facts.{table} set {sets} where {first(table, count, order)}"


def at(table: str, sets: str, where: str) -> str:
    """Set columns of chosen rows."""
    return f"update facts.{table} set {sets} where source = {{s}} and {where}"


def drop(where: str, *tables: str) -> str:
    """Remove chosen rows."""
    return ";".join(f"delete from facts.{t} where source = {{s}} and {where}" for t in tables)


def again(table: str, where: str, replace: str) -> str:
    """Add chosen rows again, with other values."""
    rows = f"select * replace ({replace}) from facts.{table} where source = {{s}} and {where}"
    return f"insert into facts.{table} by name {rows}"


ORPHAN_LINES: Key = ("lines", "lines_without_order", "order_id")
BARE_ORDERS: Key = ("orders", "orders_without_lines", "order_id")
SUMS: Key = ("orders", "order_amount_differs", "amount")
TWO_NAMES: tuple[Key, ...] = (("products", "category_id_ambiguous", "category_id"),)
UNLISTED: tuple[Key, ...] = (
    ("events", "viewed_not_in_catalogue", "product_id"),
    ("lines", "sold_not_in_catalogue", "product_id"),
)
ORPHANS: dict[str, tuple[Key, ...]] = {"orders": (ORPHAN_LINES,), "lines": (BARE_ORDERS,)}


def emptied(c: Check) -> Case:
    """Empty the check's column in two rows."""
    sets = "age = null, birth_date = null" if c.column == "age" else f"{c.column} = null"
    by_id = {"order_id": ORPHANS.get(c.table, ()), "product_id": UNLISTED if c.table == "products" else ()}
    return Case(c.name, c.table, 2, put(c.table, sets, 2), also=by_id.get(c.column, ()))


def late(c: Check) -> Case:
    lag, told = ("90 minutes", "longest: 0.1 days") if c.name == "late_hour" else ("3 days", "longest: 3.0 days")
    also: tuple[Key, ...] = () if c.name == "late_hour" else ((c.table, "late_hour", "known_at"),)
    sql = put(c.table, f"known_at = occurred_at + interval {lag}", 2)
    return Case(c.name, c.table, 2, sql, also=also, example=told)


def mistimed(name: str, table: str) -> Case:
    if name == "known_before_happened":
        return Case(name, table, 2, put(table, "known_at = occurred_at - interval 1 minute", 2))
    moment = "timestamp '1970-01-01'" if name == "time_too_old" else "timestamp '2190-01-01'"
    sql = put(table, f"occurred_at = {moment}, known_at = {moment}", 2)
    return Case(name, table, 2, sql, "set aside", ORPHANS.get(table, ()))


EMPTIED = [emptied(c) for c in CHECKS if c.name.startswith("missing_") or c.name == "orders_without_customer"]
PLACEHOLDER = [
    Case(c.name, c.table, 1, put(c.table, f"{c.column} = 'N/A'"), also=TWO_NAMES if c.column == "category" else ())
    for c in CHECKS
    if c.name.startswith("placeholder_")
]
LATE = [late(c) for c in CHECKS if c.name.startswith("late_")]
TIMES = [
    mistimed(name, table)
    for table in ("events", "orders", "lines", "reviews", "satisfaction")
    for name in ("time_too_old", "time_in_future", "known_before_happened")
]
NEGATED = "quantity = -quantity, amount = -amount"
GOODS = [
    Case("negative_sale_price", "lines", 1, put("lines", "price = -price, amount = -amount"), "set aside", (SUMS,)),
    Case("zero_quantity", "lines", 1, put("lines", "quantity = 0, amount = 0"), "set aside", (SUMS,)),
    Case(
        "amount_without_quantity",
        "lines",
        1,
        put("lines", "quantity = 0"),
        also=(("lines", "line_amount_differs", "amount"),),
    ),
    Case("negative_sale_quantity", "lines", 1, put("lines", NEGATED), also=(SUMS,)),
    Case("positive_return", "lines", 1, put("lines", "kind = 'return'"), also=(SUMS, ("lines", "returned", "kind"))),
    Case(
        "returned",
        "lines",
        2,
        again("lines", "order_id = 'o7'", "'return' as kind, -quantity as quantity, -amount as amount"),
        example="o7 p7 quantity -1.0 price 10.0000; o7 p8 quantity -2.0",
    ),
    Case("free_line", "lines", 1, put("lines", "price = 0, amount = 0"), also=(SUMS,)),
    Case(
        "line_amount_differs",
        "lines",
        1,
        put("lines", "price = 11"),
        example="o0 p0 quantity 1.0 price 11.0000 amount 10.0000",
    ),
    Case(
        "no_product",
        "lines",
        1,
        put("lines", "category = 'non-product', product_id = 'POST'"),
        example="o0 POST",
    ),
    Case("negative_order_amount", "orders", 1, put("orders", "amount = -30"), also=(SUMS,), example="o0 -30.0000"),
    Case("negative_shown_price", "events", 2, put("events", "price = -1", 2), example="e0 -1.0000; e1 -1.0000"),
    Case("negative_list_price", "prices", 1, put("prices", "price = -1"), example="p0 -1.0000"),
    Case("negative_stock", "stock", 1, put("stock", "quantity = -1"), example="p0 -1.0"),
    Case("currencies_mixed", "orders", 2, put("orders", "currency = 'EUR'", 2), example="EUR (2)"),
    Case(
        "order_amount_differs",
        "orders",
        1,
        at("orders", "amount = 35", "order_id = 'o7'"),
        example="o7: 35.0000, lines 30.0000",
    ),
    Case(
        "order_extreme",
        "orders",
        1,
        at("orders", "amount = 3000.01", "order_id = 'o7'")
        + ";"
        + at("lines", "amount = 2990.01, price = 2990.01, quantity = 1", "order_id = 'o7' and quantity = 2"),
        example="o7 3000.0100",
    ),
    Case(
        "category_id_ambiguous",
        "products",
        7,
        at("products", "category_id = 'k1'", "product_id = 'p0'"),
        example="k1: Garden and Kitchen",
    ),
]
AGES = "age = case source_customer_id when 'c1' then 999 when 'c2' then 5 else 111 end"
BIRTHS = "birth_date = case source_customer_id when 'c1' then date '2030-01-01' else date '1890-01-01' end"
PEOPLE = [
    Case(
        "impossible_age",
        "customers",
        3,
        at("customers", AGES, "source_customer_id in ('c1', 'c2', 'c3')"),
        "repaired",
        example="111 -> empty (1); 5 -> empty (1); 999 -> empty (1)",
    ),
    Case(
        "impossible_birth_date",
        "customers",
        2,
        at("customers", BIRTHS, "source_customer_id in ('c1', 'c2')"),
        "repaired",
        example="1890-01-01 -> empty (1); 2030-01-01 -> empty (1)",
    ),
    Case("no_email", "customers", 1, at("customers", "email = 'x'", "source_customer_id = 'c1'"), example="c1 x"),
    Case("rating_off_scale", "reviews", 1, put("reviews", "rating = 11"), example="r0 11.0"),
]
MINUTELY = "date '2026-02-04' + to_seconds(k * 60 + 7)"
UNMATCHED = [
    Case("orders_without_lines", "orders", 1, drop("order_id = 'o7'", "lines"), example="o7"),
    Case("lines_without_order", "lines", 2, drop("order_id = 'o7'", "orders"), example="o7; o7"),
    Case("sold_not_in_catalogue", "lines", 1, put("lines", "product_id = 'q1'"), example="q1"),
    Case("viewed_not_in_catalogue", "events", 2, put("events", "product_id = 'q1'", 2), example="q1"),
    Case(
        "customers_without_record",
        "orders",
        1,
        at("orders", "source_customer_id = 'd1'", "order_id in ('o7', 'o8')"),
        example="d1",
    ),
    Case("visitors_without_record", "events", 1, put("events", "source_customer_id = 'd1'", 2), example="d1"),
    Case(
        "bots",
        "events",
        1003,
        "insert into facts.events by name select e.* replace ('b' || k as event_id, "
        f"{MINUTELY} as occurred_at, {MINUTELY} as known_at) "
        "from facts.events e, range(1, 1002) t(k) where e.source = {s} and e.event_id = 'e1'",
        example="c1: 1003 on 2026-02-04",
    ),
]
# Ten times the orders, without lines.
MANY = (
    drop("true", "lines") + ";insert into facts.orders by name select o.* replace (order_id || '.' || k as order_id, "
    "occurred_at + to_minutes(k::integer) as occurred_at, known_at + to_minutes(k::integer) as known_at) "
    "from facts.orders o, range(1, 10) t(k) where source = {s};"
)
LONG_AGO = "occurred_at = timestamp '2019-01-01', known_at = timestamp '2019-01-01'"
A_DAY = "occurred_at::date = date '2026-02-04'"
DAYS = [
    Case("days_without_rows", "events", 1, drop(A_DAY, "events"), example="2026-02-04"),
    Case(
        "days_without_rows",
        "orders",
        2,
        drop("occurred_at::date between date '2026-02-04' and date '2026-02-05'", "orders", "lines"),
        example="2026-02-04 to 2026-02-05",
    ),
    Case(
        "days_thin",
        "events",
        1,
        drop(f"{A_DAY} and occurred_at::time > time '02:30'", "events"),
        example="2026-02-04: 7, usually 60",
    ),
    Case(
        "days_thin",
        "orders",
        1,
        MANY + drop(f"{A_DAY} and order_id not like '%.1'", "orders"),
        example="2026-02-04: 6, usually 60",
    ),
    Case(
        "last_day_partial",
        "events",
        25,
        drop("occurred_at > timestamp '2026-03-01 10:00'", "events"),
        example="2026-03-01: last row about 09:30:00",
    ),
    Case(
        "last_day_partial",
        "orders",
        3,
        drop("occurred_at > timestamp '2026-03-01 12:00'", "orders", "lines"),
        example="2026-03-01: last row about 10:00:00",
    ),
    Case("time_far_off", "events", 1, put("events", LONG_AGO), example="2019-01-01 (1)"),
    Case("time_far_off", "orders", 1, MANY + put("orders", LONG_AGO), example="2019-01-01 (1)"),
]
SPELLED = {
    "brand": (" br-IST ol ", "Bristol"),
    "category": (" gARDEN", "Garden"),
    "gender": ("F", "female"),
    "location": ("leeds ", "Leeds"),
    "profession": ("TEACHER", "teacher"),
    "loyalty_tier": ("Gold", "gold"),
    "currency": ("£", "GBP"),
    "payment_method": ("CARD", "card"),
}


def misspelled(name: str, table: str, column: str) -> Case:
    wrong, right = SPELLED[column]
    one = f"(select min(rowid) from facts.{table} where source = {{s}} and {column} = '{right}')"
    sql = f"update facts.{table} set {column} = '{wrong}' where rowid = {one}"
    return Case(name, table, 1, sql, "repaired", example=f"{wrong} -> {right} (1)")


SPELLING = [misspelled(c.name, t, column) for c in CHECKS if isinstance(c, SpellingCheck) for t, column in c.places]
SPELLING += [Case("brand_typo", "products", 4, put("events", "brand = 'Bristl'", 4), example="Bristl for Bristol")]
SECOND = "occurred_at + interval 300 milliseconds"
DUPLICATE = [
    Case(
        "event_twice",
        "events",
        1,
        again("events", "event_id = 'e3'", f"'f3' as event_id, {SECOND} as occurred_at, {SECOND} as known_at"),
        example="e3",
    ),
    Case(
        "order_twice",
        "orders",
        1,
        ";".join(again(t, "order_id = 'o7'", "'p7' as order_id") for t in ("orders", "lines")),
        example="o7 and p7",
    ),
    Case(
        "line_twice",
        "lines",
        1,
        again("lines", "order_id = 'o7' and quantity = 2", "2 as load_id"),
        also=(SUMS,),
        example="o7 p8",
    ),
    Case(
        "product_twice",
        "products",
        1,
        again("products", "product_id = 'p1'", "'z1' as product_id, upper(name) || ' !' as name"),
        example="p1 and z1: PRODUCT 1 !",
    ),
    Case(
        "product_id_twice",
        "products",
        1,
        again("products", "product_id = 'p1'", "'another' as name"),
        example="p1",
    ),
    Case("review_twice", "reviews", 1, again("reviews", "review_id = 'r1'", "'z1' as review_id"), example="r1 and z1"),
    Case(
        "email_twice",
        "customers",
        1,
        again(
            "customers", "source_customer_id = 'c1'", "'z1' as source_customer_id, ' ' || upper(email) || ' ' as email"
        ),
        example="c1 and z1",
    ),
]
CASES = [*EMPTIED, *PLACEHOLDER, *LATE, *TIMES, *GOODS, *PEOPLE, *UNMATCHED, *DAYS, *SPELLING, *DUPLICATE]


@pytest.fixture(scope="module")
def found() -> dict[str, list[Finding]]:
    """Findings by source, of one run over all cases."""
    engine = new_shop()
    sources = [f"case{place:03d}" for place in range(len(CASES))]
    copy_as(engine, *sources, "untouched")
    for source, case in zip(sources, CASES, strict=True):
        for sql in case.sql.replace("{s}", f"'{source}'").split(";"):
            engine.execute(sql)
    by_source: dict[str, list[Finding]] = {}
    for finding in check(engine):
        by_source.setdefault(finding.source, []).append(finding)
    return by_source


@pytest.mark.parametrize("place", range(len(CASES)), ids=[f"{c.table}.{c.name}" for c in CASES])
def test_a_broken_shop_trips_its_check_and_no_other(found: dict[str, list[Finding]], place: int) -> None:
    case = CASES[place]
    findings = found.get(f"case{place:03d}", [])
    hit = [f for f in findings if (f.check_name, f.table_name) == (case.name, case.table)]
    assert len(hit) == 1, findings
    assert hit[0].rows == case.rows, hit
    assert hit[0].action == case.action
    assert 0 < hit[0].share <= 1
    examples = json.loads(hit[0].examples)
    assert 1 <= len(examples) <= 3 and all(examples)
    assert case.example in "; ".join(examples), examples
    others = {(f.table_name, f.check_name, f.column_name) for f in findings} - {
        (hit[0].table_name, hit[0].check_name, hit[0].column_name)
    }
    assert others == set(case.also), findings


def test_a_clean_source_beside_broken_ones_trips_nothing(found: dict[str, list[Finding]]) -> None:
    assert "untouched" not in found


def test_every_check_has_a_case() -> None:
    asked = {
        (c.name, t) for c in CHECKS for t in ([p for p, _ in c.places] if isinstance(c, SpellingCheck) else [c.table])
    }
    assert asked == {(c.name, c.table) for c in CASES}


def test_a_clean_shop_trips_nothing() -> None:
    engine = clean()
    assert check(engine) == []
    assert engine.value("select count(*) from quality") == 0


def test_an_empty_shop_trips_nothing() -> None:
    assert check(new_shop()) == []
    assert check(DuckDBEngine()) == []


def test_a_column_that_a_source_never_fills_is_not_missing() -> None:
    engine = clean()
    engine.execute("update facts.lines set brand = null, category = if(order_id = 'o7', 'non-product', null)")
    assert {f.check_name for f in check(engine)} == {"no_product"}


def test_a_name_of_many_products_is_a_kind_of_product() -> None:
    engine = clean()
    for count, told in [(2, {1}), (3, {2}), (4, set())]:
        named = ", ".join(f"'p{i}'" for i in range(count))
        engine.execute(f"update facts.products set name = 'Fasteners', brand = 'Bristol' where product_id in ({named})")
        assert {f.rows for f in check(engine) if f.check_name == "product_twice"} == told


def test_each_check_says_what_it_counts_and_what_it_does() -> None:
    for one in CHECKS:
        assert one.counts and one.effect and not one.effect.endswith("."), one.name
        assert one.action == "kept" or isinstance(one, RowCheck | SpellingCheck)
    assert len({(c.name, c.table) for c in CHECKS}) == len(CHECKS)
