"""AWS Rekognition for facegate: comparing faces, as a client and as an API."""

from __future__ import annotations

from collections.abc import Sequence

from facegate import plugin as fg


@fg.hookimpl
def facegate_providers() -> Sequence[type[fg.Provider]]:
    """Give the client."""
    from facegate_rekognition.provider import Rekognition

    return [Rekognition]


@fg.hookimpl
def facegate_compatible_apis() -> Sequence[type[fg.CompatibleApi]]:
    """Give the API that answers as Rekognition does."""
    from facegate_rekognition.compat import RekognitionApi

    return [RekognitionApi]
