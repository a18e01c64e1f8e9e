"""A neural network (Keras 3, extra `neural`): wide and deep, with scaled numbers and embedded categories.

Numbers are made comparable (`scaling`) and say apart whether they are missing; the 0/1 columns of one category
(`city=Paris`, `city=Rome`) are one embedding. A straight line of all of that and two hidden layers add up to the raw
score. Chances: log loss. Amounts: Poisson deviance with log link, then one factor that makes the total exact. Training
stops when the newest cutoffs (a tenth of the rows at least; without cutoffs every fifth row) are no longer told better,
and starts over on all rows for as many rounds. Small data gets the mean of several networks, and less than 200 rows, or
10 of either answer, are answered by `logistic`.

Keras trains on JAX (the lightest of its trainable backends to install, 390 MB in all), or on the backend that
KERAS_BACKEND names, or that is installed. Networks are kept as `.keras`. Prediction is NumPy in double precision, row
by row, so that a score depends neither on the backend nor on the rows beside it.

Contributions are Shapley values against a fixed company of `draws` training rows spread over the scores, with one
sampled order of the features per row of it, walked forwards and backwards: they add up exactly, the base being the mean
score of the company. `error(X)` bounds how far they lie from what all orders would give (Castro et al. 2009; antithetic
orders: Mitchell et al. 2022).

Settings: `hidden` (64, 32), `learning_rate` (0.002), `decay` (0.001, of the weights), `rounds` (60, at most),
`patience` (6), `bags` (follows the rows), `draws` (16).

Source: Cheng et al. 2016, Wide and deep learning; Guo and Berkhahn 2016, Entity embeddings.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from footfall.models.contract import CHANCE, Floats, logit
from footfall.models.estimator import Estimator, Rows
from footfall.models.logistic import Logistic
from footfall.models.scaling import SKEWED, Scaling

EXTRA = "neural"
BACKENDS = ("jax", "torch", "tensorflow")
TINY_ROWS = 200
TINY_CASES = 10
FEW_ROWS, SOME_ROWS = 5_000, 20_000
LATER = 0.1
BLOCK = 256
ROWS = 2_000
MOST = 20.0
"""Logarithms of amounts in units of the mean: beyond it nothing is learnt."""
STUDENT = 2.13
"""Of 95% at 15 degrees of freedom; more draws need less."""
_ONE = Lock()
"""Keras keeps state of its own: one network is trained at a time."""

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Inputs:
    """Which columns are numbers, which of them may be missing, and which are values of one category."""

    numbers: list[int]
    holed: list[int]
    groups: list[list[int]]

    @property
    def widths(self) -> list[int]:
        """Length of each category's embedding."""
        return [min(8, 1 + len(g) // 2) for g in self.groups]

    @property
    def wide(self) -> int:
        return len(self.numbers) + len(self.holed)

    def codes(self, X: Floats) -> Ints:
        """(n, groups) 0 for none of the known values, else 1 + the value's place."""
        out = np.zeros((len(X), len(self.groups)), dtype=np.int64)
        for i, group in enumerate(self.groups):
            told = np.nan_to_num(X[:, group])
            out[:, i] = np.where(told.max(axis=1) > 0, 1 + told.argmax(axis=1), 0)
        return out


class Keras(Estimator):
    """Wide and deep network, the mean of several on small data."""

    name = "keras"
    exact = False
    known: ClassVar[dict[str, Any]] = {
        "hidden": [64, 32],
        "learning_rate": 0.002,
        "decay": 0.001,
        "rounds": 60,
        "patience": 6,
        "bags": None,
        "draws": 16,
    }
    space: ClassVar[dict[str, Any]] = {
        "hidden": ([32, 16], [64, 32], [128, 64]),
        "learning_rate": (0.0003, 0.01, "log"),
        "decay": (1e-5, 0.1, "log"),
    }

    def __init__(self, kind: str, seed: int = 0, **settings: Any) -> None:
        super().__init__(kind, seed, **settings)
        self._rest: Logistic | None = None
        self._scaling = Scaling(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0), np.zeros(0))
        self._inputs = Inputs([], [], [])
        self._nets: list[list[Floats]] = []
        self._usual: Floats = np.zeros((0, 0))  # training rows that the others are compared with

    # --- learning ---------------------------------------------------------------------------------------

    def _learn(self, rows: Rows) -> None:
        X, y, w = rows.X, rows.y, rows.w
        rare = min(int((y > 0).sum()), int((y == 0).sum())) if self.kind == CHANCE else int((y > 0).sum())
        self._rest, self._nets = None, []
        if len(y) < TINY_ROWS or rare < TINY_CASES:
            self._rest = Logistic(self.kind, self.seed).fit(X, y, w, rows.names)
            return
        self._scaling = Scaling.learn(X, w, least=SKEWED)
        self._inputs = _inputs(X, rows.names, self._scaling)
        bags = self.settings["bags"] or (3 if len(y) < FEW_ROWS else 2 if len(y) < SOME_ROWS else 1)
        with _ONE:
            self._nets = self._train(rows, int(bags))
        self._usual = self._spread_over(X)

    def _train(self, rows: Rows, bags: int) -> list[list[Floats]]:
        y, w = rows.y.astype(np.float32), (rows.w / rows.w.mean()).astype(np.float32)
        given = self._given(rows.X)
        later = _later(rows, self.seed)
        size = int(2 ** np.clip(np.round(np.log2(len(y) / 40)), 5, 9))
        told, came, worth = self._prepared(rows.X[later]), rows.y[later], rows.w[later]

        def judge(net: list[Floats]) -> float:
            raw = np.clip(self._answer(told, net), -MOST, MOST)
            loss = np.logaddexp(0.0, raw) if self.kind == CHANCE else np.exp(raw)
            return float(worth @ (loss - came * raw) / worth.sum())

        model = self._built()
        nets = []
        for bag in range(bags):
            dice = np.random.default_rng([self.seed, bag])
            start = self._start(dice, rows)
            most = (int(self.settings["rounds"]), int(self.settings["patience"]))
            fit = _Training(model, start, size, dice)
            rounds = fit.rounds_until_worse(given, y, w, ~later, most, judge)
            fit.over(given, y, w, np.ones(len(y), dtype=bool), rounds)
            nets.append([np.asarray(v, dtype=np.float64) for v in model.get_weights()])
        return nets

    def _built(self) -> Any:
        """The Keras model, compiled."""
        keras = _keras()
        layers = keras.layers
        inputs = [keras.Input((self._inputs.wide,), name="numbers")]
        told = [inputs[0]]
        for i, (group, width) in enumerate(zip(self._inputs.groups, self._inputs.widths, strict=True)):
            code = keras.Input((), dtype="int32", name=f"category_{i}")
            inputs.append(code)
            told.append(layers.Embedding(len(group) + 1, width, name=f"embedding_{i}")(code))
        all_ = layers.Concatenate(name="all")(told) if len(told) > 1 else told[0]
        deep = all_
        for i, units in enumerate(self.settings["hidden"]):
            deep = layers.Dense(int(units), activation="relu", name=f"hidden_{i}")(deep)
        raw = layers.Add(name="raw")([layers.Dense(1, name="wide")(all_), layers.Dense(1, name="deep")(deep)])
        model = keras.Model(inputs, raw)
        model.compile(
            optimizer=keras.optimizers.AdamW(
                float(self.settings["learning_rate"]), weight_decay=float(self.settings["decay"]), clipnorm=1.0
            ),
            loss=_log_loss if self.kind == CHANCE else _poisson,
        )
        return model

    def _start(self, dice: np.random.Generator, rows: Rows) -> list[Floats]:
        """First weights, in the order of the layers: as Glorot and Bengio draw them, the outputs nearly flat."""
        mean = float(np.average(rows.y, weights=rows.w))
        hidden = [int(h) for h in self.settings["hidden"]]
        all_ = self._inputs.wide + sum(self._inputs.widths)
        drawn: dict[str, list[Floats]] = {}
        for i, (group, width) in enumerate(zip(self._inputs.groups, self._inputs.widths, strict=True)):
            drawn[f"embedding_{i}"] = [dice.uniform(-0.5, 0.5, (len(group) + 1, width))]
        for i, (a, b) in enumerate(zip([all_, *hidden], hidden, strict=False)):
            edge = np.sqrt(6.0 / (a + b))
            drawn[f"hidden_{i}"] = [dice.uniform(-edge, edge, (a, b)), np.zeros(b)]
        drawn["wide"] = [np.zeros((all_, 1)), np.zeros(1)]
        edge = 0.1 * np.sqrt(6.0 / (hidden[-1] + 1))
        first = float(logit(mean)) if self.kind == CHANCE else float(np.log(mean))
        drawn["deep"] = [dice.uniform(-edge, edge, (hidden[-1], 1)), np.full(1, first)]
        return [v for name in self._order() for v in drawn[name]]

    def _order(self) -> list[str]:
        """Layers with weights in the order in which the model holds them."""
        embedded = [f"embedding_{i}" for i in range(len(self._inputs.groups))]
        return [*embedded, *(f"hidden_{i}" for i in range(len(self.settings["hidden"]))), "wide", "deep"]

    # --- answering ----------------------------------------------------------------------------------------

    def _given(self, X: Floats) -> list[Any]:
        """What the network is given: (n, wide) numbers, then (n,) a code per category."""
        numbers, codes = self._prepared(X)
        return [numbers.astype(np.float32), *(codes[:, i].astype(np.int32) for i in range(codes.shape[1]))]

    def _prepared(self, X: Floats) -> tuple[Floats, Ints]:
        """(n, wide) numbers and (n, groups) codes."""
        Z, holes = self._scaling.apply(X)
        return np.hstack([Z[:, self._inputs.numbers], holes[:, self._inputs.holed]]), self._inputs.codes(X)

    def _embedded(self, told: tuple[Floats, Ints], net: list[Floats]) -> Floats:
        """(n, inputs) with the categories as `net` embeds them."""
        numbers, codes = told
        return np.hstack([numbers, *(net[i][codes[:, i]] for i in range(codes.shape[1]))])

    def _answer(self, told: tuple[Floats, Ints], net: list[Floats]) -> Floats:
        """(n,) the raw score of one network."""
        deep = all_ = self._embedded(told, net)
        layers = net[len(self._inputs.groups) :]
        for k in range(0, len(layers) - 4, 2):
            deep = np.maximum(_times(deep, layers[k]) + layers[k + 1], 0.0)
        wide = (all_ * layers[-4][:, 0]).sum(axis=1) + layers[-3][0]
        return np.asarray(wide + (deep * layers[-2][:, 0]).sum(axis=1) + layers[-1][0], dtype=np.float64)

    def _score(self, X: Floats) -> Floats:
        if self._rest is not None:
            return self._rest._raw(X)
        out = np.zeros(len(X))
        for i in range(0, len(X), ROWS):
            told = self._prepared(X[i : i + ROWS])
            for net in self._nets:
                out[i : i + ROWS] += self._answer(told, net)
        return out / len(self._nets)

    def _parts(self, X: Floats) -> Floats:
        return self._rest.contributions(X) if self._rest is not None else self._sampled(X)[0]

    def error(self, X: Any) -> Floats:
        """(n, d) half widths of 95% for what endless draws would answer; zeros where contributions are exact."""
        X = np.asarray(X, dtype=np.float64)
        if not self._fitted or self._rest is not None:
            return np.zeros((len(X), self._width))
        return self._sampled(X)[1]

    def _sampled(self, X: Floats) -> tuple[Floats, Floats]:
        """Contributions (n, d + 1) and their errors (n, d)."""
        n, d = X.shape
        parts, error = np.zeros((n, d + 1)), np.zeros((n, d))
        draws = len(self._usual)
        columns = self._owners(X)
        players = columns.shape[1]
        orders = [np.random.default_rng([self.seed, 7, k]).permutation(players) for k in range(draws)]
        for i in range(0, n, BLOCK):
            block = slice(i, i + BLOCK)
            first = np.zeros((len(X[block]), d))
            squares = np.zeros_like(first)
            moves = [self._moves(X[block], net) for net in self._nets]
            for k, order in enumerate(orders):
                usual = [self._moves(self._usual[k : k + 1], net) for net in self._nets]
                both = np.zeros((2, len(first), players))
                for way, turns in enumerate((order, order[::-1])):
                    for net, mine, other in zip(self._nets, moves, usual, strict=True):
                        both[way] += self._walk(net, mine, other, turns) / len(self._nets)
                # A category's worth goes to the column of the row's own value.
                owner = np.where(columns[block] >= 0, columns[block], self._owners(self._usual[k : k + 1]))
                owner = np.where(owner >= 0, owner, self._default)
                at = np.arange(len(first))[:, None]
                np.add.at(first, (at, owner), both.mean(axis=0))
                np.add.at(squares, (at, owner), ((both[0] - both[1]) / 2.0) ** 2)
            parts[block, :-1] = first / draws
            # Forwards and backwards err in opposite directions: as if they were independent, this is the upper end.
            error[block] = STUDENT * np.sqrt(squares) / draws
        parts[:, -1] = self._score(self._usual).mean()
        return parts, error

    @property
    def _default(self) -> Ints:
        """(players,) the column that stands for each: the number's own, the first value of a category."""
        return np.array([*self._inputs.numbers, *(g[0] for g in self._inputs.groups)], dtype=np.int64)

    def _owners(self, X: Floats) -> Ints:
        """(n, players) the column that gets each player's worth; -1 where a row has no known value of a category."""
        out = np.tile(self._default, (len(X), 1))
        codes = self._inputs.codes(X)
        for i, group in enumerate(self._inputs.groups):
            at = len(self._inputs.numbers) + i
            out[:, at] = np.where(codes[:, i] > 0, np.array([-1, *group])[codes[:, i]], -1)
        return out

    def _moves(self, X: Floats, net: list[Floats]) -> tuple[Floats, Floats]:
        """What each player adds before the first hidden layer, (n, players, units), and to the line, (n, players)."""
        told = self._embedded(self._prepared(X), net)
        layers = net[len(self._inputs.groups) :]
        weights = np.hstack([layers[0], layers[-4]])
        count = len(self._inputs.numbers)
        out = told[:, :count, None] * weights[None, :count]
        for k, j in enumerate(self._inputs.holed):
            out[:, self._inputs.numbers.index(j)] += told[:, count + k, None] * weights[count + k]
        at = self._inputs.wide
        grouped = []
        for width in self._inputs.widths:
            grouped.append(told[:, at : at + width] @ weights[at : at + width])
            at += width
        out = np.concatenate([out, np.stack(grouped, axis=1)], axis=1) if grouped else out
        return out[:, :, :-1], out[:, :, -1]

    def _walk(self, net: list[Floats], mine: Any, usual: Any, order: Ints) -> Floats:
        """(n, players) what each adds as it turns, in `order`, from the usual row's value to the row's own."""
        layers = net[len(self._inputs.groups) :]
        (deep, wide), (deep_usual, wide_usual) = mine, usual
        hidden = np.tile(deep_usual[0].sum(axis=0) + layers[1], (len(deep), 1))
        out = wide - wide_usual
        before = _head(hidden, layers)
        for j in order:
            hidden += deep[:, j] - deep_usual[0, j]
            after = _head(hidden, layers)
            out[:, j] += after - before
            before = after
        return np.asarray(out, dtype=np.float64)

    def _spread_over(self, X: Floats) -> Floats:
        """`draws` training rows, one from the middle of each stratum of the score."""
        order = np.argsort(self._score(X), kind="stable")
        draws = min(int(self.settings["draws"]), len(order))
        middle = ((np.arange(draws) + 0.5) * len(order) / draws).astype(np.int64)
        return np.asarray(X[order[middle]], dtype=np.float64)

    # --- keeping ------------------------------------------------------------------------------------------

    def _write(self, folder: Path) -> dict[str, Any]:
        if self._rest is not None:
            self._rest.save(folder)
            return {"nets": 0}
        with _ONE:
            model = self._built()
            for i, net in enumerate(self._nets):
                model.set_weights([v.astype(np.float32) for v in net])
                model.save(folder / f"net_{i}.keras")
        np.savez(folder / "keras.npz", **self._scaling.arrays(), usual=self._usual)
        return {"nets": len(self._nets), **vars(self._inputs)}

    def _read(self, folder: Path, body: dict[str, Any]) -> None:
        if not body["nets"]:
            self._rest = Logistic.load(folder)
            return
        with np.load(folder / "keras.npz", allow_pickle=False) as kept:
            self._scaling, self._usual = Scaling.of(kept), kept["usual"]
        self._inputs = Inputs(body["numbers"], body["holed"], body["groups"])
        with _ONE:
            load = _keras().saving.load_model
            for i in range(body["nets"]):
                model = load(folder / f"net_{i}.keras", compile=False, safe_mode=True)
                self._nets.append([np.asarray(v, dtype=np.float64) for v in model.get_weights()])


@dataclass(frozen=True)
class _Training:
    """A compiled model that can be trained again and again from the same first weights."""

    model: Any
    start: list[Floats]
    size: int
    dice: np.random.Generator

    def rounds_until_worse(
        self, given: Any, y: Any, w: Any, rows: Any, most: tuple[int, int], judge: Callable[[list[Floats]], float]
    ) -> int:
        """How many rounds over `rows` make the least loss by `judge`; at `most` so many, and so many in vain."""
        best, at = np.inf, 1
        for i, _ in enumerate(self._rounds(given, y, w, rows, most[0]), 1):
            loss = judge([np.asarray(v, dtype=np.float64) for v in self.model.get_weights()])
            if loss < best - 1e-5:
                best, at = loss, i
            elif i - at >= most[1]:
                break
        return at

    def over(self, given: Any, y: Any, w: Any, rows: Any, rounds: int) -> None:
        for _ in self._rounds(given, y, w, rows, rounds):
            pass

    def _rounds(self, given: Any, y: Any, w: Any, rows: Any, rounds: int) -> Iterator[None]:
        self.model.set_weights([v.astype(np.float32) for v in self.start])
        for v in self.model.optimizer.variables:
            if v.path.rsplit("/", 1)[-1] != "learning_rate":
                v.assign(np.zeros(v.shape, dtype=v.dtype))
        where = np.flatnonzero(rows)
        lacking = -len(where) % self.size
        for _ in range(rounds):
            order = self.dice.permutation(where)
            # Whole batches only, or another shape would be compiled: the last is filled up with weightless rows.
            order = np.concatenate([order, np.resize(order, lacking)])
            weight = w[order]
            if lacking:
                weight[-lacking:] = 0.0
            self.model.fit(
                [g[order] for g in given],
                y[order],
                sample_weight=weight,
                batch_size=self.size,
                shuffle=False,
                verbose=0,
            )
            yield


def _times(X: Floats, weights: Floats) -> Floats:
    """(n, units) `X @ weights`, summed column by column: a product of matrices would let rows change each other's last
    bits."""
    out = np.zeros((len(X), weights.shape[1]))
    for j in range(X.shape[1]):
        out += X[:, j, None] * weights[j]
    return out


def _head(hidden: Floats, layers: list[Floats]) -> Floats:
    """(n,) the deep part from what comes before the first hidden layer's bend; its bias is in `hidden` already."""
    deep = np.maximum(hidden, 0.0)
    for k in range(2, len(layers) - 4, 2):
        deep = np.maximum(deep @ layers[k] + layers[k + 1], 0.0)
    return np.asarray((deep @ layers[-2])[:, 0], dtype=np.float64)


def _inputs(X: Floats, names: list[str], scaling: Scaling) -> Inputs:
    """Columns called `column=value` that are 0/1, at most one of them 1, are a category; the rest are numbers."""
    stems: dict[str, list[int]] = {}
    for j, name in enumerate(names):
        stem, equals, _ = name.partition("=")
        if equals:
            stems.setdefault(stem, []).append(j)
    groups = [g for g in stems.values() if len(g) > 1 and np.isin(X[:, g], (0, 1)).all() and X[:, g].sum(1).max() <= 1]
    taken = {j for g in groups for j in g}
    some = np.isnan(X)
    holed = [j for j in np.flatnonzero(some.any(axis=0) & ~some.all(axis=0)).tolist() if j not in taken]
    varied = set(np.flatnonzero(scaling.spread > 0).tolist()) | set(holed)
    return Inputs([j for j in range(X.shape[1]) if j in varied and j not in taken], holed, groups)


def _later(rows: Rows, seed: int) -> Any:
    """(n,) the rows that stop training: of the newest cutoffs, or a fifth by chance where there is one only."""
    n = len(rows.y)
    if rows.groups is not None:
        for least in np.unique(rows.groups)[:0:-1]:
            later = rows.groups >= least
            if later.sum() >= LATER * n and 0 < later.sum() < 0.5 * n:
                return later
    return np.random.default_rng([seed, 3]).random(n) < 0.2


def _log_loss(y: Any, raw: Any) -> Any:
    ops = _keras().ops
    return ops.mean(ops.softplus(raw) - ops.reshape(y, ops.shape(raw)) * raw, axis=-1)


def _poisson(y: Any, raw: Any) -> Any:
    ops = _keras().ops
    raw = ops.clip(raw, -MOST, MOST)
    return ops.mean(ops.exp(raw) - ops.reshape(y, ops.shape(raw)) * raw, axis=-1)


def _keras() -> Any:
    """The library, on a backend that is installed."""
    if "KERAS_BACKEND" not in os.environ:
        os.environ["KERAS_BACKEND"] = next(b for b in BACKENDS if find_spec(b))
    import keras

    return keras


if find_spec("keras") and ("KERAS_BACKEND" in os.environ or any(map(find_spec, BACKENDS))):
    MODEL = Keras
