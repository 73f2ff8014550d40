"""The same comparison asked four ways, blocking and async: facegate and what it is held against."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

import facegate
from facegate import AsyncFaceVerifier, FaceVerifier
from facegate.images.intake import Intake
from facegate.plugin import Provider
from facegate.providers.registry import Registry

Pair = tuple[bytes, bytes]

FACEGATE: Final = "facegate"
AS_THEY_ARE: Final = "facegate, keep_metadata"
SOCKET: Final = "ready-made over a socket"
WIRE: Final = "ready-made over httpx"
BY_HAND: Final = "by hand"
NAMES: Final = (FACEGATE, AS_THEY_ARE, WIRE, SOCKET, BY_HAND)
KEEPING: Final = Intake(keep_metadata=True)
PROVIDER: Final[dict[str, Any]] = {"plugin": "opencv_cloud", "api_key": "a-key"}
HEADERS: Final = {"x-api-key": "a-key", "Content-Type": "application/json"}

HEAD: Final = (
    b"\xff\xd8\xff\xc0"
    + struct.pack(">HBHHB", 17, 8, 3000, 4000, 3)
    + b"\1\x22\0\2\x11\1\3\x11\1\xff\xda"
    + struct.pack(">HB", 12, 3)
    + b"\1\0\2\x11\3\x11\0\x3f\0"
)
TAIL: Final = b"\xff\xd9"
COUNTER: Final = struct.Struct(">Q")


def photo(size: int) -> bytes:
    """What a camera's JPEG of ``size`` bytes looks like to whoever does not decode it."""
    room = size - len(HEAD) - len(TAIL)
    scan = os.urandom(room).replace(b"\xff", b"\xff\0")[: room - 1]
    return HEAD + scan + b"\0" + TAIL


def another(picture: bytes, number: int) -> bytes:
    """The same picture with other bytes near its end, so that nothing remembered of it helps."""
    mark = COUNTER.pack(number)
    return picture[: -len(TAIL) - len(mark)] + mark + TAIL


def message(pair: Pair) -> dict[str, Any]:
    """A comparison in the vendor's words."""
    probe, gallery = (base64.b64encode(picture).decode() for picture in pair)
    return {"gallery": [gallery], "probe": [probe], "search_mode": "FAST"}


def body(pair: Pair) -> bytes:
    """The very bytes that facegate sends, ready-made."""
    return json.dumps(message(pair), separators=(",", ":")).encode()


def provider(url: str) -> Provider:
    """The vendor's client."""
    kind = Registry().provider_type(PROVIDER["plugin"])
    given = {name: value for name, value in PROVIDER.items() if name != "plugin"}
    return kind(kind.settings_type.model_validate({**given, "base_url": url}))


Calls = dict[str, Callable[[Any], Any]]
"""How to ask, by name: gives the score, or on a loop what can be awaited for it."""


def prepared(name: str, pair: Pair) -> Any:
    """What is at hand before the clock starts: the pictures, or for some the whole body."""
    return body(pair) if name in (SOCKET, WIRE) else pair


async def calls(way: str, url: str, opened: AsyncExitStack) -> Calls:
    """All ways to ask, ``"sync"`` or ``"async"``, with connections that are kept."""
    return await on_a_loop(url, opened) if way == "async" else blocking(url, opened)


def blocking(url: str, opened: AsyncExitStack) -> Calls:
    """In the calling thread."""
    verifier = opened.enter_context(facegate.open(**PROVIDER, base_url=url))
    trusting = opened.enter_context(FaceVerifier(provider(url), intake=KEEPING))
    client = opened.enter_context(httpx.Client())
    plain = opened.enter_context(socket.create_connection(address(url)))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ours(pair: Pair) -> Any:
        return verifier.compare(probe=pair[0], gallery=[pair[1]])

    def as_they_are(pair: Pair) -> Any:
        return trusting.compare(probe=pair[0], gallery=[pair[1]])

    def by_hand(pair: Pair) -> Any:
        return client.post(f"{url}/compare", json=message(pair), headers=HEADERS).json()["score"]

    def ready(content: bytes) -> Any:
        return client.post(f"{url}/compare", content=content, headers=HEADERS).json()["score"]

    def bare(content: bytes) -> Any:
        plain.sendall(head(content))
        plain.sendall(content)
        return json.loads(plain.recv(65536).partition(b"\r\n\r\n")[2])["score"]

    ways: Calls = {FACEGATE: ours, AS_THEY_ARE: as_they_are}
    return ways | {SOCKET: bare, WIRE: ready, BY_HAND: by_hand}


async def on_a_loop(url: str, opened: AsyncExitStack) -> Calls:
    """On the running event loop."""
    verifier = await opened.enter_async_context(facegate.open_async(**PROVIDER, base_url=url))
    keeping = AsyncFaceVerifier(provider(url), intake=KEEPING)
    trusting = await opened.enter_async_context(keeping)
    client = await opened.enter_async_context(httpx.AsyncClient())
    reader, writer = await asyncio.open_connection(*address(url))
    opened.callback(writer.close)

    async def ours(pair: Pair) -> Any:
        return await verifier.compare(probe=pair[0], gallery=[pair[1]])

    async def as_they_are(pair: Pair) -> Any:
        return await trusting.compare(probe=pair[0], gallery=[pair[1]])

    async def by_hand(pair: Pair) -> Any:
        reply = await client.post(f"{url}/compare", json=message(pair), headers=HEADERS)
        return reply.json()["score"]

    async def ready(content: bytes) -> Any:
        reply = await client.post(f"{url}/compare", content=content, headers=HEADERS)
        return reply.json()["score"]

    async def bare(content: bytes) -> Any:
        writer.write(head(content))
        writer.write(content)
        await writer.drain()
        return json.loads((await reader.read(65536)).partition(b"\r\n\r\n")[2])["score"]

    ways: Calls = {FACEGATE: ours, AS_THEY_ARE: as_they_are}
    return ways | {SOCKET: bare, WIRE: ready, BY_HAND: by_hand}


def address(url: str) -> tuple[str, int]:
    """Where to connect to."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


def head(content: bytes) -> bytes:
    """What goes before the body."""
    fields = {"Host": "127.0.0.1", **HEADERS, "Content-Length": str(len(content))}
    lines = ("POST /compare HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()))
    return "\r\n".join((*lines, "", "")).encode()
