"""Shares of many small groups, each drawn towards the others as far as it is small: the beta-binomial model.

The groups' shares follow a Beta(a, b); a and b are unknown and what the counts say of them is kept whole: the
posterior of each share is averaged over a grid of (a, b) by how well each explains all counts, after Gelman et al.,
*Bayesian Data Analysis* (3rd ed. 2013), section 5.3, with their hyperprior p(a, b) ~ (a + b)^(-5/2). With few groups
little is known of a and b, and the intervals say so. (The statement of `category-bayes` takes the single likeliest
pair by moments, after Kleinman, JASA 68 (1973).)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaincinv, betaln, expit, logit

Array = np.ndarray[Any, Any]
_SIZES, _MEANS, _ZOOMS = 24, 25, 3
_LIGHT = 1e-4
"""A point of the grid with less than this share of the best one's weight is left out."""


def pool(hits: Array, rows: Array) -> tuple[Array, Array]:
    """The Beta posterior (a, b) of each group's share, from `hits` of `rows` (they may be fractions of counts).

    The average over the grid is brought back to one Beta of the same mean and variance.
    """
    hits, rows = np.asarray(hits, float), np.asarray(rows, float)
    whole = (hits.sum() + 0.5) / (rows.sum() + 1)
    single = logit((hits + whole) / (rows + 1))
    means = np.linspace(single.min() - 1, single.max() + 1, _MEANS)
    sizes = np.linspace(np.log(0.3), np.log(30 * max(10.0, rows.max())), _SIZES)
    for zoom in range(_ZOOMS):
        grid_mean, grid_size = (g.ravel() for g in np.meshgrid(means, sizes, indexing="ij"))
        weight = _log_weight(grid_mean, grid_size, hits, rows)
        weight = np.exp(weight - weight.max())
        keep = weight > _LIGHT
        if zoom < _ZOOMS - 1:
            means = _closer(means, grid_mean[keep])
            sizes = _closer(sizes, grid_size[keep])
    weight, mean, size = weight[keep] / weight[keep].sum(), expit(grid_mean[keep]), np.exp(grid_size[keep])
    return _as_beta(weight, (mean * size, (1 - mean) * size), hits, rows)


def _log_weight(mean: Array, size: Array, hits: Array, rows: Array) -> Array:
    """Log posterior of each point (logit of the mean, log of a + b), up to a constant."""
    share, total = expit(mean), np.exp(size)
    a, b = share * total, (1 - share) * total
    found = np.log(share) + np.log1p(-share) - 0.5 * size
    for k, n in zip(hits, rows, strict=True):
        found = found + betaln(a + k, b + n - k)
    return np.asarray(found - len(rows) * betaln(a, b))


def _closer(axis: Array, kept: Array) -> Array:
    step = axis[1] - axis[0]
    return np.linspace(max(axis[0], kept.min() - step), min(axis[-1], kept.max() + step), len(axis))


def _as_beta(weight: Array, prior: tuple[Array, Array], hits: Array, rows: Array) -> tuple[Array, Array]:
    mean, square = np.zeros(len(rows)), np.zeros(len(rows))
    for w, a, b in zip(weight, *prior, strict=True):
        above, all_ = a + hits, a + b + rows
        mean += w * above / all_
        square += w * above * (above + 1) / (all_ * (all_ + 1))
    total = (mean - square) / np.maximum(square - mean**2, 1e-300)
    return mean * total, (1 - mean) * total


def interval(a: Array, b: Array, level: float = 0.95) -> tuple[Array, Array]:
    """The central interval of Beta(a, b)."""
    edge = (1 - level) / 2
    return np.asarray(betaincinv(a, b, edge)), np.asarray(betaincinv(a, b, 1 - edge))
