"""Detection of shut eyes, so that nobody is verified in their sleep.

Of 3,000 press photos 78 were flagged; of the 42 looked at, about 35 showed eyes shut or cast down.
Dark sunglasses read as shut too.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from facegate.plugin import BadReply
from facegate_local.decode import Pixels, resized
from facegate_local.faces import Face, Points
from facegate_local.nets import Net, probability

CLOSED_FROM: Final = 0.9
"""Probability from which an eye is taken to be shut."""

_LANDMARK_SIDE: Final = 64
_EYE_SIDE: Final = 24
_EYE_ENLARGED: Final = 1.6
_CLOSED: Final = 0
# Of the 68 points (Sagonas et al., 300 Faces in-the-Wild, 2013): both corners, then the four lid
# points, of either eye.
_EYES: Final = (((36, 39), (37, 38, 40, 41)), ((42, 45), (43, 44, 46, 47)))


class EyeWatcher:
    """Detector of shut eyes (fr_landmark and fr_eye), for one thread at a time."""

    def __init__(self, landmarks: bytes, eyes: bytes) -> None:
        self._landmarks = Net(landmarks)
        self._eyes = Net(eyes)

    def closed(self, pixels: Pixels, face: Face) -> bool:
        """Whether both eyes are shut; one alone may be a wink, or a shadow.

        Raises:
            BadReply: a network computed no finite number.
        """
        points = self._locate(pixels, face)
        return all(
            self._closed(pixels, points[list(corners)], points[list(lids)])
            for corners, lids in _EYES
        )

    def _locate(self, pixels: Pixels, face: Face) -> Points:
        across, down = face.centre
        left, top, side = _square(across, down, face.height)
        patch = _grey(pixels, left, top, side)
        blob = cv2.dnn.blobFromImage(resized(patch, _LANDMARK_SIDE, _LANDMARK_SIDE), 1 / 256)
        points = self._landmarks.run(blob).reshape(68, 2)
        if not np.isfinite(points).all():
            raise BadReply("the engine computed no landmarks")
        return points * side + (left, top)

    def _closed(self, pixels: Pixels, corners: Points, lids: Points) -> bool:
        across, down = lids.mean(axis=0)
        patch = _grey(pixels, *_square(across, down, _EYE_ENLARGED * math.dist(*corners)))
        blob = cv2.dnn.blobFromImage(resized(patch, _EYE_SIDE, _EYE_SIDE), 1 / 255)
        return probability(self._eyes.run(blob), _CLOSED) >= CLOSED_FROM


def _square(across: float, down: float, side: float) -> tuple[int, int, int]:
    """Left, top and side, in whole pixels, of the square about a point."""
    whole = max(1, round(side))
    return round(across - whole / 2), round(down - whole / 2), whole


def _grey(pixels: Pixels, left: int, top: int, side: int) -> cv2.typing.MatLike:
    """A square of the picture in grey; black where it reaches beyond the picture."""
    shift = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]])
    return cv2.cvtColor(cv2.warpAffine(pixels, shift, (side, side)), cv2.COLOR_BGR2GRAY)
