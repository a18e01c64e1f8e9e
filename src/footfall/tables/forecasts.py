"""The tables that forecasts, and what is decided from them, are written to."""

from __future__ import annotations

from footfall.tables.canonical import Table, _columns

FORECASTS: list[Table] = [
    Table(
        "forecasts",
        "what is to come, period by period",
        _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR model
    level VARCHAR level of the tree: total, category, product, store, ...; several joined by ' and '
    product_id VARCHAR product, where the level has one
    category VARCHAR category, where the level has one
    brand VARCHAR brand, where the level has one
    store_id VARCHAR store, where the level has one
    channel VARCHAR channel, where the level has one
    step INTEGER which period after the cutoff; 1 is the next
    period_start TIMESTAMP from when
    period_end TIMESTAMP until before when
    amount DOUBLE expected
    lower_80 DOUBLE lower end of the 80% interval
    upper_80 DOUBLE upper end
    lower_95 DOUBLE lower end of the 95% interval
    upper_95 DOUBLE upper end
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "forecast_totals",
        "what is to come over the first periods together",
        _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR model
    level VARCHAR level of the tree: total, category, product, store, ...; several joined by ' and '
    product_id VARCHAR product, where the level has one
    category VARCHAR category, where the level has one
    brand VARCHAR brand, where the level has one
    store_id VARCHAR store, where the level has one
    channel VARCHAR channel, where the level has one
    steps INTEGER how many periods are summed; the most is the whole horizon
    period_end TIMESTAMP until before when
    amount DOUBLE expected
    lower_80 DOUBLE lower end of the 80% interval
    upper_80 DOUBLE upper end
    lower_95 DOUBLE lower end of the 95% interval
    upper_95 DOUBLE upper end
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "forecast_quantiles",
        "how much the first periods together may come to: quantiles, on the task's own level",
        _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR model
    level VARCHAR level of the tree: total, category, product, store, ...; several joined by ' and '
    product_id VARCHAR product, where the level has one
    category VARCHAR category, where the level has one
    brand VARCHAR brand, where the level has one
    store_id VARCHAR store, where the level has one
    channel VARCHAR channel, where the level has one
    steps INTEGER how many periods are summed
    quantile DOUBLE chance that it is no more
    amount DOUBLE amount
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "forecast_history",
        "what forecasts were made from: the series before the cutoff",
        _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    level VARCHAR level of the tree: total, category, product, store, ...; several joined by ' and '
    product_id VARCHAR product, where the level has one
    category VARCHAR category, where the level has one
    brand VARCHAR brand, where the level has one
    store_id VARCHAR store, where the level has one
    channel VARCHAR channel, where the level has one
    period_start TIMESTAMP from when
    amount DOUBLE what was
    censored BOOLEAN true where the product was out of stock, so that what was sold is less than what was wanted
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "forecast_parts",
        "what a forecast is made of",
        _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    model VARCHAR model
    level VARCHAR level of the tree: total, category, product, store, ...; several joined by ' and '
    product_id VARCHAR product, where the level has one
    category VARCHAR category, where the level has one
    brand VARCHAR brand, where the level has one
    store_id VARCHAR store, where the level has one
    channel VARCHAR channel, where the level has one
    step INTEGER which period after the cutoff
    period_start TIMESTAMP from when
    part VARCHAR level, trend, season, holiday, promotion or rest
    amount DOUBLE what it adds
    words VARCHAR in words
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "anomalies",
        "periods of the past that stand out",
        _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    level VARCHAR level of the tree: total, category, product, store, ...; several joined by ' and '
    product_id VARCHAR product, where the level has one
    category VARCHAR category, where the level has one
    brand VARCHAR brand, where the level has one
    store_id VARCHAR store, where the level has one
    channel VARCHAR channel, where the level has one
    period_start TIMESTAMP from when
    kind VARCHAR spike, drop or break
    actual DOUBLE what was
    expected DOUBLE what would have been usual
    score DOUBLE how far off, in usual deviations
    words VARCHAR in words
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "restock",
        "what to order now, and what to promote since there is too much of it",
        _columns("""
    product_id VARCHAR product
    name VARCHAR name
    category VARCHAR category
    cutoff TIMESTAMP first instant not known
    on_hand DOUBLE units in stock
    on_order DOUBLE units that are on their way
    demand DOUBLE units expected until an order of the next review would arrive
    lower_80 DOUBLE lower end of the 80% interval of the demand
    upper_80 DOUBLE upper end
    days_of_cover DOUBLE days that the stock is expected to last
    order_now DOUBLE units to order now
    order_up_to DOUBLE units to have on hand and on order
    service_level DOUBLE chance aimed at that the demand is met
    lead_days DOUBLE days from an order to its arrival
    review_days DOUBLE days between orders
    unit_cost DOUBLE cost of a unit, where known
    action VARCHAR order, enough, promote or unknown stock
    note VARCHAR in words
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "demand_leads",
        "products whose demand rises fastest",
        _columns("""
    task VARCHAR task
    cutoff TIMESTAMP first instant not known
    product_id VARCHAR product
    category VARCHAR category
    before_units DOUBLE units in the span before the last one
    now_units DOUBLE units in the last span
    growth DOUBLE growth beside the whole shop's; 0.1 is a tenth more
    lower DOUBLE lower end of its 95% interval
    upper DOUBLE upper end
    p_value DOUBLE chance of so much growth where there is none
    adjusted_p DOUBLE the same, corrected for how many products were looked at (Benjamini-Hochberg)
    rising BOOLEAN whether it rises beyond chance
    words VARCHAR in words
    made_at TIMESTAMP when
    """),
    ),
    Table(
        "agreement",
        "the forecast of each category beside what its customers are expected to spend",
        _columns("""
    category VARCHAR category
    cutoff TIMESTAMP first instant not known
    horizon VARCHAR span after the cutoff
    forecast DOUBLE forecast
    forecast_lower DOUBLE lower end of its 95% interval
    forecast_upper DOUBLE upper end
    customers DOUBLE sum of what known customers are expected to spend
    gap DOUBLE forecast less customers
    newcomers DOUBLE of the gap, what customers not known yet are likely to bring
    guests DOUBLE of the gap, what guests without an account are likely to bring
    words VARCHAR in words
    made_at TIMESTAMP when
    """),
    ),
]
