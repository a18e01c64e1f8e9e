"""The metrics in a merchant's words: label, what it means, which way is better, and how it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from footfall.report.blocks import Tone
from footfall.report.numbers import blank


@dataclass(frozen=True)
class Measure:
    """`better`: 1 higher is better, -1 lower, 0 neither (best near a target said in `hint`)."""

    label: str
    hint: str
    better: int
    format: str = "score"
    change: str = "points"


_KNOWN = {
    "auc": Measure("Ranking (AUC)", "0.5 is a coin toss, 1 is perfect", 1),
    "average_precision": Measure("Average precision", "how pure the top of the list is", 1),
    "lift": Measure("Lift in the top tenth", "times as many hits as picking at random", 1, "number", "signed"),
    "gain": Measure("Reached by the top tenth", "share of all hits", 1, "percent", "signed_percent"),
    "brier": Measure("Brier score", "mean squared error of the chances; lower is better", -1, "number", "signed"),
    "log_loss": Measure("Log loss", "punishes confident mistakes; lower is better", -1, "number", "signed"),
    "calibration_error": Measure(
        "Calibration error", "mean gap between said and seen; lower is better", -1, "number", "signed"
    ),
    "calibration_floor": Measure(
        "…of which chance alone", "the calibration error of perfect chances", 0, "number", "signed"
    ),
    "slope": Measure("Calibration slope", "1 is right; under 1 is too bold", 0, "number", "signed"),
    "observed_expected": Measure("Seen over said", "1 is right", 0, "number", "signed"),
    "accuracy": Measure("Accuracy", "share of right yes/no answers", 1, "percent", "signed_percent"),
    "precision": Measure("Precision", "share of the flagged who did", 1, "percent", "signed_percent"),
    "recall": Measure("Recall", "share of those who did, flagged", 1, "percent", "signed_percent"),
    "f1": Measure("F1", "balance of precision and recall", 1),
    "threshold": Measure("Threshold", "chance from which a customer is flagged", 0, "percent", "signed_percent"),
    "base_rate": Measure("Base rate", "share of all who did", 0, "percent", "signed_percent"),
    "mae": Measure("Mean error (MAE)", "per customer; lower is better", -1, "number", "signed"),
    "rmse": Measure("Error, large ones weighing more (RMSE)", "lower is better", -1, "number", "signed"),
    "r2": Measure("Variance explained (R²)", "1 is perfect, 0 says the mean to everyone", 1),
    "wape": Measure("Error as share of the total (WAPE)", "lower is better", -1, "percent", "signed_percent"),
    "bias": Measure("Total bias", "over (+) or under (−) the true total; 0 is right", 0, "percent", "signed_percent"),
    "mase": Measure(
        "Error beside the same time a season ago (MASE)", "below 1 is better than that", -1, "number", "signed"
    ),
    "rmsse": Measure("The same, large errors weighing more (RMSSE)", "lower is better", -1, "number", "signed"),
    "pinball": Measure("Error of the intervals' ends (pinball)", "lower is better", -1, "percent", "signed_percent"),
    "coverage_80": Measure("Within the 80% interval", "80% is right", 0, "percent", "signed_percent"),
    "coverage_95": Measure("Within the 95% interval", "95% is right", 0, "percent", "signed_percent"),
    "correlation": Measure("Correlation", "1 is perfect order and scale", 1),
    "ndcg_20": Measure("The right things high up (ndcg at 20)", "1 is perfect", 1, "percent", "signed_percent"),
    "recall_20": Measure("Of what was taken, in the first 20", "1 is all of it", 1, "percent", "signed_percent"),
    "gini": Measure("Ranking by value (Gini)", "0 is chance, 1 is perfect", 1),
}
_ALIASES = {
    "ap": "average_precision",
    "pr_auc": "average_precision",
    "roc_auc": "auc",
    "logloss": "log_loss",
    "brier_score": "brier",
    "ece": "calibration_error",
    "ece_floor": "calibration_floor",
    "sampling_floor": "calibration_floor",
    "calibration_error_floor": "calibration_floor",
    "calibration_slope": "slope",
    "oe": "observed_expected",
    "o_e": "observed_expected",
    "observed_over_expected": "observed_expected",
    "total_bias": "bias",
    "f1_score": "f1",
}
_ORDER = {name: i for i, name in enumerate(_KNOWN)}
MAIN = ("auc", "gini", "wape", "mae", "average_precision")


def canonical(metric: Any) -> str:
    """The metric's name as this module knows it (`ECE` -> `calibration_error`, `lift@10%` -> `lift`)."""
    name = re.sub(r"[^a-z0-9]+", "_", str(metric).lower()).strip("_")
    name = _ALIASES.get(name, name)
    if re.fullmatch(r"lift(_at)?(_top)?(_(10|0_1|10pct|decile(_1)?))?", name):
        return "lift"
    if re.fullmatch(r"(cumulative_)?gains?(_at)?(_top)?(_(10|0_1|10pct|decile(_1)?))?", name):
        return "gain"
    return name


def measure(metric: Any) -> Measure:
    """What is known of a metric; an unknown one is shown under its own name."""
    known = _KNOWN.get(canonical(metric))
    return known or Measure(str(metric).replace("_", " "), "", 0, "number", "signed")


def rank(metric: Any) -> int:
    """The place of a metric in a table, unknown ones last."""
    return _ORDER.get(canonical(metric), len(_ORDER))


def judge(metric: Any, lower: Any, upper: Any) -> str:
    """`better`, `worse` or `cannot tell`: which side of nought the interval of a difference lies on."""
    way = measure(metric).better
    if way == 0 or blank(lower) or blank(upper) or float(lower) <= 0 <= float(upper):
        return "cannot tell"
    return "better" if (float(lower) > 0) == (way > 0) else "worse"


TONES: dict[str, Tone] = {
    "better": "good",
    "yes": "good",
    "worse": "bad",
    "no": "bad",
    "cannot tell": "unclear",
}
SHORT = {"yes": "Better", "no": "Not better", "cannot tell": "Cannot tell"}
BADGES = {"yes": "Better than the baseline", "no": "Not better", "cannot tell": "Cannot tell"}
