"""Session neighbours: what people looked at next in the latest sessions that are most like the running one.

For each of the running session's last `length` items, the `recent` latest past sessions that hold it are found in an
index; a session's likeness is the sum of its shared items' weights, the later an item was looked at the heavier. Of the
`neighbours` most alike, each gives its items its likeness, less the farther back the last shared item lies, times the
item's rarity, less the farther the item stands from the shared one in that session. Nothing is learnt: an answer is a
few look-ups, far below a page load.

Source: VMIS-kNN (Kersbergen, Sprangers and Schelter 2022, Serenade), after V-SkNN (Ludewig and Jannach 2018); that near
items count more is of STAN (Garg et al. 2019), here by the discount of ndcg, which has nothing to tune.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import numpy as np

from footfall.errors import FootfallError, UsageError, did_you_mean
from footfall.models.ranking import Candidates, Floats, Ints

_DEFAULTS: dict[str, Any] = {"length": 10, "recent": 500, "neighbours": 100}


class SessionNeighbours:
    """Settings: `length`, `recent`, `neighbours`."""

    name = "sessions"

    def __init__(self, **settings: Any) -> None:
        for setting in settings:
            if setting not in _DEFAULTS:
                raise UsageError(f"sessions has no setting '{setting}'{did_you_mean(setting, _DEFAULTS)}")
        self.settings = {**_DEFAULTS, **settings}
        self.arrays: dict[str, Any] = {}

    def fit(self, session: Ints, item: Ints, when: Floats, products: int) -> Self:
        """Learn from one row per look: its session's number, its item's, when. Sessions of one item lead nowhere."""
        sessions, at = np.unique(session, return_inverse=True)
        last = np.full(len(sessions), -np.inf)
        np.maximum.at(last, at, when)
        # Newest first: session 0 is the latest one.
        newest = np.empty(len(sessions), dtype=np.int64)
        newest[np.lexsort((sessions, -last))] = np.arange(len(sessions))
        pairs, which = np.unique(newest[at] * products + item, return_inverse=True)
        place = np.zeros(len(pairs), dtype=np.int64)
        np.maximum.at(place, which, _places(at, item, when))
        row, col = pairs // max(products, 1), pairs % max(products, 1)
        size = np.bincount(row, minlength=len(sessions))
        kept = size[row] > 1
        row, col = row[kept], col[kept]
        by_item = np.lexsort((row, col))
        seen = np.bincount(col, minlength=products)
        self.arrays = {
            "of_session": col, "place": place[kept],
            "session_starts": np.searchsorted(row, np.arange(len(sessions) + 1)),
            "of_item": row[by_item], "item_starts": np.searchsorted(col[by_item], np.arange(products + 1)),
            "rarity": np.log((len(sessions) + 1.0) / (seen + 1.0)),
        }  # fmt: skip
        return self

    def next(self, items: Any, k: int, repeat: bool = False) -> Candidates:
        """The `k` next items for a running session (products in the order they were looked at), as one row.

        `repeat`: items of the session itself may come again, all but the one looked at now. Raises UsageError for a
        product number there is not.
        """
        return self.next_through(items, k, repeat)[0]

    def next_through(self, items: Any, k: int, repeat: bool = False) -> tuple[Candidates, Ints]:
        """As `next`, and (1, k) the session's item that each is shown for (-1: none): the last one shared with the
        past session that speaks loudest for it."""
        out = Candidates(np.full((1, k), -1, dtype=np.int64), np.full((1, k), -np.inf))
        through = np.full((1, k), -1, dtype=np.int64)
        own = list(dict.fromkeys(int(i) for i in reversed(list(items))))[: int(self.settings["length"])]
        products = len(self.arrays["rarity"])
        for one in own:
            if not 0 <= one < products:
                raise UsageError(f"there is no product number {one}; there are {products}")
        found, weight, back = self._alike(own)
        if not len(found):
            return out, through
        starts = self.arrays["session_starts"]
        many = starts[found + 1] - starts[found]
        at = np.repeat(starts[found] - np.cumsum(many) + many, many) + np.arange(many.sum())
        shown = self.arrays["of_session"][at]
        voice = weight * np.maximum(1.0 - 0.1 * back, 0.0)
        place = self.arrays["place"][at]
        shared = place[shown == np.repeat(np.asarray(own)[back], many)]
        near = 1.0 / np.log2(1.0 + np.maximum(np.abs(place - np.repeat(shared, many)), 1))
        names, inverse = np.unique(shown, return_inverse=True)
        score = np.bincount(inverse, np.repeat(voice, many) * near) * self.arrays["rarity"][names]
        loudest = np.lexsort((-back, voice))  # the last word on an item is the loudest session's
        rank = np.empty(len(found), dtype=np.int64)
        rank[loudest] = np.arange(len(found))
        last = np.full(len(names), -1, dtype=np.int64)
        np.maximum.at(last, inverse, np.repeat(rank, many))
        rest = ~np.isin(names, own[:1] if repeat else own)
        names, score, last = names[rest], score[rest], last[rest]
        order = np.lexsort((names, -score))[:k]
        out.items[0, : len(order)], out.scores[0, : len(order)] = names[order], score[order]
        through[0, : len(order)] = np.asarray(own)[back[loudest[last[order]]]]
        return out, through

    def _alike(self, own: list[int]) -> tuple[Ints, Floats, Ints]:
        """The most alike sessions, their likeness, and how many items back the last shared one lies."""
        starts, of_item = self.arrays["item_starts"], self.arrays["of_item"]
        recent = int(self.settings["recent"])
        parts = [of_item[starts[i] : min(starts[i + 1], starts[i] + recent)] for i in own]
        if not parts:
            return np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0, dtype=np.int64)
        place = np.repeat(np.arange(len(own)), [len(p) for p in parts])
        found, inverse = np.unique(np.concatenate(parts), return_inverse=True)
        weight = np.bincount(inverse, (len(own) - place) / len(own), len(found))
        back = np.full(len(found), len(own), dtype=np.int64)
        np.minimum.at(back, inverse, place)
        kept = np.lexsort((found, -weight))[: int(self.settings["neighbours"])]
        return found[kept].astype(np.int64), weight[kept].astype(np.float64), back[kept]

    def save(self, folder: Path) -> None:
        """npz and JSON; never a pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(folder / "sessions.npz", allow_pickle=False, **self.arrays)
        (folder / "sessions.json").write_text(json.dumps(self.settings), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote. Raises FootfallError when there is none."""
        try:
            settings = json.loads((folder / "sessions.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            raise FootfallError(f"there are no saved sessions in {folder}; fit them first") from None
        model = cls(**settings)
        with np.load(folder / "sessions.npz", allow_pickle=False) as stored:
            model.arrays = {name: stored[name] for name in stored.files}
        return model


def _places(session: Ints, item: Ints, when: Floats) -> Ints:
    """(n,) the how-manieth item of its session each look is at; looks at one item in a row are one."""
    order = np.lexsort((np.arange(len(session)), when, session))
    begins = np.ones(len(order), dtype=bool)
    changes = np.ones(len(order), dtype=bool)
    if len(order):
        begins[1:] = session[order][1:] != session[order][:-1]
        changes[1:] = begins[1:] | (item[order][1:] != item[order][:-1])
    count = np.cumsum(changes)
    first = np.maximum.accumulate(np.where(begins, count, 0))
    out = np.empty(len(order), dtype=np.int64)
    out[order] = count - first
    return out
