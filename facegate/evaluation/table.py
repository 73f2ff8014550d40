"""The figures of an evaluation in words, the same on a page and at a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from facegate.evaluation.analyses import Compliance, CostAt, Costs, Paired, PairedAt
from facegate.evaluation.breakdowns import by_group, by_groups_of_both, by_species
from facegate.evaluation.evaluation import Evaluation
from facegate.evaluation.results import AtThreshold, Support, WorstErrors
from facegate.evaluation.words import NONE, Section, fmr, number, of, share, small
from facegate.figures.words import duration, percent, points

_WORST_SHOWN = 10


def title(evaluations: Sequence[Evaluation]) -> str:
    """What the whole is called, with what takes away from it."""
    words = f"Evaluation of {' and '.join(each.name for each in evaluations)}"
    if any(each.selected for each in evaluations):
        words += ": operational, labels selected"
    if any(each.failures.incomplete for each in evaluations):
        words = f"Incomplete: {words[0].lower()}{words[1:]}"
    return words


def headline(evaluations: Sequence[Evaluation], paired: Paired | None) -> str:
    """The conclusion: of one provider its own, of two what is said of both on the same pairs."""
    if paired is not None and paired.statements:
        first, _, _ = paired.statements[0].text.removesuffix(".").partition(": ")
        named = first.startswith(paired.names)  # a name stays as it is written
        return f"{first if named else first[0].upper() + first[1:]}."
    if len(evaluations) == 1:
        return evaluations[0].headline
    return " ".join(f"{each.name}: {each.headline}" for each in evaluations)


def sample(evaluation: Evaluation) -> str:
    """The data that an evaluation is about, in words."""
    attacks = evaluation.attacks
    counts = {
        "genuine pairs": evaluation.genuine,
        "impostor pairs": evaluation.impostor,
        "bona fide presentations": attacks.bona_fide if attacks else 0,
        "attacks": sum(each.presentations for each in attacks.species) if attacks else 0,
    }
    words = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    if evaluation.genuine + evaluation.impostor:
        known = evaluation.people is not None
        words += f", {evaluation.people:,} people" if known else ", people not known"
    scale = f", scale {evaluation.scale}" if evaluation.scale else ""
    closer = ", lower is closer" if evaluation.lower_is_closer else ""
    return f"{evaluation.name}: {words}{scale}{closer}"


def in_brief(evaluation: Evaluation) -> Iterator[Section]:
    """The tables that everybody reads."""
    if evaluation.compliance is not None:
        yield _profile(evaluation.compliance)
    if _thresholds(evaluation):
        yield _rates(evaluation)
    for groups in evaluation.groups:
        yield by_group(groups)
    if evaluation.attacks is not None:
        yield by_species(evaluation.attacks)
    if evaluation.costs is not None:
        yield _costs(evaluation.costs)


def further(evaluation: Evaluation) -> Iterator[Section]:
    """The tables that come after these, for those who look closer."""
    captured = [each for each in _thresholds(evaluation) if each.fnmr_of_captured is not None]
    if captured:
        yield Section(
            "Without failed captures",
            ("FMR asked for", "FMR", "FNMR"),
            [
                (_asked(each.fmr_asked), fmr(each.fmr_of_captured), share(each.fnmr_of_captured))
                for each in captured
            ],
        )
    for groups in evaluation.groups:
        if groups.cross:
            yield by_groups_of_both(groups)
    yield _failures(evaluation)
    errors = evaluation.worst_errors
    if errors.false_matches or errors.false_non_matches:
        yield _worst(errors)


def of_two(paired: Paired) -> Section:
    """Two providers on the same pairs."""
    first, second = paired.names
    return Section(
        f"{first} and {second} on the same pairs",
        (
            "FMR asked for",
            f"FNMR of {first}",
            f"FNMR of {second}",
            "difference, points",
            "missed by one alone",
            "common false matches",
        ),
        [
            (
                _asked(each.fmr_asked),
                *(percent(rate.share) for rate in each.fnmr),
                _difference(each),
                f"{each.first_alone:,} and {each.second_alone:,} (p = {number(each.mcnemar_p)})",
                f"{each.common:,} of {each.fmr[0].errors:,} and {each.fmr[1].errors:,}"
                f" ({number(each.by_chance)} by chance)",
            )
            for each in paired.points
        ],
        tuple(_opinions(paired)),
    )


def _thresholds(evaluation: Evaluation) -> list[AtThreshold]:
    """The thresholds that rates are told at; none where labels were selected, as no rate holds."""
    if evaluation.selected:
        return []
    in_use = [evaluation.operating] if evaluation.operating is not None else []
    return [*in_use, *evaluation.rates]


def _asked(rate: float | None) -> str:
    return "in use" if rate is None else small(rate)


def _rates(evaluation: Evaluation) -> Section:
    notes = ["In brackets 95 %, leaving out one person at a time."]
    if evaluation.chosen_on is not None:
        notes.append(f"Thresholds were chosen on {evaluation.chosen_on:,} other people.")
    if evaluation.auc is not None and evaluation.eer is not None:
        eer = evaluation.eer
        notes.append(
            "For the comparison with other people's figures: equal error rate"
            f" {percent(eer.step, 2)} by steps, {percent(eer.hull, 2)} on the convex hull; area"
            f" under the ROC curve {evaluation.auc:.4f}."
        )
    return Section(
        "Error rates",
        ("FMR asked for", "threshold", "FMR", "FNMR", "FMR is", "people it takes"),
        [
            (
                _asked(each.fmr_asked),
                repr(each.threshold),
                fmr(each.fmr),
                share(each.fnmr),
                str(each.support),
                _people(each),
            )
            for each in _thresholds(evaluation)
        ],
        notes,
    )


def _people(at: AtThreshold) -> str:
    needed, guarantee = at.people_needed, at.people_for_guarantee
    if at.support is Support.SUPPORTED or needed is None:
        return NONE
    more = f" ({guarantee:,} for a guarantee)" if guarantee is not None else ""
    return f"{needed:,}{more}"


def _profile(compliance: Compliance) -> Section:
    return Section(
        f"Profile {compliance.profile}: {compliance.verdict}",
        ("limit", "at most", "measured", "verdict", "why"),
        [
            (
                each.name,
                number(each.limit),
                NONE if each.value is None else number(each.value, each.interval),
                str(each.verdict),
                each.text,
            )
            for each in compliance.requirements
        ],
    )


def _costs(costs: Costs) -> Section:
    prices = costs.prices
    kinds = {
        "threshold in use": costs.actual,
        "cheapest threshold": costs.least,
        "cheapest with review": costs.with_review,
    }
    review = f", a review {prices.review:g}" if prices.review is not None else ""
    return Section(
        "Cost of a decision",
        ("at", "cost", "threshold", "FMR", "FNMR", "to review"),
        [(name, *_cost(at)) for name, at in kinds.items() if at is not None],
        (
            f"A false match costs {prices.false_match:g}, a false non-match"
            f" {prices.false_non_match:g}{review}; {percent(prices.prior, 2)} of those who ask are"
            f" impostors. Without comparing anybody it would cost {costs.blind:.4g}.",
        ),
    )


def _cost(at: CostAt) -> Sequence[str]:
    review = f", review from {at.review_from!r}" if at.review_from is not None else ""
    return (
        f"{at.cost:.4g}",
        f"{at.threshold!r}{review}",
        small(at.fmr),
        percent(at.fnmr),
        percent(at.reviewed),
    )


def _failures(evaluation: Evaluation) -> Section:
    failures, latency = evaluation.failures, evaluation.latency
    unsided = [("side not known", of(failures.unsided, failures.asked))] * bool(failures.unsided)
    rows = [
        ("asked", f"{failures.asked:,}"),
        ("probe refused (FTA)", of(failures.fta, failures.asked)),
        ("gallery refused (FTE)", of(failures.fte, failures.asked)),
        *unsided,
        *((f"- {reason}", f"{count:,}") for reason, count in failures.reasons.items()),
        ("provider failed", of(failures.outages, failures.asked)),
        *((f"- {error}", f"{count:,}") for error, count in failures.errors.items()),
    ]
    if evaluation.dropped.duplicates or evaluation.dropped.mirrored:
        dropped = evaluation.dropped
        rows.append(
            ("counted once", f"{dropped.duplicates:,} again, {dropped.mirrored:,} mirrored")
        )
    if latency is not None:
        names = ("median", "95th percentile", "99th percentile")
        times = map(duration, (latency.p50, latency.p95, latency.p99))
        rows += [(f"latency, {name}", time) for name, time in zip(names, times, strict=True)]
    if evaluation.cost_per_decision is not None:
        rows.append(("cost of a decision", f"{evaluation.cost_per_decision:,.4g}"))
    return Section(
        "Failures, latency, cost",
        ("what", evaluation.name),
        rows,
        (
            "A refused picture is a capture that failed, and counts in the rates. A provider that"
            " failed said nothing of the person, and is in none of them.",
        ),
    )


def _difference(at: PairedAt) -> str:
    """The difference of FNMR; at one FMR its interval heeds that the thresholds are chosen."""
    span = at.fnmr_interval if at.fmr_asked is None else at.fnmr_interval_at_fmr
    text = points(at.fnmr_difference)
    if at.fmr_asked is not None and any(each.support is Support.NOT_SUPPORTED for each in at.fmr):
        return f"{text} (FMR not supported)"
    return text if span is None else f"{text} ({points(span.low)} to {points(span.high)})"


def _opinions(paired: Paired) -> Iterator[str]:
    yield (
        f"{paired.genuine:,} genuine and {paired.impostor:,} impostor pairs that both answered;"
        f" {paired.left_out:,} left out that one of them alone did."
    )
    if paired.rank_correlation is not None:
        yield (
            f"Rank correlation of the scores of strangers: {paired.rank_correlation:.2f}; near 0"
            " they are independent opinions, near 1 one engine under two names."
        )


def _worst(errors: WorstErrors) -> Section:
    kinds = {"false match": errors.false_matches, "false non-match": errors.false_non_matches}
    return Section(
        "Look at these labels first",
        ("row", "what", "score"),
        [
            (each.row, what, NONE if each.score is None else f"{each.score:.6g}")
            for what, worst in kinds.items()
            for each in worst[:_WORST_SHOWN]
        ],
        ("What is most wrong is often the label.",),
    )
