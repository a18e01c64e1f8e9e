"""When the next order comes, in a shop of known rates; and a saved model as users of scikit-learn know one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import footfall
from footfall.errors import FootfallError, UsageError
from footfall.shop import Shop
from footfall.tabular.estimator import imported

MAP = """
name = "waiting"
[[files]]
into = "orders"
pattern = "orders*"
[files.columns]
order_id = "order"
customer_id = "who"
occurred_at = "when"
amount = "amount"
"""
MEAN = {"fast": 10.0, "slow": 90.0}


def orders(folder: Path, days: int, customers: int = 240) -> Path:
    """Half the customers order every 10 days, half every 90, at random; the whole history has `days` days."""
    dice = np.random.default_rng(4)
    lines = ["order,who,when,amount"]
    start = np.datetime64("2025-01-01T00:00:00")
    number = 0
    for i in range(customers):
        kind = "fast" if i % 2 else "slow"
        at = dice.uniform(0, 30)
        while at < days:
            number += 1
            stamp = start + np.timedelta64(int(at * 86400), "s")
            lines.append(f"{number},{kind}{i},{stamp},{dice.integers(5, 50)}")
            at += dice.exponential(MEAN[kind])
    path = folder / "orders.csv"
    path.write_text("\n".join(lines) + "\n")
    (folder / "map.toml").write_text(MAP)
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("waits")
    path = orders(folder, 420)
    with footfall.open(folder / "shop.duckdb") as opened:
        opened.load(path, mapping=folder / "map.toml")
        yield opened


@pytest.fixture(scope="module")
def waited(shop: Shop) -> Any:
    return shop.when()


def test_chances_and_days_are_those_of_the_customers_own_rates(waited: Any):
    table = waited.table
    assert table.num_rows == 240
    fast = np.array([c.startswith("fast") for c in table.column("customer_id").to_pylist()])
    for kind, rows in (("fast", fast), ("slow", ~fast)):
        for edge in (7, 14, 28, 56, 91):
            truth = 1 - np.exp(-edge / MEAN[kind])
            said = table.column(f"within_{edge}d").to_numpy()[rows].mean()
            assert abs(said - truth) < 0.11, (kind, edge, said, truth)
    chances = np.column_stack([table.column(f"within_{e}d").to_numpy() for e in (7, 14, 28, 56, 91)])
    assert (np.diff(chances, axis=1) >= 0).all()
    days = {c: table.column(c).to_numpy(zero_copy_only=False) for c in ("lower_days", "median_days", "upper_days")}
    assert abs(np.nanmedian(days["median_days"][fast]) - 10 * np.log(2)) < 3
    assert 45 < np.nanmedian(np.nan_to_num(days["median_days"][~fast], nan=91.0)) < 85
    assert (np.nan_to_num(days["lower_days"], nan=92) <= np.nan_to_num(days["median_days"], nan=92)).all()


def test_it_is_checked_at_an_earlier_instant(shop: Shop, waited: Any):
    checks = shop.sql("select * from wait_checks order by days").to_pylist()
    assert [c["days"] for c in checks] == [7, 14, 28, 56, 91] and len({c["cutoff"] for c in checks}) == 1
    for check in checks:
        assert abs(check["said"] - check["came"]) < 0.12
        assert check["brier"] < check["brier_base"]
    assert 0.7 < checks[0]["inside"] < 0.9 and "of waits lay within" in waited.words
    assert shop.sql("select count(*) as n from waits").to_pylist() == [{"n": 240}]


def test_nothing_later_is_looked_at(shop: Shop, tmp_path: Path):
    at = "2025-12-01"
    then = shop.when(at=at).table
    folder = tmp_path / "cut"
    folder.mkdir()
    path = orders(folder, 420)
    rows = [r for r in path.read_text().splitlines() if r.startswith("order") or r.split(",")[2] < at]
    path.write_text("\n".join(rows) + "\n")
    with footfall.open(folder / "shop.duckdb") as cut:
        cut.load(path, mapping=folder / "map.toml")
        now = cut.when(at=at).table
    for column in ("customer_id", "within_7d", "within_91d", "lower_days"):
        assert then.column(column).to_pylist() == now.column(column).to_pylist()


def test_too_short_a_history_says_so(tmp_path: Path):
    with footfall.open(tmp_path / "shop.duckdb") as empty, pytest.raises(FootfallError, match="no dated facts"):
        empty.when()
    path = orders(tmp_path, 6)
    with footfall.open(tmp_path / "short.duckdb") as short:
        short.load(path, mapping=tmp_path / "map.toml")
        with pytest.raises(FootfallError, match="too short to learn waits from"):
            short.when()


def test_a_saved_model_is_an_estimator_and_goes_through_joblib(shop: Shop, tmp_path: Path):
    shop.fit("buy-30d", "tree")
    file = tmp_path / "buy.joblib"
    made = shop.estimator("buy-30d", out=file)
    d = len(made.feature_names_in_)
    X = np.random.default_rng(0).normal(50, 30, size=(20, d))
    p = made.predict_proba(X)
    assert p.shape == (20, 2) and np.allclose(p.sum(axis=1), 1) and list(made.classes_) == [0, 1]
    assert (made.predict(X) == (p[:, 1] >= 0.5)).all()
    table = pa.table({n: X[:, i] for i, n in enumerate(made.feature_names_in_)})
    assert (made.predict_proba(table) == p).all()
    with pytest.raises(UsageError, match="i_trust_this_file"):
        imported(file)
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, joblib, numpy as np; "
        "m = joblib.load(sys.argv[1]); np.save(sys.argv[3], m.predict_proba(np.load(sys.argv[2])))"
    )
    there = [str(file), str(tmp_path / "X.npy"), str(tmp_path / "p.npy")]
    subprocess.run([sys.executable, "-c", code, *there], check=True, capture_output=True)
    assert (np.load(tmp_path / "p.npy") == p).all()
    with pytest.raises(FootfallError, match="wants the column"):
        made.predict(pa.table({"nothing": [1.0]}))
    with pytest.raises(UsageError, match="fitted already"):
        made.fit(X)


def test_a_tree_tells_its_segments_on_its_card(shop: Shop):
    shop.fit("buy-30d", "tree")
    card, text = shop.models_card("buy-30d", "tree")
    assert len(card["rules"]["chance"]) > 1 and "## Segments" in text and card["rules"]["chance"][0] in text
