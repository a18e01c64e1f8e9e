"""A table of one's own: each leak, planted alone, is found and named; the clean table is told clean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from footfall.audit import CHECKS, CLEAN, LEAK, NOT_RUN, SUSPECT, Finding, Roles, audit_rows, rows_of, summed_up
from footfall.errors import FootfallError, UsageError
from footfall.shop import Shop
from footfall.spans import span
from leaky import DAY, at_random, by_time, clean, table

ROLES = {"cutoff": "cutoff", "split": "part", "horizon": "30d"}


def audited(columns: dict[str, Any], **roles: str) -> list[Finding]:
    given = {k: v for k, v in {**ROLES, **roles}.items() if v}
    if "part" not in columns:
        given.pop("split", None)
    told = Roles.told("target", given)
    return audit_rows(rows_of(table(columns), told, "the table"), told.horizon)[0]


def found(columns: dict[str, Any], **roles: str) -> set[tuple[str, str | None]]:
    """Check and feature of what was found, as a leak or suspect."""
    return {(f.check, f.feature) for f in audited(columns, **roles) if f.found}


def one(findings: list[Finding], check: str) -> Finding:
    return next(f for f in findings if f.check == check)


# --- clean --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_clean_table_is_silent(seed: int) -> None:
    told = audited(by_time(clean(seed=seed)))
    assert [f for f in told if f.found] == []
    assert {f.check for f in told} == set(CHECKS)
    assert {f.check for f in told if f.verdict == NOT_RUN} == {"late"}
    assert summed_up(told) == "No leak found; could not be looked at: late."
    assert one(told, "single").feature in ("visits", "recency")


def test_an_amount_is_audited_too() -> None:
    columns = by_time(clean(seed=5))
    spent = np.where(columns["target"] == 1, 10 + columns["visits"] * np.random.default_rng(1).random(900) * 20, 0.0)
    told = audited({**columns, "target": spent})
    assert [f for f in told if f.found] == []
    assert "Gini" in one(told, "single").words and "Gini" in one(told, "split").words
    assert ("single", "points") in found({**columns, "target": spent, "points": np.round(spent)})


def test_of_a_table_without_dates_it_says_what_cannot_be_looked_at() -> None:
    columns = clean()
    del columns["cutoff"], columns["customer_id"]
    told = audited(columns, cutoff="", horizon="")
    assert [f for f in told if f.found] == []
    assert {f.check for f in told if f.verdict == NOT_RUN} == {"future", "late", "history", "overlap", "split"}
    assert "--cutoff-column" in one(told, "history").words


def test_where_outcomes_are_few_it_says_so_and_judges_nothing() -> None:
    columns = clean(n=300)
    columns["target"] = np.where(np.arange(300) < 4, 1, 0)
    columns["points"] = columns["target"] * 3.0
    told = audited(by_time(columns))
    assert {f.check for f in told if f.verdict == NOT_RUN} >= {"single", "split", "history"}
    assert "only 4 of 300" in one(told, "single").words


# --- each leak alone ----------------------------------------------------------------------------------------------


def test_a_date_after_the_cutoff() -> None:
    columns = by_time(clean())
    columns["shipped"] = columns["cutoff"] + np.where(np.arange(900) % 3, -5, 4) * DAY
    assert found(columns) == {("future", "shipped")}
    told = one(audited(columns), "future")
    assert told.verdict == LEAK and told.value == pytest.approx(1 / 3) and "33.3%" in told.words


def test_recency_counted_to_today() -> None:
    columns = by_time(clean())
    today = columns["cutoff"].max()
    columns["recency"] = columns["recency"] + (today - columns["cutoff"]) / DAY
    assert found(columns) == {("future", "recency")}
    assert "count it to the cutoff" in one(audited(columns), "future").words


def test_tenure_and_income_are_no_recency_to_today() -> None:
    columns = by_time(clean())
    columns["tenure"] = (columns["cutoff"] - columns["cutoff"].min()) / DAY + columns["recency"]
    columns["income"] = 20_000.0 + np.random.default_rng(0).integers(0, 40, 900) * 500
    assert found(columns) == set()


def test_a_history_that_is_cut_by_the_outcome() -> None:
    columns = clean()
    last = columns["cutoff"].max()
    columns["cutoff"] = np.where(columns["target"] == 1, columns["cutoff"] - 9 * DAY, last)
    told = one(audited(columns), "history")
    assert told.verdict == LEAK and told.value and told.value > 0.99 and "cut by the outcome" in told.words
    assert {c for c, _ in found(columns)} == {"history"}


@pytest.mark.parametrize("way", ["number", "middle", "words", "missing", "boolean"])
def test_one_feature_that_is_too_good(way: str) -> None:
    columns = by_time(clean())
    dice = np.random.default_rng(3)
    y = columns["target"]
    columns["points"] = {
        "number": y + dice.normal(size=900) * 0.3,
        "middle": np.where(y == 1, dice.normal(size=900) * 0.2, dice.choice([-3.0, 3.0], 900) + dice.normal(size=900)),
        "words": [("none", "gold")[v] if u > 0.03 else None for v, u in zip(y, dice.random(900), strict=True)],
        "missing": [None if v == 0 else float(u) for v, u in zip(y, dice.random(900), strict=True)],
        "boolean": [bool(v) for v in y],
    }[way]
    assert found(columns) == {("single", "points")}
    told = one(audited(columns), "single")
    assert told.verdict == SUSPECT and told.value and told.value > 0.9 and told.threshold and told.threshold <= 0.9


def test_outcomes_that_are_not_over_when_the_test_begins() -> None:
    columns = by_time(clean())
    assert found(columns, horizon="90d") == {("overlap", None)}
    told = one(audited(columns, horizon="90d"), "overlap")
    assert told.value == pytest.approx(0.5) and "knows what it is asked" in told.words  # two of four training cutoffs
    assert found(columns, horizon="31d") == {("overlap", None)} and found(columns, horizon="30d") == set()


def test_a_random_split_of_rows_of_several_dates_overlaps() -> None:
    assert ("overlap", None) in found(at_random(clean()))


def test_the_same_people_under_other_names() -> None:
    columns = at_random(clean(cutoffs=1))
    copied = np.flatnonzero(columns["target"] == 1)[:40]
    take = np.concatenate([np.arange(900), copied])
    doubled = {k: np.asarray(v)[take].tolist() if k != "cutoff" else v[take] for k, v in columns.items()}
    doubled["customer_id"] = [f"c{i}" for i in range(len(take))]
    doubled["part"][900:] = ["train" if doubled["part"][i] == "test" else "test" for i in copied]
    assert found(columns, horizon="") == set()
    assert found(doubled, horizon="") == {("copies", None)}
    assert "under another name" in one(audited(doubled, horizon=""), "copies").words


def test_a_customer_twice_at_one_cutoff() -> None:
    columns = by_time(clean())
    columns["customer_id"] = [f"c{i // 12 * 12 + i % 6}" for i in range(900)]
    assert found(columns) == {("copies", None)}


def test_a_customer_on_both_sides_of_a_random_split() -> None:
    columns = at_random(clean(cutoffs=1))
    columns["cutoff"] = columns["cutoff"] + (np.arange(900) % 2) * DAY
    columns["customer_id"] = [f"c{i // 2}" for i in range(900)]
    told = [f for f in audited(columns, horizon="") if f.found]
    assert [(f.check, f.verdict) for f in told] == [("copies", SUSPECT)] and "not by time" in told[0].words


def returning(n: int = 300, dates: int = 5) -> dict[str, Any]:
    """Customers who come again each week for five weeks, always with the same outcome; later on, others come."""
    dice = np.random.default_rng(1)
    columns = clean(n)
    columns["noise"] = dice.normal(size=n)  # a signature, and nothing else
    first = np.sort(dice.integers(0, 40, n))
    wide = {k: np.repeat(np.asarray(v), dates) for k, v in columns.items()}
    week = np.repeat(first, dates) + np.tile(np.arange(dates), n)
    wide["cutoff"] = np.datetime64("2025-01-01", "us") + week * 7 * DAY
    return {k: v if k == "cutoff" else v.tolist() for k, v in wide.items()}


def test_a_random_split_that_flatters() -> None:
    columns = returning()
    (told,) = [f for f in audited(columns) if f.check == "split"]
    assert told.verdict == SUSPECT and told.value and told.lower and told.value > 0.05 and told.lower > 0
    assert "split by time" in told.words
    assert one(audited(at_random(columns)), "split").verdict == LEAK
    assert one(audited(by_time(columns, 12)), "split").verdict == CLEAN, "told, but the test is by time"


# --- files and roles ----------------------------------------------------------------------------------------------


def test_csv_and_parquet_say_the_same(tmp_path: Path) -> None:
    rows = table(by_time(clean()))
    csv.write_csv(rows, tmp_path / "mine.csv")
    parquet.write_table(rows, tmp_path / "mine.parquet")
    with Shop(":memory:") as shop:
        told = [
            shop.audit(table=tmp_path / f"mine.{e}", roles=ROLES).drop(["task", "made_at"]) for e in ("csv", "parquet")
        ]
        assert told[0].equals(told[1]) and told[0].num_rows >= len(CHECKS)
        again = shop.audit(table=tmp_path / "mine.csv", roles=ROLES, out=tmp_path / "audit.json")
        assert shop.sql("select count(*) as n from audit where task = 'mine.csv'").to_pylist() == [
            {"n": again.num_rows}
        ]
        assert (tmp_path / "audit.json").read_text().count("\n") == again.num_rows


@pytest.mark.parametrize(
    "columns, target, roles, words",
    [
        ({}, "bought", {}, ["no column 'bought'"]),
        ({}, "target", {"cutoff": "cutof"}, ["no column 'cutof'", "did you mean 'cutoff'"]),
        ({}, "target", {"cutoff": "colour"}, ["'colour'", "no dates"]),
        ({}, "colour", {}, ["3 different words"]),
        ({"target": [1] * 900}, "target", {}, ["the same in every row"]),
        ({"target": [None] + [1, 0] * 449 + [1]}, "target", {}, ["1 outcomes are missing"]),
    ],
)
def test_what_is_wrong_with_a_table_is_said_in_one_line(
    columns: dict[str, Any], target: str, roles: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(FootfallError) as raised:
        rows_of(table({**clean(), **columns}), Roles.told(target, roles), "mine.csv")
    assert all(w in str(raised.value) for w in ["mine.csv", *words])


def test_wrong_roles_and_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'horizon'"):
        Roles.told("target", {"horizn": "30d"})
    with Shop(":memory:") as shop:
        with pytest.raises(UsageError, match="name a task"):
            shop.audit()
        with pytest.raises(UsageError, match=r"\.csv, \.parquet, \.sql"):
            shop.audit(table=tmp_path / "x.xlsx")
        with pytest.raises(FootfallError, match="no file"):
            shop.audit(table=tmp_path / "x.csv")
        with pytest.raises(UsageError, match="name the task"):
            shop.audit(table=tmp_path / "x.sql")


def test_two_words_and_booleans_are_outcomes() -> None:
    columns = clean(n=50)
    words = rows_of(table({**columns, "target": [("no", "yes")[v] for v in columns["target"]]}), Roles(), "x")
    flags = rows_of(table({**columns, "target": [bool(v) for v in columns["target"]]}), Roles(), "x")
    assert words.kind == flags.kind == "chance"
    assert np.array_equal(words.y, columns["target"]) and np.array_equal(flags.y, columns["target"])
    assert rows_of(pa.table({"a": [1, 2, 3], "target": [1.5, 0.0, 2.0]}), Roles(), "x").kind == "amount"
    assert Roles.told("y", {"ignore": "a+b", "horizon": "2w"}) == Roles("y", ignore=("a", "b"), horizon=span("2w"))
