"""Options, output for machines and exit codes, shared by the commands."""

from __future__ import annotations

import json
from typing import Any

import click

from facegate.errors import (
    ConfigurationError,
    FacegateError,
    JournalUnavailable,
    ProviderError,
)

ACCEPTED, REJECTED, BAD_INPUT, REVIEW, PROVIDER_FAILED, MISCONFIGURED = range(6)
INTERRUPTED = 130
READER_LEFT = 141

config_option = click.option(
    "--config", "-c", type=click.Path(dir_okay=False), help="Configuration file (TOML)."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def print_json(data: Any) -> None:
    """Print data as JSON, indented."""
    click.echo(json.dumps(data, indent=2))


def exit_code(error: FacegateError) -> int:
    """The exit code of a command that ends in an error."""
    if isinstance(error, ConfigurationError):
        return MISCONFIGURED
    failed = isinstance(error, ProviderError | JournalUnavailable)
    return PROVIDER_FAILED if failed else BAD_INPUT
