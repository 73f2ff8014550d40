"""Metrics of several processes together: each counts in files of a folder that all of them read."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable by which ``prometheus_client`` is told the folder, before it is imported."""


class SharedMetrics:
    """The folder in which this process and its future children count together."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="facegate-metrics-"))
        os.environ[FOLDER] = str(self._folder)

    def forget(self, pid: int) -> None:
        """Let go of the state of a process that has ended; what it has counted stays counted."""
        for file in self._folder.glob(f"gauge_live*_{pid}.db"):
            file.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
