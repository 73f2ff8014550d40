"""From a face to the 128 numbers that are compared.

The embedder is SFace, face_recognition_sface_2021dec (Zhong, Deng, Hu, Zhao, Li, Wen: "SFace:
Sigmoid-Constrained Hypersphere Loss for Robust Face Recognition", IEEE TIP 30, 2021; OpenCV Zoo).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from facegate.plugin import BadReply
from facegate_local.decode import Pixels
from facegate_local.faces import Points
from facegate_local.nets import Net

Embedding = NDArray[np.float64]
"""128 numbers of unit length. Biometric data: it leaves no function of this package."""

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
    """SFace. Serves one thread at a time."""

    def __init__(self, model: bytes) -> None:
        # The file lists its weights as inputs too, which FaceRecognizerSF of OpenCV 5 trips over;
        # naming the one real input works in every version.
        self._net = Net(model, input_name="data")

    def embed(self, pixels: Pixels, points: Points) -> Embedding:
        """The embedding of the face with those five points.

        Raises:
            BadReply: the network gave no direction to compare.
        """
        aligned = cv2.warpAffine(pixels, similarity(points, _TEMPLATE), (_SIDE, _SIDE))
        # Raw 0-255, red first: blue first costs half a point of true matches at FMR 1e-3.
        vector = self._net.run(cv2.dnn.blobFromImage(aligned, swapRB=True))
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or length == 0:
            raise BadReply("the engine computed no usable embedding")
        return vector / length


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
