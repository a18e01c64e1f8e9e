"""Lagged: one set of boosted trees (LightGBM) across all series, told what each looked like before an instant.

Direct: every step ahead is a row, and the step is a feature, so nothing forecast is fed back. A row tells the series'
lags, rolling means and trend, the same periods one and two seasons ago, how its groups (a department, a store) moved
between those and what they do of late, the calendar, and what is known of the period ahead. All of it is in units of
the series' own level, so that large and small ones teach each other. The trees learn what to add to a plain guess (the
season's value, brought to today's level), by absolute error in the series' own units: the aim is WAPE.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self, cast

import lightgbm
import numpy as np

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.models.panel import Floats, Panel, bounded, filled, saved, season_back

LAGS = (1, 2, 3, 4)
ROLLS = (2, 4, 8, 13, 26, 52)
SETTINGS: dict[str, Any] = {
    "rounds": 250, "leaves": 31, "rate": 0.05, "budget": 200_000, "threads": 0, "origins": 104,
}  # fmt: skip


class Lagged:
    """Settings: `rounds`, `leaves`, `rate` of the trees; `budget`, rows to learn from; `origins`, instants at most to
    learn from, the newest; `threads` (0: all cores; the bits do not depend on it)."""

    name = "lagged"
    together = True

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        for setting in settings:
            if setting not in SETTINGS:
                raise UsageError(f"model 'lagged' has no setting '{setting}'{did_you_mean(setting, SETTINGS)}")
        self.seed = seed
        self.settings = {**SETTINGS, **settings}
        self.columns: list[str] = []
        self.booster: lightgbm.Booster | None = None

    def fit(self, panel: Panel) -> Self:
        """Learn from instants of the past whose whole horizon is over; with none of them, only the guess is left."""
        draw = np.random.default_rng(self.seed)
        latest = panel.periods - panel.horizon
        longest = max((s for s in panel.seasons if s + panel.horizon < latest), default=1)
        origins = list(range(max(1, longest, latest - self.settings["origins"] + 1), latest + 1))
        share = min(1.0, self.settings["budget"] / max(1, len(origins) * len(panel) * panel.horizon))
        parts: list[tuple[Floats, Floats, Floats]] = []
        for origin in origins:
            rows = np.flatnonzero(panel.begun(origin) & (draw.random(len(panel)) < share))
            if not len(rows):
                continue
            part = _Rows(panel, rows, origin)
            y = panel.values[rows, origin : origin + panel.horizon].ravel()
            kept = np.isfinite(y)
            target = ((y - part.guess.ravel()) / part.scale.ravel())[kept]
            parts.append((part.matrix()[kept], target, part.scale.ravel()[kept]))
        self.columns = list(_Rows(panel, np.arange(1), panel.periods).columns)
        self.booster = None
        if sum(len(p[1]) for p in parts) < 50:
            return self
        X, y, weight = (np.concatenate([p[i] for p in parts]) for i in range(3))
        data = lightgbm.Dataset(
            X, y, weight=weight / weight.mean(), free_raw_data=True, params={"verbose": -1, "max_bin": 127}
        )
        self.booster = lightgbm.train(self._parameters(), data, self.settings["rounds"])
        return self

    def _parameters(self) -> dict[str, Any]:
        return {
            "objective": "l1", "learning_rate": self.settings["rate"], "num_leaves": self.settings["leaves"],
            "min_data_in_leaf": 40, "feature_fraction": 0.5, "bagging_fraction": 0.7, "bagging_freq": 1,
            "lambda_l2": 1.0, "seed": self.seed, "deterministic": True, "force_row_wise": True, "verbose": -1,
            "num_threads": self.settings["threads"], "max_bin": 127,
        }  # fmt: skip

    def forecast(self, panel: Panel) -> Floats:
        """(n, horizon). Raises FootfallError for a panel with other columns than those learnt."""
        rows = _Rows(panel, np.arange(len(panel)), panel.periods)
        if list(rows.columns) != self.columns:
            raise FootfallError("the panel has other known columns or groups than 'lagged' learnt from; fit it again")
        out = rows.guess
        if self.booster is not None:
            told = np.asarray(self.booster.predict(rows.matrix(), num_threads=self.settings["threads"]))
            out = out + told.reshape(out.shape) * rows.scale
        return bounded(out, panel)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        body = {"model": self.name, "seed": self.seed, "settings": self.settings, "columns": self.columns}
        (folder / "model.json").write_text(json.dumps(body, indent=1), encoding="utf-8")
        if self.booster is not None:
            self.booster.save_model(str(folder / "trees.txt"))

    @classmethod
    def load(cls, folder: Path) -> Self:
        body = saved(cls.name, folder)
        out = cls(body["seed"], **body["settings"])
        out.columns = body["columns"]
        if (folder / "trees.txt").exists():
            out.booster = lightgbm.Booster(model_file=str(folder / "trees.txt"))
        return out


class _Rows:
    """What is told of series `rows` after the first `end` periods: one row per series and step, series by series."""

    def __init__(self, panel: Panel, rows: Any, end: int) -> None:
        self.panel, self.rows, self.end = panel, rows, end
        self.shape = (len(rows), panel.horizon)
        self.values = filled(panel.values[:, :end])
        own = self.values[rows]
        level = np.nanmean(np.abs(own[:, -52:]), axis=1)
        level = np.where(level > 0, level, 1.0)
        self.scale = np.repeat(level[:, None], panel.horizon, axis=1)
        self.columns: dict[str, Floats] = {}
        self.guess = self._guess(own)
        self._own(own)
        for name, codes in panel.groups.items():
            self._group(name, codes)
        self._calendar()

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
        self._add("age", np.isfinite(own).sum(axis=1))
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

    def _group(self, name: str, codes: Any) -> None:
        """How the whole group moved from the level of a season ago to the same periods of then, and of late."""
        size, known = int(codes.max()) + 1, np.nan_to_num(self.values)
        total = np.zeros((size, known.shape[1]))
        np.add.at(total, codes, known)
        at, own = codes[self.rows], self.values[self.rows]
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

    def _calendar(self) -> None:
        days = self.panel.days[: self.end + self.shape[1]]
        ahead, season = days[-self.shape[1] :], max(self.panel.seasons, default=1)
        month = ahead.astype("datetime64[M]")
        self._add("month", (month.astype(int) % 12)[None, :])
        self._add("day_of_month", (ahead - month).astype(int)[None, :])
        self._add("day_of_year", (ahead - ahead.astype("datetime64[Y]")).astype(int)[None, :])
        self._add("weekday", ((ahead.astype("datetime64[D]").astype(int) + 3) % 7)[None, :])
        for name, column in self.panel.known.items():
            mine = (column if column.shape[0] == 1 else column[self.rows])[:, : self.end + self.shape[1]]
            self._add(f"{name}", mine[:, -self.shape[1] :])
            back = season_back(mine[:, : self.end], season, self.shape[1])
            self._add(f"{name}_then", back)
            self._add(f"{name}_before", mine[:, -self.shape[1] - 1 : -1])


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
