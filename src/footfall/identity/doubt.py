"""Weighed pairs, the shares their weights rest on, and how unsure these are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
LEAST = 0.02
"""A share learnt is not taken to be less than this part of what was learnt."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of records a < b (int64, positions) and their weights.

    `weight` (float64) is the base-2 logarithm of the likelihood ratio: how much likelier the two records' values
    are if they are of one person than if they are of two.
    """

    a: Array
    b: Array
    weight: Array

    def __len__(self) -> int:
        return len(self.a)

    @staticmethod
    def none() -> Pairs:
        return Pairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True)
class Level:
    """One level of agreement of a comparison: the shares of matching (m) and of unrelated pairs (u) that show it."""

    field: str
    says: str
    m: float
    u: float

    @property
    def bits(self) -> float:
        return log2(self.m / self.u)


def levels_of(model: Mapping[str, Any]) -> dict[str, list[Level]]:
    """The levels of each comparison, best first, from a Splink model as it is saved."""
    found = {}
    for comparison in model["comparisons"]:
        name = comparison["output_column_name"]
        found[name] = [
            # A share that could not be learnt speaks neither way.
            Level(name, each.get("label_for_charts", ""), m or u or 1.0, u or m or 1.0)
            for each in comparison["comparison_levels"]
            if not each.get("is_null_level")
            for m, u in [(each.get("m_probability"), each.get("u_probability"))]
        ]
    return found


def rounded(model: Mapping[str, Any]) -> dict[str, Any]:
    """A Splink model with its shares to nine digits, so that they do not depend on the order of sums."""
    shares = ("m_probability", "u_probability")

    def told(level: Mapping[str, Any]) -> dict[str, Any]:
        return {k: float(f"{v:.9g}") if k in shares and v is not None else v for k, v in level.items()}

    comparisons = [
        c | {"comparison_levels": [told(each) for each in c["comparison_levels"]]} for c in model["comparisons"]
    ]
    return {**model, "comparisons": comparisons}


def held(model: Mapping[str, Any], part: Mapping[tuple[str, str], float], least: Mapping[str, float]) -> dict[str, Any]:
    """A Splink model whose shares of matching pairs are held to these parts of them, of 1 together as before.

    Args:
        part: comparison and level -> how much of its share is kept; all of it where none is given.
        least: comparison -> what every share that was learnt has besides.
    """
    comparisons = []
    for c in model["comparisons"]:
        name, levels = c["output_column_name"], c["comparison_levels"]
        kept = [part.get((name, each.get("label_for_charts", "")), 1.0) for each in levels]
        given = [each.get("m_probability") for each in levels]
        shares = [m and m * p + least.get(name, 0.0) for m, p in zip(given, kept, strict=True)]
        scale = sum(m or 0.0 for m in given) / max(sum(s or 0.0 for s in shares), 1e-300)
        told = [e | {"m_probability": s * scale} if s else e for e, s in zip(levels, shares, strict=True)]
        comparisons.append(c | {"comparison_levels": told})
    return rounded({**model, "comparisons": comparisons})


def rare_counts(model: Mapping[str, Any]) -> set[str]:
    """Comparisons in which a rare value counts for more."""
    return {
        c["output_column_name"]
        for c in model["comparisons"]
        if any(each.get("tf_adjustment_column") for each in c["comparison_levels"])
    }


@dataclass(frozen=True)
class Doubt:
    """How unsure the weights of some pairs are, since the shares they rest on are learnt.

    Attributes:
        pattern: of each pair, which pattern of agreement it shows.
        levels: one row per pattern, the level of each comparison as a position in `m` (-1: no value).
        m, error: the share of matching pairs at each level and its standard error.
    """

    pattern: Array
    levels: Array
    m: Array
    error: Array

    def shift(self, rng: np.random.Generator) -> Array:
        """One draw of what to add to each pair's weight, in bits.

        A share is drawn from its likelihood (normal, by its standard error) under a prior by which every order of
        magnitude is equally likely: the share of a rare disagreement, for which few pairs speak, may be far smaller
        than learnt and not far larger.
        """
        bits = np.zeros(len(self.m) + 1)  # the last is for -1
        for level, (m, error) in enumerate(zip(self.m, self.error, strict=True)):
            grid = np.geomspace(m * LEAST, m + 4 * error, 100)
            likely = np.cumsum(np.exp(-0.5 * ((grid - m) / error) ** 2))
            bits[level] = np.log2(grid[np.searchsorted(likely, rng.random() * likely[-1])] / m)
        return np.asarray(bits[self.levels].sum(axis=1)[self.pattern])
