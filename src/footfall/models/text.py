"""Text: products whose names and descriptions read like those of what a customer had to do with.

Words weigh by how rare they are in the catalogue (tf-idf), likeness is the cosine. A customer's score of a product is
the sum of its likeness to what they had to do with, newer occasions weighing more (`half_life` days). A product has
words from its first day: nobody needs to have bought it.

Source: Salton and Buckley 1988, Term-weighting approaches in automatic text retrieval.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from footfall.models.ranking import Floats, Generator, Interactions, Ints, csr, scaled, single, strongest

BLOCK = 2_000


class Text(Generator):
    """Settings: `half_life`, `kept` (likenesses per product, the strongest), `least` (likeness that counts),
    `latest` (products of a history that count, the weightiest; None: all)."""

    name = "text"
    known_settings = {"half_life": 120.0, "kept": 40, "least": 0.2, "latest": 50}  # noqa: RUF012

    def _learn(self, interactions: Interactions) -> dict[str, Any]:
        history = scaled(interactions.liked.matrix(float(self.settings["half_life"])))
        if self.settings["latest"] is not None:
            history = strongest(history, int(self.settings["latest"]))
        return {"links": self._links(interactions), "history": single(history)}

    def _links(self, interactions: Interactions) -> sparse.csr_matrix:
        """(products, products) likeness; of products that the shop knew by then."""
        m, words = interactions.products, interactions.text
        if words is None:
            return single(sparse.csr_matrix((m, m)))
        there = sparse.diags(interactions.there.astype(np.float32))
        words = single(there @ words)
        parts, turned = [], words.T.tocsr()
        for start in range(0, m, BLOCK):
            found = (words[start : start + BLOCK] @ turned).tocoo()
            kept = (found.row + start != found.col) & (found.data >= float(self.settings["least"]))
            part = csr(found.data[kept], found.row[kept], found.col[kept], found.shape)
            parts.append(strongest(part, int(self.settings["kept"])))
        return single(sparse.vstack(parts).tocsr()) if parts else single(sparse.csr_matrix((m, m)))

    def _rows(self, customers: Ints) -> sparse.csr_matrix:
        made = (self.arrays["history"][customers] @ self.arrays["links"]).tocsr()
        made.sort_indices()
        return made

    def _likeness(self, item: int) -> Floats:
        row = self.arrays["links"][item].tocoo()
        out = np.full(self.products, -np.inf)
        out[row.col] = row.data
        return out

    def because(self, customer: int, item: int, most: int = 2) -> list[int]:
        """The products of the customer's history that read most like `item`, the likest first."""
        mine = self.arrays["history"][customer]
        pull = np.asarray(self.arrays["links"][mine.indices, item].todense()).ravel() * mine.data
        return [int(mine.indices[i]) for i in np.argsort(-pull, kind="stable")[:most] if pull[i] > 0]


RANK_MODEL = Text
