"""Outcomes on demand, as somebody who tests an integration asks for them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from acme import SAME, Scripted
from acme_api import KEY, acme_api, front, question, saying
from facegate.gateway import Sandbox
from facegate.gateway.sandbox import Instruction, Script
from facegate.plugin import Answer


def unasked(_: Any) -> Any:
    yield from ()
    raise AssertionError("the provider was asked")


NOBODY = Scripted(unasked)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Of an API with the sandbox on, and nobody behind it."""
    with front(NOBODY, sandbox=Sandbox()) as opened:
        yield opened


def told(client: httpx.Client, instruction: str, path: str = "compare", **more: Any) -> Any:
    headers = {"X-Facegate-Sandbox": instruction}
    return client.post(f"/v1/{path}", json=question(**more), headers=headers)


@pytest.mark.parametrize(
    ("outcome", "path", "said"),
    [
        ("match", "compare", {"same": True, "score": 85.0}),
        ("no_match", "compare", {"same": False, "score": 35.0}),
        ("not_live", "compare", {"same": True, "score": 85.0}),
        ("match", "liveness", {"live": True, "liveScore": 70.0}),
        ("no_match", "liveness", {"live": True, "liveScore": 70.0}),
        ("not_live", "liveness", {"live": False, "liveScore": 20.0}),
        (
            "match",
            "compare-live",
            {"same": True, "score": 85.0, "live": True, "liveScore": 70.0},
        ),
        (
            "not_live",
            "compare-live",
            {"same": True, "score": 85.0, "live": False, "liveScore": 20.0},
        ),
    ],
)
def test_an_outcome_is_forced_without_asking_anybody(
    client: httpx.Client, outcome: str, path: str, said: dict[str, Any]
) -> None:
    assert told(client, f"outcome={outcome}", path).json() == said


def test_a_forced_outcome_holds_for_the_threshold_that_was_asked_for(client: httpx.Client) -> None:
    assert told(client, "outcome=match", minScore=90).json()["score"] == 95.0
    assert told(client, "outcome=no_match", minScore=90).json()["score"] == 45.0


def test_without_an_instruction_the_provider_answers() -> None:
    with front(SAME, sandbox=Sandbox()) as client:
        assert client.post("/v1/compare", json=question()).json()["score"] == 85.0


def test_instructions_mean_nothing_where_there_is_no_sandbox() -> None:
    with front(SAME) as client:
        assert told(client, "outcome=no_match; error=down").json()["same"] is True


def test_an_error_of_the_vendors_is_sent_as_its_table_has_it(client: httpx.Client) -> None:
    said = told(client, "error=slow_down")
    assert (said.status_code, said.json()) == (429, {"code": "slow_down"})


@pytest.mark.parametrize("name", ["ProviderTimeout", "QuotaExhausted", "RateLimited"])
def test_an_error_of_facegates_is_met_where_the_provider_would_be(
    client: httpx.Client, name: str
) -> None:
    assert told(client, f"error={name}").json()["class"] == name


def test_a_capture_fault_names_its_reason(client: httpx.Client) -> None:
    said = told(client, "error=CaptureRejected:EYES_CLOSED").json()
    assert (said["class"], said["image"]) == ("CaptureRejected", "probe")


def test_an_answer_can_be_made_to_wait_while_others_are_served() -> None:
    with front(SAME, sandbox=Sandbox()) as client:
        said: list[Any] = []
        waiting = threading.Thread(
            target=lambda: said.append(told(client, "latency=0.5; outcome=no_match").json())
        )
        waiting.start()
        assert client.post("/v1/compare", json=question()).json()["same"] is True
        assert said == []
        waiting.join()
    assert said[0]["same"] is False


@pytest.mark.parametrize(
    ("instruction", "named"),
    [
        ("outcome=maybe", "outcome='maybe' is none of match, no_match, not_live"),
        ("error=nothing", "error='nothing' is no error of this API"),
        ("error=CaptureRejected:SAD", "error='CaptureRejected:SAD'"),
        ("error=ProviderError", "error='ProviderError'"),
        ("latency=61", "latency='61' is not 0 to 60 seconds"),
        ("latency=nan", "latency='nan'"),
        ("colour=red", "'colour=red' is not one of"),
        ("match", "'match' is not one of"),
        ("outcome=match; outcome=match", "once"),
        ("outcome=match; error=down", "either outcome= or error="),
    ],
)
def test_an_instruction_that_cannot_be_followed_is_refused_with_its_part(
    instruction: str, named: str, client: httpx.Client
) -> None:
    said = told(client, instruction)
    assert said.status_code == 400
    assert said.json()["error"].startswith("x-facegate-sandbox: ")
    assert named in said.json()["error"]


def test_strangers_get_nothing_out_of_it() -> None:
    with front(NOBODY, acme_api(KEY), sandbox=Sandbox()) as client:
        assert told(client, "outcome=match").json() == {"code": "bad_token"}


def test_a_key_can_stand_for_an_instruction_and_the_header_wins() -> None:
    sandbox = Sandbox({"sk-no-match": "outcome=no_match", "sk-expired": "error=bad_token"})
    keys = (KEY, *sandbox.keys)
    with front(SAME, acme_api(*keys), sandbox=sandbox) as client:
        client.headers["Authorization"] = "Token sk-no-match"
        assert client.post("/v1/compare", json=question()).json()["same"] is False
        assert told(client, "outcome=match").json()["same"] is True
        client.headers["Authorization"] = "Token sk-expired"
        assert client.post("/v1/compare", json=question()).status_code == 401
        client.headers["Authorization"] = f"Token {KEY}"
        assert client.post("/v1/compare", json=question()).json()["same"] is True


def test_each_key_spends_its_own_rate() -> None:
    now = 100.0
    sandbox = Sandbox(rate="2/60", clock=lambda: now)
    with front(SAME, acme_api("one", "two"), sandbox=sandbox) as client:

        def asked(key: str) -> Any:
            headers = {"Authorization": f"Token {key}"}
            return client.post("/v1/compare", json=question(), headers=headers)

        assert [asked("one").status_code for _ in range(3)] == [200, 200, 429]
        assert asked("two").status_code == 200
        now = 130.5
        assert asked("one").json()["retryAfter"] == 30
        now = 160.0
        assert asked("one").status_code == 200


@pytest.mark.parametrize("rate", ["10", "0/60", "10/0", "ten/60", "-1/60"])
def test_a_rate_is_requests_and_seconds(rate: str) -> None:
    with pytest.raises(ValueError, match="requests and seconds"):
        Sandbox(rate=rate)


def test_a_keys_instruction_is_checked_before_anybody_asks() -> None:
    Sandbox({"a": "error=slow_down; latency=0.5"}).check([acme_api()])
    with pytest.raises(Instruction, match="error='slow_up'"):
        Sandbox({"a": "error=slow_up"}).check([acme_api()])


def test_a_forced_yes_is_one_at_the_top_of_the_scale_too(client: httpx.Client) -> None:
    assert told(client, "outcome=match", minScore=100).json() == {"same": True, "score": 100.0}


def test_an_empty_instruction_changes_nothing() -> None:
    assert Script.of(" ; ", {}) == Script()
    with front(Scripted(saying(Answer(SAME.match))), sandbox=Sandbox()) as client:
        assert told(client, "").status_code == 200
