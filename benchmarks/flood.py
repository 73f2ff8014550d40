"""Callers that ask as fast as they are answered, each in a process of its own."""

from __future__ import annotations

import math
import multiprocessing
import re
import socket
import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
LAST_CHUNK: Final = b"\r\n0\r\n\r\n"
WARM_UP_S: Final = 0.5


class Refused(Exception):
    """A service answered something else than 200."""


@dataclass(frozen=True)
class Flood:
    """What became of a flood.

    Attributes:
        rate: answers a second.
        latencies: seconds of each answer.
        asked: number of answers, those of the warm-up too.
    """

    rate: float
    latencies: list[float]
    asked: int

    @property
    def median_ms(self) -> float:
        return 1e3 * statistics.median(self.latencies or [math.inf])

    @property
    def p99_ms(self) -> float:
        return 1e3 * statistics.quantiles(self.latencies or [math.inf] * 2, n=100)[-1]


def flood(url: str, body: bytes, callers: int, seconds: float, **headers: str) -> Flood:
    """Ask the same over and over on connections that are kept, after a short warm-up.

    Args:
        url: where to; plain HTTP.
        body: JSON.
        callers: processes, with a connection each.
        seconds: for so long.
        **headers: further ones, with ``_`` for ``-``.

    Raises:
        Refused: with the first line of another answer.
    """
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = {"Host": parts.netloc, "Content-Type": "application/json", **headers}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    lines = [f"POST {path} HTTP/1.1", *lines, f"Content-Length: {len(body)}", "", ""]
    message = "\r\n".join(lines).encode() + body
    address = parts.hostname or "", parts.port or 80
    begin = time.monotonic() + WARM_UP_S
    with multiprocessing.get_context("fork").Pool(callers) as pool:
        asking = partial(_ask, address, message, begin)
        told = pool.map(asking, [seconds] * callers)
    latencies = [each for one, _ in told for each in one]
    return Flood(len(latencies) / seconds, latencies, sum(asked for _, asked in told))


def _ask(
    address: tuple[str, int], message: bytes, begin: float, seconds: float
) -> tuple[list[float], int]:
    """Seconds of each answer that came in time, and the number of all."""
    latencies, asked = list[float](), 0
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            started = time.monotonic()
            connection.sendall(message)
            answer = _answer(connection)
            ended = time.monotonic()
            if not answer.startswith(b"HTTP/1.1 200"):
                raise Refused(answer[:2000].decode("latin-1"))
            asked += 1
            if ended > begin + seconds:
                return latencies, asked
            if started >= begin:
                latencies.append(ended - started)


def _answer(connection: socket.socket) -> bytes:
    answer = b""
    while True:
        got = connection.recv(65536)
        if not got:
            raise Refused("the connection was closed")
        answer += got
        head = answer.find(b"\r\n\r\n")
        if head < 0:
            continue
        told = LENGTH.search(answer, 0, head + 2)
        whole = len(answer) - head - 4 >= int(told[1]) if told else answer.endswith(LAST_CHUNK)
        if whole:
            return answer
