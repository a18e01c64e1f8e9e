"""Engineered and selected features, and satisfaction, from the command line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from content_shop import content_shop
from footfall.cli import main
from footfall.engine import DuckDBEngine

Run = Callable[..., str]
TASKS = """
[tasks.soon]
entity = "customer"
target = "orders.any()"
horizon = "7d"
among = "orders.any().past()"
[tasks.content]
entity = "customer"
target = "reviews.mean('rating')"
horizon = "30d"
among = "orders.any().past('90d')"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("content") / "shop.duckdb"
    engine = DuckDBEngine(path, threads=1)
    content_shop(engine, customers=120)
    engine.close()
    (path.parent / "tasks.toml").write_text(TASKS)
    return path


@pytest.fixture
def footfall(shop: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*line: str, code: int = 0) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main(["--shop", str(shop), "--quiet", *line])
        said = capsys.readouterr()
        assert int(stopped.value.code or 0) == code, said.err
        return said.out if code == 0 else said.err

    return run


def test_a_backtest_sets_engineered_and_selected_beside_plain(footfall: Run) -> None:
    line = ("backtest", "soon", "--models", "logistic", "--cutoffs", "1", "--folds", "0", "--engineer", "--select")
    said = footfall(*line)
    names = ("logistic", "engineered:logistic", "selected:logistic", "selected:engineered:logistic")
    rows = json.loads(footfall("sql", "select distinct model from evaluations where task = 'soon'", "--json"))
    assert {r["model"] for r in rows} == {"baseline", *names}
    assert all(name in said for name in names)
    assert "against" in said, "and says in words which is worth it"


def test_a_fit_tells_what_is_read_and_predict_and_explain_follow_it(footfall: Run) -> None:
    said = footfall("fit", "soon", "--model", "logistic", "--engineer", "--select")
    found = re.search(r"reads (\d+) of (\d+) features, the most important first: (\S+)", said)
    assert found and 5 <= int(found[1]) < int(found[2])
    assert footfall("predict", "soon", "--model", "selected:engineered:logistic", "--top", "3")
    (card,) = json.loads(
        footfall("sql", "select card from models where model = 'selected:engineered:logistic'", "--json")
    )
    selection = json.loads(card["card"])["trained"]["selection"]
    assert sum(s["kept"] for s in selection) == int(found[1]) and len(selection) == int(found[2])
    card_text = footfall("models", "card", "soon", "selected:engineered:logistic")
    assert f"Kept {found[1]} of {found[2]} features" in card_text
    why = json.loads(footfall("explain", "soon", "--top", "3", "--json"))
    assert why and not [r for r in why if r["feature"].startswith(("log_", "rank_", "hash_", "share_"))]
    row = json.loads(footfall("fit", "soon", "--model", "logistic", "--engineer", "--json"))
    assert row["model"] == "engineered:logistic"


def test_features_are_made_for_single_models(footfall: Run) -> None:
    assert "for a single model" in footfall("fit", "soon", "--model", "voting", "--select", code=2)
    assert "read the same features" in footfall("fit", "soon", "--model", "engineered:boosted+logistic", code=2)


def test_satisfaction_is_tested_fitted_told_and_on_the_page(footfall: Run, shop: Path) -> None:
    said = footfall("backtest", "content", "--cutoffs", "1", "--all")
    assert {"linear", "boosted", "baseline"} <= set(said.split()) and "r2" in said and "mae" in said
    footfall("fit", "content", "--model", "linear")
    rows = json.loads(footfall("predict", "content", "--top", "1000", "--json"))
    assert all(1 <= r["lower"] <= r["amount"] <= r["upper"] <= 5 for r in rows)
    told = footfall("insights", "satisfaction")
    assert "By age, the average rating is highest for ages" in told and "By income" not in told
    assert "insight_satisfaction_by_spend" in told
    page = shop.parent / "report.html"
    footfall("report", str(page))
    text = page.read_text(encoding="utf-8")
    assert "How content they are" in text and "Average rating of a review, by age" in text
    assert json.loads(footfall("sql", "select unit from questions where task = 'content'", "--json")) == [
        {"unit": "number"}
    ]
