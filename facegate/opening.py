"""Opening a verifier from configuration, or for one plugin without any."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from facegate.errors import ConfigurationError
from facegate.verifier import AsyncFaceVerifier, FaceVerifier

Name = TypeVar("Name", bound=str | None)

if TYPE_CHECKING:
    from facegate.answering import Load, Source
    from facegate.config import Config
    from facegate.events import Observer, Recorder
    from facegate.images.intake import Intake
    from facegate.providers.provider import Provider
    from facegate.providers.registry import Registry
    from facegate.routing.plan import States
    from facegate.routing.route import Route
    from facegate.routing.watch import Watch


def open_sync(
    config: str | os.PathLike[str] | None = None,
    *,
    route: str | None = None,
    provider: str | None = None,
    plugin: str | None = None,
    **settings: Any,
) -> FaceVerifier:
    """Open a verifier from configuration, or for one plugin without any.

    Args:
        config: a TOML file; else the one that ``FACEGATE_CONFIG`` names, else ``facegate.toml``
            here, else the embedded engine answers with its defaults.
        route: name of the route to take instead of the configured default.
        provider: name of one provider to ask instead, past every route.
        plugin: name of a plugin to ask, without any configuration.
        **settings: the plugin's settings; only with ``plugin``.

    Raises:
        ConfigurationError: naming the file and key, or the plugin, that is at fault.
    """
    return _configured(config, route, provider, plugin, settings).blocking()


def open_async(
    config: str | os.PathLike[str] | None = None,
    *,
    route: str | None = None,
    provider: str | None = None,
    plugin: str | None = None,
    **settings: Any,
) -> AsyncFaceVerifier:
    """:func:`open` for asyncio or trio: same configuration, same answers."""
    return _configured(config, route, provider, plugin, settings).awaited()


@dataclass(frozen=True, kw_only=True)
class Setup:
    """The arguments of either verifier.

    Attributes:
        route: where requests go.
        intake: limits for input pictures; the defaults if absent.
        observers: functions called with each event.
        recorder: keeper of the requests.
        load: reader of the configuration, for a reload; None where there is none.
    """

    route: Route
    intake: Intake | None = None
    observers: Sequence[Observer] = ()
    recorder: Recorder | None = None
    load: Load | None = None

    def blocking(self) -> FaceVerifier:
        """The blocking verifier."""
        return FaceVerifier(
            self.route,
            intake=self.intake,
            observers=self.observers,
            recorder=self.recorder,
            _load=self.load,
        )

    def awaited(self) -> AsyncFaceVerifier:
        """The async verifier."""
        return AsyncFaceVerifier(
            self.route,
            intake=self.intake,
            observers=self.observers,
            recorder=self.recorder,
            _load=self.load,
        )


_STAND_INS: list[Provider] = []


@contextmanager
def answer_with(provider: Provider) -> Iterator[None]:
    """Have one provider answer for every verifier that is opened meanwhile, in any thread.

    For tests: :func:`open` and :func:`open_async` read no configuration then.
    """
    _STAND_INS.append(provider)
    try:
        yield
    finally:
        _STAND_INS.remove(provider)


def setup(loaded: Config, registry: Registry, name: str | None = None) -> Setup:
    """The arguments of a verifier as a configuration describes them.

    Args:
        loaded: the configuration.
        registry: where plugins are found.
        name: name of a route or provider; the default one if absent.

    Raises:
        ConfigurationError: naming the key that is at fault.
    """
    return next(iter(setups(loaded, registry, [name]).values()))


def setups(loaded: Config, registry: Registry, names: Iterable[Name]) -> dict[Name, Setup]:
    """The arguments of several verifiers, which have one journal, and one breaker a provider.

    Args:
        loaded: the configuration.
        registry: where plugins are found.
        names: names of routes or providers; None for the default one.

    Raises:
        ConfigurationError: naming the key that is at fault.
    """
    states: States = {}
    watching, keeping = observers(loaded), recorder(loaded)
    watch = _watch(loaded, keeping)

    def loader(name: str | None) -> Load:
        def load(config: Source, before: Route) -> tuple[Route, Intake]:
            from facegate.config import Config

            again, learnt = Config.load(config or loaded.path), dict(states)
            route = again.route(registry, name, before.held, learnt, _watch(again, keeping))
            states.update(learnt)  # only now: a file that is refused leaves everything as it was
            return route, again.intake

        return load

    return {
        name: Setup(
            route=loaded.route(registry, name, states=states, watch=watch),
            intake=loaded.intake,
            observers=watching,
            recorder=keeping,
            load=loader(name),
        )
        for name in names
    }


def _watch(loaded: Config, journal: Any) -> Watch | None:
    """What is known of providers that changed; None where nobody watches them."""
    if loaded.document.sentinel is None or journal is None:
        return None
    from facegate.routing.watch import Watch

    return Watch(loaded.document.sentinel, journal.rounds.changed)


def observers(loaded: Config) -> Sequence[Observer]:
    """The observers that the ``[telemetry]`` table names.

    Raises:
        ConfigurationError: naming the key that is at fault.
    """
    if loaded.document.telemetry is None:
        return ()
    from facegate import telemetry

    return telemetry.observers(loaded.document.telemetry, loaded.source)


def recorder(loaded: Config) -> Recorder | None:
    """The journal, if there is a ``[journal]`` table; it is not opened yet.

    Raises:
        ConfigurationError: naming the key that is at fault.
    """
    document, table = loaded.document, loaded.document.journal
    if table is None:
        return None
    from facegate.journal import open_journal

    if document.subject_key and "subject_key_file" not in table:
        table = {"subject_key": document.subject_key, **table}
    return open_journal(table, loaded.source)


def _configured(
    config: str | os.PathLike[str] | None,
    route: str | None,
    provider: str | None,
    plugin: str | None,
    settings: dict[str, Any],
) -> Setup:
    from facegate.routing.route import Route

    if _STAND_INS:
        return Setup(route=Route.to(_STAND_INS[-1]))
    # Loaded late: whoever makes a verifier by hand pays for neither TOML nor plugins.
    from facegate.config import Config, build
    from facegate.providers.registry import Registry

    registry = Registry()
    if plugin is not None:
        if (config, route, provider) != (None, None, None):
            raise ConfigurationError("give a plugin, or a configuration and a name; not both")
        return Setup(route=Route.to(build(registry, plugin, plugin, settings, "open")))
    if settings:
        raise ConfigurationError(f"settings without a plugin: {', '.join(settings)}")
    if route is not None and provider is not None:
        raise ConfigurationError("give a route or a provider; not both")
    loaded = Config.load(config)
    if provider in loaded.routes:
        raise ConfigurationError(f"{provider!r} is a route; open it with route={provider!r}")
    if route is not None:
        loaded.refuse_unknown_route(route)
    return setup(loaded, registry, route or provider)
