"""What drives the answers: in aggregate, over single customers, and the way to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from footfall.report.blocks import Block, Figure, Group, Prose, Side
from footfall.report.numbers import blank, count, percent, text
from footfall.report.page import Page, Row
from footfall.report.section import Section
from footfall.report.told import whole

_SHOWN, _SWARM, _DEPEND = 8, 6, 1
_AGGREGATE = (
    "A bar says how much a trait moves the answer, its colour what a higher value does to it. "
    "This is what goes together, not what causes what."
)
_READ = (
    "Each point is a customer. To the right of the dashed line the trait raises the answer, to the left it lowers it; "
    "the colour says whether its value is among the low, the middle or the high ones."
)


def _effect(row: Row) -> str:
    way: Any = row.get("direction")
    if blank(way) or abs(float(way)) < 0.1:
        return "depends"
    return "raises it" if float(way) > 0 else "lowers it"


def _mine(page: Page, table: str, task: str) -> list[Row]:
    """The rows of the model that answers the task."""
    rows = page.rows(table, task=task)
    models = {r.get("model") for r in rows}
    chosen = page.model(task)
    return [r for r in rows if len(models) == 1 or chosen not in models or r.get("model") == chosen]


def _title(page: Page, task: str) -> str:
    sentence = page.question(task).get("sentence")
    return task if blank(sentence) else text(sentence)


def _bars(page: Page, task: str) -> Figure:
    ranked = sorted(_mine(page, "importances", task), key=lambda r: (r.get("rank") is None, r.get("rank") or 0))
    mine = [r for r in ranked if float(r.get("importance") or 0) > 0][:_SHOWN] or ranked[:1]
    shown = [{**r, "label": text(r.get("label") or r.get("feature")), "effect": _effect(r)} for r in mine]
    words = "; ".join(f"{r['label']}: more of it {r['effect']}" for r in shown)
    options = {"title": "How much it moves the answer"}
    return Figure("drivers", _title(page, task), shown, words, "", ("importances",), options)


def _ordered(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Rows by feature, the feature that moves answers most first."""
    by: dict[str, list[Row]] = {}
    for r in rows:
        by.setdefault(str(r["feature"]), []).append(r)
    size = {f: sum(abs(float(r["contribution"])) for r in of) for f, of in by.items()}
    return {f: by[f] for f in sorted(by, key=lambda f: (-size[f], f))}


def contribution_figures(rows: Sequence[Row], kind: str, depend: int = _DEPEND) -> list[Block]:
    """The summary of a sample's contributions, and the dependence on its strongest features."""
    by = _ordered(rows)
    if not by:
        return []
    first = next(iter(by.values()))
    scale = "what it adds to the log-odds" if kind == "chance" else "what it adds to the log of the amount"
    swarm = [{**r, "label": text(r.get("label") or r["feature"])} for f in list(by)[:_SWARM] for r in by[f]]
    words = "; ".join(text(of[0].get("label") or f) for f, of in list(by.items())[:_SWARM])
    figures: list[Block] = [
        Figure("beeswarm", "What each trait adds, customer by customer", swarm, words, "", ("contributions",),
               {"title": scale})
    ]  # fmt: skip
    for _, of in list(by.items())[:depend]:
        label = text(of[0].get("label") or of[0]["feature"])
        told = [r for r in of if not blank(r.get("value")) or not blank(r.get("text"))]
        if len(told) > 2:
            figures.append(
                Figure("dependence", label, told, f"{count(len(told))} customers", "", ("contributions",),
                       {"title": scale, "of": label})
            )  # fmt: skip
    return [*figures, Prose(f"{_READ} {_sampling(first)}", "note")]


def _sampling(of: Sequence[Row]) -> str:
    share = of[0].get("sampled")
    whole = blank(share) or float(share or 1) >= 0.9999
    rest = "." if whole else f" of a sample ({percent(share)} of all asked about)."
    said = f"Drawn: {count(len(of))} customers{rest}"
    errors = sorted(float(r["error"]) for r in of if not blank(r.get("error")))
    if errors:
        middle = errors[len(errors) // 2]
        said += f" The parts themselves are drawn by lot too: each holds to ± {middle:.2g} (95%)."
    return said


def way_figure(rows: Sequence[Row], kind: str, title: str) -> Figure:
    """The way from the usual answer to that of one customer."""
    words = "; ".join(text(r["label"]) for r in rows)
    note = (
        "Read from the top: the model's usual answer, then what each trait of the customer does to it (the dashed line "
        "is the usual answer; × 2 doubles the " + ("odds" if kind == "chance" else "amount") + "), down to the answer."
    )
    unit = "chance" if kind == "chance" else "amount"
    options = {"title": unit.capitalize(), "unit": unit}
    return Figure("way", title, rows, words, note, ("explained",), options)


def _single(page: Page, task: str) -> Group | None:
    kind = str(page.question(task).get("kind") or "chance")
    swarm = contribution_figures(whole(_mine(page, "contributions", task), "feature", "contribution"), kind)
    blocks: list[Block] = []
    if swarm:
        *figures, note = swarm
        blocks = [Side(figures), note]
    told = _mine(page, "explained", task)
    steps = sorted(whole(told, "step", "begins", "ends", "base", "kind"), key=lambda r: r["step"])
    if steps:
        blocks.append(way_figure(steps, kind, f"The highest answer, of {text(steps[0]['customer_id'])}, step by step"))
    return Group(_title(page, task), blocks, note=task) if blocks else None


def _draw(page: Page) -> Sequence[Block]:
    figures: list[Block] = [_bars(page, task) for task in page.tasks("importances")]
    if not figures:
        return []
    groups = [g for task in page.tasks("contributions", "explained") if (g := _single(page, task))]
    return [Side(figures), Prose(_AGGREGATE, "note"), *groups]


SECTION = Section(
    "drivers",
    "What drives them",
    60,
    "The traits of a customer that move the answers most.",
    ("importances", "contributions", "explained"),
    _draw,
)
