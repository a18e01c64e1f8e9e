"""Saved models: cards, comparison, promotion, removal, and the same scores from a copied folder in a fresh process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from footfall.answers import (
    Context,
    add_model,
    backtest,
    compare_models,
    fit,
    list_models,
    load_predictor,
    model_card,
    predict,
    promote_model,
    remove_model,
)
from footfall.answers.cards import limits
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.tasks import Task
from footfall.windows import orders
from seeded_shop import BUY, SMALL, day, seeded_shop

LATER = Task("buy-14d", "customer", orders.any(), "14d", among=orders.any().past())


@pytest.fixture
def context(tmp_path: Path) -> Context:
    engine = DuckDBEngine(threads=1)
    seeded_shop(engine, customers=120)
    return Context(engine, tmp_path / "models", "UTC", replace(SMALL, tests=1))


@pytest.fixture
def saved(context: Context) -> Context:
    for model in ("baseline", "logistic"):
        fit(context, BUY, model)
    fit(context, BUY, "baseline", day(90))
    return context


def test_a_promoted_model_answers_until_it_is_demoted(saved: Context) -> None:
    newest = load_predictor(saved, BUY, day(120)).model
    other = {"baseline": "logistic", "logistic": "baseline"}[newest]
    done = promote_model(saved, BUY, other, day(120))
    assert done and done["promoted"] and done["model"] == other
    assert load_predictor(saved, BUY, day(120)).model == other
    assert load_predictor(saved, BUY, day(120), newest).model == newest, "asked for by name, that one answers"
    assert {str(m) for m in predict(saved, BUY).column("model").to_pylist()} == {other}
    assert [m["model"] for m in list_models(saved, BUY.name) if m["promoted"]] == [other]
    fit(saved, BUY, other)
    assert load_predictor(saved, BUY, day(120)).model == other, "fitted anew it stays promoted"
    assert promote_model(saved, BUY, None) is None
    assert not any(m["promoted"] for m in list_models(saved))


def test_a_promoted_model_that_knows_too_much_does_not_answer_and_that_is_said(saved: Context) -> None:
    promote_model(saved, BUY, "logistic")
    heard: list[str] = []
    listening = replace(saved, progress=heard.append)
    assert load_predictor(listening, BUY, day(100)).trained.at == day(90)
    assert any("the promoted model knows what came after" in h for h in heard)


def test_the_card_says_what_it_answers_what_it_learnt_from_and_what_it_cannot_do(saved: Context) -> None:
    card, text = model_card(saved, BUY, "logistic")
    for part in ("task", "sentence", "features", "cutoffs", "trained", "metrics", "versions", "limits"):
        assert part in card, part
    assert "never tested on later data" in text and "footfall" in text
    assert "days since the last order" not in text and "orders_recency" in text
    assert any(card["caution"] == one for one in card["limits"]) == bool(card["caution"])
    folder = saved.models / str(list_models(saved, BUY.name)[0]["path"])
    assert (folder / "card.md").read_text(encoding="utf-8").startswith("# buy-7d: ")
    backtest(saved, BUY, ["logistic"], 1)
    fit(saved, BUY, "logistic")
    card, text = model_card(saved, BUY, "logistic", day(120))
    assert "log_loss" in card["metrics"] and "never tested" not in text and "log loss 0." in text
    assert any("sample" in one for one in limits({"trained": {**card["trained"], "sampled": 0.25}}))


def test_a_comparison_tells_metrics_size_and_span(saved: Context) -> None:
    backtest(saved, BUY, ["logistic"], 1)
    rows = {(r["model"], r["cutoff"]): r for r in compare_models(saved, BUY)}
    assert len(rows) == 3
    tested = rows["logistic", day(120)]
    assert tested["tested"] == "the last backtest" and 0 < tested["log_loss"] < 1 and tested["bytes"] > 1000
    assert tested["rows"] > 0 and tested["learnt_from"] < tested["learnt_to"] < "2024-04-30"
    with pytest.raises(FootfallError, match="no saved model of buy-14d; run: footfall fit buy-14d"):
        compare_models(saved, LATER)


def test_a_removal_names_its_model_and_spares_the_promoted_one(saved: Context) -> None:
    with pytest.raises(UsageError, match="baseline was saved of 2024-04-30, 2024-03-31; say which with --at"):
        remove_model(saved, BUY, "baseline")
    with pytest.raises(FootfallError, match="no saved model of buy-7d called boosted; there are "):
        remove_model(saved, BUY, "boosted")
    promote_model(saved, BUY, "logistic")
    with pytest.raises(FootfallError, match="is the promoted one, which predict uses; promote another first"):
        remove_model(saved, BUY, "logistic")
    folder = saved.models / "buy-7d" / "logistic"
    assert folder.exists()
    gone, left = remove_model(saved, BUY, "logistic", promoted=True)
    assert gone["model"] == "logistic" and left and left["model"] == "baseline" and not folder.exists()
    remove_model(saved, BUY, "baseline", day(120))
    _, left = remove_model(saved, BUY, "baseline")
    assert left is None and list_models(saved) == [] and not (saved.models / "buy-7d").exists()
    with pytest.raises(FootfallError, match="no saved model of buy-7d"):
        load_predictor(saved, BUY)


def test_a_path_that_leads_out_of_the_models_is_not_removed(saved: Context, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    saved.engine.execute("update models set path = '../mine' where model = 'logistic'")
    with pytest.raises(FootfallError, match="leads out of"):
        remove_model(saved, BUY, "logistic")
    assert (tmp_path / "mine").exists()


FRESH = """
import json, sys
from pathlib import Path
import pyarrow.parquet as pq
import numpy as np
from datetime import datetime
from footfall.tabular import Matrix, Predictor
from footfall.tasks import Task
from footfall.windows import orders
folder, data = Path(sys.argv[1]), sys.argv[2]
task = Task("buy-7d", "customer", orders.any(), "7d", among=orders.any().past())
table = pq.read_table(data)
zero = np.zeros(table.num_rows, dtype=np.int64)
matrix = Matrix(table, (datetime(2024, 4, 30),), zero, zero, np.ones(table.num_rows))
found = Predictor.load(folder, task).predict(matrix)
print(json.dumps([found.value.tolist(), found.lower.tolist(), found.upper.tolist()]))
"""


@pytest.mark.parametrize(
    "model",
    ["boosted", *(pytest.param(m, marks=pytest.mark.slow) for m in ("baseline", "logistic", "boosted+logistic"))],
)
def test_a_copied_folder_gives_the_same_scores_in_a_fresh_process(context: Context, tmp_path: Path, model: str) -> None:
    """As on another machine: nothing but the folder goes along, and every bit is the same."""
    import pyarrow.parquet as pq

    from footfall.answers import ready

    fit(context, BUY, model)
    saved = list_models(context, BUY.name)[0]
    one = ready(context, [BUY], fit=False)[BUY.name]
    matrix = one.table.matrix(BUY, [day(120)], target=False)
    here = load_predictor(context, BUY).predict(matrix)
    pq.write_table(matrix.table, tmp_path / "rows.parquet")
    shutil.copytree(context.models / str(saved["path"]), tmp_path / "elsewhere")
    done = subprocess.run(
        [sys.executable, "-c", FRESH, str(tmp_path / "elsewhere"), str(tmp_path / "rows.parquet")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    value, lower, upper = (np.array(x) for x in json.loads(done.stdout.strip().splitlines()[-1]))
    assert value.tolist() == here.value.tolist()
    assert lower.tolist() == here.lower.tolist() and upper.tolist() == here.upper.tolist()


def test_a_folder_from_another_machine_is_brought_in(saved: Context, tmp_path: Path) -> None:
    shutil.copytree(saved.models / "buy-7d" / "logistic" / "2024-04-30T000000", tmp_path / "brought")
    there = DuckDBEngine(threads=1)
    seeded_shop(there, customers=120)
    other = Context(there, tmp_path / "there", "UTC", SMALL)
    row = add_model(other, [BUY], tmp_path / "brought")
    assert (row["task"], row["model"], row["cutoff"]) == ("buy-7d", "logistic", datetime(2024, 4, 30))
    theirs, ours = (predict(c, BUY, model="logistic").sort_by("customer_id") for c in (other, saved))
    assert theirs.column("chance").to_pylist() == ours.column("chance").to_pylist()
    with pytest.raises(FootfallError, match="answers 'buy-7d', a task this shop does not know"):
        add_model(other, [LATER], tmp_path / "brought")
    with pytest.raises(FootfallError, match="holds no saved model"):
        add_model(other, [BUY], tmp_path)
