"""The client of the Face SDK web service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import Field, ValidationError

from facegate import plugin as fg
from facegate_regula import wire
from facegate_regula.errors import ERRORS, name_of

_REFUSES, _CENTRAL = fg.FacePolicy.REFUSES, fg.FacePolicy.CENTRAL


class RegulaSettings(fg.HttpSettings):
    """What can be set for the service."""

    gateway_key: fg.HeaderSecret | None = Field(
        None, description="Bearer token for a gateway in front; the service itself asks for none."
    )
    gallery_type: wire.GalleryType = fg.per_call(
        "EXTERNAL",
        moves_scores=True,
        description="Portrait printed on a document, from its chip, or any other.",
    )
    audit: bool = Field(
        default=False, description="The service's `detectMatch.results.audit`: it keeps pictures."
    )
    diagnose: bool = Field(
        default=False, description="Ask about each picture where a reply names no unfit one."
    )


class Regula(fg.HttpProvider[RegulaSettings]):
    """Face SDK web service: a similarity for each pair of pictures, so facegate decides."""

    settings_type = RegulaSettings
    errors = ERRORS.table
    info = fg.ProviderInfo(
        plugin="regula",
        lineage="regula",
        handling=fg.Handling(
            "your own Regula Face SDK", fg.Kept.NOTHING, enrols=False, searches=False, trains=False
        ),
        formats=frozenset({fg.ImageFormat.JPEG, fg.ImageFormat.PNG}),
        match=wire.MATCH,
        several_faces=fg.SeveralFaces(_REFUSES, _REFUSES),
        max_gallery=2,
        billed=fg.Billed.MAYBE,
        steps=frozenset({"compare", "diagnose"}),
        notes=(
            "The threshold is that of the vendor's samples; it documents none, and no error rate.",
            "Any match is a match, so up to n times as many strangers match a gallery of n.",
            "Its replies do not say which version answered.",
        ),
    )

    def __init__(self, settings: RegulaSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        several = settings.several_faces
        faces = fg.SeveralFaces(
            _CENTRAL if several == "vendor" else _REFUSES,
            _REFUSES if several == "refuse" else _CENTRAL,
        )
        keeps = fg.Kept.PICTURE if settings.audit else fg.Kept.NOTHING
        handling = replace(self.info.handling, keeps=keeps)
        self.info = replace(self.info, handling=handling, several_faces=faces)

    def headers(self) -> Mapping[str, str]:
        key = self.settings.gateway_key
        return {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}

    def error_code(self, reply: fg.HttpReply) -> str | None:
        try:
            return name_of(wire.Failed.model_validate_json(reply.body).code)
        except ValidationError:
            return None

    def compare(self, request: fg.CompareRequest[RegulaSettings]) -> fg.Flow[fg.Answer]:
        try:
            scores = yield from self.step("compare", self._similarities(request))
        except fg.CaptureRejected as error:
            if error.image is None and request.settings.diagnose:
                yield from self.diagnosed(error, request, self._look)
            raise
        return fg.Answer(match=wire.MATCH.match(max(scores), request.threshold, tuple(scores)))

    def _similarities(self, request: fg.CompareRequest[RegulaSettings]) -> fg.Flow[list[float]]:
        """The probe's similarity to each picture of the gallery."""
        several, kind = request.settings.several_faces, request.settings.gallery_type
        images = [
            wire.Image[fg.Picture](
                index=index,
                type=wire.GALLERY_TYPES[kind] if index else wire.LIVE,
                data=image,
                detect_all=several == "refuse" or (several == "vendor_gallery" and index == 0),
            )
            for index, image in enumerate((request.probe, *request.gallery))
        ]
        message = wire.Match[fg.Picture](images=images)
        reply = yield from self.post(wire.COMPARE, message, wire.Matched)
        self._refuse_unfit(reply, images)
        results = reply.results or ()
        pairs = {frozenset((each.first_index, each.second_index)): each for each in results}
        told = [pairs.get(frozenset((0, index))) for index in range(1, len(images))]
        scores = [pair.similarity for pair in told if pair and pair.similarity is not None]
        if len(scores) < len(told) or len(pairs) < len(results):
            raise fg.BadReply("answered without one similarity for each gallery picture")
        return scores

    def _refuse_unfit(self, reply: wire.Matched, images: Sequence[wire.Image[fg.Picture]]) -> None:
        """Raise the error of the reply, and name the first picture that it is about."""
        # Whether the whole has the code of a picture, or is fine, the vendor leaves open.
        found = sorted(reply.detections or (), key=lambda each: each.image_index)
        code = reply.code or next((each.status for each in found if each.status), 0)
        if code:
            error = self.errors.error(200, name_of(code), None)
            unfit = [each.image_index for each in found if each.status == code]
            error.image = _role(unfit[0]) if unfit and unfit[0] < len(images) else None
            raise error
        faces = [len(each.faces or ()) for each in found]
        if [each.image_index for each in found] != [*range(len(images))] or 0 in faces:
            raise fg.BadReply("answered without a face for each picture")
        for index, (image, number) in enumerate(zip(images, faces, strict=True)):
            if image.detect_all and number > 1:
                reason = fg.CaptureReason.TOO_MANY_FACES
                raise fg.CaptureRejected(f"{number} faces", reason=reason, image=_role(index))

    def _look(self, image: fg.Image) -> fg.Flow[fg.CaptureReason | None]:
        reply = yield from self.post(wire.DETECT, wire.Detect(image=image), wire.Detected)
        if reply.code == 0 and reply.results and not reply.results.detections:
            return fg.CaptureReason.FACE_NOT_FOUND
        reason = self.errors.codes.get(name_of(reply.code))
        return reason if isinstance(reason, fg.CaptureReason) else None


def _role(index: int) -> str:
    return f"gallery[{index - 1}]" if index else "probe"
