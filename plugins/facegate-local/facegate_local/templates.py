"""Templates: a comparison taken apart, so that each picture is looked at once.

A template holds an embedding, which is biometric data. It lives in the memory of whoever asked for
it, and is written nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from facegate.plugin import CaptureRejected, FacegateError, Image, ImageRejected, Side, Template
from facegate_local import scores
from facegate_local.embedding import Embedding
from facegate_local.engine import Engine, Others


def template(engine: Engine, image: Image, others: Mapping[Side, Others]) -> Template:
    """The template of a picture, which may be refused on one side and taken on the other.

    Args:
        engine: the engine to look with.
        image: the picture.
        others: the further faces that may be in it, by side.
    """
    try:
        scene = engine.look(image, "probe")
    except (CaptureRejected, ImageRejected) as error:
        return Template(None, dict.fromkeys(others, error))
    embedding: Embedding | None = None
    refusals: dict[Side, FacegateError] = {}
    for side, allowed in others.items():
        try:
            engine.check(scene, side, others=allowed)
            if embedding is None:
                embedding = engine.embed(scene, side)
        except CaptureRejected as error:
            refusals[side] = error
    return Template(embedding, refusals)


def all_scores(probes: Sequence[Template], gallery: Sequence[Template]) -> list[float]:
    """The score of each probe with the gallery picture of the same place.

    Each is a product of two vectors, as in a comparison. One of matrices would take a tenth of the
    time, and add up in another order: the last digits would differ.
    """
    pairs = zip(probes, gallery, strict=True)
    return scores.all_scores([float(one.face @ other.face) for one, other in pairs])
