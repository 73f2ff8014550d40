"""A watch that goes on: rounds when they are due, in one process of however many try."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from facegate.errors import FacegateError
from facegate.sentinel.sentinel import Sentinel, Standing

LOOK_S = 30.0
"""Seconds from one look at what is due to the next."""

_log = logging.getLogger(__name__)


def _silently(_standing: Standing) -> None:
    """Rounds that nobody watches."""


class _Left(Exception):
    """The process is about to end."""


def keep_watch(
    sentinel: Sentinel, leaving: threading.Event, told: Callable[[Standing], object] = _silently
) -> None:
    """Run rounds when they are due, until told to leave. What goes wrong is logged.

    Args:
        sentinel: the sentinel.
        leaving: set when the process is about to end; a round that goes on is given up.
        told: is called after each round.
    """

    def progress(_done: int, _of: int) -> None:
        if leaving.is_set():
            raise _Left

    while not leaving.is_set():
        for provider in sentinel.settings.providers:
            try:
                standing = sentinel.run(provider, due=True, progress=progress)
                sentinel.look(provider)
            except _Left:
                return
            except FacegateError as error:
                _log.error("no round of canaries of %s: %s", provider, error)
            except Exception as error:  # noqa: BLE001  a plugin's bug, whose text may hold anything
                _log.error("no round of canaries of %s: %s", provider, type(error).__name__)
            else:
                if standing is not None:
                    told(standing)
        leaving.wait(LOOK_S)
