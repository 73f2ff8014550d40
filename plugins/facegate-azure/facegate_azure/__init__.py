"""Azure AI Face for facegate: a client."""

from __future__ import annotations

from collections.abc import Sequence

from facegate import plugin as fg


@fg.hookimpl
def facegate_providers() -> Sequence[type[fg.Provider]]:
    """Give the client."""
    from facegate_azure.provider import AzureFace

    return [AzureFace]
