"""``facegate serve`` reads its configuration again when it gets SIGHUP."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from acme_api import question
from facegate.gateway.keys import new_key
from installed import Site
from loopback import PendingRequest, Server, reply
from service import process, url_in

PLUGIN = """
import sys
sys.path.append({tests!r})
from acme import facegate_providers
from acme_api import AcmeApi
from facegate.plugin import hookimpl

@hookimpl
def facegate_compatible_apis():
    return [AcmeApi]
"""


@contextmanager
def serving(folder: Path, vendor: Server) -> Iterator[tuple[Any, str, Callable[[str, str], None]]]:
    """A ``facegate serve`` that asks the vendor, and how to have it read other lines."""
    file = folder / "facegate.toml"
    file.write_text(main_at(vendor.url))
    with process(folder, "--compat", "acme", FACEGATE_PLUGINS="acme") as (running, said):

        def reread(lines: str, expected: str) -> None:
            file.write_text(lines)
            running.send_signal(signal.SIGHUP)
            line = next(line for line in running.stderr if "the configuration" in line)
            assert expected in line

        yield running, f"{url_in(said)}/v1/compare", reread
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
        assert running.returncode == 0


def main_at(url: str) -> str:
    return f'[providers.main]\nplugin = "acme"\nbase_url = "{url}"\n'


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
def test_a_service_reads_its_configuration_again_on_sighup(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("acme", PLUGIN.format(tests=str(Path(__file__).parent)))
    asked, let = threading.Event(), threading.Event()
    yes = reply(200, {"score": 0.93})

    def patient(line: PendingRequest) -> bool:
        asked.set()
        return let.wait(60) and yes(line)

    with (
        Server(patient) as old,
        Server(yes) as new,
        serving(tmp_path, old) as (_, url, reread),
        ThreadPoolExecutor(1) as thread,
    ):
        under_way = thread.submit(httpx.post, url, json=question(), timeout=60)
        assert asked.wait(60)
        reread(main_at(new.url), "the configuration was read again")
        assert httpx.post(url, json=question(), timeout=60).json()["same"]
        assert len(new.seen) == 1

        reread("[providers.main]\n", "providers.main.plugin: Field required")
        assert httpx.post(url, json=question(), timeout=60).json()["same"]
        assert len(new.seen) == 2

        let.set()
        assert under_way.result(60).json()["same"]
        assert len(old.seen) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
def test_keys_go_with_the_rest_of_the_file_or_not_at_all(site: Site, tmp_path: Path) -> None:
    site.install("acme", PLUGIN.format(tests=str(Path(__file__).parent)))
    file, made = tmp_path / "facegate.toml", new_key()
    key = f'[serve.api.keys.team]\nhash = "{made.hash}"\nscopes = ["verify", "decisions:read"]\n'
    provider = main_at("http://127.0.0.1:9")
    file.write_text(provider + key)
    with process(tmp_path, "--api", FACEGATE_PLUGINS="acme") as (running, said):
        url = f"{url_in(said)}/v1/routes"

        def status() -> int:
            headers = {"Authorization": f"Bearer {made.text}"}
            return httpx.get(url, headers=headers, timeout=60).status_code

        assert status() == 200
        for lines, expected, then in (
            (provider.partition("base_url")[0], "the old one stays", 200),
            (provider, "the configuration was read again", 401),
        ):
            file.write_text(lines)
            running.send_signal(signal.SIGHUP)
            next(line for line in running.stderr if expected in line)
            assert status() == then
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=60)
