"""Lists of recommendations as rows of the table `recommendations`, a chunk of customers at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from footfall.answers.keep import Row, schema_of
from footfall.recommend import History, Ranking
from footfall.tasks import Task


class RankingRows:
    """Makes rows of numbers: names are looked up in columns that are made once."""

    def __init__(self, task: Task, history: History, head: Row) -> None:
        """`head`: what is the same in every row: task, cutoff, model, made_at."""
        self.schema = schema_of("recommendations")
        self.head = head
        texts: dict[str, Any] = {"name": history.names, "category": [c or None for c in history.category]}
        texts[str(task.target.column)] = history.products
        self.customers = pa.array(history.customers.tolist(), pa.string())
        self.products = {name: pa.array(list(values), pa.string()) for name, values in texts.items()}

    def table(self, part: Ranking | None) -> pa.Table:
        """The rows of one chunk; None: no rows."""
        if part is None:
            return self.schema.empty_table()
        item = pa.array(part.item, pa.int64())
        told: dict[str, Any] = {name: column.take(item) for name, column in self.products.items()}
        told |= {
            "customer_id": self.customers.take(pa.array(part.customer, pa.int64())),
            "rank": pa.array(np.asarray(part.rank), pa.int32()), "score": pa.array(part.score, pa.float64()),
            "reason": pa.array(part.reason, pa.string()),
        }  # fmt: skip
        n = len(part.item)
        columns = [
            told[f.name] if f.name in told else pa.repeat(pa.scalar(self.head.get(f.name), f.type), n)
            for f in self.schema
        ]
        return pa.table(columns, schema=self.schema)
