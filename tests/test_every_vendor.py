"""Whichever vendor is asked, in its own words: the same pairs get the same decisions.

The embedded engine is behind every vendor's API, so a decision that differs was lost on the way.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path
from typing import Any

import httpx
import pytest

import facegate
from both import Ask, both_ways
from everybody import ALONE, CLIENTS, KEYS, OFFERED
from facegate import AsyncFaceVerifier
from facegate.cli.main import main
from facegate.gateway import Limits, create_app, serving
from facegate.providers.registry import Registry
from facegate.testing import FakeProvider, noise
from facegate.testing.cases import differences
from facegate_local.store import ModelStore, PortraitStore

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAIRS = [
    ("person_a_1", "person_a_2"),
    ("person_a_2", "person_a_1"),
    ("person_b_1", "person_b_2"),
    ("person_b_2", "person_b_1"),
    ("person_a_1", "person_b_1"),
    ("impostor_1", "impostor_2"),
    ("impostor_1", "person_a_2"),
    ("astronaut", "person_b_2"),
]


@pytest.fixture(scope="module")
def portraits() -> Mapping[str, Path]:
    ModelStore().pull()
    store = PortraitStore()
    store.pull()
    return {asset.name: store.path(asset.name) for asset in store.assets}


@contextmanager
def everybodys_api(verifier: Callable[[], AsyncFaceVerifier]) -> Iterator[str]:
    """Every vendor's API at one address, with the same verifier behind them all."""
    registry = Registry()
    kinds = {name: registry.api_type(name) for name in CLIENTS}
    apis = [kind(kind.settings_type(), (KEYS[name],)) for name, kind in kinds.items()]
    with serving(create_app(apis, verifier)) as url:
        yield url


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with everybodys_api(lambda: facegate.open_async(plugin="local", engines=1)) as url:
        yield url


@pytest.fixture(scope="module")
def expected(portraits: Mapping[str, Path]) -> list[bool]:
    with facegate.open(plugin="local", engines=1) as verifier:
        decisions = [
            verifier.compare(portraits[probe], [portraits[claimed]]).accepted
            for probe, claimed in PAIRS
        ]
    assert decisions == 4 * [True] + 4 * [False]
    return decisions


def configured(url: str, down: str = "") -> dict[str, dict[str, Any]]:
    """Providers as a file has them; at the address of the one that is down, nobody listens."""
    return {
        name: {
            "plugin": name,
            "base_url": "http://127.0.0.1:9" if name == down else f"{url}/{name}",
            **given,
        }
        for name, given in CLIENTS.items()
    }


def written(folder: Path, providers: Mapping[str, Mapping[str, Any]], *more: str) -> Path:
    lines = [
        line
        for name, settings in providers.items()
        for line in (
            f"[providers.{name}]",
            *(f"{key} = {json.dumps(value)}" for key, value in settings.items()),
        )
    ]
    file = folder / "facegate.toml"
    file.write_text("\n".join([*more, *lines]))
    return file


def test_no_vendor_is_left_out() -> None:
    """Of what is in the repository, and of the extras by which it is installed."""
    files = [tomllib.loads(file.read_text()) for file in ROOT.glob("plugins/*/pyproject.toml")]
    written = {
        name: each["project"]["name"]
        for each in files
        for name in each["project"]["entry-points"]["facegate"]
    }
    assert sorted(written) == OFFERED
    assert Registry(entries=[]).absent() == written


@pytest.mark.parametrize("name", CLIENTS)
@both_ways
def test_decisions_stay_the_same(
    ask: Ask, name: str, url: str, portraits: Mapping[str, Path], expected: list[bool]
) -> None:
    kind = Registry().provider_type(name)
    given = {"base_url": f"{url}/{name}", **CLIENTS[name]}
    decisions = [
        ask(
            kind(kind.settings_type.model_validate(given)),
            probe=portraits[probe],
            gallery=[portraits[claimed]],
        ).accepted
        for probe, claimed in PAIRS
    ]
    assert decisions == expected


def test_one_file_holds_them_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    everybody = configured("https://gate.example")
    everybody |= {name: {"plugin": name, **given} for name, given in ALONE.items()}
    file = written(tmp_path, everybody, 'default = "local"')
    with pytest.raises(SystemExit) as ended:
        main(["check", "--config", str(file), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["providers"], report["errors"]) == (OFFERED, {})
    assert not ended.value.code


@pytest.mark.parametrize(
    "switches",
    [
        "[serve.compat.compreface]\nmatch_threshold = 97",
        "[serve.compat.rekognition]\nmatch_threshold = 0.9",
        "[serve.compat.tencent]\nstatuses = { NoSuchError = 400 }",
    ],
)
def test_switches_that_cannot_work_are_found_by_check(
    switches: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, {"local": {"plugin": "local"}}, switches)
    with pytest.raises(SystemExit) as ended:
        main(["check", "--config", str(file), "--json"])
    assert ended.value.code
    assert json.loads(capsys.readouterr().out)["errors"]["serve"]


@pytest.mark.parametrize("down", CLIENTS)
def test_each_steps_in_for_each(down: str, tmp_path: Path) -> None:
    routes = [
        f'[routes.{first}_{second}]\nfailover = ["{first}", "{second}"]'
        for first, second in permutations(CLIENTS, 2)
        if first == down
    ]
    pair = noise(1, side=160), [noise(2, side=160)]
    with everybodys_api(lambda: AsyncFaceVerifier(FakeProvider())) as url:
        file = written(tmp_path, configured(url, down), *routes)
        for other in CLIENTS.keys() - {down}:
            with facegate.open(file, route=f"{down}_{other}") as verifier:
                result = verifier.compare(*pair)
            assert (result.accepted, result.provider) == (True, other)
            assert result.attempts[0].error_code == "ConnectionFailed"


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("compreface", 400, {"code": 0}),
        ("opencv_cloud", 413, {"code": "ERR_IMAGE_COULD_NOT_BE_DECODED"}),
        ("rekognition", 400, {"__type": "ValidationException"}),
        ("tencent", 200, {"Response": {"Error": {"Code": "RequestSizeLimitExceeded"}}}),
    ],
)
def test_too_heavy_a_request_is_refused_in_words_that_its_sdk_reads(
    name: str, status: int, words: dict[str, Any]
) -> None:
    kind = Registry().api_type(name)
    app = create_app(
        [kind(kind.settings_type())],
        lambda: facegate.open_async(plugin="local", engines=1),
        limits=Limits(max_body_bytes=1000),
    )
    path = next(iter(kind.routes))
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False) as client:
        told = client.post(path, content=b" " * 1001)
    assert told.status_code == status
    assert not differences(words, told.json())
