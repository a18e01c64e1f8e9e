"""The card of a saved model: what it answers, what it learnt from, how good it was, and what it cannot do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

Card = Mapping[str, Any]
_LONG = 8
"""Features named on a card as text; the card as JSON names all."""


def limits(card: Card) -> list[str]:
    """What the model cannot do, in words; from the card's own parts."""
    said = ["Its answers hold while the shop stays as it was: after a new range, price list or season, test again."]
    trained = card.get("trained") or {}
    if trained:
        said.append(
            f"It knows nothing from {_day(trained['at'])} on, and nothing of customers whom the question is not about."
        )
        if float(trained.get("sampled") or 1.0) < 1:
            said.append(f"It learnt from a sample: {float(trained['sampled']):.0%} of those the question asks about.")
        if "held out" in str(trained.get("calibrated_on")):
            said.append("Its history was too short to rehearse in: it is calibrated within the rows it learnt from.")
    elif card.get("at"):
        said.append(f"It knows nothing from {_day(card['at'])} on.")
    if not card.get("metrics") and not card.get("losses") and not card.get("rehearsed"):
        said.append("It was never tested on later data: run a backtest before acting on it.")
    if card.get("kind") in ("chance", "amount"):
        said.append("It says who is likely, not who can be changed: whether an offer moves anyone takes a trial.")
    said += [str(card["caution"])] if card.get("caution") else []
    said += [str(n) for n in card.get("notes") or []]
    return list(dict.fromkeys(said))


def span_of(card: Card) -> tuple[str, str]:
    """The first and the last day of the instants that it learnt at; of models without, twice the day before which."""
    cutoffs = sorted(str(c) for c in card.get("cutoffs") or [])
    at = str((card.get("trained") or {}).get("at") or card.get("at") or "")
    return (_day(cutoffs[0]), _day(cutoffs[-1])) if cutoffs else (_day(at), _day(at))


def told(card: Card) -> str:
    """The card as text (Markdown)."""
    trained = card.get("trained") or {}
    first, last = span_of(card)
    lines = [f"# {card['task']}: {card['model']}", "", str(card.get("sentence", "")), ""]
    if trained:
        lines += [
            f"- Learnt before {_day(trained['at'])}, from {trained['rows']:,} rows of {trained['customers']:,} "
            f"customers at {len(card['cutoffs'])} instants from {first} to {last}; {trained['positives']:,} cases.",
            f"- Usual answer: {trained['base_rate']:.4g}. Calibrated on {trained['calibrated_on']}.",
        ]
    else:
        lines.append(f"- Learnt before {last}.")
    features = list(card.get("features") or [])
    if features:
        more = f" and {len(features) - _LONG} more" if len(features) > _LONG else ""
        lines.append(f"- Features ({len(features)}): {', '.join(features[:_LONG])}{more}.")
    lines += _selected(trained)
    for name, title in (("metrics", "On later data"), ("losses", "In rehearsals"), ("rehearsed", "In rehearsals")):
        if card.get(name):
            lines.append(f"- {title}: {_numbers(card[name])}.")
    if card.get("half_lives"):
        lines.append(f"- Half-lives tried (days), and the share each found: {_numbers(card['half_lives'])}.")
    if card.get("declared"):  # rules of a list, as the merchant wrote them
        lines.append(f"- Declared beside it: {json.dumps(card['declared'], ensure_ascii=False)}.")
    for part, rules in (card.get("rules") or {}).items():
        title = {"chance": "Segments", "amount": "Segments by amount"}[part]
        lines += ["", f"## {title}", "", *(f"- {rule}" for rule in rules)]
    lines += ["", "## Limits", "", *(f"- {one}" for one in limits(card))]
    versions = ", ".join(f"{k} {v}" for k, v in (card.get("versions") or {}).items())
    return "\n".join([*lines, "", "## Versions", "", versions or "not stated", ""])


def _selected(trained: Card) -> list[str]:
    """Which features were kept, and how sure that was; of a model that reads all of them nothing."""
    rows = list(trained.get("selection") or [])
    kept = [r for r in rows if r["kept"]]
    named = ", ".join(
        f"{r['feature']} ({r['importance']:.2g}, 95%: {r['lower']:.2g} to {r['upper']:.2g})" for r in kept[:_LONG]
    )
    more = f" and {len(kept) - _LONG} more" if len(kept) > _LONG else ""
    said = f"- Kept {len(kept)} of {len(rows)} features, by what the loss rose when each was shuffled: {named}{more}."
    return [said] if rows else []


def _numbers(found: Mapping[str, Any]) -> str:
    parts = []
    for name, value in found.items():
        if isinstance(value, Mapping):
            parts.append(f"{name} ({_numbers(value)})")
        else:
            parts.append(f"{name.replace('_', ' ')} {value:.4g}" if isinstance(value, float) else f"{name} {value}")
    return ", ".join(parts)


def _day(text: Any) -> str:
    try:
        return f"{datetime.fromisoformat(str(text)):%Y-%m-%d}"
    except ValueError:
        return str(text)
