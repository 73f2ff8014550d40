"""The HTTP application: every compatible API at its place, and what a caller may cost."""

from __future__ import annotations

import logging
import re
import time
import traceback
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from facegate.errors import ConfigurationError, ImageRejected, ProviderUnavailable
from facegate.gateway.bridge import Ask, Bridge
from facegate.gateway.sandbox import HEADER, Instruction, Sandbox
from facegate.gateway.settings import Limits
from facegate.providers.compat import CompatibleApi, json_reply
from facegate.runtime.flow import HttpReply, HttpRequest
from facegate.verifier import AsyncFaceVerifier

_LOG = logging.getLogger("facegate.gateway")
_REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_SUBJECT = re.compile(r"[ -~]{1,256}")
SUBJECT = "x-facegate-subject"
"""Header that says whom a request is about, which no vendor's API has a place for."""


def create_app(
    apis: Sequence[CompatibleApi[Any]],
    verifier: Callable[[], AsyncFaceVerifier],
    limits: Limits | None = None,
    sandbox: Sandbox | None = None,
) -> Starlette:
    """The ASGI application that speaks ``apis``.

    Each is at ``/<plugin>/...``; with exactly one, its own paths work too. ``GET /healthz`` says
    that the process serves. Callers are authorised before their body is read. An API without
    keys lets everybody in but web pages: whoever visits one would ask in its name unawares.

    Args:
        apis: the APIs to speak, each set up with its settings and keys.
        verifier: makes the one who answers; called on the server's event loop, closed with it.
        limits: of what one caller may cost.
        sandbox: lets callers force outcomes.

    Raises:
        ConfigurationError: settings that an API could never use, or one of them twice.
    """
    if len({each.plugin for each in apis}) < len(apis):
        raise ConfigurationError("the same API is mounted twice")
    shared = _Shared(limits or Limits(), sandbox)
    routes = [Route("/healthz", _health)]
    for api in apis:
        bridge = Bridge(api)
        for prefix in (f"/{api.plugin}", *([""] if len(apis) == 1 else [])):
            for path, methods in api.routes.items():
                endpoint = _Endpoint(bridge, prefix, path, shared)
                routes.append(Route(prefix + path, endpoint, methods=methods))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with verifier() as opened:
            yield {"verifier": opened}

    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(_Traced)],
        exception_handlers={HTTPException: _no_such_route},
    )
    app.router.redirect_slashes = False
    return app


@dataclass
class _Shared:
    """What all endpoints have in common; used on one event loop alone."""

    limits: Limits
    sandbox: Sandbox | None
    busy: int = 0


@dataclass
class _Endpoint:
    """One path of one API, as an ASGI application."""

    bridge: Bridge
    prefix: str
    path: str
    shared: _Shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(scope, receive)
        if reply is not None:
            response = Response(reply.body, reply.status, dict(reply.headers))
            await response(scope, receive, send)

    async def _reply(self, scope: Scope, receive: Receive) -> HttpReply | None:
        """The reply; None where the caller has hung up.

        What is left unread of a refused body, the server throws away.
        """
        api, shared, headers = self.bridge.api, self.shared, Headers(scope=scope)
        if headers.get("content-encoding", "identity").lower() != "identity":
            return _plain(415, "send the body without Content-Encoding")
        if not api.keys and "origin" in headers:
            return _plain(403, "a web page may ask only where there are keys")
        query = scope["query_string"].decode("latin-1")
        url = f"http://gateway{self.path}{f'?{query}' if query else ''}"
        first_of_each = dict(reversed(headers.items()))  # dict(headers) takes seconds for thousands
        request = HttpRequest(scope["method"], url, first_of_each)
        key = api.authorise(request)
        if isinstance(key, HttpReply):
            return key
        if shared.busy >= shared.limits.max_requests:
            return api.encode_error(ProviderUnavailable("too many requests in work"))
        shared.busy += 1
        try:
            return await self._work(request, key, scope["state"], receive)
        except Instruction as error:
            return _plain(400, f"{HEADER}: {error}")
        finally:
            shared.busy -= 1

    async def _work(
        self, request: HttpRequest, key: str, state: dict[str, Any], receive: Receive
    ) -> HttpReply | None:
        subject = request.headers.get(SUBJECT)
        if subject is not None and not _SUBJECT.fullmatch(subject):
            return _plain(400, f"{SUBJECT}: 1 to 256 printable ASCII characters")
        ask: Ask | HttpReply | None = None
        if self.shared.sandbox:
            ask = await self.shared.sandbox.enter(self.bridge, key, request.headers)
        if isinstance(ask, HttpReply):
            return ask
        body = await self._body(receive, request.headers.get("content-length", ""))
        if not isinstance(body, bytes):
            return body
        request = replace(request, body=(body,))
        about = {"subject": subject, "request_id": state["request_id"]}
        return await self.bridge.answer(request, state["verifier"], ask, **about)

    async def _body(self, receive: Receive, declared: str) -> bytes | HttpReply | None:
        """The whole body, a refusal of it, or None where the caller has hung up."""
        limits, parts, size = self.shared.limits, [], 0
        if declared.isdigit() and int(declared) > limits.max_body_bytes:
            return self._too_heavy()
        with anyio.move_on_after(limits.body_timeout_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                parts.append(message["body"])
                size += len(parts[-1])
                if size > limits.max_body_bytes:
                    return self._too_heavy()
                if not message["more_body"]:
                    return b"".join(parts)
        late = _plain(408, f"the body did not arrive within {limits.body_timeout_s:g} s")
        return replace(late, headers={**late.headers, "connection": "close"})

    def _too_heavy(self) -> HttpReply:
        """In the vendor's words, with HTTP's own status for it."""
        most = self.shared.limits.max_body_bytes / 2**20
        error = ImageRejected(f"a request heavier than {most:g} MiB")
        return replace(self.bridge.api.encode_error(error), status=413)


def _plain(status: int, text: str) -> HttpReply:
    """A reply of the gateway's own, in nobody's words."""
    return json_reply(status, {"error": text})


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _no_such_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  it is registered for that alone
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


class _Traced:
    """Gives each request an id and a line in the log: nothing that the caller wrote but that id.

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
        _LOG.info("%s %s %d %.0f ms", request_id, _route(scope), status, spent_ms)


def _route(scope: Scope) -> str:
    endpoint = scope.get("endpoint")
    if isinstance(endpoint, _Endpoint):
        return f"{scope['method'][:8]} {endpoint.prefix}{endpoint.path}"
    return "-"
