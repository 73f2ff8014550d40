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


def keep_watch(
    sentinel: Sentinel, leaving: threading.Event, told: Callable[[Standing], object] = _silently
) -> None:
    """Run rounds when they are due, until told to leave. What goes wrong is logged.

    Args:
        sentinel: the sentinel.
        leaving: set when the process is about to end.
        told: is called after each round.
    """
    while True:
        for provider in sentinel.settings.providers:
            if leaving.is_set():
                return
            try:
                standing = sentinel.run(provider, due=True)
            except FacegateError as error:
                _log.error("no round of canaries of %s: %s", provider, error)
            else:
                if standing is not None:
                    told(standing)
        if leaving.wait(LOOK_S):
            return
