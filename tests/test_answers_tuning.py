"""Tuned and joined models by the verbs: what is written, saved, found again, compared, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from footfall.answers import Context, fit, predict, saved_models
from footfall.answers import backtest as backtested
from footfall.cli import main
from footfall.engine import DuckDBEngine
from footfall.errors import UsageError
from footfall.simulate import toy
from footfall.tables import RESULTS
from footfall.tabular import Predictor
from seeded_shop import BUY, SMALL, day, seeded_shop

pytestmark = pytest.mark.skipif(find_spec("optuna") is None, reason="tuning needs Optuna (the extra footfall[tune])")
STACK = "stacking:logistic+boosted"


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    engine = DuckDBEngine(threads=2)
    seeded_shop(engine, customers=120)
    return Context(engine, tmp_path_factory.mktemp("shop") / "models", "UTC", replace(SMALL, tests=1))


def test_a_tuned_fit_is_saved_written_and_found_again(context: Context) -> None:
    with pytest.raises(
        UsageError, match=r"logistic was not tuned for buy-7d before .* fit buy-7d --model logistic --tune"
    ):
        fit(context, BUY, "tuned:logistic", day(113))
    made = fit(context, BUY, "logistic", day(113), "5")
    assert isinstance(made, Predictor) and made.model == "tuned:logistic"
    rows = context.engine.fetch("select * from tuning order by trial").to_pylist()
    assert [r["trial"] for r in rows] == list(range(6))
    assert set(rows[0]) == {c.name for c in RESULTS["tuning"].columns}
    assert {(r["task"], r["model"], r["cutoff"]) for r in rows} == {("buy-7d", "logistic", day(113))}
    assert sum(r["chosen"] for r in rows) == 1
    assert json.loads(next(r["settings"] for r in rows if r["chosen"])) == made.tuned["tuned:logistic"]
    # Saved under a name that any file system takes, and answering at once.
    (saved,) = saved_models(context.engine, "buy-7d")
    assert saved["model"] == "tuned:logistic" and ":" not in str(saved["path"])
    assert predict(context, BUY, day(113)).column("model")[0].as_py() == "tuned:logistic"
    # Later, and by another trainer, the settings found before are used; earlier they are not known yet.
    context.kept.clear()
    later = fit(context, BUY, "tuned:logistic", day(120))
    assert isinstance(later, Predictor) and later.tuned == made.tuned
    context.kept.clear()
    with pytest.raises(UsageError, match="was not tuned"):
        fit(context, BUY, "tuned:logistic", day(106))


def test_more_trials_go_on_and_the_same_number_changes_nothing(context: Context) -> None:
    first = context.engine.fetch("select * exclude (made_at) from tuning where trial > 0 order by trial").to_pylist()
    assert len(first) == 5
    context.kept.clear()
    fit(context, BUY, "logistic", day(113), "8")
    rows = context.engine.fetch("select * exclude (made_at) from tuning where trial > 0 order by trial").to_pylist()
    keep = [c for c in rows[0] if c != "chosen"]
    assert [[r[c] for c in keep] for r in rows[:5]] == [[r[c] for c in keep] for r in first], "not tried again"
    assert len(rows) == 8


def test_a_backtest_tunes_before_each_test_and_compares_with_the_untuned(context: Context) -> None:
    done = backtested(context, BUY, ["logistic"], 2, tune="3")
    assert [r["model"] for r in done.comparison if "logistic" in r["model"]].count("tuned:logistic") == 1
    assert {r["model"] for r in done.comparison} == {"baseline", "logistic", "tuned:logistic"}
    found = context.engine.rows("select distinct cutoff from tuning where cutoff in (?, ?)", list(done.cutoffs))
    assert {r[0] for r in found} == set(done.cutoffs)
    with pytest.raises(UsageError, match="baseline has no setting to tune; name another"):
        backtested(context, BUY, ["baseline"], 1, tune="3")
    with pytest.raises(UsageError, match="'soon' is no budget"):
        backtested(context, BUY, ["logistic"], 1, tune="soon")


def test_the_comparison_is_written_and_folds_are_asked_for(context: Context) -> None:
    backtested(context, BUY, ["logistic", "boosted", STACK], 1, folds=3)
    rows = context.engine.fetch("select * from comparison where task = 'buy-7d' order by mean").to_pylist()
    assert {r["model"] for r in rows} == {"baseline", "logistic", "boosted", STACK}
    assert {r["folds"] for r in rows} == {3}
    assert all(r["made_at"] is not None and r["words"] for r in rows)
    stack = fit(context, BUY, STACK, day(120))
    assert isinstance(stack, Predictor)
    (row,) = [m for m in saved_models(context.engine, "buy-7d") if m["model"] == STACK]
    again = Predictor.load(context.models / str(row["path"]), BUY)
    assert again.weights == stack.weights and np.isclose(sum(again.weights.values()), 1)


Line = Callable[..., tuple[int, str, str]]


@pytest.fixture
def line(capsys: pytest.CaptureFixture[str]) -> Line:
    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return run


def test_the_command_line_says_side_by_side_and_what_was_tuned(line: Line, tmp_path: Path) -> None:
    raw = toy.write_toy(tmp_path / "raw")
    (tmp_path / "tasks.toml").write_text(
        '[tasks.order-7d]\nentity = "customer"\ntarget = "orders.any()"\nhorizon = "7d"\n'
        'among = "orders.any().past()"\n'
    )
    shop = tmp_path / "shop.duckdb"
    assert line("--shop", shop, "--quiet", "load", raw, "--source", "simulated")[0] == 0
    code, out, err = line(
        "--shop",
        shop,
        "--quiet",
        "backtest",
        "order-7d",
        "--cutoffs",
        1,
        "--models",
        "logistic,tree,voting:logistic+tree",
    )
    assert code == 0, err
    assert "side by side, the best first" in out and "held out" in out and "is no verdict" in out
    assert "worth it" in out and "learnt in" in out
    code, out, err = line("--shop", shop, "--quiet", "fit", "order-7d", "--model", "logistic", "--tune", "3", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["model"] == "tuned:logistic" and list(told["settings"]) == ["tuned:logistic"]
    code, out, err = line("--shop", shop, "--quiet", "fit", "order-7d", "--model", "stacking:logistic+tree")
    assert code == 0 and "weights: logistic 0." in out
    code, _, err = line("--shop", shop, "--quiet", "fit", "order-7d", "--tune", "lots")
    assert code == 2 and "'lots' is no budget of a search" in err
    code, _, err = line("--shop", shop, "--quiet", "backtest", "category-week", "--tune", "5m")
    assert code != 0
    code, out, err = line("--shop", shop, "--quiet", "report", tmp_path / "r.html")
    assert code == 0, err
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "Which model, and at what price" in page and "Settings tried for logistic" in page
