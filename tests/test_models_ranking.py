"""The contract of generators of candidates, on every member, over a checkerboard whose right answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.toy_interactions import AT, CUSTOMERS, PRODUCTS, checkerboard, left_out

from footfall.errors import FootfallError, UsageError
from footfall.models.contract import model_names
from footfall.models.own_history import due, pairs, usual_gap
from footfall.models.panel import path_model_names
from footfall.models.ranking import (
    Interactions,
    RankModel,
    best,
    best_of_rows,
    csr,
    find_rank_model,
    looked_up,
    rank_model_names,
)

ALWAYS = ("content", "covisit", "ease", "neighbours", "own_history", "popular", "text")
HERE = rank_model_names()
PERSONAL = [n for n in HERE if n not in ("popular", "own_history")]
SETTINGS: dict[str, dict[str, Any]] = {"ease": {"l2": 5.0}, "implicit": {"factors": 2, "l2": 1.0}}
EVERYONE = np.arange(CUSTOMERS)


def _model(name: str, **more: Any) -> RankModel:
    return find_rank_model(name)(0, **{**SETTINGS.get(name, {}), **more})


def _empty(customers: int = 3, products: int = 2) -> Interactions:
    none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Interactions(customers, products, none, none, nothing, none, nothing, AT)


def test_the_plain_ones_are_always_there_and_no_generator_answers_chances() -> None:
    assert set(ALWAYS) <= set(HERE)
    assert not set(HERE) & (set(model_names()) | set(path_model_names()))
    with pytest.raises(UsageError, match=r"no generator 'poplar'; did you mean 'popular'"):
        find_rank_model("poplar")


@pytest.mark.parametrize("name", PERSONAL)
def test_the_missing_square_of_the_checkerboard_is_found(name: str) -> None:
    found = _model(name).fit(checkerboard()).candidates(EVERYONE, 1, new=True)
    assert [int(i) for i in found.items[:, 0]] == [left_out(c) for c in range(CUSTOMERS)]


def test_own_history_shows_what_was_bought_and_popular_what_most_bought() -> None:
    toy = checkerboard()
    own = _model("own_history").fit(toy).candidates(EVERYONE, 5)
    for customer in range(CUSTOMERS):
        mine = {p for p in range(PRODUCTS) if p % 2 == customer % 2 and p != left_out(customer)}
        assert set(own.items[customer].tolist()) == mine
    assert (_model("own_history").fit(toy).candidates(EVERYONE, 5, new=True).items == -1).all()
    heavy = replace(toy, col=np.where(toy.col == 1, 0, toy.col))
    popular = _model("popular", days=400.0).fit(heavy).candidates(EVERYONE, 1)
    assert (popular.items == 0).all()


@pytest.mark.parametrize("name", HERE)
@pytest.mark.parametrize("new", [False, True])
def test_candidates_are_ordered_once_each_and_scored_alike(name: str, new: bool) -> None:
    toy = checkerboard()
    model = _model(name).fit(toy)
    found = model.candidates(EVERYONE, 15, new=new)
    assert found.items.shape == found.scores.shape == (CUSTOMERS, 15)
    held = found.items >= 0
    assert (held == np.isfinite(found.scores)).all()
    assert (np.diff(held.astype(int), axis=1) <= 0).all(), "nothing comes before something"
    row, place = np.nonzero(held)
    items = found.items[row, place]
    assert len(np.unique(row * PRODUCTS + items)) == len(row)
    np.testing.assert_allclose(model.score(row, items), found.scores[row, place], rtol=1e-6)
    assert (found.scores[:, 1:] <= found.scores[:, :-1]).all()
    if new:
        assert not np.isfinite(looked_up(toy.owned, row, items)).any()


@pytest.mark.parametrize("name", HERE)
def test_who_else_is_asked_about_changes_nothing(name: str) -> None:
    model = _model(name).fit(checkerboard())
    whole = model.candidates(EVERYONE, 6)
    few = model.candidates([7, 3], 6)
    np.testing.assert_array_equal(few.items, whole.items[[7, 3]])
    np.testing.assert_allclose(few.scores, whole.scores[[7, 3]], rtol=1e-6)


@pytest.mark.parametrize("name", HERE)
def test_two_fits_and_a_saved_one_give_the_same_bits(name: str, tmp_path: Path) -> None:
    model, again = (_model(name).fit(checkerboard()) for _ in range(2))
    model.save(tmp_path / "one")
    loaded = type(model).load(tmp_path / "one")
    for other in (again, loaded):
        for new in (False, True):
            for mine, its in zip(model.candidates(EVERYONE, 7, new), other.candidates(EVERYONE, 7, new), strict=True):
                np.testing.assert_array_equal(mine, its)
        np.testing.assert_array_equal(model.similar(2, 3).items, other.similar(2, 3).items)
    with pytest.raises(FootfallError, match=f"no saved generator '{name}'"):
        type(model).load(tmp_path / "two")


@pytest.mark.parametrize("name", HERE)
def test_odd_interactions_are_answered(name: str) -> None:
    for odd in (_empty(), _empty(1, 1), checkerboard().take(np.asarray([0])), checkerboard().take(np.zeros(0, int))):
        found = _model(name).fit(odd).candidates(np.arange(odd.customers), 4)
        assert found.items.shape == (odd.customers, 4)
        assert found.items.max() < odd.products
    one = _empty(2, 1)
    single = replace(
        one, row=np.asarray([0]), col=np.asarray([0]), day=np.asarray([1.0]), kind=np.asarray([0]), weight=np.ones(1)
    )
    assert _model(name).fit(single).candidates([0, 1], 2).items[:, 1].tolist() == [-1, -1], "one product, once"


@pytest.mark.parametrize("name", HERE)
def test_an_unknown_setting_and_product_are_named(name: str) -> None:
    with pytest.raises(UsageError, match=f"generator '{name}' has no setting 'colour'"):
        find_rank_model(name)(0, colour=1)
    with pytest.raises(UsageError, match="no product number 99"):
        _model(name).fit(checkerboard()).similar(99, 2)


@pytest.mark.parametrize("name", ["covisit", "ease", "content", "text", *(["implicit"] if "implicit" in HERE else [])])
def test_similar_products_are_of_the_same_colour_and_not_itself(name: str) -> None:
    found = _model(name).fit(checkerboard()).similar(4, 3).items[0]
    assert 4 not in found.tolist()
    assert all(int(i) % 2 == 0 for i in found[: 1 if name == "content" else 3])
    if name == "content":
        assert found[0] == 6, "the same category and the same brand"


def test_covisit_looks_forward_only() -> None:
    """Everyone buys 0, and 1 five days later: 0 leads to 1, and 1 to nothing."""
    n = 10
    row = np.repeat(np.arange(n), 2)
    toy = Interactions(
        n + 2, 3, np.append(row, [n, n + 1]), np.append(np.tile([0, 1], n), [0, 1]),
        np.append(np.tile([10.0, 15.0], n), [20.0, 20.0]), np.zeros(2 * n + 2, dtype=np.int64),
        np.ones(2 * n + 2), 30.0,
    )  # fmt: skip
    model = _model("covisit").fit(toy)
    assert model.candidates([n, n + 1], 1, new=True).items[:, 0].tolist() == [1, -1]


def test_covisit_leads_from_views_to_purchases() -> None:
    """Looking at 2 is followed by buying 0; the one who only looked is shown 0, and no view is led to."""
    n = 8
    row, col = np.repeat(np.arange(n), 2), np.tile([2, 0], n)
    kind, day = np.tile([1, 0], n), np.tile([10.0, 12.0], n)
    toy = Interactions(
        n + 1, 3, np.append(row, n), np.append(col, 2), np.append(day, 20.0), np.append(kind, 1),
        np.ones(2 * n + 1), 30.0, ("sale", "view"),
    )  # fmt: skip
    found = _model("covisit", source=()).fit(toy).candidates([n], 2)
    assert found.items[0].tolist() == [0, -1]


def test_ease_is_the_closed_form_and_says_when_there_are_too_many_products() -> None:
    toy = checkerboard()
    X = np.asarray(toy.owned.todense())
    P = np.linalg.inv(X.T @ X + 7.0 * np.eye(PRODUCTS))
    B = np.eye(PRODUCTS) - P / np.diag(P)
    model = _model("ease", l2=7.0).fit(toy)
    row, col = np.divmod(np.arange(CUSTOMERS * PRODUCTS), PRODUCTS)
    np.testing.assert_allclose(model.score(row, col), (X @ B).ravel(), atol=1e-5)
    with pytest.raises(FootfallError, match="ease holds at most 5 products, and there are 12"):
        _model("ease", limit=5).fit(toy)


def test_a_product_is_due_near_the_end_of_its_gap() -> None:
    """Bought every 20 days: hardly due the day after, most due about day 15 to 20, less again when long overdue."""
    chances = {}
    for elapsed in (1, 14, 120):
        day = 300.0 - elapsed - 20.0 * np.arange(6)
        one = Interactions(
            1, 1, np.zeros(6, dtype=int), np.zeros(6, dtype=int), day, np.zeros(6, dtype=int), np.ones(6), 300.0
        )
        found = pairs(one)
        assert found.times.tolist() == [6]
        assert usual_gap(found, 1, 3.0)[0] == pytest.approx(20.0)
        chances[elapsed] = float(due(found, 1, 7.0, 3.0)[0])
    assert chances[14] > 3 * chances[1]
    assert chances[14] > 2 * chances[120]


def test_popular_in_a_segment_and_rising() -> None:
    toy = checkerboard()
    segment = _model("popular", way="segment", segment="gender", days=400.0).fit(toy)
    assert (segment.candidates(EVERYONE, 1).items[:, 0] % 2 == EVERYONE % 2).all()
    late = replace(toy, day=np.where(toy.col == 3, AT - 1.0, np.minimum(toy.day, AT - 20.0)))
    assert (_model("popular", way="rising", days=10.0).fit(late).candidates([0], 1).items == 3).all()
    with pytest.raises(FootfallError, match=r"no customer feature 'shoe_size' .* gender, age_band"):
        _model("popular", way="segment", segment="shoe_size").fit(toy)
    with pytest.raises(UsageError, match="ways overall, segment, rising, not 'best'"):
        _model("popular", way="best")


def test_neighbours_answer_for_someone_who_never_bought() -> None:
    toy = checkerboard()
    cold = toy.take(toy.row > 1)
    found = _model("neighbours", days=400.0).fit(cold).candidates([0, 1], 6)
    assert (found.items[0] % 2 == 0).all()
    assert (found.items[1] % 2 == 1).all()


def test_a_new_product_has_content_from_day_one() -> None:
    toy = checkerboard()
    fresh = toy.take(toy.col != 5)
    found = _model("content").fit(fresh).candidates([1], 6, new=True).items[0].tolist()
    assert 5 in found
    assert 5 not in _model("ease").fit(fresh).candidates([1], 1, new=True).items[0].tolist()


def test_interactions_are_judged() -> None:
    toy = checkerboard()
    with pytest.raises(UsageError, match="columns of one length"):
        replace(toy, row=toy.row[1:])
    with pytest.raises(UsageError, match=r"product .* outside 0 .. 11"):
        replace(toy, col=toy.col + 1)
    with pytest.raises(UsageError, match="at or after the cutoff"):
        replace(toy, at=AT - 50)
    with pytest.raises(UsageError, match="'brand' has 2 codes for 12"):
        replace(toy, items={"brand": np.zeros(2, dtype=int)})


def test_equal_scores_stand_in_the_order_of_the_products() -> None:
    block = np.asarray([[1.0, 3.0, 3.0, 3.0, -np.inf], [-np.inf, -np.inf, 2.0, -np.inf, -np.inf]])
    found = best(block, 2)
    assert found.items.tolist() == [[1, 2], [2, -1]]
    kept = np.isfinite(block)
    rows = csr(block[kept], *np.nonzero(kept), block.shape)
    for mine, its in zip(best_of_rows(rows, 2), found, strict=True):
        np.testing.assert_array_equal(mine, its)


def test_covisit_can_be_held_to_the_weightiest_of_a_history() -> None:
    toy = checkerboard()
    whole, few = (_model("covisit", latest=n).fit(toy) for n in (None, 2))
    many, two = (sum(len(m.because(c, left_out(c), 9)) for c in EVERYONE) for m in (whole, few))  # type: ignore[attr-defined]
    assert 0 < two < many
    assert all(len(few.because(c, left_out(c), 9)) <= 2 for c in EVERYONE)  # type: ignore[attr-defined]
    narrow = _model("covisit", kept=1).fit(toy)
    assert (narrow.similar(0, 5).items[0] >= 0).sum() == 1
