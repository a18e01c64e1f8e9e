"""Bought together, who would want it, and sessions out of a shop."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from tests.recommend_shop import CUSTOMERS, END, NEXT, START, recommend_shop, staple
from tests.toy_interactions import checkerboard

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.models.ranking import Interactions
from footfall.recommend import (
    Learning,
    bought_together,
    fit_ranker,
    read_history,
    read_sessions,
    scene,
    who_would_want,
)
from footfall.recommend.sessions import sessions_query
from footfall.tables import publish_views
from tiny_shop import CUTOFF, tiny_shop


@pytest.fixture
def shop() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1)
    recommend_shop(engine)
    yield engine
    engine.close()


def test_rules_are_what_counting_baskets_says() -> None:
    engine = DuckDBEngine(threads=1)
    tiny_shop(engine)
    rows = read_history(engine, NEXT, CUTOFF).interactions
    engine.close()
    baskets: dict[tuple[int, int], set[int]] = {}
    for r, c, d, k in zip(rows.row, rows.col, rows.day, rows.kind, strict=True):
        if rows.kinds[k] == "sale":
            baskets.setdefault((int(r), int(d)), set()).add(int(c))
    single = Counter(p for one in baskets.values() for p in one)
    pairs = Counter(pair for one in baskets.values() for pair in combinations(sorted(one), 2))
    found = bought_together(rows, least=2)
    assert len(found.first) == 2 * sum(n >= 2 for n in pairs.values()) > 0
    for a, b, n, support, confidence, lift, lower, upper in zip(*found, strict=True):
        assert n == pairs[min(a, b), max(a, b)]
        assert support == pytest.approx(n / len(baskets))
        assert confidence == pytest.approx(n / single[a])
        assert lift == pytest.approx(n * len(baskets) / single[a] / single[b])
        spread = math.log(upper / lift)
        assert math.log(lift / lower) == pytest.approx(spread)
    assert (np.diff(found.lower) <= 0).all()
    assert len(bought_together(rows, least=2, most=3).first) == 3


def test_the_interval_of_the_lift_holds_the_true_one() -> None:
    """Baskets drawn with known chances: a alone, b alone, both, neither."""
    dice = np.random.default_rng(0)
    both, first, second, baskets = 0.05, 0.1, 0.2, 2_000
    true = both / ((both + first) * (both + second))
    drawn = dice.multinomial(baskets, [both, first, second, 1 - both - first - second], size=400)
    held = []
    for n, a, b, _ in drawn:
        col = np.concatenate([np.zeros(n + a), np.ones(n + b), np.full(baskets, 2)]).astype(np.int64)
        row = np.concatenate([np.arange(n), n + np.arange(a), np.arange(n), n + a + np.arange(b), np.arange(baskets)])
        none = np.zeros(len(row))
        rows = Interactions(baskets, 3, row, col, none, none.astype(np.int64), none + 1, 1.0)
        found = bought_together(rows, least=1)
        pairs = {(int(x), int(y)): k for k, (x, y) in enumerate(zip(found.first, found.second, strict=True))}
        there, back = pairs[0, 1], pairs[1, 0]
        assert found.lower[there] == pytest.approx(found.lower[back]), "the lift has no direction"
        held.append(found.lower[there] <= true <= found.upper[there])
    assert 0.92 <= np.mean(held) <= 0.98


def test_nothing_stands_together_where_every_basket_holds_one() -> None:
    assert len(bought_together(checkerboard(), least=1).first) == 0


def test_who_would_want_a_staple_are_those_whose_staple_it_is(shop: DuckDBEngine) -> None:
    history = read_history(shop, NEXT, END)
    ranker = fit_ranker(shop, NEXT, END, learning=Learning(cutoffs=3, trees=40, rows=20_000), history=history)
    of = scene(ranker, history)
    who, place, score, why = who_would_want(of, "p2", k=15)
    wanted = {f"c{c}" for c in range(CUSTOMERS) if staple(c) == 2}
    assert len({str(history.customers[w]) for w in who} & wanted) >= 13
    assert (np.diff(place) >= 0).all()
    assert len(who) == len(place) == len(score) == len(why) == 15 and all(why)
    with pytest.raises(FootfallError, match="no product 'q2'"):
        who_would_want(of, "q2")


def test_sessions_are_the_sources_or_end_after_half_an_hour(shop: DuckDBEngine) -> None:
    """c0 without sessions: two looks, a pause of an hour, two more. c1: two named sessions at one time."""
    begin = START + timedelta(days=190)
    looks = [("c0", None, 0, "p0"), ("c0", None, 10, "p2"), ("c0", None, 70, "p4"), ("c0", None, 75, "p6"),
             ("c1", "s1", 0, "p1"), ("c1", "s2", 1, "p5"), ("c1", "s1", 2, "p3"), ("c1", "s2", 3, "p7")]  # fmt: skip
    rows = [
        {"event_id": f"e{i}", "source_customer_id": who, "session_id": session, "type": "view", "product_id": product,
         "occurred_at": begin + timedelta(minutes=minute), "known_at": begin + timedelta(minutes=minute),
         "source": "made"}
        for i, (who, session, minute, product) in enumerate(looks)
    ]  # fmt: skip
    history = read_history(shop, NEXT, END)
    with pytest.raises(FootfallError, match="no events on products"):
        read_sessions(shop, history)
    shop.append("facts.events", pa.Table.from_pylist(rows))
    publish_views(shop)
    found: dict[str, set[str]] = {}
    for session, item, _ in shop.rows(sessions_query(END).sql()):
        found.setdefault(session, set()).add(item)
    assert sorted(sorted(s) for s in found.values()) == [["p0", "p2"], ["p1", "p3"], ["p4", "p6"], ["p5", "p7"]]
    assert not shop.rows(sessions_query(begin).sql()), "nothing at the cutoff or after it"
    model = read_sessions(shop, history)
    numbers = history.product_numbers
    assert model.next([numbers["p0"]], 3).items[0].tolist() == [numbers["p2"], -1, -1]
    assert model.next([numbers["p7"]], 1).items[0].tolist() == [numbers["p5"]]
