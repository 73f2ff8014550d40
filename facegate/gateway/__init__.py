"""The service over HTTP: facegate's own API, and vendors' (extra ``gateway``).

::

    app = asgi("facegate.toml")     # all of [serve], for an ASGI server of your own

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
    from facegate.gateway.service import asgi
    from facegate.gateway.settings import Limits

__all__ = ["Limits", "Sandbox", "asgi", "create_app", "serving"]

_HOMES = {
    "Limits": "settings",
    "Sandbox": "sandbox",
    "asgi": "service",
    "create_app": "app",
    "serving": "server",
}


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
