"""The scores that an evaluation is of: read from files, or answers of providers who are asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from facegate.batch.job import Order
from facegate.cli.batch import progress_shown
from facegate.cli.given import Given
from facegate.config import Config
from facegate.errors import ConfigurationError, InvalidRequest
from facegate.evaluation.asking import asked, lower_is_closer
from facegate.evaluation.labelled import labelled
from facegate.evaluation.matrices import score_matrix
from facegate.evaluation.pairs import (
    LabelledPair,
    PersonImage,
    check_images,
    images_of_people,
    lfw_pairs,
    write_rows,
)
from facegate.evaluation.readers import check_labels, score_list
from facegate.evaluation.scores import Scores
from facegate.journal import open_journal
from facegate.model import Operation

if TYPE_CHECKING:
    from facegate.journal import Journal


def scores(given: Given) -> Iterator[Scores]:
    """The scores of each provider."""
    for path in given.scores:
        yield score_list(
            path,
            lower_is_closer=given.lower_is_closer,
            failed_score=given.failed_score,
            groups=given.groups,
            species=given.species,
        )
    for path in given.matrices:
        yield score_matrix(
            path, lower_is_closer=given.lower_is_closer, failed_score=given.failed_score
        )
    if given.journal is not None:
        with _journal(given) as journal:
            yield from labelled(journal.rows(), given.providers)
    if given.asks:
        yield from _answers(given)


def _answers(given: Given) -> Iterator[Scores]:
    """The scores of who is asked, or was by the same command."""
    files: Path = getattr(given, given.source)
    base = given.job or Path(f"{files.stem}.job")
    pairs = _pairs(given, files, base)
    operation = Operation(given.operation)
    alone = operation is Operation.LIVENESS
    for name in given.names:
        order = Order(
            files=[pairs],
            out=base / (name or "default"),
            config=given.config,
            name=name,
            operation=operation,
            all_pairs=given.source in ("folder", "all_pairs"),
            threshold=None if alone else given.threshold,
            liveness_threshold=given.threshold if alone else None,
        )
        out = order.out / "scores.parquet"
        if given.scores_out is not None:
            several = f"-{name}" if len(given.names) > 1 else ""
            out = given.scores_out.with_stem(f"{given.scores_out.stem}{several}")
        with progress_shown(as_json=given.as_json) as progress:
            asked(order, out, progress)
        yield score_list(
            out,
            name=name,
            lower_is_closer=lower_is_closer(order),
            groups=given.groups,
            species=given.species,
        )


def _pairs(given: Given, files: Path, base: Path) -> Path:
    """The file of the pairs, or of the pictures that all pairs are of, checked before any costs."""
    if given.pairs is not None:
        check_labels(files, species=given.species)
        return files
    if given.all_pairs is not None:
        check_images(files)
        return files
    made = base / "pairs.csv"
    rows: Sequence[PersonImage | LabelledPair] = (
        images_of_people(files) if given.images is None else [*lfw_pairs(files, given.images)]
    )
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidRequest(f"cannot write {base}: {error.strerror}") from None
    write_rows(rows, made)
    return made


@contextmanager
def _journal(given: Given) -> Iterator[Journal]:
    """The journal that is named, or else the configured one."""
    loaded = Config.load(given.config)
    table = {"url": given.journal} if given.journal else loaded.document.journal
    if table is None:
        raise ConfigurationError(f"{loaded.source}: there is no [journal]; give --journal a URL")
    opened = open_journal(table, "--journal" if given.journal else loaded.source)
    try:
        if not opened.exists:
            raise ConfigurationError("nothing was recorded in this journal yet")
        yield opened
    finally:
        opened.close()
