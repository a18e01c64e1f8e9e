"""The list for one new customer: who they are, what they did, what is refused, and that nothing of it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.recommend_shop import END, NEXT, START, buys, recommend_shop

from footfall.answers import Context, fit, predict, rank_one
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tabular import RUN_BUDGET, Settings
from footfall.tasks import CATALOGUE

CATEGORIES = CATALOGUE["next-categories-30d"]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    engine = DuckDBEngine(threads=1)
    recommend_shop(engine)
    made = Context(engine, tmp_path_factory.mktemp("models"), "UTC", replace(Settings(), tests=1, budget=RUN_BUDGET))
    for task in (NEXT, CATEGORIES):
        fit(made, task, at=END)
    yield made
    engine.close()


def _bought(*products: str) -> list[dict[str, Any]]:
    days = ("2024-06-10", "2024-06-24", "2024-07-08")
    return [{"at": day, "product_id": p, "quantity": 1} for p in products for day in days]


def test_who_did_nothing_is_shown_what_people_like_them_buy(context: Context) -> None:
    for gender, others in (("f", 0), ("M", 1)):  # men are told in capitals: the shop spells them small
        one = rank_one(context, NEXT, {"gender": gender, "age": 34}, END, top=6)
        shown = [int(r["product_id"][1:]) for r in one.rows]
        assert [r["rank"] for r in one.rows] == [1, 2, 3, 4, 5, 6] and len(set(shown)) == 6
        assert {p % 2 for p in shown[:4]} == {others}, one.text
        assert all(r["reason"] for r in one.rows) and one.notes == []


def test_who_did_what_a_customer_did_is_shown_what_that_customer_is(context: Context) -> None:
    twin = [
        {"at": f"{START + timedelta(days=day, hours=9, minutes=7):%Y-%m-%d %H:%M}", "product_id": f"p{product}"}
        for day, product in buys(7)
    ]
    one = rank_one(context, NEXT, {"gender": "m", "age": 27, "lines": twin}, END)
    predict(context, NEXT, at=END, top=10)
    sql = "select product_id from recommendations where customer_id = 'c7' and task = ? order by rank"
    theirs = [p for (p,) in context.engine.rows(sql, [NEXT.name])]
    assert one.rows[0]["product_id"] == theirs[0] == "p3", one.text
    assert "you buy this about every 2 weeks" in one.rows[0]["reason"]
    assert len({r["product_id"] for r in one.rows[:6]} & set(theirs[:6])) >= 5
    assert "p3" in one.text and one.row["rows"] == one.rows
    bought = [{"at": line["at"], "lines": [{"product_id": line["product_id"]}]} for line in twin]
    categories = rank_one(context, CATEGORIES, {"orders": bought}, END)
    assert categories.rows[0]["category"] == "m", "the shop knows the category of a product that is told without one"


def test_nothing_of_it_is_kept(context: Context) -> None:
    def held() -> list[Any]:
        tables = ("lines", "customers", "recommendations", "questions")
        return [context.engine.value(f"select count(*) from {t}") for t in tables if context.engine.has(t)]

    before, alone = held(), rank_one(context, NEXT, {"gender": "f"}, END)
    rank_one(context, NEXT, {"gender": "f", "lines": _bought("p17", "p15")}, END)
    assert rank_one(context, NEXT, {"gender": "f"}, END) == alone
    assert held() == before


def test_what_cannot_be_meant_is_named(context: Context) -> None:
    for given, said in (
        ({"gendre": "f"}, "did you mean 'gender'"),
        ({"age": 340}, "age is 0 to 120"),
        ({"lines": [{"product_id": "p1"}]}, "say when it was"),
        ({"lines": [{"at": "2031-01-01", "product_id": "p1"}]}, "is not before"),
    ):
        with pytest.raises(UsageError, match=said):
            rank_one(context, NEXT, given, END)
    one = rank_one(context, NEXT, {"gender": "x", "income": 10, "lines": _bought("p333")}, END)
    assert len(one.rows) == 10
    assert [n.partition(":")[0] for n in one.notes] == [
        "the shop knows no product 'p333'; did you mean 'p3'?",
        "gender 'x' is none that the model has learnt (f, m)",
        "income is told, but these lists do not look at it",
    ]
    with pytest.raises(FootfallError, match="fit"):
        rank_one(Context(context.engine, Path("/nowhere"), "UTC"), NEXT, {}, END.replace(year=2023))
