"""Each signal moves the order the right way, learnt from what followed: ratings, removals, rhythm, words, newness."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from footfall.models.content import Content
from footfall.models.ranking import (
    Interactions,
    best_of_rows,
    csr,
    distinct,
    grouped,
    single,
)
from footfall.models.text import Text
from footfall.recommend import ALL, COLD, NEW, Learning, Moment, Reranker, gather, suited, teach
from footfall.recommend.features import season_features
from footfall.recommend.read import words_of

CUSTOMERS, PRODUCTS, AHEAD = 200, 40, 20.0
LEARNING = Learning(cutoffs=2, trees=60, leaves=6, rows=40_000, objective="lambdarank")


def _rows(parts: list[tuple[int, int, float, str, float]], kinds: tuple[str, ...], at: float) -> Interactions:
    row, col, day, kind, weight = (np.asarray(c) for c in zip(*[p for p in parts if p[2] < at], strict=True))
    code = np.asarray([kinds.index(k) for k in kind], dtype=np.int64)
    people = {"gender": np.arange(CUSTOMERS) % 2}
    return Interactions(CUSTOMERS, PRODUCTS, row, col, day, code, weight, at, kinds, people=people)


def _tried(kind: str, good: float, bad: float) -> list[tuple[int, int, float, str, float]]:
    """Every 20 days each customer tries two products; what is said of them differs; the good one is bought again."""
    made = []
    for customer in range(CUSTOMERS):
        for trial in range(9):
            pair = [(customer + 4 * trial) % PRODUCTS, (customer + 4 * trial + 2) % PRODUCTS]
            liked, other = pair if (customer + trial) % 2 else pair[::-1]
            day = 20.0 * trial + customer % 5
            made += [(customer, p, day, "sale", 1.0) for p in pair]
            made += [(customer, liked, day + 1, kind, good)] * (good > 0) + [(customer, other, day + 1, kind, bad)]
            made += [(customer, liked, day + 22, "sale", 1.0)]
    return made


def _taught(made: list[tuple[int, int, float, str, float]], kinds: tuple[str, ...]) -> tuple[Reranker, Moment]:
    whole = _rows(made, kinds, 1e6)
    moments = []
    for at in (180.0, 160.0, 140.0, 120.0):
        rows = whole.take((whole.day >= at) & (whole.day < at + AHEAD)).only("sale")
        taken = csr(np.ones(len(rows)), rows.row, rows.col, (CUSTOMERS, PRODUCTS))
        known = _rows(made, kinds, at)
        moments.append(Moment.at(known, suited(known, ahead=AHEAD), AHEAD, 0, taken))
    return teach(moments[1:], LEARNING, (ALL,)), moments[0]


@pytest.mark.parametrize(
    ("kind", "good", "bad"), [("rating", 5.0, 1.0), ("remove_from_cart", 0.0, 1.0), ("return", 0.0, 1.0)]
)
def test_what_speaks_against_a_product_lowers_it(kind: str, good: float, bad: float) -> None:
    made = _tried(kind, good, bad)
    reranker, now = _taught(made, ("sale", kind))
    pool, values = now.pool(np.arange(CUSTOMERS))
    score = dict(zip(zip(pool.row.tolist(), pool.col.tolist(), strict=True), reranker.score(values), strict=True))
    right = []
    for customer in range(CUSTOMERS):  # the last trial before day 180: the eighth
        pair = [(customer + 32) % PRODUCTS, (customer + 34) % PRODUCTS]
        liked, other = pair if (customer + 8) % 2 else pair[::-1]
        right.append(score[customer, liked] > score[customer, other])
    assert np.mean(right) > 0.9


def test_what_speaks_against_a_product_leads_nowhere() -> None:
    kinds = ("sale", "view", "remove_from_cart", "rating")
    parts = [(0, 1, 1.0, "sale", 1.0), (0, 2, 2.0, "view", 1.0), (0, 3, 3.0, "remove_from_cart", 1.0),
             (1, 4, 3.0, "rating", 1.0), (1, 5, 3.0, "rating", 5.0)]  # fmt: skip
    assert _rows(parts, kinds, 9.0).liked.col.tolist() == [1, 2, 5]


def test_the_refill_comes_when_it_is_due_not_the_day_after() -> None:
    """Everyone buys a product of their own every 20 days: half of them did so yesterday, half 19 days ago."""
    made = []
    for customer in range(CUSTOMERS):
        mine, other = customer % PRODUCTS, (customer + 7) % PRODUCTS
        for i in range(10):
            made.append((customer, mine, 20.0 * i + (1.5 if customer % 2 else 19.0), "sale", 1.0))
            made.append((customer, other, 20.0 * i + (19.0 if customer % 2 else 1.5), "sale", 1.0))
    known = _rows(made, ("sale",), 140.0)
    own = suited(known, ahead=5.0, labels=("due",))
    moment = Moment.at(known, own, 5.0)
    score = moment.generators["due"].score(np.arange(40), np.arange(40) % PRODUCTS)
    late = moment.generators["due"].score(np.arange(40), (np.arange(40) + 7) % PRODUCTS)
    odd = np.arange(40) % 2 == 1
    assert (score[odd] > late[odd]).all(), "19 days ago: due; one day ago: not"
    assert (score[~odd] < late[~odd]).all()


def test_words_weigh_by_how_rare_they_are() -> None:
    texts = ["red wool scarf", "blue wool scarf", "red candle", None, "Scented CANDLE of wax", "tea tin", "tea box"]
    found = words_of(texts)
    assert found is not None
    like = np.asarray((found @ found.T).todense())
    np.testing.assert_allclose(np.diag(like)[[0, 1, 2, 4, 5, 6]], 1.0, rtol=1e-6)
    assert like[0, 1] > like[0, 2] > 0 == like[0, 4], "two words in common, one, none"
    assert like[5, 6] == pytest.approx(1.0), "what stands with one product only does not count"
    assert like[3].sum() == 0
    assert words_of([None, ""]) is None and words_of(["one", "two"]) is None


def _bought(cols: list[int], **more: object) -> Interactions:
    n = len(cols)
    zero = np.zeros(n, dtype=np.int64)
    base = Interactions(2, 4, zero, np.asarray(cols), np.arange(n, dtype=np.float64), zero, np.ones(n), 100.0)
    return replace(base, **more)  # type: ignore[arg-type]


def test_a_product_nobody_bought_is_found_by_its_words_and_its_category() -> None:
    words = words_of(["wool scarf", "tea tin", "wool scarf", "tea tin"])
    toy = _bought([0, 0, 1], text=words, items={"category": np.asarray([0, 1, 0, 1])})
    assert Text().fit(toy).candidates([0], 1, new=True).items.tolist() == [[2]]
    arrived = Content(newest=30.0).fit(toy)
    assert arrived.candidates([0], 3).items.tolist() == [[2, 3, -1]], "of what came in lately, what is most like hers"
    assert arrived.candidates([1], 2).items.tolist() == [[-1, -1]], "nothing to go by"


def test_products_of_later_are_unknown_at_an_earlier_moment() -> None:
    words = words_of(["wool scarf", "tea tin", "wool scarf", "tea tin"])
    listed = np.asarray([-np.inf, -np.inf, 150.0, 50.0])
    toy = _bought([0, 0, 1], text=words, items={"category": np.asarray([0, 1, 0, 1])}, listed=listed)
    for model in (Text(), Content(), Content(newest=60.0)):
        assert 2 not in model.fit(toy).candidates([0], 4).items, "listed 50 days after the cutoff"
    assert 3 in Content(newest=60.0).fit(toy).candidates([0], 4).items
    assert 3 not in Content(newest=40.0).fit(_bought([0, 3], listed=listed, items=toy.items)).candidates([0], 4).items


def test_the_season_of_a_product_is_that_of_the_dates_ahead() -> None:
    """Product 0 sells in the days 365 to 345 before the cutoff, product 1 evenly through the year."""
    day = np.append(np.linspace(636.0, 654.0, 60), np.linspace(636.0, 999.0, 60))
    col = np.repeat([0, 1], 60)
    zero = np.zeros(120, dtype=np.int64)
    rows = Interactions(1, 2, zero, col, np.asarray(day, dtype=np.float64), zero, np.ones(120), 1000.0)
    season = season_features(rows, 20.0)["product product season"]
    assert season[0] > 5 > 1.2 > season[1] > 0.8
    week = season_features(rows.take(col == 1), 1.0)["product these weekdays"]
    today = np.floor(rows.day[col == 1]).astype(int) % 7 == 1000 % 7
    assert week[1] == pytest.approx(today.mean(), abs=1e-9)


def test_cold_candidates_come_from_who_they_are() -> None:
    made = _tried("rating", 5.0, 1.0)
    known = _rows(made, ("sale", "rating"), 150.0)
    specs = suited(known, ahead=AHEAD)
    moment = Moment.at(known, specs, AHEAD)
    pool, values = moment.pool(np.arange(3), COLD)
    assert np.isnan(values["own score"]).all() and (values["bought times"] == 0).all()
    assert (values["customer baskets"] == 0).all() and np.isnan(values["customer last"]).all()
    assert (values["customer is gender"] == pool.row % 2).all()
    thin = suited(known, dial=0.02, ahead=AHEAD)
    few, many = (gather(moment.generators, thin, np.arange(3), PRODUCTS, way) for way in (ALL, COLD))
    assert len(many) == len(pool) > 2 * len(few), "few generators fill a whole list, wherever the dial stands"
    again = gather(moment.generators, specs, np.arange(3), PRODUCTS, NEW)
    assert len(again) and not np.isfinite(again.places["own"]).any()


def test_the_fast_ways_are_the_plain_ones() -> None:
    dice = np.random.default_rng(3)
    dense = np.where(dice.random((30, 50)) < 0.3, dice.normal(size=(30, 50)).round(1), 0.0)
    row, col = np.nonzero(dense)
    rows = single(csr(dense[row, col], row, col, dense.shape))
    fast, plain = best_of_rows(rows, 12), best_of_rows(rows.astype(np.float64), 12)
    np.testing.assert_array_equal(fast.items, plain.items)
    np.testing.assert_allclose(fast.scores, plain.scores)
    keys = dice.integers(0, 60, 500)
    for one in (keys, np.sort(keys), keys[:0]):
        np.testing.assert_array_equal(distinct(one), np.unique(one))
        for mine, its in zip(grouped(one), np.unique(one, return_inverse=True), strict=True):
            np.testing.assert_array_equal(mine, its)
