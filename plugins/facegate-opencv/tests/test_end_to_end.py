"""Both clients ask both APIs over HTTP, with the embedded engine behind them, about real people.

A very strict liveness threshold stands in for an attack: one of the people does not pass it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import facegate
from both import Ask, both_ways
from drawn import picture
from facegate import CaptureReason, CaptureRejected, VerificationResult
from facegate.config import build
from facegate.gateway import create_app, serving
from facegate.providers.registry import Registry
from facegate_local.store import ModelStore, PortraitStore

pytestmark = pytest.mark.slow

KEY = "key-77c1de0984f3b26a"


def engine() -> facegate.AsyncFaceVerifier:
    return facegate.open_async(plugin="local", engines=1, liveness_threshold=0.9995)


@pytest.fixture(scope="module")
def portraits() -> Mapping[str, Path]:
    ModelStore().pull()
    store = PortraitStore()
    store.pull()
    return {asset.name: store.path(asset.name) for asset in store.assets}


class Client:
    """A client of one of the APIs, set up from plain settings as a configuration file would."""

    def __init__(self, plugin: str, base_url: str) -> None:
        self.plugin = plugin
        self.settings = {"base_url": base_url, "api_key": KEY}
        if plugin == "opencv_fr":
            self.settings["liveness_by_self_compare"] = "true"

    def asks(self, ask: Ask, operation: str, **pictures: Any) -> VerificationResult:
        return ask(
            build(Registry(), "main", self.plugin, self.settings, "test"), operation, **pictures
        )


@pytest.fixture(scope="module", params=["opencv_fr", "opencv_cloud"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    served = Registry().api_type(request.param)
    switches = {"liveness_by_self_compare": True} if request.param == "opencv_fr" else {}
    settings = served.settings_type.model_validate(switches)
    with serving(create_app([served(settings, (KEY,))], engine)) as url:
        yield Client(request.param, url)


@both_ways
def test_who_is_the_same_person(ask: Ask, client: Client, portraits: Mapping[str, Path]) -> None:
    def same(probe: str, *gallery: str) -> bool:
        claimed = [portraits[name] for name in gallery]
        return client.asks(ask, "compare", probe=portraits[probe], gallery=claimed).accepted

    assert same("person_a_1", "person_a_2")
    assert same("person_b_1", "person_b_2")
    assert not same("person_a_1", "person_b_1")
    assert same("person_a_1", "impostor_1", "person_a_2")


@both_ways
def test_who_is_the_same_person_and_live(
    ask: Ask, client: Client, portraits: Mapping[str, Path]
) -> None:
    def found(probe: str, other: str) -> tuple[bool, bool]:
        pictures = {"probe": portraits[probe], "gallery": [portraits[other]]}
        result = client.asks(ask, "compare_live", **pictures)
        assert result.liveness is not None
        return result.accepted, result.liveness.passed

    assert found("person_a_1", "person_a_2") == (True, True)
    assert found("person_a_1", "person_b_1") == (False, True)
    assert found("person_b_1", "person_b_2") == (False, False)


@both_ways
def test_who_is_live(ask: Ask, client: Client, portraits: Mapping[str, Path]) -> None:
    assert client.asks(ask, "liveness", probe=portraits["person_a_1"]).accepted
    assert not client.asks(ask, "liveness", probe=portraits["person_b_1"]).accepted


@both_ways
def test_nobody_is_a_capture_fault(ask: Ask, client: Client, portraits: Mapping[str, Path]) -> None:
    pictures = {"probe": picture(size=(320, 320)), "gallery": [portraits["person_a_1"]]}
    with pytest.raises(CaptureRejected) as caught:
        client.asks(ask, "compare_live", **pictures)
    assert caught.value.reason is CaptureReason.FACE_NOT_FOUND
