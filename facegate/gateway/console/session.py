"""Sessions of the console: a key exchanged for a cookie that every process can check.

Nothing is kept of a session. Its cookie names the key, a mark of its secret and the session's end,
and is signed; the key is looked up anew with each request, so a session ends with the secret.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Mapping

from starlette.requests import cookie_parser

from facegate.gateway.keys import NotAllowed

COOKIE = "facegate_session"
HEADER = "x-facegate-console"
"""Header of what the console's own page sends: another site's page cannot set it unasked."""
LIFETIME_S = 8 * 3600


class Sessions:
    """The console's sessions.

    Args:
        secret: signs cookies; the same in all processes that serve.
        clock: seconds since 1970.
    """

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret, self._clock = secret, clock

    def begin(self, holder: str) -> str:
        """The cookie's value of a new session.

        Args:
            holder: the :attr:`~facegate.gateway.keys.Caller.session` of who presented a key.
        """
        claim = f"{self._clock() + LIFETIME_S:.0f}.{holder}"
        return f"{self._seal(claim)}.{claim}"

    def holder(self, method: str, headers: Mapping[str, str]) -> str | None:
        """The holder that a request's session began with; None where there is no session.

        Args:
            method: of the request, in capitals.
            headers: of the request.

        Raises:
            NotAllowed: it would change something, and the console's own page did not send it.
        """
        seal, _, claim = cookie_parser(headers.get("cookie", "")).get(COOKIE, "").partition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(claim).encode()):
            return None
        end, _, holder = claim.partition(".")
        if int(end) <= self._clock():
            return None
        if method not in ("GET", "HEAD"):
            refuse_others(headers)
        return holder

    def _seal(self, claim: str) -> str:
        return hmac.digest(self._secret, claim.encode(), "sha256").hex()


def refuse_others(headers: Mapping[str, str]) -> None:
    """Refuse what the console's own page did not send.

    Raises:
        NotAllowed: it is so.
    """
    if HEADER not in headers:
        raise NotAllowed(f"the console's requests carry the header {HEADER}")
