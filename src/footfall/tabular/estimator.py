"""A fitted predictor as users of scikit-learn know one, in the same process or as a joblib file.

A joblib file holds the bytes of the safe folder and the task, and is read back as any saved model. The file itself is
still a pickle: READING ONE RUNS WHATEVER CODE IS IN IT, so read only your own.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from footfall.errors import FootfallError, UsageError
from footfall.models import joblib
from footfall.tabular.predictor import Predictor
from footfall.tasks import Task

Floats = NDArray[np.float64]


class FittedEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn brings no types
    """Answers as the predictor does, calibrated. It is fitted already and learns nothing more.

    Attributes:
        feature_names_in_: names of the d columns of a matrix, as the model sees them (`city=Paris` for text).
        classes_: 0 and 1, of a chance.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.feature_names_in_ = np.asarray(predictor.learner.encoder.names, dtype=object)
        self.n_features_in_ = len(self.feature_names_in_)
        if predictor.task.kind == "chance":
            self.classes_ = np.array([0, 1])
            self._estimator_type = "classifier"
        else:
            self._estimator_type = "regressor"

    def fit(self, X: Any, y: Any = None) -> FittedEstimator:
        """Raises UsageError: it is fitted to a shop's history by `footfall fit`, not to a matrix."""
        raise UsageError(f"{self.predictor.task.name} is fitted already; fit it anew with: footfall fit")

    def predict_proba(self, X: Any) -> Floats:
        """(n, 2) the chance of no and of yes. `X` as `predict` takes it."""
        if self.predictor.task.kind != "chance":
            raise UsageError(f"{self.predictor.task.name} answers an amount; ask predict")
        p = self._value(X)
        return np.column_stack([1.0 - p, p])

    def predict(self, X: Any) -> Any:
        """(n,) 1 where the chance is a half or more, else 0; or the expected amount.

        `X`: a matrix (n, d) with the columns of `feature_names_in_`, or a table (Arrow, pandas, a dict of columns) with
        the shop's features. Raises FootfallError when a column is missing.
        """
        value = self._value(X)
        return (value >= 0.5).astype(np.int64) if self.predictor.task.kind == "chance" else value

    def _value(self, X: Any) -> Floats:
        learner = self.predictor.learner
        raw = learner.predict_encoded(self._matrix(X))
        return np.asarray(self.predictor.calibrator.apply(raw), dtype=np.float64)

    def _matrix(self, X: Any) -> Floats:
        if isinstance(X, dict) or hasattr(X, "__arrow_c_stream__") or isinstance(X, pa.Table):
            table = X if isinstance(X, pa.Table) else pa.table(X)
            encoder = self.predictor.learner.encoder
            for column in (*encoder.numeric, *(c for c, _ in encoder.values)):
                if column not in table.column_names:
                    raise FootfallError(f"the model of {self.predictor.task.name} wants the column {column}")
            return encoder.encode(table)
        out = np.asarray(X, dtype=np.float64)
        if out.ndim != 2 or out.shape[1] != self.n_features_in_:
            raise FootfallError(f"a matrix of {self.n_features_in_} columns is wanted, as feature_names_in_ says")
        return out

    def __reduce__(self) -> tuple[Any, ...]:
        with TemporaryDirectory() as folder:
            self.predictor.save(Path(folder))
            packed = BytesIO()
            with ZipFile(packed, "w") as file:
                for path in sorted(p for p in Path(folder).rglob("*") if p.is_file()):
                    file.write(path, path.relative_to(folder).as_posix())
        return _unpacked, (packed.getvalue(), self.predictor.task)


def export(predictor: Predictor, path: Path) -> None:
    """Write the predictor as a joblib file. Raises FootfallError when it cannot be written."""
    joblib.write(FittedEstimator(predictor), path)


def imported(path: Path, i_trust_this_file: bool = False) -> FittedEstimator:
    """The estimator in a file of `export`.

    Raises:
        UsageError: the caller does not say that the file is to be trusted.
        FootfallError: it cannot be read, or holds something else.
    """
    found = joblib.read(path, i_trust_this_file)
    if not isinstance(found, FittedEstimator):
        raise FootfallError(f"'{path}' holds a {type(found).__name__}, and no exported predictor")
    return found


def _unpacked(packed: bytes, task: Task) -> FittedEstimator:
    with TemporaryDirectory() as folder, ZipFile(BytesIO(packed)) as file:
        file.extractall(folder)
        return FittedEstimator(Predictor.load(Path(folder), task))
