"""One's own files through a TOML mapping, found by `--map`; `guessing.py` drafts one.

    name = "acme"                         # the source's name
    timezone = "Europe/Berlin"            # of stamps without an offset; optional

    [[files]]
    into = "events"                       # a canonical table: events, orders, lines, customers, products, ...
    pattern = "web-*.jsonl"               # of the file's name; optional where the columns tell files apart
    header = ["user", "item", "ts"]       # only for a CSV file whose first line is data
    key = ["event_id"]                    # what tells two rows apart; else the table's own key, else the whole row
    repeats = true                        # equal rows are different happenings, not copies
    orders = true                         # make orders of these lines, or orders and lines of these purchases
    optional = ["brand"]                  # columns a file may lack

    [files.columns]                       # canonical column = the file's column
    customer_id = "user"
    occurred_at = "ts"
    type = "action"
    price = "price_cents"
    [files.words.type]                    # the file's word = the canonical one
    pv = "view"
    [files.units]                         # cents, thousands, comma (1.234,56); unix s, unix ms, unix us
    price = "cents"
    occurred_at = "unix ms"
    [files.formats]                       # strptime, where a date is not ISO
    registered_at = "%d/%m/%Y"
    [files.constants]
    currency = "EUR"

`keys` and `outside` of `series` take a list of columns. Keys called store, dept, category, product, sku, brand or
channel fill the columns of those names; others are mapped by hand, as in `store_id = "region"`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from footfall.engine import literal
from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.sources.declare import Check, Fill, Role, Source, kept, repaired, set_aside
from footfall.sources.staging import quoted
from footfall.tables import TABLES, Column, Table, table

_TOP = ("name", "timezone", "files")
_FILE = (
    "into",
    "name",
    "pattern",
    "header",
    "key",
    "repeats",
    "orders",
    "optional",
    "columns",
    "words",
    "units",
    "formats",
    "constants",
)
_NUMBER_UNITS = {"cents": "/ 100", "thousands": "* 1000", "comma": ""}
_TIME_UNITS = {"unix s": 1_000_000, "unix ms": 1_000, "unix us": 1}
_MONEY = "DECIMAL(18,4)"
_EVENT_WORDS = ("view", "click", "add_to_cart", "remove_from_cart", "search", "favourite", "purchase")


def read_mapping(path: str | Path) -> tuple[str, Source]:
    """The name and the declaration that the TOML file `path` makes.

    Raises:
        FootfallError: no such file, no TOML, an unknown table, column, unit or setting.
    """
    path = Path(path)
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FootfallError(f"cannot read the mapping '{path}': {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FootfallError(f"the mapping '{path}' is no TOML: {error}") from None
    _only(path, "", told, _TOP)
    name = str(told.get("name") or path.stem)
    files = told.get("files")
    if not isinstance(files, list) or not files:
        raise FootfallError(f"the mapping '{path}' maps no file; write a [[files]] block with into and columns")
    maps = [_FileMap(path, number, name, block) for number, block in enumerate(files, start=1)]
    return name, Source(
        meaning=f"mapped by {path.name}",
        roles=tuple(m.role() for m in maps),
        fills=tuple(fill for m in maps for fill in m.fills()),
        timezone=str(told.get("timezone", "")),
    )


def _only(path: Path, where: str, told: Mapping[str, Any], known: Iterable[str]) -> None:
    for word in told:
        if word not in known:
            place = f" in {where}" if where else ""
            raise FootfallError(
                f"the mapping '{path}' has an unknown setting '{word}'{place}{did_you_mean(word, known)}"
            )


@dataclass(frozen=True)
class _FileMap:
    """One `[[files]]` block."""

    path: Path
    number: int
    source: str
    told: Mapping[str, Any]

    def __post_init__(self) -> None:
        _only(self.path, self.place, self.told, _FILE)
        if not self.columns:
            raise FootfallError(f"the mapping '{self.path}' has no [files.columns] in {self.place}")
        for column in (*self.columns, *self.told.get("constants", {}), *self.told.get("key", [])):
            self.column(column)
        for part in ("words", "units", "formats"):
            _only(self.path, f"[files.{part}] of {self.place}", self.told.get(part, {}), self.columns)
        dated = self.table.time and self.table.name not in ("customers", "series")  # a series begins at its `date`
        if dated and "occurred_at" not in self.columns:
            raise FootfallError(
                f"the mapping '{self.path}' does not say which column is occurred_at in {self.place}, "
                f"and {self.table.name} are dated"
            )

    @property
    def place(self) -> str:
        return f"[[files]] number {self.number}"

    @property
    def columns(self) -> Mapping[str, Any]:
        columns: Mapping[str, Any] = self.told.get("columns", {})
        return columns

    @property
    def table(self) -> Table:
        into = str(self.told.get("into", ""))
        if into not in TABLES:
            raise FootfallError(
                f"the mapping '{self.path}' fills no table '{into}' in {self.place}{did_you_mean(into, TABLES)}"
            )
        return table(into)

    @property
    def name(self) -> str:
        name = re.sub(r"[^a-z0-9]+", "_", str(self.told.get("name") or self.told.get("into")).lower())
        return f"{name}_{self.number}"

    def column(self, name: str) -> Column:
        if name == "customer_id" and self.table.customer:
            name = "source_customer_id"
        try:
            return self.table.column(name)
        except UsageError as error:
            raise FootfallError(f"the mapping '{self.path}' in {self.place}: {error}") from None

    def raw_columns(self) -> list[str]:
        names: dict[str, None] = {}
        for given in self.columns.values():
            names.update(dict.fromkeys(given if isinstance(given, list) else [str(given)]))
        return list(names)

    def role(self) -> Role:
        header = self.told.get("header")
        optional = {str(self.columns[c]) for c in self.told.get("optional", []) if c in self.columns}
        if isinstance(header, list):
            lost = [c for c in self.raw_columns() if c not in header]
            if lost:
                raise FootfallError(
                    f"the mapping '{self.path}' names a column '{lost[0]}' in {self.place} that its header has not"
                    f"{did_you_mean(lost[0], header)}"
                )
            names, optional = [str(h) for h in header], set()
        else:
            names = [c for c in self.raw_columns() if c not in optional]
        values = {self.column(c).name: self.value(c) for c in self.columns}
        key = tuple(self.column(k).name for k in self.told.get("key", []))
        if not key and self.table.key and all(k in values for k in self.table.key):
            key = self.table.key
        return Role(
            self.name,
            columns=tuple(names),
            values=values,
            optional=tuple(sorted(optional)),
            files=(str(self.told.get("pattern", "*")),),
            header=not isinstance(header, list),
            key=key,
            into=self.table.name,
            checks=tuple(self.checks()),
            repeats=bool(self.told.get("repeats", False)),
        )

    def value(self, name: str) -> str:
        given = self.columns[name]
        if isinstance(given, list):
            fields = ", ".join(f"{literal(str(g).lower())}: trim({quoted(str(g))})" for g in given)
            return f"to_json({{{fields}}})::VARCHAR"
        raw = quoted(str(given))
        unit = str(self.told.get("units", {}).get(name, ""))
        form = self.told.get("formats", {}).get(name)
        words = self.told.get("words", {}).get(name, {})
        kind = self.column(name).type
        if kind in ("TIMESTAMP", "DATE"):
            return self._instant(raw, kind, unit, form)
        if kind == "VARCHAR":
            cases = " ".join(f"when {literal(str(w).lower())} then {literal(str(t))}" for w, t in words.items())
            plain = f"lower(trim({raw}))" if name == "type" else f"trim({raw})"
            return f"case lower(trim({raw})) {cases} else {plain} end" if cases else plain
        if unit and unit not in _NUMBER_UNITS:
            raise FootfallError(
                f"the mapping '{self.path}' has an unknown unit '{unit}' of {name}{did_you_mean(unit, _NUMBER_UNITS)}"
            )
        text = f"replace(replace({raw}, '.', ''), ',', '.')" if unit == "comma" else raw
        number = f"try_cast(regexp_replace({text}, '[^0-9eE.+-]', '', 'g') as {_MONEY if kind == _MONEY else 'DOUBLE'})"
        scaled = f"({number} {_NUMBER_UNITS.get(unit, '')})"
        return f"{scaled}::{kind}" if kind != "DOUBLE" else scaled

    def _instant(self, raw: str, kind: str, unit: str, form: Any) -> str:
        if unit and unit not in _TIME_UNITS:
            raise FootfallError(
                f"the mapping '{self.path}' has an unknown unit of time '{unit}'{did_you_mean(unit, _TIME_UNITS)}"
            )
        if unit:
            stamp = f"make_timestamp((try_cast({raw} as DECIMAL(24,6)) * {_TIME_UNITS[unit]})::BIGINT)"
        elif form:
            forms = form if isinstance(form, list) else [form]
            stamp = f"try_strptime(trim({raw}), [{', '.join(literal(str(f)) for f in forms)}])"
            stamp = stamp if kind == "DATE" else f"utc({stamp})"
        else:
            stamp = f"try_cast({raw} as DATE)" if kind == "DATE" else f"instant(trim({raw}))"
        return f"{stamp}::DATE" if kind == "DATE" and "DATE)" not in stamp else stamp

    def checks(self) -> Iterable[Check]:
        for name, given in self.columns.items():
            column = self.column(name)
            if isinstance(given, list) or name == "occurred_at":
                continue
            unreadable = f"{quoted(column.name)} is null and {quoted('raw_' + str(given))} is not null"
            if name in ("amount", "quantity") and self.table.name in ("orders", "lines"):
                yield set_aside(f"no readable {name}", unreadable, column=str(given))
            elif column.type != "VARCHAR":
                yield repaired(f"{name} not readable, taken as unknown", unreadable, column=str(given))
            elif name in self.table.key:
                yield set_aside(f"no {name}", f"{quoted(column.name)} is null", "missing", str(given))
            if name == "type" and self.table.name == "events":
                known = ", ".join(literal(w) for w in _EVENT_WORDS)
                yield kept("unknown event type", f'"type" not in ({known})', column=str(given))
        if "source_customer_id" in [self.column(c).name for c in self.columns]:
            yield kept("no customer", "source_customer_id is null", "missing", str(self.columns.get("customer_id", "")))

    def fills(self) -> list[Fill]:
        own = {self.column(c).name: quoted(self.column(c).name) for c in self.columns}
        own |= {self.column(c).name: literal(v) for c, v in self.told.get("constants", {}).items()}
        if self.table.name == "lines":
            own = _whole_lines(own)
        if self.table.name == "customers" and "occurred_at" not in own:
            own["occurred_at"] = "always()"
        if self.table.name == "calendar" and "known_at" not in own:
            own["known_at"] = "always()"
        columns = ", ".join(f"{sql} as {quoted(name)}" for name, sql in own.items())
        fills = [Fill(self.table.name, f"select {columns}, row_hash from new_{self.name}")]
        if self.told.get("orders"):
            fills += self._orders(own)
        return fills

    def _orders(self, own: Mapping[str, str]) -> list[Fill]:
        mine = f"source = {literal(self.source)}"
        fills = []
        order, where = own.get("order_id", ""), "true"
        if self.table.name == "events":
            where = "type = 'purchase'"
            order = "source_customer_id || '-' || epoch(occurred_at)::BIGINT"
            same = [c for c in ("product_id", "category", "brand", "source_customer_id") if c in own]
            price = "price" if "price" in own else "null"
            fills.append(
                Fill(
                    "lines",
                    f"select {order} as order_id, {', '.join(same)}, occurred_at, 'sale' as kind, 1 as quantity, "
                    f"{price} as price, {price} as amount, row_hash from new_{self.name} where {where}",
                )
            )
        elif self.table.name != "lines" or not order:
            raise FootfallError(
                f"the mapping '{self.path}' asks for orders in {self.place}; only events with purchases, "
                "and lines with an order_id, can make them"
            )
        fills.append(
            Fill(
                "orders",
                f"""select order_id, min(source_customer_id) as source_customer_id, min(occurred_at) as occurred_at,
                      max(known_at) as known_at, sum(amount) as amount
                    from facts.lines where {mine} and kind = 'sale'
                      and order_id in (select {order} from new_{self.name} where {where})
                    group by order_id""",
                replace=True,
            )
        )
        return fills


def _whole_lines(own: dict[str, str]) -> dict[str, str]:
    """Lines have a quantity, a price, an amount and a kind, whichever of them the file states."""
    own = dict(own)
    quantity = own.setdefault("quantity", "1")
    if "amount" not in own and "price" in own:
        own["amount"] = f"cast({quantity} as {_MONEY}) * price"
    elif "price" not in own and "amount" in own:
        own["price"] = f"cast(amount as DOUBLE) / nullif({quantity}, 0)"
    if "kind" not in own:
        signs = [quantity, *([own["amount"]] if "amount" in own else [])]
        own["kind"] = f"case when {' or '.join(f'{s} < 0' for s in signs)} then 'return' else 'sale' end"
    return own
