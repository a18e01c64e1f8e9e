"""From messy files to the top five: a simulated shop is loaded, learnt from, asked by SQL, and told on the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

import footfall
from footfall import Shop
from footfall.simulate import Dials, simulate
from footfall.tabular import RUN_BUDGET, Settings

PAGE = Path(__file__).resolve().parents[1] / "docs" / "questions" / "what-to-show-whom.md"
SETTINGS = Settings(cutoffs=3, rehearsals=1, tests=1, budget=RUN_BUDGET)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("lists")
    raw = simulate(
        folder / "raw", customers=300, days=150, seed=5, dials=Dials(events_per_customer=20, orders_per_year=14)
    )
    with footfall.open(folder / "shop.duckdb", SETTINGS, threads=1) as shop:
        shop.load(raw.folder, source="simulated")
        shop.check()
        shop.fit("next-items-30d")
        shop.predict("next-items-30d", top=8)
        yield shop


def _busiest(shop: Shop) -> str:
    rows = shop.sql(
        "select customer_id from orders where customer_id is not null group by all order by count(*) desc, 1 limit 1"
    )
    return str(rows.column(0)[0])


def test_the_top_five_of_a_customer_are_the_sql_of_the_page(shop: Shop) -> None:
    (asked, _) = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    customer = _busiest(shop)
    rows = shop.sql(asked.replace("C-1042", customer)).to_pylist()
    assert [r["rank"] for r in rows] == [1, 2, 3, 4, 5]
    assert len({r["product_id"] for r in rows}) == 5 and all(r["name"] and r["reason"] for r in rows)
    known = {r["product_id"] for r in shop.sql("select distinct product_id from lines").to_pylist()}
    assert {r["product_id"] for r in rows} <= known
    alone = shop.explain("next-items-30d", customer, top=5).to_pylist()
    assert [r["product_id"] for r in alone] == [r["product_id"] for r in rows]
    assert [r["reason"] for r in alone] == [r["reason"] for r in rows]


def test_the_page_shows_them_and_the_sql(shop: Shop, tmp_path: Path) -> None:
    shop.backtest("next-items-30d", cutoffs=1)
    shop.recommend("together")
    text = unescape(shop.report(tmp_path / "r.html").read_text(encoding="utf-8"))
    (told,) = set(re.findall(r'footfall sql "(select rank, name, reason from recommendations [^"]*)"', text))
    rows = shop.sql(told).to_pylist()
    assert len(rows) == 5 and all(r["name"] in text and r["reason"] in text for r in rows)
    for words in ("What to show whom", "For whom", "Something new, and cold starts", "What the lists are like",
                  "from what is popular it differs by"):  # fmt: skip
        assert words in text, words


def test_what_stands_beside_the_lists_answers(shop: Shop) -> None:
    first = shop.sql("select product_id from events where product_id is not null order by occurred_at limit 1")
    product = str(first.column(0)[0])
    assert shop.recommend("session", [product], top=4).num_rows == 4
    assert shop.recommend("like", product, top=4).num_rows == 4
    assert shop.recommend("who", product, top=4).column("place").to_pylist()
