"""Money: what asking a row costs, at least and at most, and what a job may still spend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from facegate.errors import ConfigurationError
from facegate.model import Billed, Operation
from facegate.providers.provider import Provider
from facegate.routing.route import Route

CENT = 1e-9
"""Money that sums of floating-point numbers may be off by."""


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of a route's providers for one question.

    Attributes:
        attempts: most times that providers are asked for one row.
        costs: price of a charged call of each provider, by name, its steps together; None where
            none is configured.
        stepped: whether a question takes calls of several kinds of one of them.
    """

    attempts: int
    costs: Mapping[str, float | None]
    stepped: bool

    @classmethod
    def of(cls, route: Route, operation: Operation) -> Prices:
        """The prices of a question on a route."""
        asked = [each for each in route.providers if operation in each.capabilities]
        costs = {each.name: _cost(each, operation) for each in asked}
        return cls(route.max_attempts, costs, any(each.info.steps for each in asked))

    @property
    def least(self) -> float | None:
        """The price of a row that the first provider answers at once; None if unknown."""
        return next(iter(self.costs.values()), None)

    def worst(self, gallery: int) -> float:
        """The highest price of a row: every attempt is the dearest, for every picture, and charged.

        Where no price is configured, it is 0.

        Args:
            gallery: its number of gallery pictures.
        """
        dearest = max((each or 0.0 for each in self.costs.values()), default=0.0)
        calls = 1 + gallery if self.stepped else max(1, gallery)
        return self.attempts * calls * dearest

    def refuse_unknown(self) -> None:
        """Refuse to hold to a limit what has no price.

        Raises:
            ConfigurationError: naming the provider.
        """
        for name, cost in self.costs.items():
            if cost is None:
                raise ConfigurationError(
                    f"{name} has no `cost` for this operation, so what a job spends cannot be held"
                    f" to a limit; set providers.{name}.cost, or give no --most"
                )


@dataclass
class Budget:
    """The money of a job: what is spent, and what is granted to chunks that are worked on.

    Attributes:
        most: money that may be spent; None for no limit.
        little: money below which one chunk alone gets what is left.
        spent: money that was spent on each chunk.
        granted: money that each chunk may have cost when its worker leaves it.
    """

    most: float | None
    little: float
    spent: dict[int, float] = field(default_factory=dict)
    granted: dict[int, float] = field(default_factory=dict)

    @property
    def left(self) -> float:
        """Money that is neither spent nor granted."""
        held = (self.granted.get(chunk, spent) for chunk, spent in self.spent.items())
        new = (cap for chunk, cap in self.granted.items() if chunk not in self.spent)
        return (self.most or 0.0) - sum(held) - sum(new)

    def grant(self, chunk: int, idle: int) -> bool:
        """Grant a chunk its share of what is left; False where it has to wait for others.

        Args:
            chunk: the chunk.
            idle: workers without a chunk.
        """
        if self.most is None:
            return True
        share = self.left / idle
        if share < self.little:
            if self.granted:
                return False
            share = self.left
        self.granted[chunk] = self.spent.get(chunk, 0.0) + share
        return True

    def settle(self, chunk: int, spent: float) -> bool:
        """Take back what a chunk has left; gives whether all that there was had been granted."""
        self.spent[chunk] = spent
        granted = self.granted.pop(chunk, 0.0)
        return self.left - (granted - spent) <= CENT


def may_bill(route: Route) -> bool:
    """Whether any provider of a route charges for answers."""
    return any(each.info.billed is not Billed.NO for each in route.providers)


def _cost(provider: Provider, operation: Operation) -> float | None:
    if provider.info.billed is Billed.NO:
        return 0.0
    cost, steps = provider.settings.cost, sorted(provider.info.steps)
    if not isinstance(cost, Mapping):
        return None if cost is None else cost * max(1, len(steps))
    known = [cost.get(step, cost.get(operation)) for step in steps or (operation,)]
    if None in known and not steps:
        return None
    # A step without a price of its own is one of another operation, or free.
    return sum(each or 0.0 for each in known) if any(each is not None for each in known) else None
