"""Canaries: what a file of them may say, who consents, and what reaches the vendor."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from canaries import Roost
from drawn import picture
from facegate import ImageFormat
from facegate.cli import main as cli
from facegate.errors import ConsentRefused
from installed import Site

ANOTHER = picture(ImageFormat.JPEG, size=(100, 77), seed=9)


@pytest.fixture
def roost(here: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> Roost:
    return Roost(here, site, capsys)


def test_consent_is_asked_for_as_of_anybody(roost: Roost) -> None:
    roost.write(
        {"genuine": ("genuine", 100)}, consent_purpose="tests", consent_recipients="Else Ltd"
    )
    with closing(roost.opened()) as sentinel, pytest.raises(ConsentRefused, match="Moody Ltd"):
        sentinel.baseline("main", 2)
    assert not (roost.folder / "seen").exists()


def test_a_canary_whose_consent_covers_the_vendor_is_asked(roost: Roost) -> None:
    roost.write(
        {"genuine": ("genuine", 100), "live": ("live", 103)},
        consent_purpose="tests",
        consent_recipients="Moody Ltd",
        subject="anna",
    )
    assert roost.run("baseline", "--rounds", "2")[0] == 0
    assert roost.run("run")[0] == 0


def test_where_a_route_asks_for_consent_canaries_have_one(roost: Roost) -> None:
    roost.configure(more='[routes.kyc]\nto = "main"\nrequire_consent = true')
    code, _, err = roost.run("baseline")
    assert code == 2
    assert "canary genuine has no consent" in err


def test_no_vendor_knows_a_canary_by_its_bytes(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "3")
    seen = (roost.folder / "seen").read_text().split()
    assert len(seen) == len(set(seen)) == 12


def test_other_canaries_need_another_baseline(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    (roost.folder / "genuine-probe.jpg").write_bytes(ANOTHER)
    code, _, err = roost.run("run")
    assert code == 5
    assert "the canaries of main are others than those of its baseline" in err
    assert roost.run("baseline", "--rounds", "2")[0] == 0
    assert roost.run("run")[0] == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a,genuine,genuine-probe.jpg,", "genuine is said of two pictures"),
        ("a,live,live-probe.jpg,live-gallery.jpg", "live is said of one picture"),
        ("a,friend,live-probe.jpg,", "purpose 'friend' is none of"),
        (",live,live-probe.jpg,", "it has no id"),
        ('"a\x1b[31m",live,live-probe.jpg,', "it has no id that can be printed"),
        ("a,live,https://example.com/a.jpg,", "a canary's pictures are files"),
        ("a,live,gone.jpg,", "cannot read"),
        ("a,live", "not as many values as there are columns"),
    ],
)
def test_a_file_of_canaries_that_is_wrong_names_the_line(
    roost: Roost, line: str, said: str
) -> None:
    (roost.folder / "canaries.csv").write_text(f"id,purpose,probe,gallery\n{line}\n")
    code, _, err = roost.run("baseline")
    assert code == 2
    assert "canaries.csv, line 2" in err
    assert said in err


@pytest.mark.parametrize(
    ("column", "hint"),
    [("consent_recipient", "consent_recipients"), ("providr", "provider"), ("Gallery", "gallery")],
)
def test_a_column_that_is_misspelt_is_none(roost: Roost, column: str, hint: str) -> None:
    roost.write({"live": ("live", 103)}, **{column: "Else Ltd"})
    code, _, err = roost.run("baseline")
    assert code == 2
    assert f"no column is called '{column}'" in err
    assert hint in err


def test_metadata_that_cannot_be_removed_is_not_sent(roost: Roost) -> None:
    heic = picture(ImageFormat.HEIC, size=(100, 90))
    (roost.folder / "genuine-probe.jpg").write_bytes(heic)
    code, _, err = roost.run("baseline")
    assert code == 2
    assert "canary genuine of main: probe: moody does not take HEIC without its metadata" in err
    assert not (roost.folder / "seen").exists()


def test_a_canary_of_a_question_that_a_provider_does_not_offer_is_left_out(roost: Roost) -> None:
    roost.configure(provider="alone = true")
    assert roost.run("baseline", "--rounds", "2")[0] == 0
    assert len((roost.folder / "seen").read_text().split()) == 2 * 3


def test_a_canary_with_more_pictures_than_a_provider_takes_is_named(roost: Roost) -> None:
    lines = (roost.folder / "canaries.csv").read_text().replace("gallery\n", "gallery,gallery_2\n")
    more = lines.replace("genuine-gallery.jpg", "genuine-gallery.jpg,live-gallery.jpg")
    (roost.folder / "canaries.csv").write_text(
        "\n".join(
            line if "genuine" in line or "gallery_2" in line else f"{line},"
            for line in more.split("\n")[:-1]
        )
        + "\n"
    )
    roost.configure(provider="alone = true")
    code, _, err = roost.run("baseline")
    assert code == 2
    assert "canary genuine of main: more than the 1 gallery pictures that it takes" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id;purpose;probe;gallery\n", "separated by commas"),
        ("id,purpose,probe,gallery,gallery\n", "two columns are called 'gallery'"),
        ("id,purpose,probe,gallery\n,,,\n", "no canaries that main could be asked about"),
    ],
)
def test_a_file_that_a_spreadsheet_wrote_is_explained(roost: Roost, text: str, said: str) -> None:
    (roost.folder / "canaries.csv").write_text(text)
    assert said in roost.run("baseline")[2].replace("\n", " ")


def test_two_canaries_have_two_names(roost: Roost) -> None:
    line = "a,live,live-probe.jpg,\n"
    (roost.folder / "canaries.csv").write_text(f"id,purpose,probe,gallery\n{line}{line}")
    assert "two canaries are called 'a'" in roost.run("baseline")[2]


def checked(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """``facegate check``: its exit code and what it printed."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", *options])
    return int(ended.value.code or 0), capsys.readouterr().out


def test_check_tells_the_price(roost: Roost, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = checked(capsys)
    assert code == 0
    assert "sentinel: main: 4 canaries, 1,460 questions a year, 73.00" in out
    _, out = checked(capsys, "--json")
    assert json.loads(out)["sentinel"] == [
        {"provider": "main", "canaries": 4, "rounds": 365.0, "cost": pytest.approx(73)}
    ]


def test_check_tells_of_an_engine_that_is_watched_by_another_name_alone(
    roost: Roost, capsys: pytest.CaptureFixture[str]
) -> None:
    roost.configure(
        more=f'[providers.again]\nplugin = "moody"\nsays = "{roost.folder / "says.json"}"\n'
        '[routes.kyc]\nto = "main"'
    )
    path = roost.folder / "facegate.toml"
    path.write_text("default = 'kyc'\n" + path.read_text())
    _, out = checked(capsys)
    assert "again has the engine of main, and an alarm of main does not reach it" in out


def test_check_tells_what_could_not_be_asked(
    roost: Roost, capsys: pytest.CaptureFixture[str]
) -> None:
    (roost.folder / "live-probe.jpg").unlink()
    code, out = checked(capsys)
    assert code == 5
    assert "sentinel of main" in out
    assert "canaries.csv, line 5: cannot read" in out
