"""The arithmetic of ``benchmarks/growth.py``, and that it runs at all."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from growth import CURVES, Curve, Measured, exponent, rounded
from hypothesis import given
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

powers = st.floats(-3, 3)
factors = st.floats(1e-3, 1e3)


def curve(**points: float) -> Measured:
    """What was measured at 1, 10 and 100, of a share of the ideal."""
    sizes = {"one": 1, "ten": 10, "hundred": 100}
    figures = {sizes[name]: {"of the ideal": value} for name, value in points.items()}
    return Measured(Curve("a", "a curve", 1, 1, lambda _: {}), figures)


@given(powers, factors)
def test_the_growth_of_a_power_is_that_power(power: float, factor: float) -> None:
    points = [(n, factor * n**power) for n in (3, 30, 300)]
    assert exponent(points) == pytest.approx(power, abs=1e-9)


@pytest.mark.parametrize("value", [0.0, math.inf])
def test_what_has_no_logarithm_has_no_growth(value: float) -> None:
    assert exponent([(1, 1.0), (10, value)]) is None


def test_a_part_gives_in_at_the_first_number_that_is_behind() -> None:
    assert curve(one=1.0, ten=0.84, hundred=0.1).gives_in == 10
    assert curve(one=1.0, ten=0.9, hundred=0.86).gives_in is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.012345, "0.0123"), (12.345, "12.3"), (12345.6, "12,346"), (0, "0"), (math.inf, "never")],
)
def test_a_figure_has_three_digits(value: float, text: str) -> None:
    assert rounded(value) == text


def test_every_curve_has_a_name_of_its_own() -> None:
    assert len({each.name for each in CURVES}) == len(CURVES)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_a_curve_can_be_measured() -> None:
    command = [sys.executable, str(BENCHMARKS / "growth.py"), "split", "--quick", "--json"]
    done = subprocess.run(command, check=True, capture_output=True)
    measured = json.loads(done.stdout)["split"]
    assert list(measured["points"]) == ["30", "300", "3000"]
    assert set(measured["growth"]) == {"ms, median", "MiB"}
