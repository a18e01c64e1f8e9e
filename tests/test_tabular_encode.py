"""Feature tables become numbers, learnt from training rows alone."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from footfall.tabular import Encoder, learn_encoder
from footfall.tabular.encode import LEAST_SHARE, MOST_VALUES

TABLE = pa.table(
    {
        "recency": pa.array([1.0, None, 3.5, 2.0]),
        "flag": pa.array([True, False, None, True]),
        "same": pa.array([2.0, 2.0, 2.0, 2.0]),
        "empty": pa.array([None, None, None, None], pa.float64()),
        "sometimes": pa.array([2.0, None, 2.0, 2.0]),
        "whole": pa.array([1, 2, 3, None], pa.int64()),
        "tier": pa.array(["gold", "blue", "gold", "blue"]),
        "town": pa.array(["a", None, "b", "c"]),
    }
)
NUMBERS = ["recency", "flag", "same", "empty", "sometimes", "whole"]


def test_columns_that_never_vary_are_left_out() -> None:
    encoder = learn_encoder(TABLE, NUMBERS, [])
    assert encoder.names == ["recency", "flag", "sometimes", "whole"], "known or missing is a difference too"


def test_missing_is_nan_and_flags_are_numbers() -> None:
    X = learn_encoder(TABLE, NUMBERS, []).encode(TABLE)
    assert X.shape == (4, 4) and X.dtype == np.float64
    np.testing.assert_array_equal(X[:, 0], [1, np.nan, 3.5, 2])
    np.testing.assert_array_equal(X[:, 1], [1, 0, np.nan, 1])
    np.testing.assert_array_equal(X[:, 3], [1, 2, 3, np.nan])


def test_text_is_a_column_per_frequent_value_and_an_unseen_one_is_none_of_them() -> None:
    encoder = learn_encoder(TABLE, [], ["tier", "town"])
    assert encoder.names == ["tier=blue", "tier=gold"], "a town seen once says nothing"
    later = pa.table({"tier": ["gold", "platinum", None], "town": ["a", "b", "z"]})
    np.testing.assert_array_equal(encoder.encode(later), [[0, 1], [0, 0], [0, 0]])


def test_only_the_most_frequent_values_of_many_are_kept() -> None:
    values = [f"v{i:03d}" for i in range(100) for _ in range(100 - i)]
    [(name, kept)] = learn_encoder(pa.table({"job": values}), [], ["job"]).values
    assert (name, kept) == ("job", tuple(f"v{i:03d}" for i in range(MOST_VALUES)))
    rare = ["often"] * 1000 + ["rare"] * int(1000 * LEAST_SHARE - 1)
    assert learn_encoder(pa.table({"job": rare}), [], ["job"]).names == ["job=often"]


def test_equally_frequent_values_come_in_one_order() -> None:
    one = learn_encoder(pa.table({"tier": ["b", "a", "a", "b"]}), [], ["tier"])
    assert one == learn_encoder(pa.table({"tier": ["a", "b", "b", "a"]}), [], ["tier"])


def test_no_rows_and_all_missing_text_make_no_columns() -> None:
    empty = TABLE.slice(0, 0)
    assert learn_encoder(empty, NUMBERS, ["tier"]).names == []
    blank = pa.table({"tier": pa.array([None, None], pa.string())})
    encoder = learn_encoder(blank, [], ["tier"])
    assert encoder.encode(blank).shape == (2, 0)


def test_an_encoder_survives_json() -> None:
    encoder = learn_encoder(TABLE, NUMBERS, ["tier"])
    assert Encoder.from_json(encoder.as_json()) == encoder


def test_a_feature_the_table_lacks_is_an_error() -> None:
    with pytest.raises(KeyError):
        learn_encoder(TABLE, NUMBERS, []).encode(TABLE.drop_columns(["recency"]))
