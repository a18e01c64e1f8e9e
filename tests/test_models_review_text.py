"""Words learnt from rated texts: how a text sounds, what it is about."""

from __future__ import annotations

import numpy as np
import pytest

from footfall.errors import FootfallError
from footfall.models.review_text import learn_text

TEXTS = [
    "the delivery was late and the parcel broken", "late delivery again", "parcel came late", "the parcel was late",
    "soft fabric and lovely colour", "lovely fabric, so soft", "soft and lovely", "the fabric is lovely",
    "it does what it should", "as it should be", "does the job", "what one wants",
] * 10  # fmt: skip
RATINGS = [1, 1, 1, 2, 5, 5, 5, 5, 3, 3, 3, 3] * 10


def test_a_text_sounds_like_the_ratings_of_texts_with_its_words() -> None:
    words = learn_text(TEXTS, RATINGS)
    bad, good, none = words.sentiment(["so late, the parcel", "lovely fabric", "zyzzyva"])
    assert bad < 2.5 < 3.5 < good and none == pytest.approx(np.mean(RATINGS), abs=0.4)
    assert words.sentiment(["lovely lovely soft fabric " * 50])[0] <= 5, "within the ratings ever given"


def test_pairs_of_words_are_heard() -> None:
    texts = ["not good", "good", "not bad", "bad", "good value", "not a word"] * 30
    words = learn_text(texts, [1, 5, 4, 2, 5, 3] * 30)
    a, b = words.sentiment(["not good", "good"])
    assert a < 2 and b > 4


def test_topics_part_what_goes_by_itself_and_words_stand_once() -> None:
    words = learn_text(TEXTS, RATINGS, topics=3)
    late, fabric, other = words.topic(["late parcel", "lovely fabric", "zyzzyva"])
    assert late != fabric and late > 0 and fabric > 0 and other == 0
    told = [w for topic in words.topics for w in topic]
    assert len(set(told)) == len(told) and not {"the", "and", "it"} & set(told)
    assert words.topic(TEXTS[:4]).tolist().count(late) >= 3


def test_topics_keep_their_numbers_when_words_are_learnt_anew() -> None:
    first = learn_text(TEXTS, RATINGS, topics=2)
    anchors = [t[0] for t in first.topics]
    again = learn_text([*TEXTS, *["brilliant price"] * 40], [*RATINGS, *[5] * 40], topics=3, anchors=anchors)
    assert [t[0] for t in again.topics][:2] == anchors
    turned = learn_text(TEXTS, RATINGS, topics=2, anchors=anchors[::-1])
    assert [t[0] for t in turned.topics] == anchors[::-1]


def test_a_row_does_not_depend_on_the_rows_beside_it_and_two_fits_are_equal() -> None:
    words, again = learn_text(TEXTS, RATINGS), learn_text(TEXTS, RATINGS)
    together = words.sentiment(TEXTS[:12])
    alone = np.array([words.sentiment([t])[0] for t in TEXTS[:12]])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together, again.sentiment(TEXTS[:12]))
    assert words.topics == again.topics


def test_one_text_no_common_word_and_one_rating_are_no_error() -> None:
    one = learn_text(["fine"], [4])
    assert one.sentiment(["fine", "awful", ""]).tolist() == [4, 4, 4] and one.topic(["fine"]).tolist() == [0]
    same = learn_text(["good stuff", "good thing"] * 5, [5] * 10)
    assert same.sentiment(["good"]).tolist() == [5]
    assert len(one.sentiment([])) == 0 == len(one.topic([]))
    with pytest.raises(FootfallError, match="no rated text"):
        learn_text([], [])
