"""Checks, repairs, quarantine: missing, inconsistent, duplicate, late."""

from footfall.quality.declare import Check, Finding
from footfall.quality.run import CHECKS, check

__all__ = ["CHECKS", "Check", "Finding", "check"]
