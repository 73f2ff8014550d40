"""Tarnside for facegate, both ways. Nothing is imported before it is used."""

from __future__ import annotations

from collections.abc import Sequence

from facegate import plugin as fg


@fg.hookimpl
def facegate_providers() -> Sequence[type[fg.Provider]]:
    """Give the client of Tarnside."""
    from facegate_tarnside.provider import Tarnside

    return [Tarnside]


@fg.hookimpl
def facegate_compatible_apis() -> Sequence[type[fg.CompatibleApi]]:
    """Give the API that answers as Tarnside does."""
    from facegate_tarnside.compat import TarnsideApi

    return [TarnsideApi]
