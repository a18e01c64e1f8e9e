"""The contract every model for chances and amounts keeps, and the one place that judges its input.

A model is a class called `MODEL` in a file of this folder; the file's name is the model's name. It knows matrices
and nothing else: no SQL, no task, no shop. Predictions of a chance are NOT calibrated here (see `calibration`).

The contract, kept by `tests/test_models_contract.py` on every member:

* `fit` takes any number of rows from one up, NaN for missing, constant columns, and a `y` of one class only;
* an integer `weight` gives what repeating the row would give (up to rounding or, for sampled trees, chance);
* two fits with one seed give the same bits; so do `save` and `load`;
* a row's prediction does not depend on the rows beside it;
* it may carry two class attributes: `asks`, names of settings that the caller fills in from the question (`horizon`
  in days, `frequency`, `recency`, `tenure`, `measure`: names of features, ...), and `whole`, see `answers_whole`;
* `contributions(X).sum(1)` is the raw score on `scale`: `predict` is its sigmoid (`log-odds`), its exponential
  (`log`), or itself, never below zero (`linear`).

More class attributes that are optional: `space`, where a search for better settings looks: setting -> choices, or
(low, high, "int" | "float" | "log" | "log-int"); `exact` (False: contributions are sampled, and `error(X)` says how
far, (n, d) half widths of 95%, they may lie from those of endless sampling); `EXTRA`, of the module, the extra that
installs its library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.names import find, members

Floats = NDArray[np.float64]
CHANCE = "chance"
AMOUNT = "amount"
FOREIGN = "sklearn:"


class Model(Protocol):
    """One estimator of chances (`y` in 0, 1) or amounts (`y` a number, usually money, mostly not negative)."""

    name: str
    kinds: frozenset[str]
    kind: str
    scale: str

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        """`kind` is `chance` or `amount`. Raises UsageError for a kind or a setting the model does not have."""

    def fit(
        self,
        X: Any,
        y: Any,
        weight: Any = None,
        features: list[str] | None = None,
        groups: Any = None,
    ) -> Self:
        """Learn from `X` (n, d), `y` (n,), `weight` (n,) not negative, `features` d names, `groups` (n,) cutoffs.

        Raises FootfallError when there is no row, `y` is not of the kind, or the shapes disagree.
        """
        ...

    def predict(self, X: Any) -> Floats:
        """(n,) the probability of `y = 1`, or the expectation of `y` (never below zero)."""
        ...

    def contributions(self, X: Any) -> Floats:
        """(n, d + 1) what each feature adds on `scale`; the last column is the base every row starts from."""
        ...

    def save(self, folder: Path) -> None:
        """Write the fitted model into `folder` (made if absent) as text, JSON and npz; never a pickle."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `save` wrote. Raises FootfallError when `folder` holds none of this class."""
        ...


def find_model(name: str) -> type[Model]:
    """The model class of that name; `sklearn:package.module:Class` is a class of scikit-learn's kind.

    Raises UsageError with the right names, or saying what to install.
    """
    if name.startswith(FOREIGN):
        return cast("type[Model]", find("footfall.models", "sklearn", "of", "model").of(name))
    if name not in members("footfall.models", "MODEL") and name in members("footfall.models", "EXTRA"):
        extra = find("footfall.models", name, "EXTRA", "model").EXTRA
        raise UsageError(f"the model '{name}' needs a library that is not installed; pip install 'footfall[{extra}]'")
    return cast("type[Model]", find("footfall.models", name, "MODEL", "model").MODEL)


def named_otherwise(name: str) -> bool:
    """Whether `name` is that of an estimator of scikit-learn's kind. Raises UsageError where it names none, or where
    it names a model whose library is not installed."""
    if name in members("footfall.models", "EXTRA"):
        find_model(name)
    return name.startswith(FOREIGN) and find_model(name) is not None


def space_of(model: type[Model]) -> dict[str, Any]:
    """Where a search for better settings looks: setting -> choices or (low, high, how); empty: nothing to search."""
    return dict(getattr(model, "space", {}))


def mean_of(name: str) -> tuple[str, ...]:
    """The models that `name` is the mean of: `boosted+bgnbd` of two, a plain name of itself alone.

    Raises UsageError, with the right names, when one of them is unknown or said twice.
    """
    parts = tuple(name.split("+"))
    for part in parts:
        find_model(part)
    if len(set(parts)) < len(parts):
        raise UsageError(f"'{name}' says a model twice; name each of them once")
    return parts


def model_names() -> list[str]:
    """Names of all models, sorted."""
    return members("footfall.models", "MODEL")


def asked_by(model: type[Model]) -> frozenset[str]:
    """Settings that the caller is to fill in from the question, where it can: the class attribute `asks`."""
    return cast("frozenset[str]", getattr(model, "asks", frozenset()))


def answers_whole(model: type[Model]) -> bool:
    """Whether amounts are answered in one, nothing and much alike (class attribute `whole`), else as a hurdle: the
    caller fits one model to whether there is any and one to how much there is then."""
    return bool(getattr(model, "whole", False))


def checked_settings(model: str, kind: str, kinds: frozenset[str], given: dict[str, Any], known: Any) -> None:
    """Raise UsageError for a kind or a setting that the model does not have."""
    if kind not in kinds:
        raise UsageError(f"model '{model}' has no kind '{kind}'{did_you_mean(kind, kinds)}")
    for setting in given:
        if setting not in known:
            raise UsageError(f"model '{model}' has no setting '{setting}'{did_you_mean(setting, known)}")


def matrix(X: Any, width: int | None = None) -> Floats:
    """`X` as a float64 matrix (n, d), infinities as missing. Raises FootfallError when it has not `width` columns."""
    out = np.asarray(X, dtype=np.float64)
    if out.ndim != 2:
        raise FootfallError(f"the features are a matrix of rows and columns, not of {out.ndim} dimension(s)")
    if width is not None and out.shape[1] != width:
        raise FootfallError(f"the model learnt {width} features and was given {out.shape[1]}; fit it again")
    if np.isinf(out).any():
        out = np.where(np.isinf(out), np.nan, out)
    return out


def training_data(kind: str, X: Any, y: Any, weight: Any) -> tuple[Floats, Floats, Floats]:
    """Judge what `fit` was given; weights default to one; rows of weight zero are left out.

    Raises FootfallError, in one line, for what no model can learn from.
    """
    X = matrix(X)
    y = np.asarray(y, dtype=np.float64).ravel()
    w = np.ones(len(y)) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
    if not len(X) == len(y) == len(w):
        raise FootfallError(f"{len(X)} rows of features, {len(y)} answers and {len(w)} weights do not match")
    if not np.isfinite(w).all() or (w < 0).any():
        raise FootfallError("weights must be numbers that are not negative")
    kept = w > 0
    if not kept.all():
        X, y, w = X[kept], y[kept], w[kept]
    if len(y) == 0:
        raise FootfallError("there is no row to learn from; choose earlier cutoffs or a wider population")
    if not np.isfinite(y).all():
        raise FootfallError("an answer to learn from is missing or infinite")
    if kind == CHANCE and not np.isin(y, (0.0, 1.0)).all():
        raise FootfallError("a chance is learnt from answers 0 and 1 only")
    return X, y, w


def feature_index(feature: int | str, features: list[str] | None, width: int) -> int:
    """Column of a feature given by name or position. Raises UsageError when there is none."""
    if isinstance(feature, str):
        if features is None or feature not in features:
            raise UsageError(f"there is no feature '{feature}'{did_you_mean(feature, features or [])}")
        return features.index(feature)
    if not 0 <= feature < width:
        raise UsageError(f"there is no feature number {feature}; there are {width}, counted from 0")
    return int(feature)


def sigmoid(z: Any) -> Floats:
    """1 / (1 + exp(-z)) without overflow."""
    z = np.asarray(z, dtype=np.float64)
    small = np.exp(-np.abs(z))
    return cast("Floats", np.where(z >= 0, 1.0, small) / (1.0 + small))


def logit(p: Any, edge: float = 1e-9) -> Floats:
    """log(p / (1 - p)) with `p` kept `edge` away from 0 and 1."""
    p = np.clip(np.asarray(p, dtype=np.float64), edge, 1.0 - edge)
    return cast("Floats", np.log(p) - np.log1p(-p))


def shrunk_rate(y: Floats, weight: Floats) -> float:
    """Weighted rate with half a success and half a failure added (Jeffreys), so it is never 0 or 1."""
    return float((weight @ y + 0.5) / (weight.sum() + 1.0))


def missing_model(name: str, folder: Path) -> FootfallError:
    return FootfallError(f"there is no saved model '{name}' in {folder}; fit it first")
