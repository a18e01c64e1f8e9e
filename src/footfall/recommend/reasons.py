"""Why a product is shown, in words, from what the re-ranker really used.

The features are gathered into themes (own purchases, looked at, bought together, popular, people alike, content). A
row's reason is the theme whose TreeSHAP contributions to its score sum highest, said with the row's own figures. Where
rows are too many for TreeSHAP (`EXACT` of them), or a single generator answers, it is the generator that proposed the
product at the best place.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from footfall.models.ranking import AGAINST, Floats, Ints
from footfall.recommend.read import History
from footfall.recommend.rerank import Moment, Reranker

EXACT = 20_000
"""Rows up to which reasons are read from TreeSHAP."""
THEMES = ("own", "looked", "together", "content", "people", "rising", "popular")
_GENERATORS = {
    "own": "own", "due": "own", "together": "together", "after_looking": "together", "ease": "together",
    "ease_lately": "together", "als": "together", "content": "content", "arrivals": "content", "text": "content",
    "neighbours": "people", "popular": "popular", "rising": "rising",
}  # fmt: skip


def generator_theme(label: str) -> str:
    """The theme that a generator speaks for."""
    return _GENERATORS.get(label, "popular")


def theme_of(feature: str, kinds: tuple[str, ...] = ()) -> str:
    """The theme a feature belongs to; "" for what says the same of every product (the customer's own features)."""
    stem = feature.removesuffix(" score").removesuffix(" place")
    if stem != feature:
        return generator_theme(stem)
    if feature.startswith("customer "):
        return ""
    if feature.startswith(("bought ", "usual ", "elapsed ")) or feature == "due":
        return "own"
    if any(feature.startswith(f"{kind} ") for kind in kinds):
        return "looked"
    if feature.startswith("product trend"):
        return "rising"
    if feature.startswith("product "):
        return "popular"
    return "content"


def reasons(
    moment: Moment,
    history: History,
    reranker: Reranker,
    rows: tuple[Ints, Ints],
    values: Mapping[str, Floats],
    way: str,
) -> list[str]:
    """One sentence per row (customer, product), without a full stop; `values` are the rows' features.

    `way`: whose booster made the order; "" where none did or rows are too many: then the generators of
    `moment.specs` are the ones that speak.
    """
    customers, items = rows
    themes = _themes(moment, reranker, values, way, len(items))
    said = []
    for i, (customer, item) in enumerate(zip(customers, items, strict=True)):
        words = ""
        for theme in np.argsort(-themes[i], kind="stable"):
            if np.isneginf(themes[i, theme]):
                break
            words = _say(THEMES[theme], i, moment, history, (int(customer), int(item)), values)
            if words:
                break
        said.append(words or "what customers buy now")
    return said


def _themes(moment: Moment, reranker: Reranker, values: Mapping[str, Floats], way: str, n: int) -> Floats:
    """(rows, themes) how much each speaks for the row; -inf where it does not."""
    kinds = moment.interactions.kinds
    out = np.full((n, len(THEMES)), -np.inf)
    if way in reranker.boosters:
        pull = reranker.contributions(values, way)
        for j, theme in enumerate(THEMES):
            columns = [i for i, f in enumerate(reranker.features) if theme_of(f, kinds) == theme]
            if columns:
                out[:, j] = pull[:, columns].sum(axis=1)
        return np.where(out > 0, out, -np.inf)
    for spec in moment.specs:
        j = THEMES.index(generator_theme(spec.label))
        place = values[f"{spec.label} place"]
        out[:, j] = np.fmax(out[:, j], np.where(np.isnan(place), -np.inf, 1.0 / (1.0 + place)))
    return out


def _say(
    theme: str, i: int, moment: Moment, history: History, pair: tuple[int, int], values: Mapping[str, Floats]
) -> str:
    """The sentence of a theme; empty where the row has no figures to say it with."""
    customer, item = pair
    if theme == "own":
        return _own(i, values)
    if theme == "looked":
        return _looked(i, moment, values)
    if theme == "together":
        for label in [s.label for s in moment.specs if s.name in ("covisit", "ease")]:
            because = moment.generators[label].because(customer, item)
            if because:
                names = [str(history.names[b]) for b in because]
                verb = "looked at" if label == "after_looking" else "bought"
                return f"since you {verb} " + " and ".join(names)
        alike = any(s.name == "implicit" for s in moment.specs)
        return "customers with a history like yours buy it" if alike else ""
    if theme == "content":
        category = str(history.category[item]).split(".")[-1]
        share = values.get("category share")
        if category and share is not None and share[i] > 0:
            return f"{share[i]:.0%} of what you buy is {category}"
        for label in [s.label for s in moment.specs if s.name == "text"]:
            because = moment.generators[label].because(customer, item, 1)
            if because:
                return f"much like {history.names[because[0]]}"
        apart = values.get("price against usual")
        return "close in price to what you usually buy" if apart is not None and abs(apart[i]) <= 1 else ""
    if theme == "people":
        return person_words(customer, moment, history)
    if theme == "rising":
        return "bought more and more lately"
    share = values.get("product occasions 30")
    return f"{share[i]:.1%} of customers bought it in the last 30 days" if share is not None and share[i] > 0 else ""


def _own(i: int, values: Mapping[str, Floats]) -> str:
    times = values["bought times"][i]
    if times < 1:
        return ""
    if times >= 2:
        return kept_up(values["usual gap"][i], values["bought last"][i])
    return f"you bought this once, last {ago(values['bought last'][i])}"


def _looked(i: int, moment: Moment, values: Mapping[str, Floats]) -> str:
    kinds = [k for k in moment.interactions.kinds if f"{k} last" in values and k not in AGAINST]
    found = [(values[f"{k} last"][i], k) for k in kinds]
    found = [(age, kind) for age, kind in found if np.isfinite(age)]
    if not found:
        return ""
    age, kind = min(found)
    verb = {"view": "looked at it", "click": "clicked it", "add_to_cart": "put it in your basket",
            "favourite": "marked it as a favourite", "rating": "rated it",
            "bought": "bought it"}.get(kind, f"did '{kind}' with it")  # fmt: skip
    return f"you {verb} {ago(age)}"


def person_words(customer: int, moment: Moment, history: History) -> str:
    """Who the customer is, as far as the shop knows it."""
    told = []
    for name, codes in moment.interactions.people.items():
        if codes[customer] >= 0:
            told.append(f"{name.replace('_', ' ')} {history.values[name][codes[customer]]}")
    return f"people like you ({', '.join(told[:3])}) buy it" if told else ""


def kept_up(gap: float, last: float) -> str:
    """Of what a customer buys again and again."""
    return f"you buy this about every {_span(gap)}; last {ago(last)}"


def ago(days: float) -> str:
    """So many days before the cutoff."""
    whole = int(days)
    return "today" if whole == 0 else "yesterday" if whole == 1 else f"{whole} days ago"


def _span(days: float) -> str:
    if days < 13.5:
        return f"{max(1, round(days))} days"
    return f"{round(days / 7)} weeks" if days < 70 else f"{round(days / 30.44)} months"
