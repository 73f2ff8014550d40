"""A clock that a test sets."""

from __future__ import annotations


class Clock:
    """Seconds since 1970, or since anything."""

    def __init__(self, now: float = 1e9) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now
