"""CompreFace's face verification, answered by whatever provider is configured."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from facegate import plugin as fg
from facegate_compreface import wire
from facegate_compreface.errors import (
    CROWDED,
    ERRORS,
    FAILED,
    INVALID,
    NO_ENGINE,
    NO_FACE,
    NO_KEY,
    NO_PART,
    NO_PICTURE,
    NO_ROUTE,
    NO_UUID,
    WRONG_KEY,
)

ENGINE: Final = "facegate"
"""The calculator's name: these scores are on no scale of CompreFace's."""
_NOTE = "compreface: callers have a threshold of their own; set match_threshold to it"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class CompreFaceApi(fg.CompatibleApi[fg.CompatibleApiSettings]):
    """Answers as CompreFace does: a similarity, and its caller decides.

    Pictures come in parts or as base64 in JSON. Its rules, where the vendor's words leave something
    open or facegate has no equal:

    - The answering provider's threshold lands on 0.5. Every request is recorded as judged by its
      caller, who is asked for no threshold.
    - There is one match, since the answering provider decides which face of the target counts;
      ``limit`` changes nothing, and neither does ``face_plugins``.
    - With ``status``, the calculator is called ``facegate``.
    - Boxes are those that the answering provider tells, in pixels of the picture as people see it;
      without them there is no member. Nothing is made up.
    - A picture that cannot be decided on is error 28, but several faces on the source are 31. A
      picture that cannot be read is 21, and one that is too heavy 0.
    - If a provider finds a spoof where a comparison was asked for, that is 28 as well: the reply
      has no place to say so, and a similarity alone might let it in.
    - Whatever is wrong at the answering provider (its credential, its quota, an outage), a rate
      limit too, is 41 with status 500.
    - The text of a wrong key's error does not repeat the key.
    """

    plugin = "compreface"
    routes: ClassVar = {wire.VERIFY: frozenset({"POST"})}
    match = wire.scores(ENGINE, 0.5)
    liveness = match  # never asked for
    needs_scores = True
    wants_faces = True
    errors = ERRORS.replies
    failures: ClassVar = {
        fg.CaptureRejected: NO_FACE,
        fg.ImageRejected: NO_PICTURE,
        fg.InvalidRequest: INVALID,
        fg.UnsupportedOption: INVALID,
        fg.FacegateError: NO_ENGINE,
    }
    key_header = wire.KEY
    wrong_key = WRONG_KEY
    missing_key = NO_KEY
    no_route = NO_ROUTE
    too_heavy = FAILED
    formats = wire.FORMATS
    data_uris = False
    settings_type = fg.CompatibleApiSettings

    def notes(self) -> Sequence[str]:
        return () if self.settings.match_threshold else (_NOTE,)

    def authorise(self, request: fg.HttpRequest) -> str | fg.HttpReply:
        outcome, shown = super().authorise(request), self.presented(request)
        refused = isinstance(outcome, fg.HttpReply) and shown
        return self.error(NO_UUID) if refused and not _UUID.fullmatch(shown) else outcome

    def decode(self, request: fg.HttpRequest) -> fg.DecodedRequest | fg.HttpReply:
        query = self._query(request)
        source: str | memoryview | None
        target: str | memoryview | None
        if request.headers.get("content-type", "").startswith("application/json"):
            pair = self.message(request, wire.Pair[str])
            source, target = pair.source_image, pair.target_image
        else:
            form = fg.multipart(request)
            source, target = form.one("source_image"), form.one("target_image")
        if source is None or target is None:
            part = "source_image" if source is None else "target_image"
            return self.error(NO_PART, message=f"Required part {part} is missing")
        probe, gallery = self.picture(source, "probe"), self.gallery([target])
        if any(map(wire.PICTURES.broken_by, (probe, *gallery))):
            return self.error(FAILED)
        return fg.DecodedRequest(
            fg.Operation.COMPARE,
            probe,
            gallery,
            judged_by_caller=True,
            options=query.model_dump(include={"det_prob_threshold"}, exclude_none=True),
            context=query.status,
        )

    def _query(self, request: fg.HttpRequest) -> wire.Query:
        given = json.dumps(dict(parse_qsl(urlsplit(request.url).query)))
        return self.message(replace(request, body=(given.encode(),)), wire.Query)

    def encode(self, asked: fg.DecodedRequest, answer: fg.Answer) -> fg.HttpReply:
        match, live = answer.match, answer.liveness
        if live is not None and not live.passed:
            return self.error(NO_FACE)
        if match is None or match.score is None:
            return self.error(NO_ENGINE)
        compared = {
            "source_image_face": _face(answer.faces, "probe", asked.probe),
            "face_matches": [
                {**_face(answer.faces, "gallery[0]", *asked.gallery), "similarity": match.score}
            ],
        }
        versions = {"plugins_versions": {"calculator": ENGINE}} if asked.context else {}
        return fg.json_reply(200, {"result": [compared | versions]})

    def encode_error(self, error: fg.FacegateError) -> fg.HttpReply:
        reason = getattr(error, "reason", None)
        if reason is fg.CaptureReason.TOO_MANY_FACES and error.image == "probe":
            return self.error(CROWDED)
        return super().encode_error(error)

    def details(self, name: str, error: fg.FacegateError) -> Mapping[str, Any]:
        return {"message": error.message} if name == INVALID else {}


def _face(faces: Iterable[fg.Face], image: str, picture: fg.Image | str) -> dict[str, Any]:
    """The face that counted on a picture, as far as it is known where that is."""
    found = [each for each in faces if each.image == image]
    if len(found) != 1 or isinstance(picture, str):
        return {}
    (face,) = found
    box, width, height = face.box, picture.width, picture.height
    if picture.orientation > 4:  # it is stored on its side
        width, height = height, width
    place = {
        "x_min": round(box.left * width),
        "y_min": round(box.top * height),
        "x_max": round((box.left + box.width) * width),
        "y_max": round((box.top + box.height) * height),
    }
    sure = {} if face.confidence is None else {"probability": round(face.confidence, 5)}
    return {"box": {**sure, **place}}
