"""The canonical tables, as declarations."""

from footfall.tables.canonical import TABLES, Column, Table, table
from footfall.tables.layout import create_tables, publish_views, refresh_known
from footfall.tables.results import RESULTS

__all__ = ["RESULTS", "TABLES", "Column", "Table", "create_tables", "publish_views", "refresh_known", "table"]
