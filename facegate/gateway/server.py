"""The server of the application: real sockets, half-open clients, an end in good order."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from ipaddress import ip_address
from types import FrameType

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from facegate.errors import ConfigurationError
from facegate.gateway.patience import PatientProtocol, rehearse
from facegate.gateway.settings import Limits
from facegate.gateway.workers import Worker

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 32 * 2**20
"""Free memory beyond which glibc hands some back."""
_MAPPED_BYTES = 4 * 2**20
"""Buffers from here on come from the system, and go back to it at once."""


def listen(host: str, port: int, *, loopback_only: bool = False) -> socket.socket:
    """Open the socket to serve on.

    Args:
        host: name or address.
        port: 0 to 65535; 0 takes any free one.
        loopback_only: refuse an address that other machines can reach.

    Raises:
        ConfigurationError: the socket cannot be opened, or other machines could reach it.
    """
    where = f"{host}:{port}"
    try:
        resolved = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = resolved[0]
        if loopback_only and not ip_address(str(address[0]).partition("%")[0]).is_loopback:
            raise ConfigurationError(
                f"without a key anybody who reaches {where} could ask; give a key, or serve on"
                " 127.0.0.1 alone"
            )
        listener = socket.create_server(address[:2], family=family)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"cannot listen on {where}: {reason}") from None
    # asyncio leaves it off for a socket made like this, and every second reply would wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """The URL at which the socket is reached, without a path."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(
    app: ASGIApp,
    listener: socket.socket,
    limits: Limits,
    leaving: threading.Event | None = None,
    worker: Worker | None = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; requests in work are finished first, within ``grace_s``.

    On SIGTERM, new ones are taken for ``drain_s`` seconds more. A second signal ends that.

    Args:
        app: the application.
        listener: the socket to serve on.
        limits: bounds on what one caller may cost.
        leaving: set on SIGTERM, for :func:`~facegate.gateway.app.create_app`.
        worker: this process's place, where it is one of several.

    Raises:
        ConfigurationError: the application does not start, or the installed uvicorn cannot be used.
    """
    _keep_freed_memory()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # before and after uvicorn's own handler
    server = _server(app, limits)
    server.drain_s, server.leaving = limits.drain_s, leaving or server.leaving
    server.worker = worker
    try:
        server.run([listener])
    except SystemExit as end:
        if end.code == STARTUP_FAILURE:
            raise ConfigurationError(_NOT_STARTED) from None
        raise


def _keep_freed_memory() -> None:
    """Have glibc keep some of what requests free, for the next ones.

    A body of some hundred kilobytes passes through half a dozen buffers. Handing their pages back
    and getting them anew takes the system longer than answering takes the rest.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return  # the operator's own choice
    with suppress(AttributeError, OSError, TypeError):  # another system's or another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)


@contextmanager
def serving(
    app: ASGIApp, limits: Limits | None = None, host: str = "127.0.0.1", port: int = 0
) -> Iterator[str]:
    """Serve an ASGI application from a thread, for tests and for embedding.

    ::

        with serving(create_app([api], open_verifier)) as url:
            requests.post(url + "/v1/compare", json=...)

    Gives the URL, without a path. At the end, requests in work are finished first, within
    ``limits.grace_s`` seconds.

    Raises:
        ConfigurationError: the address cannot be listened on, the application does not start, or
            the installed uvicorn cannot be used.
    """
    listener = listen(host, port)
    server = _server(app, limits or Limits())

    def work() -> None:
        # SystemExit is uvicorn's way to say that the application did not start.
        with suppress(SystemExit, ConfigurationError):
            server.run([listener])

    thread = threading.Thread(target=work, name="facegate-gateway")
    thread.start()
    try:
        server.settled.wait()
        if server.refusal:
            raise server.refusal
        if not server.started:
            raise ConfigurationError(_NOT_STARTED)
        yield url_of(listener)
    finally:
        server.leave()
        thread.join()
        listener.close()


_NOT_STARTED = "the application did not start; the log says why"


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, protocol_type: type[PatientProtocol]) -> None:
        super().__init__(config)
        self._protocol_type = protocol_type
        self.refusal: ConfigurationError | None = None
        self.settled = threading.Event()
        self._heeding: Callable[[], object] = lambda: None
        self.drain_s = 0.0
        self.leaving = threading.Event()
        self.worker: Worker | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await rehearse(self._protocol_type)
            await super().startup(sockets)
            if self.worker:
                self._report(self.worker)
        except ConfigurationError as error:
            self.refusal = error
            raise
        finally:
            self.settled.set()

    def _report(self, worker: Worker) -> None:
        """Say that the worker serves, and end where its parent does without having said so."""
        loop = asyncio.get_running_loop()

        def orphaned() -> None:
            loop.remove_reader(worker.life)
            signal.raise_signal(signal.SIGTERM)

        loop.add_reader(worker.life, orphaned)
        worker.started()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On a signal; a running event loop wakes up for it."""
        first, end = not self.leaving.is_set(), partial(super().handle_exit, sig, frame)
        self.leaving.set()
        if first and self.drain_s and sig == signal.SIGTERM:
            asyncio.get_running_loop().call_later(self.drain_s, end)
        else:
            end()

    async def main_loop(self) -> None:
        waiting = asyncio.ensure_future(super().main_loop())
        loop = asyncio.get_running_loop()
        self._heeding = partial(loop.call_soon_threadsafe, waiting.cancel)
        with suppress(asyncio.CancelledError):
            await waiting

    def leave(self) -> None:
        """End, from another thread, without waiting for uvicorn to look at its watch."""
        self.should_exit = True
        self._heeding()


def _server(app: ASGIApp, limits: Limits) -> _Server:
    class Protocol(PatientProtocol):
        head_timeout_s = limits.head_timeout_s

    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        log_level="warning",  # at its lowest level, uvicorn would log every header
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.keep_alive_s,
        timeout_graceful_shutdown=limits.grace_s,
    )
    return _Server(config, Protocol)
