"""Reviews are read by words learnt from earlier ratings alone."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from content_shop import content_shop
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError
from footfall.models.sentence_transformers import embed
from footfall.tabular import read_reviews
from footfall.tabular.reading import EMBEDDER, FIRST, readings
from footfall.windows import READINGS, Frame, compile_windows, reviews
from seeded_shop import day

START = datetime(2024, 1, 1)
GOOD, BAD = ("great", "lovely", "perfect"), ("poor", "broken", "cheap")


def written(count: int, seed: int = 3) -> pa.Table:
    """Reviews an hour apart; the words say the rating, 1 or 5, nine times in ten."""
    dice = np.random.default_rng(seed)
    rating = np.where(dice.random(count) < 0.5, 1.0, 5.0)
    honest = dice.random(count) < 0.9
    texts = []
    for r, h in zip(rating, honest, strict=True):
        pool = GOOD if (r == 5) == h else BAD
        texts.append(" ".join([*dice.choice(pool, 2), dice.choice(["box", "colour", "parcel"])]))
    at = pa.array([START + timedelta(hours=i) for i in range(count)], pa.timestamp("us"))
    return pa.table({"text": texts, "read_at": at, "rating": rating})


def read(reviews: pa.Table) -> dict[tuple[str, datetime], tuple[float, int | None]]:
    return {(r["text"], r["read_at"]): (r["sentiment"], r["topic"]) for r in readings(reviews).to_pylist()}


def test_the_first_reviews_are_not_read_and_each_later_one_is() -> None:
    given = written(600)
    found = read(given)
    at = given.column("read_at").to_pylist()
    assert min(when for _, when in found) == at[FIRST]
    assert {when for _, when in found} == set(at[FIRST:])
    assert readings(written(FIRST)).num_rows == 0 and readings(written(0)).num_rows == 0


def test_what_is_read_tells_the_rating() -> None:
    given = written(900)
    found = read(given)
    rows = [r for r in given.to_pylist() if (r["text"], r["read_at"]) in found]
    said = np.array([found[r["text"], r["read_at"]][0] for r in rows])
    rating = np.array([r["rating"] for r in rows])
    assert 1 <= said.min() < 2 and 4 < said.max() <= 5
    assert np.corrcoef(said, rating)[0, 1] > 0.7


def test_nothing_that_comes_later_changes_a_reading() -> None:
    given = written(900)
    first = read(given.slice(0, 700))
    turned = given.set_column(2, "rating", pa.array(np.r_[given.column("rating").to_numpy()[:700], np.full(200, 1.0)]))
    for whole in (given, turned):
        again = read(whole)
        assert {k: v for k, v in again.items() if k in first} == first
        assert len(again) > len(first)


def test_a_reviews_own_rating_does_not_sound_in_it() -> None:
    given = written(500)
    ratings = given.column("rating").to_numpy().copy()
    ratings[FIRST:] = 6 - ratings[FIRST:]  # all that is read by the first words, turned round
    turned = given.set_column(2, "rating", pa.array(ratings))
    at = given.column("read_at").to_pylist()
    soon = {at[i] for i in range(FIRST, FIRST + 100)}
    assert {k: v for k, v in read(given).items() if k[1] in soon} == {
        k: v for k, v in read(turned).items() if k[1] in soon
    }


def test_reviews_known_at_one_instant_do_not_read_each_other() -> None:
    given = written(500)
    at = pa.array([START] * 250 + [START + timedelta(days=1)] * 250, pa.timestamp("us"))
    found = read(given.set_column(1, "read_at", at))
    assert {when for _, when in found} == {START + timedelta(days=1)}
    alone = given.set_column(1, "read_at", pa.array([START] * 500, pa.timestamp("us")))
    assert readings(alone).num_rows == 0


def test_unrated_reviews_are_read_and_teach_nothing() -> None:
    given = written(600)
    ratings = [None if i % 2 else r for i, r in enumerate(given.column("rating").to_pylist())]
    half = given.set_column(2, "rating", pa.array(ratings, pa.float64()))
    found = read(half)
    at = given.column("read_at").to_pylist()
    assert min(when for _, when in found) == at[2 * FIRST], "the words of so many RATED reviews"
    assert {when for _, when in found} >= {at[501], at[502]}


def test_a_shop_is_read_once_and_again_after_a_change() -> None:
    engine = DuckDBEngine(threads=1)
    content_shop(engine)
    read_reviews(engine)
    first = engine.fetch(f"select * from {READINGS} order by all")
    assert first.num_rows > 500
    engine.execute(f"delete from {READINGS}")
    read_reviews(engine)
    assert engine.value(f"select count(*) from {READINGS}") == 0, "nothing changed: nothing is read again"
    engine.execute(
        "update facts.reviews set rating = 6 - rating where review_id in (select min(review_id) from reviews)"
    )
    read_reviews(engine)
    assert engine.value(f"select count(*) from {READINGS}") == first.num_rows
    engine.close()


def test_windows_look_back_on_what_was_read() -> None:
    engine = DuckDBEngine(threads=1)
    content_shop(engine)
    read_reviews(engine)
    windows: dict[str, Any] = {
        "sounds": reviews.mean("sentiment").past(),
        "last": reviews.latest("sentiment").past(),
        "first_topic": reviews.share(topic=1).past(),
        "wrote": reviews.mean("length").past(),
        "stars": reviews.mean("rating").past(),
    }
    found = engine.fetch(compile_windows(Frame(("customer_id",), (day(200),)), windows).sql()).to_pylist()
    known: dict[str, list[tuple[Any, ...]]] = {}
    for who, at, text, sentiment, topic in engine.rows(
        f"select customer_id, f.occurred_at, f.text, sentiment, topic from reviews f left join {READINGS} r "
        "on r.text = f.text and r.read_at = f.occurred_at where f.occurred_at < ? order by f.occurred_at",
        [day(200)],
    ):
        known.setdefault(str(who), []).append((at, text, sentiment, topic))
    checked = 0
    for row in found:
        of = known.get(row["customer_id"], [])
        sounds = [s for _, _, s, _ in of if s is not None]
        assert row["sounds"] == (pytest.approx(np.mean(sounds), abs=1e-3) if sounds else None)
        assert row["last"] == (sounds[-1] if sounds else None)
        assert row["wrote"] == (pytest.approx(np.mean([len(t) for _, t, _, _ in of])) if of else None)
        assert row["first_topic"] == (pytest.approx(sum(t == 1 for *_, t in of) / len(of)) if of else None)
        checked += bool(sounds)
    assert checked > 100
    both = [(r["sounds"], r["stars"]) for r in found if r["sounds"] is not None]
    assert np.corrcoef(np.array(both).T)[0, 1] > 0.7
    engine.close()


def test_embeddings_are_listened_to_besides_words() -> None:
    given = written(500)
    texts = [f"{t} {i}" for i, t in enumerate(given.column("text").to_pylist())]  # numbers are no words
    given = given.set_column(0, "text", pa.array(texts))
    rating = dict(zip(given.column("text").to_pylist(), given.column("rating").to_pylist(), strict=True))

    def told(texts: Any) -> np.ndarray:
        return np.array([[rating[t], 1.0] for t in texts])

    words, both = read(given), read_with(given, told)
    assert set(words) == set(both)
    far = [abs(s - rating[t]) for (t, _), (s, _) in words.items()]
    near = [abs(s - rating[t]) for (t, _), (s, _) in both.items()]
    assert np.mean(near) < 0.7 * np.mean(far)


def read_with(reviews: pa.Table, told: Any) -> dict[tuple[str, datetime], tuple[float, int | None]]:
    return {(r["text"], r["read_at"]): (r["sentiment"], r["topic"]) for r in readings(reviews, told).to_pylist()}


def test_a_sentence_model_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = DuckDBEngine(threads=1)
    content_shop(engine, customers=20, days=60)
    monkeypatch.setenv(EMBEDDER, str(tmp_path / "nowhere"))
    with pytest.raises(FootfallError, match=r"no sentence model in .*nowhere"):
        read_reviews(engine)
    if find_spec("sentence_transformers") is None:
        monkeypatch.setenv(EMBEDDER, str(tmp_path))
        with pytest.raises(FootfallError, match="want the library sentence-transformers"):
            read_reviews(engine)
    engine.close()


def test_a_local_sentence_model_reads() -> None:
    """Wants the library and a model on this machine."""
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    folder = os.environ.get(EMBEDDER)
    if not folder:
        pytest.skip(f"{EMBEDDER} names no folder of a sentence model")
    one, same, other = embed(["a lovely dress", "a lovely dress", "it broke at once"], folder)
    np.testing.assert_array_equal(one, same)
    assert one @ one == pytest.approx(1) and one @ other < 0.9


def test_what_womens_clothing_reviews_sound_like_is_much_of_their_rating() -> None:
    import csv
    import gzip

    from real_data import data_path

    (file,) = Path(data_path("womens_clothing_reviews")).glob("*.csv*")
    with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if r["Review Text"].strip()][:4_000]
    at = pa.array([START + timedelta(minutes=i) for i in range(len(rows))], pa.timestamp("us"))
    rating = np.array([float(r["Rating"]) for r in rows])
    texts = [r["Review Text"] for r in rows]
    found = read(pa.table({"text": texts, "read_at": at, "rating": rating}))
    late = list(range(3_000, len(rows)))
    said = np.array([found[texts[i], START + timedelta(minutes=i)][0] for i in late])
    spread = ((rating[late] - rating[:3_000].mean()) ** 2).sum()
    assert 1 - ((rating[late] - said) ** 2).sum() / spread > 0.3
    topics = np.array([found[texts[i], START + timedelta(minutes=i)][1] or 0 for i in late])
    assert len(set(topics)) >= 4, "topics part the reviews"
