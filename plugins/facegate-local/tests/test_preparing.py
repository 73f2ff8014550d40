"""Pictures that are prepared first: the engine sees the same face in them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image as Pillow

import facegate
from facegate import FaceVerifier, ImageFormat
from facegate.images.convert import convert
from facegate.images.image import Image
from facegate_local.scores import score

LEAST = {"WEBP": 0.99, "TIFF": 0.99, "PNG": 0.99, "HEIC": 0.95, "AVIF": 0.95}
"""Cosine of the embeddings before and after. What HEIC and AVIF leave of a face is such that the
detector may put its points elsewhere after a change of half a grey level."""
PEOPLE = ("person_a_1", "person_b_1", "impostor_1")


def saved(picture: Pillow.Image, kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "HEIC":
        pillow_heif.from_pillow(picture).save(file, quality=90)
    else:
        picture.save(file, kind)
    return file.getvalue()


def opened(data: bytes, kind: str) -> Pillow.Image:
    if kind == "HEIC":
        return pillow_heif.open_heif(data).to_pillow()
    return Pillow.open(io.BytesIO(data))


@pytest.mark.parametrize("kind", LEAST)
@pytest.mark.parametrize("name", PEOPLE)
def test_the_embedding_is_that_of_the_picture_before(
    verifier: FaceVerifier, pictures: Mapping[str, Pillow.Image], kind: str, name: str
) -> None:
    before = Image.of(saved(pictures[name], kind))
    after = convert(before, ImageFormat.JPEG, None, lambda _: True)
    assert after is not None
    shown = opened(before.data, kind)  # what the picture's own decoder makes of it
    match = verifier.compare(probe=after, gallery=[saved(shown, "PNG")]).match
    assert match is not None
    assert match.score is not None
    assert match.score >= score(LEAST[kind])


def test_a_selfie_as_a_phone_saves_it_is_compared(
    models_dir: Path,
    portraits: Mapping[str, Path],
    pictures: Mapping[str, Pillow.Image],
    tmp_path: Path,
) -> None:
    table = (
        "[images]\nprepare = true\n[providers.main]\nplugin = 'local'\n"
        f"pull = false\nmodels_dir = '{models_dir}'"
    )
    (tmp_path / "facegate.toml").write_text(table)
    selfie = saved(pictures["person_a_1"], "HEIC")
    with facegate.open(tmp_path / "facegate.toml") as verifier:
        assert verifier.compare(probe=selfie, gallery=[portraits["person_a_2"]]).accepted
        assert not verifier.compare(probe=selfie, gallery=[portraits["impostor_1"]]).accepted
