"""Half-lives of generators: chosen by what their proposals at a past cutoff were worth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from footfall.models.ranking import Interactions, csr
from footfall.recommend.candidates import Spec
from footfall.recommend.decay import paced

CUSTOMERS, COLOURS, EACH, AT = 80, 8, 10, 400.0
CONTENT, POPULAR = Spec("content", "content", 10), Spec("popular", "popular", 10, {}, False)


def _once(then: int, lately: int) -> Interactions:
    """Everyone bought `then` products of one colour a year ago, and `lately` of another one this week."""
    rows: list[tuple[int, int, float]] = []
    for c in range(CUSTOMERS):
        for many, colour, day in ((then, c % COLOURS, 20.0), (lately, (c + 3) % COLOURS, 395.0)):
            rows += [(c, colour * EACH + (c + i) % EACH, day + 0.01 * i) for i in range(many)]
    row, col = (np.asarray([r[i] for r in rows], dtype=np.int64) for i in (0, 1))
    days = np.asarray([r[2] for r in rows])
    colours = {"colour": np.repeat(np.arange(COLOURS), EACH)}
    none = np.zeros(len(rows), dtype=np.int64)
    return Interactions(CUSTOMERS, COLOURS * EACH, row, col, days, none, np.ones(len(rows)), AT, items=colours)


def _takes(shift: int, share: float = 1.0) -> Any:
    """(customers, products) everyone takes products of the colour `shift` beyond their first one, `share` of them."""
    some = np.random.default_rng(shift).random((CUSTOMERS, EACH)) < share
    row, place = np.nonzero(some)
    shape = (CUSTOMERS, COLOURS * EACH)
    return csr(np.ones(len(row)), row, (row + shift) % COLOURS * EACH + place, shape)


def _chosen(known: Interactions, taken: Any) -> tuple[float, dict[float, float]]:
    specs, told = paced(known, taken, np.flatnonzero(np.diff(taken.indptr)), (CONTENT, POPULAR))
    assert specs[1] == POPULAR and set(told) == {"content"}, "what has no half-life stays as it is"
    return float(specs[0].settings["half_life"]), told["content"]


@pytest.mark.parametrize(
    ("then", "lately", "shift", "wanted"),
    [
        (10, 2, 3, 60.0),  # ten of a year ago outweigh two of this week unless weight is lost fast
        (2, 2, 0, 180.0),  # never the first colour: nothing is gained by another half-life
        (10, 4, 0, 540.0),  # what was bought in great numbers long ago is wanted again
    ],
)
def test_the_half_life_is_the_one_that_finds_what_was_taken(then: int, lately: int, shift: int, wanted: float) -> None:
    chosen, told = _chosen(_once(then, lately), _takes(shift))
    assert chosen == wanted, told
    assert set(told) == {60.0, 180.0, 540.0}
    assert told[wanted] == max(told.values())


def test_a_lead_within_noise_changes_nothing() -> None:
    known = _once(10, 2)
    both = (_takes(3, 0.25) + _takes(0, 0.25)).tocsr()
    chosen, told = _chosen(known, both)
    assert told[60.0] > told[180.0], "the shorter one found a little more"
    assert chosen == 180.0
    nobody = paced(known, both, np.zeros(0, dtype=np.int64), (CONTENT,))
    assert nobody == ((CONTENT,), {})


def test_a_usual_half_life_of_any_length_is_among_those_tried() -> None:
    taken = _takes(0)
    mine = Spec("content", "content", 10, {"half_life": 123.0})
    (chosen,), told = paced(_once(2, 2), taken, np.arange(CUSTOMERS), (mine,))
    assert set(told["content"]) == {41.0, 123.0, 370.0} and chosen == mine
