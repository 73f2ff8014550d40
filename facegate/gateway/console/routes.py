"""The console's place in the application: its files, and signing in and out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from facegate.errors import FacegateError
from facegate.gateway.console.session import COOKIE, LIFETIME_S, Sessions, refuse_others
from facegate.gateway.native.door import Door, is_loopback
from facegate.gateway.native.problems import of_error

HEADERS: Mapping[str, str] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
"""Headers of all that is served here. Data could not become markup, were there a way to try."""
_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def files() -> Mapping[str, tuple[str, bytes]]:
    """The console's files by name, each with its type."""
    found = sorted(Path(__file__).parent.iterdir())
    return {
        path.name: (_TYPES[path.suffix], path.read_bytes())
        for path in found
        if path.suffix in _TYPES
    }


def console_routes(door: Door, sessions: Sessions, path: str = "") -> list[Route]:
    """The routes ``/console``, ``/console/<file>`` and ``/console/session``.

    Args:
        door: who may come in.
        sessions: of the console.
        path: leading path that browsers know and a proxy takes away, such as ``/facegate``.
    """
    console = _Console(door, sessions, path)
    return [
        Route("/console", console.guarded(_moved)),
        Route("/console/", console.guarded(console.file)),
        Route("/console/session", console.guarded(console.sign_in), methods=["POST"]),
        Route("/console/session", console.guarded(console.sign_out), methods=["DELETE"]),
        Route("/console/{name}", console.guarded(console.file)),
    ]


_Handler = Callable[[Request], Awaitable[Response]]


class _Console:
    def __init__(self, door: Door, sessions: Sessions, path: str) -> None:
        self._door, self._sessions, self._path = door, sessions, f"{path}/"
        self._files = files()

    def guarded(self, handler: _Handler) -> _Handler:
        """The handler for requests that are meant for this host; its refusals in words."""

        async def guarded(request: Request) -> Response:
            request.state.path = "/console"
            try:
                self._door.refuse_foreign(request.headers)
                response = await handler(request)
            except FacegateError as error:
                request.state.failure = error
                reply = of_error(error)
                response = Response(reply.body, reply.status, dict(reply.headers))
            response.headers.update(HEADERS)
            return response

        return guarded

    async def file(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in self._files:
            return Response(status_code=404)
        media_type, content = self._files[name]
        return Response(content, media_type=media_type)

    async def sign_in(self, request: Request) -> Response:
        refuse_others(request.headers)
        caller = await self._door.sign_in(request.headers)
        request.state.caller = caller.id
        response = Response(status_code=204)
        response.set_cookie(
            COOKIE,
            self._sessions.begin(caller.session),
            max_age=LIFETIME_S,
            path=self._path,
            secure=not is_loopback(request.url.hostname or ""),
            httponly=True,
            samesite="strict",
        )
        return response

    async def sign_out(self, request: Request) -> Response:
        refuse_others(request.headers)
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, path=self._path)
        return response


async def _moved(_: Request) -> Response:
    """The way to the folder, in which names of files are looked for; under any leading path."""
    return Response(status_code=307, headers={"location": "console/"})
