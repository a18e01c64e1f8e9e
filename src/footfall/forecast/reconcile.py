"""Forecasts of all levels of a tree made to add up.

* bottom-up: the lowest level's forecasts, summed;
* top-down: the total's forecast, shared out by what the lowest level says (forecast proportions, Athanasopoulos et al.
  2009); middle-out: the same from the level above the lowest, where there is one;
* mint: every level bends a little, each by how much its rehearsals missed and missed together (minimum trace,
  Wickramasuriya, Athanasopoulos and Hyndman 2019), with their covariance shrunk to its diagonal (Schaefer and Strimmer
  2005). The covariance is never written out: it is a diagonal and the few rehearsed misses, so that wide trees cost no
  more than their rows;
* seasonal_naive: the guard, summed from the lowest level.

Where no value lies below zero, the lowest level's forecasts are cut off there before they are summed, and so are they
where they leave what their own past makes thinkable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, cg

from footfall.models.panel import Floats

BOTTOM_UP, TOP_DOWN, MIDDLE_OUT, MINT, NAIVE = "bottom-up", "top-down", "middle-out", "mint", "seasonal_naive"
DENSE = 1500
"""Rows above the lowest level up to which their equations are solved at once; beyond, step by step."""
CERTAIN = 1e-12
"""Variance of a series without misses, beside the largest."""
LEAST = 1e-4
"""Correlations are shrunk by so much at least."""


@dataclass(frozen=True)
class Structure:
    """How a tree adds up: `above[i]` (leaves,) is the row of level i that each leaf adds to, `sizes[i]` its rows."""

    above: tuple[NDArray[np.int64], ...]
    sizes: tuple[int, ...]

    @property
    def leaves(self) -> int:
        return self.sizes[-1]

    def upper(self) -> sparse.csr_array:
        """(rows of all upper levels, leaves) which leaves each row sums."""
        offsets = np.cumsum([0, *self.sizes[:-1]])
        rows = np.concatenate([a + o for a, o in zip(self.above[:-1], offsets[:-1], strict=True)])
        columns = np.tile(np.arange(self.leaves), len(self.sizes) - 1)
        return sparse.csr_array((np.ones(len(rows)), (rows, columns)), (int(offsets[-1]), self.leaves))

    def sums(self, leaves: Floats) -> list[Floats]:
        """(n, h) of each level from (leaves, h), NaN as 0."""
        known = np.nan_to_num(leaves)
        if len(self.sizes) == 1:
            return [known]
        stacked = np.asarray(self.upper() @ known)
        return [*np.split(stacked, np.cumsum(self.sizes[:-1])[:-1]), known]

    def methods(self, rehearsals: int) -> list[str]:
        """The ways that this tree can be made to add up, simplest first."""
        if len(self.sizes) == 1:
            return [BOTTOM_UP, NAIVE]
        middle = [MIDDLE_OUT] * (len(self.sizes) == 3)
        return [BOTTOM_UP, NAIVE, TOP_DOWN, *middle, *[MINT] * (rehearsals > 1)]


@dataclass(frozen=True)
class Base:
    """What is said of each level apart: `levels` (n, h) top first, `naive` (leaves, h) by seasonal naive, `usual`
    (leaves,) the usual size of each, and `limits` (leaves,) that none of them may leave; None: none."""

    levels: tuple[Floats, ...]
    naive: Floats
    usual: Floats
    limits: tuple[Floats, Floats] | None = None


def reconciled(method: str, structure: Structure, base: Base, mint: Mint | None = None) -> list[Floats]:
    """(n, h) of each level, adding up."""
    leaves = np.nan_to_num(base.levels[-1])
    if method == NAIVE:
        leaves = np.nan_to_num(base.naive)
    elif method == MINT and mint is not None:
        leaves = mint.leaves(base.levels)
    elif method in (TOP_DOWN, MIDDLE_OUT):
        level = 0 if method == TOP_DOWN else len(structure.sizes) - 2
        leaves = _shared_out(leaves, base.levels[level], structure.above[level], base.usual)
    if base.limits is not None:
        leaves = np.clip(leaves, base.limits[0][:, None], base.limits[1][:, None])
    return structure.sums(leaves)


def _shared_out(leaves: Floats, target: Floats, codes: NDArray[np.int64], usual: Floats) -> Floats:
    """What leaves lack to their row of `target`, shared by their size; where all say 0, by their usual size."""
    size = len(target)
    by = sparse.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))), (size, len(codes)))
    lack = np.where(np.isfinite(target), target - by @ leaves, 0.0)
    weight = np.abs(leaves)
    empty = (by @ weight) <= 0
    weight = np.where(empty[codes], usual[:, None], weight)
    whole = by @ weight
    share = np.divide(weight, whole[codes], out=np.zeros_like(weight), where=whole[codes] > 0)
    return cast("Floats", leaves + lack[codes] * share)


class Mint:
    """Minimum trace with shrunk covariance, from the misses (samples, n) of each level; NaN where there is none.

    With C the rows that are 0 where a forecast adds up, and W the covariance of misses, the adjusted forecast is
    y - W C' (C W C')^-1 C y, which is the formula of the paper. W = diagonal + (1 - shrinkage) F'F / samples.
    """

    def __init__(self, structure: Structure, misses: Sequence[Floats]) -> None:
        self.structure = structure
        self.by = structure.upper()
        known = np.concatenate(misses, axis=1)
        here = np.isfinite(known)
        known = np.where(here, known, 0.0)
        self.samples = max(1, len(known))
        spread = (known**2).sum(axis=0) / np.maximum(here.sum(axis=0), 1)
        # A series without misses is almost certain, not wholly, and misses never go together wholly: else nothing
        # could be solved.
        self.spread = np.maximum(spread, CERTAIN * spread.max()) if spread.max() > 0 else np.ones(len(spread))
        scaled = known / np.sqrt(self.spread)
        self.shrinkage = max(shrinkage(scaled), LEAST)
        own = (scaled**2).sum(axis=0) / self.samples
        rows = self.by.shape[0]
        diagonal = self.spread * (self.shrinkage + (1 - self.shrinkage) * np.maximum(1 - own, 0.0))
        self.above, self.below = diagonal[:rows], diagonal[rows:]
        self.shared = known[:, rows:] * np.sqrt((1 - self.shrinkage) / self.samples)
        top = known[:, :rows] * np.sqrt((1 - self.shrinkage) / self.samples)
        self.gaps = top - np.asarray((self.by @ self.shared.T).T)
        self.tree = (self.by * self.below[None, :]) @ self.by.T

    def leaves(self, levels: Sequence[Floats]) -> Floats:
        """(leaves, h) adjusted, from what is said of each level."""
        lowest = np.nan_to_num(levels[-1])
        top = np.concatenate(levels[:-1])
        sums = np.asarray(self.by @ lowest)
        found = self._solved(np.where(np.isfinite(top), top - sums, 0.0))
        moved = self.below[:, None] * np.asarray(self.by.T @ found) - self.shared.T @ (self.gaps @ found)
        return np.asarray(lowest + moved)

    def _solved(self, gap: Floats) -> Floats:
        """(rows above, h) of C W C' x = gap."""
        size = len(gap)
        if size <= DENSE:
            matrix = np.diag(self.above) + self.tree.toarray() + self.gaps.T @ self.gaps
            scale = np.sqrt(np.diag(matrix))
            matrix = matrix / np.outer(scale, scale) + CERTAIN * np.eye(size)
            return np.linalg.solve(matrix, gap / scale[:, None]) / scale[:, None]
        scale = np.sqrt(self.above + self.tree.diagonal() + (self.gaps**2).sum(axis=0))

        def times(x: Floats) -> Floats:
            y = x / scale
            return cast("Floats", (self.above * y + self.tree @ y + self.gaps.T @ (self.gaps @ y)) / scale)

        operator = LinearOperator((size, size), matvec=times, dtype=np.float64)
        columns = [cg(operator, one / scale, rtol=1e-10, maxiter=300)[0] / scale for one in gap.T]
        return np.stack(columns, axis=1)


def shrinkage(scaled: Floats) -> float:
    """How far correlations are shrunk to 0 (Schaefer and Strimmer 2005), from misses in units of their own spread.

    Sums over all pairs of columns come from the rows' products, so that no matrix of pairs is needed.
    """
    samples = len(scaled)
    if samples < 2:
        return 1.0
    squares = scaled**2
    products = ((scaled @ scaled.T) ** 2).sum()
    one = squares.sum(axis=0)
    noise = (squares.sum(axis=1) ** 2).sum() - products / samples
    noise -= ((squares**2).sum(axis=0) - one**2 / samples).sum()
    signal = products - (one**2).sum()
    if signal <= 0:
        return 1.0
    return float(np.clip(noise / (samples * (samples - 1)) / (signal / samples**2), 0.0, 1.0))
