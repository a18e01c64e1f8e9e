"""Looks for what an answer knows and could not have known: in the house's own tasks, and in anybody's table."""

from footfall.audit.changes import WAYS, Change, Way, changed
from footfall.audit.copies import copies
from footfall.audit.facts import Differences, Question, audit_facts, audit_reading, differences
from footfall.audit.finding import CHECKS, CLEAN, LEAK, NOT_RUN, SUSPECT, VERDICTS, Finding, in_order, summed_up
from footfall.audit.query import Study
from footfall.audit.rows import Rows, figure
from footfall.audit.single import single
from footfall.audit.splits import Compared, compare, overlap, overlapping, split, split_told
from footfall.audit.study import audit_study
from footfall.audit.table import Roles, audit_rows, numbered, read_table, rows_of

__all__ = [
    "CHECKS", "CLEAN", "LEAK", "NOT_RUN", "SUSPECT", "VERDICTS", "WAYS",
    "Change", "Compared", "Differences", "Finding", "Question", "Roles", "Rows", "Study", "Way",
    "audit_facts", "audit_reading", "audit_rows", "audit_study", "changed", "compare", "copies", "differences",
    "figure", "in_order", "numbered",
    "overlap", "overlapping", "read_table", "rows_of", "single", "split", "split_told", "summed_up",
]  # fmt: skip
