"""What stands at the top of the page."""

from __future__ import annotations

from footfall.answers.page import _headlines
from footfall.shop import Shop


def test_a_question_that_the_baseline_answers_counts_as_not_better() -> None:
    with Shop() as shop:
        for task, model in (("buy-7d", "boosted"), ("satisfaction-90d", "baseline"), ("churn-90d", None)):
            shop.engine.execute("insert into questions (task, kind, model) values (?, 'chance', ?)", [task, model])
            verdict = "yes" if task == "buy-7d" else "no"
            shop.engine.execute(
                "insert into verdicts (task, model, metric, verdict) values (?, 'boosted', 'log_loss', ?)",
                [task, verdict],
            )
        told = {h.label: h.value for h in _headlines(shop.engine, "")}
    assert told["Answers better than the baseline"] == "1 of 2"
