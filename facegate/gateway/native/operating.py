"""The service as its operators see it: who asks, whom it leads to, and how they fare."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, TypeAdapter

from facegate.errors import InvalidRequest
from facegate.gateway.budgets import TooManyRequests
from facegate.gateway.native import estate, trials
from facegate.gateway.native.decisions import answered
from facegate.gateway.native.endpoint import Action, Incoming, Stream
from facegate.gateway.native.estate import Providers, Routes
from facegate.gateway.native.trials import TrialReport
from facegate.gateway.native.verifying import Verification, verification
from facegate.gateway.native.wire import Message, message
from facegate.journal.chain import Head
from facegate.journal.lookup import Extent
from facegate.runtime.flow import HttpReply

if TYPE_CHECKING:
    from facegate.journal.journal import Journal

READING = "decisions:read"


class Session(BaseModel):
    """The caller.

    Attributes:
        caller: the key's id, as the journal has it; ``local`` where no key is needed.
        name: the key's name.
        scopes: what it permits.
        routes: routes that it may name; null for all.
        operations: questions that it may ask; null for all.
    """

    caller: str
    name: str
    scopes: list[str]
    routes: list[str] | None
    operations: list[str] | None


class TrialQuery(BaseModel):
    """The trial that is looked for."""

    model_config = ConfigDict(extra="forbid")

    route: str | None = None


class ExpectedHead(Message):
    """A head that was written down elsewhere, to hold the chain against."""

    expected: str | None = None


@dataclass(frozen=True)
class Operating:
    """The handlers of everything about the service itself.

    Attributes:
        default: name of the route that answers where a request names none.
        journal: the journal; None where nobody keeps one.
        metrics: gives content type and text of the metrics; None where nobody counts.
        whole: lets one at a time read the whole journal, which leaves threads for the questions.
    """

    default: str
    journal: Journal | None
    metrics: Callable[[], tuple[str, bytes]] | None = None
    whole: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))

    def actions(self) -> Iterator[Action]:
        """The actions on the service itself."""
        reading = partial(Action, method="GET", scope=READING)
        yield Action(
            name="showSession",
            method="GET",
            path="/v1/session",
            handler=self.session,
            scope=None,
            summary="The caller, and what the key permits",
            answer=Session,
        )
        yield reading(
            name="listProviders",
            path="/v1/providers",
            handler=self.providers,
            summary="Providers, their health as this process knows it, and their figures",
            answer=Providers,
        )
        yield reading(
            name="listRoutes",
            path="/v1/routes",
            handler=self.routes,
            summary="Routes that a question may name, and whom each would ask now",
            answer=Routes,
        )
        if self.metrics is not None:
            yield Action(
                name="showMetrics",
                method="GET",
                path="/metrics",
                handler=self.measured,
                scope="metrics",
                summary="Metrics of all processes, for Prometheus",
                answer=str,
                answer_type="text/plain",
            )
        if self.journal is None:
            return
        yield reading(
            name="showTrial",
            path="/v1/trial",
            handler=partial(self.trial, self.journal),
            summary="The trial of a route, in statements",
            answer=TrialReport,
            query=TrialQuery,
            problems=(404,),
        )
        yield reading(
            name="showJournal",
            path="/v1/journal",
            handler=partial(self.extent, self.journal),
            summary="The journal's extent, and its head to be written down elsewhere",
            answer=Extent,
        )
        yield Action(
            name="verifyJournal",
            method="POST",
            path="/v1/journal/verification",
            handler=partial(self.verified, self.journal),
            scope="admin",
            summary="The journal's verification: lines of JSON, the last with the outcome",
            answer=Verification,
            answer_type="application/x-ndjson",
            body=ExpectedHead,
        )

    async def session(self, incoming: Incoming) -> HttpReply:
        caller = incoming.caller
        session = Session(
            caller=caller.id or caller.name,
            name=caller.name,
            scopes=sorted(caller.scopes),
            routes=None if caller.routes is None else list(caller.routes),
            operations=None if caller.operations is None else sorted(caller.operations),
        )
        return answered(session, _SESSION)

    async def providers(self, incoming: Incoming) -> HttpReply:
        known = partial(estate.providers, incoming.visible, self.journal)
        return answered(await run_sync(known), _PROVIDERS)

    async def routes(self, incoming: Incoming) -> HttpReply:
        return answered(estate.routes(incoming.visible, self.default), _ROUTES)

    async def measured(self, _: Incoming) -> HttpReply:
        assert self.metrics is not None  # noqa: S101  it is an action only then
        content_type, text = await run_sync(self.metrics)
        return HttpReply(200, {"content-type": content_type}, text)

    async def trial(self, journal: Journal, incoming: Incoming) -> HttpReply:
        verifiers = incoming.visible
        name = incoming.queried(TrialQuery).route or next(iter(verifiers), self.default)
        if name not in verifiers:
            raise InvalidRequest("no such route")
        route = verifiers[name].route
        report = await run_sync(trials.trial, journal, route, name, limiter=self.whole)
        return answered(report, _TRIAL)

    async def extent(self, journal: Journal, _: Incoming) -> HttpReply:
        return answered(await run_sync(journal.extent), _EXTENT)

    async def verified(self, journal: Journal, incoming: Incoming) -> Stream:
        asked = ExpectedHead()
        if any(incoming.request.body):
            asked = message(ExpectedHead, incoming.request)
        expected = None if asked.expected is None else Head.parse(asked.expected)
        if not self.whole.available_tokens:
            raise TooManyRequests("the journal is being read whole already", retry_after=10)
        work = partial(verification, journal, expected, self.whole)
        return Stream("application/x-ndjson", work)


_SESSION: TypeAdapter[Any] = TypeAdapter(Session)
_PROVIDERS: TypeAdapter[Any] = TypeAdapter(Providers)
_ROUTES: TypeAdapter[Any] = TypeAdapter(Routes)
_TRIAL: TypeAdapter[Any] = TypeAdapter(TrialReport)
_EXTENT: TypeAdapter[Any] = TypeAdapter(Extent)
