"""Feature table -> numbers. Text becomes one column per frequent value, learnt from training rows alone.

Engineered features (`engineered`) come after those, where a model asks for them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from footfall.tabular.engineered import Made, learn_made
from footfall.windows import Feature

Floats = NDArray[np.float64]
MOST_VALUES = 12
LEAST_SHARE = 0.005
KEPT = 2
"""Encoders whose numbers of one table are remembered: with and without engineered features."""


@dataclass(frozen=True)
class Encoder:
    """`numeric` columns as they are, for each text column one 0/1 column per value of `values`, then those `made`."""

    numeric: tuple[str, ...]
    values: tuple[tuple[str, tuple[str, ...]], ...] = ()
    made: tuple[Made, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the d columns; `column=value` for text."""
        plain = [*self.numeric, *(f"{c}={v}" for c, vs in self.values for v in vs)]
        return [*plain, *(c for m in self.made for c in m.columns)]

    @property
    def owners(self) -> list[str]:
        """What each of the d columns goes with: values and scales of a feature with it, an interaction by itself."""
        plain = [*self.numeric, *(c for c, vs in self.values for _ in vs)]
        return [*plain, *(m.group for m in self.made for _ in m.columns)]

    @property
    def sources(self) -> list[str]:
        """The columns of a feature table that are read."""
        return list(dict.fromkeys([*self.numeric, *(c for c, _ in self.values), *(s for m in self.made for s in m.of)]))

    def gathered(self, parts: Floats) -> tuple[list[str], Floats]:
        """Features that are read, and (n, features) what the (n, d) columns add, gathered by them.

        What is engineered counts for what it is made of; an interaction's part is halved between the two, as Shapley
        values halve it.
        """
        names = self.sources
        of = [(o,) for o in [*self.numeric, *(c for c, vs in self.values for _ in vs)]]
        sources: list[tuple[str, ...]] = [*of, *(m.of for m in self.made for _ in m.columns)]
        out = np.zeros((len(parts), len(names)))
        for column, owners in enumerate(sources):
            for owner in owners:
                out[:, names.index(owner)] += parts[:, column] / len(owners)
        return names, out

    def only(self, kept: Collection[str]) -> Encoder:
        """The encoder of these features alone, by the names of `owners`."""
        return Encoder(
            tuple(n for n in self.numeric if n in kept),
            tuple((c, vs) for c, vs in self.values if c in kept),
            tuple(m for m in self.made if m.group in kept),
        )

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
        for made in self.made:
            found = made.encode(table)
            out[:, i : i + found.shape[1]] = found
            i += found.shape[1]
        return out

    def as_json(self) -> dict[str, Any]:
        plain = {"numeric": list(self.numeric), "values": [[c, list(vs)] for c, vs in self.values]}
        return plain | ({"made": [m.as_json() for m in self.made]} if self.made else {})

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Encoder:
        made = tuple(Made.from_json(m) for m in data.get("made", ()))
        return cls(tuple(data["numeric"]), tuple((c, tuple(vs)) for c, vs in data["values"]), made)


class Encoding:
    """What one table is as numbers: several models are learnt from it, and answer for it, with few encoders."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._learnt: dict[tuple[str, ...], Encoder] = {}
        self._last: list[tuple[Encoder, Floats]] = []

    def learn(self, table: pa.Table, numeric: list[str], text: list[str], made: Sequence[Feature] = ()) -> Encoder:
        """As `learn_encoder`; an encoder of the same columns of this table is learnt once."""
        with self._lock:
            key = (*numeric, "", *text, "", *(f.name for f in made))
            if key not in self._learnt:
                self._learnt[key] = learn_encoder(table, numeric, text, made)
            return self._learnt[key]

    def encode(self, encoder: Encoder, table: pa.Table) -> Floats:
        """As `encoder.encode(table)`, read-only."""
        with self._lock:
            for known, found in self._last:
                if known == encoder:
                    return found
            made = encoder.encode(table)
            made.flags.writeable = False
            self._last = [*self._last, (encoder, made)][-KEPT:]
            return made


def to_floats(column: Any) -> Floats:
    """An Arrow column of numbers or booleans as float64, nulls as NaN."""
    return np.asarray(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def learn_encoder(table: pa.Table, numeric: list[str], text: list[str], made: Sequence[Feature] = ()) -> Encoder:
    """Keep the numeric columns that vary, and the frequent values of the text columns.

    `made`: the features that others are engineered of; none: the plain ones alone.
    """
    varying = []
    for name in numeric:
        x = to_floats(table.column(name))
        if x.size and not (np.isnan(x).all() or (x == x[0]).all()):
            varying.append(name)
    found = []
    many = []
    for name in text:
        counts = pc.value_counts(table.column(name)).to_pylist()
        ranked = sorted(
            ((-c["counts"], str(c["values"])) for c in counts if c["values"] is not None),
        )
        values = tuple(v for n, v in ranked[:MOST_VALUES] if -n >= max(2, LEAST_SHARE * table.num_rows))
        if values:
            found.append((name, values))
        if len(ranked) > MOST_VALUES:
            many.append(name)
    return Encoder(tuple(varying), tuple(found), learn_made(table, made, many) if made else ())
