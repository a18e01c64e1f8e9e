"""How good the answers are: on later data, beside the baseline, with intervals."""

from __future__ import annotations

from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Figure, Grid, Group, Prose, Side, spread
from footfall.report.measures import BADGES, MAIN, SHORT, TONES, canonical, judge, measure, rank
from footfall.report.numbers import FORMATS, NOTHING, blank, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_STYLES = {"yes": "good", "no": "bad"}


def _main_metric(rows: Sequence[Row]) -> str | None:
    """The metric a task is judged by in the charts: the first of `MAIN` that it has."""
    have = {canonical(r.get("metric")): str(r.get("metric")) for r in rows}
    return next((have[m] for m in MAIN if m in have), next(iter(have.values()), None))


def _forest(page: Page, tasks: Sequence[str]) -> list[Block]:
    """One dot plot per metric: each task's difference to the baseline."""
    by_metric: dict[str, list[Row]] = {}
    for task in tasks:
        total = [r for r in page.rows("evaluations", task=task) if blank(r.get("cutoff"))]
        metric = _main_metric(total)
        for r in total:
            if r.get("metric") != metric or blank(r.get("difference")) or r.get("model") == "baseline":
                continue
            lower, upper = r.get("difference_lower"), r.get("difference_upper")
            by_metric.setdefault(str(metric), []).append(
                {
                    "name": f"{task} · {text(r.get('model'))}",
                    "value": r["difference"],
                    "lower": lower,
                    "upper": upper,
                    "verdict": judge(metric, lower, upper),
                }
            )
    figures: list[Block] = []
    for metric, rows in by_metric.items():
        known = measure(metric)
        side = {1: "Right of the line is better", -1: "Left of the line is better"}.get(known.better, "")
        show = FORMATS[known.change]
        words = "; ".join(f"{r['name']} {show(r['value'])} ({r['verdict']})" for r in rows)
        figures.append(
            Figure(
                "forest",
                f"{known.label}: difference to the baseline",
                rows,
                words,
                f"{side}; the bar is the 95% interval. Where it crosses the line, chance could explain it.",
                ("evaluations",),
                {"title": f"Difference in {known.label}", "format": "+~%" if known.format == "percent" else "+~f"},
            )
        )
    return figures


def _metrics(page: Page, task: str) -> list[Block]:
    total = [r for r in page.rows("evaluations", task=task) if blank(r.get("cutoff"))]
    models = sorted(dict.fromkeys(str(r.get("model")) for r in total), key=lambda m: m != "baseline")
    chosen = page.model(task)
    if chosen not in models or chosen == "baseline":
        chosen = next((m for m in models if m != "baseline"), None)
    cells = {(str(r.get("metric")), str(r.get("model"))): r for r in total}
    metrics = sorted({m for m, _ in cells}, key=lambda m: (rank(m), m))

    def value(model: str) -> Column:
        def get(row: Row) -> Cell:
            found = cells.get((row["metric"], model), {})
            show = FORMATS[measure(row["metric"]).format]
            return spread(found.get("value"), found.get("lower"), found.get("upper"), show)

        return Column(model, get, "number")

    def difference(row: Row) -> Cell:
        found = cells.get((row["metric"], str(chosen)), {})
        low, high = found.get("difference_lower"), found.get("difference_upper")
        tone = TONES[judge(row["metric"], low, high)]
        show = FORMATS[measure(row["metric"]).change]
        return spread(found.get("difference"), low, high, show, "plain" if tone == "unclear" else tone)

    columns = [
        Column("Measure", lambda r: Cell(measure(r["metric"]).label, measure(r["metric"]).hint)),
        *(value(m) for m in models),
    ]
    if chosen and any(not blank(r.get("difference")) for r in total):
        columns.append(Column(f"{chosen} less baseline", difference, "number"))
    note = "All test times together; the 95% interval in small print."
    shown = [{"metric": m} for m in metrics]
    return [Grid("The measures", columns, shown, ("evaluations",), note)] if metrics else []


def _stability(page: Page, task: str) -> list[Block]:
    rows = [r for r in page.rows("evaluations", task=task) if not blank(r.get("cutoff"))]
    metric = _main_metric(rows)
    rows = [r for r in rows if r.get("metric") == metric and not blank(r.get("value"))]
    rows = sorted(rows, key=lambda r: str(r.get("model")) != "baseline")
    if len({r.get("cutoff") for r in rows}) < 2:
        return []
    known = measure(metric)
    low, high = min(r["value"] for r in rows), max(r["value"] for r in rows)
    show = FORMATS[known.format]
    words = f"{known.label} per test time and model, between {show(low)} and {show(high)}."
    options = {"title": known.label, "format": known.format, "chosen": page.model(task)}
    note = "A good answer is good each time, not only on average."
    return [Figure("stability", "Is it steady over time?", rows, words, note, ("evaluations",), options)]


def _curves(page: Page, task: str) -> list[Block]:
    chosen, figures = page.model(task), []
    rows = [r for r in page.rows("curves", task=task) if not blank(r.get("x")) and not blank(r.get("y"))]
    found = [r for r in rows if r.get("curve") == "calibration"]
    models = {r.get("model") for r in found}
    mine = [r for r in found if r.get("model") == (chosen if chosen in models else next(iter(models), None))]
    if mine:
        words = "; ".join(f"said {percent(r['x'])}, seen {percent(r['y'])}" for r in mine)
        note = "On the dashed line, what is said is what happens."
        figures.append(Figure("calibration", "Do the chances come true?", mine, words, note, ("curves",)))
    reached = [r for r in rows if r.get("curve") in ("gains", "gain")]
    reached.sort(key=lambda r: (r.get("model") != "baseline", str(r.get("model")), r.get("bin") or 0))
    if reached:
        best = [r for r in reached if r.get("model") == chosen] or reached
        words = "; ".join(f"the best {percent(r['x'])} hold {percent(r['y'])}" for r in best)
        note = "The dashed line is approaching customers at random."
        figures.append(Figure("gains", "How many are reached?", reached, words, note, ("curves",), {"chosen": chosen}))
    return [Side(figures)] if figures else []


def _task(page: Page, task: str, first: bool) -> Group:
    chosen = page.model(task)
    verdicts = sorted(page.rows("verdicts", task=task), key=lambda v: rank(v.get("metric")))
    mine = [v for v in verdicts if v.get("model") == chosen] or verdicts
    word = str(mine[0].get("verdict") or "") if mine else ""
    said = [Prose(text(v.get("sentence")), _STYLES.get(str(v.get("verdict")), "unclear")) for v in mine]  # type: ignore[arg-type]
    blocks: list[Block] = [*said, *_curves(page, task), *_stability(page, task), *_metrics(page, task)]
    sentence = page.question(task).get("sentence")
    return Group(
        text(sentence) if not blank(sentence) else task,
        blocks,
        note=task if not blank(sentence) else "",
        badge=BADGES.get(word, word),
        tone=TONES.get(word, "unclear"),
        open=first,
    )


def _summary(page: Page, tasks: Sequence[str]) -> list[Block]:
    rows = []
    for task in tasks:
        total = [r for r in page.rows("evaluations", task=task) if blank(r.get("cutoff"))]
        chosen = page.model(task) or next((str(r["model"]) for r in total if r.get("model") != "baseline"), None)
        verdicts = page.rows("verdicts", task=task, model=chosen)
        verdict = min(verdicts, key=lambda v: rank(v.get("metric")), default={})
        judged = {canonical(r.get("metric")): str(r.get("metric")) for r in total}
        metric = judged.get(canonical(verdict.get("metric"))) or _main_metric(total)
        found = {str(r.get("model")): r for r in total if r.get("metric") == metric}
        rows.append({"task": task, "metric": metric, "mine": found.get(str(chosen), {}), "model": chosen,
                     "base": found.get("baseline", {}), "word": str(verdict.get("verdict") or "")})  # fmt: skip

    def show(r: Row, which: str) -> Cell:
        found = r[which]
        return spread(found.get("value"), found.get("lower"), found.get("upper"), FORMATS[measure(r["metric"]).format])

    def badge(r: Row) -> Cell:
        word = r["word"]
        return Cell(SHORT.get(word, word or NOTHING), tone=TONES.get(word, "muted"), badge=bool(word))

    columns = [
        Column("Question", lambda r: Cell(r["task"], text(r["model"]) if r["model"] else "")),
        Column(
            "Judged by", lambda r: Cell(measure(r["metric"]).label, measure(r["metric"]).hint) if r["metric"] else None
        ),
        Column("Baseline", lambda r: show(r, "base"), "score"),
        Column("Ours", lambda r: show(r, "mine"), "score"),
        Column("Against the baseline", badge),
    ]
    return [Grid("In short", columns, rows, ("verdicts", "evaluations"), stack=True)] if rows else []


def _draw(page: Page) -> Sequence[Block]:
    tasks = page.tasks("evaluations", "verdicts", "curves")
    groups = [_task(page, t, first=i == 0) for i, t in enumerate(tasks)]
    return [*_summary(page, tasks), *_forest(page, tasks), *(g for g in groups if g.blocks)]


SECTION = Section(
    "answers",
    "How good the answers are",
    50,
    "Tested on times the models had not seen, beside a baseline: what one would guess without a model.",
    ("evaluations", "verdicts", "curves"),
    _draw,
)
