"""Workers on a Ray cluster: an actor each, so that one keeps what it holds from call to call."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar
from warnings import catch_warnings

from facegate.batch.cluster import REACHED_S, Cluster, WorkerLost, parcel, reach
from facegate.errors import ConfigurationError
from facegate.runtime.extras import extra

P = ParamSpec("P")
T = TypeVar("T")


class Ray(Cluster):
    """Workers of a Ray cluster, of one CPU each.

    Args:
        on: ``ray://HOST:PORT`` of Ray's client server, or ``ray`` for a cluster on this machine
            that ends with the run.
        workers: calls at a time; as many as the cluster has free CPUs if absent.

    Raises:
        ConfigurationError: nobody answers there, or no CPU is free, or the package is missing.
    """

    def __init__(self, on: str, workers: int | None) -> None:
        with extra("ray", "ray", needed_by=f"--on {on}"):
            import ray

        super().__init__()
        self._on, self._ray = on, ray
        options: dict[str, Any] = {"address": on}
        if on == "ray":
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            options = {"address": "local", "num_cpus": workers, "include_dashboard": False}
        else:
            reach(on)
        try:
            with catch_warnings(action="ignore"):  # it says in many words what is said below
                ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
        except (ConnectionError, RuntimeError, ImportError) as error:
            raise ConfigurationError(
                f"Ray does not answer at {on}: is it of the same version there, with the same"
                f" token? {error}"
            ) from None
        self._slot = ray.remote(num_cpus=1)(_slot())
        free = int(ray.available_resources().get("CPU", 0))
        self.count = workers or free
        if not self.count:
            ray.shutdown()
            raise ConfigurationError(
                f"{on} has no CPU free; wait, or say with --workers how many there will be"
            )
        self._idle: list[Any] = [self._slot.remote() for _ in range(self.count)]

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        call = parcel(function, *args, **kwargs)
        try:
            slot = self._idle.pop() if self._idle else self._slot.remote()
            inner: Future[T] = slot.call.remote(call).future()
        except ConnectionError as error:
            raise self.told(error) from None
        inner.add_done_callback(lambda done: self._back(slot, done))
        return self.passed_on(inner)

    def everywhere(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        call = parcel(function, *args, **kwargs)
        done: list[Any] = []
        with suppress(ConnectionError):
            if calls := [slot.call.remote(call) for slot in self._idle]:
                # Some may wait for a CPU. They are called as soon as they have one.
                done, _ = self._ray.wait(calls, num_returns=len(calls), timeout=REACHED_S)
        for each in done:
            try:
                self._ray.get(each)
            except Exception as error:  # noqa: BLE001 - those of a lost worker are told nobody
                told = self.told(error)
                if not isinstance(told, BrokenExecutor):
                    raise told from None

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        self._idle.clear()
        self._ray.shutdown()
        self.give_up()

    def _back(self, slot: Any, done: Future[Any]) -> None:
        """Take an actor back that has no call any more, unless it was lost."""
        error = done.exception()
        if error is None or not isinstance(self.told(error), WorkerLost):
            self._idle.append(slot)

    def told(self, error: BaseException) -> BaseException:
        errors = self._ray.exceptions
        match error:
            case errors.RayTaskError():
                return self.told(error.cause)
            case errors.RayActorError() | errors.NodeDiedError() | errors.OutOfMemoryError():
                return WorkerLost(str(error))
            case errors.RayError() | ConnectionError():
                return BrokenExecutor(f"{self._on}: {error}")
            case ImportError():
                return ConfigurationError(f"{self._on}: {error}")
        return error


def _slot() -> type[Any]:
    """An actor's class, made here so that Ray sends it as code; see :func:`parcel`."""

    class Slot:
        def call(self, packed: Callable[[], T]) -> T:
            return packed()

    return Slot
