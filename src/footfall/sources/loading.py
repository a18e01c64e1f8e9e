"""Loading raw files into the canonical tables: all of it or none of it, and every row accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

from footfall.engine import Engine, literal, values_sql
from footfall.errors import FootfallError, UsageError
from footfall.names import find, members
from footfall.sources.declare import Fill, Role, Source
from footfall.sources.keyed import ready_sql
from footfall.sources.mapped import read_mapping
from footfall.sources.metering import Meter, Progress
from footfall.sources.reading import RawFile, count_breaks, find_files, fingerprint, look_at, role_of
from footfall.sources.seen import checked_out_sql
from footfall.sources.staging import (
    Job,
    Tally,
    asides,
    drop_staged,
    example_sql,
    flagged,
    has_facts,
    prepare,
    quoted,
    right_lines,
    stage,
)
from footfall.spans import zone
from footfall.tables import TABLES, create_tables, publish_views, refresh_known


@dataclass(frozen=True)
class FileRow:
    """What became of one file; rows_loaded + rows_quarantined + rows_duplicate = rows_read."""

    load_id: int
    source: str
    role: str
    file: str
    fingerprint: str
    bytes: int
    rows_read: int
    rows_loaded: int
    rows_quarantined: int
    rows_duplicate: int
    rows_repaired: int
    loaded_at: datetime


@dataclass(frozen=True)
class Finding:
    """One line of the table `quality`."""

    load_id: int
    source: str
    table_name: str
    check_name: str
    kind: str
    column_name: str
    rows: int
    share: float
    examples: str
    action: str
    effect: str


@dataclass(frozen=True)
class LoadReport:
    """What a load did. `skipped` are files of a folder that the source has no use for."""

    load_id: int
    source: str
    files: tuple[FileRow, ...]
    findings: tuple[Finding, ...]
    known: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def rows_read(self) -> int:
        return sum(f.rows_read for f in self.files)

    @property
    def rows_loaded(self) -> int:
        return sum(f.rows_loaded for f in self.files)

    @property
    def rows_quarantined(self) -> int:
        return sum(f.rows_quarantined for f in self.files)

    @property
    def rows_duplicate(self) -> int:
        return sum(f.rows_duplicate for f in self.files)

    @property
    def rows_repaired(self) -> int:
        return sum(f.rows_repaired for f in self.files)

    def __str__(self) -> str:
        text = (
            f"{self.source}: {len(self.files)} file{'' if len(self.files) == 1 else 's'}, "
            f"{self.rows_read:,} rows read = {self.rows_loaded:,} loaded ({self.rows_repaired:,} repaired) + "
            f"{self.rows_quarantined:,} set aside + {self.rows_duplicate:,} there already"
        )
        if self.known:
            text += f"; loaded before and left out: {', '.join(self.known)}"
        return text


def source_names() -> list[str]:
    """The names that `source=` takes."""
    return members("footfall.sources", "SOURCE")


def find_source(name: str) -> Source:
    """The source called `name`. Raises UsageError, with the right names, when there is none."""
    found: Source = find("footfall.sources", name, "SOURCE", "source").SOURCE
    return found


def load(
    engine: Engine,
    patterns: Sequence[str | Path] | str | Path,
    source: str | None = None,
    mapping: str | Path | None = None,
    timezone: str = "UTC",
    progress: Progress | None = None,
) -> LoadReport:
    """Load raw files into the shop, once each; a newer file adds only its new rows.

    Args:
        patterns: files, folders or globs.
        source: name of a kind of raw data (`source_names()`); with `mapping`, the name inside it is the default.
        mapping: a TOML file that maps one's own columns (see `mapped.py`).
        timezone: IANA zone of time stamps that state no offset.
        progress: called with (bytes done, bytes in all, what is being read).

    Raises:
        UsageError: no such source or time zone; neither source nor mapping.
        FootfallError: a file that is missing, empty, binary, damaged, or without a column that is needed.
            Nothing is loaded then.
    """
    if mapping is not None:
        name, declared = read_mapping(mapping)
        name = source or name
    elif source:
        name, declared = source, find_source(source)
    else:
        raise UsageError(f"say which source the files are from: {', '.join(source_names())}; or give a mapping")
    timezone = declared.timezone or timezone
    zone(timezone)
    create_tables(engine)
    listed = [patterns] if isinstance(patterns, str | Path) else list(patterns)
    plans, skipped = _plan(engine, name, declared, listed)
    load_id = 1 + (engine.value("select max(load_id) from loads") or 0)
    if all(t.known for t in plans):
        return _nothing_new(engine, load_id, name, plans, skipped)
    wanted = tuple(t for t in plans if not t.known or _looked_up(declared, t.role))
    job = Job(engine, name, declared, wanted, Meter(engine, [t.file for t in wanted], progress))
    prepare(engine, timezone)
    try:
        _stage_all(job)
        job.meter.finish("writing the tables")
        with engine.transaction():
            for fill in declared.fills:
                _fill(job, fill, load_id)
            findings = _findings(job, load_id)
            files = _file_rows(engine, load_id, name, plans)
            _write(engine, "loads", files)
            _write(engine, "quality", findings)
            for role in declared.roles:
                _quarantine(job, role, load_id)
            publish_views(engine)
            refresh_known(engine)
    finally:
        drop_staged(job)
    known = tuple(str(t.file.path) for t in plans if t.known)
    return LoadReport(load_id, name, files, findings, known, skipped)


def _plan(
    engine: Engine, name: str, source: Source, patterns: Sequence[str | Path]
) -> tuple[list[Tally], tuple[str, ...]]:
    """The files, each with its role and fingerprint, and those of folders that are of no use."""
    chosen: list[tuple[RawFile, Role]] = []
    skipped: list[str] = []
    for path, by_name in find_files(patterns):
        try:
            file = look_at(engine, path)
            role = role_of(source, name, file)
        except FootfallError:
            if by_name or path.suffix.lower() not in (".txt", ".json"):
                raise
            role = None
        if role is None:
            if by_name:
                raise FootfallError(
                    f"source '{name}' has no use for '{path}'; it reads "
                    + ", ".join(f"{' or '.join(r.files)} ({r.name})" for r in source.roles)
                )
            skipped.append(str(path))
            continue
        if not role.header and file.kind == "csv":
            file = replace(file, columns=role.columns)
        chosen.append((file, role))
    if not chosen:
        raise FootfallError(f"none of the {len(skipped)} files is one that source '{name}' reads: {skipped[0]}")
    lost = [r for r in source.roles if r.required and r.name not in {c.name for _, c in chosen}]
    if lost:
        raise FootfallError(
            f"source '{name}' also needs a file {' or '.join(lost[0].files)} ({lost[0].name}) in the same load"
        )
    with ThreadPoolExecutor(2) as pool:
        files = list(pool.map(fingerprint, [f for f, _ in chosen]))
    before = {
        (str(r[0]), str(r[1])) for r in engine.rows("select fingerprint, role from loads where source = ?", [name])
    }
    tallies = []
    for file, (_, role) in zip(files, chosen, strict=True):
        tallies.append(Tally(file, role.name, known=(file.fingerprint, role.name) in before))
        before.add((file.fingerprint, role.name))
    return tallies, tuple(skipped)


def _looked_up(source: Source, role: str) -> bool:
    return any(f"staged_{role}" in fill.select for fill in source.fills)


def _stage_all(job: Job) -> None:
    """Stage every role; packed files are checked to their end beside it, on another core."""
    with ThreadPoolExecutor(1) as pool:
        counts = {n: pool.submit(count_breaks, t.file) for n, t in enumerate(job.tallies) if t.file.packed}
        for role in job.source.roles:
            stage(job, role)
        for number, tally in enumerate(job.tallies):
            breaks = counts[number].result() if number in counts else 0
            if tally.quarantined and tally.file.kind == "csv":
                right_lines(job, number, breaks or count_breaks(tally.file))


def _fill(job: Job, fill: Fill, load_id: int) -> None:
    """Insert what `fill` selects into `facts.<table>`."""
    engine, table = job.engine, TABLES[fill.table]
    given = engine.columns(f"({fill.select})")
    for column in given:
        table.column(column)
    extra = [f"{literal(job.name)} as source", f"{load_id}::BIGINT as load_id"]
    own = [c.name for c in table.columns]
    sql = fill.select
    if table.name == "series":
        sql = ready_sql(sql, given)
        given = engine.columns(f"({sql})")
    if "known_at" in own and "occurred_at" in own:
        known = "coalesce(known_at, occurred_at)" if "known_at" in given else "occurred_at"
        rest = "* exclude (known_at)" if "known_at" in given else "*"
        sql = f"select {rest}, {known} as known_at from ({sql})"
    if "row_hash" in given:
        engine.execute(f"insert into facts.{table.name} by name select *, {', '.join(extra)} from ({sql})")
        return
    key = table.key or tuple(c for c in given)
    hashed = f"hash({literal(table.name)}, {', '.join(quoted(k) for k in key)}) as row_hash"
    engine.execute(f"create or replace temp table filling as select *, {hashed} from ({sql})")
    if has_facts(engine, table.name, job.name):
        mine = f"source = {literal(job.name)}"
        if fill.replace:
            engine.execute(
                f"delete from facts.{table.name} where {mine} and row_hash in (select row_hash from filling)"
            )
        else:
            engine.execute(
                f"delete from filling where row_hash in (select row_hash from facts.{table.name} where {mine} "
                f"union all {checked_out_sql(table.name, job.name)})"
            )
    engine.execute(f"insert into facts.{table.name} by name select *, {', '.join(extra)} from filling")


def _findings(job: Job, load_id: int) -> tuple[Finding, ...]:
    found: list[Finding] = []
    for role in job.source.roles:
        tallies = [t for _, t in job.of(role) if not t.known]
        read = sum(t.read for t in tallies)
        if not read:
            continue
        found += _of_asides(job, role, load_id, read)
        found += _of_flags(job, role, load_id, read)
        double = sum(t.duplicate for t in tallies)
        if double:
            effect = "the first copy counts, so nothing is counted twice"
            name = "row there already"
            found.append(
                Finding(
                    load_id,
                    job.name,
                    role.into or role.name,
                    name,
                    "duplicate",
                    "",
                    double,
                    double / read,
                    "",
                    "set aside",
                    effect,
                )
            )
    return tuple(found)


def _of_asides(job: Job, role: Role, load_id: int, read: int) -> list[Finding]:
    checks = {c.name: c for c in asides(role)}
    known = ", ".join(str(n) for n, t in job.of(role) if t.known) or "-1"
    rows = job.engine.rows(
        f"""select reason, count(*), to_json(list(left(raw, 160) order by file_no, line)[:3])::VARCHAR
            from aside_{role.name} where file_no not in ({known}) group by reason order by reason"""
    )
    found = []
    for reason, count, examples in rows:
        check = checks.get(reason)
        found.append(
            Finding(
                load_id,
                job.name,
                role.into or role.name,
                reason,
                check.kind if check else "malformed",
                check.column if check else "",
                count,
                count / read,
                examples,
                "set aside",
                (check.effect if check else "") or "left out of all answers; see the table quarantine",
            )
        )
    return found


def _of_flags(job: Job, role: Role, load_id: int, read: int) -> list[Finding]:
    """Findings on rows that stay, and the number of repaired rows of each file."""
    checks = flagged(role)
    counts = ", ".join(f"count(*) filter (flags & {1 << i} > 0)" for i in range(len(checks)))
    mending = sum(1 << i for i, c in enumerate(checks) if c.action == "repaired")
    total = [0] * len(checks)
    for number, repaired, *each in job.engine.rows(
        f"select file_no, count(*) filter (flags & {mending} > 0), {counts} from new_{role.name} "
        "where flags > 0 group by file_no"
    ):
        job.tallies[number].repaired = repaired
        total = [a + b for a, b in zip(total, each, strict=True)]
    found = []
    for i, (check, count) in enumerate(zip(checks, total, strict=True)):
        if not count:
            continue
        examples = job.engine.value(
            f"""select to_json(list_sort(list(distinct left(text, 80))))::VARCHAR from (
                select {example_sql(role, i)} as text from new_{role.name} where flags & {1 << i} > 0 limit 3
            ) where text <> ''"""
        )
        found.append(
            Finding(
                load_id,
                job.name,
                role.into or role.name,
                check.name,
                check.kind,
                check.column,
                count,
                count / read,
                examples or "",
                check.action,
                check.effect,
            )
        )
    return found


def _quarantine(job: Job, role: Role, load_id: int) -> None:
    paths = [(n, str(t.file.path)) for n, t in job.of(role) if not t.known]
    if not paths:
        return
    named = " ".join(f"when {n} then {literal(p)}" for n, p in paths)
    job.engine.execute(
        f"""insert into quarantine by name
            select {load_id}::BIGINT as load_id, {literal(job.name)} as source, case file_no {named} end as file,
              line, reason, raw
            from aside_{role.name} where file_no in ({", ".join(str(n) for n, _ in paths)})
            order by file_no, line"""
    )


def _file_rows(engine: Engine, load_id: int, name: str, tallies: Sequence[Tally]) -> tuple[FileRow, ...]:
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = []
    for t in tallies:
        if t.known:
            # Of a file that was loaded before, everything is there already: that is all there is to say of it.
            t.read = engine.value(
                "select max(rows_read) from loads where source = ? and fingerprint = ? and role = ?",
                [name, t.file.fingerprint, t.role],
            ) or next(o.read for o in tallies if o.file.fingerprint == t.file.fingerprint and not o.known)
            t.duplicate, t.quarantined, t.repaired = t.read, 0, 0
        t.loaded = t.read - t.quarantined - t.duplicate
        rows.append(
            FileRow(
                load_id,
                name,
                t.role,
                str(t.file.path),
                t.file.fingerprint,
                t.file.size,
                t.read,
                t.loaded,
                t.quarantined,
                t.duplicate,
                t.repaired,
                now,
            )
        )
    return tuple(rows)


def _nothing_new(
    engine: Engine, load_id: int, name: str, tallies: Sequence[Tally], skipped: tuple[str, ...]
) -> LoadReport:
    files = _file_rows(engine, load_id, name, tallies)
    with engine.transaction():
        _write(engine, "loads", files)
    return LoadReport(load_id, name, files, (), tuple(str(t.file.path) for t in tallies), skipped)


def _write(engine: Engine, table: str, rows: Sequence[FileRow] | Sequence[Finding]) -> None:
    if rows:
        names = [f.name for f in fields(rows[0])]
        given = values_sql(names, [[getattr(r, n) for n in names] for r in rows])
        engine.execute(f"insert into {table} by name {given}")
