"""The native API: its actions, and where they are mounted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from facegate.errors import FacegateError
from facegate.gateway.arrival import Shared
from facegate.gateway.attempts import per_transaction
from facegate.gateway.budgets import Admission, refuse_unpriced
from facegate.gateway.grants import per
from facegate.gateway.idempotency import Idempotency
from facegate.gateway.keys import Caller, Keys
from facegate.gateway.native.administration import Administration
from facegate.gateway.native.asking import Asking
from facegate.gateway.native.door import Door
from facegate.gateway.native.endpoint import Action, NativeEndpoint
from facegate.gateway.native.openapi import document
from facegate.gateway.native.operating import Operating
from facegate.gateway.native.reference import reference
from facegate.gateway.native.sentinel import Watching
from facegate.gateway.native.settings import ApiSettings
from facegate.images.image import DEFAULT_LIMITS, ImageLimits
from facegate.thresholds import chosen
from facegate.verifier import AsyncFaceVerifier

if TYPE_CHECKING:
    from facegate.gateway.console.session import Sessions
    from facegate.journal.journal import Journal
    from facegate.routing.route import Route as VerifierRoute
    from facegate.sentinel.sentinel import Sentinel

PREFIX = "/v1/"


@dataclass(frozen=True, kw_only=True)
class NativeApi:
    """facegate's own API, ``/v1``, and its console.

    Attributes:
        default: name of the route that answers where a request names none.
        settings: as ``[serve.api]`` has them.
        keys: the keys that there are.
        admission: what callers and subjects may cost.
        idempotency: the requests that were answered already.
        journal: where decisions are looked up; None for an API that only asks.
        others: makers of the verifiers for further routes, by the name that callers give.
        limits: limits of pictures.
        metrics: gives content type and text of the metrics; None where nobody counts.
        sentinel: knows how the models stand; None where nobody watches them.
        sessions: the console's; None where there is no console.
        local: whether only this machine can reach the service, so that it may do without keys.
    """

    default: str
    settings: ApiSettings
    keys: Keys
    admission: Admission
    idempotency: Idempotency
    journal: Journal | None = None
    others: Mapping[str, Callable[[], AsyncFaceVerifier]] = field(default_factory=dict)
    limits: ImageLimits = DEFAULT_LIMITS
    metrics: Callable[[], tuple[str, bytes]] | None = None
    sentinel: Sentinel | None = None
    sessions: Sessions | None = None
    local: bool = False

    @cached_property
    def actions(self) -> Sequence[Action]:
        """All actions, in the order of the document."""
        asking = Asking(
            self.default,
            self.limits,
            self.admission,
            self.idempotency,
            self.settings.lower_thresholds,
            frozenset(self.settings.options),
        )
        actions = [*asking.actions()]
        if self.journal is not None:
            from facegate.gateway.native.decisions import Decisions

            actions += Decisions(self.journal, self.settings).actions()
        actions += Operating(self.default, self.journal, self.metrics).actions()
        actions += Watching(self.sentinel).actions()
        return [*actions, *Administration(self.keys).actions()]

    @cached_property
    def document(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return document(self.actions, version("facegate"))

    async def unready(self) -> Sequence[str]:
        """The reasons why no caller could be admitted now."""
        try:
            await run_sync(self.admission.counters.check)
        except FacegateError:
            return ["what callers use cannot be counted"]
        return ()

    def findings(self, route: VerifierRoute) -> Iterator[str]:
        """Sentences that an operator should know before going live.

        Raises:
            ConfigurationError: a key has a budget, and a provider of its routes no price.
        """
        for caller in map(Caller.of, self.keys.in_file.values()):
            if caller.may_see(route.name or route.node.name):
                refuse_unpriced(caller, route)
        yield from self._chance(route)

    def _chance(self, route: VerifierRoute) -> Iterator[str]:
        """How many thieves get in by chance, if each may try as often as is allowed."""
        limit = self.settings.attempts.per_subject if self.settings.attempts else None
        if limit is None:
            return
        attempts, _ = per(limit)
        for provider in route.providers:
            spec, rates = provider.info.match, provider.info.match and provider.info.match.rates
            threshold = spec and chosen("threshold", provider.settings.threshold, spec)
            fmr = spec and rates and threshold and rates.rate(threshold, spec.scale)
            if fmr:
                share = per_transaction(fmr, attempts)
                yield (
                    f"{provider.name}: at FMR {fmr:.2g} and {limit}, about 1 thief in"
                    f" {1 / share:,.0f} gets in by chance"
                )

    def mounted(self, shared: Shared) -> list[Route]:
        """Everything at its place."""
        hosts = frozenset(self.settings.hosts) | {shared.public[0].partition(":")[0]} - {""}
        door = Door(self.keys, self.sessions, hosts, local=self.local)
        return [*self._routes(door, shared), *self._console(door, shared)]

    def _routes(self, door: Door, shared: Shared) -> Iterator[Route]:
        paths: dict[str, dict[str, Action]] = {}
        for action in self.actions:
            paths.setdefault(action.path, {})[action.method] = action
        for path, actions in paths.items():
            yield Route(path, NativeEndpoint(actions, door, shared), methods=list(actions))
        yield Route("/openapi.json", self._told)
        yield Route("/docs", self._read)

    def _console(self, door: Door, shared: Shared) -> Sequence[Route]:
        if self.sessions is None:
            return ()
        from facegate.gateway.console.routes import console_routes

        return console_routes(door, self.sessions, shared.public[1])

    async def _told(self, _: Request) -> Response:
        return JSONResponse(self.document)

    async def _read(self, _: Request) -> Response:
        return HTMLResponse(reference(self.document))
