"""What an engine is to a run: workers that take calls, somewhere."""

from __future__ import annotations

import pickle
import socket
from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, InvalidStateError
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ParamSpec, TypeVar

from facegate.errors import ConfigurationError

P = ParamSpec("P")
T = TypeVar("T")

REACHED_S = 10.0
"""Seconds that a cluster has to answer."""


class Workers(Executor):
    """Workers that are ready, as an executor.

    Attributes:
        count: calls that they work on at a time, 1 or more. Who gives out more waits.
    """

    count: int

    @abstractmethod
    def everywhere(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have a function called in each process that is there, while it has no other call.

        Raises:
            ConfigurationError: it raised this in one of them, or that one has another facegate.
        """


class Cluster(Workers):
    """Workers of a cluster, whose calls end in a run's words, whatever becomes of the cluster."""

    def __init__(self) -> None:
        self._out: set[Future[Any]] = set()

    @abstractmethod
    def told(self, error: BaseException) -> BaseException:
        """An error of the engine in the words of a run."""

    def passed_on(self, inner: Future[T]) -> Future[T]:
        """A future with the outcome of one of the engine's."""
        outer: Future[T] = Future()
        self._out.add(outer)

        def done(_: Future[T]) -> None:
            self._out.discard(outer)
            with suppress(InvalidStateError):  # it was given up
                try:
                    found = inner.result()
                except BaseException as error:  # noqa: BLE001 - it is for who waits
                    outer.set_exception(self.told(error))
                else:
                    outer.set_result(found)

        inner.add_done_callback(done)
        return outer

    def give_up(self) -> None:
        """End all calls that have no outcome: the engine will tell none any more."""
        for outer in self._out.copy():
            with suppress(InvalidStateError):
                outer.set_exception(BrokenExecutor("the cluster is left"))


class WorkerLost(BrokenExecutor):
    """A worker was lost, and a call with it. The executor goes on with the others."""


def parcel(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Callable[[], T]:
    """A call that a process can unpack which has no facegate, or another one, and say so.

    The engines send a function that is made in another one as code, and all others by name.

    Raises:
        ImportError: when it is called where facegate, or something that it needs, differs.
    """
    here, packed = version("facegate"), pickle.dumps((function, args, kwargs))

    def call() -> T:
        try:
            there = version("facegate")
        except PackageNotFoundError:
            there = "none"
        if there != here:
            raise ImportError(f"facegate is {there} on {socket.gethostname()}, and {here} here")
        function, args, kwargs = pickle.loads(packed)  # noqa: S301 - from who sent this code
        found: T = function(*args, **kwargs)
        return found

    return call


def reach(on: str) -> None:
    """See whether anybody answers at a cluster's address.

    Raises:
        ConfigurationError: nobody does.
    """
    host, _, port = on.partition("://")[2].rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACHED_S).close()
    except OSError as error:
        raise ConfigurationError(
            f"nobody answers at {on} ({error.strerror or type(error).__name__}); once somebody"
            " does, the same command goes on"
        ) from None
