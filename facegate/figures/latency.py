"""Latency of answers: percentiles and their curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = 100
"""Steps of a curve, which has one point more."""


@dataclass(frozen=True)
class Latency:
    """Seconds that callers waited for an answer; failed requests are not among them.

    Attributes:
        answered: requests that were answered.
        p50: median, in seconds.
        p95: 95th percentile, in seconds.
        p99: 99th percentile, in seconds.
        curve: evenly spaced percentiles from the lowest to the highest, in seconds.
    """

    answered: int
    p50: float
    p95: float
    p99: float
    curve: Sequence[float]

    @classmethod
    def of(cls, ordered: Sequence[float]) -> Latency | None:
        """The latency of answered requests; None where there are none.

        Args:
            ordered: seconds of each, ascending.
        """
        if not ordered:
            return None
        count = len(ordered)
        p50, p95, p99 = (ordered[math.ceil(level * count) - 1] for level in (0.5, 0.95, 0.99))
        curve = [ordered[(count - 1) * step // _STEPS] for step in range(_STEPS + 1)]
        return cls(count, p50, p95, p99, curve)
