"""Whose facts are one customer's at a cutoff: handed on from `tables` to rooms that know no tables."""

from footfall.tables import IDENTITIES, identity_as

__all__ = ["IDENTITIES", "identity_as"]
