"""One row per raw record of a person, and the same in one written form.

A record is what one file says of one person: a version of an account's details, a CRM row, the distinct details of
guest checkouts, or an account id that bought and stands in no file of customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from footfall.engine import Engine, Query, literal
from footfall.identity import normalise as form
from footfall.identity.comparisons import FURTHER, HELD

Array = np.ndarray[Any, Any]
_PERSON = (
    "first_name", "later_names", "surname", "email", "phone", "postcode", "address", "birth_date", "age", "gender",
    "profession", "birth_place", "further",
)  # fmt: skip
DETAILS = tuple(c for c in _PERSON if c != "further")
_UNDATED = "timestamp '1900-01-02'"
_DATED = f"case when {{}} >= {_UNDATED} then {{}} end"
_COMMON = 200
"""A value of a field that should be nearly unique, shared by more records than this and by more than one in two hundred
of all, is a placeholder in disguise."""
_ALIKE = 100
"""More records than this, the same in every detail and not in names alone, are copies of one person's record."""
_REPEATED = 0.9
"""A further column of which so many values only repeat the record's other columns tells nothing new."""
_PARTICULAR = ("email", "phone", "postcode", "birth", "address")


@dataclass(frozen=True)
class Keys:
    """The records in one form.

    Attributes:
        table: `record` (0..n-1, in the order of record_id), the key columns, `unit` (records of one account),
            `checked_email` and `checked_phone`.
        filled: key column -> records with a value.
        common: what was taken as missing since too many share it: (field, value, records).
        copies: records that are copies of another one; `twin` of the table is the first of each group.
    """

    table: pa.Table
    filled: dict[str, int]
    common: tuple[tuple[str, str, int], ...]
    copies: int

    @property
    def copy(self) -> Array:
        """(n,): whether a record is a copy of another one."""
        twin, first = self.table["twin"].to_pylist(), self.table["record_id"].to_pylist()
        return np.array([t is not None and t != f for t, f in zip(twin, first, strict=True)], bool)


def records_query() -> Query:
    """The table `records`, from the facts."""
    empty = ", ".join(f"null::{_TYPES.get(c, 'VARCHAR')} as {c}" for c in _PERSON)
    guest = {"first_name": "guest_first_name", "surname": "guest_surname", "postcode": "guest_postcode"}
    details = ", ".join(guest.get(c, f"null::{_TYPES.get(c, 'VARCHAR')}") + f" as {c}" for c in _PERSON)
    kind = (
        "case when channel = 'guest' then 'guest' when channel = 'purchase' then 'id only' "
        "when channel = 'crm' then 'crm' when channel = 'person' then 'person' else 'account' end"
    )
    spans = (
        f"min({_DATED.format('occurred_at', 'occurred_at')}) as first_seen, "
        f"max({_DATED.format('occurred_at', 'occurred_at')}) as last_seen, min(known_at) as known_at"
    )
    some = " or ".join(f"{c} is not null" for c in guest.values())
    query = Query().then(
        "persons",
        f"select source, source_customer_id, {kind} as kind, {', '.join(_PERSON)}, {spans}, 0 as orders\n"
        f"from facts.customers group by all",
    )
    query = query.then(
        "guests",
        f"select source, null::VARCHAR as source_customer_id, 'guest' as kind, {details}, {spans}, count(*) as orders\n"
        f"from facts.orders where source_customer_id is null and ({some}) group by all",
    )
    query = query.then(
        "bought",
        "select source, source_customer_id, min(occurred_at) as occurred_at, max(occurred_at) as last, "
        "min(known_at) as known_at, count(distinct order_id) as orders\n"
        "from facts.orders where source_customer_id is not null group by all",
    )
    query = query.then(
        "bare",
        f"select source, source_customer_id, 'id only' as kind, {empty}, "
        f"{_DATED.format('occurred_at', 'occurred_at')} as first_seen, last as last_seen, known_at, 0 as orders\n"
        "from bought b where not exists (select 1 from facts.customers c "
        "where c.source = b.source and c.source_customer_id = b.source_customer_id)",
    )
    query = query.then(
        "all_of_them",
        "select * from persons union all by name select * from guests union all by name select * from bare",
    )
    identity = ", ".join(
        f"coalesce(cast(r.{c} as varchar), '')" for c in ("source", "source_customer_id", "kind", *_PERSON)
    )
    return query.then(
        "records",
        f"select substr(md5(concat_ws(chr(31), {identity})), 1, 16) as record_id, "
        f"r.source, r.source_customer_id, r.kind, {', '.join('r.' + c for c in _PERSON)}, "
        "min(r.first_seen) as first_seen, max(r.last_seen) as last_seen, min(r.known_at) as known_at, "
        "cast(coalesce(max(b.orders), 0) + sum(r.orders) as BIGINT) as orders\n"
        "from all_of_them r left join bought b on b.source = r.source and b.source_customer_id = r.source_customer_id\n"
        "group by all order by record_id",
    )


_TYPES = {"birth_date": "DATE", "age": "INTEGER"}


def keys_query(further: tuple[str, ...]) -> Query:
    """The records in one form, one row each. `further`: names in the JSON of further columns to compare."""
    query = Query().then("nicknames", form.nicknames_sql().removeprefix(""))
    written = {
        "first": form.name_sql("first_name"),
        "surname": form.name_sql("surname"),
        "other": form.name_sql("later_names"),
        "email": form.email_sql("email"),
        "phone": form.phone_sql("phone"),
        "postcode": form.postcode_sql("postcode"),
        "address": form.address_sql("address"),
        "birth": "cast(birth_date as varchar)",
        "gender": form.gender_sql("gender"),
        "birth_place": form.words_sql("birth_place"),
        "profession": form.words_sql("profession"),
    }
    written |= {FURTHER + _plain(name): form.words_sql(_member(name)) for name in further}
    columns = ",\n  ".join(f"{sql} as {column}" for column, sql in written.items())
    checked = ", ".join(
        f"coalesce(lower({_member(name + '_verified')}) in ('true', '1', 'yes', 't', 'y'), false) as checked_{name}"
        for name in ("email", "phone")
    )
    query = query.then(
        "written", f"select record_id, source, source_customer_id, kind, age, {checked},\n  {columns}\nfrom records"
    )
    names = "string_split(concat_ws(' ', first, other, surname), ' ')"
    same = "x is distinct from first and x is distinct from surname"
    return query.then(
        "keys",
        f"select * exclude (email), case when not {form.shared_email_sql('email')} then email end as email,\n"
        f"  {form.formal_name_sql('first')} as formal, first as given, surname as family,\n"
        f"  {form.district_sql('postcode')} as district,\n"
        "  coalesce(nullif(regexp_extract(postcode, '^[A-Z]+'), ''), left(postcode, 1)) as area,\n"
        "  cast(left(birth, 4) as integer) as birth_year,\n"
        "  string_split(address, ' ') as address_words,\n"
        f"  {form.email_local_sql('email')} as email_local,\n"
        f"  list_distinct(list_filter({names}, lambda x: length(x) > 2)) as words,\n"
        f"  nullif(list_filter(string_split(other, ' '), lambda x: length(x) > 2 and {same}), []) as later\n"
        "from written",
    )


def build_records(engine: Engine) -> int:
    """(Re)make the table `records` from the facts; the number of its rows."""
    return engine.materialise(records_query(), "records").count()


def build_keys(engine: Engine) -> Keys:
    """The records in one form, values that too many share taken as missing."""
    engine.materialise(keys_query(_further(engine)), "record_keys")
    copies = _note_copies(engine)
    rows = int(engine.value("select count(*) from record_keys"))
    common: list[tuple[str, str, int]] = []
    for column in _PARTICULAR:
        shared = engine.rows(
            f"select {column}, count(*) as n from record_keys where {column} is not null group by 1 "
            f"having count(*) > {max(_COMMON, rows // 200)} order by n desc, 1"
        )
        common += [(column, str(value), int(n)) for value, n in shared]
        if shared:
            given = ", ".join(literal(str(v)) for v, _ in shared)
            engine.execute(f"update record_keys set {column} = null where {column} in ({given})")
    held = ", ".join(f"count({c}) over (partition by {c}) as {c}_held" for c in HELD)
    engine.execute(f"create or replace table record_keys as select *, {held} from record_keys")
    table = engine.fetch(
        "select row_number() over (order by record_id) - 1 as record, * exclude (source, source_customer_id, kind),\n"
        "  dense_rank() over (order by coalesce(source || chr(31) || source_customer_id, record_id)) - 1 as unit\n"
        "from record_keys order by record_id"
    )
    filled = {c: table.num_rows - table[c].null_count for c in table.column_names}
    return Keys(table, filled, tuple(common), copies)


def _note_copies(engine: Engine) -> int:
    """Give `record_keys` a column `twin`: the first of many records alike in every detail. Copies lose their keys.

    Pairs of copies would cost their number squared, and their values would look like placeholders that all share.
    """
    columns = list(engine.columns("record_keys"))
    written = [c for c in columns if c not in ("record_id", "source", "source_customer_id", "kind")]
    same = f"partition by {', '.join(c for c in written if not c.startswith('checked_'))}"
    particular = ", ".join(_PARTICULAR)
    engine.execute(
        "create or replace table record_keys as select *, case when surname is not null "
        f"and coalesce({particular}) is not null and count(*) over ({same}) > {_ALIKE} "
        f"then min(record_id) over ({same}) end as twin from record_keys"
    )
    blank = ", ".join(f"{c} = null" for c in written if not c.startswith("checked_"))
    engine.execute(f"update record_keys set {blank} where twin <> record_id")
    return int(engine.value("select count(*) from record_keys where twin <> record_id"))


def _further(engine: Engine) -> tuple[str, ...]:
    """Names of further columns that enough records fill with enough different values to tell persons apart."""
    names = engine.rows(
        "select k from (select unnest(json_keys(further)) as k from records where further is not null) "
        "group by k having count(*) > 1 order by k"
    )
    found = []
    for (name,) in names:
        if name == "full_name" or str(name).endswith("_verified"):
            continue
        kinds, rows = engine.rows(f"select count(distinct {_member(name)}), count({_member(name)}) from records")[0]
        if kinds >= 20 and rows and _repeats(engine, str(name)) < _REPEATED:
            found.append(str(name))
    return tuple(found)


def _repeats(engine: Engine, name: str) -> float:
    """The share of a further column's values whose every word stands in the record's own columns already.

    Such a column (first name and surname once more, in one) would be counted twice as evidence.
    """
    own = f"string_split(lower(concat_ws(' ', {', '.join(c for c in DETAILS if c not in _TYPES)})), ' ')"
    words = f"string_split(lower(trim({_member(name)})), ' ')"
    return float(
        engine.value(
            f"select avg(cast(list_has_all({own}, {words}) as integer)) from records where {_member(name)} is not null"
        )
    )


def _member(name: str) -> str:
    path = '$."' + name.replace('"', '\\"') + '"'
    return f"json_extract_string(further, {literal(path)})"


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in name.lower())
