"""Reload of the configuration while serving, when the process gets SIGHUP."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from facegate.answering import Load, Source
from facegate.errors import ConfigurationError, FacegateError
from facegate.gateway.bridge import Bridge
from facegate.images.intake import Intake
from facegate.journal.chain import Kind
from facegate.providers.compat import CompatibleApi
from facegate.routing.limits import Limited
from facegate.routing.route import Route
from facegate.verifier import AsyncFaceVerifier

if TYPE_CHECKING:
    from facegate.journal.journal import Journal

_LOG = logging.getLogger("facegate.gateway")


def fit_for(
    apis: Sequence[CompatibleApi], load: Load, others: Sequence[Load] = (), workers: int = 1
) -> Load:
    """A loader that refuses, on a reload, what would have been refused at the start.

    Args:
        apis: the compatible APIs, which its route answers.
        load: the loader of the route that is reloaded first.
        others: those of further routes, which are tried too before anything is replaced.
        workers: number of processes that serve.
    """

    def fitting(config: Source, before: Route) -> tuple[Route, Intake]:
        route, intake = load(config, before)
        for each in (route, *(other(config, before)[0] for other in others)):
            refuse_split_limits(each, workers)
        for api in apis:
            Bridge(api).findings(route)
        return route, intake

    return fitting


def refuse_split_limits(route: Route, workers: int) -> None:
    """Refuse limits of a provider that each of several workers would keep by itself.

    Raises:
        ConfigurationError: naming the first.
    """
    limiters = [node.limiter for node in route.nodes if isinstance(node, Limited)]
    alone = [each.name for each in limiters if each.settings.shared is None]
    if workers > 1 and alone:
        raise ConfigurationError(
            f"limits.{alone[0]}: each of {workers} workers would keep them by itself; let them"
            " be kept together in a Redis that shared names, or serve with one worker"
        )


def reload_on_hangup(
    verifiers: Sequence[AsyncFaceVerifier],
    journal: Journal | None = None,
    again: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> None:
    """Have SIGHUP reload the verifiers. Call it on their event loop.

    Signals reach the main thread alone: a service in another one does without.

    Args:
        verifiers: those that are reloaded, one after the other; all of them are there by then.
        journal: where each reload is noted.
        again: reads first what else the configuration has; raises ConfigurationError.
        after: called once all verifiers are reloaded.
    """
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def heed() -> None:
        task = loop.create_task(_reload(verifiers, journal, again, after))
        tasks.add(task)  # the loop itself holds it only weakly
        task.add_done_callback(tasks.discard)

    main = threading.current_thread() is threading.main_thread()
    if main and hasattr(signal, "SIGHUP"):  # absent on Windows
        loop.add_signal_handler(signal.SIGHUP, heed)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # a worker's has waited


async def _reload(
    verifiers: Sequence[AsyncFaceVerifier],
    journal: Journal | None,
    again: Callable[[], object],
    after: Callable[[], object],
) -> None:
    failure = None
    try:
        await asyncio.to_thread(again)
        for verifier in verifiers:
            await verifier.reload()
        await asyncio.to_thread(after)
    except ConfigurationError as error:
        failure = error.message
        _LOG.error("the configuration cannot be used; the old one stays: %s", error)
    except Exception as error:  # noqa: BLE001  of a plugin; its text may hold anything
        failure = type(error).__name__
        _LOG.error("the configuration could not be read again: %s", failure)
    else:
        _LOG.info("the configuration was read again by process %d", os.getpid())
    if journal is not None:
        detail = {"process": os.getpid(), "configuration": verifiers[0].route.digest}
        try:
            await asyncio.to_thread(journal.note, Kind.RELOAD, {**detail, "failure": failure})
        except FacegateError as error:
            _LOG.error("the reload is not in the journal: %s", error)
