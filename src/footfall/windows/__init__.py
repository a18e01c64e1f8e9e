"""Aggregates beside a cutoff, compiled to SQL; the catalogue of features."""

from footfall.windows.catalogue import Feature, features
from footfall.windows.compile import Spine, Window, compile_windows
from footfall.windows.declare import (
    FACTS,
    FUNCTIONS,
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
)
from footfall.windows.frame import BUSIEST, Frame, Sample, key_columns, spine_steps
from footfall.windows.identity import IDENTITIES, identity_as
from footfall.windows.shape import Shape, shape
from footfall.windows.words import Words

__all__ = [
    "BUSIEST",
    "FACTS", "FUNCTIONS", "IDENTITIES",
    "Aggregate", "Fact", "Feature", "Frame", "Future", "Past", "Ratio", "Sample", "Shape",
    "Spine", "Upcoming", "Window", "Words", "check_key", "compile_windows", "customers", "events", "fact", "features",
    "identity_as", "key_columns", "lines", "orders", "reviews", "satisfaction", "shape", "spine_steps",
]  # fmt: skip
