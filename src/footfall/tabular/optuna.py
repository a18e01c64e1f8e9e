"""Where to look next for better settings: Optuna's tree-structured Parzen estimator, and its pruning by the median.

The search is told what was tried before, so that it goes on where it stopped; the dice of each trial are thrown anew
from the seed and the trial's number, so that ten trials and ten more are the twenty they would have been at once.

Source: Akiba et al. 2019, Optuna; Bergstra et al. 2011, Algorithms for hyper-parameter optimization.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from footfall.errors import FootfallError
from footfall.tabular.space import KINDS, Space

STARTUP = 8
"""Trials at random before the search looks at what came of them."""
UNPRUNED = 5
"""Whole trials before any is stopped early."""


class Search:
    """Asks for settings one trial after the other; what came of them is told back."""

    def __init__(self, space: Space, seed: int) -> None:
        try:
            import optuna
        except ImportError:
            raise FootfallError("tuning needs Optuna; install it with: pip install 'footfall[tune]'") from None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna: Any = optuna
        self._seed = seed
        self._space = {name: _distribution(optuna, range_) for name, range_ in space.items()}
        self._study: Any = optuna.create_study(
            pruner=optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED, n_warmup_steps=0)
        )
        self._trial: Any = None

    def remember(self, settings: Mapping[str, Any], losses: Sequence[float], state: str) -> None:
        """A trial of an earlier search; `losses`: up to each instant."""
        states = self._optuna.trial.TrialState
        done = {"done": states.COMPLETE, "pruned": states.PRUNED}.get(state, states.FAIL)
        self._study.add_trial(
            self._optuna.trial.create_trial(
                state=done,
                value=losses[-1] if state == "done" else None,
                params=dict(settings),
                distributions=self._space,
                intermediate_values=dict(enumerate(losses)),
            )
        )

    def ask(self, number: int) -> dict[str, Any]:
        """The settings to try as trial `number`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna calls the joint sampling of settings experimental
            self._study.sampler = self._optuna.samplers.TPESampler(
                seed=self._seed * 100_003 + number, n_startup_trials=STARTUP, multivariate=True
            )
        self._trial = self._study.ask(self._space)
        return dict(self._trial.params)

    def behind(self, step: int, loss: float) -> bool:
        """Whether the trial, with this loss up to instant `step`, is not worth going on with."""
        self._trial.report(loss, step)
        return bool(self._trial.should_prune())

    def tell(self, state: str, loss: float | None) -> None:
        """How the trial ended: `done` with a loss, `pruned` or `failed`."""
        states = self._optuna.trial.TrialState
        ended = {"done": states.COMPLETE, "pruned": states.PRUNED}.get(state, states.FAIL)
        self._study.tell(self._trial, loss if state == "done" else None, ended)


def _distribution(optuna: Any, range_: Any) -> Any:
    kinds = optuna.distributions
    if len(range_) != 3 or range_[2] not in KINDS:
        return kinds.CategoricalDistribution(list(range_))
    low, high, how = range_
    if how in ("int", "log-int"):
        return kinds.IntDistribution(int(low), int(high), log=how == "log-int")
    return kinds.FloatDistribution(float(low), float(high), log=how == "log")
