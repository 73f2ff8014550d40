"""Forks, held back while OpenCV is at work.

OpenCV has locks and threads of its own, which Python cannot see. A fork copies the locks as they
are and the threads not at all: a child that was forked while another thread held a lock would wait
for it for ever, as soon as it loads a network. OpenCV's own threads take theirs even after the work
is done, so they end before the fork; OpenCV begins others when it needs them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import cv2

_PATIENCE_S: Final = 30.0
"""Seconds that a fork waits: far longer than any job, but for one that fetches a model."""


@dataclass(eq=False)
class _Gate:
    """Who is inside OpenCV, who waits to fork, and how many threads OpenCV had before."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    inside: int = 0
    forking: int = 0
    threads: int = 1


_gate = _Gate()


@contextmanager
def held_back() -> Generator[None, None, None]:
    """Let no fork happen in the ``with`` block; one that is under way is waited for first."""
    gate = _gate
    with gate.changed:
        gate.changed.wait_for(lambda: not gate.forking)
        gate.inside += 1
    try:
        yield
    finally:
        with gate.changed:
            gate.inside -= 1
            gate.changed.notify_all()


def _before() -> None:
    with _gate.changed:
        if not _gate.forking:
            _gate.threads = cv2.getNumThreads()
        _gate.forking += 1
        _gate.changed.wait_for(lambda: not _gate.inside, _PATIENCE_S)
        cv2.setNumThreads(1)


def _in_parent() -> None:
    with _gate.changed:
        _gate.forking -= 1
        if not _gate.forking:
            cv2.setNumThreads(_gate.threads)
        _gate.changed.notify_all()


def _in_child() -> None:
    global _gate  # noqa: PLW0603  its lock may be held by a thread that is no more
    cv2.setNumThreads(_gate.threads)
    _gate = _Gate()


if hasattr(os, "register_at_fork"):  # absent where there is no fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
