"""What an audit says: one finding per check, or per feature that a check names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

LEAK, SUSPECT, CLEAN, NOT_RUN = "leak", "suspect", "clean", "not run"
VERDICTS = {
    LEAK: "the figure that is told rests on what will not be known",
    SUSPECT: "so good that somebody should look before it is believed",
    CLEAN: "looked for and not found",
    NOT_RUN: "what was given does not say enough to look; the words say what is missing",
}
CHECKS = {
    "future": "does a feature move when everything at or after the cutoff is scrambled?",
    "late": "does a feature count facts before they were known?",
    "history": "does the outcome decide where a history ends?",
    "overlap": "are the outcomes learnt from over when the prediction is made?",
    "split": "how much does a random split flatter, beside a split by time?",
    "single": "is one feature alone too good?",
    "copies": "do the same people stand in training and test twice?",
}
"""Name of each check -> what it asks, in the order they are told."""


@dataclass(frozen=True)
class Finding:
    """`value` is what was measured, `lower` and `upper` its 95% interval where there is one, `threshold` where it
    begins to be more than `clean`."""

    check: str
    verdict: str
    words: str
    feature: str | None = None
    value: float | None = None
    threshold: float | None = None
    lower: float | None = None
    upper: float | None = None

    @property
    def found(self) -> bool:
        return self.verdict in (LEAK, SUSPECT)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """By check, what was found first, the strongest before the others."""
    checks, verdicts = list(CHECKS), list(VERDICTS)
    return sorted(
        findings, key=lambda f: (checks.index(f.check), verdicts.index(f.verdict), -(f.value or 0), f.feature or "")
    )


def summed_up(findings: Iterable[Finding]) -> str:
    """The whole audit in a sentence or two."""
    told = list(findings)
    parts = []
    for verdict, word in ((LEAK, "leaks"), (SUSPECT, "is suspect in")):
        named = list(dict.fromkeys(f.check for f in told if f.verdict == verdict))
        if named:
            parts.append(f"it {word}: {', '.join(named)}" if verdict == LEAK else f"it {word} {', '.join(named)}")
    missing = list(dict.fromkeys(f.check for f in told if f.verdict == NOT_RUN))
    text = ("; ".join(parts) if parts else "no leak found").capitalize()
    return text + (f"; could not be looked at: {', '.join(missing)}" if missing else "") + "."
