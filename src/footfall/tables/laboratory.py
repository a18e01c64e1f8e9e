"""The tables that the comparison of models, and the search for their settings, are written to."""

from __future__ import annotations

from footfall.tables.canonical import Table, _columns

LABORATORY: list[Table] = [
    Table(
        "comparison",
        "models side by side: how good, steady, fast, large and readable, with the trade-off in words",
        _columns("""
    task VARCHAR task
    model VARCHAR model, mean of several, voting or stacking
    metric VARCHAR the metric that decides
    mean DOUBLE its mean over the test cutoffs
    spread DOUBLE its standard deviation over the test cutoffs
    cutoffs INTEGER test cutoffs
    rows BIGINT rows of a test cutoff, in the mean
    best VARCHAR the best single model, picked with hindsight
    difference DOUBLE mean minus that of the best single model
    difference_lower DOUBLE lower end of the paired 95% interval
    difference_upper DOUBLE upper end
    better VARCHAR than the best single model: yes, no or cannot tell
    honest DOUBLE calibration error of a chance, total bias of an amount
    fold_mean DOUBLE the metric on customers held out in turn, within the cutoffs learnt from: stability, no verdict
    fold_spread DOUBLE its standard deviation over those groups
    folds INTEGER groups of customers; 0: not asked for
    fit_seconds DOUBLE wall seconds of learning once, mean over the test cutoffs; of a mean, of its members together
    predict_seconds DOUBLE wall seconds of answering for a test cutoff
    size_bytes BIGINT what it comes to when saved
    readable VARCHAR how a person can read it
    words VARCHAR the trade-off in words
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "tuning",
        "settings that were tried for a model, and what came of it at instants before the cutoff",
        _columns("""
    task VARCHAR task
    model VARCHAR model
    cutoff TIMESTAMP nothing at or after it was known
    trial INTEGER 0 is the model's own settings
    state VARCHAR own, done, pruned (behind the others after some instants) or failed
    settings VARCHAR as JSON; empty: the model's own
    loss DOUBLE log loss of a chance, Poisson deviance of an amount, over the instants rehearsed; null when pruned
    losses VARCHAR the same up to each instant, as JSON
    difference DOUBLE loss minus that of the model's own settings, over the same rows
    error DOUBLE standard error of that, customers resampled
    seconds DOUBLE wall seconds
    chosen BOOLEAN whether these settings are used
    made_at TIMESTAMP when
    """),
    ),
]
