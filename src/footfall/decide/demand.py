"""What the forecasts say of a span: the sums of the next days per product, with their quantiles, at any length.

Forecasts are kept as sums of their first 1, 2, ... periods. A span that ends within a period is read between the two
sums around it: the expected sum in proportion to the days, and how far a quantile lies from it by its square, as the
variances of independent days add up.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from statistics import NormalDist

import numpy as np

from footfall.engine import Engine
from footfall.errors import FootfallError
from footfall.models.panel import Floats

_SAME = "task = ? and cutoff = ? and model = ? and level = ?"
_SLACK = 1 / 24
"""Days by which a span may end beyond the last period: the clocks change."""


@dataclass(frozen=True)
class Answered:
    """A forecast that stands in the tables: `days[k]` is how many days from the cutoff its k-th sum reaches."""

    task: str
    cutoff: datetime
    model: str
    level: str
    days: tuple[float, ...]

    @property
    def where(self) -> list[object]:
        return [self.task, self.cutoff, self.model, self.level]


def answered(engine: Engine, task: str, level: str) -> Answered:
    """The newest forecast of `task` on one level of the tree, by the model that answers.

    Raises FootfallError when there is none.
    """
    found = engine.rows(
        "select t.cutoff, t.model from forecast_totals t\n"
        "left join questions q on q.task = t.task and q.cutoff = t.cutoff and q.model = t.model\n"
        "where t.task = ? and t.level = ?\n"
        "order by t.cutoff desc, q.model is null, t.model <> 'automatic', t.model limit 1",
        [task, level],
    )
    if not found:
        others = engine.rows("select distinct level from forecast_totals where task = ? order by level", [task])
        if others:
            told = ", ".join(str(r[0]) for r in others)
            raise FootfallError(f"{task} is forecast per {told}, not per {level}; ask a task per {level}")
        raise FootfallError(
            f"there is no forecast of {task} yet; run: footfall fit {task}, then footfall predict {task}"
        )
    cutoff, model = found[0]
    ends = engine.rows(
        f"select steps, max(period_end) from forecast_totals where {_SAME} group by steps order by steps",
        [task, cutoff, model, level],
    )
    days = [(end - cutoff).total_seconds() / 86400 for _, end in ends]
    return Answered(task, cutoff, str(model), level, (0.0, *days))


@dataclass(frozen=True)
class Sums:
    """Sums over one span, a row per product: `expected` (n,), `quantiles` (n, levels) in the order of the levels."""

    expected: Floats
    quantiles: Floats
    levels: tuple[float, ...]

    def at(self, row: int, level: float) -> float:
        """The quantile `level` of one product: between two that are told, by the normal curve; beyond the last, it."""
        score = [NormalDist().inv_cdf(p) for p in self.levels]
        return float(np.interp(NormalDist().inv_cdf(level), score, self.quantiles[row]))


@dataclass
class Demand:
    """The demand for products over any span up to the horizon of a forecast of units per product."""

    engine: Engine
    of: Answered
    products: tuple[str, ...]
    expected: Floats
    """(n, steps + 1) the expected sums of the first 0, 1, 2, ... periods."""
    levels: tuple[float, ...]
    _sums: dict[int, Floats] = field(default_factory=dict)
    _spans: dict[float, Sums] = field(default_factory=dict)

    @property
    def reach(self) -> float:
        """Days from the cutoff to the end of the forecast."""
        return self.of.days[-1]

    def over(self, days: float) -> Sums:
        """What is wanted in the first `days` days. Raises FootfallError beyond the forecast's horizon."""
        if days > self.reach + _SLACK:
            raise FootfallError(
                f"{self.of.task} looks {self.reach:g} days ahead, and {days:g} are asked about; "
                "choose shorter spans or a task with a longer horizon"
            )
        if days not in self._spans:
            after = min(bisect_right(self.of.days, days), len(self.of.days) - 1)
            before = after - 1
            start, end = self.of.days[before], self.of.days[after]
            share = min(1.0, (days - start) / (end - start))
            low, high = self.expected[:, before], self.expected[:, after]
            expected = low + share * (high - low)
            apart = [q - e[:, None] for q, e in ((self._quantiles(before), low), (self._quantiles(after), high))]
            square = (1 - share) * apart[0] * np.abs(apart[0]) + share * apart[1] * np.abs(apart[1])
            quantiles = np.maximum(0.0, expected[:, None] + np.sign(square) * np.sqrt(np.abs(square)))
            self._spans[days] = Sums(expected, quantiles, self.levels)
        return self._spans[days]

    def lasting(self, row: int, units: float) -> float | None:
        """Days that so many units of one product are expected to last; None where nothing is expected to sell."""
        sums, days = self.expected[row], np.asarray(self.of.days)
        if units <= 0:
            return 0.0
        if sums[-1] <= 0:
            return None
        if units >= sums[-1]:  # as the whole horizon goes, so it goes on
            return float(units / sums[-1] * days[-1])
        step = int(np.argmax(sums > units))
        gone = (units - sums[step - 1]) / (sums[step] - sums[step - 1])
        return float(days[step - 1] + gone * (days[step] - days[step - 1]))

    def _quantiles(self, step: int) -> Floats:
        """(n, levels) of the sum of the first `step` periods."""
        if step not in self._sums:
            out = np.zeros((len(self.products), len(self.levels)))
            if step:
                found = self.engine.fetch(
                    "select product_id, quantile, amount from forecast_quantiles\n"
                    f"where {_SAME} and steps = ? order by product_id, quantile",
                    [*self.of.where, step],
                )
                amounts = found.column("amount").to_numpy()
                if len(amounts) != out.size:
                    raise FootfallError(f"{self.of.task}: some quantiles of its forecast are missing; predict it again")
                out = np.maximum.accumulate(amounts.reshape(out.shape), axis=1)
            self._sums[step] = out
        return self._sums[step]


def demand(engine: Engine, task: str) -> Demand:
    """The demand per product that the newest forecast of `task` tells.

    Raises FootfallError when there is no forecast per product, or it has no quantiles.
    """
    of = answered(engine, task, "product")
    steps = len(of.days) - 1
    told = engine.rows(f"select distinct quantile from forecast_quantiles where {_SAME} order by 1", of.where)
    if not told:
        raise FootfallError(f"{task} has no quantiles, which orders are worked out from; predict it again")
    # Beside the products stand rows of what else the shop sells, so that the levels above add up; quantiles have none.
    found = engine.fetch(
        f"select product_id, steps, amount from forecast_totals where {_SAME} and product_id in\n"
        f"  (select product_id from forecast_quantiles where {_SAME}) order by product_id, steps",
        [*of.where, *of.where],
    )
    names = found.column("product_id").to_pylist()[::steps]
    amounts = found.column("amount").to_numpy()
    if len(amounts) != len(set(names)) * steps:
        raise FootfallError(f"{task}: some sums of its forecast are missing; predict it again")
    expected = np.maximum(0.0, np.hstack([np.zeros((len(names), 1)), amounts.reshape(len(names), steps)]))
    return Demand(engine, of, tuple(map(str, names)), expected, tuple(float(r[0]) for r in told))
