"""Faces in a picture: detection, the choice among several, and which way is up.

The detector is YuNet, face_detection_yunet_2023mar (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level
Face Detector", Machine Intelligence Research 20, 2023; OpenCV Zoo). It was trained on faces of
about 10 to 300 pixels: at full resolution it misses the large ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from facegate.plugin import lazy
from facegate_local.decode import Pixels
from facegate_local.nets import errors_only

LONG_SIDES: Final = (640, 320)
"""Pixels the picture is scaled to, never up. The second is tried where the first shows nothing."""
UPRIGHT: Final = 0.90
"""YuNet's score that an upright face is expected to reach; 5 % stay below 0.912. Sideways faces
stay below 0.88, but large ones on their head reach 0.92."""
CERTAINLY_UPRIGHT: Final = 0.94
"""YuNet's score from which a face is not even tested for being on its head."""
LARGEST_ROLL: Final = 8.0
"""Degrees of roll up to which a face counts as upright, by its points: they tell the truth for
faces of 200 pixels, a third of it for 90."""

_SCORE: Final = 0.6
_OVERLAP: Final = 0.3
_CANDIDATES: Final = 5000
_ROLL_STEPS: Final = 3
_ROLL_GAIN: Final = 2.3
_HEAD_SIDE: Final = 128
_HEAD_HEIGHTS: Final = 2.0
_SCORE_COLUMN: Final = 14
_NO_ROWS: Final = np.empty((0, 15), np.float32)
_QUARTER_TURNS: Final = (
    None,
    cv2.ROTATE_90_CLOCKWISE,
    cv2.ROTATE_180,
    cv2.ROTATE_90_COUNTERCLOCKWISE,
)

Points = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Face:
    """One face, in pixels of the picture it was found in.

    Attributes:
        x, y: top left corner of the box.
        width, height: of the box, which spans chin to hairline and cheek to cheek.
        points: five rows of x and y: the eye on the picture's left, the other eye, the tip of the
            nose, the mouth's corner on the left, the other corner.
        score: the detector's confidence, 0.6 to 1.
    """

    x: float
    y: float
    width: float
    height: float
    points: Points
    score: float

    @classmethod
    def of_row(cls, row: cv2.typing.MatLike, scale: float) -> Face:
        """The face of a row of YuNet's output, found in a picture ``scale`` times as large."""
        x, y, width, height = (row[:4].astype(float) / scale).tolist()
        points = row[4:14].astype(float).reshape(5, 2) / scale
        return cls(x, y, width, height, points, float(row[_SCORE_COLUMN]))

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @lazy
    def roll(self) -> float:
        """Degrees by which the line through the eyes is turned clockwise."""
        across, down = self.points[1] - self.points[0]
        return math.degrees(math.atan2(down, across))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Scene:
    """A picture the right way up, with its faces, the one that counts first.

    Attributes:
        pixels: turned so that the face is upright.
        faces: in these pixels.
        turns: quarter turns clockwise that the picture was given.
    """

    pixels: Pixels
    faces: tuple[Face, ...]
    turns: int = 0

    @property
    def face(self) -> Face:
        return self.faces[0]

    def boxes(self) -> Iterator[tuple[float, float, float, float]]:
        """Left, top, width and height of each face, as shares of the picture before all turns.

        Levelling turns about the face, which stays where it was.
        """
        high, wide = self.pixels.shape[:2]
        for face in self.faces:
            left, top = face.x / wide, face.y / high
            width, height = face.width / wide, face.height / high
            for _ in range(self.turns):
                left, top, width, height = top, 1 - left - width, height, width
            yield left, top, width, height


class Finder:
    """Detector of faces (YuNet), for one thread at a time: two at once corrupt the heap."""

    def __init__(self, model: bytes) -> None:
        self._net = _yunet(model, LONG_SIDES[0])
        # A second one, since a network that changes its input size pays for it with an inference.
        self._head_net = _yunet(model, _HEAD_SIDE)

    def look(self, pixels: Pixels) -> Scene | None:
        """Find the faces, turning the picture if that makes for a surer face.

        Faces on their side or head are found, but their embeddings all look alike: without the
        turns, 57 % of pairs of strangers on their heads match where 0.1 % should.
        """
        for long_side in LONG_SIDES:
            scenes = list(self._turned(pixels, long_side))
            if scenes:
                return self._level(max(scenes, key=lambda scene: scene.face.score))
        return None

    def _turned(self, pixels: Pixels, long_side: int) -> Iterator[Scene]:
        for turns, turn in enumerate(_QUARTER_TURNS):
            turned = pixels if turn is None else cv2.rotate(pixels, turn)
            faces = self._find(turned, long_side)
            if faces:
                scene = Scene(turned, faces, turns)
                yield scene
                if turn is None and faces[0].score >= UPRIGHT and not self._on_its_head(scene):
                    return

    def _on_its_head(self, scene: Scene) -> bool:
        """Whether the face is surer when turned by 180 degrees, and small enough for that to count.

        At up to 100 pixels, faces on their head stay below 0.89 and upright ones reach 0.92. Of 76
        portraits on their head, in all sizes, this recognised all; of 95 upright ones it took none.
        """
        face = scene.face
        if face.score >= CERTAINLY_UPRIGHT:
            return False
        scale = _HEAD_SIDE / (_HEAD_HEIGHTS * face.height)
        across, down = (_HEAD_SIDE / 2 + scale * middle for middle in face.centre)
        upended = np.array([[-scale, 0, across], [0, -scale, down]])
        head = cv2.warpAffine(scene.pixels, upended, (_HEAD_SIDE, _HEAD_SIDE))
        rows = _rows(self._head_net, head)
        return any(row[_SCORE_COLUMN] > face.score for row in rows)

    def _find(self, pixels: Pixels, long_side: int) -> tuple[Face, ...]:
        small, scale = _at_most(pixels, long_side)
        height, width = small.shape[:2]
        self._net.setInputSize((width, height))
        faces = (Face.of_row(row, scale) for row in _rows(self._net, small))
        return _subject_first(faces, pixels)

    def _level(self, scene: Scene) -> Scene:
        """Turn a leaning face upright step by step, for as long as the detector likes it better.

        Where the score is low, the points under-report the lean: those steps go further.
        """
        best, angle = scene, 0.0
        for _ in range(_ROLL_STEPS):
            sure = best.face.score >= UPRIGHT
            if sure and abs(best.face.roll) <= LARGEST_ROLL:
                break
            angle += best.face.roll * (1 if sure else _ROLL_GAIN)
            turned = _turned_about(scene.face, scene.pixels, angle)
            faces = self._find(turned, LONG_SIDES[0])
            if not faces:
                break
            same = min(faces, key=lambda face: math.dist(face.centre, scene.face.centre))
            straighter = same.score >= UPRIGHT and abs(same.roll) < abs(best.face.roll)
            if same.score <= best.face.score and not straighter:
                break
            # The other faces may have been turned out of the frame: they stay as they were.
            best = Scene(turned, (same, *scene.faces[1:]), scene.turns)
        return best


def _yunet(model: bytes, side: int) -> cv2.FaceDetectorYN:
    with errors_only():
        return cv2.FaceDetectorYN.create(
            "onnx",
            np.frombuffer(model, np.uint8),
            np.empty(0, np.uint8),
            (side, side),
            _SCORE,
            _OVERLAP,
            _CANDIDATES,
        )


def _rows(net: cv2.FaceDetectorYN, pixels: Pixels) -> cv2.typing.MatLike:
    """Box, points and score of each face, one a row."""
    # The stubs promise an array; OpenCV returns None where there is no face.
    rows: cv2.typing.MatLike | None = net.detect(pixels)[1]
    if rows is None:
        return _NO_ROWS
    return rows[np.isfinite(rows).all(axis=1)]


def _at_most(pixels: Pixels, long_side: int) -> tuple[Pixels, float]:
    height, width = pixels.shape[:2]
    scale = long_side / max(width, height)
    if scale >= 1:
        return pixels, 1.0
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), scale


def _turned_about(face: Face, pixels: Pixels, degrees: float) -> Pixels:
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D(face.centre, degrees, 1.0)
    return cv2.warpAffine(pixels, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _subject_first(faces: Iterable[Face], pixels: Pixels) -> tuple[Face, ...]:
    """The faces, the subject's first: the one that is large, and near the middle.

    On 2,338 photos with several faces, the largest was the wrong one 50 times, this one once.
    """
    height, width = pixels.shape[:2]
    middle, half_diagonal = (width / 2, height / 2), math.hypot(width, height) / 2

    def prominence(face: Face) -> float:
        return face.width * face.height * (1 - math.dist(face.centre, middle) / half_diagonal)

    return tuple(sorted(faces, key=prominence, reverse=True))
