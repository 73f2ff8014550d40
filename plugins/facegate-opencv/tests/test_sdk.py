"""The vendor's own SDK, unchanged, against the API that answers as the cloud does.

The SDK sends no file as it is, but encodes every picture anew as JPEG. Where it and facegate's
client are compared, facegate's is given the very pictures that the SDK sent.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opencv.fr import FR, APIError
from opencv.fr.api_error import APIDataValidationError
from opencv.fr.compare.schemas import CompareLiveRequest, CompareRequest
from opencv.fr.liveness.schemas import DeviceType, LivenessRequest
from opencv.fr.search.schemas import SearchMode
from PIL import Image as Pillow

import facegate
from both import ask_sync
from facegate import VerificationResult
from facegate.gateway import Sandbox, create_app, serving
from facegate.plugin import CompatibleApiSettings
from facegate_local.store import ModelStore, PortraitStore
from facegate_opencv.fr_cloud.compat import FrCloudApi
from facegate_opencv.fr_cloud.errors import REPLIES, VALIDATION
from facegate_opencv.fr_cloud.provider import FrCloud, FrCloudSettings
from loopback import Seen, Server, reply

pytestmark = pytest.mark.slow

KEY = "key-5e08b7d2c41f9a63"
KEYS_TO_ERRORS = {f"key-that-gets-{name}": f"error={name}" for name in REPLIES}
ANSWER = reply(200, {"score": 0.9, "liveness_score": "0.7"})


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # the SDK would heed the proxy of whoever tests


@pytest.fixture(scope="module")
def portraits() -> Mapping[str, Path]:
    ModelStore().pull()
    store = PortraitStore()
    store.pull()
    return {asset.name: store.path(asset.name) for asset in store.assets}


def engine() -> facegate.AsyncFaceVerifier:
    """The embedded engine, so strict about liveness that one of the people does not pass."""
    return facegate.open_async(plugin="local", engines=1, liveness_threshold=0.9995)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    api = FrCloudApi(CompatibleApiSettings(), (KEY, *KEYS_TO_ERRORS))
    with serving(create_app([api], engine, sandbox=Sandbox(KEYS_TO_ERRORS))) as url:
        yield url


@pytest.fixture
def sdk(url: str) -> Any:
    return FR(url, KEY)


# Answers


def test_it_tells_the_same_person(sdk: Any, portraits: Mapping[str, Path]) -> None:
    def score(gallery: list[str], probe: str) -> Any:
        named = [portraits[name] for name in gallery]
        return sdk.compare.compare_image_sets(CompareRequest(named, [portraits[probe]]))

    assert score(["person_a_1"], "person_a_2") >= 0.81
    assert score(["impostor_1", "person_b_1"], "person_b_2") >= 0.81
    assert score(["person_a_1"], "person_b_1") < 0.81


def test_it_tells_the_living_person(sdk: Any, portraits: Mapping[str, Path]) -> None:
    def score(name: str) -> Any:
        return sdk.liveness.check_liveness(LivenessRequest(portraits[name])).score

    assert score("person_a_1") >= 0.5
    assert score("person_b_1") < 0.5


def test_it_tells_the_same_living_person(sdk: Any, portraits: Mapping[str, Path]) -> None:
    def found(gallery: str, probe: str) -> tuple[bool, bool]:
        request = CompareLiveRequest([portraits[gallery]], portraits[probe])
        scores = sdk.compare.compare_live_face(request)
        return scores.score >= 0.81, scores.liveness_score >= 0.5

    assert found("person_a_2", "person_a_1") == (True, True)
    assert found("person_b_1", "person_a_1") == (False, True)
    assert found("person_b_2", "person_b_1") == (True, False)


# Requests


def of_the_sdk(call: str, request: Any) -> Seen:
    """What the SDK puts on the wire."""
    manager, _, name = call.partition(".")
    with Server(ANSWER) as server:
        getattr(getattr(FR(server.url, KEY), manager), name)(request)
    return server.seen[0]


def of_facegate(operation: str, pictures: Mapping[str, Any], **settings: Any) -> Seen:
    """What facegate's client puts there, of the same pictures."""
    with Server(ANSWER) as server:
        ask_sync(client(server.url, **settings), operation, **pictures)
    return server.seen[0]


def client(url: str, **settings: Any) -> FrCloud:
    values = {"base_url": url, "api_key": KEY, **settings}
    return FrCloud(FrCloudSettings.model_validate(values), "main")


def sent(request: Seen) -> dict[str, Any]:
    """The pictures in a request, as facegate's questions name them."""
    body, decoded = request.json, base64.b64decode
    probe = body["image"] if "image" in body else body["probe"]
    pictures: dict[str, Any] = {"probe": decoded(probe if isinstance(probe, str) else probe[0])}
    if "gallery" in body:
        pictures["gallery"] = [decoded(each) for each in body["gallery"]]
    return pictures


@pytest.mark.parametrize("chosen", ["nothing", "everything"])
@pytest.mark.parametrize("operation", ["compare", "compare_live", "liveness"])
def test_facegate_sends_what_the_sdk_sends(
    operation: str, chosen: str, portraits: Mapping[str, Path]
) -> None:
    probe, first, second = (portraits[f"person_{each}"] for each in ("a_1", "a_2", "b_1"))
    mode, device, live_from, settings = {
        "nothing": ({}, {}, {}, {}),
        "everything": (
            {"search_mode": SearchMode.ACCURATE},
            {"os": DeviceType.IOS},
            {"liveness_min_score": 0.75},
            {"search_mode": "ACCURATE", "os": "IOS", "liveness_threshold": 0.75},
        ),
    }[chosen]
    call, request = {
        "compare": (
            "compare.compare_image_sets",
            CompareRequest([first, second], [probe], **mode),
        ),
        "compare_live": (
            "compare.compare_live_face",
            CompareLiveRequest([first, second], probe, **mode, **device, **live_from),
        ),
        "liveness": ("liveness.check_liveness", LivenessRequest(probe, **device)),
    }[operation]
    theirs = of_the_sdk(call, request)
    ours = of_facegate(operation, sent(theirs), **settings)
    assert (ours.method, ours.target, ours.json) == (theirs.method, theirs.target, theirs.json)
    for name in ("x-api-key", "content-type"):
        assert ours.headers[name] == theirs.headers[name]


def test_facegate_reads_the_scores_that_the_sdk_reads(
    url: str, sdk: Any, portraits: Mapping[str, Path]
) -> None:
    request = CompareLiveRequest([portraits["person_a_2"]], portraits["person_a_1"])
    pictures = sent(of_the_sdk("compare.compare_live_face", request))

    theirs = sdk.compare.compare_live_face(request)
    ours: VerificationResult = ask_sync(client(url), "compare_live", **pictures)
    assert ours.match is not None
    assert ours.liveness is not None
    assert (ours.match.score, ours.liveness.score) == (theirs.score, theirs.liveness_score)


# Errors


def test_a_picture_of_nobody_is_an_error_with_its_code(
    sdk: Any, portraits: Mapping[str, Path]
) -> None:
    nobody = Pillow.new("RGB", (320, 320), "grey")
    asks: tuple[Callable[[], Any], ...] = (
        lambda: sdk.liveness.check_liveness(LivenessRequest(nobody)),
        lambda: sdk.compare.compare_image_sets(CompareRequest([portraits["person_a_1"]], [nobody])),
        lambda: sdk.compare.compare_live_face(
            CompareLiveRequest([nobody], portraits["person_a_1"])
        ),
    )
    for ask in asks:
        with pytest.raises(APIError) as caught:
            ask()
        assert (caught.value.http_status_code, caught.value.err_code) == (400, "ERR_NO_FACES_FOUND")


@pytest.mark.parametrize("key", ["key-of-nobody", None], ids=["a wrong key", "no key"])
def test_who_has_no_key_is_told_so(url: str, key: str | None) -> None:
    with pytest.raises(APIError) as caught:
        FR(url, key).liveness.check_liveness(LivenessRequest(Pillow.new("RGB", (320, 320))))
    assert (caught.value.http_status_code, caught.value.err_code) == (401, "ERR_INVALID_API_KEY")


def test_what_the_api_does_not_take_is_a_validation_error(
    sdk: Any, portraits: Mapping[str, Path]
) -> None:
    same = [portraits["person_a_1"]]
    with pytest.raises(APIDataValidationError) as caught:
        sdk.compare.compare_image_sets(CompareRequest(same, same))
    (problem,) = caught.value.details["detail"]
    assert (problem["loc"], problem["msg"]) == (["body"], "the very same picture as the probe")


@pytest.mark.parametrize("name", sorted(REPLIES))
def test_every_documented_error_arrives_as_one_of_the_sdk(url: str, name: str) -> None:
    sdk = FR(url, f"key-that-gets-{name}")
    with pytest.raises((APIError, APIDataValidationError)) as caught:
        sdk.liveness.check_liveness(LivenessRequest(Pillow.new("RGB", (16, 16))))
    expected = REPLIES[name]
    if name == VALIDATION:
        assert isinstance(caught.value, APIDataValidationError)
        assert caught.value.details == expected.body
    else:
        assert isinstance(caught.value, APIError)
        assert (caught.value.http_status_code, caught.value.err_code) == (expected.status, name)
        assert caught.value.messsage == expected.body["message"]
        assert caught.value.retry_after == (1 if "retry-after" in expected.headers else None)
