"""Canaries are picked from answers to labelled pairs: where a change would show first."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from canaries import Roost
from installed import Site

COLUMNS = ("probe", "gallery", "label", "score", "liveness_score", "error_code", "consent_purpose")


@pytest.fixture
def roost(here: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> Roost:
    return Roost(here, site, capsys)


def answers() -> list[tuple[Any, ...]]:
    """Answers of all sorts, in steps of a hundredth, around a threshold of 0.5."""
    rows: list[tuple[Any, ...]] = []
    for number in range(1, 100):
        score = number / 100
        rows += [
            (f"g{number}.jpg", f"G{number}.jpg", "genuine", score, "", "", "tests"),
            (f"i{number}.jpg", f"I{number}.jpg", "impostor", score, "", "", "tests"),
            (f"l{number}.jpg", "", "bona_fide", "", score, "", "tests"),
            (f"a{number}.jpg", "", "attack", "", score, "", "tests"),
            (f"r{number}.jpg", f"R{number}.jpg", "genuine", "", "", "CaptureRejected", "tests"),
            (f"o{number}.jpg", f"O{number}.jpg", "genuine", "", "", "ProviderTimeout", "tests"),
        ]
    return rows


def write(folder: Path, rows: list[tuple[Any, ...]], columns: tuple[str, ...] = COLUMNS) -> Path:
    """A list of answers."""
    path = folder / "answers.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def picked(folder: Path) -> list[dict[str, str]]:
    """The canaries that were picked."""
    with (folder / "picked.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


PICK = ("pick", "answers.csv", "-p", "main", "--out", "picked.csv")


def test_they_are_those_next_to_the_threshold(roost: Roost) -> None:
    write(roost.folder, answers())
    code, out, _ = roost.run(*PICK)
    assert (code, out) == (0, "40 canaries in picked.csv\n")
    found = picked(roost.folder)
    scores = [float(each["score"]) for each in found if each["score"]]
    assert scores[:10] == pytest.approx([0.5 + number / 100 for number in range(10)])
    assert scores[10:20] == pytest.approx([0.49 - number / 100 for number in range(10)])
    assert sorted(Counter(each["purpose"] for each in found).items()) == [
        ("attack", 2),
        ("genuine", 20),
        ("impostor", 10),
        ("live", 3),
        ("refused", 5),
    ]


def test_no_two_have_a_picture_in_common(roost: Roost) -> None:
    rows = [("same.jpg", f"{n}.jpg", "genuine", 0.5 + n / 100, "", "", "") for n in range(40)]
    write(roost.folder, [*rows, ("a.jpg", "b.jpg", "genuine", 0.99, "", "", "")])
    assert roost.run(*PICK, "--json")[0] == 0
    assert [(each["probe"], each["gallery"]) for each in picked(roost.folder)] == [
        ("same.jpg", "0.jpg"),
        ("a.jpg", "b.jpg"),
    ]


def test_what_is_missing_is_said(roost: Roost) -> None:
    write(roost.folder, [("a.jpg", "b.jpg", "impostor", 0.4, "", "", "")])
    _, out, _ = roost.run(*PICK, "--json")
    assert json.loads(out) == {
        "file": "picked.csv",
        "canaries": 1,
        "missing": {
            "genuine, just above": 10,
            "impostor, just below": 9,
            "genuine, easy": 10,
            "refused": 5,
            "liveness": 5,
        },
    }


@pytest.mark.parametrize("picture", ["sha256:0a1b", "data:image/png;base64,AAAA", "https://a/b"])
def test_a_picture_that_is_no_file_is_no_canary(roost: Roost, picture: str) -> None:
    write(roost.folder, [(picture, "b.jpg", "genuine", 0.6, "", "", "")])
    code, _, err = roost.run(*PICK)
    assert code == 2
    assert "no labelled answers on pictures that are files" in err


def test_the_truth_may_be_told_in_each_way(roost: Roost) -> None:
    for names, values in (
        (("genuine",), ("true",)),
        (("probe_subject", "gallery_subject"), ("81", "81")),
    ):
        (roost.folder / "picked.csv").unlink(missing_ok=True)
        write(
            roost.folder, [("a.jpg", "b.jpg", 0.6, *values)], ("probe", "gallery", "score", *names)
        )
        assert roost.run(*PICK)[0] == 0
        assert [each["purpose"] for each in picked(roost.folder)] == ["genuine"]
    (roost.folder / "picked.csv").unlink()
    write(roost.folder, [("a.jpg", "b.jpg", 0.6)], ("probe", "gallery", "score"))
    assert "no column says what is true" in roost.run(*PICK)[2]


def test_a_job_will_do_and_paths_start_where_they_are_said_to(roost: Roost) -> None:
    parts = roost.folder / "job" / "parts"
    parts.mkdir(parents=True)
    table = duckdb.read_csv(str(write(roost.folder, answers())), all_varchar=True)
    table.write_parquet(str(parts / "000000.parquet"))
    code, _, _ = roost.run("pick", "job", "-p", "main", "--out", "picked.csv", "--folder", "faces")
    assert code == 0
    assert picked(roost.folder)[0]["probe"] == "faces/g50.jpg"
    assert picked(roost.folder)[0]["consent_purpose"] == "tests"


def test_a_file_is_not_written_over(roost: Roost) -> None:
    write(roost.folder, answers())
    (roost.folder / "picked.csv").write_text("mine")
    code, _, err = roost.run(*PICK)
    assert code == 2
    assert "picked.csv is there already" in err
    assert (roost.folder / "picked.csv").read_text() == "mine"


def test_a_list_that_cannot_be_read_is_named(roost: Roost) -> None:
    for arguments in (("gone.csv",), ("says.json",), ("gone.parquet",)):
        code, _, err = roost.run("pick", *arguments, "-p", "main", "--out", "picked.csv")
        assert code == 2
        assert arguments[0] in err


def test_what_was_picked_can_be_asked(roost: Roost) -> None:
    rows = [("genuine-probe.jpg", "genuine-gallery.jpg", "genuine", 0.52, "", "", "")]
    write(roost.folder, rows)
    roost.run("pick", "answers.csv", "-p", "main", "--out", "canaries.csv.new")
    (roost.folder / "canaries.csv.new").replace(roost.folder / "canaries.csv")
    assert roost.run("baseline", "--rounds", "2")[0] == 0
