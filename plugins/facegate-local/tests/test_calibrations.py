"""The calibrations that come with the engine."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from facegate import UnsupportedOption, opening
from facegate.calibration import Calibration, CalibrationSettings
from facegate.plugin import Rates
from facegate_local.calibrations import CALIBRATION, RUNTIME
from facegate_local.provider import Local, LocalSettings
from facegate_local.scores import MATCH


def shipped(opencv: str) -> Calibration:
    text = files("facegate_local").joinpath(f"lfw-opencv{opencv}.json").read_text("utf-8")
    return Calibration.parse(text, opencv)


def rates(document: Calibration, **reading: Any) -> Rates:
    found = document.match_rates(CalibrationSettings(**reading))
    assert found is not None
    return found


def test_this_opencv_has_one_of_its_own() -> None:
    assert CALIBRATION.key.runtime == RUNTIME == Local(LocalSettings()).fingerprint()


@pytest.mark.parametrize("opencv", ["4", "5"])
def test_1_in_10_000_is_about_the_default_threshold(opencv: str) -> None:
    assert rates(shipped(opencv)).threshold(1e-4) == pytest.approx(MATCH.threshold, abs=0.003)


@pytest.mark.parametrize("opencv", ["4", "5"])
def test_the_women_s_rate_is_said_and_can_be_the_one_that_counts(opencv: str) -> None:
    document = shipped(opencv)
    within = rates(document).within[1e-4]
    assert within["women"] == pytest.approx(2.3e-4, rel=0.15)
    assert within["men"] == pytest.approx(7.3e-5, rel=0.15)
    worst = rates(document, assurance="point", group="worst")
    assert worst.threshold(1e-4) == pytest.approx(0.718, abs=0.003)
    assert rates(document, group="worst").threshold(1e-4) > worst.threshold(1e-4)


def test_under_an_opencv_that_nobody_measured_rates_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("facegate_local.provider.RUNTIME", "opencv 6.0.0, models 0123")
    with opening.open_sync(plugin="local") as verifier:
        (provider,) = verifier.route.providers
        spec = provider.info.match
        assert spec is not None
        assert spec.rates is not None
        with pytest.raises(UnsupportedOption, match=r"comes with local, it was measured with run"):
            spec.rates.threshold(1e-4)
