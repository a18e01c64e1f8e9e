"""Next items of a running session: against plain Python, and fast enough for a page load."""

from __future__ import annotations

import math
import time
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from footfall.errors import FootfallError, UsageError
from footfall.models.sessions import SessionNeighbours


def _oracle(
    past: list[tuple[float, list[int]]], running: list[int], products: int, sizes: tuple[int, int, int]
) -> list[float]:
    """The method written down: latest sessions per item, the most alike of them, their items' votes."""
    length, recent, neighbours = sizes
    own = list(dict.fromkeys(reversed(running)))[:length]
    order = sorted(range(len(past)), key=lambda s: (-past[s][0], s))
    rank = {s: i for i, s in enumerate(order)}
    useful = [s for s in order if len(set(past[s][1])) > 1]
    likeness: dict[int, float] = {}
    for place, item in enumerate(own):
        for s in [s for s in useful if item in past[s][1]][:recent]:
            likeness[s] = likeness.get(s, 0.0) + (len(own) - place) / len(own)
    top = sorted(likeness, key=lambda s: (-likeness[s], rank[s]))[:neighbours]
    seen = [sum(item in past[s][1] for s in useful) for item in range(products)]
    votes = [0.0] * products
    for s in top:
        # The last shared item through which the session was found.
        back = min(place for place, item in enumerate(own) if s in [x for x in useful if item in past[x][1]][:recent])
        walk = [i for i, _ in groupby(past[s][1])]
        place = {item: at for at, item in enumerate(walk)}  # where each was looked at last
        for item in place:
            near = 1 / math.log2(1 + max(abs(place[item] - place[own[back]]), 1))
            votes[item] += near * likeness[s] * max(1 - 0.1 * back, 0) * math.log((len(past) + 1) / (seen[item] + 1))
    votes[running[-1]] = 0.0  # it is being looked at
    return votes


def _past(seed: int, sessions: int = 60, products: int = 15) -> list[tuple[float, list[int]]]:
    dice = np.random.default_rng(seed)
    return [
        (float(dice.integers(0, 1000)), dice.integers(0, products, dice.integers(1, 7)).tolist())
        for _ in range(sessions)
    ]


def _fitted(past: list[tuple[float, list[int]]], products: int, **settings: int) -> SessionNeighbours:
    session = np.repeat(np.arange(len(past)), [len(items) for _, items in past])
    item = np.concatenate([items for _, items in past])
    when = np.repeat([at for at, _ in past], [len(items) for _, items in past])
    return SessionNeighbours(**settings).fit(session, item, when, products)


@pytest.mark.parametrize("seed", range(6))
def test_votes_are_what_the_method_says(seed: int) -> None:
    past, products = _past(seed), 15
    model = _fitted(past, products, length=4, recent=6, neighbours=8)
    for running in ([3], [1, 2, 3], [5, 5, 9, 1, 0, 2], [7, 8, 7]):
        votes = _oracle(past, running, products, (4, 6, 8))
        found = model.next(running, products, repeat=True)
        mine = {int(i): s for i, s in zip(found.items[0], found.scores[0], strict=True) if i >= 0}
        for item in range(products):
            assert mine.get(item, 0.0) == pytest.approx(votes[item]), (running, item)


def test_a_running_sessions_own_items_do_not_come_again_unless_asked() -> None:
    model = _fitted([(1.0, [0, 1, 2]), (2.0, [0, 1])], 4)
    assert set(model.next([0], 4).items[0].tolist()) == {1, 2, -1}
    again = model.next([0, 1], 4, repeat=True).items[0].tolist()
    assert 0 in again and 1 not in again, "all but the one looked at now"
    assert (model.next([], 2).items == -1).all()
    assert (model.next([3], 2).items == -1).all(), "nobody ever looked at it"
    with pytest.raises(UsageError, match="no product number 4"):
        model.next([4], 2)
    with pytest.raises(UsageError, match=r"no setting 'recents'; did you mean 'recent'"):
        SessionNeighbours(recents=1)


def test_a_saved_one_answers_alike(tmp_path: Path) -> None:
    model = _fitted(_past(9), 15, recent=20)
    model.save(tmp_path)
    loaded = SessionNeighbours.load(tmp_path)
    for mine, its in zip(model.next([1, 4], 5), loaded.next([1, 4], 5), strict=True):
        np.testing.assert_array_equal(mine, its)
    with pytest.raises(FootfallError, match="no saved sessions"):
        SessionNeighbours.load(tmp_path / "none")


def test_an_answer_fits_into_a_page_load() -> None:
    dice = np.random.default_rng(0)
    n, products = 300_000, 5_000
    model = SessionNeighbours().fit(
        np.sort(dice.integers(0, 60_000, n)), (dice.pareto(1.1, n) * 40).astype(np.int64) % products,
        np.sort(dice.random(n)), products,
    )  # fmt: skip
    spent = []
    for _ in range(200):
        running = dice.integers(0, 300, 8)
        start = time.process_time()
        model.next(running, 20)
        spent.append(time.process_time() - start)
    assert np.median(spent) < 0.010


def test_each_next_item_is_shown_for_one_of_the_session() -> None:
    past = [(1.0, [0, 1]), (2.0, [0, 1]), (3.0, [2, 3])]
    found, through = _fitted(past, 4).next_through([2, 0], 3)
    shown = {int(i): int(t) for i, t in zip(found.items[0], through[0], strict=True)}
    assert shown == {1: 0, 3: 2, -1: -1}
    alone = _fitted(past, 4).next([2, 0], 3)
    assert alone.items.tolist() == found.items.tolist()


def test_what_stands_nearer_comes_first() -> None:
    """One past session: after the shared item come 1, then 2, then 3."""
    past = [(float(t), [0, 1, 2, 3]) for t in range(4)] + [(9.0, [4, 5])]
    assert _fitted(past, 6).next([0], 4).items[0].tolist() == [1, 2, 3, -1]
