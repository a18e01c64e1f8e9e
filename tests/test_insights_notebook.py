"""Insights in a notebook: each answer shows itself, and its charts are objects."""

from __future__ import annotations

from pathlib import Path

import pytest

from footfall.answers import Context, tell_insights
from footfall.engine import DuckDBEngine
from footfall.insights import groups
from footfall.report import Chart
from footfall.tables import publish_views, refresh_known
from tiny_shop import tiny_shop


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    engine = DuckDBEngine(threads=1)
    tiny_shop(engine)
    publish_views(engine)
    refresh_known(engine)
    return Context(engine, Path(tmp_path_factory.mktemp("models")))


@pytest.mark.parametrize("group", sorted(groups()))
def test_each_answer_shows_its_sentences_its_table_and_its_charts(context: Context, group: str) -> None:
    told, _ = tell_insights(context, group)
    assert told
    for answer in told:
        charts = answer.charts()
        assert len(charts) == len(answer.drawings()) and all(isinstance(c, Chart) for c in charts)
        html = answer._repr_html_()
        assert html.count("<svg") == len(charts) and "<table>" in html and "<script" not in html
        if charts:
            assert charts[0].altair().to_dict(validate=False)["config"]
            assert "application/vnd.vegalite.v6+json" in charts[0]._repr_mimebundle_()
    if group == "explore":
        assert sum(len(a.charts()) for a in told) > 5
