"""Why a path says what it says: its parts, which add up to it, and how it differs from what was.

Of each step ahead the parts are the level the series stands at, its trend, its season, what holidays and promotions
do, and the rest. Level, trend and season come from the series' own past (`forecast.waves`). Holidays and promotions
come from the models that answer: they are asked again, fitted as they are, with the column put to none ahead, and the
difference is the part. The trend is as much of the past drift as the forecast goes on with, between none and all of it.
What is left is the rest: what the models know beyond these, as how a series' group moves.

The same parts of the past tell why the forecast lies above or below what was: of periods with a holiday or a promotion
what is left beside level and season is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from footfall.explain.wording import number
from footfall.forecast.choose import BASELINE, Choice
from footfall.forecast.fitting import FittedLevel, points
from footfall.forecast.hierarchy import LevelForecast
from footfall.forecast.waves import Waves, waves
from footfall.models.panel import Floats, Panel, find_path_model

PARTS = ("level", "trend", "season", "holiday", "promotion", "rest")
CALENDAR = ("holiday", "promotion")
SAID = 0.005
"""Parts of a change are said from half a per cent of what they are compared with."""
NAMES = {"season": "season", "rest": "other"}


@dataclass(frozen=True)
class Answered:
    """A forecast as it was made.

    Args:
        point: (n, h) what was said.
        choice: which models' median answers each series.
        alone: model -> (n, h) what it said alone; every model of the choice.
        ask: what a model, fitted as it is, says where the panel's known columns are others; None: it is fitted anew.
    """

    point: Floats
    choice: Choice
    alone: Mapping[str, Floats]
    ask: Callable[[str, Mapping[str, Floats]], Floats] | None = None


@dataclass(frozen=True)
class Change:
    """The whole of a forecast against periods of the past: `before` and `now`, sums; `parts`, name -> their change,
    adding up to it (the level's with the trend's)."""

    before: float
    now: float
    parts: Mapping[str, float]
    against: str

    @property
    def words(self) -> str:
        """As "8% above the same 4 weeks last year: trend +5%, promotion +3%"."""
        gap = self.now - self.before
        if self.before > 0:
            whole = f"{abs(gap) / self.before:.0%}" if self.now < 4 * self.before else f"{self.now / self.before:.1f}"
            size = {k: v / self.before for k, v in self.parts.items()}
            told = {k: f"{v:+.0%}" for k, v in size.items() if abs(v) >= SAID}
        else:
            whole = number(abs(gap))
            size, told = dict(self.parts), {k: f"{v:+,.0f}" for k, v in self.parts.items() if abs(v) >= 0.5}
        if self.before > 0 and self.now >= 4 * self.before:
            said = f"{whole} times {self.against}"
        elif whole in ("0%", "0"):
            said = f"as {self.against}"
        else:
            said = f"{whole} {'above' if gap > 0 else 'below'} {self.against}"
        order = sorted(told, key=lambda k: (k == "rest", -abs(size[k])))
        return said + (": " + ", ".join(f"{NAMES.get(k, k)} {told[k]}" for k in order) if order else "")


@dataclass(frozen=True)
class Parts:
    """`amounts` part -> (n, h), adding up to the forecast; `lately` and `last_year` the change of each series (None:
    nothing to compare with); `notes` what could not be told of each series."""

    amounts: Mapping[str, Floats]
    lately: tuple[Change | None, ...]
    last_year: tuple[Change | None, ...]
    notes: tuple[str, ...]

    def words(self, row: int) -> str:
        """The changes of one series and what could not be told, as sentences joined by '; '."""
        said = [c.words for c in (self.lately[row], self.last_year[row]) if c is not None]
        return "; ".join([*said, *filter(None, [self.notes[row]])])


def level_parts(told: LevelForecast, fitted: FittedLevel) -> Parts:
    """The parts of one level of a tree's forecast; `fitted`: the same level as it was fitted."""
    level = told.level
    at = {member: i for i, member in enumerate(fitted.members)}
    rows = np.asarray([at.get(member, -1) for member in level.members], dtype=np.int64)
    choice = replace(fitted.choice, group=np.where(rows >= 0, fitted.choice.group[np.maximum(rows, 0)], 0))

    def ask(name: str, known: Mapping[str, Floats]) -> Floats:
        other = replace(level, panel=replace(level.panel, known=dict(known)))
        return points(other, replace(fitted, models={name: fitted.models[name]}), rows)[name]

    alone = {name: told.told[name].point for name in {*choice.models, BASELINE}}
    answered = Answered(told.answer.point, choice, alone, ask)
    return parts(replace(level.panel, values=level.history), answered, ~level.censored)


def parts(panel: Panel, answered: Answered, used: NDArray[np.bool_] | None = None) -> Parts:
    """The parts of each step ahead of each series, and the changes in words.

    Args:
        panel: the series up to the cutoff.
        answered: the forecast; where it was made to add up over a tree, what holidays and promotions do is scaled
            with it.
        used: (n, T) periods that tell of the demand (none out of stock); None: all.
    """
    informed = _informed(answered)
    effects = _effects(panel, answered, informed)
    marks = {name: _marks(panel, name, informed) for name in CALENDAR}
    ahead = panel.periods
    plain = ~(marks["holiday"] | marks["promotion"])[:, :ahead]
    found = waves(panel, plain if used is None else plain & used)
    amounts = _amounts(panel, answered.point, effects, found)
    past = _past(panel, found, marks)
    h = panel.horizon
    step, year = _step(panel)
    spell = f"{h} {step}s" if h > 1 else step
    lately = _changes(amounts, past, np.arange(ahead - h, ahead), f"the last {spell}")
    steps = np.arange(h)
    then = ahead + steps - year * (steps // year + 1) if year else np.full(h, -1)
    yearly = _changes(amounts, past, then, f"the same {spell} last year")
    return Parts(amounts, lately, yearly, _notes(panel, found, step, year))


def _informed(answered: Answered) -> NDArray[np.bool_]:
    """(n,) series that a model answers which is told of the calendar."""
    groups = [any(_calendar(m) for m in members) for members in answered.choice.members]
    return np.asarray(groups, dtype=bool)[answered.choice.group]


def _calendar(name: str) -> bool:
    return bool(getattr(find_path_model(name), "calendar", False))


def _marks(panel: Panel, name: str, informed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n, T + h) periods with a day so marked, of series whose models are told."""
    shape = (len(panel), panel.periods + panel.horizon)
    if name not in panel.known:
        return np.zeros(shape, dtype=bool)
    return np.broadcast_to(np.nan_to_num(panel.known[name]) > 0, shape) & informed[:, None]


def _effects(panel: Panel, answered: Answered, informed: NDArray[np.bool_]) -> dict[str, Floats]:
    """What holidays and promotions ahead do: the answer less the answer without them, one call per model each."""
    out = {}
    told = {m: answered.alone[m] for m in answered.choice.models}
    for name in CALENDAR:
        out[name] = np.zeros_like(answered.point)
        column = panel.known.get(name)
        if column is None or not informed.any() or not (np.nan_to_num(column[:, panel.periods :]) > 0).any():
            continue
        none = column.copy()
        none[:, panel.periods :] = 0.0
        known = {**panel.known, name: none}
        other = {m: _asked(panel, answered, m, known) if _calendar(m) else said for m, said in told.items()}
        out[name] = answered.choice.combined(told) - answered.choice.combined(other)
    base = answered.choice.combined(told)
    same = (base > 0) & (answered.point > 0)
    scale = np.clip(np.divide(answered.point, base, out=np.ones_like(base), where=same), 0.5, 2.0)
    return {name: effect * scale for name, effect in out.items()}


def _asked(panel: Panel, answered: Answered, model: str, known: dict[str, Floats]) -> Floats:
    if answered.ask is not None:
        return answered.ask(model, known)
    return find_path_model(model)().fit(panel).forecast(replace(panel, known=known))


def _amounts(panel: Panel, point: Floats, effects: dict[str, Floats], found: Waves) -> dict[str, Floats]:
    level = np.repeat(found.now[:, None], panel.horizon, axis=1)
    season = found.season[:, panel.periods :]
    left = point - level - season - effects["holiday"] - effects["promotion"]
    drift = found.drift[:, None] * (np.arange(panel.horizon) + 0.5 + found.width / 2)
    square = (drift**2).sum(axis=1)
    share = np.divide((left * drift).sum(axis=1), square, out=np.zeros(len(point)), where=square > 0)
    trend = np.clip(share, 0.0, 1.0)[:, None] * drift
    return {"level": level, "trend": trend, "season": season, **effects, "rest": left - trend}


def _past(panel: Panel, found: Waves, marks: Mapping[str, NDArray[np.bool_]]) -> dict[str, Floats]:
    """The parts of the past, (n, T), adding up to it; NaN where nothing is known."""
    season = found.season[:, : panel.periods]
    left = panel.values - found.level - season
    holiday = marks["holiday"][:, : panel.periods]
    promotion = marks["promotion"][:, : panel.periods] & ~holiday
    return {
        "whole": panel.values, "level": found.level, "season": season, "holiday": np.where(holiday, left, 0.0),
        "promotion": np.where(promotion, left, 0.0), "rest": np.where(holiday | promotion, 0.0, left),
    }  # fmt: skip


def _changes(
    amounts: Mapping[str, Floats], past: Mapping[str, Floats], at: NDArray[np.int64], against: str
) -> tuple[Change | None, ...]:
    """Each series' forecast against its periods `at`; None where one of them is not known."""
    n = len(amounts["level"])
    if at.min() < 0:
        return (None,) * n
    then = {name: part[:, at].sum(axis=1) for name, part in past.items()}
    now = {name: part.sum(axis=1) for name, part in amounts.items()}
    change = {"trend": now["level"] + now["trend"] - then["level"]}
    change |= {name: now[name] - then[name] for name in PARTS[2:]}
    whole = np.sum(list(now.values()), axis=0)
    return tuple(
        Change(float(then["whole"][i]), float(whole[i]), {k: float(v[i]) for k, v in change.items()}, against)
        if np.isfinite(then["whole"][i])
        else None
        for i in range(n)
    )


def _step(panel: Panel) -> tuple[str, int]:
    """What a period is called, and how many make a year (0: a year or more each)."""
    days = float(np.median(np.diff(panel.days).astype(int))) if len(panel.days) > 1 else 0.0
    if not days:
        return "period", 0
    name = {1: "day", 7: "week"}.get(round(days), "month" if 28 < days <= 31 else "period")
    return name, {"day": 364, "week": 52, "month": 12}.get(name, round(365.25 / days) if days < 365 else 0)


def _notes(panel: Panel, found: Waves, step: str, year: int) -> tuple[str, ...]:
    """Of each series, the waves too long for its past."""
    out = []
    for told in found.told:
        untold = sorted(panel.seasons)[int(told) :]
        if not untold:
            out.append("")
        elif untold == [year]:
            out.append("less than two years of history: its season within the year is part of level and rest")
        else:
            out.append(f"fewer than two waves of {untold[0]} {step}s of history: its season is part of level and rest")
    return tuple(out)
