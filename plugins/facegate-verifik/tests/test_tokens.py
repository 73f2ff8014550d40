"""Who is let in by the API that answers as Verifik does, and how a token is renewed there."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from facegate.plugin import HttpReply, HttpRequest
from facegate_verifik.compat import VerifikApi, VerifikApiSettings

KEY = "a-key-long-enough-for-signing-5b1e7720"
OTHER = "another-key-long-enough-for-it-9c04d1"
SHORT = "sandbox"
COMPARE = "http://gateway/v2/face-recognition/compare"
RENEWAL = "http://gateway/v2/auth/session"
TWO_MONTHS = f"{RENEWAL}?origin=refresh&expiresIn=2"


def api(*keys: str, **settings: Any) -> VerifikApi:
    return VerifikApi(VerifikApiSettings.model_validate(settings), keys)


def request(url: str = COMPARE, authorization: str | None = None) -> HttpRequest:
    headers = {} if authorization is None else {"authorization": authorization}
    return HttpRequest("GET" if url.startswith(RENEWAL) else "POST", url, headers)


def token(key: str = KEY, seconds: float = 60, algorithm: str = "HS256", **claims: Any) -> str:
    claims = {"clientId": "6" * 24, "exp": int(time.time() + seconds), **claims}
    return jwt.encode(claims, key, algorithm=algorithm)


def told(reply: Any) -> tuple[int, Mapping[str, Any]]:
    assert isinstance(reply, HttpReply), reply
    return reply.status, json.loads(reply.body)


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "JWT ", ""])
def test_the_key_itself_or_what_it_signed_lets_in(scheme: str) -> None:
    for credential in (KEY, token(), token(aud="them")):
        assert api(OTHER, KEY).authorise(request(authorization=scheme + credential)) == KEY
    assert api(SHORT).authorise(request(authorization=scheme + SHORT)) == SHORT


def test_without_keys_everybody_is_let_in() -> None:
    for credential in (None, "Bearer whatever"):
        assert api().authorise(request(authorization=credential)) == ""


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_whoever_shows_nothing_usable_is_told_to_authenticate() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 30_000).decode().rstrip("=")
    forged = jwt.encode({"clientId": "1"}, "", algorithm="none")
    for credential in (
        *(None, "", "Bearer", "Basic a2V5", f"Basic {KEY}", "Bearer wrong", "Bearer ä"),
        *(token(OTHER), token(SHORT), token(algorithm="HS512"), forged, f"{deep}.{deep}.x"),
    ):
        expected = (401, {"message": "Authentication required", "code": "UNAUTHORIZED"})
        assert told(api(KEY, SHORT).authorise(request(authorization=credential))) == expected


def test_an_expired_token_is_told_as_such() -> None:
    expired = f"Bearer {token(seconds=-60)}"
    expected = (403, {"message": "token_expired", "code": "FORBIDDEN"})
    assert told(api(KEY, OTHER).authorise(request(authorization=expired))) == expected
    status, body = told(api(KEY).authorise(request(TWO_MONTHS, expired)))
    assert (status, body["code"]) == (401, "Unauthorized")
    assert body["message"] == "Invalid or expired token."
    assert body["signature"]["message"] == "Answered by facegate"


def test_a_renewal_needs_the_header() -> None:
    expected = (409, {"message": "missing Authorization header", "code": "MissingParameter"})
    assert told(api(KEY).authorise(request(TWO_MONTHS))) == expected


def renewed(served: VerifikApi, url: str = TWO_MONTHS, credential: str = KEY) -> Mapping[str, Any]:
    status, body = told(served.decode(request(url, f"Bearer {credential}")))
    assert status == 200
    assert set(body) == {"accessToken", "tokenType"}
    return body


@pytest.mark.parametrize(("url", "months"), [(TWO_MONTHS, 2), (f"{RENEWAL}?origin=refresh", 1)])
def test_a_renewed_token_is_signed_with_the_callers_key(url: str, months: int) -> None:
    served = api(OTHER, KEY, max_token_days=60)
    new = renewed(served, url, token())["accessToken"]
    claims = jwt.decode(new, KEY, algorithms=["HS256"])
    assert set(claims) == {"clientId", "iat", "exp"}
    assert claims["exp"] - claims["iat"] == months * 30 * 86_400
    assert served.authorise(request(authorization=f"Bearer {new}")) == KEY


def test_a_renewed_token_lives_no_longer_than_the_operator_lets_it() -> None:
    """Or whoever got hold of one once could make it last for years."""
    new = renewed(api(KEY), f"{RENEWAL}?origin=refresh&expiresIn=120", token())["accessToken"]
    claims = jwt.decode(new, KEY, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 30 * 86_400


def test_a_token_from_a_clock_that_is_ahead_is_taken() -> None:
    ahead = token(iat=int(time.time()) + 30)
    assert api(KEY).authorise(request(authorization=f"Bearer {ahead}")) == KEY


def test_a_key_too_short_to_sign_with_is_its_own_renewal() -> None:
    assert renewed(api(SHORT), credential=SHORT)["accessToken"] == SHORT


def test_without_keys_a_token_is_signed_with_one_that_nobody_knows() -> None:
    first, second = (renewed(api())["accessToken"] for _ in range(2))
    assert jwt.decode(first, options={"verify_signature": False})["clientId"]
    assert first.split(".")[2] != second.split(".")[2]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("", '"origin" is required'),
        ("origin=app", '"origin" must be one of [refresh]'),
        ("origin=refresh&expiresIn=soon", '"expiresIn" must be a number'),
        ("origin=refresh&expiresIn=0", '"expiresIn" must be greater than or equal to 1'),
        ("origin=refresh&expiresIn=121", '"expiresIn" must be less than or equal to 120'),
        ("origin=refresh&expiresIn=" + "9" * 9999, '"expiresIn" must be less than or equal to 120'),
    ],
)
def test_a_renewal_that_makes_no_sense_is_refused(query: str, problem: str) -> None:
    reply = api(KEY).decode(request(f"{RENEWAL}?{query}", KEY))
    assert told(reply) == (409, {"message": problem, "code": "MissingParameter"})


def test_a_token_of_deeply_nested_claims_is_refused_like_any_other() -> None:
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
    claims = base64.urlsafe_b64encode(b'{"a":' + b"[" * 50_000).decode().rstrip("=")
    deep = f"{head}.{claims}.c2ln"
    status, body = told(api(KEY).authorise(request(authorization=f"Bearer {deep}")))
    assert (status, body) == told(api(KEY).authorise(request(authorization="Bearer wrong")))
