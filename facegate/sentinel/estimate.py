"""The price of watching, before anybody is asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from facegate.batch.money import Prices
from facegate.routing.route import Route
from facegate.sentinel.asking import Asker
from facegate.sentinel.canaries import Canary

_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What watching a provider takes.

    Attributes:
        provider: its name.
        canaries: questions of one round.
        rounds: rounds a year, 0 or more.
        cost: money a year; None where a price is not configured.
    """

    provider: str
    canaries: int
    rounds: float
    cost: float | None

    @classmethod
    def of(cls, asker: Asker, every: timedelta) -> Estimate:
        """The estimate for a provider with its canaries.

        Args:
            asker: the provider with its canaries.
            every: time from one round to the next.
        """
        prices = [_price(asker, each) for each in asker.canaries.all]
        known = [price for price in prices if price is not None]
        rounds = _YEAR / every
        cost = rounds * sum(known) if len(known) == len(prices) else None
        return cls(asker.provider.name, len(prices), rounds, cost)

    def as_data(self) -> dict[str, Any]:
        """The estimate as JSON-ready data."""
        return asdict(self)

    def __str__(self) -> str:
        money = f", {self.cost:,.2f}" if self.cost else ""
        calls = self.canaries * self.rounds
        return f"{self.provider}: {self.canaries} canaries, {calls:,.0f} questions a year{money}"


def _price(asker: Asker, canary: Canary) -> float | None:
    least = Prices.of(Route.to(asker.provider), canary.operation).least
    return None if least is None else least * max(1, len(canary.gallery))
