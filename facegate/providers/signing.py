"""Requests signed in the way of AWS's Signature Version 4, which other clouds follow in own words.

The secret never travels: a client puts an ``Authorization`` header of it, the date, some headers
and the body's hash into the finished request, and an API that knows the secret does the same sum.

Source: "Signature Version 4 for API requests" in AWS's IAM user guide.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from pydantic import SecretStr
from typing_extensions import TypeVar

from facegate.providers.compat import CompatibleApi, CompatibleApiSettings
from facegate.runtime.flow import HttpReply, HttpRequest

_CLAIM = re.compile(
    r"(?P<algorithm>[\w-]+) +Credential=(?P<key_id>[\w-]+)/(?P<scope>[\w/-]+),"
    r" *SignedHeaders=(?P<signed>[a-z0-9-]+(?:;[a-z0-9-]+)*),"
    r" *Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A taken apart ``Authorization`` header.

    Attributes:
        key_id: id of the key that the caller claims to hold.
        scope: the day, ``YYYYMMDD`` or ``YYYY-MM-DD``, and the words after it.
        signed: names of the headers that the signature covers, in lower case.
        signature: the signature, in hexadecimal.
    """

    key_id: str
    scope: tuple[str, ...]
    signed: tuple[str, ...]
    signature: str = ""


@dataclass(frozen=True, slots=True)
class SigningScheme:
    """A cloud's way to sign.

    Attributes:
        algorithm: its name in the header.
        prefix: text before the secret, in the first key of the chain.
        service: the service's name in the scope.
        end: the scope's last word.
        dated: header with the time, in lower case; the signature always covers it.
        covers: headers that have to be signed wherever a request has them, in lower case.
        epoch: the time is in seconds since 1970, else as in ``20260102T030405Z``.
        any_path: the path is not signed, but ``/`` in its place.
    """

    algorithm: str
    prefix: str
    service: str
    end: str
    dated: str
    covers: frozenset[str]
    epoch: bool = False
    any_path: bool = False

    def signed(
        self,
        request: HttpRequest,
        key_id: SecretStr,
        secret: SecretStr,
        now: datetime,
        region: str = "",
    ) -> HttpRequest:
        """A request with its date, its host and its signature, and headers named in lower case.

        Args:
            request: the finished request. Its body is hashed part by part, and not copied.
            key_id: id of the key.
            secret: the key.
            now: time of the signature, in UTC.
            region: region in the scope; none if empty.
        """
        url = urlsplit(request.url)
        day = now.strftime("%Y-%m-%d" if self.epoch else "%Y%m%d")
        stamp = str(int(now.timestamp())) if self.epoch else now.strftime("%Y%m%dT%H%M%SZ")
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers |= {"host": url.netloc, self.dated: stamp}
        request = replace(request, headers=headers)
        scope = (day, *filter(None, (region, self.service, self.end)))
        claim = Claim(key_id.get_secret_value(), scope, tuple(sorted(self.covers & headers.keys())))
        target = f"{url.path}?{url.query}" if url.query else url.path
        signature = self.signature(claim, secret, request, target)
        credential = f"Credential={claim.key_id}/{'/'.join(scope)}"
        signed = f"SignedHeaders={';'.join(claim.signed)}, Signature={signature}"
        headers["authorization"] = f"{self.algorithm} {credential}, {signed}"
        return replace(request, headers=headers)

    def claim(self, header: str) -> Claim | None:
        """The claim of an ``Authorization`` header; None where it is none for this service."""
        found = _CLAIM.fullmatch(header.strip())
        scope = tuple(found["scope"].split("/")) if found else ()
        if not found or found["algorithm"] != self.algorithm:
            return None
        if len(scope) < 3 or scope[-2:] != (self.service, self.end):
            return None
        signed = tuple(found["signed"].split(";"))
        if len({*signed}) < len(signed):  # each would be written out anew
            return None
        return Claim(found["key_id"], scope, signed, found["signature"])

    def signature(self, claim: Claim, secret: SecretStr, request: HttpRequest, target: str) -> str:
        """The right signature of a request, in hexadecimal.

        Args:
            claim: its scope, and the headers that are covered; all of them are there.
            secret: the key.
            request: the request, names of its headers in lower case.
            target: its path and query, as they are sent.
        """
        path, _, query = target.partition("?")
        body = hashlib.sha256()
        for part in request.body:
            body.update(part)
        canonical = [
            request.method,
            "/" if self.any_path else quote(path or "/", safe="/~"),
            "&".join(sorted(query.split("&"))),
            *(f"{name}:{' '.join(request.headers[name].split())}" for name in claim.signed),
            "",
            ";".join(claim.signed),
            body.hexdigest(),
        ]
        hashed = hashlib.sha256("\n".join(canonical).encode()).hexdigest()
        stamp = request.headers[self.dated]
        text = "\n".join((self.algorithm, stamp, "/".join(claim.scope), hashed))
        key = f"{self.prefix}{secret.get_secret_value()}".encode()
        for word in (*claim.scope, text):
            key = hmac.digest(key, word.encode(), "sha256")
        return key.hex()

    def moment(self, claim: Claim, stamp: str) -> datetime | None:
        """The time of a signature, in UTC; None if it is none, or of another day than claimed."""
        try:
            if self.epoch:
                moment = datetime.fromtimestamp(int(stamp), UTC)
            else:
                moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        except (ValueError, OverflowError, OSError):
            return None
        day = claim.scope[0].replace("-", "")
        return moment if moment.strftime("%Y%m%d") == day else None


D = TypeVar("D", bound=CompatibleApiSettings, default=Any)


class SigningApi(CompatibleApi[D]):
    """A compatible API whose callers sign with a key that reads ``ID:SECRET``.

    Temporary credentials are a key ``ID:SECRET:TOKEN``, whose token comes in a header.

    Attributes:
        signing: the vendor's way to sign.
        token_header: header of a temporary credential's token, in lower case.
        skew: difference from this machine's clock that is taken, at most.
        unreadable: name of the error for a header that is no signature.
        wrong_signature: name of the error for another signature than the right one.
        wrong_token: name of the error for another token than the key's; ``wrong_key`` if empty.
        wrong_date: name of the error for a signature that is too old or of the future.
        clock: time of day in UTC; a test puts its own in place.
    """

    signing: ClassVar[SigningScheme]
    token_header: ClassVar[str]
    skew: ClassVar[timedelta]
    unreadable: ClassVar[str]
    wrong_signature: ClassVar[str]
    wrong_token: ClassVar[str] = ""
    wrong_date: ClassVar[str]
    clock: Callable[[], datetime] = staticmethod(partial(datetime.now, UTC))

    def notes(self) -> tuple[str, ...]:
        if all(map(_parts, self.keys)):
            return ()
        return (f"only api_keys that read ID:SECRET let a caller of {self.plugin} in",)

    def authorise(self, request: HttpRequest) -> str | HttpReply:
        if not self.keys:
            return ""
        header = self.presented(request)
        claim = self.signing.claim(header)
        if claim is None:
            return self.error(self.unreadable if header else self.missing_key)
        held = self.__held(claim.key_id)
        return next(iter(held)) if held else self.error(self.wrong_key)

    def prove(self, request: HttpRequest, key: str) -> HttpReply | None:
        if not key:
            return None
        scheme = self.signing
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers["host"] = request.authority
        claim = scheme.claim(headers.get("authorization", ""))
        needed = {"host", *(scheme.covers & headers.keys())}
        if claim is None or scheme.dated not in headers:
            return self.error(self.unreadable)
        if not needed <= {*claim.signed} <= headers.keys():
            return self.error(self.unreadable)
        # The signature first: what else is wrong is told to who holds the secret alone.
        request, token = replace(request, headers=headers), headers.get(self.token_header, "")
        tokens = [
            wanted
            for secret, wanted in self.__held(claim.key_id).values()
            if _same(scheme.signature(claim, secret, request, request.target), claim.signature)
        ]
        if not tokens:
            return self.error(self.wrong_signature)
        if not any(_same(wanted, token) for wanted in tokens):
            return self.error(self.wrong_token or self.wrong_key)
        moment = scheme.moment(claim, headers[scheme.dated])
        late = moment is None or abs(self.clock() - moment) > self.skew
        return self.error(self.wrong_date) if late else None

    def __held(self, key_id: str) -> dict[str, tuple[SecretStr, str]]:
        """The keys of an id, each with its secret and token: two while one replaces the other."""
        parts = {key: _parts(key) for key in self.keys}
        return {
            key: (SecretStr(each[1]), each[2])
            for key, each in parts.items()
            if each and _same(each[0], key_id)
        }


def _parts(key: str) -> tuple[str, str, str] | None:
    """Id, secret and token of a key, which may be empty; None where it is no such key."""
    key_id, _, rest = key.partition(":")
    secret, _, token = rest.partition(":")
    return (key_id, secret, token) if key_id and secret else None


def _same(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode(), other.encode())
