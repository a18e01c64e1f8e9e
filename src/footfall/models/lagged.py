"""Lagged: one set of boosted trees (LightGBM) across all series, told what each looked like before an instant.

Direct: every step ahead is a row, and the step is a feature, so nothing forecast is fed back. A row tells the series'
lags, rolling means and trend, the same periods one and two seasons ago, how its groups (a department, a store) moved
between those and what they do of late, the calendar, and what is known of the period ahead. All of it is in units of
the series' own level, so that large and small ones teach each other. The trees learn what to add to a plain guess (the
season's value, brought to today's level), by absolute error in the series' own units. Where many periods are empty, the
middle of what may come lies below its mean, and sums of it would come out low: there the error is Huber's, squared up
to twice the series' usual size.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, cast

import lightgbm
import numpy as np
from scipy.sparse import csr_array

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.models.panel import Floats, Panel, bounded, filled, saved, season_back

CHUNK = 2000
"""Series whose rows are made at once: what is told of many at a time fills the memory."""
LAGS = (1, 2, 3, 4)
RARE = 0.05
"""Share of empty periods from which on a series' middle is no longer near its mean."""
ROUNDS = {"month": 365, "day_of_month": 31, "day_of_year": 365, "weekday": 7}
"""What of a date is told, and the days after which it comes again."""
ROLLS = (2, 4, 8, 13, 26, 52)
SETTINGS: dict[str, Any] = {
    "rounds": 250, "leaves": 31, "rate": 0.05, "budget": 200_000, "threads": 1, "origins": 104,
}  # fmt: skip


class Lagged:
    """Settings: `rounds`, `leaves`, `rate` of the trees; `budget`, rows to learn from; `origins`, instants at most to
    learn from, evenly over the past; `threads` (0: all cores; the bits do not depend on it, and small fits only
    wait)."""

    name = "lagged"
    together = True
    calendar = True
    """It is told of holidays and promotions, so that asking it without them tells what they do."""

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        for setting in settings:
            if setting not in SETTINGS:
                raise UsageError(f"model 'lagged' has no setting '{setting}'{did_you_mean(setting, SETTINGS)}")
        self.seed = seed
        self.settings = {**SETTINGS, **settings}
        self.columns: list[str] = []
        self.seasons: tuple[int, ...] = ()
        self.dates: tuple[str, ...] = ()
        self.known: dict[str, float] = {}
        self.booster: lightgbm.Booster | None = None

    @staticmethod
    def seconds(panel: Panel) -> tuple[float, float]:
        """Of one fit and one forecast on two cores, measured: rows to learn from, and rows to answer."""
        rows = len(panel) * panel.horizon
        learnt = min(SETTINGS["budget"], rows * min(SETTINGS["origins"], panel.periods))
        return 1.0 + 6e-5 * learnt, 0.1 + 1e-5 * rows

    def fit(self, panel: Panel) -> Self:
        """Learn from instants of the past whose whole horizon is over; with none of them, only the guess is left."""
        draw = np.random.default_rng(self.seed)
        latest = panel.periods - panel.horizon
        # A season that no instant to learn from has behind it would be told of for the first time when it is asked.
        self.seasons = tuple(s for s in panel.seasons if s + panel.horizon < latest)
        panel = replace(panel, seasons=self.seasons)
        longest = max(self.seasons, default=1)
        every = range(max(1, longest), latest + 1)
        origins = list(every)[:: -max(1, -(-len(every) // self.settings["origins"]))][::-1]
        self.dates = _dates(panel, min(origins, default=panel.periods))
        share = min(1.0, self.settings["budget"] / max(1, len(origins) * len(panel) * panel.horizon))
        parts: list[tuple[Floats, Floats, Floats]] = []
        whole = _Whole(panel, self.dates)
        for origin in origins:
            rows = np.flatnonzero(panel.begun(origin) & (draw.random(len(panel)) < share))
            if not len(rows):
                continue
            part = _Rows(whole, rows, origin)
            y = panel.values[rows, origin : origin + panel.horizon].ravel()
            kept = np.isfinite(y)
            target = ((y - part.guess.ravel()) / part.scale.ravel())[kept]
            parts.append((part.matrix()[kept], target, part.scale.ravel()[kept]))
        self.columns = list(_Rows(whole, np.arange(1), panel.periods).columns)
        self.known = {name: _usual(column[:, : panel.periods]) for name, column in panel.known.items()}
        self.booster = None
        if sum(len(p[1]) for p in parts) < 50:
            return self
        X, y, weight = (np.concatenate([p[i] for p in parts]) for i in range(3))
        zeros = float(np.mean(panel.values[np.isfinite(panel.values)] == 0))
        data = lightgbm.Dataset(
            X, y, weight=weight / weight.mean(), free_raw_data=True, params={"verbose": -1, "max_bin": 127}
        )
        self.booster = lightgbm.train(self._parameters(zeros), data, self.settings["rounds"])
        return self

    def _parameters(self, zeros: float) -> dict[str, Any]:
        return {
            "objective": "huber" if zeros > RARE else "l1", "alpha": 2.0,
            "learning_rate": self.settings["rate"], "num_leaves": self.settings["leaves"],
            "min_data_in_leaf": 40, "feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1,
            "lambda_l2": 1.0, "seed": self.seed, "deterministic": True, "force_row_wise": True, "verbose": -1,
            "num_threads": self.settings["threads"], "max_bin": 127,
        }  # fmt: skip

    def forecast(self, panel: Panel) -> Floats:
        """(n, horizon). Known columns that are new are not used; those that are gone are taken as usual.

        Raises FootfallError for a panel with other groups than those learnt.
        """
        width = panel.periods + panel.horizon
        known = {n: panel.known.get(n, np.full((1, width), usual)) for n, usual in self.known.items()}
        panel = replace(panel, seasons=self.seasons, known=known)
        whole = _Whole(panel, self.dates)
        said = []
        for first in range(0, len(panel), CHUNK):
            rows = _Rows(whole, np.arange(first, min(first + CHUNK, len(panel))), panel.periods)
            if list(rows.columns) != self.columns:
                raise FootfallError("the panel has other groups than 'lagged' learnt from; fit it again")
            out = rows.guess
            if self.booster is not None:
                told = np.asarray(self.booster.predict(rows.matrix(), num_threads=self.settings["threads"]))
                out = out + told.reshape(out.shape) * rows.scale
            said.append(out)
        return bounded(np.concatenate(said), panel)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        body = {"model": self.name, "seed": self.seed, "settings": self.settings, "columns": self.columns}
        body |= {"seasons": list(self.seasons), "dates": list(self.dates), "known": self.known}
        (folder / "model.json").write_text(json.dumps(body, indent=1), encoding="utf-8")
        if self.booster is not None:
            self.booster.save_model(str(folder / "trees.txt"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        body = saved(cls.name, folder)
        out = cls(body["seed"], **body["settings"])
        out.columns = body["columns"]
        out.seasons, out.dates = tuple(body.get("seasons", ())), tuple(body.get("dates", ()))
        out.known = body.get("known", {})
        if (folder / "trees.txt").exists():
            out.booster = lightgbm.Booster(model_file=str(folder / "trees.txt"))
        return out


class _Whole:
    """What all rows share: the panel without gaps, the sums of its groups by period, and which `dates` are told."""

    def __init__(self, panel: Panel, dates: tuple[str, ...]) -> None:
        self.panel, self.dates = panel, dates
        self.values = filled(panel.values)
        known = np.nan_to_num(self.values)
        self.totals = {}
        for name, codes in panel.groups.items():
            by = csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))), (int(codes.max()) + 1, len(codes)))
            self.totals[name] = np.asarray(by @ known)


class _Rows:
    """What is told of series `rows` after the first `end` periods: one row per series and step, series by series."""

    def __init__(self, whole: _Whole, rows: Any, end: int) -> None:
        panel = whole.panel
        self.panel, self.rows, self.end = panel, rows, end
        self.shape = (len(rows), panel.horizon)
        own = whole.values[rows, :end]
        level = np.nanmean(np.abs(own[:, -52:]), axis=1)
        level = np.where(level > 0, level, 1.0)
        self.scale = np.repeat(level[:, None], panel.horizon, axis=1)
        self.columns: dict[str, Floats] = {}
        self.guess = self._guess(own)
        self._own(own)
        for name, codes in panel.groups.items():
            self._group(name, codes, whole.totals[name][:, :end], own)
        self._calendar(whole.dates)

    def matrix(self) -> Floats:
        return np.stack([c.ravel() for c in self.columns.values()], axis=1)

    def _add(self, name: str, column: Any) -> None:
        column = np.asarray(column, dtype=np.float64)
        self.columns[name] = np.broadcast_to(column[:, None] if column.ndim == 1 else column, self.shape)

    def _guess(self, own: Floats) -> Floats:
        """The season's value, half way from the level of then to that of now; without a season the last mean."""
        recent = _mean(own, 8)[:, None]
        out = np.repeat(recent, self.shape[1], axis=1)
        for season in self.panel.seasons[-1:]:
            back = season_back(own, season, self.shape[1])
            then = _mean(own[:, : own.shape[1] - season], 8)[:, None] if own.shape[1] > season else recent
            back = back + 0.5 * np.where(np.isfinite(then), recent - then, 0.0)
            out = np.where(np.isfinite(back), back, out)
        return out

    def _own(self, own: Floats) -> None:
        level, steps = self.scale[:, :1], self.shape[1]
        self._add("guess", self.guess / level)
        self._add("step", np.arange(steps)[None, :])
        self._add("size", np.log(self.scale[:, 0]))
        self._add("age", np.minimum(np.isfinite(own).sum(axis=1), 13))  # beyond, of equally old series, it is a clock
        for lag in LAGS:
            if own.shape[1] >= lag:
                self._add(f"lag{lag}", own[:, -lag] / level[:, 0])
            else:
                self._add(f"lag{lag}", np.full(len(own), np.nan))
        for roll in ROLLS:
            self._add(f"mean{roll}", _mean(own, roll) / level[:, 0])
        self._add("spread13", _spread(own, 13) / level[:, 0])
        self._add("spread52", _spread(own, 52) / level[:, 0])
        self._add("zeros13", (own[:, -13:] == 0).mean(axis=1))
        for season in self.panel.seasons:
            one, two = (season_back(own, season, steps, k) for k in (1, 2))
            self._add(f"back{season}", one / level)
            self._add(f"twice{season}", two / level)
            before = season_back(own[:, :-1], season, steps) if own.shape[1] > 1 else np.full(self.shape, np.nan)
            self._add(f"before{season}", before / level)
            after = season_back(own, season, steps + 1)[:, 1:] if season > 1 else one
            self._add(f"after{season}", after / level)
            for width in (4, 13):
                then = _mean(own[:, : max(0, own.shape[1] - season)], width)
                self._add(f"moved{season}_{width}", (_mean(own, width) - then) / level[:, 0])
            if season < 30:
                times = [season_back(own, season, steps, k) for k in range(1, 5)]
                self._add(f"usual{season}", _nanmean(np.stack(times)) / level)

    def _group(self, name: str, codes: Any, total: Floats, own: Floats) -> None:
        """How the whole group moved from the level of a season ago to the same periods of then, and of late."""
        at = codes[self.rows]
        near = _mean(own, 4)[:, None] / self.scale[:, :1]
        self._add(name, at)
        now = _mean(total, 4)
        self._add(f"{name}_size", np.log1p(np.abs(now))[at])
        for season in self.panel.seasons[-1:]:
            then = _mean(total[:, : max(0, total.shape[1] - season)], 4)
            ahead = _ratio(season_back(total, season, self.shape[1]), then[:, None])
            twice_then = _mean(total[:, : max(0, total.shape[1] - 2 * season)], 4)
            again = _ratio(season_back(total, season, self.shape[1], 2), twice_then[:, None])
            self._add(f"{name}_ahead", ahead[at])
            self._add(f"{name}_again", again[at])
            self._add(f"{name}_told", near * ahead[at])
            self._add(f"{name}_told_again", near * again[at])
            self._add(f"{name}_moved", _ratio(now, then)[at])

    def _calendar(self, dates: tuple[str, ...]) -> None:
        days = self.panel.days[: self.end + self.shape[1]]
        ahead, season = days[-self.shape[1] :], max(self.panel.seasons, default=1)
        month, year = ahead.astype("datetime64[M]"), ahead.astype("datetime64[Y]")
        told = {
            "month": month.astype(int) % 12,
            "day_of_month": (ahead - month).astype(int),
            "day_of_year": (ahead - year).astype(int),
            "weekday": (ahead.astype("datetime64[D]").astype(int) + 3) % 7,
        }
        for name in dates:
            self._add(name, told[name][None, :])
        for name, column in self.panel.known.items():
            mine = (column if column.shape[0] == 1 else column[self.rows])[:, : self.end + self.shape[1]]
            self._add(f"{name}", mine[:, -self.shape[1] :])
            back = season_back(mine[:, : self.end], season, self.shape[1])
            self._add(f"{name}_then", back)
            self._add(f"{name}_before", mine[:, -self.shape[1] - 1 : -1])


def _dates(panel: Panel, first: int) -> tuple[str, ...]:
    """What of the date is told: where the periods learnt from (from `first` on) hold two of its rounds.

    With fewer, the date would be a clock by another name, and the trees would go on with whatever came last.
    """
    days = panel.days[first : panel.periods]
    span = int((days[-1] - days[0]).astype(int)) if len(days) else 0
    return tuple(name for name, round_ in ROUNDS.items() if span >= 2 * round_)


def _usual(column: Floats) -> float:
    """The middle of what was known of the past; 0 where that is nothing."""
    return float(np.nanmedian(column)) if np.isfinite(column).any() else 0.0


def _mean(values: Floats, width: int) -> Floats:
    """(n,) of the last `width` columns; NaN where there is none."""
    return _nanmean(values[:, -width:].T) if values.shape[1] else np.full(len(values), np.nan)


def _nanmean(stack: Floats) -> Floats:
    """The mean along the first axis over what is there; NaN where nothing is."""
    here = np.isfinite(stack)
    count = here.sum(axis=0)
    return np.where(count > 0, np.where(here, stack, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _spread(values: Floats, width: int) -> Floats:
    last = values[:, -width:].T
    return np.sqrt(_nanmean((last - _nanmean(last)) ** 2))


def _ratio(top: Floats, bottom: Floats) -> Floats:
    empty = np.full(np.broadcast(top, bottom).shape, np.nan)
    return cast("Floats", np.divide(top, bottom, out=empty, where=bottom > 0))


PATH_MODEL = Lagged
