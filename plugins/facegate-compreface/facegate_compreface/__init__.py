"""CompreFace for facegate: comparing faces on your own server, as a client and as an API."""

from __future__ import annotations

from collections.abc import Sequence

from facegate import plugin as fg


@fg.hookimpl
def facegate_providers() -> Sequence[type[fg.Provider]]:
    """Give the client."""
    from facegate_compreface.provider import CompreFace

    return [CompreFace]


@fg.hookimpl
def facegate_compatible_apis() -> Sequence[type[fg.CompatibleApi]]:
    """Give the API that answers as CompreFace does."""
    from facegate_compreface.compat import CompreFaceApi

    return [CompreFaceApi]
