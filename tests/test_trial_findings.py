"""What a report concludes from trials whose truth is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from facegate import InvalidRequest
from facegate.journal.rows import RequestRow
from facegate.model import Decision, Operation
from facegate.trial import page
from facegate.trial.findings import TrialFinding, Verdict, headline, trial_findings
from facegate.trial.tally import RequestOutcome
from facegate.trial.trial import Trial
from simulated import START, Plan, Vendor, requests

pytestmark = pytest.mark.slow

MAIN, NEW = Vendor("main"), Vendor("new")
EVEN, CAREFUL = {"main": 50, "new": 50}, {"main": 90, "new": 10}


def even(people: int, other: Vendor, **plan: float) -> Trial:
    simulated = Plan(people, {MAIN: 50, other: 50}, **plan)  # type: ignore[arg-type]
    return Trial.of("kyc", requests(simulated), weights=EVEN)


def shadowed(candidate: Vendor, people: int = 4000, **plan: float) -> Trial:
    simulated = Plan(people, {replace(MAIN, right=0.97): 1}, shadow=candidate, **plan)
    return Trial.of("kyc", requests(simulated))


def findings_about(trial: Trial, about: str) -> list[TrialFinding]:
    return [each for each in trial_findings(trial) if each.about == about]


def verdicts(trial: Trial, about: str) -> list[Verdict]:
    return [each.verdict for each in findings_about(trial, about)]


def test_no_difference_is_found_where_there_is_none() -> None:
    trial = even(40_000, NEW)
    findings = trial_findings(trial)
    assert Verdict.DIFFERS not in {each.verdict for each in findings}
    assert verdicts(trial, "acceptance") == [Verdict.ALIKE]
    assert verdicts(trial, "latency") == [Verdict.ALIKE]
    assert "new accepts as many people as main, give or take 2 points" in headline(findings)
    assert headline(findings).endswith("This does not say who is right more often.")


def test_a_careful_trial_of_a_few_thousand_finds_a_real_difference() -> None:
    plan = Plan(4000, {MAIN: 90, replace(NEW, accept=0.77): 10})
    trial = Trial.of("kyc", requests(plan), weights=CAREFUL)
    (finding,) = findings_about(trial, "acceptance")
    assert finding.verdict is Verdict.DIFFERS
    assert finding.short == "new accepts fewer people than main"
    (comparison,) = trial.comparisons
    truth = 0.97 * (0.77 - 0.9)
    assert comparison.accepted.interval.low <= truth <= comparison.accepted.interval.high
    assert all(
        look.difference.interval.low <= truth <= look.difference.interval.high
        for look in comparison.looks
    )


def down(rows: Iterable[RequestRow], arm: str, hours: float, at: float = 5.0) -> list[RequestRow]:
    """The rows as they are if the vendor of an arm is away for some hours, from a day on."""
    begins = START + timedelta(days=at)
    ends = begins + timedelta(hours=hours)
    lost: dict[str, Any] = {"decision": None, "error_code": "ProviderTimeout", "match_score": None}
    return [
        replace(row, **lost) if row.arm == arm and begins <= row.at < ends else row for row in rows
    ]


@pytest.mark.parametrize("arm", ["main", "new"])
def test_an_outage_is_one_event_and_no_difference_in_acceptance(arm: str) -> None:
    rows = down(requests(Plan(20_000, {MAIN: 50, NEW: 50})), arm, hours=20)
    trial = Trial.of("kyc", rows, weights=EVEN)
    (comparison,) = trial.comparisons
    assert comparison.accepted.sure  # as the whole time has it
    (acceptance,) = findings_about(trial, "acceptance")
    assert acceptance.verdict is Verdict.NOTE
    assert acceptance.short == "the difference in acceptance is that of one outage"
    assert re.search(rf"Without 1[12]\d\d min of {arm}'s outage it is between", acceptance.text)
    (failures,) = findings_about(trial, "failures")
    said = headline(trial_findings(trial))
    assert said.startswith(f"{arm} had one outage of ")
    assert "accepts" not in said
    assert "2026-03-07 08:0" in failures.text


def test_a_difference_that_an_outage_does_not_explain_stays() -> None:
    worse = replace(NEW, accept=0.8)
    rows = down(requests(Plan(20_000, {MAIN: 50, worse: 50})), "new", hours=20)
    (acceptance,) = findings_about(Trial.of("kyc", rows, weights=EVEN), "acceptance")
    assert acceptance.short == "new accepts fewer people than main"
    assert "of new's outage it is between -" in acceptance.text


@pytest.mark.parametrize("failed", [0.0, 0.01, 0.5])
def test_failures_spread_over_the_time_are_no_outage(failed: float) -> None:
    trial = even(10_000, replace(NEW, failed=failed, accept=0.9 - failed))
    assert trial.comparisons[0].outage is None


def test_accepting_more_is_never_called_better() -> None:
    text = " ".join(each.text for each in trial_findings(even(6000, replace(NEW, accept=0.97))))
    assert "new accepts more people than main" in text
    assert "More may be fewer honest people turned away, or more attacks let in." in text
    assert "a high share of accepted people is not accuracy" in text
    assert "better" not in text


def test_too_little_data_is_an_answer() -> None:
    trial = Trial.of("kyc", requests(Plan(60, {MAIN: 90, NEW: 10})), weights=CAREFUL)
    (finding,) = findings_about(trial, "acceptance")
    assert finding.verdict is Verdict.UNKNOWN
    assert "To say it takes some" in finding.text
    assert headline(trial_findings(trial)).startswith("Not enough data to say: whether new")


def test_a_bug_that_loses_people_breaks_the_trial() -> None:
    trial = even(4000, replace(NEW, accept=0.7), lost=0.15)
    findings = trial_findings(trial)
    assert headline(findings) == "The split is broken, so the arms cannot be compared."
    assert not verdicts(trial, "acceptance")  # nothing is concluded, however large
    assert findings[0].verdict is Verdict.BROKEN
    assert "over time" not in page.html(trial, findings)


def test_an_honest_split_is_not_called_broken() -> None:
    assert verdicts(even(4000, NEW), "ratio") == [Verdict.NOTE]


def test_without_weights_the_split_is_unchecked_and_that_is_said() -> None:
    trial = Trial.of("kyc", requests(Plan(500, {MAIN: 50, NEW: 50})))
    assert trial.ratio is None
    assert "not known" in findings_about(trial, "ratio")[0].text


def test_a_latency_regression_shows() -> None:
    (finding,) = findings_about(even(4000, replace(NEW, seconds=0.5)), "latency")
    assert finding.short == "new is slower than main (median and 95th percentile)"


def test_a_vendor_that_fails_shows() -> None:
    trial = even(4000, replace(NEW, failed=0.08))
    (finding,) = findings_about(trial, "failures")
    assert finding.short == "new leaves more people without an answer than main"
    assert trial.arm("new").errors["ProviderTimeout"] > trial.arm("main").errors["ProviderTimeout"]


def test_only_labels_say_who_is_right() -> None:
    plan = Plan(8000, {replace(MAIN, right=0.97): 50, replace(NEW, right=0.88): 50}, labelled=0.5)
    trial = Trial.of("kyc", requests(plan), weights=EVEN)
    first, second = findings_about(trial, "errors")
    assert first.short == "new turns away more genuine people than main"
    assert second.verdict is Verdict.UNKNOWN  # attacks are few
    assert "people like those who were labelled" in first.text
    assert not headline(trial_findings(trial)).endswith("who is right more often.")


def test_errors_of_labelled_people_are_those_that_scikit_learn_counts() -> None:
    rows = list(requests(Plan(800, {replace(MAIN, right=0.9): 1}, labelled=0.7, again=0)))
    arm = Trial.of("kyc", rows).arms[0]
    known = [row for row in rows if row.genuine is not None and row.decision is not None]
    accepted = [row.decision == "accept" for row in known]
    table = confusion_matrix([row.genuine for row in known], accepted, labels=[True, False])
    (_, turned_away), (let_in, _) = table
    assert (arm.not_accepted.wrong, arm.attacks_accepted.wrong) == (turned_away, let_in)
    assert arm.not_accepted.labelled == table[0].sum()


def test_percentiles_are_those_of_numpy() -> None:
    rows = list(requests(Plan(700, {MAIN: 1})))
    latency = Trial.of("kyc", rows).arms[0].latency
    seconds = [row.seconds for row in rows if row.decision]
    theirs = np.quantile(seconds, [0.5, 0.95, 0.99], method="inverted_cdf")
    assert latency
    assert [latency.p50, latency.p95, latency.p99] == list(theirs)


def test_a_candidate_in_the_shadow_is_compared_on_the_same_requests() -> None:
    trial = shadowed(replace(NEW, accept=0.6), copied=0.8)
    (finding, disagreed) = findings_about(trial, "shadow")
    assert finding.short == "new accepts fewer of the same people than main"
    assert disagreed.verdict is Verdict.NOTE
    (pairing,) = trial.pairings
    assert pairing.lost > pairing.gained
    assert pairing.mcnemar_p <= pairing.always_p < 0.01
    assert pairing.looks[-1].difference == pairing.accepted


def test_agreement_is_what_scikit_learn_makes_of_the_pairs() -> None:
    (pairing,) = shadowed(replace(NEW, accept=0.6), people=1500, copied=0.5).pairings
    pairs = [(one, two) for one, two, count in pairing.table for _ in range(count)]
    both = [(one, two) for one, two in pairs if {one, two} <= {"accept", "review", "reject"}]
    first, second = zip(*both, strict=True)
    table = confusion_matrix(first, second)
    assert pairing.agreed.count == np.trace(table)
    assert pairing.answered == table.sum()
    assert pairing.pairs == len(pairs)
    assert -1 < cohen_kappa_score(first, second) < pairing.agreed.share


def test_disagreements_are_listed_for_review() -> None:
    trial = shadowed(replace(NEW, accept=0.5), people=800, copied=0.3)
    (pairing,) = trial.pairings
    assert len(pairing.cases) == pairing.disagreed
    assert all(case.primary != case.candidate for case in pairing.cases)
    assert len({case.request_id for case in pairing.cases}) == pairing.disagreed


def test_who_is_right_where_they_disagree_takes_labels_of_these_alone() -> None:
    candidate = replace(NEW, right=0.75)
    trial = shadowed(candidate, copied=0.0, sample=0.5, labelled=0.5)
    assert "main is right about genuine people more often than new" in {
        each.short for each in findings_about(trial, "errors")
    }


def test_two_brands_of_one_engine_are_said_to_be_one_opinion() -> None:
    trial = even(500, replace(NEW, lineage="main"))
    (finding,) = findings_about(trial, "lineage")
    assert "they are one opinion under two names" in finding.text
    assert not findings_about(even(500, NEW), "lineage")


def test_costs_are_per_request_and_per_decision() -> None:
    rows = list(requests(Plan(400, {replace(MAIN, failed=0.5): 1})))
    arm = Trial.of("kyc", rows).arms[0]
    decisions = sum(row.decision is not None for row in rows)
    assert arm.cost is not None
    assert arm.cost == pytest.approx(sum(row.cost or 0 for row in rows))
    assert arm.per_request == pytest.approx(arm.cost / len(rows))
    assert arm.per_decision == pytest.approx(arm.cost / decisions)
    free = Trial.of("kyc", [replace(row, cost=None) for row in rows]).arms[0]
    assert (free.cost, free.per_request, free.per_decision) == (None, None, None)


def of(rows: Sequence[RequestRow], **options: object) -> Trial:
    return Trial.of("kyc", rows, **options)  # type: ignore[arg-type]


@pytest.fixture
def row() -> RequestRow:
    return next(row for row in requests(Plan(50, {MAIN: 1})) if row.decision == "accept")


def test_of_a_person_the_first_request_counts(row: RequestRow) -> None:
    again = replace(row, request_id="again", decision=None, error_code="BadReply")
    trial = of([row, again])
    (arm,) = trial.arms
    assert (arm.requests, arm.people) == (2, 1)
    assert arm.outcomes[RequestOutcome.ACCEPT].share == 1
    assert arm.errors == {"BadReply": 1}


def test_a_person_who_changed_arms_counts_where_they_were_first(row: RequestRow) -> None:
    trial = of([replace(row, arm="main"), replace(row, arm="new")])
    assert {arm.name: arm.people for arm in trial.arms} == {"main": 1, "new": 0}
    assert "1 requests went to another arm" in " ".join(each.text for each in trial_findings(trial))


def test_what_callers_decided_for_themselves_counts_for_time_and_cost_alone(
    row: RequestRow,
) -> None:
    theirs = replace(row, judged_by_caller=True, decision=Decision.REJECT, genuine=True, cost=2.0)
    trial = of([theirs, replace(theirs, shadow=True, provider="new"), row])
    (arm,), (candidate,) = trial.arms, trial.shadows
    assert (arm.requests, arm.people, candidate.requests, candidate.people) == (2, 1, 1, 0)
    assert (
        arm.outcomes[RequestOutcome.ACCEPT].share == 1
    )  # the subject's first that was decided here
    assert arm.not_accepted.labelled == 0
    assert (arm.latency and arm.latency.answered, arm.priced) == (2, 2)
    assert not trial.pairings
    assert trial.judged_by_caller == 1
    assert "1 requests wanted a score and no decision" in findings_about(trial, "data")[0].text
    nobody = of([replace(theirs, arm=arm, shadow=False) for arm in ("main", "new")], weights=EVEN)
    assert [each.people for each in nobody.arms] == [0, 0]
    assert page.html(nobody, trial_findings(nobody))


def test_requests_about_nobody_each_count_as_a_person(row: RequestRow) -> None:
    trial = of([replace(row, subject=None), replace(row, subject=None)])
    assert trial.arms[0].people == trial.nameless == 2
    assert "name no subject" in findings_about(trial, "data")[0].text


def test_what_failed_before_it_got_to_an_arm_counts_in_none(row: RequestRow) -> None:
    early = replace(row, subject="early", decision=None, error_code="ImageRejected", provider="")
    trial = of([replace(row, arm="main"), replace(row, arm="new", subject="b"), early])
    assert trial.unassigned == 1
    assert sum(arm.people for arm in trial.arms) == 2


def test_a_shadow_without_its_primary_is_not_paired(row: RequestRow) -> None:
    trial = of([row, replace(row, shadow=True, request_id="other", provider="new")])
    assert trial.pairings[0].orphans == 1
    assert trial.pairings[0].pairs == 0
    assert "have no primary in this time" in findings_about(trial, "data")[0].text


def test_whose_fault_an_error_is_decides_what_the_person_got(row: RequestRow) -> None:
    codes = ("CaptureRejected", "InvalidRequest", "ProviderTimeout", "QuotaExhausted", "FromNewer")
    failed = [
        replace(row, subject=code, decision=None, error_code=code, at=row.at + timedelta(hours=1))
        for code in codes
    ]
    outcomes = of([row, *failed]).arms[0].outcomes
    assert outcomes[RequestOutcome.REFUSED].count == 2
    assert outcomes[RequestOutcome.FAILED].count == 3


def test_several_operations_in_one_report_are_named(row: RequestRow) -> None:
    trial = of([row, replace(row, subject="b", operation=Operation.LIVENESS)])
    assert "This mixes compare and liveness" in findings_about(trial, "data")[0].text


def test_the_control_is_the_heaviest_arm_or_the_one_that_is_named(row: RequestRow) -> None:
    rows = [replace(row, arm=arm, subject=arm) for arm in ("new", "main")]
    assert of(rows, weights={"new": 1, "main": 9}).arms[0].name == "main"
    assert of(rows, control="new").comparisons[0].arm == "main"
    with pytest.raises(InvalidRequest, match="nobody was in 'mian', only in"):
        of(rows, control="mian")


def test_an_arm_that_lost_everybody_breaks_the_trial(row: RequestRow) -> None:
    rows = [replace(row, arm="main", subject=str(number)) for number in range(200)]
    assert verdicts(of(rows, weights=CAREFUL), "ratio") == [Verdict.BROKEN]


def test_nothing_recorded_is_no_trial() -> None:
    with pytest.raises(InvalidRequest, match="no requests on 'kyc'"):
        of([])


def test_one_arm_and_no_shadow_compare_to_nothing(row: RequestRow) -> None:
    assert (
        headline(trial_findings(of([row])))
        == "There is nothing to compare: one arm, and no shadow."
    )
