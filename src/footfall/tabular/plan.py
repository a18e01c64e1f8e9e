"""Which cutoffs train, rehearse, test and predict. All splits are by time.

Cutoffs lie on a grid that ends at the instant of prediction, so that several tasks share one matrix. A model for
an instant `t` learns from grid cutoffs whose whole target lies before `t`: no target of training reaches past it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from footfall.errors import FootfallError
from footfall.spans import Span, midnight, shift, span
from footfall.tasks import Task
from footfall.windows import Shape


@dataclass(frozen=True)
class Settings:
    """How much work a fit may do.

    Args:
        step: distance of training cutoffs; None: 7 days, or the horizon where that is shorter.
        cutoffs: at most so many training cutoffs for one fit, the newest ones.
        rehearsals: earlier instants at which the fit is rehearsed; calibration learns from how those turned out.
        tests: cutoffs of a backtest.
        budget: about so many rows to train one model on; a larger spine is sampled by hash, and the weights say so.
        test_budget: about so many rows per test cutoff.
        pairs: for tasks of a customer and, say, a category: about so many rows asked about at an instant; a large
            shop asks about fewer of the busiest categories (at least five).
        half_life: days after which a training cutoff weighs half as much as the newest one.
        engineered: prepare what models named `engineered:` read besides the plain features.
        identity: whose facts are one customer's: "today" (all links there are), "as-of" (links known at each cutoff)
            or "raw" (the sources' own ids).
        seed: of everything random.
        workers: models fitted at the same time; the results do not depend on it.
    """

    step: Span | None = None
    cutoffs: int = 40
    rehearsals: int = 4
    tests: int = 6
    budget: int = 150_000
    test_budget: int = 25_000
    pairs: int = 1_500_000
    half_life: float = 180.0
    engineered: bool = False
    identity: str = "today"
    seed: int = 0
    workers: int = 2

    def stepped(self, horizon: Span) -> Span:
        return self.step or (span("7d") if horizon.days >= 7 else horizon)


@dataclass(frozen=True)
class Clock:
    """The span of a shop's facts, and its local days.

    `end` is the midnight after the last whole day: what is asked by default is asked then. `limit` is the midnight
    after the last fact: no target may reach past it.
    """

    first: datetime
    end: datetime
    tz: str = "UTC"
    limit: datetime | None = None

    def known_until(self, at: datetime) -> datetime:
        """Targets may reach so far when the instant asked about is `at`."""
        return min(at, self.limit or self.end)

    def back(self, at: datetime, by: Span, times: int) -> datetime:
        return shift(at, by, -times, self.tz)


def make_clock(shop: Shape, tz: str = "UTC") -> Clock:
    """The clock of a shop with dated facts.

    The last day is whole unless its last fact comes earlier in the day than that of every day of the four weeks
    before it: an export or a load that stopped during the day.
    """
    assert shop.first is not None and shop.last is not None
    limit = shift(midnight(shop.last, tz), span("1d"), 1, tz)
    *before, last = [at - midnight(at, tz) for at in shop.last_by_day or (shop.last,)]
    whole = len(before) < 7 or last >= min(before)
    return Clock(shop.first, limit if whole else midnight(shop.last, tz), tz, limit)


def origin_spacing(horizon: Span, step: Span) -> int:
    """Grid steps between the instants a model is rehearsed or tested at: a horizon, but at most five weeks."""
    steps = max(1, -(-round(horizon.days * 24) // max(1, round(step.days * 24))))
    return min(steps, max(1, int(35 // step.days)))


def training_cutoffs(task: Task, at: datetime, clock: Clock, settings: Settings, anchor: datetime) -> list[datetime]:
    """Grid cutoffs (in order) whose targets end by `at` and within the data, with at least some history behind them."""
    step = settings.stepped(task.span)
    until = clock.known_until(at)
    history = _least_history(clock, task.span)
    found: list[datetime] = []
    k = 0
    while len(found) < settings.cutoffs and k < 5000:
        cutoff = clock.back(anchor, step, k)
        k += 1
        if cutoff < clock.first + history:
            break
        if shift(cutoff, task.span, 1, clock.tz) <= until:
            found.append(cutoff)
    return found[::-1]


def _least_history(clock: Clock, horizon: Span) -> timedelta:
    """Behind the first training cutoff lies a horizon of facts, at most 28 days, at most a quarter of all."""
    total = (clock.end - clock.first).total_seconds() / 86400
    return timedelta(days=min(28.0, horizon.days, total / 4))


def origins(
    task: Task, before: datetime, clock: Clock, settings: Settings, anchor: datetime, count: int
) -> list[datetime]:
    """Up to `count` grid instants (in order) with training cutoffs; targets end by `before` and within the data."""
    step = settings.stepped(task.span)
    spacing = origin_spacing(task.span, step)
    until = clock.known_until(before)
    found: list[datetime] = []
    k = 0
    while len(found) < count and k < 5000:
        at = clock.back(anchor, step, k)
        if at < clock.first:
            break
        if shift(at, task.span, 1, clock.tz) <= until:
            if not training_cutoffs(task, at, clock, settings, anchor):
                break
            found.append(at)
            k += spacing
        else:
            k += 1
    return found[::-1]


@dataclass(frozen=True)
class Plan:
    """The cutoffs one task needs: `train` (learning and rehearsal), `test`, and `score` (the instant to predict at)."""

    task: Task
    anchor: datetime
    train: tuple[datetime, ...]
    test: tuple[datetime, ...]
    score: datetime | None

    @property
    def cutoffs(self) -> tuple[datetime, ...]:
        return tuple(sorted({*self.train, *self.test, *([self.score] if self.score else [])}))


def make_plan(task: Task, clock: Clock, settings: Settings, at: datetime | None = None, tests: int = 0) -> Plan:
    """The cutoffs to prepare so that `task` can be fitted and scored at `at`, and tested at `tests` earlier instants.

    Raises:
        FootfallError: the history is too short for one training cutoff.
    """
    score = at or clock.end
    anchor = score
    train = training_cutoffs(task, score, clock, settings, anchor)
    if not train:
        days = (clock.known_until(score) - clock.first).total_seconds() / 86400
        raise FootfallError(
            f"{task.name} looks {task.span.words} ahead, and the history before {score:%Y-%m-%d} is only "
            f"{max(days, 0):.0f} days: too short to learn from; choose a shorter horizon or a later instant"
        )
    needed = set(train)
    tested = origins(task, score, clock, settings, anchor, tests) if tests else []
    for one in tested:
        needed.update(training_cutoffs(task, one, clock, settings, anchor))
    return Plan(task, anchor, tuple(sorted(needed)), tuple(tested), score)


RUN_BUDGET = 40_000
LARGE = 20_000


def lighter(settings: Settings, customers: int) -> Settings:
    """Settings of a whole run, which fits every task many times: about 40,000 rows a model.

    From 20,000 customers on, training cutoffs lie four weeks apart, so that the shared matrix stays small, and fewer
    instants are rehearsed and tested, since each has so many more customers.
    """
    settings = replace(settings, budget=min(settings.budget, RUN_BUDGET), test_budget=min(settings.test_budget, 10_000))
    if customers < LARGE:
        return settings
    step = settings.step or span("28d")
    return replace(settings, step=step, cutoffs=min(settings.cutoffs, 8), rehearsals=2, tests=min(settings.tests, 3))
