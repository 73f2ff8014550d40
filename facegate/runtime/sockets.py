"""Blocking sockets that keep a deadline.

An HTTP client's timeouts bound each read and each write. A server that sends one byte now and then
never runs into them, so here every socket operation is also held to the time left.
"""

from __future__ import annotations

import socket
from typing import Any

import httpcore

from facegate.runtime.deadline import current
from facegate.runtime.forking import in_child

_WRITE_BLOCK = 1024 * 1024
"""Bytes between two looks at the deadline; with fewer, a large body leaves noticeably slower."""


def _bounded(timeout: float | None, error: type[httpcore.TimeoutException]) -> float | None:
    deadline = current.get()
    if deadline is None:
        return timeout
    left = deadline.left()
    if not left:
        raise error("the deadline passed")
    return left if timeout is None else min(timeout, left)


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError("the name cannot be resolved") from error
    return [str(sockaddr[0]) for *_, sockaddr in found]


class BoundedBackend(httpcore.NetworkBackend):
    """httpcore's blocking network, held to the current deadline."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *rest: Any, **options: Any
    ) -> httpcore.NetworkStream:
        # One address at a time: the timeout would otherwise start anew with each of a host's.
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in _addresses(host, port):
            bounded = _bounded(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._network.connect_tcp(address, port, bounded, *rest, **options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _BoundedStream(stream)
        raise failure


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream
        in_child(self.close)  # closes it there; the parent goes on using it

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _bounded(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view: Any = memoryview(buffer)  # slices of it, and what httpcore cuts off, are no copies
        for start in range(0, len(buffer), _WRITE_BLOCK):
            block = view[start : start + _WRITE_BLOCK]
            self._stream.write(block, _bounded(timeout, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        bounded = _bounded(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._stream.start_tls(ssl_context, server_hostname, bounded))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)

    def close(self) -> None:
        self._stream.close()
