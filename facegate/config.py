"""The configuration of providers and routes: a TOML file, completed by the environment.

::

    default = "kyc"               # a route or a provider; not needed where there is only one

    [images]                      # limits, and whether https URLs may be fetched
    max_bytes = 20971520

    [providers.main]
    plugin = "local"              # everything else is the plugin's own settings
    threshold = "fmr:1e-4"

    [routes.kyc]                  # see facegate.routing.tables
    failover = ["main", "backup"]

    [breaker]                     # leaves a provider alone that fails too often
    [limits.main]                 # asks it no more often than it allows

    [serve]                       # of ``facegate serve``, which knows its keys
    port = 8080

``FACEGATE_PROVIDERS__MAIN__THRESHOLD=0.75`` sets ``providers.main.threshold`` and wins over the
file. A setting that is a secret may also be given as ``<setting>_file``, the path of a file that
holds it. Keys that nobody knows are errors.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from facegate.calibration import CalibrationSettings
from facegate.document import (
    PREFIX,
    Name,
    Table,
    explained,
    is_secret,
    near,
    overlay,
    read,
    with_secret_files,
)
from facegate.errors import ConfigurationError, FacegateError
from facegate.images.convert import check_installed
from facegate.images.fetch import FetchPolicy
from facegate.images.image import DEFAULT_LIMITS, ImageLimits
from facegate.images.intake import Intake
from facegate.policy import check_settings
from facegate.providers.calibrated import calibrate
from facegate.providers.provider import Provider
from facegate.providers.registry import ONLY, Registry
from facegate.routing.limits import LimitSettings
from facegate.routing.plan import Plan, States
from facegate.routing.route import Route
from facegate.routing.tables import BreakerTable, RouteTable, SentinelTable, check
from facegate.routing.watch import Watch

CONFIG_FILE = "FACEGATE_CONFIG"
DEFAULT_FILE = "facegate.toml"


class ImageSettings(Table):
    """Limits for input pictures."""

    max_bytes: int = Field(
        default=DEFAULT_LIMITS.max_bytes,
        gt=0,
        description="Bytes of the heaviest picture, encoded.",
    )
    max_pixels: int = Field(
        default=DEFAULT_LIMITS.max_pixels,
        gt=0,
        description="Pixels of the largest picture, width x height.",
    )
    min_side: int = Field(
        default=DEFAULT_LIMITS.min_side, gt=0, description="Pixels of the shorter side, at least."
    )
    paths: bool = Field(
        default=True,
        description="Take a text for the path of a file. Set it to false where texts may be of"
        " strangers' making.",
    )
    prepare: bool = Field(
        default=False,
        description="Convert pictures that a provider does not take as they are: their type, weight"
        " and size. Vendors get them turned upright. Needs the extra `prepare`.",
    )
    keep_metadata: bool = Field(
        default=False,
        description="Send vendors what a picture holds beside its pixels: place, time, device,"
        " previews. Without it that is removed first.",
    )
    fetch_urls: bool = Field(default=False, description="Take https URLs as pictures.")
    fetch_timeout_s: float = Field(
        default=10.0, gt=0, description="Seconds to wait for a URL to answer, and to go on."
    )
    fetch_networks: tuple[str, ...] = Field(
        default=(), description="Private networks that may be fetched from, such as 10.1.0.0/16."
    )
    fetch_ca_file: str | None = Field(
        default=None, description="PEM file of the authorities to trust instead of public ones."
    )

    @property
    def intake(self) -> Intake:
        """The limits, how URLs are fetched where they may be, and how pictures are prepared.

        Raises:
            ConfigurationError: the extra ``prepare`` is needed and not installed.
        """
        if self.prepare:
            check_installed()
        fetching = FetchPolicy(
            timeout_s=self.fetch_timeout_s,
            networks=self.fetch_networks,
            ca_file=self.fetch_ca_file,
        )
        return Intake(
            ImageLimits(self.max_bytes, self.max_pixels, self.min_side),
            fetching if self.fetch_urls else None,
            self.paths,
            self.prepare,
            self.keep_metadata,
        )


class _ProviderTable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    plugin: str

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("plugin", self.plugin)]  # what its settings are, and which are secret, it knows


class _Document(Table):
    default: Name | None = None
    images: ImageSettings = ImageSettings()
    calibration: CalibrationSettings = CalibrationSettings()
    providers: dict[Name, _ProviderTable] = Field(default_factory=dict)
    routes: dict[Name, RouteTable] = Field(default_factory=dict)
    breaker: BreakerTable | None = None
    sentinel: SentinelTable | None = None
    limits: dict[Name, LimitSettings] = Field(default_factory=dict)
    subject_key: SecretStr | None = None
    serve: dict[str, Any] | None = Field(default=None, repr=False)
    batch: dict[str, Any] | None = Field(default=None, repr=False)
    journal: dict[str, Any] | None = Field(default=None, repr=False)
    telemetry: dict[str, Any] | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        names = [*self.routes, *self.providers]
        if self.default is not None and self.default not in names:
            raise ValueError(
                f"default names {self.default!r}, which is no provider or route"
                + near(self.default, names)
            )
        check(self.routes, self.providers)
        watched = self.sentinel.providers if self.sentinel else ()
        for table, own in (
            ("breaker.{}", self.breaker and self.breaker.own),
            ("limits.{}", self.limits),
            ("sentinel.providers", watched),
        ):
            for name in own or ():
                if name not in self.providers:
                    hint = near(name, self.providers)
                    raise ValueError(f"{table.format(name)}: no provider is called {name!r}{hint}")
        if self.sentinel and self.journal is None:
            raise ValueError("sentinel: its rounds are kept in the journal, and there is none")
        return self


@dataclass(frozen=True)
class Config:
    """A configuration that was read, not yet turned into providers.

    Attributes:
        document: its tables, validated.
        source: its name in messages: the file, or "the environment".
        path: the file, absolute; None where there is none.
        unread: environment variables called ``FACEGATE_...`` that fit nowhere.
    """

    document: _Document
    source: str
    path: Path | None = None
    unread: tuple[str, ...] = ()

    @property
    def intake(self) -> Intake:
        """Limits for input pictures, and how URLs are fetched."""
        return self.document.images.intake

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Config:
        """Read ``path``, else what ``FACEGATE_CONFIG`` names, else ``facegate.toml`` if it is here.

        Args:
            path: a TOML file.
            environ: environment variables; the process's if absent.

        Raises:
            ConfigurationError: naming the file and the key.
        """
        environ = os.environ if environ is None else environ
        chosen = path or environ.get(CONFIG_FILE)
        if not chosen and Path(DEFAULT_FILE).is_file():
            chosen = DEFAULT_FILE
        source = os.fspath(chosen) if chosen else "the environment"
        document = read(Path(chosen)) if chosen else {}
        unread = overlay(document, environ, (CONFIG_FILE, ONLY))
        document = with_secret_files(_Document, document, f"{source}: ")
        if isinstance(limits := document.get("limits"), dict):
            document["limits"] = {
                name: with_secret_files(LimitSettings, table, f"{source}: limits.{name}.")
                if isinstance(table, dict)
                else table
                for name, table in limits.items()
            }
        try:
            checked = _Document.model_validate(document)
        except ValidationError as error:
            raise explained(error, f"{source}: ", _Document) from None
        return cls(checked, source, Path(chosen).absolute() if chosen else None, unread)

    @property
    def providers(self) -> dict[str, str]:
        """Names of the providers, each with its plugin's name."""
        return {name: table.plugin for name, table in self.document.providers.items()}

    @property
    def routes(self) -> Sequence[str]:
        """Names of the routes."""
        return list(self.document.routes)

    def default(self, registry: Registry) -> str:
        """Name of the route or provider that answers unless the caller names one.

        Raises:
            ConfigurationError: there are several and none is the default.
        """
        if self.document.default:
            return self.document.default
        names = [*self.routes, *self.providers]
        lost = [key for key in self.unread if key.startswith(f"{PREFIX}PROVIDERS__")]
        if lost and not names:
            raise ConfigurationError(
                f"{lost[0]} is set, but no provider of that name is configured;"
                " is the configuration file missing?"
            )
        if len(names) > 1:
            several = "several providers" if not self.routes else "several routes and providers"
            raise ConfigurationError(
                f"{self.source}: {several} ({', '.join(names)}); name one as default"
            )
        return names[0] if names else _embedded(registry)

    def route(
        self,
        registry: Registry,
        name: str | None = None,
        before: Sequence[Provider] = (),
        states: States | None = None,
        watch: Watch | None = None,
    ) -> Route:
        """Build the route of that name or to the provider of that name, or the default one.

        Args:
            registry: where plugins are found.
            name: of a route or provider.
            before: providers to go on with where their settings are the same.
            states: states of breakers, limits and quotas to go on with where the settings are the
                same; those of this plan are added.
            watch: what is known of providers that changed.

        Raises:
            ConfigurationError: no such name, or naming the key that is wrong.
        """
        return self.plan(registry, before, states, watch).route(self.named(registry, name))

    def named(self, registry: Registry, name: str | None = None) -> str:
        """The name of a route or provider, or of the default one.

        Raises:
            ConfigurationError: there is none.
        """
        name = name or self.default(registry)
        if self.providers and name not in self.routes:
            self._table(name)
        return name

    def refuse_unknown_route(self, name: str) -> None:
        """Refuse a name that no route has.

        Raises:
            ConfigurationError: naming the routes that there are.
        """
        if name not in self.routes:
            known = ", ".join(self.routes) or "none"
            raise ConfigurationError(
                f"{self.source}: no route is called {name!r}; there are: {known}"
            )

    def plan(
        self,
        registry: Registry,
        before: Sequence[Provider] = (),
        states: States | None = None,
        watch: Watch | None = None,
    ) -> Plan:
        """The builder of this configuration's routes; arguments as for :meth:`route`."""
        document, key = self.document, self.document.subject_key
        return Plan(
            self.source,
            document.routes,
            partial(self.provider, registry),
            document.breaker,
            document.limits,
            key.get_secret_value().encode() if key else b"",
            before,
            {} if states is None else states,
            watch,
        )

    def provider(self, registry: Registry, name: str | None = None) -> Provider:
        """Build a provider: the one named, or the default.

        Raises:
            ConfigurationError: no such provider, or settings that its plugin refuses.
        """
        name = name or self.default(registry)
        table = self._table(name) if self.providers else _ProviderTable(plugin=name)
        reading = self.document.calibration
        return build(registry, name, table.plugin, table.settings, self.source, calibration=reading)

    def uncalibrated(self, registry: Registry, name: str | None = None) -> Provider:
        """Build a provider as one that is to be measured: none of its thresholds is a rate.

        Raises:
            ConfigurationError: see :meth:`provider`.
        """
        name = name or self.default(registry)
        table = self._table(name) if self.providers else _ProviderTable(plugin=name)
        settings = {
            key: value
            for key, value in table.settings.items()
            if key != "calibration" and not str(value).startswith(("fmr:", "bpcer:"))
        }
        return build(registry, name, table.plugin, settings, self.source, calibration=None)

    def _table(self, name: str) -> _ProviderTable:
        if name in self.routes:
            names = ", ".join(self.providers)
            raise ConfigurationError(f"{name!r} is a route; name a provider: {names}")
        table = self.document.providers.get(name)
        if table is None:
            kind = "provider" if not self.routes else "provider or route"
            raise ConfigurationError(
                f"{self.source}: no {kind} is called {name!r};"
                f" there are: {', '.join([*self.routes, *self.providers])}"
            )
        return table


def build(
    registry: Registry,
    name: str,
    plugin: str,
    settings: Mapping[str, Any],
    source: str,
    *,
    calibration: CalibrationSettings | None = CalibrationSettings(),  # noqa: B008  it is frozen
) -> Provider:
    """Build one provider from plain settings.

    Args:
        registry: where plugins are found.
        name: the provider's name.
        plugin: the plugin's.
        settings: its settings as they were written.
        source: name of the configuration, for messages.
        calibration: how calibrations are read; None to do without.

    Raises:
        ConfigurationError: naming the key, the plugin that is at fault, or what a calibration was
            measured with that is different here.
    """
    provider_type = registry.provider_type(plugin)
    if not hasattr(provider_type, "settings_type"):
        raise ConfigurationError(f"plugin {plugin!r} does not say its settings_type")
    values = with_secret_files(provider_type.settings_type, settings, f"{source}: {name}.")
    try:
        checked = provider_type.settings_type.model_validate(values)
    except ValidationError as error:
        problem = explained(error, f"{source}: {name}.", provider_type.settings_type)
        raise ConfigurationError(f"{problem}{_where_to_say(error, name, provider_type)}") from None
    try:
        provider = provider_type(checked, name)
    except FacegateError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{source}: {name}: plugin {plugin!r} cannot be set up: {type(error).__name__}"
        ) from error
    if calibration is not None:
        calibrate(provider, calibration)
    check_settings(provider)
    return provider


def _where_to_say(error: ValidationError, name: str, kind: type[Provider]) -> str:
    """Where a setting that is missing can be set, for the end of a message."""
    problems = error.errors(include_input=False, include_url=False)
    if any(problem["type"] != "missing" for problem in problems):
        return ""
    field = str(problems[0]["loc"][0])
    variable = f"{PREFIX}PROVIDERS__{name}__{field}".upper()
    of_file = f", {field}_file" if is_secret(kind.settings_type.model_fields[field]) else ""
    return f"; set {field}{of_file} or {variable}"


def _embedded(registry: Registry) -> str:
    """Name of the one plugin that answers with nothing configured: no account, no network."""
    embedded = []
    for name in registry.names():
        try:
            if registry.provider_type(name).info.embedded:
                embedded.append(name)
        except ConfigurationError:
            continue  # a broken plugin is no reason to refuse one that works
    if len(embedded) == 1:
        return embedded[0]
    number = "several" if embedded else "no"
    raise ConfigurationError(
        f"nothing is configured and {number} embedded engines are installed;"
        f" write a {DEFAULT_FILE}, or name a plugin"
    )
