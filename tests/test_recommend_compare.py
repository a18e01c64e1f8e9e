"""Whom a ranking asks about, what then happened, and lists side by side."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from tests.recommend_shop import CUSTOMERS, DAYS, END, NEXT, PRODUCTS, START, buys, recommend_shop

from footfall import Task, lines
from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.evaluate.ranking import Catalogue, Shown, measure_rankings
from footfall.recommend import (
    ALL,
    NEW,
    OWN,
    RERANKED,
    Learning,
    Scene,
    compared,
    fit_ranker,
    fresh,
    outcome,
    population,
    rank,
    read_history,
    scene,
    suited,
)
from footfall.recommend.compare import cold_starts, just_arrived, only_products, parts_of

AT = END - timedelta(days=30)


@pytest.fixture(scope="module")
def shop() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1)
    recommend_shop(engine)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def tested(shop: DuckDBEngine) -> Scene:
    history = read_history(shop, NEXT, AT)
    return scene(
        fit_ranker(shop, NEXT, AT, learning=Learning(cutoffs=3, trees=30, rows=9_000), history=history), history
    )


def test_the_outcome_is_what_was_bought_in_the_horizon(shop: DuckDBEngine, tested: Scene) -> None:
    history = tested.history
    truth, unknown = outcome(history, read_history(shop, NEXT, END), NEXT)
    new = fresh(truth, history)
    assert unknown == 0, "all customers and products were known before"
    for c in range(CUSTOMERS):
        row = history.numbers[f"c{c}"]
        later = {p for day, p in buys(c) if day >= DAYS - 30}
        before = {p for day, p in buys(c) if day < DAYS - 30}
        assert {int(str(history.products[i])[1:]) for i in truth[row].indices} == later
        assert {int(str(history.products[i])[1:]) for i in new[row].indices} == later - before
    early = read_history(shop, NEXT, AT - timedelta(days=165))
    none, lost = outcome(early, read_history(shop, NEXT, AT - timedelta(days=135)), NEXT)
    assert none.nnz + lost == len({(c, p) for c in range(CUSTOMERS) for day, p in buys(c) if 5 <= day < 35})


def test_the_population_is_the_tasks(shop: DuckDBEngine, tested: Scene) -> None:
    everyone = population(shop, NEXT, tested.history)
    assert len(everyone) == CUSTOMERS + 4
    buyers = Task("next", "customer", NEXT.target, "30d", among=lines.any().past("14d"))
    found = {str(tested.history.customers[i]) for i in population(shop, buyers, tested.history)}
    assert found == {f"c{c}" for c in range(CUSTOMERS) if any(DAYS - 44 <= day < DAYS - 30 for day, _ in buys(c))}


def test_lists_side_by_side_are_those_of_who_made_them(shop: DuckDBEngine, tested: Scene) -> None:
    customers = np.arange(0, CUSTOMERS, 2)
    found = compared(tested, customers, 5)
    (alone,) = rank(tested, customers, k=5, reasoned=False)
    if tested.ranker.answer[ALL] == RERANKED:
        for i, c in enumerate(customers):
            assert found[RERANKED][i].tolist() == alone.item[alone.customer == c].tolist()
    own = tested.moment.generators["own"].candidates(customers, 5).items
    assert (found["own"] == own).all()
    assert (found[OWN][own >= 0] == own[own >= 0]).all(), "own frequency first"
    assert (found[OWN] >= 0).all(), "then what is popular"
    new = compared(tested, customers, 5, NEW)
    assert OWN not in new
    truth, _ = outcome(tested.history, read_history(shop, NEXT, END), NEXT)
    sold = np.asarray(tested.history.interactions.owned.sum(axis=0)).ravel()
    part = Shown(truth[customers], found, customers, Catalogue(sold, CUSTOMERS))
    measured = measure_rankings([part], (3,), draws=20)
    assert measured.models[RERANKED]["recall", 3].value > 2 * measured.models["popular"]["recall", 3].value
    assert measured.models[RERANKED]["coverage", 3].value <= 1
    assert truth.shape[1] == PRODUCTS


def test_generators_can_be_named(tested: Scene) -> None:
    rows = tested.history.interactions
    assert [s.label for s in suited(rows, labels=("own", "ease"))] == ["own", "ease"]
    half, whole = suited(rows, 0.5), suited(rows)
    assert [s.take * 2 for s in half] == [s.take for s in whole]
    with pytest.raises(UsageError, match=r"no generator 'eese' for this shop; did you mean 'ease'"):
        suited(rows, labels=("eese",))


def test_parts_are_who_the_customers_are_and_how_often_they_bought(tested: Scene) -> None:
    history = tested.history
    everyone = np.arange(len(history.customers))
    found = parts_of(history, everyone)
    days = {c: len({day for day, _ in buys(c) if day < DAYS - 30}) for c in range(CUSTOMERS)}
    for c in range(CUSTOMERS):
        row = history.numbers[f"c{c}"]
        mine = {label for label, mask in found.items() if mask[row]}
        decade = (20 + c % 40) // 10 * 10
        band = "10 days or more" if days[c] >= 10 else "5 to 9 days" if days[c] >= 5 else "2 to 4 days"
        assert mine == {f"age: {decade}-{decade + 9}", f"gender: {'fm'[c % 2]}", f"bought on {band}"}
    cold = [history.numbers[f"c{c}"] for c in range(CUSTOMERS, CUSTOMERS + 4)]
    assert not any(mask[cold].any() for label, mask in found.items() if label.startswith("bought"))
    some = parts_of(history, everyone[:7])
    assert {label: mask[:7].tolist() for label, mask in found.items() if mask[:7].any()} == {
        label: mask.tolist() for label, mask in some.items()
    }


def test_cold_customers_and_new_products_are_told_apart(shop: DuckDBEngine, tested: Scene) -> None:
    starts = cold_starts(tested.history)
    silent = {f"c{c}" for c in range(CUSTOMERS, CUSTOMERS + 4)}
    assert {str(tested.history.customers[i]) for i in starts["customers without any history"]} == silent
    assert not len(starts["visitors who never bought"]), "there are no looks in this shop"
    early = read_history(shop, NEXT, START + timedelta(days=110))
    first = {p: min(day for c in range(CUSTOMERS) for day, one in buys(c) if one == p) for p in range(PRODUCTS - 2)}
    wanted = {f"p{p}" for p, day in first.items() if day >= 80} | {"p18", "p19"}
    assert {str(early.products[i]) for i in np.flatnonzero(just_arrived(early))} == wanted
    assert "p0" not in wanted and "p4" in wanted
    truth, _ = outcome(early, read_history(shop, NEXT, END), NEXT)
    kept = only_products(truth, just_arrived(early))
    assert kept.nnz and kept.nnz < truth.nnz and set(kept.indices) <= set(np.flatnonzero(just_arrived(early)))
    lost = only_products(truth, ~just_arrived(early))
    assert lost.nnz + kept.nnz == truth.nnz
