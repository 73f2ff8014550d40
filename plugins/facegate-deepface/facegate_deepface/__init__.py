"""DeepFace's own server for facegate: a client."""

from __future__ import annotations

from collections.abc import Sequence

from facegate import plugin as fg


@fg.hookimpl
def facegate_providers() -> Sequence[type[fg.Provider]]:
    """Give the client."""
    from facegate_deepface.provider import DeepFace

    return [DeepFace]
