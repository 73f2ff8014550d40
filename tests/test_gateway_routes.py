"""A vendor's API in front of a route: each provider answers on its own scale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from acme_api import acme_api, question
from configured import MAIN_AND_BACKUP, entry_points, load, route
from facegate import AsyncFaceVerifier, ConfigurationError
from facegate.events import Event, Finished
from facegate.gateway import create_app, serving
from facegate.gateway.bridge import Bridge
from facegate.providers.registry import Registry

KYC = '\n[routes.kyc]\nfailover = ["main", "backup"]\n'
VERDICT = '\n[providers.verdict]\nplugin = "verdict"\n'


@contextmanager
def front(
    folder: Path, text: str, name: str = "kyc", told: list[Event] | None = None
) -> Iterator[httpx.Client]:
    config = load(folder, MAIN_AND_BACKUP + text)

    def verifier() -> AsyncFaceVerifier:
        built = config.route(Registry(entry_points()), name)
        return AsyncFaceVerifier(built, observers=[] if told is None else [told.append])

    with (
        serving(create_app([acme_api()], verifier)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        yield client


def compared(client: httpx.Client, **more: Any) -> Any:
    return client.post("/v1/compare", json=question(**more)).json()


DOWN = "\n[providers.down]\nplugin = 'acme'\ndown = true\n"


# acme's own 0.8 and percent's own 70 are both said as 70, the target's default.


def test_a_score_crosses_from_the_scale_of_whoever_answered(tmp_path: Path) -> None:
    with front(tmp_path, KYC) as client:
        assert compared(client) == {"same": True, "score": pytest.approx(77.5)}  # main, 0.85
    stepping_in = DOWN + '[routes.kyc]\nfailover = ["down", "backup"]'
    with front(tmp_path, stepping_in) as client:
        assert compared(client) == {"same": True, "score": 75.0}  # backup, 75


@pytest.mark.parametrize(("asked", "same"), [(None, True), (74, True), (76, False)])
def test_a_threshold_in_the_request_is_told_to_each_on_its_own_scale(
    tmp_path: Path, asked: float | None, *, same: bool
) -> None:
    with front(tmp_path, DOWN + '[routes.kyc]\nfailover = ["down", "backup"]') as client:
        assert compared(client, minScore=asked)["same"] is same


def test_a_routes_policy_lands_on_the_vendors_default(tmp_path: Path) -> None:
    policy = KYC + "[routes.kyc.policy.compare]\nthreshold = { main = 0.85, backup = 70 }"
    with front(tmp_path, policy) as client:
        assert compared(client) == {"same": True, "score": 70.0}
    with front(tmp_path, policy.replace("0.85", "0.95")) as client:
        assert compared(client)["same"] is False


def test_a_verdict_that_is_not_enough_is_never_taken_for_it(tmp_path: Path) -> None:
    route = '[routes.kyc]\nfailover = ["{}", "verdict"]'
    with front(tmp_path, VERDICT + route.format("backup")) as client:
        assert compared(client, minScore=74) == {"same": True, "score": 75.0}
    with front(tmp_path, VERDICT + DOWN + route.format("down")) as client:
        assert compared(client, minScore=60) == {"same": True, "score": None}
        assert compared(client, minScore=74)["class"] == "ProviderUnavailable"
    with front(tmp_path, VERDICT + '[routes.kyc]\nto = "verdict"') as client:
        assert compared(client, minScore=74)["class"] == "UnsupportedOption"


def test_an_operation_that_only_one_of_them_offers_is_answered(tmp_path: Path) -> None:
    with front(tmp_path, KYC) as client:
        said = client.post("/v1/liveness", json=question()).json()
    assert said["live"] is True


def test_a_request_keeps_its_id_and_its_subject_all_the_way(tmp_path: Path) -> None:
    told: list[Event] = []
    with front(tmp_path, "[routes.kyc]\nsplit = { main = 1, backup = 1 }", told=told) as client:
        headers = {"X-Request-Id": "req-7", "X-Facegate-Subject": "user 81"}
        for _ in range(4):
            reply = client.post("/v1/compare", json=question(), headers=headers)
            assert reply.headers["x-request-id"] == "req-7"
        unnamed = client.post("/v1/compare", json=question())
    ends = [event for event in told if isinstance(event, Finished)]
    assert {(each.request_id, each.subject) for each in ends[:4]} == {("req-7", "user 81")}
    assert len({each.arm for each in ends[:4]}) == 1
    assert (ends[4].request_id, ends[4].subject) == (unnamed.headers["x-request-id"], None)


@pytest.mark.parametrize("subject", ["x" * 257, "J\xfcrgen", ""])
def test_a_subject_that_is_not_decent_is_refused(tmp_path: Path, subject: str) -> None:
    with front(tmp_path, KYC) as client:
        headers = {"X-Facegate-Subject": subject.encode("latin-1")}
        said = client.post("/v1/compare", json=question(), headers=headers)  # type: ignore[arg-type]
    assert said.status_code == 400
    assert said.json() == {"error": "x-facegate-subject: 1 to 256 printable ASCII characters"}


# What an integration will miss


def findings(folder: Path, text: str) -> list[str]:
    return Bridge(acme_api()).findings(route(folder, MAIN_AND_BACKUP + text, "kyc"))


def test_what_is_missing_is_said_of_every_provider(tmp_path: Path) -> None:
    assert findings(tmp_path, VERDICT + '[routes.kyc]\nfailover = ["main", "verdict"]') == [
        "main and verdict cannot answer compare_live; it is refused",
        "verdict cannot answer liveness; only the others do",
        "verdict takes no match threshold; its verdict stands for 70, and a request for more is"
        " refused",
    ]


def test_a_route_that_could_never_answer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="kyc takes no request without consent"):
        findings(tmp_path, KYC + "require_consent = true")
