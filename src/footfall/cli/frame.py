"""What every verb of the command line shares: its options, the open shop, how results are said, and how it ends.

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
from footfall.report.terminal import ROWS, drawn
from footfall.shop import DEFAULT_SHOP, Shop

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
def opened(context: typer.Context, new: bool = False) -> Iterator[Shop]:
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


def say(context: typer.Context, data: Any, text: str | None = None, most: int = ROWS) -> None:
    """Print a result: JSON where asked for, else the text or a table of the rows."""
    if context.obj.json:
        rows = data.to_pylist() if isinstance(data, pa.Table) else data
        typer.echo(json.dumps(_told(rows), default=_plain, ensure_ascii=False, indent=1, allow_nan=False))
    elif text is not None:
        typer.echo(text)
    else:
        draw(data, most)


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


def draw(table: pa.Table, most: int) -> None:
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
Ruled = Annotated[
    str | None,
    typer.Option("--rules", help="Of lists: rules as in 'new = true', or a TOML or JSON file; default: shop.toml's."),
]
Out = Annotated[Path | None, typer.Option(help="Also write the rows to this file: .csv, .parquet or .json.")]
Tune = Annotated[
    str | None,
    typer.Option(help="Seek better settings first, before each test anew: so long (90s, 5m) or so many trials (40)."),
]


def words(text: str) -> tuple[str, ...]:
    return tuple(w.strip() for w in text.split(",") if w.strip())


def model_names(text: str | None) -> list[str]:
    if text is None:
        return []
    named = list(words(text))
    if not named:
        raise UsageError("--models names at least one model, as in --models baseline,boosted")
    return named


@contextmanager
def bar(context: typer.Context) -> Iterator[Any]:
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
