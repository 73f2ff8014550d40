"""Flows of a provider run without a socket: a function stands in for the vendor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from facegate import FacegateError
from facegate.images.intake import Intake
from facegate.plugin import Answer, Provider
from facegate.policy import Terms
from facegate.preparing import prepared
from facegate.providers.requests import BoundRequest
from facegate.question import Question
from facegate.runtime.flow import Call, Effect, Flow, Gather, HttpReply, HttpRequest, Send, Stepper

T = TypeVar("T")
Vendor = Callable[[HttpRequest], HttpReply]


def run(flow: Flow[T], vendor: Vendor) -> T:
    """Run a flow to its end, and give its value or raise its error."""
    with Stepper(flow) as steps:
        while (effect := steps.need) is not None:
            outcome, failed = None, list[Exception]()
            try:
                outcome = _perform(effect, vendor)
            except FacegateError as error:
                failed.append(error)
            steps.go_on(outcome, failed)
    return steps.value


def _perform(effect: Effect, vendor: Vendor) -> Any:
    match effect:
        case Send():
            return vendor(effect.request)
        case Call():
            return effect.function()
        case Gather():
            return [run(flow, vendor) for flow in effect.flows]


@dataclass(frozen=True)
class SentRequest:
    """One request of a question, as the server of a compatible API hands it on.

    Attributes:
        request: names of headers in lower case, the body in one piece.
        bound: the question as the provider sees it; about one gallery picture where the vendor is
            asked once for each.
    """

    request: HttpRequest
    bound: BoundRequest


def bind(provider: Provider, question: Question) -> BoundRequest:
    """A question as the provider sees it; its pictures are images already."""
    options = (question.options or {}).get(provider.info.plugin)
    terms = Terms.of(provider, question.operation, question.wanted, options)
    probe: Any = question.probe
    gallery: Any = question.gallery
    pictures = prepared(probe, gallery, provider.info, Intake())
    return terms.bind(pictures.probe, pictures.gallery)


def requests(provider: Provider, question: Question) -> list[SentRequest]:
    """The requests that a question becomes.

    Raises:
        FacegateError: the provider refuses the question before it sends any.
    """
    sent: list[HttpRequest] = []

    def vendor(request: HttpRequest) -> HttpReply:
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = {name.lower(): value for name, value in request.headers.items()}
        sent.append(
            HttpRequest(
                request.method,
                f"http://gateway{target}",
                headers,
                (b"".join(request.body),),
                target=target,
                authority=headers.get("host", parts.netloc),
            )
        )
        return HttpReply(503)

    bound: Any = bind(provider, question)
    try:
        run(provider.answer(bound), vendor)
    except FacegateError:
        if not sent:
            raise
    if len(sent) == 1:
        return [SentRequest(sent[0], bound)]
    each = zip(sent, bound.gallery, strict=True)
    return [SentRequest(request, replace(bound, gallery=(image,))) for request, image in each]


def read_reply(provider: Provider, bound: BoundRequest, reply: HttpReply) -> Answer | FacegateError:
    """The answer or error that the provider makes of a reply, the same to each of its requests."""
    try:
        return run(provider.answer(bound), lambda _: reply)
    except FacegateError as error:
        return error
