"""The blocking driver in virtual time: a wait is over at once, and the clock shows that it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from facegate import FaceVerifier
from facegate.runtime.drivers import SyncDriver
from facegate.runtime.flow import Spawn


class Clock:
    """Stands in for the module ``time`` where deadlines are kept and flows wait."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class VirtualDriver(SyncDriver):
    """Runs what is spawned when it is closed, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.spawned: list[Spawn] = []

    def close(self) -> None:
        while self.spawned:
            self._unheard(self.spawned.pop(0))
        super().close()

    def _spawn(self, effect: Spawn) -> None:
        self.spawned.append(effect)


class VirtualVerifier(FaceVerifier):
    def __init__(self, *how: Any, **watching: Any) -> None:
        super().__init__(*how, **watching)
        self._driver = VirtualDriver()


@contextmanager
def virtual_time() -> Iterator[Clock]:
    clock = Clock()
    with (
        patch("facegate.runtime.deadline.time", clock),
        patch("facegate.runtime.drivers.time", clock),
    ):
        yield clock
