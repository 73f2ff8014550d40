"""The commands ``facegate journal ...``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from facegate.cli import recorded
from facegate.cli.options import ACCEPTED, REJECTED, config_option, json_option, print_json
from facegate.config import Config
from facegate.errors import ConfigurationError
from facegate.figures.data import plain
from facegate.journal.chain import Head
from facegate.journal.lookup import Filter
from facegate.model import Decision, Operation
from facegate.opening import recorder

if TYPE_CHECKING:
    from facegate.journal.journal import Journal, Progress

_AGE = re.compile(r"(\d{1,5})([hdwy])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}

_SHOWN = 50

_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
_day = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])


class _Age(click.ParamType[datetime]):
    """A moment as an age: ``90d``."""

    name = "age"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        age = _AGE.fullmatch(value)
        if age is None:
            self.fail("a number of hours, days, weeks or years: 12h, 90d, 4w, 1y", param, ctx)
        return datetime.now(UTC) - timedelta(hours=int(age[1]) * _HOURS[age[2]])


@click.group()
def journal() -> None:
    """The record of every decision: check it, clear it, read it.

    Everything here is about the journal that [journal] of the configuration names.
    """


@journal.command()
@click.option("--expect-head", metavar="HEAD", help="What `journal head` once printed.")
@config_option
@json_option
def verify(expect_head: str | None, config: str | None, *, as_json: bool) -> int:
    """Find records that were altered, removed, moved or put in between.

    Records cut off at the end, together with what says where the end is, show only against a head
    that was kept elsewhere. Exit code 1 if anything is wrong.
    """
    expected = Head.parse(expect_head) if expect_head else None
    with _opened(config) as opened, _bar("Verifying") as progress:
        checked = opened.verify(expected, progress)
    if as_json:
        data = {"verified": not checked.problems, **asdict(checked), "head": str(checked.head)}
        print_json({**data, "proves": None if checked.problems else checked.proves})
    else:
        for problem in checked.problems:
            click.echo(problem)
        state = f"{len(checked.problems)} problems" if checked.problems else "the chain holds"
        click.echo(f"{checked.records} records from number {checked.begins} on: {state}")
        if not checked.problems:
            click.echo(checked.proves)
        if checked.erased_since:
            click.echo(
                f"{checked.erased_since} records from before that head were emptied after it;"
                " compare that with the erasures that you know of"
            )
        click.echo(f"head {checked.head}")
    return REJECTED if checked.problems else ACCEPTED


@journal.command()
@config_option
def seal(config: str | None) -> None:
    """Hash the chain with chain_key from here on.

    For a journal that was begun without one; a new one is sealed from its first record.
    """
    with _opened(config) as opened:
        opened.seal()


@journal.command()
@config_option
@json_option
def head(config: str | None, *, as_json: bool) -> None:
    """Print number and hash of the last record, to be kept out of the journal's reach."""
    with _opened(config) as opened:
        end = opened.head()
    if as_json:
        print_json({"head": str(end), **asdict(end)})
    else:
        click.echo(str(end))


@journal.command()
@click.option("--older-than", type=_Age(), required=True, help="An age: 12h, 90d, 4w, 1y.")
@config_option
@json_option
def purge(older_than: datetime, config: str | None, *, as_json: bool) -> None:
    """Remove the oldest records. The chain stays verifiable."""
    with _opened(config) as opened, _bar("Purging") as progress:
        count = opened.purge(older_than, progress)
    _echo_count("purged", count, as_json=as_json)


@journal.command()
@click.option("--subject", required=True, help="As it was given with the requests.")
@config_option
@json_option
def erase(subject: str, config: str | None, *, as_json: bool) -> None:
    """Erase what is recorded of one person. The chain stays verifiable."""
    with _opened(config) as opened:
        count = opened.erase(subject)
    _echo_count("erased", count, as_json=as_json)
    if not count and not as_json:
        click.echo(
            "No record has this subject under the configured subject_key. What was recorded under"
            " another key needs that key.",
            err=True,
        )


@journal.command()
@click.argument("request_id")
@click.option("--genuine/--impostor", default=None, help="Was it the claimed person?")
@click.option("--spoof/--no-spoof", default=None, help="Was it a presentation attack?")
@config_option
def label(request_id: str, *, genuine: bool | None, spoof: bool | None, config: str | None) -> None:
    """Note what was found out about a request."""
    with _opened(config) as opened:
        opened.label(request_id, genuine=genuine, spoof=spoof)


@journal.command("import")
@_file
@config_option
@json_option
def import_(file: Path, config: str | None, *, as_json: bool) -> None:
    """Note the outcomes in a CSV FILE: request_id, genuine, spoof.

    All of them, or none where a line is wrong.
    """
    with _opened(config) as opened, _bar("Importing") as progress:
        count = opened.import_labels(file, progress)
    _echo_count("imported", count, as_json=as_json)


@journal.command("list")
@click.option("--subject", help="As it was given with the requests.")
@click.option("--since", type=_day, help="Only from this day or moment on, in UTC.")
@click.option("--until", type=_day, help="Only before this day or moment, in UTC.")
@click.option(
    "--decision",
    type=click.Choice([each.value for each in Decision]),
    help="Only what was decided so, before a review.",
)
@click.option(
    "--operation", type=click.Choice([each.value for each in Operation]), help="Only this one."
)
@click.option("--route", "-r", metavar="NAME", help="Only requests on this route.")
@click.option("--provider", metavar="NAME", help="Only what this one answered, or failed to.")
@click.option("--caller", metavar="ID", help="Only what came with this key.")
@click.option("--error", metavar="CODE", help="Only what ended in this error.")
@click.option("--reference", metavar="TEXT", help="Only under the consent of this reference.")
@click.option("--limit", type=click.IntRange(1), default=_SHOWN, show_default=True)
@click.option("--before", type=int, metavar="NUMBER", help="Go on from where a list ended.")
@config_option
@json_option
def list_(
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    before: int | None,
    config: str | None,
    as_json: bool,
    **wanted: Any,
) -> None:
    """List requests, the newest first."""
    first, last = (day and day.replace(tzinfo=UTC) for day in (since, until))
    with _opened(config) as opened:
        filters = Filter(since=first, until=last, **wanted)
        page = opened.find(filters, before=before, limit=limit)
    if as_json:
        print_json(plain(page))
    else:
        recorded.show_page(page)


@journal.command()
@click.argument("request_id")
@config_option
@json_option
def show(request_id: str, config: str | None, *, as_json: bool) -> None:
    """Show all that is recorded of one request: attempts, thresholds, outcomes, reviews."""
    with _opened(config) as opened:
        detail = opened.decision(request_id)
    if as_json:
        print_json(plain(detail))
    else:
        recorded.show_detail(detail)


@journal.command()
@_file
@click.option("--route", "-r", metavar="NAME", help="Only requests on this route.")
@click.option("--since", type=_day, help="Only from this day or moment on, in UTC.")
@click.option("--until", type=_day, help="Only before this day or moment, in UTC.")
@config_option
@json_option
def export(
    file: Path,
    route: str | None,
    since: datetime | None,
    until: datetime | None,
    config: str | None,
    *,
    as_json: bool,
) -> None:
    """Write the requests to FILE, as .csv or .parquet."""
    first, last = (day and day.replace(tzinfo=UTC) for day in (since, until))
    with _opened(config) as opened, _bar("Exporting") as progress:
        count = opened.export(file, route, first, last, progress)
    _echo_count("exported", count, as_json=as_json)


@contextmanager
def _opened(config: str | None) -> Iterator[Journal]:
    loaded = Config.load(config)
    opened = cast("Journal | None", recorder(loaded))
    if opened is None:
        raise ConfigurationError(f"{loaded.source}: there is no [journal]; add that table")
    if not opened.exists:
        raise ConfigurationError(f"{loaded.source}: journal.url: nothing was recorded there yet")
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def _bar(label: str) -> Iterator[Progress]:
    """A progress bar on stderr, where that is a terminal; stdout is for what is printed."""
    with click.progressbar(
        length=1, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:

        def update(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        yield update


def _echo_count(action: str, count: int, *, as_json: bool) -> None:
    if as_json:
        print_json({action: count})
    else:
        click.echo(f"{count} {action}")
