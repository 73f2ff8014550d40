"""Events for logs, traces and metrics, each by a library of its own choosing (extras).

::

    [telemetry]
    structlog = true        # facegate[structlog]
    opentelemetry = true    # facegate[opentelemetry]
    prometheus = true       # facegate[prometheus]

Nothing is set up here for the application: logs go where it has configured structlog to write,
spans to its tracer provider, metrics to the registry that it exposes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from facegate.document import Table, explained
from facegate.events import Observer
from facegate.runtime.extras import extra

__all__ = ["OpenTelemetryObserver", "PrometheusObserver", "StructlogObserver"]

App = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""
Exposition = Callable[[], tuple[str, bytes]]
"""Content type and text of the metrics, as Prometheus reads them; blocks."""
_METRICS = "prometheus"


class TelemetrySettings(Table):
    """The ``[telemetry]`` table."""

    structlog: bool = Field(
        default=False,
        description="Log lines of every event, once the application has configured structlog.",
    )
    opentelemetry: bool = Field(default=False, description="Spans and metrics by OpenTelemetry.")
    prometheus: bool = Field(
        default=False, description="Metrics for Prometheus; the gateway then has `GET /metrics`."
    )


def observers(table: Mapping[str, Any], source: str) -> list[Observer]:
    """The observers that the ``[telemetry]`` table of the configuration ``source`` asks for.

    Raises:
        ConfigurationError: naming the key, or the extra that is not installed.
    """
    return [each.observer() for _, each in _wanted(table, source)]


def served(app: App, table: Mapping[str, Any], source: str, *, metrics: bool = True) -> App:
    """The application of a gateway in a process of its own, with what the table asks for around it.

    Its requests belong to the trace that the caller names, ``GET /metrics`` is answered, and
    structlog writes JSON to stderr unless it is configured already.

    Args:
        app: the application.
        table: the ``[telemetry]`` table.
        source: the configuration that it is from.
        metrics: whether anybody may read the metrics; not where the application itself has them.

    Raises:
        ConfigurationError: naming the key, or the extra that is not installed.
    """
    for name, each in _wanted(table, source):
        if metrics or name != _METRICS:
            app = each.around(app)
    return app


def exposition(table: Mapping[str, Any], source: str) -> Exposition | None:
    """The function that gives the metrics, of all of a service's processes; None for none.

    Raises:
        ConfigurationError: naming the key, or the extra that is not installed.
    """
    return next(
        (each.exposition for name, each in _wanted(table, source) if name == _METRICS), None
    )


def _wanted(table: Mapping[str, Any], source: str) -> Iterator[tuple[str, ModuleType]]:
    try:
        settings = TelemetrySettings.model_validate(table)
    except ValidationError as error:
        raise explained(error, f"{source}: telemetry.", TelemetrySettings) from None
    for name, wanted in settings:
        if wanted:
            yield name, _load(name, source)


def _load(name: str, source: str) -> ModuleType:
    package = "prometheus_client" if name == _METRICS else name
    with extra(name, package, needed_by=f"{source}: telemetry.{name}"):
        return import_module(f"{__name__}._{name}")


_OBSERVERS = {
    "OpenTelemetryObserver": "opentelemetry",
    "PrometheusObserver": "prometheus",
    "StructlogObserver": "structlog",
}

if TYPE_CHECKING:
    from facegate.telemetry._opentelemetry import OpenTelemetryObserver as OpenTelemetryObserver
    from facegate.telemetry._prometheus import PrometheusObserver as PrometheusObserver
    from facegate.telemetry._structlog import StructlogObserver as StructlogObserver
else:

    def __getattr__(name):
        """The observers, each loaded when it is asked for: it needs its extra."""
        if name not in _OBSERVERS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(_load(_OBSERVERS[name], "facegate"), name)
