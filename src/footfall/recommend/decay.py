"""How fast what a customer did loses weight in each generator: what its proposals at an earlier cutoff were worth.

Every generator with a half-life is fitted at one past cutoff with the usual one, a third of it, and three times it.
Another one than the usual is taken where its proposals held more of what customers then took, by more than chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from footfall.models.ranking import Floats, Interactions, Ints, find_rank_model, looked_up
from footfall.recommend.candidates import Spec

HALF_LIFE = "half_life"
TIMES = (1 / 3, 1.0, 3.0)
"""What is tried, as multiples of the usual half-life."""
CLEAR = 2.0
"""Standard errors by which another half-life must find more than the usual one."""


def paced(
    interactions: Interactions, taken: Any, customers: Ints, specs: Sequence[Spec], seed: int = 0
) -> tuple[tuple[Spec, ...], dict[str, dict[float, float]]]:
    """The specs with the half-lives that served best, and label -> half-life in days -> mean share found.

    `interactions`: what was known at the past cutoff; `taken` (customers, products): what was then taken;
    `customers`: those that count, each of whom took something. Generators without a half-life stay as they are.
    """
    out, told = [], {}
    for spec in specs:
        known: Mapping[str, Any] = getattr(find_rank_model(spec.name)(seed, **spec.settings), "settings", {})
        usual = known.get(HALF_LIFE)
        if usual is None or not len(customers):
            out.append(spec)
            continue
        tried = [float(usual) if times == 1.0 else float(f"{usual * times:.2g}") for times in TIMES]
        ways = {days: replace(spec, settings={**spec.settings, HALF_LIFE: days}) for days in tried}
        found = {days: _found(interactions, taken, customers, one, seed) for days, one in ways.items()}
        told[spec.label] = {days: float(shares.mean()) for days, shares in found.items()}
        out.append(ways[_best(found, float(usual))])
    return tuple(out), told


def _best(found: Mapping[float, Floats], usual: float) -> float:
    best = max(found, key=lambda days: (found[days].mean(), days == usual))
    gain = found[best] - found[usual]
    return best if gain.mean() > CLEAR * gain.std() / np.sqrt(len(gain)) else usual


def _found(interactions: Interactions, taken: Any, customers: Ints, spec: Spec, seed: int) -> Floats:
    """(customers,) the share of what each then took that is among what the generator proposes."""
    model = find_rank_model(spec.name)(seed, **spec.settings).fit(interactions)
    items, _ = model.candidates(customers, spec.take)
    row, place = np.nonzero(items >= 0)
    right = ~np.isneginf(looked_up(taken, customers[row], items[row, place]))
    many = np.diff(taken.indptr)[customers]
    return np.asarray(np.bincount(row, right, len(customers)) / np.minimum(many, spec.take))
