"""Estimators of scikit-learn's kind: by class, by object, kept safely, and joblib behind its one door."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from footfall.errors import FootfallError, UsageError
from footfall.models import find_model, joblib
from footfall.models.sklearn import SklearnModel, sampled
from footfall.tabular import blend_of

needs_skops = pytest.mark.skipif(not find_spec("skops"), reason="keeping a user's estimator needs the extra `skops`")


def data(n: int = 600, seed: int = 0) -> tuple[Any, Any]:
    dice = np.random.default_rng(seed)
    X = dice.normal(size=(n, 3))
    y = (dice.random(n) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(float)
    X[::8, 1] = np.nan
    return X, y


class Stub(LogisticRegression):
    """One that scikit-learn does not bring."""


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(30, min_samples_leaf=10),  # takes missing values and weights
        LogisticRegression(),  # takes weights
        KNeighborsClassifier(40),  # takes neither
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=lambda e: type(e).__name__,
)
def test_any_estimator_takes_part_under_its_name(estimator: Any):
    name = SklearnModel(estimator)
    assert isinstance(name, str) and name.startswith("sklearn:")
    X, y = data()
    weight = np.random.default_rng(1).integers(1, 4, len(y)).astype(float)
    model = find_model(name)("chance", seed=2).fit(X, y, weight)
    later, came = data(seed=5)
    p = model.predict(later)
    assert np.mean((p - came) ** 2) < 0.9 * came.var() and (p > 0).all() and (p < 1).all()
    assert not hasattr(estimator, "classes_")  # the object itself is not fitted
    assert blend_of(f"boosted+{name}").members == ("boosted", name)


def test_a_class_is_named_and_wrong_names_say_so():
    X, y = data()
    by_name = find_model("sklearn:sklearn.linear_model:LogisticRegression")("chance").fit(X, y).predict(X)
    by_object = find_model(SklearnModel(LogisticRegression(), "mine"))("chance").fit(X, y).predict(X)
    assert (by_name == by_object).all()
    for name, words in (
        ("sklearn:sklearn.nowhere:X", "there is no 'X' to import"),
        ("sklearn:sklearn.linear_model:Logistic", "there is no 'Logistic'"),
        ("sklearn:math:sqrt", "has not `fit` and `predict`"),
    ):
        with pytest.raises(UsageError, match=words):
            find_model(name)
    with pytest.raises(UsageError, match="names no class"):
        find_model("sklearn:unknown")("chance").fit(X, y)
    with pytest.raises(UsageError, match="no predict_proba"):
        find_model("sklearn:sklearn.linear_model:Ridge")("chance").fit(X, y)
    with pytest.raises(UsageError, match="has not `fit`"):
        SklearnModel(3)
    with pytest.raises(UsageError, match="leave out"):
        SklearnModel(LogisticRegression(), "a+b")


def test_two_objects_of_one_class_have_two_names():
    one, same, two = (SklearnModel(KNeighborsClassifier(k)) for k in (3, 3, 4))
    assert one == same != two


@needs_skops
def test_what_is_kept_runs_no_code_and_strangers_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    X, y = data()
    find_model(SklearnModel(Stub(), "stub"))("chance").fit(X, y).save(tmp_path)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".npz", ".skops"}
    assert find_model("sklearn:stub").load(tmp_path) is not None  # this process fitted it
    monkeypatch.setattr("footfall.models.sklearn._TRUSTED", set())
    with pytest.raises(FootfallError, match=r"Stub.*FOOTFALL_TRUST="):
        find_model("sklearn:stub").load(tmp_path)
    monkeypatch.setenv("FOOTFALL_TRUST", f"{__name__}.Stub")
    again = find_model("sklearn:stub").load(tmp_path)
    assert np.isfinite(again.predict(X)).all()


def test_joblib_opens_only_when_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    X, y = data()

    def refuse(estimator: Any, path: Path) -> None:
        raise UsageError("skops cannot keep this")

    monkeypatch.setattr("footfall.models.skops.write", refuse)
    model = find_model(SklearnModel(LogisticRegression(), "mine"))("chance").fit(X, y)
    with pytest.raises(UsageError, match=r"FOOTFALL_JOBLIB=yes, knowing that reading a joblib file runs"):
        model.save(tmp_path)
    monkeypatch.setenv("FOOTFALL_JOBLIB", "yes")
    model.save(tmp_path)
    assert (find_model("sklearn:mine").load(tmp_path).predict(X) == model.predict(X)).all()
    monkeypatch.delenv("FOOTFALL_JOBLIB")
    with pytest.raises(FootfallError, match="kept by joblib"):
        find_model("sklearn:mine").load(tmp_path)
    with pytest.raises(UsageError, match="runs whatever code"):
        joblib.read(tmp_path / "estimator.joblib")
    with pytest.raises(FootfallError, match="cannot read"):
        joblib.read(tmp_path / "nothing.joblib", i_trust_this_file=True)


def test_sampled_contributions_of_a_line_are_exact():
    dice = np.random.default_rng(0)
    X, usual, slope = dice.normal(size=(20, 4)), dice.normal(size=(8, 4)), np.array([1.0, -2.0, 0.0, 3.0])
    parts, error = sampled(lambda Z: Z @ slope, X, usual, 0)
    assert np.allclose(parts[:, :-1], slope * (X - usual.mean(axis=0))) and np.allclose(error, 0)
    assert np.allclose(parts.sum(axis=1), X @ slope)


def test_the_error_of_sampled_contributions_holds_where_columns_work_together():
    dice = np.random.default_rng(1)
    X, usual = dice.normal(size=(60, 3)), dice.normal(size=(8, 3))

    def score(Z: Any) -> Any:
        return Z[:, 0] * Z[:, 1] * Z[:, 2] + Z[:, 0]

    parts, error = sampled(score, X, usual, 0)
    many = np.mean([sampled(score, X, usual, seed)[0] for seed in range(1, 200)], axis=0)
    assert (np.abs(parts - many)[:, :-1] <= error).mean() > 0.93 and error.mean() > 0


def test_listing_the_models_imports_none_of_the_optional_libraries():
    code = (
        "import sys; from footfall.models import model_names; model_names(); "
        "print([m for m in ('keras','jax','xgboost','catboost','skops') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
