"""Session neighbours: what people looked at next in the latest sessions that are most like the running one.

For each of the running session's last `length` items, the `recent` latest past sessions that hold it are found in an
index; a session's likeness is the sum of its shared items' weights, the later an item was looked at the heavier. Of the
`neighbours` most alike, each gives its items its likeness, less the farther back the last shared item lies, times the
item's rarity. Nothing is learnt: an answer is a few look-ups, far below a page load.

Source: VMIS-kNN (Kersbergen, Sprangers and Schelter 2022, Serenade), after V-SkNN (Ludewig and Jannach 2018).
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
        pairs = np.unique(newest[at] * products + item)
        row, col = pairs // max(products, 1), pairs % max(products, 1)
        size = np.bincount(row, minlength=len(sessions))
        kept = size[row] > 1
        row, col = row[kept], col[kept]
        by_item = np.lexsort((row, col))
        seen = np.bincount(col, minlength=products)
        self.arrays = {
            "of_session": col, "session_starts": np.searchsorted(row, np.arange(len(sessions) + 1)),
            "of_item": row[by_item], "item_starts": np.searchsorted(col[by_item], np.arange(products + 1)),
            "rarity": np.log((len(sessions) + 1.0) / (seen + 1.0)),
        }  # fmt: skip
        return self

    def next(self, items: Any, k: int, repeat: bool = False) -> Candidates:
        """The `k` next items for a running session (products in the order they were looked at), as one row.

        `repeat`: items of the session itself may come again. Raises UsageError for a product number there is not.
        """
        out = Candidates(np.full((1, k), -1, dtype=np.int64), np.full((1, k), -np.inf))
        own = list(dict.fromkeys(int(i) for i in reversed(list(items))))[: int(self.settings["length"])]
        products = len(self.arrays["rarity"])
        for one in own:
            if not 0 <= one < products:
                raise UsageError(f"there is no product number {one}; there are {products}")
        found, weight, back = self._alike(own)
        if not len(found):
            return out
        starts = self.arrays["session_starts"]
        many = starts[found + 1] - starts[found]
        at = np.repeat(starts[found] - np.cumsum(many) + many, many) + np.arange(many.sum())
        shown = self.arrays["of_session"][at]
        value = np.repeat(weight * np.maximum(1.0 - 0.1 * back, 0.0), many) * self.arrays["rarity"][shown]
        names, inverse = np.unique(shown, return_inverse=True)
        score = np.bincount(inverse, value)
        if not repeat:
            rest = ~np.isin(names, own)
            names, score = names[rest], score[rest]
        order = np.lexsort((names, -score))[:k]
        out.items[0, : len(order)], out.scores[0, : len(order)] = names[order], score[order]
        return out

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
