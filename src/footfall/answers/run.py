"""All of it, in order, only what is stale."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import blake2b

from footfall.answers import beside, paths, ranking_tests, rankings
from footfall.answers.context import Context
from footfall.answers.keep import write
from footfall.answers.work import (
    Ready,
    backtest_task,
    check_answerable,
    explain_scores,
    fit_task,
    models_for,
    predict_task,
    reading,
    ready,
)
from footfall.errors import FootfallError
from footfall.tabular import blend_of, lighter, make_plan
from footfall.tasks import Task

CHECKS = {"path": paths.check_answerable, "ranking": rankings.check_answerable}
"""Kinds of answer that make no matrix of customers."""
RANKED = 50_000
"""Customers with an order up to which a run makes lists for them: to learn and to list so many takes a minute of one
processor for each kind of list, and twice as much to test; more take longer than all the other answers."""
RANKING_TESTS = 2
"""Test dates of a ranking in a run: each learns all generators anew."""
PATH_TESTS = 4
"""Test dates of a path in a run: each forecasts a whole tree anew."""


@dataclass(frozen=True)
class Ran:
    """What a run did: tasks answered, tasks it could not answer (with the reason), seconds per stage."""

    answered: tuple[str, ...]
    unanswered: dict[str, str]
    seconds: dict[str, float]
    fresh: bool


@dataclass(frozen=True)
class Step:
    """A step of a run before or after its tasks: name and detail of its stage, and what to do."""

    name: str
    detail: str
    do: Callable[[], object]


class _Stages:
    """Measures stages and keeps them in the table `stages`."""

    def __init__(self, context: Context):
        self.context = context
        self.rows: list[dict[str, object]] = []

    @contextmanager
    def stage(self, name: str, detail: str = "") -> Iterator[None]:
        start = time.perf_counter()
        yield
        seconds = round(time.perf_counter() - start, 3)
        self.rows.append({"stage": name, "seconds": seconds, "detail": detail})
        self.context.progress(f"{name}: {seconds:.1f} s")


def run(
    context: Context,
    tasks: Sequence[Task],
    before: Sequence[Step],
    models: Sequence[str] = (),
    after: Sequence[Step] = (),
) -> Ran:
    """Do what comes before (check, resolve), test, fit, score and explain every task the shop can answer, then decide.

    A run over data and tasks that have not changed does nothing.
    """
    for name in models:
        blend_of(name)  # a wrong name is said before the work
    tasks = [t for t in tasks if paths.concerns(t, context)]
    mark = _fingerprint(context, tasks, models)
    done = context.engine.value("select value from settings where name = 'run'")
    if done == mark:
        asked = context.engine.rows("select task, model, caution from questions order by task")
        answered_before = tuple(str(task) for task, model, _ in asked if model is not None)
        return Ran(answered_before, {str(t): str(why) for t, model, why in asked if model is None}, {}, False)
    stages = _Stages(context)
    for step in before:
        with stages.stage(step.name, step.detail):
            step.do()
    customers = int(context.engine.value("select count(*) from known_customers") or 0)
    light = replace(context, settings=lighter(context.settings, customers))
    unanswered: dict[str, str] = {}
    able: list[Task] = []
    for task in tasks:
        try:
            CHECKS.get(task.kind, check_answerable)(task, context)
            if task.kind == "ranking":
                _check_size(task, context)
            able.append(task)
        except FootfallError as error:
            unanswered[task.name] = str(error)
    answered: list[str] = []
    tabular = [t for t in able if t.kind not in CHECKS]
    for keys in dict.fromkeys(t.keys for t in tabular):
        group = [t for t in tabular if t.keys == keys]
        for one in _prepared(reading(light, models), group, stages, unanswered):
            try:
                _answer(light, one, models, stages)
                answered.append(one.task.name)
            except FootfallError as error:
                unanswered[one.task.name] = str(error)
    for task in able:
        if task.kind in CHECKS:
            try:
                (_forecast if task.kind == "path" else _recommend)(light, task, stages)
                answered.append(task.name)
            except FootfallError as error:
                unanswered[task.name] = str(error)
    for step in after:
        # What comes after says itself what it could not do, and takes no answer away.
        with stages.stage(step.name, step.detail), suppress(FootfallError):
            step.do()
    for task in tasks:
        if task.name in unanswered:
            row = {
                "task": task.name,
                "sentence": task.sentence,
                "kind": task.kind,
                "horizon": str(task.span),
                "caution": unanswered[task.name],
            }
            write(context.engine, "questions", [row], {"task": task.name})
    write(context.engine, "stages", stages.rows, {})
    mark = _fingerprint(context, tasks, models)  # as the steps before have left the shop
    context.engine.execute("insert or replace into settings values ('run', ?)", [mark])
    return Ran(tuple(answered), unanswered, {str(r["stage"]): float(str(r["seconds"])) for r in stages.rows}, True)


def _prepared(context: Context, group: list[Task], stages: _Stages, unanswered: dict[str, str]) -> list[Ready]:
    """The group's shared matrix; a task whose history is too short is left out, with the reason."""
    keys = " and ".join(k.removesuffix("_id") for k in group[0].keys)
    fitting = []
    for task in group:
        try:
            _try_plan(context, task)
            fitting.append(task)
        except FootfallError as error:
            unanswered[task.name] = str(error)
    if not fitting:
        return []
    with stages.stage(f"features per {keys}", ", ".join(t.name for t in fitting)):
        return list(ready(context, fitting, tests=context.settings.tests).values())


def _try_plan(context: Context, task: Task) -> None:
    found = context.shape()
    make_plan(task, context.clock(found), context.settings)


def _answer(context: Context, one: Ready, models: Sequence[str], stages: _Stages) -> None:
    name = one.task.name
    models = models_for(one.task, models)
    best = "boosted" if "boosted" in models else models[0]
    if one.plan.test:
        with stages.stage(f"{name}: backtest", f"{len(one.plan.test)} test dates, {', '.join(models)}"):
            best = backtest_task(context, one, models).best
    with stages.stage(f"{name}: fit", best):
        predictor = fit_task(context, one, best)
    with stages.stage(f"{name}: score"):
        scored = predict_task(context, one, predictor)
    with stages.stage(f"{name}: explain"):
        explain_scores(context, one, scored)


def _forecast(context: Context, task: Task, stages: _Stages) -> None:
    """Test where the history has room for it, then fit, forecast and explain a path."""
    try:
        origins = paths.origins_of(context, task, min(context.settings.tests, PATH_TESTS))
    except FootfallError:
        origins = []
    if origins:
        with stages.stage(f"{task.name}: backtest", f"{len(origins)} test dates"):
            paths.backtest(context, task, (), len(origins))
    with stages.stage(f"{task.name}: fit"):
        paths.fit(context, task)
    with stages.stage(f"{task.name}: forecast"):
        paths.predict(context, task)
    with stages.stage(f"{task.name}: explain"):
        paths.explain(context, task)


def _check_size(task: Task, context: Context) -> None:
    """Raise FootfallError where lists for all customers would take a run too long."""
    buyers = int(context.engine.value("select count(distinct customer_id) from orders") or 0)
    if buyers > RANKED:
        raise FootfallError(
            f"{task.name}: a run makes lists for up to {RANKED:,} customers, and {buyers:,} have ordered; "
            f"run: footfall fit {task.name}, then footfall predict {task.name}"
        )


def _recommend(context: Context, task: Task, stages: _Stages) -> None:
    """Test where the history has room for it, then learn and recommend."""
    try:
        origins = paths.origins_of(context, task, min(context.settings.tests, RANKING_TESTS))
    except FootfallError:
        origins = []
    if origins:
        with stages.stage(f"{task.name}: backtest", f"{len(origins)} test dates"):
            ranking_tests.backtest(context, task, (), len(origins))
    with stages.stage(f"{task.name}: fit"):
        rankings.fit(context, task)
    with stages.stage(f"{task.name}: recommend"):
        rankings.predict(context, task)
    if task == beside.ITEMS:
        with stages.stage("bought together"):
            beside.recommend(context, "together", None, beside.Wish())


def _fingerprint(context: Context, tasks: Sequence[Task], models: Sequence[str]) -> str:
    """Changes whenever the data, the tasks, the models or the settings do."""
    loads = context.engine.rows("select max(load_id), sum(rows_loaded) from loads where rows_loaded > 0")
    links = context.engine.rows("select count(*), count(distinct customer_id), max(customer_id) from links")
    text = repr((loads, links, [repr(t) for t in tasks], list(models), context.settings, context.tz))
    return blake2b(text.encode(), digest_size=12).hexdigest()
