"""The estate as it is now: routes drawn, and providers with their health and their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from facegate.health import ProviderHealth, of_route
from facegate.model import Operation
from facegate.providers.provider import Provider
from facegate.routing.leaf import Leaf
from facegate.routing.limits import Limited
from facegate.routing.node import Node
from facegate.routing.retry import Retry
from facegate.routing.route import Route
from facegate.routing.split import Split
from facegate.routing.wrapper import Wrapper
from facegate.verifier import AsyncFaceVerifier

if TYPE_CHECKING:
    from facegate.journal.journal import Journal
    from facegate.journal.lookup import Figures


class NodeView(BaseModel):
    """A node of a route.

    Attributes:
        kind: ``failover``, ``split`` or ``provider``.
        name: of the provider, or of the inner route.
        weight: of an arm, as a share of all, 0 to 1.
        asked_now: whether a request that came now would be put to it, as far as that does not
            hang on the request: the first of a failover that is in service, every arm with a
            weight.
        attempts: most times that it is asked for one request.
        children: the nodes inside, in order.
    """

    kind: str
    name: str
    weight: float | None = None
    asked_now: bool
    attempts: int = 1
    children: list[NodeView] = Field(default_factory=list)


class RouteView(BaseModel):
    """A route.

    Attributes:
        name: of the route, or of the provider that is asked without one.
        default: whether it answers where a request names none.
        operations: questions that it answers.
        deadline_s: seconds for one request.
        max_attempts: most times that providers are asked for one request.
        require_consent: whether a request without a consent is refused.
        policy: thresholds by operation.
        tree: whom it leads to.
        shadow: the candidate that gets copies; null where there is none.
        sample: share of the requests that it gets, 0 to 1.
    """

    name: str
    default: bool
    operations: list[Operation]
    deadline_s: float
    max_attempts: int
    require_consent: bool
    policy: dict[str, dict[str, Any]]
    tree: NodeView
    shadow: NodeView | None = None
    sample: float | None = None


class Routes(BaseModel):
    """The routes that callers may name."""

    routes: list[RouteView]


def routes(verifiers: Mapping[str, AsyncFaceVerifier], default: str) -> Routes:
    """The routes as they would be taken now."""
    return Routes(routes=[_route(name, each.route, default) for name, each in verifiers.items()])


def _route(name: str, route: Route, default: str) -> RouteView:
    health, shadow = of_route(route), route.shadow
    return RouteView(
        name=name,
        default=name == default,
        operations=sorted(route.node.capabilities),
        deadline_s=route.deadline_s,
        max_attempts=route.max_attempts,
        require_consent=route.require_consent,
        policy={
            str(operation): policy.model_dump(mode="json", exclude_none=True)
            for operation, policy in route.policy.items()
        },
        tree=_node(route.node, health, reached=True),
        shadow=_node(shadow.candidate, health, reached=shadow.sample > 0) if shadow else None,
        sample=shadow.sample if shadow else None,
    )


def _node(
    node: Node,
    health: Mapping[str, ProviderHealth],
    *,
    reached: bool,
    weight: float | None = None,
    attempts: int = 1,
) -> NodeView:
    children: list[NodeView] = []
    match node:
        case Retry():
            most = node.policy.attempts
            return _node(node.node, health, reached=reached, weight=weight, attempts=most)
        case Wrapper():
            return _node(node.node, health, reached=reached, weight=weight, attempts=attempts)
        case Leaf():
            kind, asked = "provider", reached and _in_service(health.get(node.name))
        case Split():
            kind, total = "split", sum(arm.weight for arm in node.arms.values()) or 1
            children = [
                _node(
                    arm.node,
                    health,
                    reached=reached and arm.weight > 0,
                    weight=arm.weight / total,
                )
                for arm in node.arms.values()
            ]
            asked = any(child.asked_now for child in children)
        case _:
            kind, asked = "failover", False
            for inner in node.children():
                child = _node(inner, health, reached=reached and not asked)
                asked = asked or child.asked_now
                children.append(child)
    return NodeView(
        kind=kind,
        name=node.name,
        weight=weight,
        asked_now=asked,
        attempts=attempts,
        children=children,
    )


def _in_service(health: ProviderHealth | None) -> bool:
    """Whether a provider would be asked anything; unknown ones are candidates, never refused."""
    return health is None or bool(health.offers - set(health.unable) - health.resting)


class FiguresView(BaseModel):
    """Figures of a provider's attempts since a moment.

    Attributes:
        requests: times that it was asked.
        errors: times that it failed.
        p50: median seconds of an attempt; null where there was none.
        p95: seconds that 95 of 100 attempts took at most.
        cost: in the operator's currency; null where none is configured.
    """

    requests: int = 0
    errors: int = 0
    p50: float | None = None
    p95: float | None = None
    cost: float | None = None


class LimitsView(BaseModel):
    """Limits of how much a provider may be asked.

    Attributes:
        concurrency: most requests at once.
        rate: most requests in a time, such as ``"10/second"``.
        shared: whether all processes keep them together.
    """

    concurrency: int | None
    rate: str | None
    shared: bool


class CalibrationView(BaseModel):
    """The calibration that a provider's rates come from.

    Attributes:
        digest: first 12 digits of its digest.
        by: who says so, and on whom it was measured.
        until: the moment after which it no longer counts; null where nobody said.
        out: whether it has run out.
    """

    digest: str
    by: str
    until: datetime | None
    out: bool


class ProviderView(BaseModel):
    """A provider.

    Attributes:
        name: its configured name.
        plugin: the code behind it.
        lineage: the matching engine underneath.
        operations: questions that it is there for.
        unable: those that it cannot answer here, each with the reason.
        resting: those for which it is left alone for now: it failed too often, or its model
            changed and the configuration says to leave it.
        findings: sentences that an operator should know.
        limits: limits of how much it may be asked; null where there are none.
        hour: figures of the last hour; null without a journal.
        today: figures of this day in UTC; null without a journal.
        calibration: where its rates come from; null where it has none.
        changed: the moment by which its model is known to have changed; null where it is not.
    """

    name: str
    plugin: str
    lineage: str
    operations: list[Operation]
    unable: dict[Operation, str]
    resting: list[Operation]
    findings: list[str]
    limits: LimitsView | None
    hour: FiguresView | None = None
    today: FiguresView | None = None
    calibration: CalibrationView | None = None
    changed: datetime | None = None


class Providers(BaseModel):
    """The providers of all routes, each once."""

    providers: list[ProviderView]


def providers(verifiers: Mapping[str, AsyncFaceVerifier], journal: Journal | None) -> Providers:
    """The providers as this process knows them, and their figures as the journal does."""
    now = datetime.now(UTC)
    hour: Mapping[str, Figures] | None = None
    today: Mapping[str, Figures] | None = None
    changed: Mapping[str, str] = {}
    if journal is not None:
        hour = journal.provider_figures(now - timedelta(hours=1))
        today = journal.provider_figures(datetime.combine(now.date(), time(), UTC))
        changed = journal.rounds.changed()
    views: dict[str, ProviderView] = {}
    for each in verifiers.values():
        health, limits = of_route(each.route), _limits(each.route)
        for provider in each.route.providers:
            views.setdefault(
                provider.name,
                _provider(provider, health[provider.name]).model_copy(
                    update={
                        "limits": limits.get(provider.name),
                        "hour": _figures(hour, provider.name),
                        "today": _figures(today, provider.name),
                        "changed": _moment(changed.get(provider.name)),
                    }
                ),
            )
    return Providers(providers=list(views.values()))


def _provider(provider: Provider, health: ProviderHealth) -> ProviderView:
    return ProviderView(
        name=provider.name,
        plugin=health.plugin,
        lineage=provider.info.lineage,
        operations=sorted(health.offers),
        unable=dict(health.unable),
        resting=sorted(health.resting),
        findings=list(provider.findings()),
        limits=None,
        calibration=_calibration(provider),
    )


def _limits(route: Route) -> dict[str, LimitsView]:
    return {
        node.name: LimitsView(
            concurrency=node.limiter.settings.concurrency,
            rate=node.limiter.settings.rate,
            shared=node.limiter.settings.shared is not None,
        )
        for node in route.nodes
        if isinstance(node, Limited)
    }


def _calibration(provider: Provider) -> CalibrationView | None:
    for spec in (provider.info.match, provider.info.liveness):
        if spec is not None and spec.rates is not None and spec.rates.document is not None:
            rates = spec.rates
            return CalibrationView(
                digest=rates.document or "",
                by=rates.provenance,
                until=rates.until,
                out=rates.until is not None and rates.until < datetime.now(UTC),
            )
    return None


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _figures(known: Mapping[str, Figures] | None, name: str) -> FiguresView | None:
    if known is None:
        return None
    figures = known.get(name)
    return FiguresView() if figures is None else FiguresView(**asdict(figures))
