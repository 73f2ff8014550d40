"""``facegate calibrate``: from scores to a threshold that is written as a rate."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from facegate.cli import main as cli
from facegate.cli import options

CONFIGURED = """
[providers.main]
plugin = "local"
{more}
"""
MAKE = ("calibrate", "--scores", "scores.csv", "--out", "c.json", "--by", "us", "--on", "them")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, and scores of 200 people."""
    monkeypatch.chdir(tmp_path)
    configured("")
    scores("scores.csv")
    return tmp_path


def configured(more: str) -> None:
    Path("facegate.toml").write_text(CONFIGURED.format(more=more), encoding="utf-8")


def scores(name: str, *, people: int = 200, seed: int = 1, higher: float = 0) -> None:
    """A list of all pairs: half of the people are women, whose strangers score higher."""
    draw = np.random.default_rng(seed)
    left, right = np.triu_indices(people, 1)
    women = left < people // 2
    drawn = draw.normal(size=len(left)) + women + higher
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("score", "genuine", "probe_subject", "gallery_subject", "group_sex"))
        sexes = ["f"] * (people // 2) + ["m"] * (people - people // 2)
        for one, other, score in zip(left, right, norm.cdf(drawn / 3), strict=True):
            if sexes[one] == sexes[other]:
                rows.writerow((score, "false", one, other, sexes[one]))
        for person, score in enumerate(norm.cdf(draw.normal(6, size=people) / 3)):
            rows.writerow((score, "true", person, person, sexes[person]))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str, str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    out, err = capsys.readouterr()
    return stopped.value.code, out, err


def test_from_scores_to_a_threshold_by_rate(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *MAKE, "--group", "sex")
    assert code == options.ACCEPTED, err
    for shown in ("of local", "measured by us on them", "f: 100 people", "fmr:1e-2"):
        assert shown in out
    configured('calibration = "c.json"\nthreshold = "fmr:1e-2"')
    assert run(capsys, "check")[0] == options.ACCEPTED
    code, out, _ = run(capsys, "providers", "main", "--json")
    rates = json.loads(out)["threshold"]["rates"]
    assert (rates["by"], rates["on"], rates["people"]) == ("us", "them", 200)
    assert rates["calibration"] == json.loads(Path("c.json").read_text("utf-8"))["digest"][:12]
    within = rates["presets"]["fmr:1e-2"]["within"]
    assert within["f"] > 1e-2 > within.get("m", 0.0)


def test_the_worst_group_is_asked_for_in_the_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(capsys, *MAKE, "--group", "sex")
    shown = []
    for group in ("all", "worst"):
        configured(f'calibration = "c.json"\n[calibration]\ngroup = "{group}"')
        _, out, _ = run(capsys, "providers", "main", "--json")
        shown.append(json.loads(out)["threshold"]["rates"]["presets"]["fmr:1e-2"])
    assert shown[1]["threshold"] > shown[0]["threshold"]
    assert max(shown[1]["within"].values()) <= 1e-2


def test_the_kinds_of_pictures_are_asked_for_before_going_live(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(capsys, *MAKE, "--probe", "selfie", "--gallery", "document")
    provider = 'calibration = "c.json"\nthreshold = "fmr:1e-2"'
    configured(provider)
    assert 'calibration.probe = "..."' in run(capsys, "check")[1]
    configured(f'{provider}\n[calibration]\nprobe = "selfie"\ngallery = "passport chip"')
    code, out, _ = run(capsys, "check")
    assert code == options.MISCONFIGURED
    assert "gallery = 'document', not 'passport chip'" in out.replace("\n", " ")


@pytest.mark.parametrize(
    ("higher", "code", "verdict"), [(0, options.ACCEPTED, "holds"), (1, options.REJECTED, "contra")]
)
def test_new_scores_speak_for_a_calibration_or_against_it(
    capsys: pytest.CaptureFixture[str], higher: float, code: int, verdict: str
) -> None:
    run(capsys, *MAKE)
    scores("new.csv", seed=2, higher=higher)
    found, out, _ = run(capsys, "calibrate", "recheck", "c.json", "--scores", "new.csv", "--json")
    rechecked = {f"{each['rate']:g}": each for each in json.loads(out)}
    assert rechecked["0.01"]["verdict"].startswith(verdict)
    assert found == code
    assert verdict in run(capsys, "calibrate", "recheck", "c.json", "--scores", "new.csv")[1]


def test_a_document_can_be_shown(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, *MAKE)
    assert "measured by us on them" in run(capsys, "calibrate", "show", "c.json")[1]
    shown = json.loads(run(capsys, "calibrate", "show", "c.json", "--json")[1])
    assert 0.01 in {rate["fmr"] for rate in shown["match"]["rates"]}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("calibrate",), "Give --by, --on, --out, --scores"),
        ((*MAKE, "--group", "age"), "age"),
        (("calibrate", "show", "scores.csv"), "no JSON"),
        (("calibrate", "show", "nothing.json"), "cannot read nothing.json"),
    ],
)
def test_bad_input_is_told(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    code, _, err = run(capsys, *arguments)
    assert code in {options.BAD_INPUT, options.MISCONFIGURED}
    assert told in err


def test_too_few_people_are_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    scores("scores.csv", people=12)
    code, _, err = run(capsys, *MAKE)
    assert code == options.BAD_INPUT
    assert "take more people" in err
    assert not Path("c.json").exists()
