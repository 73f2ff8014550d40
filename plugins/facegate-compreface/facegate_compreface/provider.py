"""The client of CompreFace's face verification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import Field

from facegate import plugin as fg
from facegate_compreface import wire
from facegate_compreface.errors import ERRORS, INVALID, NO_UUID


class CompreFaceSettings(fg.HttpSettings):
    """What can be set for CompreFace. A threshold holds for one engine: both have to be given."""

    api_key: fg.HeaderSecret = Field(
        description="Of a service of the type Verification; sent as x-api-key."
    )
    engine: str = fg.moves_scores(
        ...,
        pattern=r"^[A-Za-z0-9_.:/@+-]{1,64}$",
        description="Calculator that the threshold was chosen for, as the installation names it;"
        " an answer by another one is refused.",
    )
    threshold: float = Field(
        gt=0,
        le=1,
        description="A match from this similarity on, above 0 and up to 1, on that engine's scale.",
    )
    det_prob_threshold: float | None = fg.per_call(
        None, ge=0, le=1, description="Faces less sure than this, 0 to 1, are not seen."
    )
    parallel: int = Field(4, ge=1, le=32, description="Gallery pictures asked about at a time.")


class CompreFace(fg.HttpProvider[CompreFaceSettings]):
    """Face verification: a similarity for each face of the target, so facegate decides.

    The probe is the source, of which CompreFace refuses several faces as long as no ``limit`` is
    set; of the target it tells all.
    """

    settings_type = CompreFaceSettings
    errors = ERRORS.table
    info = fg.ProviderInfo(
        plugin="compreface",
        lineage="compreface",
        handling=fg.Handling(
            "your own CompreFace", keeps=fg.Kept.NOTHING, enrols=False, searches=False, trains=False
        ),
        formats=wire.FORMATS,
        pictures=wire.PICTURES,
        several_faces=fg.SeveralFaces(fg.FacePolicy.REFUSES, fg.FacePolicy.REFUSES),
        billed=fg.Billed.NO,
        notes=(
            "Every build of the engine has a scale of its own. 0.5 is the centre of its curve, not"
            " a measured threshold, and no false match rates are published.",
            "A picture without a face and one that cannot be decoded are refused by one code, which"
            " does not say which picture it means.",
            "A gallery of n pictures takes n calls; up to n times as many strangers match.",
        ),
    )

    def __init__(self, settings: CompreFaceSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.scores = wire.scores(settings.engine, settings.threshold)
        faces = self.info.several_faces
        if settings.several_faces != "refuse":
            faces = replace(faces, gallery=fg.FacePolicy.ANY)
        self.info = replace(
            self.info,
            lineage=f"{self.info.lineage}/{settings.engine}",
            match=self.scores,
            several_faces=faces,
        )

    def headers(self) -> Mapping[str, str]:
        return {wire.KEY: self.settings.api_key.get_secret_value()}

    def error_code(self, reply: fg.HttpReply) -> str | None:
        number = super().error_code(reply)
        code = number and f"{reply.status}-{number}"
        return NO_UUID if code == INVALID and b"API key" in reply.body else code

    def compare(self, request: fg.CompareRequest[CompreFaceSettings]) -> fg.Flow[fg.Answer]:
        def ask(image: fg.Image) -> fg.Flow[float]:
            return self._similarity(request, image)

        scores = yield from self.for_each(request.gallery, ask, request.settings.parallel)
        match = self.scores.match(max(scores), request.threshold, tuple(scores))
        return fg.Answer(match=match, engine=request.settings.engine)

    def _similarity(
        self, request: fg.CompareRequest[CompreFaceSettings], image: fg.Image
    ) -> fg.Flow[float]:
        """The similarity of the target's most similar face."""
        pair = wire.Pair[fg.Picture](source_image=request.probe, target_image=image)
        sure = request.settings.det_prob_threshold
        query = wire.Query(limit=0, det_prob_threshold=sure, status=True)
        told = query.model_dump(exclude_none=True)
        reply = yield from self.post(wire.VERIFY, pair, wire.Verified, query=told)
        (compared,) = reply.result
        fg.same_engine(request.settings.engine, compared.plugins_versions.calculator)
        faces = len(compared.face_matches)
        if faces > 1 and request.settings.several_faces == "refuse":
            name = f"gallery[{request.gallery.index(image)}]"
            reason = fg.CaptureReason.TOO_MANY_FACES
            raise fg.CaptureRejected(f"{faces} faces", reason=reason, image=name)
        return max(face.similarity for face in compared.face_matches)
