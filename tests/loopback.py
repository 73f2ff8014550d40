"""The misbehaving server of ``facegate.testing``, and what only the core's tests need with it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import trustme

from facegate.testing.server import (
    Act,
    PendingRequest,
    Seen,
    Server,
    drip,
    echo,
    message,
    raw,
    refused,
    reply,
    reset,
    stall,
    unanswered,
)

__all__ = [
    "Act",
    "PendingRequest",
    "Seen",
    "Server",
    "authority",
    "closed",
    "drip",
    "echo",
    "message",
    "port",
    "raw",
    "refused",
    "reply",
    "reset",
    "stall",
    "tls",
    "tunnel",
    "unanswered",
]


def tunnel(line: PendingRequest) -> bool:
    """A proxy's CONNECT: passes bytes both ways until either side has had enough."""
    host, _, port = line.request.target.rpartition(":")
    with socket.create_connection((host, int(port))) as onward:
        line.socket.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        back = threading.Thread(target=_pump, args=(onward, line.socket))
        back.start()
        _pump(line.socket, onward)
        back.join()
    return False


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


def authority(folder: Path) -> str:
    """PEM file of the authority that :func:`tls` is signed by."""
    file = folder / "ca.pem"
    _authority().cert_pem.write_to_path(str(file))
    return str(file)


def tls(*names: str) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _authority().issue_cert(*names).configure_cert(context)
    return context


def closed(server: Server) -> None:
    """Wait until every connection that the server knows of has ended."""
    for _ in range(server.connections):
        assert server.hung_up.acquire(timeout=60)


def port(url: str) -> int:
    return urlsplit(url).port or 0
