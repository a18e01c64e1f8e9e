"""Runs named SQL steps; knows no word of commerce."""

from footfall.engine.dialect import DIALECTS, Dialect, dialect
from footfall.engine.duckdb import DuckDBEngine
from footfall.engine.query import Query, Step, literal, values_sql
from footfall.engine.relation import Engine, Relation

__all__ = [
    "DIALECTS",
    "Dialect",
    "DuckDBEngine",
    "Engine",
    "Query",
    "Relation",
    "Step",
    "dialect",
    "literal",
    "values_sql",
]
