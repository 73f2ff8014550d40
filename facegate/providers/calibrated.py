"""A provider under a calibration, which has to be one of this very provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from facegate.calibration import Calibration, CalibrationSettings, Key
from facegate.errors import ConfigurationError
from facegate.providers.provider import Provider
from facegate.providers.registry import plugin_versions
from facegate.rates import KINDS, RateKind, Rates
from facegate.scores import ScoreSpec
from facegate.thresholds import Wanted, by_rate


def calibrate(provider: Provider, reading: CalibrationSettings) -> None:
    """Give a provider the error rates of its calibration, or of the one that came with its plugin.

    Args:
        provider: a provider that nobody has asked yet.
        reading: how calibrations are read.

    Raises:
        ConfigurationError: the document cannot be read, or was measured with something else.
    """
    path, info = provider.settings.calibration, provider.info
    document = info.calibration if path is None else Calibration.read(path)
    if document is None:
        return
    difference = document.key.differs_from(key_of(provider, document.key, reading))
    too_old = document.is_too_old(reading) if reading.strict else None
    refusal = f"it was measured with {difference}" if difference else too_old
    if refusal and path is not None:
        raise ConfigurationError(f"calibration {path}: {refusal}", provider=provider.name)
    if refusal:
        refusal = f"of the calibration that comes with {info.plugin}, {refusal}"
        match, liveness = (_refused(document, kind, refusal) for kind in KINDS)
    else:
        match, liveness = document.match_rates(reading), document.liveness_rates(reading)
    provider.info = replace(
        info, match=_with(info.match, match), liveness=_with(info.liveness, liveness)
    )


def findings(provider: Provider, reading: CalibrationSettings) -> Iterator[str]:
    """Sentences that an operator should know about a provider's calibration before going live."""
    path, info = provider.settings.calibration, provider.info
    document = info.calibration if path is None else Calibration.read(path)
    if document is None:
        return
    if too_old := document.is_too_old(reading):
        yield f"calibration {document.id} is too old: {too_old}"
    asked = by_rate(Wanted.of(provider.settings), info)
    for name in ("probe", "gallery"):
        kind = getattr(document.key, name)
        if asked and kind and getattr(reading, name) is None:
            yield (
                f"its rates were measured with {kind}s as {name}; say what yours are:"
                f' calibration.{name} = "..."'
            )


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


def _with(spec: ScoreSpec | None, rates: Rates | None) -> ScoreSpec | None:
    return replace(spec, rates=rates) if spec and rates else spec


def _refused(document: Calibration, kind: RateKind, refusal: str) -> Rates | None:
    measured = document.match if kind == "fmr" else document.liveness
    if measured is None:
        return None
    return Rates(thresholds={}, by=document.by, on=document.on, kind=kind, refusal=refusal)
