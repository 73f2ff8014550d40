"""Tarnside's API, answered by whatever provider is configured."""

from __future__ import annotations

import math
from dataclasses import replace
from hmac import compare_digest
from typing import ClassVar
from urllib.parse import urlsplit
from uuid import uuid4

from pydantic import ValidationError

from facegate.plugin import (
    Answer,
    CompatibleApi,
    CompatibleApiSettings,
    DecodedRequest,
    FacegateError,
    HttpReply,
    HttpRequest,
    Image,
    ImageRejected,
    Operation,
    RateLimited,
    json_reply,
)
from facegate_tarnside import wire
from facegate_tarnside.errors import REPLIES, said


class TarnsideApi(CompatibleApi[CompatibleApiSettings]):
    """Answers as Tarnside does: scores, never a verdict.

    A score that the provider did not give is never made up: the reply is ``not_in_plan``.
    """

    plugin = "tarnside"
    routes: ClassVar = dict.fromkeys((wire.COMPARE, wire.LIVENESS), frozenset({"POST"}))
    match = wire.MATCH
    liveness = wire.LIVE
    needs_scores = True
    errors = REPLIES
    settings_type = CompatibleApiSettings

    def authorise(self, request: HttpRequest) -> str | HttpReply:
        given = {name.lower(): value for name, value in request.headers.items()}.get(wire.KEY, "")
        if not self.keys:
            return ""
        same = [key for key in self.keys if compare_digest(key.encode(), given.encode())]
        return same[0] if same else self.error("bad_key")

    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        body = b"".join(request.body)
        try:
            if urlsplit(request.url).path == wire.LIVENESS:
                check = wire.CheckLiveness[str].model_validate_json(body)
                return DecodedRequest(Operation.LIVENESS, self._picture("probe", check.selfie))
            compare = wire.Compare[str].model_validate_json(body)
        except ValidationError:
            return self.error("bad_request")
        return DecodedRequest(
            Operation.COMPARE,
            self._picture("probe", compare.selfie),
            (self._picture("gallery[0]", compare.document),),
            options={"model": compare.model},
        )

    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        compares = asked.operation is Operation.COMPARE
        found = answer.match if compares else answer.liveness
        if found is None or found.score is None:
            return self.error("not_in_plan")
        name = "similarity" if compares else "liveness"
        return json_reply(200, {"id": answer.vendor_reference or uuid4().hex, name: found.score})

    def encode_error(self, error: FacegateError) -> HttpReply:
        reply = self.error(said(error))
        if isinstance(error, RateLimited) and error.retry_after is not None:
            seconds = str(math.ceil(error.retry_after))
            reply = replace(reply, headers={**reply.headers, "retry-after": seconds})
        return reply

    def _picture(self, role: str, text: str) -> Image:
        try:
            image = Image.from_base64(text, self.limits)
            if image.format not in wire.FORMATS:
                raise ImageRejected(f"{image.format} is not taken")
        except ImageRejected as error:
            error.image = role
            raise
        return image
