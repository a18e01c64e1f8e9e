"""Buy till you die: BG/NBD for whether and how often, gamma-gamma for how much each time.

While active, a customer buys at a rate of their own (gamma over customers); after each purchase they may leave for
good, with a chance of their own (beta over customers). What is known of one is three numbers: `x` repeat purchases,
`t_x` when the last of them came, `T` the age since the first purchase. Unlike windows of the past, the model knows
that a cohort ages: silence means little in who buys seldom and much in who bought often.

The four parameters are fitted by maximum likelihood, of two things at once: the purchase histories before each cutoff,
and whether anything was then bought within the horizon, given that history. The second is what is asked; the first
makes it work with little data. Rows with equal (x, t_x, T) are added up first, so a million customers take seconds.
An amount is the expected number of purchases times the value of one: gamma-gamma on `measure`, the target's own sum so
far; where the target is the number of purchases itself, one; and without a `measure` whatever makes the total over the
training rows right. Rows without a purchase, and shops without the features named below, are answered by `logistic`.

Settings: `horizon` (days), `frequency` (purchases so far, the first included), `recency`, `tenure` (days since the
last and the first), `measure` (what is asked about, so far: money, orders): names or positions of features; `none`
(True: the chance of NO purchase); `histories` (True; False where the rows were chosen by how customers bought, so that
histories would mislead).

Source: Fader, Hardie and Lee 2005, "Counting your customers" the easy way; Fader and Hardie 2013, the gamma-gamma
model of monetary value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from pathlib import Path
from typing import Any, Self, cast

import numpy as np

from footfall.models.contract import (
    AMOUNT,
    CHANCE,
    Floats,
    checked_settings,
    feature_index,
    logit,
    matrix,
    missing_model,
    sigmoid,
    training_data,
)
from footfall.models.logistic import Logistic

_ROLES = ("frequency", "recency", "tenure", "measure")
_DEFAULTS: dict[str, Any] = {**dict.fromkeys(_ROLES), "horizon": None, "none": False, "histories": True}
UNIT = 7.0  # days in the unit of time: weeks, as in the publications
START = (0.5, 8.0, 1.0, 2.5)
WIDE = 5.0  # standard deviation, in logarithms, of the prior around START: it only rules where data says nothing
VALUE_START = (4.0, 4.0, 3.0)
BOUND = 9.0
EDGE = 1e-12


@dataclass(frozen=True)
class Histories:
    """Purchase histories, equal ones once: `x` repeat purchases, `last` and `age` in weeks, (m,) each.

    `seen` (m,): weight of the history itself; `bought`, `not_bought` (m,): weight of what then happened.
    """

    x: Floats
    last: Floats
    age: Floats
    seen: Floats
    bought: Floats
    not_bought: Floats


@dataclass(frozen=True)
class Rates:
    """Parameters of BG/NBD: purchases are gamma(`r`, `alpha`) over customers, leaving is beta(`a`, `b`)."""

    r: float
    alpha: float
    a: float
    b: float

    def active(self, x: Floats, last: Floats, age: Floats) -> Floats:
        """P(still a customer | x, t_x, T)."""
        D = _log_odds_active(self, x, last, age)
        return np.where(x > 0, sigmoid(D), 1.0)

    def any(self, x: Floats, last: Floats, age: Floats, ahead: float) -> Floats:
        """P(at least one purchase within `ahead` weeks | x, t_x, T)."""
        gone = np.log(self.alpha + age) - np.log(self.alpha + age + ahead)
        comes: Floats = -np.expm1((self.r + x) * gone)
        return self.active(x, last, age) * comes

    def expected(self, x: Floats, last: Floats, age: Floats, ahead: float) -> Floats:
        """E[purchases within `ahead` weeks | x, t_x, T]: equation 10 of the paper.

        Where leaving is rarer than buying (a - 1 < r + x), after Euler's transformation of the hypergeometric
        function, which keeps large x from overflowing.
        """
        from scipy.special import hyp2f1

        r, b = self.r, self.b
        a = self.a if abs(self.a - 1.0) > 1e-6 else 1.0 + 1e-6  # the formula has a removable gap at one
        z = ahead / (self.alpha + age + ahead)
        stays = np.log1p(-z)
        with np.errstate(over="ignore", invalid="ignore"):
            left = np.where(
                a - 1.0 > r + x,
                np.exp((r + x) * stays) * hyp2f1(r + x, b + x, a + b + x - 1.0, z),
                np.exp((a - 1.0) * stays) * hyp2f1(a + b - 1.0 - r, a - 1.0, a + b + x - 1.0, z),
            )
            often = (a + b + x - 1.0) / (a - 1.0) * (1.0 - left)
        # Past the reach of doubles a is so large that all leave at one rate.
        rate = a / (a + b + x)
        plain = -np.expm1(-(r + x) * np.log1p(rate * ahead / (self.alpha + age))) / rate
        return self.active(x, last, age) * np.maximum(np.where(np.isfinite(often), often, plain), 0.0)


@dataclass(frozen=True)
class Values:
    """Parameters of gamma-gamma, for amounts in units of `unit`."""

    p: float
    q: float
    g: float
    unit: float

    def expected(self, n: Floats, mean: Floats) -> Floats:
        """E[value of a purchase | n purchases of that mean]; without a usable mean, that of the population."""
        n = np.where(mean > 0, n, 0.0)
        told = n * np.where(mean > 0, mean, 0.0) / self.unit
        return self.unit * self.p * (self.g + told) / (self.p * n + self.q - 1.0)


def histories(x: Any, last: Any, age: Any, weight: Any = None, bought: Any = None) -> Histories:
    """Add up equal histories. `bought` (n,) says whether anything was then bought; None: not known."""
    rows = np.column_stack([np.asarray(c, dtype=np.float64) for c in (x, last, age)])
    w = np.ones(len(rows)) if weight is None else np.asarray(weight, dtype=np.float64)
    order = np.lexsort(rows.T)
    rows, w = rows[order], w[order]
    first = np.flatnonzero(np.r_[True, (rows[1:] != rows[:-1]).any(axis=1)]) if len(rows) else np.zeros(0, np.intp)
    nothing = np.zeros(len(first))
    total = np.add.reduceat(w, first) if len(first) else nothing
    yes = nothing
    if bought is not None and len(first):
        yes = np.add.reduceat(w * np.asarray(bought, dtype=np.float64)[order], first)
    no = total - yes if bought is not None else nothing
    x, last, age = rows[first].T
    return Histories(x, last, age, total, yes, no)


def fit_rates(h: Histories, ahead: float = 1.0) -> Rates:
    """Maximum likelihood of the histories and, where known, of what was bought within `ahead` weeks."""
    from scipy.optimize import minimize

    start = np.log(START)
    unit = max(float(h.seen.sum()), float(h.bought.sum() + h.not_bought.sum()), EDGE)

    def loss(v: Floats) -> tuple[float, Floats]:
        rates = Rates(*np.exp(v).tolist())
        likelihood, slope = _likelihood(rates, h, ahead)
        away = (v - start) / WIDE
        value = 0.5 * away @ away - likelihood
        gradient = -slope * np.exp(v) + away / WIDE
        return float(value) / unit, gradient / unit

    limits = [(-BOUND, BOUND)] * 4
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-9}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options=options)
    return Rates(*np.exp(found.x).tolist())


def _log_odds_active(rates: Rates, x: Floats, last: Floats, age: Floats) -> Floats:
    longer = np.log(rates.alpha + age) - np.log(rates.alpha + last)
    return cast("Floats", np.log(rates.b + np.maximum(x, 1.0) - 1.0) - np.log(rates.a) - (rates.r + x) * longer)


def _likelihood(rates: Rates, h: Histories, ahead: float) -> tuple[float, Floats]:
    """Log-likelihood and its slope along (r, alpha, a, b)."""
    from scipy.special import digamma, gammaln

    r, alpha, a, b = rates.r, rates.alpha, rates.a, rates.b
    x, last, age = h.x, h.last, h.age
    D = _log_odds_active(rates, x, last, age)
    stays = np.where(x > 0, sigmoid(D), 1.0)
    leaves = 1.0 - stays
    before = b + np.maximum(x, 1.0) - 1.0
    log_age, log_last = np.log(alpha + age), np.log(alpha + last)
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * log_age
    value += gammaln(b + x) - gammaln(b) - gammaln(a + b + x) + gammaln(a + b)
    value += np.where(x > 0, np.logaddexp(0.0, -D), 0.0)
    shared = digamma(a + b) - digamma(a + b + x)
    slopes = np.stack(
        [
            digamma(r + x) - digamma(r) + np.log(alpha) - stays * log_age - leaves * log_last,
            r / alpha - (r + x) * (stays / (alpha + age) + leaves / (alpha + last)),
            shared + leaves / a,
            shared + digamma(b + x) - digamma(b) - leaves / before,
        ]
    )
    total, slope = float(h.seen @ value), slopes @ h.seen
    known = h.bought + h.not_bought
    if not known.any():
        return total, slope
    # What then happened: P(any) = stays * comes.
    gone = log_age - np.log(alpha + age + ahead)
    misses = np.exp((r + x) * gone)
    comes = -np.expm1((r + x) * gone)
    chance = np.clip(stays * comes, EDGE, 1.0 - EDGE)
    total += float(h.bought @ np.log(chance) + h.not_bought @ np.log1p(-chance))
    outer = h.bought / chance - h.not_bought / (1.0 - chance)
    spread = outer * stays * leaves * comes
    moves = outer * stays * -misses
    slope = slope + np.array(
        [
            spread @ (log_last - log_age) + moves @ gone,
            spread @ ((r + x) * (1.0 / (alpha + last) - 1.0 / (alpha + age)))
            + moves @ ((r + x) * (1.0 / (alpha + age) - 1.0 / (alpha + age + ahead))),
            -spread.sum() / a,
            spread @ (1.0 / before),
        ]
    )
    return total, slope


def fit_values(n: Any, mean: Any, weight: Any = None) -> Values:
    """Maximum likelihood of the mean value `mean` of `n` purchases each; rows without a value above zero tell none."""
    from scipy.optimize import minimize
    from scipy.special import digamma, gammaln

    n, m = np.asarray(n, dtype=np.float64), np.asarray(mean, dtype=np.float64)
    w = np.ones(len(n)) if weight is None else np.asarray(weight, dtype=np.float64)
    kept = (n > 0) & (m > 0) & (w > 0)
    n, m, w = n[kept], m[kept], w[kept]
    start = np.log(VALUE_START)
    if not len(n):
        return Values(*VALUE_START, 1.0)
    unit = float(w @ m / w.sum())
    m = m / unit
    log_m, log_n, total = np.log(m), np.log(n), max(float(w.sum()), EDGE)

    def loss(v: Floats) -> tuple[float, Floats]:
        p, above, g = np.exp(v).tolist()
        q = 1.0 + above
        inner = np.log(g + n * m)
        value = gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(g)
        value += (p * n - 1.0) * log_m + p * n * log_n - (p * n + q) * inner
        both = digamma(p * n + q)
        slope = np.array(
            [
                w @ (n * (both - digamma(p * n) + log_m + log_n - inner)) * p,
                w @ (both - digamma(q) + np.log(g) - inner) * above,
                w @ (q / g - (p * n + q) / (g + n * m)) * g,
            ]
        )
        away = (v - start) / WIDE
        return float(-(w @ value) + 0.5 * away @ away) / total, (-slope + away / WIDE) / total

    limits = [(-BOUND, BOUND)] * 3
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 500, "ftol": 1e-13})
    p, above, g = np.exp(found.x).tolist()
    return Values(p, 1.0 + above, g, unit)


class Bgnbd:
    """BG/NBD and gamma-gamma on the three or four features that say how a customer bought."""

    name = "bgnbd"
    kinds = frozenset({CHANCE, AMOUNT})
    asks = frozenset(_DEFAULTS)
    whole = True

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        checked_settings(self.name, kind, self.kinds, settings, _DEFAULTS)
        self.kind = kind
        self.seed = seed
        self.scale = "log-odds" if kind == CHANCE else "log"
        self.settings = {**_DEFAULTS, **settings}
        self._width = 0
        self._columns: list[int] = []  # frequency, recency, tenure, perhaps measure; empty: all is rest
        self._ahead = 1.0
        self._counts = False  # whether the target is the number of purchases
        self._rates: Rates | None = None
        self._values: Values | None = None
        self._factor = 1.0
        self._usual: list[float] = []  # the customer whom the others are compared with
        self._rest: Logistic | None = None

    def fit(self, X: Any, y: Any, weight: Any = None, features: list[str] | None = None, groups: Any = None) -> Self:
        X, y, w = training_data(self.kind, X, y, weight)
        if self.kind == AMOUNT:
            y = np.maximum(y, 0.0)
        self._width = X.shape[1]
        self._columns = self._find(features)
        self._rates = self._values = self._rest = None
        known = self._known(X)
        varied = known.any() and y[known].min() != y[known].max()
        if varied:
            self._fit_histories(X[known], y[known], w[known])
        else:
            known[:] = False
        if not known.all() or self._rates is None:
            self._rest = Logistic(self.kind, self.seed).fit(X[~known], y[~known], w[~known])
        return self

    def _find(self, features: list[str] | None) -> list[int]:
        named = [self.settings[r] for r in _ROLES]
        if any(f is None for f in named[:3]) or self.settings["horizon"] is None:
            return []
        self._ahead = float(self.settings["horizon"]) / UNIT
        found = [feature_index(f, features, self._width) for f in named if f is not None]
        self._counts = len(found) == 4 and found[3] == found[0]
        # The number of purchases is its own measure; whether there is any needs none.
        return found[:3] if self._counts or self.kind == CHANCE else found

    def _known(self, X: Floats) -> Any:
        """(n,) where the row has a purchase history."""
        if not self._columns:
            return np.zeros(len(X), dtype=bool)
        three = X[:, self._columns[:3]]
        return ~np.isnan(three).any(axis=1) & (three[:, 0] >= 1.0)

    def _fit_histories(self, X: Floats, y: Floats, w: Floats) -> None:
        x, last, age = _timed(X[:, self._columns[:3]])
        came = (y > 0) != bool(self.settings["none"])
        h = histories(x, last, age, w, came)
        if not self.settings["histories"]:
            h = Histories(h.x, h.last, h.age, np.zeros_like(h.seen), h.bought, h.not_bought)
        self._rates = fit_rates(h, self._ahead)
        self._usual = [_middle(X[:, c], w) for c in self._columns]
        if self.kind == AMOUNT:
            if len(self._columns) == 4:
                total = X[:, self._columns[3]]
                self._values = fit_values(x + 1.0, np.nan_to_num(total) / (x + 1.0), w)
            self._factor = 1.0
            if self._values is None and not self._counts:
                self._factor = float((w @ y) / (w @ self._amount(X[:, self._columns])))

    def _amount(self, told: Floats) -> Floats:
        """(n,) expected amounts from the columns (frequency, recency, tenure, perhaps measure)."""
        assert self._rates is not None
        x, last, age = _timed(told[:, :3])
        often = np.maximum(self._rates.expected(x, last, age, self._ahead), EDGE)
        return self._factor * often * self._value(told)

    def _value(self, told: Floats) -> Floats:
        if self._values is None:
            return np.ones(len(told))
        n = np.maximum(np.rint(told[:, 0]), 1.0)
        return self._values.expected(n, np.nan_to_num(told[:, 3]) / n)

    def _score(self, told: Floats) -> Floats:
        """(n,) on `scale`."""
        assert self._rates is not None
        if self.kind == AMOUNT:
            return cast("Floats", np.log(self._amount(told)))
        chance = logit(self._rates.any(*_timed(told[:, :3]), self._ahead))
        return -chance if self.settings["none"] else chance

    def over(self, days: float) -> Bgnbd:
        """The same fit, asked over another horizon: what windows cannot tell, since nothing like it is over yet."""
        other = type(self)(self.kind, self.seed, **{**self.settings, "horizon": days})
        state = {k: v for k, v in self.__dict__.items() if k not in ("settings", "_ahead")}
        other.__dict__.update(state)
        other._ahead = days / UNIT
        return other

    def _raw(self, X: Floats) -> Floats:
        known = self._known(X) if self._rates is not None else np.zeros(len(X), dtype=bool)
        out = np.zeros(len(X))
        if known.any():
            out[known] = self._score(X[known][:, self._columns])
        if not known.all():
            out[~known] = self._other(X[~known]).sum(axis=1)
        return out

    def _other(self, X: Floats) -> Floats:
        """Contributions of rows without a history; where training had none, they count as the usual customer."""
        if self._rest is not None:
            return self._rest.contributions(X)
        out = np.zeros((len(X), self._width + 1))
        out[:, -1] = self._score(np.array([self._usual]))[0]
        return out

    def predict(self, X: Any) -> Floats:
        raw = self._raw(matrix(X, self._width))
        return sigmoid(raw) if self.kind == CHANCE else np.exp(np.minimum(raw, 700.0))

    def contributions(self, X: Any) -> Floats:
        """Exact Shapley values against the usual (median) customer, among the three or four features."""
        X = matrix(X, self._width)
        if self._rates is None:
            return self._other(X)
        known = self._known(X)
        out = np.zeros((len(X), self._width + 1))
        base = float(self._score(np.array([self._usual]))[0])
        if not known.all():
            out[~known] = self._other(X[~known])
            out[~known, self._columns[0]] += out[~known, -1] - base
        out[:, -1] = base
        if known.any():
            out[np.ix_(known, self._columns)] = self._shapley(X[known][:, self._columns])
        return out

    def _shapley(self, told: Floats) -> Floats:
        d = told.shape[1]
        scores: dict[tuple[int, ...], Floats] = {}
        for size in range(d + 1):
            for own in combinations(range(d), size):
                mixed = np.tile(np.array(self._usual), (len(told), 1))
                mixed[:, own] = told[:, own]
                scores[own] = self._score(mixed)
        out = np.zeros_like(told)
        for j in range(d):
            for own in scores:
                if j not in own:
                    share = factorial(len(own)) * factorial(d - len(own) - 1) / factorial(d)
                    out[:, j] += share * (scores[tuple(sorted((*own, j)))] - scores[own])
        return out

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        body = {
            "name": self.name,
            "kind": self.kind,
            "seed": self.seed,
            "settings": self.settings,
            "width": self._width,
            "columns": self._columns,
            "ahead": self._ahead,
            "rates": None if self._rates is None else vars(self._rates),
            "values": None if self._values is None else vars(self._values),
            "factor": self._factor,
            "usual": self._usual,
            "rest": self._rest is not None,
        }
        (folder / "bgnbd.json").write_text(json.dumps(body, indent=1), encoding="utf-8")
        if self._rest is not None:
            self._rest.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        path = folder / "bgnbd.json"
        if not path.is_file():
            raise missing_model(cls.name, folder)
        body = json.loads(path.read_text(encoding="utf-8"))
        model = cls(body["kind"], body["seed"], **body["settings"])
        model._width, model._columns, model._ahead = body["width"], body["columns"], body["ahead"]
        model._rates = None if body["rates"] is None else Rates(**body["rates"])
        model._values = None if body["values"] is None else Values(**body["values"])
        model._factor, model._usual = body["factor"], body["usual"]
        model._rest = Logistic.load(folder) if body["rest"] else None
        return model


def _timed(three: Floats) -> tuple[Floats, Floats, Floats]:
    """(x, t_x, T) from frequency, recency and tenure in days; whole days, so that many histories are equal."""
    x = np.maximum(np.rint(three[:, 0]) - 1.0, 0.0)
    age = np.maximum(np.ceil(three[:, 2]), 0.0)
    last = np.where(x > 0, np.clip(age - np.ceil(three[:, 1]), 0.0, age), 0.0)
    return x, last / UNIT, age / UNIT


def _middle(values: Floats, w: Floats) -> float:
    """Weighted median of what is known."""
    seen = ~np.isnan(values)
    if not seen.any():
        return 0.0
    order = np.argsort(values[seen], kind="stable")
    mass = np.cumsum(w[seen][order])
    return float(values[seen][order][np.searchsorted(mass, mass[-1] / 2)])


MODEL = Bgnbd
