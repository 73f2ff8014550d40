"""The three questions: read, admitted, answered once, told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from anyio.to_thread import run_sync
from pydantic import BaseModel, ConfigDict, Field

from facegate.errors import FacegateError, InvalidRequest, UnsupportedOption
from facegate.gateway.budgets import Admission
from facegate.gateway.idempotency import Idempotency
from facegate.gateway.native.endpoint import Action, Incoming
from facegate.gateway.native.problems import of_error
from facegate.gateway.native.wire import MESSAGES, question
from facegate.gateway.repeats import Completion
from facegate.images.image import ImageLimits
from facegate.model import Operation, VerificationResult
from facegate.policy import Terms
from facegate.question import Question
from facegate.routing.route import Route
from facegate.runtime.flow import HttpReply
from facegate.scores import ScoreSpec
from facegate.verifier import AsyncFaceVerifier

_LIGHT = 2**20
"""Bytes of a body that is sooner read than handed to a thread."""
KEY = "idempotency-key"


class RouteQuery(BaseModel):
    """The route that is to answer."""

    model_config = ConfigDict(extra="forbid")

    route: str | None = Field(
        default=None, description="A route or provider; the key's own, or the default, if absent."
    )


_IDEMPOTENCY = (
    "The caller's own id of this request: sent again under it, it is answered once and charged for"
    " once."
)


@dataclass(frozen=True)
class Asking:
    """The handlers of the three questions.

    Attributes:
        default: name of the route that answers where neither request nor key names one.
        limits: limits of pictures.
        admission: what callers and subjects may cost.
        idempotency: the requests that were answered already.
        lower: whether a caller's threshold may be laxer than the configured one.
        options: those that callers may set, as ``PLUGIN.OPTION``.
    """

    default: str
    limits: ImageLimits
    admission: Admission
    idempotency: Idempotency
    lower: bool = False
    options: frozenset[str] = frozenset()

    def actions(self) -> Iterator[Action]:
        """The three questions."""
        handlers = {
            Operation.COMPARE: (self.compare, "Is the person on the probe the one on the gallery?"),
            Operation.COMPARE_LIVE: (self.compare_live, "Both questions, on the same probe"),
            Operation.LIVENESS: (self.liveness, "Is a living person in front of the camera?"),
        }
        for operation, (handler, summary) in handlers.items():
            yield Action(
                name=operation.value,
                method="POST",
                path=f"/v1/{operation.value.replace('_', '-')}",
                handler=handler,
                scope="verify",
                summary=summary,
                answer=VerificationResult,
                body=MESSAGES[operation],
                query=RouteQuery,
                operation=operation,
                headers={"Idempotency-Key": _IDEMPOTENCY},
                problems=(404, 409, 422, 501, 502, 504),
            )

    async def compare(self, incoming: Incoming) -> HttpReply:
        return await self._ask(Operation.COMPARE, incoming)

    async def compare_live(self, incoming: Incoming) -> HttpReply:
        return await self._ask(Operation.COMPARE_LIVE, incoming)

    async def liveness(self, incoming: Incoming) -> HttpReply:
        return await self._ask(Operation.LIVENESS, incoming)

    async def _ask(self, operation: Operation, incoming: Incoming) -> HttpReply:
        caller, request = incoming.caller, incoming.request
        verifier = self._verifier(incoming)
        read = partial(
            question,
            operation,
            request,
            self.limits,
            request_id=incoming.request_id,
            caller=caller.id,
        )
        light = sum(map(len, request.body)) <= _LIGHT
        asked = read() if light else await run_sync(read)
        incoming.state["request_id"] = asked.id
        self._refuse_loose(asked, verifier.route)
        work = partial(self._answered, asked, incoming, verifier)
        value = request.headers.get(KEY)
        if value is None:
            return (await work()).reply
        deadline_s = verifier.route.deadline_s
        return await self.idempotency.once(caller, value, request, asked.id, deadline_s, work)

    def _refuse_loose(self, asked: Question, route: Route) -> None:
        """Refuse what would undo the configuration's own strictness."""
        given = {
            f"{plugin}.{name}"
            for plugin, options in (asked.options or {}).items()
            for name in options
        }
        if given - self.options:
            raise UnsupportedOption("options: serve.api.options names those that callers may set")
        if not self.lower:
            refuse_laxer(asked, route)

    def _verifier(self, incoming: Incoming) -> AsyncFaceVerifier:
        """The verifier of the route that the request, the key or the configuration names."""
        verifiers: Mapping[str, AsyncFaceVerifier] = incoming.state["verifiers"]
        allowed = incoming.caller.routes
        named = incoming.queried(RouteQuery).route if incoming.query else None
        name = named or (allowed[0] if allowed else self.default)
        if name not in verifiers:
            known = ", ".join(each for each in verifiers if not allowed or each in allowed)
            raise InvalidRequest(f"no such route; there are: {known}")
        return verifiers[name]

    async def _answered(
        self, asked: Question, incoming: Incoming, verifier: AsyncFaceVerifier
    ) -> Completion:
        try:
            async with self.admission.admitted(incoming.caller, asked, verifier.route) as admitted:
                incoming.state["asked"] = True
                result = await verifier.ask(asked)
                admitted.settle(result)
        except FacegateError as error:
            incoming.state["failure"] = error
            error.request_id = error.request_id or asked.id
            return Completion.failed(error, of_error(error))
        body = result.model_dump_json().encode()
        headers = {"content-type": "application/json", **admitted.headers}
        return Completion(HttpReply(200, headers, body), stays=True)


def refuse_laxer(question: Question, route: Route) -> None:
    """Refuse a threshold that lets in whom the configured one does not.

    Whoever holds a key may ask, and not decide on their own how alike is alike enough.

    Raises:
        UnsupportedOption: it does, at a provider that may be asked.
        FacegateError: nobody can be asked so; see :meth:`Route.terms`.
    """
    if question.threshold is None and question.liveness_threshold is None:
        return
    operation, size = question.operation, question.gallery_size
    own = route.terms(operation, gallery=size).terms
    wanted = route.terms(operation, question.wanted, question.options, size).terms
    for provider in route.providers:
        mine, theirs = own[provider.name], wanted[provider.name]
        if isinstance(mine, Terms) and isinstance(theirs, Terms):
            _refuse(provider.info.match, "threshold", mine.threshold, theirs.threshold)
            lives = mine.liveness_threshold, theirs.liveness_threshold
            _refuse(provider.info.liveness, "liveness_threshold", *lives)


def _refuse(spec: ScoreSpec | None, name: str, own: float | None, asked: float | None) -> None:
    if spec is None or own is None or asked is None or spec.scale.reaches(asked, own):
        return
    raise UnsupportedOption(
        f"{name}: {asked:g} is laxer than the configured {own:g}; serve.api.lower_thresholds"
        " permits that"
    )
