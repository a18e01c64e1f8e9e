"""Interactions as known at a cutoff: against plain Python, and nothing from the cutoff on reaches back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from tests.recommend_shop import END, buys, recommend_shop
from tests.recommend_shop import NEXT as MADE

from footfall import Task, events, lines
from footfall.engine import DuckDBEngine, literal
from footfall.models.ranking import csr
from footfall.recommend import Learning, Moment, clock_days, fit_ranker, rank, read_history, scene, suited
from test_tasks_leak import scramble
from tiny_shop import CUTOFF, tiny_shop

NEXT = Task("next-items-30d", "customer", lines.where(kind="sale").distinct("product_id"), "30d")
LOOK = Task("next-looks-7d", "customer", events.where(type="view").distinct("product_id"), "7d")


@pytest.fixture
def shop() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1)
    tiny_shop(engine)
    yield engine
    engine.close()


def test_interactions_are_the_facts_known_before(shop: DuckDBEngine) -> None:
    found = read_history(shop, NEXT, CUTOFF)
    wanted: Counter[tuple[str, str, str]] = Counter()
    for table, kind in (("lines", "kind"), ("events", "type"), ("reviews", "'rating'")):
        for customer, item, what, occurred, known in shop.rows(
            f"select customer_id, product_id, {kind}, occurred_at, known_at from {table}"
        ):
            if customer and item and occurred < CUTOFF and known < CUTOFF:
                wanted[customer, item, what] += 1
    rows = found.interactions
    mine = Counter(
        (str(found.customers[r]), str(found.products[c]), rows.kinds[k])
        for r, c, k in zip(rows.row, rows.col, rows.kind, strict=True)
    )
    assert mine == wanted
    assert set(rows.kinds) == {"sale", "view", "add_to_cart", "search", "rating", "return"}


def test_looks_as_the_question_make_views_the_sale(shop: DuckDBEngine) -> None:
    found = read_history(shop, LOOK, CUTOFF).interactions
    views = shop.value(
        f"select count(*) from events where type = 'view' and customer_id is not null and product_id is not null "
        f"and occurred_at < {literal(CUTOFF)} and known_at < {literal(CUTOFF)}"
    )
    assert int((found.kind == 0).sum()) == views
    assert "view" not in found.kinds
    assert "bought" in found.kinds


def test_an_earlier_cutoff_within_knows_what_was_known_then(shop: DuckDBEngine) -> None:
    early = CUTOFF - timedelta(days=40)
    whole, then = read_history(shop, NEXT, CUTOFF), read_history(shop, NEXT, early)
    part = whole.before(early)
    assert len(part) == len(then.interactions)
    assert part.at == then.interactions.at == clock_days(early, "UTC")
    mine = Counter((str(whole.customers[r]), str(whole.products[c])) for r, c in zip(part.row, part.col, strict=True))
    its = Counter(
        (str(then.customers[r]), str(then.products[c]))
        for r, c in zip(then.interactions.row, then.interactions.col, strict=True)
    )
    assert mine == its
    after = whole.after(early, NEXT.span)
    assert len(after)
    assert after.day.min() >= part.at
    assert after.day.max() < part.at + 30


def test_a_local_day_is_the_shops(shop: DuckDBEngine) -> None:
    here, there = (read_history(shop, NEXT, CUTOFF, tz).interactions for tz in ("UTC", "Asia/Shanghai"))
    assert there.at == pytest.approx(here.at + 8 / 24)
    np.testing.assert_allclose(np.sort(there.age), np.sort(here.age), atol=1e-6)


def _everything(engine: DuckDBEngine, tz: str) -> list[np.ndarray]:
    history = read_history(engine, NEXT, CUTOFF, tz)
    specs = suited(history.interactions)
    now = Moment.at(history.interactions, specs, 30.0)
    pool, values = now.pool(np.arange(len(history.customers)))
    out = [history.customers.astype(str), history.products.astype(str), history.gone, pool.row, pool.col]
    out += [v for _, v in sorted(values.items())]
    out += [v for _, v in sorted(history.interactions.people.items())]
    out += [np.asarray(history.interactions.listed), *(v for _, v in sorted(history.interactions.items.items()))]
    out += [] if history.interactions.text is None else [history.interactions.text.toarray()]
    ranker = fit_ranker(engine, NEXT, CUTOFF, tz, Learning(cutoffs=2, trees=15, rows=10_000), history)
    for chunk in rank(scene(ranker, history), k=5):
        out += [chunk.customer, chunk.item, chunk.score, np.asarray(chunk.reason)]
    return out


@pytest.mark.parametrize("tz", ["UTC", "Asia/Shanghai"])
def test_nothing_from_the_cutoff_on_reaches_back(shop: DuckDBEngine, tz: str) -> None:
    before = _everything(shop, tz)
    scramble(shop, literal(CUTOFF))
    after = _everything(shop, tz)
    assert len(before) == len(after)
    for mine, its in zip(before, after, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_pair_features_are_what_plain_counting_says(shop: DuckDBEngine) -> None:
    history = read_history(shop, NEXT, CUTOFF)
    rows = history.interactions
    now = Moment.at(rows, suited(rows), 30.0)
    pool, values = now.pool(np.arange(40))
    sales = [
        (int(r), int(c), float(d)) for r, c, d, k in zip(rows.row, rows.col, rows.day, rows.kind, strict=True) if k == 0
    ]
    views = [
        (int(r), int(c), float(rows.at - d))
        for r, c, d, k in zip(rows.row, rows.col, rows.day, rows.kind, strict=True)
        if rows.kinds[k] == "view"
    ]
    for i in range(0, len(pool), 37):
        customer, item = int(pool.row[i]), int(pool.col[i])
        days = sorted({int(d) for r, c, d in sales if (r, c) == (customer, item)})
        assert values["bought times"][i] == len(days)
        baskets = {int(d) for r, _, d in sales if r == customer}
        assert values["customer baskets"][i] == len(baskets)
        assert values["bought share of baskets"][i] == pytest.approx(len(days) / max(1, len(baskets)))
        looked = [age for r, c, age in views if (r, c) == (customer, item)]
        assert values["view times"][i] == len(looked)
        assert values["view times 7"][i] == sum(age <= 7 for age in looked)
        if looked:
            assert values["view last"][i] == pytest.approx(min(looked))
        buyers = {r for r, c, _ in sales if c == item}
        assert values["product buyers"][i] == pytest.approx(len(buyers) / len({r for r, _, _ in sales}))
    assert csr(np.ones(len(pool)), pool.row, pool.col, (rows.customers, rows.products)).max() == 1


def test_the_share_of_a_category_leaves_the_product_itself_out() -> None:
    engine = DuckDBEngine(threads=1)
    recommend_shop(engine)
    history = read_history(engine, MADE, END)
    engine.close()
    rows = history.interactions
    pool, values = Moment.at(rows, suited(rows), 30.0).pool(np.arange(6))
    category, brand = rows.items["category"], rows.items["brand"]
    for i in range(len(pool)):
        customer, item = int(str(history.customers[pool.row[i]])[1:]), pool.col[i]
        bought = [history.product_numbers[f"p{p}"] for _, p in buys(customer)]
        other = [p for p in bought if p != item]
        for name, codes in (("category", category), ("brand", brand)):
            same = sum(codes[p] == codes[item] for p in other)
            assert values[f"{name} share"][i] == pytest.approx(same / len(other))
