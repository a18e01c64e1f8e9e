"""Which models are tried, by the time there is.

What a model takes is declared in its file, as a function of the panel's size (`seconds`): so many seconds for a fit and
for a forecast on two cores, as measured. Nothing is timed while it runs, so that the same panel always gets the same
models. The costliest goes first, until the rest fits; the baselines always stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footfall.errors import UsageError
from footfall.forecast.choose import BASELINE, default_models
from footfall.models.panel import Panel, find_path_model

ALWAYS = (BASELINE, "moving_average")
SECONDS = 300.0
"""The time there is where none is named."""
UNKNOWN = 2e-8
"""Seconds per value of a model that declares nothing."""


@dataclass(frozen=True)
class Within:
    """`names` of the models that fit, sorted; `seconds` that each would take, those left out too; `words`, empty where
    none is left out."""

    names: tuple[str, ...]
    seconds: dict[str, float]
    words: str


def models_within(
    panel: Panel, seconds: float = SECONDS, rehearsals: int = 4, names: Sequence[str] | None = None
) -> Within:
    """The models that can rehearse, fit and forecast `panel` together within `seconds` on two cores.

    `names`: which are thought of; None: all that can run here. Raises UsageError for a time that is none.
    """
    if not seconds > 0:
        raise UsageError(f"the time to forecast in is a number of seconds above 0, not {seconds!r}")
    thought = sorted(names if names is not None else default_models())
    cost = {name: cost_of(name, panel, rehearsals) for name in thought}
    kept = sorted(thought, key=lambda m: (m not in ALWAYS, cost[m], m))
    while len(kept) > 1 and kept[-1] not in ALWAYS and sum(cost[m] for m in kept) > seconds:
        kept.pop()
    out = [m for m in thought if m not in kept]
    return Within(tuple(sorted(kept)), cost, _words(panel, kept, out, cost, seconds) if out else "")


def cost_of(name: str, panel: Panel, rehearsals: int = 4) -> float:
    """Seconds to rehearse, fit and forecast: a model that learns is fitted for the rehearsals and once more."""
    model = find_path_model(name)
    declared = getattr(model, "seconds", None)
    fit, forecast = declared(panel) if declared is not None else (0.0, UNKNOWN * panel.values.size)
    return float(fit * (1 + (rehearsals > 0)) + forecast * (1 + rehearsals))


def _words(panel: Panel, kept: list[str], out: list[str], cost: dict[str, float], seconds: float) -> str:
    size = f"{len(panel):,} series of {panel.periods:,} periods"
    left = ", ".join(f"{m} (about {_time(cost[m])})" for m in out)
    whole = _time(sum(cost[m] for m in kept))
    verb = "do" if len(out) > 1 else "does"
    return (
        f"{size}: {left} {verb} not fit into {_time(seconds)}; tried are {', '.join(sorted(kept))} (about {whole}); "
        "name the models, or allow more time, for others"
    )


def _time(seconds: float) -> str:
    if seconds < 90:
        told = max(1, round(seconds))
        return f"{told} second{'s' * (told > 1)}"
    if seconds < 5400:
        return f"{round(seconds / 60)} minutes"
    return f"{seconds / 3600:.0f} hours" if seconds >= 9000 else f"{seconds / 3600:.1f} hours"
