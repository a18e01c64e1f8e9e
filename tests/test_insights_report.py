"""The sections that show insights: rendered from kept tables, silent without them, and with the statement beside."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from footfall.engine import DuckDBEngine
from footfall.insights import ask_all, catalogue, ground, keep, page_queries, page_statements
from footfall.report import SECTIONS, Page, render
from footfall.tables import publish_views, refresh_known
from tiny_shop import tiny_shop

NAMES = ("bayes", "who", "what", "why", "explore")


@pytest.fixture(scope="module")
def engine() -> DuckDBEngine:
    found = DuckDBEngine(threads=1)
    tiny_shop(found)
    publish_views(found)
    refresh_known(found)
    answers, left = ask_all(found, ground(found))
    assert left == []
    keep(found, answers, datetime(2026, 1, 1))
    return found


def page(engine: DuckDBEngine, explored: bool) -> Page:
    queries = page_queries(engine, explored)
    return Page("Toy", {}, "", {n: engine.fetch(q) for n, q in queries.items()}, queries | page_statements(engine))


def test_each_section_tells_its_insights_with_tables_and_charts(engine: DuckDBEngine) -> None:
    chosen = [s for s in SECTIONS if s.name in NAMES]
    assert [s.name for s in chosen] == ["who", "what", "explore", "why", "bayes"]
    html = render(page(engine, False), chosen)
    text = re.sub(r"<[^>]+>", " ", html)
    for section in chosen:
        assert (section.title in text) == (section.name != "explore")
    told = {r[0]: r[1] for r in engine.rows("select insight, words from insights")}
    for name, words in told.items():
        shown = words.split(".")[0].replace("'", "&#39;")
        assert (shown in html) == (not name.startswith("explore")), name
    assert html.count("<svg") > 20
    assert "left join bought b on b.customer = i.customer" in text, "the statement itself stands on the page"
    assert "None" not in text and "nan" not in text.split()


def test_the_look_at_the_data_has_a_page_of_its_own(engine: DuckDBEngine) -> None:
    html = render(page(engine, True), [s for s in SECTIONS if s.name in NAMES])
    assert "A look at the data" in html and "Who the customers are" not in html
    assert "Every row was read." in html
    assert html.count("<svg") > 10
    assert "loyalty_tier" in html


def test_without_insights_there_is_no_section() -> None:
    empty = Page("Toy", {}, "", {}, {})
    assert [s.name for s in SECTIONS if s.name in NAMES and s.shown(empty)] == []


def test_every_insight_of_the_catalogue_is_shown_in_a_section() -> None:
    needed = {t for s in SECTIONS for t in s.needs if t.startswith("insight_")}
    assert needed == {i.table.name for i in catalogue().values()}
