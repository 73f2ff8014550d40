"""The client of Rekognition's CompareFaces."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import Field, field_validator, model_validator

from facegate import plugin as fg
from facegate_rekognition import wire
from facegate_rekognition.errors import OF_BYTES, TABLE, VALIDATION

REGIONS = frozenset(
    "ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-1 ap-southeast-2"  # noqa: SIM905
    " ap-southeast-5 ap-southeast-7 ca-central-1 eu-central-1 eu-south-2 eu-west-1 eu-west-2"
    " il-central-1 sa-east-1 us-east-1 us-east-2 us-gov-west-1 us-west-1 us-west-2".split()
)
"""The service model's; another one needs its ``base_url``."""
_CREDENTIALS = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
R = TypeVar("R", bound=fg.WireModel)


class RekognitionSettings(fg.HttpSettings):
    """What can be set for Rekognition. Credentials come from here or from AWS's variables."""

    base_url: str = Field("", description="Where the API is, if not where `region` says.")
    region: str = fg.moves_scores(
        ..., description="AWS region; `AWS_REGION` or `AWS_DEFAULT_REGION` if absent."
    )
    access_key_id: fg.HeaderSecret = Field(description="`AWS_ACCESS_KEY_ID` if absent.")
    secret_access_key: fg.HeaderSecret = Field(
        repr=False, description="`AWS_SECRET_ACCESS_KEY` if absent."
    )
    session_token: fg.HeaderSecret | None = Field(
        None, description="Of temporary credentials; `AWS_SESSION_TOKEN` if all three are absent."
    )
    quality_filter: wire.Quality = fg.per_call(
        "NONE", description="Faces of a lower quality are left out of the comparison."
    )
    diagnose: bool = Field(
        default=False,
        description="Ask DetectFaces about each picture, each time charged for, when AWS does not"
        " say which one it could not use.",
    )
    opted_out: bool = Field(
        default=False,
        description="Your organisation has opted out of AWS's keeping and using your content, which"
        " the API does not tell.",
    )
    parallel: int = Field(4, ge=1, le=32, description="Gallery pictures asked about at a time.")

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, given: Any) -> Any:
        values = dict(given)
        if not values.keys() & _CREDENTIALS.keys():
            found = {name: os.environ.get(each) for name, each in _CREDENTIALS.items()}
            values |= {name: value for name, value in found.items() if value}
        region = values.get("region") or next(filter(None, map(os.environ.get, _REGION)), None)
        if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", str(region)):
            raise ValueError("give region, such as eu-west-1, or set AWS_REGION")
        if "base_url" not in values and region not in REGIONS:
            raise ValueError(f"region: not known to be in {region}; if it is, give base_url")
        url = values.setdefault("base_url", f"https://rekognition.{region}.amazonaws.com")
        if ".amazonaws.com" in str(url) and f".{region}." not in str(url):
            raise ValueError(f"region is {region}, and base_url is of another one")
        return {**values, "region": region}

    @field_validator("access_key_id")
    @classmethod
    def _an_id(cls, key_id: fg.HeaderSecret) -> fg.HeaderSecret:
        if not re.fullmatch(r"[\w-]{1,128}", key_id.get_secret_value(), re.ASCII):
            raise ValueError("must be letters and digits; is it the secret_access_key?")
        return key_id


class Rekognition(fg.HttpProvider[RekognitionSettings]):
    """CompareFaces: a similarity for each face of the target, so facegate decides.

    The probe is the source, of which the largest face counts: of a target, any face may match. The
    threshold that is sent is 0, since AWS tells no similarity below it.
    """

    settings_type = RekognitionSettings
    errors = TABLE
    info = fg.ProviderInfo(
        plugin="rekognition",
        lineage="aws-rekognition",
        handling=fg.Handling(
            "AWS", keeps=fg.Kept.PICTURE, enrols=False, searches=False, trains=True
        ),
        formats=wire.FORMATS,
        match=wire.MATCH,
        pictures=wire.PICTURES,
        several_faces=fg.SeveralFaces(fg.FacePolicy.LARGEST, fg.FacePolicy.REFUSES),
        steps=frozenset({"compare", "diagnose"}),
        environment=frozenset({*_CREDENTIALS.values(), *_REGION}),
        notes=(
            "AWS advises 99 for decisions about people; the default is its API's, 80.",
            "A picture without a face and one with too small a face are refused by one code, which"
            " does not say which picture it means; diagnose asks.",
            "A gallery of n pictures takes n calls; up to n times as many strangers match.",
            "Its replies do not say which model answered.",
        ),
    )

    def __init__(self, settings: RekognitionSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        handling = replace(self.info.handling, region=settings.region)
        if settings.opted_out:
            handling = replace(handling, keeps=fg.Kept.NOTHING, trains=False)
        faces = self.info.several_faces
        if settings.several_faces != "refuse":
            faces = replace(faces, gallery=fg.FacePolicy.ANY)
        self.info = replace(self.info, handling=handling, several_faces=faces)

    def headers(self) -> Mapping[str, str]:
        token = self.settings.session_token
        return {} if token is None else {wire.TOKEN: token.get_secret_value()}

    def signed(self, request: fg.HttpRequest) -> fg.HttpRequest:
        given, now = self.settings, self.clock()
        key_id, secret = given.access_key_id, given.secret_access_key
        return wire.SIGNING.signed(request, key_id, secret, now, given.region)

    def error_code(self, reply: fg.HttpReply) -> str | None:
        try:
            error = json.loads(reply.body)
            code = str(error["__type"]).rpartition("#")[2]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        text = str(error.get("message", error.get("Message", "")))
        return OF_BYTES if code == VALIDATION and "bytes" in text else code

    def compare(self, request: fg.CompareRequest[RekognitionSettings]) -> fg.Flow[fg.Answer]:
        def ask(image: fg.Image) -> fg.Flow[float]:
            return self._similarity(request, image)

        try:
            scores = yield from self.for_each(request.gallery, ask, request.settings.parallel)
        except fg.CaptureRejected as error:
            if error.reason is fg.CaptureReason.NOT_STATED and request.settings.diagnose:
                yield from self.diagnosed(error, request, self._look)
            raise
        return fg.Answer(match=wire.MATCH.match(max(scores), request.threshold, tuple(scores)))

    def _similarity(
        self, request: fg.CompareRequest[RekognitionSettings], image: fg.Image
    ) -> fg.Flow[float]:
        """The similarity of the target's most similar face."""
        message = wire.Compare[fg.Picture](
            SourceImage=wire.Source[fg.Picture](Bytes=request.probe),
            TargetImage=wire.Source[fg.Picture](Bytes=image),
            SimilarityThreshold=0,
            QualityFilter=request.settings.quality_filter,
        )
        reply = yield from self.step("compare", self._asked(wire.COMPARE, message, wire.Compared))
        if not reply.FaceMatches:
            raise fg.BadReply("answered without a similarity")
        faces = len(reply.FaceMatches) + len(reply.UnmatchedFaces)
        if faces > 1 and request.settings.several_faces == "refuse":
            name = f"gallery[{request.gallery.index(image)}]"
            reason = fg.CaptureReason.TOO_MANY_FACES
            raise fg.CaptureRejected(f"{faces} faces", reason=reason, image=name)
        return max(face.Similarity for face in reply.FaceMatches)

    def _look(self, image: fg.Image) -> fg.Flow[fg.CaptureReason | None]:
        message = wire.Detect[fg.Picture](Image=wire.Source[fg.Picture](Bytes=image))
        found = yield from self._asked(wire.DETECT, message, wire.Detected)
        return _defect(found.FaceDetails, image)

    def _asked(self, operation: str, message: fg.WireModel, reply_type: type[R]) -> fg.Flow[R]:
        headers = {wire.TARGET: operation, "Content-Type": wire.CONTENT_TYPE}
        return self.post("/", message, reply_type, headers=headers)


def _defect(faces: Sequence[wire.Detail], image: fg.Image) -> fg.CaptureReason | None:
    """What AWS's advice for comparing has against the face that counts, None for nothing.

    Source: "Recommendations for facial comparison input images", developer guide.
    """
    if not faces:
        return fg.CaptureReason.FACE_NOT_FOUND
    face = max(faces, key=lambda face: face.BoundingBox["Width"] * face.BoundingBox["Height"])
    box = face.BoundingBox
    if min(box["Width"] * image.width, box["Height"] * image.height) < 50:
        return fg.CaptureReason.FACE_TOO_SMALL
    if face.FaceOccluded["Value"]:
        return fg.CaptureReason.FACE_IS_OCCLUDED
    if abs(face.Pose["Yaw"]) > 45 or not -30 < face.Pose["Pitch"] < 45:
        return fg.CaptureReason.FACE_ANGLE_TOO_LARGE
    return None
