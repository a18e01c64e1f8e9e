"""Verbs about questions: tasks, show, backtest, fit, predict, explain, models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from footfall.cli.aside import said
from footfall.cli.features import with_features
from footfall.cli.frame import At, Out, Ruled, Task, app, draw, model_names, opened, say
from footfall.cli.laboratory import COMPARED, TUNED, folds_of, tell_comparison
from footfall.cli.one import ForOne, asked_for_one, one_customer
from footfall.errors import UsageError
from footfall.report.terminal import ROWS, deciding
from footfall.shop import told_fit

_SUMS = """
select level, coalesce(product_id, category, brand, store_id, channel) as member, period_end as until, amount,
  lower_80, upper_80, lower_95, upper_95
from forecast_totals t
where task = '{task}' and (cutoff, model) = (
  select (cutoff, model) from forecast_totals where task = '{task}' order by made_at desc, cutoff desc limit 1
)
qualify steps = max(steps) over (partition by level)
order by level <> 'total', count(*) over (partition by level), amount desc, member
"""
"""What each series comes to over the whole horizon, the total first; of the forecast made last."""


@app.command()
def tasks(context: typer.Context) -> None:
    """The catalogue of questions, each as a sentence."""
    with opened(context, new=True) as shop:
        rows = [{"task": t.name, "kind": t.kind, "sentence": t.sentence} for t in shop.tasks()]
    say(context, rows, "\n".join(f"{r['task']:<22}{r['sentence']}" for r in rows))


@app.command()
def show(
    context: typer.Context,
    task: Task,
    at: At = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that runs.")] = False,
    dialect: Annotated[str, typer.Option(help="duckdb or spark.")] = "duckdb",
) -> None:
    """A task in words and, with --sql, the SQL behind it."""
    with opened(context) as shop:
        asked = shop.task(task)
        text = shop.show(asked, at).sql(dialect) if sql else asked.sentence
    say(context, {"task": task, "sql" if sql else "sentence": text}, text)


@app.command(cls=COMPARED)
def backtest(
    context: typer.Context,
    task: Task,
    models: Annotated[
        str | None, typer.Option(help="Models to test, with commas; default: what suits the task.")
    ] = None,
    cutoffs: Annotated[int, typer.Option(min=1, help="Test dates.")] = 6,
    identity: Annotated[
        str, typer.Option(help="Customers by links of today, known as-of each date, raw ids, or effect: all three.")
    ] = "today",
    all_: Annotated[bool, typer.Option("--all", help="Print every metric, not only those that decide.")] = False,
    out: Out = None,
) -> None:
    """Fit at earlier dates and compare with what then happened, beside the baseline."""
    if identity == "effect":
        with opened(context) as shop:
            say(context, shop.identity_effect(task, cutoffs))
        return
    with opened(context) as shop:
        held = folds_of(context, shop.task(task), models)
        names = with_features(context, shop.task(task), model_names(models))
        done = shop.backtested(task, names, cutoffs, identity, held, said(context, "tune"))
        name = "'" + done.task.replace("'", "''") + "'"
        table = shop.sql(
            "select level, model, metric, value, lower, upper, difference, difference_lower, difference_upper "
            f"from evaluations where task = {name} and cutoff is null order by metric, level nulls first, model"
        )
        if out:
            shop.sql(
                f"select * from evaluations where task = {name} order by cutoff nulls first, metric, model",
                out,
            )
    if table.column("level").null_count == table.num_rows:
        table = table.drop(["level"])
    say(context, done.table() if context.obj.json else table if all_ else deciding(table), most=table.num_rows)
    if not context.obj.json:
        dates, over = ", ".join(f"{c:%Y-%m-%d}" for c in done.cutoffs), len(done.cutoffs)
        more = "" if all_ else "; --all prints every metric"
        typer.echo(f"\nmeans over {over} test date{'s' if over > 1 else ''}: {dates}{more}")
        for verdict in done.verdicts:
            typer.echo(verdict["sentence"])
        tell_comparison(done.comparison)


@app.command(cls=TUNED)
def fit(
    context: typer.Context,
    task: Task,
    model: Annotated[str | None, typer.Option(help="Default: the best of the last backtest, else boosted.")] = None,
    at: At = None,
) -> None:
    """Train on history before an instant, calibrate, and save the model with its card."""
    names = with_features(context, None, [model] if model else [])
    model = names[-1] if names else None
    with opened(context) as shop:
        row, text = told_fit(shop.task(task), shop.fit(task, model, at, said(context, "tune")))
    say(context, row, text)


@app.command(cls=ForOne)
def predict(
    context: typer.Context,
    task: Task,
    at: At = None,
    model: Annotated[str | None, typer.Option(help="Default: the newest saved one that knew nothing later.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Rows to print; of a ranking, places for each customer.")] = 10,
    out: Out = None,
    rules: Ruled = None,
) -> None:
    """Answer for everyone the task asks about, highest first; of a forecast, what the whole horizon comes to."""
    if asked_for_one(context):
        one_customer(context, task, at, model, top)
        return
    with opened(context) as shop:
        scores = shop.predict(task, at, model, out, top, rules)
        if shop.task(task).kind == "ranking":
            shown = ["customer_id", "rank", "product_id", "category", "name", "reason"]
            say(context, scores if context.obj.json else scores.slice(0, 2 * top).select(shown))
            if not context.obj.json:
                typer.echo(
                    f"\n{scores.num_rows:,} places are in the table recommendations" + (f" and in {out}" if out else "")
                )
            return
        if shop.task(task).kind == "path":
            sums = shop.sql(_SUMS.format(task=task.replace("'", "''")))
            say(context, scores if context.obj.json else sums.slice(0, top))
            if not context.obj.json:
                typer.echo(
                    f"\n{scores.num_rows:,} periods are in the table forecasts"
                    + (f" and in {out}" if out else "")
                    + ", their sums with intervals in forecast_totals"
                )
            return
    key = "chance" if shop.task(task).kind == "chance" else "amount"
    best = scores.sort_by([(key, "descending"), ("customer_id", "ascending")]).slice(0, top)
    keep = [c for c in ("customer_id", "category", key, "lower", "upper") if best.column(c).null_count < len(best)]
    say(context, best if context.obj.json else best.select(keep))
    if not context.obj.json:
        caution = scores.column("caution")[0].as_py()
        typer.echo(f"\n{scores.num_rows:,} answers are in the table scores" + (f" and in {out}" if out else ""))
        if caution:
            typer.echo(f"mind: {caution}")


@app.command()
def explain(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="Name of a task, or of a customer: who it is, from which records.")],
    who: Annotated[
        str | None, typer.Argument(help="One customer (of a forecast: product or category); without: the highest.")
    ] = None,
    at: At = None,
    top: Annotated[int, typer.Option(min=1, help="How many answers to explain.")] = 20,
    out: Annotated[
        Path | None, typer.Option(help="Draw it here: .html, .svg, .png or .json; a customer's story: .html or .svg.")
    ] = None,
) -> None:
    """Why an answer is what it is; of a customer alone: who it is, and which records and links say so."""
    with opened(context) as shop:
        if who is None and what.startswith("C-"):  # as resolve names customers
            story = shop.who(what, out)
            told = {name: table.to_pylist() for name, table in story.tables().items()}
            say(context, told, "\n".join(story.text()))
            return
        rows = shop.explain(what, who, at, top)
        if out is not None:
            shop.draw(what, who, at, out)
    known = (
        "customer_id",
        "level",
        "member",
        "store_id",
        "channel",
        "category",
        "rank",
        "product_id",
        "name",
        "reason",
        "contribution",
        "part",
        "amount",
        "words",
    )
    keep = [c for c in known if c in rows.column_names]
    say(context, rows if context.obj.json else rows.select(keep))


@app.command()
def insights(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="An insight, or a group: bayes, explore, satisfaction, what, who, why; default: all but explore."
        ),
    ] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statement that counts, to copy.")] = False,
    out: Annotated[Path | None, typer.Option(help="Of explore: write the look at the data as this page.")] = None,
) -> None:
    """Who, what and why, in SQL: each answered in two sentences, with its rows in a table of its own."""
    if out is not None and name != "explore":
        raise UsageError("--out writes the page of explore: footfall insights explore --out FILE.html")
    with opened(context) as shop:
        told = shop.insights(name)
        if out is not None:
            shop.explore(out)
    if sql:
        say(context, {a.insight.name: a.sql for a in told}, "\n\n".join(f"-- {a.insight.name}\n{a.sql}" for a in told))
        return
    if context.obj.json:
        say(context, {a.insight.name: a.rows for a in told})
        return
    for answer in told:
        typer.echo(f"{answer.insight.question}\n  {answer.words}")
        if len(told) == 1:
            draw(answer.table, ROWS)
    typer.echo(
        f"\nthe rows are in the tables {', '.join(a.insight.table.name for a in told)}"
        + (f"; the page lies in {out}" if out else "")
    )
