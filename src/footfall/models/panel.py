"""The contract every model for paths keeps, and the panel they learn from.

A panel is a matrix: a row per series, a column per period. A model is a class called `PATH_MODEL` in a file of this
folder; the file's name is the model's name. It knows panels and nothing else: no SQL, no task, no shop.

The contract, kept by `tests/test_models_panel.py` on every member:

* `fit` takes any panel that `Panel` accepts: one observation, all zeros, constant, negative values, gaps;
* `forecast` is finite, never below zero where the panel says so, and (series, horizon) in shape;
* it may be asked of a later panel than the one fitted on, with the same series, and sees nothing after its periods;
* two fits with one seed give the same bits; so do `save` and `load`;
* a series multiplied by a number gives its forecast multiplied by that number, whatever stands beside it, or (where
  series are learnt together: class attribute `together`) when all of them are multiplied.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.names import find, members

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]
EXPLODED = 10.0
"""No forecast leaves the range of its series' own past by more than so many times that range."""


@dataclass(frozen=True)
class Panel:
    """Series side by side, and what is known of the periods ahead.

    Args:
        values: (n, T) one row per series; NaN where there is no observation (before a series begins, or a gap).
        days: (T + horizon,) the day each period starts on, those ahead included, in order.
        horizon: periods to forecast.
        seasons: lengths of waves in periods, the one that shows most first: (52,) for weeks, (7, 364) for days.
        known: name -> (n or 1, T + horizon) columns whose future is known; NaN where missing.
        groups: name -> (n,) codes from 0 up: which series belong together.
        floor: no value can lie below it (0 for counts and money in); None: any number.

    Raises:
        FootfallError: no series, no period, no observation, infinite values, or a column that ends before the
            periods asked about (known of the past only).
    """

    values: Floats
    days: Days
    horizon: int
    seasons: tuple[int, ...] = ()
    known: dict[str, Floats] = field(default_factory=dict)
    groups: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    floor: float | None = None

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.size:
            raise FootfallError("there is no series with a whole period before the cutoff; load more history")
        n, periods = self.values.shape
        if self.horizon < 1:
            raise UsageError("the horizon of a forecast is at least one period")
        if len(self.days) != periods + self.horizon:
            raise UsageError(f"{periods} periods and {self.horizon} ahead want as many days, not {len(self.days)}")
        if len(self.days) > 1 and not (np.diff(self.days) > np.timedelta64(0, "D")).all():
            raise UsageError("the periods of a panel stand in order, each once")
        if np.isinf(self.values).any():
            raise FootfallError("a series holds an infinite value")
        empty = ~np.isfinite(self.values).any(axis=1)
        if empty.any():
            raise FootfallError(f"series {int(np.argmax(empty))} has no observation; leave it out")
        for name, column in self.known.items():
            if column.ndim != 2 or column.shape[0] not in (1, n):
                raise UsageError(f"known column '{name}' is (series or 1, periods), not {column.shape}")
            if column.shape[1] != periods + self.horizon or np.isnan(column[:, periods:]).all():
                raise FootfallError(
                    f"'{name}' is known of the past only; a forecast may use what is known of the periods ahead"
                )
        for name, codes in self.groups.items():
            if codes.shape != (n,) or codes.min() < 0:
                raise UsageError(f"group '{name}' is one code from 0 up per series")

    @property
    def periods(self) -> int:
        return int(self.values.shape[1])

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def until(self, periods: int) -> Panel:
        """What was known after the first `periods` periods; same series, same horizon.

        Raises UsageError where a series had not begun, or fewer than `periods` are there: see `begun`.
        """
        if not 1 <= periods <= self.periods:
            raise UsageError(f"there are {self.periods} periods; cannot look from after {periods}")
        end = periods + self.horizon
        known = {name: column[:, :end] for name, column in self.known.items()}
        return replace(self, values=self.values[:, :periods], days=self.days[:end], known=known)

    def only(self, rows: NDArray[Any]) -> Panel:
        """The series `rows` (indices or a mask) alone."""
        known = {name: c if c.shape[0] == 1 else c[rows] for name, c in self.known.items()}
        groups = {name: codes[rows] for name, codes in self.groups.items()}
        return replace(self, values=self.values[rows], known=known, groups=groups)

    def begun(self, periods: int) -> NDArray[np.bool_]:
        """(n,) which series have an observation among the first `periods` periods."""
        return cast("NDArray[np.bool_]", np.isfinite(self.values[:, :periods]).any(axis=1))


class PathModel(Protocol):
    """One forecaster of panels."""

    name: str

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        """Raises UsageError for a setting the model does not have."""

    def fit(self, panel: Panel) -> Self:
        """Learn from all of the panel's periods."""
        ...

    def forecast(self, panel: Panel) -> Floats:
        """(n, horizon) the periods after `panel`'s last one. Raises FootfallError where `panel` has other series."""
        ...

    def save(self, folder: Path) -> None:
        """Write the fitted model into `folder` (made if absent) as text and JSON; never a pickle."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote. Raises FootfallError when `folder` holds none of this class."""
        ...


class Local:
    """A model without memory: each forecast is a function of the panel it is asked of."""

    name = "local"
    known_settings: dict[str, Any] = {}  # noqa: RUF012  replaced, never changed

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        for setting in settings:
            if setting not in self.known_settings:
                raise UsageError(
                    f"model '{self.name}' has no setting '{setting}'{did_you_mean(setting, self.known_settings)}"
                )
        self.seed = seed
        self.settings = {**self.known_settings, **settings}

    def fit(self, panel: Panel) -> Self:
        return self

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        body = {"model": self.name, "seed": self.seed, "settings": self.settings}
        (folder / "model.json").write_text(json.dumps(body, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        body = saved(cls.name, folder)
        return cls(body["seed"], **body["settings"])


def saved(name: str, folder: Path) -> dict[str, Any]:
    """The `model.json` of model `name` in `folder`. Raises FootfallError when there is none."""
    try:
        body = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        body = {}
    if body.get("model") != name:
        raise FootfallError(f"there is no saved model '{name}' in {folder}; fit it first")
    return cast("dict[str, Any]", body)


def find_path_model(name: str) -> type[PathModel]:
    """The model class of that name. Raises UsageError with the right names."""
    return cast("type[PathModel]", find("footfall.models", name, "PATH_MODEL", "forecasting model").PATH_MODEL)


def path_model_names() -> list[str]:
    """Names of the models that can run here, sorted: one whose library is not installed is left out."""
    return members("footfall.models", "PATH_MODEL")


def filled(values: Floats) -> Floats:
    """(n, T) gaps inside or after a series bridged by its last value before; NaN before a series begins."""
    here = np.isfinite(values)
    if here.all():
        return values
    at = np.maximum.accumulate(np.where(here, np.arange(values.shape[1]), -1), axis=1)
    out = np.take_along_axis(values, np.maximum(at, 0), axis=1)
    return np.where(at >= 0, out, np.nan)


def season_back(values: Floats, season: int, horizon: int, times: int = 1) -> Floats:
    """(n, horizon) of each period ahead, its value `times` seasons before the nearest whole season that is over."""
    steps = np.arange(horizon)
    back = season * (steps // season + times) - steps
    at = values.shape[1] - back
    out = np.full((values.shape[0], horizon), np.nan)
    out[:, at >= 0] = values[:, at[at >= 0]]
    return out


def bounded(forecast: Floats, panel: Panel) -> Floats:
    """The forecast within what its series' own past makes thinkable (see `EXPLODED`), not below the panel's floor."""
    low, high = np.nanmin(panel.values, axis=1), np.nanmax(panel.values, axis=1)
    room = EXPLODED * np.maximum(high - low, np.maximum(np.abs(high), np.abs(low)))
    out = np.clip(forecast, (low - room)[:, None], (high + room)[:, None])
    return np.maximum(out, panel.floor) if panel.floor is not None else out
