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
    CaptureRejected,
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
    errors: ClassVar = {
        "bad_token": VendorError(401, {"code": "bad_token"}),
        "no_credits": VendorError(402, {"code": "no_credits"}),
        "no_face": VendorError(422, {"code": "no_face"}),
        "slow_down": VendorError(429, {"code": "slow_down"}),
        "sense": VendorError(400, {"code": "sense"}),
        "broken": VendorError(500, {"code": "broken"}),
    }

    def authorise(self, request: HttpRequest) -> str | HttpReply:
        token = request.headers.get("authorization", "").removeprefix("Token ")
        if not self.keys:
            return ""
        return token if token in self.keys else self.error("bad_token")

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

    def encode_error(self, error: FacegateError, asked: DecodedRequest | None = None) -> HttpReply:
        if isinstance(error, CaptureRejected) and error.reason is CaptureReason.FACE_NOT_FOUND:
            return self.error("no_face")
        if isinstance(error, RateLimited):
            reply = self.error("slow_down")
            return HttpReply(reply.status, {**reply.headers, "retry-after": "7"}, reply.body)
        names = {AuthenticationFailed: "bad_token", QuotaExhausted: "no_credits"}
        return self.error(names.get(type(error), "broken"))
