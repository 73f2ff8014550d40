"""Compatible APIs over HTTP, answered by whichever provider is configured (extra ``gateway``).

::

    app = create_app([AcmeApi(settings, keys)], lambda: facegate.open_async("facegate.toml"))
    with serving(app) as url:
        ...     # url + "/v1/compare" answers as the vendor would
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facegate.gateway.app import create_app
    from facegate.gateway.sandbox import Sandbox
    from facegate.gateway.server import serving
    from facegate.gateway.settings import Limits

__all__ = ["Limits", "Sandbox", "create_app", "serving"]

_HOMES = {"create_app": "app", "Sandbox": "sandbox", "serving": "server", "Limits": "settings"}


def __getattr__(name: str) -> Any:
    """Members, each loaded when it is first used.

    The command line names this package, but rarely serves.
    """
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from facegate.runtime.extras import extra

    with extra("gateway", "click", "starlette", "uvicorn", needed_by=__name__):
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
