"""The client of Azure AI Face."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import Field

from facegate import plugin as fg
from facegate_azure import wire
from facegate_azure.errors import ERRORS, INVALID, UNREADABLE

_REFUSES, _LARGEST = fg.FacePolicy.REFUSES, fg.FacePolicy.LARGEST


class AzureFaceSettings(fg.HttpSettings):
    """What can be set for Azure AI Face, beside what every provider behind HTTP has."""

    base_url: str = Field(
        description="Endpoint of the resource, as in `https://NAME.cognitiveservices.azure.com`."
    )
    api_key: fg.HeaderSecret = Field(
        description="One of its keys; sent as Ocp-Apim-Subscription-Key."
    )
    region: str | None = fg.moves_scores(
        None, description="Region of the resource, which its endpoint does not tell."
    )
    min_quality: wire.Quality = Field(
        "medium", description="A face of a lower quality, as Azure judges it, is refused."
    )
    parallel: int = Field(4, ge=1, le=32, description="Gallery pictures asked about at a time.")


class AzureFace(fg.HttpProvider[AzureFaceSettings]):
    """Two ids for two faces, and a confidence that they are one person, so facegate decides."""

    settings_type = AzureFaceSettings
    errors = ERRORS
    info = fg.ProviderInfo(
        plugin="azure_face",
        lineage="azure-face",
        handling=fg.Handling(
            "Microsoft",
            keeps=fg.Kept.TEMPLATE,
            keeps_for_s=wire.TIME_TO_LIVE[0],
            enrols=False,
            searches=False,
        ),
        formats=wire.FORMATS,
        match=wire.MATCH,
        pictures=wire.PICTURES,
        several_faces=fg.SeveralFaces(_REFUSES, _REFUSES),
        steps=frozenset({"detect", "verify"}),
        notes=(
            "Microsoft has to have approved of the account before it may verify.",
            "A gallery of n pictures takes 1 + 2n calls, each charged for; any match is a match, so"
            " up to n times as many strangers match.",
            "No false match rates are published. 0.5 is where Azure's own verdict changes.",
        ),
    )

    def __init__(self, settings: AzureFaceSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        shortest, longest = wire.TIME_TO_LIVE
        # An id has to outlive the question that it is for, and no more.
        self._kept_s = math.ceil(min(max(shortest, settings.deadline_s), longest))
        probe = _LARGEST if settings.several_faces == "vendor" else _REFUSES
        gallery = _REFUSES if settings.several_faces == "refuse" else _LARGEST
        handling = self.info.handling
        self.info = replace(
            self.info,
            handling=replace(handling, region=settings.region, keeps_for_s=self._kept_s),
            several_faces=fg.SeveralFaces(probe, gallery),
        )

    def headers(self) -> Mapping[str, str]:
        return {wire.KEY: self.settings.api_key.get_secret_value()}

    def error_code(self, reply: fg.HttpReply) -> str | None:
        try:
            body = json.loads(reply.body)
            error = body.get("error", body)  # the gateway's own has neither "error" nor "code"
            code = str(error.get("code") or error["statusCode"])
        except (ValueError, KeyError, AttributeError, RecursionError):
            return None
        text = str(error.get("message"))
        return UNREADABLE if code == INVALID and text.startswith("Decoding error") else code

    def compare(self, request: fg.CompareRequest[AzureFaceSettings]) -> fg.Flow[fg.Answer]:
        probe = yield from self._detected(request.probe, "probe")

        def ask(image: fg.Image) -> fg.Flow[float]:
            return self._confidence(probe, image, f"gallery[{request.gallery.index(image)}]")

        scores = yield from self.for_each(request.gallery, ask, request.settings.parallel)
        match = wire.MATCH.match(max(scores), request.threshold, tuple(scores))
        return fg.Answer(match=match, engine=probe.recognition_model)

    def _confidence(self, probe: wire.Face, image: fg.Image, name: str) -> fg.Flow[float]:
        """The confidence that a gallery picture is of the probe's person."""
        face = yield from self._detected(image, name)
        if face.face_id.casefold() == probe.face_id.casefold():
            raise fg.BadReply("answered with one id for two pictures")
        pair = wire.Pair(face_id1=probe.face_id, face_id2=face.face_id)
        reply = yield from self.step("verify", self.post(wire.VERIFY, pair, wire.Verified))
        return reply.confidence

    def _detected(self, image: fg.Image, name: str) -> fg.Flow[wire.Face]:
        """The face that counts on a picture."""
        body, query = fg.raw_body(image), wire.detection(self._kept_s)
        call = self.exchange("POST", wire.DETECT, wire.Faces, body=body, query=query)
        try:
            faces = (yield from self.step("detect", call)).root
        except (fg.CaptureRejected, fg.ImageRejected) as error:
            error.image = name
            raise
        if reason := self._defect(faces, name):
            raise fg.CaptureRejected("no face to compare", reason=reason, image=name)
        fg.same_engine(wire.RECOGNITION, faces[0].recognition_model)
        return faces[0]

    def _defect(self, faces: Sequence[wire.Face], name: str) -> fg.CaptureReason | None:
        """What is wrong with the faces of a picture, None for nothing."""
        if not faces:
            return fg.CaptureReason.FACE_NOT_FOUND
        policies = self.info.several_faces
        policy = policies.probe if name == "probe" else policies.gallery
        if len(faces) > 1 and policy is _REFUSES:
            return fg.CaptureReason.TOO_MANY_FACES
        found, least = faces[0].quality, self.settings.min_quality
        too_low = wire.QUALITIES.index(found) < wire.QUALITIES.index(least)
        return fg.CaptureReason.QUALITY_TOO_LOW if too_low else None
