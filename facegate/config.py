"""Which providers there are and which one answers: a TOML file, completed by the environment.

::

    default = "main"              # not needed where there is only one provider

    [images]                      # limits, and whether https URLs may be fetched
    max_bytes = 20971520

    [providers.main]
    plugin = "local"              # everything else is the plugin's own settings
    threshold = "fmr:1e-4"

    [serve]                       # of ``facegate serve``, which knows its keys
    port = 8080

``FACEGATE_PROVIDERS__MAIN__THRESHOLD=0.75`` sets ``providers.main.threshold`` and wins over the
file. A setting that is a secret may also be given as ``<setting>_file``, the path of a file that
holds it. Keys that nobody knows are errors.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from facegate.errors import ConfigurationError, FacegateError
from facegate.fetch import FetchPolicy
from facegate.images import DEFAULT_LIMITS, ImageLimits
from facegate.policy import check_settings
from facegate.provider import Provider, ProviderSettings
from facegate.question import Intake
from facegate.registry import ONLY, Registry

CONFIG_FILE = "FACEGATE_CONFIG"
DEFAULT_FILE = "facegate.toml"
_PREFIX = "FACEGATE_"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ImageSettings(_Table):
    """What is taken as a picture."""

    max_bytes: int = Field(
        default=DEFAULT_LIMITS.max_bytes, gt=0, description="Heaviest picture, encoded."
    )
    max_pixels: int = Field(
        default=DEFAULT_LIMITS.max_pixels, gt=0, description="Largest width x height."
    )
    fetch_urls: bool = Field(default=False, description="Take https URLs as pictures.")
    fetch_timeout_s: float = Field(
        default=10.0, gt=0, description="Seconds to wait for a URL to answer, and to go on."
    )
    fetch_networks: tuple[str, ...] = Field(
        default=(), description="Private networks that may be fetched from, such as 10.1.0.0/16."
    )

    @property
    def intake(self) -> Intake:
        fetching = FetchPolicy(timeout_s=self.fetch_timeout_s, networks=self.fetch_networks)
        return Intake(
            ImageLimits(max_bytes=self.max_bytes, max_pixels=self.max_pixels),
            fetching if self.fetch_urls else None,
        )


class _ProviderTable(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)

    plugin: str

    @property
    def settings(self) -> dict[str, Any]:
        return dict(self.model_extra or {})

    def __repr_args__(self) -> list[tuple[str | None, Any]]:
        return [("plugin", self.plugin)]  # what its settings are, and which are secret, it knows


class _Document(_Table):
    default: Name | None = None
    images: ImageSettings = ImageSettings()
    providers: dict[Name, _ProviderTable] = Field(default_factory=dict)
    serve: dict[str, Any] | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _default_exists(self) -> _Document:
        if self.default is not None and self.default not in self.providers:
            raise ValueError(f"default names {self.default!r}, which is no provider")
        return self


@dataclass(frozen=True)
class Config:
    """A configuration that was read, not yet turned into providers.

    Attributes:
        source: what to call it in messages.
        unread: environment variables that look like ours and that nobody read.
    """

    document: _Document
    source: str
    unread: tuple[str, ...] = ()

    @property
    def intake(self) -> Intake:
        """What is taken as a picture."""
        return self.document.images.intake

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Config:
        """Read ``path``, else what ``FACEGATE_CONFIG`` names, else ``facegate.toml`` if it is here.

        Raises:
            ConfigurationError: naming the file and the key.
        """
        environ = os.environ if environ is None else environ
        chosen = path or environ.get(CONFIG_FILE)
        if not chosen and Path(DEFAULT_FILE).is_file():
            chosen = DEFAULT_FILE
        source = os.fspath(chosen) if chosen else "the environment"
        document = _read(Path(chosen)) if chosen else {}
        unread = _overlay(document, environ)
        try:
            return cls(_Document.model_validate(document), source, unread)
        except ValidationError as error:
            raise explained(error, f"{source}: ", _Document) from None

    @property
    def serve(self) -> dict[str, Any] | None:
        """The table of ``facegate serve``, as it was written."""
        return self.document.serve

    @property
    def providers(self) -> dict[str, str]:
        """Provider names, each with its plugin's."""
        return {name: table.plugin for name, table in self.document.providers.items()}

    def default(self, registry: Registry) -> str:
        """Name of the provider that answers unless the caller names one.

        Raises:
            ConfigurationError: there are several and none is the default.
        """
        if self.document.default:
            return self.document.default
        names = list(self.providers)
        lost = [key for key in self.unread if key.startswith(f"{_PREFIX}PROVIDERS__")]
        if lost and not names:
            raise ConfigurationError(
                f"{lost[0]} is set, but no provider of that name is configured;"
                " is the configuration file missing?"
            )
        if len(names) > 1:
            raise ConfigurationError(
                f"{self.source}: several providers ({', '.join(names)}); name one as default"
            )
        return names[0] if names else _embedded(registry)

    def provider(self, registry: Registry, name: str | None = None) -> Provider[Any]:
        """Build a provider: the one named, or the default.

        Raises:
            ConfigurationError: no such provider, or settings that its plugin refuses.
        """
        name = name or self.default(registry)
        if not self.providers:
            return build(registry, name, name, {}, self.source)
        table = self.document.providers.get(name)
        if table is None:
            raise ConfigurationError(
                f"{self.source}: no provider is called {name!r};"
                f" there are: {', '.join(self.providers)}"
            )
        return build(registry, name, table.plugin, table.settings, self.source)


def build(
    registry: Registry, name: str, plugin: str, settings: Mapping[str, Any], source: str
) -> Provider[Any]:
    """Build one provider from plain settings.

    Raises:
        ConfigurationError: naming the key.
    """
    provider_type = registry.provider_type(plugin)
    if not hasattr(provider_type, "settings_type"):
        raise ConfigurationError(f"plugin {plugin!r} does not say its settings_type")
    values = _with_secret_files(provider_type.settings_type, settings, f"{source}: {name}")
    try:
        checked = provider_type.settings_type.model_validate(values)
    except ValidationError as error:
        raise explained(error, f"{source}: {name}.", provider_type.settings_type) from None
    try:
        provider = provider_type(checked, name)
    except FacegateError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{source}: {name}: plugin {plugin!r} cannot be set up: {type(error).__name__}"
        ) from error
    check_settings(provider)
    return provider


def _embedded(registry: Registry) -> str:
    """With nothing configured, the one plugin that needs neither account nor network."""
    found = []
    for name in registry.names():
        try:
            if registry.provider_type(name).info.embedded:
                found.append(name)
        except ConfigurationError:
            continue  # a broken plugin is no reason to refuse one that works
    if len(found) == 1:
        return found[0]
    raise ConfigurationError(
        f"nothing is configured and {'several' if found else 'no'} embedded engines are installed;"
        f" write a {DEFAULT_FILE}, or name a plugin"
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:  # not UTF-8, or not TOML; both say where
        raise ConfigurationError(f"{path}: {error}") from None


def _overlay(document: dict[str, Any], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Write the environment's settings into the document; gives the variables that fit nowhere."""
    providers = document.get("providers")
    known = set(providers) if isinstance(providers, dict) else set()
    known |= {
        match[1].lower()
        for key in environ
        if (match := re.fullmatch(rf"{_PREFIX}PROVIDERS__([A-Z0-9_]+?)__PLUGIN", key))
    }
    unread = []
    for key in sorted(environ):
        if not key.startswith(_PREFIX) or key in (CONFIG_FILE, ONLY):
            continue
        path = key.removeprefix(_PREFIX).lower().split("__")
        fits = path == ["default"] or (path[0] == "images" and len(path) == 2)
        fits = fits or (path[0] == "serve" and len(path) > 1)
        if not (fits or (path[0] == "providers" and len(path) == 3 and path[1] in known)):
            unread.append(key)
            continue
        table: Any = document
        for part in path[:-1]:
            table = table.setdefault(part, {}) if isinstance(table, dict) else None
        if isinstance(table, dict):  # validation says what is wrong with one that is not
            table[path[-1]] = _value(environ[key])
    return tuple(unread)


def _value(text: str) -> Any:
    """Lists and tables are written as JSON; everything else is converted by the setting's type."""
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _with_secret_files(
    settings_type: type[ProviderSettings], settings: Mapping[str, Any], where: str
) -> dict[str, Any]:
    values = dict(settings)
    for field, info in settings_type.model_fields.items():
        key = f"{field}_file"
        if SecretStr not in (info.annotation, *getattr(info.annotation, "__args__", ())):
            continue
        if key in values and key not in settings_type.model_fields:
            path = values.pop(key)
            try:
                secret = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, ValueError, TypeError):
                raise ConfigurationError(f"{where}.{key}: cannot read the file") from None
            if field in values:
                raise ConfigurationError(f"{where}.{key}: {field} is given as well; give one")
            if not secret:
                raise ConfigurationError(f"{where}.{key}: the file is empty")
            values[field] = secret
    return values


def explained(error: ValidationError, where: str, model: type[BaseModel]) -> ConfigurationError:
    """The first problem, with its path, in words; never the value, which may be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"] if part != "[key]")
    text = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        *tables, key = first["loc"]
        known: Mapping[Any, Any] = model.model_fields
        for table in tables:
            known = getattr(getattr(known.get(table), "annotation", None), "model_fields", {})
        near = difflib.get_close_matches(str(key), known, n=1)
        text = "no such key" + (f"; did you mean {near[0]!r}?" if near else "")
    place = f"{where}{path}".rstrip(".: ")
    return ConfigurationError(f"{place}: {text}" if place else text)
