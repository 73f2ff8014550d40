"""Doing something in a forked child, where whatever goes wrong is a failure of the test."""

from __future__ import annotations

import gc
import os
import threading
import warnings
from collections.abc import Callable
from typing import Any


def in_child(work: Callable[[], Any]) -> None:
    """Do something in a forked child, where whatever fails, warns or hangs is a failure here."""
    reading, writing = os.pipe()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        child = os.fork()
    if not child:
        said = "it ended early"
        os.close(reading)
        try:
            with warnings.catch_warnings(record=True) as more:
                warnings.simplefilter("always")
                work()
                gc.collect()
            said = " ".join(str(each.message) for each in warned + more)
        except BaseException as error:  # noqa: BLE001  the parent is to hear of it
            said = repr(error)
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        hanging = threading.Timer(60, os.kill, (child, 9))
        hanging.start()
        said, (_, status) = told.read(), os.waitpid(child, 0)
        hanging.cancel()
    assert (said, status) == ("", 0)
