"""Rankings by the command line: lists, sessions, similar ones, pairs, prospects, rules, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from footfall.cli import main
from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.shop import Shop
from footfall.tables import create_tables, publish_views, refresh_known
from test_cli import Command, footfall
from tiny_shop import tiny_shop

__all__ = ["footfall"]
ITEMS = "next-items-30d"


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Learn as a run does, which answers every task: less of everything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("footfall.answers.rankings.RUN_BUDGET", 10**9)
        yield


def _said(shop: Path, *line: object) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--shop", str(shop), "--quiet", *map(str, line)])
    assert not stopped.value.code


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lists") / "shop.duckdb"
    engine = DuckDBEngine(path, threads=1)
    tiny_shop(engine)
    told = [
        {"product_id": f"p{p}", "name": f"product {p}", "category": f"k{p % 5}", "source": "told"} for p in range(30)
    ]
    engine.execute("delete from facts.products")
    engine.append("facts.products", pa.Table.from_pylist(told))
    engine.close()
    _said(path, "fit", ITEMS)
    return path


@pytest.fixture
def plain(shop: Path) -> Iterator[Path]:
    """The shop with whatever a test writes into its `shop.toml` taken away again."""
    yield shop
    shop.with_name("shop.toml").unlink(missing_ok=True)


def _few(folder: Path, products: int, events: int = 0, customers: int = 40) -> Path:
    """A shop of so many products; everyone buys one of them every ten days."""
    path = folder / "few.duckdb"
    engine = DuckDBEngine(path, threads=1)
    create_tables(engine)
    start = datetime(2024, 1, 1, 9)
    orders, lines, looks = [], [], []
    for c in range(customers):
        for k in range(12):
            at = start + timedelta(days=10 * k + c % 10)
            who = {"source_customer_id": f"c{c}", "occurred_at": at, "known_at": at, "source": "made"}
            orders.append({"order_id": f"{c}-{k}", "amount": 5.0, **who})
            lines.append({"order_id": f"{c}-{k}", "product_id": f"p{(c + k) % products}", "kind": "sale",
                          "quantity": 1.0, "price": 5.0, "amount": 5.0, **who})  # fmt: skip
            looks += [
                {"event_id": f"{c}-{k}-{e}", "type": "view", "product_id": f"p{(c + k + e) % products}", **who}
                for e in range(events)
            ]
    for table, rows in (("orders", orders), ("lines", lines), ("events", looks)):
        if rows:
            engine.append(f"facts.{table}", pa.Table.from_pylist(rows))
    publish_views(engine)
    refresh_known(engine)
    engine.close()
    return path


# --- done -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, columns, table",
    [
        (["session", "p1,p2"], {"rank", "product_id", "name", "category", "score", "reason"}, None),
        (["like", "p1"], {"product_id", "rank", "similar_id", "reason", "cutoff"}, "similar_products"),
        (["who", "p1"], {"product_id", "rank", "customer_id", "place", "reason", "task", "model"}, "prospects"),
    ],
    ids=lambda x: x[0] if isinstance(x, list) else "",
)
def test_what_stands_beside_the_lists(
    footfall: Command, shop: Path, line: list[str], columns: set[str], table: str | None
) -> None:
    rows = footfall("--shop", shop, "recommend", *line, "--top", 4, "--json").json
    assert 1 <= len(rows) <= 4 and all(columns <= set(r) for r in rows)
    assert [r["rank"] for r in rows] == list(range(1, len(rows) + 1))
    assert all(r["reason"] for r in rows)
    if table:
        kept = footfall("--shop", shop, "sql", f"select * from {table}", "--json").json
        assert {json.dumps({k: r[k] for k in columns}, sort_keys=True) for r in rows} <= {
            json.dumps({k: r[k] for k in columns}, sort_keys=True) for r in kept
        }
    said = footfall("--shop", shop, "recommend", *line)
    assert said.code == 0 and (table is None or f"in the table {table}" in said.out)


def test_pairs_of_baskets_are_a_table(footfall: Command, tmp_path: Path) -> None:
    """p0 and p1 are bought on one day by every fourth customer; p0 and p2 never."""
    path = _few(tmp_path, 3)
    engine = DuckDBEngine(path, threads=1)
    engine.execute(
        "insert into facts.lines (order_id, product_id, kind, quantity, price, amount, source_customer_id, "
        "occurred_at, known_at, source) select order_id, 'p1', kind, quantity, price, amount, source_customer_id, "
        "occurred_at, known_at, source from facts.lines where product_id = 'p0' and source_customer_id like '%1'"
    )
    engine.close()
    rows = footfall("--shop", path, "recommend", "together", "p0", "--json").json
    assert [(r["product_id"], r["other_id"], r["rank"]) for r in rows] == [("p0", "p1", 1)]
    counted = footfall(
        "--shop", path, "sql",
        "select (select count(distinct source_customer_id || cast(occurred_at as varchar)) from facts.lines) "
        "as baskets, count(*) as both from facts.lines a join facts.lines b using (order_id) "
        "where a.product_id = 'p0' and b.product_id = 'p1'", "--json",
    ).json[0]  # fmt: skip
    assert rows[0]["baskets"] == counted["both"] > 5
    assert rows[0]["support"] == pytest.approx(counted["both"] / counted["baskets"])
    kept = footfall("--shop", path, "sql", "select product_id, other_id from bought_together order by 1", "--json").json
    assert [tuple(r.values()) for r in kept] == [("p0", "p1"), ("p1", "p0")]
    assert "in the table bought_together" in footfall("--shop", path, "recommend", "together").out
    assert footfall("--shop", path, "recommend", "together", "p2", "--json").json == []


def test_a_session_shows_what_was_not_looked_at_yet(footfall: Command, shop: Path, tmp_path: Path) -> None:
    line = ["--shop", shop, "recommend", "session", "p3, p4 ,p5", "--top", "8"]
    rows = footfall(*line, "--json").json
    assert len(rows) == 8 and not {"p3", "p4", "p5"} & {r["product_id"] for r in rows}
    assert footfall(*line, "--out", tmp_path / "next.csv").code == 0
    assert len((tmp_path / "next.csv").read_text().splitlines()) == 9
    some = footfall("--shop", shop, "recommend", "session", "p3,unheard-of", "--json").json
    assert some, "what is known of the session answers"


def test_a_session_is_answered_from_memory(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Shop(shop) as one:
        first = one.recommend("session", ["p1", "p2"], top=5)
        monkeypatch.setattr(one.engine, "fetch", None)
        monkeypatch.setattr(one.engine, "materialise", None)
        assert one.recommend("session", ["p1", "p2"], top=5).equals(first)
        assert one.recommend("session", ("p7",), top=3).num_rows == 3


def test_only_new_ones_by_the_same_verb(footfall: Command, shop: Path) -> None:
    usual = footfall("--shop", shop, "predict", ITEMS, "--top", "5", "--json").json
    rows = footfall("--shop", shop, "predict", ITEMS, "--top", "5", "--rules", "new = true", "--json").json
    assert {r["task"] for r in rows} == {f"{ITEMS}-new"}
    known = f"known_at < '{rows[0]['cutoff']}' and occurred_at < '{rows[0]['cutoff']}'"
    bought = footfall(
        "--shop", shop, "sql",
        f"select distinct customer_id, product_id from lines where kind = 'sale' and {known}", "--json",
    ).json  # fmt: skip
    owned = {(r["customer_id"], r["product_id"]) for r in bought}
    assert any((r["customer_id"], r["product_id"]) in owned for r in usual)
    assert not [r for r in rows if (r["customer_id"], r["product_id"]) in owned]
    tasks = footfall("--shop", shop, "sql", "select distinct task from recommendations order by 1", "--json").json
    assert [t["task"] for t in tasks] == [ITEMS, f"{ITEMS}-new"], "both kinds of list stand in the table"
    who = footfall("--shop", shop, "recommend", "who", "p1", "--rules", "new = true", "--json").json
    assert not {r["customer_id"] for r in who} & {c for c, p in owned if p == "p1"}


# --- rules ------------------------------------------------------------------------------------------------


def _shown(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for r in rows:
        out.setdefault(r["customer_id"], []).append(r["product_id"])
    return out


def test_rules_of_a_file_of_words_and_of_the_shop(footfall: Command, plain: Path, tmp_path: Path) -> None:
    predict = ["--shop", plain, "predict", ITEMS, "--top", "4", "--json"]
    (tmp_path / "rules.toml").write_text('exclude = ["p1", "p2"]\npin = ["p9"]\nlimit = { category = 2 }\n')
    (tmp_path / "rules.json").write_text('{"exclude": ["p1", "p2"], "pin": ["p9"], "limit": {"category": 2}}')
    by_file = footfall(*predict, "--rules", tmp_path / "rules.toml").json
    for mine in _shown(by_file).values():
        assert mine[0] == "p9" and not {"p1", "p2"} & set(mine)
    plain.with_name("shop.toml").write_text('[recommend]\nexclude = ["p1", "p2"]\npin = ["p9"]\n')
    ways = {
        "json": footfall(*predict, "--rules", tmp_path / "rules.json").json,
        "words before those of the shop": footfall(*predict, "--rules", "limit = { category = 2 }").json,
    }
    assert {name: _shown(rows) for name, rows in ways.items()} == dict.fromkeys(ways, _shown(by_file))
    cards = footfall("--shop", plain, "sql", f"select card from models where task = '{ITEMS}'", "--json").json
    held = json.loads(cards[0]["card"])["declared"]
    assert held == {"exclude": ["p1", "p2"], "pin": ["p9"], "limit": {"category": 2}}, "kept in the model's card"
    assert "Declared beside it" in footfall("--shop", plain, "models", "card", ITEMS).out
    session = footfall("--shop", plain, "recommend", "session", "p5", "--top", "4", "--json").json
    assert session[0]["product_id"] == "p9" and not {"p1", "p2"} & {r["product_id"] for r in session}
    footfall("--shop", plain, "recommend", "who", "p1").fails(1, "the rules exclude product 'p1'")


@pytest.mark.parametrize(
    "rules, words",
    [
        ("exclud = ['p1']", "rules has no rule 'exclud'; did you mean 'exclude'?"),
        ("exclude = ['q1']", "no product 'q1' before"),
        ("pin = 3", "rules: pin is a list of texts, not 3"),
        ("new = 'yes'", "rules: new is true or false, not 'yes'"),
        ("limit = { category = 'two' }", "limit is whole numbers, as in { category = 2 }"),
        ("limit = { colour = 2 }", "a limit is per category or brand, not per 'colour'"),
        ("pin = ['p1']\nexclude = ['p1']", "product 'p1' is both pinned and excluded"),
        ("new = = true", "cannot read the rules 'new = = true'"),
        ("no-such-file.toml", "there is no file 'no-such-file.toml'"),
        ("exclude_categories = ['zz']", "no category 'zz'"),
    ],
)
def test_a_wrong_rule_is_named(footfall: Command, shop: Path, rules: str, words: str) -> None:
    footfall("--shop", shop, "predict", ITEMS, "--rules", rules).fails(1, words)


def test_rules_are_of_lists(footfall: Command, shop: Path) -> None:
    footfall("--shop", shop, "predict", "buy-7d", "--rules", "new = true").fails(2, "buy-7d makes no lists")


# --- clear outcomes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, code, words",
    [
        (["explain", ITEMS, "nobody"], 1, "does not know a customer 'nobody'"),
        (["recommend", "session", "nothing"], 1, "no product 'nothing'"),
        (["recommend", "like", "p99"], 1, "no product 'p99'"),
        (["recommend", "together", "p99"], 1, "no product 'p99'"),
        (["recommend", "who", "p99"], 1, "no product 'p99'"),
        (["recommend", "liek", "p1"], 2, "no way 'liek' to recommend; did you mean 'like'?"),
        (["recommend", "like"], 2, "recommend like wants a product"),
        (["recommend", "session", " , "], 2, "recommend session wants a product"),
        (["recommend", "who", "p1", "--at", "2019-01-01"], 1, "was trained on history before"),
        (["recommend", "like", "p1", "--at", "2019-01-01"], 1, "nothing to recommend"),
        (["recommend", "like", "p1", "--out", "x.xlsx"], 2, "the ending is one of"),
        (["backtest", ITEMS, "--identity", "tomorrow"], 2, "no identity 'tomorrow'"),
    ],
)
def test_what_cannot_be_told_is_said(footfall: Command, shop: Path, line: list[str], code: int, words: str) -> None:
    footfall("--shop", shop, *line).fails(code, words)


def test_a_customer_who_never_bought_gets_a_list(footfall: Command, shop: Path) -> None:
    cold = footfall(
        "--shop", shop, "sql",
        "select min(customer_id) as c from known_customers "
        "where customer_id not in (select customer_id from lines where customer_id is not null)", "--json",
    ).json[0]["c"]  # fmt: skip
    assert cold
    rows = footfall("--shop", shop, "explain", ITEMS, cold, "--json").json
    assert len(rows) >= 5 and all(r["reason"] and "you b" not in r["reason"] for r in rows)


def test_a_catalogue_of_one(footfall: Command, tmp_path: Path) -> None:
    path = _few(tmp_path, 1)
    assert footfall("--shop", path, "fit", ITEMS).code == 0
    rows = footfall("--shop", path, "predict", ITEMS, "--json").json
    assert len(rows) == 40 and {r["product_id"] for r in rows} == {"p0"}
    assert footfall("--shop", path, "predict", ITEMS, "--rules", "new = true", "--json").json == []
    assert "0 places are in the table" in footfall("--shop", path, "predict", ITEMS, "--rules", "new = true").out
    assert footfall("--shop", path, "backtest", ITEMS, "--cutoffs", "1").code == 0
    assert "no other product is like it" in footfall("--shop", path, "recommend", "like", "p0").out
    assert "nothing stands together with it" in footfall("--shop", path, "recommend", "together", "p0").out
    assert len(footfall("--shop", path, "recommend", "who", "p0", "--top", "5", "--json").json) == 5


def test_no_events_at_all(footfall: Command, tmp_path: Path) -> None:
    path = _few(tmp_path, 6)
    assert footfall("--shop", path, "fit", ITEMS).code == 0
    assert len(footfall("--shop", path, "predict", ITEMS, "--top", "2", "--json").json) == 80
    footfall("--shop", path, "recommend", "session", "p1").fails(1, "no events on products", "no sessions to learn")
    similar = footfall("--shop", path, "recommend", "like", "p1", "--json").json
    assert {r["reason"] for r in similar} == {"bought by the same customers"}


def test_nothing_was_ever_bought(footfall: Command, tmp_path: Path) -> None:
    path = tmp_path / "none.duckdb"
    engine = DuckDBEngine(path, threads=1)
    create_tables(engine)
    refresh_known(engine)
    engine.execute("insert into loads (load_id, source) values (1, 'made')")
    engine.close()
    footfall("--shop", path, "fit", ITEMS).fails(1, "holds no dated facts yet")
    footfall("--shop", path, "recommend", "together").fails(1, "holds no dated facts yet")


# --- tested -----------------------------------------------------------------------------------------------


def test_a_backtest_tells_parts_apart(footfall: Command, shop: Path) -> None:
    said = footfall("--shop", shop, "backtest", ITEMS, "--cutoffs", "1")
    assert "ndcg@20" in said.out and "own frequency" in said.out
    assert f"at {ITEMS}?" in said.out and "from what is popular it differs by" in said.out
    rows = footfall("--shop", shop, "sql", "select * from evaluations order by all", "--json").json
    found = {(r["level"], r["model"], r["metric"]): r for r in rows}
    metrics = ("recall", "precision", "ndcg", "map", "mrr", "hit_rate", "coverage", "novelty", "diversity",
               "popularity_bias")  # fmt: skip
    for metric in metrics:
        for model in ("answer", "reranked", "own frequency", "popular"):
            assert (None, model, f"{metric}@20") in found
    levels = {r["level"] for r in rows}
    assert {None, "new items", "gender: f", "gender: m"} <= levels
    for begin in ("gender: ", "bought on "):
        assert [one for one in levels if str(one).startswith(begin)]
    for level in levels - {"visitors who never bought", "customers without any history", "new items"}:
        row = found[level, "answer", "ndcg@20"]
        assert row["lower"] <= row["value"] <= row["upper"]
        assert row["difference_lower"] <= row["difference"] <= row["difference_upper"], "to own frequency"
        less = found[level, "answer", "ndcg@20 less popular"]
        gap = row["value"] - found[level, "popular", "ndcg@20"]["value"]
        assert less["value"] == pytest.approx(gap) and less["lower"] <= less["value"] <= less["upper"]
    new = found["new items", "answer", "ndcg@20"]
    assert new["difference"] == pytest.approx(new["value"] - found["new items", "popular", "ndcg@20"]["value"])
    assert ("new items", "own frequency", "ndcg@20") not in found
    assert footfall("--shop", shop, "backtest", ITEMS, "--cutoffs", "1", "--identity", "as-of").code == 0


def test_no_such_way_in_python(shop: Path) -> None:
    with Shop(shop) as one, pytest.raises(UsageError, match="wants one product, and 2 are named"):
        one.recommend("like", ["p1", "p2"])
