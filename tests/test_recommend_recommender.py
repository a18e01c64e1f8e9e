"""Rankings of a shop whose right answers are known: learning, reasons, rules, cold customers, saving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.recommend_shop import CUSTOMERS, END, NEXT, START, buys, recommend_shop, staple

from footfall import Task, lines, orders
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.recommend import (
    ALL,
    NEW,
    OWN,
    RERANKED,
    History,
    Learning,
    Ranker,
    Ranking,
    Rules,
    Scene,
    fit_ranker,
    past_moment,
    rank,
    read_history,
    scene,
    training_cutoffs,
)
from footfall.recommend.candidates import COLD
from footfall.recommend.reasons import theme_of
from footfall.tables import create_tables, publish_views, refresh_known

QUICK = Learning(cutoffs=3, trees=40, rows=20_000)


@pytest.fixture(scope="module")
def shop() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1)
    recommend_shop(engine)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def learnt(shop: DuckDBEngine) -> Scene:
    history = read_history(shop, NEXT, END)
    ranker = fit_ranker(shop, NEXT, END, learning=QUICK, history=history)
    return scene(ranker, history)


def _by_customer(history: History, chunks: Iterator[Ranking]) -> dict[str, list[tuple[str, float, str]]]:
    out: dict[str, list[tuple[str, float, str]]] = {}
    for chunk in chunks:
        for c, i, place, score, reason in zip(*chunk, strict=True):
            mine = out.setdefault(str(history.customers[c]), [])
            mine.append((str(history.products[i]), float(score), reason))
            assert len(mine) == place, "ranks count from 1 without a gap"
    return out


def test_training_cutoffs_leave_a_whole_horizon_before_and_behind(shop: DuckDBEngine) -> None:
    history = read_history(shop, NEXT, END)
    found = training_cutoffs(history, NEXT, Learning(cutoffs=50, step=20))
    assert found[0] == END - timedelta(days=30)
    assert all(a - b == timedelta(days=20) for a, b in pairwise(found))
    assert found[-1] >= START + timedelta(days=28) > found[-1] - timedelta(days=20)


def test_staples_come_first_and_the_rest_is_of_the_right_colour(learnt: Scene) -> None:
    found = _by_customer(learnt.history, rank(learnt, k=3))
    assert len(found) == CUSTOMERS + 4
    first = [found[f"c{c}"][0][0] == f"p{staple(c)}" for c in range(CUSTOMERS)]
    assert np.mean(first) > 0.95
    for c in range(CUSTOMERS):
        scores = [s for _, s, _ in found[f"c{c}"]]
        assert scores == sorted(scores, reverse=True)


def test_new_ones_were_never_bought_and_are_what_the_customer_has_left(learnt: Scene) -> None:
    found = _by_customer(learnt.history, rank(learnt, k=2, way=NEW))
    right = 0
    for c in range(CUSTOMERS):
        bought = {p for _, p in buys(c)}
        shown = {int(p[1:]) for p, _, _ in found[f"c{c}"]}
        assert not shown & bought
        right += sum(p % 2 == c % 2 for p in shown)
    assert right > 0.9 * 2 * CUSTOMERS


def test_customers_without_a_purchase_are_shown_what_people_like_them_buy(
    learnt: Scene,
) -> None:
    history, moment = learnt.history, learnt.moment
    cold = np.asarray([history.numbers[f"c{c}"] for c in range(CUSTOMERS, CUSTOMERS + 4)])
    found = _by_customer(history, rank(learnt, cold, k=3))
    for c in range(CUSTOMERS, CUSTOMERS + 4):
        assert len(found[f"c{c}"]) == 3
        assert not any("you bought" in r or "you buy" in r for _, _, r in found[f"c{c}"]), "they bought nothing"
    some = moment.generators["neighbours"].candidates(cold, 2).items
    assert all(
        int(str(history.products[i])[1:]) % 2 == c % 2 for c, row in zip((0, 1, 2, 3), some, strict=True) for i in row
    )


def test_reasons_are_true_of_the_customer(learnt: Scene) -> None:
    found = _by_customer(learnt.history, rank(learnt, k=4))
    told = 0
    for c in range(CUSTOMERS):
        days: dict[int, list[int]] = {}
        for day, product in buys(c):
            days.setdefault(product, []).append(day)
        for product, _, reason in found[f"c{c}"]:
            number = int(product[1:])
            if reason.startswith("you buy this about every"):
                told += 1
                gap, last = len(days[number]), days[number][-1]
                assert gap >= 2
                assert reason.startswith("you buy this about every 2 weeks")
                ago = 200 - last - 1  # bought in the morning: the last whole day is not over
                assert f"last {'today' if ago == 0 else 'yesterday' if ago == 1 else f'{ago} days ago'}" in reason
            elif reason.startswith("you bought this once"):
                assert len(days[number]) == 1
            elif reason.startswith("since you bought"):
                names = reason.removeprefix("since you bought ").split(" and ")
                assert {int(n.removeprefix("product ")) for n in names} <= set(days)
    assert told > CUSTOMERS / 2


def test_two_fits_and_a_saved_one_rank_alike(shop: DuckDBEngine, learnt: Scene, tmp_path: Path) -> None:
    ranker, history = learnt.ranker, learnt.history
    again = fit_ranker(shop, NEXT, END, learning=QUICK)
    ranker.save(tmp_path / "r")
    loaded = Ranker.load(tmp_path / "r", NEXT)
    assert loaded.answer == ranker.answer == again.answer
    assert loaded.specs == ranker.specs == again.specs
    assert loaded.paced == ranker.paced == again.paced
    assert set(ranker.paced) >= {"together", "content"}, "half-lives were tried"
    for way in (ALL, NEW):
        mine = list(rank(learnt, k=5, way=way))
        for other in (again, loaded):
            its = list(rank(scene(other, history), k=5, way=way))
            for a, b in zip(mine, its, strict=True):
                for x, y in zip(a, b, strict=True):
                    np.testing.assert_array_equal(np.asarray(x), np.asarray(y))
    assert not [p for p in (tmp_path / "r").rglob("*") if p.suffix in (".pkl", ".pickle", ".joblib")]
    with pytest.raises(FootfallError, match="no fitted ranking of 'next-items-30d'"):
        Ranker.load(tmp_path / "nowhere", NEXT)


def test_the_rehearsal_compares_with_each_generator_and_the_best_answers(
    learnt: Scene,
) -> None:
    ranker = learnt.ranker
    assert {RERANKED, OWN, "own", "due", "together", "popular", "ease"} <= set(ranker.rehearsed[ALL])
    assert not {"own", "due", OWN} & set(ranker.rehearsed[NEW])
    assert ranker.rehearsed[NEW]
    for way, found in ranker.rehearsed.items():
        assert found[ranker.answer[way]] == max(found.values())
        assert all(0 <= v <= 1 for v in found.values())


def test_rules_hold(learnt: Scene) -> None:
    rules = Rules(exclude=["p0"], pin=["p18"], limit={"brand": 1})
    history = learnt.history
    for mine in _by_customer(history, rank(learnt, k=4, rules=rules)).values():
        shown = [p for p, _, _ in mine]
        assert shown[0] == "p18"
        assert "p0" not in shown
        brands = [int(p[1:]) // 2 for p in shown[1:]]
        assert len(set(brands)) == len(brands)
    for mine in _by_customer(history, rank(learnt, k=4, rules=Rules(exclude_categories=["f"]))).values():
        assert all(int(p[1:]) % 2 for p, _, _ in mine)
    with pytest.raises(FootfallError, match=r"no product 'p99'"):
        next(rank(learnt, rules=Rules(pin=["p99"])))
    with pytest.raises(FootfallError, match=r"no category 'g'"):
        next(rank(learnt, rules=Rules(exclude_categories=["g"])))
    with pytest.raises(UsageError, match="both pinned and excluded"):
        Rules(exclude=["p1"], pin=["p1"])
    with pytest.raises(UsageError, match="per category or brand, not per 'colour'"):
        Rules(limit={"colour": 1})
    with pytest.raises(UsageError, match="leaves nothing to show"):
        Rules(limit={"brand": 0})
    with pytest.raises(UsageError, match="of all or new products"):
        next(rank(learnt, way="old"))
    with pytest.raises(UsageError, match="shows nothing"):
        next(rank(learnt, k=0))


def test_what_is_sold_out_is_not_shown() -> None:
    engine = DuckDBEngine(threads=1)
    recommend_shop(engine)
    early, late = START + timedelta(days=100), START + timedelta(days=150)
    levels = [("p0", early, 9.0), ("p0", late, 0.0), ("p2", early, 0.0), ("p2", late, 4.0)]
    stock = [
        {"product_id": p, "quantity": q, "occurred_at": at, "known_at": at, "source": "made"}
        for p, at, q in levels
    ]  # fmt: skip
    engine.append("facts.stock", pa.Table.from_pylist(stock))
    publish_views(engine)
    history = read_history(engine, NEXT, END)
    assert [str(p) for p in history.products[history.gone]] == ["p0"]
    assert not read_history(engine, NEXT, START + timedelta(days=140)).gone[history.product_numbers["p0"]]
    ranker = fit_ranker(engine, NEXT, END, learning=Learning(cutoffs=0), history=history)
    assert "too little history" in ranker.caution
    shown = _by_customer(history, rank(scene(ranker, history), k=3))
    assert all(p != "p0" for mine in shown.values() for p, _, _ in mine)
    both = _by_customer(history, rank(scene(ranker, history), k=3, rules=Rules(in_stock=False)))
    assert any(p == "p0" for mine in both.values() for p, _, _ in mine)
    engine.close()


def test_categories_rank_as_products_do(shop: DuckDBEngine) -> None:
    task = Task("next-categories-30d", "customer", lines.where(kind="sale").distinct("category"), "30d")
    history = read_history(shop, task, END)
    assert history.products.tolist() == ["f", "m"]
    ranker = fit_ranker(shop, task, END, learning=QUICK, history=history)
    found = _by_customer(history, rank(scene(ranker, history), k=5))
    assert all(found[f"c{c}"][0][0] == "fm"[c % 2] for c in range(CUSTOMERS))


def test_bad_questions_are_named(shop: DuckDBEngine) -> None:
    with pytest.raises(FootfallError, match="buy-7d is no ranking per customer"):
        read_history(shop, Task("buy-7d", "customer", orders.any(), "7d"), END)
    with pytest.raises(FootfallError, match="nothing to recommend"):
        read_history(shop, NEXT, START - timedelta(days=5))
    empty = DuckDBEngine(threads=1)
    create_tables(empty)
    with pytest.raises(FootfallError, match="nothing to recommend"):
        read_history(empty, NEXT, END)
    empty.close()


def test_a_catalogue_of_one_and_customers_of_one_event_each() -> None:
    engine = DuckDBEngine(threads=1)
    create_tables(engine)
    rows = [
        {"order_id": f"o{c}", "product_id": "only", "source_customer_id": f"c{c}", "kind": "sale", "quantity": 1.0,
         "price": 1.0, "amount": 1.0, "occurred_at": START + timedelta(days=c), "known_at": START + timedelta(days=c),
         "source": "made"}
        for c in range(50)
    ]  # fmt: skip
    engine.append("facts.lines", pa.Table.from_pylist(rows))
    publish_views(engine)
    refresh_known(engine)
    at = START + timedelta(days=90)
    history = read_history(engine, NEXT, at)
    ranker = fit_ranker(engine, NEXT, at, learning=QUICK, history=history)
    found = _by_customer(history, rank(scene(ranker, history), k=5))
    assert len(found) == 50
    assert all([p for p, _, _ in mine] == ["only"] for mine in found.values())
    assert not list(_by_customer(history, rank(scene(ranker, history), k=5, way=NEW)))
    engine.close()


def test_themes_of_features() -> None:
    kinds = ("sale", "view")
    said = {"due place": "own", "ease_lately score": "together", "customer baskets": "", "bought last": "own",
            "view last": "looked", "product trend": "rising", "product buyers": "popular", "brand share": "content",
            "neighbours score": "people"}  # fmt: skip
    assert {f: theme_of(f, kinds) for f in said} == said


def test_who_did_not_answer_gives_no_reason(learnt: Scene) -> None:
    """Where own frequency answers alone, no other signal is named; nor does a long list name what was not proposed."""
    alone = replace(learnt, ranker=replace(learnt.ranker, answer={ALL: OWN, NEW: "together", COLD: "popular"}))
    for mine in _by_customer(learnt.history, rank(alone, k=4)).values():
        assert all(r.startswith(("you b", "what customers buy")) or "of customers bought it" in r for _, _, r in mine)
    for who, mine in _by_customer(learnt.history, rank(alone, k=2, way=NEW)).items():
        bought = int(who[1:]) < CUSTOMERS
        assert all(r.startswith("since you bought") if bought else "of customers bought it" in r for _, _, r in mine)


def test_a_lesson_of_few_wrong_ones_keeps_all_right_ones(shop: DuckDBEngine, learnt: Scene) -> None:
    history = learnt.history
    past = past_moment(history, NEXT, END - timedelta(days=30), learnt.ranker.specs)
    customers = past.eager(100, 0)
    whole, few = past.lesson(customers, ALL), past.lesson(customers, ALL, wrong=3)
    assert few.right.sum() == whole.right.sum() > 0
    assert len(few.group) == len(whole.group)
    assert few.group.sum() == len(few) < len(whole)
    ends = np.cumsum(few.group)
    wrong = [int((~few.right[end - size : end]).sum()) for size, end in zip(few.group, ends, strict=True)]
    assert max(wrong) == 3
    assert np.mean(wrong) > 2.5
