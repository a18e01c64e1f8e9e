"""Verbs about data: simulate, load, check, resolve, sql."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from footfall.cli.frame import Out, app, bar, draw, opened, say, words
from footfall.errors import UsageError
from footfall.report.terminal import ROWS
from footfall.shop import Policy, Shop


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
    say(context, rows, f"{done.folder}: {counts}\nthe truth lies apart, in {done.truth}")


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
        say(context, known, "\n".join(known))
        return
    if not files:
        raise UsageError("name the files to load: footfall load FILES --source NAME")
    if guess:
        text = Shop(":memory:").guess(files[0])
        say(context, {"mapping": text}, text)
        return
    if not source and map is None:
        raise UsageError(f"say what the files are: --source NAME ({', '.join(known)}) or --map FILE.toml")
    with opened(context, new=True) as shop, bar(context) as shown:
        done = shop.load(files, source, map, timezone, shown)
        rows = shop.sql(
            "select role, file, rows_read, rows_loaded, rows_quarantined, rows_duplicate, rows_repaired "
            f"from loads where load_id = {done.load_id} order by role, file"
        )
        new = bool(done.rows_loaded + done.rows_quarantined)
        say(context, rows, None if new else "nothing new: these files are in the shop already")


@app.command()
def check(context: typer.Context) -> None:
    """What is missing, inconsistent, double, late; what was repaired or set aside."""
    with opened(context) as shop:
        found = shop.check()
    say(
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
    policy = Policy(words(unique or ""), age_gap, households is not False, words(verified or ""))
    with opened(context) as shop:
        done = shop.resolve(None if given == (None,) * 4 else policy, reviewed, only_new)
        counts = shop.sql("select part, customers, lower, upper, meaning from customers_count")
        moves = shop.sql("select chance, customers from customers_by_threshold order by chance")
    if context.obj.json:
        say(context, {"counts": counts.to_pylist(), "by_threshold": moves.to_pylist(), "notes": list(done.notes)})
        return
    typer.echo(f"{done.sentence}\n")
    draw(counts, ROWS)
    typer.echo("\nlinking from a chance of at least ... leaves so many customers:")
    draw(moves, ROWS)
    for note in done.notes:
        typer.echo(f"mind: {note}")


@app.command()
def sql(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="Any SQL over the shop's tables.")],
    out: Out = None,
) -> None:
    """Ask the shop's tables directly."""
    with opened(context) as shop:
        say(context, shop.sql(query, out))
