"""Feature table -> numbers. Text becomes one column per frequent value, learnt from training rows alone."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_VALUES = 12
LEAST_SHARE = 0.005


@dataclass(frozen=True)
class Encoder:
    """`numeric` columns as they are, then for each text column one 0/1 column per value of `values`."""

    numeric: tuple[str, ...]
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the d columns; `column=value` for text."""
        return [*self.numeric, *(f"{c}={v}" for c, vs in self.values for v in vs)]

    def encode(self, table: pa.Table) -> Floats:
        """(n, d) float64, NaN for missing. A value never seen in training is none of the known ones."""
        out = np.empty((table.num_rows, len(self.names)), dtype=np.float64)
        for i, name in enumerate(self.numeric):
            out[:, i] = to_floats(table.column(name))
        i = len(self.numeric)
        for name, values in self.values:
            column = table.column(name)
            for value in values:
                out[:, i] = to_floats(pc.fill_null(pc.equal(column, value), False))
                i += 1
        return out

    def as_json(self) -> dict[str, Any]:
        return {"numeric": list(self.numeric), "values": [[c, list(vs)] for c, vs in self.values]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Encoder:
        return cls(tuple(data["numeric"]), tuple((c, tuple(vs)) for c, vs in data["values"]))


class Encoding:
    """What one table is as numbers: several models are learnt from it, and answer for it, with one encoder."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._learnt: Encoder | None = None
        self._last: tuple[Encoder, Floats] | None = None

    def learn(self, table: pa.Table, numeric: list[str], text: list[str]) -> Encoder:
        """As `learn_encoder`; of one table, always asked with the same columns."""
        with self._lock:
            if self._learnt is None:
                self._learnt = learn_encoder(table, numeric, text)
            return self._learnt

    def encode(self, encoder: Encoder, table: pa.Table) -> Floats:
        """As `encoder.encode(table)`, read-only."""
        with self._lock:
            if self._last is None or self._last[0] != encoder:
                made = encoder.encode(table)
                made.flags.writeable = False
                self._last = encoder, made
            return self._last[1]


def to_floats(column: Any) -> Floats:
    """An Arrow column of numbers or booleans as float64, nulls as NaN."""
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def learn_encoder(table: pa.Table, numeric: list[str], text: list[str]) -> Encoder:
    """Keep the numeric columns that vary, and the frequent values of the text columns."""
    varying = []
    for name in numeric:
        x = to_floats(table.column(name))
        if x.size and not (np.isnan(x).all() or (x == x[0]).all()):
            varying.append(name)
    found = []
    for name in text:
        counts = pc.value_counts(table.column(name)).to_pylist()
        ranked = sorted(
            ((-c["counts"], str(c["values"])) for c in counts if c["values"] is not None),
        )
        values = tuple(v for n, v in ranked[:MOST_VALUES] if -n >= max(2, LEAST_SHARE * table.num_rows))
        if values:
            found.append((name, values))
    return Encoder(tuple(varying), tuple(found))
