"""Any estimator of scikit-learn's kind takes part: `--models sklearn:package.module:Class`, or an object in Python.

    shop.backtest("buy-30d", models=["boosted", SklearnModel(RandomForestClassifier(200))])

A class is made with its own defaults, and with the seed where it has a `random_state`. What cannot take missing values
is given the median and, for columns that had any, an indicator. What cannot take weights learns from rows drawn in
proportion to them. Chances are the estimator's `predict_proba`; one without it can answer amounts only.

Contributions are Shapley values by sampled orders, forwards and backwards, against a fixed company of training rows:
they add up exactly, `error(X)` bounds how far they lie from those of all orders. They ask the estimator some thousand
times a row: take few rows.

A fitted estimator is kept by skops (extra `skops`), which runs no code when it is read. What holds classes beyond
scikit-learn's, NumPy's and SciPy's is read only if they are trusted: because this process itself fitted such an
estimator, or because FOOTFALL_TRUST names them (`package.module.Class`, comma-separated). With FOOTFALL_JOBLIB=yes what
skops cannot keep is kept by joblib, and read again: reading such a file runs whatever code is in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from footfall.errors import FootfallError, UsageError
from footfall.models import joblib, skops
from footfall.models.contract import CHANCE, FOREIGN, Floats, Model, logit, shrunk_rate
from footfall.models.estimator import Estimator, Rows

TRUST = "FOOTFALL_TRUST"
JOBLIB = "FOOTFALL_JOBLIB"
STUDENT = 2.13
EDGE = 1e-6
_MADE: dict[str, Any] = {}
"""Estimators given as objects, by the name they take part under."""
_TRUSTED: set[str] = set()
"""Classes that estimators fitted in this process hold."""


class SklearnModel(str):
    """The name under which an estimator object takes part, wherever models are named.

    Args:
        estimator: one of scikit-learn's kind, not fitted; it is copied for every fit.
        name: its name; None: its class's, with a number where that is taken by another one.
    """

    def __new__(cls, estimator: Any, name: str | None = None) -> SklearnModel:
        if not hasattr(estimator, "fit") or not hasattr(estimator, "predict"):
            raise UsageError(f"{type(estimator).__name__} has not `fit` and `predict` as scikit-learn's estimators do")
        stem = FOREIGN + (name or type(estimator).__name__)
        if "+" in stem or "," in stem or "/" in stem:
            raise UsageError(f"'{name}' cannot be the name of a model: leave out + , and /")
        known, number = stem, 1
        while name is None and known in _MADE and repr(_MADE[known]) != repr(estimator):
            number += 1
            known = f"{stem}-{number}"
        _MADE[known] = estimator
        return super().__new__(cls, known)


class Sklearn(Estimator):
    """An estimator of scikit-learn's kind, behind the contract."""

    name = "sklearn"
    whole = True
    exact = False
    scales: ClassVar[dict[str, str]] = {CHANCE: "log-odds", "amount": "linear"}
    known: ClassVar[dict[str, Any]] = {"draws": 8}

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        super().__init__(kind, seed, **settings)
        self._estimator: Any = None
        self._middle = np.zeros(0)
        self._holed = self._kept = np.zeros(0, dtype=np.int64)
        self._filled = True
        self._pull, self._rate = 0.0, 0.0
        self._usual: Floats = np.zeros((0, 0))

    def _learn(self, rows: Rows) -> None:
        made = _new(self.name)
        if self.kind == CHANCE and not hasattr(made, "predict_proba"):
            raise UsageError(f"'{self.name}' has no predict_proba: it can answer amounts, and this asks for a chance")
        if "random_state" in getattr(made, "get_params", dict)() and made.get_params()["random_state"] is None:
            made.set_params(random_state=self.seed % 2**32)
        X, y, w = rows.X, rows.y, rows.w
        self._filled = not _takes_missing(made)
        holes = np.isnan(X)
        self._middle = np.array([np.median(c[~h]) if not h.all() else 0.0 for c, h in zip(X.T, holes.T, strict=True)])
        self._holed = np.flatnonzero(holes.any(axis=0) & ~holes.all(axis=0))
        self._kept = np.flatnonzero(~holes.all(axis=0))  # of a column that is missing throughout, some make an error
        answers = y.astype(np.int64) if self.kind == CHANCE else y
        design = self._design(X)
        if np.ptp(w) == 0:
            made.fit(design, answers)
        elif _takes_weights(made):
            made.fit(design, answers, sample_weight=w / w.mean())
        else:
            drawn = _drawn(w, self.seed)
            if self.kind == CHANCE and len(np.unique(answers[drawn])) < 2:
                drawn = np.append(drawn, [int(answers.argmax()), int(answers.argmin())])
            made.fit(design[drawn], answers[drawn])
        self._estimator = made
        self._pull = 1.0 / (float(w.sum()) + 1.0) if self.kind == CHANCE else 0.0
        self._rate = shrunk_rate(y, w) if self.kind == CHANCE else 0.0
        order = np.argsort(self._score(X), kind="stable")
        draws = min(int(self.settings["draws"]), len(order))
        self._usual = X[order[((np.arange(draws) + 0.5) * len(order) / draws).astype(int)]]
        _TRUSTED.update(skops.untrusted_of(made))

    def _design(self, X: Floats) -> Floats:
        if not self._filled:
            return X[:, self._kept]
        holes = np.isnan(X)
        known = np.where(holes, self._middle, X)[:, self._kept]
        return np.hstack([known, holes[:, self._holed].astype(np.float64)])

    def _score(self, X: Floats) -> Floats:
        design = self._design(X)
        if self.kind == CHANCE:
            at = list(self._estimator.classes_).index(1)
            p = np.asarray(self._estimator.predict_proba(design), dtype=np.float64)[:, at]
            return logit(self._pull * self._rate + (1.0 - self._pull) * p, EDGE)
        return np.asarray(self._estimator.predict(design), dtype=np.float64).ravel()

    def _parts(self, X: Floats) -> Floats:
        return sampled(self._score, X, self._usual, self.seed)[0]

    def error(self, X: Any) -> Floats:
        """(n, d) half widths of 95% for what all orders would answer."""
        X = np.asarray(X, dtype=np.float64)
        return sampled(self._score, X, self._usual, self.seed)[1] if self._fitted else np.zeros((len(X), self._width))

    @classmethod
    def _file(cls) -> str:
        return "sklearn"

    def _write(self, folder: Path) -> dict[str, Any]:
        for old in folder.glob("estimator.*"):
            old.unlink()
        try:
            skops.write(self._estimator, folder / "estimator.skops")
        except UsageError as error:
            if not _joblib_allowed():
                raise UsageError(f"{error}; or set {JOBLIB}=yes, knowing that {joblib.RISK}") from None
            joblib.write(self._estimator, folder / "estimator.joblib")
        arrays = {"middle": self._middle, "holed": self._holed, "kept": self._kept, "usual": self._usual}
        np.savez(folder / "sklearn.npz", allow_pickle=False, **arrays)
        return {"filled": self._filled, "pull": self._pull, "rate": self._rate}

    def _read(self, folder: Path, body: dict[str, Any]) -> None:
        self._estimator = _read_estimator(folder)
        self._filled, self._pull, self._rate = body["filled"], body["pull"], body["rate"]
        with np.load(folder / "sklearn.npz", allow_pickle=False) as kept:
            self._middle, self._holed = kept["middle"], kept["holed"]
            self._kept, self._usual = kept["kept"], kept["usual"]


def of(name: str) -> type[Model]:
    """The model class called `sklearn:...`. Raises UsageError when there is no such class to make one of.

    What is neither an object of this process nor a class (`package.module:Class`) can still be loaded and answer.
    """
    if name not in _MADE and name.count(":") > 1:
        _class(name)
    return cast("type[Model]", type("Sklearn", (Sklearn,), {"name": name, "__module__": __name__}))


def sampled(score: Callable[[Floats], Floats], X: Floats, usual: Floats, seed: int) -> tuple[Floats, Floats]:
    """Shapley values of `score` against the rows `usual` (k, d), one order of the columns each, walked both ways.

    Returns contributions (n, d + 1), which add up, and half widths (n, d) of 95% for what all orders would answer.
    """
    n, d = X.shape
    out, squares = np.zeros((n, d + 1)), np.zeros((n, d))
    out[:, -1] = score(usual).mean()
    varied = np.flatnonzero(_differs(usual, usual[0]) | _differs(X, usual[0]))
    for k, base in enumerate(usual):
        order = np.random.default_rng([seed, 7, k]).permutation(varied)
        both = np.zeros((2, n, d))
        for way, turns in enumerate((order, order[::-1])):
            mixed = np.tile(base, (n, 1))
            before = score(mixed)
            for j in turns:
                mixed[:, j] = X[:, j]
                after = score(mixed)
                both[way, :, j] = after - before
                before = after
        out[:, :-1] += both.mean(axis=0) / len(usual)
        squares += ((both[0] - both[1]) / 2.0) ** 2
    return out, STUDENT * np.sqrt(squares) / len(usual)


def _differs(X: Floats, base: Floats) -> Any:
    """(d,) whether any row differs from `base`, missing or not included."""
    return ((base != X) & ~(np.isnan(X) & np.isnan(base))).any(axis=0)


def _class(name: str) -> Any:
    """The class that `sklearn:package.module:Class` names."""
    home, _, member = name.removeprefix(FOREIGN).partition(":")
    try:
        found = getattr(import_module(home), member)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"there is no '{member}' to import from '{home}' ({error})") from None
    if not callable(getattr(found, "fit", None)) or not callable(getattr(found, "predict", None)):
        raise UsageError(f"'{home}:{member}' has not `fit` and `predict` as scikit-learn's estimators do")
    return found


def _new(name: str) -> Any:
    """A fresh estimator, not fitted. Raises UsageError when the name says neither an object nor a class."""
    if name in _MADE:
        return deepcopy(_MADE[name])
    if name.count(":") < 2:
        raise UsageError(
            f"'{name}' names no class: write sklearn:package.module:Class, or make SklearnModel(estimator) first"
        )
    try:
        return _class(name)()
    except TypeError as error:
        raise UsageError(f"'{name}' cannot be made without settings ({error}); use SklearnModel in Python") from None


def _read_estimator(folder: Path) -> Any:
    path = folder / "estimator.skops"
    if not path.is_file():
        other = folder / "estimator.joblib"
        if other.is_file() and not _joblib_allowed():
            raise FootfallError(f"'{other}' is kept by joblib; {joblib.RISK}; if it is your own, set {JOBLIB}=yes")
        return joblib.read(other, i_trust_this_file=True)
    held = skops.untrusted(path)
    trusted = _TRUSTED | {t.strip() for t in os.environ.get(TRUST, "").split(",") if t.strip()}
    if unknown := sorted(t for t in set(held) - trusted if not t.startswith("sklearn.")):
        raise FootfallError(
            f"'{path}' holds {', '.join(unknown)}, which scikit-learn does not bring; "
            f"if you know where the file comes from, set {TRUST}={','.join(unknown)}"
        )
    return skops.read(path, held)


def _joblib_allowed() -> bool:
    return os.environ.get(JOBLIB, "").lower() in ("yes", "true", "1")


def _takes_missing(estimator: Any) -> bool:
    from sklearn.utils import get_tags

    try:
        return bool(get_tags(estimator).input_tags.allow_nan)
    except Exception:  # an estimator of another hand may have no tags, or older ones
        return False


def _takes_weights(estimator: Any) -> bool:
    from sklearn.utils.validation import has_fit_parameter

    # A pipeline takes weights only by its steps' names.
    return bool(has_fit_parameter(estimator, "sample_weight")) and not hasattr(estimator, "steps")


def _drawn(w: Floats, seed: int) -> Any:
    """Rows drawn in proportion to their weights, systematically: whole weights of one are each row once."""
    share = w / w.sum() * len(w)
    edges = np.cumsum(share)
    start = np.random.default_rng([seed, 11]).random()
    return np.minimum(np.searchsorted(edges, start + np.arange(len(w)), side="right"), len(w) - 1)
