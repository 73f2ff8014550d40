"""Embeddings: the 128 numbers of a face that are compared.

The embedder is SFace, face_recognition_sface_2021dec (Zhong, Deng, Hu, Zhao, Li, Wen: "SFace:
Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition", IEEE TIP 30, 2021; OpenCV Zoo).
"""

from __future__ import annotations

import math
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from facegate.plugin import BadReply, CaptureReason, CaptureRejected
from facegate_local.decode import Pixels, resized
from facegate_local.faces import Points
from facegate_local.nets import Net

Embedding = NDArray[np.float64]
"""128 numbers of unit length. Biometric data: it leaves no function of this package."""

LEAST_LENGTH: Final = 8.0
"""Length of the raw vector from which it says something. Clear photos have 11.7 to 14.3. Strangers
in the same extreme rendering (negatives, one colour, noise, giant pixels) have mostly 3 to 8, and
would match each other. Measured on 12 photos of 7 people; of 200 mildly degraded ones, 1 is lost.
"""

_SIDE: Final = 112
# Where the points belong in the square the embedder was trained on (ArcFace's template).
_TEMPLATE: Final = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)


class Embedder:
    """Embedder of faces (SFace), for one thread at a time."""

    def __init__(self, model: bytes) -> None:
        # The file lists its weights as inputs too, which FaceRecognizerSF of OpenCV 5 trips over;
        # naming the one real input works in every version.
        self._net = Net(model, input_name="data")

    def embed(self, pixels: Pixels, points: Points) -> Embedding:
        """The embedding of the face with those five points.

        Raises:
            CaptureRejected: the network sees too little of a face to tell it from others.
            BadReply: the network gave no direction to compare.
        """
        aligned = _aligned(pixels, points)
        # Raw 0-255, red first: blue first costs half a point of true matches at FMR 1e-3.
        vector = self._net.run(cv2.dnn.blobFromImage(aligned, swapRB=True))
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            raise BadReply("the engine computed no usable embedding")
        if length < LEAST_LENGTH:
            raise CaptureRejected(
                "too little of a face is left to tell it from others: send a clear, natural photo",
                reason=CaptureReason.QUALITY_TOO_LOW,
            )
        return vector / length


def _aligned(pixels: Pixels, points: Points) -> Pixels:
    """The face in the embedder's square.

    A large face is shrunk by averaging first. The warp alone would look at four pixels in each
    dozen or more, and one could show it, in just those, a face that nobody sees in the picture.
    """
    matrix = similarity(points, _TEMPLATE)
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    if 0 < scale < 0.5:
        corners = np.array([[0, 0], [_SIDE, 0], [0, _SIDE], [_SIDE, _SIDE]]) - matrix[:, 2]
        around = corners @ np.linalg.inv(matrix[:, :2]).T
        height, width = pixels.shape[:2]
        left, top = np.clip(np.floor(around.min(axis=0)), 0, (width - 1, height - 1)).astype(int)
        right, bottom = np.clip(np.ceil(around.max(axis=0)), 1, (width, height)).astype(int)
        part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
        pixels = resized(part, round(part.shape[1] * scale), round(part.shape[0] * scale))
        ratio = np.array(pixels.shape[1::-1]) / part.shape[1::-1]
        # Pixel centres lie at halves, so that shrinking moves them.
        points = (points - (left, top) + 0.5) * ratio - 0.5
        matrix = similarity(points, _TEMPLATE)
    return cv2.warpAffine(pixels, matrix, (_SIDE, _SIDE))


def similarity(source: Points, target: Points) -> NDArray[np.float64]:
    """The 2 x 3 matrix of the turn, scale and shift that bring ``source`` closest to ``target``.

    Least squares over complex numbers, where turning and scaling is one multiplication (Umeyama,
    IEEE TPAMI 13, 1991, without his reflections).
    """
    origin, goal = source @ (1, 1j), target @ (1, 1j)
    centred = origin - origin.mean()
    spread = np.vdot(centred, centred).real
    factor = np.vdot(centred, goal - goal.mean()) / spread if spread else 0j
    shift = goal.mean() - factor * origin.mean()
    return np.array(
        [[factor.real, -factor.imag, shift.real], [factor.imag, factor.real, shift.imag]]
    )
