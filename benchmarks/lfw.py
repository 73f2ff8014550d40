"""The embedded engine's error rates on Labeled Faces in the Wild (LFW).

``python benchmarks/lfw.py FOLDER`` takes the folder that holds a folder for each person, as the
data set comes: 13,233 photos of 5,749 people (Huang, Ramesh, Berg, Learned-Miller: "Labeled Faces
in the Wild", University of Massachusetts, Technical Report 07-49, 2007). With its ``pairs.txt``
the official protocol is run too, and with lists of photos by group the rates within each group.
``--write docs/_data/lfw.json`` keeps what the documentation shows. See README.md beside this.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from error_rates import Pairs, Rate, accuracy, codes, first_of_each
from printed import show
from rich.console import Console
from rich.progress import Progress

from facegate.errors import CaptureRejected
from facegate.images.image import Image
from facegate_local.engine import Engine
from facegate_local.pad import LIVENESS
from facegate_local.scores import KNOTS, score
from facegate_local.store import ModelStore

COSINES: Final = (0.25, 0.294, 0.33, 0.363, 0.4, 0.425, 0.45, 0.491)
PRESETS: Final = dict(
    zip((1e-2, 1e-3, 1e-4, 1e-5), (cosine for cosine, _ in KNOTS[2:6]), strict=True)
)
"""Cosine by the false match rate of all pairs that it was chosen for."""
EVERY: Final = 9
"""Liveness is judged on each so-manieth photo, in the order of their names."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A photo as the engine saw it.

    Attributes:
        name: the file's, without its ending: ``Ada_Lovelace_0001``.
        embedding: of the most prominent face; None where the photo was refused.
        refused: the reason then.
        crowded: whether another face of similar size would have had it refused.
        live: the liveness score, or the reason for which none was given; None where not asked.
    """

    name: str
    embedding: Any = None
    refused: str | None = None
    crowded: bool = False
    live: float | str | None = None

    @property
    def person(self) -> str:
        return self.name.rpartition("_")[0]


_engines: list[Engine] = []


def see(path: Path, *, judge: bool) -> Seen:
    """Look at a photo as the engine does, taking the most prominent of several faces."""
    if not _engines:
        cv2.setNumThreads(1)
        _engines.append(Engine(ModelStore()))
    engine = _engines[0]
    try:
        scene = engine.see(Image.from_path(path), "probe", others="any")
        embedding = engine.embed(scene, "probe")
    except CaptureRejected as error:
        return Seen(path.stem, refused=str(error.reason))
    live: float | str | None = None
    if judge:
        try:
            live = engine.liveness(scene, "probe")
        except CaptureRejected as error:
            live = str(error.reason)
    return Seen(path.stem, embedding, crowded=bool(scene.rivals()), live=live)


def look(folder: Path, progress: Progress) -> list[Seen]:
    """Look at all photos of a folder, on all cores."""
    paths = sorted(folder.glob("*/*.jpg"), key=lambda path: path.stem)
    if not paths:
        raise SystemExit(f"no photos in {folder}: it should hold a folder for each person")
    task = progress.add_task("looking at photos", total=len(paths))
    photos: list[Seen] = []
    with ProcessPoolExecutor(os.cpu_count()) as workers:
        judged = [not index % EVERY for index in range(len(paths))]
        for photo in workers.map(_see, zip(paths, judged, strict=True), chunksize=20):
            photos.append(photo)
            progress.advance(task)
    return photos


def _see(job: tuple[Path, bool]) -> Seen:
    path, judge = job
    return see(path, judge=judge)


def measure(photos: Sequence[Seen], lists: Mapping[str, Path], pairs: Path | None) -> Any:
    """All figures, ready for JSON."""
    decided = [photo for photo in photos if photo.embedding is not None]
    embeddings = np.stack([photo.embedding for photo in decided]).astype(np.float32)
    people = codes([photo.person for photo in decided])
    every = Pairs.of(embeddings, people)
    first = first_of_each(people)
    firsts = Pairs.of(embeddings[first], people[first])
    rows = [
        {
            "cosine": cosine,
            "score": round(score(cosine), 4),
            "fmr": _shown(every.fmr(cosine)),
            "fmr_first": _shown(firsts.fmr(cosine)),
            "fnmr": _shown(every.fnmr(cosine)),
            "fnmr_person": every.fnmr_by_person(cosine),
        }
        for cosine in COSINES
    ]
    live = [photo.live for photo in decided if photo.live is not None]
    judged = [value for value in live if isinstance(value, float)]
    return {
        "photos": len(photos),
        "people": len({photo.person for photo in photos}),
        "refused": dict(Counter(photo.refused for photo in photos if photo.refused)),
        "crowded": sum(photo.crowded for photo in photos),
        "genuine_pairs": len(every.genuine),
        "impostor_pairs": every.impostors,
        "impostor_pairs_first": firsts.impostors,
        "people_with_pairs": len(set(every.genuine_people.tolist())),
        "rates": rows,
        "cosine_at_fmr": {f"{rate:g}": every.cosine_at(rate) for rate in PRESETS},
        "groups": {name: _group(decided, embeddings, path) for name, path in lists.items()},
        "liveness": {
            "asked": len(live),
            "judged": len(judged),
            "not_live": sum(value < LIVENESS.threshold for value in judged),
            "refused": dict(Counter(value for value in live if isinstance(value, str))),
        },
        "official": pairs and _official(decided, pairs),
        "opencv": cv2.__version__,
        "date": datetime.now(UTC).date().isoformat(),
    }


def _group(decided: Sequence[Seen], embeddings: Any, path: Path) -> Any:
    """Rates within a group: the first photo of each person, and the first two for the FNMR."""
    listed = {line.strip().removesuffix(".jpg") for line in path.read_text("utf-8").splitlines()}
    members = {name.rpartition("_")[0] for name in listed}
    rank: Counter[str] = Counter()
    chosen: list[int] = []
    for index, photo in enumerate(decided):
        if photo.person in members and rank[photo.person] < 2:
            chosen.append(index)
            rank[photo.person] += 1
    people = codes([decided[index].person for index in chosen])
    two = Pairs.of(embeddings[chosen], people)
    first = first_of_each(people)
    one = Pairs.of(embeddings[chosen][first], people[first])
    return {
        "people": len(rank),
        "rates": {
            f"{rate:g}": {"fmr": _shown(one.fmr(at)), "fnmr": _shown(two.fnmr(at))}
            for rate, at in PRESETS.items()
        },
    }


def _official(decided: Sequence[Seen], path: Path) -> Any:
    """The protocol of 6,000 pairs in ten folds, over the pairs that were decided."""
    seen = {photo.name: photo.embedding for photo in decided}
    head, *lines = path.read_text("utf-8").splitlines()
    folds, each = map(int, head.split())
    cosines, genuine, fold = [], [], []
    for index, line in enumerate(lines[: folds * each * 2]):
        left, first, *rest = line.split()
        right, second = (left, rest[0]) if len(rest) == 1 else rest
        one = seen.get(f"{left}_{int(first):04}")
        other = seen.get(f"{right}_{int(second):04}")
        if one is not None and other is not None:
            cosines.append(float(one @ other))
            genuine.append(len(rest) == 1)
            fold.append(index // (each * 2))
    mean, error = accuracy(np.array(cosines, np.float32), np.array(genuine), np.array(fold))
    return {"pairs": len(cosines), "accuracy": mean, "standard_error": error}


def _shown(rate: Rate) -> Any:
    return {**asdict(rate), "rate": rate.rate}


def report(found: Any, *, markdown: bool) -> None:
    """Print it."""
    refused = ", ".join(f"{count} {reason}" for reason, count in found["refused"].items())
    print(
        f"{found['photos']:,} photos of {found['people']:,} people, OpenCV {found['opencv']}."
        f" Refused: {refused or 'none'}. Another {found['crowded']:,} show a second face of"
        f" similar size. {found['genuine_pairs']:,} genuine pairs,"
        f" {found['impostor_pairs']:,} of strangers. 95 % intervals in brackets.\n"
    )
    headings = ["score", "cosine", "FMR", "FMR, 1 photo each", "FNMR", "FNMR, per person"]
    rows = [
        [
            f"{row['score']:.3f}",
            f"{row['cosine']:.3f}",
            _rate(row["fmr"]),
            _rate(row["fmr_first"]),
            _percent(row["fnmr"]),
            f"{row['fnmr_person']:.2%}",
        ]
        for row in found["rates"]
    ]
    show(headings, rows, markdown=markdown)
    for name, group in found["groups"].items():
        print(f"{name}: {group['people']:,} people, first photos")
        lines = [
            [f"fmr:{rate}", _rate(at["fmr"]), _percent(at["fnmr"])]
            for rate, at in group["rates"].items()
        ]
        show(["threshold", "FMR within the group", "FNMR"], lines, markdown=markdown)
    live = found["liveness"]
    print(
        f"Liveness, each {EVERY}th photo: {live['not_live']} of {live['judged']} called not live;"
        f" {live['asked'] - live['judged']} refused as pictures ({live['refused']})."
    )
    if official := found["official"]:
        print(
            f"Official pairs: {official['accuracy']:.2%} ± {official['standard_error']:.2%} of"
            f" the {official['pairs']:,} that were decided."
        )


def _rate(rate: Mapping[str, float]) -> str:
    return f"{rate['rate']:.1e} [{rate['low']:.1e}, {rate['high']:.1e}]"


def _percent(rate: Mapping[str, float]) -> str:
    return f"{rate['rate']:.2%} [{rate['low']:.2%}, {rate['high']:.2%}]"


def main() -> None:
    """Read the arguments, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=Path, help="pairs.txt, for the official protocol")
    parser.add_argument(
        "--group",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="a list of photos, a name a line, of the people of a group",
    )
    parser.add_argument("--write", type=Path, help="a JSON file for all figures")
    parser.add_argument("--markdown", action="store_true", help="print tables for the docs")
    options = parser.parse_args()
    lists = {name: Path(file) for name, _, file in (each.partition("=") for each in options.group)}
    with Progress(console=Console(stderr=True)) as progress:
        photos = look(options.folder, progress)
    found = measure(photos, lists, options.pairs)
    if options.write:
        options.write.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    report(found, markdown=options.markdown)


if __name__ == "__main__":
    main()
