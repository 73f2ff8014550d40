"""The pictures of a job: where they may lie, and those that were read lately."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from facegate.batch.columns import Row, Source
from facegate.errors import InputError, InvalidRequest
from facegate.images.image import Image
from facegate.images.intake import Intake

_KEPT = 64 * 2**20
"""Bytes of pictures that are kept for the next row that names them."""


@dataclass
class Pictures:
    """The pictures of a job. One serves one thread at a time.

    Attributes:
        intake: limits for pictures.
        root: the folder that they must lie in; None for anywhere.
    """

    intake: Intake
    root: Path | None = None
    _read: OrderedDict[str, Image] = field(default_factory=OrderedDict, repr=False)
    _bytes: int = 0

    def refuse_outside(self, picture: Source, label: str) -> None:
        """Refuse a path that leads out of the root, by whatever way.

        Raises:
            InvalidRequest: naming the picture by its label.
        """
        if self.root is None or (path := _path(picture)) is None:
            return
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise InvalidRequest("it lies outside of [batch] root", image=label)

    def read(self, picture: Source) -> Image | Source:
        """A picture, read from its file; whatever else it is, and cannot be read, stays as it is.

        Who is handed a path that could not be read says what is wrong with it.
        """
        if isinstance(picture, bytes):
            return picture
        if picture in self._read:
            self._read.move_to_end(picture)
            return self._read[picture]
        if (path := _path(picture)) is None or not self.intake.paths:
            return picture
        try:
            image = Image.from_path(path, self.intake.limits)
        except InputError:
            return picture
        self._read[picture] = image
        self._bytes += len(image.data)
        while self._bytes > _KEPT:
            self._bytes -= len(self._read.popitem(last=False)[1].data)
        return image


def folders_of(row: Row) -> tuple[str, ...]:
    """The folders that a row's pictures lie in, as far as they are there."""
    paths = filter(None, map(_path, (row.probe, *row.gallery)))
    return tuple({str(path.parent): None for path in paths if path.parent.is_dir()})


def _path(picture: Source) -> Path | None:
    """The path that a row names a picture by; None where it names it otherwise."""
    path = Path(picture) if isinstance(picture, str) else None
    return path if path is not None and path.is_absolute() else None
