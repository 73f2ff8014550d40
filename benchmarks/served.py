"""Services under test: processes that are started, waited for, watched and ended."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

HERE: Final = Path(__file__).resolve().parent
PATIENCE_S: Final = 120.0
TICKS: Final = os.sysconf("SC_CLK_TCK")
INSTANT: Final = """
[providers.main]
plugin = "instant"
"""
EMBEDDED: Final = """
[providers.main]
plugin = "local"
"""
OVER_HTTP: Final = """
[providers.main]
plugin = "opencv_cloud"
api_key = "a-key"
base_url = "{stub}"
"""
LITELLM: Final = """
model_list: []
general_settings:
  pass_through_endpoints:
    - path: "/stub"
      target: "{stub}/compare"
"""


@dataclass
class Served:
    """A service that answers.

    Attributes:
        url: where it is asked.
        root: the process that was started.
        headers: what a request needs, with ``_`` for ``-``.
    """

    url: str
    root: int
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def pids(self) -> list[int]:
        """The processes of the service: the one that was started, and its children's children."""
        found = [self.root]
        for pid in found:  # grows on the way
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):
                    found += map(int, children.read_text().split())
        return found

    def cpu_s(self) -> float:
        """Seconds of processor time that it has taken."""
        ticks = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def memory_mib(self) -> list[tuple[float, float]]:
        """Resident memory of each process, and its part of what is shared fairly divided."""
        told = []
        for pid in self.pids:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
            kib = {line.split(":")[0]: int(line.split()[1]) for line in lines}
            told.append((kib["Rss"] / 1024, kib["Pss"] / 1024))
        return told

    def files(self) -> int:
        """Number of open file descriptors."""
        return sum(1 for pid in self.pids for _ in Path(f"/proc/{pid}/fd").iterdir())


@contextmanager
def facegate(lines: str, workers: int = 1, serve: str = "", **tables: str) -> Iterator[Served]:
    """``facegate serve`` with its own API, over a provider.

    Args:
        lines: the provider's.
        workers: processes.
        serve: further lines of ``[serve]``.
        **tables: further tables, by name.
    """
    with tempfile.TemporaryDirectory() as folder:
        metadata = Path(folder) / "facegate_instant-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Name: facegate-instant\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text("[facegate]\ninstant = instant\n")
        further = "".join(f"[{name}]\n{text}\n" for name, text in tables.items())
        text = f"{lines}\n[serve]\nport = 0\nworkers = {workers}\n{serve}\n[serve.api]\n{further}"
        (Path(folder) / "facegate.toml").write_text(text.replace("{folder}", folder))
        environ = {"PYTHONPATH": os.pathsep.join([folder, str(HERE)])}
        command = [sys.executable, "-m", "facegate", "serve"]
        with _process(command, folder, environ) as process:
            assert process.stdout is not None  # noqa: S101
            line = next((line for line in process.stdout if "try: curl" in line), "")
            if not line:
                raise RuntimeError("facegate does not start")
            url = line.split()[-1].removesuffix("/healthz")
            while _serving(url) < workers:
                time.sleep(0.05)
            yield Served(f"{url}/v1/compare", process.pid)


@contextmanager
def bare(workers: int = 1) -> Iterator[Served]:
    """A route that reads the body and answers, on uvicorn as it comes."""
    port = _free_port()
    command = [sys.executable, "-m", "uvicorn", "bare:app", "--port", str(port)]
    command += ["--log-level", "warning", "--workers", str(workers)]
    with _process(command, str(HERE), {}) as process:
        _wait_for(port)
        yield Served(f"http://127.0.0.1:{port}/v1/compare", process.pid)


@contextmanager
def stub() -> Iterator[str]:
    """The URL of a vendor that answers at once."""
    with _process([sys.executable, "sink.py"], str(HERE), {}) as process:
        assert process.stdout is not None  # noqa: S101
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"


@contextmanager
def litellm(command: str, vendor: str) -> Iterator[Served]:
    """LiteLLM's proxy, which passes requests through to the vendor.

    Args:
        command: its executable, in an environment of its own.
        vendor: the vendor's URL.
    """
    port, key = _free_port(), f"sk-{secrets.token_hex(24)}"
    environ = {
        "LITELLM_MASTER_KEY": key,
        "LITELLM_LOCAL_MODEL_COST_MAP": "true",
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "litellm.yaml").write_text(LITELLM.format(stub=vendor))
        arguments = [command, "--config", "litellm.yaml", "--port", str(port)]
        with _process([*arguments, "--host", "127.0.0.1"], folder, environ) as process:
            _wait_for(port)
            headers = {"Authorization": f"Bearer {key}"}
            yield Served(f"http://127.0.0.1:{port}/stub", process.pid, headers)


@contextmanager
def _process(
    command: list[str], folder: str, environ: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=20)
            process.kill()


def _serving(url: str) -> int:
    """The number of workers that serve."""
    try:
        told = httpx.get(f"{url}/readyz", timeout=PATIENCE_S, trust_env=False).json()
    except httpx.TransportError:
        return 0
    return int(told.get("workers", {"serving": 1})["serving"])


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    raise RuntimeError("the service does not start")
