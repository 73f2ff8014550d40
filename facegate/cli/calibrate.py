"""The commands ``facegate calibrate ...``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from facegate.calibration import Calibration, CalibrationSettings, Key, Sample
from facegate.cli.options import ACCEPTED, REJECTED, config_option, json_option, print_json
from facegate.cli.terminal import console
from facegate.cli.values import Names
from facegate.config import Config
from facegate.errors import InvalidRequest
from facegate.figures.words import percent
from facegate.model import Scale
from facegate.providers.calibrated import key_of
from facegate.providers.registry import Registry, plugin_versions
from facegate.rates import preset
from facegate.runtime.extras import extra

if TYPE_CHECKING:
    from facegate.evaluation.calibrating import Recheck
    from facegate.evaluation.scores import Scores

_BLOCK = 1 << 20
_file = click.Path(dir_okay=False, path_type=Path)


def _needed() -> Any:
    return extra("evaluation", "numpy", "scipy", "duckdb", needed_by="a calibration")


@click.group(invoke_without_command=True)
@click.option("--scores", type=_file, help="What `facegate evaluate --scores-out` wrote.")
@click.option("--provider", "-p", metavar="NAME", help="The provider that answered.")
@click.option("--out", type=_file, help="The document to write (JSON).")
@click.option("--by", metavar="WHO", help="Whoever measured this; your company, for instance.")
@click.option("--on", metavar="WHOM", help="Whose pictures, in words.")
@click.option("--probe", metavar="KIND", help="Kind of picture of the probes: selfie.")
@click.option("--gallery", metavar="KIND", help="Kind of picture of the galleries: document.")
@click.option(
    "--days",
    type=click.IntRange(min=1, max=36_500),
    default=180,
    show_default=True,
    help="Days for which it counts.",
)
@click.option(
    "--group",
    "groups",
    type=Names(),
    metavar="NAME,...",
    help="Columns group_NAME: strangers are then of one group, and each group is measured alone.",
)
@click.option(
    "--unmatched",
    is_flag=True,
    help="Count strangers of different groups as well, whom everything tells apart.",
)
@config_option
@json_option
@click.pass_context
def calibrate(
    context: click.Context,
    /,
    *,
    scores: Path | None,
    provider: str | None,
    out: Path | None,
    config: str | None,
    as_json: bool,
    **about: Any,
) -> None:
    """Make a calibration: which threshold of a provider gives which error rate.

    Its provider takes it as the setting `calibration`, and thresholds as rates: "fmr:1e-4".
    """
    if context.invoked_subcommand is not None:
        return
    missing = [f"--{name}" for name in ("by", "on") if not (about[name] or "").strip()]
    missing += ["--scores"] * (scores is None) + ["--out"] * (out is None)
    if scores is None or out is None or missing:
        raise click.UsageError(f"Give {', '.join(sorted(missing))}.")
    with _needed():
        from facegate.evaluation.calibrating import text_of
    made = _made(scores, provider, config, about)
    written = out.with_name(f".{out.name}.made")
    try:
        written.write_text(text_of(made), encoding="utf-8")
        written.replace(out)  # as a whole: a service may be about to read the one before it
    except OSError as error:
        raise InvalidRequest(f"cannot write {out.name}: {error.strerror}") from None
    _print(made, as_json=as_json)


@calibrate.command()
@click.argument("document", type=_file)
@json_option
def show(document: Path, *, as_json: bool) -> None:
    """Show what DOCUMENT says."""
    _print(Calibration.read(document), as_json=as_json)


@calibrate.command()
@click.argument("document", type=_file)
@click.option(
    "--scores", type=_file, required=True, help="New scores, of other people if possible."
)
@click.option(
    "--assurance",
    type=click.Choice(["bound", "point"]),
    default="bound",
    show_default=True,
    help="Which of its thresholds: assured, or as they were counted.",
)
@json_option
def recheck(document: Path, scores: Path, assurance: Any, *, as_json: bool) -> int:
    """Count the false match rates of DOCUMENT anew; exits with 1 where one is contradicted."""
    calibration = Calibration.read(document)
    rates = calibration.match_rates(CalibrationSettings(assurance=assurance))
    scale = calibration.key.match
    if rates is None or scale is None:
        raise InvalidRequest(f"{document.name} has no false match rates to count anew")
    with _needed():
        from facegate.evaluation.calibrating import rechecks
    new = _read(scores, scale, list(calibration.groups) if calibration.matched else [])
    found = rechecks(rates.presets, new, matched=calibration.matched)
    if as_json:
        print_json([_as_data(each) for each in found])
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("rate", "threshold", "counted", "95 %", "verdict"):
            table.add_column(column)
        for each in found:
            table.add_row(*_cells(each))
        console().print(table)
    return REJECTED if any(each.contradicted for each in found) else ACCEPTED


def _made(
    scores: Path, provider: str | None, config: str | None, about: dict[str, Any]
) -> Calibration:
    with _needed():
        from facegate.evaluation.calibrating import About, calibration
    asked = Config.load(config).uncalibrated(Registry(), provider)
    info, version = asked.info, plugin_versions().get(asked.info.plugin)
    match, liveness = (spec.scale if spec else None for spec in (info.match, info.liveness))
    read = _read(scores, match, about["groups"] or [])
    like = Key(
        plugin=info.plugin,
        plugin_version=version,
        lineage=info.lineage,
        engine=_only(read, "engine"),
        match=match if read.compared else None,
        liveness=liveness if len(read.bona_fide) else None,
        probe=about["probe"],
        gallery=about["gallery"],
    )
    for column, now in (("lineage", info.lineage), ("plugin_version", version)):
        if (then := _only(read, column)) not in (None, now):
            raise InvalidRequest(
                f"{scores.name} has scores of {column} {then}, and it is {now} now"
            )
    today = datetime.now(UTC).date()
    return calibration(
        read,
        About(
            key=key_of(asked, like, CalibrationSettings()),
            by=about["by"],
            on=about["on"],
            made=today,
            expires=today + timedelta(days=about["days"]),
            source=_sha256(scores),
            strict=info.liveness.strict if info.liveness else False,
        ),
        matched=not about["unmatched"],
    )


def _read(path: Path, scale: Scale | None, groups: Sequence[str]) -> Scores:
    """A score list of one provider, whose scores have to be on its scale."""
    with _needed():
        from facegate.evaluation.readers import score_list
    lower = scale.lower_is_closer if scale else False
    read = score_list(path, lower_is_closer=lower, groups=groups)
    if scale is None:
        return read
    if read.scale not in ("", scale.name):
        raise InvalidRequest(f"{path.name} has scores on the scale {read.scale}, not {scale.name}")
    for trials in (read.genuine, read.impostor):
        ends = trials.captured_ascending[[0, -1]] if len(trials.captured_ascending) else ()
        for score in map(read.on_scale, map(float, ends)):
            if not scale.low <= score <= scale.high:
                raise InvalidRequest(
                    f"{path.name} has a score of {score:g}, and the scale {scale.name} goes from"
                    f" {scale.low:g} to {scale.high:g}"
                )
    return read


def _only(scores: Scores, column: str) -> str | None:
    """The one text in a column on who answered; None where it says nothing."""
    texts = scores.origin.get(column, ())
    if len(texts) > 1:
        raise InvalidRequest(
            f"the scores are of several: {column} {', '.join(texts)}; a calibration is of one"
        )
    return texts[0] if texts else None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _print(document: Calibration, *, as_json: bool) -> None:
    if as_json:
        data = document.model_dump(mode="json")
        for sample in (data["match"], data["liveness"], *_in_groups(data["groups"])):
            if sample:
                del sample["steps"]  # they are for who decides by them
        print_json(data)
    else:
        console().print(_page(document))


def _page(document: Calibration) -> RenderableType:
    until = f", counts until {document.expires}" if document.expires else ""
    parts: list[RenderableType] = [
        Text(f"calibration {document.id} of {document.key.plugin}", "bold"),
        Text(f"measured by {document.by} on {document.on}, {document.made}{until}", "dim"),
        _key(document.key),
    ]
    if document.match is not None:
        parts.append(_rates("all" if not document.matched else "of one group", document.match))
        parts += [
            _rates(f"{column} {group}", sample)
            for column, samples in document.groups.items()
            for group, sample in samples.items()
        ]
        if document.left_out:
            parts.append(Text(f"\ntoo small to tell: {', '.join(document.left_out)}", "dim"))
    if document.liveness is not None:
        parts.append(_living(document))
    return Group(*parts)


def _key(key: Key) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in key.model_dump(exclude={"match", "liveness", "settings"}).items():
        if value is not None:
            table.add_row(Text(name, "dim"), Text(str(value)))
    for name, value in key.settings.items():
        table.add_row(Text(name, "dim"), Text(str(value)))
    return table


def _in_groups(groups: dict[str, dict[str, Any]]) -> Iterator[Any]:
    for samples in groups.values():
        yield from samples.values()


def _rates(group: str, sample: Sample) -> RenderableType:
    title = f"\n{group}: {sample.people:,} people, {sample.pairs:,} pairs of strangers"
    table = Table(box=None, pad_edge=False, header_style="bold", title=Text(title, "dim"))
    table.title_justify = "left"
    for column in ("rate", "assured", "counted", "false matches", "FNMR", "support"):
        table.add_column(column)
    for rate in sample.rates:
        if f"{rate.fmr:e}".startswith(("1.0", "2.0", "5.0")):
            bound = "-" if rate.threshold_bound is None else f"{rate.threshold_bound:g}"
            fnmr = "-" if rate.fnmr is None else percent(rate.fnmr)
            table.add_row(
                preset(rate.fmr),
                bound,
                f"{rate.threshold_point:g}",
                f"{rate.errors:,}",
                fnmr,
                rate.support,
            )
    return table


def _living(document: Calibration) -> RenderableType:
    rates = document.liveness_rates(CalibrationSettings())
    table = Table(box=None, pad_edge=False, header_style="bold", title=Text("\nliving", "dim"))
    table.title_justify = "left"
    for column in ("rate", "assured"):
        table.add_column(column)
    for rate, threshold in rates.presets.items() if rates else ():
        table.add_row(preset(rate, "bpcer"), f"{threshold:g}")
    return table


def _as_data(recheck: Recheck) -> dict[str, Any]:
    interval = recheck.found.interval
    return {
        "rate": recheck.asked,
        "threshold": recheck.threshold,
        "fmr": recheck.found.share,
        "fmr_low": interval.low if interval else None,
        "fmr_high": interval.high if interval else None,
        "errors": recheck.found.errors,
        "verdict": recheck.verdict,
    }


def _cells(recheck: Recheck) -> tuple[str, ...]:
    interval = recheck.found.interval
    return (
        preset(recheck.asked),
        f"{recheck.threshold:g}",
        f"{recheck.found.share:.2e}",
        f"{interval.low:.1e} to {interval.high:.1e}" if interval else "-",
        recheck.verdict,
    )
