"""DuckDB over one file: bounded memory and threads, spilling to a folder beside the file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from footfall.engine.dialect import DIALECTS
from footfall.engine.query import Query, literal
from footfall.engine.relation import Relation
from footfall.errors import FootfallError


class DuckDBEngine:
    """An engine on one DuckDB file (`:memory:` for none).

    Args:
        path: the file; made when absent.
        memory: DuckDB's own bound, as in "4GB" (default: half of the machine's memory, at most 6 GB).
        threads: worker threads (default: the number of cores).

    Raises:
        FootfallError: the file is no DuckDB database, or another process holds it.
    """

    dialect = DIALECTS["duckdb"]

    def __init__(self, path: str | Path = ":memory:", memory: str | None = None, threads: int | None = None):
        self.path = str(path)
        self.memory = memory or f"{min(6, max(1, _memory_gb() // 2))}GB"
        config: dict[str, Any] = {
            "memory_limit": self.memory,
            "threads": threads or os.cpu_count() or 2,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,  # a table's name never means a Python variable
        }
        if self.path != ":memory:":
            config["temp_directory"] = self.path + ".tmp"
        try:
            self._connection = duckdb.connect(self.path, config=config)
        except (duckdb.IOException, duckdb.Error) as error:
            raise FootfallError(f"cannot open '{self.path}' as a shop: {first_line(error)}") from None
        # DuckDB opens a CSV or Parquet file as a database in memory: what would be kept in it would be lost.
        held = self._connection.execute("select path from duckdb_databases() where database_name = current_database()")
        if self.path != ":memory:" and held.fetchall() in ([], [(None,)]):
            self._connection.close()
            raise FootfallError(f"cannot open '{self.path}' as a shop: it is a file of data; load it into a shop")
        for name, function in self.dialect.functions.items():
            arguments = ", ".join(function.parameters)
            self._connection.execute(f"create or replace temp macro {name}({arguments}) as {function.body}")

    def close(self) -> None:
        self._connection.close()

    def release_memory(self) -> None:
        """Give back to the machine what finished queries left with DuckDB's allocator, up to its bound; caches stay."""
        self.execute(f"set memory_limit = {literal(self.memory)}")  # setting it, to the same too, flushes the allocator

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        with _spoken():
            self._connection.execute(sql, list(parameters)).complete()

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The result as an Arrow table."""
        with _spoken():
            result = self._connection.sql(sql, params=list(parameters) or None)
            if result is None:
                raise FootfallError("there is no SQL to run; write a query such as: select * from orders")
            return result.to_arrow_table()

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with _spoken():
            return list(self._connection.execute(sql, list(parameters)).fetchall())

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first column of the first row; None when there is no row."""
        rows = self.rows(sql, parameters)
        return rows[0][0] if rows else None

    def progress(self) -> float:
        """Per cent done of the statement that runs now, below 0 where unknown; may be asked from another thread."""
        return float(self._connection.query_progress())

    def has(self, name: str) -> bool:
        """True when a table or view `name` (or `schema.name`) exists."""
        schema, _, table = name.rpartition(".")
        sql = "select count(*) from information_schema.tables where table_name = ? and (? = '' or table_schema = ?)"
        return bool(self.value(sql, [table, schema, schema]))

    def columns(self, name: str) -> dict[str, str]:
        """Column name -> SQL type, in order. Raises FootfallError when there is no such table."""
        return {str(r[0]): str(r[1]) for r in self.rows(f"describe select * from {name}")}

    def materialise(self, query: Query | str, name: str) -> Relation:
        """Run `query` into the table `name`, replacing it."""
        sql = query if isinstance(query, str) else query.sql("duckdb")
        self.execute(f"create or replace table {name} as {sql}")
        return Relation(name, self.columns(name), self)

    def append(self, name: str, table: pa.Table) -> None:
        """Insert the rows of an Arrow table by column name; columns that it lacks stay empty.

        Raises FootfallError for a column that `name` does not have.
        """
        given = {c.lower(): f'"{c}"' for c in table.column_names}
        columns = list(self.columns(name))
        if strange := sorted(set(given) - {c.lower() for c in columns}):
            raise FootfallError(f"{name} has no column {given[strange[0]]}")
        # As a relation: a table that is registered inside a transaction stays in memory until it ends.
        with _spoken():
            rows = self._connection.from_arrow(table)
            rows.project(", ".join(given.get(c.lower(), f'null as "{c}"') for c in columns)).insert_into(name)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or none of it. Inside another transaction it joins that one."""
        if getattr(self, "_open", False):
            yield
            return
        self.execute("begin")
        self._open = True
        try:
            yield
        except BaseException:
            self.execute("rollback")
            raise
        else:
            self.execute("commit")
        finally:
            self._open = False


@contextmanager
def _spoken() -> Iterator[None]:
    """The engine's errors as ours; a result is read inside it, since some errors come only while reading."""
    try:
        yield
    except duckdb.Error as error:
        raise FootfallError(first_line(error)) from error


def first_line(error: BaseException) -> str:
    """The first line of an engine's message, without its class prefix and with its hint, if it has one."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    hint = next((line.strip() for line in lines[1:] if line.startswith("Did you mean")), "")
    return f"{re.sub(r'^[A-Z][A-Za-z ]* Error: ', '', lines[0])} {hint}".rstrip()


def _memory_gb() -> int:
    try:
        return int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (ValueError, OSError):
        return 8
