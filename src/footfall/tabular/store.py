"""One materialised matrix for several tasks: rows are entity and cutoff, columns features and populations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from footfall.engine import Engine, Query, literal
from footfall.tabular.encode import Encoding, to_floats
from footfall.tabular.plan import Plan, Settings
from footfall.tabular.reading import read_reviews
from footfall.tasks import Task, task_columns
from footfall.windows import (
    BUSIEST,
    Feature,
    Frame,
    Sample,
    Shape,
    Spine,
    Window,
    compile_windows,
    engineered,
    features,
    identity_as,
    spine_steps,
)

CHUNK = 250_000
"""Rows scored at a time."""
KEPT_ROWS = 300_000
"""Rows of matrices kept in memory beside the one at hand."""


@dataclass(frozen=True)
class Matrix:
    """Rows of one task, ordered by cutoff and keys.

    `table`: keys, cutoff and features (Arrow). `cutoff` (n,): index into `cutoffs`. `y` (n,): the target, where it
    was asked for. `weight` (n,): rows of the population that a sampled row stands for. `clusters` (n,): customer codes.
    """

    table: pa.Table
    cutoffs: tuple[datetime, ...]
    cutoff: NDArray[np.int64]
    clusters: NDArray[np.int64]
    weight: NDArray[np.float64]
    y: NDArray[np.float64] | None = None
    encoding: Encoding = field(default_factory=Encoding, compare=False, repr=False)
    """Remembers what `table` is as numbers."""

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> Matrix:
        """The rows at these indices, or where the mask holds."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return Matrix(
            self.table.take(pa.array(index)),
            self.cutoffs,
            self.cutoff[index],
            self.clusters[index],
            self.weight[index],
            None if self.y is None else self.y[index],
        )


class Shelf:
    """Matrices fetched last, while it is open: `KEPT_ROWS` rows of them, the newest at least."""

    def __init__(self) -> None:
        self.open = False
        self._kept: dict[object, Matrix] = {}

    def take(self, key: object, fetch: Callable[[], Matrix]) -> Matrix:
        if not self.open:
            return fetch()
        found = self._kept.pop(key, None) or fetch()
        self._kept[key] = found
        while len(self._kept) > 1 and sum(m.rows for m in self._kept.values()) > KEPT_ROWS:
            del self._kept[next(iter(self._kept))]
        return found

    def close(self) -> None:
        self.open = False
        self._kept.clear()


@dataclass(frozen=True)
class FeatureTable:
    """The materialised table `name`, its spine `spine`, and what its columns mean."""

    engine: Engine
    name: str
    spine: str
    keys: tuple[str, ...]
    features: tuple[Feature, ...]
    tz: str
    sampled: float
    """Share of the population kept at training and test cutoffs."""
    scored: datetime | None
    """The cutoff at which the whole population is kept."""
    identity: str = "today"
    """Whose facts are one customer's; see `Settings`."""
    shelf: Shelf = field(default_factory=Shelf, compare=False, repr=False)

    @property
    def text(self) -> list[str]:
        return [f.name for f in self.features if f.text and not f.engineered]

    @property
    def numeric(self) -> list[str]:
        return [f.name for f in self.features if not f.text and not f.engineered]

    def columns(self, engineered: bool = False) -> tuple[list[str], list[str], tuple[Feature, ...]]:
        """Columns of numbers, of words, and the features that others are engineered of, as a model reads them."""
        if not engineered:
            return self.numeric, self.text, ()
        text = [f.name for f in self.features if f.text]
        return [f.name for f in self.features if not f.text], text, self.features

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """While the facts stay as they are: a matrix asked for again is not fetched again."""
        self.shelf.open = True
        try:
            yield
        finally:
            self.shelf.close()

    def matrix(
        self,
        task: Task,
        cutoffs: Sequence[datetime],
        as_of: datetime | None = None,
        target: bool = True,
        within: str = "",
    ) -> Matrix:
        """The task's rows at these cutoffs. `as_of`: only what was known of the target before that instant counts.

        `within`: a further condition in SQL on the matrix `b`.
        """
        key = (task, tuple(cutoffs), as_of, target, within)
        return self.shelf.take(key, lambda: self._fetched(task, cutoffs, as_of, target, within))

    def _fetched(
        self, task: Task, cutoffs: Sequence[datetime], as_of: datetime | None, target: bool, within: str
    ) -> Matrix:
        order = tuple(sorted(set(cutoffs)))
        if self.identity == "as-of" and target and len(order) > 1:
            parts = [self._rows(task, [c], as_of, target, within) for c in order]
            table = pa.concat_tables([p for p in parts if p.num_rows] or parts[:1])
        else:
            table = self._rows(task, cutoffs, as_of, target, within)
        y = to_floats(table.column("target")) if "target" in table.column_names else None
        stamps = np.asarray(table.column("cutoff").to_numpy(), dtype="datetime64[us]")
        codes = np.searchsorted(np.asarray(order, dtype="datetime64[us]"), stamps)
        clusters = _codes(table.column(self.keys[0]) if self.keys else table.column("cutoff"))
        weight = np.ones(table.num_rows)
        if self.sampled < 1:
            kept = np.asarray([c == self.scored for c in order] or [False])
            weight = np.where(kept[codes] if len(codes) else np.zeros(0, bool), 1.0, 1.0 / self.sampled)
        return Matrix(table.drop_columns(["target"]) if y is not None else table, order, codes, clusters, weight, y)

    def _rows(
        self, task: Task, cutoffs: Sequence[datetime], as_of: datetime | None, target: bool, within: str
    ) -> pa.Table:
        """Keys, cutoff, features and, where asked for, the target; the facts keyed as at the (single) cutoff."""
        columns = task_columns(task)
        keys = ", ".join(f"b.{k}" for k in self.keys)
        join, extra = "", ""
        where = [f"b.{c}" for c in columns.among] + ([within] if within else [])
        where.append(f"b.cutoff in ({', '.join(literal(c) for c in cutoffs)})" if cutoffs else "false")
        if target and cutoffs:
            labels = self._label_query(task, cutoffs, as_of)
            same = " and ".join(f"l.{k} = b.{k}" for k in (*self.keys, "cutoff"))
            join = f"join ({labels.sql(self.engine.dialect.name)}) l on {same}"
            extra = f", cast(l.{columns.target} as double) as target"
            where.append(f"l.{columns.target} is not null")
        named = "".join(f", b.{f.name}" for f in self.features)
        with identity_as(self.engine, self.identity if target else "today", cutoffs[0] if cutoffs else None):
            return self.engine.fetch(
                f"select {keys}, b.cutoff{named}{extra} from {self.name} b {join} "
                f"where {' and '.join(where)} order by b.cutoff, {keys}"
            )

    def chunks(self, task: Task, cutoff: datetime, rows: int = CHUNK) -> Iterator[Matrix]:
        """The whole population at one cutoff in pieces of about `rows`, each with whole customers, in order."""
        key, columns = self.keys[0], task_columns(task)
        where = " and ".join([*columns.among, f"cutoff = {literal(cutoff)}"])
        total = int(self.engine.value(f"select count(*) from {self.name} where {where}"))
        pieces = max(1, -(-total // rows))
        edges = self.engine.rows(
            f"select min({key}) from (select {key}, ntile({pieces}) over (order by {key}) as piece "
            f"from {self.name} where {where}) group by piece order by 1"
        )
        starts = list(dict.fromkeys(e[0] for e in edges))
        for i, start in enumerate(starts):
            within = f"b.{key} >= {literal(start)}"
            if i + 1 < len(starts):
                within += f" and b.{key} < {literal(starts[i + 1])}"
            yield self.matrix(task, [cutoff], target=False, within=within)

    def _label_query(self, task: Task, cutoffs: Sequence[datetime], as_of: datetime | None) -> Query:
        columns = task_columns(task)
        frame = Frame(self.keys, tuple(sorted(set(cutoffs))), self.tz, as_of)
        among = "".join(f" and {c}" for c in columns.among)
        rows = (
            f"(select {', '.join(self.keys)}, cutoff from {self.name} where cutoff in ("
            + ", ".join(literal(c) for c in frame.cutoffs)
            + f"){among})"
        )
        return compile_windows(frame, {columns.target: columns.windows[columns.target]}, Spine(rows))


def prepare(engine: Engine, plans: Sequence[Plan], shop: Shape, tz: str, settings: Settings) -> FeatureTable:
    """Materialise the features and populations of tasks with one set of keys, at all cutoffs of their plans.

    The whole population stands at the cutoff to score; at the others a share of it, chosen by hash so that no more
    than about `settings.budget` rows per task train (weights correct for it).
    """
    keys = plans[0].task.keys
    cutoffs = tuple(sorted({c for p in plans for c in p.cutoffs}))
    wanted = features(shop, keys)
    if settings.engineered:
        more = engineered(shop, keys)
        if any(f.window.name.startswith("reviews") for f in more):
            read_reviews(engine)
        wanted = [*wanted, *more]
    part = "_".join(k.removesuffix("_id") for k in keys)
    spine, name = f"spine_{part}", f"features_{part}"
    frame = Frame(keys, cutoffs, tz)
    # Of another identity than today's, each cutoff has its own customers and is prepared by itself.
    pieces = [cutoffs] if settings.identity == "today" else [(c,) for c in cutoffs]
    drawn = _drawn(engine, frame, plans, settings)
    for number, piece in enumerate(pieces):
        with identity_as(engine, settings.identity, piece[0]):
            here = Frame(keys, piece, tz)
            customers = drawn.customers if piece == cutoffs else _customers(engine, here, plans)
            _spine(engine, here, plans, settings.seed, replace(drawn, customers=customers), spine)
            _materialise(engine, here, plans, wanted, spine, f"{name}_piece" if number else name)
        if number:
            engine.execute(f"insert into {name} by name select * from {name}_piece")
            engine.execute(f"drop table {name}_piece")
    return FeatureTable(engine, name, spine, keys, tuple(wanted), tz, drawn.rate, plans[0].score, settings.identity)


def _materialise(
    engine: Engine, frame: Frame, plans: Sequence[Plan], wanted: Sequence[Feature], spine: str, name: str
) -> None:
    windows: dict[str, Window] = {f.name: f.window for f in wanted}
    for plan in plans:
        columns = task_columns(plan.task)
        windows.update({c: columns.windows[c] for c in columns.among})
    query = compile_windows(frame, windows, Spine(spine))
    text = {f.name for f in wanted if f.text}
    types = engine.columns(f"({query.sql(engine.dialect.name)} limit 0)")
    casts = ", ".join(_as_number(c, t, c in text) for c, t in types.items() if c not in (*frame.keys, "cutoff"))
    select = f"select {', '.join(frame.keys)}, cutoff{', ' + casts if casts else ''} from beside"
    engine.materialise(query.then("matrix", select), name)


def _as_number(column: str, type_: str, text: bool) -> str:
    if text or type_ == "BOOLEAN":
        return column
    if type_ == "DATE":
        return f"days_between(cast({column} as timestamp), cutoff) / 365.25 as {column}"
    return f"cast({column} as double) as {column}"


@dataclass(frozen=True)
class _Drawn:
    """The share of the population kept at training and test cutoffs, categories a spine may hold, and whose it is."""

    rate: float
    busiest: int
    customers: str | None


def _drawn(engine: Engine, frame: Frame, plans: Sequence[Plan], settings: Settings) -> _Drawn:
    customers = _customers(engine, frame, plans)
    size, busiest = _sizes(engine, frame, settings, customers)
    most_train = max((sum(size.get(c, 0) for c in p.train) for p in plans), default=0)
    most_test = max((size.get(c, 0) for p in plans for c in p.test), default=0)
    rate = min(1.0, settings.budget / max(most_train, 1))
    if most_test and rate < 1:
        rate = max(rate, min(1.0, settings.test_budget / most_test))
    return _Drawn(rate, busiest, customers)


def _spine(engine: Engine, frame: Frame, plans: Sequence[Plan], seed: int, drawn: _Drawn, name: str) -> None:
    """Materialise the spine: the whole population at the cutoff to score, a share of it at the others."""
    scored = plans[0].score
    rest = tuple(c for c in frame.cutoffs if c != scored)
    parts = []
    for cutoffs, share in ((rest, drawn.rate), ((scored,) if scored in frame.cutoffs else (), 1.0)):
        if cutoffs:
            steps = Query().then("cutoffs", _cutoff_values(cutoffs))
            steps = spine_steps(steps, frame, Sample(share, seed), drawn.busiest, drawn.customers)
            parts.append(steps.sql(engine.dialect.name))
    engine.materialise(" union all ".join(f"select * from ({p})" for p in parts), name)


def _customers(engine: Engine, frame: Frame, plans: Sequence[Plan]) -> str | None:
    """For several keys: the table of customers whom at least one task asks about, else every pair would be built."""
    own = ("customer_id",)
    asked = [[p for p in plan.task.population if p.aggregate.fact.per == own] for plan in plans]
    if len(frame.keys) < 2 or "customer_id" not in frame.keys or not all(asked):
        return None
    windows: dict[str, Window] = {f"{p.name}_among": p for conditions in asked for p in conditions}
    query = compile_windows(Frame(own, frame.cutoffs, frame.tz), windows)
    where = " or ".join("(" + " and ".join(f"{p.name}_among" for p in conditions) + ")" for conditions in asked)
    engine.materialise(query.then("asked", f"select customer_id, cutoff from beside where {where}"), "asked_customers")
    return "asked_customers"


def _sizes(engine: Engine, frame: Frame, settings: Settings, customers: str | None) -> tuple[dict[datetime, int], int]:
    """Rows of the whole spine at each cutoff, and how many categories, brands or stores it may hold."""
    size: dict[datetime, int] = dict.fromkeys(frame.cutoffs, 1)
    busiest = BUSIEST
    for key in sorted(frame.keys, key=lambda k: k != "customer_id"):
        one = Frame((key,), frame.cutoffs, frame.tz)
        steps = Query().then("cutoffs", _cutoff_values(frame.cutoffs))
        steps = spine_steps(steps, one, None, busiest, customers)
        steps = steps.then("counted", "select cutoff, count(*) as n from spine group by cutoff")
        found = {r[0]: int(r[1]) for r in engine.rows(steps.sql(engine.dialect.name))}
        size = {c: n * found.get(c, 0) for c, n in size.items()}
        if key == "customer_id":
            busiest = max(5, min(BUSIEST, settings.pairs // max(1, *size.values())))
    return size, busiest


def _codes(column: Any) -> NDArray[np.int64]:
    """A number per key that is the same in every matrix."""
    encoded = pc.dictionary_encode(column).combine_chunks()
    values = [
        int.from_bytes(blake2b(str(v).encode(), digest_size=7).digest(), "big") for v in encoded.dictionary.to_pylist()
    ]
    if not values:
        return np.zeros(0, dtype=np.int64)
    codes: NDArray[np.int64] = np.asarray(values, dtype=np.int64)[encoded.indices.to_numpy(zero_copy_only=False)]
    return codes


def _cutoff_values(cutoffs: Sequence[datetime]) -> str:
    rows = ", ".join(f"({literal(c)})" for c in cutoffs)
    return f"select * from (values {rows}) as cutoff(cutoff)"


def thin(matrix: Matrix, budget: int, seed: int) -> Matrix:
    """At most about `budget` rows: every row with a target above zero, as far as they fit, and a sample of the rest.

    The weights make up for it, so that rates and calibrated chances stay those of the population.
    """
    if matrix.y is None or matrix.rows <= budget:
        return matrix
    positive = matrix.y > 0
    pick = np.random.default_rng(seed).random(matrix.rows)
    many = int(positive.sum())
    share_positive = min(1.0, max(budget / 2, budget - (matrix.rows - many)) / max(many, 1))
    share_rest = min(1.0, (budget - share_positive * many) / max(matrix.rows - many, 1))
    share = np.where(positive, share_positive, share_rest)
    kept = matrix.take(pick < share)
    return Matrix(kept.table, kept.cutoffs, kept.cutoff, kept.clusters, kept.weight / share[pick < share], kept.y)
