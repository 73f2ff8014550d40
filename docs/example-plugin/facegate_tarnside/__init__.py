"""Tarnside for facegate, both ways. Nothing is imported before it is used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from facegate.plugin import CompatibleApi, Provider, hookimpl


@hookimpl
def facegate_providers() -> Sequence[type[Provider[Any]]]:
    """Give the client of Tarnside."""
    from facegate_tarnside.provider import Tarnside

    return [Tarnside]


@hookimpl
def facegate_compatible_apis() -> Sequence[type[CompatibleApi[Any]]]:
    """Give the API that answers as Tarnside does."""
    from facegate_tarnside.compat import TarnsideApi

    return [TarnsideApi]
