"""Reasons: the strongest first, only what the model looked at, and nothing lost on the way from columns to features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from footfall.engine import DuckDBEngine
from footfall.explain import importances, reasons
from footfall.tables import refresh_known
from footfall.tabular import Matrix, Predictor, Trainer
from seeded_shop import BUY, SMALL, SPEND, day, seeded_shop, trainer

END = day(120)
MODELS = ("baseline", "logistic", "boosted")


@pytest.fixture(scope="module")
def made() -> Trainer:
    """A shop whose customers have a tier (text): the frequent ones are gold."""
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=250)
    engine.execute(
        "insert into facts.customers (source, source_customer_id, occurred_at, known_at, loyalty_tier, gender) "
        "select 'seeded', 'c' || i, timestamp '2023-12-01', timestamp '2023-12-01', "
        "case when i % 4 = 0 then 'gold' when i % 9 = 0 then null else 'blue' end, "
        "case when i % 2 = 0 then 'f' else 'm' end from range(250) x(i)"
    )
    refresh_known(engine)
    t = trainer(engine, BUY, SMALL)
    t.warm(MODELS, [END])
    return t


def asked(t: Trainer) -> Matrix:
    return t.table.matrix(t.task, [END], target=False)


def told(t: Trainer, model: str, top: int = 3) -> tuple[Predictor, Matrix, list[dict[str, Any]]]:
    predictor, matrix = t.fit(model, END), asked(t)
    return predictor, matrix, reasons(predictor, matrix, t.table.features, top)


@pytest.mark.parametrize("model", MODELS)
def test_the_strongest_come_first_and_no_more_than_asked_for(made: Trainer, model: str) -> None:
    _, matrix, rows = told(made, model)
    by_customer: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_customer.setdefault(row["customer_id"], []).append(row)
    assert set(by_customer) <= set(matrix.table.column("customer_id").to_pylist())
    for each in by_customer.values():
        assert [r["rank"] for r in each] == list(range(1, len(each) + 1)) and len(each) <= 3
        strength = [abs(r["contribution"]) for r in each]
        assert strength == sorted(strength, reverse=True) and strength[-1] > 0
        assert len({r["feature"] for r in each}) == len(each)


@pytest.mark.parametrize("model", MODELS)
def test_all_reasons_together_are_the_whole_answer(made: Trainer, model: str) -> None:
    """Columns of one text feature are one reason, and the parts still add up to the model's log-odds."""
    predictor, matrix, rows = told(made, model, top=1000)
    parts = predictor.learner.contributions(matrix)
    names = matrix.table.column("customer_id").to_pylist()
    total = dict.fromkeys(names, 0.0)
    for row in rows:
        total[row["customer_id"]] += row["contribution"]
    p = predictor.learner.predict(matrix)
    np.testing.assert_allclose(np.array([total[n] for n in names]) + parts[:, -1], np.log(p) - np.log1p(-p), atol=1e-6)


def test_only_features_the_model_uses_are_reasons(made: Trainer) -> None:
    _, _, rows = told(made, "baseline", top=1000)
    assert {r["feature"] for r in rows} == {"orders_recency", "orders_count"}, "it looks at nothing else"
    predictor, _, rows = told(made, "boosted", top=1000)
    used = {n.split("=")[0] for n in predictor.learner.encoder.names}
    assert {r["feature"] for r in rows} <= used


def test_the_words_say_the_value_and_the_direction(made: Trainer) -> None:
    for model in ("logistic", "boosted"):
        _, matrix, rows = told(made, model, top=1000)
        recency = dict(
            zip(matrix.table.column("customer_id").to_pylist(), matrix.table.column("orders_recency").to_pylist(),
                strict=True)
        )  # fmt: skip
        for row in rows:
            assert row["reason"].endswith(" (raises it)" if row["contribution"] > 0 else " (lowers it)")
            assert "{" not in row["reason"]
            if row["feature"] == "orders_recency":
                days = int(recency[row["customer_id"]])
                start = "last order today" if days == 0 else f"last order {days} day{'' if days == 1 else 's'} ago"
                assert row["reason"].startswith(start)
            if row["feature"] == "customers_loyalty_tier_latest":
                number = int(row["customer_id"][1:])
                tier = "gold" if number % 4 == 0 else None if number % 9 == 0 else "blue"
                assert row["value"] == tier
                said = "loyalty tier unknown" if tier is None else f"loyalty tier: {tier}"
                assert row["reason"].startswith(said + " (")
    assert any(r["feature"] == "customers_loyalty_tier_latest" for r in rows)


def test_the_usual_gap_stands_beside_the_last_order(made: Trainer) -> None:
    _, matrix, rows = told(made, "boosted", top=1000)
    gaps = dict(zip(matrix.table.column("customer_id").to_pylist(), matrix.table.column("orders_gap").to_pylist(),
                    strict=True))  # fmt: skip
    seen = {True: 0, False: 0}
    for row in rows:
        if row["feature"] in ("orders_recency", "orders_recency_in_gaps"):
            known = gaps[row["customer_id"]] is not None
            assert ("(usually " in row["reason"]) == known
            seen[known] += 1
    assert seen[True] and seen[False]


@pytest.mark.parametrize("model", MODELS)
def test_what_drives_a_model_is_ranked_with_its_direction(made: Trainer, model: str) -> None:
    predictor, matrix = made.fit(model, END), asked(made)
    rows = importances(predictor, matrix, made.table.features)
    assert [r["rank"] for r in rows] == list(range(1, len(rows) + 1))
    strength = [r["importance"] for r in rows]
    assert strength == sorted(strength, reverse=True)
    parts = np.abs(predictor.learner.contributions(matrix)[:, :-1])
    assert sum(strength) <= parts.mean(axis=0).sum() + 1e-9
    assert all(r["rows"] == matrix.rows and r["label"] for r in rows)
    by_name = {r["feature"]: r for r in rows}
    if model == "baseline":
        assert by_name["orders_count"]["direction"] > 0, "who ordered more orders more"
        assert by_name["orders_recency"]["direction"] < 0, "the longer ago the less"
    text = by_name.get("customers_loyalty_tier_latest")
    assert text is None or text["direction"] is None


def test_nobody_has_no_reasons_and_a_constant_model_gives_none(made: Trainer) -> None:
    predictor, matrix = made.fit("boosted", END), asked(made)
    nobody = matrix.take(np.zeros(matrix.rows, dtype=bool))
    assert reasons(predictor, nobody, made.table.features) == []
    assert importances(predictor, nobody, made.table.features) == []


def test_reasons_of_an_amount_are_parts_of_its_logarithm() -> None:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=150)
    t = trainer(engine, SPEND, SMALL)
    predictor, matrix, rows = told(t, "logistic", top=1000)
    names = matrix.table.column("customer_id").to_pylist()
    total = dict.fromkeys(names, 0.0)
    for row in rows:
        total[row["customer_id"]] += row["contribution"]
    base = predictor.learner.contributions(matrix)[:, -1]
    np.testing.assert_allclose(
        np.array([total[n] for n in names]) + base,
        np.log(np.maximum(predictor.learner.predict(matrix), 1e-9)),
        atol=1e-6,
    )
