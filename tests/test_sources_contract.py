"""What every source keeps: declared columns, accounting, the same file twice, a newer file."""

from __future__ import annotations

from pathlib import Path

import pytest

from footfall.engine import DuckDBEngine
from footfall.sources import LoadReport, find_source, load, source_names
from footfall.tables import TABLES
from source_samples import OWN_SUITES, SAMPLES, Sample, write


@pytest.fixture
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=2)


def facts(engine: DuckDBEngine) -> dict[str, int]:
    counts = {t: engine.value(f"select count(*) from facts.{t}") for t in TABLES}
    return {t: n for t, n in counts.items() if n}


def accounted(report: LoadReport) -> None:
    for f in report.files:
        assert f.rows_loaded + f.rows_quarantined + f.rows_duplicate == f.rows_read, f
        assert min(f.rows_loaded, f.rows_quarantined, f.rows_duplicate, f.rows_repaired) >= 0, f
        assert f.rows_repaired <= f.rows_loaded, f


def test_every_source_has_a_sample() -> None:
    assert set(source_names()) - set(OWN_SUITES) == set(SAMPLES), "add the new source to tests/source_samples.py"


@pytest.mark.parametrize("name", source_names())
def test_declaration_is_whole(name: str) -> None:
    source = find_source(name)
    assert source.meaning
    roles = [r.name for r in source.roles]
    assert len(set(roles)) == len(roles)
    for role in source.roles:
        assert set(role.key) <= set(role.values)
        assert not role.into or role.into in TABLES
        for check in role.checks:
            assert not check.column or check.column in role.all_columns, (role.name, check.name)
    for fill in source.fills:
        assert fill.table in TABLES


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_round_trip(name: str, engine: DuckDBEngine, tmp_path: Path) -> None:
    sample: Sample = SAMPLES[name]
    report = load(engine, [write(tmp_path, sample.files)], source=name)
    accounted(report)
    assert facts(engine) == sample.facts
    assert (report.rows_quarantined, report.rows_duplicate) == (sample.quarantined, sample.duplicate)
    assert engine.value("select count(*) from quarantine") == sample.quarantined
    assert engine.value("select count(*) from quarantine where raw is null or line is null") == 0
    assert engine.value("select sum(rows_read) from loads") == report.rows_read
    for sql, answer in sample.answers.items():
        assert engine.rows(sql) == answer, sql
    for table in TABLES.values():
        stored = list(engine.columns(f"facts.{table.name}"))
        assert stored == [c.name for c in table.stored]
        lost = "source is null or load_id is null or row_hash is null"
        if table.time:
            lost += " or occurred_at is null or known_at is null"
        assert engine.value(f"select count(*) from facts.{table.name} where {lost}") == 0, table.name
        assert engine.value(f"select count(*) = count(distinct row_hash) from facts.{table.name}"), (
            f"a row of {table.name} stands twice"
        )


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_second_load_adds_nothing(name: str, engine: DuckDBEngine, tmp_path: Path) -> None:
    folder = write(tmp_path, SAMPLES[name].files)
    first = load(engine, [folder], source=name)
    before = facts(engine), engine.value("select count(*) from quarantine")
    second = load(engine, [folder], source=name)
    accounted(second)
    assert second.rows_loaded == 0
    assert second.rows_read == first.rows_read == second.rows_duplicate
    assert len(second.known) == len(first.files)
    assert "loaded before" in str(second)
    assert (facts(engine), engine.value("select count(*) from quarantine")) == before
    assert second.load_id == first.load_id + 1


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_newer_file_adds_only_what_is_new(name: str, tmp_path: Path) -> None:
    """Old files, then the same ones with rows more, end as the longer ones do at once."""
    sample = SAMPLES[name]
    files = dict(sample.files)
    grown = {f: text + sample.more.get(f, "") for f, text in files.items()}
    assert grown != files, "the sample has no newer rows"
    steps, once = DuckDBEngine(threads=2), DuckDBEngine(threads=2)
    load(steps, [write(tmp_path / "old", files)], source=name)
    second = load(steps, [write(tmp_path / "new", grown)], source=name)
    accounted(second)
    load(once, [write(tmp_path / "new", grown)], source=name)
    assert facts(steps) == facts(once)
    grew = [f for f in second.files if Path(f.file).name in sample.more]
    assert sum(f.rows_loaded for f in grew) == sample.new_rows
    for table in facts(once):
        same = [c.name for c in TABLES[table].stored if c.name not in ("load_id",)]
        rows = f"select {', '.join(chr(34) + c + chr(34) for c in same)} from facts.{table} order by all"
        assert steps.rows(rows) == once.rows(rows), table
