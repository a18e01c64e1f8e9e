"""A chain of named steps that becomes one WITH statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import sqlglot
from sqlglot import exp

from footfall.engine.dialect import Dialect, dialect


@dataclass(frozen=True)
class Step:
    """One named select."""

    name: str
    sql: str


@dataclass(frozen=True)
class Query:
    """Named steps in order; the last one is the answer."""

    steps: tuple[Step, ...] = ()

    def then(self, name: str, sql: str) -> Query:
        """This query with one more step. A name may stand once."""
        if any(s.name == name for s in self.steps):
            raise ValueError(f"the query has a step '{name}' already")
        return Query((*self.steps, Step(name, sql.strip())))

    def sql(self, to: str = "duckdb") -> str:
        """The statement, as written for DuckDB, translated for every other dialect."""
        if not self.steps:
            raise ValueError("a query without steps")
        bodies = ",\n\n".join(f"{s.name} as (\n{_indent(s.sql)}\n)" for s in self.steps)
        text = f"with {bodies}\n\nselect * from {self.steps[-1].name}"
        return text if to == "duckdb" else _translate(text, dialect(to))


def _indent(sql: str) -> str:
    return "\n".join("  " + line if line else "" for line in sql.splitlines())


def _translate(text: str, target: Dialect) -> str:
    def rewrite(node: exp.Expr) -> exp.Expr:
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        function = target.functions.get(name)
        if function is None:
            return node
        given = dict(zip(function.parameters, (e.transform(rewrite) for e in node.expressions), strict=True))
        body = sqlglot.parse_one(function.body, read=target.name)

        def fill(part: exp.Expr) -> exp.Expr:
            return given[part.name].copy() if isinstance(part, exp.Column) and part.name in given else part

        return exp.paren(body.transform(fill))

    tree = sqlglot.parse_one(text, read="duckdb").transform(rewrite)
    return tree.sql(dialect=target.name, pretty=True)


def literal(value: Any) -> str:
    """A Python value as a SQL literal. Raises TypeError for a type that has none."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise TypeError("no SQL literal for an instant with an offset; instants are naive UTC")
        return f"timestamp '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    raise TypeError(f"no SQL literal for {type(value).__name__}")


def values_sql(columns: Sequence[str], rows: Sequence[Sequence[Any]], name: str = "given") -> str:
    """`select * from (values ...) as name(columns)`; a small table written into the statement."""
    lines = ",\n  ".join("(" + ", ".join(literal(v) for v in row) + ")" for row in rows)
    return f"select * from (values\n  {lines}\n) as {name}({', '.join(columns)})"
