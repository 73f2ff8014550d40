"""The command ``facegate evaluate``."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facegate.cli.given import Given
from facegate.cli.options import ACCEPTED, REJECTED, config_option, json_option, print_json
from facegate.cli.values import Costs, Names, Split
from facegate.errors import InvalidRequest
from facegate.model import Operation
from facegate.runtime.extras import extra

if TYPE_CHECKING:
    from facegate.evaluation.analyses import Paired
    from facegate.evaluation.evaluation import Evaluation
    from facegate.evaluation.scores import Scores

_file = click.Path(dir_okay=False, path_type=Path)
_folder = click.Path(file_okay=False, path_type=Path)
_TWO = 2


@click.command()
@click.argument("pairs", type=_file, required=False)
@click.option("--folder", type=_folder, help="A folder with a folder of pictures for each person.")
@click.option("--lfw", type=_file, help="A list in the format of LFW's pairs.txt.")
@click.option("--images", type=_folder, help="The folder of the pictures that --lfw names.")
@click.option("--all-pairs", type=_file, help="A list of pictures; each two of them are a pair.")
@click.option("--scores", multiple=True, type=_file, help="A score list; nobody is asked.")
@click.option(
    "--matrix", "matrices", multiple=True, type=_file, help="A score matrix; nobody is asked."
)
@click.option(
    "--journal",
    is_flag=False,
    flag_value="",
    metavar="[URL]",
    help="Labelled requests of this journal, or of the one in [journal]; nobody is asked.",
)
@click.option("--provider", "-p", "providers", multiple=True, metavar="NAME", help="Ask this one.")
@click.option("--route", "-r", "routes", multiple=True, metavar="NAME", help="Ask this route.")
@click.option(
    "--operation",
    type=click.Choice([each.value for each in Operation]),
    default=Operation.COMPARE.value,
    show_default=True,
    help="What is asked.",
)
@click.option("--threshold", "-t", help="The score in use; fmr:1e-4 where a provider is asked.")
@click.option(
    "--job",
    type=_folder,
    help="What was asked is kept in this folder, and the same command goes on with it;"
    " NAME.job if absent, of the name of the pairs.",
)
@click.option("--lower-is-closer", is_flag=True, help="Scores in a list or matrix are distances.")
@click.option("--failed-score", type=float, help="The score that stands for a failed capture.")
@click.option("--group", "groups", type=Names(), metavar="NAME,...", help="Columns group_NAME.")
@click.option("--species", default="species", metavar="COLUMN", help="Column of attack species.")
@click.option("--profile", metavar="NAME", help="Limits to hold rates against: nist-ial2.")
@click.option(
    "--costs",
    type=Costs(),
    metavar="NAME=NUMBER,...",
    help="Of a false_match and a false_non_match, with prior, the share of impostors; and of a"
    " review, where people look.",
)
@click.option(
    "--split",
    type=Split(),
    metavar="person:SHARE",
    help="Choose thresholds on this share of the people, and count on the others.",
)
@click.option(
    "--pairs-are-independent",
    is_flag=True,
    help="Where people are not named: nobody is in two pairs.",
)
@click.option("--html", type=_file, help="Write a page with charts, in one file.")
@click.option(
    "--scores-out",
    type=_file,
    help="Write what was answered to .parquet or .csv; of two providers to two files.",
)
@click.option("--curves-out", type=_file, help="Write the points of the curves to .csv.")
@config_option
@json_option
def evaluate(**options: Any) -> int:
    """Evaluate providers on labelled pairs: their error rates, and what the sample supports.

    PAIRS is CSV or Parquet with the columns probe, gallery, and genuine, or probe_subject and
    gallery_subject. Exits with 1 where a profile is not met, or not supported.
    """
    given = Given(**options)
    given.check()
    with extra("evaluation", "numpy", "scipy", "duckdb", needed_by="the evaluation"):
        from facegate.cli import evaluated
        from facegate.cli.scored import scores
        from facegate.evaluation import page
        from facegate.evaluation.analyses import Verdict
        from facegate.evaluation.paired import paired as pair
        from facegate.evaluation.profiles import PROFILES
    if given.profile and given.profile not in PROFILES:
        raise click.UsageError(f"--profile is one of {', '.join(PROFILES)}.")
    found = list(scores(given))
    chosen_on: list[Scores | None] = [None] * len(found)
    if given.split:
        parts = [each.split(given.split) for each in found]
        chosen_on, found = [part[0] for part in parts], [part[1] for part in parts]
    evaluations = [_evaluated(given, *each) for each in zip(found, chosen_on, strict=True)]
    comparable = len(found) == _TWO and all(each.compared and not each.selected for each in found)
    paired = pair(*found) if comparable else None
    if given.html:
        _write(given.html, page.html(evaluations, paired))
    if given.curves_out:
        _write(given.curves_out, _curves(evaluations))
    if given.as_json:
        print_json(_as_json(evaluations, paired))
    else:
        evaluated.show(evaluations, paired)
    verdicts = {each.compliance.verdict for each in evaluations if each.compliance}
    return ACCEPTED if verdicts <= {Verdict.MET} else REJECTED


def _evaluated(given: Given, scores: Scores, chosen_on: Scores | None) -> Evaluation:
    from facegate.evaluation.analyses import Prices
    from facegate.evaluation.evaluation import Evaluation
    from facegate.evaluation.profiles import PROFILES

    return Evaluation.of(
        scores,
        threshold=given.score,
        prices=Prices(**given.costs) if given.costs else None,
        profile=PROFILES[given.profile] if given.profile else None,
        pairs_are_independent=given.pairs_are_independent,
        chosen_on=chosen_on,
    )


def _as_json(evaluations: Sequence[Evaluation], paired: Paired | None) -> Any:
    from facegate.evaluation.data import as_data
    from facegate.evaluation.table import headline

    if len(evaluations) == 1:
        return evaluations[0].as_json()
    return {
        "headline": headline(evaluations, paired),
        "providers": [each.as_json() for each in evaluations],
        "paired": as_data(paired),
    }


def _curves(evaluations: Sequence[Evaluation]) -> str:
    """The points of the DET curves, which are those of the ROC as well, as CSV."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["provider", "threshold", "fmr", "fnmr", "fnmr_low", "fnmr_high"])
    for each in evaluations:
        for point in () if each.selected else each.curve:
            band = point.band or ("", "")
            writer.writerow([each.name, point.threshold, point.fmr, point.fnmr, *band])
    return lines.getvalue()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"cannot write {path.name}: {error.strerror}") from None
