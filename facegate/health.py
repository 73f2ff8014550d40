"""Health: whether the questions that a verifier is there for could be answered now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from facegate.model import Operation
from facegate.routing.breaker import Breaker, State
from facegate.routing.route import Route
from facegate.routing.watch import Watched


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """Health of one provider, as far as it is known without asking it.

    Attributes:
        plugin: name of its plugin.
        offers: operations that it is there for.
        unable: those of them that it cannot answer here, each with the reason, such as a missing
            file.
        resting: those of them for which it failed too often, so that it is left alone for now; all
            of them where its model changed and it is to be left.
    """

    plugin: str
    offers: frozenset[Operation]
    unable: Mapping[Operation, str]
    resting: frozenset[Operation]


@dataclass(frozen=True, slots=True)
class Health:
    """Health of a verifier.

    Attributes:
        providers: health of each provider that may be asked, by its name.
        unrecorded: the reason why nothing could be recorded now; None where all is well, or where
            nobody records.
    """

    providers: Mapping[str, ProviderHealth]
    unrecorded: str | None = None

    @property
    def unanswerable(self) -> Mapping[Operation, str]:
        """The operations that no provider could answer here, with the reason of one of them."""
        offered = {each for provider in self.providers.values() for each in provider.offers}
        return {
            operation: next(p.unable[operation] for p in asked)
            for operation in sorted(offered)
            if (asked := [p for p in self.providers.values() if operation in p.offers])
            and all(operation in provider.unable for provider in asked)
        }

    @property
    def ready(self) -> bool:
        """Whether requests should come to this process.

        A provider that is left alone does not count: it is away for every other process too, and
        requests that none of them took would have no answer at all.
        """
        return not self.unanswerable and self.unrecorded is None


def of_route(route: Route) -> Mapping[str, ProviderHealth]:
    """Health of each provider that a route may ask, by its name."""
    resting: dict[str, set[Operation]] = {}
    for node in route.nodes:
        if isinstance(node, Breaker):
            at = {each for each in Operation if node.circuit.state(each) is State.OPEN}
            resting.setdefault(node.circuit.provider, set()).update(at)
        elif isinstance(node, Watched) and node.watch.leaves(node.name):
            resting.setdefault(node.name, set()).update(Operation)
    return {
        provider.name: ProviderHealth(
            provider.info.plugin,
            provider.capabilities,
            provider.unable(),
            frozenset(resting.get(provider.name, ())) & provider.capabilities,
        )
        for provider in route.providers
    }
