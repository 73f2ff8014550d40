"""The calibrations that come with the engine: one for each OpenCV whose networks score differently.

Made by ``benchmarks/lfw_calibration.py``; ``docs/providers/local.md`` has the figures.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from typing import Final

import cv2

from facegate.plugin import Calibration
from facegate_local.manifest import MODELS

_ALIKE: Final = {"4.13.0": "4", "4.14.0": "4", "5.0.0": "5"}
"""OpenCV by version. The two of 4 agree to the last bit, on 221 photos; 5 moves nearly all scores,
by up to 0.004."""

_opencv: Final = _ALIKE.get(cv2.__version__, cv2.__version__)
_models: Final = sha256("".join(model.sha256 for model in MODELS).encode()).hexdigest()

RUNTIME: Final = f"opencv {_opencv}, models {_models[:12]}"
"""What scores come from: under another one, the same pictures may score differently."""

_file: Final = f"lfw-opencv{_opencv if _opencv in _ALIKE.values() else '5'}.json"
CALIBRATION: Final = Calibration.parse(
    files("facegate_local").joinpath(_file).read_text(encoding="utf-8"), f"facegate_local/{_file}"
)
"""The calibration of this OpenCV; of one that is not known that of 5, which is refused there."""
