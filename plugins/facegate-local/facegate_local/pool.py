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
from typing import Any, Generic, TypeVar

from facegate.plugin import FacegateError, ProviderBusy, ProviderTimeout

T = TypeVar("T")
R = TypeVar("R")

_WEIGHT = 0.1
"""Weight of the newest loan in how long one takes."""


class Pool(Generic[T]):
    """A pool of at most ``size`` things, built when needed, each lent to one borrower at a time.

    The one that came back last is lent first, so that idle ones stay cold. A forked child starts
    with an empty pool: what its parent had lent at that moment will never come back.
    """

    _borrowers: int
    _typical_s: float

    def __init__(self, build: Callable[[], T], size: int) -> None:
        self._build = build
        self._size = size
        self.clear()
        _pools.add(self)

    @contextmanager
    def lend(self, timeout: float) -> Iterator[T]:
        """One thing, for the ``with`` block; waits at most ``timeout`` seconds for it.

        A thing that raised anything but a FacegateError is not lent again.

        One who, by how long things were lent of late, could not be done with it in that time is
        refused at once: waiting would only take the place of others. Nor does one get it so late
        that nobody would wait for the end.

        Raises:
            ProviderBusy: all things are lent, or were until it was too late to begin.
        """
        free, idle = self._free, self._idle
        with self._lock:
            rounds = (self._borrowers + 1) / self._size
            if self._borrowers >= self._size and self._typical_s * rounds > timeout:
                raise ProviderBusy(
                    f"all {self._size} engines are busy, with {self._borrowers - self._size}"
                    f" requests before this one; raise `engines`",
                    retry_after=self._typical_s * rounds,
                )
            self._borrowers += 1
        try:
            if not free.acquire(timeout=max(0.0, timeout - self._typical_s)):
                raise ProviderBusy(
                    f"all {self._size} engines were busy until too little of {timeout:g} s was"
                    " left; raise `engines`",
                    retry_after=self._typical_s or None,
                )
            try:
                thing = idle.pop() if idle else self._build()
                began = time.monotonic()  # building is no part of how long a loan takes
                try:
                    yield thing
                except FacegateError:
                    idle.append(thing)
                    raise
                finally:
                    self._took(time.monotonic() - began)
                idle.append(thing)
            finally:
                free.release()
        finally:
            with self._lock:
                self._borrowers = max(0, self._borrowers - 1)  # cleared meanwhile

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
                    result.set_result(job(thing))
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

    def _took(self, seconds: float) -> None:
        with self._lock:  # the first one is all that is known
            weight = _WEIGHT if self._typical_s else 1.0
            self._typical_s += weight * (seconds - self._typical_s)

    def clear(self) -> None:
        """Forget all things; those that are lent go when they come back."""
        self._free = threading.BoundedSemaphore(self._size)
        self._idle: list[T] = []
        self._lock = threading.Lock()
        self._borrowers = 0
        self._typical_s = 0.0


_pools: weakref.WeakSet[Pool[Any]] = weakref.WeakSet()


def _clear_all() -> None:
    for pool in list(_pools):
        pool.clear()


if hasattr(os, "register_at_fork"):  # absent where there is no fork
    os.register_at_fork(after_in_child=_clear_all)
