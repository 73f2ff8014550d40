"""The HTTP application: every API at its place."""

from __future__ import annotations

import logging
import re
import threading
import time
import traceback
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    nullcontext,
)
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facegate.errors import ConfigurationError
from facegate.events import Observer, Refused, tell
from facegate.gateway.api import Api
from facegate.gateway.arrival import Shared
from facegate.gateway.bridge import Bridge
from facegate.gateway.endpoint import ApiEndpoint
from facegate.gateway.native.api import PREFIX, NativeApi
from facegate.gateway.native.endpoint import NativeEndpoint
from facegate.gateway.native.problems import plain
from facegate.gateway.sandbox import Sandbox
from facegate.gateway.settings import Limits, public_place
from facegate.gateway.workers import Worker
from facegate.health import Health
from facegate.providers.compat import CompatibleApi
from facegate.verifier import AsyncFaceVerifier

_LOG = logging.getLogger("facegate.gateway")
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)


def create_app(
    apis: Sequence[CompatibleApi],
    verifier: Callable[[], AsyncFaceVerifier],
    limits: Limits | None = None,
    sandbox: Sandbox | None = None,
    public_url: str | None = None,
    *,
    cors_origins: Sequence[str] = (),
    leaving: threading.Event | None = None,
) -> Starlette:
    """The ASGI application that serves ``apis``; :func:`asgi` serves a configuration whole.

    Each is at ``/<plugin>/...``; with exactly one, its own paths work too. An API that has a route
    ``/`` is at ``/<plugin>`` as well. ``GET /healthz`` says that the process serves, and ``GET
    /readyz`` whether requests should come to it. Callers present their key before their body is
    read. An API without keys refuses only web pages: a visitor's browser would send requests in
    their name unawares.

    Args:
        apis: the APIs to serve, each set up with its settings and keys.
        verifier: makes the verifier that answers; called on the server's event loop, and closed
            when the application ends.
        limits: bounds on what one caller may cost.
        sandbox: lets callers force outcomes; None refuses to.
        public_url: where callers reach the application, if a proxy in front of it changes host or
            path on the way; what they signed is held against it. No forwarded header is believed.
        cors_origins: origins of the web pages that browsers may let ask; none by default.
        leaving: set when the process is about to end, which ``/readyz`` then says.

    Raises:
        ConfigurationError: settings that an API could never use, or an API that is there twice.
    """
    return application(
        apis, verifier, limits, sandbox, public_url, cors_origins=cors_origins, leaving=leaving
    )


def application(
    apis: Sequence[CompatibleApi],
    verifier: Callable[[], AsyncFaceVerifier],
    limits: Limits | None = None,
    sandbox: Sandbox | None = None,
    public_url: str | None = None,
    *,
    native: NativeApi | None = None,
    cors_origins: Sequence[str] = (),
    observers: Sequence[Observer] = (),
    opened: Callable[[Sequence[AsyncFaceVerifier]], object] = lambda _: None,
    beside: Callable[[], AbstractAsyncContextManager[object]] = nullcontext,
    leaving: threading.Event | None = None,
    worker: Worker | None = None,
) -> Starlette:
    """The application of :func:`create_app`, with facegate's own API and console beside.

    Args:
        apis: see :func:`create_app`.
        verifier: see :func:`create_app`.
        limits: see :func:`create_app`.
        sandbox: see :func:`create_app`.
        public_url: see :func:`create_app`.
        native: facegate's own API, at ``/v1``, and its console; None for neither.
        cors_origins: see :func:`create_app`.
        observers: functions called with each request that is turned away.
        opened: called on the server's event loop once all verifiers are there, the first one that
            of ``verifier``.
        beside: what goes on while the application serves; begun after that, and ended first.
        leaving: see :func:`create_app`.
        worker: this process's place, where it is one of several; ``/readyz`` counts them.

    Raises:
        ConfigurationError: as :func:`create_app` says, or two APIs that would take the same path.
    """
    if len({each.plugin for each in apis}) < len(apis):
        raise ConfigurationError("the same API is mounted twice")
    try:
        public = public_place(public_url) if public_url else ("", "")
    except ValueError as error:
        raise ConfigurationError(f"public_url: {error}") from None
    shared = Shared(limits or Limits(), public)
    bridges = [Bridge(each, sandbox) for each in apis]
    readiness = _Readiness(leaving or threading.Event(), native, worker)

    async def ready(request: Request) -> Response:
        return await readiness(request)

    own = native.mounted(shared) if native else []
    routes = [
        Route("/healthz", _health),
        Route("/readyz", ready),
        *own,
        *_routes(bridges, shared, [route.path for route in own]),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with AsyncExitStack() as stack:
            default = await stack.enter_async_context(verifier())
            verifiers = {name_of(default): default}
            for name, opener in (native.others if native else {}).items():
                verifiers[name] = await stack.enter_async_context(opener())
            opened([*verifiers.values()])
            await stack.enter_async_context(beside())
            yield {"verifier": default, "verifiers": verifiers}

    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[
            Middleware(_Traced, observers=observers),
            *_cross_origin(bridges, native, cors_origins),
        ],
        exception_handlers={HTTPException: partial(_no_such_route, bridges, native)},
    )
    app.router.redirect_slashes = False
    return app


def _cross_origin(
    apis: Sequence[Api], native: NativeApi | None, origins: Sequence[str]
) -> Iterator[Middleware]:
    """Answers to browsers that ask whether a page may ask; no cookie of theirs is ever heeded."""
    methods = {method for api in apis for each in api.routes.values() for method in each}
    headers = {"authorization", "content-type", "x-api-key"}
    for action in native.actions if native else ():
        methods.add(action.method)
        headers.update(map(str.lower, action.headers))
    if origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=sorted(methods),
            allow_headers=sorted(headers),
        )


def name_of(verifier: AsyncFaceVerifier) -> str:
    """The name by which callers ask for a verifier's route."""
    return verifier.route.name or verifier.route.node.name


def _routes(apis: Sequence[Api], shared: Shared, taken: Sequence[str]) -> Iterator[Route]:
    roots = {path.split("/")[1] for path in taken}
    for api in apis:
        if api.name in roots:
            raise ConfigurationError(f"the {api.name} API would take paths of facegate's own")
        # One that would take the same paths stays under its name.
        alone = len(apis) == 1 and not set(taken) & set(api.routes)
        for prefix in (f"/{api.name}", *([""] if alone else [])):
            for path, methods in api.routes.items():
                endpoint = ApiEndpoint(api, prefix, path, shared)
                places = {prefix + path, prefix if path == "/" else ""} - {""}
                yield from (Route(place, endpoint, methods=methods) for place in sorted(places))


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


class _Readiness:
    """Whether a balancer should send requests here, and why not; a second old at most.

    Who asks has shown no key: not every one of them may keep the journal's database busy.
    """

    def __init__(
        self, leaving: threading.Event, native: NativeApi | None, worker: Worker | None
    ) -> None:
        self._leaving, self._native, self._worker = leaving, native, worker
        self._turn = anyio.Lock()
        self._known: tuple[float, list[str]] = 0.0, []

    async def __call__(self, request: Request) -> Response:
        async with self._turn:
            until, reasons = self._known
            if time.monotonic() >= until:
                reasons = [
                    reason
                    for verifier in request.state.verifiers.values()
                    for reason in _reasons(await verifier.health())
                ]
                if self._native is not None:
                    reasons += await self._native.unready()
                reasons = list(dict.fromkeys(reasons))
                self._known = time.monotonic() + 1, reasons
        if self._leaving.is_set():
            reasons = ["the process is about to end", *reasons]
        said: dict[str, Any] = {"ready": not reasons, "reasons": reasons}
        if self._worker is not None:
            said["workers"] = {"serving": self._worker.serving, "of": self._worker.count}
        return JSONResponse(said, 503 if reasons else 200)


def _reasons(health: Health) -> Iterator[str]:
    yield from (f"{operation} cannot be answered" for operation in health.unanswerable)
    if health.unrecorded:
        yield "nothing can be recorded"


async def _no_such_route(
    apis: Sequence[Api], native: NativeApi | None, request: Request, error: Exception
) -> Response:
    """Where nothing is: in the words of the API whose place it is; its clients read no others."""
    assert isinstance(error, HTTPException)  # noqa: S101  it is registered for that alone
    path = request.url.path
    at = [each for each in apis if len(apis) == 1 or f"{path}/".startswith(f"/{each.name}/")]
    said = at[0].no_route if at else None
    if native is not None and path.startswith(PREFIX):
        said = plain(
            HTTPStatus(error.status_code), error.detail, request_id=request.state.request_id
        )
    if said is None:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    return Response(said.body, said.status, {**(error.headers or {}), **said.headers})


class _Traced:
    """Middleware that gives each request an id and a log line; that id is all of a caller's text.

    Only a path that exists is logged, without its query. A bug is logged as its type and place, and
    so is a request that the end of the process cut short: the server would log its frames.
    """

    def __init__(self, app: ASGIApp, observers: Sequence[Observer]) -> None:
        self._app, self._observers = app, observers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        scope["state"]["caller"] = None
        started, status = time.perf_counter(), 0

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = scope["state"]["request_id"]
            await send(message)

        try:
            await self._app(scope, receive, tagged)
        except (Exception, CancelledError) as error:  # noqa: BLE001  its text may hold anything
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}:{frame.lineno}"
            _LOG.error("%s %s at %s", request_id, type(error).__name__, place)
            if not status:
                await JSONResponse({"error": "internal error"}, 500)(scope, receive, tagged)
        spent_ms = 1000 * (time.perf_counter() - started)
        failure = scope["state"].get("failure")
        why = f" {type(failure).__name__}: {_on_one_line(failure.message)}" if failure else ""
        request_id, caller = scope["state"]["request_id"], scope["state"]["caller"]
        who = f" {caller}" if caller else ""
        _LOG.info("%s %s %d %.0f ms%s%s", request_id, _route(scope), status, spent_ms, who, why)
        if status >= 400 and not scope["state"].get("asked"):
            tell(self._observers, Refused(status, _path(scope), caller))


def _route(scope: Scope) -> str:
    path = _path(scope)
    return path if path == "-" else f"{scope['method'][:8]} {path}"


def _path(scope: Scope) -> str:
    """The path as it is declared, of which there are only so many; ``-`` where nothing is."""
    endpoint = scope.get("endpoint")
    if isinstance(endpoint, ApiEndpoint | NativeEndpoint):
        return endpoint.prefix + endpoint.path
    return str(scope["state"].get("path", "-"))


def _on_one_line(text: str) -> str:
    """The text without what would begin another line, or move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
