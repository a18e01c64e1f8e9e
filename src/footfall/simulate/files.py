"""Writes raw files: one DuckDB connection of one thread each, so that the order of rows is the order given."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

SHIFT = ("qwertyuiopasdfghjklzxcvbnm0123456789", "wertyuiopqsdfghjklaxcvbnmz1234567890")
MACROS = f"""
create macro instant(s) as make_timestamp(s * 1000000);
create macro iso(s) as replace(cast(make_timestamp(s * 1000000) as varchar), ' ', 'T') || 'Z';
create macro written_time(s, form) as case form
  when 1 then cast(make_timestamp(s * 1000000) as varchar)
  when 2 then strftime(make_timestamp(s * 1000000), '%d/%m/%Y %H:%M:%S')
  else iso(s) end;
create macro written_date(d, form) as case form
  when 1 then strftime(d, '%d/%m/%Y')
  when 2 then strftime(d, '%d %b %Y')
  else cast(d as varchar) end;
create macro money(pence) as cast(pence / 100 as decimal(12, 2));
create macro roll(h) as (h % 1000003) / 1000003.0;
create macro place(t, h) as 1 + cast((h >> 24) % greatest(length(t) - 1, 1) as integer);
create macro typo(t, h) as case (h >> 44) % 3
  when 0 then left(t, place(t, h)) || substr(t, place(t, h) + 2)
  when 1 then left(t, place(t, h) - 1) || substr(t, place(t, h) + 1, 1) || substr(t, place(t, h), 1)
              || substr(t, place(t, h) + 2)
  else left(t, place(t, h)) || translate(lower(substr(t, place(t, h) + 1, 1)), '{SHIFT[0]}', '{SHIFT[1]}')
       || substr(t, place(t, h) + 2) end;
"""


class Writer:
    """Writes tables by SQL. Arrow tables are given by name with each call."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
        self._connection.execute(MACROS)

    def keep(self, name: str, table: pa.Table | str, **given: pa.Table) -> int:
        """Make the table `name` from an Arrow table or a query; returns its rows."""
        if isinstance(table, str):
            self._run(f"create or replace table {name} as {table}", given)
        else:
            self._run(f"create or replace table {name} as select * from incoming", {"incoming": table})
        return self.count(name)

    def count(self, name: str) -> int:
        row = self._connection.execute(f"select count(*) from {name}").fetchall()
        return int(row[0][0]) if row else 0

    def fetch(self, sql: str, **given: pa.Table) -> pa.Table:
        for name, table in given.items():
            self._connection.register(name, table)
        return self._connection.sql(sql).to_arrow_table()

    def csv(self, sql: str, path: Path, **given: pa.Table) -> int:
        """Write the rows of `sql` as CSV with a header; returns their number."""
        return self._run(f"copy ({sql}) to '{_quoted(path)}' (format csv, header true)", given)

    def lines(self, sql: str, path: Path, **given: pa.Table) -> int:
        """Write the one text column of `sql` as lines, as they are."""
        form = "(format csv, header false, quote '', escape '', delimiter '\x01')"
        return self._run(f"copy ({sql}) to '{_quoted(path)}' {form}", given)

    def _run(self, sql: str, given: dict[str, pa.Table]) -> int:
        for name, table in given.items():
            self._connection.register(name, table)
        row = self._connection.execute(sql).fetchall()
        for name in given:
            self._connection.unregister(name)
        return int(row[0][0]) if row else 0

    def close(self) -> None:
        self._connection.close()


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def parquet(table: pa.Table, path: Path) -> int:
    """Write a Parquet file; returns its rows."""
    pq.write_table(table, path, compression="zstd")
    return int(table.num_rows)
