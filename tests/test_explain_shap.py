"""Contributions as rows and as charts: exact sums, places of values, sampling said aloud, the error of drawn ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from footfall.answers import Context, draw_explanation, explain, fit
from footfall.engine import DuckDBEngine
from footfall.errors import FootfallError, UsageError
from footfall.explain import contributions, is_exact, steps
from footfall.explain.shap import _places, error_of
from footfall.models.logistic import Logistic
from footfall.report import Chart
from footfall.report.charts_contributions import beeswarm, dependence, third, way
from footfall.report.sections.drivers import contribution_figures
from footfall.tables import RESULTS
from footfall.tabular import Learner, Matrix, Trainer
from seeded_shop import BUY, SMALL, SPEND, day, seeded_shop, trainer

MODELS = ("baseline", "logistic", "boosted")


class Drawn(Logistic):
    """A model whose contributions are drawn: each holds to a tenth of its size."""

    exact = False

    def error(self, X: Any) -> np.ndarray:
        return 0.1 * np.abs(self.contributions(X)[:, :-1])


@pytest.fixture(scope="module")
def made() -> Trainer:
    engine = DuckDBEngine(threads=1)
    seeded_shop(engine, customers=150)
    t = trainer(engine, BUY, SMALL)
    t.warm(MODELS, [day(120)])
    return t


def asked(t: Trainer) -> Matrix:
    return t.table.matrix(t.task, [day(120)], target=False)


@pytest.mark.parametrize("model", MODELS)
def test_all_contributions_of_a_row_are_its_score(made: Trainer, model: str) -> None:
    predictor, matrix = made.fit(model, day(120)), asked(made)
    rows = contributions(predictor, matrix, made.table.features, shown=1000)
    total = dict.fromkeys(matrix.table.column("customer_id").to_pylist(), 0.0)
    for r in rows:
        total[r["customer_id"]] += r["contribution"]
    raw = predictor.learner.contributions(matrix)
    np.testing.assert_allclose(list(total.values()), raw[:, :-1].sum(axis=1), atol=1e-9)
    assert all(r["error"] is None for r in rows)
    schema = {c.name for c in RESULTS["contributions"].columns}
    assert set(rows[0]) <= schema


def test_the_strongest_features_are_kept_and_values_have_their_place(made: Trainer) -> None:
    predictor, matrix = made.fit("boosted", day(120)), asked(made)
    rows = contributions(predictor, matrix, made.table.features, sampled=0.5, shown=3)
    names = list(dict.fromkeys(r["feature"] for r in rows))
    size = {n: np.mean([abs(r["contribution"]) for r in rows if r["feature"] == n]) for n in names}
    assert len(names) == 3 and list(size.values()) == sorted(size.values(), reverse=True)
    of = [r for r in rows if r["feature"] == names[0] and r["value"] is not None]
    assert min(of, key=lambda r: r["value"])["place"] <= 0.2 and max(of, key=lambda r: r["value"])["place"] >= 0.8
    assert {r["sampled"] for r in rows} == {0.5}
    nobody = matrix.take(np.zeros(matrix.rows, dtype=bool))
    assert contributions(predictor, nobody, made.table.features) == []


def test_places_are_between_the_lowest_and_the_highest() -> None:
    assert _places(np.array([5.0, 1.0, np.nan, 3.0, 3.0])).tolist()[:2] == [1.0, 0.0]
    assert np.isnan(_places(np.array([5.0, np.nan, 3.0]))[1])
    assert _places(np.array([2.0, 2.0, 2.0])).tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("task", [BUY, SPEND], ids=lambda t: t.name)
@pytest.mark.parametrize("model", ["logistic", "boosted"])
def test_the_way_leads_from_the_usual_answer_to_the_customers(task: Any, model: str) -> None:
    engine = DuckDBEngine(threads=1)
    seeded_shop(engine, customers=120)
    t = trainer(engine, task, SMALL)
    predictor = t.fit(model, day(120))
    matrix = asked(t)
    for i in (0, 7):
        row = matrix.take(np.array([i]))
        told = steps(predictor, row, t.table.features, most=4)
        answer = float(predictor.predict(row).value[0])
        end = np.log2(answer / (1 - answer)) if task.kind == "chance" else np.log2(answer)
        assert told[0]["kind"] == "start" and told[-1]["kind"] == "total"
        assert told[-1]["ends"] == pytest.approx(end, abs=1e-6)
        inner = told[1:-1]
        assert len(inner) <= 6
        for a, b in zip([told[0], *inner], inner, strict=False):
            assert b["begins"] == pytest.approx(a["ends"])
        assert inner[-1]["ends"] == pytest.approx(end, abs=0.051), "what is left is the calibration's"
        assert all((s["ends"] > s["begins"]) == (s["kind"] == "raises") for s in inner)


def test_drawn_contributions_carry_their_error_into_the_words(made: Trainer) -> None:
    predictor, matrix = made.fit("logistic", day(120)), asked(made)
    assert is_exact(predictor.learner) and error_of(predictor.learner, np.zeros((1, 1))) is None
    model = Drawn("chance")
    model.__dict__.update(predictor.learner.chance.__dict__)  # type: ignore[union-attr]
    drawn = replace(predictor, learner=replace(predictor.learner, chance=model))
    assert not is_exact(drawn.learner)
    mean: Learner = replace(drawn.learner, chance=None, members=(drawn.learner, predictor.learner))
    assert not is_exact(mean)
    X = matrix.encoding.encode(predictor.learner.encoder, matrix.table)
    np.testing.assert_allclose(error_of(mean, X), error_of(drawn.learner, X) / 2)
    rows = contributions(drawn, matrix, made.table.features, sampled=0.2, shown=2)
    assert all(r["error"] == pytest.approx(0.1 * abs(r["contribution"])) for r in rows)
    note = contribution_figures(rows, "chance")[-1]
    assert "drawn by lot too: each holds to ±" in note.text and "of a sample (20" in note.text
    exact = contribution_figures(contributions(predictor, matrix, made.table.features), "chance")[-1]
    assert "by lot" not in exact.text and "sample" not in exact.text


def test_each_chart_is_drawn_wide_and_narrow(made: Trainer) -> None:
    predictor, matrix = made.fit("boosted", day(120)), asked(made)
    rows = contributions(predictor, matrix, made.table.features, shown=4)
    words = [{**r, "value": None, "text": "gold" if i % 2 else "blue"} for i, r in enumerate(rows[:50])]
    drawn = [{**r, "error": 0.2} for r in rows[:50]]
    import vl_convert

    for width in (760, 326):
        for spec in (
            beeswarm(rows, width, title="adds"),
            dependence(rows[:100], width, title="adds", of="days"),
            dependence(words, width, title="adds", of="tier"),
            dependence(drawn, width, title="adds", of="days"),
            way(steps(predictor, matrix, made.table.features), width, title="Chance"),
        ):
            svg = vl_convert.vegalite_to_svg(spec)
            assert svg.startswith("<svg") and "null" not in svg and "NaN" not in svg
    assert [third(p) for p in (0.1, 0.5, 0.9, None)] == ["low", "middle", "high", "a word, or none"]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Context:
    engine = DuckDBEngine(threads=1)
    seeded_shop(engine, customers=150)
    made = Context(engine, tmp_path_factory.mktemp("models"), "UTC", SMALL)
    fit(made, BUY, "boosted")
    return made


def test_explaining_keeps_the_rows_that_the_charts_are_drawn_of(context: Context) -> None:
    explain(context, BUY, top=3)
    kept = context.engine.rows(
        "select count(distinct customer_id), count(distinct feature), count(*) from contributions"
    )[0]
    assert kept[2] == kept[0] * kept[1] and kept[1] == 12
    first = context.engine.value("select customer_id from explained where step = 1")
    best = context.engine.value("select customer_id from scores order by chance desc, customer_id limit 1")
    assert first == best


@pytest.mark.parametrize("ending", ["html", "svg", "png", "json"])
@pytest.mark.parametrize("who", [None, "c4"])
def test_the_charts_are_written(context: Context, tmp_path: Path, ending: str, who: str | None) -> None:
    out = tmp_path / f"why.{ending}"
    charts = draw_explanation(context, BUY, who, None, out)
    assert all(isinstance(c, Chart) for c in charts) and len(charts) == (1 if who else 5)
    data = out.read_bytes()
    start = {"html": b"<!doctype html", "svg": b"<svg", "png": b"\x89PNG", "json": b"{"}[ending]
    assert data[: len(start)].lower() == start.lower()
    if ending == "html":
        assert (b"the answer" if who else b"Each point is a customer") in data
    bundle = charts[0]._repr_mimebundle_()
    assert "application/vnd.vegalite.v6+json" in bundle and bundle["image/svg+xml"].startswith("<svg")
    assert charts[0].altair().to_dict(validate=False)["config"]


def test_what_cannot_be_drawn_is_said(context: Context, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the ending is one of \.html, \.svg, \.png, \.json"):
        draw_explanation(context, BUY, None, None, tmp_path / "why.gif")
    with pytest.raises(FootfallError, match="does not ask about a customer 'nobody'"):
        draw_explanation(context, BUY, "nobody")
