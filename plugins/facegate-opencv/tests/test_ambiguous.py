"""An answer that comes with an error code is no answer."""

from __future__ import annotations

from typing import Any

import pytest

from both import ask_sync
from drawn import picture
from facegate import BadReply
from facegate.plugin import Provider
from facegate_opencv.fr_cloud.provider import FrCloud, FrCloudSettings
from facegate_opencv.fr_server.provider import FrServer, FrServerSettings
from loopback import Server, reply


def fr_server(url: str) -> Provider[Any]:
    return FrServer(FrServerSettings.model_validate({"base_url": url, "api_key": "k"}))


def fr_cloud(url: str) -> Provider[Any]:
    return FrCloud(FrCloudSettings.model_validate({"base_url": url, "api_key": "k"}))


@pytest.mark.parametrize(
    ("provider", "operation", "answer", "code"),
    [
        (fr_server, "compare", {"is_match": True}, "ERR_FACE_NOT_DETECTED"),
        (fr_server, "compare_live", {"is_match": True}, "ERR_LIVENESS_ERROR"),
        (fr_cloud, "compare", {"score": 0.95}, "ERR_NO_FACES_FOUND"),
        (fr_cloud, "compare_live", {"score": 0.95, "liveness_score": "0.9"}, "ERR_FACE_OCCLUDED"),
        (fr_cloud, "liveness", {"liveness_score": 0.9}, "ERR_INVALID_FACE_FOR_LIVENESS"),
    ],
)
def test_a_yes_with_an_error_code_lets_nobody_in(
    provider: Any, operation: str, answer: dict[str, Any], code: str
) -> None:
    asked: dict[str, Any] = {"probe": picture(seed=1)}
    if operation != "liveness":
        asked["gallery"] = [picture(seed=2)]
    with Server(reply(200, answer)) as server:
        assert ask_sync(provider(server.url), operation, **asked).accepted
    with Server(reply(200, {**answer, "code": code})) as server, pytest.raises(BadReply):
        ask_sync(provider(server.url), operation, **asked)
