"""The canonical tables, as declarations."""

from footfall.tables.canonical import TABLES, Column, Table, table
from footfall.tables.layout import IDENTITIES, create_tables, identity_as, publish_views, refresh_known
from footfall.tables.results import RESULTS

__all__ = [
    "IDENTITIES", "RESULTS", "TABLES", "Column", "Table", "create_tables", "identity_as", "publish_views",
    "refresh_known", "table",
]  # fmt: skip
