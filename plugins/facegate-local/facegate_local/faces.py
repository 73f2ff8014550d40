"""Faces in a picture: detection, the choice among several, and which way is up.

The detector is YuNet, face_detection_yunet_2023mar (Wu, Peng, Yu: "YuNet: A Tiny Millisecond-level
Face Detector", Machine Intelligence Research 20, 2023; OpenCV Zoo). It was trained on faces of
about 10 to 300 pixels: at full resolution it misses the large ones.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from facegate.plugin import lazy
from facegate_local.decode import Pixels
from facegate_local.nets import errors_only

LONG_SIDES: Final = (640, 320, 2160)
"""Pixels the picture is scaled to, never up. The others are tried where the first shows nothing:
the second shows the largest faces, the third the smallest of large pictures."""
CLEAR: Final = 96.0
"""Width of a face, as the detector saw it, from which its points are exact enough to compare by. A
smaller one is looked at once more, from closer by."""
UPRIGHT: Final = 0.90
"""YuNet's score that an upright face is expected to reach; 5 % stay below 0.912. Sideways faces
stay below 0.88, but large ones on their head reach 0.92."""
CERTAINLY_UPRIGHT: Final = 0.94
"""YuNet's score from which a face is not even tested for being on its head."""
LARGEST_ROLL: Final = 8.0
"""Degrees of roll up to which a face counts as upright, by its points: they tell the truth for
faces of 200 pixels, a third of it for 90."""

RIVAL_WIDTH: Final = 0.5
"""Width, beside the subject's face, from which another face counts."""
RIVAL_SCORE: Final = 0.8
"""YuNet's score from which another face counts. Any second face would refuse 18 % of press photos
for the people behind the subject."""

_SCORE: Final = 0.6
_OVERLAP: Final = 0.3
_SAME_MIDDLE: Final = 0.3
_SURROUNDINGS: Final = 2.5
"""Box sizes from a face's middle to the edge of what is looked at from closer by."""
_CANDIDATES: Final = 5000
_ROLL_STEPS: Final = 3
_ROLL_GAIN: Final = 2.3
_HEAD_SIDE: Final = 128
_GLANCE_SIDE: Final = 96
"""Pixels to which the picture is shrunk for a look at its other turns."""
_GLANCE_WIDTH: Final = 14
"""Pixels that the narrowest face that counts keeps there; of 12, some were missed."""
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

    def turned(self, turns: int, wide: float, high: float) -> Face:
        """The face once the picture, so wide and so high, got quarter turns clockwise."""
        face = self
        for _ in range(turns % 4):
            points = np.column_stack((high - face.points[:, 1], face.points[:, 0]))
            left = high - face.y - face.height
            face = Face(left, face.x, face.height, face.width, points, face.score)
            wide, high = high, wide
        return face

    def moved(self, across: float, down: float) -> Face:
        points = self.points + np.array((across, down))
        return replace(self, x=self.x + across, y=self.y + down, points=points)

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
        faces: in these pixels; but all save the first where they were before it was levelled.
        turns: quarter turns clockwise that the picture was given.
        levelled: the matrix of the turn that made the first face upright; None where it was.
    """

    pixels: Pixels
    faces: tuple[Face, ...]
    turns: int = 0
    levelled: cv2.typing.MatLike | None = None

    @property
    def face(self) -> Face:
        return self.faces[0]

    def points(self, face: Face) -> Points:
        """The points of one of the faces, where these pixels show them."""
        if face is self.face or self.levelled is None:
            return face.points
        return face.points @ self.levelled[:, :2].T + self.levelled[:, 2]

    def rivals(self) -> tuple[Face, ...]:
        """The faces nearly as large as the first, sure enough to be of somebody."""
        least = RIVAL_WIDTH * self.face.width
        return tuple(
            face for face in self.faces[1:] if face.width >= least and face.score >= RIVAL_SCORE
        )

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
        self._model = model
        self._net = _yunet(model, (LONG_SIDES[0], LONG_SIDES[0]))
        # Others, since a network that changes its input size pays for it with an inference.
        self._head_net = _yunet(model, (_HEAD_SIDE, _HEAD_SIDE))
        self._glance_net = _yunet(model, (3 * _GLANCE_SIDE, _GLANCE_SIDE))

    def look(self, pixels: Pixels) -> Scene | None:
        """Find the faces, whichever way they are turned, and turn the picture for the subject's.

        Faces on their side or head are found, but their embeddings all look alike: without the
        turns, 57 % of pairs of strangers on their heads match where 0.1 % should. And one who
        is missed does not count: a card held sideways would speak for whoever holds it.
        """
        longest = max(pixels.shape[:2])
        for long_side in LONG_SIDES:
            if long_side > LONG_SIDES[0] >= longest:
                break
            shown = min(1.0, long_side / longest)
            upright = self._find(pixels, long_side)
            if upright and self._is_upright(pixels, upright):
                return self._level(Scene(pixels, _subject_first(upright, pixels)), shown)
            if scene := self._all_turns(pixels, upright, long_side):
                return self._level(scene, shown)
        return None

    def _is_upright(self, pixels: Pixels, faces: Sequence[Face]) -> bool:
        """Whether the subject is upright for sure, and nobody else is turned otherwise."""
        subject = _subject_first(faces, pixels)[0]
        return (
            subject.score >= UPRIGHT
            and not self._on_its_head(pixels, subject)
            and not self._others_are_turned(pixels, faces, subject)
        )

    def _others_are_turned(self, pixels: Pixels, faces: Sequence[Face], subject: Face) -> bool:
        """Whether a glance at a small copy shows further faces once it is turned, or surer ones."""
        known = [face for face in faces if face is subject or face.score >= RIVAL_SCORE]
        side = max(pixels.shape[:2]) * _GLANCE_WIDTH / (RIVAL_WIDTH * subject.width)
        if side <= _GLANCE_SIDE:
            glances = self._glanced(pixels)
        else:
            long_side = min(max(LONG_SIDES), round(side))
            glances = (face for n in (1, 2, 3) for face in self._find(pixels, long_side, n))
        return any(not any(_are_same(face, other) for other in known) for face in glances)

    def _glanced(self, pixels: Pixels) -> Generator[Face, None, None]:
        """The faces of three quarter turns of a small copy, side by side in one inference."""
        small, scale = _at_most(pixels, _GLANCE_SIDE)
        square = np.zeros((_GLANCE_SIDE, _GLANCE_SIDE, 3), np.uint8)
        square[: small.shape[0], : small.shape[1]] = small
        turned = [_quarters(square, turns) for turns in (1, 2, 3)]
        side = _GLANCE_SIDE / scale
        for row in _rows(self._glance_net, cv2.hconcat(turned)):
            column = min(2, int((row[0] + row[2] / 2) / _GLANCE_SIDE))
            row[0:14:2] -= column * _GLANCE_SIDE  # the lefts of box and points; and the width
            row[2] += column * _GLANCE_SIDE
            yield Face.of_row(row, scale).turned(-column - 1, side, side)

    def _all_turns(self, pixels: Pixels, upright: Sequence[Face], long_side: int) -> Scene | None:
        """The faces of all four quarter turns, each as it looks surest, in the subject's turn."""
        found = [(face, 0) for face in upright]
        found += [(face, n) for n in (1, 2, 3) for face in self._find(pixels, long_side, n)]
        found.sort(key=lambda each: each[0].score, reverse=True)
        kept: dict[Face, int] = {}
        for face, turns in found:
            if not any(_are_same(face, other) for other in kept):
                kept[face] = turns
        if not kept:
            return None
        faces = _subject_first(kept, pixels)
        turns = kept[faces[0]]
        high, wide = pixels.shape[:2]
        turned = tuple(face.turned(turns, wide, high) for face in faces)
        return Scene(_quarters(pixels, turns), turned, turns)

    def _on_its_head(self, pixels: Pixels, face: Face) -> bool:
        """Whether the face is surer when turned by 180 degrees, and small enough for that to count.

        At up to 100 pixels, faces on their head stay below 0.89 and upright ones reach 0.92. Of 76
        portraits on their head, in all sizes, this recognised all; of 95 upright ones it took none.
        """
        if face.score >= CERTAINLY_UPRIGHT:
            return False
        scale = _HEAD_SIDE / (_HEAD_HEIGHTS * face.height)
        across, down = (_HEAD_SIDE / 2 + scale * middle for middle in face.centre)
        upended = np.array([[-scale, 0, across], [0, -scale, down]])
        head = cv2.warpAffine(pixels, upended, (_HEAD_SIDE, _HEAD_SIDE))
        rows = _rows(self._head_net, head)
        return any(row[_SCORE_COLUMN] > face.score for row in rows)

    def _find(self, pixels: Pixels, long_side: int, turns: int = 0) -> list[Face]:
        """The faces that are seen once the picture has got quarter turns, where they are in it."""
        small, scale = _at_most(pixels, long_side)
        turned = _quarters(small, turns)
        height, width = turned.shape[:2]
        # A network keeps what its largest input took: 300 MB, where that was as large as it gets.
        large = long_side > LONG_SIDES[0]
        net = _yunet(self._model, (width, height)) if large else self._net
        net.setInputSize((width, height))
        faces = [Face.of_row(row, scale) for row in _rows(net, turned)]
        return [face.turned(-turns, width / scale, height / scale) for face in faces]

    def _level(self, scene: Scene, shown: float) -> Scene:
        """Turn a leaning face upright step by step, for as long as the detector likes it better.

        Where the score is low, the points under-report the lean: those steps go further.
        """
        best, angle = scene, 0.0
        if shown < 1 and scene.face.width * shown < CLEAR:
            closer = self._once_more(scene.pixels, scene.face)
            if closer and _are_same(closer, scene.face):
                best = Scene(scene.pixels, (closer, *scene.faces[1:]), scene.turns)
        for _ in range(_ROLL_STEPS):
            sure = best.face.score >= UPRIGHT
            if sure and abs(best.face.roll) <= LARGEST_ROLL:
                break
            angle += best.face.roll * (1 if sure else _ROLL_GAIN)
            matrix = cv2.getRotationMatrix2D(scene.face.centre, angle, 1.0)
            turned = _turned(scene.pixels, matrix)
            same = self._once_more(turned, scene.face)
            if not same:
                break
            straighter = same.score >= UPRIGHT and abs(same.roll) < abs(best.face.roll)
            if same.score <= best.face.score and not straighter:
                break
            # The other faces may have been turned out of the frame: they stay as they were.
            best = Scene(turned, (same, *scene.faces[1:]), scene.turns, matrix)
        return best

    def _once_more(self, pixels: Pixels, face: Face) -> Face | None:
        """The face as it is found anew: in the whole picture, or in its surroundings if small."""
        left = top = 0
        if face.width * LONG_SIDES[0] < CLEAR * max(pixels.shape[:2]):
            (across, down), reach = face.centre, _SURROUNDINGS * max(face.width, face.height)
            left, top = max(0, int(across - reach)), max(0, int(down - reach))
            pixels = pixels[top : int(down + reach) + 1, left : int(across + reach) + 1]
        found = (each.moved(left, top) for each in self._find(pixels, LONG_SIDES[0]))
        return min(found, key=lambda each: math.dist(each.centre, face.centre), default=None)


def _yunet(model: bytes, size: tuple[int, int]) -> cv2.FaceDetectorYN:
    with errors_only():
        return cv2.FaceDetectorYN.create(
            "onnx",
            np.frombuffer(model, np.uint8),
            np.empty(0, np.uint8),
            size,
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


def _quarters(pixels: Pixels, turns: int) -> Pixels:
    turn = _QUARTER_TURNS[turns]
    return pixels if turn is None else cv2.rotate(pixels, turn)


def _are_same(one: Face, other: Face) -> bool:
    """Whether two finds, in different turns, are of one face.

    Turned, a face is often found once more, too large, with hair and neck; but about its middle.
    Somebody else's middle would be hidden there.
    """
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    common = max(0.0, wide) * max(0.0, high)
    together = one.width * one.height + other.width * other.height - common
    apart = math.dist(one.centre, other.centre) / max(one.width, other.width)
    return common > _OVERLAP * together or apart < _SAME_MIDDLE


def _turned(pixels: Pixels, matrix: cv2.typing.MatLike) -> Pixels:
    height, width = pixels.shape[:2]
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
