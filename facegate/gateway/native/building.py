"""The native API of a configuration, put together."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast

from facegate.errors import ConfigurationError
from facegate.gateway.budgets import Admission
from facegate.gateway.counters import NOWHERE, Counters, RedisCounters
from facegate.gateway.idempotency import Idempotency
from facegate.gateway.keys import Keys
from facegate.gateway.native.api import NativeApi
from facegate.gateway.native.settings import ApiSettings
from facegate.images.image import DEFAULT_LIMITS, ImageLimits
from facegate.opening import Setup

if TYPE_CHECKING:
    from facegate.journal.journal import Journal
    from facegate.sentinel.sentinel import Sentinel


def native_api(
    settings: ApiSettings,
    setups: Mapping[str, Setup],
    *,
    limits: ImageLimits = DEFAULT_LIMITS,
    metrics: Callable[[], tuple[str, bytes]] | None = None,
    sentinel: Sentinel | None = None,
    local: bool = False,
) -> NativeApi:
    """The API that ``[serve.api]`` describes.

    Args:
        settings: the table.
        setups: what makes the verifiers, by the name that callers give; the first answers by
            default.
        limits: limits of pictures.
        metrics: gives content type and text of the metrics; None where nobody counts.
        sentinel: knows how the models stand; None where nobody watches them.
        local: whether only this machine can reach the service, so that it may do without keys.

    Raises:
        ConfigurationError: naming the key that is wrong.
        JournalUnavailable: the journal's database cannot be opened.
    """
    default, *further = setups
    journal = cast("Journal | None", setups[default].recorder)
    for name, key in settings.keys.items():
        if unknown := [each for each in key.routes or () if each not in setups]:
            raise ConfigurationError(
                f"serve.api.keys.{name}.routes: {unknown[0]!r} is not served; there are:"
                f" {', '.join(setups)}"
            )
    keys, counters = keys_of(settings, journal), _counters(settings, journal)
    sessions, attempts_key = None, b""
    if journal is not None:
        from facegate.gateway.stored import secret

        attempts_key = secret(journal.store, "attempts")
    if settings.console:
        from facegate.gateway.console.session import Sessions

        # Without a journal there is one process, and a session ends with it.
        shared = secret(journal.store, "console") if journal else secrets.token_bytes(32)
        sessions = Sessions(shared)
    return NativeApi(
        default=default,
        settings=settings,
        keys=keys,
        admission=Admission(
            counters, settings.attempts, attempts_key, observers=setups[default].observers
        ),
        idempotency=Idempotency.of(journal),
        journal=journal,
        others={name: setups[name].awaited for name in further},
        limits=limits,
        metrics=metrics,
        sentinel=sentinel,
        sessions=sessions,
        local=local,
    )


def keys_of(settings: ApiSettings, journal: Journal | None) -> Keys:
    """The keys of a configuration, and those of the journal's database.

    Raises:
        ConfigurationError: naming the key that is wrong.
    """
    store = None
    if journal is not None:
        from facegate.gateway.stored import StoredKeys

        store = StoredKeys(journal.store)
    return Keys(settings.keys, store)


def _counters(settings: ApiSettings, journal: Journal | None) -> Counters:
    if settings.attempts is not None and journal is None:
        raise ConfigurationError(
            "serve.api.attempts: needs [journal], whose secret people are told apart by"
        )
    if settings.shared is not None:
        return RedisCounters(settings.shared)
    if journal is not None:
        from facegate.gateway.stored import TableCounters

        return TableCounters(journal.store)
    for name, key in settings.keys.items():
        if key.limited:
            raise ConfigurationError(
                f"serve.api.keys.{name}: limits need [journal], or serve.api.shared, to be"
                " counted in"
            )
    return NOWHERE
