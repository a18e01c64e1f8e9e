"""Outside data beside a series: what is known ahead is used, what is known of the past only is refused and named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.forecast import Work, forecast_tree, read_tree
from footfall.forecast.outside import Dates, known_columns
from footfall.tables import create_tables, publish_views
from footfall.tasks import Task
from footfall.windows import lines

CUTOFF = datetime(2024, 7, 1)
FIRST = CUTOFF - timedelta(weeks=40)
WEEKS = tuple(FIRST + timedelta(weeks=k) for k in range(44))
DATES = Dates(WEEKS, CUTOFF + timedelta(weeks=4), CUTOFF)
UNITS = Task("units-product-4w", "product", lines.sum("quantity").every("7d"), "4w")


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    one = DuckDBEngine(threads=1)
    create_tables(one)
    yield one
    one.close()


def tell(engine: DuckDBEngine, name: str, day: date, value: float, known: datetime | None = None, **of: str) -> None:
    engine.execute(
        "insert into facts.outside (date, name, value, known_at, store_id, product_id) values (?, ?, ?, ?, ?, ?)",
        [day, name, value, known, of.get("store"), of.get("product")],
    )


def weekly(engine: DuckDBEngine, name: str, weeks: int, known: datetime | None = None) -> None:
    for k in range(weeks):
        tell(engine, name, (FIRST + timedelta(weeks=k)).date(), float(k % 5), known)


def test_a_column_enters_where_it_is_known_for_every_period_ahead(engine: DuckDBEngine) -> None:
    weekly(engine, "temperature", 40)
    weekly(engine, "school_days", 44)
    publish_views(engine)
    known, notes = known_columns(engine, DATES)
    assert list(known) == ["school_days"]
    assert known["school_days"].tolist() == [[float(k % 5) for k in range(44)]]
    assert notes == ("temperature is known of the past only, so no forecast uses it",)


def test_what_the_business_knew_later_is_not_there(engine: DuckDBEngine) -> None:
    weekly(engine, "plan", 44, CUTOFF - timedelta(days=1))
    weekly(engine, "hindsight", 44, CUTOFF)
    publish_views(engine)
    known, notes = known_columns(engine, DATES)
    assert list(known) == ["plan"] and notes == ()


def test_days_of_a_period_are_averaged_and_gaps_of_the_past_keep_the_value_before(engine: DuckDBEngine) -> None:
    weekly(engine, "index", 44)
    tell(engine, "index", (FIRST + timedelta(days=3)).date(), 10.0)
    engine.execute("delete from facts.outside where date = ?", [(FIRST + timedelta(weeks=4)).date()])
    publish_views(engine)
    (column,) = known_columns(engine, DATES)[0].values()
    assert column[0, 0] == 5.0 and column[0, 4] == column[0, 3] == 3.0


def test_a_competitors_price_belongs_to_its_product_and_to_all_in_the_mean(engine: DuckDBEngine) -> None:
    for k in range(44):
        day = (FIRST + timedelta(weeks=k)).date()
        tell(engine, "rival", day, 10.0 + k, product="a")
        tell(engine, "rival", day, 30.0, product="b")
    publish_views(engine)
    apart = known_columns(engine, DATES, products=["b", "a"])[0]["rival"]
    assert apart.shape == (2, 44) and set(apart[0]) == {30.0} and apart[1, -1] == 53.0
    assert known_columns(engine, DATES)[0]["rival"][0, 0] == 20.0


def sold(engine: DuckDBEngine, units: dict[str, list[float]]) -> None:
    for product, values in units.items():
        for k, value in enumerate(values):
            at = FIRST + timedelta(weeks=k, hours=9)
            engine.execute(
                "insert into facts.lines (order_id, product_id, occurred_at, known_at, kind, quantity, source) "
                "values (?, ?, ?, ?, 'sale', ?, 's')",
                [f"{product}{k}", product, at, at, value],
            )


def price(engine: DuckDBEngine, product: str, value: float, at: datetime, known: datetime) -> None:
    engine.execute(
        "insert into facts.prices (product_id, price, occurred_at, known_at, source) values (?, ?, ?, ?, 's')",
        [product, value, at, known],
    )


def test_prices_move_with_what_was_planned_at_the_cutoff_alone(engine: DuckDBEngine) -> None:
    price(engine, "a", 10.0, FIRST, FIRST)
    price(engine, "a", 5.0, WEEKS[42], CUTOFF - timedelta(days=2))
    price(engine, "a", 1.0, WEEKS[43], CUTOFF)
    price(engine, "b", 7.0, FIRST, FIRST)
    publish_views(engine)
    told = known_columns(engine, DATES, products=["a", "b"])[0]["price"]
    assert told[0].tolist() == [1.0] * 42 + [0.5] * 2 and set(told[1]) == {1.0}
    engine.execute("delete from facts.prices where price = 5")
    assert "price" not in known_columns(engine, DATES, products=["a", "b"])[0]


def test_a_known_driver_makes_the_forecast_follow_it(engine: DuckDBEngine) -> None:
    rng = np.random.default_rng(0)
    drive = rng.integers(0, 2, 44).astype(float)
    drive[40:] = [1.0, 0.0, 0.0, 1.0]
    for k, value in enumerate(drive):
        tell(engine, "event", (FIRST + timedelta(weeks=k)).date(), value)
    sold(engine, {f"p{i}": [20.0 + 30.0 * drive[k] + float(rng.normal(0, 1)) for k in range(40)] for i in range(30)})
    publish_views(engine)
    tree = read_tree(engine, UNITS, CUTOFF)
    assert all("event" in level.panel.known for level in tree.levels)
    told = forecast_tree(engine, UNITS, CUTOFF, work=Work(models=("lagged",))).own.told["lagged"].point.mean(axis=0)
    assert told[0] > told[1] + 15 and told[3] > told[2] + 15
