"""Reads reviews: each by words learnt from the ratings known before it, so that no reading looks ahead.

Models of the text are made when so and so many rated reviews are known, each time half as many again; a review is read
by the newest that was made before it. What is read depends on the text, its time and earlier reviews alone: it is a
fact like others, and windows look back on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from footfall.engine import Engine
from footfall.models.review_text import NEWEST, ReviewText, learn_line, learn_text
from footfall.models.sentence_transformers import embed
from footfall.windows import READINGS, TOPICS

FIRST = 200
"""Rated reviews that must be known before any is read."""
GROWTH = 1.5
EMBEDDER = "FOOTFALL_EMBEDDER"
"""Names the folder of a sentence model on this machine, where there is one: what texts sound like is then the mean of
what words and what its embeddings say."""
Embed = Callable[[Sequence[str]], NDArray[np.float64]]
_MARK = "review readings"
_TEXTS = """
select text, greatest(occurred_at, known_at) as read_at, rating
from facts.reviews
where text is not null and trim(text) <> ''
order by read_at, text, rating
"""


def read_reviews(engine: Engine) -> None:
    """Write `review_readings` (text, read_at, sentiment, topic), unless the reviews are those read last."""
    mark = str(
        engine.rows(
            "select count(*), count(rating), bit_xor(hash(text, occurred_at, known_at, rating)), "
            "sum(hash(text, occurred_at, known_at, rating) % 1000003) from facts.reviews"
        )[0]
    )
    folder = os.environ.get(EMBEDDER, "")
    mark += f" {folder}" if folder else ""
    known = engine.value(f"select value from settings where name = '{_MARK}'")
    if known == mark and engine.has(f"main.{READINGS}"):
        return
    engine.execute(
        f"create or replace table {READINGS} (text VARCHAR, read_at TIMESTAMP, sentiment DOUBLE, topic BIGINT)"
    )
    found = engine.fetch(_TEXTS)
    if found.num_rows:
        engine.append(READINGS, readings(found, partial(embed, folder=folder) if folder else None))
    engine.execute("insert or replace into settings values (?, ?)", [_MARK, mark])


def readings(reviews: pa.Table, embedded: Embed | None = None) -> pa.Table:
    """A row for each text and time. `reviews`: text, read_at, rating, ordered by time; those read too early are left
    out. `embedded`: texts -> (n, width) embeddings, to listen to besides words."""
    texts = reviews.column("text").to_pylist()
    at = np.asarray(reviews.column("read_at").to_numpy(), dtype="datetime64[us]")
    rating = np.asarray(reviews.column("rating").to_numpy(zero_copy_only=False), dtype=np.float64)
    rated = np.flatnonzero(~np.isnan(rating))
    vectors = None if embedded is None or not texts else embedded(texts)
    made: list[tuple[np.datetime64, ReviewText, Any]] = []
    count = FIRST
    anchors: tuple[str, ...] = ()
    while count < len(rated):
        since = at[rated[count]]
        before = rated[at[rated] < since][-NEWEST:]
        if len(before) >= FIRST and (not made or made[-1][0] < since):
            words = learn_text([texts[i] for i in before], rating[before], TOPICS, anchors)
            anchors = tuple(t[0] for t in words.topics)
            line = None if vectors is None else learn_line(vectors[before], rating[before])
            made.append((since, words, line))
        count = int(count * GROWTH) + 1
    parts: dict[str, list[Any]] = {"text": [], "read_at": [], "sentiment": [], "topic": []}
    ends = [*(since for since, _, _ in made[1:]), None][: len(made)]
    for (since, words, line), end in zip(made, ends, strict=True):
        here = {(texts[i], at[i]): i for i in np.flatnonzero((at >= since) & (True if end is None else at < end))}
        distinct = sorted(here)
        told = [t for t, _ in distinct]
        sounds = words.sentiment(told)
        if line is not None and vectors is not None:
            also = line(vectors[[here[d] for d in distinct]])
            sounds = (sounds + np.clip(also, words.lowest, words.highest)) / 2
        parts["text"] += told
        parts["read_at"] += [w.astype(datetime) for _, w in distinct]
        parts["sentiment"] += sounds.tolist()
        parts["topic"] += [int(t) or None for t in words.topic(told)]
    schema = pa.schema(
        [("text", pa.string()), ("read_at", pa.timestamp("us")), ("sentiment", pa.float64()), ("topic", pa.int64())]
    )
    return pa.Table.from_pydict(parts, schema)
