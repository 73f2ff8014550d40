"""Verifik's face recognition API for facegate, both ways. Nothing heavy is imported until used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from facegate.plugin import CompatibleApi, Provider, hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def facegate_providers() -> Sequence[type[Provider]]:
    """The client of Verifik."""
    from facegate_verifik.provider import Verifik

    return [Verifik]


@hookimpl
def facegate_compatible_apis() -> Sequence[type[CompatibleApi]]:
    """The compatible API, which answers as Verifik does."""
    from facegate_verifik.compat import VerifikApi

    return [VerifikApi]


@hookimpl
def facegate_commands() -> Sequence[click.Command]:
    """The command ``facegate verifik``."""
    from facegate_verifik.commands import verifik

    return [verifik]
