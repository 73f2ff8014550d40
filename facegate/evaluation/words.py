"""Numbers of an evaluation as people read them, and tables of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facegate.evaluation.results import Rate, Ratio, Support
from facegate.figures.intervals import Interval
from facegate.figures.words import percent

NONE = "-"
"""A figure that there is none of."""


@dataclass(frozen=True, slots=True)
class Section:
    """A table with its heading.

    Attributes:
        title: the heading.
        head: names of the columns, the first of which names a row.
        rows: the cells.
        notes: what is said of the whole table, a paragraph each.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def small(rate: float) -> str:
    """Text of a rate that may be tiny: ``9.9e-4``, ``1e-4``, 0."""
    if not rate:
        return "0"
    digits, _, power = f"{rate:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"


def fmr(rate: Rate | None) -> str:
    """Text of a false match rate with its interval, or with what it is below."""
    return _rate(rate, small)


def share(rate: Rate | None) -> str:
    """Text of any other rate, in per cent."""
    return _rate(rate, percent)


def _rate(rate: Rate | None, words: Callable[[float], str]) -> str:
    if rate is None:
        return NONE
    value = words(rate.share)
    if rate.interval is None:
        return f"{value} (people not known)"
    if rate.support is not Support.NOT_SUPPORTED:
        low, high = (words(end).removesuffix(" %") for end in rate.interval)
        return f"{value} ({low} to {high})"
    bounds = f"below {words(rate.bound_if_independent)} if independent"
    if rate.bound_guaranteed is not None:
        bounds += f"\nbelow {words(rate.bound_guaranteed)} guaranteed"
    return f"{value} ({rate.errors:,} of {rate.trials:,})\n{bounds}"


def in_line(words: str) -> str:
    """Words of several lines as a part of a sentence."""
    return words.replace("\n", ", ")


def counted(rate: Rate | None) -> str:
    """Text of a rate that nobody concludes much from."""
    return NONE if rate is None else of(rate.errors, rate.trials)


def of(count: int, total: int) -> str:
    """Text of a count, with its share of all."""
    return f"{count:,} ({percent(count / total, 2)})" if total else NONE


def ratio(value: Ratio | None) -> str:
    """Text of a ratio of two rates."""
    if value is None:
        return NONE
    span = value.interval
    bounds = f" ({span.low:.2g} to {span.high:.2g})" if span is not None else ""
    return f"{'up to ' * value.bounded}{value.value:.2g}{bounds}"


def number(value: float, span: Interval | None = None) -> str:
    """Text of any other number of 0 or more, and of its interval."""
    text = f"{value:.3g}" if value >= 0.01 else small(value)
    text = f"{value:,.0f}" if value >= 100 else text
    return text if span is None else f"{text} ({number(span.low)} to {number(span.high)})"
