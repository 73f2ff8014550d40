"""What the gateway tells: ``GET /metrics``, spans in the caller's trace, lines on stderr."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from acme_api import acme_api, question
from facegate import AsyncFaceVerifier
from facegate.events import Observer
from facegate.gateway import create_app, serving
from facegate.telemetry import OpenTelemetryObserver, observers, served
from facegate.testing import FakeProvider

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@contextmanager
def gateway(table: dict[str, Any], *watching: Observer) -> Iterator[httpx.Client]:
    """The client of a gateway with this ``[telemetry]``."""
    app = create_app([acme_api()], lambda: AsyncFaceVerifier(FakeProvider(), observers=watching))
    with (
        serving(served(app, table, "facegate.toml")) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        yield client


def test_metrics_are_there_if_they_are_configured() -> None:
    table = {"prometheus": True}
    with gateway(table, *observers(table, "facegate.toml")) as client:
        assert client.post("/v1/compare", json=question()).status_code == 200
        told = client.get("/metrics")
        assert told.headers["content-type"].startswith("text/plain")
        assert 'facegate_requests_total{arm="",caller="",error="",operation="compare"' in told.text
        assert question()["probe"][:40] not in told.text
        assert client.get("/healthz").json() == {"status": "ok"}


def test_metrics_are_not_there_otherwise() -> None:
    with gateway({}) as client:
        assert client.get("/metrics").status_code == 404


def test_a_request_belongs_to_the_trace_that_its_caller_names() -> None:
    exported, tracers = InMemorySpanExporter(), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exported))
    with gateway({"opentelemetry": True}, OpenTelemetryObserver(tracers)) as client:
        caller = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        client.post("/v1/compare", json=question(), headers=caller)
        client.post("/v1/compare", json=question())
    continued, own = (
        span for span in exported.get_finished_spans() if span.name == "facegate.compare"
    )
    assert f"{continued.context.trace_id:032x}" == TRACE
    assert continued.parent
    assert f"{continued.parent.span_id:016x}" == SPAN
    assert own.parent is None
    tracers.shutdown()


@pytest.fixture
def fresh_structlog() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("fresh_structlog")
def test_a_process_of_its_own_writes_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    table = {"structlog": True}
    with gateway(table, *observers(table, "facegate.toml")) as client:
        client.post("/v1/compare", json=question())
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["outcome"]) == ("facegate.request", "info", "accept")
    assert question()["probe"][:40] not in line


@pytest.mark.usefixtures("fresh_structlog")
def test_structlog_is_left_as_the_application_configured_it() -> None:
    capture = structlog.testing.LogCapture()
    structlog.configure(processors=[capture])
    table = {"structlog": True}
    with gateway(table, *observers(table, "facegate.toml")) as client:
        client.post("/v1/compare", json=question())
    assert [line["event"] for line in capture.entries] == ["facegate.attempt", "facegate.request"]


def test_the_command_line_serves_what_the_configuration_asks_for(tmp_path: Path) -> None:
    (tmp_path / "facegate.toml").write_text("""
        [providers.main]
        plugin = "local"
        [telemetry]
        prometheus = true
        [serve]
        port = 0
        [serve.compat.verifik]
    """)
    command = [sys.executable, "-m", "facegate", "serve"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            last = next(line for line in process.stdout if "try: curl " in line)
            url = last.split()[-1].removesuffix("/healthz")
            assert (
                "# TYPE facegate_requests_total counter"
                in httpx.get(f"{url}/metrics", timeout=60).text
            )
        finally:
            process.kill()
