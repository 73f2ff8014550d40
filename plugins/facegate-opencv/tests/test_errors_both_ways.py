"""Every error that an API can send, as its own client reads it."""

from __future__ import annotations

from typing import Any

import pytest

from drawn import picture
from facegate import CaptureRejected, FacegateError, Image, InvalidRequest
from facegate.plugin import Answer, CompatibleApi, Flow, HttpReply, LivenessRequest
from facegate_opencv.fr_cloud.compat import FrCloudApi
from facegate_opencv.fr_cloud.provider import FrCloud, FrCloudSettings
from facegate_opencv.fr_server.compat import FrServerApi
from facegate_opencv.fr_server.provider import FrServer, FrServerSettings

PROBE = Image.of(picture())
SERVER: Any = FrServer(
    FrServerSettings.model_validate(
        {"base_url": "https://fr.example", "api_key": "k", "liveness_by_self_compare": True}
    )
)
CLOUD = FrCloud(FrCloudSettings.model_validate({"region": "eu", "api_key": "k"}))


def asked(provider: Any) -> Flow[Answer]:
    """A question that waits for its one reply."""
    flow: Flow[Answer] = provider.answer(LivenessRequest(PROBE, provider.settings, None))
    next(flow)
    return flow


def meant(provider: Any, reply: HttpReply) -> Any:
    """The class that a reply is raised as, or the reason."""
    with pytest.raises(FacegateError) as caught:
        asked(provider).send(reply)
    error = caught.value
    return error.reason if isinstance(error, CaptureRejected) else type(error)


def sent(api: type[CompatibleApi[Any]], name: str) -> HttpReply:
    return api(api.settings_type()).error(name)


@pytest.mark.parametrize("name", sorted(set(FrServerApi.errors) - {"FACE_NOT_LIVE"}))
def test_each_error_of_the_server_means_what_its_row_says(name: str) -> None:
    rows = FrServer.errors.codes
    row = rows.get(f"ERR_LIVENESS_ERROR:{name}") or rows[name]
    assert meant(SERVER, sent(FrServerApi, name)) is row


def test_the_one_that_is_an_answer() -> None:
    with pytest.raises(StopIteration) as ended:
        asked(SERVER).send(sent(FrServerApi, "FACE_NOT_LIVE"))
    assert not ended.value.value.liveness.passed


@pytest.mark.parametrize("name", sorted(FrCloudApi.errors))
def test_each_error_of_the_cloud_means_what_its_row_says(name: str) -> None:
    row = FrCloud.errors.codes.get(name, InvalidRequest)
    assert meant(CLOUD, sent(FrCloudApi, name)) is row


@pytest.mark.parametrize("api", [FrServerApi, FrCloudApi])
def test_every_row_of_a_client_is_an_error_of_the_api(api: type[CompatibleApi[Any]]) -> None:
    rows = (FrServer if api is FrServerApi else FrCloud).errors.codes
    assert {row.removeprefix("ERR_LIVENESS_ERROR:") for row in rows} <= set(api.errors)
