"""Presentation attack detection: does the picture show a person, or a picture of one?

The network is layer for layer the MiniFASNetV2SE of minivision's Silent-Face-Anti-Spoofing, with
weights of the publisher's own and undocumented training. It was measured on 123 photos of 18 attack
and 13 live sources: at 0.5 it missed 2 of 15 prints and screens and 3 of 3 masks or held paper
faces, and refused 2 of 13 live sources.
"""

from __future__ import annotations

from typing import Final

import cv2

from facegate.plugin import Scale, ScoreSpec
from facegate_local.decode import Pixels, resized
from facegate_local.faces import Face
from facegate_local.nets import Net, probability

LIVENESS: Final = ScoreSpec(Scale(name="facegate-local/minifasnet"), threshold=0.5)

_SIDE: Final = 128
_ENLARGED: Final = 2.7
_LIVE: Final = 0


class AttackDetector:
    """Detector of presentation attacks (fr_liveness), for one thread at a time."""

    def __init__(self, model: bytes) -> None:
        self._net = Net(model)

    def score(self, pixels: Pixels, face: Face) -> float:
        """Probability, 0 to 1, that the face is alive.

        Raises:
            BadReply: the network computed no probability.
        """
        # Raw 0-255, blue first: fed red first, as the publisher's own script does, the network
        # tells attacks from faces hardly better than a coin (AUC 0.66 instead of 0.87).
        blob = cv2.dnn.blobFromImage(resized(_surroundings(pixels, face), _SIDE, _SIDE))
        return probability(self._net.run(blob), _LIVE)


def _surroundings(pixels: Pixels, face: Face) -> Pixels:
    """The box enlarged about its centre; by less, and shifted, where the picture ends earlier."""
    height, width = pixels.shape[:2]
    factor = min(_ENLARGED, (width - 1) / face.width, (height - 1) / face.height)
    wide, high = face.width * factor, face.height * factor
    across, down = face.centre
    left = int(min(max(across - wide / 2, 0), width - wide))
    top = int(min(max(down - high / 2, 0), height - high))
    return pixels[top : top + int(high) + 1, left : left + int(wide) + 1]
