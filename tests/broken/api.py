"""An API that speaks exactly as the made-up vendor's plugin expects; see :mod:`acme`."""

from __future__ import annotations

import json
from typing import Any, ClassVar
from urllib.parse import urlsplit

from acme import INFO, MATCH
from facegate.plugin import (
    Answer,
    AuthenticationFailed,
    CaptureReason,
    CompatibleApi,
    CompatibleApiSettings,
    DecodedRequest,
    FacegateError,
    HttpReply,
    HttpRequest,
    Image,
    ImageRejected,
    Operation,
    QuotaExhausted,
    RateLimited,
    ScoreSpec,
    VendorError,
    json_reply,
)

LIVENESS = INFO.liveness or ScoreSpec(MATCH.scale, 0.5)


class AcmeApi(CompatibleApi[CompatibleApiSettings]):
    plugin = "acme"
    routes: ClassVar = {path: frozenset({"POST"}) for path in ("/v1/compare", "/v1/liveness")}
    match, liveness, settings_type = MATCH, LIVENESS, CompatibleApiSettings
    needs_scores = True
    wrong_key = "bad_token"
    reasons: ClassVar = {CaptureReason.FACE_NOT_FOUND: "no_face"}
    failures: ClassVar = {
        AuthenticationFailed: "bad_token",
        QuotaExhausted: "no_credits",
        RateLimited: "slow_down",
        FacegateError: "broken",
    }
    errors: ClassVar = {
        "bad_token": VendorError(401, {"code": "bad_token"}),
        "no_credits": VendorError(402, {"code": "no_credits"}),
        "no_face": VendorError(422, {"code": "no_face"}),
        "slow_down": VendorError(429, {"code": "slow_down"}),
        "sense": VendorError(400, {"code": "sense"}),
        "broken": VendorError(500, {"code": "broken"}),
    }

    def presented(self, request: HttpRequest) -> str:
        return super().presented(request).removeprefix("Token ")

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        try:
            said = json.loads(b"".join(request.body))
            lowest = said.get("minScore")
            if lowest is not None and not (type(lowest) is float and 0 < lowest <= 1):
                return self.error("sense")
            if urlsplit(request.url).path == "/v1/liveness":
                probe = Image.from_base64(said["image"])
                return DecodedRequest(Operation.LIVENESS, probe, liveness_threshold=lowest)
            gallery = tuple(map(Image.from_base64, said["gallery"]))
            if said["mode"] not in ("FAST", "ACCURATE") or not gallery:
                return self.error("sense")
            probe = Image.from_base64(said["probe"])
            options = {"mode": said["mode"]}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ImageRejected):
            return self.error("sense")
        return DecodedRequest(Operation.COMPARE, probe, gallery, threshold=lowest, options=options)

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        said: dict[str, Any] = {}
        if answer.match is not None:
            said = {"score": answer.match.score}
        elif answer.liveness is not None:
            said = {"live": answer.liveness.passed, "score": answer.liveness.score}
        return json_reply(200, said)
