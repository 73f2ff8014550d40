"""Verifik's tokens: JWTs that live about 30 days and can be renewed while they do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import jwt

DAY: Final = 86_400.0
_LIFE: Final = timedelta(days=30)
_SIGNING_BYTES: Final = 32
"""A shorter key signs nothing: HS256 needs one as long as its hash (RFC 7518, 3.2)."""
_LAST = datetime.max.replace(tzinfo=UTC).timestamp()


def expiry(token: str) -> float | None:
    """The end of a token, in seconds since the epoch; None where it cannot be read.

    It is read without the key, so it says what to expect and proves nothing.
    """
    try:
        ends = jwt.decode(token, options={"verify_signature": False}).get("exp")
    except (jwt.InvalidTokenError, RecursionError):
        return None
    if isinstance(ends, bool) or not isinstance(ends, int | float) or not 0 <= ends < _LAST:
        return None
    return float(ends)


def finding(ends: float | None, now: float, soon: float) -> str | None:
    """A warning about a token that has ended or will within ``soon`` seconds; None otherwise."""
    if ends is None or ends - now >= soon:
        return None
    when = f"{datetime.fromtimestamp(ends, UTC):%Y-%m-%d %H:%M} UTC"
    if ends <= now:
        return f"the token expired on {when}; an expired one cannot be renewed, so log in again"
    return f"the token expires on {when}; renew it with `facegate verifik renew`"


def presented(headers: Mapping[str, str]) -> str | None:
    """The token of a request: after a scheme that clients of Verifik use, or bare."""
    sent = next((text for name, text in headers.items() if name.lower() == "authorization"), "")
    scheme, _, rest = sent.strip().partition(" ")
    if not rest:
        return scheme or None
    return rest.strip() if scheme.lower() in ("bearer", "jwt") else None


def is_signed(token: str, key: str) -> bool:
    """Whether a token was signed with the key.

    Raises:
        jwt.ExpiredSignatureError: the token was signed with the key, and has expired.
    """
    if len(key.encode()) < _SIGNING_BYTES:
        return False
    try:
        # When it was made says nothing: a clock that is seconds ahead is no reason to refuse.
        jwt.decode(
            token, key, algorithms=["HS256"], options={"verify_aud": False, "verify_iat": False}
        )
    except jwt.ExpiredSignatureError:
        raise
    except (jwt.PyJWTError, RecursionError):
        return False
    return True


def signed(key: str, client: str, now: datetime, months: int, most_days: int) -> str:
    """A new token, for so many days at most; a key that is too short to sign with is the token."""
    if len(key.encode()) < _SIGNING_BYTES:
        return key
    claims = {
        "clientId": client,
        "iat": now,
        "exp": now + min(months * _LIFE, timedelta(most_days)),
    }
    return jwt.encode(claims, key, algorithm="HS256")
