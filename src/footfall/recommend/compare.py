"""What a test of rankings needs: whom a task asks about, what then happened, and everyone's lists side by side."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from footfall.engine import Engine
from footfall.models.ranking import Ints, best_of_rows, csr, without
from footfall.recommend.read import History
from footfall.recommend.recommender import OWN, RERANKED, Scene, answers
from footfall.recommend.rerank import ALL, NEW
from footfall.tasks import Task, answer_query
from footfall.windows import Frame


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
    out: dict[str, list[Ints]] = {}
    for start in range(0, len(customers), 4_000):
        part = customers[start : start + 4_000]
        pool, values = moment.pool(part, way)
        at = np.searchsorted(part, pool.row)
        labels = [RERANKED, *([OWN] if way == ALL else [])]
        labels += [s.label for s in moment.specs if not (way == NEW and s.name == "own_history")]
        for label in labels:
            score = answers(moment, ranker.reranker, label, (pool.row, pool.col), values, way)
            said = np.isfinite(score)
            rows = csr(score[said], at[said], pool.col[said], (len(part), moment.interactions.products))
            out.setdefault(label, []).append(best_of_rows(rows, k).items)
    return {label: np.concatenate(parts) for label, parts in out.items()}
