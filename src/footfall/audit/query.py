"""A study of somebody's own: one query over the shop, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from footfall.audit.rows import Rows, as_instants
from footfall.audit.table import MOST, Roles, numbered, rows_of
from footfall.engine import Engine, literal
from footfall.errors import FootfallError
from footfall.tasks import Task

AT = "$at"
"""Stands in a query for the instant from which on it foresees."""


@dataclass(frozen=True)
class Study:
    """The query, the roles of its columns, the task it means to answer, and the shop's time zone.

    `at`: the instant put in for `$at`, and the cutoff of all rows where the query names none.
    """

    sql: str
    roles: Roles
    task: Task
    at: datetime
    tz: str = "UTC"

    @property
    def key(self) -> str:
        return self.roles.customer or "customer_id"

    @property
    def cutoff(self) -> str:
        return self.roles.cutoff or "cutoff"

    @property
    def dated(self) -> bool:
        """Whether the query says itself where the instant goes."""
        return AT in self.sql

    def moved(self, at: datetime) -> Study:
        return replace(self, at=at)


@dataclass(frozen=True)
class Answered:
    """The rows of a study: the table as it came, and up to when each row's history goes."""

    study: Study
    table: pa.Table
    cutoffs: NDArray[np.datetime64]

    @property
    def rows(self) -> Rows:
        roles = replace(self.study.roles, customer=self.study.key, cutoff=self.study.cutoff)
        return rows_of(self.table, roles, "the query")

    @property
    def customers(self) -> list[str]:
        return [str(c) for c in self.table.column(self.study.key).to_pylist()]


def ask(engine: Engine, study: Study) -> Answered:
    """Run the query on the facts as they are, or as they are changed for a while.

    Raises:
        FootfallError: it does not run, or its columns do not say whom a row is about and up to when its history goes.
    """
    if "facts." in study.sql.lower():
        raise FootfallError("the query reads facts.*; read the views (orders, events, ...): those can be changed")
    table = engine.fetch(study.sql.replace(AT, literal(study.at)))
    if study.key not in table.column_names:
        raise FootfallError(f"the query has no column '{study.key}'; name the customer's (--with customer=COLUMN)")
    if table.num_rows > MOST:  # the same customers each time
        drawn = numbered(table.column(study.key)) < 2**56 * 0.9 * MOST / table.num_rows
        table = table.filter(pa.array(drawn))
    if study.cutoff not in table.column_names:
        if not (study.dated or study.roles.at):
            raise FootfallError(
                "the query does not say up to when each row's history goes: give it a column 'cutoff', name one "
                "(--cutoff-column), write $at where the instant goes, or say it for all (--with at=2026-06-01)"
            )
        stamps = pa.array(np.full(table.num_rows, np.datetime64(study.at, "us")))
        table = table.append_column(study.cutoff, stamps)
    cutoffs = as_instants(table.column(study.cutoff))
    if np.isnat(cutoffs).any():
        raise FootfallError(
            f"the query leaves the cutoff '{study.cutoff}' empty in {int(np.isnat(cutoffs).sum())} rows"
        )
    return Answered(study, table, cutoffs)
