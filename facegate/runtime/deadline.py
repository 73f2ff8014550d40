"""One deadline for a whole request."""

from __future__ import annotations

import time

from facegate.errors import ProviderTimeout


class Deadline:
    """A moment after which nothing is waited for any more; never later than the ``outer`` one."""

    def __init__(self, seconds: float, outer: Deadline | None = None) -> None:
        self.seconds, self.ends = seconds, time.monotonic() + seconds
        if outer is not None and outer.ends < self.ends:
            self.seconds, self.ends = outer.seconds, outer.ends

    def left(self) -> float:
        """Seconds left; zero once it has passed."""
        return max(0.0, self.ends - time.monotonic())


def too_late(deadline: Deadline) -> ProviderTimeout:
    """What to raise once it has passed."""
    return ProviderTimeout(f"no answer within the deadline of {deadline.seconds:.3g} s")
