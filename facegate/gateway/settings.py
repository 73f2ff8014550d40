"""The ``[serve]`` table: what is mounted, who may call, and what a caller may cost.

::

    [serve]
    host = "0.0.0.0"
    port = 8080
    provider = "kyc"                    # a route or provider; the configured default if absent
    api_key_file = "/run/secrets/keys"  # a key a line

    [serve.compat.acme]                 # mounts acme's API; its switches
    match_threshold = 0.7

    [serve.api]                         # facegate's own API, see facegate.gateway.native.settings
    console = true

    [serve.sandbox]                     # callers may force outcomes: for test systems alone
    rate = "10/60"
    keys = { "sk-no-match" = "outcome=no_match" }

``FACEGATE_SERVE__PORT=9000`` sets ``serve.port``; several keys are given as a JSON list.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator

from facegate.config import Config
from facegate.document import Table, explained, secret_text
from facegate.errors import ConfigurationError
from facegate.gateway.bridge import Bridge
from facegate.gateway.keys import Keys
from facegate.gateway.native.settings import ApiSettings
from facegate.images.image import ImageLimits
from facegate.providers.compat import CompatibleApi
from facegate.providers.registry import Registry


class Limits(Table):
    """Bounds on what one caller may cost the process; times are in seconds."""

    max_body_bytes: int = Field(
        default=64 * 2**20, gt=0, description="Heaviest request: six 8 MB pictures in base64."
    )
    max_requests: int = Field(
        default=100,
        gt=0,
        description="Requests in work at once; one more is refused as unavailable.",
    )
    head_timeout_s: float = Field(
        default=10.0, gt=0, description="Time for a request's headers to arrive."
    )
    body_timeout_s: float = Field(
        default=60.0, gt=0, description="Time for a request's whole body to arrive."
    )
    keep_alive_s: int = Field(
        default=60, ge=0, description="Time that an idle connection is kept open."
    )
    drain_s: float = Field(
        default=0.0,
        ge=0,
        description="Time on SIGTERM in which `/readyz` says no and requests are still taken, for a"
        " balancer to notice.",
    )
    grace_s: int = Field(
        default=30, ge=0, description="Time for requests in work to finish on shutdown, after that."
    )


_WEB = ("https", "http")


class SandboxSettings(Table):
    """Settings of the :class:`~facegate.gateway.sandbox.Sandbox`, which the table turns on."""

    rate: str | None = Field(
        default=None,
        pattern=r"^[1-9]\d{0,5}/[1-9]\d{0,5}$",
        description='Requests and seconds that a key may spend: "10/60".',
    )
    keys: dict[str, str] = Field(
        default_factory=dict, repr=False, description="Instructions by key: what its requests meet."
    )

    @field_validator("keys", mode="before")
    @classmethod
    def _of_texts(cls, keys: Any) -> Any:
        # Judged here as a whole: the place of an error in one of them would name the key.
        if isinstance(keys, dict) and not all(isinstance(text, str) for text in keys.values()):
            raise ValueError("the instruction of a key must be a text")
        if isinstance(keys, dict) and not all(map(str.strip, keys)):
            raise ValueError("a key is empty, and would let everybody in")
        return keys


class ServeSettings(Limits):
    """The ``[serve]`` table."""

    host: str = Field(default="127.0.0.1", description="Address to serve on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port; 0 takes any free one.")
    workers: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Processes that serve on the port, about one a core. What one caller may cost"
        " holds for each.",
    )
    public_url: str | None = Field(
        default=None,
        description="URL at which callers reach the gateway, if a proxy changes host or path on the"
        " way and an API has signed requests. Forwarded headers are never read.",
    )
    cors_origins: tuple[str, ...] = Field(
        default=(),
        description="Origins of web pages that may ask, such as https://app.example.com. Their"
        " visitors hold the key then.",
    )
    warm: bool = Field(
        default=True,
        description="Load models before the socket opens, so that no caller waits for it.",
    )
    sentinel: bool = Field(
        default=False,
        description="Keep the watch that `[sentinel]` describes, beside the requests. Of all"
        " processes that do, one runs each round.",
    )
    provider: str | None = Field(
        default=None, description="Route or provider that answers; the default one if absent."
    )
    api_keys: tuple[SecretStr, ...] = Field(
        default=(), description="Keys that callers present, each in their vendor's way."
    )
    api_key_file: str | None = Field(
        default=None, description="File with keys that callers present, one a line."
    )
    api: ApiSettings | None = Field(
        default=None, description="facegate's own API at `/v1`, if the table is there."
    )
    compat: dict[str, dict[str, Any]] = Field(
        default_factory=dict, repr=False, description="Compatible APIs, each with its switches."
    )
    sandbox: SandboxSettings | None = Field(
        default=None, description="Outcomes that callers may force, if the table is there."
    )

    @field_validator("cors_origins")
    @classmethod
    def _whole_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if origin != f"{parts.scheme}://{parts.netloc}" or parts.scheme not in _WEB:
                raise ValueError("an origin reads https://HOST or https://HOST:PORT; * is none")
        return origins

    @field_validator("public_url")
    @classmethod
    def _plain_url(cls, url: str | None) -> str | None:
        if url is not None:
            public_place(url)
        return url

    @field_validator("api_keys", mode="before")
    @classmethod
    def _one_is_enough(cls, keys: Any) -> Any:
        return (keys,) if isinstance(keys, str) else keys

    @field_validator("api_keys")
    @classmethod
    def _none_blank(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(key.get_secret_value().strip() for key in keys):
            raise ValueError("a key is empty, and would let everybody in")
        return keys

    @classmethod
    def of(cls, config: Config, **changes: Any) -> ServeSettings:
        """Read the table of a configuration, with ``changes`` from the command line.

        Raises:
            ConfigurationError: naming the key.
        """
        try:
            settings = cls.model_validate({**(config.document.serve or {}), **changes})
        except ValidationError as error:
            raise explained(error, f"{config.source}: serve.", cls) from None
        if settings.sentinel and config.document.sentinel is None:
            raise ConfigurationError(
                f"{config.source}: serve.sentinel: there is no [sentinel] that says whom to watch"
            )
        return settings

    def keys(self) -> tuple[str, ...]:
        """The secrets of all callers, those of the sandbox included.

        Raises:
            ConfigurationError: a file that cannot be read or holds none.
        """
        keys = [key.get_secret_value().strip() for key in self.api_keys]
        if self.api_key_file is not None:
            lines = secret_text(self.api_key_file, "serve.api_key_file").split("\n")
            in_file = [line.strip() for line in lines if line.strip()]
            if not in_file:
                raise ConfigurationError("serve.api_key_file: the file is empty")
            keys += in_file
        return (*keys, *(self.sandbox.keys if self.sandbox else ()))

    def apis(self, registry: Registry, limits: ImageLimits) -> list[CompatibleApi]:
        """The compatible APIs, set up.

        Raises:
            ConfigurationError: no API is named, or naming the switch that is wrong.
        """
        if not self.compat and self.api is None:
            raise ConfigurationError(
                "no API to speak; give --api for facegate's own, or name a plugin's with --compat"
                " NAME or [serve.compat.NAME]"
            )
        keys, apis = self.keys(), list[CompatibleApi]()
        for name, switches in self.compat.items():
            api_type = registry.api_type(name)
            try:
                settings = api_type.settings_type.model_validate(switches)
            except ValidationError as error:
                where = f"serve.compat.{name}."
                raise explained(error, where, api_type.settings_type) from None
            apis.append(api_type(settings, keys, limits))
        return apis


def public_place(url: str) -> tuple[str, str]:
    """The host, and the path before the gateway's own, of a URL at which callers reach it.

    Raises:
        ValueError: not an http(s) URL, or one with a user name, a query or a fragment.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an absolute http(s) URL")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must not hold a user name, a query or a fragment")
    return parts.netloc, parts.path.rstrip("/")


def wrong_with(loaded: Config, registry: Registry) -> dict[str, str]:
    """The first problem of the ``[serve]`` table, under its name; empty if there is none."""
    if loaded.document.serve is not None:
        try:
            settings = ServeSettings.of(loaded)
            for api in settings.apis(registry, loaded.intake.limits):
                Bridge(api)
            if settings.api is not None:
                Keys(settings.api.keys)
                for name in settings.api.routes:
                    loaded.named(registry, name)
            if settings.provider is not None:
                loaded.named(registry, settings.provider)
        except ConfigurationError as error:
            return {"serve": error.message}
    return {}
