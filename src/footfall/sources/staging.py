"""From files to staged rows: one pass over each file, then only columns.

A role's files go into the temporary table `staged_<role>` with the declared values, the row's hash and, for a
row that a check sets aside, the reason and the raw text. Then the rows set aside and the second and later
copies of a row leave it. All of this is outside the shop's tables, so a failure leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from footfall.engine import Engine, literal, values_sql
from footfall.errors import FootfallError
from footfall.sources.declare import Check, Role, Source
from footfall.sources.metering import Meter
from footfall.sources.reading import RawFile, in_utf8, matched, raw_lines, record_lines, with_all_keys
from footfall.sources.seen import checked_out_sql, drop_seen

_OFFSET = r":[0-9.]+ ?([+-][0-9]{2}(:?[0-9]{2})?|Z|UTC)$"
_FORMATS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y")


@dataclass
class Tally:
    """What became of one file's rows."""

    file: RawFile
    role: str
    known: bool = False
    read: int = 0
    loaded: int = 0
    quarantined: int = 0
    duplicate: int = 0
    repaired: int = 0


@dataclass(frozen=True)
class Job:
    """One load: the engine, the source's name and declaration, its files by role, all numbered through."""

    engine: Engine
    name: str
    source: Source
    tallies: tuple[Tally, ...]
    meter: Meter

    def of(self, role: Role) -> list[tuple[int, Tally]]:
        return [(i, t) for i, t in enumerate(self.tallies) if t.role == role.name]


def prepare(engine: Engine, timezone: str) -> None:
    """The functions that declared SQL may use in this load. `timezone` is that of stamps without an offset."""
    zone = literal(timezone)
    local = "ts" if timezone == "UTC" else f"timezone('UTC', timezone({zone}, ts))"
    formats = "[" + ", ".join(literal(f) for f in _FORMATS) + "]"
    engine.execute(f"create or replace temp macro utc(ts) as {local}")
    engine.execute(
        f"""create or replace temp macro instant(t) as case
            when regexp_matches(t, '{_OFFSET}') then timezone('UTC', try_cast(t as timestamptz))
            else utc(coalesce(try_cast(t as timestamp), try_strptime(t, {formats}))) end"""
    )
    engine.execute("create or replace temp macro always() as timestamp '1900-01-01'")
    engine.execute(
        """create or replace temp macro csv_field(x) as case
            when x is null then '' when regexp_matches(x, '[",\\n\\r]') then '"' || replace(x, '"', '""') || '"'
            else x end"""
    )


def stage(job: Job, role: Role) -> None:
    """Fill `staged_<role>` and `new_<role>`; tally its files' rows; leave rows set aside in `aside_<role>`."""
    engine = job.engine
    table = f"staged_{role.name}"
    engine.execute(f"create or replace temp table {table} as {_select_sql(role, _nothing_sql(role), '0')}")
    engine.execute(
        f"create or replace temp table rejects_{role.name} "
        "(file_no USMALLINT, line BIGINT, reason VARCHAR, raw VARCHAR)"
    )
    if role.rest:
        for _, tally in job.of(role):
            tally.file = with_all_keys(engine, tally.file)
    for group in _groups(role, job.of(role)):
        with job.meter.reading([t.file for _, t in group]):
            _read_group(job, role, group)
    _count(job, role)
    _set_aside(job, role)
    _drop_copies(job, role)
    _publish_new(job, role)


def _groups(role: Role, numbered: Sequence[tuple[int, Tally]]) -> list[list[tuple[int, Tally]]]:
    """Files that one statement can read: alike in kind and columns. Packed files are read side by side."""
    groups: dict[object, list[tuple[int, Tally]]] = {}
    for number, tally in numbered:
        f = tally.file
        alone = number if f.size > (64 << 20) and not f.packed else -1
        columns = tuple(matched(role, f).items()) if f.kind == "jsonl" and not role.rest else f.columns
        like = (f.kind, f.packed, f.encoding, f.delimiter, columns, f.array, alone)
        groups.setdefault(like, []).append((number, tally))
    return list(groups.values())


def _read_group(job: Job, role: Role, group: list[tuple[int, Tally]]) -> None:
    engine, table = job.engine, f"staged_{role.name}"
    file = group[0][1].file
    if file.encoding == "cp1252" and not file.copy:
        _read_copies(job, role, group)
        return
    rejects = f"bad_{role.name}_{group[0][0]}"
    before = engine.value(f"select coalesce(max(rowid), -1) from {table}")
    _drop_rejects(engine, rejects)
    sql = _select_sql(role, _read_sql(role, [t.file for _, t in group], rejects), _file_no_sql(group))
    try:
        engine.execute(f"insert into {table} {sql}")
    except FootfallError as error:
        raise _as_one_line(error, file) from None
    if file.kind != "csv":
        return
    bad = engine.value(f"select count(*) from {rejects} where error_type = 'INVALID ENCODING'")
    if bad and file.encoding == "utf-8" and not _has_good_accents(engine, role, before):
        engine.execute(f"delete from {table} where rowid > {before}")
        for _, tally in group:
            tally.file = replace(tally.file, encoding="cp1252")
        _read_group(job, role, group)
        return
    engine.execute(
        f"""insert into rejects_{role.name}
            select {_file_no_sql(group, "s.file_path")}, b.line,
                'malformed row: ' || replace(lower(any_value(b.error_type order by b.column_idx)), '_', ' '),
                trim(any_value(b.csv_line), chr(10) || chr(13))
            from {rejects} b join {rejects}_scans s using (scan_id, file_id)
            group by s.file_path, b.line"""
    )
    _drop_rejects(engine, rejects)


def _read_copies(job: Job, role: Role, group: list[tuple[int, Tally]]) -> None:
    """Read files in Windows-1252 through copies in UTF-8, since the reader knows no such encoding."""
    with TemporaryDirectory() as folder:
        for number, tally in group:
            tally.file = in_utf8(tally.file, Path(folder) / f"{number}.csv")
        try:
            _read_group(job, role, group)
        finally:
            for _, tally in group:
                tally.file = replace(tally.file, copy=None)


def _drop_rejects(engine: Engine, rejects: str) -> None:
    engine.execute(f"drop table if exists {rejects}")
    engine.execute(f"drop table if exists {rejects}_scans")


def _has_good_accents(engine: Engine, role: Role, before: int) -> bool:
    """True when rows beyond ASCII were read well as UTF-8: then the odd bytes are faults, not an encoding."""
    texts = [c for c, t in engine.columns(f"staged_{role.name}").items() if t == "VARCHAR"]
    cells = ", ".join(quoted(c) for c in texts) or "''"
    sql = (
        f"select 1 from staged_{role.name} where rowid > {before} and strlen(concat({cells})) > length(concat({cells}))"
    )
    return bool(engine.value(f"select count(*) from ({sql} limit 1)"))


def _as_one_line(error: FootfallError, file: RawFile) -> FootfallError:
    text = str(error)
    if "GZIP" in text or "gzip" in text:
        return FootfallError(f"'{file.path}' is a damaged or cut gzip file; fetch it again")
    return FootfallError(f"cannot read '{file.path}': {text}")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@dataclass(frozen=True)
class _Reading:
    """SQL that yields the row's cells (`_c0`, ...), `_file`, and the declared columns under their names."""

    sql: str
    cells: tuple[str, ...]
    raw: str
    accents: str = ""


def _nothing_sql(role: Role) -> _Reading:
    columns = ", ".join(f"null::{role.types.get(c, 'VARCHAR')} as {quoted(c)}" for c in role.all_columns)
    rest = f", null::VARCHAR as {quoted(role.rest)}" if role.rest else ""
    return _Reading(f"select null as _c0, '' as _file, {columns}{rest} where false", ("_c0",), "null")


def as_json(values: Mapping[str, str]) -> str:
    """SQL of a JSON object of texts by name, without those that are empty; NULL when none is left."""
    if not values:
        return "null::VARCHAR"
    pairs = ", ".join(f"{{k: {literal(k)}, v: nullif(trim(({sql})::VARCHAR), '')}}" for k, sql in values.items())
    return f"nullif(to_json(map_from_entries(list_filter([{pairs}], lambda p: p.v is not null)))::VARCHAR, '{{}}')"


def _read_sql(role: Role, files: Sequence[RawFile], rejects: str) -> _Reading:
    file = files[0]
    paths = "[" + ", ".join(literal(str(f.copy or f.path)) for f in files) + "]"
    hits = matched(role, file)
    if file.kind == "jsonl":
        # An optional field may first appear beyond the lines that were looked at.
        hits = {c: hits.get(c, c) for c in role.all_columns}
    asked = dict.fromkeys(hits.values()) if file.kind == "jsonl" else dict.fromkeys(file.columns)
    over = [c for c in file.columns if c not in hits.values()] if role.rest else []
    asked.update(dict.fromkeys(over))
    place = {own: f"_c{i}" for i, own in enumerate(asked)}
    cells = tuple(place.values())
    packed = ", compression = 'gzip'" if file.packed and not file.copy else ""
    if file.kind == "csv":
        types = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in cells)
        encoding = "utf-8" if file.copy else file.encoding
        bad = (
            f"store_rejects = true, rejects_table = '{rejects}', rejects_scan = '{rejects}_scans'"
            if rejects
            else "ignore_errors = true"
        )
        nulls = ", ".join(literal(n) for n in ("", *role.nulls))
        reader = (
            f"read_csv({paths}, auto_detect = false, delim = {literal(file.delimiter)}, quote = '\"', "
            f"escape = '\"', header = {literal(role.header)}, columns = {{{types}}}, nullstr = [{nulls}], "
            f"encoding = {literal(encoding)}, filename = '_file'{packed}, {bad})"
        )
        cell = {c: c for c in cells}
        raw = f" || {literal(file.delimiter)} || ".join(f"csv_field({c})" for c in cells)
    elif file.kind == "parquet":
        reader = f"read_parquet({paths}, filename = '_file')"
        cell = {place[own]: quoted(own) for own in asked}
        raw = "to_json({" + ", ".join(f"{literal(own)}: {c}" for own, c in place.items()) + "})::VARCHAR"
    else:
        wanted = dict.fromkeys(over, "VARCHAR") | {own: role.types.get(c, "VARCHAR") for c, own in hits.items()}
        types = ", ".join(f"{literal(own)}: {literal(wanted[own])}" for own in asked)
        form = "array" if file.array else "newline_delimited"
        reader = (
            f"read_json({paths}, format = '{form}', ignore_errors = {literal(not file.array)}, "
            f"columns = {{{types}}}, filename = '_file'{packed})"
        )
        cell = {place[own]: quoted(own) for own in asked}
        raw = "to_json({" + ", ".join(f"{literal(own)}: {c}" for own, c in place.items()) + "})::VARCHAR"
    parts = [f"{sql} as {c}" for c, sql in cell.items()] + ["_file"]
    for column in role.all_columns:
        kind = role.types.get(column, "VARCHAR")
        sql = cell[place[hits[column]]] if column in hits else "null"
        parts.append(f"{sql if file.kind != 'parquet' and column in hits else f'{sql}::{kind}'} as {quoted(column)}")
    if role.rest:
        parts.append(f"{as_json({own: cell[place[own]] for own in over})} as {quoted(role.rest)}")
    accents = f"concat({', '.join(cells)})" if file.encoding == "cp1252" else ""
    return _Reading(f"select {', '.join(parts)} from {reader}", cells, raw, accents)


def sample_sql(role: Role, file: RawFile, rows: int) -> str:
    """The declared columns of the first rows of one file."""
    columns = ", ".join(quoted(c) for c in role.all_columns)
    reading = _read_sql(role, [file], "")
    return f"select {columns} from ({reading.sql}) limit {rows}"


def _file_no_sql(group: list[tuple[int, Tally]], path: str = "_file") -> str:
    if len(group) == 1:
        return str(group[0][0])
    cases = " ".join(f"when {literal(str(t.file.copy or t.file.path))} then {n}" for n, t in group)
    return f"case {path} {cases} end"


def asides(role: Role) -> list[Check]:
    """The checks that set rows aside, in order, the loader's own first."""
    # Of a role that needs one column, an empty one has a reason of its own.
    own = [Check("malformed row", _all_missing(role), "set aside", "malformed")] if len(role.columns) > 1 else []
    if "occurred_at" in role.values:
        own.append(Check("no readable time", "occurred_at is null", "set aside", "missing", "occurred_at"))
    return own + [c for c in role.checks if c.action == "set aside"]


def flagged(role: Role) -> list[Check]:
    """The checks that leave rows in, in the order of their bits; the loader's own last."""
    accents = Check(
        "text not in UTF-8, read as Windows-1252", "", "repaired", "malformed", effect="names are readable again"
    )
    return [*[c for c in role.checks if c.action != "set aside"], accents]


def example_sql(role: Role, check: int) -> str:
    """The text that stood in the file where the flag of check number `check` is up."""
    columned = sum(1 << i for i, c in enumerate(flagged(role)) if c.column)
    if not columned >> check & 1:
        return "null"
    return f"str_split(raw, chr(31))[1 + bit_count(flags & {columned & ((1 << check) - 1)})]"


def _all_missing(role: Role) -> str:
    return " and ".join(f"{quoted('raw_' + c)} is null" for c in role.columns)


def _select_sql(role: Role, reading: _Reading, file_no: str) -> str:
    """The staged columns: values, row_hash, reason (number of the check), flags (bits), raw, file_no."""
    cells = ", ".join(reading.cells)
    raws = ", ".join(f"{quoted(c)} as {quoted('raw_' + c)}" for c in role.all_columns)
    values = ",\n      ".join(f"{sql} as {quoted(name)}" for name, sql in role.values.items())
    reasons = " ".join(f"when {c.when} then {i}" for i, c in enumerate(asides(role)))
    bits = [(c.when, 1 << i, c.column) for i, c in enumerate(flagged(role)[:-1])]
    if reading.accents:
        bits.append((f"strlen({reading.accents}) > length({reading.accents})", 1 << len(bits), ""))
    flags = " + ".join(f"case when {when} then {bit} else 0 end" for when, bit, _ in bits) or "0"
    shown = ", ".join(
        f"case when flags & {bit} > 0 then coalesce({quoted('raw_' + column)}::VARCHAR, '') end"
        for _, bit, column in bits
        if column
    )
    shown = f"when flags > 0 then concat_ws(chr(31), {shown})" if shown else ""
    identity = f"{literal(role.name)}, " + (", ".join(quoted(k) for k in role.key) if role.key else cells)
    kept = ", ".join(quoted(name) for name in role.values)
    return f"""
select {kept}, hash({identity}) as row_hash, reason::UTINYINT as reason, flags::UINTEGER as flags,
  (case when reason is not null then {reading.raw} {shown} end)::VARCHAR as raw, file_no
from (
  select *, case {reasons} end as reason, {flags} as flags
  from (
    select {cells}, {raws}, ({file_no})::USMALLINT as file_no,
      {values}
    from ({reading.sql})
  ) as file
)"""


def _count(job: Job, role: Role) -> None:
    numbers = {
        r[0]: r[1:]
        for r in job.engine.rows(f"select file_no, count(*), count(reason) from staged_{role.name} group by file_no")
    }
    bad = dict(job.engine.rows(f"select file_no, count(*) from rejects_{role.name} group by file_no"))
    for number, tally in job.of(role):
        good, aside = numbers.get(number, (0, 0))
        tally.read = good + bad.get(number, 0)
        tally.quarantined = aside + bad.get(number, 0)


def _set_aside(job: Job, role: Role) -> None:
    """Move the rows with a reason into `aside_<role>`, each with its line, and the reader's rejects with them."""
    engine, table = job.engine, f"staged_{role.name}"
    names = " ".join(f"when {i} then {literal(c.name)}" for i, c in enumerate(asides(role)))
    header = " ".join(f"when {n} then {int(t.file.kind == 'csv' and role.header)}" for n, t in job.of(role))
    header = f"case file_no {header} end" if header else "0"
    # Rows come in the file's order; a rejected line before a row moves the row's line down by one.
    engine.execute(f"""
        create or replace temp table aside_{role.name} as
        with firsts as (select file_no, min(rowid) as first from {table} group by file_no),
        bad as (
          select file_no, line - {header} - lost as good_before, max(lost) as lost
          from (
            select file_no, line, row_number() over (partition by file_no order by line) as lost
            from rejects_{role.name}
          ) group by all
        ),
        places as (
          select s.file_no, s.rowid - f.first as place, s.reason, s.raw
          from {table} s join firsts f using (file_no) where s.reason is not null
        )
        select p.file_no, p.place + 1 + {header.replace("file_no", "p.file_no")} + coalesce(bad.lost, 0) as line,
          case p.reason {names} end as reason, p.raw, p.place
        from places p asof left join bad on bad.file_no = p.file_no and p.place >= bad.good_before
        union all
        select file_no, line, reason, raw, null from rejects_{role.name}""")
    engine.execute(f"delete from {table} where reason is not null")
    for number, tally in job.of(role):
        if tally.file.kind == "jsonl" and not tally.file.array and tally.quarantined:
            _raw_json(engine, f"aside_{role.name}", number, tally.file)
    fresh = [n for n, t in job.of(role) if not t.known]
    for number, count in drop_seen(engine, job.name, role.name, fresh).items():
        job.tallies[number].quarantined -= count
        job.tallies[number].duplicate += count


def _raw_json(engine: Engine, table: str, number: int, file: RawFile) -> None:
    """The whole text of JSON lines set aside, of which only the declared fields were read."""
    wanted = {int(r[0]) for r in engine.rows(f"select place from {table} where file_no = {number}")}
    lines = raw_lines(file, wanted)
    _correct(engine, table, number, "place", [(place, line, raw) for place, (line, raw) in lines.items()])


def right_lines(job: Job, number: int, breaks: int) -> None:
    """Where records of a CSV file go over several lines: the lines of its rows set aside, not their numbers."""
    tally = job.tallies[number]
    role = next(r for r in job.source.roles if r.name == tally.role)
    if tally.file.kind != "csv" or not tally.quarantined or breaks <= tally.read + int(role.header):
        return
    table = f"aside_{role.name}"
    wanted = {int(r[0]) for r in job.engine.rows(f"select line from {table} where file_no = {number}")}
    lines = record_lines(tally.file, wanted)
    _correct(job.engine, table, number, "line", [(record, line, None) for record, line in lines.items()])


def _correct(
    engine: Engine, table: str, number: int, key: str, rows: Sequence[tuple[int, int, str | None]], most: int = 1000
) -> None:
    """Write the right lines (and raw texts) of one file's rows into `table`."""
    engine.execute("create or replace temp table right_lines (id BIGINT, line BIGINT, raw VARCHAR)")
    for start in range(0, len(rows), most):
        engine.execute(f"insert into right_lines {values_sql(('id', 'line', 'raw'), rows[start : start + most])}")
    engine.execute(
        f"update {table} a set line = r.line, raw = coalesce(r.raw, a.raw) from right_lines r "
        f"where a.{key} = r.id and a.file_no = {number}"
    )


def _drop_copies(job: Job, role: Role) -> None:
    """Of rows with one identity in this load, the first stays; or, where rows repeat, each gets its own hash."""
    engine, table = job.engine, f"staged_{role.name}"
    engine.execute(
        f"create or replace temp table twice as select row_hash from {table} group by row_hash having count(*) > 1"
    )
    if not engine.value("select count(*) from twice"):
        return
    engine.execute(
        f"""create or replace temp table copies as
            select rid, file_no, copy from (
              select s.rowid as rid, s.file_no, row_number() over (partition by s.row_hash order by s.rowid) as copy
              from {table} s semi join twice using (row_hash)
            ) where copy > 1"""
    )
    if role.repeats:
        engine.execute(f"update {table} s set row_hash = hash(s.row_hash, c.copy) from copies c where s.rowid = c.rid")
        return
    counts = dict(engine.rows("select file_no, count(*) from copies group by file_no"))
    for number, tally in job.of(role):
        tally.duplicate += counts.get(number, 0)
    engine.execute(f"delete from {table} where rowid in (select rid from copies)")


def _publish_new(job: Job, role: Role) -> None:
    """`new_<role>`: the staged rows that no earlier load brought."""
    engine, table = job.engine, f"staged_{role.name}"
    parts = [f"select rowid as rid, file_no from {table} where file_no = {n}" for n, t in job.of(role) if t.known]
    if role.into and has_facts(engine, role.into, job.name):
        parts.append(
            f"select rowid as rid, file_no from {table} where row_hash in "
            f"(select row_hash from facts.{role.into} where source = {literal(job.name)} "
            f"union all {checked_out_sql(role.into, job.name)})"
        )
    if not parts:
        engine.execute(f"create or replace temp view new_{role.name} as select * from {table}")
        return
    engine.execute(f"create or replace temp table known_{role.name} as {' union '.join(parts)}")
    for number, count in engine.rows(f"select file_no, count(*) from known_{role.name} group by file_no"):
        job.tallies[number].duplicate += count
    engine.execute(
        f"create or replace temp view new_{role.name} as "
        f"select s.* from {table} s anti join known_{role.name} k on k.rid = s.rowid"
    )


def has_facts(engine: Engine, table: str, source: str) -> bool:
    """True when earlier loads of `source` filled `facts.<table>`."""
    sql = f"select 1 from facts.{table} where source = {literal(source)} limit 1"
    return bool(engine.value(f"select count(*) from ({sql})"))


def drop_staged(job: Job) -> None:
    """Give the room back."""
    for role in job.source.roles:
        job.engine.execute(f"drop view if exists new_{role.name}")
        for name in ("staged", "rejects", "aside", "known"):
            job.engine.execute(f"drop table if exists {name}_{role.name}")
    for name in ("twice", "copies", "right_lines", "filling"):
        job.engine.execute(f"drop table if exists {name}")
