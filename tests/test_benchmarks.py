"""The benchmarks can be found, listed and started; what they measure is theirs to say."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks import data
from benchmarks.__main__ import benchmarks, main

QUALITY = {"clv", "coverage", "lab", "oracle", "taobao", "who_buys"}


def test_benchmarks_are_found_by_file_name() -> None:
    found = benchmarks()
    assert found.keys() >= QUALITY
    assert not found.keys() & {"data", "peer_sql", "__main__"}
    assert all(found.values())


@pytest.mark.parametrize("name", sorted(QUALITY))
def test_modules_import_and_say_what_they_do(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert callable(module.run)
    assert len(module.ABOUT) > 100
    assert isinstance(getattr(module, "SEED", 0), int)


def test_the_list_and_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    assert "who_buys" in capsys.readouterr().out
    assert main(["who_bus"]) == 2
    assert "did you mean 'who_buys'" in capsys.readouterr().err


def test_absent_data_is_skipped_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(data, "ROOT", tmp_path)
    assert main(["taobao", "who_buys", "clv", "--out", str(tmp_path / "results")]) == 0
    out = capsys.readouterr().out
    for name in ("taobao", "online_retail", "cdnow"):
        assert f"skipped: real data '{name}' is not here" in out
    assert not (tmp_path / "results").exists()


def test_a_result_is_written_twice_without_paths_of_the_machine(tmp_path: Path) -> None:
    rows = [{"model": "ours", "auc": np.float64(0.75), "n": 4000}, {"model": "peer", "auc": 0.5, "n": None}]
    result = data.Result("About.", 3, [data.Table("title", rows)], {"better": True, "calibrated": False}, ["a note"])
    result.write(tmp_path, "toy", 1.26)
    text = (tmp_path / "toy.md").read_text()
    assert "| ours  | 0.7500 | 4,000 |" in text
    assert "- met: better" in text
    assert "- NOT met: calibrated" in text
    assert "python -m benchmarks toy" in text
    body = json.loads((tmp_path / "toy.json").read_text())
    assert body["tables"][0]["rows"][0] == {"model": "ours", "auc": 0.75, "n": 4000}
    assert body["seconds"] == 1.3
    assert str(Path.cwd()) not in json.dumps(body)
