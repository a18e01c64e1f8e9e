"""Writing result tables and finding saved models."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from footfall.answers.cards import told
from footfall.answers.context import Context, now
from footfall.engine import Engine
from footfall.errors import FootfallError, UsageError
from footfall.tables import RESULTS
from footfall.tabular import Predictor
from footfall.tasks import Task

_ARROW = {
    "VARCHAR": pa.string(),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "TIMESTAMP": pa.timestamp("us"),
    "BOOLEAN": pa.bool_(),
}
Row = dict[str, Any]
ENDINGS = (".csv", ".json", ".parquet")


def schema_of(table: str) -> pa.Schema:
    """The columns of a result table."""
    return pa.schema([(c.name, _ARROW[c.type]) for c in RESULTS[table].columns])


def write(engine: Engine, table: str, rows: Sequence[Row] | pa.Table, replacing: Mapping[str, Any]) -> None:
    """Put `rows` into a result table in place of those that equal `replacing`; `made_at` is filled in."""
    schema = schema_of(table)
    if not isinstance(rows, pa.Table):
        stamp = now()
        known = set(schema.names)
        rows = pa.Table.from_pylist(
            [{k: v for k, v in r.items() if k in known} | {"made_at": stamp} for r in rows], schema
        )
    where = " and ".join(f"{c} is not distinct from ?" for c in replacing)
    with engine.transaction():
        engine.execute(f"delete from {table}" + (f" where {where}" if where else ""), list(replacing.values()))
        if rows.num_rows:
            engine.append(table, rows)


def versions() -> dict[str, str]:
    return {p: version(p) for p in ("footfall", "duckdb", "lightgbm", "scikit-learn", "numpy")}


def model_folder(context: Context, task: Task, model: str, at: datetime) -> Path:
    return context.models / task.name / model.replace(":", "_") / f"{at:%Y-%m-%dT%H%M%S}"


def save_predictor(context: Context, predictor: Predictor) -> Path:
    """Save the predictor beside the shop, with its card, and list it in `models`."""
    task, model, at = predictor.task, predictor.model, predictor.trained.at
    folder = model_folder(context, task, model, at)
    metrics = {
        str(r[0]): r[1]
        for r in context.engine.rows(
            "select metric, value from evaluations where task = ? and model = ? and cutoff is null order by metric",
            [task.name, model],
        )
    }
    card = predictor.save(folder, metrics, versions())
    (folder / "card.md").write_text(told(card), encoding="utf-8")
    row = {"task": task.name, "model": model, "cutoff": at, "path": folder.name, "card": json.dumps(card)}
    row["path"] = folder.relative_to(context.models).as_posix()
    write(context.engine, "models", [row], {"task": task.name, "model": model, "cutoff": at})
    return folder


def saved_models(engine: Engine, task: str | None = None) -> list[Row]:
    """Saved models, newest first: task, model, cutoff, path, made_at, promoted."""
    where = "where task = ?" if task else ""
    found = engine.rows(
        "select task, model, cutoff, path, made_at, (task, model, cutoff) in "
        f"(select (task, model, cutoff) from promotions) as promoted from models {where} "
        "order by task, cutoff desc, made_at desc, model",
        [task] if task else [],
    )
    return [dict(zip(("task", "model", "cutoff", "path", "made_at", "promoted"), r, strict=True)) for r in found]


def newest_model(context: Context, task: Task, at: datetime | None = None, model: str | None = None) -> Row:
    """The row of `models` of the promoted one, else of the newest, that knew nothing at or after `at`.

    Raises:
        FootfallError: there is none; the message says which there are.
    """
    found = [m for m in saved_models(context.engine, task.name) if model is None or m["model"] == model]
    fitting = [m for m in found if at is None or m["cutoff"] <= at]
    if not fitting:
        kind = f" ({model})" if model else ""
        when = f" --at {at:%Y-%m-%d}" if at else ""
        others = ", ".join(f"{m['cutoff']:%Y-%m-%d}" for m in found[:3])
        rest = f"; saved ones know more than that: {others}" if others else ""
        raise FootfallError(
            f"no saved model of {task.name}{kind} was trained on history before {at:%Y-%m-%d}{rest}; "
            f"run: footfall fit {task.name}{when}"
            if at
            else f"no saved model of {task.name}{kind}; run: footfall fit {task.name}"
        )
    chosen = [m for m in found if m["promoted"]]
    if model is None and chosen and chosen[0] not in fitting:
        context.progress(f"{task.name}: the promoted model knows what came after {at:%Y-%m-%d}; an earlier one answers")
    return next((m for m in fitting if m["promoted"] and model is None), fitting[0])


def load_predictor(context: Context, task: Task, at: datetime | None = None, model: str | None = None) -> Predictor:
    """The newest saved predictor that knew nothing at or after `at`. Raises FootfallError as `newest_model`."""
    return Predictor.load(context.models / str(newest_model(context, task, at, model)["path"]), task)


def best_model(engine: Engine, task: Task) -> str:
    """The model that did best in the task's last backtest; `boosted` without one."""
    metric = "log_loss" if task.kind == "chance" else "rmse"
    found = engine.value(
        "select model from evaluations where task = ? and cutoff is null and metric = ? and not isnan(value) "
        "order by value, model = 'baseline' desc, model limit 1",
        [task.name, metric],
    )
    return str(found or "boosted")


def write_file(table: pa.Table, path: Path) -> None:
    """Write an Arrow table as CSV, Parquet or JSON lines, by the ending.

    Raises:
        UsageError: another ending.
        FootfallError: the file cannot be written.
    """
    check_ending(path)
    writers: dict[str, Callable[[], Any]] = {
        ".csv": lambda: csv.write_csv(table, path),
        ".parquet": lambda: parquet.write_table(table, path),
        ".json": lambda: path.write_text(_json_lines(table), encoding="utf-8"),
    }
    with _writing(path):
        writers[path.suffix.lower()]()


def write_text(text: str, path: Path) -> None:
    """Write a text file (UTF-8), its folder made when absent. Raises FootfallError when it cannot be written."""
    with _writing(path):
        path.write_text(text, encoding="utf-8")


def write_bytes(data: bytes, path: Path) -> None:
    """Write a file, its folder made when absent. Raises FootfallError when it cannot be written."""
    with _writing(path):
        path.write_bytes(data)


def check_ending(path: Path) -> None:
    """Raise UsageError when `write_file` knows no format of this ending."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"cannot write '{path}': the ending is one of {', '.join(ENDINGS)}")


def read_toml(path: Path | None) -> dict[str, Any]:
    """The document in a TOML file; empty where there is no file. Raises FootfallError for a file that is no TOML."""
    if path is None or not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FootfallError(f"cannot read '{path}': {error}") from None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        why = error.strerror or str(error).splitlines()[0]
        raise FootfallError(f"cannot write '{path}': {why}") from None


def _json_lines(table: pa.Table) -> str:
    """One object a line; what is no number (NaN, infinity) is null, as JSON has no word for it."""
    rows = (
        {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in r.items()} for r in table.to_pylist()
    )
    return "".join(json.dumps(r, default=str, ensure_ascii=False, allow_nan=False) + "\n" for r in rows)
