"""Groups, attacks, costs and two providers, on samples small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from evaluation import crossed

from evaluated import trials
from facegate.errors import InvalidRequest
from facegate.evaluation.analyses import Prices, Verdict
from facegate.evaluation.attacks import attacks
from facegate.evaluation.costs import costs
from facegate.evaluation.groups import by_group
from facegate.evaluation.paired import paired
from facegate.evaluation.rates import threshold_for
from facegate.evaluation.results import Groups, Support
from facegate.evaluation.scores import FAILED, Scores, Trials


def grouped(errors: dict[tuple[str, str], int], pairs: int = 10_000) -> Scores:
    """Impostor pairs of two people each, of whom so many match, by their groups."""
    names = sorted({name for both in errors for name in both})
    scores, sides = [], []
    for (one, two), wrong in errors.items():
        scores += [1.0] * wrong + [0.0] * (pairs - wrong)
        sides += [(names.index(one), names.index(two))] * pairs
    people = np.arange(len(scores))
    probe, gallery = np.array(sides, np.int32).T
    impostor = trials(scores, people, people + len(people))
    genuine = trials([1.0] * 40 + [0.0] * 10, range(50))
    kin = np.arange(50, dtype=np.int32) % len(names)
    return Scores(
        "grouped",
        genuine=replace(genuine, groups={"who": (kin, kin)}),
        impostor=replace(impostor, groups={"who": (probe, gallery)}),
        group_names={"who": names},
    )


def within(**errors: int) -> Groups:
    return by_group(
        grouped({(name, name): wrong for name, wrong in errors.items()}), "who", 0.5, None
    )


def test_spread_is_that_of_a_published_algorithm() -> None:
    """False match rates of acisw-003 in NIST's demographic report: black and white, men, women."""
    spread = within(black_men=5, white_men=10, black_women=14, white_women=44).fmr
    assert spread is not None
    assert spread.max_geomean == pytest.approx(3.32, abs=0.005)
    assert spread.gini == pytest.approx(0.55, abs=0.005)
    assert spread.max_min == pytest.approx(44 / 5)
    assert (spread.worst, spread.support) == ("white_women", Support.NOT_SUPPORTED)


def test_a_group_with_few_errors_is_never_the_best() -> None:
    spread = within(a=40, b=20, c=9).fmr
    assert spread is not None
    assert (spread.worst, spread.best) == ("a", "b")
    assert spread.worst_ratio is not None
    assert spread.worst_ratio.value == pytest.approx(2)


def test_a_group_without_errors_stands_in_with_its_upper_bound() -> None:
    spread = within(a=40, b=0).fmr
    assert spread is not None
    assert (spread.bounded, spread.best) == (["b"], None)
    assert spread.max_min == pytest.approx(0.004 / (1 - 0.05 ** (1 / 10_000)))


def test_equal_groups_have_no_spread() -> None:
    found = within(a=40, b=40)
    assert found.fmr is not None
    assert (found.fmr.max_geomean, found.fmr.max_min, found.fmr.gini) == pytest.approx((1, 1, 0))
    assert found.fdr == pytest.approx(1)


def test_strangers_of_one_group_are_beside_strangers_at_random() -> None:
    counts = {("f", "f"): 60, ("f", "m"): 2, ("m", "f"): 3, ("m", "m"): 30}
    found = by_group(grouped(counts), "who", 0.5, 1e-3)
    cross = {(each.probe, each.gallery): each.fmr.errors for each in found.cross}
    assert cross == counts
    assert found.matched is not None
    assert (found.matched.errors, found.matched.trials) == (90, 20_000)
    assert (found.random.errors, found.random.trials) == (95, 40_000)
    assert found.matched_ratio is not None
    assert found.matched_ratio.value == pytest.approx(90 / 95 * 2)
    women, _ = found.groups
    assert women.fmr_ratio is not None
    assert women.fmr_ratio.value == pytest.approx(60 / 45)
    assert women.fnmr is not None
    assert (women.fnmr.errors, women.fnmr.trials) == (5, 25)


def test_failures_of_the_probe_are_counted_by_its_group() -> None:
    scores = grouped({("f", "f"): 1, ("m", "m"): 1}, pairs=10)
    refused = np.arange(20) < 3
    scores = replace(scores, impostor=replace(scores.impostor, refused_probe=refused))
    women, men = by_group(scores, "who", 0.5, None).groups
    assert women.fta is not None
    assert men.fta is not None
    assert (women.fta.errors, women.fta.trials) == (3, 35)
    assert men.fta.errors == 0


def test_a_group_of_one_has_no_strangers_and_is_named() -> None:
    one = (np.array([0], np.int32),) * 2
    scores = Scores(
        "one",
        genuine=replace(trials([1.0], [0]), groups={"who": one}),
        impostor=replace(trials([0.0], [0], [1]), groups={"who": (one[0], one[0] + 1)}),
        group_names={"who": ["a", "b"]},
    )
    found = by_group(scores, "who", 0.5, None)
    assert found.alone == ["a", "b"]
    assert found.groups[0].fmr is None
    assert found.fmr is None
    assert found.matched is None


def presented(**species: list[float]) -> Scores:
    living = trials([0.9, 0.8, 0.7, 0.6, FAILED], range(5))
    return Scores(
        "presented",
        bona_fide=living,
        attacks={name: trials(scores, range(len(scores))) for name, scores in species.items()},
    )


def test_the_worst_species_decides() -> None:
    scores = presented(mask=[0.75, 0.65, 0.2, 0.1], printed=[0.3, 0.2, FAILED, FAILED])
    found = attacks(scores, 0.65)
    rates = {each.name: each.apcer.share for each in found.species if each.apcer}
    assert rates == {"mask": 2 / 4, "printed": 0}
    assert found.worst_species.name == "mask"
    assert found.bpcer is not None
    assert found.bpnrr is not None
    assert (found.bpcer.share, found.bpnrr.share) == (2 / 5, 1 / 5)
    assert [each.apnrr.share for each in found.species] == [0, 2 / 4]


def test_bpcer_at_a_rate_of_the_worst_species_holds_all_of_them_to_it() -> None:
    scores = presented(mask=[0.75, 0.65, 0.2, 0.1], printed=[0.3, 0.2, 0.1, 0.1])
    found = attacks(scores, None)
    bpcer100 = found.worst_bpcer_at[-1]
    assert bpcer100.apcer_asked == 0.01
    assert bpcer100.threshold == np.nextafter(0.75, 1)
    assert bpcer100.bpcer.share == 3 / 5
    own = {each.name: each.bpcer_at[-1].bpcer.share for each in found.species}
    assert own == {"mask": 3 / 5, "printed": 1 / 5}
    assert found.worst == "mask"


def test_attacks_with_one_instrument_tell_less_than_with_many() -> None:
    scores = [1.0] * 20 + [0.0] * 80
    many = replace(presented(), attacks={"mask": trials(scores, range(100))})
    few = replace(presented(), attacks={"mask": trials(scores, np.arange(100) // 10)})
    widths = []
    for each, instruments in ((many, 100), (few, 10)):
        (mask,) = attacks(each, 0.5).species
        assert mask.instruments == instruments
        assert mask.apcer is not None
        assert mask.apcer.interval is not None
        widths.append(mask.apcer.interval.half)
    assert widths[1] > 2 * widths[0]


def test_a_whole_system_has_its_own_rates() -> None:
    """RIAPAR is what attackers get in, and what genuine people are turned away, added up."""
    spoofs = replace(trials([0.9, 0.1, 0.1, 0.1], range(4)), accepted=np.arange(4) < 1)
    genuine = replace(trials([1.0] * 5, range(5)), accepted=np.arange(5) > 0)
    found = attacks(Scores("system", genuine=genuine, attacks={"mask": spoofs}), None)
    assert found.worst_species.iapar is not None
    assert found.worst_species.iapar.share == 1 / 4
    assert found.worst_species.riapar == pytest.approx(1 / 4 + 1 / 5)
    assert found.worst_species.eer is None


def test_the_cheapest_threshold_is_cheaper_than_any_other() -> None:
    scores = crossed(60, shift=1.5)
    prices = Prices(false_match=50, false_non_match=8, prior=0.1, review=0.5)
    genuine, impostor = scores.genuine.closeness, scores.impostor.closeness
    candidates = np.nextafter(np.unique(np.concatenate([genuine, impostor, [-9, 9]])), np.inf)

    def priced(upper: float, lower: float) -> float:
        fmr, fnmr = (impostor >= upper).mean(), (genuine < lower).mean()
        between = [((each >= lower) & (each < upper)).mean() for each in (impostor, genuine)]
        reviewed = 0.1 * between[0] + 0.9 * between[1]
        return float(0.1 * 50 * fmr + 0.9 * 8 * fnmr + 0.5 * reviewed)

    found = costs(scores, prices, 1.0)
    assert found.actual is not None
    assert found.with_review is not None
    assert found.with_review.review_from is not None
    assert found.actual.cost == pytest.approx(priced(1.0, 1.0))
    assert found.least.cost == pytest.approx(min(priced(each, each) for each in candidates))
    two = found.with_review.threshold, found.with_review.review_from
    assert found.with_review.cost == pytest.approx(priced(*two))
    every = product(candidates[::20], repeat=2)
    assert found.with_review.cost <= min(priced(up, low) for up, low in every if up >= low)
    assert found.blind == pytest.approx(5)


def second_opinion(scores: Scores, noise: float) -> Scores:
    """What another provider says of the same pairs."""
    draw = np.random.default_rng(9)

    def changed(pairs: Trials) -> Trials:
        return replace(pairs, closeness=pairs.closeness + noise * draw.normal(size=len(pairs)))

    return replace(
        scores,
        name="second",
        genuine=changed(scores.genuine),
        impostor=changed(scores.impostor),
    )


def test_two_providers_are_compared_pair_by_pair() -> None:
    first = crossed(200, shift=3)
    found = paired(first, second_opinion(first, 0.8), rates=[0.01])
    (at,) = found.points
    assert (found.genuine, found.impostor, found.left_out) == (200, 19_900, 0)
    assert at.fnmr[1].errors - at.fnmr[0].errors == at.second_alone - at.first_alone
    assert at.fnmr_difference == at.fnmr[1].share - at.fnmr[0].share
    assert at.fnmr_interval is not None
    assert at.fnmr_interval_at_fmr is not None
    assert at.fnmr_interval.low < at.fnmr_difference < at.fnmr_interval.high
    assert at.by_chance == pytest.approx(at.fmr[0].errors * at.fmr[1].errors / 19_900)
    assert at.common > 5 * at.by_chance
    assert found.rank_correlation is not None
    assert 0.5 < found.rank_correlation < 0.9
    assert found.statements[0].verdict is Verdict.SUPPORTED
    assert found.statements[0].short == "crossed has a lower FNMR than second at an FMR of 1e-2"


def test_a_provider_is_not_better_than_itself() -> None:
    scores = crossed(100, shift=2)
    found = paired(scores, replace(scores, name="again"), rates=[0.01])
    (at,) = found.points
    assert list(at.fnmr_interval or ()) == list(at.fnmr_interval_at_fmr or ()) == [0, 0]
    assert (at.first_alone, at.second_alone, at.mcnemar_p) == (0, 0, 1)
    assert found.rank_correlation == pytest.approx(1)
    assert found.statements[0].verdict is Verdict.NOT_SUPPORTED


def test_pairs_are_the_same_by_their_keys_in_any_order() -> None:
    first = crossed(30)
    keyed = {
        name: replace(pairs, keys=pairs.rows.astype(np.uint64))
        for name, pairs in (("genuine", first.genuine), ("impostor", first.impostor))
    }
    first = replace(first, genuine=keyed["genuine"], impostor=keyed["impostor"])
    order = np.random.default_rng(2).permutation(len(first.impostor))[:-5]
    second = replace(first, name="second", impostor=first.impostor.take(order))
    found = paired(first, second, rates=[0.1])
    assert (found.impostor, found.left_out) == (430, 5)
    assert found.rank_correlation == pytest.approx(1)


def test_providers_that_disagree_on_who_is_genuine_are_not_compared() -> None:
    scores = crossed(30)
    with pytest.raises(InvalidRequest, match="do not agree on which pairs are genuine"):
        paired(scores, replace(scores, genuine=scores.impostor, impostor=scores.genuine))


def test_thresholds_in_use_are_compared_first() -> None:
    scores = replace(crossed(100, shift=3), threshold=2.0)
    found = paired(scores, replace(scores, name="again", threshold=2.5), rates=[0.01])
    assert [at.fmr_asked for at in found.points] == [None, 0.01]
    assert found.points[0].thresholds == (2.0, 2.5)
    assert found.points[0].fnmr_interval_at_fmr is None
    assert found.points[1].thresholds[0] == threshold_for(scores.impostor, 0.01)
