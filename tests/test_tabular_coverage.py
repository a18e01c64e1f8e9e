"""The interval holds the known chance: the thin version of `python -m benchmarks coverage`."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.coverage import shoot, shots, summarise

SEEDS = range(1000, 1010)  # other shops than the benchmark's


@pytest.mark.slow
def test_intervals_hold_the_known_chance_of_simulated_shops() -> None:
    found = shots(SEEDS, workers=1)
    everyone = sum(s.held(0) for s in found)
    drawn = sum(s.held(s.fifth) for s in found)
    # At 95% fewer than 8 of 10 come once in 87 times; at 80% one time in three.
    assert everyone >= 8
    assert drawn >= 8
    # An interval from 0 to 1 would hold everything.
    assert 0.05 < np.mean([s.upper[0] - s.lower[0] for s in found]) < 0.45
    for shot in found:
        assert shot.lower[0] < shot.value[0] < shot.upper[0]
        assert shot.known[5] > shot.known[1]  # the best fifth by score really is better
    table = summarise(found).tables[0]
    assert [r["held"] for r in table.rows[:2]] == [everyone, drawn]


@pytest.mark.slow
def test_a_shop_is_the_same_twice() -> None:
    assert shoot(1000) == shoot(1000)
