"""The embedded engine, as a facegate plugin. Nothing heavy is imported until it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facegate.plugin import Provider, hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def facegate_providers() -> Sequence[type[Provider]]:
    """The engine's provider."""
    from facegate_local.provider import Local

    return [Local]


@hookimpl
def facegate_commands() -> Sequence[click.Command]:
    """The commands ``facegate models`` and ``facegate demo``."""
    from facegate_local.commands import models
    from facegate_local.demo import demo

    return [models, demo]
