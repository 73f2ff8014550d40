"""Scores of a face that is small in a large picture, beside those of the same pixels cropped.

    python benchmarks/framings.py [--framings 200] [--seed 1]

Two of the engine's own portraits are set, 42 to 400 pixels wide at the face, anywhere on tables of
coloured sheets of 2 to 50 megapixels, saved as JPEG, and compared with another photo of the person:
as they are, and cut out of the decoded JPEG. Needs the portraits (`facegate models pull`) and
Pillow.
"""

from __future__ import annotations

import argparse
import io
import math
import random
from collections import Counter

import numpy as np
from PIL import Image as Pillow

import facegate
from facegate_local.store import PortraitStore

PEOPLE = {"person_a": 0.41, "person_b": 0.41}
"""Portraits by name, with the share of their width that the face takes, about."""
MEGAPIXELS = (2, 5, 12, 24, 50)


def main() -> None:
    """Compare, and print how far the scores are apart and what was refused."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--framings", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    rng = random.Random(wanted.seed)  # noqa: S311
    store = PortraitStore()
    store.pull()
    apart: list[float] = []
    refused: Counter[str] = Counter()
    with facegate.open(plugin="local", deadline_s=120) as verifier:
        for _ in range(wanted.framings):
            person = rng.choice(sorted(PEOPLE))
            portrait = Pillow.open(store.path(f"{person}_2")).convert("RGB")
            width = round(math.exp(rng.uniform(math.log(42), math.log(400))) / PEOPLE[person])
            framed, cropped = _framing(rng, portrait, width)
            gallery = [store.path(f"{person}_1").read_bytes()]
            whole, part = (_score(verifier, probe, gallery) for probe in (framed, cropped))
            if isinstance(whole, float) and isinstance(part, float):
                apart.append(abs(whole - part))
            else:
                refused[f"whole {_said(whole)}, crop {_said(part)}"] += 1
    print(f"{len(apart)} pairs of scores, apart by {np.median(apart):.3f} in the median,")
    print(f"{max(apart):.3f} at most, by more than 0.02 in {sum(each > 0.02 for each in apart)}")
    for outcome, count in refused.most_common():
        print(f"{count} refused: {outcome}")


def _framing(rng: random.Random, portrait: Pillow.Image, width: int) -> tuple[bytes, bytes]:
    """A table with the portrait on it as JPEG, and the portrait's place cut out of it as PNG."""
    small = portrait.resize((width, width * portrait.height // portrait.width))
    high = max(round(math.sqrt(rng.choice(MEGAPIXELS) * 1e6 * 3 / 4)), small.height + 1)
    wide = max(high * 4 // 3, small.width + 1)
    table = Pillow.new("RGB", (wide, high), _colour(rng))
    for _ in range(6):
        left, top = rng.randrange(wide), rng.randrange(high)
        right, bottom = left + rng.randrange(1, wide // 2), top + rng.randrange(1, high // 2)
        table.paste(_colour(rng), (left, top, min(wide, right), min(high, bottom)))
    left, top = rng.randrange(wide - small.width), rng.randrange(high - small.height)
    table.paste(small, (left, top))
    framed, cropped = io.BytesIO(), io.BytesIO()
    table.save(framed, "JPEG", quality=92)
    place = (left, top, left + small.width, top + small.height)
    Pillow.open(framed).crop(place).save(cropped, "PNG")
    return framed.getvalue(), cropped.getvalue()


def _colour(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(40, 250), rng.randrange(40, 250), rng.randrange(40, 250)


def _score(verifier: facegate.FaceVerifier, probe: bytes, gallery: list[bytes]) -> float | str:
    """The score, or why there is none."""
    try:
        match = verifier.compare(
            probe=probe, gallery=gallery, options={"local": {"several_faces": "vendor"}}
        ).match
    except facegate.CaptureRejected as error:
        return str(error.reason)
    except facegate.FacegateError as error:
        return type(error).__name__
    return "no score" if match is None or match.score is None else match.score


def _said(outcome: float | str) -> str:
    return "compared" if isinstance(outcome, float) else outcome


if __name__ == "__main__":
    main()
