"""Why this score, in the merchant's words."""

from footfall.explain.reasons import importances, reasons
from footfall.explain.wording import say

__all__ = ["importances", "reasons", "say"]
