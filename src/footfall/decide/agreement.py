"""Do the two answers agree: the forecast of each category, and what its customers are expected to spend?

The forecast sees all money that comes in. The customers' side sees only those who could be asked about: customers
known, and within the task's population, at the cutoff. So the forecast is usually the larger one, and how much of the
gap is to be expected is read off the past: in the span before the cutoff, as long as the horizon, what share of each
category's revenue came from customers who were not asked about at its start, and from guests without an account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from footfall.decide.demand import answered
from footfall.engine import Engine, literal
from footfall.errors import FootfallError
from footfall.spans import Span, midnight, shift
from footfall.tasks import Task, find_task
from footfall.windows import Frame, Past, Spine, compile_windows

FORECAST = "revenue-category-30d"
CUSTOMERS = "buy-category-30d"
KEYS = ("customer_id", "category")
PAST = "agreement_past"
ASKED = "agreement_asked"
YEAR = 365
LITTLE = 0.02
"""A gap below this share of the forecast needs no explanation."""


@dataclass(frozen=True)
class Sides:
    """The two tasks that are set beside each other; the customers' one asks for an amount, or for a chance of buying,
    which is multiplied by what a buyer of the category spent on average in as long a span of the last year."""

    forecast: Task | str = FORECAST
    customers: Task | str = CUSTOMERS
    tz: str = "UTC"

    @property
    def task(self) -> Task:
        """The customers' task."""
        return self.customers if isinstance(self.customers, Task) else find_task(self.customers)

    @property
    def path(self) -> Task:
        """The forecast's task."""
        return self.forecast if isinstance(self.forecast, Task) else find_task(self.forecast)


def agreement(engine: Engine, sides: Sides | None = None) -> list[dict[str, Any]]:
    """Rows of the table `agreement`, by category, the largest forecast first.

    Raises:
        FootfallError: one of the two answers is missing, they are not of one instant, or the forecast is shorter than
            the customers' horizon.
    """
    sides = sides or Sides()
    task = sides.task
    if task.keys != KEYS or task.kind not in ("chance", "amount"):
        raise FootfallError(f"{task.name} does not ask per customer and category; the agreement wants a task that does")
    path = sides.path
    if path.keys != ("category",) or path.target.fact.table != "lines" or path.target.column != "amount":
        raise FootfallError(f"{path.name} forecasts no revenue per category; the agreement wants a task that does")
    of = answered(engine, path.name, "category")
    end = shift(of.cutoff, task.span, 1, sides.tz)
    # The forecast's days may be of another zone than these: an hour more or less where the clocks change.
    around = [(end - datetime(1970, 1, 1)).total_seconds() + side * 2 * 3600 for side in (-1, 1)]
    forecasts = engine.rows(
        "select category, amount, lower_95, upper_95 from forecast_totals\n"
        "where task = ? and cutoff = ? and model = ? and level = ? and epoch(period_end) between ? and ?\n"
        "  and category in\n"
        "  (select category from forecast_quantiles where task = ? and cutoff = ? and model = ? and level = ?)\n"
        "order by amount desc, category",
        [*of.where, *around, *of.where],
    )
    if not forecasts:
        raise FootfallError(
            f"{path.name} has no sum over the {task.span.words} that {task.name} looks ahead; "
            "choose two tasks with one horizon"
        )
    told = _customers(engine, sides, of.cutoff)
    before = _shares(engine, sides, of.cutoff)
    rows = []
    for category, amount, lower, upper in forecasts:
        known = told.get(category)
        new, guests = before.get(category, (0.0, 0.0))
        rows.append(_row((category, amount, lower, upper), known, (new, guests), of.cutoff, task.span))
    return rows


def _row(
    forecast: tuple[str, float, float, float],
    customers: float | None,
    shares: tuple[float, float],
    cutoff: datetime,
    horizon: Span,
) -> dict[str, Any]:
    category, amount, lower, upper = forecast
    row = {
        "category": category, "cutoff": cutoff, "horizon": str(horizon), "forecast": amount, "forecast_lower": lower,
        "forecast_upper": upper, "customers": customers, "gap": None, "newcomers": None, "guests": None,
    }  # fmt: skip
    if customers is None:
        return row | {
            "words": f"No customer is asked about {category}, so there is nothing to set beside the forecast."
        }
    row |= {"gap": amount - customers, "newcomers": shares[0] * amount, "guests": shares[1] * amount}
    return row | {"words": _words(row, shares)}


def _words(row: dict[str, Any], shares: tuple[float, float]) -> str:
    """The gap in a merchant's English: how large, what of it is usual, and what is left."""
    forecast, gap = row["forecast"], row["gap"]
    rest = gap - row["newcomers"] - row["guests"]
    inside = row["forecast_lower"] <= forecast - rest <= row["forecast_upper"]
    small = abs(gap) <= LITTLE * abs(forecast)
    if small:
        start = "The two agree: known customers are expected to bring about what is forecast."
    elif gap > 0:
        start = f"The forecast is {gap:,.0f} above what known customers are expected to spend."
    else:
        start = f"Known customers are expected to spend {-gap:,.0f} more than is forecast."
    usual = [
        f"{who} usually bring {share:.0%} ({amount:,.0f})"
        for who, share, amount in (
            ("new and returning customers", shares[0], row["newcomers"]),
            ("guests without an account", shares[1], row["guests"]),
        )
        if share > 0.0005
    ]
    if usual:
        start += f" {' and '.join(usual)[0].upper()}{' and '.join(usual)[1:]}."
    if not isfinite(rest) or (small and not usual):
        return start
    if inside:
        return f"{start} What is left ({rest:+,.0f}) is within the forecast's own range."
    side = "more than" if rest > 0 else "less than"
    return f"{start} That leaves {rest:+,.0f}: the forecast says {side} its customers do, beyond its own range."


def _customers(engine: Engine, sides: Sides, cutoff: datetime) -> dict[str, float]:
    """category -> what known customers are expected to spend, from the scores at the cutoff."""
    task = sides.task
    model = engine.value(
        "select s.model from scores s\n"
        "left join questions q on q.task = s.task and q.cutoff = s.cutoff and q.model = s.model\n"
        "where s.task = ? and s.cutoff = ? order by q.model is null, s.model limit 1",
        [task.name, cutoff],
    )
    if model is None:
        when = engine.value("select max(cutoff) from scores where task = ?", [task.name])
        have = f"its scores are of {when:%Y-%m-%d}" if when else "it has no scores yet"
        raise FootfallError(
            f"the forecast is of {cutoff:%Y-%m-%d}, and {task.name} is not scored then ({have}); "
            f"run: footfall predict {task.name} --at {cutoff:%Y-%m-%d}"
        )
    # Sums of doubles in a stated order: the answer must not depend on threads.
    found = engine.rows(
        "select category, cast(sum(cast(coalesce(chance, amount) as decimal(28, 8))) as double) from scores\n"
        "where task = ? and cutoff = ? and model = ? and category is not null group by category",
        [task.name, cutoff, model],
    )
    each = _mean_amounts(engine, sides, cutoff) if task.kind == "chance" else {}
    return {str(c): float(v) * each.get(str(c), 0.0) if task.kind == "chance" else float(v) for c, v in found}


def _mean_amounts(engine: Engine, sides: Sides, cutoff: datetime) -> dict[str, float]:
    """category -> what one buyer of a horizon brings, over the horizons of the last year: what the forecast's task
    counts (returns too, where it does) of all customers with an id, over how many of them bought."""
    horizon, tz = sides.task.span, sides.tz
    edges = [cutoff, shift(cutoff, horizon, -1, tz)]
    first = engine.value(f"select min(l.occurred_at) from lines l where {_known(cutoff)}")
    if first is None:
        return {}
    # A horizon that the records do not cover whole would make buyers look poorer than they are.
    least = max(shift(cutoff, Span(YEAR, "d"), -1, tz), midnight(first, tz))
    while (start := shift(cutoff, horizon, -len(edges), tz)) >= least:
        edges.append(start)
    spans = ", ".join(f"({literal(a)}, {literal(b)})" for a, b in zip(edges[1:], edges, strict=False))
    found = engine.rows(f"""
with horizons(start, stop) as (values {spans}), each as (
  select l.category, l.customer_id, h.start, sum(l.amount) filter (where {_counts(sides.path)}) as amount,
    bool_or(l.kind = 'sale') as bought
  from lines l join horizons h on l.occurred_at >= h.start and l.occurred_at < h.stop
  where {_known(cutoff)} and l.customer_id is not null group by all
)
select category, cast(sum(amount) as double) / count(*) filter (where bought) from each
group by category having bool_or(bought)""")
    return {str(c): float(v or 0) for c, v in found}


def _shares(engine: Engine, sides: Sides, cutoff: datetime) -> dict[str, tuple[float, float]]:
    """category -> the share of its revenue in the span before the cutoff by customers whom the task, at that span's
    start, did not ask about (new ones, or back after long), and by guests."""
    start = shift(cutoff, sides.task.span, -1, sides.tz)
    engine.materialise(
        "select l.category, l.customer_id, sum(l.amount) as amount from lines l\n"
        f"where {_known(cutoff)} and {_counts(sides.path)} and l.occurred_at >= {literal(start)} group by all",
        PAST,
    )
    try:
        _asked(engine, sides.task, start, sides.tz)
        found = engine.rows(
            "select p.category, cast(sum(p.amount) as double),\n"
            "  cast(coalesce(sum(p.amount) filter (where p.customer_id is not null and a.customer_id is null), 0) "
            "as double),\n"
            "  cast(coalesce(sum(p.amount) filter (where p.customer_id is null), 0) as double)\n"
            f"from {PAST} p left join {ASKED} a on a.customer_id = p.customer_id group by p.category"
        )
    finally:
        for table in (PAST, ASKED):
            engine.execute(f"drop table if exists {table}")
    return {str(c): (new / whole, guests / whole) for c, whole, new, guests in found if whole > 0}


def _asked(engine: Engine, task: Task, start: datetime, tz: str) -> None:
    """Materialise `ASKED`: of the customers in `PAST`, those whom the task asked about at `start`."""
    at = literal(start)
    known = (
        f"select distinct p.customer_id, {at} as cutoff from {PAST} p\n"
        f"join known_customers k on k.customer_id = p.customer_id and k.known_from < {at}"
    )
    own = [p for p in task.population if p.aggregate.fact.per == ("customer_id",)]
    if not own:  # conditions on the pair are left out: who buys for the first time in a category is known all the same
        engine.materialise(known, ASKED)
        return
    spine = f"{ASKED}_spine"
    engine.materialise(known, spine)
    try:
        windows: dict[str, Past] = {f"among{i}": past for i, past in enumerate(own)}
        query = compile_windows(Frame(("customer_id",), (start,), tz), dict(windows), Spine(spine))
        where = " and ".join(windows)
        engine.materialise(f"select customer_id from ({query.sql(engine.dialect.name)}) where {where}", ASKED)
    finally:
        engine.execute(f"drop table {spine}")


def _known(cutoff: datetime) -> str:
    at = literal(cutoff)
    return f"l.category is not null and l.occurred_at < {at} and l.known_at < {at}"


def _counts(path: Task) -> str:
    """The lines that the forecast's task counts."""
    return " and ".join(["true", *(c.sql(f"l.{c.column}") for c in path.target.fact.conditions)])
