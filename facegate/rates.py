"""Error rates of thresholds: which are known, who says so, and on whose pictures."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from facegate.errors import UnsupportedOption
from facegate.model import Scale

RateKind = Literal["fmr", "bpcer"]
"""The error that a rate counts: strangers who match, or living people who are refused."""

KINDS: tuple[RateKind, ...] = ("fmr", "bpcer")


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Thresholds of one score by the error rate that they keep.

    Attributes:
        thresholds: by rate, above 0 and at most 1: at each of them the rate is at most that.
        by: who says so: whoever measured it, or a vendor of its own product.
        on: whose pictures it was measured on; None where a vendor states it and does not say.
        kind: the error that is counted.
        within: the rate, 0 to 1, among the people of a group alone, by the rate over all and the
            group's name, where that was measured. A rate over all is an average: most of its pairs
            are of people who differ in more than their faces.
        document: first 12 digits of the digest of the calibration that says so.
        engine: the version or model that was measured; None where the vendor names none.
        people: number of people behind the figures; None where nobody says.
        more_people: lower rates would be known of more people; else the labels are the limit.
        until: moment after which it no longer counts; None for no end.
        refusal: the reason why it does not count at all; then there are no thresholds.
    """

    thresholds: Mapping[float, float]
    by: str
    on: str | None = None
    kind: RateKind = "fmr"
    within: Mapping[float, Mapping[str, float]] = field(default_factory=dict)
    document: str | None = None
    engine: str | None = None
    people: int | None = None
    more_people: bool = True
    until: datetime | None = None
    refusal: str | None = None
    _rates: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rates", tuple(sorted(self.thresholds)))

    def threshold(self, rate: float, gallery: int = 1) -> float:
        """The laxest threshold that is known to keep a rate per decision.

        The best of n gallery pictures counts, so each of n comparisons gets an n-th of the rate
        (the union bound).

        Args:
            rate: that is asked for, above 0 and below 1.
            gallery: number of gallery pictures, 1 or more.

        Raises:
            UnsupportedOption: no threshold is known to, or what was measured no longer counts.
        """
        if self.until is not None and datetime.now(UTC) > self.until:
            raise UnsupportedOption(
                f"the calibration {self.document} counted until {self.until:%Y-%m-%d}; calibrate"
                " anew"
            )
        if self.refusal is not None:
            raise UnsupportedOption(f"{preset(rate, self.kind)!r} is not known: {self.refusal}")
        each = rate / gallery if self.kind == "fmr" else rate
        if (threshold := self.known(each)) is None:
            raise UnsupportedOption(self._too_low(rate, gallery, each))
        return threshold

    def known(self, rate: float) -> float | None:
        """The laxest threshold that was ever known to keep a rate, of one gallery picture."""
        place = bisect_right(self._rates, rate * (1 + 1e-9))
        return self.thresholds[self._rates[place - 1]] if place else None

    def rate(self, score: float, scale: Scale) -> float | None:
        """The least known rate of a threshold that a score reaches; None where it reaches none."""
        place = bisect_left(
            self._rates, 1, key=lambda rate: scale.reaches(score, self.thresholds[rate])
        )
        return self._rates[place] if place < len(self._rates) else None

    @property
    def presets(self) -> Mapping[float, float]:
        """The thresholds to show: of those that were measured, the ones at round rates."""
        if self.document is None:
            return {rate: self.thresholds[rate] for rate in reversed(self._rates)}
        least, most = self._rates[0], self._rates[-1]
        powers = range(math.floor(math.log10(most)), math.floor(math.log10(least)) - 1, -1)
        round_ones = (float(f"{digit}e{power}") for power in powers for digit in self._digits)
        shown = [rate for rate in round_ones if least <= rate * (1 + 1e-9) and rate <= most]
        found = {rate: self.known(rate) for rate in shown or [least]}
        return {rate: threshold for rate, threshold in found.items() if threshold is not None}

    @property
    def _digits(self) -> tuple[int, ...]:
        """The first digits of rates to show: of those in per cent there are few powers of ten."""
        return (1,) if self.kind == "fmr" and self._rates[-1] > 30 * self._rates[0] else (5, 2, 1)

    @property
    def provenance(self) -> str:
        """The words for who says so, and of whom."""
        if self.on is None:
            return f"stated by {self.by}, and measured by nobody else"
        people = f", {self.people:,} people" if self.people else ""
        document = f" (calibration {self.document})" if self.document else ""
        return f"measured by {self.by} on {self.on}{people}{document}"

    def _too_low(self, rate: float, gallery: int, each: float) -> str:
        """The words for a rate below all that are known."""
        least = self._rates[0] if self._rates else math.nan
        asked = preset(rate, self.kind)
        text = f"{asked!r} was never measured"
        if gallery > 1 and self.kind == "fmr":
            text += f" for {gallery} gallery pictures, of which each gets {preset(each)}"
        text += f"; known rates: {', '.join(preset(each, self.kind) for each in self.presets)}"
        if self.people and self.more_people:
            # Errors grow with the pairs, and those with the square of the people.
            power = 0.5 if self.kind == "fmr" else 1.0
            needed = math.ceil(self.people * (least / each) ** power)
            text += f"; it would take about {needed:,} people, this was measured on {self.people:,}"
        return text


def preset(rate: float, kind: RateKind = "fmr") -> str:
    """An error rate, above 0 and at most 1, written as a threshold: ``fmr:1e-4``."""
    mantissa, exponent = f"{rate:e}".split("e")
    return f"{kind}:{float(mantissa):g}e{int(exponent)}"
