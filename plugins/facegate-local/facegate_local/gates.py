"""Gates for pictures: those that no decision may be based on, with advice for the person.

The bounds come from measurements on Labeled Faces in the Wild and on cut, turned and shrunk
variants of it. Occlusion is absent: a medical mask scores like a bare face, so a gate would guess.
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np

from facegate.plugin import CaptureReason, CaptureRejected
from facegate_local.decode import Pixels
from facegate_local.faces import LARGEST_ROLL, Face, Scene

SMALLEST_FACE: Final = 40.0
"""Least box width in pixels. Refused genuine pairs rise from 3 % at 40 to 7 % at 24 and 28 % at
16."""
SMALL_FACE: Final = 64.0
"""Box width in pixels below which an answer carries a warning."""
UPRIGHT_SCORE: Final = 0.85
"""Detector score below which a face leans, or is too dark or blurred, to be told from another."""
LARGEST_YAW: Final = 45.0
"""Degrees that a head may be turned to the side. The estimate is off by 4.5 in the median, and
nothing was measured on profiles."""
CUT: Final = 0.02
"""Gap between box and edge, in face widths, up to which the face is taken to be cut off: the
detector shrinks its box to the picture. Of 192 portraits cut by 10 to 40 % of the face, 5 exceeded
it, by less than 0.01; of 96 crops with 5 to 10 % to spare, none fell to it."""
LIVE_BORDER: Final = 0.10
"""Least gap between box and edge, in face widths, for liveness: it judges the surroundings too."""
LIVE_HEIGHT: Final = 0.80
"""Box height over picture height from which a face is too close for liveness."""

_DISTANT: Final = 10.0
"""Face widths in the picture's length from which the estimate of yaw takes the camera to face it:
a small face near the edge is estimated to look aside."""
_FURTHEST: Final = 50.0
"""Face widths from which SQPnP would take the points, so close together, for one."""

# Right-handed, x to the picture's right, y down, z away from the camera, in millimetres: the
# points of a generic adult head, in the order of ``Face.points``.
_HEAD: Final = np.array(
    [[-32, -34, 26], [32, -34, 26], [0, 0, 0], [-26, 32, 22], [26, 32, 22]], np.float64
)


def check_compare(scene: Scene, image: str) -> None:
    """Refuse a face that cannot be told from others; tight crops, as of documents, pass.

    Raises:
        CaptureRejected: the face is too small, cut off, leans, or looks to the side.
    """
    face = scene.face
    if face.width < SMALLEST_FACE:
        raise CaptureRejected(
            f"the face is {face.width:.0f} pixels wide, {SMALLEST_FACE:.0f} are needed:"
            " come closer, or send the picture in a higher resolution",
            reason=CaptureReason.FACE_TOO_SMALL,
            image=image,
        )
    if _gap(face, scene.pixels) <= CUT:
        raise CaptureRejected(
            "the face is cut off at the edge: keep the whole head inside the frame",
            reason=CaptureReason.FACE_CROPPED,
            image=image,
        )
    if face.score < UPRIGHT_SCORE or abs(face.roll) > LARGEST_ROLL:
        raise CaptureRejected(
            "the face leans too far or is hard to see: hold the head upright, in good light",
            reason=CaptureReason.FACE_ANGLE_TOO_LARGE,
            image=image,
        )
    if abs(yaw(face, scene.pixels)) > LARGEST_YAW:
        raise CaptureRejected(
            "the face looks to the side: look straight into the camera",
            reason=CaptureReason.FACE_ANGLE_TOO_LARGE,
            image=image,
        )


def check_live(scene: Scene, image: str) -> None:
    """Refuse a face with too little around it to judge liveness by.

    Raises:
        CaptureRejected: the face fills the frame, or is too near its edge.
    """
    face = scene.face
    if face.height > LIVE_HEIGHT * scene.pixels.shape[0]:
        raise CaptureRejected(
            "the face fills the frame: hold the camera further away",
            reason=CaptureReason.FACE_TOO_CLOSE,
            image=image,
        )
    if _gap(face, scene.pixels) < LIVE_BORDER:
        raise CaptureRejected(
            "the face is too near the edge: move it to the middle of the frame",
            reason=CaptureReason.FACE_CLOSE_TO_BORDER,
            image=image,
        )


def yaw(face: Face, pixels: Pixels) -> float:
    """Degrees by which the head is turned; positive towards the picture's right.

    From the five points and a generic head (SQPnP: Terzakis and Lourakis, ECCV 2020), through a
    camera as wide as the picture is long. Median error 4.5 degrees on 16 photos of known pose.
    """
    height, width = pixels.shape[:2]
    focal, middle = float(max(height, width)), (width / 2, height / 2)
    if focal > _DISTANT * face.width:
        focal, middle = min(focal, _FURTHEST * face.width), face.centre
    camera = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
    solved, rotation, _ = cv2.solvePnP(
        _HEAD, face.points, camera, np.zeros(4), flags=cv2.SOLVEPNP_SQPNP
    )
    if not solved:
        return 180.0
    nose = -cv2.Rodrigues(rotation)[0][:, 2]
    return math.degrees(math.atan2(nose[0], -nose[2]))


def _gap(face: Face, pixels: Pixels) -> float:
    """The gap from the box to the nearest edge, in face widths; negative beyond the edge."""
    height, width = pixels.shape[:2]
    gaps = (face.x, face.y, width - face.x - face.width, height - face.y - face.height)
    return float(min(gaps) / face.width)
