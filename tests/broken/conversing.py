"""Plugins whose questions take several requests, each of which breaks a rule."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from broken.found import found_by
from conversations import ChainsDocumentation, NorrasksDocumentation, VeridiasDocumentation
from facegate.plugin import Answer, CompareRequest, Flow, HttpRequest, Image
from norrask import MATCH, Begun, Job, Liveliness, Norrask, Settings
from test_steps import Chained
from veridia import NOON, Veridia, signature_of

NORRASK = {"documentation": NorrasksDocumentation}


class AnyJob(Job):
    state: str = "done"  # type: ignore[assignment]
    similarity: float | None = 100.0


@found_by("test_a_spoilt_step_makes_no_yes_and_no_score", **NORRASK)
class TakesWhatIsNotPendingForDone(Norrask):
    def compare(self, request: CompareRequest[Settings]) -> Flow[Answer]:
        body = self.uploaded(request)
        begun = yield from self.exchange("POST", "/checks", Begun, body=body)
        path = f"/checks/{begun.id}"
        job = yield from self.poll(path, AnyJob, lambda job: job.state != "pending", every_s=0.01)
        yield from self.deleted(begun)
        return Answer(match=MATCH.match(self.similarity(job), request.threshold))


@found_by("test_a_request_is_as_documented", **NORRASK)
class LeavesTheJobBehind(Norrask):
    def deleted(self, begun: Begun) -> Flow[Any]:
        yield from ()


@found_by("test_a_request_is_as_documented", **NORRASK)
class WantsAnotherAction(Norrask):
    def act(self, action: str, message: Any) -> Flow[Liveliness]:
        return super().act("CheckQuality", message)


@found_by("test_a_documented_reply_is_read_as_documented", **NORRASK)
class AsksOnceMoreThanItHasTo(Norrask):
    def deleted(self, begun: Begun) -> Flow[Any]:
        yield from self.get(f"/checks/{begun.id}", Job)
        yield from super().deleted(begun)


@found_by("test_everybody_is_at_their_place", **NORRASK)
class SwapsTheParts(Norrask):
    def uploaded(self, request: CompareRequest[Settings]) -> Any:
        (document,) = request.gallery
        return super().uploaded(replace(request, probe=document, gallery=(request.probe,)))


@found_by("test_every_picture_type_is_sent_as_it_is", **NORRASK)
class CallsEveryPictureAPNG(Norrask):
    def uploaded(self, request: CompareRequest[Settings]) -> Any:
        body = super().uploaded(request)
        parts = tuple(part.replace(b"image/webp", b"image/png") for part in body.parts)
        return replace(body, parts=parts)


@found_by("test_a_request_is_as_documented", documentation=ChainsDocumentation)
class ComparesTheProbeWithItself(Chained):
    def _find(self, image: Image) -> Flow[Any]:
        found = yield from super()._find(image)
        self.first = getattr(self, "first", found)
        return self.first


@found_by("test_what_moves_is_verified", documentation=VeridiasDocumentation)
class SignsAnotherDate(Veridia):
    def signed(self, request: HttpRequest) -> HttpRequest:
        signed = super().signed(request)
        date = f"{NOON:%Y-%m-%d}"
        path = "/" + request.url.split("/", 3)[3]
        secret = self.settings.secret.get_secret_value()
        other = signature_of(secret, request.method, path, date, *request.body)
        return replace(signed, headers={**signed.headers, "X-Signature": other})
