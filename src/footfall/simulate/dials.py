"""How messy and how busy the simulated shop is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from footfall.errors import UsageError, did_you_mean
from footfall.spans import zone


def _dial(default: float, low: float, high: float, meaning: str) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "meaning": meaning})


def _rate(default: float, meaning: str) -> Any:
    """A rate of mess: multiplied by `mess` when read through `Dials.rate`."""
    return _dial(default, 0, 1, meaning)


@dataclass(frozen=True)
class Dials:
    """The dials of the simulator. `Dials(mess=0)` is the same business with clean files.

    Raises:
        UsageError: a value out of its range.
    """

    mess: float = _dial(1.0, 0, 10, "multiplies every rate of mess below; 0 switches the mess off")
    typos: float = _rate(0.03, "share of names, e-mails and postcodes mistyped, per field")
    missing: float = _rate(0.06, "share of values missing, per field")
    letter_case: float = _rate(0.06, "share of texts in capitals or small letters, per field")
    date_formats: float = _rate(0.25, "share of dates in another format than ISO")
    impossible: float = _rate(0.004, "share of birth dates that cannot be")
    spelling: float = _rate(0.05, "share of brands in another spelling")
    duplicates: float = _rate(0.005, "share of rows that are repeated exactly")
    late: float = _rate(0.02, "share of orders and visits that reach the shop late")
    bots: float = _rate(0.002, "bots, as a share of customers")
    twins: float = _rate(0.02, "share of customers with a second, unused account")
    late_days: float = _dial(3.0, 0.05, 60, "mean delay of late rows, in days, beside the first two hours")
    visitors: float = _dial(0.3, 0, 0.95, "share of customers who come without an account")
    guests: float = _dial(0.12, 0, 0.9, "mean share of orders that are guest checkouts")
    no_details: float = _dial(0.12, 0, 1, "share of accounts without any demographics")
    crm: float = _dial(0.35, 0, 1, "share of account holders who are in the CRM too")
    crm_only: float = _dial(0.06, 0, 1, "people in the CRM only, as a share of customers")
    orders_per_year: float = _dial(6.0, 0.01, 200, "orders a year of a customer who stays")
    events_per_customer: float = _dial(100.0, 1, 5000, "web events a customer a year, bots apart")
    demographics: float = _dial(1.0, 0, 5, "how much demographics matter")
    heterogeneity: float = _dial(1.0, 0, 3, "how much customers differ beyond demographics")
    moods: float = _dial(1.0, 0, 1.5, "how far apart the hidden moods (dormant, usual, keen) are")
    rhythm: float = _dial(0.12, 0, 1, "share of customers who buy in a steady rhythm")
    season: float = _dial(1.0, 0, 3, "strength of weekly and yearly seasons and holidays")
    trend: float = _dial(0.1, -3, 3, "growth of the log purchase rate a year")
    discount: float = _dial(1.0, 0, 4, "strength of the reaction to discounts")
    churn: float = _dial(1.0, 0, 50, "multiplies the daily chance to leave for good")
    stock_outs: float = _dial(0.03, 0, 0.5, "share of product-weeks in which a product sells out")
    products: int = _dial(400, 24, 5_000, "products in the catalogue")
    start: date = date(2025, 6, 1)
    timezone: str = "UTC"
    cutoffs: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        for dial in fields(self):
            value = getattr(self, dial.name)
            if "low" not in dial.metadata:
                continue
            low, high = dial.metadata["low"], dial.metadata["high"]
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
                raise UsageError(f"dial '{dial.name}' is {value!r}; it takes a number from {low} to {high}")
        if not isinstance(self.products, int):
            raise UsageError(f"dial 'products' is {self.products!r}; it takes a whole number")
        if type(self.start) is not date:
            raise UsageError(f"dial 'start' is {self.start!r}; it takes a date")
        if any(type(day) is not date for day in self.cutoffs):
            raise UsageError(f"dial 'cutoffs' is {self.cutoffs!r}; it takes dates")
        zone(self.timezone)

    def rate(self, name: str) -> float:
        """The rate of one kind of mess after the `mess` dial, at most 1."""
        return float(min(1.0, self.mess * getattr(self, name)))

    @classmethod
    def named(cls, values: Mapping[str, Any]) -> Dials:
        """Dials from names and values, texts among them. Raises UsageError for an unknown name or a bad value."""
        known = {f.name: f for f in fields(cls)}
        given: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise UsageError(f"there is no dial '{name}'{did_you_mean(name, known)}")
            given[name] = _parsed(name, value) if isinstance(value, str) else value
        return cls(**given)


def _parsed(name: str, text: str) -> Any:
    try:
        if name == "timezone":
            return text
        if name == "start":
            return date.fromisoformat(text)
        if name == "cutoffs":
            return tuple(date.fromisoformat(t.strip()) for t in text.split(",") if t.strip())
        return int(text) if name == "products" else float(text)
    except ValueError:
        raise UsageError(f"dial '{name}' cannot be '{text}'") from None
