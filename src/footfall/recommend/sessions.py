"""The sessions of a shop as known at a cutoff, for next items within a running session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from footfall.engine import Engine, Query, literal
from footfall.errors import FootfallError, UsageError
from footfall.models.ranking import Floats, Ints
from footfall.models.sessions import SessionNeighbours
from footfall.recommend.read import History
from footfall.recommend.rules import Bound, Rules, bind, number_of

GAP = "interval 30 minute"
"""Where a source names no session, one ends after so long without an event."""
LATELY = 30
"""Days up to the last look whose sessions say what is popular now."""
WIDER = 5
"""Candidates looked at, as a multiple of the places, where rules may take some away."""


def sessions_query(at: datetime, column: str = "product_id") -> Query:
    """session, item, occurred_at of every look known before `at`; guests' sessions count."""
    known = (
        "select coalesce(f.customer_id, f.session_id) as who, f.session_id, "
        f"f.{column} as item, f.occurred_at\nfrom events f\n"
        f"where f.occurred_at < {literal(at)} and f.known_at < {literal(at)} and f.{column} is not null\n"
        "  and coalesce(f.type, 'view') not in ('search', 'remove_from_cart')"
    )
    begun = (
        "select *, case when session_id is null and (occurred_at - lag(occurred_at) over w > "
        f"{GAP} or lag(occurred_at) over w is null) then 1 else 0 end as begins\nfrom looks\n"
        "where who is not null window w as (partition by who, session_id is null order by occurred_at, item)"
    )
    return (
        Query()
        .then("looks", known)
        .then("begun", begun)
        .then(
            "numbered",
            "select coalesce(session_id, who || ' ' || cast(sum(begins) over (partition by who, session_id is null "
            "order by occurred_at, item) as varchar)) as session, item, occurred_at\nfrom begun",
        )
    )


@dataclass(frozen=True)
class Running:
    """Answers for running sessions: loaded once, then asked for every page without touching the shop.

    `popular`: what may be shown, in the order of how many of the latest sessions hold it.
    """

    model: SessionNeighbours
    history: History
    popular: Ints
    bound: Bound

    def next(self, session: Sequence[str], k: int = 10) -> list[Next]:
        """The `k` next items for a session (product ids in the order they were looked at).

        Ids that are not known are passed over; where no past session knows any of the rest, or too few do, what most
        sessions look at fills up.

        Raises:
            FootfallError: not one of the ids is known. UsageError: an empty session, or `k` below one.
        """
        if k < 1 or not session:
            raise UsageError("next items want a session of one item or more, and at least one place to fill")
        numbers = self.history.product_numbers
        own = [numbers[p] for p in session if p in numbers]
        if not own:
            number_of(self.history, session[-1])
        wide = k if not self.bound.limits and self.bound.shown.all() else WIDER * k + len(self.bound.pinned)
        found, through = self.model.next_through(own, wide)
        there = (found.items[0] >= 0) & self.bound.shown[found.items[0]]
        items, scores, because = found.items[0][there], found.scores[0][there], through[0][there]
        if len(items) < wide:
            head = self.popular[: wide + len(own) + len(items)]
            more = head[~np.isin(head, [*items, *own])][: wide - len(items)]
            items, because = np.concatenate([items, more]), np.concatenate([because, np.full(len(more), -1)])
            scores = np.concatenate([scores, np.zeros(len(more))])
        kept, said = self.bound.keep(items, scores, k)
        why = dict(zip(items.tolist(), because.tolist(), strict=True))
        out = []
        for item, score in zip(kept.tolist(), said.tolist(), strict=True):
            last = why.get(item, -2)
            reason = (
                "the shop shows it to everyone" if item in self.bound.pinned or last == -2
                else "what most visitors look at now" if last < 0
                else f"who looked at {self.history.names[last]} went on to it"
            )  # fmt: skip
            out.append(Next(item, score, reason))
        return out


class Next(NamedTuple):
    """A product (its number), its score, and why."""

    item: int
    score: float
    reason: str


def running(engine: Engine, history: History, rules: Rules | None = None, **settings: int) -> Running:
    """What answers for running sessions as of a history.

    Raises:
        FootfallError: the shop has no events on products, or a rule names what it does not have.
    """
    session, item, when = read_looks(engine, history)
    lately = when >= when.max() - LATELY * 86_400.0
    pairs = np.unique(session[lately] * len(history.products) + item[lately])
    seen = np.bincount(pairs % len(history.products), minlength=len(history.products))
    popular = np.lexsort((np.arange(len(seen)), -seen))[: int((seen > 0).sum())]
    model = SessionNeighbours(**settings).fit(session, item, when, len(history.products))
    bound = bind(rules or Rules(), history)
    return Running(model, history, popular[bound.shown[popular]].astype(np.int64), bound)


def read_sessions(engine: Engine, history: History, **settings: int) -> SessionNeighbours:
    """Session neighbours in the product numbers of a history. Raises FootfallError where the shop has no events."""
    session, item, when = read_looks(engine, history)
    return SessionNeighbours(**settings).fit(session, item, when, len(history.products))


def read_looks(engine: Engine, history: History) -> tuple[Ints, Ints, Floats]:
    """One row per look known at the history's cutoff: its session's number, its product's, when (seconds).

    Ordered by session and time. Raises FootfallError where the shop has no events.
    """
    query = sessions_query(history.at, history.column)
    rows = engine.fetch(
        "select dense_rank() over (order by session) - 1 as session, item, epoch(occurred_at) as at "
        f"from ({query.sql(engine.dialect.name)}) order by 1, 3, 2"
    )
    numbers = history.product_numbers
    encoded = rows.column("item").combine_chunks().dictionary_encode()
    names = np.asarray([numbers.get(str(v), -1) for v in encoded.dictionary.to_pylist()], dtype=np.int64)
    if not len(names) or not (names >= 0).any():
        raise FootfallError(
            f"the shop has no events on products before {history.at:%Y-%m-%d}: there are no sessions to learn from"
        )
    item = names[encoded.indices.to_numpy(zero_copy_only=False)]
    kept = item >= 0
    session = np.asarray(rows.column("session").to_numpy(), dtype=np.int64)[kept]
    when = np.asarray(rows.column("at").to_numpy(), dtype=np.float64)[kept]
    return session, item[kept], when
