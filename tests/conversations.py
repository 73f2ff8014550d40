"""What vendors document whose questions take several requests, or requests that are no JSON."""

from __future__ import annotations

import base64
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

from facegate import AuthenticationFailed, CaptureReason, ImageFormat, Operation
from facegate.plugin import Provider, hookimpl
from facegate.testing import (
    Documented,
    Endpoint,
    Failure,
    HttpProviderContract,
    Interaction,
    Seen,
    VendorCall,
)
from norrask import SECRET as NORRASKS_SECRET
from norrask import Norrask
from test_steps import Chained
from veridia import SECRET as VERIDIAS_SECRET
from veridia import Veridia, signature_of


class Plugin:
    """A plugin of one provider."""

    def __init__(self, provider: type[Provider]) -> None:
        self.provider = provider

    @hookimpl
    def facegate_providers(self) -> list[type[Provider]]:
        return [self.provider]


NORRASK, VERIDIA, CHAINED = map(Plugin, (Norrask, Veridia, Chained))


def entry_point(name: str, value: str) -> tuple[EntryPoint, ...]:
    return (EntryPoint(name, f"{__name__}:{value}", "facegate"),)


TOKEN = Interaction(
    Endpoint(
        "/token",
        {"grant_type"},
        encoding="form",
        fields={"grant_type": "client_credentials"},
        headers={
            "authorization": "Basic "
            + base64.b64encode(f"client-7:{NORRASKS_SECRET}".encode()).decode()
        },
    ),
    {"access_token": "tok-90c7e1d5a2", "token_type": "Bearer", "expires_in": 3600},
    once=True,
)
UPLOAD = Interaction(
    Endpoint("/checks", {"selfie", "document"}, "selfie", "document", encoding="multipart"),
    {"id": "check-7f3a91"},
    status=202,
    ids={"id"},
)
POLL = Endpoint("/checks/check-7f3a91", method="GET")
DELETION = Interaction(Endpoint("/checks/check-7f3a91", method="DELETE"), {})
JOB = VendorCall(
    Operation.COMPARE,
    POLL,
    before=(TOKEN, UPLOAD, Interaction(POLL, {"state": "pending"})),
    after=(DELETION,),
)
ACTION = VendorCall(
    Operation.LIVENESS,
    Endpoint(
        "/actions",
        {"selfie"},
        "selfie",
        picture="data_uri",
        headers={"x-action": "CheckLiveness"},
    ),
    before=(TOKEN,),
)


class NorrasksDocumentation(HttpProviderContract):
    contract_version = 1
    settings: ClassVar = {"secret": NORRASKS_SECRET}
    headers: ClassVar = {"authorization": "Bearer tok-90c7e1d5a2"}
    formats = frozenset({ImageFormat.PNG, ImageFormat.WEBP})
    documented = (
        Documented(JOB, {"state": "done", "similarity": 93.5}, {"accepted": True}),
        Documented(JOB, {"state": "done", "similarity": 12}, {"accepted": False}),
        Documented(ACTION, {"liveness": 97}, {"accepted": True}),
        Documented(ACTION, {"liveness": 3}, {"accepted": False}),
    )
    failures = (
        Failure(422, {"code": "no_face"}, CaptureReason.FACE_NOT_FOUND, at=UPLOAD),
        Failure(401, {"code": "bad_token"}, AuthenticationFailed, call=ACTION),
        Failure(401, {"error": "invalid_client"}, AuthenticationFailed, at=TOKEN),
    )
    entry_points = entry_point("norrask", "NORRASK")


class Signed(HttpProviderContract):
    """What Veridia signs every request with."""

    contract_version = 1
    settings: ClassVar = {"secret": VERIDIAS_SECRET}
    formats = frozenset({ImageFormat.PNG})
    moving = ("x-date", "x-signature")
    failures = (Failure(200, {"error": {"number": 1042}}, CaptureReason.FACE_NOT_FOUND),)

    def reply_for(self, code: str) -> tuple[int, Any]:
        return 200, {"error": {"number": int(code) if code.lstrip("-").isdigit() else 9999}}

    def verify(self, request: Seen) -> None:
        date, method = request.headers["x-date"], request.method
        right = signature_of(VERIDIAS_SECRET, method, request.target, date, request.body)
        assert request.headers["x-signature"] == right, "another signature"


PARTS = VendorCall(
    Operation.COMPARE,
    Endpoint(
        "/compare",
        {"selfie", "document", "careful"},
        "selfie",
        "document",
        method="PUT",
        encoding="multipart",
        each=True,
    ),
)
PICTURE = VendorCall(Operation.LIVENESS, Endpoint("/liveness", probe="body", encoding="bytes"))
SPOOF = Documented(
    PICTURE, {"error": {"number": -7}}, {"accepted": False, "liveness": {"passed": False}}
)
LIVE = Documented(PICTURE, {"verdict": "live"}, {"accepted": True})


class VeridiasDocumentation(Signed):
    entry_points = entry_point("veridia", "VERIDIA")
    documented = (
        Documented(PARTS, {"similarity": 93.5}, {"accepted": True, "match": {"score": 93.5}}),
        Documented(PARTS, {"similarity": 12}, {"accepted": False}),
        LIVE,
        SPOOF,
    )


FIND_PROBE = Interaction(
    Endpoint("/find", probe="body", encoding="bytes"), {"face": "face-1-8a2f"}, ids={"face"}
)
FIND_EACH = Interaction(
    Endpoint("/find", gallery="body", encoding="bytes", each=True),
    {"face": "face-2-b07c"},
    ids={"face"},
)
CHAIN = VendorCall(
    Operation.COMPARE,
    Endpoint(
        "/verify",
        {"one", "other"},
        fields={"one": "face-1-8a2f", "other": "face-2-b07c"},
        each=True,
    ),
    before=(FIND_PROBE, FIND_EACH),
)
FOUND_LIVE = VendorCall(Operation.LIVENESS, PICTURE.endpoint, before=(FIND_PROBE,))


class ChainsDocumentation(Signed):
    entry_points = entry_point("veridia", "CHAINED")
    documented = (
        Documented(CHAIN, {"similarity": 93.5}, {"accepted": True, "match": {"score": 93.5}}),
        Documented(CHAIN, {"similarity": 12}, {"accepted": False}),
        Documented(FOUND_LIVE, {"verdict": "live"}, {"accepted": True}),
        Documented(FOUND_LIVE, {"error": {"number": -7}}, {"accepted": False}),
    )
