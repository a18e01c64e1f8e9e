"""Why this score, and who this customer is, in the merchant's words."""

from footfall.explain.customer import CustomerStory, customer_story, told_pairs
from footfall.explain.reasons import importances, reasons
from footfall.explain.wording import say

__all__ = ["CustomerStory", "customer_story", "importances", "reasons", "say", "told_pairs"]
