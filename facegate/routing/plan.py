"""The plan, which builds the routes that the tables of a configuration describe."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from facegate.errors import ConfigurationError, FacegateError
from facegate.policy import check_settings
from facegate.providers.provider import Provider
from facegate.rates import Rates, preset
from facegate.routing.breaker import Breaker, Circuit
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.limits import Limited, Limiter, LimitSettings
from facegate.routing.node import Node
from facegate.routing.retry import Retry, RetryPolicy, RetryQuota
from facegate.routing.route import Route
from facegate.routing.shadow import Shadow
from facegate.routing.split import Arm, Split
from facegate.routing.tables import BreakerTable, RouteTable, ShadowTable
from facegate.routing.watch import Watch, Watched
from facegate.thresholds import Policy, Wanted, chosen

States = dict[tuple[str, str], tuple[Any, Any]]
"""Breakers, limits and quotas by kind and provider name, each after the settings it came from."""


@dataclass
class Plan:
    """A builder of routes.

    A provider is built once, whatever leads to it, and has one breaker, one limiter and one quota.

    Attributes:
        source: the configuration's name, for messages.
        routes: the route tables, already held to :func:`facegate.routing.tables.check`.
        build: makes a provider by its configured name.
        breaker: the breaker table; None where providers are never left alone.
        limits: limits by provider name.
        key: secret that keeps those who choose their own user names from choosing an arm of a
            split.
        before: providers of the plan before; one with the same settings is not built anew.
        states: breakers, limits and quotas of the plan before, which go on; this one's are added.
        watch: what is known of providers that changed; None where nobody watches them.
    """

    source: str
    routes: Mapping[str, RouteTable]
    build: Callable[[str], Provider]
    breaker: BreakerTable | None = None
    limits: Mapping[str, LimitSettings] = field(default_factory=dict)
    key: bytes = b""
    before: Sequence[Provider] = ()
    states: States = field(default_factory=dict)
    watch: Watch | None = None

    def __post_init__(self) -> None:
        self._providers: dict[str, Provider] = {}

    def provider(self, name: str) -> Provider:
        """Build a provider, or give the one that was built.

        Raises:
            ConfigurationError: see :func:`facegate.config.build`.
        """
        if name not in self._providers:
            new = self.build(name)
            same = (old for old in self.before if _identity(old) == _identity(new))
            self._providers[name] = next(same, new)
        return self._providers[name]

    def route(self, name: str) -> Route:
        """Build a route, or one to a provider of that name.

        Raises:
            ConfigurationError: naming the key, or what is wrong with one of its providers.
        """
        table = self.routes.get(name)
        if table is None:
            provider = self.provider(name)
            deadline_s = provider.settings.deadline_s
            return Route(None, self._node(name), deadline_s, 1, digest=self.digest(name))
        trial = table.shadow
        route = Route(
            name,
            self._node(name),
            table.deadline_s,
            self._attempts(name),
            require_consent=any(
                self.routes[inner].require_consent for inner in self._reached(name)
            ),
            policy=table.policy,
            shadow=self._shadow(trial) if trial else None,
            digest=self.digest(name),
        )
        for operation, policy in table.policy.items():
            self._check(route, f"routes.{name}.policy.{operation}", policy)
        return route

    def digest(self, name: str) -> str:
        """SHA-256, in hex, of all that decides how a request is answered, secrets apart."""
        settings = {
            provider: self.provider(provider).settings.model_dump(mode="json")
            for provider in self.providers(name)
        }
        canonical = json.dumps([self.described(name), settings], sort_keys=True)
        return sha256(canonical.encode()).hexdigest()

    def providers(self, name: str, *, candidates: bool = True) -> list[str]:
        """Names of the providers that a route leads to, those on trial included; each once."""
        if name not in self.routes:
            return [name]
        members = [
            member
            for key, member in self.routes[name].references()
            if candidates or not key.startswith("shadow")
        ]
        names = (leaf for inner in members for leaf in self.providers(inner, candidates=candidates))
        return list(dict.fromkeys(names))

    def described(self, name: str) -> dict[str, Any]:
        """A route or provider as data, down to the last provider; without secrets."""
        table = self.routes.get(name)
        if table is None:
            info, limit = self.provider(name).info, self.limits.get(name)
            return {
                "name": name,
                "plugin": info.plugin,
                "lineage": info.lineage,
                "recipient": info.handling.recipient,
                "region": info.handling.region,
                "operations": sorted(self.provider(name).capabilities),
                "breaker": self.breaker.of(name).model_dump() if self.breaker else None,
                "limits": limit.model_dump(mode="json") if limit else None,
                "rates": {
                    preset(rate, rates.kind): threshold
                    for rates in _rates(self.provider(name))
                    for rate, threshold in rates.presets.items()
                },
                "calibration": info.calibration_id,
                "rates_until": [str(rates.until) for rates in _rates(self.provider(name))],
            }
        shadow = table.shadow
        return {
            "name": name,
            "way": table.way,
            "children": [
                {"weight": table.split.get(member), **self.described(member)}
                for member in table.members
            ],
            "shadow": {**shadow.model_dump(), "to": self.described(shadow.to)} if shadow else None,
            "max_attempts": self._attempts(name),
            **table.model_dump(
                mode="json", include={"retry", "deadline_s", "require_consent", "policy"}
            ),
        }

    def findings(self, name: str) -> Iterator[str]:
        """Sentences that an operator should know of a route before going live."""
        names = self.providers(name, candidates=False)
        providers = [self.provider(each) for each in names]
        lineages: dict[str, list[str]] = {}
        for provider in providers:
            lineages.setdefault(provider.info.lineage, []).append(provider.name)
        for lineage, same in lineages.items():
            if len(same) > 1:
                yield (
                    f"{_listed(same)} share the engine {lineage}: when it fails or errs,"
                    f" {'both' if len(same) == 2 else 'all'} do"
                )
        policies = {provider.name: provider.info.several_faces for provider in providers}
        if len(set(policies.values())) > 1:
            ways = (
                f"{name} {policy.probe} (probe) and {policy.gallery} (gallery)"
                for name, policy in policies.items()
            )
            yield f"of several faces on a picture they make different things: {', '.join(ways)}"
        for provider in providers:
            wanted = Wanted.of(provider.settings)
            number = chosen("threshold", wanted.threshold, provider.info.match)
            warning = provider.info.match and number and provider.info.match.warning(number)
            if warning:
                yield f"{provider.name}: {warning}"
        offered = frozenset[str]().union(*(provider.capabilities for provider in providers))
        for provider in providers:
            if missing := offered - provider.capabilities:
                yield f"{provider.name} does not offer {_listed(sorted(missing))}"
        tables = [self.routes[inner] for inner in self._reached(name)]
        if not self.key and any(table.split for table in tables):
            yield "there is no subject_key, so whoever chooses a user name can choose its arm"

    def _reached(self, name: str) -> Iterator[str]:
        """Names of the route and of those it is made of."""
        if name in self.routes:
            yield name
            for _, member in self.routes[name].references():
                yield from self._reached(member)

    def _node(self, name: str, retry: RetryPolicy | None = None) -> Node:
        table = self.routes.get(name)
        if table is None:
            return self._leaf(name, retry)
        own = RetryPolicy(**table.retry.model_dump()) if table.retry else None
        nodes = {member: self._node(member, own) for member in table.members}
        if table.failover:
            return Failover(name, list(nodes.values()))
        if table.split:
            arms = {member: Arm(weight, nodes[member]) for member, weight in table.split.items()}
            return Split(name, arms, self.key)
        return nodes[table.members[0]]

    def _shadow(self, table: ShadowTable) -> Shadow:
        return Shadow(self._node(table.to), table.sample, table.most, table.deadline_s)

    def _leaf(self, name: str, retry: RetryPolicy | None) -> Node:
        # The breaker is innermost: a wait for a limit, or between retries, is no provider's fault.
        node: Node = Leaf(self.provider(name))
        if self.breaker:
            breaker = self.breaker.of(name)
            node = Breaker(node, self._state(Circuit, name, breaker))
        if limits := self.limits.get(name):
            node = Limited(node, self._state(Limiter, name, limits))
        if retry:
            node = Retry(node, retry, self._state(RetryQuota, name, None))
        if self.watch and name in self.watch.settings.providers:
            node = Watched(node, self.watch)
        return node

    def _state(self, kind: Callable[..., Any], name: str, settings: Any) -> Any:
        # Learnt of another provider, or under other settings, it says nothing about this one.
        key, origin = (kind.__name__, name), (_identity(self.provider(name)), settings)
        if key not in self.states or self.states[key][0] != origin:
            self.states[key] = (origin, kind(name, settings) if settings else kind())
        return self.states[key][1]

    def _attempts(self, name: str) -> int:
        """Attempts that one request may make: as the table says, or until nobody is left to ask."""
        table = self.routes.get(name)
        if table is None:
            return 1
        if table.max_attempts:
            return table.max_attempts
        again = table.retry.attempts if table.retry else 1
        # A retry is around providers alone; an inner route's own table has counted its retries.
        attempts = [
            self._attempts(member) * (1 if member in self.routes else again)
            for member in table.members
        ]
        return sum(attempts) if table.failover else max(attempts)

    def _check(self, route: Route, where: str, policy: Policy) -> None:
        operation = where.rpartition(".")[2]
        asked = [provider for provider in route.providers if operation in provider.capabilities]
        try:
            if not asked:
                raise ConfigurationError(f"none of its providers offers {operation}")
            route.refuse_ambiguous(Wanted.of(policy))
            for provider in asked:
                check_settings(provider, policy)
        except FacegateError as error:
            raise ConfigurationError(f"{self.source}: {where}: {error}") from None


def _identity(provider: Provider) -> tuple[Any, ...]:
    """A value that two providers share if either may stand in for the other.

    The settings themselves, and no digest of them: that leaves secrets out, and a provider with
    another key must be built anew.
    """
    return type(provider), provider.name, provider.settings, _rates(provider)


def _rates(provider: Provider) -> list[Rates]:
    """The error rates that its thresholds may be given as."""
    specs = (provider.info.match, provider.info.liveness)
    return [spec.rates for spec in specs if spec and spec.rates]


def _listed(words: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)
