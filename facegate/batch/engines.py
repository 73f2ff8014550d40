"""Engines: where the workers of a run are. Each gives a ``concurrent.futures.Executor``.

An engine carries a chunk's number to a worker and its report back, and knows nothing else. What
must be exact lies in files that all workers share: a chunk that an engine gives out twice is worked
on by the second worker alone.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import ParamSpec

from facegate.batch.cluster import Workers
from facegate.batch.on_dask import Dask
from facegate.batch.on_ray import Ray
from facegate.errors import InvalidRequest

P = ParamSpec("P")

Engine = Callable[[], Workers]
"""Makes workers ready, and new ones where a killed one took the others with it."""

_CLUSTERS: dict[str, Callable[[str, int | None], Workers]] = {"dask": Dask, "ray": Ray}


def engine(on: str | None, workers: int | None) -> Engine:
    """The engine of a name.

    Args:
        on: ``dask://HOST:PORT`` or ``ray://HOST:PORT`` for a cluster, ``dask`` or ``ray`` for one
            on this machine that lives as long as the run; processes of this machine if absent.
        workers: chunks at a time, 1 or more; what the cluster has, or 1 without one, if absent.

    Raises:
        InvalidRequest: there is none of that name.
    """
    if on is None:
        return local(workers or 1)
    kind, separator, address = on.partition("://")
    host, _, port = address.rpartition(":")
    if kind not in _CLUSTERS or bool(separator) != bool(host and port.isdecimal()):
        kinds = ", ".join(f"{each}, {each}://HOST:PORT" for each in _CLUSTERS)
        raise InvalidRequest(f"there is no engine {on!r}; there are: {kinds}")
    return lambda: _CLUSTERS[kind](on, workers)


def local(workers: int) -> Engine:
    """Workers on this machine: a thread of this process for one, else a process each.

    One worker has many questions in flight, and waits for vendors most of its time. An embedded
    engine uses all cores by itself. So one is enough where one core can keep up with the answers.

    Args:
        workers: 1 or more.
    """
    return _Thread if workers == 1 else lambda: _Processes(workers)


class _Thread(Workers, ThreadPoolExecutor):
    """One worker, in this process."""

    def __init__(self) -> None:
        super().__init__(1, thread_name_prefix="facegate-batch")
        self.count = 1

    def everywhere(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        self.submit(function, *args, **kwargs).result()


class _Processes(Workers, ProcessPoolExecutor):
    """A process for each worker. A killed one takes the others with it."""

    def __init__(self, workers: int) -> None:
        # Not by forking: this process has threads, and a child would inherit their locks.
        context = multiprocessing.get_context("spawn")
        super().__init__(workers, mp_context=context, initializer=_begin)
        self.count = workers

    def everywhere(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Nothing: they are begun as this process was, and end with what they hold."""


def _begin() -> None:
    """What a worker process does first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who began the run tells when to stop
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """End at once where the run was killed: nobody would hear of what is answered."""
    parent.join()
    os._exit(1)
