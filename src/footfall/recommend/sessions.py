"""The sessions of a shop as known at a cutoff, for next items within a running session."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from footfall.engine import Engine, Query, literal
from footfall.errors import FootfallError
from footfall.models.sessions import SessionNeighbours
from footfall.recommend.read import History

GAP = "interval 30 minute"
"""Where a source names no session, one ends after so long without an event."""


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


def read_sessions(engine: Engine, history: History, **settings: int) -> SessionNeighbours:
    """Session neighbours in the product numbers of a history. Raises FootfallError where the shop has no events."""
    query = sessions_query(history.at, history.column)
    rows = engine.fetch(
        "select dense_rank() over (order by session) - 1 as session, item, epoch(occurred_at) as at "
        f"from ({query.sql(engine.dialect.name)}) order by 1, 3, 2"
    )
    numbers = history.product_numbers
    encoded = rows.column("item").combine_chunks().dictionary_encode()
    names = np.asarray([numbers.get(str(v), -1) for v in encoded.dictionary.to_pylist()], dtype=np.int64)
    if not len(names) or not (names >= 0).any():
        raise FootfallError("the shop has no events on products before the cutoff: there are no sessions to learn from")
    item = names[encoded.indices.to_numpy(zero_copy_only=False)]
    kept = item >= 0
    session = np.asarray(rows.column("session").to_numpy(), dtype=np.int64)[kept]
    when = np.asarray(rows.column("at").to_numpy(), dtype=np.float64)[kept]
    return SessionNeighbours(**settings).fit(session, item[kept], when, len(history.products))
