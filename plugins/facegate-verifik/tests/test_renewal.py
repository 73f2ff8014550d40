"""Renewing the token while questions are asked: what a bad, a slow or a cancelled one leaves."""

from __future__ import annotations

import time
from functools import partial
from types import SimpleNamespace
from typing import Any

import anyio
import jwt
import pytest

from both import ask_sync
from drawn import picture
from facegate import AsyncFaceVerifier
from facegate_verifik.provider import Verifik, VerifikSettings
from loopback import Act, PendingRequest, Server, reply, stall

KEY = "nobody-needs-it-to-read-a-token-" * 2
BOTH: dict[str, Any] = {"probe": picture(seed=1), "gallery": [picture(seed=2)]}
SAME = reply(200, {"data": {"score": 0.91}})


def token(days: float) -> str:
    return jwt.encode({"exp": int(time.time() + days * 86_400)}, KEY)


def answering(renewal: Act) -> Act:
    """Verifik, with a reply of its own for whoever renews."""

    def act(line: PendingRequest) -> bool:
        return (renewal if line.request.method == "GET" else SAME)(line)

    return act


def renewing(url: str, old: str) -> Verifik:
    fields = {"base_url": url, "token": old, "renew": True, "several_faces": "vendor"}
    return Verifik(VerifikSettings.model_validate(fields), "main")


@pytest.mark.parametrize(
    "new",
    ["undefined", "", token(1), token(-1), token(30) + "\n", f"{token(30)} x"],
    ids=["no token", "nothing", "shorter", "expired", "broken line", "two words"],
)
def test_a_good_token_is_not_given_up_for_a_worse_one(new: str) -> None:
    old = token(3)
    with Server(answering(reply(200, {"accessToken": new}))) as server:
        provider = renewing(server.url, old)
        results = [ask_sync(provider, **BOTH) for _ in range(2)]
    assert [result.accepted for result in results] == [True, True]
    assert "could not be renewed" in results[0].warnings[0]
    asked = [seen.headers["authorization"] for seen in server.seen]
    assert asked == [f"Bearer {old}"] * 3


def test_a_cancelled_question_lets_go_of_the_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    new = token(30)
    stalled: list[PendingRequest] = []

    def first_stalls(line: PendingRequest) -> bool:
        if stalled:
            return reply(200, {"accessToken": new})(line)
        stalled.append(line)
        return stall(line)

    async def ask_and_leave() -> None:
        async with AsyncFaceVerifier(provider) as verifier, anyio.create_task_group() as tasks:
            tasks.start_soon(partial(verifier.compare, **BOTH))
            await anyio.to_thread.run_sync(server.asked.wait, 60)
            tasks.cancel_scope.cancel()

    with Server(answering(first_stalls)) as server:
        provider = renewing(server.url, token(3))
        anyio.run(ask_and_leave)
        assert [seen.method for seen in server.seen] == ["GET"]
        later = time.time() + 3601
        monkeypatch.setattr("facegate_verifik.provider.time", SimpleNamespace(time=lambda: later))
        assert not ask_sync(provider, **BOTH).warnings
    assert server.seen[-1].headers["authorization"] == f"Bearer {new}"
