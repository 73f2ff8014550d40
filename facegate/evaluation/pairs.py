"""Labelled pairs of pictures as people keep them: a folder for each person, or LFW's ``pairs.txt``.

They are written as CSV that a batch asks about. What cannot be right is refused before anybody is
asked, for asking costs money and shows faces to a vendor.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from facegate.errors import ImageRejected, InvalidRequest
from facegate.evaluation.listing import opened
from facegate.images.sniff import HEAD, format_of


@dataclass(frozen=True, slots=True)
class PersonImage:
    """A picture of a known person.

    Attributes:
        image: absolute path of the file.
        subject: the person's name.
    """

    image: str
    subject: str


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two pictures, and who is on them.

    Attributes:
        probe: absolute path of the one file.
        gallery: absolute path of the other.
        probe_subject: name of the person on the probe.
        gallery_subject: name of the person on the other.
        fold: number of the set of pairs that it was published in, from 1 on.
    """

    probe: str
    gallery: str
    probe_subject: str
    gallery_subject: str
    fold: int


def images_of_people(folder: Path) -> list[PersonImage]:
    """The pictures in a folder that has a folder for each person, in order of their names.

    Hidden files, such as those that macOS leaves beside others, are none of them.

    Raises:
        InvalidRequest: a file that is no picture, naming it; fewer than two people; nobody with two
            pictures, so that there is no genuine pair.
    """
    try:
        people = [each for each in _shown(folder) if each.is_dir()]
        images = [PersonImage(_picture(file), who.name) for who in people for file in _shown(who)]
    except OSError as error:
        raise InvalidRequest(f"cannot read {folder.name}: {error.strerror}") from None
    counts = Counter(image.subject for image in images)
    if len(counts) < 2:
        raise InvalidRequest(
            f"{folder.name} holds pictures of {len(counts)} people: make a folder for each person,"
            " at least two, and put their pictures into it"
        )
    if max(counts.values()) < 2:
        raise InvalidRequest(
            f"nobody in {folder.name} has two pictures, so there is no genuine pair in it"
        )
    return images


def lfw_pairs(listing: Path, images: Path) -> Iterator[LabelledPair]:
    """The pairs of a file in the format of LFW's ``pairs.txt``.

    Its first line has the number of folds and of pairs of each kind in a fold; without the first of
    the two, there is one fold. A pair is a line ``name number number``, or of two people ``name
    number name number``.

    Args:
        listing: the file.
        images: a folder with a folder for each person, with pictures ``Name/Name_0001.jpg``.

    Raises:
        InvalidRequest: the file cannot be read; a line is wrong or names a picture that is not
            there, naming the line; there are more or fewer lines than the first one says.
    """
    try:
        head, *lines = listing.read_text(encoding="utf-8-sig").splitlines() or [""]
    except OSError as error:
        raise InvalidRequest(f"cannot read {listing.name}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidRequest(f"{listing.name} is no text in UTF-8") from None
    folds, size = _sizes(head, listing.name)
    if len(lines) != 2 * size * folds:
        raise InvalidRequest(
            f"{listing.name}, line 1: says {2 * size * folds:,} pairs, and {len(lines):,} lines"
            " follow"
        )
    for index, text in enumerate(lines):
        (probe, one), (gallery, other) = _sides(text, f"{listing.name}, line {index + 2}", images)
        yield LabelledPair(probe, gallery, one, other, 1 + index // (2 * size))


def check_images(listing: Path) -> None:
    """Refuse a list of pictures, of which all pairs are asked, that does not say who is on them.

    Raises:
        InvalidRequest: it cannot be read, or has no column ``subject``.
    """
    with opened(listing) as table:
        if "subject" not in table.names:
            raise InvalidRequest(
                f"{listing.name}, line 1: no column says who is on a picture: subject"
            )


def write_rows(rows: Sequence[PersonImage | LabelledPair], path: Path) -> None:
    """Write pairs or images, one or more, as CSV with a column for each field.

    Raises:
        InvalidRequest: the file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([field.name for field in fields(rows[0])])
            writer.writerows(map(astuple, rows))
    except OSError as error:
        raise InvalidRequest(f"cannot write {path.name}: {error.strerror}") from None


def _shown(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.name[0] != ".")


def _picture(file: Path) -> str:
    """The path of a file, if it is a picture."""
    where = f"{file.parent.name}/{file.name}"
    if not file.is_file():
        raise InvalidRequest(f"{where} is no file; a person's folder holds pictures alone")
    with file.open("rb") as opened:
        try:
            format_of(opened.read(HEAD))
        except ImageRejected as error:
            raise InvalidRequest(f"{where}: {error.message}") from None
    return str(file.absolute())


def _sizes(head: str, name: str) -> tuple[int, int]:
    """The number of folds, and of the pairs of each kind in a fold."""
    numbers = [int(word) if word.isdecimal() else 0 for word in head.split()]
    match numbers:
        case [size] if size:
            return 1, size
        case [folds, size] if folds and size:
            return folds, size
        case _:
            raise InvalidRequest(
                f"{name}, line 1: has the number of folds and of pairs in each, such as 10 300"
            )


def _sides(text: str, where: str, images: Path) -> Sequence[tuple[str, str]]:
    """The picture and the person of both sides of a line."""
    match text.split():
        case [name, first, second]:
            sides = ((name, first), (name, second))
        case [name, first, other, second]:
            sides = ((name, first), (other, second))
        case _:
            raise InvalidRequest(f"{where}: is `name number number` or `name number name number`")
    return [(_lfw_picture(name, number, where, images), name) for name, number in sides]


def _lfw_picture(name: str, number: str, where: str, images: Path) -> str:
    if not number.isdecimal():
        raise InvalidRequest(f"{where}: {number!r} is no number of a picture")
    path = images / name / f"{name}_{int(number):04}.jpg"
    if not path.is_file():
        raise InvalidRequest(f"{where}: there is no {name}/{path.name} in {images.name}")
    return str(path.absolute())
