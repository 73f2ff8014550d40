"""The ``[serve.api]`` table: the native API and its console.

::

    [serve.api]
    console = true
    routes = ["kyc", "backup"]      # that callers may name; the first answers by default

    [serve.api.keys.onboarding]
    hash_file = "/run/secrets/onboarding.sha256"
    scopes = ["verify", "decisions:read"]
    budget = "200/day"
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from facegate.document import Name, Table
from facegate.gateway.attempts import AttemptSettings
from facegate.gateway.grants import KeySettings

_PLACES = {"request_id", "reference"}


class ApiSettings(Table):
    """All of ``[serve.api]``."""

    console: bool = Field(default=False, description="Serve the console at `/console`.")
    routes: tuple[Name, ...] = Field(
        default=(),
        description="Routes or providers that callers may name with `?route=`, beside the one that"
        " answers.",
    )
    hosts: tuple[str, ...] = Field(
        default=(),
        description="Names at which browsers reach the console, such as facegate.example.com; this"
        " machine's own always are.",
    )
    keys: dict[Name, KeySettings] = Field(
        default_factory=dict, description="Keys that are kept in the configuration, by name."
    )
    attempts: AttemptSettings | None = Field(
        default=None, description="How often one person may try."
    )
    shared: SecretStr | None = Field(
        default=None,
        description="URL of a Redis that counts for all processes; the journal's database if"
        " absent.",
    )
    options: tuple[str, ...] = Field(
        default=(),
        description='Per-request options that callers may set, each as `"PLUGIN.OPTION"`. An option'
        " may undo what the configuration guards against, so by default there are none.",
    )
    lower_thresholds: bool = Field(
        default=False,
        description="Take thresholds from callers that are laxer than the configured ones.",
    )
    case_url: str | None = Field(
        default=None,
        description="URL of a person's case in a system of yours. `{reference}` in it is the"
        " consent's, `{request_id}` the request's.",
    )
    four_eyes: bool = Field(
        default=False, description="A review counts once two people decided alike."
    )
    claim_s: int = Field(
        default=900, ge=10, le=86_400, description="How long a claimed review is one person's."
    )

    @field_validator("hosts")
    @classmethod
    def _bare(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not re.fullmatch(r"[a-z0-9.-]+", host):
                raise ValueError("a host's name alone, in small letters, without a port")
        return hosts

    @field_validator("case_url")
    @classmethod
    def _a_link(cls, url: str | None) -> str | None:
        if url is None:
            return url
        if urlsplit(url).scheme not in ("https", "http") or not urlsplit(url).hostname:
            raise ValueError("must be an absolute http(s) URL")
        try:
            url.format_map(dict.fromkeys(_PLACES, ""))
        except (ValueError, LookupError, AttributeError):
            raise ValueError("knows {reference} and {request_id} alone") from None
        return url
