"""No key, picture or person is told by a service, but to whoever asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import httpx
import pytest

from acme import DOCUMENT, TOKEN
from facegate.gateway import serving
from facegate.gateway.grants import SCOPES
from facegate.gateway.keys import new_key
from facegate.gateway.service import asgi
from journals import journal
from loopback import Server, echo, reply
from natives import SUBJECT, bearer, body, database, encoded, key
from test_leaks import assert_clean

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("ending", ["an answer", "an echo", "a failure"])
def test_no_key_picture_or_person_is_told(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    act = {
        "an answer": reply(200, {"score": 0.75}),
        "an echo": echo(422),
        "a failure": reply(401, {"code": "bad_token"}),
    }[ending]
    acme = EntryPoint("acme", "acme", "facegate")
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: [acme])
    site = tmp_path
    with journal(database(site)) as kept:
        presented, stranger = key(kept, *SCOPES), new_key().text
    with Server(act) as vendor:
        (site / "facegate.toml").write_text(SERVED.format(url=vendor.url, folder=site))
        with (
            caplog.at_level(logging.DEBUG),
            serving(asgi(site / "facegate.toml")) as url,
            httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
        ):
            told = [*conversation(client, presented, stranger)]
        assert TOKEN in str(vendor.seen)
    logged = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    on_disk = b"".join(path.read_bytes() for path in site.glob("journal.db*")).decode("latin-1")
    for text in (*told, without_clients(logged), on_disk):
        assert_clean(text)
        for secret in (SUBJECT, presented.split("_")[2], stranger.split("_")[2]):
            assert secret not in text
    assert any(presented.split("_")[1] in text for text in told)


SERVED = """
default = "main"
[providers.main]
plugin = "acme"
base_url = "{url}"
review_from = 0.7
[journal]
url = "sqlite:///{folder}/journal.db"
subject_key = "a key of the tests, long enough"
[telemetry]
prometheus = true
[serve.api]
console = true
"""


def conversation(client: httpx.Client, presented: str, stranger: str) -> Iterator[str]:
    """Everything that is asked of a service, each reply with its headers."""
    sent = body(subject=SUBJECT, request_id="r-1")
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/v1/compare", sent),
        ("POST", "/v1/compare", {**sent, "gallery": [encoded(DOCUMENT)[:-40]]}),
        ("POST", "/v1/compare", {**sent, "colour": encoded(DOCUMENT), "subject": [SUBJECT]}),
        ("POST", f"/v1/compare?route={presented}", sent),
        ("POST", "/v1/reviews/r-1/claim", None),
        ("GET", "/v1/decisions", None),
        ("GET", "/v1/decisions/r-1", None),
        ("GET", "/v1/reviews", None),
        ("GET", "/v1/providers", None),
        ("GET", "/v1/routes", None),
        ("GET", "/v1/keys", None),
        ("GET", "/v1/journal", None),
        ("POST", "/v1/journal/verification", None),
        ("GET", "/metrics", None),
        ("GET", "/readyz", None),
        ("GET", "/docs", None),
        ("GET", "/console/", None),
        ("GET", f"/v1/{presented}", None),
    ]
    for presents in (presented, stranger):
        for method, path, message in asked:
            headers = {**bearer(presents), "x-facegate-subject": SUBJECT}
            said = client.request(method, path, json=message, headers=headers)
            yield f"{said.status_code} {said.headers} {said.text}"


def without_clients(logged: str) -> str:
    """The log without the lines of the test's own client, which tell its URLs."""
    return "\n".join(
        line for line in logged.splitlines() if "httpx" not in line and "httpcore" not in line
    )
