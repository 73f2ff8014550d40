"""A provider under a calibration, which has to be one of this very provider."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from facegate.calibration import Calibration, CalibrationSettings, Key
from facegate.errors import ConfigurationError
from facegate.providers.provider import Provider
from facegate.providers.registry import plugin_versions
from facegate.rates import KINDS, Rates
from facegate.scores import ScoreSpec
from facegate.thresholds import Wanted

_USUAL = CalibrationSettings()


def calibrate(provider: Provider, reading: CalibrationSettings = _USUAL) -> None:
    """Give a provider the error rates of its calibration, or of the one that came with its plugin.

    A second time does nothing.

    Args:
        provider: a provider that nobody has asked yet.
        reading: how calibrations are read.

    Raises:
        ConfigurationError: the document cannot be read, or was measured with something else.
    """
    if provider.calibrated:
        return
    path, info = provider.settings.calibration, provider.info
    document = info.calibration if path is None else Calibration.read(path)
    match, liveness = (_stated(spec, reading) for spec in (info.match, info.liveness))
    if document is not None:
        refusal = _refusal(provider, document, reading)
        if refusal and path is not None:
            raise ConfigurationError(
                f"calibration {path}: {refusal}; to measure anew, leave `calibration` out and give"
                " numbers as thresholds meanwhile",
                provider=provider.name,
            )
        if refusal:
            why = f"of the calibration that comes with {info.plugin}, {refusal}"
            match, liveness = (document.refused_rates(kind, why) for kind in KINDS)
        else:
            match, liveness = document.match_rates(reading), document.liveness_rates(reading)
    provider.info = replace(
        info,
        match=_with(info.match, match),
        liveness=_with(info.liveness, liveness),
        calibration=document,
    )
    provider.calibrated = True


def findings(
    provider: Provider, reading: CalibrationSettings, asked: Iterable[Wanted]
) -> Iterator[str]:
    """Sentences that an operator should know about a provider's rates before going live.

    Args:
        provider: the provider, calibrated.
        reading: how calibrations are read.
        asked: the thresholds of its settings, and of routes that lead to it.
    """
    document = provider.info.calibration
    if document is not None and (too_old := document.age_refusal(reading)):
        yield f"calibration {document.id} is too old: {too_old}"
    used = [rates for wanted in asked for rates in wanted.measured(provider.info)]
    for words in sorted({rates.provenance for rates in used if rates.on is None}):
        yield f"its rates are {words}"
    if document is None or not used:
        return
    for name in ("probe", "gallery"):
        kind = getattr(document.key, name)
        if kind and getattr(reading, name) is None:
            yield (
                f"its rates were measured with {kind}s as {name}; say what yours are:"
                f' calibration.{name} = "..."'
            )
    if reading.group == "worst" and document.left_out:
        yield f"the worst group is one of those with enough people: without {document.left_out[0]}"


def key_of(provider: Provider, like: Key, reading: CalibrationSettings) -> Key:
    """The key that a calibration of a provider, as it is now, would have.

    Args:
        provider: the provider.
        like: the key to compare it with. What only answers tell is taken from it, and so is what it
            leaves open.
        reading: the kinds of pictures, where the configuration names them.
    """
    info, settings = provider.info, provider.settings
    own = settings.model_dump(mode="json", include=settings.score_fields())
    return Key(
        plugin=info.plugin,
        plugin_version=like.plugin_version and plugin_versions().get(info.plugin),
        lineage=info.lineage,
        runtime=provider.fingerprint(),
        engine=like.engine,
        match=info.match.scale if info.match and like.match else None,
        liveness=info.liveness.scale if info.liveness and like.liveness else None,
        settings=own,
        probe=reading.probe or like.probe,
        gallery=reading.gallery or like.gallery,
    )


def _refusal(provider: Provider, document: Calibration, reading: CalibrationSettings) -> str | None:
    """Why a document does not count for a provider, in words; None where it does."""
    difference = document.key.differs_from(key_of(provider, document.key, reading))
    if difference:
        return f"it was measured with {difference}"
    return document.age_refusal(reading) if reading.strict else None


def _stated(spec: ScoreSpec | None, reading: CalibrationSettings) -> Rates | None:
    """The rates that a vendor states: over all people, whoever they were."""
    rates = spec.rates if spec else None
    if rates is None or reading.group == "all":
        return rates
    refusal = f'{rates.by} states no rate by group: calibration.group = "all"'
    return replace(rates, thresholds={}, refusal=refusal)


def _with(spec: ScoreSpec | None, rates: Rates | None) -> ScoreSpec | None:
    return replace(spec, rates=rates) if spec else None
