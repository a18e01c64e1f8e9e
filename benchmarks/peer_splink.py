"""Plain Splink on data whose persons are known, with the settings that its own examples publish for them.

Sources: the examples "Linking a dataset of real historical persons", "Quick and dirty persons model" (its comparisons,
on the blocks of the former) and "Deduplicating the febrl3 dataset" of Splink's documentation (version 5). Clusters are
connected components over pairs above a threshold, as there.
"""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import splink.comparison_library as compare
from numpy.typing import NDArray
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

THRESHOLDS = (0.5, 0.8, 0.95, 0.99)
TIMED = 0.95
"""The threshold whose clustering is on the clock; the others come after it."""
SEED = 1
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Plain:
    """A published set of settings: what to train by, and how sure its exact rules are to find a match."""

    settings: SettingsCreator
    exact: tuple[Any, ...]
    recall: float
    pairs: float
    lessons: tuple[Any, ...]
    least: float


@dataclass(frozen=True)
class Clustered:
    """Threshold -> cluster of each row, and the seconds (wall, processor) up to the clusters of one threshold."""

    labels: dict[float, Labels]
    wall: float
    processor: float


def historical_50k() -> dict[str, Plain]:
    """Columns as in the file, and `both_names`, first name and surname where both are known."""
    blocks = (
        ("substr(first_name,1,3)", "substr(surname,1,4)"),
        ("surname", "dob"),
        ("first_name", "dob"),
        ("postcode_fake", "first_name"),
        ("postcode_fake", "surname"),
        ("dob", "birth_place"),
        ("substr(postcode_fake,1,3)", "dob"),
        ("substr(postcode_fake,1,3)", "first_name"),
        ("substr(postcode_fake,1,3)", "surname"),
        ("substr(first_name,1,2)", "substr(surname,1,2)", "substr(dob,1,4)"),
    )
    names = compare.ForenameSurnameComparison("first_name", "surname", forename_surname_concat_col_name="both_names")
    born = compare.DateOfBirthComparison("dob", input_is_string=True)
    place, work = (
        compare.ExactMatch(c).configure(term_frequency_adjustments=True) for c in ("birth_place", "occupation")
    )
    example = [names, born, compare.PostcodeComparison("postcode_fake"), place, work]
    near_place = compare.JaroWinklerAtThresholds("birth_place", 0.9).configure(term_frequency_adjustments=True)
    quick = [names, born, compare.LevenshteinAtThresholds("postcode_fake", 2), near_place, work]
    near = "substr(l.first_name,1,2) = substr(r.first_name,1,2) and l.surname = r.surname"
    exact = (
        "l.first_name = r.first_name and l.surname = r.surname and l.dob = r.dob",
        f"{near} and substr(l.postcode_fake,1,2) = substr(r.postcode_fake,1,2)",
        "l.dob = r.dob and l.postcode_fake = r.postcode_fake",
    )
    lessons = (block_on("first_name", "surname"), block_on("dob"))
    return {
        name: Plain(_settings([block_on(*b) for b in blocks], comparisons), exact, 0.6, 5e6, lessons, 0.1)
        for name, comparisons in (("Splink", example), ("Splink, quick model", quick))
    }


def febrl3() -> dict[str, Plain]:
    """Columns as in the file, blanks stripped."""
    blocks = [block_on(c) for c in ("soc_sec_id", "given_name", "surname", "date_of_birth", "postcode")]
    comparisons = [
        compare.NameComparison("given_name"),
        compare.NameComparison("surname"),
        compare.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
        compare.DamerauLevenshteinAtThresholds("soc_sec_id", [2]),
        compare.ExactMatch("street_number").configure(term_frequency_adjustments=True),
        compare.ExactMatch("postcode").configure(term_frequency_adjustments=True),
    ]
    crossed = "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth"
    exact = (block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth"), crossed)
    lessons = (block_on("date_of_birth"), block_on("postcode"))
    return {"Splink": Plain(_settings(blocks, comparisons), exact, 0.9, 1e6, lessons, 0.2)}


def _settings(blocks: list[Any], comparisons: list[Any]) -> SettingsCreator:
    return SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="row",
        blocking_rules_to_generate_predictions=blocks,
        comparisons=comparisons,
    )


def clusters(rows: pa.Table, plain: Plain) -> Clustered:
    """Link `rows`, whose column `row` counts from 0."""
    logging.getLogger("splink").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wall, processor = time.perf_counter(), time.process_time()
        linker = Linker(DuckDBAPI().register(rows), plain.settings, log_level=None)
        training = linker.training
        training.estimate_probability_two_random_records_match(list(plain.exact), recall=plain.recall)
        training.estimate_u_using_random_sampling(max_pairs=plain.pairs, seed=SEED)
        for lesson in plain.lessons:
            training.estimate_parameters_using_expectation_maximisation(lesson, estimate_without_term_frequencies=True)
        pairs = linker.inference.predict(threshold_match_probability=plain.least)
        labels = {TIMED: _at(linker, pairs, TIMED)}
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        labels |= {t: _at(linker, pairs, t) for t in THRESHOLDS if t != TIMED}
    return Clustered({t: labels[t] for t in THRESHOLDS}, wall, processor)


def _at(linker: Linker, pairs: Any, threshold: float) -> Labels:
    found = linker.clustering.cluster_pairwise_predictions_at_threshold(pairs, threshold)
    rows = found.as_duckdbpyrelation().select("row, cluster_id").to_arrow_table()
    label = np.empty(rows.num_rows, np.int64)
    label[np.asarray(rows["row"])] = np.unique(np.asarray(rows["cluster_id"]), return_inverse=True)[1]
    return label
