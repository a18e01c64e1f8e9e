"""The rows that a forecast's result tables hold, column by column: a level may have thousands of series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from footfall.answers.context import now
from footfall.answers.keep import schema_of
from footfall.explain import Parts
from footfall.forecast import QUANTILES, LevelForecast, Told, anomalies

Columns = dict[str, Any]
Rows = NDArray[np.int64]
SIDES = ("lower", "upper")


def result_table(name: str, head: Mapping[str, Any], parts: Sequence[Columns]) -> pa.Table:
    """The rows of result table `name`: `head` on each, its columns in order, absent ones null."""
    schema, stamp = schema_of(name), now()
    tables = []
    for part in parts:
        n = len(next(iter(part.values())))
        same = {**head, "made_at": stamp}
        columns = [
            pa.array(part[f.name], f.type, from_pandas=True)
            if f.name in part
            else pa.array([same.get(f.name)] * n, f.type)
            for f in schema
        ]
        tables.append(pa.table(columns, schema=schema))
    return pa.concat_tables(tables)


def _keys(level: LevelForecast, rows: Rows) -> Columns:
    """Level and key columns of these rows of it, each as often as it stands there."""
    out: Columns = {"level": np.full(len(rows), level.level.name)}
    for name, members in level.level.within.items():
        out[name] = np.asarray([m or None for m in members], dtype=object)[rows]
    for i, key in enumerate(level.level.keys):
        out[key] = np.asarray([m[i] for m in level.level.members], dtype=object)[rows]
    return out


def _spread(level: LevelForecast, told: Told) -> tuple[Rows, Rows, Columns]:
    """A row per series and step: which series, which step, and the amounts."""
    n, steps = told.point.shape
    out: Columns = {"amount": told.point.ravel()}
    for width, band in told.bands.items():
        out |= {f"{side}_{width}": edge.ravel() for side, edge in zip(SIDES, band, strict=True)}
    return np.repeat(np.arange(n), steps), np.tile(np.arange(steps), n), out


def _at(instants: Sequence[Any], index: Rows) -> NDArray[Any]:
    return np.asarray(instants, dtype="datetime64[us]")[index]


def level_steps(level: LevelForecast) -> Columns:
    """Of `forecasts`."""
    rows, steps, amounts = _spread(level, level.answer)
    periods = {"step": steps + 1, "period_start": _at(level.starts, steps), "period_end": _at(level.ends, steps)}
    return {**_keys(level, rows), **periods, **amounts}


def level_sums(level: LevelForecast) -> Columns:
    """Of `forecast_totals`."""
    rows, steps, amounts = _spread(level, level.totals)
    return {**_keys(level, rows), "steps": steps + 1, "period_end": _at(level.ends, steps), **amounts}


def level_quantiles(level: LevelForecast) -> Columns:
    """Of `forecast_quantiles`; what stands for the rest of the tree is no series of the task, and left out."""
    kept = np.flatnonzero(~level.level.rest)
    told = level.quantiles[:, kept, :].transpose(1, 2, 0)
    n, steps, many = told.shape
    return {
        **_keys(level, np.repeat(kept, steps * many)),
        "steps": np.tile(np.repeat(np.arange(steps), many), n) + 1,
        "quantile": np.tile(np.asarray(QUANTILES), n * steps),
        "amount": told.ravel(),
    }


def level_history(level: LevelForecast) -> Columns:
    """Of `forecast_history`."""
    values = np.where(level.level.rest[:, None], np.nan, level.level.history)
    rows, periods = np.nonzero(np.isfinite(values))
    return {
        **_keys(level, rows), "period_start": _at(level.history_starts, periods), "amount": values[rows, periods],
        "censored": level.level.censored[rows, periods],
    }  # fmt: skip


def level_anomalies(level: LevelForecast) -> Columns:
    """Of `anomalies`."""
    found = [a for a in anomalies(level.level.panel) if not level.level.rest[a.row]]
    return {
        **_keys(level, np.asarray([a.row for a in found], dtype=np.int64)),
        "period_start": _at(level.history_starts, np.asarray([a.period for a in found], dtype=np.int64)),
        **{name: [getattr(a, name) for a in found] for name in ("kind", "actual", "expected", "score", "words")},
    }


def largest(level: LevelForecast, most: int) -> Rows:
    """The series of a level by what they come to, the largest first, at most so many."""
    kept = np.flatnonzero(~level.level.rest)
    order: Rows = kept[np.argsort(-level.totals.point[kept, -1], kind="stable")][:most]
    return order


def level_parts_table(level: LevelForecast, parts: Parts, rows: Rows) -> Columns:
    """Of `forecast_parts`: a row per series, step and part, and one per series with the change in words."""
    names, steps = list(parts.amounts), len(level.starts)
    told = np.stack([parts.amounts[name][rows] for name in names], axis=2)
    every = np.repeat(rows, steps * len(names))
    step = np.tile(np.repeat(np.arange(steps), len(names)), len(rows))
    nothing = np.full(len(rows), np.nan)
    return {
        **_keys(level, np.concatenate([every, rows])),
        "step": [*(step + 1).tolist(), *([None] * len(rows))],
        "period_start": [*_at(level.starts, step).tolist(), *([None] * len(rows))],
        "part": [*(names * (steps * len(rows))), *(["change"] * len(rows))],
        "amount": np.concatenate([told.ravel(), nothing]),
        "words": [*([None] * len(every)), *(parts.words(row) for row in rows.tolist())],
    }
