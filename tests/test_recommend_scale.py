"""Rankings for very many: chunks and threads change nothing, reasons said once for all rows are true, samples learn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.recommend_shop import CUSTOMERS, END, NEXT, buys, recommend_shop

from footfall.answers import Context, fit, predict, ranking_rows, rankings
from footfall.engine import DuckDBEngine
from footfall.recommend import (
    ALL,
    COLD,
    NEW,
    RERANKED,
    Learning,
    Scene,
    Trees,
    chosen,
    fit_ranker,
    past_moment,
    rank,
    read_history,
    recommender,
    scene,
)
from footfall.recommend.quick import quick_reasons
from footfall.recommend.reasons import reasons
from footfall.recommend.recommender import sides
from footfall.tabular import Settings

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
    return scene(fit_ranker(shop, NEXT, END, learning=QUICK, history=history), history)


def test_chunks_and_threads_change_nothing(learnt: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    (whole,) = rank(learnt, k=4)
    monkeypatch.setattr(recommender, "CHUNK", 7)
    for threads in (1, 2, 5):
        parts = list(rank(learnt, k=4, threads=threads))
        assert len(parts) == -(-(CUSTOMERS + 4) // 7)
        for name in ("customer", "item", "rank", "score"):
            np.testing.assert_array_equal(np.concatenate([getattr(p, name) for p in parts]), getattr(whole, name))
        assert [r for p in parts for r in p.reason] == whole.reason


def test_reasons_said_once_are_those_said_one_by_one(learnt: Scene) -> None:
    for which, _, pool, values in sides(learnt, np.arange(CUSTOMERS + 4), ALL):
        moment = learnt.moment
        if which == COLD:
            moment = replace(moment, specs=tuple(s for s in moment.specs if not s.personal))
        rows = (pool.row, pool.col)
        fast = quick_reasons(moment, learnt.history, rows, values)
        slow = reasons(moment, learnt.history, learnt.ranker.reranker, rows, values, "")
        assert len(fast) == len(slow) == len(pool)
        for mine, its in zip(fast, slow, strict=True):
            # Of several products that led to one, the many rows name the first.
            assert its.startswith(mine) or mine == its, (mine, its)


def test_customers_without_a_history_are_learnt_apart(learnt: Scene) -> None:
    reranker = learnt.ranker.reranker
    assert set(reranker.boosters) == {ALL, NEW, COLD} == set(learnt.ranker.answer)
    (cold,) = (s for s in sides(learnt, np.arange(CUSTOMERS + 4), ALL) if s.way == COLD)
    told = {str(learnt.history.customers[c]) for c in cold.customers}
    assert told == {f"c{c}" for c in range(CUSTOMERS, CUSTOMERS + 4)}


def test_the_rehearsal_picks_how_trees_grow(shop: DuckDBEngine, learnt: Scene) -> None:
    tried = {k: v for k, v in learnt.ranker.rehearsed[ALL].items() if k.startswith("trees: ")}
    assert len(tried) == 2
    best = max(tried, key=lambda k: tried[k])
    grown = learnt.ranker.reranker.grown[ALL]
    assert tried[f"trees: {grown}"] == tried[best] == learnt.ranker.rehearsed[ALL][RERANKED]
    fixed = replace(QUICK, objective="chance", leaves=5)
    ranker = fit_ranker(shop, NEXT, END, learning=fixed)
    assert ranker.reranker.grown[ALL] == Trees("chance", 40, 5)
    assert chosen({RERANKED: 0.3, "own": 0.4, "trees: chance, 9 trees of 2 leaves": 0.9}) == "own"


def test_a_sample_of_the_customers_teaches_an_earlier_moment(learnt: Scene) -> None:
    history, few = learnt.history, replace(QUICK, among=20)
    cutoff = recommender.training_cutoffs(history, NEXT, QUICK)[0]
    part, whole = (past_moment(history, NEXT, cutoff, learnt.ranker.specs, how) for how in (few, QUICK))
    some = np.flatnonzero(part.told)
    assert 8 < len(some) < 35 < whole.told.sum()
    kept = np.isin(whole.interactions.row, some)
    np.testing.assert_array_equal(part.interactions.col, whole.interactions.col[kept])
    assert set(np.flatnonzero(np.diff(part.taken.indptr))) <= set(some)


def test_lists_are_written_by_the_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = DuckDBEngine(threads=1)
    recommend_shop(engine)
    context = Context(engine, tmp_path / "models", "UTC", replace(Settings(), budget=1))
    told: list[str] = []
    context = replace(context, progress=told.append)
    fit(context, NEXT, at=END)
    whole = predict(context, NEXT, at=END, top=3)
    monkeypatch.setattr(recommender, "CHUNK", 10)
    monkeypatch.setattr(rankings, "RETURNED", 40)
    monkeypatch.setattr(rankings, "CROWD", 40)
    part = predict(context, NEXT, at=END, top=3)
    stored = engine.fetch("select * exclude (made_at) from recommendations order by customer_id, rank")
    assert stored.num_rows == whole.num_rows == 3 * (CUSTOMERS + 4)
    assert stored.equals(whole.drop(["made_at"]).sort_by([("customer_id", "ascending"), ("rank", "ascending")]))
    assert part.num_rows == 30 and part.drop(["made_at"]).equals(whole.drop(["made_at"]).slice(0, 30))
    assert any("192 rows are in the table recommendations" in t for t in told)
    done = [int(t.split("lists of ")[1].split()[0]) for t in told if "lists of " in t]
    assert done == [10, 20, 30, 40, 50, 60, 64]
    assert ranking_rows.RankingRows(NEXT, read_history(engine, NEXT, END), {}).table(None).num_rows == 0
    monkeypatch.setattr(rankings, "BUSY", 10)
    assert rankings.learning(context).dial == rankings.SPARSE < 1.0 == Learning().dial
    assert rankings.learning(context, dial=0.2).dial == 0.2
    engine.close()


def test_a_bought_product_is_a_true_reason(learnt: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recommender, "EXACT", 0)
    told = 0
    for part in rank(learnt, k=5):
        for customer, reason in zip(part.customer, part.reason, strict=True):
            if reason.startswith("since you bought product "):
                mine = {p for _, p in buys(int(str(learnt.history.customers[customer])[1:]))}
                assert int(reason.rsplit(" ", 1)[1]) in mine
                told += 1
    assert told > CUSTOMERS / 2
