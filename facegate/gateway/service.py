"""A configured service: all that answers, put together in the process that serves."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from starlette.types import ASGIApp

from facegate.config import Config
from facegate.errors import ConfigurationError, FacegateError, JournalUnavailable
from facegate.gateway.app import application
from facegate.gateway.bridge import Bridge
from facegate.gateway.keys import Keys
from facegate.gateway.native.api import NativeApi
from facegate.gateway.native.building import keys_of, native_api
from facegate.gateway.reloading import fit_for, refuse_split_limits, reload_on_hangup
from facegate.gateway.sandbox import Instruction, Sandbox
from facegate.gateway.settings import ServeSettings
from facegate.gateway.watching import findings as of_watched
from facegate.gateway.watching import watching
from facegate.gateway.workers import Worker
from facegate.opening import Setup, recorder, setups
from facegate.providers.compat import CompatibleApi
from facegate.providers.registry import Registry
from facegate.routing.route import Route
from facegate.telemetry import App, exposition, served

if TYPE_CHECKING:
    from facegate.journal.journal import Journal
    from facegate.sentinel.sentinel import Sentinel

_LOG = logging.getLogger("facegate.gateway")


@dataclass(frozen=True)
class Service:
    """A service as it is configured.

    Attributes:
        app: the application, with what ``[telemetry]`` asks for around it.
        apis: the compatible APIs that it serves.
        native: facegate's own API; None where it is not served.
        route: the route that answers by default.
        findings: what an operator should know, a sentence each.
        leaving: set when the process is about to end.
    """

    app: App
    apis: Sequence[CompatibleApi]
    native: NativeApi | None
    route: Route
    findings: Sequence[str]
    leaving: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(
        cls, loaded: Config, settings: ServeSettings, *, local: bool, worker: Worker | None = None
    ) -> Service:
        """Put the service together, models included, so that no caller waits for them.

        Args:
            loaded: the configuration.
            settings: its ``[serve]`` table, with the command line's changes.
            local: whether only this machine can reach it.
            worker: this process's place, where it is one of several.

        Raises:
            ConfigurationError: naming the key that is wrong.
            JournalUnavailable: the journal's database cannot be opened.
        """
        registry, leaving = Registry(), threading.Event()
        apis = settings.apis(registry, loaded.intake.limits)
        default = settings.provider or loaded.default(registry)
        names = [default, *(settings.api.routes if settings.api else ())]
        found = cast("dict[str, Setup]", setups(loaded, registry, dict.fromkeys(names)))
        found = _reloadable(found, apis, worker.count if worker else 1)
        first, telemetry = found[default], loaded.document.telemetry or {}
        journal = cast("Journal | None", first.recorder)
        if journal is not None:
            # A database may come back; a chain of another key waits for somebody to see to it.
            with suppress(JournalUnavailable), journal.store.writing():
                pass
        box, findings = _sandbox(settings, apis), [*_of_apis(apis, first.route, worker)]
        if box is not None:
            findings.append("the sandbox is on: callers can force any outcome")
        sentinel = _sentinel(loaded, journal)
        if sentinel is not None:
            findings += of_watched(sentinel)
        native = None
        if settings.api is not None:
            if settings.api.console and journal is None and worker is not None:
                raise ConfigurationError(
                    "serve.api.console: several workers share sessions in the journal's database;"
                    " there is no [journal]"
                )
            limits, metrics = loaded.intake.limits, exposition(telemetry, loaded.source)
            native = native_api(
                settings.api, found, limits=limits, metrics=metrics, sentinel=sentinel, local=local
            )
            for each in found.values():
                findings += native.findings(each.route)
        app = application(
            apis,
            first.awaited,
            settings,
            box,
            settings.public_url,
            native=native,
            cors_origins=settings.cors_origins,
            observers=first.observers,
            opened=partial(
                reload_on_hangup,
                journal=journal,
                again=partial(_read_again, loaded),
                after=partial(_follow, loaded, native, sentinel),
            ),
            beside=(
                partial(watching, sentinel, leaving)
                if sentinel is not None and settings.sentinel
                else nullcontext
            ),
            leaving=leaving,
            worker=worker,
        )
        around = served(app, telemetry, loaded.source, metrics=native is None)
        for each in found.values():
            findings += _of_providers(each.route, warm=settings.warm)
        told = list(dict.fromkeys(findings))
        return cls(around, apis, native, first.route, told, leaving)


def asgi(config: str | os.PathLike[str] | None = None) -> ASGIApp:
    """The application that ``facegate serve`` would serve, for an ASGI server of your own.

    That server decides who reaches it, so facegate's own API asks for a key even where there is
    none yet. What ``[serve]`` says of sockets and processes is that server's as well.

    Args:
        config: a TOML file; see :func:`facegate.open`.

    Raises:
        ConfigurationError: naming the key that is wrong.
        JournalUnavailable: the journal's database cannot be opened.
    """
    loaded = Config.load(config)
    return Service.of(loaded, ServeSettings.of(loaded), local=False).app


def is_keyed(loaded: Config, settings: ServeSettings) -> bool:
    """Whether every API that is served asks for a key; nothing stays open after that.

    Raises:
        ConfigurationError: naming the key that is wrong.
        JournalUnavailable: the journal's database cannot be opened.
    """
    if settings.compat and not settings.keys():
        return False
    if settings.api is None:
        return True
    journal = cast("Journal | None", recorder(loaded))
    try:
        keys = keys_of(settings.api, journal)
        return bool(keys.in_file) or (keys.store is not None and bool(keys.store.all()))
    finally:
        if journal is not None:
            journal.close()


def _read_again(loaded: Config) -> None:
    """Look whether ``[serve]`` can be used as it is now; say what of it needs a restart.

    Raises:
        ConfigurationError: it cannot; then all stays as it is.
    """
    if loaded.path is None:
        return
    before, now = (ServeSettings.of(each) for each in (loaded, Config.load(loaded.path)))
    Keys(now.api.keys if now.api is not None else {})
    if _but_for_keys(before) != _but_for_keys(now):
        _LOG.warning("[serve] has changed beside the keys of its API, which takes a restart")


def _follow(loaded: Config, native: NativeApi | None, sentinel: Sentinel | None) -> None:
    """Take the keys of ``[serve.api]`` as they are now, and have canaries asked as requests are."""
    if loaded.path is None:
        return
    again = Config.load(loaded.path)
    if native is not None:
        now = ServeSettings.of(again).api
        native.keys.replace(now.keys if now is not None else {})
    if (again.document.sentinel is None) != (sentinel is None):
        _LOG.warning("a [sentinel] that comes or goes takes a restart")
    elif sentinel is not None:
        sentinel.reload(again)


def _but_for_keys(settings: ServeSettings) -> ServeSettings:
    if settings.api is None:
        return settings
    return settings.model_copy(update={"api": settings.api.model_copy(update={"keys": {}})})


def _reloadable(
    found: dict[str, Setup], apis: Sequence[CompatibleApi], workers: int
) -> dict[str, Setup]:
    """The verifiers' arguments; the first one's reload refuses what cannot be served by all.

    Raises:
        ConfigurationError: the limits of a provider would not hold.
    """
    for each in found.values():
        refuse_split_limits(each.route, workers)
    name, *further = found
    load = found[name].load
    if load is None:
        return found
    others = [other for each in further if (other := found[each].load)]
    return found | {name: replace(found[name], load=fit_for(apis, load, others, workers))}


def _sentinel(loaded: Config, journal: Journal | None) -> Sentinel | None:
    """Whoever watches the models; None where nobody does, who may do without a journal."""
    if loaded.document.sentinel is None:
        return None
    from facegate.sentinel.sentinel import Sentinel

    return Sentinel(loaded, journal=journal)


def _sandbox(settings: ServeSettings, apis: Sequence[CompatibleApi]) -> Sandbox | None:
    if settings.sandbox is None:
        return None
    box = Sandbox(settings.sandbox.keys, settings.sandbox.rate)
    try:
        box.check([*apis])
    except Instruction as error:
        raise ConfigurationError(f"serve.sandbox.keys: {error}") from None
    return box


def _of_apis(apis: Sequence[CompatibleApi], route: Route, worker: Worker | None) -> Iterator[str]:
    """What an integration will miss with this route behind it."""
    for each in apis:
        yield from Bridge(each).findings(route)
        if worker is not None and type(each).repeats is not CompatibleApi.repeats:
            yield (
                f"a request that a client repeats to the {each.plugin} API is known to one worker"
                " alone; another would ask, and pay, once more"
            )


def _of_providers(route: Route, *, warm: bool) -> Iterator[str]:
    """What an operator should know of those who answer, once they are as ready as they can be."""
    for provider in route.providers:
        unable = provider.unable()
        yield from (
            f"{provider.name}: {operation} cannot be answered: {reason}"
            for operation, reason in unable.items()
        )
        try:
            if warm:
                provider.warm()
        except FacegateError as error:
            if not unable:
                yield f"{provider.name}: {error.message}"
        yield from (f"{provider.name}: {finding}" for finding in provider.findings())
