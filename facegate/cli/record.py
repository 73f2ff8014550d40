"""The command ``facegate record``: cassettes of a vendor's answers, for tests without it."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from facegate.cli.options import ACCEPTED, BAD_INPUT, config_option
from facegate.config import Config
from facegate.model import Billed, Operation
from facegate.providers.provider import Provider
from facegate.providers.registry import Registry
from facegate.runtime.extras import extra
from facegate.verifier import FaceVerifier

_path = click.Path(path_type=Path)


@click.command()
@config_option
@click.option("--provider", "-p", metavar="NAME", help="Provider to record; the default if absent.")
@click.option("--probe", type=_path, help="The picture in question: sent, but not written.")
@click.option(
    "--gallery", type=_path, multiple=True, help="A picture of the claimed person; repeatable."
)
@click.option(
    "--operation",
    "operations",
    multiple=True,
    type=click.Choice([str(each) for each in Operation]),
    help="One of those to ask, instead of all that the provider offers; repeatable.",
)
@click.option(
    "--source",
    type=click.Choice(["vendor", "compat"]),
    default="vendor",
    help="The source of the answers: the vendor, or a compatible API.",
)
@click.option("--origin", help="Source and date; the recipient and today if absent.")
@click.option(
    "--header",
    "headers",
    metavar="NAME",
    multiple=True,
    help="A header to keep, as it says which operation is meant; no credential; repeatable.",
)
@click.option("--name", help="Start of the files' names; the source if absent.")
@click.option("--out", type=_path, default=Path("cassettes"), help="Folder to write into.")
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
@click.option(
    "--documented",
    type=_path,
    metavar="FOLDER",
    help="Send nothing: write the requests of a vendor's published examples anew.",
)
def record(
    *,
    config: str | None,
    provider: str | None,
    probe: Path | None,
    gallery: Sequence[Path],
    operations: Sequence[str],
    source: str,
    origin: str | None,
    headers: Sequence[str],
    name: str | None,
    out: Path,
    yes: bool,
    documented: Path | None,
) -> int:
    """Ask a provider for real and keep its answers as cassettes, without faces and secrets.

    The pictures go to the provider, once for each operation, after you were told so and agreed.
    """
    with extra("testing", "hypothesis", "pytest", "vcr", "yaml", needed_by="recording"):
        from facegate.testing import recording
    if documented:
        for path in recording.documented(documented):
            with _explained():
                recording.dictate(path)
            click.echo(f"written: {path}")
        return ACCEPTED
    if probe is None:
        raise click.UsageError("give a --probe, or --documented")
    chosen = Config.load(config).provider(Registry(), provider)
    possible = _possible(chosen, operations, gallery)
    if not possible or not (yes or _agreed(chosen, [probe, *gallery], possible)):
        click.echo("nothing sent")
        return BAD_INPUT
    today = dt.datetime.now(dt.UTC).date().isoformat()
    with FaceVerifier(chosen) as verifier:
        for operation in possible:
            path = out / chosen.info.plugin / f"{name or source}_{operation}.yaml"
            with _explained():
                outcome = recording.record(
                    verifier,
                    operation,
                    probe,
                    () if operation is Operation.LIVENESS else gallery,
                    path=path,
                    origin=origin or f"{chosen.info.handling.recipient}, recorded {today}",
                    source=source,
                    headers=headers,
                )
            click.echo(f"{path}: {outcome.get('decision') or outcome.get('error')}")
    click.echo("Read the files before you give them away.")
    return ACCEPTED


@contextmanager
def _explained() -> Iterator[None]:
    from facegate.testing.recording import NotRecorded

    try:
        yield
    except NotRecorded as error:
        raise click.ClickException(f"not recorded: {error}") from None


def _possible(
    provider: Provider, wanted: Sequence[str], gallery: Sequence[Path]
) -> Sequence[Operation]:
    """Operations that are wanted, offered, and possible with these pictures."""
    return [
        each
        for each in Operation
        if each in provider.capabilities
        and each in (wanted or Operation)
        and (gallery or each is Operation.LIVENESS)
    ]


def _agreed(provider: Provider, pictures: Sequence[Path], operations: Sequence[Operation]) -> bool:
    """Say what will be sent, to whom and what it costs, and ask."""
    info = provider.info
    where = getattr(provider.settings, "base_url", "this machine")
    click.echo(f"This sends {', '.join(map(str, pictures))}")
    click.echo(f"to {info.handling.recipient} at {where},")
    click.echo(f"once for each of: {', '.join(operations)}.")
    if info.billed is not Billed.NO:
        click.echo("Every answer may be billed to your account.")
    click.echo("The person on the pictures must have agreed to that. Send them? [y/N] ", nl=False)
    # Not click's confirm(): whatever is no clear yes is a no, the end of the input included.
    return sys.stdin.readline().strip().lower() in ("y", "yes")
