"""The files of the page on deployment, run by the programs that they are for."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from acme_api import question
from installed import Site
from service import process
from test_serve import PLUGIN

FILES = Path(__file__).parents[1] / "docs" / "examples" / "deploy"
HEAVIEST = 64 * 2**20


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def filled(name: str, folder: Path, changes: Mapping[str, str]) -> Path:
    """A file of the page with the paths and ports of this test in it."""
    text = (FILES / name).read_text()
    for stated, here in changes.items():
        assert stated in text
        text = text.replace(stated, here)
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tests = str(Path(__file__).parent)
    Site(tmp_path, monkeypatch).install("acme", PLUGIN.format(tests=tests, takes=0.05))
    return tmp_path


@pytest.fixture
def trusted(folder: Path) -> ssl.SSLContext:
    """What a caller trusts; the certificate itself lies in the folder."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(folder / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(folder / "chain.pem"))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@contextmanager
def running(*command: str | Path, folder: Path) -> Iterator[None]:
    log = folder / "proxy.log"
    with log.open("w") as told, subprocess.Popen(command, stdout=told, stderr=told) as proxy:
        try:
            yield
        except httpx.HTTPError as error:
            raise AssertionError(log.read_text()) from error
        finally:
            proxy.terminate()


def eventually(ask: Callable[[], httpx.Response]) -> httpx.Response:
    ends = time.monotonic() + 60
    while True:
        try:
            reply = ask()
        except httpx.TransportError:
            if time.monotonic() > ends:
                raise
        else:
            if reply.status_code == 200 or time.monotonic() > ends:
                return reply
        time.sleep(0.05)


@needs("nginx")
def test_nginx_hands_on_what_fits_and_keeps_nothing(folder: Path, trusted: ssl.SSLContext) -> None:
    here, port = free_port(), free_port()
    filled(
        "nginx.conf",
        folder,
        {
            "listen 443": f"listen 127.0.0.1:{port}",
            "faces.example.com;": "localhost;",
            "/etc/ssl/faces.example.com": str(folder),
            "/var/log/nginx": str(folder),
            "127.0.0.1:8080": f"127.0.0.1:{here}",
        },
    )
    main = folder / "main.conf"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    main.write_text(
        f"daemon off; pid {folder}/pid; error_log stderr; events {{}}\n"
        f"http {{ {paths} include {folder}/nginx.conf; }}"
    )
    with (
        process(folder, "--compat", "acme", "--port", str(here)),
        running("nginx", "-p", str(folder), "-c", main, folder=folder),
        httpx.Client(base_url=f"https://localhost:{port}", verify=trusted) as client,
    ):
        assert eventually(lambda: client.get("/readyz")).json()["ready"]
        heavy = {**question(), "padding": "x" * 2**20}
        assert client.post("/v1/compare?secret=1", json=heavy, timeout=60).json()["same"]
        refused = client.post("/v1/compare", content=b"x" * (HEAVIEST + 1), timeout=60)
        assert refused.status_code == 413
    assert not list((folder / "client_body").rglob("*"))
    assert "secret" not in (folder / "facegate.log").read_text()


@needs("caddy")
def test_caddy_loses_no_request_while_each_facegate_is_restarted(
    folder: Path, trusted: ssl.SSLContext
) -> None:
    port, *backs = free_port(), free_port(), free_port()
    site = f"https://localhost:{port} {{\n\ttls {folder}/chain.pem {folder}/key.pem"
    changes = {f"127.0.0.1:808{n}": f"127.0.0.1:{back}" for n, back in enumerate(backs, 1)}
    file = filled("Caddyfile", folder, {"faces.example.com {": site, **changes})
    file.write_text(f"{{\n\tadmin off\n\tauto_https off\n}}\n{file.read_text()}")
    client = httpx.Client(base_url=f"https://localhost:{port}", verify=trusted, timeout=60)
    over, answers = threading.Event(), []

    def facegate(back: int) -> Any:
        return process(folder, "--compat", "acme", "--port", str(back), FACEGATE_SERVE__DRAIN_S="8")

    def ask() -> None:
        while not over.is_set():
            answers.append(client.post("/v1/compare", json=question()).status_code)

    with (
        running("caddy", "run", "--config", file, "--adapter", "caddyfile", folder=folder),
        facegate(backs[0]) as (first, _),
        facegate(backs[1]) as (second, _),
        client,
    ):
        eventually(lambda: client.get("/readyz"))
        callers = [threading.Thread(target=ask) for _ in range(4)]
        for caller in callers:
            caller.start()
        for each in (first, second):
            assert each.stdout.readline() == "working\n"  # Caddy knows that it is there
        first.send_signal(signal.SIGTERM)
        assert first.wait(60) == 0
        with facegate(backs[0]) as (again, _):
            assert again.stdout.readline() == "working\n"
            second.send_signal(signal.SIGTERM)
            assert second.wait(60) == 0
            over.set()
            for caller in callers:
                caller.join()
    assert len(answers) > 20
    assert set(answers) == {200}


@needs("systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = filled("facegate@.service", tmp_path, {"/opt/facegate/bin/facegate": sys.executable})
    named = unit.rename(tmp_path / "facegate@8081.service")
    done = subprocess.run(
        [
            shutil.which("systemd-analyze") or "",
            "verify",
            "--man=no",
            "--recursive-errors=no",
            named,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, named.name in done.stderr) == (0, False), done.stderr
