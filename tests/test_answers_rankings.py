"""Rankings carried out: what is tested, kept and written, and what is refused."""

from __future__ import annotations

import importlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from footfall.answers import Context, backtest, explain, fit, predict, run, show
from footfall.engine import DuckDBEngine, literal
from footfall.errors import FootfallError, UsageError
from footfall.recommend import read_history
from footfall.tabular import RUN_BUDGET, Settings
from footfall.tasks import CATALOGUE, Task
from footfall.windows import lines
from tiny_shop import tiny_shop

ITEMS, CATEGORIES = CATALOGUE["next-items-30d"], CATALOGUE["next-categories-30d"]


@pytest.fixture
def context(tmp_path: Path) -> Context:
    engine = DuckDBEngine(threads=2)
    tiny_shop(engine)
    return Context(engine, tmp_path / "models", "UTC", replace(Settings(), tests=1, budget=RUN_BUDGET))


def test_the_top_five_are_one_query_away(context: Context) -> None:
    fit(context, ITEMS)
    table = predict(context, ITEMS, top=5)
    engine = context.engine
    end = context.clock(context.shape()).end
    asked = engine.value(f"select count(distinct customer_id) from orders where known_at < {literal(end)}")
    assert asked > 50
    top = "select customer_id, rank, product_id, name, reason from recommendations where rank <= 5"
    rows = engine.rows(f"{top} order by customer_id, rank")
    assert len(rows) == table.num_rows == 5 * asked
    assert [r[1] for r in rows[:5]] == [1, 2, 3, 4, 5]
    assert len({r[2] for r in rows[:5]}) == 5 and all(r[4] for r in rows)
    sold = {p for (p,) in engine.rows("select distinct product_id from lines")}
    assert {r[2] for r in rows} <= sold
    assert engine.rows("select model, kind, population from questions")[0][1:] == ("ranking", asked)
    again = predict(context, ITEMS, top=5)
    assert again.drop(["made_at"]).equals(table.drop(["made_at"]))


def test_categories_are_ranked_alike(context: Context) -> None:
    fit(context, CATEGORIES)
    table = predict(context, CATEGORIES, top=3)
    assert table.column("product_id").null_count == table.num_rows
    assert set(table.column("category").to_pylist()) <= {f"k{i}" for i in range(5)}


def test_a_backtest_stands_beside_what_was_taken_most_often(context: Context) -> None:
    done = backtest(context, ITEMS, tests=1)
    found = {(r["model"], r["metric"]): r for r in done.evaluations}
    assert {"reranked", "own frequency", "popular"} <= {m for m, _ in found}
    for k in (5, 10, 20):
        assert 0 <= found["reranked", f"recall@{k}"]["value"] <= 1
    assert found["own frequency", "ndcg@20"]["difference"] is None
    assert found["reranked", "ndcg@20"]["difference_lower"] is not None
    (verdict,) = done.verdicts
    assert verdict["verdict"] in ("yes", "no", "cannot tell") and "ndcg" in verdict["sentence"]


def test_one_customer_is_explained(context: Context) -> None:
    fit(context, ITEMS)
    rows = explain(context, ITEMS, "c1")
    assert set(rows.column("customer_id").to_pylist()) == {"c1"} and all(rows.column("reason").to_pylist())
    with pytest.raises(FootfallError, match="does not know a customer 'nobody'"):
        explain(context, ITEMS, "nobody")


def test_what_cannot_be_asked_is_said(context: Context) -> None:
    end = context.clock(context.shape()).end
    with pytest.raises(FootfallError, match="run: footfall fit next-items-30d"):
        predict(context, ITEMS)
    fit(context, ITEMS)
    with pytest.raises(FootfallError, match="was trained on history before"):
        predict(context, ITEMS, end - timedelta(days=7))
    with pytest.raises(UsageError, match="leave --model out"):
        fit(context, ITEMS, "boosted")
    with pytest.raises(UsageError, match="no list is made by 'nosuch'"):
        backtest(context, ITEMS, ["nosuch"], 1)
    brands = Task("next-brands-30d", "customer", lines.distinct("brand"), "30d")
    with pytest.raises(FootfallError, match="products or categories are ranked"):
        fit(context, brands)


def test_a_run_leaves_very_many_lists_to_be_asked_for(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("footfall.answers.run"), "RANKED", 50)
    done = run(context, [CATEGORIES], [])
    assert not done.answered and "footfall predict next-categories-30d" in done.unanswered["next-categories-30d"]


def test_a_run_recommends(context: Context) -> None:
    done = run(context, [CATEGORIES], [])
    assert done.answered == ("next-categories-30d",)
    assert context.engine.value("select count(*) from recommendations") > 0


def test_the_sql_shown_is_what_is_read(context: Context) -> None:
    end = context.clock(context.shape()).end
    rows = context.engine.fetch(show(context, ITEMS).sql())
    history = read_history(context.engine, ITEMS, end)
    assert rows.num_rows == len(history.interactions.day) > 0
