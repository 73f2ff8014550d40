"""The one deadline of a whole request."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

from facegate.errors import ProviderTimeout

T = TypeVar("T")


class GivenUp(BaseException):
    """The end of a request that nobody waits for; no flow hears of it, but by being closed."""


class Deadline:
    """A moment after which nothing is waited for any more.

    Args:
        seconds: time until then; ``math.inf`` for no end.
        outer: a deadline that this one cannot go beyond.
    """

    def __init__(self, seconds: float, outer: Deadline | None = None) -> None:
        self.seconds, self.ends = seconds, time.monotonic() + seconds
        self._outer, self._given_up = outer, False
        if outer is not None and outer.ends < self.ends:
            self.seconds, self.ends = outer.seconds, outer.ends

    @property
    def given_up(self) -> bool:
        """Whether nobody waits for the answer any more."""
        return self._given_up or (self._outer is not None and self._outer.given_up)

    def give_up(self) -> None:
        """Have whoever works towards it begin nothing further."""
        self._given_up = True

    def left(self) -> float:
        """Seconds left, 0 or more."""
        return max(0.0, self.ends - time.monotonic())


_current: ContextVar[Deadline | None] = ContextVar("facegate_deadline", default=None)


def within(deadline: Deadline, function: Callable[[], T]) -> T:
    """Call a blocking function that may ask :func:`seconds_left`."""
    token = _current.set(deadline)
    try:
        return function()
    finally:
        _current.reset(token)


def seconds_left() -> float:
    """Seconds until nobody waits for the blocking call under way; ``math.inf`` outside of one."""
    deadline = _current.get()
    if deadline is None:
        return math.inf
    return 0.0 if deadline.given_up else deadline.left()


def too_late(deadline: Deadline) -> ProviderTimeout:
    """The error of a deadline that has passed."""
    return ProviderTimeout(f"no answer within the deadline of {deadline.seconds:.3g} s")
