"""Hooks, by which pluggy asks a plugin what it contributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from facegate.providers.compat import CompatibleApi
    from facegate.providers.provider import Provider

PROJECT = "facegate"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def facegate_providers() -> Sequence[type[Provider]]:  # type: ignore[empty-body]
    """The provider classes of this plugin. Called when configuration first names one of them."""


@hookspec
def facegate_compatible_apis() -> Sequence[type[CompatibleApi]]:  # type: ignore[empty-body]
    """The compatible APIs of this plugin. Called when one of them is to be served."""


@hookspec
def facegate_commands() -> Sequence[click.Command]:  # type: ignore[empty-body]
    """Subcommands to add to the ``facegate`` command line. Called only when that runs."""
