"""An alarm reaches every request, and what was measured with another model counts no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import facegate
from calibrations import written
from canaries import Roost, changed, last
from drawn import picture
from facegate import ImageFormat
from facegate.cli import main as cli
from facegate.errors import ConfigurationError, ProviderUnavailable
from installed import Site

ANOTHER = picture(ImageFormat.JPEG, size=(100, 77), seed=9)


@pytest.fixture
def roost(here: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> Roost:
    return Roost(here, site, capsys)


def asked(roost: Roost, **how: Any) -> Any:
    """An answer to somebody, who looks like the genuine canary."""
    with facegate.open("facegate.toml") as verifier:
        return verifier.compare(ANOTHER, picture(ImageFormat.JPEG), **how)


def test_an_alarm_is_told_with_every_answer(roost: Roost) -> None:
    changed(roost)
    result = asked(roost)
    assert result.accepted
    assert "the model of main changed by" in result.warnings[-1]


def test_on_alarm_people_look_at_whom_it_would_accept(roost: Roost) -> None:
    roost.configure('on_alarm = "review"')
    changed(roost)
    result = asked(roost)
    assert str(result.decision) == "review"
    assert not result.match.is_match
    roost.say(genuine=0.1)
    assert str(asked(roost).decision) == "reject"


def test_on_alarm_a_provider_is_left_to_others(roost: Roost) -> None:
    backup = f'[providers.backup]\nplugin = "moody"\nsays = "{roost.folder / "says.json"}"\n'
    route = '[routes.kyc]\nfailover = ["main", "backup"]'
    roost.configure(
        'on_alarm = "leave"', more=f'default = "kyc"\n{backup}{route}'.partition("\n")[2]
    )
    changed(roost)
    with facegate.open("facegate.toml", route="kyc") as verifier:
        result = verifier.compare(ANOTHER, picture(ImageFormat.JPEG))
    assert result.provider == "backup"
    assert [each.provider for each in result.attempts] == ["backup"]
    with (
        facegate.open("facegate.toml", provider="main") as verifier,
        pytest.raises(ProviderUnavailable, match="facegate sentinel accept main"),
    ):
        verifier.compare(ANOTHER, picture(ImageFormat.JPEG))
    roost.run("accept", "main", "--reason", "measured anew", "--rounds", "2")
    with facegate.open("facegate.toml", provider="main") as verifier:
        assert verifier.compare(ANOTHER, picture(ImageFormat.JPEG)).accepted


KEY = {"plugin": "moody", "lineage": "moody-1", "match": {"name": "moody"}} | {
    "settings": {"mode": "FAST"}
}


def calibrated(roost: Roost, threshold: str = '"fmr:1e-3"', **parts: Any) -> None:
    """A provider whose thresholds are rates of a calibration: 0.8 keeps one in a thousand."""
    written(roost.folder, **{"key": KEY, **parts})
    roost.configure(provider=f"calibration = 'calibration.json'\nthreshold = {threshold}")
    roost.say(genuine=0.82, impostor=0.78)


def test_a_rate_that_was_measured_with_another_model_counts_no_more(roost: Roost) -> None:
    calibrated(roost)
    assert asked(roost).match.fmr == pytest.approx(1e-3)
    changed(roost, genuine=0.83, impostor=0.79)
    with pytest.raises(ProviderUnavailable, match="the rate that was asked for, of calibration"):
        asked(roost)


def test_a_number_goes_on_without_its_rate(roost: Roost) -> None:
    calibrated(roost, "0.8")
    changed(roost, genuine=0.83, impostor=0.79)
    result = asked(roost)
    assert result.accepted
    assert (result.match.fmr, result.match.calibration) == (None, None)


def test_what_a_change_does_to_rates_is_told(roost: Roost) -> None:
    calibrated(roost)
    changed(roost, genuine=0.88, impostor=0.83)
    found = last(roost)["materiality"]
    assert found["fmr_before"] == pytest.approx(8e-4)
    assert found["fmr_after"] == pytest.approx(8e-3)
    assert found["verdict"] == "recalibrate"


@pytest.mark.parametrize(
    ("threshold", "said", "before"),
    [("0.75", {"impostor": 0.92}, 8e-3), ("0.99", {"impostor": 0.97}, None)],
)
def test_a_rate_beyond_what_was_measured_is_no_small_one(
    roost: Roost, threshold: str, said: dict[str, float], before: float | None
) -> None:
    calibrated(roost, threshold)
    roost.say(genuine=0.995, impostor=0.6)
    changed(roost, **{"genuine": 0.995, **said})
    found = last(roost)["materiality"]
    assert found["fmr_before"] == (before and pytest.approx(before))
    assert found["fmr_after"] == pytest.approx(8e-3)
    assert found["verdict"] == ("recalibrate" if before else "unusable")


def test_a_change_is_accepted_with_a_calibration_made_since(roost: Roost) -> None:
    calibrated(roost)
    changed(roost, genuine=0.83, impostor=0.79)
    accept = ("accept", "main", "--reason", "measured anew", "--rounds", "2")
    code, _, err = roost.run(*accept)
    assert code == 5
    assert "was not made since main changed" in err
    written(roost.folder, key=KEY, made=roost.standing()["changed"][:10])
    assert roost.run(*accept)[0] == 0
    assert asked(roost).match.fmr is not None


def test_a_runtime_that_a_calibration_does_not_fit_is_noticed_all_the_same(roost: Roost) -> None:
    calibrated(roost, key=KEY | {"runtime": "one"})
    roost.say(genuine=0.82, impostor=0.78, runtime="one")
    roost.run("baseline", "--rounds", "2")
    roost.say(genuine=0.82, impostor=0.78, runtime="two")
    with pytest.raises(ConfigurationError, match="runtime"):
        facegate.open("facegate.toml")
    code, out, _ = roost.run("run")
    assert code == 3
    assert "runtime = 'two', not 'one'" in out


def test_a_trial_says_that_it_is_of_two_products(
    roost: Roost, capsys: pytest.CaptureFixture[str]
) -> None:
    split = "[routes.kyc]\nsplit = { main = 9, backup = 1 }"
    backup = f'[providers.backup]\nplugin = "moody"\nsays = "{roost.folder / "says.json"}"\n'
    roost.configure(more=f"{backup}{split}")

    def ask() -> None:
        with facegate.open("facegate.toml", route="kyc") as verifier:
            for number in range(9):
                verifier.compare(ANOTHER, picture(ImageFormat.JPEG), subject=f"user-{number}")

    ask()
    changed(roost)
    ask()
    with pytest.raises(SystemExit):
        cli.main(["ab", "report", "--route", "kyc", "--json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    [said] = [each["text"] for each in found if each["about"] == "model"]
    assert f"The model of main changed by {roost.standing()['changed']}" in said
