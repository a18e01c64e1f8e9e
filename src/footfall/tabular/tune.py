"""Better settings for a model, sought on instants before the one asked about, never on what comes after it.

For an instant `at`, every setting is tried at the rehearsals before it: learnt from what was known at each earlier
instant, asked about the time from there on, judged by outcomes known at `at`. A trial that falls behind after some of
the instants is pruned. Trial 0 are the model's own settings; others are taken only if they beat those by more than
one standard error (customers are resampled, not rows): the best of many tries looks better than it is.

What was tried is kept as JSON, and a search over the same rows goes on where it stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError, UsageError
from footfall.tabular.blend import bare
from footfall.tabular.learner import learn
from footfall.tabular.optuna import Search
from footfall.tabular.space import Budget, Space, space_of
from footfall.tabular.store import Matrix, thin
from footfall.tabular.threads import one_thread
from footfall.tabular.trainer import Trainer

Floats = NDArray[np.float64]
LEARN_ROWS, ASK_ROWS = 40_000, 20_000
"""Rows of one instant that a trial learns from and is asked about, at most about: all instants stay in memory."""
EDGE = 1e-9


@dataclass(frozen=True)
class Trial:
    """One try. `losses`: the mean loss up to each instant. `difference` to the own settings, with its `error`."""

    number: int
    state: str
    settings: dict[str, Any]
    losses: tuple[float, ...]
    difference: float | None
    error: float | None
    seconds: float

    @property
    def loss(self) -> float | None:
        return self.losses[-1] if self.state in ("own", "done") else None


@dataclass(frozen=True)
class Tuning:
    """A search: the trials in order, and the number of the one whose settings are used."""

    task: str
    model: str
    at: datetime
    trials: tuple[Trial, ...]
    chosen: int
    instants: int

    @property
    def settings(self) -> dict[str, Any]:
        """The settings to use; empty: the model's own."""
        return self.trials[self.chosen].settings

    @property
    def words(self) -> str:
        tried = len(self.trials) - 1
        pruned = sum(t.state == "pruned" for t in self.trials)
        start = (
            f"{self.model} before {self.at:%Y-%m-%d}: {tried} settings tried at {self.instants} earlier "
            f"instant{'s' if self.instants > 1 else ''} ({pruned} pruned)"
        )
        if not self.chosen:
            return f"{start}; none beats its own by more than chance, so those stay"
        best = self.trials[self.chosen]
        own = self.trials[0].loss
        found = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in best.settings.items())
        return f"{start}; loss {best.loss:.4f} instead of {own:.4f} with {found}"


@dataclass(frozen=True)
class _Instant:
    """What a trial learns from at one earlier instant, and what it is then asked."""

    learn: Matrix
    ask: Matrix


@dataclass
class _Field:
    """The rows a search looks at, and the own settings' loss on them."""

    trainer: Trainer
    model: str
    instants: list[_Instant]
    own: list[Floats] = field(default_factory=list)

    def losses(self, settings: Mapping[str, Any], one: _Instant) -> Floats:
        """(n,) loss of each row asked about at an instant."""
        t = self.trainer
        made = learn(t.task.kind, self.model, t.table, one.learn, t.settings.seed, t.task, settings)
        p, y = made.predict(one.ask), one.ask.y
        assert y is not None
        if t.task.kind == "chance":
            p = np.clip(p, EDGE, 1 - EDGE)
            return np.asarray(-(y * np.log(p) + (1 - y) * np.log1p(-p)), dtype=np.float64)
        y = np.maximum(y, 0)
        unit = max(float(np.average(y, weights=one.ask.weight)), EDGE)
        y, p = y / unit, np.maximum(p / unit, EDGE)
        return np.asarray(2 * (np.where(y > 0, y * np.log(np.maximum(y, EDGE) / p), 0.0) - (y - p)), dtype=np.float64)

    def mean(self, found: list[Floats]) -> float:
        """The mean over the rows of the instants so far, as the population weighs."""
        pairs = list(zip(found, self.instants[: len(found)], strict=True))
        return float(sum(x @ i.ask.weight for x, i in pairs) / sum(i.ask.weight.sum() for _, i in pairs))

    def beside_own(self, found: list[Floats]) -> tuple[float, float]:
        """The mean difference to the own settings, and its standard error over customers."""
        away = np.concatenate([a - b for a, b in zip(found, self.own, strict=True)])
        weight = np.concatenate([i.ask.weight for i in self.instants])
        clusters = np.concatenate([i.ask.clusters for i in self.instants])
        mean = float(away @ weight / weight.sum())
        codes = np.unique(clusters, return_inverse=True)[1].ravel()
        sums = np.bincount(codes, weight * (away - mean))
        several = len(sums) / max(len(sums) - 1, 1)
        return mean, float(np.sqrt(several * (sums @ sums)) / weight.sum())

    def mark(self, space: Space) -> str:
        """Changes whenever what is looked at does."""
        dice = blake2b(repr((self.model, sorted(space.items()), self.trainer.settings.seed)).encode(), digest_size=8)
        for one in self.instants:
            encoder = one.learn.encoding.learn(one.learn.table, self.trainer.table.numeric, self.trainer.table.text)
            for matrix in (one.learn, one.ask):
                dice.update(np.ascontiguousarray(matrix.encoding.encode(encoder, matrix.table)).data)
                dice.update(np.ascontiguousarray(matrix.y).data)
                dice.update(np.ascontiguousarray(matrix.weight).data)
        return dice.hexdigest()


@one_thread()
def tune(
    trainer: Trainer,
    model: str,
    at: datetime,
    budget: Budget,
    folder: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Tuning:
    """Search settings of `model` for answers at `at`; from then on `trainer` knows them as `tuned:MODEL`.

    `folder`: where what was tried is kept, to go on later.

    Raises:
        UsageError: the model has no setting to tune.
        FootfallError: no earlier instant to try at, or Optuna is not there.
    """
    model = bare(model)
    space = space_of(model)
    if not space:
        raise UsageError(f"'{model}' has no setting to tune")
    start = time.perf_counter()
    search = Search(space, trainer.settings.seed)
    looked = _field(trainer, model, at)
    file = folder / f"{model}-{at:%Y-%m-%dT%H%M%S}-{looked.mark(space)}.json" if folder else None
    trials = [_own(looked), *_kept(file)]
    for trial in trials[1:]:
        search.remember(trial.settings, trial.losses, trial.state)
    while not _over(budget, len(trials) - 1, time.perf_counter() - start):
        left = None if budget.seconds is None else start + budget.seconds
        made = _tried(looked, search, len(trials), left)
        if made is None:
            break
        trials.append(made)
        _keep(file, trials[1:])
        if progress:
            progress(f"{trainer.task.name}: {model} before {at:%Y-%m-%d}, trial {made.number}: {made.state}")
    found = Tuning(trainer.task.name, model, at, tuple(trials), _chosen(trials), len(looked.instants))
    trainer.tuned[model, at] = found.settings
    return found


def _field(trainer: Trainer, model: str, at: datetime) -> _Field:
    instants = []
    for origin, cutoffs in trainer.rehearsal_cutoffs(at):
        try:
            known = trainer.training(origin)
        except FootfallError:
            continue
        asked = trainer.table.matrix(trainer.task, cutoffs, as_of=at)
        if known.rows and asked.rows and asked.y is not None:
            seed = trainer.settings.seed
            instants.append(_Instant(thin(known, LEARN_ROWS, seed), thin(asked, ASK_ROWS, seed)))
    if not instants:
        raise FootfallError(
            f"{trainer.task.name}: the history before {at:%Y-%m-%d} is too short to tune on; a trial wants "
            f"{trainer.task.span.words} to learn from and {trainer.task.span.words} after that to compare with"
        )
    return _Field(trainer, model, instants)


def _own(looked: _Field) -> Trial:
    start = time.perf_counter()
    looked.own = [looked.losses({}, one) for one in looked.instants]
    losses = tuple(looked.mean(looked.own[: i + 1]) for i in range(len(looked.own)))
    return Trial(0, "own", {}, losses, 0.0, 0.0, time.perf_counter() - start)


def _tried(looked: _Field, search: Search, number: int, until: float | None) -> Trial | None:
    """One trial; None where the time was over before it ended."""
    start = time.perf_counter()
    settings = search.ask(number)
    found: list[Floats] = []
    losses: list[float] = []
    state = "done"
    for step, one in enumerate(looked.instants):
        found.append(looked.losses(settings, one))
        losses.append(looked.mean(found))
        last = step + 1 == len(looked.instants)
        if not np.isfinite(losses[-1]):
            state = "failed"
            break
        if not last and search.behind(step, losses[-1]):
            state = "pruned"
            break
        if not last and until is not None and time.perf_counter() > until:
            search.tell("failed", None)
            return None
    search.tell(state, losses[-1] if state == "done" else None)
    difference, error = looked.beside_own(found) if state == "done" else (None, None)
    seconds = time.perf_counter() - start
    return Trial(number, state, settings, tuple(losses), difference, error, seconds)


def _over(budget: Budget, trials: int, seconds: float) -> bool:
    if budget.trials is not None:
        return trials >= budget.trials
    return seconds >= float(budget.seconds or 0)


def _chosen(trials: list[Trial]) -> int:
    """The trial with the least loss among those better than the own settings by a standard error; else the own."""
    better = [
        t
        for t in trials[1:]
        if t.state == "done" and t.difference is not None and t.difference + float(t.error or 0) < 0
    ]
    return min(better, key=lambda t: (t.loss, t.number)).number if better else 0


def _kept(file: Path | None) -> list[Trial]:
    """What an earlier search over the same rows tried; nothing where there is none or the file is broken."""
    if file is None or not file.is_file():
        return []
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["trials"]
        return [Trial(**{**r, "losses": tuple(r["losses"])}) for r in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _keep(file: Path | None, trials: list[Trial]) -> None:
    if file is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps({"trials": [asdict(t) for t in trials]}, indent=1), encoding="utf-8")
    part.replace(file)
