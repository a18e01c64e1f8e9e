"""A row set aside once is known when a newer, overlapping export brings it again."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from footfall import quality
from footfall.engine import DuckDBEngine
from footfall.sources import LoadReport, load
from source_samples import SAMPLES, write

HEAD = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"


@pytest.fixture
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=2)


def row(time: str, user: str = "u1", price: str = "1.5") -> str:
    return f"{time},view,p1,c1,toys,acme,{price},{user},s1\n"


def counts(report: LoadReport) -> tuple[int, int, int, int]:
    for f in report.files:
        assert f.rows_read == f.rows_loaded + f.rows_quarantined + f.rows_duplicate, f
    return report.rows_read, report.rows_loaded, report.rows_quarantined, report.rows_duplicate


def put(folder: Path, name: str, *rows: str) -> Path:
    (folder / name).write_text(HEAD + "".join(rows))
    return folder / name


BAD, WORSE, SHORT = row("never"), row("not yet"), "2026-01-01 10:00:00 UTC,view\n"
GOOD = [row(f"2026-01-0{d} 10:00:00 UTC") for d in range(1, 6)]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_quarantine_after_two_exports_is_that_of_the_longer_one(name: str, tmp_path: Path) -> None:
    sample = SAMPLES[name]
    grown = {f: text + sample.more.get(f, "") for f, text in sample.files.items()}
    steps, once = DuckDBEngine(threads=2), DuckDBEngine(threads=2)
    load(steps, [write(tmp_path / "old", sample.files)], source=name)
    load(steps, [write(tmp_path / "new", grown)], source=name)
    load(once, [write(tmp_path / "new", grown)], source=name)
    rows = "select reason, raw from quarantine order by all"
    assert steps.rows(rows) == once.rows(rows)
    assert len(once.rows(rows)) >= sample.quarantined


def test_an_overlapping_export_brings_no_row_twice(engine: DuckDBEngine, tmp_path: Path) -> None:
    first = load(engine, put(tmp_path, "jan.csv", GOOD[0], BAD, SHORT), source="rees46")
    assert counts(first) == (3, 1, 2, 0)
    second = load(engine, put(tmp_path, "feb.csv", GOOD[1], SHORT, BAD, WORSE), source="rees46")
    assert counts(second) == (4, 1, 1, 2)
    assert engine.rows("select load_id, raw from quarantine order by load_id, line") == [
        (1, BAD.strip()),
        (1, SHORT.strip()),
        (2, WORSE.strip()),
    ]
    told = engine.rows("select check_name, rows from quality where load_id = 2 order by check_name")
    assert told == [("no readable time", 1), ("row there already", 2)]


def test_lines_of_what_is_new_stay_right(engine: DuckDBEngine, tmp_path: Path) -> None:
    load(engine, put(tmp_path, "a.csv", BAD, SHORT), source="rees46")
    load(engine, put(tmp_path, "b.csv", SHORT, BAD, GOOD[0], WORSE, GOOD[1]), source="rees46")
    assert engine.rows("select line, raw from quarantine where load_id = 2") == [(5, WORSE.strip())]


def test_equal_rows_of_one_file_are_each_set_aside_and_more_of_them_later_are_new(
    engine: DuckDBEngine, tmp_path: Path
) -> None:
    assert counts(load(engine, put(tmp_path, "a.csv", BAD, BAD, GOOD[0]), source="rees46")) == (3, 1, 2, 0)
    assert counts(load(engine, put(tmp_path, "b.csv", BAD, BAD, BAD, GOOD[1]), source="rees46")) == (4, 1, 1, 2)
    assert counts(load(engine, put(tmp_path, "c.csv", BAD, GOOD[2]), source="rees46")) == (2, 1, 0, 1)
    assert engine.value("select count(*) from quarantine") == 3


def test_two_overlapping_files_of_one_load(engine: DuckDBEngine, tmp_path: Path) -> None:
    put(tmp_path, "a.csv", BAD, GOOD[0])
    put(tmp_path, "b.csv", BAD, WORSE, GOOD[1])
    report = load(engine, tmp_path, source="rees46")
    assert counts(report) == (5, 2, 2, 1)
    assert [f.rows_duplicate for f in report.files] == [0, 1]


def test_another_source_or_reason_is_another_row(engine: DuckDBEngine, tmp_path: Path) -> None:
    other = SAMPLES["cdnow"]
    load(engine, write(tmp_path / "cdnow", other.files), source="cdnow")
    engine.execute("update quarantine set raw = ?", [BAD.strip()])
    assert counts(load(engine, put(tmp_path, "a.csv", BAD, GOOD[0]), source="rees46")) == (2, 1, 1, 0)
    engine.execute("update quarantine set reason = 'something else'")
    assert counts(load(engine, put(tmp_path, "b.csv", BAD, GOOD[1]), source="rees46")) == (2, 1, 1, 0)


def test_packed_json_lines(engine: DuckDBEngine, tmp_path: Path) -> None:
    def events(name: str, *ids: int) -> Path:
        texts = [
            json.dumps({"event_id": f"e{i}", "ts": f"2026-01-0{i}" if i < 6 else "?", "user": "u", "session": "s",
                        "type": "view", "items": []})
            for i in ids
        ]  # fmt: skip
        (tmp_path / name).write_bytes(gzip.compress("\n".join(texts).encode()))
        return tmp_path / name

    assert counts(load(engine, events("events-1.jsonl.gz", 1, 7, 2), source="simulated")) == (3, 2, 1, 0)
    assert counts(load(engine, events("events-2.jsonl.gz", 2, 7, 8, 3), source="simulated")) == (4, 1, 1, 2)


def test_what_a_check_of_the_shop_set_aside_stays_out(engine: DuckDBEngine, tmp_path: Path) -> None:
    """Such a row had been loaded: its hash is in its raw content."""
    odd = row("2099-01-01 10:00:00 UTC")
    many = [row(f"2026-01-01 10:00:{s:02} UTC", f"u{s}") for s in range(40)]
    assert counts(load(engine, put(tmp_path, "a.csv", odd, *many), source="rees46")) == (41, 41, 0, 0)
    quality.check(engine)
    assert engine.value("select count(*) from quarantine") == 1
    assert counts(load(engine, put(tmp_path, "b.csv", odd, *many, GOOD[1]), source="rees46")) == (42, 1, 0, 41)
    quality.check(engine)
    assert engine.value("select count(*) from quarantine") == 1
    assert engine.value("select count(*) from facts.events") == 41
