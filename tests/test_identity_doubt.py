"""How unsure weights are: levels read from a model, and draws of what the learnt shares might have been."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from footfall.identity.doubt import LEAST, Doubt, Pairs, held, levels_of, rare_counts

MODEL = {
    "comparisons": [
        {
            "output_column_name": "first",
            "comparison_levels": [
                {"is_null_level": True, "label_for_charts": "none"},
                {"m_probability": 0.8, "u_probability": 0.05, "label_for_charts": "the same",
                 "tf_adjustment_column": "f"},
                {"m_probability": 0.15, "label_for_charts": "alike"},
                {"u_probability": 0.9, "label_for_charts": "different"},
            ],
        },
        {
            "output_column_name": "gender",
            "comparison_levels": [
                {"m_probability": 0.95, "u_probability": 0.5, "label_for_charts": "the same"},
                {"label_for_charts": "different"},
            ],
        },
    ]
}  # fmt: skip


def test_levels_are_read_best_first_and_what_was_not_learnt_says_nothing() -> None:
    levels = levels_of(MODEL)
    assert [(x.says, x.m, x.u) for x in levels["first"]] == [
        ("the same", 0.8, 0.05),
        ("alike", 0.15, 0.15),
        ("different", 0.9, 0.9),
    ]
    assert [x.bits for x in levels["first"]] == [pytest.approx(4.0), 0.0, 0.0]
    assert [x.bits for x in levels["gender"]] == [pytest.approx(log2(1.9)), 0.0]
    assert {x.field for x in levels["gender"]} == {"gender"}
    assert rare_counts(MODEL) == {"first"}


def test_a_share_is_held_to_the_part_that_likely_matches_speak_for() -> None:
    levels = levels_of(held(MODEL, {("first", "alike"): 0.2, ("gender", "the same"): 0.5}, {"first": 0.01}))
    # .81 and .15 * .2 + .01 make .85; together they keep their .95, and what was not learnt stays so.
    assert [x.m for x in levels["first"]] == pytest.approx([0.81 * 0.95 / 0.85, 0.04 * 0.95 / 0.85, 0.9])
    assert levels["first"][0].u == 0.05
    assert levels["gender"][0].m == pytest.approx(0.95), "the only one of its comparison"
    assert levels_of(held(MODEL, {}, {})) == levels_of(MODEL)


def doubt(m: list[float], error: list[float], levels: list[list[int]], pattern: list[int]) -> Doubt:
    return Doubt(np.array(pattern, np.int64), np.array(levels, np.int64), np.array(m), np.array(error))


def draws(of: Doubt, times: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(7)
    return np.array([of.shift(rng) for _ in range(times)])


def test_pairs_of_one_pattern_move_together_and_no_value_does_not_move() -> None:
    some = doubt([0.6, 0.01], [0.05, 0.01], [[0, -1], [0, 1], [-1, -1]], [0, 1, 0, 2, 1])
    moved = draws(some, 50)
    assert moved.shape == (50, 5)
    assert (moved[:, 0] == moved[:, 2]).all() and (moved[:, 1] == moved[:, 4]).all()
    assert (moved[:, 3] == 0).all()
    assert moved[:, 0].std() > 0 and not np.allclose(moved[:, 0], moved[:, 1])
    assert np.array_equal(moved, draws(some, 50)), "the same seed, the same draws"


def test_a_share_well_known_hardly_moves() -> None:
    sure = draws(doubt([0.5], [1e-3], [[0]], [0]))[:, 0]
    assert np.abs(sure).max() < 0.3
    # Steps of the grid apart, the spread is that of the standard error: dlog2(m) = error / (m ln 2).
    known = draws(doubt([0.5], [0.05], [[0]], [0]))[:, 0]
    assert known.std() == pytest.approx(0.05 / 0.5 / np.log(2), rel=0.25)
    assert abs(known.mean()) < 0.05


def test_a_share_hardly_known_may_be_far_smaller_and_not_far_larger() -> None:
    faint = draws(doubt([0.01], [0.03], [[0]], [0]))[:, 0]
    assert faint.min() >= log2(LEAST) - 1e-9
    assert faint.max() <= log2((0.01 + 4 * 0.03) / 0.01) + 1e-9
    assert np.quantile(faint, 0.1) < -3
    assert np.mean(faint < 0) > 0.5


def test_nothing_weighed_is_nothing_moved() -> None:
    none = doubt([0.5], [0.1], [[-1]], [])
    assert none.shift(np.random.default_rng(1)).shape == (0,)
    assert len(Pairs.none()) == 0
