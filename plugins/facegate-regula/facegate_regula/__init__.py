"""Regula Face SDK for facegate: comparing faces, as a client and as an API."""

from __future__ import annotations

from collections.abc import Sequence

from facegate import plugin as fg


@fg.hookimpl
def facegate_providers() -> Sequence[type[fg.Provider]]:
    """Give the client."""
    from facegate_regula.provider import Regula

    return [Regula]


@fg.hookimpl
def facegate_compatible_apis() -> Sequence[type[fg.CompatibleApi]]:
    """Give the API that answers as the service does."""
    from facegate_regula.compat import RegulaApi

    return [RegulaApi]
