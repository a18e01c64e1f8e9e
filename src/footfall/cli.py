"""The command line: one verb per thing a person does, each a method of the same name on `Shop`.

`--shop PATH`, `--json`, `--quiet`, `--memory` and `--threads` may stand anywhere in the line.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from footfall.errors import FootfallError, UsageError
from footfall.report.terminal import ROWS, deciding, drawn
from footfall.shop import DEFAULT_SHOP, Policy, Shop

app = typer.Typer(
    name="footfall",
    help="Raw records of an online business in, answers a merchant acts on out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_EVERYWHERE = {"--shop": 1, "--memory": 1, "--threads": 1, "--json": 0, "--quiet": 0}


@dataclass(frozen=True)
class Options:
    """What holds for every verb."""

    shop: Path
    memory: str | None
    threads: int | None
    json: bool
    quiet: bool


@app.callback()
def options(
    context: typer.Context,
    shop: Annotated[Path, typer.Option(envvar="FOOTFALL_SHOP", help="The shop's file.")] = Path(DEFAULT_SHOP),
    memory: Annotated[str | None, typer.Option(help="Bound of the engine's memory, as in 4GB.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads of the engine.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Answer in JSON, for machines.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Raw records of an online business in, answers a merchant acts on out."""
    context.obj = Options(shop, memory, threads, json_, quiet)


@contextmanager
def _shop(context: typer.Context, new: bool = False) -> Iterator[Shop]:
    """The shop, telling what goes on. A verb that needs data makes no empty file, and none is left behind."""
    given: Options = context.obj
    if not new and not given.shop.exists():
        raise FootfallError(
            f"there is no shop '{given.shop}'; make one with: footfall load FILES --source NAME "
            "(or name another with --shop)"
        )
    given.shop.parent.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True, quiet=given.quiet)
    there = given.shop.exists()
    kept = there
    try:
        with Shop(given.shop, memory=given.memory, threads=given.threads) as shop:
            try:
                if console.is_terminal:
                    with console.status("") as status:
                        shop.progress = status.update
                        yield shop
                else:
                    shop.progress = lambda message: console.print(message, highlight=False, soft_wrap=True)
                    yield shop
            finally:
                kept = there or bool(shop.engine.value("select count(*) from loads"))
    finally:
        if not kept:
            given.shop.unlink(missing_ok=True)


def _say(context: typer.Context, data: Any, text: str | None = None, most: int = ROWS) -> None:
    """Print a result: JSON where asked for, else the text or a table of the rows."""
    if context.obj.json:
        rows = data.to_pylist() if isinstance(data, pa.Table) else data
        typer.echo(json.dumps(_told(rows), default=_plain, ensure_ascii=False, indent=1, allow_nan=False))
    elif text is not None:
        typer.echo(text)
    else:
        _draw(data, most)


def _told(value: Any) -> Any:
    """As it is, but what is no number (NaN, infinity) is null: JSON has no word for it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _told(v) for k, v in value.items()}
    return [_told(v) for v in value] if isinstance(value, list | tuple) else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def _draw(table: pa.Table, most: int) -> None:
    if table.num_rows == 0:
        typer.echo("nothing")
        return
    console = Console() if sys.stdout.isatty() else Console(width=200)
    console.print(drawn(table, most), highlight=False, markup=False)
    if table.num_rows > most:
        typer.echo(f"... and {table.num_rows - most:,} more rows (--json or --out FILE gives all)")


Task = Annotated[str, typer.Argument(help="Name of the task; `footfall tasks` lists them.")]
At = Annotated[
    str | None, typer.Option(help="First instant not known, as in 2026-06-01; default: the end of the data.")
]
Out = Annotated[Path | None, typer.Option(help="Also write the rows to this file: .csv, .parquet or .json.")]


@app.command()
def simulate(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="Folder for the raw files; the truth goes into OUT-truth.")],
    customers: Annotated[int, typer.Option(help="Web customers.")] = 2000,
    days: Annotated[int, typer.Option(help="Days of history.")] = 365,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 7,
) -> None:
    """Write a messy shop as raw files, and its truth, apart."""
    done = Shop.simulate(out, customers, days, seed)
    rows = {"folder": str(done.folder), "truth": str(done.truth), "rows": done.rows, "planted": done.planted}
    counts = ", ".join(f"{n:,} {name}" for name, n in done.rows.items())
    _say(context, rows, f"{done.folder}: {counts}\nthe truth lies apart, in {done.truth}")


@app.command()
def load(
    context: typer.Context,
    files: Annotated[list[str] | None, typer.Argument(help="Files, folders or globs.")] = None,
    source: Annotated[str, typer.Option(help="What kind of files they are; --source list names the kinds.")] = "",
    map: Annotated[Path | None, typer.Option(help="A mapping TOML for your own files.")] = None,
    guess: Annotated[bool, typer.Option("--guess", help="Write a first draft of the mapping, load nothing.")] = False,
    timezone: Annotated[str | None, typer.Option(help="The shop's time zone, as in Europe/London.")] = None,
) -> None:
    """Load raw files into the shop: all of it or none of it, every row accounted for."""
    known = Shop.sources()
    if source == "list":
        _say(context, known, "\n".join(known))
        return
    if not files:
        raise UsageError("name the files to load: footfall load FILES --source NAME")
    if guess:
        text = Shop(":memory:").guess(files[0])
        _say(context, {"mapping": text}, text)
        return
    if not source and map is None:
        raise UsageError(f"say what the files are: --source NAME ({', '.join(known)}) or --map FILE.toml")
    with _shop(context, new=True) as shop, _bar(context) as bar:
        done = shop.load(files, source, map, timezone, bar)
        rows = shop.sql(
            "select role, file, rows_read, rows_loaded, rows_quarantined, rows_duplicate, rows_repaired "
            f"from loads where load_id = {done.load_id} order by role, file"
        )
        new = bool(done.rows_loaded + done.rows_quarantined)
        _say(context, rows, None if new else "nothing new: these files are in the shop already")


@contextmanager
def _bar(context: typer.Context) -> Iterator[Any]:
    """A progress bar over bytes, on a terminal."""
    console = Console(stderr=True, quiet=context.obj.quiet)
    if not console.is_terminal:
        yield None
        return
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True
    ) as shown:
        line = shown.add_task("loading", total=None)
        yield lambda done, total, what: shown.update(line, completed=done, total=total or None, description=what)


@app.command()
def check(context: typer.Context) -> None:
    """What is missing, inconsistent, double, late; what was repaired or set aside."""
    with _shop(context) as shop:
        found = shop.check()
    _say(
        context,
        found
        if context.obj.json
        else found.select(["kind", "table_name", "check_name", "column_name", "rows", "share", "action", "effect"]),
    )


@app.command()
def resolve(
    context: typer.Context,
    reviewed: Annotated[Path | None, typer.Option(help="The table review as CSV, its verdicts filled in.")] = None,
    only_new: Annotated[bool, typer.Option("--only-new", help="Link what came since, leave the rest.")] = False,
    unique: Annotated[
        str | None, typer.Option(help="Sources, with commas, whose accounts are each another person.")
    ] = None,
    age_gap: Annotated[float | None, typer.Option(help="The largest difference of ages within one person.")] = None,
    verified: Annotated[
        str | None, typer.Option(help="email, phone: verified for every record, so that equal is one.")
    ] = None,
    households: Annotated[bool | None, typer.Option(help="Keep members of a household apart.")] = None,
) -> None:
    """Many records to one customer: how many customers there are, from..to. Rules given hold for the next time too."""
    given = (unique, age_gap, verified, households)
    policy = Policy(_words(unique or ""), age_gap, households is not False, _words(verified or ""))
    with _shop(context) as shop:
        done = shop.resolve(None if given == (None,) * 4 else policy, reviewed, only_new)
        counts = shop.sql("select part, customers, lower, upper, meaning from customers_count")
        moves = shop.sql("select chance, customers from customers_by_threshold order by chance")
    if context.obj.json:
        _say(context, {"counts": counts.to_pylist(), "by_threshold": moves.to_pylist(), "notes": list(done.notes)})
        return
    typer.echo(f"{done.sentence}\n")
    _draw(counts, ROWS)
    typer.echo("\nlinking from a chance of at least ... leaves so many customers:")
    _draw(moves, ROWS)
    for note in done.notes:
        typer.echo(f"mind: {note}")


def _words(text: str) -> tuple[str, ...]:
    return tuple(w.strip() for w in text.split(",") if w.strip())


@app.command()
def tasks(context: typer.Context) -> None:
    """The catalogue of questions, each as a sentence."""
    with _shop(context, new=True) as shop:
        rows = [{"task": t.name, "kind": t.kind, "sentence": t.sentence} for t in shop.tasks()]
    _say(context, rows, "\n".join(f"{r['task']:<22}{r['sentence']}" for r in rows))


@app.command()
def show(
    context: typer.Context,
    task: Task,
    at: At = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that runs.")] = False,
    dialect: Annotated[str, typer.Option(help="duckdb or spark.")] = "duckdb",
) -> None:
    """A task in words and, with --sql, the SQL behind it."""
    with _shop(context) as shop:
        asked = shop.task(task)
        text = shop.show(asked, at).sql(dialect) if sql else asked.sentence
    _say(context, {"task": task, "sql" if sql else "sentence": text}, text)


def _models(text: str | None) -> list[str]:
    if text is None:
        return []
    named = list(_words(text))
    if not named:
        raise UsageError("--models names at least one model, as in --models baseline,boosted")
    return named


@app.command()
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
        with _shop(context) as shop:
            _say(context, shop.identity_effect(task, cutoffs))
        return
    with _shop(context) as shop:
        done = shop.backtested(task, _models(models), cutoffs, identity)
        name = "'" + done.task.replace("'", "''") + "'"
        table = shop.sql(
            "select model, metric, value, lower, upper, difference, difference_lower, difference_upper "
            f"from evaluations where task = {name} and cutoff is null order by metric, model"
        )
        if out:
            shop.sql(
                f"select * from evaluations where task = {name} order by cutoff nulls first, metric, model",
                out,
            )
    _say(context, done.table() if context.obj.json else table if all_ else deciding(table), most=table.num_rows)
    if not context.obj.json:
        dates, over = ", ".join(f"{c:%Y-%m-%d}" for c in done.cutoffs), len(done.cutoffs)
        more = "" if all_ else "; --all prints every metric"
        typer.echo(f"\nmeans over {over} test date{'s' if over > 1 else ''}: {dates}{more}")
        for verdict in done.verdicts:
            typer.echo(verdict["sentence"])


@app.command()
def fit(
    context: typer.Context,
    task: Task,
    model: Annotated[str | None, typer.Option(help="Default: the best of the last backtest, else boosted.")] = None,
    at: At = None,
) -> None:
    """Train on history before an instant, calibrate, and save the model with its card."""
    with _shop(context) as shop:
        done = shop.fit(task, model, at)
    trained = done.trained
    row = {
        "task": task,
        "model": done.model,
        "at": trained.at,
        "rows": trained.rows,
        "customers": trained.customers,
        "positives": trained.positives,
        "base_rate": trained.base_rate,
        "calibrated_on": trained.calibrated_on,
        "caution": done.caution,
    }
    text = (
        f"{task}: {done.model} learnt from {trained.rows:,} rows of {trained.customers:,} customers "
        f"before {trained.at:%Y-%m-%d}\ncalibrated on {trained.calibrated_on}"
        + (f"\nmind: {done.caution}" if done.caution else "")
    )
    _say(context, row, text)


@app.command()
def predict(
    context: typer.Context,
    task: Task,
    at: At = None,
    model: Annotated[str | None, typer.Option(help="Default: the newest saved one that knew nothing later.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Rows to print.")] = 10,
    out: Out = None,
) -> None:
    """Answer for everyone the task asks about, highest first."""
    with _shop(context) as shop:
        scores = shop.predict(task, at, model, out)
    key = "chance" if shop.task(task).kind == "chance" else "amount"
    best = scores.sort_by([(key, "descending"), ("customer_id", "ascending")]).slice(0, top)
    keep = [c for c in ("customer_id", "category", key, "lower", "upper") if best.column(c).null_count < len(best)]
    _say(context, best if context.obj.json else best.select(keep))
    if not context.obj.json:
        caution = scores.column("caution")[0].as_py()
        typer.echo(f"\n{scores.num_rows:,} answers are in the table scores" + (f" and in {out}" if out else ""))
        if caution:
            typer.echo(f"mind: {caution}")


@app.command()
def explain(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="Name of a task, or of a customer: who it is, from which records.")],
    customer: Annotated[str | None, typer.Argument(help="One customer; without: the highest answers.")] = None,
    at: At = None,
    top: Annotated[int, typer.Option(min=1, help="How many answers to explain.")] = 20,
    out: Annotated[Path | None, typer.Option(help="Write a customer's story here: .html, or .svg of a link.")] = None,
) -> None:
    """Why an answer is what it is; of a customer alone: who it is, and which records and links say so."""
    with _shop(context) as shop:
        if customer is None and what.startswith("C-"):  # as resolve names customers
            story = shop.who(what, out)
            told = {name: table.to_pylist() for name, table in story.tables().items()}
            _say(context, told, "\n".join(story.text()))
            return
        rows = shop.explain(what, customer, at, top)
    keep = [c for c in ("customer_id", "category", "rank", "reason", "contribution") if c in rows.column_names]
    _say(context, rows if context.obj.json else rows.select(keep))


@app.command()
def models(
    context: typer.Context, task: Annotated[str | None, typer.Argument(help="Of one task only.")] = None
) -> None:
    """The saved models."""
    with _shop(context) as shop:
        _say(context, shop.models(task))


@app.command()
def sql(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="Any SQL over the shop's tables.")],
    out: Out = None,
) -> None:
    """Ask the shop's tables directly."""
    with _shop(context) as shop:
        _say(context, shop.sql(query, out))


@app.command()
def run(
    context: typer.Context,
    models: Annotated[str | None, typer.Option(help="Models that compete, with commas; default: what suits.")] = None,
) -> None:
    """All of it, in order, only what is stale: check, test, fit, score, explain."""
    with _shop(context) as shop:
        done = shop.run(_models(models))
    lines = [f"{name:<40}{seconds:>8.1f} s" for name, seconds in done.seconds.items()]
    lines.append(f"{'in all':<40}{sum(done.seconds.values()):>8.1f} s" if done.fresh else "nothing is stale")
    lines += [f"answered: {', '.join(done.answered) or 'nothing'}"]
    lines += [f"not answered: {why}" for why in done.unanswered.values()]
    _say(context, {"answered": done.answered, "unanswered": done.unanswered, "seconds": done.seconds}, "\n".join(lines))


@app.command()
def report(
    context: typer.Context,
    out: Annotated[Path, typer.Argument(help="The HTML file to write.")],
    title: Annotated[str, typer.Option(help="Title of the page.")] = "",
) -> None:
    """One page a merchant understands; opens offline. Its tables lie beside it as CSV."""
    with _shop(context) as shop:
        path = shop.report(out, title)
    _say(context, {"report": str(path)}, f"the report lies in {path}")


def _everywhere_first(arguments: list[str]) -> list[str]:
    """Options that hold for every verb may stand anywhere: move them before the verb."""
    first, rest, i = [], [], 0
    while i < len(arguments):
        word = arguments[i]
        name = word.split("=", 1)[0]
        if word == "--":
            rest += arguments[i:]
            break
        if name in _EVERYWHERE:
            take = 1 + (_EVERYWHERE[name] if "=" not in word else 0)
            first += arguments[i : i + take]
            i += take
            continue
        rest.append(word)
        i += 1
    return [*first, *rest]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line. Exit codes: 0 done, 1 the data or the question is at fault, 2 wrong usage."""
    given = sys.argv[1:] if arguments is None else arguments
    code = 0
    try:
        result = app(_everywhere_first(list(given)), standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except UsageError as error:
        code = _fail(str(error), 2)
    except FootfallError as error:
        code = _fail(str(error), 1)
    except typer.Exit as error:
        code = error.exit_code
    except typer.TyperException as error:
        code = _fail(error.format_message(), 2)
    except (KeyboardInterrupt, typer.Abort):
        code = _fail("stopped", 130)
    except BrokenPipeError:
        sys.stderr.close()
    except Exception as error:
        if os.environ.get("FOOTFALL_DEBUG"):
            raise
        code = _fail(
            f"{type(error).__name__}: {error} (this is a defect; FOOTFALL_DEBUG=1 shows where)".replace("\n", " "), 1
        )
    sys.exit(code)


def _fail(message: str, code: int) -> int:
    typer.echo(f"footfall: {message}", err=True)
    return code
