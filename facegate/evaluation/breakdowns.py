"""Error rates by group and by attack species, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from facegate.evaluation.analyses import Attacks, PadPoint, Species
from facegate.evaluation.results import Groups, Rate, Spread, Support
from facegate.evaluation.words import NONE, Section, counted, fmr, in_line, ratio, share, small
from facegate.figures.words import percent

_PAD = "BPCER10, 20, 100"


def by_group(groups: Groups) -> Section:
    """The table of error rates within groups."""
    return Section(
        f"By {groups.column}, at one threshold",
        ("group", "people", "FMR", "times all", "FNMR", "times all", "FTA", "FMR is"),
        [
            (
                each.name,
                NONE if each.people is None else f"{each.people:,}",
                fmr(each.fmr),
                ratio(each.fmr_ratio),
                share(each.fnmr),
                ratio(each.fnmr_ratio),
                counted(each.fta),
                NONE if each.fmr is None else str(each.fmr.support),
            )
            for each in groups.groups
        ],
        tuple(_of_groups(groups)),
    )


def by_groups_of_both(groups: Groups) -> Section:
    """The table of false match rates of one group's probes against another's galleries."""
    names = sorted({each.gallery for each in groups.cross})
    rates = {(each.probe, each.gallery): each.fmr for each in groups.cross}
    probes = sorted({probe for probe, _ in rates})
    return Section(
        f"FMR by {groups.column} of both",
        ("probe \\ gallery", *names),
        [(probe, *(_short(rates.get((probe, gallery))) for gallery in names)) for probe in probes],
        ("A star: fewer than 10 errors, not supported.",),
    )


def _of_groups(groups: Groups) -> Iterator[str]:
    asked = f" (FMR {small(groups.fmr_asked)} asked for)" if groups.fmr_asked is not None else ""
    yield f"Everybody is held to the threshold {groups.threshold!r}{asked}."
    for name, spread in (("FMR", groups.fmr), ("FNMR", groups.fnmr)):
        if spread is not None:
            yield _spread(name, spread)
    if groups.matched is not None:
        times = f", {ratio(groups.matched_ratio)} times" if groups.matched_ratio else ""
        yield (
            f"Strangers of one group: FMR {in_line(fmr(groups.matched))}; all strangers:"
            f" {in_line(fmr(groups.random))}{times}."
        )
    if groups.alone:
        yield f"Groups of one person, who has no stranger there: {', '.join(groups.alone)}."


def _spread(name: str, spread: Spread) -> str:
    words = (
        f"{name}: {spread.worst} is worst; highest over geometric mean {spread.max_geomean:.2f},"
        f" highest over lowest {spread.max_min:.3g}, Gini {spread.gini:.2f}; {spread.support}"
    )
    if spread.best is not None and spread.worst_ratio is not None:
        words += f"; {ratio(spread.worst_ratio)} times that of {spread.best}"
    if spread.bounded:
        words += f". No error in {', '.join(spread.bounded)}: the upper bound stands in"
    return f"{words}."


def _short(rate: Rate | None) -> str:
    if rate is None:
        return NONE
    return small(rate.share) + "*" * (rate.support is Support.NOT_SUPPORTED)


def by_species(attacks: Attacks) -> Section:
    """The table of error rates of presentation attack detection, by species."""
    return Section(
        "Attacks by species" if attacks.species else "Living people",
        ("species", "attacks", "APCER", "EER", _PAD, "no response", "IAPAR", "RIAPAR"),
        [
            (
                f"{each.name}{' (worst)' * (each.name == attacks.worst)}",
                _made(each),
                share(each.apcer),
                NONE if each.eer is None else percent(each.eer.step, 2),
                _bpcer(each.bpcer_at),
                counted(each.apnrr),
                share(each.iapar),
                NONE if each.riapar is None else percent(each.riapar),
            )
            for each in attacks.species
        ],
        tuple(_of_attacks(attacks)),
    )


def _made(species: Species) -> str:
    known = species.instruments is not None
    return f"{species.presentations:,}" + (
        f", {species.instruments:,} instruments" if known else ""
    )


def _of_attacks(attacks: Attacks) -> Iterator[str]:
    if attacks.species:
        yield "The worst species counts; nothing is pooled over species."
    if attacks.worst_bpcer_at:
        figures = in_line(_bpcer(attacks.worst_bpcer_at))
        yield f"With every species at most at 10, 5 and 1 %, {_PAD} are {figures}."
    if attacks.bpcer is not None and attacks.threshold is not None:
        yield (
            f"At the liveness threshold in use, {attacks.threshold!r}, BPCER is"
            f" {in_line(share(attacks.bpcer))}."
        )
    if attacks.bpnrr is not None:
        yield f"Bona fide presentations without a response: {counted(attacks.bpnrr)}."


def _bpcer(at: Sequence[PadPoint]) -> str:
    return "\n".join(percent(each.bpcer.share, 2) for each in at) or NONE
