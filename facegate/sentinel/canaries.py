"""Canaries: pictures that are asked again and again, with what each is there for."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from facegate.batch.columns import READ, Row, is_read
from facegate.document import near
from facegate.errors import InputError, InvalidRequest
from facegate.images.image import Image, ImageLimits
from facegate.model import Operation


class Purpose(StrEnum):
    """The purpose of a canary."""

    GENUINE = "genuine"
    """Two pictures of one person."""
    IMPOSTOR = "impostor"
    """Pictures of two people."""
    REFUSED = "refused"
    """A picture that no decision may be based on."""
    LIVE = "live"
    """A picture of a living person."""
    ATTACK = "attack"
    """A picture of a picture, a mask and the like."""


_COLUMNS = ("id", "purpose", "provider", "score")
"""Columns beside those of pictures, of the subject and of the consent."""
_ALONE = (Purpose.LIVE, Purpose.ATTACK)
"""Purposes of a canary that is one picture."""


@dataclass(frozen=True, slots=True, eq=False)
class Canary:
    """A canary.

    Attributes:
        id: its name, which no other one has.
        purpose: what it is there for.
        row: its pictures, subject and consent as the file has them.
        probe: the picture that is asked about.
        gallery: what it is compared with; none in a question of liveness.
    """

    id: str
    purpose: Purpose
    row: Row
    probe: Image = field(repr=False)
    gallery: tuple[Image, ...] = field(repr=False)

    @property
    def operation(self) -> Operation:
        """The question that is asked."""
        return Operation.COMPARE if self.gallery else Operation.LIVENESS


@dataclass(frozen=True, slots=True)
class Canaries:
    """The canaries of one provider.

    Attributes:
        all: each of them, in the order of the file.
        digest: SHA-256, in hex, of what they ask: another one says that others are asked.
    """

    all: Sequence[Canary]
    digest: str

    @classmethod
    def read(
        cls, path: Path, provider: str, limits: ImageLimits, offers: Collection[Operation]
    ) -> Canaries:
        """Read the canaries of a provider; those of a question that it does not offer are left out.

        The columns are ``id``, ``purpose``, ``probe`` and ``gallery``, and where one is for some
        provider alone, ``provider``; those of a consent are as in a batch. Paths start from the
        folder of the file.

        Args:
            path: the CSV file.
            provider: whose canaries; those without a name are everybody's.
            limits: bytes and pixels of a picture.
            offers: the questions that the provider offers.

        Raises:
            InvalidRequest: naming the line that is wrong, or that there are none.
        """
        found: list[Canary] = []
        for line, values in _lines(path):
            if values.get("provider") in (None, "", provider):
                try:
                    canary = _canary(line, values, path.parent, limits)
                except InputError as error:
                    raise InvalidRequest(f"{path}, line {line}: {error}") from None
                if canary.operation in offers:
                    found.append(canary)
        repeated = [name for name, count in Counter(each.id for each in found).items() if count > 1]
        if repeated:
            raise InvalidRequest(f"{path}: two canaries are called {repeated[0]!r}")
        if not found:
            raise InvalidRequest(f"{path} has no canaries that {provider} could be asked about")
        whole = hashlib.sha256()
        for each in found:
            pictures = [hashlib.sha256(image.data).hexdigest() for image in _pictures(each)]
            whole.update("|".join([each.id, each.purpose, *pictures, "\n"]).encode())
        return cls(found, whole.hexdigest())


def _lines(path: Path) -> Sequence[tuple[int, Mapping[str, str]]]:
    """The rows of a CSV file by column, each after its line; the header is line 1."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            lines = [(reader.line_num, row) for row in reader if any(row.values())]
            names = reader.fieldnames or ()
    except OSError as error:
        raise InvalidRequest(f"cannot read {path.absolute()}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise InvalidRequest(f"{path} is no CSV in UTF-8") from None
    if missing := [name for name in ("id", "purpose", "probe") if name not in names]:
        raise InvalidRequest(
            f"{path} has no column {missing[0]!r}; columns are separated by commas, without blanks"
        )
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise InvalidRequest(f"{path}: two columns are called {repeated[0]!r}")
    if unknown := [name for name in names if name not in _COLUMNS and not is_read(name)]:
        # A consent that is misspelt would be none, and a provider everybody.
        hint = near(unknown[0], [*_COLUMNS, *READ])
        raise InvalidRequest(f"{path}: no column is called {unknown[0]!r}{hint}")
    for line, row in lines:
        if None in row or None in row.values():
            raise InvalidRequest(f"{path}, line {line}: not as many values as there are columns")
    return lines


def _canary(line: int, values: Mapping[str, str], folder: Path, limits: ImageLimits) -> Canary:
    row = Row.of(line, values, str(folder))
    try:
        purpose = Purpose(values["purpose"])
    except ValueError:
        known = ", ".join(Purpose)
        raise InvalidRequest(f"purpose {values['purpose']!r} is none of {known}") from None
    if not values["id"].isprintable() or not values["id"]:
        raise InvalidRequest("it has no id that can be printed")
    if purpose is not Purpose.REFUSED and bool(row.gallery) is (purpose in _ALONE):
        needs = "one picture, and has a gallery" if row.gallery else "two pictures, and has one"
        raise InvalidRequest(f"{purpose} is said of {needs}")
    probe, *gallery = (_picture(each, limits) for each in (row.probe, *row.gallery))
    return Canary(values["id"], purpose, row, probe, tuple(gallery))


def _picture(source: str | bytes, limits: ImageLimits) -> Image:
    """A picture of a file: what others hold could be another one tomorrow."""
    if not isinstance(source, str) or "://" in source[:8] or not source:
        raise InvalidRequest("a canary's pictures are files")
    return Image.from_path(Path(source), limits)


def _pictures(canary: Canary) -> Sequence[Image]:
    return (canary.probe, *canary.gallery)
