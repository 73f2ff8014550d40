"""One path of one API: from the bytes of a request to those of its reply, and their price."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from anyio.to_thread import run_sync
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from facegate.errors import FacegateError, ImageRejected, InvalidRequest, ProviderUnavailable
from facegate.gateway.api import Api
from facegate.gateway.arrival import Shared, Unread
from facegate.gateway.repeats import Completion, Repetition
from facegate.providers.bodies import MAX_JSON_VALUES, is_overcrowded
from facegate.providers.compat import json_reply
from facegate.runtime.flow import HttpReply, HttpRequest

_SUBJECT = re.compile(r"[ -~]{1,256}")
SUBJECT = "x-facegate-subject"
"""Header with a request's subject, for which no vendor's API has a place."""


@dataclass
class ApiEndpoint:
    """One path of one API, as an ASGI application."""

    api: Api
    prefix: str
    path: str
    shared: Shared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._reply(scope, receive)
        if reply is not None:
            response = Response(reply.body, reply.status, dict(reply.headers))
            await response(scope, receive, send)

    async def _reply(self, scope: Scope, receive: Receive) -> HttpReply | None:
        """The reply; None where the caller has hung up.

        The server throws away what is left unread of a refused body.
        """
        shared, headers = self.shared, Headers(scope=scope)
        if headers.get("content-encoding", "identity").lower() != "identity":
            return _plain(415, "send the body without Content-Encoding")
        if not self.api.guarded and "origin" in headers:
            return _plain(403, "a web page may ask only where there are keys")
        request = self._request(scope, headers)
        key = self.api.authorise(request)
        if isinstance(key, HttpReply):
            return key
        if shared.is_full(key):
            return self._refused(scope["state"], ProviderUnavailable("too many requests in work"))
        shared.busy += 1
        try:
            return await self._work(request, key, scope["state"], receive)
        finally:
            shared.busy -= 1

    def _request(self, scope: Scope, headers: Headers) -> HttpRequest:
        """The request as far as it is known before its body."""
        first_of_each = dict(reversed(headers.items()))  # dict(headers) takes seconds for thousands
        query = scope["query_string"].decode("latin-1")
        query = f"?{query}" if query else ""
        host, path = self.shared.public
        return HttpRequest(
            scope["method"],
            f"http://gateway{self.path}{query}",
            first_of_each,
            target=path + scope["raw_path"].decode("latin-1") + query,
            authority=host or first_of_each.get("host", ""),
        )

    async def _work(
        self, request: HttpRequest, key: str, state: dict[str, Any], receive: Receive
    ) -> HttpReply | None:
        subject = request.headers.get(SUBJECT)
        if subject is not None and not _SUBJECT.fullmatch(subject):
            return _plain(400, f"{SUBJECT}: 1 to 256 printable ASCII characters")
        declared = request.headers.get("content-length", "")
        body = await self.shared.body(receive, key, declared)
        if isinstance(body, Unread):
            return self._unread(state, body)
        request, request_id = replace(request, body=(body,)), state["request_id"]
        # A heavy body takes a while to digest: not on the event loop.
        repetition = await run_sync(self._proven, state, request, key)
        if isinstance(repetition, HttpReply):
            return repetition

        async def work() -> Completion:
            about = {"subject": subject, "request_id": request_id}
            state["asked"] = True
            try:
                reply = await self.api.answer(request, key, state["verifier"], **about)
            except FacegateError as error:
                return Completion.failed(error, self._refused(state, error))
            return Completion(reply, stays=True)

        if repetition is None:
            return (await work()).reply
        try:
            return await self.shared.repeats.once(repetition, request_id, work)
        except FacegateError as error:
            return self._refused(state, error)

    def _refused(self, state: dict[str, Any], error: FacegateError) -> HttpReply:
        """An error in the API's words, and in facegate's own for the log."""
        state["failure"] = error
        return self.api.refuse(error)

    def _proven(
        self, state: dict[str, Any], request: HttpRequest, key: str
    ) -> HttpReply | Repetition | None:
        """A refusal, or the request's identity where its caller has given it an id."""
        if any(map(is_overcrowded, request.body)):
            return self._refused(
                state, InvalidRequest(f"more than {MAX_JSON_VALUES} values of JSON")
            )
        refusal = self.api.prove(request, key)
        caller_id = None if refusal else self.api.repeats(request)
        return Repetition.of(self.api.name, key, caller_id, request) if caller_id else refusal

    def _unread(self, state: dict[str, Any], why: Unread) -> HttpReply | None:
        """A refusal of a body; None where the caller has hung up."""
        if why is Unread.TOO_HEAVY:
            return self._too_heavy(state)
        if why is Unread.HUNG_UP:
            return None
        seconds = self.shared.limits.body_timeout_s
        late = _plain(408, f"the body did not arrive within {seconds:g} s")
        return replace(late, headers={**late.headers, "connection": "close"})

    def _too_heavy(self, state: dict[str, Any]) -> HttpReply:
        """A refusal in the API's words; with HTTP's own status, where it has none for that."""
        most = self.shared.limits.max_body_bytes / 2**20
        error = ImageRejected(f"a request heavier than {most:g} MiB")
        usual = replace(self._refused(state, error), status=413)
        return self.api.too_heavy or usual


def _plain(status: int, text: str) -> HttpReply:
    """A reply of the gateway's own, in no vendor's words."""
    return json_reply(status, {"error": text})
