"""Writes a messy shop as raw files, and its truth, apart."""

from footfall.simulate.dials import Dials
from footfall.simulate.emporium import EmporiumDials, write_emporium
from footfall.simulate.shopkeeper import Simulated, simulate

__all__ = ["Dials", "EmporiumDials", "Simulated", "simulate", "write_emporium"]
