"""Plugins that each break a rule of providers behind HTTP, and the check that has to find it."""

from __future__ import annotations

import base64
import logging
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ConfigDict, Field

from acme import (
    MATCH,
    SCALE,
    TOKEN,
    Acme,
    CompareMessage,
    CompareReply,
    LivenessMessage,
    LivenessReply,
    Settings,
)
from acme_documented import AcmesDocumentation
from broken.found import found_by
from facegate.plugin import (
    Answer,
    BadReply,
    CompareLiveRequest,
    CompareRequest,
    DataUri,
    ErrorTable,
    FacegateError,
    Flow,
    HttpReply,
    HttpRequest,
    ImageFormat,
    InvalidRequest,
    Liveness,
    LivenessRequest,
    Match,
    Operation,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    UnmappedError,
    UnsupportedOperation,
    WireModel,
    call,
    json_body,
    per_call,
    send,
)
from facegate.testing import Endpoint, VendorCall

Compare = CompareRequest[Settings]


def message(request: Compare, **changes: Any) -> CompareMessage:
    fields = {"min_score": request.threshold, "mode": request.settings.mode, **changes}
    return CompareMessage(probe=request.probe, gallery=list(request.gallery), **fields)


def posted(provider: Acme, request: Compare) -> HttpRequest:
    body = json_body(message(request))
    headers = {"Content-Type": body.content_type, **provider.headers()}
    return HttpRequest("POST", f"{provider.settings.base_url}/v1/compare", headers, body.parts)


def read(request: Compare, reply: HttpReply) -> Answer:
    found = CompareReply.model_validate_json(reply.body)
    return Answer(MATCH.match(found.score, request.threshold))


def yes(request: Any, *, is_match: bool = True) -> Answer:
    return Answer(Match(is_match=is_match, threshold=request.threshold, scale=SCALE))


@found_by("test_a_documented_error_means_what_is_documented")
class RetriesByItself(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        try:
            return (yield from super().compare(request))
        except ProviderUnavailable:
            return (yield from super().compare(request))


@found_by("test_no_face_and_no_secret_shows_however_it_ends")
class TellsTheToken(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        try:
            return (yield from super().compare(request))
        except UnmappedError:
            raise UnmappedError(f"refused {self.headers()}") from None


@found_by("test_no_face_and_no_secret_shows_however_it_ends")
class LogsTheFace(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        logging.getLogger(__name__).debug("asking %s", message(request).model_dump_json())
        return (yield from super().compare(request))


class BasicSettings(Settings):
    user: str = "somebody"


@found_by(
    "test_no_face_and_no_secret_shows",
    settings={"token": TOKEN, "user": "somebody"},
    headers={"authorization": f"Basic {base64.b64encode(f'somebody:{TOKEN}'.encode()).decode()}"},
)
class LogsItsBasicAuth(Acme):
    settings_type = BasicSettings

    def headers(self) -> Mapping[str, str]:
        pair = f"{self.settings.user}:{self.settings.token.get_secret_value()}"  # type: ignore[attr-defined]
        basic = base64.b64encode(pair.encode()).decode()
        logging.getLogger(__name__).warning("asking with %s", basic)
        return {"Authorization": f"Basic {basic}"}


@found_by("test_no_face_and_no_secret_shows_however_it_ends")
class QuotesTheVendor(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        reply = yield from send(posted(self, request), self.settings.transport)
        if reply.status != 200:
            raise InvalidRequest(f"the vendor said {reply.body!r}")
        return read(request, reply)


@found_by("test_a_spoilt_field_makes_no_yes_and_no_score")
class TakesSilenceForLife(Acme):
    class Reply(LivenessReply):
        live: bool = True

    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        threshold = request.liveness_threshold
        asked = LivenessMessage(image=request.probe, min_score=threshold)
        reply = yield from self.post("/v1/liveness", asked, self.Reply)
        return Answer(None, Liveness(passed=reply.live, threshold=threshold, scale=SCALE))


@found_by("test_a_spoilt_field_makes_no_yes_and_no_score")
class ReadsNaN(Acme):
    class Reply(WireModel):
        model_config = ConfigDict(allow_inf_nan=True)
        score: float = Field(strict=True)

    def compare(self, request: Compare) -> Flow[Answer]:
        reply = yield from self.post("/v1/compare", message(request), self.Reply)
        return yes(request, is_match=not reply.score < (request.threshold or 0))


@found_by("test_a_spoilt_field_makes_no_yes_and_no_score")
class TakesTrueForAScore(Acme):
    class Reply(WireModel):
        score: float

    def compare(self, request: Compare) -> Flow[Answer]:
        reply = yield from self.post("/v1/compare", message(request), self.Reply)
        return Answer(MATCH.match(reply.score, request.threshold))


@found_by("test_a_yes_beside_an_error_is_no_yes")
class OverhearsAnError(Acme):
    class Reply(CompareReply):
        code: str | None = None  # type: ignore[assignment]

    def compare(self, request: Compare) -> Flow[Answer]:
        reply = yield from self.post("/v1/compare", message(request), self.Reply)
        return Answer(MATCH.match(reply.score, request.threshold))


@found_by("test_an_unreadable_reply_is_a_bad_reply")
class TakesNonsenseForANo(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        try:
            return (yield from super().compare(request))
        except BadReply:
            return yes(request, is_match=False)


@found_by("test_no_connection_is_never_an_answer")
class TakesAnOutageForANo(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        try:
            return (yield from super().compare(request))
        except ProviderError:
            return yes(request, is_match=False)


@found_by("test_redirects_are_not_followed")
class FollowsRedirects(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        here = posted(self, request)
        reply = yield from send(here, self.settings.transport)
        if "location" in reply.headers:
            there = replace(here, url=reply.headers["location"])
            reply = yield from send(there, self.settings.transport)
        if reply.status != 200:
            raise UnmappedError(f"answered {reply.status}")
        return read(request, reply)


LIVENESS_WITH_MODE = VendorCall(
    Operation.LIVENESS,
    Endpoint("/v1/liveness", ("image", "minScore", "mode"), probe="image"),
    carries={"mode"},
)


class LivenessWithMode(LivenessMessage):
    mode: str


@found_by(
    "test_an_option_reaches_the_vendor",
    documented=(
        *AcmesDocumentation.documented[:2],
        *(replace(each, call=LIVENESS_WITH_MODE) for each in AcmesDocumentation.documented[2:]),
    ),
)
class DropsAnOptionInOneOfTwoOperations(Acme):
    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        threshold = request.liveness_threshold
        asked = LivenessWithMode(image=request.probe, min_score=threshold, mode="FAST")
        reply = yield from self.post("/v1/liveness", asked, LivenessReply)
        liveness = Liveness(passed=reply.live, score=reply.score, threshold=threshold, scale=SCALE)
        return Answer(liveness=liveness)


@found_by("test_an_option_is_carried_somewhere")
class HasAnOptionThatNoCallCarries(Acme):
    class Wordy(Settings):
        words: bool = per_call(default=False, description="Whether to say more.")

    settings_type = Wordy


@found_by("test_an_option_reaches_the_vendor")
class DropsAnOption(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        asked = message(request, mode="FAST")
        reply = yield from self.post("/v1/compare", asked, CompareReply)
        return Answer(MATCH.match(reply.score, request.threshold))


@found_by("test_an_unknown_error_is_never_guessed_at")
class GuessesUnknownCodes(Acme):
    errors = ErrorTable(Acme.errors.codes, {400: InvalidRequest})

    def error_code(self, reply: HttpReply) -> str | None:
        code = super().error_code(reply)
        return code if code in self.errors.codes else None


@found_by("test_every_row_of_the_error_table_is_reached")
class LooksForTheCodeElsewhere(Acme):
    def error_code(self, reply: HttpReply) -> str | None:
        return reply.headers.get("x-code")


@found_by("test_a_documented_error_means_what_is_documented")
class RaisesWhatNoQueueCanCarry(Acme):
    class Refused(UnmappedError):
        def __init__(self, message: str, *, status: int) -> None:
            super().__init__(message)
            self.status = status

    def compare(self, request: Compare) -> Flow[Answer]:
        try:
            return (yield from super().compare(request))
        except FacegateError:
            raise self.Refused("refused", status=400) from None


@found_by("test_everybody_is_at_their_place")
class SwapsSelfieAndDocument(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        first, *others = request.gallery
        swapped = replace(request, probe=first, gallery=(request.probe, *others))
        return (yield from super().compare(swapped))


@found_by("test_everybody_is_at_their_place")
class LosesTheSecondOfTheGallery(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        return (yield from super().compare(replace(request, gallery=request.gallery[:1])))


@found_by("test_every_picture_type_is_sent_as_it_is")
class SendsOnePictureForEveryJPEG(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        if request.probe.format is ImageFormat.JPEG:
            request = replace(request, probe=request.gallery[0])
        return (yield from super().compare(request))


@found_by("test_the_same_question_makes_the_same_requests")
class SendsATimestamp(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        asked = message(request, note=f"{time.time_ns()}")
        reply = yield from self.post("/v1/compare", asked, CompareReply)
        return Answer(MATCH.match(reply.score, request.threshold))


class Dated(Acme):
    def headers(self) -> Mapping[str, str]:
        return {**super().headers(), "X-Time": f"{time.time_ns()}"}


@found_by("test_an_option_reaches_the_vendor", moving=("x-time",))
class DropsAnOptionBehindADate(Dated):
    def compare(self, request: Compare) -> Flow[Answer]:
        asked = message(request, mode="FAST")
        reply = yield from self.post("/v1/compare", asked, CompareReply)
        return Answer(MATCH.match(reply.score, request.threshold))


@found_by("test_what_moves_is_verified", moving=("x-time",))
class HasAHeaderThatNobodyVerifies(Dated):
    pass


@found_by("test_what_moves_is_verified", moving=("x-time",), verify=lambda *_: None)
class HasAHeaderThatIsVerifiedByNodding(Dated):
    pass


@found_by("test_a_request_is_as_documented")
class ForgetsAField(Acme):
    class Message(CompareMessage):
        note: str | None = None  # type: ignore[assignment]

    def compare(self, request: Compare) -> Flow[Answer]:
        asked = message(request).model_dump(exclude={"note"})
        reply = yield from self.post("/v1/compare", self.Message(**asked), CompareReply)
        return Answer(MATCH.match(reply.score, request.threshold))


@found_by("test_every_operation_answers_what_was_asked", "test_a_request_is_as_documented")
class AsksElsewhere(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        reply = yield from self.post("/v2/compare", message(request), CompareReply)
        return Answer(MATCH.match(reply.score, request.threshold))


@found_by("test_a_request_is_as_documented")
class RaisesBeforeItAsks(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        yield from ()
        raise UnsupportedOperation("not today")


@found_by("test_everybody_is_at_their_place")
class SendsDataURIs(Acme):
    class Message(CompareMessage):
        probe: DataUri

    def compare(self, request: Compare) -> Flow[Answer]:
        asked = self.Message(**dict(message(request)))
        reply = yield from self.post("/v1/compare", asked, CompareReply)
        return Answer(MATCH.match(reply.score, request.threshold))


@found_by("test_eight_at_once_each_get_their_own_answer")
class RemembersTheLastQuestion(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        self.last = request
        yield from call(lambda: None)
        return (yield from super().compare(self.last))


@found_by("test_the_event_loop_goes_on_while_the_vendor_thinks")
class WaitsOnTheLoop(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        asked = posted(self, request)
        body = b"".join(asked.body)
        post = urllib.request.Request(asked.url, body, dict(asked.headers))  # noqa: S310
        with urllib.request.urlopen(post, timeout=60) as reply:  # noqa: S310
            found = reply.read()
        yield from ()
        return read(request, HttpReply(200, body=found))


@found_by("test_every_operation_is_documented_with_a_yes_and_a_no")
class PretendsToDoMore(Acme):
    def compare_live(self, request: CompareLiveRequest[Settings]) -> Flow[Answer]:
        yield from ()
        raise UnsupportedOperation("not really")


@found_by("test_a_documented_reply_is_read_as_documented")
class LosesTheReference(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        answer = yield from super().compare(request)
        return replace(answer, vendor_reference=None)


@found_by(
    "test_an_outage_is_never_an_answer", "test_a_vendor_that_stops_reading_is_never_an_answer"
)
class TakesSilenceForANo(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        try:
            return (yield from super().compare(request))
        except ProviderTimeout:
            return yes(request, is_match=False)


@found_by("test_no_face_and_no_secret_is_in_a_recording")
class SendsAPieceOfTheFaceAsText(Acme):
    def compare(self, request: Compare) -> Flow[Answer]:
        asked = message(request, note=request.probe.data[100:130].hex())
        reply = yield from self.post("/v1/compare", asked, CompareReply)
        return Answer(MATCH.match(reply.score, request.threshold))
