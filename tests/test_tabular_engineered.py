"""Engineered features: each kind by hand, learnt from the rows given, kept with the predictor, told in plain words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from content_shop import content_shop
from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.explain import importances, reasons
from footfall.tabular import Encoder, Predictor, Settings, Trainer, bare, blend_of, engineers, learn_encoder
from footfall.tabular.engineered import BUCKETS, INTERACTIONS, LEAST_CUSTOMERS, Made, candidates, label, learn_made
from footfall.tasks import CATALOGUE
from footfall.windows import Feature, customers, features, lines, orders, shape
from footfall.windows.catalogue import engineered
from seeded_shop import trainer

BUY = CATALOGUE["buy-30d"]
SETTINGS = Settings(cutoffs=6, rehearsals=2, tests=1, workers=1, engineered=True)
AGE, SPEND = Feature(customers.latest("age").past()), Feature(orders.sum("amount").past())
TOWN = Feature(customers.latest("location").past(), text=True)
N = 60
TABLE = pa.table(
    {
        "customer_id": [f"c{i}" for i in range(N)],
        AGE.name: [float(20 + i) for i in range(N)],
        SPEND.name: [None if i == 5 else float(i * i) for i in range(N)],
        TOWN.name: [None if i == 0 else "big" if i % 2 else "small" if i % 3 else "tiny" for i in range(N)],
    }
)
OF = (AGE, SPEND, TOWN)


def made(kind: str, *of: str) -> Made:
    (found,) = [m for m in learn_made(TABLE, OF, [TOWN.name]) if (m.kind, m.of) == (kind, of)]
    return found


@pytest.fixture(scope="module")
def ready() -> Trainer:
    engine = DuckDBEngine(threads=1)
    content_shop(engine)
    return trainer(engine, BUY, SETTINGS, tests=1)


# --- each kind ------------------------------------------------------------------------------------------------------


def test_a_log_counts_proportions_and_keeps_signs() -> None:
    found = made("log", SPEND.name).encode(TABLE)[:, 0]
    np.testing.assert_allclose(found[[0, 1, 4, 10]], np.log1p([0, 1, 16, 100]))
    assert np.isnan(found[5])
    negative = pa.table({SPEND.name: [-3.0]})
    assert made("log", SPEND.name).encode(negative)[0, 0] == pytest.approx(-np.log(4))


def test_a_rank_is_the_place_among_the_rows_learnt_from() -> None:
    rank = made("rank", SPEND.name)
    found = rank.encode(TABLE)[:, 0]
    assert np.isnan(found[5])
    known = np.delete(found, 5)
    assert (
        (np.diff(known) > 0).all()
        and known[0] == pytest.approx(-1, abs=0.03)
        and known[-1] == pytest.approx(1, abs=0.03)
    )
    assert known.mean() == pytest.approx(0, abs=0.01)
    beyond = rank.encode(pa.table({SPEND.name: [-1e9, 1e9]}))[:, 0]
    assert beyond.tolist() == [known[0], known[-1]], "an outlier is no further than the last"


def test_many_equal_values_share_their_middle_place() -> None:
    table = pa.table({"customer_id": [str(i) for i in range(10)], SPEND.name: [0.0] * 8 + [1.0, 2.0]})
    (rank,) = [m for m in learn_made(table, [SPEND], []) if m.kind == "rank"]
    np.testing.assert_allclose(rank.encode(table)[[0, 8, 9], 0], [-0.2, 0.7, 0.9])


def test_an_interaction_is_the_product_of_two_ranks() -> None:
    pair = made("product", AGE.name, SPEND.name)
    assert pair.name == "customers_age_latest_x_orders_amount_sum" == pair.group
    a, b = _rank(AGE.name), _rank(SPEND.name)
    np.testing.assert_allclose(pair.encode(TABLE)[:, 0], a * b)
    assert np.isnan(pair.encode(TABLE)[5, 0])
    low, middle, high = pair.encode(TABLE)[[1, N // 2, N - 1], 0]
    assert low > 0.8 and high > 0.8 and abs(middle) < 0.01, "high where both are high, and where both are low"


def _rank(name: str) -> np.ndarray:
    """Of age there is no rank by itself; the product has learnt one."""
    pair = made("product", AGE.name, SPEND.name)
    place = pair.of.index(name)
    return Made("rank", (name,), pair.learnt[2 * place : 2 * place + 2]).encode(TABLE)[:, 0]


def test_a_share_counts_customers_and_rare_values_have_none() -> None:
    towns = TABLE.column(TOWN.name).to_pylist()
    rows = pa.concat_tables([TABLE, TABLE.slice(0, 30), TABLE.slice(0, 30)])  # customers stand in several rows
    (share,) = [m for m in learn_made(rows, [TOWN], []) if m.kind == "share"]
    asked = pa.table({TOWN.name: ["big", "tiny", "nowhere", None]})
    found = share.encode(asked)[:, 0]
    known = [t for t in towns if t]
    assert found[0] == pytest.approx(known.count("big") / len(known))
    assert known.count("tiny") < LEAST_CUSTOMERS and found[1] == 0 == found[2] and np.isnan(found[3])


def test_a_hash_gives_every_value_one_of_few_columns_on_every_run() -> None:
    bucket = made("hash", TOWN.name)
    assert bucket.columns == [f"hash_{TOWN.name}_{i}" for i in range(BUCKETS)] and bucket.group == TOWN.name
    asked = pa.table({TOWN.name: ["big", "never seen", "big", None]})
    found = bucket.encode(asked)
    assert found.sum(axis=1).tolist() == [1, 1, 1, 0]
    np.testing.assert_array_equal(found[0], found[2])
    assert found[0].argmax() == 2, "of a fixed hash: the same in every process"


def test_only_text_of_many_values_is_hashed_and_plain_models_get_nothing() -> None:
    plain = learn_encoder(TABLE, [AGE.name, SPEND.name], [TOWN.name])
    assert plain.made == () and plain.names == [
        AGE.name,
        SPEND.name,
        *(f"{TOWN.name}={v}" for v in ("big", "small", "tiny")),
    ]
    more = learn_encoder(TABLE, [AGE.name, SPEND.name], [TOWN.name], OF)
    assert [m.kind for m in more.made] == ["product", "log", "rank", "share"]
    many = pa.table({"customer_id": ["a"] * 90, TOWN.name: [f"t{i % 30}" for i in range(90)]})
    assert [m.kind for m in learn_encoder(many, [], [TOWN.name], [TOWN]).made] == ["hash"]


def test_constant_and_missing_columns_make_nothing() -> None:
    table = pa.table(
        {"customer_id": ["a", "b"], SPEND.name: [1.0, 1.0], AGE.name: pa.array([None, None], pa.float64())}
    )
    assert learn_made(table, [AGE, SPEND], []) == ()


def test_every_interaction_names_features_there_are() -> None:
    from test_windows_catalogue import FULL

    known = {f.name for f in features(FULL)}
    assert [p for p in INTERACTIONS if not set(p) <= known] == []
    assert len(set(INTERACTIONS)) == len(INTERACTIONS)
    names = [Made(kind, of).name for kind, of in candidates([*features(FULL), *engineered(FULL)])]
    assert len(set(names)) == len(names) and not set(names) & known
    assert label("product", ["age", "spend so far"]) == "age, together with spend so far"


# --- in an encoder --------------------------------------------------------------------------------------------------


def test_an_encoder_keeps_what_it_has_learnt_through_json() -> None:
    encoder = learn_encoder(TABLE, [AGE.name, SPEND.name], [TOWN.name], OF)
    again = Encoder.from_json(encoder.as_json())
    assert again == encoder
    X = encoder.encode(TABLE)
    assert X.shape == (N, len(encoder.names)) == (N, len(encoder.owners))
    np.testing.assert_array_equal(again.encode(TABLE), X)


def test_contributions_are_told_of_what_a_column_is_made_of() -> None:
    encoder = learn_encoder(TABLE, [AGE.name, SPEND.name], [TOWN.name], OF)
    parts = np.arange(len(encoder.names), dtype=np.float64)[None, :]
    names, told = encoder.gathered(parts)
    assert names == [AGE.name, SPEND.name, TOWN.name] == encoder.sources
    at = {n: i for i, n in enumerate(encoder.names)}
    pair = at[f"{AGE.name}_x_{SPEND.name}"]
    assert told[0, 0] == at[AGE.name] + pair / 2, "an interaction counts for both halves alike"
    assert told[0, 1] == at[SPEND.name] + at[f"log_{SPEND.name}"] + at[f"rank_{SPEND.name}"] + pair / 2
    assert told.sum() == parts.sum()


def test_other_scales_are_kept_with_their_feature_and_interactions_by_themselves() -> None:
    encoder = learn_encoder(TABLE, [AGE.name, SPEND.name], [TOWN.name], OF)
    assert encoder.only([SPEND.name]).names == [SPEND.name, f"log_{SPEND.name}", f"rank_{SPEND.name}"]
    assert encoder.only([f"{AGE.name}_x_{SPEND.name}"]).names == [f"{AGE.name}_x_{SPEND.name}"]
    assert set(encoder.only(encoder.owners).names) == set(encoder.names)


# --- in a predictor -------------------------------------------------------------------------------------------------


def test_only_models_that_ask_read_engineered_features(ready: Trainer) -> None:
    plain, more = (ready.fit(m, ready.anchor).learner.encoder for m in ("logistic", "engineered:logistic"))
    windows = {f.name for f in ready.table.features if f.engineered}
    assert windows >= {"reviews_sentiment_mean", "reviews_length_mean", "reviews_topic_1_share"}
    assert plain.made == () and not set(plain.sources) & windows
    assert set(plain.names) < set(more.names)
    assert "reviews_sentiment_mean" in more.numeric and {m.kind for m in more.made} >= {
        "product",
        "log",
        "rank",
        "share",
    }


def test_what_is_saved_answers_alike(ready: Trainer, tmp_path: Path) -> None:
    predictor = ready.fit("engineered:logistic", ready.anchor)
    assert predictor.model == "engineered:logistic"
    asked = ready.table.matrix(BUY, [ready.anchor], target=False)
    predictor.save(tmp_path / "kept")
    again = Predictor.load(tmp_path / "kept", BUY)
    np.testing.assert_array_equal(again.predict(asked).value, predictor.predict(asked).value)
    assert again.learner.encoder == predictor.learner.encoder


def test_reasons_name_windows_and_add_up(ready: Trainer) -> None:
    predictor = ready.fit("engineered:boosted", ready.anchor)
    asked = ready.table.matrix(BUY, [ready.anchor], target=False)
    known = {f.name for f in ready.table.features}
    rows = reasons(predictor, asked, ready.table.features, 1_000)
    assert {r["feature"] for r in rows} <= known
    total = np.zeros(asked.rows)
    place = {c: i for i, c in enumerate(asked.table.column("customer_id").to_pylist())}
    for r in rows:
        total[place[r["customer_id"]]] += r["contribution"]
    raw = predictor.learner.contributions(asked)
    np.testing.assert_allclose(total, raw[:, :-1].sum(axis=1), atol=1e-9)
    assert {r["feature"] for r in importances(predictor, asked, ready.table.features)} <= known


def test_names_are_read_and_mixtures_are_refused() -> None:
    assert bare("selected:engineered:boosted") == bare("engineered:boosted") == bare("selected:boosted") == "boosted"
    assert engineers("engineered:boosted") and engineers("selected:engineered:boosted")
    assert not engineers("selected:boosted") and not engineers("boosted+bgnbd")
    for name in ("engineered:boosted+bgnbd", "boosted+selected:logistic"):
        with pytest.raises(UsageError, match="read the same features"):
            blend_of(name)
    for name in ("engineered:bosted", "engineered:selected:boosted", "selected:tuned:boosted"):
        with pytest.raises(UsageError, match="no model"):
            blend_of(name)


def test_a_shop_without_reviews_has_categories_of_many_values() -> None:
    engine = DuckDBEngine(threads=1)
    content_shop(engine, customers=20, days=60)
    engine.execute("delete from facts.reviews")
    assert [f.name for f in engineered(shape(engine))] == []
    engine.execute(
        "insert into facts.lines by name select order_id, 'p' || (hash(order_id) % 40) as product_id, 'sale' as kind, "
        "1 as quantity, 1 as amount, source, source_customer_id, occurred_at, known_at from facts.orders"
    )
    (found,) = engineered(shape(engine))
    assert found.window == lines.where(kind="sale").most_common("product_id").past()
    assert found.text and found.engineered and engineered(shape(engine), ("category",)) == []
    engine.close()
