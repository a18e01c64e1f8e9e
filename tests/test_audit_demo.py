"""The demonstration holds in small, and the how-to tells the figures of the benchmark."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from benchmarks.audit_demo import PLANTED, STUDY, TASK, demonstrate, result

from footfall.shop import Shop
from footfall.simulate import simulate
from footfall.tabular import Settings

REPOSITORY = Path(__file__).resolve().parents[1]
PAGE = REPOSITORY / "docs" / "how-to" / "audit-for-leaks.md"


def test_the_study_flatters_and_the_audit_names_why(tmp_path: Path) -> None:
    simulate(tmp_path / "raw", customers=500, days=200, seed=3)
    settings = Settings(cutoffs=5, rehearsals=1, tests=1, workers=1)
    with Shop(tmp_path / "shop.duckdb", settings, threads=1) as shop:
        shop.load(tmp_path / "raw", "simulated")
        shown = demonstrate(shop, tests=1, models=("logistic", "boosted"))
        shop.sql(STUDY.read_text(encoding="utf-8"), tmp_path / "study.csv")
        roles = {"cutoff": "cutoff", "split": "split", "horizon": "30d"}
        alone = shop.audited(table=tmp_path / "study.csv", roles=roles)
    assert shown.study["boosted"] > 0.9
    assert {f.check for f in shown.audit.found} >= set(PLANTED)
    named = {(f.check, f.feature) for f in shown.audit.found}
    assert {("future", "recency"), ("history", "cutoff"), ("history", "carts"), ("late", "actions")} <= named
    assert {f.feature for f in shown.audit.found if f.check == "future"} == {"recency"}
    assert shown.clean.found == []
    assert {(f.check, f.feature) for f in alone.found} >= {("history", None), ("overlap", None), ("future", "recency")}
    assert {f.check for f in alone.findings if f.verdict == "not run"} == {"late", "split"}, "a table does not say"
    told = result(shown)
    assert list(told.verdicts.values())[1:3] == [True, True]
    assert "is not there when it is used" in told.text("audit_demo")


def test_the_how_to_shows_the_query_and_the_figures_of_the_benchmark() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert STUDY.read_text(encoding="utf-8").strip() in page
    body = json.loads((REPOSITORY / "benchmarks" / "results" / "audit_demo.json").read_text(encoding="utf-8"))
    assert all(body["verdicts"].values())
    study, audit, again, honest, clean = (t["rows"] for t in body["tables"])
    for row in [*study, *honest]:
        assert f"{row['auc']:.3f}" in page, row
    gap = re.search(r"AUC (\d\.\d+).* it reaches AUC (\d\.\d+)", again[0]["words"])
    assert gap and gap[1] in page and gap[2] in page
    for row in audit:
        assert f"| {row['check']} | {row['verdict']} |" in page, row
    assert {r["verdict"] for r in clean} == {"clean"}
    assert TASK in page and "python -m benchmarks audit_demo" in page


def test_no_figure_of_the_page_is_from_elsewhere() -> None:
    page = PAGE.read_text(encoding="utf-8")
    known = (REPOSITORY / "benchmarks" / "results" / "audit_demo.md").read_text(encoding="utf-8")
    rounded = {f"{float(x):.3f}" for x in re.findall(r"\d\.\d{3,}", known)} | {".889", ".968"}
    told = re.findall(r"(?<![\d.])0\.\d{3}(?!\d)", page)
    assert told and [x for x in told if x not in rounded] == []


@pytest.mark.parametrize("word", ["customer_id", "cutoff", "target", "split"])
def test_the_study_names_its_roles(word: str) -> None:
    assert re.search(rf"(?:as )?{word}[,\n]", STUDY.read_text(encoding="utf-8"))
