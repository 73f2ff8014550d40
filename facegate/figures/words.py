"""Numbers as people read them."""

from __future__ import annotations


def percent(share: float, digits: int = 1) -> str:
    """Text of a share, 0..1: ``94.1 %``."""
    return f"{100 * share:.{digits}f} %"


def points(value: float) -> str:
    """Text of a difference of shares, -1..1, in percentage points: ``+3.9``."""
    text = f"{100 * value:+.1f}"
    return "0" if text in {"+0.0", "-0.0"} else text


def duration(seconds: float) -> str:
    """Text of a time, 0 or more: ``510 ms``, ``1.28 s``, ``45 min``."""
    if seconds >= 120:
        return f"{seconds / 60:.0f} min"
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"
