"""The client of DeepFace's own server."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import Field

from facegate import plugin as fg
from facegate_deepface import wire
from facegate_deepface.errors import ERRORS, code_in

_REFUSES, _ANY = fg.FacePolicy.REFUSES, fg.FacePolicy.ANY
_SEVERAL = fg.CaptureReason.TOO_MANY_FACES
_MOVED = "the server's own threshold for this model is not that of DeepFace 0.0.103"
R = TypeVar("R")


class DeepFaceSettings(fg.HttpSettings):
    """What can be set for the server. A distance means something to one model and metric alone."""

    token: fg.HeaderSecret | None = Field(
        None, description="The server's `DEEPFACE_AUTH_TOKEN`, if it has one."
    )
    model: wire.Model = fg.moves_scores("VGG-Face", description="Recognition model.")
    metric: wire.Metric = fg.moves_scores("cosine", description="Measure of the distance.")
    detector: wire.Detector = fg.moves_scores("opencv", description="Face detector.")
    anti_spoofing: bool = Field(
        default=False, description="Offer liveness: you have seen this server refuse a spoof."
    )


_Comparison = fg.CompareRequest[DeepFaceSettings] | fg.CompareLiveRequest[DeepFaceSettings]


class DeepFace(fg.HttpProvider[DeepFaceSettings]):
    """DeepFace's server: a distance for each pair of pictures; liveness as a verdict alone."""

    settings_type = DeepFaceSettings
    errors = ERRORS
    info = fg.ProviderInfo(
        plugin="deepface",
        lineage="deepface",
        handling=fg.Handling(
            "your own DeepFace server", fg.Kept.NOTHING, enrols=False, searches=False, trains=False
        ),
        formats=frozenset({fg.ImageFormat.JPEG, fg.ImageFormat.PNG}),
        match=wire.distances("VGG-Face", "cosine", "opencv"),
        several_faces=fg.SeveralFaces(_REFUSES, _REFUSES),
        billed=fg.Billed.NO,
        steps=frozenset({"represent", "verify"}),
        notes=(
            "The default threshold is DeepFace's own for the model and the metric. They moved"
            " between releases, and no false match rate is stated for any.",
            "A gallery of n pictures takes n calls; up to n times as many strangers match.",
        ),
    )

    def __init__(self, settings: DeepFaceSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.distances = wire.distances(settings.model, settings.metric, settings.detector)
        self._common: Any = {"model_name": settings.model, "detector_backend": settings.detector}
        probe = _ANY if settings.several_faces == "vendor" else _REFUSES
        gallery = _REFUSES if settings.several_faces == "refuse" else _ANY
        self.info = replace(
            self.info,
            lineage=f"deepface/{settings.model}",
            match=self.distances,
            several_faces=fg.SeveralFaces(probe, gallery),
        )

    @classmethod
    def withheld(cls, settings: DeepFaceSettings) -> frozenset[fg.Operation]:
        # A server that does not know `anti_spoofing` takes everybody for live without a word.
        if settings.anti_spoofing:
            return frozenset()
        return frozenset({fg.Operation.LIVENESS, fg.Operation.COMPARE_LIVE})

    def headers(self) -> Mapping[str, str]:
        token = self.settings.token
        return {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}

    def error_code(self, reply: fg.HttpReply) -> str | None:
        return code_in(reply.body.decode(errors="replace")) if reply.status == 400 else None

    def compare(self, request: fg.CompareRequest[DeepFaceSettings]) -> fg.Flow[fg.Answer]:
        return self._compared(request, live=False)

    def compare_live(self, request: fg.CompareLiveRequest[DeepFaceSettings]) -> fg.Flow[fg.Answer]:
        return self._compared(request, live=True)

    def liveness(self, request: fg.LivenessRequest[DeepFaceSettings]) -> fg.Flow[fg.Answer]:
        yield from self._look(request.probe, "probe", live=True)
        return fg.Answer(liveness=fg.Liveness(passed=True))

    def _compared(self, request: _Comparison, *, live: bool) -> fg.Flow[fg.Answer]:
        def ask(image: fg.Image) -> fg.Flow[tuple[float, float]]:
            return self._verified(request.probe, image, f"gallery[{request.gallery.index(image)}]")

        if live or self.settings.several_faces != "vendor":
            yield from self._look(request.probe, "probe", live=live)
        replies = yield from self.for_each(request.gallery, ask, limit=1)  # they share its CPU
        scores = tuple(distance for distance, _ in replies)
        moved = {threshold for _, threshold in replies} - {self.distances.threshold}
        return fg.Answer(
            match=self.distances.match(min(scores), request.threshold, scores),
            liveness=fg.Liveness(passed=True) if live else None,
            engine=self.distances.scale.name,
            warnings=(_MOVED,) if moved else (),
        )

    def _verified(
        self, probe: fg.Image, image: fg.Image, name: str
    ) -> fg.Flow[tuple[float, float]]:
        """The distance of a gallery picture, and the threshold of the server's own verdict."""
        if self.settings.several_faces == "refuse":
            yield from self._look(image, name)
        metric = self.settings.metric
        message = wire.Verify(img1=probe, img2=image, distance_metric=metric, **self._common)
        call = self.post("/verify", message, wire.Verified)
        reply = yield from self._step("verify", call, {"img1": "probe", "img2": name})
        engine = f"deepface/{reply.model}/{reply.similarity_metric}/{reply.detector_backend}"
        fg.same_engine(self.distances.scale.name, engine)
        own = replace(self.distances, threshold=reply.threshold)
        distance = max(0.0, reply.distance)
        own.verdict(reply.verified, distance, threshold=None)
        if distance == reply.threshold and not reply.verified:  # it was rounded down to it
            distance = math.nextafter(distance, math.inf)
        return distance, reply.threshold

    def _look(self, image: fg.Image, name: str, *, live: bool = False) -> fg.Flow[None]:
        """What /verify cannot: refuse several faces, and ask of one picture alone if it is live."""
        # Two faces are enough to refuse; each comes with thousands of numbers.
        most = None if self.settings.several_faces == "vendor" else 2
        message = wire.Represent(img=image, anti_spoofing=live, max_faces=most, **self._common)
        call = self.post("/represent", message, wire.Represented)
        reply = yield from self._step("represent", call, {"": name})
        if most and len(reply.results) > 1:
            raise fg.CaptureRejected("several faces", reason=_SEVERAL, image=name)

    def _step(self, step: str, call: fg.Flow[R], images: Mapping[str, str]) -> fg.Flow[R]:
        """A call whose errors name the picture, by its place in the request."""
        try:
            return (yield from self.step(step, call))
        except (fg.CaptureRejected, fg.ImageRejected) as error:
            _, _, place = (error.vendor_code or "").partition(":")
            error.image = images.get(place)
            raise
