"""``facegate serve`` as a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def process(folder: Path, *arguments: str, **environ: str) -> Iterator[tuple[Any, list[str]]]:
    """A ``facegate serve`` of its own, and what it says at its start; ended at the end."""
    command = [sys.executable, "-m", "facegate", "serve", "--port", "0", *arguments]
    environ = {**os.environ, "PYTHONPATH": str(folder), "FACEGATE_PLUGINS": "acme,other", **environ}
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        said = []
        for line in running.stdout:
            said.append(line.strip())
            if said[-1].startswith("try:"):
                break
        else:
            raise AssertionError(running.communicate()[1])
        try:
            yield running, said
        finally:
            running.kill()


def url_in(said: list[str]) -> str:
    return said[-1].removeprefix("try: curl ").removesuffix("/healthz")
