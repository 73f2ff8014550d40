"""What a piece of work took: time, processor time and memory of this process. Linux only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from peak import held, start


@dataclass
class Used:
    """What was taken, once the work is done.

    Attributes:
        seconds: on the clock.
        cpu_s: of processor time, of all threads.
        mib: the most memory beyond what was held before.
    """

    seconds: float = 0.0
    cpu_s: float = 0.0
    mib: float = 0.0


@contextmanager
def used() -> Iterator[Used]:
    """Measure what is done inside."""
    spent, before = Used(), start()
    cpu, began = time.process_time(), time.perf_counter()
    yield spent
    spent.seconds, spent.cpu_s = time.perf_counter() - began, time.process_time() - cpu
    spent.mib = (held("VmHWM") - before) / 2**20
