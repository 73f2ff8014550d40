"""What a caller may ask of a provider, and what it is told instead of being passed over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from drawn import picture
from facegate import (
    ConfigurationError,
    FaceVerifier,
    Image,
    ImageFormat,
    InvalidRequest,
    Operation,
    Scale,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.plugin import (
    CompareLiveRequest,
    CompareRequest,
    LivenessRequest,
    ProviderSettings,
    ScoreSpec,
)
from facegate.policy import Terms, check_settings
from facegate.thresholds import Wanted
from percent import Percent, Settings, percent, verdict

COMPARE, LIVENESS, BOTH = Operation.COMPARE, Operation.LIVENESS, Operation.COMPARE_LIVE


class Whole(Percent):
    """Takes any threshold on its scale."""

    info = replace(
        Percent.info,
        match=ScoreSpec(Scale(name="whole"), 0.7),
        liveness=ScoreSpec(Scale(name="whole"), 0.5),
    )


def whole_scale() -> Whole:
    return Whole(Settings(), "main")


def threshold_for(asked: Any, **settings: Any) -> float | None:
    return Terms.of(percent(**settings), COMPARE, Wanted(threshold=asked)).threshold


# Thresholds


@pytest.mark.parametrize(
    ("asked", "number"),
    [
        (None, 70),
        (75, 75),
        (75.5, 75.5),
        ("75.5", 75.5),
        (50, 50),
        (100, 100),
        ("fmr:1e-3", 65),
        ("fmr:0.0001", 80),
    ],
)
def test_a_threshold_becomes_a_number_on_the_providers_scale(asked: Any, number: float) -> None:
    assert threshold_for(asked) == number


def test_the_requests_threshold_wins_over_the_configured_one() -> None:
    assert threshold_for(None, threshold="fmr:1e-4") == 80
    assert threshold_for(90, threshold="fmr:1e-4") == 90


def test_liveness_has_a_threshold_of_its_own() -> None:
    terms = Terms.of(percent(), BOTH, Wanted(threshold=90, liveness_threshold="0.8"))
    assert (terms.threshold, terms.liveness_threshold) == (90, 0.8)


@pytest.mark.parametrize(
    "asked",
    [49.9, 100.1, -1, "nan", float("nan"), float("inf"), 10**400, True, False, "high", "", [75]],
)
def test_what_is_no_number_within_bounds_is_refused(asked: Any) -> None:
    with pytest.raises(InvalidRequest, match="threshold must be a number from 50 to 100") as caught:
        threshold_for(asked)
    assert caught.value.provider == "main"


def test_true_is_no_threshold_even_where_one_would_be() -> None:
    with pytest.raises(InvalidRequest, match="liveness_threshold must be a number from 0 to 1"):
        Terms.of(percent(), LIVENESS, Wanted(liveness_threshold=True))


@pytest.mark.parametrize("asked", ["fmr:1e-5", "fmr:9e-5", "bpcer:1e-4"])
def test_a_rate_never_measured_is_refused(asked: str) -> None:
    with pytest.raises(UnsupportedOption, match=r"known rates: fmr:1e-3, fmr:1e-4"):
        threshold_for(asked)


def test_between_two_known_rates_the_stricter_one_holds() -> None:
    assert [threshold_for(asked) for asked in ("fmr:1e-3", "fmr:9e-4")] == [65, 80]


@pytest.mark.parametrize("asked", ["fmr:often", "fmr:", "fmr:nan", "fmr:0", "fmr:1", "fmr:-1e-4"])
def test_what_is_no_rate_is_refused(asked: str) -> None:
    with pytest.raises(InvalidRequest, match="a rate lies between 0 and 1"):
        threshold_for(asked)


def test_a_provider_without_scores_has_no_threshold() -> None:
    assert Terms.of(verdict(), COMPARE).threshold is None
    with pytest.raises(UnsupportedOption, match="no threshold can be set"):
        Terms.of(verdict(), COMPARE, Wanted(threshold=0.5))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 101}, "main: threshold must be a number from 50 to 100"),
        ({"threshold": "fmr:1e-9"}, "main: threshold 'fmr:1e-9' was never measured"),
        ({"liveness_threshold": 2}, "main: liveness_threshold must be a number from 0 to 1"),
        ({"review_from": 70}, "main: review_from = 70 must be below the threshold, 70"),
        ({"review_from": 80, "threshold": "fmr:1e-4"}, "must be below the threshold, 80"),
    ],
)
def test_settings_that_could_never_work_are_refused(settings: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_settings(percent(**settings))


@pytest.mark.parametrize(
    "settings", [{}, {"review_from": 69.9}, {"review_from": 75, "threshold": "fmr:1e-4"}]
)
def test_settings_that_work(settings: Any) -> None:
    check_settings(percent(**settings))


def test_a_review_band_needs_scores() -> None:
    with pytest.raises(ConfigurationError, match="no review_from can be set"):
        check_settings(verdict(review_from=0.5))

    class Unscored(Whole):
        info = replace(Whole.info, scores=False)

    with pytest.raises(ConfigurationError, match="gives no scores"):
        check_settings(Unscored(Settings(review_from=0.5)))


# Options


def test_options_are_merged_into_the_settings_of_one_request() -> None:
    provider = percent(region="us")
    settings = Terms.of(provider, COMPARE, options={"mode": "ACCURATE"}).settings
    assert (settings.mode, settings.region) == ("ACCURATE", "us")
    assert provider.settings.mode == "FAST"


@pytest.mark.parametrize("option", ["speed", "region", "threshold"])
def test_an_option_that_is_not_per_request_is_refused(option: str) -> None:
    with pytest.raises(UnsupportedOption, match=f"no per-request option '{option}'.*mode, pin"):
        Terms.of(percent(), COMPARE, options={option: "x"})


def test_a_bad_value_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="main: option mode: ") as caught:
        Terms.of(percent(), COMPARE, options={"mode": "SLOPPY"})
    assert "SLOPPY" not in str(caught.value)


def test_a_secret_option_is_not_echoed() -> None:
    with pytest.raises(InvalidRequest, match="option pin") as caught:
        Terms.of(percent(), COMPARE, options={"pin": "hunter2hunter2"})
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__cause__ is None


def test_options_for_another_plugin_are_refused() -> None:
    with FaceVerifier(percent()) as verifier, pytest.raises(UnsupportedOption, match="'other'"):
        verifier.compare(picture(), picture(seed=1), options={"other": {}})


def test_an_operation_the_provider_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(UnsupportedOperation, match="not offer liveness, only compare"):
        Terms.of(verdict(), LIVENESS)


# Pictures

PROBE = Image.from_bytes(picture())


def gallery(*kinds: ImageFormat) -> tuple[Image, ...]:
    return tuple(Image.from_bytes(picture(kind, seed=n)) for n, kind in enumerate(kinds, 1))


@pytest.mark.parametrize("nothing", [0, "0", 0.0])
def test_a_threshold_that_everybody_reaches_is_refused(nothing: Any) -> None:
    for how in ({"threshold": nothing}, {"liveness_threshold": nothing}):
        with pytest.raises(InvalidRequest, match="would accept everybody"):
            Terms.of(whole_scale(), BOTH, Wanted(**how))


@pytest.mark.parametrize("name", ["threshold", "liveness_threshold", "review_from"])
@pytest.mark.parametrize("switch", [False, True])
def test_a_switch_is_no_threshold(name: str, switch: bool) -> None:  # noqa: FBT001
    with pytest.raises(ValidationError, match="not true or false"):
        ProviderSettings.model_validate({name: switch})


def test_each_question_reaches_the_provider_as_a_request_of_its_own() -> None:
    provider, reference = percent(mode="ACCURATE"), gallery(ImageFormat.JPEG)
    settings = provider.settings
    wanted = Wanted(threshold=75, liveness_threshold=0.6)
    bound = {
        operation: Terms.of(provider, operation, wanted).bind(PROBE, reference)
        for operation in Operation
    }
    assert bound == {
        COMPARE: CompareRequest(PROBE, reference, settings, 75),
        LIVENESS: LivenessRequest(PROBE, settings, 0.6),
        BOTH: CompareLiveRequest(PROBE, reference, settings, 75, 0.6),
    }
