"""Similar products, and running sessions under rules: against counting in plain Python."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from tests.recommend_shop import CUSTOMERS, END, NEXT, PRODUCTS, START, buys, recommend_shop

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.recommend import Rules, read_history, running, similar
from footfall.tables import publish_views


@pytest.fixture(scope="module")
def shop() -> Iterator[DuckDBEngine]:
    """With visits: each of six walks through three products, in that order, on its own day."""
    engine = DuckDBEngine(threads=1)
    recommend_shop(engine)
    walks = [(0, 2, 4), (0, 2, 6), (1, 3, 5), (1, 3, 5), (2, 8, 0), (7, 9, 11)]
    rows = []
    for k, walk in enumerate(walks):
        for step, product in enumerate(walk):
            at = START + timedelta(days=190, hours=k, minutes=step)
            seen = {"event_id": f"e{k}-{step}", "session_id": f"s{k}", "type": "view", "product_id": f"p{product}"}
            rows.append({**seen, "source_customer_id": f"c{k}", "occurred_at": at, "known_at": at, "source": "made"})
    engine.append("facts.events", pa.Table.from_pylist(rows))
    publish_views(engine)
    yield engine
    engine.close()


def test_products_of_the_same_customers_are_alike() -> None:
    engine = DuckDBEngine(threads=1)
    recommend_shop(engine)
    history = read_history(engine, NEXT, END)
    engine.close()
    buyers: dict[int, set[int]] = defaultdict(set)
    for c in range(CUSTOMERS):
        for _, product in buys(c):
            buyers[product].add(c)
    number = {p: int(history.product_numbers[f"p{p}"]) for p in range(PRODUCTS)}
    by_customers = sorted(
        (p for p in buyers if p != 4 and buyers[p] & buyers[4]),
        key=lambda p: (-len(buyers[p] & buyers[4]) / math.sqrt(len(buyers[p]) + 5), number[p]),
    )
    band = history.interactions.items["price_band"]

    def shared(p: int) -> float:
        most = max(len(b) for b in buyers.values())
        same = (p % 2 == 0) + (p // 2 == 2) + int(band[number[p]] == band[number[4]])
        return same + 0.5 * len(buyers[p]) / (1 + most)

    by_content = sorted(
        (p for p in range(PRODUCTS) if p != 4 and shared(p) >= 1),
        key=lambda p: (-shared(p), number[p]),
    )
    score: Counter[int] = Counter()
    for one in (by_customers, by_content):
        for place, p in enumerate(one):
            score[p] += 1 / (60 + place)  # type: ignore[assignment]
    found = similar(history, "p4", PRODUCTS)
    mine = {int(str(history.products[i])[1:]): s for i, s in zip(found.item, found.score, strict=True)}
    assert mine == pytest.approx(dict(score))
    assert (np.diff(found.score) <= 0).all() and "p4" not in history.products[found.item]
    assert set(found.reason) <= {"bought by the same customers", "the same brand", "the same category",
                                 "the same category, brand", "the same brand, price band",
                                 "the same category, price band", "the same price band",
                                 "the same category, brand, price band"}  # fmt: skip
    assert "p18" in history.products[found.item], "nobody ever bought it: it is alike in what it is"


def test_visits_count_where_there_are_any_and_rules_hold(shop: DuckDBEngine) -> None:
    history = read_history(shop, NEXT, END)
    assert "looked at by the same visitors" in similar(history, "p0", 5).reason
    found = similar(history, "p0", 5, Rules(exclude=["p2"], pin=["p19"]))
    assert history.products[found.item][0] == "p19" and found.reason[0] == "the shop shows it to everyone"
    assert "p2" not in history.products[found.item]
    with pytest.raises(FootfallError, match=r"no product 'p90' before 2024-07-19; did you mean 'p9'"):
        similar(history, "p90")


def test_a_running_visit_is_answered_by_its_like_and_filled_up(shop: DuckDBEngine) -> None:
    history = read_history(shop, NEXT, END)
    loaded = running(shop, history)

    def names(session: list[str], k: int = 3) -> list[str]:
        return [str(history.products[one.item]) for one in loaded.next(session, k)]

    assert names(["p0", "p2"], 2) == ["p4", "p6"], "of two that are equal, the first by its number"
    assert names(["p1"], 2) == ["p3", "p5"], "what stands nearer comes first"
    assert loaded.next(["p1"], 1)[0].reason == "who looked at product 1 went on to it"
    rest = loaded.next(["p7"], 6)
    assert [str(history.products[one.item]) for one in rest[:2]] == ["p9", "p11"]
    assert {one.reason for one in rest[2:]} == {"what most visitors look at now"}
    assert len({one.item for one in rest}) == 6
    assert names(["unheard-of", "p1"], 1) == ["p3"], "what is not known is passed over"
    assert names(["p12"], 1) == ["p0"], "nobody looked at it: what most visits hold"
    with pytest.raises(FootfallError, match="no product 'unheard-of'"):
        loaded.next(["unheard-of"], 3)
    for wrong in (([], 3), (["p1"], 0)):
        with pytest.raises(UsageError, match="one item or more"):
            loaded.next(*wrong)


def test_rules_of_a_running_visit(shop: DuckDBEngine) -> None:
    history = read_history(shop, NEXT, END)
    loaded = running(shop, history, Rules(exclude=["p3"], pin=["p19"], limit={"category": 2}))
    shown = [str(history.products[one.item]) for one in loaded.next(["p1"], 4)]
    assert shown[0] == "p19" and "p3" not in shown
    assert sum(int(p[1:]) % 2 for p in shown[1:]) <= 2
