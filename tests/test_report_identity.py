"""The section on who is who: the count in one sentence, the charts, and what is left out where there is nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import altair
import pyarrow as pa
import pytest
import vl_convert

import report_fixture
from footfall import Shop
from footfall.answers.page import PAGE_TABLES
from footfall.identity import Policy
from footfall.report import SECTIONS, Page, charts, figures, render
from footfall.report.render import parts

(SECTION,) = [s for s in SECTIONS if s.name == "identity"]


@pytest.fixture(scope="module")
def page() -> Page:
    return Page("Alone", tables=report_fixture.identity())


@pytest.fixture(scope="module")
def words(page: Page) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", render(page)).split())


def test_the_section_stands_between_the_quality_and_the_questions() -> None:
    names = [s.name for s in SECTIONS]
    assert names[names.index("quality") : names.index("questions")] == ["quality", "identity"]


def test_the_count_is_one_sentence_with_what_its_range_means(words: str) -> None:
    assert (
        "There are about 18,420 customers, and most likely between 18,275 and 18,598: of 20 shops with records as "
        "unclear as these, about 19 have their true number within such a range." in words
    )
    assert "As linked, the records make 18,511 customers" in words
    assert "an expected 118 links that the records say too little for" in words


def test_the_worklist_says_how_to_send_verdicts_back(words: str) -> None:
    assert "Ann Lee, EX0 2AE (guest)" in words
    assert "and 4 more rows" in words
    assert "footfall sql &#34;select * from review&#34; --out review.csv" in words
    assert "footfall resolve --reviewed review.csv" in words


def test_limits_come_as_cautions_before_notes(words: str) -> None:
    limit, note = "One customer holds 210 of 2,000 records", "Compared by first name, surname, postcode."
    assert words.index(limit) < words.index(note)


def test_examples_carry_their_reasons(words: str) -> None:
    assert "postcode one character off (B18 1DT / B18 1DS): +2.2" in words
    assert "first name a form of the same name (Jack / John): +1.9" in words
    assert "household discount: −2.2" in words


def test_what_resolution_changed_is_told_by_identity(words: str) -> None:
    assert "What resolution changed" in words
    assert re.search(r"Customers who ordered buy-30d the sources' ids 24,870", words.replace("&#39;", "'"))
    assert re.search(r"links known at the time 0\.712 0\.701 to 0\.723", words)


def test_its_charts_are_valid_and_hold_the_numbers(page: Page) -> None:
    specs = figures(page)
    assert [name.removeprefix("identity/") for name in specs] == [
        "What they are known by",
        "Where they come from",
        "How the count moves with the threshold",
    ]
    for spec in specs.values():
        altair.Chart.from_dict(spec, validate=True)
    split, origins, moves = (vl_convert.vegalite_to_svg(s) for s in specs.values())
    assert all(f">{n}<" in split for n in ("12,004", "4,310", "803", "512", "882"))
    assert all(f">{n}<" in origins for n in ("8,100", "402", "84", "CRM", "account", "guest", "id only"))
    assert all(f">{n}<" in moves for n in ("18,511", "20,102", "99.9%"))


def test_the_overlaps_mark_just_the_members() -> None:
    rows = [{"members": ["account", "guest"], "value": 7}, {"members": ["CRM"], "value": 2}]
    spec = charts.overlaps(rows, 326, sets=["CRM", "account", "guest"])
    text = str(spec)
    marked = set(re.findall(r"\{'place': (\d), 'set': '(\w+)', 'inside': 'in'\}", text))
    assert marked == {("0", "account"), ("0", "guest"), ("1", "CRM")}
    assert "{'place': 0, 'first': 'account', 'last': 'guest'}" in text
    assert "'place': 1, 'first'" not in text


@pytest.mark.parametrize("width", [326, 760])
def test_a_waterfall_ends_where_its_parts_lead(width: int) -> None:
    steps = [
        {"label": "Two records at random", "kind": "start", "start": 0.0, "end": -12.0},
        {"label": "surname the same", "kind": "raises", "start": -12.0, "end": 3.1},
        {"label": "household discount", "kind": "lowers", "start": 3.1, "end": 0.9},
        {"label": "Together", "kind": "total", "start": 0.0, "end": 0.9},
    ]
    spec = charts.waterfall(steps, width)
    altair.Chart.from_dict(spec, validate=True)
    picture = vl_convert.vegalite_to_svg(spec)
    assert all(f">{n}<" in picture for n in ("−12.0", "+15.1", "−2.2", "+0.9", "50%", "1%"))


def test_without_interval_or_splits_it_still_speaks() -> None:
    counts = pa.Table.from_pylist(
        [{"part": "customers", "customers": 12.0, "lower": None, "upper": None, "meaning": ""}]
    )
    html = render(Page("Bare", tables={"customers_count": counts}))
    assert "There are about 12 customers." in html
    assert "Where they come from" not in html


@pytest.mark.parametrize("name", list(SECTION.needs))
def test_it_is_there_with_any_of_its_tables_and_gone_without(page: Page, name: str) -> None:
    assert [s.name for s, _ in parts(Page("One", tables={name: page.tables[name]}))].count("identity") == 1
    empty = replace(page, tables={k: t.slice(0, 0) for k, t in page.tables.items()})
    assert "identity" not in [s.name for s, _ in parts(empty)]


def test_the_tables_it_shows_are_those_the_shop_gathers() -> None:
    assert set(SECTION.needs) <= set(PAGE_TABLES)


def test_a_shop_shows_it_once_it_is_resolved(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(
        "record_id,name,email\n1,Ann Lee,a@x.org\n2,Anne Lee,a@x.org\n3,Bo Day,b@x.org\n"
    )
    with Shop(tmp_path / "shop.duckdb") as shop:
        shop.load(tmp_path / "people.csv", "people")
        before = shop.report(tmp_path / "before.html").read_text()
        shop.resolve(Policy(verified=("email",)))
        after = shop.report(tmp_path / "after.html").read_text()
    assert "Who is who" not in before
    assert "There are about 2 customers" in after
    assert (tmp_path / "after-tables" / "customers_count.csv").exists()
