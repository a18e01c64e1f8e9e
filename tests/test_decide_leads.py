"""Demand leads: none on white noise at the stated rate, the planted ones found, seasons and empty shelves no rise."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, false_discovery_control

from decide_shop import CUTOFF, TASK, WEEK, empty_shop, put
from footfall.decide import Rising, demand_leads
from footfall.decide.leads import benjamini_hochberg, compare, dispersion
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tables import RESULTS

Floats = NDArray[np.float64]


@pytest.fixture
def engine() -> Iterator[DuckDBEngine]:
    with empty_shop() as one:
        yield one


def noise(seed: int, kind: str, products: int = 150, periods: int = 60) -> Floats:
    """A shop without a single product that rises, but with a season of the whole shop."""
    rng = np.random.default_rng(seed)
    wave = 1 + 0.4 * np.sin(np.arange(periods) / 52 * 2 * np.pi)
    mean = rng.lognormal(2.0, 1.2, products)[:, None] * wave
    if kind == "poisson":
        return rng.poisson(mean).astype(float)
    if kind == "packs of six":
        return rng.poisson(mean / 6).astype(float) * 6
    wide = rng.uniform(1.2, 8.0, products)[:, None]
    return rng.negative_binomial(mean / (wide - 1), 1 / wide).astype(float)


def write(engine: DuckDBEngine, units: Floats, censored: NDArray[np.bool_] | None = None, days: int = 7) -> None:
    rows: list[dict[str, Any]] = []
    for i, row in enumerate(units):
        for k, amount in enumerate(row):
            if np.isfinite(amount):
                start = CUTOFF - timedelta(days=days * (len(row) - k))
                rows.append(
                    {
                        "task": TASK, "cutoff": CUTOFF, "level": "product", "product_id": f"p{i:03}",
                        "period_start": start, "amount": float(amount),
                        "censored": bool(censored is not None and censored[i, k]),
                    }
                )  # fmt: skip
    put(engine, "forecast_history", rows)


@pytest.mark.parametrize("kind", ["poisson", "packs of six", "wide"])
def test_white_noise_gives_no_leads_at_the_stated_rate(kind: str) -> None:
    shops, rate = 60, 0.05
    wrong, small, tested, held = 0, 0, 0, 0
    for seed in range(shops):
        found = compare(noise(seed, kind), 4, 0)
        told = np.isfinite(found.p)
        wrong += bool((benjamini_hochberg(found.p[told]) <= rate).any())
        small += int((found.p[told] < rate).sum())
        tested += int(told.sum())
        held += int(((found.lower[told] <= 0) & (found.upper[told] >= 0)).sum())
    assert tested > 40 * shops
    assert wrong <= binom.ppf(0.999, shops, rate)
    assert 0.01 < small / tested <= 0.055
    assert 0.945 <= held / tested < 0.995


def test_without_the_dispersion_packs_would_rise_at_random() -> None:
    """What the test above would see: the same shops, the dispersion taken for one."""
    units = noise(0, "packs of six")
    assert np.median(dispersion(units, 4)[0]) == pytest.approx(6, rel=0.1)
    now, before = units[:, -4:].sum(axis=1), units[:, -8:-4].sum(axis=1)
    share = now.sum() / (now.sum() + before.sum())
    plain = binom.sf(now - 1, now + before, share)
    assert (plain < 0.05).mean() > 0.12


def test_planted_rises_are_found_and_their_growth_lies_within(engine: DuckDBEngine) -> None:
    units = noise(3, "wide")
    rng = np.random.default_rng(9)
    units[:6] = rng.poisson(30, (6, 60))
    units[:5, -4:] = rng.poisson(60, (5, 4))
    write(engine, units)
    rows = demand_leads(engine)
    leads = [r["product_id"] for r in rows if r["rising"]]
    assert {f"p00{i}" for i in range(5)} <= set(leads)
    assert len(leads) <= 7
    assert leads == [r["product_id"] for r in rows[: len(leads)]]
    lows = [r["lower"] for r in rows[: len(leads)]]
    assert lows == sorted(lows, reverse=True)
    for row in rows:
        assert row["lower"] <= (row["lower"] if row["growth"] is None else row["growth"])
        assert row["upper"] is None or row["growth"] <= row["upper"]
        assert row["p_value"] <= row["adjusted_p"]
        assert set(row) <= {c.name for c in RESULTS["demand_leads"].columns}
    planted = [r for r in rows if r["product_id"] in {f"p00{i}" for i in range(5)}]
    whole = units[:, -4:].sum() / units[:, -8:-4].sum()
    assert sum(r["lower"] <= 2 / whole - 1 <= r["upper"] for r in planted) >= 4
    put(engine, "demand_leads", rows)
    assert "sold in the last 28 days" in rows[0]["words"] and "the whole shop sold" in rows[0]["words"]


def test_the_growth_of_the_whole_shop_is_no_lead(engine: DuckDBEngine) -> None:
    rng = np.random.default_rng(1)
    units = rng.poisson(20, (100, 20)).astype(float)
    units[:, -4:] = rng.poisson(60, (100, 4))
    write(engine, units)
    rows = demand_leads(engine)
    assert not [r for r in rows if r["rising"]]
    assert abs(np.median([r["growth"] for r in rows])) < 0.05
    assert "the whole shop sold 20" in rows[0]["words"] and "% more" in rows[0]["words"]


def test_the_summer_is_no_rise_of_ice_cream(engine: DuckDBEngine) -> None:
    """Doubled as last year: no lead. Doubled, and not last year: a lead."""
    rng = np.random.default_rng(2)
    units = rng.poisson(50, (60, 64)).astype(float)
    units[:2, -4:] = rng.poisson(110, (2, 4))
    units[0, -56:-52] = rng.poisson(110, 4)
    write(engine, units)
    rows = {r["product_id"]: r for r in demand_leads(engine)}
    assert not rows["p000"]["rising"] and rows["p000"]["growth"] > 0.5
    assert rows["p001"]["rising"]
    assert "a year ago" in rows["p001"]["words"]


def test_empty_shelves_are_no_fall_and_filled_ones_no_rise(engine: DuckDBEngine) -> None:
    rng = np.random.default_rng(4)
    units = rng.poisson(40, (50, 20)).astype(float)
    out = np.zeros(units.shape, dtype=bool)
    units[0, -8:-6], out[0, -8:-6] = 0, True
    units[1, -8:-5], out[1, -8:-5] = 0, True
    write(engine, units)
    blind = {r["product_id"]: r for r in demand_leads(engine)}
    assert blind["p000"]["growth"] > 0.7 and blind["p001"]["lower"] > 0.3
    engine.execute("delete from forecast_history")
    write(engine, units, out)
    seen = {r["product_id"]: r for r in demand_leads(engine)}
    assert not seen["p000"]["rising"]
    assert abs(seen["p000"]["growth"]) < 0.35
    assert "p001" not in seen, "out of stock for most of a window: nothing to compare with"


def test_new_products_and_those_that_hardly_sell_are_left_out(engine: DuckDBEngine) -> None:
    rng = np.random.default_rng(5)
    units = rng.poisson(20, (40, 16)).astype(float)
    units[0, :-4] = np.nan
    units[1] = 0.0
    units[1, -1] = 2
    write(engine, units)
    found = {r["product_id"] for r in demand_leads(engine)}
    assert len(found) == 38
    assert not found & {"p000", "p001"}


def test_from_nothing_to_something_is_told_without_a_fault(engine: DuckDBEngine) -> None:
    rng = np.random.default_rng(6)
    units = rng.poisson(20, (40, 16)).astype(float)
    units[0, :-4], units[0, -4:] = 0.0, [9, 12, 8, 11]
    units[1, -4:] = 0.0
    write(engine, units)
    rows = {r["product_id"]: r for r in demand_leads(engine)}
    assert rows["p000"]["rising"] and rows["p000"]["growth"] is None and rows["p000"]["upper"] is None
    assert rows["p000"]["lower"] > 5
    assert rows["p001"]["growth"] == -1 and not rows["p001"]["rising"]


def test_daily_series_and_a_shop_of_one_product(engine: DuckDBEngine) -> None:
    rng = np.random.default_rng(7)
    week = np.tile([1.0, 1, 1, 1, 1, 3, 3], 20)
    units = rng.poisson(10 * week, (30, 140)).astype(float)
    assert np.median(dispersion(units, 28)[0]) < 1.2, "the week of the whole shop is no scatter"
    units[0, -28:] = rng.poisson(16 * week[-28:])
    write(engine, units, days=1)
    assert [r["product_id"] for r in demand_leads(engine) if r["rising"]] == ["p000"]
    engine.execute("delete from forecast_history")
    write(engine, rng.poisson(np.r_[np.full(16, 50), np.full(4, 90)], (1, 20)).astype(float))
    (alone,) = demand_leads(engine)
    assert alone["rising"] and 0.4 < alone["growth"] < 1.4


def test_benjamini_hochberg_is_scipys() -> None:
    p = np.random.default_rng(0).uniform(size=200) ** 3
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p))


def test_it_reads_the_newest_forecast_and_names_categories(engine: DuckDBEngine) -> None:
    rng = np.random.default_rng(8)
    write(engine, rng.poisson(20, (12, 16)).astype(float))
    old = {"task": TASK, "cutoff": CUTOFF - 9 * WEEK, "level": "product", "product_id": "p000", "amount": 1e6}
    put(engine, "forecast_history", [{**old, "period_start": datetime(2026, 1, 5)}])
    put(engine, "facts.products", [{"product_id": "p003", "category": "Garden", "source": "hand"}])
    rows = {r["product_id"]: r for r in demand_leads(engine)}
    assert max(r["now_units"] for r in rows.values()) < 1000
    assert (rows["p003"]["category"], rows["p004"]["category"]) == ("Garden", None)


def test_the_same_bits_twice(engine: DuckDBEngine) -> None:
    write(engine, noise(0, "wide", 30, 20))
    assert demand_leads(engine) == demand_leads(engine)


def test_what_cannot_be_compared_is_said(engine: DuckDBEngine) -> None:
    with pytest.raises(FootfallError, match="no forecast per product of units-product-8w yet; run: footfall fit"):
        demand_leads(engine)
    write(engine, noise(0, "poisson", 5, 6))
    with pytest.raises(FootfallError, match="are 6 periods long, and two windows of 28d are 8; choose a shorter"):
        demand_leads(engine)
    assert len(demand_leads(engine, Rising("14d"))) >= 1
    with pytest.raises(UsageError, match="rate is a chance between 0 and 1"):
        Rising(rate=5)
    with pytest.raises(UsageError, match="'often' is not a span"):
        Rising(window="often")
