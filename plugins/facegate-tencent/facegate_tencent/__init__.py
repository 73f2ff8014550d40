"""Tencent Cloud's face recognition for facegate, as a client and as an API."""

from __future__ import annotations

from collections.abc import Sequence

from facegate import plugin as fg


@fg.hookimpl
def facegate_providers() -> Sequence[type[fg.Provider]]:
    """Give the client."""
    from facegate_tencent.provider import Tencent

    return [Tencent]


@fg.hookimpl
def facegate_compatible_apis() -> Sequence[type[fg.CompatibleApi]]:
    """Give the API that answers as Tencent Cloud does."""
    from facegate_tencent.compat import TencentApi

    return [TencentApi]
