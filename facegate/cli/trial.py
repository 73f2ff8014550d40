"""The commands ``facegate ab ...``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facegate.cli.options import config_option, json_option, print_json
from facegate.config import Config
from facegate.errors import ConfigurationError, InvalidRequest
from facegate.model import Operation
from facegate.runtime.extras import extra

if TYPE_CHECKING:
    from facegate.journal.rows import RequestRow
    from facegate.routing.tables import RouteTable

    _Rows = Callable[[str, datetime | None, datetime | None], Iterable[RequestRow]]
    _Changes = Callable[[], Iterable[tuple[str, str]]]

_day = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


class _Weights(click.ParamType[dict[str, float]]):
    """Weights of arms: ``main=90,new=10``."""

    name = "weights"

    def convert(
        self,
        value: str | dict[str, float],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> dict[str, float]:
        if not isinstance(value, str):
            return value
        weights = {}
        for part in value.split(","):
            arm, _, weight = part.partition("=")
            try:
                weights[arm.strip()] = float(weight)
            except ValueError:
                self.fail(f"{part!r} is not ARM=WEIGHT", param, ctx)
        if not all(0 <= weight < float("inf") for weight in weights.values()):
            self.fail("weights are numbers from 0 on", param, ctx)
        return weights


@click.group()
def ab() -> None:
    """Trials: one provider against another."""


@ab.command()
@click.option("--route", "-r", metavar="NAME", help="The route on trial; the default if absent.")
@click.option("--since", type=_day, help="Only from this day or moment on, in UTC.")
@click.option("--until", type=_day, help="Only before this day or moment, in UTC.")
@click.option(
    "--operation", type=click.Choice([each.value for each in Operation]), help="Only this one."
)
@click.option(
    "--journal", "url", metavar="URL", help="Read this journal instead of the one in [journal]."
)
@click.option(
    "--csv",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Read what `facegate journal export` wrote.",
)
@click.option(
    "--weights", type=_Weights(), metavar="ARM=WEIGHT,...", help="Instead of the configured ones."
)
@click.option("--control", metavar="ARM", help="The arm to compare with; the heaviest if absent.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.02,
    show_default=True,
    help="Differences of shares up to this are taken for none.",
)
@click.option(
    "--html",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a page with charts, in one file.",
)
@config_option
@json_option
def report(
    *,
    route: str | None,
    since: datetime | None,
    until: datetime | None,
    operation: str | None,
    url: str | None,
    file: Path | None,
    weights: dict[str, float] | None,
    control: str | None,
    margin: float,
    html: Path | None,
    config: str | None,
    as_json: bool,
) -> None:
    """Report a trial: its outcomes, and what its data does and does not support.

    It may be read every day: what it claims holds at all looks together.
    """
    with extra("report", "scipy", needed_by="the report"):
        import scipy  # noqa: F401

        from facegate.cli import printed
        from facegate.figures.data import plain
        from facegate.trial import page
        from facegate.trial.findings import headline, trial_findings
        from facegate.trial.trial import Trial
    loaded = Config.load(config)
    route = route or loaded.document.default
    if route is None:
        raise click.UsageError("Name the route on trial: --route NAME.")
    first, last = (day and day.replace(tzinfo=UTC) for day in (since, until))
    if file and url:
        raise click.UsageError("Give a journal or a CSV file, not both.")
    with _reader(loaded, url, file) as (read, changes):
        trial = Trial.of(
            route,
            (
                row
                for row in printed.counted(read(route, first, last))
                if operation in (None, row.operation)
            ),
            weights=weights or _weights(loaded.document.routes, route),
            control=control,
            margin=margin,
        )
        findings = trial_findings(trial, changes())
    if html:
        try:
            html.write_text(page.html(trial, findings), encoding="utf-8")
        except OSError as error:
            raise InvalidRequest(f"cannot write {html.name}: {error.strerror}") from None
    if as_json:
        data = {"headline": headline(findings), "findings": findings, "trial": trial}
        print_json(plain(data))
    else:
        printed.show(trial, findings)


@contextmanager
def _reader(loaded: Config, url: str | None, file: Path | None) -> Iterator[tuple[_Rows, _Changes]]:
    """Readers of the rows of a route, since and until when, and of models that changed."""
    if file:
        from facegate.trial.source import from_csv

        yield partial(from_csv, file), tuple
        return
    table = {"url": url} if url else loaded.document.journal
    if table is None:
        raise ConfigurationError(
            f"{loaded.source}: there is no [journal]; give --journal or --csv instead"
        )
    from facegate.journal import open_journal

    opened = open_journal(table, "--journal" if url else loaded.source)
    try:
        if not opened.exists:
            raise ConfigurationError("nothing was recorded in this journal yet")
        yield opened.rows, opened.rounds.changes
    finally:
        opened.close()


def _weights(routes: Mapping[str, RouteTable], name: str) -> dict[str, float] | None:
    """Weights of the first split on the way from a route; None where there is none."""
    table = routes.get(name)
    if table is None:
        return None
    if table.split:
        return dict(table.split)
    return next(filter(None, (_weights(routes, member) for member in table.members)), None)
