"""The matrix: its rows, its weights when it is sampled or thinned, and what is known of its targets."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from footfall.engine import DuckDBEngine
from footfall.tables import refresh_known
from footfall.tabular import Matrix, Settings, thin
from footfall.tasks import CATALOGUE
from seeded_shop import BUY, SMALL, SPEND, day, feature_table, seeded_shop, trainer


@pytest.fixture(scope="module")
def shop() -> DuckDBEngine:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=400)
    return engine


def made(y: list[float], weight: float = 1.0) -> Matrix:
    n = len(y)
    table = pa.table({"customer_id": [f"c{i}" for i in range(n)]})
    zeros = np.zeros(n, dtype=np.int64)
    return Matrix(table, (day(1),), zeros, np.arange(n), np.full(n, weight), np.array(y))


def test_the_rows_are_the_population_at_each_cutoff(shop: DuckDBEngine) -> None:
    t = trainer(shop)
    cutoffs = list(t.table.matrix(BUY, [day(92), day(113)]).cutoffs)
    assert cutoffs == [day(92), day(113)]
    for cutoff in cutoffs:
        matrix = t.table.matrix(BUY, [cutoff])
        bought = "select distinct customer_id from orders where occurred_at < ?"
        assert matrix.table.column("customer_id").to_pylist() == sorted(
            str(r[0]) for r in shop.rows(bought, [cutoff])
        ), "everyone who ever ordered before, in order"
        next_week = shop.rows(
            "select distinct customer_id from orders where occurred_at >= ? and occurred_at < ?",
            [cutoff, cutoff + timedelta(days=7)],
        )
        assert matrix.y is not None
        said = {c for c, y in zip(matrix.table.column("customer_id").to_pylist(), matrix.y, strict=True) if y}
        assert said == {str(r[0]) for r in next_week} & set(matrix.table.column("customer_id").to_pylist())


def test_a_matrix_without_target_and_one_without_cutoffs(shop: DuckDBEngine) -> None:
    table = feature_table(shop)
    assert table.matrix(BUY, [day(120)], target=False).y is None
    empty = table.matrix(BUY, [])
    assert empty.rows == 0 and empty.clusters.shape == (0,)


def test_a_customer_has_one_cluster_at_every_cutoff(shop: DuckDBEngine) -> None:
    matrix = feature_table(shop).matrix(BUY, [day(92), day(113)])
    names = matrix.table.column("customer_id").to_pylist()
    codes: dict[str, set[int]] = {}
    for name, code in zip(names, matrix.clusters.tolist(), strict=True):
        codes.setdefault(name, set()).add(code)
    assert all(len(c) == 1 for c in codes.values())
    assert len({next(iter(c)) for c in codes.values()}) == len(codes)


def test_an_order_known_later_is_no_label_yet(shop: DuckDBEngine) -> None:
    late = DuckDBEngine(threads=2)
    seeded_shop(late, customers=80)
    table = feature_table(late)
    before = table.matrix(BUY, [day(106)], as_of=day(113))
    assert before.y is not None
    quiet = next(c for c, y in zip(before.table.column("customer_id").to_pylist(), before.y, strict=True) if not y)
    late.execute(
        "insert into facts.orders (order_id, amount, source, source_customer_id, occurred_at, known_at) "
        f"values ('late', 9, 'seeded', '{quiet}', timestamp '{day(110)}', timestamp '{day(113)}')"
    )

    def label(as_of: datetime | None) -> float:
        matrix = table.matrix(BUY, [day(106)], as_of=as_of)
        assert matrix.y is not None
        return float(matrix.y[matrix.table.column("customer_id").to_pylist().index(quiet)])

    assert label(day(113)) == 0, "known at the instant is not known before it"
    assert label(day(113) + timedelta(microseconds=1)) == 1
    assert label(None) == 1
    # Training for day 113 asks for what was known before it, so the late order changes nothing there.
    t = trainer(late)
    again = t.training(day(113))
    late.execute("delete from facts.orders where order_id = 'late'")
    without = trainer(late).training(day(113))
    assert again.table.equals(without.table)
    np.testing.assert_array_equal(again.y, without.y)
    late.close()


# --- sampling ---------------------------------------------------------------------------------------------


def test_a_large_spine_is_sampled_and_the_weights_keep_the_rate(shop: DuckDBEngine) -> None:
    whole = trainer(shop)
    cutoffs = list(whole.training(day(120)).cutoffs)
    full = whole.table.matrix(BUY, cutoffs)
    part = feature_table(shop, BUY, replace(SMALL, budget=900))
    assert 0.2 < part.sampled < 0.8
    matrix = part.matrix(BUY, cutoffs)
    assert matrix.rows == pytest.approx(part.sampled * full.rows, rel=0.12)
    np.testing.assert_allclose(matrix.weight, 1 / part.sampled)
    assert matrix.y is not None and full.y is not None
    assert np.average(matrix.y, weights=matrix.weight) == pytest.approx(full.y.mean(), abs=0.05)
    names = full.table.select(["customer_id", "cutoff"]).to_pylist()
    assert all(r in names for r in matrix.table.select(["customer_id", "cutoff"]).to_pylist()[:50])


def test_everyone_is_scored_however_small_the_budget(shop: DuckDBEngine) -> None:
    whole = feature_table(shop).matrix(BUY, [day(120)], target=False)
    part = feature_table(shop, BUY, replace(SMALL, budget=300)).matrix(BUY, [day(120)], target=False)
    assert part.table.equals(whole.table)
    np.testing.assert_array_equal(part.weight, 1.0)


def test_a_sampled_fit_says_so_and_keeps_the_base_rate(shop: DuckDBEngine) -> None:
    whole = trainer(shop).fit("baseline", day(120))
    part = trainer(shop, settings=replace(SMALL, budget=900)).fit("baseline", day(120))
    assert whole.trained.sampled == 1
    assert part.trained.sampled < 0.8
    assert part.trained.rows < 0.8 * whole.trained.rows
    assert part.trained.base_rate == pytest.approx(whole.trained.base_rate, abs=0.05)


def test_thinning_keeps_weighted_rates_and_most_of_the_positives() -> None:
    rng = np.random.default_rng(3)
    full = made((rng.random(20_000) < 0.02).astype(float).tolist(), weight=2.0)
    few = thin(full, 2_000, seed=1)
    assert full.y is not None and few.y is not None
    assert few.rows == pytest.approx(2_000, rel=0.1)
    assert few.y.sum() == full.y.sum(), "all positives fit, so all stay"
    assert few.weight.sum() == pytest.approx(full.weight.sum(), rel=0.05)
    assert np.average(few.y, weights=few.weight) == pytest.approx(full.y.mean(), rel=0.1)


def test_thinning_many_positives_leaves_room_for_the_rest() -> None:
    full = made([1.0] * 9_000 + [0.0] * 1_000)
    few = thin(full, 1_000, seed=1)
    assert few.y is not None
    assert few.rows == pytest.approx(1_000, rel=0.15)
    assert np.average(few.y, weights=few.weight) == pytest.approx(0.9, abs=0.03)


def test_thinning_what_fits_is_no_thinning_and_the_same_seed_the_same_rows() -> None:
    small = made([0.0, 1.0, 3.0])
    assert thin(small, 3, seed=0) is small
    full = made([0.0] * 500 + [1.0] * 20)
    one, two, other = thin(full, 100, 5), thin(full, 100, 5), thin(full, 100, 6)
    assert one.table.equals(two.table)
    assert not one.table.equals(other.table)


def test_amounts_and_pairs_have_their_matrix_too(shop: DuckDBEngine) -> None:
    t = trainer(shop, SPEND)
    matrix = t.table.matrix(SPEND, [day(92)])
    assert matrix.y is not None
    spent = shop.value(
        "select sum(amount) from orders where occurred_at >= ? and occurred_at < ? and customer_id in "
        "(select customer_id from orders where occurred_at < ?)",
        [day(92), day(106), day(92)],
    )
    assert matrix.y.sum() == pytest.approx(float(spent), abs=1e-6)
    assert CATALOGUE["buy-category-30d"].keys == ("customer_id", "category")


def test_someone_known_only_after_the_cutoff_is_not_in_the_matrix(shop: DuckDBEngine) -> None:
    refresh_known(shop)
    first = dict(shop.rows("select customer_id, known_from from known_customers"))
    matrix = feature_table(shop).matrix(CATALOGUE["buy-7d"], [day(92)])
    assert all(first[c] < day(92) for c in matrix.table.column("customer_id").to_pylist())
    assert any(known >= day(92) for known in first.values())


def test_settings_step_by_the_horizon_where_it_is_short() -> None:
    assert str(Settings().stepped(BUY.span)) == "7d"
    assert str(Settings().stepped(BUY.over("1d").span)) == "1d"
    assert str(Settings().stepped(BUY.over("90d").span)) == "7d"
