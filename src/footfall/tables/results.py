"""The tables that answers are written to: one per kind."""

from __future__ import annotations

from footfall.tables.canonical import Table, _columns
from footfall.tables.forecasts import FORECASTS
from footfall.tables.laboratory import LABORATORY
from footfall.tables.waits import WAITS

_FINDING = """
    load_id BIGINT load; null for a check of the whole shop
    source VARCHAR source
    table_name VARCHAR table
    check_name VARCHAR which check
    kind VARCHAR missing, inconsistent, duplicate, late or malformed
    column_name VARCHAR column
    rows BIGINT rows concerned
    share DOUBLE share of the rows looked at
    examples VARCHAR a few examples
    action VARCHAR repaired, set aside or kept
    effect VARCHAR likely effect on the answers
    """

RESULTS: dict[str, Table] = {
    t.name: t
    for t in [
        Table(
            "loads",
            "what was loaded, one row a file",
            _columns("""
    load_id BIGINT load
    source VARCHAR source
    role VARCHAR what the file holds
    file VARCHAR file
    fingerprint VARCHAR hash of the file's content
    bytes BIGINT size
    rows_read BIGINT data rows in the file
    rows_loaded BIGINT rows that became facts, repaired ones among them
    rows_quarantined BIGINT rows set aside for the first time
    rows_duplicate BIGINT rows that were there already, among the facts or among those set aside
    rows_repaired BIGINT loaded rows with at least one repair
    loaded_at TIMESTAMP when
    """),
        ),
        Table(
            "quality",
            "findings: what is missing, inconsistent, double or late",
            _columns(_FINDING),
        ),
        Table(
            "told_by_check",
            "findings of single loads that a check of the whole shop tells in `quality`, over all loads",
            _columns(_FINDING),
        ),
        Table(
            "quarantine",
            "rows set aside, whole",
            _columns("""
    load_id BIGINT load
    source VARCHAR source
    file VARCHAR file
    line BIGINT line of the file (1 is the first, a header included)
    reason VARCHAR why
    raw VARCHAR the row as it stood
    """),
        ),
        Table(
            "repairs",
            "what whole-shop checks changed in the facts or set aside, value by value",
            _columns("""
    source VARCHAR source
    table_name VARCHAR table
    check_name VARCHAR which check
    column_name VARCHAR column
    action VARCHAR repaired or set aside
    old_value VARCHAR value as it was; of rows set aside, examples as JSON
    new_value VARCHAR value as it is now
    rows BIGINT rows changed
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "scores",
            "answers: a chance or an amount per entity",
            _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR model
    customer_id VARCHAR customer
    category VARCHAR category, for tasks per category
    chance DOUBLE probability
    amount DOUBLE expected amount
    lower DOUBLE lower end of the 95% interval of the probability or expectation itself
    upper DOUBLE upper end of the same
    caution VARCHAR a plain word where the data is thin
    made_at TIMESTAMP when the score was made
    """),
        ),
        Table(
            "reasons",
            "why a score is what it is",
            _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR model
    customer_id VARCHAR customer
    category VARCHAR category, for tasks per category
    rank INTEGER 1 is the strongest
    feature VARCHAR feature
    value VARCHAR its value
    contribution DOUBLE SHAP value, on the model's own scale (log-odds or log amount)
    reason VARCHAR in words
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "importances",
            "which features drive a model, in aggregate",
            _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR model
    rank INTEGER 1 is the strongest
    feature VARCHAR feature
    label VARCHAR in words
    importance DOUBLE mean absolute SHAP value
    direction DOUBLE correlation of value and contribution
    rows BIGINT rows the mean is over
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "evaluations",
            "how good answers were on later data",
            _columns("""
    task VARCHAR task
    cutoff TIMESTAMP the test cutoff; null for all of them together
    model VARCHAR model
    level VARCHAR of a forecast: the tree's level above its own, as total; of a ranking: a part, as new items; null: all
    metric VARCHAR metric
    value DOUBLE value
    lower DOUBLE lower end of its 95% bootstrap interval
    upper DOUBLE upper end
    difference DOUBLE value minus the baseline's
    difference_lower DOUBLE lower end of the paired 95% interval
    difference_upper DOUBLE upper end
    rows BIGINT rows tested
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "curves",
            "calibration and gains, as points",
            _columns("""
    task VARCHAR task
    model VARCHAR model
    curve VARCHAR calibration or gains
    bin INTEGER position
    x DOUBLE mean predicted chance, or share of customers contacted
    y DOUBLE observed rate, or share of buyers reached
    lower DOUBLE lower end of the 95% interval of y
    upper DOUBLE upper end
    rows BIGINT rows in the bin
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "verdicts",
            "is it better than the baseline, in words",
            _columns("""
    task VARCHAR task
    model VARCHAR model
    metric VARCHAR metric
    verdict VARCHAR yes, no or cannot tell
    sentence VARCHAR the sentence
    made_at TIMESTAMP when
    """),
        ),
        *LABORATORY,
        *WAITS,
        *FORECASTS,
        Table(
            "recommendations",
            "what to show whom, best first",
            _columns("""
    customer_id VARCHAR customer
    rank INTEGER 1 is the best
    product_id VARCHAR product; null where categories are ranked
    category VARCHAR its category, or the category ranked
    name VARCHAR what it is called
    score DOUBLE the higher the better, within one customer
    reason VARCHAR why, in words
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR who answers
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "bought_together",
            "pairs of products in one basket (what a customer bought on one day), each both ways round",
            _columns("""
    product_id VARCHAR who buys this
    other_id VARCHAR buys this on the same day
    name VARCHAR what the first is called
    other_name VARCHAR what the other is called
    rank INTEGER of the product's others, 1 is the one most surely bought with it
    baskets BIGINT baskets that hold both
    support DOUBLE share of all baskets that do
    confidence DOUBLE share of the baskets with the first that hold the other
    lift DOUBLE how many times as often as by chance
    lower DOUBLE lower end of the lift's 95% interval
    upper DOUBLE upper end
    cutoff TIMESTAMP first instant not known
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "similar_products",
            "products like those that were asked about, most alike first",
            _columns("""
    product_id VARCHAR product asked about
    rank INTEGER 1 is the most alike
    similar_id VARCHAR product like it
    name VARCHAR what that is called
    category VARCHAR its category
    score DOUBLE the higher the more alike, within one product
    reason VARCHAR in what, in words
    cutoff TIMESTAMP first instant not known
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "prospects",
            "who would want the products that were asked about, for a campaign",
            _columns("""
    product_id VARCHAR product asked about
    rank INTEGER 1 is the likeliest
    customer_id VARCHAR customer
    place INTEGER the product's place in this customer's own list
    score DOUBLE its score there
    reason VARCHAR why, in words
    task VARCHAR task whose lists are meant
    cutoff TIMESTAMP first instant not known
    model VARCHAR who answers
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "models",
            "saved models",
            _columns("""
    task VARCHAR task
    model VARCHAR model
    cutoff TIMESTAMP trained on history before
    path VARCHAR folder
    card VARCHAR the model's card as JSON
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "promotions",
            "the saved model that `predict` uses, where a person has chosen one; else it is the newest",
            _columns("""
    task VARCHAR task
    model VARCHAR model
    cutoff TIMESTAMP trained on history before
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "contributions",
            "what each feature adds to single answers, of a sample of those a task asks about",
            _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR model
    customer_id VARCHAR customer
    category VARCHAR category, for tasks per category
    feature VARCHAR feature
    label VARCHAR in words
    value DOUBLE its value, where it is a number
    text VARCHAR its value, where it is a word
    contribution DOUBLE SHAP value, on the model's own scale (log-odds or log amount)
    place DOUBLE where the value lies among those of the sample: 0 lowest, 1 highest
    error DOUBLE half the width of the 95% interval, where contributions are drawn and not exact
    sampled DOUBLE share of those asked about that the rows are of
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "explained",
            "the way from the usual answer to that of the highest of each task, step by step",
            _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR model
    customer_id VARCHAR customer
    category VARCHAR category, for tasks per category
    step INTEGER 1 is the usual answer, the last the answer itself
    label VARCHAR in words
    kind VARCHAR start, raises, lowers or total
    begins DOUBLE where the step begins: base-2 logarithm of the odds, or of the amount
    ends DOUBLE where it ends
    base DOUBLE where the usual answer lies
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "questions",
            "the tasks asked, and whether they could be answered",
            _columns("""
    task VARCHAR task
    sentence VARCHAR the task in words
    kind VARCHAR chance or amount
    horizon VARCHAR span after the cutoff
    cutoff TIMESTAMP instant answered for
    population BIGINT how many were asked about at that instant
    rows BIGINT rows learnt from
    positives BIGINT of these, with the event or an amount above zero
    base_rate DOUBLE share with the event, or mean amount, in the rows learnt from
    unit VARCHAR of an amount: money, or number where it is none (a rating, a count)
    model VARCHAR model that answers; null where the task could not be answered
    caution VARCHAR a plain word where the data is thin, or why there is no answer
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "record_links",
            "which customer each record of a person belongs to",
            _columns("""
    record_id VARCHAR record, see `records`
    customer_id VARCHAR customer
    known_at TIMESTAMP when the record reached the business
    """),
        ),
        Table(
            "record_history",
            "which customer each record belonged to, by the links known at the time",
            _columns("""
    record_id VARCHAR record
    customer_id VARCHAR customer then; a part not yet linked to the rest has a number behind the id
    from_at TIMESTAMP from when
    to_at TIMESTAMP until when; null: still
    """),
        ),
        Table(
            "matches",
            "the links that hold each customer's records together, and near misses",
            _columns("""
    record_a VARCHAR record
    record_b VARCHAR another
    weight DOUBLE base-2 log of how much likelier the values are if the two are one person; null for an exact identifier
    chance DOUBLE chance that they are one person
    linked BOOLEAN whether they were linked
    how VARCHAR by which identifier, or weighed
    parts VARCHAR what each field adds to the weight, as JSON
    known_at TIMESTAMP when both records were known
    """),
        ),
        Table(
            "customers_count",
            "how many customers there are, and what they are known by",
            _columns("""
    part VARCHAR all of them (customers, clusters), or one kind of them
    customers DOUBLE how many
    lower DOUBLE lower end of the 95% interval, where one is known
    upper DOUBLE upper end
    meaning VARCHAR what is counted
    """),
        ),
        Table(
            "customers_by_threshold",
            "how the count moves with the chance from which on records are linked",
            _columns("""
    chance DOUBLE links of at least this chance are made
    customers BIGINT clusters that leaves
    """),
        ),
        Table(
            "golden_records",
            "one value per field of a customer, and where it is from",
            _columns("""
    customer_id VARCHAR customer
    field VARCHAR field
    value VARCHAR value
    source VARCHAR source of the record
    record_id VARCHAR the record it is from
    records BIGINT records of the customer that say the same
    """),
        ),
        Table(
            "identity_changes",
            "what became of the customers of an earlier resolve",
            _columns("""
    customer_id VARCHAR customer now
    change VARCHAR merged (took in another), split (left another), new, gone
    other_id VARCHAR the other customer
    records BIGINT records concerned
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "review",
            "pairs of records worth a look by hand; verdicts are read back by resolve --reviewed",
            _columns("""
    record_a VARCHAR record
    record_b VARCHAR another
    chance DOUBLE chance that they are one person
    linked BOOLEAN whether they were linked
    worth DOUBLE how much a verdict would settle, in orders
    first VARCHAR the one record in words
    second VARCHAR the other
    verdict VARCHAR same or different, once a person has judged
    """),
        ),
        Table(
            "judged_pairs",
            "verdicts on pairs of records, read from a reviewed worklist; resolve obeys them",
            _columns("""
    record_a VARCHAR record
    record_b VARCHAR another
    verdict VARCHAR same or different
    """),
        ),
        Table(
            "identity_effect",
            "what resolution changed: one question by each identity",
            _columns("""
    task VARCHAR task
    identity VARCHAR raw (the sources' ids), as-of (links known at each cutoff) or today
    measure VARCHAR customers, repeat rate, or a metric of the backtest
    value DOUBLE value
    lower DOUBLE lower end of the 95% interval
    upper DOUBLE upper end
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "identity_notes",
            "what resolve found out about the data it worked with",
            _columns("""
    kind VARCHAR fields, common value, left out, or limit
    note VARCHAR in words
    """),
        ),
        Table(
            "audit",
            "what the audit for leaks looked for, and what it found",
            _columns("""
    task VARCHAR task, or the file that was audited
    check_name VARCHAR future, late, history, overlap, split, single or copies
    feature VARCHAR the feature that is named; null where none is
    verdict VARCHAR leak, suspect, clean or not run
    value DOUBLE what was measured: a share of rows, an AUC or Gini, or a gap of two
    lower DOUBLE lower end of its 95% interval, where it has one
    upper DOUBLE upper end
    threshold DOUBLE where it begins to be more than clean
    words VARCHAR in words
    made_at TIMESTAMP when
    """),
        ),
        Table(
            "stages",
            "seconds and memory of each stage of a run",
            _columns("""
    stage VARCHAR stage
    seconds DOUBLE wall seconds
    detail VARCHAR what it did
    made_at TIMESTAMP when
    """),
        ),
    ]
}
