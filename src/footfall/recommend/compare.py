"""What a test of rankings needs: whom a task asks about, what then happened, and everyone's lists side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from footfall.engine import Engine
from footfall.models.ranking import SALE, Ints, best_of_rows, csr, without
from footfall.recommend.read import History
from footfall.recommend.recommender import OWN, RERANKED, Scene, answers, sides
from footfall.recommend.rerank import ALL, NEW
from footfall.tasks import Task, answer_query
from footfall.windows import Frame

NEW_ITEMS, NEW_PRODUCTS = "new items", "new products"
"""Products new to the customer; products new to the shop."""
NEVER_BOUGHT, NOTHING_KNOWN = "visitors who never bought", "customers without any history"
COLD = (NEVER_BOUGHT, NOTHING_KNOWN)
SEGMENTS = ("age", "gender")
ACTIVITY = ((1, "1 day"), (2, "2 to 4 days"), (5, "5 to 9 days"), (10, "10 days or more"))
"""Days with a purchase from which on a customer belongs to the band."""
ARRIVED = 30.0
"""A product is new up to so many days after its first sale."""


def population(engine: Engine, task: Task, history: History) -> Ints:
    """Numbers of the customers whom the task asks about at the history's cutoff, in order."""
    query = answer_query(task, Frame(task.keys, (history.at,), history.tz), []).sql(engine.dialect.name)
    found = engine.rows(f"select customer_id from ({query}) order by 1")
    numbers = history.numbers
    return np.asarray(sorted(numbers[str(r[0])] for r in found if str(r[0]) in numbers), dtype=np.int64)


def outcome(history: History, later: History, task: Task) -> tuple[sparse.csr_matrix, int]:
    """(customers, products) what was taken in the horizon from the history's cutoff, as known at `later.at`.

    In the history's numbers; how many pairs are of customers or products unknown at the cutoff is counted beside.
    """
    rows = later.after(history.at, task.span)
    who = np.asarray([history.numbers.get(str(c), -1) for c in later.customers], dtype=np.int64)
    what = np.asarray([history.product_numbers.get(str(p), -1) for p in later.products], dtype=np.int64)
    row, col = who[rows.row], what[rows.col]
    known = (row >= 0) & (col >= 0)
    unknown = np.unique(np.stack([rows.row[~known], rows.col[~known]]), axis=1).shape[1]
    shape = (len(history.customers), len(history.products))
    return csr(np.ones(int(known.sum())), row[known], col[known], shape), unknown


def fresh(truth: sparse.csr_matrix, history: History) -> sparse.csr_matrix:
    """What of the truth its customers had never bought before: the truth of the way `new`."""
    return without(truth, history.interactions.owned)


def compared(of: Scene, customers: Ints, k: int = 20, way: str = ALL) -> dict[str, Ints]:
    """Label -> (customers, k) products, -1 for none: the re-ranker, own frequency filled up with popular ones (of the
    way `all`), and each generator. No rules are applied. `customers` are in order, each once."""
    ranker, moment = of.ranker, of.moment
    labels = [RERANKED, *([OWN] if way == ALL else [])]
    labels += [s.label for s in moment.specs if not (way == NEW and s.name == "own_history")]
    out: dict[str, list[Ints]] = {}
    for start in range(0, len(customers), 4_000):
        part = customers[start : start + 4_000]
        found = list(sides(of, part, way))
        for label in labels:
            said = []
            for which, _, pool, values in found:
                score = answers(ranker.reranker, label, values, which)
                kept = np.isfinite(score)
                said.append((score[kept], np.searchsorted(part, pool.row[kept]), pool.col[kept]))
            score, at, col = (np.concatenate(one) for one in zip(*said, strict=True))
            rows = csr(score, at, col, (len(part), moment.interactions.products))
            out.setdefault(label, []).append(best_of_rows(rows, k).items)
    return {label: np.concatenate(parts) for label, parts in out.items()}


def parts_of(history: History, customers: Ints) -> dict[str, NDArray[np.bool_]]:
    """Label -> (customers,) which of them belong to it: values of age and gender, and how often they bought."""
    rows = history.interactions
    out: dict[str, NDArray[np.bool_]] = {}
    for name in SEGMENTS:
        codes = rows.people.get(name)
        if codes is None:
            continue
        for code, value in enumerate(history.values[name]):
            out[f"{name}: {value}"] = codes[customers] == code
        out[f"{name}: not known"] = codes[customers] < 0
    sold = rows.only(SALE)
    days = np.unique(np.stack([sold.row, np.floor(sold.day).astype(np.int64)]), axis=1)
    active = np.bincount(days[0], minlength=rows.customers)[customers]
    edges = [edge for edge, _ in ACTIVITY] + [np.inf]
    for (edge, label), above in zip(ACTIVITY, edges[1:], strict=True):
        out[f"bought on {label}"] = (active >= edge) & (active < above)
    return {label: mask for label, mask in out.items() if mask.any()}


def cold_starts(history: History) -> dict[str, Ints]:
    """Label -> the customers (numbers) known at the cutoff who had looked and not bought, and who had done nothing."""
    rows = history.interactions
    bought = np.bincount(rows.only(SALE).row, minlength=rows.customers) > 0
    anything = np.bincount(rows.row, minlength=rows.customers) > 0
    return {NEVER_BOUGHT: np.flatnonzero(~bought & anything), NOTHING_KNOWN: np.flatnonzero(~anything)}


def just_arrived(history: History) -> NDArray[np.bool_]:
    """(products,) never sold by the cutoff, or first sold at most `ARRIVED` days before it."""
    rows = history.interactions
    sold = rows.only(SALE)
    first = np.full(rows.products, -np.inf)
    np.maximum.at(first, sold.col, sold.age)
    return first <= ARRIVED


def only_products(truth: sparse.csr_matrix, kept: NDArray[np.bool_]) -> sparse.csr_matrix:
    """What of the truth is of these products (columns)."""
    rows = truth.tocoo()
    here = kept[rows.col]
    return csr(rows.data[here], rows.row[here], rows.col[here], truth.shape)
