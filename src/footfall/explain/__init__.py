"""Why this score, and who this customer is, in the merchant's words."""

from footfall.explain.customer import CustomerStory, customer_story, told_pairs
from footfall.explain.path import Parts, level_parts
from footfall.explain.reasons import importances, reasons
from footfall.explain.wording import say

__all__ = [
    "CustomerStory", "Parts",
    "customer_story", "importances", "level_parts", "reasons", "say", "told_pairs",
]  # fmt: skip
