"""Vendor-compatible APIs that each break one rule, and the check that has to find it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

from acme import MATCH
from broken.api import AcmeApi
from broken.found import found_by
from facegate.plugin import (
    Answer,
    DecodedRequest,
    FacegateError,
    HttpReply,
    HttpRequest,
    Image,
    json_reply,
)


@found_by("test_a_question_is_read_as_it_was_asked")
class LosesTheThreshold(AcmeApi):
    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        asked = super().decode(request)
        return replace(asked, threshold=None) if isinstance(asked, DecodedRequest) else asked


@found_by("test_a_question_is_read_as_it_was_asked")
class LosesAnOption(AcmeApi):
    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        asked = super().decode(request)
        return replace(asked, options={}) if isinstance(asked, DecodedRequest) else asked


@found_by("test_a_question_is_read_as_it_was_asked")
class TakesTheFirstOfTheGallery(AcmeApi):
    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        asked = super().decode(request)
        return (
            replace(asked, gallery=asked.gallery[:1])
            if isinstance(asked, DecodedRequest)
            else asked
        )


@found_by("test_an_answer_is_read_as_it_was_given")
class RoundsScores(AcmeApi):
    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        said = json.loads(super().encode(asked, answer).body)
        return json_reply(200, {**said, "score": round(said["score"], 1)})


@found_by("test_an_error_is_heard_as_what_it_is")
class AnswersAFailureWithANo(AcmeApi):
    def encode_error(self, error: FacegateError) -> HttpReply:
        return json_reply(200, {"score": 0.0, "live": False})


@found_by("test_a_documented_error_is_never_heard_as_a_yes")
class SendsErrorsAsSuccess(AcmeApi):
    errors: ClassVar = {
        **AcmeApi.errors,
        "odd": replace(AcmeApi.errors["no_face"], status=200, body={"score": 1.0, "live": True}),
    }


@found_by("test_only_who_holds_the_key_is_let_in")
class LetsAnybodyIn(AcmeApi):
    def authorise(self, request: HttpRequest) -> str | HttpReply:
        return self.keys[0] if self.keys else ""


@found_by("test_a_request_that_makes_no_sense_is_answered")
class Stumbles(AcmeApi):
    def decode(self, request: HttpRequest) -> DecodedRequest | HttpReply:
        said = json.loads(b"".join(request.body))
        Image.from_base64(said.get("image") or said["probe"])
        return super().decode(request)


@found_by("test_an_answer_is_read_as_it_was_given")
class TurnsAwayWhoIsJustSimilarEnough(AcmeApi):
    def encode(self, asked: DecodedRequest, answer: Answer) -> HttpReply:
        threshold = asked.threshold or MATCH.threshold
        if answer.match is not None and answer.match.score == threshold:
            return json_reply(200, {"score": threshold - 0.001})
        return super().encode(asked, answer)


@found_by("test_only_who_holds_the_key_is_let_in")
class WantsASignatureThatNobodyGives(AcmeApi):
    def prove(self, request: HttpRequest, key: str) -> HttpReply | None:
        return self.error("bad_token")
