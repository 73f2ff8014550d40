"""A tape of vcrpy's in place of the network, for facegate's own HTTP exchanges."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import responses
from typing import Any
from unittest.mock import patch

from vcr.cassette import Cassette
from vcr.request import Request

from facegate.runtime.deadline import Deadline
from facegate.runtime.exchange import AsyncExchanges, SyncExchanges
from facegate.runtime.flow import HttpReply, HttpRequest, Send

_SYNC, _ASYNC = SyncExchanges.send, AsyncExchanges.send


@contextmanager
def taped(tape: Cassette) -> Iterator[None]:
    """Answer requests that a tape can play from it, and keep on it those that it cannot."""

    def send(exchanges: SyncExchanges, effect: Send, deadline: Deadline) -> HttpReply:
        request = _taped_request(effect.request)
        if tape.can_play_response_for(request):
            return _played(tape.play_response(request))
        reply = _SYNC(exchanges, effect, deadline)
        tape.append(request, _taped_reply(reply))
        return reply

    async def send_async(exchanges: AsyncExchanges, effect: Send, deadline: Deadline) -> HttpReply:
        request = _taped_request(effect.request)
        if tape.can_play_response_for(request):
            return _played(tape.play_response(request))
        reply = await _ASYNC(exchanges, effect, deadline)
        tape.append(request, _taped_reply(reply))
        return reply

    with (
        patch.object(SyncExchanges, "send", send),
        patch.object(AsyncExchanges, "send", send_async),
    ):
        yield


def _taped_request(request: HttpRequest) -> Request:
    return Request(request.method, request.url, b"".join(request.body), dict(request.headers))


def _played(response: dict[str, Any]) -> HttpReply:
    headers = {name.lower(): ", ".join(values) for name, values in response["headers"].items()}
    return HttpReply(response["status"]["code"], headers, response["body"]["string"])


def _taped_reply(reply: HttpReply) -> dict[str, Any]:
    return {
        "status": {"code": reply.status, "message": responses.get(reply.status, "")},
        "headers": {name: [value] for name, value in reply.headers.items()},
        "body": {"string": reply.body},
    }
