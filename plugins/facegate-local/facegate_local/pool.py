"""A pool of things that serve one thread at a time."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from facegate.plugin import FacegateError, ProviderBusy, ProviderTimeout
from facegate_local.forks import held_back

T = TypeVar("T")
R = TypeVar("R")

_WEIGHT = 0.1
"""Weight of the newest loan in how long one takes."""

_MARGIN = 1.2
"""Time that one who comes must have, as a multiple of what is needed: some loans take longer, and
a refusal should come at once."""


@dataclass(eq=False)
class _Line(Generic[T]):
    """Who waits for what.

    Attributes:
        idle: things that nobody has.
        lent: number of those that somebody has.
        waiting: a ticket for each who waits, in their order.
        typical_s: seconds that a thing is lent for, of late; 0 where nothing is known.
    """

    changed: threading.Condition = field(default_factory=threading.Condition)
    idle: list[T] = field(default_factory=list)
    lent: int = 0
    waiting: deque[object] = field(default_factory=deque)
    typical_s: float = 0.0

    def took(self, seconds: float) -> None:
        """Note how long a thing was lent."""
        with self.changed:
            weight = _WEIGHT if self.typical_s else 1.0  # the first one is all that is known
            self.typical_s += weight * (seconds - self.typical_s)


class Pool(Generic[T]):
    """A pool of at most ``size`` things, built when needed, each lent to one borrower at a time.

    The one that came back last is lent first, so that idle ones stay cold. A forked child starts
    with an empty pool: what its parent had lent at that moment will never come back.
    """

    def __init__(self, build: Callable[[], T], size: int) -> None:
        self._build = build
        self._size = size
        self.clear()
        _pools.add(self)

    def warm(self, use: Callable[[T], object]) -> None:
        """Build all things and use each, before anybody borrows one; no loan, so none seems long.

        Args:
            use: what the first borrowers shall not have to wait for.
        """
        line = self._line
        while len(line.idle) + line.lent < self._size:
            thing = self._build()
            use(thing)
            line.idle.append(thing)

    @contextmanager
    def lend(self, timeout: float) -> Iterator[T]:
        """One thing, for the ``with`` block; waits at most ``timeout`` seconds for it.

        Who came first gets one first. A thing that raised anything but a FacegateError is not lent
        again.

        One who, by how long things were lent of late, could not be done with it in that time is
        refused as soon as that is known: waiting would only take the place of others.

        Raises:
            ProviderBusy: all things are lent, and none comes free in time.
        """
        line = self._line
        self._wait(line, timeout)
        try:
            thing = line.idle.pop() if line.idle else self._build()
            began = time.monotonic()  # building is no part of how long a loan takes
            try:
                yield thing
            except FacegateError:
                line.idle.append(thing)
                raise
            finally:
                line.took(time.monotonic() - began)
            line.idle.append(thing)
        finally:
            with line.changed:
                line.lent -= 1
                line.changed.notify_all()

    def _wait(self, line: _Line[T], timeout: float) -> None:
        ends, ticket = time.monotonic() + timeout, object()
        with line.changed:
            line.waiting.append(ticket)
            margin = _MARGIN
            try:
                while line.lent >= self._size or line.waiting[0] is not ticket:
                    before = line.waiting.index(ticket)
                    needed = line.typical_s * max(1, (before + line.lent + 1) / self._size)
                    left = ends - time.monotonic()
                    if left <= margin * needed:
                        raise ProviderBusy(
                            f"all {self._size} engines are busy, with {before} requests before"
                            " this one; raise `engines`",
                            retry_after=needed or None,
                        )
                    margin = 1.0
                    line.changed.wait(left - line.typical_s)
                line.lent += 1
            finally:
                line.waiting.remove(ticket)
                line.changed.notify_all()

    def run(self, jobs: Sequence[Callable[[T], R]], timeout: float) -> list[R]:
        """Run the jobs on one thing, and on a second at the same time while one is free.

        The results are in the order of the jobs. Jobs begin in that order too, so that of several
        errors the first job's is raised, whichever was quicker. No job begins after ``timeout``
        seconds.

        Raises:
            ProviderBusy: nothing will come free in time, or did.
            ProviderTimeout: the jobs before took all of the time.
        """
        ends = time.monotonic() + timeout
        results: list[Future[R]] = [Future() for _ in jobs]
        waiting = deque(zip(jobs, results, strict=True))

        def work(thing: T) -> None:
            while True:
                try:
                    job, result = waiting.popleft()
                except IndexError:
                    return
                try:
                    if time.monotonic() > ends:
                        raise ProviderTimeout(f"not done within the deadline of {timeout:g} s")
                    with held_back():
                        outcome = job(thing)
                    result.set_result(outcome)
                except BaseException as error:
                    result.set_exception(error)
                    waiting.clear()
                    raise

        def help_out() -> None:
            with self.lend(timeout=0) as second:
                work(second)

        try:
            with ThreadPoolExecutor(1) as helper, self.lend(timeout) as first:
                if len(jobs) > 1 and self._size > 1:
                    helper.submit(help_out)  # that no second one is free is no error
                try:
                    work(first)
                finally:
                    waiting.clear()  # where this one was interrupted, the other need not go on
        except Exception:
            if not results[0].done():  # not a job's, but that nothing could be lent
                raise
        return [result.result() for result in results]

    def clear(self) -> None:
        """Forget all things; those that are lent go when they come back."""
        self._line: _Line[T] = _Line()


_pools: weakref.WeakSet[Pool[Any]] = weakref.WeakSet()


def _clear_all() -> None:
    for pool in list(_pools):
        pool.clear()


if hasattr(os, "register_at_fork"):  # absent where there is no fork
    os.register_at_fork(after_in_child=_clear_all)
