"""What reviews say: how they sound and what they are about, by words learnt from ratings.

Sentiment: ridge regression of the rating on TF-IDF of words and pairs of words. Topics: the words that move the rating
most, each with the words that stand beside it (anchor words, Arora et al. 2013, made to look at ratings first). Texts
in, numbers out: no task, no shop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError

Floats = NDArray[np.float64]
WORDS = 4_000
"""Words and pairs of words that are looked at, at most: the most frequent."""
NEWEST = 30_000
"""Reviews learnt from, at most: the last ones."""
STRENGTH = 2.0
"""Of the ridge's penalty."""
BESIDE, ALIKE = 6, 0.12
"""Words of a topic beside its anchor, at most, and how much oftener than by chance (0 to 1) they must stand there."""
APART = 0.1
"""Anchors that stand together oftener than this are one topic."""
RARE, COMMON = 0.005, 0.2
"""Shares of the reviews that a topic's words are in: at least, and, for its anchor, at most."""
_WORD = re.compile(r"(?u)\b[^\W\d_]{2,}\b")
_EMPTY = frozenset(
    [
        "the",
        "and",
        "for",
        "was",
        "with",
        "that",
        "this",
        "they",
        "them",
        "then",
        "than",
        "have",
        "has",
        "had",
        "are",
        "but",
        "not",
        "you",
        "your",
        "our",
        "its",
        "it's",
        "from",
        "were",
        "been",
        "will",
        "would",
        "could",
        "should",
        "can",
        "did",
        "does",
        "just",
        "very",
        "really",
        "so",
        "too",
        "also",
        "more",
        "most",
        "some",
        "any",
        "all",
        "out",
        "off",
        "over",
        "into",
        "onto",
        "when",
        "which",
        "who",
        "what",
        "where",
        "why",
        "how",
        "there",
        "here",
        "their",
        "his",
        "her",
        "she",
        "him",
        "he",
        "we",
        "us",
        "me",
        "my",
        "mine",
        "is",
        "it",
        "in",
        "on",
        "at",
        "to",
        "of",
        "as",
        "an",
        "or",
        "if",
        "be",
        "by",
        "do",
        "go",
        "got",
        "get",
        "am",
        "no",
        "yes",
        "one",
        "two",
    ]
)
"""Words that no topic is named after."""


@dataclass(frozen=True)
class ReviewText:
    """Learnt words: `sound` adds up to a rating; `topics` lists each topic's words, the first of them its anchor."""

    vocabulary: tuple[str, ...]
    rarity: Floats
    sound: Floats
    mean: float
    lowest: float
    highest: float
    topics: tuple[tuple[str, ...], ...] = ()

    def sentiment(self, texts: Sequence[str]) -> Floats:
        """(n,) the rating each text sounds like, within the ratings learnt from."""
        X = _weighed(texts, self.vocabulary, self.rarity)
        return np.asarray(np.clip(X @ self.sound + self.mean, self.lowest, self.highest), dtype=np.float64)

    def topic(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(n,) the number (from 1) of the topic whose words weigh most in a text, 0 for none; the first of equals."""
        X = _weighed(texts, self.vocabulary, self.rarity)
        place = {w: i for i, w in enumerate(self.vocabulary)}
        if not self.topics:
            return np.zeros(len(texts), dtype=np.int64)
        weight = np.zeros((len(self.vocabulary), len(self.topics)))
        for number, of in enumerate(self.topics):
            weight[[place[w] for w in of if w in place], number] = 1.0
        found = np.asarray(X @ weight)
        return np.where(found.max(axis=1) > 0, found.argmax(axis=1) + 1, 0).astype(np.int64)


def learn_text(
    texts: Sequence[str], ratings: Any, topics: int = 5, anchors: Sequence[str] = (), strength: float = STRENGTH
) -> ReviewText:
    """Learn from rated texts, in the order they were written.

    Args:
        ratings: (n,) numbers.
        topics: how many.
        anchors: of topics learnt earlier, which keep their numbers.

    Raises:
        FootfallError: there is no text to learn from.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import Ridge

    texts, y = list(texts)[-NEWEST:], np.asarray(ratings, dtype=np.float64)[-NEWEST:]
    if not texts or len(texts) != len(y):
        raise FootfallError("there is no rated text to learn from")
    least = max(2, len(texts) // 1000)
    counter = CountVectorizer(analyzer=_terms, min_df=min(least, len(texts)), max_features=WORDS, binary=True)
    try:
        counts = counter.fit_transform(texts)
    except ValueError:  # no word is in two texts
        return ReviewText((), np.zeros(0), np.zeros(0), float(y.mean()), float(y.min()), float(y.max()))
    vocabulary = tuple(str(w) for w in counter.get_feature_names_out())
    seen = np.asarray(counts.sum(axis=0)).ravel()
    rarity = np.log((1.0 + len(texts)) / (1.0 + seen)) + 1.0
    X = _weighed(texts, vocabulary, rarity)
    ridge = Ridge(alpha=strength, solver="sparse_cg", tol=1e-5, max_iter=500).fit(X, y)
    sound = np.asarray(ridge.coef_, dtype=np.float64)
    found = _topics(X, sound, vocabulary, topics, [a for a in anchors if a in set(vocabulary)])
    return ReviewText(vocabulary, rarity, sound, float(ridge.intercept_), float(y.min()), float(y.max()), found)


def learn_line(vectors: Floats, ratings: Any) -> Callable[[Floats], Floats]:
    """The rating by embeddings (n, width): a ridge line, as a function of further embeddings."""
    from sklearn.linear_model import Ridge

    ridge = Ridge(alpha=STRENGTH).fit(vectors, np.asarray(ratings, dtype=np.float64))
    slope, base = np.asarray(ridge.coef_, dtype=np.float64), float(ridge.intercept_)
    return lambda rows: np.asarray(rows @ slope + base, dtype=np.float64)


def _terms(text: str) -> list[str]:
    """Words, and pairs of words that follow each other ("not good")."""
    words = _WORD.findall(text.lower())
    return [*words, *(f"{a} {b}" for a, b in pairwise(words))]


def _weighed(texts: Sequence[str], vocabulary: Sequence[str], rarity: Floats) -> Any:
    """(n, words) sparse TF-IDF, each row of length one."""
    from scipy.sparse import csr_matrix

    place = {w: i for i, w in enumerate(vocabulary)}
    rows, starts = [], [0]
    for text in texts:
        rows += sorted({place[t] for t in _terms(text) if t in place})
        starts.append(len(rows))
    index = np.asarray(rows, dtype=np.int64)
    value = rarity[index] if len(index) else np.zeros(0)
    lengths = np.diff(starts)
    square = np.add.reduceat(np.append(value**2, 0.0), np.minimum(starts[:-1], len(value))) if len(texts) else value
    square = np.where(lengths > 0, square, 1.0)
    value = value / np.sqrt(np.repeat(square, lengths))
    return csr_matrix((value, index, np.asarray(starts)), shape=(len(texts), len(vocabulary)))


def _topics(
    X: Any, sound: Floats, vocabulary: Sequence[str], most: int, anchors: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Anchors that move ratings most and go by themselves, each with the words that go with it."""
    there = X.astype(bool).astype(np.float64)
    share = np.asarray(there.mean(axis=0)).ravel()
    named = np.asarray([" " not in w and w not in _EMPTY for w in vocabulary]) & (share >= RARE)
    moves = np.where(named & (share <= COMMON), np.abs(sound) * np.sqrt(share * (1.0 - share)), -1.0)
    place = {w: i for i, w in enumerate(vocabulary)}
    chosen = [place[a] for a in anchors][:most]
    beside = {c: _beside(there, share, c) for c in chosen}
    for candidate in map(int, np.argsort(-moves, kind="stable")):
        if len(chosen) >= most or moves[candidate] <= 0:
            break
        if all(beside[c][candidate] < APART for c in chosen):
            chosen.append(candidate)
            beside[candidate] = _beside(there, share, candidate)
    taken = set(chosen)
    found = []
    for anchor in chosen:
        near = [int(i) for i in np.argsort(-beside[anchor], kind="stable") if named[i] and int(i) not in taken]
        near = [i for i in near[:BESIDE] if beside[anchor][i] >= ALIKE]
        taken.update(near)
        found.append((vocabulary[anchor], *(vocabulary[i] for i in near)))
    return tuple(found)


def _beside(there: Any, share: Floats, word: int) -> Floats:
    """How much oftener every word stands beside this one than by chance: normalised pointwise mutual information."""
    column = there[:, [word]]
    both = np.asarray((there.T @ column).todense(), dtype=np.float64).ravel() / there.shape[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(both / (share * share[word])) / -np.log(both)
    return np.where(both > 0, np.nan_to_num(found, posinf=1.0), -1.0)
