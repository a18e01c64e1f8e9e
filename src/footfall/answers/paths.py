"""Tasks that ask for a path, carried out: test, fit, forecast, explain, and write the result tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from footfall.answers.context import Context
from footfall.answers.keep import Row, model_folder, newest_model, versions, write
from footfall.answers.path_rows import (
    largest,
    level_anomalies,
    level_history,
    level_parts_table,
    level_quantiles,
    level_steps,
    level_sums,
    result_table,
)
from footfall.engine import Query
from footfall.errors import FootfallError
from footfall.evaluate import Backtest, verdict
from footfall.explain import level_parts
from footfall.forecast import (
    AUTOMATIC,
    BASELINE,
    FittedTree,
    TestedLevel,
    TreeForecast,
    Work,
    backtest_tree,
    fit_tree,
    is_ready,
    measure,
    ready_cutoff,
    ready_span,
    resolved,
    series_query,
    whole_periods,
)
from footfall.models.panel import find_path_model
from footfall.spans import month_start, shift
from footfall.tasks import Task
from footfall.windows import shape

KEYS = ("product_id", "category", "brand", "store_id", "channel")
DECIDING = "wape"
"""The measure the verdict on a forecast is spoken on."""
EXPLAINED = 1_000
"""Series of a level that are explained, the largest first."""


def check_answerable(task: Task, context: Context) -> None:
    """Raise FootfallError when this shop cannot answer the path task."""
    table = task.target.fact.table
    ready = is_ready(task) and _has_series(context)
    found = shape(context.engine, context.tz) if ready else context.shape()
    if is_ready(task) and not ready:
        raise FootfallError(f"{task.name} asks about ready-made series, and the shop has none")
    task = resolved(context.engine, task)
    if not set(task.keys) <= set(KEYS):
        entity = " and ".join([task.entity] if isinstance(task.entity, str) else task.entity)
        raise FootfallError(
            f"{task.name} asks for a path per {entity}; "
            "paths are forecast per product, category, brand, store or channel, or in total (entity 'all')"
        )
    for needed in sorted({table, *(p.aggregate.fact.table for p in task.population)}):
        if not found.has(needed):
            raise FootfallError(f"{task.name} asks about {needed}, and the shop has none")
    for key in task.keys:
        if not found.has(table, key):
            raise FootfallError(f"{task.name} asks per {key.removesuffix('_id')}, and the shop's {table} name none")


def concerns(task: Task, context: Context) -> bool:
    """False for a task on ready-made series in a shop of other facts: nothing is lacking there."""
    if not is_ready(task) or _has_series(context):
        return True
    try:
        context.shape()
    except FootfallError:  # nothing at all was loaded: that is said of every question
        return True
    return False


def _has_series(context: Context) -> bool:
    return bool(context.engine.value("select count(*) from (select 1 from series limit 1)"))


def cutoff_of(context: Context, task: Task, at: datetime | None = None) -> datetime:
    """The instant to answer for: `at`, else the end of the data; of calendar months, the first of the last one."""
    if is_ready(task):
        return ready_cutoff(context.engine, task, at, context.tz)
    if at is not None:
        return at
    end = context.clock(context.shape()).end
    return month_start(end, context.tz) if _monthly(task) else end


def origins_of(context: Context, task: Task, tests: int) -> list[datetime]:
    """Up to `tests` instants, a horizon apart and in order, whose whole horizon is over.

    Each has at least two horizons of history before it. Raises FootfallError where not one has.
    """
    if is_ready(task):
        begun, end = ready_span(context.engine, task, context.tz)
    else:
        clock = context.clock(context.shape())
        begun, end = clock.first, clock.end
    last = month_start(end, context.tz) if _monthly(task) else end
    found: list[datetime] = []
    for k in range(1, tests + 1):
        at = shift(last, task.span, -k, context.tz)
        if shift(at, task.span, -2, context.tz) < begun:
            break
        found.append(at)
    if not found:
        raise FootfallError(
            f"{task.name}: the history is too short to test on; a test wants twice {task.span.words} to learn from "
            f"and {task.span.words} after that to compare with"
        )
    return found[::-1]


def show(context: Context, task: Task, at: datetime | None = None) -> Query:
    """The SQL that makes the series of a path task as known at `at`."""
    check_answerable(task, context)
    task = resolved(context.engine, task)
    cutoff = cutoff_of(context, task, at)
    grid, _ = whole_periods(context.engine, task, cutoff, context.tz)
    return series_query(task, (*grid, cutoff), context.tz)


def backtest(context: Context, task: Task, models: Sequence[str], tests: int, draws: int = 500) -> Backtest:
    """Forecast at earlier instants and compare with what came; writes `evaluations` and `verdicts`.

    Every level of the tree is measured: the task's own one has no word in the column `level`.

    Raises:
        FootfallError: the history is too short for one test, or the shop cannot answer the task.
    """
    check_answerable(task, context)
    task = resolved(context.engine, task)
    origins = origins_of(context, task, tests)
    context.progress(f"{task.name}: forecasting at {len(origins)} test dates")
    tested = backtest_tree(context.engine, task, origins, context.tz, _work(context, models))
    rows = [row for level in tested for row in _measured(task, level, tested[-1], draws, context.settings.seed)]
    verdicts = [_verdict(task, row, len(origins)) for row in rows if _decides(row)]
    write(context.engine, "evaluations", rows, {"task": task.name})
    write(context.engine, "verdicts", verdicts, {"task": task.name})
    return Backtest(task.name, tuple(origins), rows, [], verdicts, AUTOMATIC, None)


def fit(context: Context, task: Task, model: str | None = None, at: datetime | None = None) -> FittedTree:
    """Rehearse, choose and fit on history before `at`, save the models with their card, and write `questions`."""
    check_answerable(task, context)
    task = resolved(context.engine, task)
    cutoff = cutoff_of(context, task, at)
    name = model or AUTOMATIC
    context.progress(f"{task.name}: fitting {name}")
    models = () if name == AUTOMATIC else (name,)
    fitted = fit_tree(context.engine, task, cutoff, context.tz, _work(context, models))
    folder = model_folder(context, task, name, cutoff)
    fitted.save(folder)
    metrics = context.engine.rows(
        "select metric, value from evaluations where task = ? and model = ? and cutoff is null and level is null "
        "order by metric",
        [task.name, name],
    )
    card = {
        "task": task.name, "sentence": task.sentence, "model": name, "at": str(cutoff), "method": fitted.method,
        "losses": fitted.losses, "wapes": fitted.wapes, "notes": list(fitted.notes), "metrics": dict(metrics),
        "versions": versions(),
    }  # fmt: skip
    (folder / "card.json").write_text(json.dumps(card, indent=1), encoding="utf-8")
    path = folder.relative_to(context.models).as_posix()
    listed = {"task": task.name, "model": name, "cutoff": cutoff, "path": path, "card": json.dumps(card)}
    write(context.engine, "models", [listed], {"task": task.name, "model": name, "cutoff": cutoff})
    row = {
        "task": task.name, "sentence": task.sentence, "kind": task.kind, "horizon": str(task.span), "cutoff": cutoff,
        "model": name, "caution": "; ".join(fitted.notes),
    }  # fmt: skip
    write(context.engine, "questions", [row], {"task": task.name})
    return fitted


def predict(
    context: Context, task: Task, at: datetime | None = None, model: str | None = None
) -> tuple[pa.Table, FittedTree, TreeForecast]:
    """Forecast at `at` with the newest saved models that knew nothing later: the rows of `forecasts`, and the whole.

    Writes `forecasts`, `forecast_totals`, `forecast_quantiles`, `forecast_history` and `anomalies`.
    """
    check_answerable(task, context)
    task = resolved(context.engine, task)
    cutoff = cutoff_of(context, task, at)
    saved = newest_model(context, task, cutoff, model)
    name = str(saved["model"])
    fitted = FittedTree.load(context.models / str(saved["path"]), task)
    try:
        tree = fitted.predict(context.engine, cutoff, context.tz)
    except FootfallError as error:
        if "fit it again" not in str(error):
            raise
        raise FootfallError(
            f"{task.name}: the shop's series are grouped otherwise at {cutoff:%Y-%m-%d} (categories, stores) than when "
            f"its models were fitted; run: footfall fit {task.name}"
        ) from None
    for note in tree.changed:
        context.progress(f"{task.name}: {note}")
    past = {"task": task.name, "cutoff": cutoff}
    head = {**past, "model": name}
    tables = {
        "forecasts": [level_steps(level) for level in tree.levels],
        "forecast_totals": [level_sums(level) for level in tree.levels],
        "forecast_quantiles": [level_quantiles(tree.own)],
        "forecast_history": [level_history(level) for level in tree.levels],
        "anomalies": [level_anomalies(level) for level in tree.levels],
    }
    for table, parts in tables.items():
        mark = past if table in ("forecast_history", "anomalies") else head
        write(context.engine, table, result_table(table, mark, parts), mark)
    asked = [int((~tree.own.level.rest).sum()), tree.own.level.history.shape[1], task.name, cutoff]
    context.engine.execute("update questions set population = ?, rows = ? where task = ? and cutoff = ?", asked)
    return result_table("forecasts", head, tables["forecasts"]), fitted, tree


def explain(context: Context, task: Task, who: str | None = None, at: datetime | None = None) -> pa.Table:
    """What each forecast is made of, and how it differs from the last periods and last year; writes `forecast_parts`.

    Returns a row per series, the largest first: keys, amount over the horizon, words; with `who`, only the series whose
    key that is. At most so many series of a level are explained as `EXPLAINED` says.

    Raises:
        FootfallError: no saved model, or no series called `who`.
    """
    task = resolved(context.engine, task)
    _, fitted, tree = predict(context, task, at)
    if who is not None and all(who not in member for member in tree.own.level.members):
        raise FootfallError(f"{task.name} forecasts no {tree.own.level.name} '{who}' at {tree.cutoff:%Y-%m-%d}")
    tables, told = [], []
    for level, its in zip(tree.levels, fitted.levels, strict=True):
        rows = largest(level, EXPLAINED)
        parts = level_parts(level, its)
        tables.append(level_parts_table(level, parts, rows))
        for row in rows.tolist():
            if who is None or who in level.level.members[row]:
                keys = dict(zip(level.level.keys, level.level.members[row], strict=True))
                amount = float(level.totals.point[row, -1])
                told.append({"level": level.level.name, **keys, "amount": amount, "words": parts.words(row)})
    head = {"task": task.name, "cutoff": tree.cutoff, "model": _model_of(context, task, tree.cutoff)}
    write(context.engine, "forecast_parts", result_table("forecast_parts", head, tables), head)
    names = ["level", *tree.own.level.keys, *{k for r in told for k in r}]
    return pa.Table.from_pylist([{n: r.get(n) for n in dict.fromkeys([*names, "amount", "words"])} for r in told])


def _model_of(context: Context, task: Task, cutoff: datetime) -> str:
    return str(newest_model(context, task, cutoff)["model"])


def _monthly(task: Task) -> bool:
    return task.target.step is not None and task.target.step.unit == "mo"


def _work(context: Context, models: Sequence[str]) -> Work:
    for name in models:
        find_path_model(name)  # a wrong name is said before the work
    return Work(models=tuple(models) or None, seed=context.settings.seed)


def _measured(task: Task, level: TestedLevel, own: TestedLevel, draws: int, seed: int) -> Iterator[Row]:
    """Rows of `evaluations` for one level: over all origins with intervals, then at each."""
    word = None if level is own else level.name
    each = [(at, [one], 1) for at, one in zip(level.cutoffs, level.origins, strict=True)]
    for at, part, shown in [(None, list(level.origins), draws), *each]:
        cells = int(sum(np.isfinite(o.actual).sum() for o in part))
        for model, found in measure(part, BASELINE, shown, seed).items():
            for metric, m in found.items():
                difference = m.difference or (None, None, None)
                yield {
                    "task": task.name, "cutoff": at, "model": model, "level": word, "metric": metric, "value": m.value,
                    "lower": m.lower if at is None else None, "upper": m.upper if at is None else None,
                    "difference": difference[0],
                    "difference_lower": difference[1] if at is None else None,
                    "difference_upper": difference[2] if at is None else None, "rows": cells,
                }  # fmt: skip


def _decides(row: Row) -> bool:
    return bool(
        row["cutoff"] is None and row["level"] is None and row["metric"] == DECIDING and row["model"] != BASELINE
    )


def _verdict(task: Task, row: Row, tests: int) -> Row:
    told = verdict(row["difference_lower"], row["difference_upper"], False)
    sentence = (
        f"Is {row['model']} better than the same time a season ago at {task.name}? {told.capitalize()}: its error as a "
        f"share of the total (WAPE, lower is better) differs by {row['difference']:+.4g} "
        f"(95%: {row['difference_lower']:+.4g} to {row['difference_upper']:+.4g}) "
        f"over {tests} test {'date' if tests == 1 else 'dates'}."
    )
    return {"task": task.name, "model": row["model"], "metric": DECIDING, "verdict": told, "sentence": sentence}
