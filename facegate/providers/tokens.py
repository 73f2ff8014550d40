"""Bearer tokens that expire: obtained once for all who wait, and renewed before their end."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal
from urllib.parse import quote_plus

from pydantic import Field, SecretStr

from facegate.errors import (
    AuthenticationFailed,
    FacegateError,
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
)
from facegate.providers.bodies import HeaderSecret, WireModel, form_body
from facegate.providers.catalogue import ErrorTable
from facegate.providers.replies import read_reply, retry_after, written_code
from facegate.runtime.flow import Flow, HttpReply, HttpRequest, Transport, send, sleep
from facegate.runtime.forking import in_child

_EARLY_S: Final = 60.0
"""Seconds before its end that a token is renewed, or a tenth of its life where that is less."""
_STEP_S: Final = 0.01
"""Seconds between two looks of those who wait for another's renewal."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as it was granted.

    Attributes:
        value: the text that stands behind ``Bearer``.
        lives_s: seconds from now on that it is good for, above 0; None where nobody said.
    """

    value: SecretStr
    lives_s: float | None = None


@dataclass(frozen=True, slots=True)
class _HeldToken:
    """A token with the moments when it is due and when it ends, by the clock of its holder."""

    value: SecretStr
    renew_at: float
    ends: float


@dataclass(slots=True)
class _Flight:
    """One request for a token, and its end for those who wait for it."""

    done: bool = False
    error: FacegateError | None = field(default=None, repr=False)


class Tokens:
    """A token for every request, asked for by one of them while the others wait or go on.

    Any number of threads and tasks may use one instance. Nobody waits for a renewal while the
    token before it is still good. A renewal that fails fails all who waited for it; the next
    request tries again.

    Args:
        obtain: makes the flow that asks for a token, such as :func:`client_credentials`.
        clock: seconds that only go forward.
    """

    def __init__(
        self, obtain: Callable[[], Flow[Token]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._obtain = obtain
        self._clock = clock
        self._held: _HeldToken | None = None
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._flight: _Flight | None = None

    def current(self) -> Flow[SecretStr]:
        """A token that is good now.

        Raises:
            FacegateError: the error that ``obtain`` raises.
        """
        while True:
            with self._lock:
                held, now = self._held, self._clock()
                if held and (now < held.renew_at or (self._flight and now < held.ends)):
                    return held.value
                joined = self._flight
                flight = self._flight = joined or _Flight()
            if joined is None:
                return (yield from self._renewed(flight, held))
            # Polled: an event to wait for would be another one for threads, asyncio and trio.
            while not flight.done:
                yield from sleep(_STEP_S)
            if flight.error is not None:
                raise copy(flight.error) from None

    def drop(self, value: SecretStr) -> None:
        """Forget a token that the vendor refused; one that took its place meanwhile stays."""
        with self._lock:
            if self._held and self._held.value == value:
                self._held = None

    def _renewed(self, flight: _Flight, before: _HeldToken | None) -> Flow[SecretStr]:
        try:
            token = yield from self._obtain()
        except FacegateError as error:
            if before is None or before is not self._held or before.ends <= self._clock():
                if not isinstance(error, ProviderTimeout):  # others may have more time left
                    flight.error = copy(error)  # before provider and attempts are written on it
                raise
            # The token before serves on; half of its time goes by until the next try.
            self._held = replace(before, renew_at=(self._clock() + before.ends) / 2)
            return before.value
        else:
            self._held = self._timed(token)
            return token.value
        finally:
            with self._lock:
                self._flight = None
            flight.done = True

    def _timed(self, token: Token) -> _HeldToken:
        now = self._clock()
        life = float("inf") if token.lives_s is None else token.lives_s
        return _HeldToken(token.value, now + life - min(_EARLY_S, life / 10), now + life)


class _TokenRequest(WireModel):
    grant_type: Literal["client_credentials"] = "client_credentials"
    client_id: str | None = None
    client_secret: SecretStr | None = None
    scope: str | None = None


class _Granted(WireModel):
    access_token: HeaderSecret
    token_type: Annotated[str, Field(pattern="(?i)^bearer$")]
    expires_in: float | None = Field(default=None, gt=0)


_ERRORS: Final = ErrorTable(
    {
        "invalid_client": AuthenticationFailed,
        "invalid_grant": AuthenticationFailed,
        "unauthorized_client": PermissionDenied,
        "invalid_scope": PermissionDenied,
        "temporarily_unavailable": ProviderUnavailable,
    },
    {500: ProviderUnavailable},
)
"""The errors of RFC 6749, 5.2, and those that servers send beside them."""


def client_credentials(
    url: str,
    client_id: str,
    client_secret: SecretStr,
    *,
    transport: Transport,
    scope: str | None = None,
    in_body: bool = False,
) -> Flow[Token]:
    """Ask for a token by OAuth 2.0's client credentials (RFC 6749, 4.4).

    Args:
        url: the token endpoint, absolute.
        client_id: the account's id.
        client_secret: the account's secret.
        transport: the transport of the provider's settings.
        scope: the token's scope, where the vendor wants one.
        in_body: send the account in the form, for vendors that take no HTTP Basic.

    Raises:
        ProviderError: no token was granted; the message says that it was the token endpoint.
    """
    request = _asking(url, client_id, client_secret, scope, in_body=in_body)
    try:
        reply = yield from send(request, transport)
        if reply.status != 200:
            raise _ERRORS.error(reply.status, _error(reply), retry_after(reply))
        granted = read_reply(reply, _Granted)
    except FacegateError as error:
        error.args = (f"token endpoint: {error.message}",)
        raise
    return Token(granted.access_token, granted.expires_in)


def _asking(
    url: str, client_id: str, secret: SecretStr, scope: str | None, *, in_body: bool
) -> HttpRequest:
    """The request for a token; made apart from the flow, whose frame a traceback may show."""
    headers = {"Accept": "application/json"}
    message = _TokenRequest(scope=scope)
    if in_body:
        message = _TokenRequest(client_id=client_id, client_secret=secret, scope=scope)
    else:
        account = f"{quote_plus(client_id)}:{quote_plus(secret.get_secret_value())}"
        headers["Authorization"] = f"Basic {b64encode(account.encode()).decode()}"
    body = form_body(message)
    return HttpRequest("POST", url, {**headers, "Content-Type": body.content_type}, body.parts)


def _error(reply: HttpReply) -> str | None:
    try:
        return written_code(json.loads(reply.body)["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
