"""``facegate calibrate``: from scores to a threshold that is written as a rate."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from facegate.calibration import digest
from facegate.cli import main as cli
from facegate.cli import options

MAKE = ("calibrate", "--scores", "scores.csv", "--out", "c.json", "--by", "us", "--on", "them")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, and scores of 200 people."""
    monkeypatch.chdir(tmp_path)
    configured("")
    scores("scores.csv")
    return tmp_path


def configured(more: str, plugin: str = "local", **settings: str) -> None:
    own = "\n".join(f'{name} = "{value}"' for name, value in settings.items())
    text = f'[providers.main]\nplugin = "{plugin}"\n{own}\n{more}\n'
    Path("facegate.toml").write_text(text, encoding="utf-8")


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


def test_distances_are_walked_from_their_own_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Taken for similarities, they would make a threshold that lets everybody in."""
    head, *rows = Path("scores.csv").read_text("utf-8").splitlines()
    parts = (row.partition(",") for row in rows)
    away = [f"{1 - float(score):.6f},{rest}" for score, _, rest in parts]
    Path("scores.csv").write_text("\n".join([head, *away]), encoding="utf-8")
    configured("", plugin="deepface", base_url="http://127.0.0.1:1")
    code, _, err = run(capsys, *MAKE)
    assert code == options.ACCEPTED, err
    rates = json.loads(Path("c.json").read_text("utf-8"))["match"]["rates"]
    at = next(rate for rate in rates if rate["fmr"] == 0.01)
    strangers = [float(row.partition(",")[0]) for row in away if ",false," in row]
    assert sum(score <= at["threshold_bound"] for score in strangers) <= 0.01 * len(strangers)
    assert at["fnmr"] < 0.5


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("scale", "rekognition", "scores on the scale rekognition, not facegate-local/sface"),
        ("lineage", "another", "scores of lineage another"),
        ("plugin_version", "0.0.9", "scores of plugin_version 0.0.9"),
        ("score", "85", "the scale facegate-local/sface goes from 0 to 1"),
    ],
)
def test_scores_of_somebody_else_make_no_calibration(
    capsys: pytest.CaptureFixture[str], column: str, value: str, told: str
) -> None:
    head, *rows = Path("scores.csv").read_text("utf-8").splitlines()
    if column == "score":
        rows[0] = f"{value},{rows[0].partition(',')[2]}"
    else:
        head, rows = f"{head},{column}", [f"{row},{value}" for row in rows]
    Path("scores.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    code, _, err = run(capsys, *MAKE)
    assert code == options.BAD_INPUT
    assert told in " ".join(err.split())


def test_the_engine_that_answered_belongs_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    head, *rows = Path("scores.csv").read_text("utf-8").splitlines()
    listed = "\n".join([f"{head},engine", *(f"{row},v7" for row in rows)])
    Path("scores.csv").write_text(listed, encoding="utf-8")
    run(capsys, *MAKE)
    assert json.loads(Path("c.json").read_text("utf-8"))["key"]["engine"] == "v7"
    Path("scores.csv").write_text(listed[:-1] + "8", encoding="utf-8")
    code, _, err = run(capsys, *MAKE)
    assert code == options.BAD_INPUT
    assert "of several: engine v7, v8" in err


def test_one_measures_anew_while_the_old_calibration_no_longer_counts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(capsys, *MAKE)
    document = json.loads(Path("c.json").read_text("utf-8"))
    document["key"]["plugin_version"] = "0.0.9"
    text = json.dumps(document | {"digest": digest(document)})
    Path("c.json").write_text(text, encoding="utf-8")
    configured('calibration = "c.json"\nthreshold = "fmr:1e-2"')
    assert "plugin_version = '0.0.9'" in " ".join(run(capsys, "check")[1].split())
    assert run(capsys, *MAKE)[0] == options.ACCEPTED
    assert run(capsys, "check")[0] == options.ACCEPTED


def test_a_group_that_is_too_small_is_named_and_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = Path("scores.csv").read_text("utf-8")
    few = "0.2,false,x,y,rare\n0.9,true,x,x,rare\n"
    Path("scores.csv").write_text(f"{text}{few}", encoding="utf-8")
    code, out, err = run(capsys, *MAKE, "--group", "sex")
    assert code == options.ACCEPTED, err
    assert "too small to tell: sex rare" in out


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
