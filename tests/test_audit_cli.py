"""The verb `audit` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pyarrow import csv, parquet

from footfall.cli import main
from leaky import by_time, clean, table


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with one leak in it."""
    columns = by_time(clean(n=600))
    columns["points"] = [v * 3 for v in columns["target"]]
    columns["bought"] = columns.pop("target")
    path = tmp_path_factory.mktemp("mine") / "mine.csv"
    csv.write_csv(table(columns), path)
    return path


def said(capsys: pytest.CaptureFixture[str], *line: object) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in line])
    out = capsys.readouterr()
    return int(stopped.value.code or 0), out.out, out.err


LINE = ("--target", "bought", "--cutoff-column", "cutoff", "--with", "split=part,horizon=30d")


def test_a_table_is_audited_without_a_shop(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = said(capsys, "audit", "--table", mine, *LINE, "--out", "audit.parquet")
    assert code == 0, err
    assert "SUSPECT  single   points: alone it reaches AUC 1.000" in out
    assert "clean    overlap" in out and "not run  late" in out
    assert out.splitlines()[-1].startswith("mine.csv: It is suspect in single; could not be looked at: late.")
    assert [p.name for p in tmp_path.iterdir()] == ["audit.parquet"], "no shop is left behind"
    rows = parquet.read_table(tmp_path / "audit.parquet").to_pylist()
    assert [r["feature"] for r in rows if r["verdict"] == "suspect"] == ["points"]


def test_json(mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = said(capsys, "audit", "--table", mine, *LINE, "--json")
    assert code == 0
    rows = json.loads(out)
    assert {"task", "check_name", "feature", "verdict", "value", "lower", "upper", "threshold", "words"} == set(rows[0])
    assert [(r["check_name"], r["feature"]) for r in rows if r["verdict"] in ("leak", "suspect")] == [
        ("single", "points")
    ]


@pytest.mark.parametrize(
    "line, code, words",
    [
        (["--table", "nowhere.csv"], 1, "no file 'nowhere.csv'"),
        (["--table", "x.csv", "--with", "horizon"], 2, "write NAME=VALUE"),
        (["--table", "x.csv", "--with", "colour=red"], 2, "no role 'colour'"),
        (["--table", "x.csv", "--with", "horizon=soon"], 2, "'soon' is not a span"),
        (["buy-7d"], 1, "there is no shop"),
    ],
)
def test_what_is_wrong_is_one_line(
    line: list[str],
    code: int,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FOOTFALL_SHOP", raising=False)
    ended, out, err = said(capsys, "audit", *line)
    assert (ended, out) == (code, "") and words in err and "defect" not in err
    assert list(tmp_path.iterdir()) == []
