"""The commands ``facegate sentinel ...``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click
from rich.progress import Progress as Bars

from facegate.cli.options import (
    ACCEPTED,
    PROVIDER_FAILED,
    REVIEW,
    config_option,
    exit_code,
    json_option,
    print_json,
)
from facegate.cli.terminal import console, failure
from facegate.cli.values import Span
from facegate.config import Config
from facegate.errors import FacegateError
from facegate.runtime.extras import extra

if TYPE_CHECKING:
    from facegate.sentinel.asking import Progress
    from facegate.sentinel.sentinel import Sentinel, Standing

_names = click.argument("providers", nargs=-1, metavar="[PROVIDER]...")
_rounds = click.option(
    "--rounds",
    type=click.IntRange(2),
    default=20,
    show_default=True,
    metavar="N",
    help="Rounds that say what is usual.",
)


@click.group()
def sentinel() -> None:
    """Canaries: the same pictures again and again, to notice a model that changed."""


@sentinel.command()
@click.argument("answers", type=click.Path(path_type=Path))
@click.option("--provider", "-p", required=True, metavar="NAME", help="Whose canaries they are.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="CSV file to write.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the pictures' paths start from; the folder of ANSWERS if absent.",
)
@config_option
@json_option
def pick(
    answers: Path,
    provider: str,
    out: Path,
    folder: Path | None,
    config: str | None,
    *,
    as_json: bool,
) -> None:
    """Pick canaries from ANSWERS to labelled pairs: near the threshold of a provider.

    ANSWERS is a CSV or Parquet file with the columns of a batch's result, or the folder of a job.
    Before they are used, make sure that the people on the pictures agree to be asked about.
    """
    from facegate.sentinel.asking import lines

    with extra("batch", "duckdb", needed_by="picking canaries"):
        from facegate.sentinel.picking import pick, write

        picks, missing = pick(answers, *lines(Config.load(config), provider))
    folder = folder or (answers if answers.is_dir() else answers.parent)
    write(picks, out, provider, folder.absolute())
    if as_json:
        print_json({"file": str(out), "canaries": len(picks), "missing": missing})
        return
    click.echo(f"{len(picks)} canaries in {out}")
    for sort, count in missing.items():
        click.echo(f"- {sort}: {count} more were wanted, and {answers} has none")


@sentinel.command()
@_names
@_rounds
@config_option
@json_option
def baseline(providers: Sequence[str], rounds: int, config: str | None, *, as_json: bool) -> int:
    """Ask all canaries some times over, to see what is usual."""
    with _opened(config) as watch:
        return _each(watch, providers, partial(watch.baseline, rounds=rounds), as_json=as_json)


@sentinel.command()
@_names
@click.option(
    "--every",
    type=Span(),
    metavar="TIME",
    help="Go on, with a round every so often: 6h. Only one of several processes asks.",
)
@config_option
@json_option
def run(
    providers: Sequence[str], every: timedelta | None, config: str | None, *, as_json: bool
) -> int:
    """Ask all canaries once, and say whether a model changed.

    Exit codes: 0 nothing changed, 3 a model changed, 4 a provider did not answer all canaries.
    """
    with _opened(config, every) as watch:
        if every is not None:
            if providers:
                raise click.UsageError("with --every, all of sentinel.providers are watched")
            _keep_watch(watch, as_json=as_json)
            return ACCEPTED
        return _each(watch, providers, watch.run, as_json=as_json)


@sentinel.command()
@config_option
@json_option
def status(config: str | None, *, as_json: bool) -> int:
    """Say how each provider stands.

    Exit codes: 0 nothing changed, 3 a model changed, 4 nobody watches: there is no baseline, or a
    round was left out.
    """
    with _opened(config) as watch:
        standings = [watch.standing(name) for name in watch.settings.providers]
        every = watch.settings.every
        _print(watch, standings, as_json=as_json)
    if any(each.changed for each in standings):
        return REVIEW
    return PROVIDER_FAILED if any(each.overdue(every) for each in standings) else ACCEPTED


@sentinel.command()
@click.argument("provider")
@click.option("--reason", required=True, help="Why it may be used as it is now.")
@_rounds
@config_option
@json_option
def accept(provider: str, reason: str, rounds: int, config: str | None, *, as_json: bool) -> None:
    """Go on with a PROVIDER that changed: what it answers now is usual from here on."""
    with _opened(config) as watch, progress_shown(provider, as_json=as_json) as progress:
        standing = watch.accept(provider, reason, rounds, progress=progress)
        _print(watch, [standing], as_json=as_json)


@contextmanager
def _opened(config: str | None, every: timedelta | None = None) -> Iterator[Sentinel]:
    from facegate.sentinel.sentinel import Sentinel

    with closing(Sentinel(Config.load(config), every=every)) as watch:
        yield watch


def _each(
    watch: Sentinel,
    providers: Sequence[str],
    ask: Callable[..., Standing | None],
    *,
    as_json: bool,
) -> int:
    """Ask each provider, whatever becomes of the others; gives the exit code."""
    standings: list[Standing] = []
    errors: dict[str, FacegateError] = {}
    for name in providers or watch.settings.providers:
        try:
            with progress_shown(name, as_json=as_json) as progress:
                standing = ask(name, progress=progress)
        except FacegateError as error:
            errors[name] = error
        else:
            standings += [standing] if standing is not None else []
    _print(watch, standings, errors, as_json=as_json)
    if any(each.changed for each in standings):
        return REVIEW
    if errors:
        return max(map(exit_code, errors.values()))
    whole = all(each.period is None or each.period.rounds[-1].complete for each in standings)
    return ACCEPTED if whole else PROVIDER_FAILED


def _keep_watch(watch: Sentinel, *, as_json: bool) -> None:
    from facegate.sentinel.schedule import keep_watch

    told = partial(_print, watch, as_json=as_json)
    keep_watch(watch, threading.Event(), lambda standing: told([standing]))


def _print(
    watch: Sentinel,
    standings: Sequence[Standing],
    errors: Mapping[str, FacegateError] = MappingProxyType({}),
    *,
    as_json: bool,
) -> None:
    from facegate.sentinel.words import as_data, sentences

    if as_json:
        failed = [{"provider": name, "error": error.as_dict()} for name, error in errors.items()]
        print_json([*map(as_data, standings), *failed])
        return
    for each in standings:
        click.echo("\n".join(sentences(each, watch.settings.every)))
    for error in errors.values():
        console(stderr=True).print(failure(error))


@contextmanager
def progress_shown(name: str, *, as_json: bool) -> Iterator[Progress]:
    """Progress as a bar on standard error, where a person looks at it."""
    hidden = as_json or not sys.stderr.isatty()
    with Bars(console=console(stderr=True), transient=True, disable=hidden) as bars:
        task = bars.add_task(f"canaries of {name}", total=None)
        yield lambda done, of: bars.update(task, completed=done, total=of)
