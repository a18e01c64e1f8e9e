"""What rooms below floor 5 hand to each other: a named table of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from footfall.engine.dialect import Dialect
from footfall.engine.query import Query


class Engine(Protocol):
    """What an engine can do. Results are materialised explicitly."""

    dialect: Dialect

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None: ...

    def fetch(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table: ...

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any: ...

    def has(self, name: str) -> bool: ...

    def columns(self, name: str) -> dict[str, str]: ...

    def materialise(self, query: Query | str, name: str) -> Relation: ...

    def append(self, name: str, table: pa.Table) -> None: ...

    def release_memory(self) -> None: ...

    def transaction(self) -> AbstractContextManager[None]: ...


@dataclass(frozen=True)
class Relation:
    """A table or view by name, with its columns (name -> SQL type) and the engine that holds it."""

    name: str
    columns: dict[str, str]
    engine: Engine

    def count(self) -> int:
        return int(self.engine.value(f"select count(*) from {self.name}"))

    def fetch(self, order: str = "") -> pa.Table:
        return self.engine.fetch(f"select * from {self.name}" + (f" order by {order}" if order else ""))
