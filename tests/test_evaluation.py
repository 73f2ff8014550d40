"""A whole evaluation: its figures as data, its statements, a profile, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from evaluation import crossed

from evaluated import trials
from facegate.errors import InvalidRequest
from facegate.evaluation.analyses import Prices, Requirement, Verdict
from facegate.evaluation.evaluation import Evaluation
from facegate.evaluation.profiles import PROFILES, Profile
from facegate.evaluation.results import Failures
from facegate.evaluation.scores import FAILED, NO_TRIALS, Scores, Trials

NIST = PROFILES["nist-ial2"]
RATE_KEYS = [
    "fmr_asked",
    "threshold",
    *(f"fmr{end}" for end in ("", "_low", "_high", "_low_naive", "_high_naive")),
    *(f"fnmr{end}" for end in ("", "_low", "_high")),
    "support",
]


def said(evaluation: Evaluation, verdict: Verdict) -> list[str]:
    return [each.short for each in evaluation.statements if each.verdict is verdict]


def presented() -> Scores:
    draw = np.random.default_rng(4)
    return Scores(
        "presented",
        bona_fide=trials(draw.normal(3, 1, 200), range(200)),
        attacks={
            name: trials(draw.normal(shift, 1, 200), range(200))
            for name, shift in (("mask", 1.0), ("print", 0.0))
        },
        liveness_threshold=2.0,
    )


def test_the_data_for_machines_has_every_figure_with_its_bounds() -> None:
    scores = replace(crossed(60, shift=2), threshold=2.0)
    data = json.loads(json.dumps(Evaluation.of(scores).as_json(), allow_nan=False))
    assert {"auc", "eer", "genuine", "impostor", "people", "failed"} <= set(data)
    assert {"attacks", "groups", "statements", "headline", "operating", "curve"} <= set(data)
    assert (data["genuine"], data["impostor"], data["people"], data["failed"]) == (60, 1770, 60, 0)
    assert set(data["eer"]) == {"step", "hull", "threshold"}
    assert [each["fmr_asked"] for each in data["rates"]] == [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
    for each in data["rates"]:
        assert set(RATE_KEYS) <= set(each)
        assert each["fmr_low"] <= each["fmr"] <= each["fmr_high"]
        assert each["fmr"] <= each["fmr_asked"]
    assert data["rates"][0]["support"] == "supported"
    assert data["rates"][-1]["support"] == "not supported"
    assert data["operating"]["threshold"] == 2.0
    assert data["operating"]["fmr_asked"] is None


def test_attacks_are_by_species_beside_the_worst() -> None:
    data = Evaluation.of(presented()).as_json()
    assert list(data["attacks"]) == ["mask", "print", "worst"]
    assert {"eer", "apcer", "apcer_low", "apcer_high", "apnrr", "bpcer_at"} <= set(
        data["attacks"]["print"]
    )
    assert data["attacks"]["worst"] == data["attacks"]["mask"]
    assert set(data["attacks"]["mask"]["eer"]) == {"step", "hull", "threshold"}
    assert data["bona_fide"]["presentations"] == 200
    assert len(data["bona_fide"]["worst_bpcer_at"]) == 3
    assert (data["auc"], data["eer"], data["rates"]) == (None, None, [])


def test_attacks_are_said_to_be_as_bad_as_the_worst_species() -> None:
    evaluation = Evaluation.of(presented())
    shorts = said(evaluation, Verdict.SUPPORTED)
    assert any("mask attacks pass (APCER)" in each for each in shorts)
    assert not any("print" in each for each in shorts)
    assert "mask attacks pass" in evaluation.headline


def test_a_species_called_worst_is_refused() -> None:
    scores = replace(presented(), attacks={"worst": trials([0.0, 1.0], range(2))})
    with pytest.raises(InvalidRequest, match="a species may not be called worst"):
        Evaluation.of(scores)


def test_a_sample_says_what_it_cannot_say_and_how_many_people_it_takes() -> None:
    evaluation = Evaluation.of(crossed(200))
    (missing,) = [
        each
        for each in evaluation.statements
        if each.about == "fmr" and each.verdict is Verdict.NOT_SUPPORTED
    ]
    assert missing.short == "no FMR of 1e-4 or less"
    assert "some 776 people" in missing.text
    assert "59,912 without" in missing.text
    at = evaluation.rates[3]
    assert (at.people_needed, at.people_for_guarantee) == (776, 59_912)
    assert "at a threshold for an FMR of 1e-2 the FNMR is" in said(evaluation, Verdict.SUPPORTED)[0]


def test_search_does_not_apply() -> None:
    assert said(Evaluation.of(crossed(30)), Verdict.NOT_APPLICABLE) == ["FNIR does not apply"]


def test_unknown_people_have_no_interval_until_pairs_are_said_to_be_independent() -> None:
    draw = np.random.default_rng(3)
    scores = Scores("unknown", trials(draw.normal(3, 1, 500)), trials(draw.normal(0, 1, 5000)))
    unknown = Evaluation.of(scores)
    assert unknown.people is None
    assert all(at.fmr.interval is None for at in unknown.rates)
    assert "the people are not known" in said(unknown, Verdict.NOTE)
    assert said(unknown, Verdict.SUPPORTED) == []
    told = Evaluation.of(scores, pairs_are_independent=True)
    assert told.people is None
    assert told.rates[1].fmr.independent == 5000
    assert told.rates[1].support.value == "supported"
    assert "the people are not known" not in said(told, Verdict.NOTE)


def test_saying_that_pairs_are_independent_changes_nothing_where_people_are_known() -> None:
    scores = crossed(60)
    told = Evaluation.of(scores, pairs_are_independent=True)
    assert told.rates == Evaluation.of(scores).rates


def test_labels_that_were_looked_for_support_no_error_rate() -> None:
    evaluation = Evaluation.of(replace(crossed(200), selected=True))
    assert evaluation.selected
    assert said(evaluation, Verdict.SUPPORTED) == []
    assert said(evaluation, Verdict.NOT_SUPPORTED) == ["no error rate: the labels are selected"]


def test_a_report_without_many_answers_is_broken() -> None:
    failures = Failures(2000, 0, 0, 0, {}, 21, {"ProviderTimeout": 21})
    evaluation = Evaluation.of(replace(crossed(60), failures=failures))
    assert evaluation.statements[0].verdict is Verdict.BROKEN
    assert evaluation.headline.startswith("Incomplete: 1.1 % got no answer")
    enough = Evaluation.of(replace(crossed(60), failures=replace(failures, outages=20)))
    assert said(enough, Verdict.BROKEN) == []


def test_thresholds_may_be_chosen_on_other_people() -> None:
    chosen, counted = crossed(200, effect=0.5).split(0.5)
    held_out = Evaluation.of(counted, chosen_on=chosen)
    own = Evaluation.of(chosen)
    assert held_out.chosen_on == held_out.people == 100
    assert [at.threshold for at in held_out.rates] == [at.threshold for at in own.rates]
    assert held_out.rates[1].fmr.trials == 4950


def test_the_rows_that_are_most_wrong_are_named() -> None:
    scores = Scores(
        "wrong",
        genuine=replace(trials([0.9, 0.1, FAILED], range(3)), rows=np.array([0, 4, 5], np.int32)),
        impostor=replace(
            trials([0.2, 0.95, 0.3], range(3), range(3, 6)), rows=np.array([1, 2, 3], np.int32)
        ),
        names_of=lambda rows: [f"pair-{row}" for row in rows],
    )
    errors = Evaluation.of(scores).worst_errors
    assert [(each.row, each.score) for each in errors.false_matches] == [
        ("pair-2", 0.95),
        ("pair-3", 0.3),
        ("pair-1", 0.2),
    ]
    assert [(each.row, each.score) for each in errors.false_non_matches] == [
        ("pair-5", None),
        ("pair-4", 0.1),
        ("pair-0", 0.9),
    ]


def test_costs_are_weighed_where_prices_are_given() -> None:
    prices = Prices(false_match=500, false_non_match=8, review=2, prior=0.01)
    evaluation = Evaluation.of(replace(crossed(60), threshold=2.0), prices=prices)
    assert evaluation.costs is not None
    assert evaluation.costs.actual is not None
    assert evaluation.costs.least.cost <= evaluation.costs.actual.cost
    assert Evaluation.of(crossed(60)).costs is None


def requirement(found: Evaluation, name: str) -> Requirement:
    assert found.compliance is not None
    return next(each for each in found.compliance.requirements if each.name.startswith(name))


def with_groups(scores: Scores) -> Scores:
    """Scores of two groups, by whether a person's code is odd."""

    def grouped(pairs: Trials) -> Trials:
        both = [unit % 2 for unit in pairs.units]
        return replace(pairs, groups={"who": (both[0], both[-1])})

    return replace(
        scores,
        genuine=grouped(scores.genuine),
        impostor=grouped(scores.impostor),
        group_names={"who": ["even", "odd"]},
    )


def test_a_profile_is_met_where_the_sample_shows_every_limit_kept() -> None:
    spoofs = replace(trials([0.0] * 200, range(200)), accepted=np.zeros(200, np.bool_))
    scores = replace(with_groups(crossed(400, shift=5)), attacks={"mask": spoofs}, threshold=2.0)
    loose = Profile("loose", fmr=0.05, fnmr=0.05, group_ratio=8.0, iapar=0.07)
    found = Evaluation.of(scores, profile=loose)
    assert requirement(found, "FMR").verdict is Verdict.MET
    assert requirement(found, "FNMR").verdict is Verdict.MET
    assert requirement(found, "IAPAR of mask").verdict is Verdict.MET
    assert requirement(found, "FMR by who").verdict is Verdict.MET
    strict = replace(loose, fmr=0.01)
    assert requirement(Evaluation.of(scores, profile=strict), "FMR").verdict is Verdict.NOT_MET


def test_a_profile_is_not_supported_where_the_sample_cannot_say() -> None:
    found = Evaluation.of(crossed(40, shift=6), profile=NIST)
    assert found.compliance is not None
    assert found.compliance.verdict is Verdict.NOT_SUPPORTED
    assert {each.verdict for each in found.compliance.requirements} == {Verdict.NOT_SUPPORTED}
    assert requirement(found, "groups").text.endswith("there are no groups in this sample.")
    assert "the profile nist-ial2 is not supported" in said(found, Verdict.NOT_SUPPORTED)


def test_a_profile_is_judged_at_the_threshold_that_keeps_its_rate() -> None:
    scores = crossed(200, shift=1)
    found = Evaluation.of(scores, profile=replace(NIST, fmr=0.01))
    fmr = requirement(found, "FMR")
    assert (fmr.verdict, requirement(found, "FNMR").verdict) == (Verdict.MET, Verdict.NOT_MET)
    assert fmr.interval is not None
    assert fmr.interval.high <= 0.01
    assert found.compliance is not None
    assert found.compliance.verdict is Verdict.NOT_MET
    assert found.headline == "The profile nist-ial2 is not met."


def test_a_system_that_no_stranger_tried_has_its_attacks_evaluated() -> None:
    spoofs = replace(trials([FAILED] * 4, range(4)), accepted=np.arange(4) < 1)
    genuine = replace(trials([1.0, 2.0], range(2)), accepted=np.array([True, False]))
    found = Evaluation.of(Scores("x", genuine=genuine, attacks={"mask": spoofs}))
    assert found.auc is None
    assert found.attacks is not None
    assert found.attacks.worst_species.riapar == pytest.approx(1 / 4 + 1 / 2)
    json.dumps(found.as_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("scores", "why"),
    [
        (Scores("x", genuine=trials([1.0, 2.0])), "x has no impostor pairs"),
        (Scores("x", impostor=trials([1.0, 2.0])), "x has no genuine pairs"),
        (replace(presented(), bona_fide=NO_TRIALS), "presented has no bona fide presentations"),
        (
            Scores("x", trials([1.0, 2.0], [0, 0]), trials([0.0], [0], [0])),
            "all pairs are of one person",
        ),
    ],
)
def test_scores_that_no_error_rates_can_be_made_of_are_refused(scores: Scores, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        Evaluation.of(scores)


def test_living_people_alone_are_enough_for_their_own_error_rate() -> None:
    living = trials(np.linspace(0, 1, 200), range(200))
    found = Evaluation.of(Scores("x", bona_fide=living, liveness_threshold=0.1))
    assert found.attacks is not None
    assert found.attacks.bpcer is not None
    assert found.attacks.bpcer.errors == 20
    assert any("what gets through" in each.text for each in found.statements)
    assert found.as_json()["attacks"] == {"worst": None}


def test_the_cheapest_threshold_is_chosen_on_other_people_where_they_are_split() -> None:
    chosen, counted = crossed(80, shift=1.5, seed=1), crossed(80, shift=1.5, seed=2)
    prices = Prices(false_match=50, false_non_match=5, prior=0.1, review=1)
    own = Evaluation.of(chosen, prices=prices).costs
    found = Evaluation.of(counted, prices=prices, chosen_on=chosen).costs
    assert own is not None
    assert found is not None
    assert found.least.threshold == own.least.threshold
    assert found.with_review is not None
    assert own.with_review is not None
    assert found.with_review.threshold == own.with_review.threshold
    assert found.with_review.review_from == own.with_review.review_from
    above = counted.impostor.closeness >= found.least.threshold
    assert found.least.fmr == pytest.approx(np.mean(above))
    assert found.least.cost != own.least.cost


def test_nobody_is_held_to_a_limit_by_attacks_of_unknown_instruments() -> None:
    scores = crossed(60, shift=4)
    refused = replace(trials([0.0] * 60, range(60)), accepted=np.zeros(60, np.bool_))
    limits = {}
    for known in (True, False):
        attacks = {"mask": replace(refused, named=known)}
        held = Evaluation.of(replace(scores, attacks=attacks), profile=PROFILES["nist-ial2"])
        assert held.compliance is not None
        (iapar,) = (each for each in held.compliance.requirements if "IAPAR" in each.name)
        limits[known] = iapar.verdict
    assert limits == {True: Verdict.MET, False: Verdict.NOT_SUPPORTED}


def test_strangers_who_all_failed_in_capture_make_no_threshold() -> None:
    scores = crossed(20)
    failed = trials([FAILED] * 10, range(10))
    with pytest.raises(InvalidRequest, match="all impostor pairs failed in capture"):
        Evaluation.of(replace(scores, impostor=failed))
