"""Raw files into the canonical tables: one file per kind of raw data."""

from footfall.sources.declare import Check, Fill, Role, Source, kept, repaired, set_aside
from footfall.sources.guessing import guess
from footfall.sources.loading import FileRow, Finding, LoadReport, find_source, load, source_names

__all__ = [
    "Check",
    "FileRow",
    "Fill",
    "Finding",
    "LoadReport",
    "Role",
    "Source",
    "find_source",
    "guess",
    "kept",
    "load",
    "repaired",
    "set_aside",
    "source_names",
]
