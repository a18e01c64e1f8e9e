"""Demographic neighbours: what people of the same age, gender, town, ... bought; answers for who never bought at all.

Naive Bayes over the customers' features: the log of a product's share among all purchases lately, plus, for each known
feature of the customer, `strength` times the log of how much larger its share is among people with that value. Shares
of small groups are drawn towards the whole (`prior` purchases).

Source: demographic filtering (Pazzani 1999); the smoothing is Laplace's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from footfall.models.popular import Listed, buyers
from footfall.models.ranking import Interactions


class Neighbours(Listed):
    """Settings: `days` that count, `prior`, `strength`, `features` to use (None: all)."""

    name = "neighbours"
    known_settings = {"days": 90.0, "prior": 200.0, "strength": 1.0, "features": None}  # noqa: RUF012

    def _learn(self, interactions: Interactions) -> dict[str, Any]:
        asked = self.settings["features"]
        people = [c for n, c in interactions.people.items() if asked is None or n in asked]
        main = interactions.main.since(float(self.settings["days"]))
        nobody = np.zeros(interactions.customers, dtype=np.int64)
        sold = np.asarray(buyers(main, nobody, 1).todense())[0]
        share = (sold + 0.1) / (sold.sum() + 0.1 * max(len(sold), 1))
        if not people:
            return {"segment": nobody, "table": np.where(sold > 0, np.log(share), -np.inf)[None, :]}
        kinds, segment = np.unique(np.stack(people, axis=1), axis=0, return_inverse=True)
        table = np.tile(np.log(share), (len(kinds), 1))
        prior, strength = float(self.settings["prior"]), float(self.settings["strength"])
        for i, codes in enumerate(people):
            counts = np.asarray(buyers(main, codes + 1, int(codes.max(initial=-1)) + 2).todense())
            lift = (counts + prior * share) / (counts.sum(axis=1, keepdims=True) + prior) / share
            table += np.where(kinds[:, [i]] >= 0, strength * np.log(lift[kinds[:, i] + 1]), 0.0)
        return {"segment": segment.ravel().astype(np.int64), "table": np.where(sold > 0, table, -np.inf)}


RANK_MODEL = Neighbours
