"""Calibrations: documents that say which threshold of one provider keeps which error rate.

A calibration is measured by ``facegate calibrate`` on labelled pairs, and read here: without
numpy, and only where a configuration names one. It holds for what it was measured with, and is
refused for anything else. No picture, name or template is in it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import Field, StrictFloat, StrictInt, ValidationError, model_validator

from facegate.document import Table, explained
from facegate.errors import ConfigurationError
from facegate.model import Scale
from facegate.rates import RateKind, Rates

FORMAT = "facegate-calibration-1"
"""The version of the document's form."""

Assurance = Literal["bound", "point"]
"""The reading of a rate: the true one is at most that with 95 %, or it is what was counted."""


class Step(NamedTuple):
    """A threshold, and how many got past it.

    Attributes:
        threshold: on the provider's scale.
        errors: of the pairs, or living people, those on the wrong side of it.
        bound: rate, 0 to 1, that the true one exceeds with a probability of 5 % at most.
    """

    threshold: StrictFloat | StrictInt
    errors: StrictInt
    bound: StrictFloat | StrictInt


class AtRate(Table):
    """The error rates at the threshold of one round rate, for people who read the document.

    Attributes:
        fmr: the rate that was asked for.
        threshold_point: the laxest threshold at which no more strangers matched.
        threshold_bound: the laxest at which no more do with 95 % confidence; None where the data
            does not carry that.
        errors: strangers that matched at ``threshold_point``.
        low, high: 95 % interval of the rate there.
        fnmr: share of genuine pairs refused at ``threshold_point``.
        fnmr_low, fnmr_high: 95 % interval of that.
        support: whether the data carries a statement on it.
    """

    fmr: float
    threshold_point: float
    threshold_bound: float | None = None
    errors: int
    low: float
    high: float
    fnmr: float | None = None
    fnmr_low: float | None = None
    fnmr_high: float | None = None
    support: str


class Sample(Table):
    """What was counted on the people of one sample.

    Attributes:
        people: number of people in it.
        pairs: pairs of strangers, or pictures of living people.
        supported_from: the lowest rate, 0 to 1, that it carries a statement on.
        steps: thresholds from the strictest on, each laxer than the one before.
        rates: the same at round rates.
    """

    people: int = Field(ge=1)
    pairs: int = Field(ge=1)
    supported_from: float = Field(gt=0, le=1)
    steps: tuple[Step, ...] = Field(min_length=1)
    rates: tuple[AtRate, ...] = ()

    @model_validator(mode="after")
    def _counted(self) -> Self:
        for step in self.steps:
            if not 0 <= step.errors <= self.pairs:
                raise ValueError(f"{step.errors} errors of {self.pairs} pairs")
            if not step.errors / self.pairs * (1 - 1e-4) <= step.bound <= 1:
                raise ValueError(f"{step.bound:g} bounds no rate of {step.errors} errors")
        for before, after in pairwise(self.steps):
            if after.errors <= before.errors or after.bound < before.bound:
                raise ValueError("steps that do not go on from fewer errors to more")
        return self

    def refuse_disorder(self, scale: Scale, *, strictest_first: bool) -> None:
        """Refuse thresholds that are not on a scale, or run along it the wrong way.

        Args:
            scale: their scale.
            strictest_first: fewer errors take a threshold closer to a yes, and not farther from it.

        Raises:
            ValueError: saying which.
        """
        for step in self.steps:
            if not scale.low <= step.threshold <= scale.high or step.threshold == scale.farthest:
                raise ValueError(f"{step.threshold:g} is no threshold on the scale {scale.name}")
        for before, after in pairwise(self.steps):
            one, other = (before, after) if strictest_first else (after, before)
            if scale.reaches(other.threshold, one.threshold):
                raise ValueError("thresholds that run along their scale the wrong way")

    def thresholds(self, assurance: Assurance) -> Iterator[tuple[float, float]]:
        """Rates that the sample supports, each with a threshold that keeps it."""
        for step in self.steps:
            point = step.errors / self.pairs
            if point >= self.supported_from * (1 - 1e-9):
                yield step.bound if assurance == "bound" else point, step.threshold

    def rate_at(self, threshold: float, scale: Scale) -> float | None:
        """The rate that was counted at a threshold, at most; None where it is not known."""
        for step in self.steps:
            if scale.reaches(threshold, step.threshold):
                rate = step.errors / self.pairs
                return rate if rate >= self.supported_from else None
        return None

    @property
    def more_people(self) -> bool:
        """Whether more people would carry lower rates; else it is the labels that do not."""
        return self.supported_from * self.pairs < 2 * self.steps[0].errors + 20


class Key(Table):
    """What a calibration was measured with, and holds for.

    Attributes:
        plugin: the plugin's name.
        plugin_version: version of its distribution.
        lineage: the matching engine underneath.
        runtime: the provider's own word for what scores come from; None where it has none.
        engine: the version or model that answered; None where the vendor names none.
        match: scale of the similarity; None where only liveness was measured.
        liveness: scale of the liveness score; None where only matches were measured.
        settings: the settings that move scores.
        probe: kind of picture of the probes: "selfie", for instance.
        gallery: kind of picture of the galleries: "document", for instance.
    """

    plugin: str
    plugin_version: str | None = None
    lineage: str
    runtime: str | None = None
    engine: str | None = None
    match: Scale | None = None
    liveness: Scale | None = None
    settings: Mapping[str, Any] = Field(default_factory=dict)
    probe: str | None = None
    gallery: str | None = None

    def differs_from(self, other: Key) -> str | None:
        """The first difference to another key, in words; None where there is none."""
        for name in type(self).model_fields:
            own, others = getattr(self, name), getattr(other, name)
            if name == "settings":
                for setting in sorted({*own, *others}):
                    if own.get(setting) != others.get(setting):
                        shown = f"{own.get(setting)!r}, not {others.get(setting)!r}"
                        return f"{setting} = {shown}"
            elif own != others:
                return f"{name} = {_shown(own)}, not {_shown(others)}"
        return None


class CalibrationSettings(Table):
    """How calibrations are read: the table ``[calibration]``."""

    assurance: Assurance = Field(
        default="bound",
        description="`bound`: the true rate is at most the one asked for with 95 % confidence."
        " `point`: the counted one is, which the true one exceeds half the time.",
    )
    group: Literal["all", "worst"] = Field(
        default="all",
        description="Keep a false match rate over all people, or in the worst of the groups that"
        " were measured as well.",
    )
    max_age_days: float | None = Field(
        default=None,
        gt=0,
        le=36_500,
        description="Days after which a calibration is too old, whatever it says of itself.",
    )
    strict: bool = Field(
        default=False,
        description="Refuse a calibration that is too old, and rates from it. Without it `facegate"
        " check` tells.",
    )
    probe: str | None = Field(
        default=None,
        min_length=1,
        description="The kind of picture that probes are here: a calibration on others is refused.",
    )
    gallery: str | None = Field(
        default=None,
        min_length=1,
        description="The kind of picture that galleries are here: a calibration on others is"
        " refused.",
    )


_USUAL = CalibrationSettings()


class Calibration(Table):
    """A calibration.

    Attributes:
        form: version of the document's form.
        made: the day when it was measured.
        expires: the last day on which it counts; None where nobody said.
        by: whoever measured it.
        on: whose pictures, in words.
        key: what it was measured with, and holds for.
        images: number of pictures.
        genuine: number of genuine pairs.
        refused: pictures or pairs that were refused, by reason.
        match: what strangers got; None where no matches were measured.
        matched: strangers are pairs within one group alone.
        groups: the same among the people of a group alone, by what groups them and the group.
        left_out: groups that are too small to say anything of.
        liveness: what living people got; None where no liveness was measured.
        llr: ``slope`` and ``offset`` from a score to its log-likelihood ratio (natural logarithm),
            and their cost in bits on the same pairs, ``cllr`` and ``min_cllr``. Nothing decides by
            it.
        source: SHA-256 of the scores that it was made of.
        digest: SHA-256 of all the rest.
    """

    form: Literal["facegate-calibration-1"] = Field(default="facegate-calibration-1")
    made: date
    expires: date | None = None
    by: str = Field(min_length=1)
    on: str = Field(min_length=1)
    key: Key
    images: int | None = None
    genuine: int = 0
    refused: Mapping[str, int] = Field(default_factory=dict)
    match: Sample | None = None
    matched: bool = False
    left_out: tuple[str, ...] = ()
    groups: Mapping[str, Mapping[str, Sample]] = Field(default_factory=dict)
    liveness: Sample | None = None
    llr: Mapping[str, float] | None = None
    source: str = ""
    digest: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.match is None and self.liveness is None:
            raise ValueError("neither matches nor liveness were measured")
        if self.expires and self.expires < self.made:
            raise ValueError("it expires before it was made")
        for scale, samples, strictest_first in (
            (self.key.match, list(self._samples), True),
            (self.key.liveness, [self.liveness] if self.liveness else [], False),
        ):
            for sample in samples:
                if scale is None:
                    raise ValueError("the key has no scale for what was measured")
                sample.refuse_disorder(scale, strictest_first=strictest_first)
        return self

    @property
    def _samples(self) -> Iterator[Sample]:
        """The samples of matches: of all people first."""
        if self.match is not None:
            yield self.match
        yield from (sample for groups in self.groups.values() for sample in groups.values())

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """Read a document.

        Raises:
            ConfigurationError: it cannot be read, is none, or was changed since it was made.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
        except ValueError:
            raise ConfigurationError(f"{path} is no text in UTF-8") from None
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, where: str) -> Calibration:
        """Read the text of a document, called ``where`` in messages.

        Raises:
            ConfigurationError: it is none, or was changed since it was made.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigurationError(f"{where} is no JSON: {error}") from None
        if not isinstance(data, dict) or data.get("form") != FORMAT:
            raise ConfigurationError(f"{where} is no calibration of the form {FORMAT}")
        if data.get("digest") != digest(data):
            raise ConfigurationError(
                f"{where}: the digest does not fit, so it was changed since it was made; make it"
                " anew with `facegate calibrate`"
            )
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise explained(error, f"{where}: ", cls) from None

    @property
    def id(self) -> str:
        """First 12 digits of the digest."""
        return self.digest[:12]

    def ends(self, settings: CalibrationSettings) -> datetime | None:
        """The moment after which it is too old; None for never."""
        ends = [self.expires] if self.expires else []
        if settings.max_age_days:
            ends.append(self.made + timedelta(days=settings.max_age_days))
        return datetime.combine(min(ends), time.max, UTC) if ends else None

    def age_refusal(self, settings: CalibrationSettings) -> str | None:
        """The words for a document that is too old; None while it is not."""
        ends = self.ends(settings)
        if ends is None or datetime.now(UTC) <= ends:
            return None
        return f"it was made on {self.made} and counted until {ends:%Y-%m-%d}"

    def match_rates(self, settings: CalibrationSettings = _USUAL) -> Rates | None:
        """The false match rates that it supports; None where it has none."""
        if self.match is None or self.key.match is None:
            return None
        samples = list(self._samples) if settings.group == "worst" else [self.match]
        if settings.group == "worst" and not self.groups:
            refusal = 'it has no groups, of which one would be the worst: group = "all"'
            return self.refused_rates("fmr", f"calibration {self.id}: {refusal}")
        thresholds = _strictest(
            [dict(sample.thresholds(settings.assurance)) for sample in samples], self.key.match
        )
        rates = self._rates("fmr", thresholds, self.match, settings)
        within = {
            rate: self._within(threshold, self.key.match)
            for rate, threshold in rates.presets.items()
        }
        return replace(rates, within=within)

    def liveness_rates(self, settings: CalibrationSettings = _USUAL) -> Rates | None:
        """The shares of living people refused that it supports; None where it has none."""
        if self.liveness is None:
            return None
        thresholds = dict(self.liveness.thresholds(settings.assurance))
        return self._rates("bpcer", thresholds, self.liveness, settings)

    def _within(self, threshold: float, scale: Scale) -> Mapping[str, float]:
        """The rate in each group, by the group's name, where enough errors were counted."""
        return {
            group if len(self.groups) == 1 else f"{column} {group}": rate
            for column, groups in self.groups.items()
            for group, sample in groups.items()
            if (rate := sample.rate_at(threshold, scale)) is not None
        }

    def refused_rates(self, kind: RateKind, refusal: str) -> Rates | None:
        """Rates that are there and do not count; None where there are none of that kind."""
        if (self.match if kind == "fmr" else self.liveness) is None:
            return None
        return Rates(thresholds={}, by=self.by, on=self.on, kind=kind, refusal=refusal)

    def _rates(
        self,
        kind: RateKind,
        thresholds: Mapping[float, float],
        sample: Sample,
        settings: CalibrationSettings,
    ) -> Rates:
        return Rates(
            thresholds=thresholds,
            by=self.by,
            on=self.on,
            kind=kind,
            document=self.id,
            engine=self.key.engine,
            people=sample.people,
            more_people=sample.more_people,
            until=self.ends(settings) if settings.strict else None,
        )


def digest(data: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of a document's data without its own digest, as canonical JSON."""
    rest = {name: value for name, value in data.items() if name != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _strictest(tables: Sequence[Mapping[float, float]], scale: Scale) -> Mapping[float, float]:
    """The thresholds that keep a rate in every sample, by the rates that all of them support."""
    if len(tables) == 1:
        return tables[0]
    least = max(min(table, default=math.inf) for table in tables)
    strictest = min if scale.lower_is_closer else max
    merged: dict[float, float] = {}
    known: list[float | None] = [None] * len(tables)
    entries = sorted(
        (rate, index, threshold)
        for index, table in enumerate(tables)
        for rate, threshold in table.items()
    )
    for rate, index, threshold in entries:
        known[index] = threshold
        there = [each for each in known if each is not None]
        if rate >= least and len(there) == len(tables):
            merged[rate] = strictest(there)
    return merged


def _shown(value: object) -> str:
    if not isinstance(value, Scale):
        return repr(value)
    closer = ", lower is closer" if value.lower_is_closer else ""
    return f"{value.name} ({value.low:g} to {value.high:g}{closer})"
