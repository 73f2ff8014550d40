"""What logs and metrics tell of requests, and what they never tell."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, MutableMapping
from typing import Any

import anyio
import pytest
import structlog
from prometheus_client import CollectorRegistry, generate_latest

from acme import DOCUMENT, PROBE
from facegate import (
    AsyncFaceVerifier,
    CaptureReason,
    CaptureRejected,
    ConfigurationError,
    FacegateError,
    FaceVerifier,
    Operation,
    ProviderTimeout,
    Question,
)
from facegate.events import (
    BreakerTurned,
    BudgetPassed,
    Event,
    Finished,
    Refused,
    Shadowed,
    ShadowSkipped,
)
from facegate.telemetry import (
    OpenTelemetryObserver,
    PrometheusObserver,
    StructlogObserver,
    labels,
    observers,
)
from facegate.testing import FakeProvider, match, no_match

SUBJECT = "user-81-d2c9"
LATE = ProviderTimeout("late", vendor_code="E-5521")
NO_FACE = CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND, image="probe")


def told(*script: Any) -> list[Event]:
    """The events of as many requests as the script has outcomes."""
    heard: list[Event] = []
    fake = FakeProvider()
    fake.will(*script)
    with FaceVerifier(fake, observers=[heard.append]) as verifier:
        for number in range(len(script)):
            try:
                verifier.compare(PROBE, DOCUMENT, subject=SUBJECT, request_id=f"r-{number}")
            except FacegateError:
                continue
    return heard


def finished(*script: Any) -> list[Finished]:
    return [event for event in told(*script) if isinstance(event, Finished)]


# Prometheus


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.observer = PrometheusObserver(self.registry)

    def hears(self, *events: Event) -> None:
        for event in events:
            self.observer(event)

    def of(self, name: str, **wanted: str) -> float:
        """The sum of the samples that have these labels."""
        return sum(
            sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name and wanted.items() <= sample.labels.items()
        )

    def text(self) -> str:
        return generate_latest(self.registry).decode()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_requests_are_counted_by_what_became_of_them(metrics: Metrics) -> None:
    metrics.hears(*told(no_match(), no_match(), LATE, NO_FACE))
    count = "facegate_requests_total"
    assert metrics.of(count, operation="compare", route="fake", provider="fake") == 4
    assert metrics.of(count, outcome="reject", error="") == 2
    assert metrics.of(count, outcome="error", error="ProviderTimeout") == 1
    assert metrics.of(count, outcome="error", error="CaptureRejected") == 1
    assert metrics.of("facegate_request_seconds_count", operation="compare", route="fake") == 4


def test_attempts_are_counted_by_who_was_asked(metrics: Metrics) -> None:
    metrics.hears(*told(no_match(), LATE))
    count = "facegate_attempts_total"
    assert metrics.of(count, provider="fake", outcome="answered", error="", billed="no") == 1
    assert metrics.of(count, provider="fake", outcome="failed", error="ProviderTimeout") == 1
    assert metrics.of("facegate_attempt_seconds_count", outcome="failed") == 1


def test_buckets_tell_a_fast_engine_from_a_slow_vendor(metrics: Metrics) -> None:
    (event,) = finished(no_match())
    assert (labels.SECONDS[0], labels.SECONDS[-1]) == (0.05, 30)
    for seconds in (0.04, 29.0, 31.0):
        object.__setattr__(event, "seconds", seconds)
        metrics.hears(event)
    found = {
        edge: metrics.of("facegate_request_seconds_bucket", le=edge)
        for edge in ("0.05", "20.0", "30.0", "+Inf")
    }
    assert found == {"0.05": 1, "20.0": 1, "30.0": 2, "+Inf": 3}


def test_a_breakers_state_is_a_number(metrics: Metrics) -> None:
    for state, number in (("open", 2), ("half_open", 1), ("closed", 0)):
        metrics.hears(BreakerTurned("main", Operation.COMPARE, state))
        where = {"provider": "main", "operation": "compare"}
        assert metrics.of("facegate_breaker_state", **where) == number


def test_a_shadow_is_counted_by_whether_it_agreed(metrics: Metrics) -> None:
    yes, no, late = finished(match(), no_match(), LATE)
    metrics.hears(Shadowed(no, no), Shadowed(no, yes), Shadowed(no, late), Shadowed(late, yes))
    metrics.hears(ShadowSkipped("r-9", "candidate"))
    for outcome in ("agreed", "disagreed", "candidate_failed", "primary_failed"):
        assert metrics.of("facegate_shadows_total", candidate="fake", outcome=outcome) == 1
    assert metrics.of("facegate_shadows_skipped_total", candidate="candidate") == 1


def test_what_a_service_turned_away_is_counted_by_status_path_and_key(metrics: Metrics) -> None:
    metrics.hears(Refused(401, "/v1/compare", None), Refused(429, "/v1/compare", "abcdefgh2345"))
    count = "facegate_refusals_total"
    assert metrics.of(count, status="401", path="/v1/compare", caller="") == 1
    assert metrics.of(count, status="429", path="/v1/compare", caller="abcdefgh2345") == 1


def test_a_soft_budget_is_counted_by_key(metrics: Metrics) -> None:
    metrics.hears(BudgetPassed("abcdefgh2345", 10.5, 10.0, "day"))
    of_key = {"caller": "abcdefgh2345", "period": "day"}
    assert metrics.of("facegate_soft_budget_passed_total", **of_key) == 1


def test_requests_are_counted_by_key(metrics: Metrics) -> None:
    with FaceVerifier(FakeProvider(), observers=[metrics.observer]) as verifier:
        asked = Question(operation=Operation.COMPARE, probe=PROBE, gallery=[DOCUMENT], caller="k2")
        verifier.ask(asked)
    assert metrics.of("facegate_requests_total", caller="k2") == 1


def test_more_people_are_not_more_series(metrics: Metrics) -> None:
    metrics.hears(*told(match()))
    few = len(metrics.text().splitlines())
    metrics.hears(*told(*[match() for _ in range(50)]))
    assert len(metrics.text().splitlines()) == few


def test_threads_lose_no_count(metrics: Metrics) -> None:
    with FaceVerifier(FakeProvider(), observers=[metrics.observer]) as verifier:

        def work() -> None:
            for _ in range(20):
                verifier.compare(PROBE, DOCUMENT)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert metrics.of("facegate_requests_total", outcome="accept") == 160


def test_the_async_verifier_tells_the_same(metrics: Metrics) -> None:
    async def main() -> None:
        async with (
            AsyncFaceVerifier(FakeProvider(), observers=[metrics.observer]) as verifier,
            anyio.create_task_group() as tasks,
        ):
            for _ in range(20):
                tasks.start_soon(verifier.compare, PROBE, DOCUMENT)

    anyio.run(main)
    assert metrics.of("facegate_requests_total", outcome="accept") == 20
    assert metrics.of("facegate_attempts_total", outcome="answered") == 20


# structlog

Lines = list[MutableMapping[str, Any]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What an application's structlog is given."""
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[capture])
    yield capture.entries
    structlog.reset_defaults()


def say(*events: Event) -> None:
    observer = StructlogObserver()
    for event in events:
        observer(event)


def test_nothing_is_logged_until_structlog_is_configured(
    capfd: pytest.CaptureFixture[str],
) -> None:
    say(*told(match(), LATE))
    assert capfd.readouterr() == ("", "")


def test_a_request_is_a_line_with_its_id(lines: Lines) -> None:
    say(*told(no_match()))
    attempt, request = lines
    assert attempt.pop("seconds") <= request.pop("seconds") < 5
    assert attempt == {
        "event": "facegate.attempt",
        "log_level": "debug",
        "request_id": "r-0",
        "operation": "compare",
        "provider": "fake",
        "outcome": "answered",
        "error": "",
        "billed": "no",
    }
    assert request == {
        "event": "facegate.request",
        "log_level": "info",
        "request_id": "r-0",
        "operation": "compare",
        "route": "fake",
        "arm": "",
        "provider": "fake",
        "outcome": "reject",
        "error": "",
        "caller": "",
        "attempts": 1,
    }


def test_only_what_an_operator_can_mend_is_a_warning(lines: Lines) -> None:
    say(*finished(LATE, NO_FACE))
    levels = [(line["error"], line["log_level"]) for line in lines]
    assert levels == [("ProviderTimeout", "warning"), ("CaptureRejected", "info")]


def test_what_happens_beside_a_request_is_logged_too(lines: Lines) -> None:
    yes, no = finished(match(), no_match())
    say(
        Shadowed(yes, no),
        ShadowSkipped("r-9", "candidate"),
        BreakerTurned("main", Operation.COMPARE, "open"),
        Refused(401, "/v1/compare", None),
        BudgetPassed("abcdefgh2345", 10.5, 10.0, "day"),
    )
    assert [line["event"] for line in lines] == [
        "facegate.shadow",
        "facegate.shadow_skipped",
        "facegate.breaker",
        "facegate.refused",
        "facegate.soft_budget_passed",
    ]
    assert (lines[0]["request_id"], lines[0]["outcome"]) == ("r-0", "disagreed")
    assert lines[1]["request_id"] == "r-9"
    assert (lines[2]["provider"], lines[2]["state"]) == ("main", "open")
    assert (lines[3]["status"], lines[3]["path"]) == ("401", "/v1/compare")
    assert (lines[4]["caller"], lines[4]["spent"]) == ("abcdefgh2345", 10.5)


def test_neither_subject_nor_a_vendors_word_is_told(lines: Lines, metrics: Metrics) -> None:
    events = told(match(), LATE, NO_FACE)
    say(*events)
    metrics.hears(*events)
    for shown in (repr(lines), metrics.text()):
        assert "ProviderTimeout" in shown
        assert SUBJECT not in shown
        assert "E-5521" not in shown


def test_an_observer_that_fails_costs_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    def failing(_: Event) -> None:
        raise RuntimeError(SUBJECT)

    heard: list[Event] = []
    with FaceVerifier(FakeProvider(), observers=[failing, heard.append]) as verifier:
        assert verifier.compare(PROBE, DOCUMENT).accepted
    assert len(heard) == 2
    assert "RuntimeError" in caplog.text
    assert SUBJECT not in caplog.text


# The table


def test_each_observer_is_asked_for_by_name() -> None:
    assert observers({}, "facegate.toml") == []
    found = observers({"structlog": True, "opentelemetry": True, "prometheus": True}, "here")
    kinds = [StructlogObserver, OpenTelemetryObserver, PrometheusObserver]
    assert [type(each) for each in found] == kinds


def test_verifiers_share_the_metrics_of_their_process() -> None:
    (first,), (second,) = (observers({"prometheus": True}, "here") for _ in range(2))
    assert first is second


def test_the_environment_may_say_it() -> None:
    assert len(observers({"structlog": "true", "prometheus": "false"}, "here")) == 1


def test_a_wrong_key_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"here: telemetry\.structlock: no such key; did"):
        observers({"structlock": True}, "here")


@pytest.mark.parametrize(
    ("extra", "library"),
    [
        ("structlog", "structlog"),
        ("opentelemetry", "opentelemetry"),
        ("prometheus", "prometheus_client"),
    ],
)
def test_a_library_that_is_missing_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, extra: str, library: str
) -> None:
    for name in [name for name in sys.modules if name.startswith("facegate.telemetry.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ConfigurationError, match=rf'pip install "facegate\[{extra}\]"'):
        observers({extra: True}, "here")
