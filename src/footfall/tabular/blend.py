"""Several models that answer as one: names of them, their mean, and a mean weighted by how they did before.

A name is a model (`boosted`), a mean (`boosted+bgnbd`), `voting` (the mean of `VOTERS` or `BUYERS`, or of those
named: `voting:tree+boosted`) or `stacking` (their weighted mean); `tuned:boosted` is a model whose settings tuning
found, `engineered:boosted` one that reads engineered features too, `selected:boosted` (or
`selected:engineered:boosted`) one that reads those alone which proved useful.

Both means are taken of log-odds or logarithms, so that reasons stay additive. Stacking's weights are not negative,
sum to one, and are learnt from answers OUT OF TIME: what models made at earlier instants said, against what then
happened (Wolpert 1992; Breiman 1996, Stacked regressions: weights not negative). They are drawn towards equal ones,
which those learnt from a short past seldom beat (Timmermann 2006, Forecast combinations).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from footfall.errors import UsageError, did_you_mean
from footfall.models import model_names
from footfall.models.contract import logit, named_otherwise, sigmoid

Floats = NDArray[np.float64]
VOTERS = ("logistic", "boosted", "forest")
"""Who votes and is stacked unless the name says who: a line, trees that are boosted and trees that are averaged."""
BUYERS = ("logistic", "boosted", "bgnbd")
"""The same where a customer's orders are asked about: the third knows of no feature, but that buyers tire and die."""
VOTING, STACKING, TUNED = "voting", "stacking", "tuned:"
ENGINEERED, SELECTED = "engineered:", "selected:"
LEAST = 1e-9
"""Amounts below it count as it where a logarithm is taken."""
PRIOR = 0.1
"""Standard deviation of weights around equal ones, before anything was seen."""
PERIOD_PRIOR = 1.0
"""The same of a period's own level, which no weight is to explain."""


@dataclass(frozen=True)
class Blend:
    """What a name stands for: one model or several `members`, and whether they are `weighted`."""

    name: str
    members: tuple[str, ...]
    weighted: bool = False

    @property
    def single(self) -> bool:
        return len(self.members) == 1


def blend_of(name: str, voters: tuple[str, ...] = VOTERS) -> Blend:
    """Read a name; `voters` are the members where it names none.

    Raises UsageError, with the right names, for an unknown model or one said twice.
    """
    head, colon, rest = name.partition(":")
    if head not in (VOTING, STACKING):
        return Blend(name, _parts(name, name))
    members = _parts(rest, name) if colon else voters
    if len(members) < 2:
        raise UsageError(f"'{name}' names one model; {head} takes at least two, as in {head}:logistic+boosted")
    for member in members:
        _known(bare(member))
    return Blend(name, members, head == STACKING)


def bare(part: str) -> str:
    """The model of a part: `boosted` of `tuned:boosted` and of `selected:engineered:boosted`."""
    if part.startswith(TUNED):
        return part.removeprefix(TUNED)
    return part.removeprefix(SELECTED).removeprefix(ENGINEERED)


def engineers(name: str) -> bool:
    """Whether a model of this name reads engineered features."""
    return any(p.startswith((ENGINEERED, SELECTED + ENGINEERED)) for p in blend_of(name).members)


def _parts(text: str, name: str) -> tuple[str, ...]:
    parts = tuple(text.split("+"))
    for part in parts:
        _known(bare(part))
    if len(set(parts)) < len(parts):
        raise UsageError(f"'{name}' says a model twice; name each of them once")
    if len(parts) > 1 and any(p.startswith((ENGINEERED, SELECTED)) for p in parts):
        raise UsageError(f"'{name}': models that answer as one read the same features; leave the prefixes out")
    return parts


def _known(model: str) -> None:
    known = model_names()
    if model not in known and not named_otherwise(model):
        raise UsageError(f"there is no model '{model}'{did_you_mean(model, [*known, VOTING, STACKING])}")


def combined(kind: str, each: Sequence[Floats], weights: Sequence[float] = ()) -> Floats:
    """(n,) the mean of several (n,) chances or amounts on their log-odds or logarithms; no weights: equal ones."""
    if kind == "chance":
        return sigmoid(mean_of_parts([logit(p) for p in each], weights))
    return np.asarray(np.exp(mean_of_parts([np.log(np.maximum(p, LEAST)) for p in each], weights)), dtype=np.float64)


def mean_of_parts(each: Sequence[Floats], weights: Sequence[float] = ()) -> Floats:
    """The mean of arrays of one shape, element by element; a row's mean does not depend on the rows beside it."""
    if not weights:
        return np.asarray(np.mean(each, axis=0), dtype=np.float64)
    out = np.zeros_like(each[0])
    for part, weight in zip(each, weights, strict=True):
        out += weight * part
    return out


@dataclass(frozen=True)
class Said:
    """Answers out of time and what then happened: `each` k arrays (n,), the others (n,).

    `group`: the period a row's outcome lies in. `cluster`: its customer. `origin`: the instant whose models said it.
    """

    each: tuple[Floats, ...]
    y: Floats
    weight: Floats
    group: NDArray[np.int64]
    cluster: NDArray[np.int64]
    origin: NDArray[np.int64]

    def take(self, rows: NDArray[np.bool_]) -> Said:
        each = tuple(p[rows] for p in self.each)
        return Said(each, self.y[rows], self.weight[rows], self.group[rows], self.cluster[rows], self.origin[rows])


def learn_weights(kind: str, said: Said) -> tuple[float, ...]:
    """k weights, not negative, that sum to one; equal ones where there is nothing to learn from.

    Maximum likelihood (amounts: quasi-Poisson) of the weighted mean, with a level of its own for each period, drawn
    towards equal weights. A customer's rows count together as one and a bit: the likelihood is divided by rows per
    customer.
    """
    from scipy.optimize import minimize

    k = len(said.each)
    equal = (1.0 / k,) * k
    y = said.y if kind == "chance" else np.maximum(said.y, 0.0)
    if len(y) == 0 or y.min() == y.max():
        return equal
    link = logit if kind == "chance" else _log
    Z = np.stack([link(p) for p in said.each], axis=1)
    group = np.unique(said.group, return_inverse=True)[1].ravel()
    periods = int(group.max()) + 1
    worth = said.weight * (said.weight.sum() / (said.weight @ said.weight))  # Kish
    worth = worth / (len(y) / len(np.unique(said.cluster)))
    if kind != "chance":
        mean = np.exp(Z.mean(axis=1))
        mean = mean * (worth @ y / max(float(worth @ mean), LEAST))
        worth = worth / max(float(worth @ ((y - mean) ** 2 / np.maximum(mean, LEAST)) / worth.sum()), LEAST)

    def loss(at: Floats) -> tuple[float, Floats]:
        weights, levels = at[:k], at[k:]
        eta = Z @ weights + levels[group]
        if kind == "chance":
            fitted = sigmoid(eta)
            value = float(worth @ (np.logaddexp(0.0, eta) - y * eta))
        else:
            fitted = np.exp(np.clip(eta, -700.0, 50.0))
            value = float(worth @ (fitted - y * eta))
        away = worth * (fitted - y)
        prior = (weights - equal[0]) / PRIOR**2
        value += 0.5 * float(prior @ (weights - equal[0])) + 0.5 * float(levels @ levels) / PERIOD_PRIOR**2
        slope = np.concatenate([away @ Z + prior, np.bincount(group, away, periods) + levels / PERIOD_PRIOR**2])
        return value, slope

    start = np.concatenate([equal, np.zeros(periods)])
    bounds = [(0.0, None)] * k + [(None, None)] * periods
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": 500}).x[:k]
    total = float(found.sum())
    if not np.isfinite(total) or total < 1e-6:
        return equal
    return tuple(float(w) for w in found / total)


def cross_weighted(kind: str, said: Said) -> Floats:
    """(n,) what the weighted mean would have said at each origin, its weights learnt from the other origins.

    With one origin only, customers are held out in halves. What calibrates is not what the weights were learnt from.
    """
    held = said.origin if len(np.unique(said.origin)) > 1 else np.abs(said.cluster) % 2
    out = np.empty(len(said.y))
    for one in np.unique(held):
        here = held == one
        weights = learn_weights(kind, said.take(~here))
        out[here] = combined(kind, [p[here] for p in said.each], weights)
    return out


def _log(p: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(p, LEAST)), dtype=np.float64)
