"""Which models answer, settled by rehearsals before the cutoff, and the guard that seasonal naive keeps.

A rehearsal asks every model at earlier origins what came next. Models that learn are fitted at the first of these
origins and asked again at the later ones, fitted anew only where the history has grown by more than a tenth since: no
fit has seen what it is rehearsed on, and none is judged by a past much shorter than the one it will have. A candidate
is a set of models, its answer their median. Each group of series takes the candidate with the least error over the
rehearsals (see `error`), where the group's own record counts by how much of it there is and the record of all series
makes up the rest; whether groups are chosen for apart or all together is settled by holding out each origin in turn.
Where that candidate does not beat seasonal naive on the group's own rehearsals, seasonal naive
answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError, UsageError
from footfall.models.panel import Floats, Panel, find_path_model, path_model_names

BASELINE = "seasonal_naive"
SHARED = 400.0
"""How many rehearsed values of its own a group's record must hold to count as much as the record of all series."""
LARGEST = 3
"""Models in a candidate, at most."""
CLEAR = 2.0
"""Standard errors by which choosing group by group must miss less than one choice for all."""
GROWN = 1.1
"""A model is fitted anew where there is so many times the history that it learnt from."""


@dataclass(frozen=True)
class Rehearsal:
    """Origins (periods known at each, in order), what came (origins, n, h), and what each model said, shaped alike."""

    origins: tuple[int, ...]
    actual: Floats
    told: Mapping[str, Floats]


@dataclass(frozen=True)
class Choice:
    """`members[g]` are the models whose median answers series of group `g`; `guarded` the groups where seasonal naive
    answers since nothing beat it; `losses[g]` candidate -> error over that of seasonal naive."""

    group: NDArray[np.int64]
    members: tuple[tuple[str, ...], ...]
    guarded: tuple[int, ...] = ()
    losses: tuple[Mapping[str, float], ...] = field(default=(), repr=False)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that some group needs."""
        return tuple(sorted({m for group in self.members for m in group}))

    def combined(self, told: Mapping[str, Floats]) -> Floats:
        """The chosen answer from the models' own, each (..., n, h)."""
        out = np.full(told[self.models[0]].shape, np.nan)
        for code, models in enumerate(self.members):
            rows = np.flatnonzero(self.group == code)
            out[..., rows, :] = np.median(np.stack([told[m][..., rows, :] for m in models]), axis=0)
        return out


def rehearsal_origins(panel: Panel, count: int = 4) -> tuple[int, ...]:
    """Up to `count` origins a horizon apart, the last one a horizon before the panel's end, with history behind them.

    With a season, a whole one lies before each where the panel is long enough for that. None in a panel too short.
    """
    season = panel.seasons[0] if panel.seasons else 1
    least = max(2, season + panel.horizon)
    found = [panel.periods - panel.horizon * k for k in range(count, 0, -1)]
    kept = [o for o in found if o >= least] or [o for o in found if o >= 2]
    return tuple(kept)


def fitted_at(origins: Sequence[int]) -> tuple[int, ...]:
    """For each origin, in order, the one at which the model asked there is fitted: itself or an earlier one."""
    out: list[int] = []
    for origin in origins:
        out.append(origin if not out or origin > GROWN * out[-1] else out[-1])
    return tuple(out)


def rehearse(
    panel: Panel,
    origins: Sequence[int],
    models: Sequence[str],
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
) -> Rehearsal:
    """Ask each model at each origin. A series that had not begun then is NaN there.

    `settings`: model -> its settings. Raises FootfallError where no origin has a series with history.
    """
    if not origins:
        raise FootfallError("the history is too short to rehearse a forecast; at least three horizons are wanted")
    n, ahead = len(panel), panel.horizon
    actual = np.full((len(origins), n, ahead), np.nan)
    told = {m: np.full_like(actual, np.nan) for m in models}
    for name in models:
        model = None
        for i, (origin, fit) in enumerate(zip(origins, fitted_at(origins), strict=True)):
            rows = np.flatnonzero(panel.begun(origin))
            if not len(rows):
                continue
            past = panel.only(rows).until(origin)
            if model is None or fit == origin:
                model = find_path_model(name)(seed, **(settings or {}).get(name, {})).fit(past)
            told[name][i, rows] = model.forecast(past)
            actual[i, rows] = panel.values[rows, origin : origin + ahead]
    return Rehearsal(tuple(origins), actual, told)


def candidates(models: Sequence[str]) -> list[tuple[str, ...]]:
    """Every set of up to three models, seasonal naive alone first."""
    if BASELINE not in models:
        raise UsageError(f"{BASELINE} always stands among the models: it is what they are measured by")
    sets = [c for size in range(1, LARGEST + 1) for c in combinations(sorted(models), size)]
    return sorted(sets, key=lambda c: (c != (BASELINE,), len(c), c))


def error(actual: Floats, told: Floats) -> Floats:
    """(n,) how far off rehearsals (origins, n, h) were: each period on its own, and the whole horizon together.

    The absolute error of a horizon's sum counts sqrt(h) times, so that both weigh the same where misses are
    independent. By single periods alone a forecast of the median would win, whose sums come out low where demand is
    rare or skewed.
    """
    return cast("Floats", _errors(actual, told).sum(axis=0))


def _errors(actual: Floats, told: Floats) -> Floats:
    """(origins, n) as `error`, origin by origin."""
    miss = np.where(np.isfinite(actual), actual - told, 0.0)
    return cast("Floats", np.abs(miss).sum(axis=2) + np.sqrt(miss.shape[2]) * np.abs(miss.sum(axis=2)))


class _Record:
    """What each candidate missed by: candidate -> (origins, n), and `count` (origins, n) values that came."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.count = np.isfinite(rehearsal.actual).sum(axis=2).astype(np.float64)
        self.missed: dict[tuple[str, ...], Floats] = {}
        for candidate in candidates(list(rehearsal.told)):
            answer = np.median(np.stack([rehearsal.told[m] for m in candidate]), axis=0)
            self.missed[candidate] = _errors(rehearsal.actual, answer)

    def choose(self, codes: NDArray[np.int64], origins: Sequence[int] | None = None) -> Choice:
        """The candidate of each group, by these origins (places; None: all)."""
        at = slice(None) if origins is None else list(origins)
        size = int(codes.max()) + 1
        errors = {c: np.bincount(codes, e[at].sum(axis=0), size) for c, e in self.missed.items()}
        count = np.bincount(codes, self.count[at].sum(axis=0), size)
        base = errors[(BASELINE,)]
        overall = {c: e.sum() / max(base.sum(), 1e-12) for c, e in errors.items()}
        share = count / (count + SHARED)
        members: list[tuple[str, ...]] = []
        guarded, losses = [], []
        for g in range(size):
            own = {c: e[g] / max(base[g], 1e-12) for c, e in errors.items()}
            mixed = {c: share[g] * own[c] + (1 - share[g]) * overall[c] for c in errors}
            best = min(mixed, key=lambda c: (mixed[c], len(c), c))
            if errors[best][g] >= base[g]:
                best = (BASELINE,)
            if best == (BASELINE,):
                guarded.append(g)
            members.append(best)
            losses.append({"+".join(c): float(v) for c, v in own.items()})
        return Choice(codes, tuple(members), tuple(guarded), tuple(losses))

    def held_out(self, codes: NDArray[np.int64]) -> Floats:
        """(n,) what the series missed by at each origin under the choice that the other origins speak for, summed."""
        every = range(len(self.count))
        out = np.zeros(len(codes))
        for i in every:
            choice = self.choose(codes, [o for o in every if o != i])
            for g, members in enumerate(choice.members):
                out += np.where(codes == g, self.missed[members][i], 0.0)
        return out


def choose(rehearsal: Rehearsal, group: NDArray[np.int64] | None = None) -> Choice:
    """The candidate of each group of series; `group` (n,) codes from 0 up, None: all series are one group."""
    n = rehearsal.actual.shape[1]
    return _Record(rehearsal).choose(np.zeros(n, dtype=np.int64) if group is None else group)


def chosen_for(panel: Panel, rehearsal: Rehearsal, by: str | None = None) -> Choice:
    """The choice for a panel, per group of the name `by`.

    Unless named, per finest group of the panel (the category of products, one of several keys) where choosing so would
    have missed less than one choice for all, by more than chance, at each origin by what the others say; else for all.
    """
    if by is not None:
        return choose(rehearsal, panel.groups.get(by))
    record, one = _Record(rehearsal), np.zeros(len(panel), dtype=np.int64)
    finest = max(panel.groups.values(), key=lambda codes: int(codes.max()), default=one)
    if len(rehearsal.origins) < 2 or finest is one:
        return record.choose(one)
    gain = record.held_out(one) - record.held_out(finest)
    return record.choose(finest if gain.mean() > CLEAR * gain.std() / np.sqrt(len(gain)) else one)


def default_models() -> list[str]:
    """The models that are tried where none are named: all that can run here."""
    return path_model_names()
