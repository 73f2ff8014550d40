"""The door: who asks, and whether they may; before anything of the body is read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from facegate.gateway.keys import Caller, KeyRefused, Keys, NotAllowed

if TYPE_CHECKING:
    from facegate.gateway.console.session import Sessions
    from facegate.gateway.native.endpoint import Action


class Door:
    """Who may come in.

    A key is presented as ``Authorization: Bearer`` or ``X-Api-Key``, or was exchanged for the
    console's cookie. A browser sends a cookie by itself, so what comes with one must be meant for a
    host that is known, and writes come with a header that other sites' pages cannot send.

    Without any key the API is this machine's alone, and web pages are refused: a visitor's browser
    would ask in their name unawares.

    Args:
        keys: the keys that there are.
        sessions: the console's; None where there is no console.
        hosts: names that the service is reached at, beside this machine's own.
        local: whether only this machine can reach the service, so that it may do without keys.
    """

    def __init__(
        self,
        keys: Keys,
        sessions: Sessions | None = None,
        hosts: frozenset[str] = frozenset(),
        *,
        local: bool = False,
    ) -> None:
        self._keys, self._sessions, self._hosts, self._local = keys, sessions, hosts, local

    async def admit(self, headers: Mapping[str, str], action: Action, route: str | None) -> Caller:
        """The caller, who may ask this.

        Args:
            headers: the request's.
            action: what is asked.
            route: the route that is named; None for the caller's own.

        Raises:
            KeyRefused: there is no key, or none that holds.
            NotAllowed: the key does not permit this, or a web page asks that may not.
            ProviderUnavailable: the keys cannot be looked up.
        """
        caller = await self._caller(headers, action)
        if action.scope is not None and action.scope not in caller.scopes:
            raise NotAllowed(f"the key does not have the scope {action.scope!r}")
        asked, permitted = action.operation, caller.operations
        if asked is not None and permitted is not None and asked not in permitted:
            raise NotAllowed(f"the key is not for {asked}")
        if route is not None and not caller.may_see(route):
            raise NotAllowed("the key is not for that route")
        return caller

    async def _caller(self, headers: Mapping[str, str], action: Action) -> Caller:
        presented = _presented(headers)
        if presented:
            return await self._keys.find(presented)
        if self._sessions is not None and (key := self._sessions.holder(action.method, headers)):
            self.refuse_foreign(headers)
            return await self._keys.known(key)
        if self._local and not _FORWARDED & set(headers) and not await self._keys.exist():
            self.refuse_foreign(headers)
            return Caller.local()
        raise KeyRefused("present a key: Authorization: Bearer fg_...")

    async def sign_in(self, headers: Mapping[str, str]) -> Caller:
        """The caller who presents a key to the console; see :meth:`admit` for the errors."""
        return await self._keys.find(_presented(headers))

    def refuse_foreign(self, headers: Mapping[str, str]) -> None:
        """Refuse what a page of another site sent, or one whose name was made to lead here.

        Raises:
            NotAllowed: it is so.
        """
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self.knows(host):
            raise NotAllowed("the service is not known by this host; name it in serve.api.hosts")
        if origin is not None and _split(origin).netloc.lower() != host.lower():
            raise NotAllowed("a page of another site may not ask")

    def knows(self, host: str) -> bool:
        """Whether a ``Host`` is this machine, or a configured name."""
        name = _split(f"//{host}").hostname or ""
        return name in self._hosts or is_loopback(name)


def _split(url: str) -> SplitResult:
    """The parts of a URL; none of one that cannot be read."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


@lru_cache(maxsize=256)
def is_loopback(name: str) -> bool:
    """Whether a host's name is this machine's own, without asking anybody."""
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


_FORWARDED = {"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"}
"""Headers of which none is believed; but who sends one is a proxy, and others stand behind it."""


def _presented(headers: Mapping[str, str]) -> str:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "").strip()
