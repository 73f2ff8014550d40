"""What preparing a picture costs, beside what nobody who looks at one can avoid: decoding it.

``python benchmarks/preparing.py`` takes a portrait of twelve megapixels, as phones save it, through
each way that a picture is prepared; and asks the embedded engine how alike the faces on all of its
portraits are before and after. In turn, in one run. See README.md beside this.
"""

from __future__ import annotations

import argparse
import io
import itertools
import time
from collections.abc import Callable
from statistics import median
from typing import Final

import pillow_heif
from PIL import Image as Pillow
from rich.console import Console
from rich.progress import track
from rich.table import Table

import facegate
from facegate import ImageFormat
from facegate.images.convert import convert
from facegate.images.image import Image
from facegate.images.metadata import without_metadata
from facegate_local.scores import KNOTS
from facegate_local.store import PortraitStore

SIZE: Final = (4032, 3024)
UPRIGHT: Final = 1
SIDEWAYS: Final = 6


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="how often each is done")
    rounds = parser.parse_args().rounds
    store = PortraitStore()
    store.pull()
    portraits = {asset.name: Pillow.open(store.path(asset.name)) for asset in store.assets}
    table = Table("picture", "what is done", "ms", "x decoding it", "MB before", "MB after")
    for row in costs(portraits["person_a_1"].convert("RGB").resize(SIZE), rounds):
        table.add_row(*row)
    Console().print(table)
    for kind in ("PNG", "HEIC"):
        found = [likeness(each.convert("RGB"), kind) for each in track(list(portraits.values()))]
        print(f"{kind} to JPEG: lowest cosine of {len(found)} portraits {min(found):.4f}")


def costs(portrait: Pillow.Image, rounds: int) -> list[tuple[str, ...]]:
    """A row for each way of preparing."""
    ways: tuple[tuple[str, bytes, str, Callable[[Image], Image]], ...] = (
        ("JPEG", saved(portrait, "JPEG", UPRIGHT), "metadata removed", without_metadata),
        ("JPEG", saved(portrait, "JPEG", SIDEWAYS), "turned", to_jpeg),
        ("HEIC", saved(portrait, "HEIC", UPRIGHT), "to JPEG", to_jpeg),
        ("AVIF", saved(portrait, "AVIF", UPRIGHT), "to JPEG", to_jpeg),
        ("WebP", saved(portrait, "WEBP", UPRIGHT), "to JPEG", to_jpeg),
        ("PNG", saved(portrait, "PNG", UPRIGHT), "to JPEG", to_jpeg),
    )
    rows = []
    for kind, data, what, prepare in ways:
        preparing, decoding, weight = [], [], 0
        for _ in range(rounds):
            image = Image.of(data)
            started = time.perf_counter()
            weight = len(prepare(image).data)
            preparing.append(time.perf_counter() - started)
            started = time.perf_counter()
            opened(data, kind)
            decoding.append(time.perf_counter() - started)
        ratio = median(preparing) / median(decoding)
        weights = (f"{each / 1e6:.1f}" for each in (len(data), weight))
        rows.append((kind, what, f"{median(preparing) * 1e3:.0f}", f"{ratio:.2f}", *weights))
    return rows


def to_jpeg(image: Image) -> Image:
    """The picture as a vendor gets it that takes JPEG alone."""
    return convert(image, ImageFormat.JPEG, None, lambda _: True) or image


def saved(picture: Pillow.Image, kind: str, orientation: int) -> bytes:
    """A picture with metadata, as a phone saves it."""
    exif = Pillow.Exif()
    exif[0x0112], exif[0x010F] = orientation, "a phone"
    file = io.BytesIO()
    if kind == "HEIC":
        pillow_heif.from_pillow(picture).save(file, quality=90, exif=exif.tobytes())
    elif kind == "PNG":
        picture.save(file, kind, exif=exif, compress_level=1)
    else:
        picture.save(file, kind, exif=exif, quality=90)
    return file.getvalue()


def opened(data: bytes, kind: str) -> Pillow.Image:
    """A picture, decoded by the library that does it while preparing."""
    if kind == "HEIC":
        return pillow_heif.open_heif(data).to_pillow()
    picture = Pillow.open(io.BytesIO(data))
    picture.load()
    return picture


def likeness(portrait: Pillow.Image, kind: str) -> float:
    """The cosine of a portrait's embedding to that of the JPEG that it becomes."""
    data = saved(portrait, kind, UPRIGHT)
    shown, file = opened(data, kind), io.BytesIO()
    shown.save(file, "PNG")
    with facegate.open(plugin="local") as verifier:
        match = verifier.compare(probe=to_jpeg(Image.of(data)), gallery=[file.getvalue()]).match
    if match is None or match.score is None:
        raise LookupError("the engine gave no score")
    return cosine(match.score)


def cosine(score: float) -> float:
    """The cosine that the embedded engine made a score of."""
    for (low, below), (high, above) in itertools.pairwise(KNOTS):
        if below <= score <= above:
            return low + (high - low) * (score - below) / (above - below)
    raise ValueError(score)


if __name__ == "__main__":
    main()
