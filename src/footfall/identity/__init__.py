"""Block, compare, weigh, cluster: many records of persons to one customer, with the uncertainty of it."""

from footfall.identity.linkage import Policy
from footfall.identity.resolve import Resolved, resolve, telling_persons

__all__ = ["Policy", "Resolved", "resolve", "telling_persons"]
