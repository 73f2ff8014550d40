"""Flows: operations written once, run blocking or async.

A flow is a generator. It yields *effects*, each a description of something only the outside can
do, is sent what came of it, and finally returns its value. A failed effect is raised inside the
flow, already translated into the error tree. Authors seldom yield by hand: they call a helper that
is itself a flow, ``reply = yield from self.post(...)``.

This module knows nothing of how effects are carried out; see :mod:`facegate.runtime.drivers`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar
from urllib.parse import urlsplit

N = TypeVar("N")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Transport:
    """The way requests to one provider travel. Equal transports share one connection pool.

    Seconds and numbers are above 0.

    Attributes:
        connect_s: seconds to wait for a connection to open.
        read_s: seconds to wait for the next bytes to arrive.
        write_s: seconds to wait for bytes to leave.
        pool_s: seconds to wait for a free connection.
        max_connections: connections kept at most.
        reuse: whether a connection serves more than one request.
        max_reply_bytes: longest body of a reply; a longer one is refused as soon as it is.
        ca_file: PEM file of the authorities to trust instead of the system's.
        proxy: URL of an HTTP proxy; the environment's proxy variables are not read.
    """

    connect_s: float = 5.0
    read_s: float = 30.0
    write_s: float = 30.0
    pool_s: float = 5.0
    max_connections: int = 100
    reuse: bool = True
    max_reply_bytes: int = 4 * 1024 * 1024
    ca_file: str | None = None
    proxy: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request.

    Attributes:
        method: its method, in capitals.
        url: its URL, absolute.
        headers: headers sent as they are, beside those that HTTP itself needs.
        body: the body in parts, so that a picture is never copied into it.
        server_name: name that the TLS certificate must hold, where the URL holds an address
            instead.
        target: path and query exactly as they were received; of requests to the gateway alone.
        authority: ``Host`` exactly as it was received; of requests to the gateway alone.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: tuple[bytes, ...] = field(default=(), repr=False)
    server_name: str | None = None
    target: str = field(default="", repr=False)
    authority: str = ""

    @property
    def path(self) -> str:
        """The path of the URL."""
        return urlsplit(self.url).path


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One complete HTTP reply.

    Attributes:
        status: HTTP status, 100 to 599.
        headers: headers by lower-case name.
        body: the body as it came; facegate asks for none that is compressed.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Send:
    """Effect: make one HTTP exchange. Redirects are never followed. Gives an HttpReply."""

    request: HttpRequest
    transport: Transport = Transport()


@dataclass(frozen=True, slots=True)
class Call:
    """Effect: run a blocking function, off the event loop where there is one. Gives its value."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Sleep:
    """Effect: wait. Gives None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Gather:
    """Effect: run flows at the same time, at most ``limit`` of them. Gives their values in order.

    All run to their end; then the first failure, in their order, is raised.
    """

    flows: tuple[Generator[Any, Any, Any], ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Timeout:
    """Effect: run a flow for ``seconds`` at most, or until the deadline. Gives its value."""

    flow: Generator[Any, Any, Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Spawn:
    """Effect: let a flow run beside this one, for ``seconds`` at most. Gives None at once.

    What it returns or raises is dropped; whoever closes the driver waits for it, for a while.
    """

    flow: Generator[Any, Any, Any]
    seconds: float


Effect = Send | Call | Sleep | Gather | Timeout | Spawn
Flow = Generator[Effect, Any, T]
"""A generator of effects that returns a ``T``."""


class Stepper(Generic[N, T]):
    """A generator led from one need to the next: the loop that everything which runs one shares.

    ::

        with Stepper(flow) as steps:
            while (need := steps.need) is not None:
                failed: list[Exception] = []
                try:
                    outcome = perform(need)
                except Exception as error:
                    failed.append(error)
                steps.go_on(None if failed else outcome, failed)
        return steps.value

    Attributes:
        need: what the generator waits for; None once it has ended.
        value: what it returned.
    """

    value: T

    def __init__(self, generator: Generator[N, Any, T]) -> None:
        self._generator = generator
        self.need: N | None = None
        self.go_on(None, [])

    def go_on(self, outcome: Any, failed: list[Exception]) -> None:
        """Hand over what came of the need, or the failure; raises what the generator raises.

        The failure is taken out of its list, so that no frame here holds it: it may hold what was
        sent, and what the generator raises instead must not carry it along.
        """
        try:
            if failed:
                self.need = self._generator.throw(failed.pop())
            else:
                self.need = self._generator.send(outcome)
        except StopIteration as done:
            self.need, self.value = None, done.value

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._generator.close()


def send(request: HttpRequest, transport: Transport) -> Flow[HttpReply]:
    """Make one HTTP exchange. Redirects are never followed.

    Raises:
        ConnectionFailed: nothing was sent.
        ProviderTimeout: no reply in time.
        BadReply: the reply is none, was cut short, or is longer than the transport allows.
        ConfigurationError: HTTP allows no such request.
    """
    reply: HttpReply = yield Send(request, transport)
    return reply


def call(function: Callable[[], T]) -> Flow[T]:
    """Run a blocking function, off the event loop where there is one; raises what it raises."""
    value: T = yield Call(function)
    return value


def sleep(seconds: float) -> Flow[None]:
    """Wait for ``seconds``; raises ProviderTimeout where the deadline comes first."""
    yield Sleep(seconds)


def gather(flows: Iterable[Flow[T]], limit: int) -> Flow[list[T]]:
    """Run flows at the same time, at most ``limit`` of them; their values in order.

    All run to their end; then the first failure, in their order, is raised.
    """
    values: list[T] = yield Gather(tuple(flows), limit)
    return values


def timeout(flow: Flow[T], seconds: float) -> Flow[T]:
    """Run a flow for ``seconds`` at most, or until the deadline; then it gets ProviderTimeout."""
    value: T = yield Timeout(flow, seconds)
    return value


def spawn(flow: Flow[Any], seconds: float) -> Flow[None]:
    """Let a flow run beside this one, for ``seconds`` at most; its value and errors are dropped."""
    yield Spawn(flow, seconds)
