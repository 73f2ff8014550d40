"""One method of one path: who may ask is settled before the body is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar

import anyio
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from facegate.errors import FacegateError, ProviderUnavailable
from facegate.gateway.arrival import Shared, Unread
from facegate.gateway.keys import Caller
from facegate.gateway.native.door import Door
from facegate.gateway.native.problems import of_error, plain
from facegate.gateway.native.wire import Message, misfit
from facegate.model import Operation
from facegate.runtime.flow import HttpReply, HttpRequest
from facegate.verifier import AsyncFaceVerifier

Q = TypeVar("Q", bound=BaseModel)


Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Stream:
    """A reply that is written bit by bit.

    Attributes:
        content_type: of all of it.
        work: writes it.
    """

    content_type: str
    work: Callable[[Write], Awaitable[None]]


@dataclass(frozen=True)
class Incoming:
    """A request whose caller may ask it.

    Attributes:
        request: with its whole body.
        caller: whose key it came with.
        path: the variable parts of its path.
        query: its query; no name comes twice.
        state: of the application and of this request.
    """

    request: HttpRequest
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    state: dict[str, Any] = field(repr=False)

    @property
    def request_id(self) -> str:
        """The request's id, the caller's or one that was drawn."""
        return str(self.state["request_id"])

    @property
    def visible(self) -> Mapping[str, AsyncFaceVerifier]:
        """The verifiers of the routes that are the caller's business, by the route's name."""
        verifiers: Mapping[str, AsyncFaceVerifier] = self.state["verifiers"]
        return {name: each for name, each in verifiers.items() if self.caller.may_see(name)}

    def queried(self, kind: type[Q]) -> Q:
        """The query, as a ``kind``.

        Raises:
            InvalidRequest: it is none, naming the parameter.
        """
        try:
            return kind.model_validate_strings(dict(self.query))
        except ValidationError as error:
            raise misfit(error) from None


@dataclass(frozen=True)
class Action:
    """One method of one path, as it is served and as the API's document tells it.

    Attributes:
        name: unique, for the document and for clients that are made from it.
        method: in capitals.
        path: with its variable parts in braces.
        handler: makes the reply, or raises a FacegateError, of which a problem is made.
        scope: the permission that it takes; None where any key will do.
        summary: a noun phrase for the document.
        answer: type of the reply's JSON; None where there is no body.
        answer_type: media type of the reply.
        body: type of the request's JSON; None where there is none.
        query: type of its query; None where there is none.
        status: of the reply.
        operation: the question that it asks.
        headers: those that it heeds, each with its meaning.
        problems: statuses that are its own, beside those that every action has.
    """

    name: str
    method: str
    path: str
    handler: Callable[[Incoming], Awaitable[HttpReply | Stream]] = field(repr=False)
    scope: str | None
    summary: str
    answer: Any = None
    answer_type: str = "application/json"
    body: type[Message] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    operation: Operation | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[int, ...] = ()


class NativeEndpoint:
    """The actions of one path as an ASGI application.

    Args:
        actions: the actions of one path, by method.
        door: who may ask.
        shared: what all endpoints share.
    """

    def __init__(self, actions: Mapping[str, Action], door: Door, shared: Shared) -> None:
        self._actions, self._door, self._shared = actions, door, shared
        self.prefix, self.path = "", next(iter(actions.values())).path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            reply = await self._reply(scope, receive, send)
        except FacegateError as error:
            scope["state"]["failure"] = error
            error.request_id = error.request_id or scope["state"]["request_id"]
            reply = of_error(error)
        if reply is not None:
            headers = {"cache-control": "no-store", **reply.headers}
            await Response(reply.body, reply.status, headers)(scope, receive, send)

    async def _reply(self, scope: Scope, receive: Receive, send: Send) -> HttpReply | None:
        """The reply; None where the caller has hung up, or it was written bit by bit."""
        headers, shared = Headers(scope=scope), self._shared
        refused = partial(plain, request_id=scope["state"]["request_id"])
        if headers.get("content-encoding", "identity").lower() != "identity":
            return refused(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body without Content-Encoding"
            )
        query, twice = _query(scope)
        if twice:
            return refused(HTTPStatus.BAD_REQUEST, f"the query has {twice!r} twice")
        path: Mapping[str, str] = scope.get("path_params", {})
        if "\0" in "".join([*query.values(), *path.values()]):
            # PostgreSQL would take it for a fault of the database.
            return refused(HTTPStatus.BAD_REQUEST, "nothing is called by a NUL")
        action = self._actions["GET" if scope["method"] == "HEAD" else scope["method"]]
        caller = await self._door.admit(headers, action, query.get("route"))
        scope["state"]["caller"] = caller.id
        if shared.is_full(caller.id or ""):
            raise ProviderUnavailable("too many requests in work", retry_after=1)
        shared.busy += 1
        try:
            declared = headers.get("content-length", "")
            body = await shared.body(receive, caller.id or "", declared)
            if isinstance(body, Unread):
                return self._unread(body, refused)
            request = HttpRequest(
                scope["method"],
                f"http://gateway{scope['path']}",
                dict(reversed(headers.items())),
                (body,),
                target=scope["raw_path"].decode("latin-1")
                + "?"
                + scope["query_string"].decode("latin-1"),
            )
            incoming = Incoming(request, caller, path, query, scope["state"])
            reply = await action.handler(incoming)
            if not isinstance(reply, Stream):
                return reply
            await _write(reply, receive, send)
            return None
        finally:
            shared.busy -= 1

    def _unread(self, why: Unread, refused: Callable[..., HttpReply]) -> HttpReply | None:
        limits = self._shared.limits
        if why is Unread.HUNG_UP:
            return None
        if why is Unread.TOO_HEAVY:
            most = limits.max_body_bytes / 2**20
            return refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request heavier than {most:g} MiB"
            )
        late = f"the body did not arrive within {limits.body_timeout_s:g} s"
        reply = refused(HTTPStatus.REQUEST_TIMEOUT, late)
        return replace(reply, headers={**reply.headers, "connection": "close"})


async def _write(stream: Stream, receive: Receive, send: Send) -> None:
    """Write a stream to its end, or until the caller has hung up."""
    headers = [(b"content-type", stream.content_type.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def write(some: bytes) -> None:
        await send({"type": "http.response.body", "body": some, "more_body": True})

    async with anyio.create_task_group() as tasks:

        async def watch() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            tasks.cancel_scope.cancel()

        tasks.start_soon(watch)
        await stream.work(write)
        tasks.cancel_scope.cancel()
    await send({"type": "http.response.body", "body": b""})


def _query(scope: Scope) -> tuple[Mapping[str, str], str | None]:
    """The query, and a name in it that comes twice."""
    if not scope["query_string"]:
        return {}, None
    pairs = Request(scope).query_params.multi_items()
    query: dict[str, str] = {}
    for name, value in pairs:
        if name in query:
            return query, name
        query[name] = value
    return query, None
