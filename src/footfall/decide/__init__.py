"""Answers to actions: what to order and to promote, whose demand rises, and whether the answers agree."""

from footfall.decide.agreement import Sides, agreement
from footfall.decide.leads import Rising, demand_leads
from footfall.decide.restock import Restocking, restock, restocking

__all__ = ["Restocking", "Rising", "Sides", "agreement", "demand_leads", "restock", "restocking"]
