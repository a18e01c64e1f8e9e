"""A checkerboard: even customers buy even products, odd ones odd products, each leaving one of its own kind out."""

from __future__ import annotations

import numpy as np

from footfall.models.ranking import Interactions, csr, single

CUSTOMERS, PRODUCTS, AT = 40, 12, 400.0


def left_out(customer: int) -> int:
    """The product of its own colour that a customer never bought: the right answer of a new one."""
    own = [p for p in range(PRODUCTS) if p % 2 == customer % 2]
    return own[(customer // 2) % len(own)]


def checkerboard() -> Interactions:
    """Each customer buys the products of its colour in turn, one a day, three times over; all but `left_out`."""
    rows = []
    for customer in range(CUSTOMERS):
        own = [p for p in range(PRODUCTS) if p % 2 == customer % 2 and p != left_out(customer)]
        for i in range(3 * len(own)):
            rows.append((customer, own[i % len(own)], AT - 100 + 5.0 * i + customer / 100))
    row, col, day = (np.asarray(c) for c in zip(*rows, strict=True))
    return Interactions(
        CUSTOMERS, PRODUCTS, row, col, day.astype(np.float64), np.zeros(len(row), dtype=np.int64),
        np.ones(len(row)), AT,
        items={"category": np.arange(PRODUCTS) % 2, "brand": np.arange(PRODUCTS) // 4},
        text=single(csr(np.ones(PRODUCTS), np.arange(PRODUCTS), np.arange(PRODUCTS) % 2, (PRODUCTS, 2))),
        people={"gender": np.arange(CUSTOMERS) % 2, "age_band": np.arange(CUSTOMERS) % 3},
    )  # fmt: skip
