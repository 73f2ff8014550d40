"""What the server is sent and sends, and its distances. Source: the code of deepface 0.0.103."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from facegate import plugin as fg

_FARTHEST: Final = {"cosine": 2.0, "angular": 1.0}
_THRESHOLDS: Final = {
    "VGG-Face": {"cosine": 0.68, "angular": 0.39},
    "Facenet": {"cosine": 0.40, "angular": 0.33},
    "Facenet512": {"cosine": 0.30, "angular": 0.35},
    "ArcFace": {"cosine": 0.68, "angular": 0.39},
    "Dlib": {"cosine": 0.07, "angular": 0.12},
    "SFace": {"cosine": 0.593, "angular": 0.36},
    "OpenFace": {"cosine": 0.10, "angular": 0.11},
    "DeepFace": {"cosine": 0.23, "angular": 0.12},
    "DeepID": {"cosine": 0.015, "angular": 0.04},
    "GhostFaceNet": {"cosine": 0.65, "angular": 0.38},
    "Buffalo_L": {"cosine": 0.55, "angular": 0.45},
}
_YOLO: Final = "yolov8[nml]|yolov1[12][nsml]"
_OTHERS: Final = "opencv|ssd|dlib|mtcnn|fastmtcnn|retinaface|mediapipe|yunet|centerface"

Model = Annotated[str, Field(pattern=f"^({'|'.join(_THRESHOLDS)})$")]
Metric = Literal["cosine", "angular"]
"""The Euclidean ones are left out: with some models their distances have no end."""
Detector = Annotated[str, Field(pattern=f"^({_OTHERS}|{_YOLO})$")]
"""All but ``skip``, which takes the whole picture for a face."""


def distances(model: str, metric: str, detector: str) -> fg.ScoreSpec:
    """The distances of a model by a metric, on the faces that a detector cuts out."""
    name = f"deepface/{model}/{metric}/{detector}"
    scale = fg.Scale(name=name, high=_FARTHEST[metric], lower_is_closer=True)
    usual = _THRESHOLDS[model][metric]
    # No distances of strangers are published. What is more than a quarter farther is refused as a
    # similarity by mistake, such as 0.9.
    return fg.ScoreSpec(scale, threshold=usual, typical_of_strangers=1.25 * usual)


class _Question(fg.WireModel):
    """A question. Pictures are data URIs: any other text is an address for the server to read."""

    model_name: str
    detector_backend: str
    enforce_detection: bool = True  # without it, a picture without a face is taken for one


class Represent(_Question):
    """Which faces are on a picture? With anti-spoofing, one that is not live is an error."""

    img: fg.DataUri
    anti_spoofing: bool
    max_faces: int | None


class Verify(_Question):
    """How far apart are the two? Of several faces, the closest two count."""

    img1: fg.DataUri
    img2: fg.DataUri
    distance_metric: str


class _Reply(fg.WireModel):
    """An answer. What names an error is none."""

    error: None = Field(None, repr=False)
    exception: None = Field(None, repr=False)


class Face(fg.WireModel):
    """A face. The embedding beside it, a template of the person, is left unread."""

    facial_area: dict[str, Any] = Field(min_length=1)
    is_real: Literal[True] | None = None  # a spoof is an error, and no face


class Represented(_Reply):
    """The faces, the largest ones if ``max_faces`` was said."""

    results: Annotated[tuple[Face, ...], Field(min_length=1)]


class Verified(_Reply):
    """A distance, which rounding may put a hair below 0, and the server's own verdict on it."""

    verified: Annotated[bool, Field(strict=True)]
    distance: Annotated[float, Field(strict=True, ge=-1e-6, le=2)]
    threshold: Annotated[float, Field(strict=True, ge=0, le=2)]
    model: str
    detector_backend: str
    similarity_metric: str
