"""Labelled pairs: from folders and LFW's lists, refused where a line cannot be right."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from drawn import picture
from facegate import ImageFormat, InvalidRequest
from facegate.evaluation.pairs import (
    LabelledPair,
    PersonImage,
    check_images,
    images_of_people,
    lfw_pairs,
    write_rows,
)

PEOPLE = {"Ann": 2, "Bo": 3, "Cy": 1}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A folder for each person, with pictures named as LFW's are."""
    for name, count in PEOPLE.items():
        folder = tmp_path / "people" / name
        folder.mkdir(parents=True)
        for number in range(1, count + 1):
            (folder / f"{name}_{number:04}.jpg").write_bytes(picture(ImageFormat.JPEG))
    return tmp_path / "people"


@pytest.fixture
def listing(tmp_path: Path) -> Path:
    return tmp_path / "pairs.txt"


def test_every_picture_in_a_persons_folder_is_theirs(people: Path) -> None:
    (people / "Ann" / ".DS_Store").write_text("left by a desktop")
    (people / "README.txt").write_text("beside the people")
    images = images_of_people(people)
    assert [image.subject for image in images] == ["Ann", "Ann", "Bo", "Bo", "Bo", "Cy"]
    assert images[0] == PersonImage(str(people / "Ann" / "Ann_0001.jpg"), "Ann")


def test_a_file_that_is_no_picture_is_named(people: Path) -> None:
    (people / "Bo" / "notes.txt").write_text("met in spring")
    with pytest.raises(InvalidRequest, match=r"Bo/notes\.txt: "):
        images_of_people(people)


def test_a_folder_within_a_persons_folder_is_named(people: Path) -> None:
    (people / "Bo" / "old").mkdir()
    with pytest.raises(InvalidRequest, match=r"Bo/old is no file"):
        images_of_people(people)


def test_people_are_at_least_two_and_one_has_two_pictures(people: Path) -> None:
    for name in ("Ann", "Bo"):
        for file in sorted((people / name).iterdir())[1:]:
            file.unlink()
    with pytest.raises(InvalidRequest, match="no genuine pair"):
        images_of_people(people)
    with pytest.raises(InvalidRequest, match="pictures of 0 people"):
        images_of_people(people / "Ann")
    with pytest.raises(InvalidRequest, match="cannot read nowhere: No such file"):
        images_of_people(people / "nowhere")


def test_pairs_txt_has_folds_of_genuine_and_of_impostor_pairs(people: Path, listing: Path) -> None:
    listing.write_text("2\t1\nAnn\t1\t2\nAnn\t1\tBo\t3\nBo\t1\t2\nCy\t1\tBo\t1\n")
    pairs = list(lfw_pairs(listing, people))
    first = [str(people / "Ann" / f"Ann_000{number}.jpg") for number in (1, 2)]
    assert pairs[0] == LabelledPair(first[0], first[1], "Ann", "Ann", 1)
    assert [(pair.probe_subject, pair.gallery_subject, pair.fold) for pair in pairs[1:]] == [
        ("Ann", "Bo", 1),
        ("Bo", "Bo", 2),
        ("Cy", "Bo", 2),
    ]


def test_a_list_of_one_fold_need_not_say_so(people: Path, listing: Path) -> None:
    listing.write_text("1\nAnn 1 2\nAnn 1 Bo 3\n")
    assert [pair.fold for pair in lfw_pairs(listing, people)] == [1, 1]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([""], "line 1: has the number of folds"),
        (["one"], "line 1: has the number of folds"),
        (["0"], "line 1: has the number of folds"),
        (["1", "Ann 1 2"], "line 1: says 2 pairs, and 1 lines follow"),
        (["1", "Ann 1 2", "Ann 1"], "line 3: is `name number number`"),
        (["1", "Ann 1 2", "Ann one Bo 1"], "line 3: 'one' is no number"),
        (["1", "Ann 1 9", "Ann 1 Bo 1"], r"line 2: there is no Ann/Ann_0009\.jpg in people"),
    ],
)
def test_a_line_that_cannot_be_right_is_named(
    people: Path, listing: Path, lines: Sequence[str], told: str
) -> None:
    listing.write_text("\n".join(lines))
    with pytest.raises(InvalidRequest, match=f"pairs.txt, {told}"):
        list(lfw_pairs(listing, people))


def test_a_list_that_cannot_be_read_is_said(people: Path, listing: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"cannot read pairs\.txt"):
        list(lfw_pairs(listing, people))
    listing.write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidRequest, match=r"pairs\.txt is no text in UTF-8"):
        list(lfw_pairs(listing, people))


def test_rows_are_written_with_a_column_for_each_field(people: Path, tmp_path: Path) -> None:
    images, file = images_of_people(people), tmp_path / "images.csv"
    write_rows(images, file)
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["image"], row["subject"]) for row in rows] == [
        (image.image, image.subject) for image in images
    ]


def test_what_cannot_be_written_is_said(people: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"cannot write x\.csv"):
        write_rows(images_of_people(people), tmp_path / "nowhere" / "x.csv")


def test_a_list_of_pictures_says_who_is_on_them(tmp_path: Path) -> None:
    listing = tmp_path / "images.csv"
    listing.write_text("image,subject\na.jpg,Ann\n")
    check_images(listing)
    listing.write_text("image,who\na.jpg,Ann\n")
    with pytest.raises(InvalidRequest, match=r"images\.csv, line 1: no column says who"):
        check_images(listing)
