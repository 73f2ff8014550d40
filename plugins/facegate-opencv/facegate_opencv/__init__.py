"""OpenCV FR for facegate: the self-hosted FR Server and the cloud API, as clients and as APIs."""

from __future__ import annotations

from collections.abc import Sequence

from facegate import plugin as fg


@fg.hookimpl
def facegate_providers() -> Sequence[type[fg.Provider]]:
    """Give the clients of both products."""
    from facegate_opencv.fr_cloud.provider import FrCloud
    from facegate_opencv.fr_server.provider import FrServer

    return [FrServer, FrCloud]


@fg.hookimpl
def facegate_compatible_apis() -> Sequence[type[fg.CompatibleApi]]:
    """Give the APIs that answer as both products do."""
    from facegate_opencv.fr_cloud.compat import FrCloudApi
    from facegate_opencv.fr_server.compat import FrServerApi

    return [FrServerApi, FrCloudApi]
