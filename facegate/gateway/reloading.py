"""Reload of the configuration while serving, when the process gets SIGHUP."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence

from facegate.answering import Load, Source
from facegate.errors import ConfigurationError
from facegate.gateway.bridge import Bridge
from facegate.images.intake import Intake
from facegate.providers.compat import CompatibleApi
from facegate.routing.route import Route
from facegate.verifier import AsyncFaceVerifier

_LOG = logging.getLogger("facegate.gateway")


def fit_for(apis: Sequence[CompatibleApi], load: Load) -> Load:
    """A loader that refuses, on a reload, what would have been refused at the start."""

    def fitting(config: Source, before: Route) -> tuple[Route, Intake]:
        route, intake = load(config, before)
        for api in apis:
            Bridge(api).findings(route)
        return route, intake

    return fitting


def reload_on_hangup(verifier: AsyncFaceVerifier) -> None:
    """Have SIGHUP reload the verifier. Call it on the verifier's event loop, in the main thread."""
    loop, tasks = asyncio.get_running_loop(), set()

    def heed() -> None:
        task = loop.create_task(_reload(verifier))
        tasks.add(task)  # the loop itself holds it only weakly
        task.add_done_callback(tasks.discard)

    if hasattr(signal, "SIGHUP"):  # absent on Windows
        loop.add_signal_handler(signal.SIGHUP, heed)


async def _reload(verifier: AsyncFaceVerifier) -> None:
    try:
        await verifier.reload()
    except ConfigurationError as error:
        _LOG.error("the configuration cannot be used; the old one stays: %s", error)
    except Exception as error:  # noqa: BLE001  of a plugin; its text may hold anything
        _LOG.error("the configuration could not be read again: %s", type(error).__name__)
    else:
        _LOG.info("the configuration was read again")
