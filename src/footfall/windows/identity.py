"""Whose facts are one customer's at a cutoff: handed on from `tables`, for the rooms that know cutoffs and not tables."""

from footfall.tables import IDENTITIES, identity_as

__all__ = ["IDENTITIES", "identity_as"]
