"""The engine: one set of networks, from an encoded picture to a face, an embedding, a score."""

from __future__ import annotations

import threading
from collections.abc import Callable, Set
from contextlib import nullcontext
from typing import Final, Literal, Protocol, TypeVar

import cv2

from facegate.plugin import (
    CaptureReason,
    CaptureRejected,
    ConfigurationError,
    Image,
    ImageRejected,
    lazy,
)
from facegate_local import scores
from facegate_local.decode import decode, reduction
from facegate_local.embedding import Embedder, Embedding
from facegate_local.eyes import EyeWatcher
from facegate_local.faces import Face, Finder, Scene
from facegate_local.gates import check_compare, check_live
from facegate_local.pad import AttackDetector

ENOUGH_WIDTH: Final = 112.0
"""Box width, in pixels, of a face that gains nothing from decoding the picture larger: the embedder
sees 112 pixels."""

LARGE: Final = 16_000_000
"""Pixels beyond which one picture of a process is looked at after the other. While one is, it takes
some 300 MB and 9 bytes a pixel, and a megabyte may hold 64 million of them."""

_one_at_a_time: Final = threading.Lock()  # nothing forks while it is held: a job holds forks back

Others = Literal["none", "portraits", "any"]
"""Further faces that may be in a picture; portraits are the subject's own, as on documents."""

N = TypeVar("N")


class Models(Protocol):
    """Source of the model files."""

    def read(self, name: str) -> bytes:
        """The verified bytes of a model.

        Raises:
            ConfigurationError: the file is not to be had.
        """


class Engine:
    """The networks of one thread at a time, each loaded when it is first needed."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def see(self, image: Image, label: str, *, others: Others = "none") -> Scene:
        """Decode a picture, find its subject's face, and check that it can be compared.

        Args:
            image: the picture.
            label: its name in errors: ``"probe"`` or ``"gallery[i]"``.
            others: the further faces, nearly as large, that may be in it.

        Raises:
            ImageRejected: the picture cannot be decoded.
            CaptureRejected: there is no face, there are others, or it cannot be compared.
        """
        scene = self.look(image, label)
        self.check(scene, label, others=others)
        return scene

    def look(self, image: Image, label: str) -> Scene:
        """Decode a picture and find its subject's face; the first half of :meth:`see`."""
        try:
            large = image.width * image.height > LARGE
            with _one_at_a_time if large else nullcontext():
                scene = self._look(image)
        except ImageRejected as error:
            error.image = label
            raise
        if scene is None:
            raise CaptureRejected(
                "no face found: show the whole face, upright, in good light",
                reason=CaptureReason.FACE_NOT_FOUND,
                image=label,
            )
        return scene

    def check(self, scene: Scene, label: str, *, others: Others) -> None:
        """Check that the subject's face can be compared; the second half of :meth:`see`."""
        rivals = () if others == "any" else scene.rivals()
        if others == "portraits" and rivals:
            subject = self.embed(scene, label)
            rivals = tuple(face for face in rivals if not self._is(subject, scene, face))
        if rivals:
            raise CaptureRejected(
                f"{len(rivals) + 1} faces of similar size: take the picture with nobody else in it",
                reason=CaptureReason.TOO_MANY_FACES,
                image=label,
            )
        check_compare(scene, label)

    def embed(self, scene: Scene, label: str) -> Embedding:
        """The embedding of the face, by which it is compared.

        Raises:
            CaptureRejected: there is too little of a face in the picture.
        """
        try:
            return self._embedder.embed(scene.pixels, scene.face.points)
        except CaptureRejected as error:
            error.image = label
            raise

    def liveness(self, scene: Scene, label: str, *, require_open_eyes: bool = True) -> float:
        """Probability, 0 to 1, that the face is alive.

        Raises:
            CaptureRejected: the face fills the frame or is near its edge, or its eyes are shut.
        """
        check_live(scene, label)
        if require_open_eyes and self._eye_watcher.closed(scene.pixels, scene.face):
            raise CaptureRejected(
                "the eyes are closed, or behind dark glasses: open them, take the glasses off",
                reason=CaptureReason.EYES_CLOSED,
                image=label,
            )
        return self._attack_detector.score(scene.pixels, scene.face)

    def _is(self, person: Embedding, scene: Scene, face: Face) -> bool:
        """Whether a face is this person's, as far as it can be told."""
        try:
            own = self._embedder.embed(scene.pixels, scene.points(face))
        except CaptureRejected:
            return False
        return scores.score(float(own @ person)) >= scores.MATCH.threshold

    def _look(self, image: Image) -> Scene | None:
        factor = reduction(image)
        scene = self._finder.look(decode(image, factor))
        if scene and factor > 1 and scene.face.width < ENOUGH_WIDTH:
            return self._finder.look(decode(image))
        return scene

    def load(self, models: Set[str]) -> None:
        """Load the networks made of these models, now and not with the first picture.

        Raises:
            ConfigurationError: a model is missing, or OpenCV cannot load it.
        """
        for names, network in _NETWORKS.items():
            if models >= names:
                getattr(self, network)

    @lazy
    def _finder(self) -> Finder:
        return self._load(Finder, "detector")

    @lazy
    def _embedder(self) -> Embedder:
        return self._load(Embedder, "embedder")

    @lazy
    def _attack_detector(self) -> AttackDetector:
        return self._load(AttackDetector, "liveness")

    @lazy
    def _eye_watcher(self) -> EyeWatcher:
        return self._load(EyeWatcher, "landmarks", "eyes")

    def _load(self, build: Callable[..., N], *names: str) -> N:
        contents = [self._models.read(name) for name in names]
        try:
            return build(*contents)
        except cv2.error as error:
            raise ConfigurationError(
                f"OpenCV {cv2.__version__} cannot load the {' and '.join(names)} model;"
                " versions from 4.11 up to 5 can"
            ) from error


_NETWORKS: Final = {
    frozenset({"detector"}): "_finder",
    frozenset({"embedder"}): "_embedder",
    frozenset({"liveness"}): "_attack_detector",
    frozenset({"landmarks", "eyes"}): "_eye_watcher",
}
"""The network that is made of some models."""
