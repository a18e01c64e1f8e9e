"""The reference pages, written from the code: `python -m footfall.reference` (or `make docs`) in a clone.

Each `*_page` function returns the whole text of one page; `tests/test_docs.py` fails when a page in `docs/reference`
is another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from footfall.cli import app
from footfall.errors import UsageError
from footfall.sources import Role, find_source, source_names
from footfall.tables import RESULTS, TABLES, Table
from footfall.tabular.engineered import KINDS, Made, candidates, label
from footfall.tasks import CATALOGUE, Task
from footfall.windows import (
    FUNCTIONS,
    READ,
    Aggregate,
    Fact,
    Feature,
    Past,
    Ratio,
    Shape,
    Upcoming,
    engineered,
    features,
)

FOLDER = Path("docs") / "reference"
FULL = Shape(
    rows=dict.fromkeys(TABLES, 1),
    columns={name: frozenset(c.name for c in table.columns) for name, table in TABLES.items()},
    event_types=("view", "add_to_cart"),
    returns=True,
    first=datetime(2018, 1, 1),
    last=datetime(2020, 1, 1),
)
"""A shop that has everything, for the catalogue of features."""
PLAIN = replace(FULL, columns={**FULL.columns, "events": frozenset({"category"})})
"""As `FULL`, but with clicks that name no visit and no product: some features stand in for others then."""
KEYS: dict[tuple[str, ...], str] = {
    ("customer_id",): "Of a customer",
    ("customer_id", "category"): "Of a customer and a category",
}
_FILTERED = {"=": "", "in": ""}
_NOTE = "<!-- Written from the code by `make docs`; edit the code. -->"


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ").strip()


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join([*lines, *("| " + " | ".join(_cell(c) for c in row) + " |" for row in rows)])


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _NOTE, *(p.strip("\n") for p in parts if p)]) + "\n"


def _code(name: str) -> str:
    return f"`{name}`"


# --- in Python --------------------------------------------------------------------------------------------------


def _said(value: Any) -> str:
    """A value as one writes it, texts in double quotes."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_said, value))}{',' if len(value) == 1 else ''})"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def fact_python(fact: Fact) -> str:
    """A fact as one writes it: `events.where(type="view")`."""
    text = fact.table + (f".by({', '.join(map(_said, fact.per))})" if fact.per is not None else "")
    for c in fact.conditions:
        text += f".where({_condition(c)})"
    return text


def _condition(condition: Any) -> str:
    if condition.operator in _FILTERED:
        return f"{condition.column}={_said(condition.value)}"
    return ", ".join(map(_said, (condition.column, condition.operator, condition.value)))


def aggregate_python(aggregate: Aggregate) -> str:
    """An aggregate as one writes it: `orders.sum("amount")`."""
    given = [_said(aggregate.column)] if aggregate.column else [_condition(c) for c in aggregate.conditions]
    text = f"{fact_python(aggregate.fact)}.{aggregate.function}({', '.join(given)})"
    if aggregate.step:
        text += f".every({_said(str(aggregate.step))})"
    return text


def window_python(window: Past | Ratio | Upcoming) -> str:
    """A window of the past as one writes it: `orders.count().past("30d")`."""
    if isinstance(window, Upcoming):
        return f"days with a {window.column} in the {window.span.words} from the cutoff, as known at the cutoff"
    if isinstance(window, Ratio):
        top, bottom = window.top, window.bottom
        if top.aggregate == bottom.aggregate:
            return f"{aggregate_python(top.aggregate)}.trend({_said(str(top.span))}, {_said(str(bottom.span))})"
        return f"{window_python(top)} / {window_python(bottom)}"
    text = aggregate_python(window.aggregate) + f".past({_said(str(window.span)) if window.span else ''})"
    return text + (f".at_least({window.minimum})" if window.minimum is not None else "")


def task_python(task: Task) -> str:
    """A task as one writes it."""
    entity = task.entity if isinstance(task.entity, str) else task.entity[0] if len(task.entity) == 1 else task.entity
    parts = [_said(task.name), _said(entity), aggregate_python(task.target), _said(str(task.span))]
    among = [window_python(p) for p in task.population]
    if among:
        parts.append("among=" + (among[0] if len(among) == 1 else f"({', '.join(among)})"))
    line = f"Task({', '.join(parts)})"
    return line if len(line) <= 110 else "Task(\n" + "".join(f"    {p},\n" for p in parts) + ")"


# --- the pages --------------------------------------------------------------------------------------------------


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if callable(value) or value is None or value == "" or value is False:
        return ""
    return _code(str(value))


def _parameters(command: Any) -> str:
    given = [p for p in command.params if p.name != "help"]
    arguments = [p for p in given if p.param_type_name == "argument"]
    options = [p for p in given if p.param_type_name == "option"]
    parts = []
    if arguments:
        rows = [
            (_code(p.name.upper() + ("..." if p.nargs == -1 else "")), p.help or "", _default(p)) for p in arguments
        ]
        parts.append(_table(["argument", "what it is", "default"], rows))
    if options:
        rows = [
            (
                _code(", ".join(p.opts) + ("" if p.is_flag else f" {p.name.strip('_').upper()}")),
                p.help or "",
                _default(p),
            )
            for p in options
        ]
        parts.append(_table(["option", "what it does", "default"], rows))
    return "\n\n".join(parts)


def _usage(name: str, command: Any) -> str:
    words = ["footfall", name]
    for p in command.params:
        if p.param_type_name == "argument":
            word = p.name.upper() + ("..." if p.nargs == -1 else "")
            words.append(word if p.required else f"[{word}]")
    if any(p.param_type_name == "option" and p.name != "help" for p in command.params):
        words.append("[OPTIONS]")
    return "```text\n" + " ".join(words) + "\n```"


def commands() -> dict[str, Any]:
    """Every verb of the command line, in the order of the journey."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def cli_page() -> str:
    group: Any = typer.main.get_command(app)
    parts = [
        "One verb per thing a person does; each is a method of the same name on `footfall.Shop`.",
        _table(
            ["verb", "what it does"],
            ((f"[`{n}`](#{n})", (c.help or "").split("\n")[0]) for n, c in commands().items()),
        ),
        "## For every verb",
        "These may stand anywhere in the line. `FOOTFALL_SHOP` in the environment stands for `--shop`; "
        "`FOOTFALL_DEBUG=1` shows where a defect arose.",
        _parameters(group),
        "Exit codes: 0 done; 1 the data or the question is at fault, in one line on stderr; 2 wrong usage; "
        "130 stopped with Ctrl-C.",
    ]
    for name, command in commands().items():
        parts += [f"## {name}", command.help or "", _usage(name, command), _parameters(command)]
    return _page("The command line", *parts)


def tasks_page() -> str:
    rows = ((f"[`{t.name}`](#{t.name})", t.kind, t.sentence) for t in CATALOGUE.values())
    parts = [
        "The questions every shop can be asked, where it has the tables for them. "
        "[Write a task](../how-to/write-a-task.md) adds your own; the [questions](../index.md#questions) say what to "
        "do with the answers.",
        _table(["task", "answer", "sentence"], rows),
    ]
    for task in CATALOGUE.values():
        parts += [
            f"## {task.name}",
            task.sentence,
            f"```python\n{task_python(task)}\n```",
            _answer_of(task),
        ]
    return _page("Tasks", *parts)


def _answer_of(task: Task) -> str:
    keys = " and ".join(_code(k) for k in task.keys)
    if task.kind == "path":
        return (
            f"One path {f'per {keys}' if keys else 'for the whole shop'}: an `amount` for each period, with the ends "
            "of its 80% and 95% intervals, in the table `forecasts`; the sums of the first periods stand in "
            "`forecast_totals`, and the levels above, up to the total, beside them."
        )
    if task.kind == "ranking":
        return (
            f"One list per {keys}: a {_code('rank')}, a {_code('score')} and a {_code('reason')} for each place, in "
            "the table `recommendations`."
        )
    kind = "a `chance`" if task.kind == "chance" else "an `amount`"
    return f"One answer per {keys}: {kind}, with the ends of its 95% interval, in the table `scores`."


def _feature_row(feature: Feature) -> tuple[str, ...]:
    words = feature.words
    phrase = words.phrase.replace("{value}", "…")
    python = window_python(feature.window)
    return (
        _code(feature.name),
        words.label,
        phrase,
        words.missing,
        python if isinstance(feature.window, Upcoming) else _code(python),
    )


def every_feature(keys: tuple[str, ...]) -> list[Feature]:
    """The features of these keys that some shop can have."""
    return list({f.name: f for shape in (FULL, PLAIN) for f in features(shape, keys)}.values())


def features_page() -> str:
    parts = [
        "A feature is a window of the past. The catalogue adapts to what a shop has: no clickstream, no click "
        "features; no returns, no features of returns; and a span more than twice as long as the history is left "
        "out. Below are all there are. Where `view` and `add_to_cart` stand, each kind of event "
        "that makes up at least 1% of a shop's events stands (the ten most frequent).",
        "History is what had happened **and** was known before the cutoff. "
        "[Windows](../explanation/windows.md) has the idea, `footfall show TASK --sql` the SQL.",
        "## Functions",
        _table(["function", "value"], ((_code(n), m) for n, m in FUNCTIONS.items())),
        "`.past(span)` looks at the span before the cutoff, `.past()` at all of history. `.trend(short, long)` is the "
        "pace over the short span as a multiple of the pace over the long one; it is missing where the long one "
        "holds nothing. One window over another (`/`) is missing where the lower one is missing or 0.",
    ]
    for keys, title in KEYS.items():
        rows = [_feature_row(f) for f in every_feature(keys)]
        parts += [
            f"## {title}",
            f"{len(rows)} features, beside the key {' and '.join(map(_code, keys))}.",
            _table(["feature", "label", "said as", "said where there is none", "meaning"], rows),
        ]
    return _page("Features", *parts, *_engineered())


def _engineered() -> list[str]:
    """Engineered features, as far as there are any for a shop that has everything."""
    head = ["feature", "label", "said as", "said where there is none", "meaning"]
    of = [*every_feature(("customer_id",)), *engineered(FULL)]
    labels = {f.name: f.words.label for f in of}
    made = [
        (_code(Made(kind, names).name), label(kind, [labels[n] for n in names]), " and ".join(map(_code, names)))
        for kind, names in candidates(of)
    ]
    return [
        "## Engineered",
        "Read only by models whose name says so (`engineered:logistic`; "
        "[engineer features](../how-to/engineer-features.md)). Windows first, prepared like those above. `length`, "
        "`sentiment` and `topic` are read out of a review's text: "
        + "; ".join(f"`{column}` is {meaning}" for column, meaning in READ["reviews"].items())
        + ".",
        _table(head, [_feature_row(f) for f in engineered(FULL)]),
        "Then what is made of features, learnt from the rows a model learns from and never from the target. A reason "
        "names the feature it is made of; an interaction counts for both halves alike.",
        _table(["kind", "what it is"], ((_code(k), text) for k, text in KINDS.items())),
        _table(["feature", "label", "made of"], made),
    ]


def _names(role: Role, columns: Iterable[str]) -> str:
    return ", ".join(" or ".join(_code(n) for n in role.names_of(c)) for c in columns)


def sources_page() -> str:
    names = source_names()
    parts = [
        "A source maps one kind of raw files onto the canonical tables: `footfall load FILES --source NAME`. CSV, CSV "
        "in gzip, JSON lines and Parquet are read. Other files: [a mapping](../how-to/load-your-own-files.md), or "
        "[a new source](../how-to/add-a-source.md).",
        _table(["source", "what it is"], ((f"[`{n}`](#{n})", find_source(n).meaning) for n in names)),
    ]
    for name in names:
        source = find_source(name)
        facts = list(dict.fromkeys(f.table for f in source.fills))
        parts += [f"## {name}", source.meaning.strip().rstrip(".") + "."]
        if source.home:
            parts.append(f"Described at <{source.home}>.")
        if source.timezone:
            parts.append(f"Its time stamps are in {source.timezone}.")
        rows = (
            (
                role.name + (" (required)" if role.required else ""),
                ", ".join(map(_code, role.files)),
                _names(role, role.columns) + ("" if role.header else " (no header line; in this order)"),
                _names(role, role.optional),
            )
            for role in source.roles
        )
        parts.append(_table(["kind of file", "named like", "columns it must have", "columns it may have"], rows))
        parts.append("Fills: " + ", ".join(f"[`{t}`](tables.md#{t})" for t in facts) + ".")
        checks = [(r.name, c.name, c.kind, c.action) for r in source.roles for c in r.checks]
        if checks:
            parts.append(_table(["kind of file", "check", "kind of trouble", "what is done"], checks))
    return _page("Sources", *parts)


def _one_table(table: Table, stored: bool) -> list[str]:
    columns = [(c.name, c.type, c.meaning) for c in (table.stored if stored else table.columns)]
    if stored and table.customer:
        columns = [("customer_id", "VARCHAR", "the customer; null for guests"), *columns]
    told = f"{table.meaning[0].upper()}{table.meaning[1:]}."
    if table.key:
        told += f" One row per {' and '.join(map(_code, table.key))}."
    rows = ((_code(n), t, m) for n, t, m in columns)
    return [f"### {table.name}", told, _table(["column", "type", "meaning"], rows)]


def tables_page() -> str:
    parts = [
        'A shop is one DuckDB file. `footfall sql "select ..."` asks any of these tables. Instants are UTC, money is '
        "exact.",
        "## Canonical tables",
        "What the raw files become. They are views that add `customer_id`; the rows as stored lie in `facts.<name>`. "
        "`customers` shows the newest version of each customer, `customer_history` all of them. The names of the "
        "first study, `Transactions`, `Customer_Interactions` and `Customer_Details`, work as views too.",
    ]
    for table in TABLES.values():
        parts += _one_table(table, True)
    parts += ["## Result tables", "What loads, checks and answers write, one table per kind."]
    for table in RESULTS.values():
        parts += _one_table(table, False)
    return _page("Tables", *parts)


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "tasks.md": tasks_page,
    "features.md": features_page,
    "sources.md": sources_page,
    "tables.md": tables_page,
}


def main() -> None:
    """Write the pages into `docs/reference` of the clone one stands in. Raises UsageError elsewhere."""
    if not FOLDER.parent.is_dir():
        raise UsageError(f"there is no folder '{FOLDER.parent}' here; run this in a clone of the repository")
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        typer.echo(f"{FOLDER / name}")


if __name__ == "__main__":
    main()
