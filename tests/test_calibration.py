"""Calibrations: thresholds by error rate, and what refuses them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme import DOCUMENT, MATCH, PROBE, SAME, Scripted
from acme_api import saying
from calibrations import KEY, STEPS, document, sample, written
from configured import entry_points, load, route
from drawn import picture
from facegate import ConfigurationError, Decision, FaceVerifier, UnsupportedOption
from facegate.calibration import Calibration, CalibrationSettings
from facegate.errors import BadReply
from facegate.model import Operation, Scale
from facegate.plugin import Answer, ImageFormat, Rates
from facegate.policy import Terms
from facegate.providers import calibrated
from facegate.providers.registry import Registry
from facegate.thresholds import Wanted
from journals import journal, opened

CONFIGURED = """
[providers.main]
plugin = "acme"
calibration = "{path}"
threshold = "fmr:{rate}"
{more}

[calibration]
{reading}
"""


def threshold(
    path: Path, rate: str = "1e-3", gallery: int = 1, reading: str = "", more: str = ""
) -> float:
    """The threshold that a rate takes, as a provider of this configuration is told it."""
    text = CONFIGURED.format(path=path, rate=rate, reading=reading, more=more)
    (provider,) = route(path.parent, text).providers
    asked = Terms.of(provider, Operation.COMPARE, gallery=gallery).threshold
    assert asked is not None
    return asked


# The threshold


def test_a_rate_takes_the_laxest_threshold_that_keeps_it_with_confidence(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert threshold(path, "1e-3") == 0.8
    assert threshold(path, "9.9e-4") == 0.85


def test_or_as_it_was_counted_where_that_is_chosen(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert threshold(path, "8e-4") == 0.85
    assert threshold(path, "8e-4", reading='assurance = "point"') == 0.8


@given(
    rate=st.floats(4e-4, 0.5),
    gallery=st.integers(1, 2),
    more=st.integers(0, 2),
)
def test_more_pictures_never_take_a_laxer_threshold(rate: float, gallery: int, more: int) -> None:
    rates = Calibration.parse(json.dumps(document()), "it").match_rates(CalibrationSettings())
    assert rates is not None
    assert rates.threshold(rate, gallery + more) >= rates.threshold(rate, gallery)


def test_each_of_three_pictures_gets_a_third_of_the_rate(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert [threshold(path, "1e-3", gallery) for gallery in (1, 3)] == [0.8, 0.85]


def test_the_pictures_are_counted_before_anybody_is_asked(tmp_path: Path) -> None:
    gallery = [DOCUMENT, picture(ImageFormat.PNG, seed=7), picture(ImageFormat.PNG, seed=8)]
    text = CONFIGURED.format(path=written(tmp_path), rate="1e-3", reading="", more="")
    with FaceVerifier(route(tmp_path, text)) as verifier:
        for given_as in (gallery, iter(gallery)):  # how many an iterator has is known once read
            match = verifier.compare(PROBE, given_as).match
            assert match is not None
            assert match.threshold == 0.85


def test_the_worst_group_decides_where_that_is_chosen(tmp_path: Path) -> None:
    women = sample(((0.97, 20), (0.93, 600), (0.9, 2000)), supported_from=2e-5)
    men = sample(((0.9, 10), (0.8, 300), (0.7, 4000)))
    path = written(tmp_path, groups={"sex": {"women": women, "men": men}})
    assert threshold(path) == 0.8
    assert threshold(path, reading='group = "worst"') == 0.93
    with pytest.raises(ConfigurationError, match=r"'fmr:2e-5' was never measured"):
        threshold(path, "2e-5", reading='group = "worst"')


def test_without_groups_none_is_the_worst(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no groups"):
        threshold(written(tmp_path), reading='group = "worst"')


def test_on_a_scale_of_distances_stricter_is_lower() -> None:
    scale = {"name": "acme", "high": 2.0, "lower_is_closer": True}
    steps = [(2 - 2 * at, count) for at, count in STEPS]
    strict = sample(((0.05, 40), (0.1, 900)))
    data = document(
        key=KEY | {"match": scale}, match=sample(steps), groups={"sex": {"women": strict}}
    )
    calibration = Calibration.parse(json.dumps(data), "it")
    taken = {
        group: rates.threshold(2e-3)
        for group in ("all", "worst")
        if (rates := calibration.match_rates(CalibrationSettings(group=group)))
    }
    assert taken == pytest.approx({"all": 0.4, "worst": 0.1})


# The refusal


def test_a_rate_below_what_was_measured_says_how_many_people_it_takes(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="about 10,000 people, this was measured on 1,000"):
        threshold(written(tmp_path), "1e-6")


def test_a_document_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("0.95", "0.59"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="changed since it was made"):
        threshold(path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"form": "another"}', "\x00"])
def test_what_is_no_calibration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"c\.json"):
        threshold(path)


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ({"plugin": "percent"}, "plugin = 'percent', not 'acme'"),
        ({"plugin_version": "0.9"}, "plugin_version = '0.9'"),
        ({"lineage": "acme-0"}, "lineage = 'acme-0', not 'acme-1'"),
        ({"runtime": "OpenCV 4.14.0"}, "runtime = 'OpenCV 4.14.0'"),
        (
            {"match": {"name": "percent", "high": 100}},
            "match = percent (0 to 100), not acme (0 to 1)",
        ),
        ({"settings": {"mode": "ACCURATE"}}, "mode = 'ACCURATE', not 'FAST'"),
        ({"probe": "selfie"}, "probe = 'selfie', not 'video'"),
        ({}, "gallery = None, not 'passport'"),
    ],
)
def test_a_calibration_of_something_else_is_refused_by_name(
    tmp_path: Path, key: dict[str, Any], named: str
) -> None:
    path = written(tmp_path, key=KEY | key)
    kinds = 'probe = "video"' if "probe" in key else 'gallery = "passport"' if not key else ""
    with pytest.raises(ConfigurationError, match="was measured with") as refused:
        threshold(path, reading=kinds)
    assert named in refused.value.message
    assert refused.value.provider == "main"


def test_an_option_under_which_scores_are_others_takes_no_rate(tmp_path: Path) -> None:
    text = CONFIGURED.format(path=written(tmp_path), rate="1e-3", reading="", more="")
    with FaceVerifier(route(tmp_path, text)) as verifier:
        asked: dict[str, Any] = {"probe": PROBE, "gallery": [DOCUMENT]}
        other = {"acme": {"mode": "ACCURATE"}}
        with pytest.raises(UnsupportedOption, match="measured with another mode"):
            verifier.compare(**asked, options=other)
        match = verifier.compare(**asked, options=other, threshold=0.8).match
        assert match is not None
        assert match.fmr is None
        verifier.compare(**asked, options={"acme": {"mode": "FAST"}})


def test_one_that_is_too_old_is_refused_where_that_is_strict(tmp_path: Path) -> None:
    path = written(tmp_path, made="2020-01-01", expires="2020-06-30")
    assert threshold(path) == 0.8
    with pytest.raises(ConfigurationError, match="counted until 2020-06-30"):
        threshold(path, reading="strict = true")
    young = written(tmp_path, made="2020-01-01")
    assert threshold(young, reading="strict = true") == 0.8
    with pytest.raises(ConfigurationError, match="counted until 2020-01-31"):
        threshold(young, reading="strict = true\nmax_age_days = 30")


def test_an_answer_of_another_engine_than_the_measured_one_is_none(tmp_path: Path) -> None:
    path = written(tmp_path, key=KEY | {"engine": "v7"})
    text = CONFIGURED.format(path=path, rate="1e-3", reading="", more="")
    (provider,) = route(tmp_path, text).providers
    terms = Terms.of(provider, Operation.COMPARE)
    assert provider.info.match is not None
    match = provider.info.match.match(0.9, terms.threshold)
    assert terms.decide(Answer(match, engine="v7")) is Decision.ACCEPT
    for engine in ("v8", None):
        with pytest.raises(BadReply, match="another engine than v7"):
            terms.decide(Answer(match, engine=engine))


# Near misses, and liveness


def test_a_near_miss_may_be_a_rate_as_well(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = CONFIGURED.format(
        path=path, rate="1e-4", reading="", more='review_from = "fmr:2e-3"\nscore = 0.82'
    )
    with FaceVerifier(route(tmp_path, text)) as verifier:
        assert verifier.compare(PROBE, [DOCUMENT]).decision is Decision.REVIEW


def test_living_people_may_be_refused_at_a_rate(tmp_path: Path) -> None:
    living = sample(((0.3, 100), (0.4, 20_000), (0.6, 90_000)), supported_from=1e-4)
    path = written(tmp_path, key=KEY | {"liveness": {"name": "acme"}}, liveness=living)
    text = CONFIGURED.format(
        path=path, rate="1e-3", reading="", more='liveness_threshold = "bpcer:0.05"'
    )
    (provider,) = route(tmp_path, text).providers
    assert Terms.of(provider, Operation.LIVENESS).liveness_threshold == 0.4
    with pytest.raises(UnsupportedOption, match=r"known rates: bpcer:"):
        Terms.of(provider, Operation.LIVENESS, Wanted(liveness_threshold="fmr:1e-3"))


# What an answer, a listing and a digest say


def test_an_answer_says_how_many_strangers_reach_its_score(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = CONFIGURED.format(path=path, rate="1e-3", reading="", more="score = 0.87")
    with FaceVerifier(route(tmp_path, text)) as verifier:
        result = verifier.compare(PROBE, [DOCUMENT])
        two = verifier.compare(PROBE, [DOCUMENT, picture(ImageFormat.PNG, seed=7)])
    assert result.match is not None
    assert two.match is not None
    assert (result.match.fmr, two.match.fmr) == pytest.approx((1e-4, 2e-4))
    assert str(result.match.fmr_by).startswith("measured by Rurutania's risk team on selfies")
    digest = json.loads(path.read_text(encoding="utf-8"))["digest"]
    assert result.match.calibration == result.attempts[0].calibration == digest[:12]


def test_the_journal_keeps_the_calibration_of_each_request(tmp_path: Path) -> None:
    path = written(tmp_path)
    text = CONFIGURED.format(path=path, rate="1e-3", reading="", more="")
    with journal(f"sqlite:///{tmp_path / 'journal.db'}") as kept:
        with FaceVerifier(route(tmp_path, text), recorder=kept) as verifier:
            verifier.compare(PROBE, [DOCUMENT])
        (row,) = opened(f"sqlite:///{tmp_path / 'journal.db'}").rows()
    assert row.calibration == json.loads(path.read_text(encoding="utf-8"))["digest"][:12]


def test_another_calibration_is_another_configuration(tmp_path: Path) -> None:
    text = CONFIGURED.format(path=written(tmp_path), rate="1e-3", reading="", more="")
    digests = [route(tmp_path, text).digest]
    written(tmp_path, made="2026-11-02")
    digests.append(route(tmp_path, text).digest)
    digests.append(route(tmp_path, text + 'assurance = "point"').digest)
    assert len(set(digests)) == 3


def test_a_provider_goes_on_after_a_reload_unless_its_calibration_changed(tmp_path: Path) -> None:
    text = CONFIGURED.format(path=written(tmp_path), rate="1e-3", reading="", more="")
    config, registry = load(tmp_path, text), Registry(entry_points())
    before = config.route(registry).held
    assert config.route(registry, before=before).held == before
    written(tmp_path, made="2026-11-02")
    assert config.route(registry, before=before).held != before


def test_a_rate_that_a_vendor_states_is_told_from_one_that_was_measured() -> None:
    stated = Rates(thresholds={1e-3: 0.5}, by="Acme")
    measured = Rates(thresholds={1e-3: 0.5}, by="us", on="selfies", people=1200, document="ab12")
    assert stated.provenance == "stated by Acme, and measured by nobody else"
    assert measured.provenance == "measured by us on selfies, 1,200 people (calibration ab12)"


@given(st.floats(0, 1))
def test_a_score_is_rated_by_the_strictest_threshold_that_it_reaches(score: float) -> None:
    rates = Rates(thresholds={1e-2: 0.3, 1e-3: 0.5, 1e-4: 0.7}, by="Acme")
    reached = [rate for rate, least in rates.thresholds.items() if score >= least]
    assert rates.rate(score, Scale(name="acme")) == min(reached, default=None)


# Documents that cannot be true


def off(**parts: Any) -> dict[str, Any]:
    """A sample with some of its parts changed."""
    return sample(STEPS) | parts


@pytest.mark.parametrize(
    "wrong",
    [
        off(steps=[[0.7, 3, 0.1], [0.9, 8, 0.2]]),
        off(steps=[[0.9, 500_000, 1e-3]]),
        off(steps=[[0.9, 2_000_000, 1.0]]),
        off(steps=[[0.9, -1, 0.1]]),
        off(steps=[[1.5, 3, 0.1]]),
        off(steps=[[0.9, 3, 0.1], [0.0, 8, 0.2]]),
        off(steps=[[True, 3, 0.1]]),
        off(steps=[["0.9", 3, 0.1]]),
        off(steps=[[0.9, 3, 0.1], [0.8, 3, 0.2]]),
        off(steps=[]),
        off(steps=[[float("nan"), 3, 0.1]]),
        None,
    ],
    ids=str,
)
def test_figures_that_cannot_be_are_refused_though_the_digest_fits(
    tmp_path: Path, wrong: dict[str, Any] | None
) -> None:
    with pytest.raises(ConfigurationError, match=r"calibration\.json"):
        threshold(written(tmp_path, match=wrong))


def test_a_document_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="expires before it was made"):
        threshold(written(tmp_path, expires="2020-01-01"))


def test_what_nests_without_an_end_is_no_document(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no JSON"):
        threshold(path)


# What is held to a rate, and what is not


def test_a_question_of_liveness_needs_no_rate_of_matches(tmp_path: Path) -> None:
    text = CONFIGURED.format(path=written(tmp_path), rate="1e-9", reading="", more="")
    with pytest.raises(ConfigurationError):
        route(tmp_path, text)
    text = CONFIGURED.format(path=written(tmp_path), rate="1e-3", reading="", more="")
    with FaceVerifier(route(tmp_path, text)) as verifier:
        assert verifier.liveness(PROBE, options={"acme": {"mode": "ACCURATE"}}).accepted


def test_a_number_in_place_of_a_configured_rate_does_not_let_another_engine_answer(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, key=KEY | {"engine": "v7"})
    text = CONFIGURED.format(path=path, rate="1e-3", reading="", more="")
    refused = pytest.raises(BadReply, match="another engine than v7")
    with FaceVerifier(route(tmp_path, text)) as verifier, refused:
        verifier.compare(PROBE, [DOCUMENT], threshold=0.8)


def test_a_score_of_an_engine_that_was_not_measured_has_no_rate(tmp_path: Path) -> None:
    path = written(tmp_path, key=KEY | {"engine": "v7"})
    text = f'[providers.main]\nplugin = "acme"\ncalibration = "{path}"\n'
    with FaceVerifier(route(tmp_path, text)) as verifier:
        match = verifier.compare(PROBE, [DOCUMENT]).match
    assert match is not None
    assert (match.fmr, match.calibration) == (None, None)


def test_a_number_goes_on_when_the_calibration_runs_out(tmp_path: Path) -> None:
    rates = Rates(
        thresholds={1e-2: 0.7, 1e-3: 0.8},
        by="us",
        on="them",
        until=datetime(2020, 1, 1, tzinfo=UTC),
    )
    spec = replace(MATCH, rates=rates)
    assert rates.presets == {1e-2: 0.7, 1e-3: 0.8}
    assert spec.warning(0.6) is not None
    with pytest.raises(UnsupportedOption, match="counted until 2020-01-01"):
        rates.threshold(1e-3)


def test_a_provider_made_by_hand_has_its_calibration_too(tmp_path: Path) -> None:
    fixed = Scripted(saying(SAME), calibration=written(tmp_path, key=KEY | {"settings": {}}))
    with FaceVerifier(fixed) as verifier:
        match = verifier.compare(PROBE, [DOCUMENT], threshold="fmr:1e-3").match
    assert match is not None
    assert match.threshold == 0.8
    with pytest.raises(ConfigurationError, match="cannot read"):
        FaceVerifier(Scripted(saying(SAME), calibration=tmp_path / "nowhere.json"))


# Rates that a vendor states


def test_a_vendor_states_no_rate_by_group(tmp_path: Path) -> None:
    text = '[providers.main]\nplugin = "percent"\n{more}\n[calibration]\ngroup = "worst"\n'
    route(tmp_path, text.format(more=""))  # where no rate is used, nothing is wrong
    with pytest.raises(ConfigurationError, match="Percent states no rate by group"):
        route(tmp_path, text.format(more='threshold = "fmr:1e-4"'))


@pytest.mark.parametrize(
    "text",
    [
        '[providers.main]\nplugin = "percent"\nthreshold = "fmr:1e-4"\n',
        '[providers.main]\nplugin = "percent"\n[routes.kyc]\nto = "main"\n'
        '[routes.kyc.policy.compare]\nthreshold = "fmr:1e-4"\n',
    ],
    ids=["settings", "route"],
)
def test_whose_word_a_rate_is_is_told_before_going_live(tmp_path: Path, text: str) -> None:
    config = load(tmp_path, text)
    (provider,) = config.route(Registry(entry_points()), "main").providers
    asked = [Wanted.of(provider.settings)]
    asked += [
        Wanted.of(policy)
        for table in config.document.routes.values()
        for policy in table.policy.values()
    ]
    (told,) = calibrated.findings(provider, CalibrationSettings(), asked)
    assert told == "its rates are stated by Percent, and measured by nobody else"
