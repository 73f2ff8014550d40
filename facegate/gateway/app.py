"""The HTTP application: every API at its place."""

from __future__ import annotations

import logging
import re
import threading
import time
import traceback
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
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
from facegate.gateway.api import Api
from facegate.gateway.arrival import Shared
from facegate.gateway.bridge import Bridge
from facegate.gateway.endpoint import ApiEndpoint
from facegate.gateway.sandbox import Sandbox
from facegate.gateway.settings import Limits, public_place
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
    """The ASGI application that serves ``apis``.

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
    if len({each.plugin for each in apis}) < len(apis):
        raise ConfigurationError("the same API is mounted twice")
    try:
        public = public_place(public_url) if public_url else ("", "")
    except ValueError as error:
        raise ConfigurationError(f"public_url: {error}") from None
    shared = Shared(limits or Limits(), public)
    bridges = [Bridge(each, sandbox) for each in apis]
    readiness = _Readiness(leaving or threading.Event())

    async def ready(request: Request) -> Response:
        return await readiness(request)

    routes = [Route("/healthz", _health), Route("/readyz", ready), *_routes(bridges, shared)]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with verifier() as opened:
            yield {"verifier": opened}

    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(_Traced), *_cross_origin(bridges, cors_origins)],
        exception_handlers={HTTPException: partial(_no_such_route, bridges)},
    )
    app.router.redirect_slashes = False
    return app


def _cross_origin(apis: Sequence[Api], origins: Sequence[str]) -> Iterator[Middleware]:
    """Answers to browsers that ask whether a page may ask; no cookie is ever heeded."""
    methods = {method for api in apis for each in api.routes.values() for method in each}
    if origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=sorted(methods),
            allow_headers=["authorization", "content-type", "x-api-key"],
        )


def _routes(apis: Sequence[Api], shared: Shared) -> Iterator[Route]:
    for api in apis:
        for prefix in (f"/{api.name}", *([""] if len(apis) == 1 else [])):
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

    def __init__(self, leaving: threading.Event) -> None:
        self._leaving = leaving
        self._turn = anyio.Lock()
        self._known: tuple[float, list[str]] = 0.0, []

    async def __call__(self, request: Request) -> Response:
        async with self._turn:
            until, reasons = self._known
            if time.monotonic() >= until:
                health: Health = await request.state.verifier.health()
                reasons = [f"{operation} cannot be answered" for operation in health.unanswerable]
                if health.unrecorded:
                    reasons.append("nothing can be recorded")
                self._known = time.monotonic() + 1, reasons
        if self._leaving.is_set():
            reasons = ["the process is about to end", *reasons]
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


async def _no_such_route(apis: Sequence[Api], request: Request, error: Exception) -> Response:
    """Where nothing is: in the words of the API whose place it is; its clients read no others."""
    assert isinstance(error, HTTPException)  # noqa: S101  it is registered for that alone
    path = request.url.path
    at = [each for each in apis if len(apis) == 1 or f"{path}/".startswith(f"/{each.name}/")]
    said = at[0].no_route if at else None
    if said is None:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)
    return Response(said.body, said.status, {**(error.headers or {}), **said.headers})


class _Traced:
    """Middleware that gives each request an id and a log line; that id is all of a caller's text.

    Only a path that exists is logged, without its query. A bug is logged as its type and place, and
    so is a request that the end of the process cut short: the server would log its frames.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started, status = time.perf_counter(), 0

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["x-request-id"] = request_id
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
        _LOG.info("%s %s %d %.0f ms%s", request_id, _route(scope), status, spent_ms, why)


def _route(scope: Scope) -> str:
    endpoint = scope.get("endpoint")
    if isinstance(endpoint, ApiEndpoint):
        return f"{scope['method'][:8]} {endpoint.prefix}{endpoint.path}"
    return "-"


def _on_one_line(text: str) -> str:
    """The text without what would begin another line, or move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
