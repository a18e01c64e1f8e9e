"""Why this score, and who this customer is, in the merchant's words."""

from footfall.explain.customer import CustomerStory, customer_story, told_pairs
from footfall.explain.path import Parts, level_parts
from footfall.explain.reasons import importances, mean_reasons, reasons
from footfall.explain.shap import contributions, is_exact, steps
from footfall.explain.wording import say

__all__ = [
    "CustomerStory", "Parts",
    "contributions", "customer_story", "importances", "is_exact", "level_parts", "mean_reasons", "reasons", "say",
    "steps", "told_pairs",
]  # fmt: skip
