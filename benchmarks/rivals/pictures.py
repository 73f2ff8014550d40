"""The pairs: eight portraits, as they are and small, and honest variations of them.

Runs in facegate-local's environment, whose portrait store fetches the files and knows them by
hash. Every picture is written once, and all rivals read the same files. Nothing here depends on
what a rival answers: the variations and their strengths were set before the first run.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facegate_local.store import PortraitStore

Pixels = NDArray[np.uint8]

SEED = 20_240_229
SMALL = 250
SAME = (("person_a_1", "person_a_2"), ("person_b_1", "person_b_2"))


def _scaled(image: Pixels, longest: int = SMALL) -> Pixels:
    factor = longest / max(image.shape[:2])
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return _pixels(cv2.resize(image, None, fx=factor, fy=factor, interpolation=method))


def _turned(image: Pixels, degrees: float = 8.0) -> Pixels:
    height, width = image.shape[:2]
    around = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    return _pixels(cv2.warpAffine(image, around, (width, height), borderMode=cv2.BORDER_REPLICATE))


def _darker(image: Pixels) -> Pixels:
    return _pixels(cv2.convertScaleAbs(image, alpha=0.4))


def _cropped(image: Pixels) -> Pixels:
    height, width = (round(side * 0.08) for side in image.shape[:2])
    return image[height:-height, width:-width]


def _mirrored(image: Pixels) -> Pixels:
    return _pixels(cv2.flip(image, 1))


def _pixels(array: Any) -> Pixels:
    return np.ascontiguousarray(array, dtype=np.uint8)


# How each variation is made, and the JPEG quality it is stored with.
VARIATIONS: dict[str, tuple[Callable[[Pixels], Pixels], int]] = {
    "re-encoded": (_scaled, 30),
    "half size": (lambda image: _scaled(image, SMALL // 2), 95),
    "turned 8 degrees": (lambda image: _scaled(_turned(image)), 95),
    "darker": (lambda image: _scaled(_darker(image)), 95),
    "cropped": (lambda image: _scaled(_cropped(image)), 95),
    "mirrored": (lambda image: _scaled(_mirrored(image)), 95),
    "turned, darker, re-encoded": (lambda image: _scaled(_turned(_darker(image))), 50),
}


def write(directory: Path) -> dict[str, dict[str, str]]:
    """Write every picture; answers its path by kind and by portrait."""
    files: dict[str, dict[str, str]] = {kind: {} for kind in ("original", "small", *VARIATIONS)}
    store = PortraitStore()
    for asset in store.assets:
        original = directory / Path(asset.file).name
        shutil.copyfile(store.path(asset.name), original)
        files["original"][asset.name] = str(original)
        image = _pixels(cv2.imread(str(original)))
        for kind, (change, quality) in {"small": (_scaled, 95), **VARIATIONS}.items():
            path = directory / f"{asset.name} {kind}.jpg"
            cv2.imwrite(str(path), change(image), [cv2.IMWRITE_JPEG_QUALITY, quality])
            files[kind][asset.name] = str(path)
    return files


def pairs(files: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """All 28 pairs in both sizes; and per variation as many different people as same ones.

    In a varied pair only the first picture is varied, and the second is another photo, not the
    one the first was made from.
    """
    every = list(combinations(files["original"], 2))
    same = [(a, b) for pair in SAME for a, b in (pair, pair[::-1])]
    different = [(a, b) for pair in every if pair not in SAME for a, b in (pair, pair[::-1])]
    draw = random.Random(SEED)  # noqa: S311  a repeatable choice is wanted
    chosen = [("original", "original", *pair) for pair in every]
    chosen += [("small", "small", *pair) for pair in every]
    for kind in VARIATIONS:
        chosen += [(kind, "small", *pair) for pair in same]
        chosen += [(kind, "small", *pair) for pair in draw.sample(different, len(same))]
    return [
        {
            "kind": kind,
            "same": (a, b) in same,
            "files": [files[kind][a], files[other_kind][b]],
        }
        for kind, other_kind, a, b in chosen
    ]


def main() -> None:
    """Write the pictures and the list of pairs into the directory named."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "pairs.json").write_text(json.dumps(pairs(write(directory))), encoding="utf-8")


if __name__ == "__main__":
    main()
