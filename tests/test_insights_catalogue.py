"""All insights: found by name, answered on a whole shop, kept, drawn, and silent about what a shop has not."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.insights import KEPT, ask, ask_all, catalogue, ground, groups, insight, insights_named, keep, page_queries
from footfall.report import charts
from footfall.tables import create_tables, publish_views, refresh_known
from tiny_shop import tiny_shop

NAMES = list(catalogue())


@pytest.fixture(scope="module")
def engine() -> DuckDBEngine:
    found = DuckDBEngine(threads=1)
    tiny_shop(found)
    publish_views(found)
    refresh_known(found)
    return found


def test_names_are_told_apart_and_found_with_a_hint() -> None:
    assert sum(len(of) for of in groups().values()) == len(NAMES)
    assert not set(NAMES) & set(groups())
    assert set(groups()) == {"bayes", "explore", "satisfaction", "what", "who", "why"}
    assert [i.name for i in insights_named("rfm")] == ["rfm"]
    assert [i.name for i in insights_named("why")] == ["funnel", "buyers-differ"]
    with pytest.raises(UsageError, match=r"there is no insight 'funel'.*did you mean 'funnel'"):
        insights_named("funel")
    with pytest.raises(UsageError, match="'rfm'"):
        insight("rmf")


@pytest.mark.parametrize("name", NAMES)
def test_an_insight_is_answered_in_two_sentences_and_its_charts_draw(name: str, engine: DuckDBEngine) -> None:
    one = insight(name)
    assert one.question.endswith("?")
    found = ask(engine, ground(engine), one)
    assert found.table.schema.names == [c.name for c in one.table.columns]
    assert found.rows or name == "bought-together"
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z'0-9])", found.words)
    assert 2 <= len(sentences) <= 3 and found.words.endswith(".")
    for drawing in found.drawings():
        assert getattr(charts, drawing.kind)(drawing.rows, 600, **drawing.options)["config"]
    again = ask(engine, ground(engine), one)
    assert again.table.equals(found.table), "the same rows on every run"


def test_answers_are_kept_each_in_its_table_and_replaced(engine: DuckDBEngine) -> None:
    answers, left = ask_all(engine, ground(engine), insights_named("who"))
    assert left == []
    for made in (datetime(2026, 1, 1), datetime(2026, 1, 2)):
        keep(engine, answers, made)
    kept = engine.rows(f"select insight, table_name, words, sql, made_at from {KEPT.name}")
    assert {k[0] for k in kept} == {i.name for i in groups()["who"]}
    assert {k[4] for k in kept} == {datetime(2026, 1, 2)}
    for answer in answers:
        assert engine.fetch(f"select * from {answer.insight.table.name}").num_rows == answer.table.num_rows
    shown = page_queries(engine)
    assert set(shown) == {KEPT.name, *(k[1] for k in kept)}
    for sql in shown.values():
        assert engine.fetch(sql).num_rows


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_shop_is_told_and_never_a_riddle(name: str) -> None:
    empty = DuckDBEngine(threads=1)
    create_tables(empty)
    assert page_queries(empty) == {}
    if name.startswith("explore"):
        assert ask(empty, ground(empty), insight(name)).rows == []
        return
    with pytest.raises(FootfallError, match="which the shop has not"):
        ask(empty, ground(empty), insight(name))


def test_what_a_shop_has_not_is_left_out_with_the_reason(engine: DuckDBEngine) -> None:
    bare = DuckDBEngine(threads=1)
    create_tables(bare)
    answers, left = ask_all(bare, ground(bare))
    assert {a.insight.name for a in answers} == {n for n in NAMES if n.startswith("explore")}
    assert dict(left)["rfm"] == "insight 'rfm' needs orders, which the shop has not"
