"""One network in OpenCV's own runtime: bytes in, one blob to one vector."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from facegate.plugin import BadReply

_log_level = threading.Lock()


@contextmanager
def errors_only() -> Iterator[None]:
    """Keep OpenCV 5 from warning on stderr that its new engine picks its target by itself.

    Its log level is the whole process's, so it is put back at once.
    """
    with _log_level:
        before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            yield
        finally:
            cv2.utils.logging.setLogLevel(before)


class Net:
    """An ONNX model with one real input and one output, for one thread at a time."""

    def __init__(self, model: bytes, input_name: str = "") -> None:
        self._net = cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
        self._input_name = input_name

    def run(self, blob: cv2.typing.MatLike) -> NDArray[np.float64]:
        """The output, flat. A copy: OpenCV writes the next output over its own buffer."""
        self._net.setInput(blob, self._input_name)
        return np.array(self._net.forward(), np.float64).ravel()


def probability(logits: NDArray[np.float64], index: int) -> float:
    """The share of one class, 0 to 1, by softmax.

    Raises:
        BadReply: the network computed no finite number, so there is nothing to decide on.
    """
    powers = np.exp(logits - logits.max())
    share = float(powers[index] / powers.sum())
    if not 0 <= share <= 1:
        raise BadReply("a network of the engine computed no probability")
    return share
