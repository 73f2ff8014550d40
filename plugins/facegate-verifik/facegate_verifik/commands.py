"""The command ``facegate verifik``: what Verifik has beside the three questions."""

from __future__ import annotations

import os
from pathlib import Path

import click

import facegate
from facegate.cli import config_option
from facegate.plugin import ConfigurationError
from facegate_verifik.provider import Verifik


@click.group()
def verifik() -> None:
    """Look after an account at Verifik."""


@verifik.command()
@config_option
@click.option(
    "--provider", "-p", metavar="NAME", help="Provider whose token to renew; the default if absent."
)
@click.option(
    "--months",
    type=click.IntRange(1, 120),
    help="How long the new token should live.  [default: renew_months of the configuration]",
)
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write it to this file, which only you can read, instead of printing it.",
)
def renew(
    config: str | None, provider: str | None, months: int | None, target: Path | None
) -> None:
    """Renew the access token while it is valid; the old one stays valid for its own time."""
    with facegate.open(config, provider=provider) as verifier:
        client = verifier.provider
        if not isinstance(client, Verifik):
            raise ConfigurationError(
                "this is not Verifik; name one with --provider", provider=client.name
            )
        months = months or client.settings.renew_months
        new = verifier.run(client.renewed(months)).get_secret_value()
    if target is None:
        click.echo(new)
        return
    _write(target, new)
    click.echo(f"Written to {target}", err=True)


def _write(target: Path, secret: str) -> None:
    """Replace the file as a whole, so that a reader finds the old token or the new one."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with open(draft, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(secret + "\n")
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ConfigurationError(f"cannot write {target}: {error.strerror}") from None
