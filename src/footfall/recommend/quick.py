"""Reasons for very many rows at once: the generator that proposed a product at the best place speaks.

The words are those of `reasons`. Each is put together once for all rows that it is true of, so that twenty million
rows take minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.models.ranking import Floats, Ints, looked_up
from footfall.recommend.read import History
from footfall.recommend.reasons import THEMES, ago, generator_theme, kept_up, person_words
from footfall.recommend.rerank import Moment

Words = NDArray[Any]
NOTHING = "what customers buy now"


def quick_reasons(moment: Moment, history: History, rows: tuple[Ints, Ints], values: Mapping[str, Floats]) -> list[str]:
    """One sentence per row (customer, product), by the generators of `moment.specs`; `values`: the rows' features."""
    customers, items = rows
    pull = np.full((len(items), len(THEMES)), -np.inf)
    for spec in moment.specs:
        place, j = values[f"{spec.label} place"], THEMES.index(generator_theme(spec.label))
        pull[:, j] = np.fmax(pull[:, j], np.where(np.isnan(place), -np.inf, 1.0 / (1.0 + place)))
    says: dict[str, Callable[[Ints], Words]] = {
        "own": lambda at: _own(values, at),
        "together": lambda at: _because(moment, history, customers[at], items[at], "together"),
        "content": lambda at: _content(moment, history, (customers[at], items[at]), values, at),
        "people": lambda at: _people(moment, history, customers[at]),
        "rising": lambda at: np.full(len(at), "bought more and more lately", dtype=object),
        "popular": lambda at: _popular(values, at),
    }
    words = np.full(len(items), "", dtype=object)
    order = np.argsort(-pull, axis=1, kind="stable")
    for step in range(len(THEMES)):
        left = np.flatnonzero(words == "")
        theme = order[left, step]
        said = np.isfinite(pull[left, theme])
        for j in np.unique(theme[said]):
            at = left[said & (theme == j)]
            if THEMES[j] in says:
                words[at] = says[THEMES[j]](at)
    words[words == ""] = NOTHING
    return [str(w) for w in words]


def _each(codes: Ints, say: Callable[[int], str]) -> Words:
    """What `say` says of each code, said once per code."""
    found, inverse = np.unique(codes, return_inverse=True)
    return np.asarray([say(int(c)) for c in found] or [""], dtype=object)[inverse if len(found) else []]


def _own(values: Mapping[str, Floats], at: Ints) -> Words:
    """By how often, how long the usual gap, and when last."""
    times = np.minimum(np.nan_to_num(values["bought times"][at]), 2).astype(np.int64)
    gap = np.clip(np.nan_to_num(np.round(values["usual gap"][at])), 0, 9_999).astype(np.int64)
    last = np.clip(np.nan_to_num(values["bought last"][at]), 0, 99_999).astype(np.int64)
    codes = (times * 10_000 + np.where(times > 1, gap, 0)) * 100_000 + last

    def say(code: int) -> str:
        left, days = divmod(code, 100_000)
        often, usual = divmod(left, 10_000)
        if often == 0:
            return ""
        return kept_up(float(usual), float(days)) if often > 1 else f"you bought this once, last {ago(float(days))}"

    return _each(codes, say)


def _because(moment: Moment, history: History, customers: Ints, items: Ints, theme: str) -> Words:
    """By the one product of the customer's history that leads to the product most."""
    words = np.full(len(items), "", dtype=object)
    for spec in moment.specs:
        generator: Any = moment.generators[spec.label]
        if generator_theme(spec.label) != theme or "links" not in getattr(generator, "arrays", {}):
            continue
        left = np.flatnonzero(words == "")
        mine = generator.arrays["history"][customers[left]]
        pair = np.repeat(np.arange(len(left)), np.diff(mine.indptr))
        link = looked_up(generator.arrays["links"], mine.indices, items[left][pair])
        strength = np.where(np.isfinite(link), link * mine.data, 0.0)
        order = np.lexsort((mine.indices, -strength, pair))
        first = order[np.append(True, np.diff(pair[order]) > 0)] if len(order) else order
        first = first[strength[first] > 0]
        begins = "since you looked at" if spec.label == "after_looking" else "since you bought"
        begins = "much like" if theme == "content" else begins
        names = _each(mine.indices[first].astype(np.int64), lambda i: str(history.names[i]))
        words[left[pair[first]]] = [f"{begins} {name}" for name in names]
    if theme == "together" and any(s.name == "implicit" for s in moment.specs):
        words[words == ""] = "customers with a history like yours buy it"
    return words


def _content(
    moment: Moment, history: History, rows: tuple[Ints, Ints], values: Mapping[str, Floats], at: Ints
) -> Words:
    """By the share of the category in what the customer buys."""
    customers, items = rows
    words = np.full(len(at), "", dtype=object)
    if "category share" in values and "category" in moment.interactions.items:
        share = np.round(100 * np.nan_to_num(values["category share"][at])).astype(np.int64)
        code = moment.interactions.items["category"][items]
        names = history.values["category"]
        told = np.flatnonzero((share > 0) & (code >= 0))
        words[told] = _each(
            code[told] * 1000 + np.minimum(share[told], 100),
            lambda c: f"{c % 1000}% of what you buy is {names[c // 1000].split('.')[-1]}",
        )
    left = np.flatnonzero(words == "")
    if len(left):
        words[left] = _because(moment, history, customers[left], items[left], "content")
    if "price against usual" in values:
        near = np.abs(values["price against usual"][at]) <= 1
        words[(words == "") & near] = "close in price to what you usually buy"
    return words


def _people(moment: Moment, history: History, customers: Ints) -> Words:
    found, inverse = np.unique(customers, return_inverse=True)
    said = np.asarray([person_words(int(c), moment, history) for c in found] or [""], dtype=object)
    return said[inverse]


def _popular(values: Mapping[str, Floats], at: Ints) -> Words:
    share = values.get("product occasions 30")
    if share is None:
        return np.full(len(at), "", dtype=object)
    tenths = np.round(1000 * np.nan_to_num(share[at])).astype(np.int64)
    return _each(tenths, lambda t: f"{t / 10:.1f}% of customers bought it in the last 30 days" if t else "")
