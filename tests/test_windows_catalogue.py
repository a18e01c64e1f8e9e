"""The catalogue of features: it adapts to the shop, every feature has words, and every feature compiles and runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from footfall.engine import DuckDBEngine
from footfall.tables import create_tables, refresh_known
from footfall.windows import Fact, Feature, Frame, Past, Ratio, Shape, Upcoming, compile_windows, features, shape
from footfall.windows.shape import _COUNTED
from tiny_shop import CUTOFF, tiny_shop

FULL = Shape(
    rows=dict.fromkeys(
        ("customers", "products", "lines", "events", "orders", "reviews", "satisfaction", "calendar"), 10
    ),
    columns={t: frozenset(c) for t, c in _COUNTED.items()},
    event_types=("view", "add_to_cart", "search", "favourite", "store_locator"),
    returns=True,
    first=datetime(2018, 1, 1),
    last=datetime(2020, 1, 1),
)
KEYS = [
    ("customer_id",),
    ("customer_id", "category"),
    ("customer_id", "product_id"),
    ("customer_id", "store_id"),
    ("product_id",),
    ("category",),
    ("store_id", "product_id"),
    (),
]


def facts_of(feature: Feature) -> list[Fact]:
    window = feature.window
    if isinstance(window, Upcoming):
        return []
    return [w.aggregate.fact for w in ([window.top, window.bottom] if isinstance(window, Ratio) else [window])]


def without(shop: Shape, table: str) -> Shape:
    return replace(shop, rows={**shop.rows, table: 0})


@pytest.mark.parametrize("keys", KEYS)
def test_names_are_unique_and_sql_takes_them(keys: tuple[str, ...]) -> None:
    names = [f.name for f in features(FULL, keys)]
    assert len(set(names)) == len(names)
    assert all(n.isidentifier() for n in names)
    assert names


@pytest.mark.parametrize("keys", KEYS)
def test_every_feature_has_words(keys: tuple[str, ...]) -> None:
    for feature in features(FULL, keys):
        words = feature.words
        assert words.label and words.missing, feature.name
        assert words.phrase.count("{value}") == 1, feature.name
        for text in (words.label, words.phrase, words.missing):
            assert "  " not in text and "_" not in text and "None" not in text, f"{feature.name}: {text}"


@pytest.mark.parametrize("keys", KEYS)
def test_two_features_are_never_told_in_the_same_words(keys: tuple[str, ...]) -> None:
    labels: dict[str, str] = {}
    for feature in features(FULL, keys):
        other = labels.setdefault(feature.words.label, feature.name)
        assert other == feature.name, f"{other} and {feature.name} are both '{feature.words.label}'"


@pytest.mark.parametrize("table", ["events", "orders", "lines", "reviews", "satisfaction", "customers", "calendar"])
@pytest.mark.parametrize("keys", [("customer_id",), ("customer_id", "category"), ("product_id",)])
def test_no_feature_of_a_table_the_shop_has_not(table: str, keys: tuple[str, ...]) -> None:
    left = features(without(FULL, table), keys)
    assert not [f.name for f in left if table in {x.table for x in facts_of(f)}]
    assert table != "calendar" or not [f for f in left if isinstance(f.window, Upcoming)]
    if keys == ("customer_id",):
        assert len(left) < len(features(FULL, keys))


def test_only_columns_event_types_and_spans_that_the_shop_has() -> None:
    plain = replace(FULL, columns={}, event_types=("view",), returns=False, last=datetime(2018, 1, 31))
    left = features(plain)
    names = {f.name for f in left}
    assert "events_view_count_7d" in names and "events_add_to_cart_count_7d" not in names
    assert not {n for n in names if "amount" in n or "category" in n or "return" in n or "age" in n}
    spans = {w.span for f in left if isinstance(w := f.window, Past) and w.span}
    assert spans and max(s.days for s in spans) <= 60


def test_an_empty_shop_has_no_features() -> None:
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    looked = shape(engine)
    assert (looked.first, looked.last, looked.days, looked.event_types, looked.returns) == (None, None, 0.0, (), False)
    assert all(features(looked, keys) == [] for keys in KEYS)
    engine.close()


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("tz", ["UTC", "Europe/London"])
def test_every_feature_runs_on_an_empty_shop(keys: tuple[str, ...], tz: str) -> None:
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    refresh_known(engine)
    frame = Frame(keys, (datetime(2020, 1, 1), datetime(2020, 2, 1)), tz)
    query = compile_windows(frame, {f.name: f.window for f in features(FULL, keys)})
    assert len(engine.rows(query.sql())) == (0 if keys else 2)
    engine.close()


@pytest.fixture(scope="module")
def tiny() -> DuckDBEngine:
    engine = DuckDBEngine(threads=1)
    tiny_shop(engine)
    return engine


@pytest.mark.parametrize("keys", KEYS)
def test_every_feature_runs_on_a_tiny_shop_and_says_something(tiny: DuckDBEngine, keys: tuple[str, ...]) -> None:
    catalogue = features(shape(tiny), keys)
    query = compile_windows(Frame(keys, (CUTOFF,)), {f.name: f.window for f in catalogue})
    found = tiny.fetch(query.sql())
    assert found.num_rows > 0
    assert len(found.column_names) == len(keys) + 1 + len(catalogue)
    constant = [f.name for f in catalogue if keys and len(found.column(f.name).unique()) < 2]
    assert not [n for n in constant if not n.startswith("upcoming_")]


def test_features_of_the_tiny_shop_use_every_table(tiny: DuckDBEngine) -> None:
    found = features(shape(tiny))
    tables = {x.table for f in found for x in facts_of(f)}
    assert tables == {"customers", "orders", "lines", "events", "reviews", "satisfaction"}
    assert {f.window.column for f in found if isinstance(f.window, Upcoming)} == {"holiday", "promotion"}
    assert {f.name for f in found if f.text} >= {"customers_gender_latest", "customers_loyalty_tier_latest"}
