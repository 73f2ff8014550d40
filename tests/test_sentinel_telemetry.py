"""What logs and metrics tell of a sentinel's rounds, and what they never tell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from canaries import GENUINE, Roost
from facegate.events import CanaryFailed, Event, ModelChanged, RoundEnded, Stands
from facegate.telemetry import OpenTelemetryObserver, PrometheusObserver, StructlogObserver
from facegate.telemetry.processes import FOLDER
from installed import Site

EVENTS: list[Event] = [
    CanaryFailed("main", "genuine", "ProviderTimeout"),
    RoundEnded("main", "watch", answered=3, failed=1, cost=0.2),
    Stands("main", evidence=41.5, changed=False),
    RoundEnded("main", "repeat", answered=4, failed=0, cost=0.2),
    ModelChanged("main", ("genuine was 0.52 (accept), and is 0.53 (accept)",), "recalibrate"),
    Stands("main", evidence=0.0, changed=True),
]
ALARM, EVIDENCE = "facegate_sentinel_alarm", "facegate_sentinel_evidence"


def test_canaries_are_counted_with_their_cost_and_the_standing_is_a_gauge() -> None:
    registry = CollectorRegistry()
    observer = PrometheusObserver(registry)

    def told(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"provider": "main", **labels})

    for event in EVENTS[:3]:
        observer(event)
    assert (told(EVIDENCE), told(ALARM)) == (41.5, 0)
    for event in EVENTS[3:]:
        observer(event)
    assert (told(EVIDENCE), told(ALARM)) == (0, 1)
    assert told("facegate_canaries_total", outcome="answered", error="") == 7
    assert told("facegate_canaries_total", outcome="failed", error="ProviderTimeout") == 1
    assert told("facegate_canaries_cost_total") == pytest.approx(0.4)
    assert "0.52" not in generate_latest(registry).decode()


def test_opentelemetry_is_told_the_same() -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    observer = OpenTelemetryObserver(meter_provider=meters)
    for event in EVENTS:
        observer(event)
    data = reader.get_metrics_data()
    assert data is not None
    (scope,) = data.resource_metrics[0].scope_metrics
    found: dict[str, Any] = {
        metric.name: {
            point.attributes.get("error.type", ""): point.value  # type: ignore[union-attr]
            for point in metric.data.data_points
        }
        for metric in scope.metrics
    }
    meters.shutdown()
    assert found == {
        "facegate.canaries": {"": 7, "ProviderTimeout": 1},
        "facegate.canaries.cost": {"": pytest.approx(0.4)},
        "facegate.sentinel.evidence": {"": 0},
        "facegate.sentinel.alarm": {"": 1},
    }


Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[capture])
    yield capture.entries
    structlog.reset_defaults()


def test_a_model_that_changed_is_an_error_in_the_log_and_its_scores_are_not(lines: Lines) -> None:
    for event in EVENTS:
        StructlogObserver()(event)
    told = [(line["event"], line["log_level"]) for line in lines]
    assert told == [
        ("facegate.canary_failed", "warning"),
        ("facegate.sentinel_round", "info"),
        ("facegate.sentinel_round", "info"),
        ("facegate.model_changed", "error"),
    ]
    assert (lines[0]["canary"], lines[0]["error"]) == ("genuine", "ProviderTimeout")
    assert (lines[1]["part"], lines[1]["answered"], lines[1]["failed"]) == ("watch", 3, 1)
    assert (lines[3]["materiality"], lines[3]["changes"]) == ("recalibrate", 1)
    assert "0.52" not in repr(lines)


def test_canaries_are_no_requests(here: Path, site: Site, capsys: Any) -> None:
    roost = Roost(here, site, capsys)
    roost.configure(more="[telemetry]\nprometheus = true")

    def total(name: str) -> float:
        samples = [each for family in REGISTRY.collect() for each in family.samples]
        return sum(each.value for each in samples if each.name == name)

    names = ("facegate_canaries_total", "facegate_requests_total", "facegate_attempts_total")
    with closing(roost.opened()) as sentinel:
        before = [total(name) for name in names]
        sentinel.baseline("main", 2)
        roost.say(once={GENUINE: "down"})
        sentinel.run("main")
        assert [total(name) for name in names] == [before[0] + 12, *before[1:]]


def test_of_several_processes_the_one_that_looked_last_says_how_a_provider_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))

    def python(code: str) -> str:
        command = [sys.executable, "-c", f"from facegate.telemetry import _prometheus as p\n{code}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    for changed in (True, False):  # who saw the alarm knows nothing of what was accepted since
        python(
            "from facegate.events import Stands, RoundEnded\n"
            "tell = p.observer()\n"
            f"tell(Stands('main', 7.5, {changed}))\n"
            "tell(RoundEnded('main', 'watch', 4, 0, 0.25))"
        )
    said = python("print(p.exposition()[1].decode())").splitlines()
    assert f'{ALARM}{{provider="main"}} 0.0' in said
    assert f'{EVIDENCE}{{provider="main"}} 7.5' in said
    assert 'facegate_canaries_total{error="",outcome="answered",provider="main"} 8.0' in said
    assert 'facegate_canaries_cost_total{provider="main"} 0.5' in said
