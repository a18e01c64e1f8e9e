"""Aggregates beside a cutoff, compiled to SQL; the catalogue of features."""

from footfall.windows.catalogue import TOPICS, Feature, engineered, features
from footfall.windows.compile import READINGS, Spine, Window, compile_windows
from footfall.windows.declare import (
    FACTS,
    FUNCTIONS,
    READ,
    Aggregate,
    Fact,
    Future,
    Past,
    Ratio,
    Upcoming,
    check_key,
    customers,
    events,
    fact,
    lines,
    orders,
    reviews,
    satisfaction,
    series,
)
from footfall.windows.frame import BUSIEST, Frame, Sample, key_columns, spine_steps
from footfall.windows.identity import IDENTITIES, identity_as
from footfall.windows.shape import Shape, shape
from footfall.windows.words import Words

__all__ = [
    "BUSIEST",
    "FACTS", "FUNCTIONS", "IDENTITIES", "READ", "READINGS", "TOPICS",
    "Aggregate", "Fact", "Feature", "Frame", "Future", "Past", "Ratio", "Sample", "Shape",
    "Spine", "Upcoming", "Window", "Words", "check_key", "compile_windows", "customers", "engineered", "events", "fact",
    "features",
    "identity_as", "key_columns", "lines", "orders", "reviews", "satisfaction", "series", "shape",
    "spine_steps",
]  # fmt: skip
