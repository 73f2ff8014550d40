"""Presentation attacks, each species by itself (ISO/IEC 30107-3)."""

from __future__ import annotations

from typing import Final

import numpy as np

from facegate.errors import InvalidRequest
from facegate.evaluation.analyses import Attacks, PadPoint, Species
from facegate.evaluation.curves import eer
from facegate.evaluation.data import WORST
from facegate.evaluation.rates import threshold_for
from facegate.evaluation.results import Rate
from facegate.evaluation.scores import Scores, Trials

_APCERS: Final = (0.1, 0.05, 0.01)
"""APCERs that make BPCER10, BPCER20 and BPCER100."""


def attacks(scores: Scores, threshold: float | None) -> Attacks:
    """The figures of all species.

    Args:
        scores: with attacks, or with living people alone.
        threshold: the liveness score that a pass takes, in use; None where it is not known.

    Raises:
        InvalidRequest: a species has the name under which data for machines has the worst one.
    """
    if WORST in scores.attacks:
        raise InvalidRequest(f"a species may not be called {WORST}: rename it")
    living = scores.bona_fide
    closeness = None if threshold is None else scores.on_liveness_scale(threshold)
    turned_away = _turned_away(scores.genuine)
    species = [
        _species(scores, name, trials, closeness, turned_away)
        for name, trials in scores.attacks.items()
    ]
    everywhere = [
        max(threshold_for(trials, asked) for trials in scores.attacks.values())
        for asked in (_APCERS if scores.attacks else ())
    ]
    return Attacks(
        bona_fide=len(living),
        threshold=threshold,
        bpcer=None if closeness is None or not len(living) else _bpcer(living, closeness),
        bpnrr=living.rate(~living.captured) if len(living) else None,
        species=species,
        worst=max(species, key=_badness).name if species else None,
        worst_bpcer_at=_points(scores, everywhere),
    )


def _species(
    scores: Scores,
    name: str,
    trials: Trials,
    closeness: float | None,
    turned_away: Rate | None,
) -> Species:
    living = scores.bona_fide
    iapar = None if trials.accepted is None else trials.rate(trials.accepted)
    own = [threshold_for(trials, asked) for asked in _APCERS]
    found = eer(living, trials, scores.on_liveness_scale) if len(living) else None
    return Species(
        name=name,
        presentations=len(trials),
        instruments=int(np.count_nonzero(trials.involved)) if trials.named else None,
        eer=found,
        apcer=None if closeness is None else trials.rate(trials.reaching(closeness)),
        apnrr=trials.rate(~trials.captured),
        bpcer_at=_points(scores, own),
        iapar=iapar,
        riapar=iapar.share + turned_away.share if iapar and turned_away else None,
    )


def _points(scores: Scores, thresholds: list[float]) -> list[PadPoint]:
    living = scores.bona_fide
    return [
        PadPoint(asked, scores.on_liveness_scale(closeness), _bpcer(living, closeness))
        for asked, closeness in zip(_APCERS, thresholds, strict=False)
        if len(living)
    ]


def _bpcer(living: Trials, closeness: float) -> Rate:
    return living.rate(~living.reaching(closeness))


def _turned_away(genuine: Trials) -> Rate | None:
    """The share of genuine people that a whole system did not accept; None if not known."""
    return genuine.rate(~genuine.accepted) if genuine.accepted is not None else None


def _badness(species: Species) -> tuple[float, float, float]:
    return (
        species.apcer.share if species.apcer else -1.0,
        species.iapar.share if species.iapar else -1.0,
        species.eer.step if species.eer else -1.0,
    )
