"""Verifik's client, over HTTP, to the API that answers as Verifik does, to the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest

import facegate
from both import Ask, ask_sync, both_ways, run_sync
from drawn import picture
from facegate import CaptureReason, CaptureRejected, CredentialsExpired
from facegate.gateway import create_app, serving
from facegate_local.store import ModelStore, PortraitStore
from facegate_verifik.compat import VerifikApi, VerifikApiSettings
from facegate_verifik.provider import Verifik, VerifikSettings

pytestmark = pytest.mark.slow

KEY = "key-of-32-letters-or-more-4a7d1e90c3b85f26"
ORDERS = [{}, {"verifik": {"order": "compare_first"}}]


@pytest.fixture(scope="module")
def portraits() -> Mapping[str, Path]:
    ModelStore().pull()
    store = PortraitStore()
    store.pull()
    return {asset.name: store.path(asset.name) for asset in store.assets}


@pytest.fixture(scope="module", params=["both", "record", "docs"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    settings = VerifikApiSettings(shape=request.param)
    app = create_app(
        [VerifikApi(settings, [KEY])], lambda: facegate.open_async(plugin="local", pull=False)
    )
    with serving(app) as url:
        yield url


def verifik(url: str, token: str = KEY, **settings: Any) -> Verifik:
    values = {"base_url": url, "token": token, **settings}
    return Verifik(VerifikSettings.model_validate(values), "main")


@both_ways
def test_one_person_on_two_photos(url: str, portraits: Mapping[str, Path], ask: Ask) -> None:
    pair = {"probe": portraits["person_b_1"], "gallery": [portraits["person_b_2"]]}
    result = ask(verifik(url), **pair)
    assert result.accepted
    assert result.plugin == "verifik"
    assert len(result.vendor_reference or "") == 5
    assert result.match is not None
    assert result.match.score is not None
    assert result.match.score >= 0.85
    assert ask(verifik(url, threshold=0.67), **pair).accepted


@both_ways
def test_two_people(url: str, portraits: Mapping[str, Path], ask: Ask) -> None:
    pair = {"probe": portraits["impostor_1"], "gallery": [portraits["impostor_2"]]}
    assert not ask(verifik(url), **pair).accepted
    for options in ORDERS:
        assert not ask(verifik(url), "compare_live", **pair, options=options).accepted


@both_ways
def test_a_living_person_and_a_threshold_that_nobody_is_above(
    url: str, portraits: Mapping[str, Path], ask: Ask
) -> None:
    live = ask(verifik(url), "liveness", probe=portraits["person_a_1"])
    assert live.accepted
    assert live.liveness is not None
    assert live.liveness.score is not None
    assert live.liveness.score > 0.6
    probe = portraits["person_a_1"]
    assert not ask(verifik(url), "liveness", probe=probe, liveness_threshold=1.0).accepted
    pair = {"probe": portraits["person_a_1"], "gallery": [portraits["person_a_2"]]}
    for options in ORDERS:
        both = ask(verifik(url), "compare_live", **pair, options=options)
        assert both.accepted
        strict = ask(verifik(url), "compare_live", **pair, options=options, liveness_threshold=1.0)
        assert strict.match is not None
        assert (strict.accepted, strict.match.is_match) == (False, True)


def test_what_goes_wrong_behind_comes_back_as_what_it_is(url: str) -> None:
    faceless = picture(size=(400, 400))
    with pytest.raises(CaptureRejected) as caught:
        ask_sync(verifik(url), "liveness", probe=faceless)
    assert (caught.value.reason, caught.value.image) == (CaptureReason.FACE_NOT_FOUND, "probe")
    expired = jwt.encode({"exp": 1}, KEY, algorithm="HS256")
    with pytest.raises(CredentialsExpired):
        ask_sync(verifik(url, expired), "liveness", probe=faceless)


def test_a_token_is_renewed_over_the_wire(url: str) -> None:
    new = run_sync(verifik(url).renewed(1)).get_secret_value()
    assert not verifik(url, new).findings()
    assert run_sync(verifik(url, new).renewed(1))
