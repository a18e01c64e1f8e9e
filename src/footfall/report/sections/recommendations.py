"""What to show whom: the lists of a few customers with their reasons, how good lists are, for whom, and from cold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from footfall.report.blocks import Block, Cell, Column, Grid, Group, Points, Prose, Tone, spread
from footfall.report.measures import BADGES, TONES
from footfall.report.numbers import FORMATS, blank, text
from footfall.report.page import Page, Row
from footfall.report.section import Section

_RIGHT = {
    "ndcg@20": "The right things high up (ndcg)",
    "recall@20": "Of what was taken, shown (recall)",
    "precision@20": "Of what is shown, taken (precision)",
    "map@20": "Mean precision (MAP)",
    "mrr@20": "One over the first hit's place (MRR)",
    "hit_rate@20": "Customers with a hit",
    "hit_rate@5": "With a hit in the first 5",
}
_BEYOND = {
    "coverage@20": "Of the catalogue, shown to anyone",
    "diversity@20": "Pairs of unlike categories in a list",
    "novelty@20": "Novelty, in bits",
    "popularity_bias@20": "As popular as what is bought",
}
_SHOWN = {"coverage@20": "percent", "diversity@20": "percent", "novelty@20": "number", "popularity_bias@20": "number"}
_NAMES = {"answer": "the answer (who did best in rehearsal)", "reranked": "the whole (candidates and re-ranker)"}
_NOT_SINGLE = ("answer", "popular", "reranked", "own frequency")
_APART = ("new items", "new products", "visitors who never bought", "customers without any history")
_COLD = {
    "new items": "what the customer had never bought, asked for alone",
    "new products": "of all lists, only what had been on sale for less than a month",
    "visitors who never bought": "people who had looked and not bought",
    "customers without any history": "people of whom only who they are was known",
}


def _sql(customer: str) -> str:
    quoted = customer.replace("'", "''")
    return f"select rank, name, reason from recommendations where customer_id = '{quoted}' and rank <= 5 order by rank"


def _quality(page: Page, task: str) -> list[Block]:
    rows = page.rows("ranking_evaluations", task=task)
    shown: list[Row] = []
    for model in dict.fromkeys(str(r["model"]) for r in rows):
        mine = {str(r["metric"]): r for r in rows if r["model"] == model}
        shown.append({"model": _NAMES.get(model, model.replace("_", " ")), **mine})

    def cell(metric: str, title: str, form: str) -> Column:
        def get(row: Row) -> Cell:
            found = row.get(metric)
            return Cell("–") if found is None else spread(found["value"], found["lower"], found["upper"], FORMATS[form])

        return Column(title, get, "number")

    def grid(caption: str, wanted: dict[str, str], note: str) -> list[Block]:
        have = [m for m in wanted if any(r["metric"] == m for r in rows)]
        if not have:
            return []
        columns = [Column("Lists made by", "model"), *(cell(m, wanted[m], _SHOWN.get(m, "percent")) for m in have)]
        return [Grid(caption, columns, shown, ("ranking_evaluations",), note, 18)]

    right = "On later dates, over the whole catalogue, 20 places; small print is the 95% interval over customers."
    beyond = (
        "Novelty: 10 bits is what one in a thousand has bought. Popularity: 1 is as popular as what people buy, 3 "
        "three times so; lists that only repeat what sells are dull and cover little."
    )
    return [*grid("How good the lists are", _RIGHT, right), *grid("What the lists are like", _BEYOND, beyond)]


def _gap(row: Row, name: str) -> Cell:
    """A difference with its interval, green or red where the interval says so."""
    value, lower, upper = (row.get(f"{name}{end}") for end in ("", "_lower", "_upper"))
    if lower is None or upper is None or blank(value) or blank(lower) or blank(upper):
        return Cell("–")
    tone: Tone = "good" if float(lower) > 0 else "bad" if float(upper) < 0 else "unclear"
    show = FORMATS["signed_percent"]
    return Cell(show(value), f"{show(lower)} to {show(upper)}", tone)


def _parts(page: Page, task: str) -> list[Block]:
    """For whom the answer is good, beside what is popular and own frequency."""
    found = [r for r in page.rows("ranking_parts", task=task) if r["metric"] == "ndcg@20" and r["model"] == "answer"]
    if not found:
        return []
    columns = [
        Column("Customers", "level"), Column("With something to find", "rows", "count"),
        Column("ndcg", lambda r: spread(r["value"], r["lower"], r["upper"], FORMATS["percent"]), "number"),
        Column("Less own frequency", lambda r: _gap(r, "difference"), "number"),
        Column("Less popular", lambda r: _gap(r, "less_popular"), "number"),
    ]  # fmt: skip
    segments = sorted((r for r in found if r["level"] not in _APART), key=lambda r: _in_order(str(r["level"])))
    note = (
        "The answer's ndcg at 20 in each part, and how it differs from what each customer took most often and from "
        "what is popular. Of twenty such intervals one misses by chance; parts of fewer than 30 customers are left out."
    )
    if not segments:
        return []
    return [Grid("For whom", columns, segments, ("ranking_parts",), note, 40, stack=True)]


def _in_order(level: str) -> tuple[str, int, str]:
    """`bought on 10 days` after `bought on 2 days`."""
    first = re.search(r"\d+", level)
    return level[: first.start()] if first else level, int(first[0]) if first else 0, level


def _apart(page: Page, task: str) -> list[Block]:
    """New items, cold customers and new products, each list maker by the side of the answer."""
    rows = [r for r in page.rows("ranking_parts", task=task) if r["metric"] == "recall@20" and r["level"] in _APART]
    shown: list[Row] = []
    for level in _APART:
        mine = [r for r in rows if r["level"] == level]
        answer = next((r for r in mine if r["model"] == "answer"), None)
        if answer is None:
            continue
        popular = next((r for r in mine if r["model"] == "popular"), {})
        best = max((r for r in mine if r["model"] not in _NOT_SINGLE), key=_value, default={})
        # Where there is no own frequency to differ from, the difference is to what is popular.
        gap = answer if not blank(answer.get("less_popular")) else None
        name = "less_popular" if gap else "difference"
        shown.append({**answer, "what": f"{level}: {_COLD[level]}", "popular": popular.get("value"), "name": name,
                      "best": best.get("value"), "by": best.get("model")})  # fmt: skip
    if not shown:
        return []
    percent = FORMATS["percent"]
    columns = [
        Column("Apart", "what"), Column("Customers", "rows", "count"),
        Column("Found in the first 20", lambda r: spread(r["value"], r["lower"], r["upper"], percent), "number"),
        Column("By what is popular", "popular", "percent"),
        Column("The difference", lambda r: _gap(r, r["name"]), "number"),
        Column("Best single list", lambda r: Cell(percent(r["best"]), text(r["by"])), "number"),
    ]  # fmt: skip
    note = "Share of what was then taken that stands among the first 20 places (recall)."
    return [Grid("Something new, and cold starts", columns, shown, ("ranking_parts",), note, 10, stack=True)]


def _value(row: Row) -> float:
    return -1.0 if blank(row.get("value")) else float(row["value"])


def _lists(page: Page, task: str) -> list[Block]:
    columns = [
        Column("Customer", "customer_id"), Column("Place", "rank", "count"), Column("What", "what"),
        Column("Why", "reason"),
    ]  # fmt: skip
    rows = page.rows("recommended", task=task)
    note = "The customers who ordered most."
    if rows:
        note += f' In the shop: footfall sql "{_sql(str(rows[0]["customer_id"]))}"'
    return [Grid("The first five, for example", columns, rows, ("recommended",), note, 20, stack=True)]


def _together(page: Page) -> list[Block]:
    rows = page.rows("pairs_together")
    if not rows:
        return []
    columns = [
        Column("Who buys", "name"), Column("buys with it", "other_name"), Column("Baskets", "baskets", "count"),
        Column("Of all baskets", "support", "percent"), Column("Of those with the first", "confidence", "percent"),
        Column("Times as often as by chance", lambda r: spread(r["lift"], r["lower"], r["upper"], FORMATS["number"])),
    ]  # fmt: skip
    note = (
        "The surest pairs, by the lower end of the lift's 95% interval; a basket is what a customer buys on one day. "
        "Pairs are many, so that some stand out by chance."
    )
    return [Group("bought together", [Grid("Pairs", columns, rows, ("pairs_together",), note, 10, stack=True)])]


_MEANS = Points(
    "How to read the figures",
    [
        ("Own frequency", "what each customer took most often, filled up with what is popular: hard to beat."),
        ("Popular", "the same list for everyone."),
        ("ndcg", "100% would be a list with all that was then taken at its top, best places counting most."),
        ("Later dates", "every list was made with what was known before its date, and compared with what followed."),
    ],
)


def _who_answers(question: Row) -> str:
    """Whether the whole won, in words."""
    model, caution = text(question.get("model")), question.get("caution")
    if not blank(caution):
        return f"{model} answers: {text(caution)}."
    if model == "reranked":
        return "The whole answers: in the rehearsal, at the newest dates it learnt from, no single list did better."
    return f"The whole does not answer: in the rehearsal '{model}' did better than it, and makes the lists."


def _draw(page: Page) -> Sequence[Block]:
    blocks: list[Block] = []
    for i, task in enumerate(page.tasks("recommended")):
        told = next((r for r in page.rows("ranking_verdicts", task=task) if not blank(r.get("verdict"))), {})
        quality = _quality(page, task)
        inner = [*_lists(page, task), *quality, *_parts(page, task), *_apart(page, task)]
        inner.append(Prose(_who_answers(page.question(task)), "note"))
        if told:
            inner.append(Prose(text(told["sentence"]), "note"))
        if quality and i == 0:
            inner.append(_MEANS)
        badge = BADGES.get(str(told.get("verdict")), "")
        tone = TONES.get(str(told.get("verdict")), "plain")
        sentence = page.question(task).get("sentence")
        blocks.append(Group(task, inner, "" if blank(sentence) else text(sentence), badge, tone, open=i == 0))
    return [*blocks, *_together(page)]


SECTION = Section(
    "recommendations",
    "What to show whom",
    69,
    "Each customer's own list, with the reason for each place.",
    ("recommended",),
    _draw,
)
