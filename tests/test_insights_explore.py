"""Explore: what is missing, how values spread and what hangs together, against NumPy; and samples said aloud."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from scipy.stats.contingency import association

from footfall.engine import DuckDBEngine
from footfall.insights import ask, explore, ground, insight
from insight_shop import day, empty, fill


def draws() -> dict[str, np.ndarray]:
    draw = np.random.default_rng(8)
    n = 400
    job = draw.choice(["nurse", "baker", "clerk"], n)
    income = np.where(job == "clerk", 40_000, 20_000) + draw.integers(0, 25_000, n)
    age = (income / 1000 + draw.normal(0, 12, n)).astype(int)
    gender = np.where(draw.random(n) < np.where(job == "nurse", 0.8, 0.4), "f", "m")
    return {"job": job, "income": income.astype(float), "age": age, "gender": gender}


def shop(of: dict[str, np.ndarray]) -> DuckDBEngine:
    engine = empty()
    rows = [
        (f"c{i}", day(i / 10), str(j), float(x), None if i % 4 == 0 else int(a), str(g), "Ann")
        for i, (j, x, a, g) in enumerate(zip(of["job"], of["income"], of["age"], of["gender"], strict=True))
    ]
    fill(engine, "customers", "who, at, profession, income, age, gender, first_name", rows)
    return engine


def test_columns_are_profiled() -> None:
    of = draws()
    engine = shop(of)
    found = ask(engine, ground(engine), insight("explore-columns"))
    rows = {r["column_name"]: r for r in found.rows}
    assert (rows["age"]["missing"], rows["income"]["missing"], rows["email"]["missing"]) == (0.25, 0, 1)
    assert float(rows["income"]["low"]) == of["income"].min()
    assert rows["income"]["mean"] == pytest.approx(of["income"].mean())
    assert rows["profession"]["values_about"] == 3
    assert rows["first_name"]["often"] is None, "names of persons are not told"
    assert rows["profession"]["often"] in ("nurse", "baker", "clerk")
    assert "Every row was read." in found.words


def test_what_hangs_together_is_what_scipy_says() -> None:
    of = draws()
    engine = shop(of)
    rows = ask(engine, ground(engine), insight("explore-correlations")).rows
    told = {frozenset((r["one"], r["other"])): r for r in rows if r["table_name"] == "customers"}
    table = np.array(
        [[np.sum((of["job"] == j) & (of["gender"] == g)) for g in "fm"] for j in ("nurse", "baker", "clerk")]
    )
    jobs = told[frozenset(("profession", "gender"))]
    assert jobs["kind"] == "groups" and jobs["rows"] == 400
    assert jobs["strength"] == pytest.approx(association(table, method="cramer"))
    there = np.arange(400) % 4 != 0
    ages = told[frozenset(("age", "income"))]
    # Ranks are of each column's own values, so that rows without the other shift them a little.
    assert ages["strength"] == pytest.approx(spearmanr(of["age"][there], of["income"][there]).statistic, abs=0.02)
    assert ages["rows"] == there.sum()
    pay = told[frozenset(("income", "profession"))]
    ranks = (np.argsort(np.argsort(of["income"], kind="stable"), kind="stable")) / 399
    groups = [ranks[of["job"] == j] for j in ("nurse", "baker", "clerk")]
    between = sum(len(g) * (g.mean() - ranks.mean()) ** 2 for g in groups)
    assert pay["strength"] == pytest.approx(np.sqrt(between / ((ranks - ranks.mean()) ** 2).sum()), abs=0.002)


def test_distributions_hold_every_value_once() -> None:
    of = draws()
    engine = shop(of)
    answer = ask(engine, ground(engine), insight("explore-distributions"))
    sums = {}
    for r in answer.rows:
        sums[r["column_name"]] = sums.get(r["column_name"], 0) + r["rows"]
    assert (sums["income"], sums["age"], sums["profession"], sums["occurred_at"]) == (400, 300, 400, 400)
    bins = [r for r in answer.rows if r["column_name"] == "income"]
    assert [b["place"] for b in bins] == sorted(b["place"] for b in bins) and len(bins) <= explore.BINS
    assert {d.kind for d in answer.drawings()} == {"histogram"}
    assert "customers: income" in [d.title for d in answer.drawings()]


def test_a_large_table_is_read_by_a_sample_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = shop(draws())
    monkeypatch.setattr(explore, "ROWS", 100)
    first = ask(engine, ground(engine), insight("explore-columns"))
    read = {r["read"] for r in first.rows if r["table_name"] == "customers"}
    assert len(read) == 1 and 60 < read.pop() < 150
    assert "Read by a sample: customers (25.0% of 400 rows)." in first.words
    assert first.rows == ask(engine, ground(engine), insight("explore-columns")).rows
