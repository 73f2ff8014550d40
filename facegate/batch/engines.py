"""Engines: where the workers of a run are. Each gives a ``concurrent.futures.Executor``.

An engine carries a chunk's number to a worker and its report back, and knows nothing else. What
must be exact lies in files that all workers share: a chunk that an engine gives out twice is worked
on by the second worker alone. So an engine on other machines is one more function here.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

Engine = Callable[[], Executor]
"""Makes an executor, and a new one where a worker was killed and took the first with it."""


def local(workers: int) -> Engine:
    """Workers on this machine: a thread of this process for one, else a process each.

    One worker has many questions in flight, and waits for vendors most of its time. An embedded
    engine uses all cores by itself. So one is enough where one core can keep up with the answers.

    Args:
        workers: 1 or more.
    """
    if workers == 1:
        return lambda: ThreadPoolExecutor(1, thread_name_prefix="facegate-batch")
    # Not by forking: this process has threads, and a child would inherit their locks.
    context = multiprocessing.get_context("spawn")
    return lambda: ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)


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
