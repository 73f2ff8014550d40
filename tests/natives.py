"""facegate's own API over a real socket, and vendors behind it that tell what they were asked."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from acme import DOCUMENT, INFO, PROBE, SCALE
from drawn import picture
from facegate import Image
from facegate.events import Observer
from facegate.gateway import Limits, serving
from facegate.gateway.app import application
from facegate.gateway.grants import Grant
from facegate.gateway.native.building import native_api
from facegate.gateway.native.settings import ApiSettings
from facegate.gateway.stored import StoredKeys
from facegate.journal import Journal
from facegate.opening import Setup
from facegate.plugin import (
    Answer,
    CompareLiveRequest,
    CompareRequest,
    CompatibleApi,
    Flow,
    FlowProvider,
    Liveness,
    LivenessRequest,
    ProviderSettings,
    per_call,
)
from facegate.providers.provider import Provider
from facegate.routing.leaf import Leaf
from facegate.routing.route import Route

SUBJECT = "jane.doe@example.com"
PAIRS = [(picture(seed=seed), picture(seed=seed + 100)) for seed in range(12)]


class Settings(ProviderSettings):
    mode: str = per_call("FAST", description="Speed or accuracy.")


class Judge(FlowProvider[Settings]):
    """Scores pictures by their bytes, so that another picture, or another order, scores otherwise.

    Attributes:
        asked: every request that came, oldest first.
    """

    info = INFO
    settings_type = Settings

    def __init__(self, name: str = "main", **settings: Any) -> None:
        super().__init__(Settings.model_validate(settings), name)
        self.asked: list[Any] = []

    def compare(self, request: CompareRequest[Settings]) -> Flow[Answer]:
        self.asked.append(request)
        yield from ()
        score = _score(request.probe, *request.gallery)
        assert INFO.match
        return Answer(match=INFO.match.match(score, request.threshold))

    def liveness(self, request: LivenessRequest[Settings]) -> Flow[Answer]:
        self.asked.append(request)
        yield from ()
        score, threshold = _score(request.probe), request.liveness_threshold
        passed = score >= (0.5 if threshold is None else threshold)
        return Answer(
            liveness=Liveness(passed=passed, score=score, threshold=threshold, scale=SCALE)
        )

    def compare_live(self, request: CompareLiveRequest[Settings]) -> Flow[Answer]:
        match = yield from self.compare(request)  # type: ignore[arg-type]
        live = yield from self.liveness(request)  # type: ignore[arg-type]
        self.asked.pop()
        return Answer(match=match.match, liveness=live.liveness)


def _score(*pictures: Image) -> float:
    return zlib.crc32(b"".join(each.data for each in pictures)) / 2**32


def metrics() -> tuple[str, bytes]:
    """Somebody's metrics."""
    return "text/plain; version=0.0.4", b"questions_total 1\n"


def alone(provider: Provider, name: str = "kyc") -> Route:
    """A route that leads to one provider."""
    return Route(name, Leaf(provider), 30, 3)


@contextmanager
def native(
    *routes: Route | Provider,
    journal: Journal | None = None,
    apis: Sequence[CompatibleApi] = (),
    observers: Sequence[Observer] = (),
    limits: Limits | None = None,
    metrics: Callable[[], tuple[str, bytes]] | None = None,
    local: bool = True,
    public_url: str | None = None,
    headers: Mapping[str, str] | None = None,
    **settings: Any,
) -> Iterator[httpx.Client]:
    """A client of the API; the first of the routes answers where a question names none.

    Args:
        *routes: whom questions lead to; a provider is the route ``kyc``.
        journal: keeps what is asked, and its keys.
        apis: compatible APIs that are served beside.
        observers: functions called with each event.
        limits: bounds on what one caller may cost.
        metrics: gives content type and text of the metrics.
        local: whether only this machine can reach the service.
        public_url: where browsers reach it.
        headers: of every request of the client.
        **settings: of ``[serve.api]``.
    """
    led = [each if isinstance(each, Route) else alone(each) for each in routes]
    setups = {
        each.name or each.node.name: Setup(route=each, observers=observers, recorder=journal)
        for each in led
    }
    api = native_api(ApiSettings.model_validate(settings), setups, metrics=metrics, local=local)
    first = next(iter(setups.values()))
    app = application(
        apis, first.awaited, limits, public_url=public_url, native=api, observers=observers
    )
    with (
        serving(app, limits) as url,
        httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as client,
    ):
        yield client


def key(journal: Journal, *scopes: str, **grant: Any) -> str:
    """What the caller presents whose new key has these scopes."""
    made = Grant.model_validate({"scopes": scopes, **grant})
    return StoredKeys(journal.store).create("team", made, None)[1].text


def bearer(presented: str) -> dict[str, str]:
    return {"authorization": f"Bearer {presented}"}


def timeless(told: Any) -> Any:
    """A result without what differs from one request to the next."""
    attempts = [
        {name: value for name, value in each.items() if name not in ("at", "seconds")}
        for each in told["attempts"]
    ]
    return {**told, "attempts": attempts, "elapsed": None, "request_id": None}


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def body(probe: bytes = PROBE, *gallery: bytes, **more: Any) -> dict[str, Any]:
    """A comparison as JSON; against the document where no gallery is given."""
    pictures = [encoded(each) for each in gallery or (DOCUMENT,)]
    return {"probe": encoded(probe), "gallery": pictures, **more}


def files(probe: bytes, *gallery: bytes) -> list[tuple[str, tuple[str, bytes, str]]]:
    """The same as files of a form."""
    named = [("probe", probe), *(("gallery", each) for each in gallery)]
    return [(name, (f"{name}.png", data, "image/png")) for name, data in named]


def database(folder: Path) -> str:
    return f"sqlite:///{folder}/journal.db"
