"""The calibration that comes with the embedded engine, measured on Labeled Faces in the Wild.

``python benchmarks/lfw_calibration.py FOLDER --group women=FILE --group men=FILE --out FILE`` looks
at every photo as ``benchmarks/lfw.py`` does. Strangers are pairs of one group, a photo a person:
others differ in more than their faces, and who is photographed often would count as often. Genuine
pairs are all of a person's. See README.md beside this.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from error_rates import codes, first_of_each
from lfw import Seen, look
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from facegate.calibration import Key
from facegate.evaluation.calibrating import About, calibration, text_of
from facegate.evaluation.scores import Scores, Trials
from facegate_local.provider import Local, LocalSettings
from facegate_local.scores import KNOTS

LEAST: Final = 5e-6
"""Lowest rate that is counted, so that 1e-5 can be assured. Further down, the labels of the photos
are wrong too often."""
_ROWS: Final = 512

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


def scores_of(photos: Sequence[Seen], lists: Mapping[str, Path]) -> Scores:
    """The scores of all pairs that count, with their people and groups."""
    decided = [photo for photo in photos if photo.embedding is not None]
    embeddings = np.stack([photo.embedding for photo in decided]).astype(np.float32)
    people = codes([photo.person for photo in decided]).astype(np.int32)
    groups = _groups(decided, lists)
    first = np.flatnonzero(first_of_each(people.astype(np.int64)) & (groups >= 0))
    strangers, one, other = _pairs(embeddings[first], groups[first])
    genuine, left, _ = _pairs(embeddings, people)
    living = [photo for photo in decided if isinstance(photo.live, float)]
    named = dict(zip((photo.person for photo in decided), people.tolist(), strict=True))
    return Scores(
        name="local",
        genuine=_trials(genuine, (people[left],), groups[left], groups[left]),
        impostor=_trials(
            strangers,
            (people[first][one], people[first][other]),
            groups[first][one],
            groups[first][other],
        ),
        bona_fide=_trials(
            np.array([photo.live for photo in living], np.float64),
            (np.array([named[photo.person] for photo in living], np.int32),),
        ),
        group_names={"sex": list(lists)},
    )


def _groups(photos: Sequence[Seen], lists: Mapping[str, Path]) -> Codes:
    """Code of each photo's group, by the lists' order; -1 for none, or for several."""
    found = np.full(len(photos), -1, np.int32)
    members = [
        {
            line.strip().removesuffix(".jpg").rpartition("_")[0]
            for line in path.read_text("utf-8").splitlines()
        }
        for path in lists.values()
    ]
    for index, photo in enumerate(photos):
        listed = [code for code, names in enumerate(members) if photo.person in names]
        if len(listed) == 1:
            found[index] = listed[0]
    return found


def _pairs(embeddings: NDArray[np.float32], kinds: Codes) -> tuple[Floats, Codes, Codes]:
    """Scores of all pairs of one kind, and the places of both."""
    cosines, left, right = [], [], []
    for start in range(0, len(kinds), _ROWS):
        block = embeddings[start : start + _ROWS] @ embeddings[start:].T
        same = kinds[start : start + _ROWS, None] == kinds[None, start:]
        rows, columns = np.nonzero(np.triu(same, 1))
        cosines.append(block[rows, columns])
        left.append(rows + start)
        right.append(columns + start)
    known, scores = zip(*KNOTS, strict=True)
    found = np.interp(np.concatenate(cosines), known, scores)
    return found, np.concatenate(left).astype(np.int32), np.concatenate(right).astype(np.int32)


def _trials(
    scores: Floats,
    units: tuple[Codes, ...],
    probe: Codes | None = None,
    gallery: Codes | None = None,
) -> Trials:
    groups = {} if probe is None or gallery is None else {"sex": (probe, gallery)}
    return Trials(scores, np.arange(len(scores), dtype=np.int32), units, groups=groups)


def main() -> None:
    """Read the arguments, look, and write the document."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--group", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lists = {name: Path(file) for name, _, file in (each.partition("=") for each in options.group)}
    with Progress(console=Console(stderr=True)) as progress:
        photos = look(options.folder, progress)
    made = calibration(scores_of(photos, lists), about(len(photos)))
    options.out.write_text(text_of(made), encoding="utf-8")


def about(photos: int) -> About:
    """What the document says of itself."""
    engine = Local(LocalSettings())
    match, liveness = engine.info.match, engine.info.liveness
    assert match is not None and liveness is not None  # noqa: S101, PT018 - it has both
    key = Key(
        plugin="local",
        lineage=engine.info.lineage,
        runtime=engine.fingerprint(),
        match=match.scale,
        liveness=liveness.scale,
        probe="press photo",
        gallery="press photo",
    )
    return About(
        key=key,
        by="facegate",
        on="press photos of adults (Labeled Faces in the Wild)",
        made=datetime.now(UTC).date(),
        images=photos,
        not_below=LEAST,
    )


if __name__ == "__main__":
    main()
