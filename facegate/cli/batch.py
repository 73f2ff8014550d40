"""The commands ``facegate batch ...``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from facegate.cli.options import (
    ACCEPTED,
    PROVIDER_FAILED,
    REVIEW,
    config_option,
    json_option,
    print_json,
)
from facegate.cli.terminal import console
from facegate.model import Operation

if TYPE_CHECKING:
    from facegate.batch.run import Progress, Status

_path = click.Path(path_type=Path)
_file = click.Path(path_type=Path, dir_okay=False)


@click.group()
def batch() -> None:
    """Batches: a question for every row of a file, each asked once."""


@batch.command("run")
@click.argument("files", nargs=-1, required=True, type=_file)
@click.option("--out", required=True, type=_path, help="Folder of the job.")
@click.option("--route", "-r", metavar="NAME", help="Take this route.")
@click.option("--provider", "-p", metavar="NAME", help="Ask this provider.")
@click.option(
    "--operation",
    type=click.Choice([each.value for each in Operation]),
    default=Operation.COMPARE.value,
    show_default=True,
    help="The question.",
)
@click.option("--all-pairs", is_flag=True, help="Compare every two of the pictures listed.")
@click.option("--threshold", "-t", help="A score, or a false match rate: fmr:1e-4.")
@click.option("--liveness-threshold", help="A liveness score.")
@click.option("--chunk", type=click.IntRange(1), metavar="ROWS", help="Rows of one part.")
@click.option("--at-once", type=click.IntRange(1), metavar="N", help="Questions in flight.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Workers, each with as many questions in flight; 1 if absent, or all of a cluster.",
)
@click.option(
    "--on",
    metavar="CLUSTER",
    help="Workers of dask://HOST:PORT or ray://HOST:PORT, or dask or ray for this machine.",
)
@click.option(
    "--most",
    type=click.FloatRange(0, min_open=True),
    metavar="MONEY",
    help="Spend no more, all runs of the job together.",
)
@click.option(
    "--again", type=click.Choice(["failed"]), help="Ask rows again that ended in an error."
)
@click.option(
    "--unknown",
    type=click.Choice(["ask", "skip"]),
    default="ask",
    show_default=True,
    help="Rows that were being asked when a worker was killed.",
)
@click.option("--group-by", metavar="COLUMN", help="Ask the rows of a part in this order.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, of whom, at what price.")
@config_option
@json_option
def run_(
    *,
    files: tuple[Path, ...],
    out: Path,
    route: str | None,
    provider: str | None,
    operation: str,
    again: Literal["failed"] | None,
    unknown: Literal["ask", "skip"],
    dry_run: bool,
    as_json: bool,
    **asked: Any,
) -> int:
    """Ask a question for every row of CSV or Parquet FILES, or go on with that.

    The columns probe and gallery name pictures. The result is in parts/ of the job's folder. Exit
    codes: 0 every row is done, 3 the money is spent, 4 too many rows failed; the same command goes
    on.
    """
    from facegate.batch.estimate import estimate
    from facegate.batch.job import Order
    from facegate.batch.run import run, status

    if route and provider:
        raise click.UsageError("give --route or --provider, not both")
    order = Order(
        files=files,
        out=out,
        name=route or provider,
        operation=Operation(operation),
        again=again,
        unknown=unknown,
        **asked,
    )
    if dry_run:
        planned = estimate(order)
        if as_json:
            print_json(planned.as_data())
        else:
            click.echo("\n".join(planned.sentences()))
        return ACCEPTED
    if again and (out / "job.json").exists():
        before = status(out).figures
        click.echo(
            f"{before.errors.total():,} rows ended in an error, and {before.billed_errors:,} of"
            " them may have been charged for",
            err=True,
        )
    with progress_shown(as_json=as_json) as progress:
        ended = run(order, progress)
    _print(ended, as_json=as_json)
    return _EXITS.get(ended.ending or "", ACCEPTED)


@batch.command("status")
@click.argument("job", type=_path)
@json_option
def status_(*, job: Path, as_json: bool) -> None:
    """Say how far the JOB of a folder is."""
    from facegate.batch.run import status

    _print(status(job), as_json=as_json)


_EXITS = {"money": REVIEW, "failures": PROVIDER_FAILED}
_ENDINGS = {
    "money": "stopped: the next row could cost more than is left of --most; raise it, and go on",
    "failures": "stopped: too many rows failed; --again failed asks them once more",
}


def _print(found: Status, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_data())
        return
    figures = found.figures
    counts = {**figures.decisions, **figures.errors}
    click.echo(f"{figures.rows:,} of {found.rows:,} rows" + (", all done" if found.done else ""))
    for name, count in sorted(counts.items()):
        click.echo(f"  {name}: {count:,}")
    if figures.cost:
        click.echo(f"cost so far: {figures.cost:,.2f}")
    if figures.doubtful:
        click.echo(f"perhaps charged twice: {figures.doubtful:,} rows")
    if found.at_work:
        click.echo("a run is at work")
    if found.ending in _ENDINGS:
        click.echo(_ENDINGS[found.ending])
    if found.digest:
        click.echo(f"SHA-256 of summary.json: {found.digest}")


@contextmanager
def progress_shown(*, as_json: bool) -> Iterator[Progress]:
    """Progress as a bar on standard error, where a person looks at it."""
    columns = (
        BarColumn(),
        TextColumn("{task.fields[rows]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[more]}"),
    )
    hidden = as_json or not sys.stderr.isatty()
    with Bars(*columns, console=console(stderr=True), transient=True, disable=hidden) as bars:
        task = bars.add_task("", total=None, rows="", more="")

        def show(found: Status) -> None:
            figures, speed = found.figures, bars.tasks[task].speed
            rows = f"{figures.rows:,} of {found.rows:,} rows"
            rows += f", {speed:,.0f}/s" if speed else ""
            more = [f"cost {figures.cost:,.2f}"] if figures.cost else []
            more += [f"{figures.failed:,} failed"] if figures.failed else []
            bars.update(
                task,
                completed=figures.rows,
                total=found.rows,
                rows=rows,
                more=", ".join(more),
            )

        yield show
