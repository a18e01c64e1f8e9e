"""Result tables as CSV: files in a folder, or links inside the page that work without a network."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
from pyarrow import csv

from footfall.errors import FootfallError
from footfall.report.page import Page

_BOM = b"\xef\xbb\xbf"  # spreadsheets take CSV for UTF-8 only with it


def as_csv(table: pa.Table) -> bytes:
    """The table as CSV (UTF-8, a header, texts quoted, nulls empty). Nested values are written as text."""
    columns = [
        pa.array([None if v is None else str(v) for v in c.to_pylist()]) if pa.types.is_nested(c.type) else c
        for c in table.columns
    ]
    out = BytesIO()
    csv.write_csv(pa.table(columns, names=table.column_names), out)
    return out.getvalue()


def link(table: pa.Table, rows: int) -> str:
    """The first `rows` rows as a `data:` address."""
    body = _BOM + as_csv(table.slice(0, rows))
    percent = quote(body, safe=" ,:;/+-()'")  # shorter than base64 where the texts are mostly plain ASCII
    short = base64.b64encode(body).decode("ascii")
    plain = "data:text/csv;charset=utf-8"
    return f"{plain},{percent}" if len(percent) < len(short) else f"{plain};base64,{short}"


def write_csvs(page: Page, folder: str | Path) -> list[Path]:
    """Write each table of the page, whole, as `folder/<table>.csv`; returns the paths.

    Raises FootfallError when the folder cannot be written.
    """
    home = Path(folder)
    written = []
    try:
        home.mkdir(parents=True, exist_ok=True)
        for name, table in page.tables.items():
            path = home / f"{name}.csv"
            path.write_bytes(as_csv(table))
            written.append(path)
    except OSError as error:
        raise FootfallError(
            f"cannot write the tables to '{home}': {error.strerror}; name a folder that can be written"
        ) from None
    return written
