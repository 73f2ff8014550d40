"""Blocking sockets that keep a deadline.

An HTTP client's timeouts bound each read and each write. A server that sends one byte now and then
never runs into them, so here every socket operation is also held to the time left.
"""

from __future__ import annotations

from typing import Any

import httpcore

from facegate.deadline import current

_WRITE_BLOCK = 256 * 1024


def _bounded(timeout: float | None, error: type[httpcore.TimeoutException]) -> float | None:
    deadline = current.get()
    if deadline is None:
        return timeout
    left = deadline.left()
    if not left:
        raise error("the deadline passed")
    return left if timeout is None else min(timeout, left)


class BoundedBackend(httpcore.NetworkBackend):
    """httpcore's blocking network, held to the current deadline."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *rest: Any, **options: Any
    ) -> httpcore.NetworkStream:
        bounded = _bounded(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._network.connect_tcp(host, port, bounded, *rest, **options))


class _BoundedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _bounded(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BLOCK):
            block = buffer[start : start + _WRITE_BLOCK]
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
