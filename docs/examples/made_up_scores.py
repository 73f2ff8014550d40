"""Scores of made-up people, to try an evaluation on: ``python made_up_scores.py FOLDER``.

160 people each have a document and two selfies, and every selfie was compared with every document
by two providers, ``main`` and ``other``. What is true is chosen here: some people look like many
others, women more than men, and ``other`` turns more genuine people away. ``attacks.csv`` has the
liveness scores of a third provider.
"""

import csv
import random
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PEOPLE, SELFIES = 160, 2
SPECIES = {"printed photo": 0.25, "replay on a screen": 0.35, "mask": 0.55}
"""Kinds of attacks, with the mean of their liveness scores."""


def comparisons(drawn: random.Random, genuine_mean: float) -> Iterator[Mapping[str, object]]:
    ordinary = [drawn.gauss() for _ in range(PEOPLE)]
    for probe in range(PEOPLE):
        for selfie in range(SELFIES):
            refused = drawn.random() < 0.01
            for gallery in range(PEOPLE):
                alike = 0.4 * (ordinary[probe] + ordinary[gallery]) + 0.8 * drawn.gauss()
                score = 0.4 + 0.09 * alike + 0.03 * (probe % 2 == gallery % 2 == 0)
                if probe == gallery:
                    score = genuine_mean + 0.08 * drawn.gauss()
                yield {
                    "id": f"{probe}-{selfie}-{gallery}",
                    "probe_subject": f"p{probe}",
                    "gallery_subject": f"p{gallery}",
                    "probe_group_sex": ("woman", "man")[probe % 2],
                    "gallery_group_sex": ("woman", "man")[gallery % 2],
                    "score": "" if refused else f"{min(max(score, 0), 1):.4f}",
                    "threshold": 0.7,
                    "error_code": "CaptureRejected" if refused else "",
                    "reason": "QUALITY_TOO_LOW" if refused else "",
                    "image": "probe" if refused else "",
                }


def presentations(drawn: random.Random) -> Iterator[Mapping[str, object]]:
    for number in range(1000):
        yield {
            "label": "bona_fide",
            "species": "",
            "instrument": "",
            "score": f"{drawn.gauss(0.85, 0.08):.4f}",
            "threshold": 0.6,
        } | {"id": f"live-{number}"}
    for species, mean in SPECIES.items():
        for number in range(300):
            yield {
                "label": "attack",
                "species": species,
                "instrument": f"{species} {number % 10}",
                "score": f"{drawn.gauss(mean, 0.1):.4f}",
                "threshold": 0.6,
            } | {"id": f"{species}-{number}"}


def write(path: Path, rows: Iterator[Mapping[str, object]]) -> None:
    first = next(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(first))
        writer.writeheader()
        writer.writerow(first)
        writer.writerows(rows)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "main.csv", comparisons(random.Random(1), 0.8))  # noqa: S311  nobody is to guess
    write(folder / "other.csv", comparisons(random.Random(2), 0.75))  # noqa: S311
    write(folder / "attacks.csv", presentations(random.Random(3)))  # noqa: S311


if __name__ == "__main__":
    main(Path(sys.argv[1]))
