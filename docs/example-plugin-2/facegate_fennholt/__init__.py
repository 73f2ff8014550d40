"""Fennholt for facegate. Nothing is imported before it is used."""

from __future__ import annotations

from collections.abc import Sequence

from facegate import plugin as fg


@fg.hookimpl
def facegate_providers() -> Sequence[type[fg.Provider]]:
    """Give the client of Fennholt."""
    from facegate_fennholt.provider import Fennholt

    return [Fennholt]
