"""The sections on what to order, whose demand rises, and whether the answers agree: as a shop fills them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import altair
import numpy as np
import pyarrow as pa
import pytest
import vl_convert

from decide_shop import CUTOFF, TASK, WEEK, counted, empty_shop, forecast_units, put, sale
from footfall.decide import Restocking, demand_leads, restock, restocking
from footfall.engine import DuckDBEngine
from footfall.report import SECTIONS, Page, figures, render
from footfall.report.render import parts

QUERIES = {
    "restock": "select * from restock where cutoff = (select max(cutoff) from restock)\n"
    "order by action <> 'order', action, case when action = 'order' then days_of_cover end,\n"
    "  case when action = 'promote' then on_hand else demand end desc, product_id",
    "restock_actions": "select action, count(*) as products, sum(order_now) as pieces,\n"
    "  cast(sum(cast(order_now * unit_cost as decimal(18, 4))) as double) as cost\n"
    "from restock where cutoff = (select max(cutoff) from restock) group by action order by action",
    "demand_leads": "select d.*, p.name, count(*) over () as looked_at from demand_leads d\n"
    "left join (select product_id, max(name) as name from products group by product_id) p using (product_id)\n"
    "qualify d.rising or row_number() over (order by d.adjusted_p, d.product_id) <= 50\n"
    "order by d.rising desc, case when d.rising then -d.lower end, d.adjusted_p, d.product_id",
    "agreement": "select *, gap - newcomers - guests as unexplained,\n"
    "  forecast - (gap - newcomers - guests) between forecast_lower and forecast_upper as inside\n"
    "from agreement order by forecast desc, category",
}
"""The query of each table; the shop's page uses the same."""


def page_of(engine: DuckDBEngine, **business: str) -> Page:
    return Page("Alone", business, tables={name: engine.fetch(sql) for name, sql in QUERIES.items()})


def words_of(page: Page) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", render(page)).split()).replace("&#39;", "'")


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    with empty_shop() as one:
        yield one


@pytest.fixture
def page(engine: DuckDBEngine) -> Page:
    """One product of each kind, a lead, and two categories."""
    forecast_units(
        engine, {"mug": (70.0, 12.0), "pot": (20.0, 4.0), "cup": (10.0, 0.5), "jar": (9.0, 3.0), "lid": (1200.0, 90.0)}
    )
    put(engine, "facts.stock", [counted("mug", 40), counted("pot", 90), counted("cup", 300), counted("old", 30)])
    put(engine, "facts.stock", [counted("lid", 0)])
    put(engine, "facts.lines", [sale("old", 1, 150, category="Kitchen")])
    names = {"mug": "Blue mug", "pot": "Tea pot", "cup": "Tin cup"}
    put(engine, "facts.products", [{"product_id": p, "name": n, "source": "hand"} for p, n in names.items()])
    more = {"products": {"mug": {"on_order": 20, "unit_cost": 2.0}, "lid": {"unit_cost": 0.1}}}
    put(engine, "restock", restock(engine, restocking(more)))
    rng = np.random.default_rng(0)
    units = rng.poisson(30, (40, 16)).astype(float)
    units[0, -4:] = 75
    rows = [
        {
            "task": TASK, "cutoff": CUTOFF, "level": "product", "product_id": "mug" if i == 0 else f"p{i:02}",
            "period_start": CUTOFF - (16 - k) * WEEK, "amount": x, "censored": False,
        }
        for i, row in enumerate(units) for k, x in enumerate(row)
    ]  # fmt: skip
    put(engine, "forecast_history", rows)
    put(engine, "demand_leads", demand_leads(engine))
    same = {"cutoff": CUTOFF, "horizon": "30d"}
    put(
        engine,
        "agreement",
        [
            {**same, "category": "Kitchen", "forecast": 1200.0, "forecast_lower": 1000.0, "forecast_upper": 1400.0,
             "customers": 900.0, "gap": 300.0, "newcomers": 120.0, "guests": 90.0, "words": "It is in the range."},
            {**same, "category": "Tea", "forecast": 800.0, "forecast_lower": 700.0, "forecast_upper": 900.0,
             "customers": 400.0, "gap": 400.0, "newcomers": 20.0, "guests": 0.0, "words": "It is beyond its range."},
            {**same, "category": "Garden", "forecast": 50.0, "words": "No customer is asked about Garden."},
        ],
    )  # fmt: skip
    return page_of(engine, currency="GBP")


def test_the_sections_stand_behind_the_forecasts() -> None:
    order = {s.name: s.order for s in SECTIONS}
    assert order.get("forecasts", 66) < order["restock"] < order["demand"] < order["people"]


def test_what_to_order_is_said_in_pieces_days_and_money(page: Page) -> None:
    words = words_of(page)
    assert (
        "Products: 2 to be ordered now, 1 with enough in stock, 2 with too much in stock, 1 whose stock is not known."
    ) in words
    (lid,), (mug,) = (page.rows("restock", product_id=p) for p in ("lid", "mug"))
    pieces = lid["order_now"] + mug["order_now"]
    cost = 0.1 * lid["order_now"] + 2 * mug["order_now"]
    assert f"The orders come to {pieces:,.0f} pieces, £{cost:,.2f} at cost." in words
    assert "An order takes 7 days to arrive and the next one is placed in 7 days" in words
    assert "must last 14 days" in words and "a chance of 95%" in words
    assert "Blue mug mug 40 20 on the way 4 days 140 118 to 162" in words


def test_what_runs_out_first_stands_first(page: Page) -> None:
    assert [r["product_id"] for r in page.rows("restock", action="order")] == ["lid", "mug"]
    assert [r["product_id"] for r in page.rows("restock", action="promote")] == ["cup", "old"]


def test_too_much_and_unknown_stock_are_told_apart(page: Page) -> None:
    words = words_of(page)
    assert "Tin cup cup 300 210 days more than will sell in 56 days with a chance of 90%" in words
    assert "not sold for 150 days, and 30 pieces are left: clear it" in words
    assert "No stock of this product is known: load a file with the columns product_id, quantity" in words
    assert re.search(r"Stock not known.* jar 18 13 to 23 25", words)


def test_without_any_stock_the_section_says_what_is_missing(engine: DuckDBEngine) -> None:
    forecast_units(engine, {"mug": (70.0, 12.0)})
    put(engine, "restock", restock(engine, Restocking("7d", "14d")))
    words = words_of(page_of(engine))
    assert "Products: 1 whose stock is not known." in words
    assert "No stock at all is known" in words
    assert "To order now" not in words and "at cost" not in words


def test_rising_demand_and_its_interval(page: Page) -> None:
    words = words_of(page)
    assert "Of 40 products, 1 sells more than before, beyond what chance explains." in words
    assert re.search(r"Blue mug mug \d+ 300 \+\d+% \+\d+% to \+\d+%", words)
    quiet = replace(page, tables={"demand_leads": page.tables["demand_leads"].slice(1)})
    assert "Of 40 products, none sells more than before" in words_of(quiet)


def test_the_agreement_shows_both_sides_and_what_is_usual(page: Page) -> None:
    words = words_of(page)
    assert "Kitchen £1,200 £1,000 to £1,400 £900.00 £120.00 £90.00 £90.00 in its range" in words
    assert "Tea £800.00 £700.00 to £900.00 £400.00 £20.00 £0.00 £380.00 look closer" in words
    assert "Garden £50.00 – – – nobody asked" in words
    assert re.search(r"Where they do not.* Tea It is beyond its range\.", words)
    assert "It is in the range." not in words


def test_its_chart_is_valid_and_holds_the_numbers(page: Page) -> None:
    specs = figures(page)
    assert list(specs) == ["restock/The largest orders"]
    for spec in specs.values():
        altair.Chart.from_dict(spec, validate=True)
        picture = vl_convert.vegalite_to_svg(spec)
        assert "Blue mug" in picture
        assert f"{page.rows('restock', product_id='lid')[0]['order_now']:,.0f}" in picture


@pytest.mark.parametrize("section", ["restock", "demand"])
def test_they_are_gone_without_their_tables(page: Page, section: str) -> None:
    (mine,) = [s for s in SECTIONS if s.name == section]
    assert set(mine.needs) <= set(QUERIES)
    assert section in [s.name for s, _ in parts(page)]
    empty = replace(page, tables={k: t.slice(0, 0) for k, t in page.tables.items()})
    assert section not in [s.name for s, _ in parts(empty)]
    bare = {k: pa.table({c: t.column(c) for c in t.column_names[:1]}) for k, t in page.tables.items()}
    assert render(replace(page, tables=bare))


def test_only_the_newest_answer_is_shown(engine: DuckDBEngine) -> None:
    row = {"product_id": "a", "action": "order", "order_now": 1.0, "cutoff": CUTOFF}
    put(engine, "restock", [row, {**row, "product_id": "b", "cutoff": CUTOFF - timedelta(days=7)}])
    assert [r["product_id"] for r in page_of(engine).rows("restock")] == ["a"]
