"""Shelter from signal handlers, whose exceptions strike the main thread between any two lines.

Celery's soft time limit is one, Ctrl-C another. Struck inside a request, such an exception could be
taken for the provider's failure and send the face to the next company, or leave a lock closed. So
the main thread has the work done in another one, where no handler ever runs, and only waits: what
strikes it there travels on as it is, and the work is given up.
"""

from __future__ import annotations

import _thread
import atexit
import sys
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import TypeVar

from facegate.runtime.deadline import Deadline
from facegate.runtime.forking import PerProcess

T = TypeVar("T")

_WAIT_S = 0.1 if sys.platform == "win32" else -1
"""Seconds of a wait; Windows tells nobody who waits for a lock of Ctrl-C until that has ended."""


_END_S = 5.0
"""Seconds that Python's end waits for work that was given up."""
_abandoned = PerProcess(set[threading.Lock])


@atexit.register
def _outlast() -> None:
    """Wait for work that was given up and is not done: its thread may be in the midst of C++.

    Python would end that thread where it comes back to it, and the process with it, by SIGABRT.
    """
    ends = time.monotonic() + _END_S
    for done in list(_abandoned.value):
        done.acquire(timeout=max(0.0, ends - time.monotonic()))


def sheltered(work: Callable[[], T], deadline: Deadline) -> T:
    """Do work where no signal handler strikes; gives its value, or raises what it raises.

    Args:
        work: the work; where it takes long, it looks at ``deadline.given_up``.
        deadline: the work's deadline, which is given up when the wait for it is interrupted.
    """
    if threading.get_ident() != threading.main_thread().ident or sys.is_finalizing():
        return work()
    values, errors, done = list[T](), list[BaseException](), threading.Lock()
    done.acquire()

    def working() -> None:
        try:
            values.append(work())
        except BaseException as error:  # noqa: BLE001  raised again by who waits
            errors.append(error)
        finally:
            done.release()

    try:
        try:
            # In C, and so in one piece: Thread.start can itself be struck half-way.
            _thread.start_new_thread(copy_context().run, (working,))
        except RuntimeError:  # from 3.12 on, as Python ends
            return work()
        while not done.acquire(timeout=_WAIT_S):
            pass
    except BaseException:
        deadline.give_up()
        under_way = {each for each in _abandoned.value if each.locked()}
        _abandoned.value = {*under_way, done}
        raise
    if errors:
        try:
            raise errors[0]
        finally:
            errors.clear()  # or this frame and the error would keep one another, and the pictures
    return values[0]
