"""The contract every generator of candidates keeps, and the interactions they learn from.

A generator is a class called `RANK_MODEL` in a file of this folder; the file's name is the generator's name. It knows
customers and products as numbers and nothing else: no SQL, no task, no shop. It says what one signal would show to a
customer; which of the candidates comes first is decided by who merges several of them.

The contract, kept by `tests/test_models_ranking.py` on every member:

* `fit` takes any interactions: one row, none at all, one product, customers or products without a row;
* `candidates` gives products once each, best first, equal scores in the order of the products; where there are fewer
  than asked for, product -1 with score -inf stands at the end;
* `score` of a pair is what `candidates` said of it, -inf where the generator has nothing to say;
* a customer's candidates do not depend on who else is asked about;
* two fits with one seed give the same bits; so do `save` and `load`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.names import find, members

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SALE = "sale"
AGAINST = ("remove_from_cart", "return", "unfavourite")
"""Kinds of interactions that speak against a product."""
RATING = "rating"
CELLS = 16_000_000
"""Scores held at once while candidates are looked for."""


class Candidates(NamedTuple):
    """`items` (customers, k) products, -1 for none; `scores` (customers, k), -inf for none."""

    items: Ints
    scores: Floats


@dataclass(frozen=True)
class Interactions:
    """What customers did with products before `at`, one row each.

    Args:
        customers: how many there are, `products` likewise; both are numbered from 0.
        row: (n,) customer of each row, `col` (n,) its product, `day` (n,) when, in days of any origin, below `at`.
        kind: (n,) which of `kinds` it is; `weight` (n,) how much of it (units, or 1).
        at: the cutoff, in days of the same origin.
        items: name -> (products,) codes from 0 up, -1 where unknown: category, brand, price_band.
        people: name -> (customers,) codes from 0 up, -1 where unknown: gender, age_band, location, ...
        listed: (products,) the day each product became known, in days of the same origin; None: all along.
        text: (products, words) weights of the words of each product's name and description; None: there are none.

    Raises:
        UsageError: arrays of unlike length, numbers out of range, or a row at or after `at`.
    """

    customers: int
    products: int
    row: Ints
    col: Ints
    day: Floats
    kind: Ints
    weight: Floats
    at: float
    kinds: tuple[str, ...] = (SALE,)
    items: dict[str, Ints] = field(default_factory=dict)
    people: dict[str, Ints] = field(default_factory=dict)
    listed: Floats | None = None
    text: sparse.csr_matrix | None = None

    def __post_init__(self) -> None:
        if len({len(a) for a in (self.row, self.col, self.day, self.kind, self.weight)}) > 1:
            raise UsageError("interactions are columns of one length: row, col, day, kind, weight")
        for name, codes, size in (
            ("customer", self.row, self.customers),
            ("product", self.col, self.products),
            ("kind", self.kind, len(self.kinds)),
        ):
            if len(codes) and not (codes.min() >= 0 and codes.max() < size):
                raise UsageError(f"a {name} of the interactions lies outside 0 .. {size - 1}")
        if len(self.day) and not self.day.max() < self.at:
            raise UsageError("an interaction lies at or after the cutoff")
        for of, size in ((self.items, self.products), (self.people, self.customers)):
            for name, codes in of.items():
                if len(codes) != size:
                    raise UsageError(f"feature '{name}' has {len(codes)} codes for {size}")

    def __len__(self) -> int:
        return len(self.row)

    def only(self, *kinds: str) -> Interactions:
        """The rows of these kinds; all of them without a name. The numbering stays."""
        if not kinds:
            return self
        wanted = [i for i, k in enumerate(self.kinds) if k in kinds]
        return self.take(np.isin(self.kind, wanted))

    @property
    def liked(self) -> Interactions:
        """The rows that speak for a product: no removals or returns, and no rating below the average one."""
        against = [i for i, k in enumerate(self.kinds) if k in AGAINST]
        kept = ~np.isin(self.kind, against)
        if RATING in self.kinds:
            rated = self.kind == self.kinds.index(RATING)
            if rated.any():
                kept &= ~rated | (self.weight >= self.weight[rated].mean())
        return self if kept.all() else self.take(kept)

    def take(self, rows: NDArray[Any]) -> Interactions:
        """The rows `rows` (indices or a mask)."""
        columns = {n: getattr(self, n)[rows] for n in ("row", "col", "day", "kind", "weight")}
        return replace(self, **columns)

    def since(self, days: float) -> Interactions:
        """The rows of the last `days` days."""
        return self.take(self.day >= self.at - days)

    @property
    def age(self) -> Floats:
        """(n,) days from each row to the cutoff."""
        return self.at - self.day

    def matrix(self, half_life: float | None = None) -> sparse.csr_matrix:
        """(customers, products) occasions: rows of one customer, product and day count once.

        With a half-life, each counts `0.5 ** (age / half_life)`.
        """
        once = self.occasions
        value = np.ones(len(once)) if half_life is None else 0.5 ** (once.age / half_life)
        return csr(value, once.row, once.col, (self.customers, self.products))

    @cached_property
    def occasions(self) -> Interactions:
        """One row per customer, product, kind and day (the first of them), ordered by these."""
        if not len(self):
            return self
        day = np.floor(self.day).astype(np.int64)
        origin = day.min()
        pair = (self.row * self.products + self.col) * len(self.kinds) + self.kind
        span = int(day.max() - origin) + 1
        if self.customers * self.products * len(self.kinds) < np.iinfo(np.int64).max // span:
            keys = pair * span + (day - origin)  # one number instead of four: sorted in a third of the time
            order = np.lexsort((self.day, keys))
        else:
            order = np.lexsort((self.day, day, pair))
            keys = np.cumsum(np.append(0, (np.diff(pair[order]) != 0) | (np.diff(day[order]) != 0)))
            keys[order] = keys.copy()
        sorted_keys = keys[order]
        return self.take(order[np.append(True, sorted_keys[1:] != sorted_keys[:-1])])

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """(products,) known before the cutoff."""
        return np.ones(self.products, dtype=bool) if self.listed is None else self.listed < self.at

    @property
    def main(self) -> Interactions:
        """The sales; where there are none, every row."""
        sold = self.only(SALE)
        return sold if len(sold) else self

    @cached_property
    def owned(self) -> sparse.csr_matrix:
        """(customers, products) 1 where the customer bought it, sorted by product."""
        sold = self.only(SALE)
        return binary(csr(np.ones(len(sold)), sold.row, sold.col, (self.customers, self.products)))


class RankModel(Protocol):
    """One generator of candidates."""

    name: str

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        """Raises UsageError for a setting the generator does not have."""

    def fit(self, interactions: Interactions) -> Self:
        """Learn. Raises FootfallError where the generator cannot hold so many products."""
        ...

    def candidates(self, customers: Any, k: int, new: bool = False) -> Candidates:
        """The `k` best for each customer (row numbers); `new`: only what the customer never bought."""
        ...

    def score(self, customers: Any, items: Any) -> Floats:
        """(n,) the score of each pair; -inf where the generator has nothing to say."""
        ...

    def similar(self, item: int, k: int) -> Candidates:
        """The `k` products most like `item` by this signal, itself excluded, as one row."""
        ...

    def save(self, folder: Path) -> None:
        """Write the fitted generator into `folder` (made if absent) as npz and JSON; never a pickle."""
        ...

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote. Raises FootfallError when `folder` holds none of this class."""
        ...


class Generator:
    """What generators share: settings, best candidates from blocks of scores, and saving.

    A member sets `name`, `known_settings`, `_learn`, and one of `_block` (dense scores) and `_rows` (sparse ones);
    what it learns lies in `arrays`: name -> array or sparse matrix.
    """

    name = "generator"
    known_settings: dict[str, Any] = {}  # noqa: RUF012  replaced, never changed
    dense = False

    def __init__(self, seed: int = 0, **settings: Any) -> None:
        for setting in settings:
            if setting not in self.known_settings:
                raise UsageError(
                    f"generator '{self.name}' has no setting '{setting}'{did_you_mean(setting, self.known_settings)}"
                )
        self.seed = seed
        self.settings = {**self.known_settings, **settings}
        self.arrays: dict[str, Any] = {}
        self._made = threading.local()  # the rows made last: candidates are scored right after they are found

    # --- of each member -----------------------------------------------------------------------------------

    def _learn(self, interactions: Interactions) -> dict[str, Any]:
        raise NotImplementedError

    def _block(self, customers: Ints) -> Floats:
        """(c, products) scores, -inf for none; fresh, may be written to."""
        return np.asarray(_filled(self._rows(customers)))

    def _rows(self, customers: Ints) -> sparse.csr_matrix:
        """(c, products) scores where there are any."""
        raise NotImplementedError

    def _likeness(self, item: int) -> Floats:
        """(products,) how like `item` each product is; -inf for not at all."""
        return np.full(self.products, -np.inf)

    # --- shared -------------------------------------------------------------------------------------------

    @property
    def products(self) -> int:
        return int(self.arrays["owned"].shape[1])

    def fit(self, interactions: Interactions) -> Self:
        self._made = threading.local()
        self.arrays = {"owned": interactions.owned, **self._learn(interactions)}
        return self

    def candidates(self, customers: Any, k: int, new: bool = False) -> Candidates:
        asked = np.asarray(customers, dtype=np.int64).ravel()
        width = min(k, self.products)
        items = np.full((len(asked), k), -1, dtype=np.int64)
        scores = np.full((len(asked), k), -np.inf)
        for part in self._parts(asked):
            found = self._best(asked[part], width, new)
            items[part, :width], scores[part, :width] = found
        return Candidates(items, scores)

    def _best(self, customers: Ints, k: int, new: bool) -> Candidates:
        if self.dense:
            block = self._block(customers)
            if new:
                mine = self.arrays["owned"][customers].tocoo()
                block[mine.row, mine.col] = -np.inf
            return best(block, k)
        rows = self._rows_of(customers)
        return best_of_rows(without(rows, self.arrays["owned"][customers]) if new else rows, k)

    def _rows_of(self, customers: Ints) -> sparse.csr_matrix:
        last = getattr(self._made, "last", None)
        if last is None or not np.array_equal(last[0], customers):
            last = self._made.last = (customers, self._rows(customers))
        return last[1]

    def score(self, customers: Any, items: Any) -> Floats:
        asked, products = (np.asarray(a, dtype=np.int64).ravel() for a in (customers, items))
        out = np.full(len(asked), -np.inf)
        whom, at = grouped(asked)
        last = getattr(self._made, "last", (np.zeros(0, dtype=np.int64), None))[0]
        if len(last) and len(whom) and (np.diff(last) > 0).all() and np.isin(whom, last).all():
            whom, at = last, np.searchsorted(last, asked)
        order = np.argsort(at, kind="stable")
        starts = np.searchsorted(at[order], np.arange(len(whom) + 1))
        for part in self._parts(whom):
            rows = order[starts[part.start] : starts[part.stop]]
            if self.dense:
                out[rows] = self._block(whom[part])[at[rows] - part.start, products[rows]]
            else:
                out[rows] = looked_up(self._rows_of(whom[part]), at[rows] - part.start, products[rows])
        return out

    def similar(self, item: int, k: int) -> Candidates:
        if not 0 <= item < self.products:
            raise UsageError(f"there is no product number {item}; there are {self.products}")
        like = self._likeness(item)[None, :].copy()
        like[0, item] = -np.inf
        found = best(like, min(k, self.products))
        items, scores = np.full((1, k), -1, dtype=np.int64), np.full((1, k), -np.inf)
        items[:, : found.items.shape[1]], scores[:, : found.items.shape[1]] = found
        return Candidates(items, scores)

    def _parts(self, asked: Ints) -> Iterator[slice]:
        step = max(1, CELLS // max(1, self.products))
        step = step if self.dense or self.products <= 20_000 else 20_000
        for start in range(0, len(asked), step):
            yield slice(start, min(start + step, len(asked)))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        flat: dict[str, Any] = {}
        for name, value in self.arrays.items():
            if sparse.issparse(value):
                parts = {"data": value.data, "indices": value.indices, "indptr": value.indptr, "shape": value.shape}
                flat |= {f"{name}.{part}": np.asarray(one) for part, one in parts.items()}
            else:
                flat[name] = np.asarray(value)
        np.savez_compressed(folder / "generator.npz", allow_pickle=False, **flat)
        body = {"generator": self.name, "seed": self.seed, "settings": self.settings}
        (folder / "generator.json").write_text(json.dumps(body, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        try:
            body = json.loads((folder / "generator.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            body = {}
        if body.get("generator") != cls.name:
            raise FootfallError(f"there is no saved generator '{cls.name}' in {folder}; fit it first")
        model = cls(body["seed"], **body["settings"])
        with np.load(folder / "generator.npz", allow_pickle=False) as stored:
            flat = {name: stored[name] for name in stored.files}
        for name in list(flat):
            stem, _, part = name.rpartition(".")
            if part == "indptr":
                held = (flat[f"{stem}.data"], flat[f"{stem}.indices"], flat[name])
                model.arrays[stem] = sparse.csr_matrix(held, shape=tuple(flat[f"{stem}.shape"]))
            elif not stem:
                model.arrays[name] = flat[name]
        return model


def find_rank_model(name: str) -> type[RankModel]:
    """The generator class of that name. Raises UsageError with the right names."""
    return cast("type[RankModel]", find("footfall.models", name, "RANK_MODEL", "generator").RANK_MODEL)


def rank_model_names() -> list[str]:
    """Names of the generators that can run here, sorted: one whose library is not installed is left out."""
    return members("footfall.models", "RANK_MODEL")


# --- scores in blocks and rows ----------------------------------------------------------------------------


def csr(value: Any, row: Any, col: Any, shape: tuple[int, int]) -> sparse.csr_matrix:
    """A sparse matrix with sorted columns; equal places are summed."""
    made = sparse.coo_matrix((np.asarray(value, dtype=np.float64), (row, col)), shape=shape).tocsr()
    made.sum_duplicates()
    return made


def single(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """In single precision: half the room, and sorted many times faster (`best_of_rows`)."""
    return sparse.csr_matrix(matrix.astype(np.float32))


def distinct(keys: Ints) -> Ints:
    """As `numpy.unique`, whose hashing takes ten times as long on keys that are nearly in order."""
    if not len(keys):
        return keys
    ordered = keys if (keys[1:] >= keys[:-1]).all() else np.sort(keys)
    return np.asarray(ordered[np.append(True, ordered[1:] != ordered[:-1])])


def grouped(keys: Ints) -> tuple[Ints, Ints]:
    """As `numpy.unique(keys, return_inverse=True)`, without sorting what is in order already."""
    if not len(keys):
        return keys, np.zeros(0, dtype=np.int64)
    if (keys[1:] >= keys[:-1]).all():
        begins = np.append(True, keys[1:] != keys[:-1])
        return keys[begins], np.cumsum(begins) - 1
    found, inverse = np.unique(keys, return_inverse=True)
    return found, inverse.astype(np.int64)


def binary(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """1 where there is anything."""
    return sparse.csr_matrix((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def scaled(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Each row divided by its sum; empty rows stay empty."""
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return sparse.csr_matrix(sparse.diags(np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)) @ matrix)


def best(block: Floats, k: int) -> Candidates:
    """The `k` best columns of each row, best first, equal ones in order; -1 and -inf where there are too few."""
    n, m = block.shape
    if k < m:
        edge = np.partition(block, m - k, axis=1)[:, m - k]
        # All above the edge, and of those on it the first ones: a partition alone would pick any of them.
        above = (block > edge[:, None]).sum(axis=1)
        on = block == edge[:, None]
        kept = (block > edge[:, None]) | (on & (np.cumsum(on, axis=1) <= (k - above)[:, None]))
        at = np.nonzero(kept)[1].reshape(n, k)
    else:
        at = np.broadcast_to(np.arange(m), (n, m))
    scores = np.take_along_axis(block, at, axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")
    items, scores = np.take_along_axis(at, order, axis=1), np.take_along_axis(scores, order, axis=1)
    return Candidates(np.where(np.isneginf(scores), -1, items).astype(np.int64), scores)


def best_of_rows(rows: sparse.csr_matrix, k: int) -> Candidates:
    """As `best`, of sparse rows; what is not stored is no candidate."""
    n, m = rows.shape
    low = max(1, int(m - 1).bit_length())
    if rows.dtype == np.float32 and low + 32 + max(1, int(n - 1).bit_length()) <= 64:
        return _best_by_key(rows, k, low)
    if rows.nnz > 0.02 * n * m and n * m <= CELLS:
        return best(_filled(rows), k)
    owner = np.repeat(np.arange(n), np.diff(rows.indptr))
    order = np.lexsort((rows.indices, -rows.data, owner))
    rank = np.arange(len(order)) - rows.indptr[:-1][owner[order]]
    kept = order[rank < k]
    items, scores = np.full((n, k), -1, dtype=np.int64), np.full((n, k), -np.inf)
    items[owner[kept], rank[rank < k]] = rows.indices[kept]
    scores[owner[kept], rank[rank < k]] = rows.data[kept]
    return Candidates(items, scores)


def _best_by_key(rows: sparse.csr_matrix, k: int, low: int) -> Candidates:
    """Row, falling score and column in one number of 64 bits, which a processor sorts many at a time."""
    n = rows.shape[0]
    bits = rows.data.view(np.uint32)
    falling = np.where(bits >> 31, bits, ~bits & np.uint32(0x7FFFFFFF)).astype(np.uint64)
    owner = np.repeat(np.arange(n, dtype=np.uint64), np.diff(rows.indptr))
    keys = (owner << np.uint64(32 + low)) | (falling << np.uint64(low)) | rows.indices.astype(np.uint64)
    keys.sort()
    place = rows.indptr[:-1, None].astype(np.int64) + np.arange(k)
    there = place < rows.indptr[1:, None]
    top = keys[np.minimum(place, max(len(keys) - 1, 0))] if len(keys) else np.zeros((n, k), dtype=np.uint64)
    items = np.where(there, (top & np.uint64((1 << low) - 1)).astype(np.int64), -1)
    said = ((top >> np.uint64(low)) & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    said = np.where(said >> 31, said, ~said & np.uint32(0x7FFFFFFF)).view(np.float32)
    return Candidates(items, np.where(there, said.astype(np.float64), -np.inf))


def strongest(rows: sparse.csr_matrix, kept: int) -> sparse.csr_matrix:
    """The `kept` largest values of each row, in single precision."""
    if not rows.shape[1]:
        return rows
    found = best_of_rows(single(rows), kept)
    row, place = np.nonzero(found.items >= 0)
    return csr(found.scores[row, place], row, found.items[row, place], rows.shape)


def without(rows: sparse.csr_matrix, owned: sparse.csr_matrix) -> sparse.csr_matrix:
    """The stored places of `rows` that `owned` does not store."""
    coo = rows.tocoo()
    kept = np.isneginf(looked_up(owned, coo.row, coo.col))
    return csr(coo.data[kept], coo.row[kept], coo.col[kept], rows.shape)


def looked_up(rows: sparse.csr_matrix, row: Any, col: Any) -> Floats:
    """(n,) the stored values at these places; -inf where nothing is stored."""
    if not rows.nnz:
        return np.full(len(row), -np.inf)
    rows.sort_indices()
    width = rows.shape[1]
    keys = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)) * width + rows.indices
    wanted = np.asarray(row, dtype=np.int64) * width + np.asarray(col, dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, rows.data[at], -np.inf)


def _filled(rows: sparse.csr_matrix) -> Floats:
    out = np.full(rows.shape, -np.inf)
    coo = rows.tocoo()
    out[coo.row, coo.col] = coo.data
    return out
