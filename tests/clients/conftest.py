"""Other people's clients, unchanged, before facegate's APIs, with the embedded engine behind them.

Each test is a piece of somebody's application: it shows which of its branches is taken.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from PIL import Image as Pillow

import facegate
from facegate.gateway import Sandbox, create_app, serving
from facegate.plugin import CompatibleApi
from facegate_local.store import ModelStore, PortraitStore

Served = Callable[..., str]


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for item in items:
        if "clients" in item.path.parts:
            item.add_marker(pytest.mark.clients)
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")  # some would heed the proxy of whoever tests


@pytest.fixture(scope="session")
def faces() -> Mapping[str, bytes]:
    """Pictures by what is on them; ``mine`` and ``mine_too`` are of one person."""
    ModelStore().pull()
    store = PortraitStore()
    store.pull()
    names = {"mine": "person_a_1", "mine_too": "person_a_2", "strangers": "person_b_1"}
    pictures = {name: store.path(asset).read_bytes() for name, asset in names.items()}
    return {
        **pictures,
        "nobody": _png(Pillow.linear_gradient("L").resize((320, 320))),
        "two": _png(_beside(pictures["mine"], pictures["strangers"])),
        "heavy": _png(Pillow.frombytes("RGB", (1500, 1300), os.urandom(1500 * 1300 * 3))),
    }


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """Serves an API to the holders of these keys, and gives its address.

    It is mounted there, and below it under its name. A key's instruction, if any, is the sandbox's.
    """
    with ExitStack() as stack:

        def serve(
            api: type[CompatibleApi[Any]], keys: Mapping[str, str | None], **set_: Any
        ) -> str:
            settings = api.settings_type.model_validate(set_)
            sandbox = Sandbox({key: said for key, said in keys.items() if said})
            app = create_app([api(settings, tuple(keys))], _engine, sandbox=sandbox)
            return stack.enter_context(serving(app))

        yield serve


def _engine() -> facegate.AsyncFaceVerifier:
    return facegate.open_async(plugin="local", engines=1)


def _png(picture: Pillow.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _beside(*pictures: bytes) -> Pillow.Image:
    opened = [Pillow.open(io.BytesIO(each)).convert("RGB").resize((400, 500)) for each in pictures]
    whole = Pillow.new("RGB", (400 * len(opened), 500))
    for number, each in enumerate(opened):
        whole.paste(each, (400 * number, 0))
    return whole
