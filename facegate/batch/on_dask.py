"""Workers on a Dask cluster, through the executor that Dask has itself.

Dask gives a chunk whose worker died to another one by itself, some times. That is no second try of
its rows: the ledger decides on those.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from facegate.batch.cluster import REACHED_S, Cluster, WorkerLost, parcel, reach
from facegate.errors import ConfigurationError
from facegate.runtime.extras import extra

P = ParamSpec("P")
T = TypeVar("T")


_PATIENT = {
    "distributed.deploy.lost-worker-timeout": "1h",  # or one that begins anew is given up
    "distributed.scheduler.no-workers-timeout": "60s",  # or a run waits for ever
}
"""Settings of Dask for a cluster on this machine."""


class Dask(Cluster):
    """The workers of a Dask cluster; each thread of them takes one call at a time.

    Args:
        on: ``dask://HOST:PORT`` of the scheduler, or ``dask`` for a cluster on this machine that
            ends with the run, a process for each core.
        workers: calls at a time; as many as the cluster has threads if absent.

    Raises:
        ConfigurationError: nobody answers there, or no worker is there, or the package is missing.
    """

    def __init__(self, on: str, workers: int | None) -> None:
        with extra("dask", "dask", "distributed", needed_by=f"--on {on}"):
            import dask.config
            from distributed import Client, KilledWorker, LocalCluster
            from distributed.scheduler import NoValidWorkerError, NoWorkerError

        for name in ("distributed", "distributed.client"):  # a run says what went wrong
            logging.getLogger(name).setLevel(logging.CRITICAL)
        super().__init__()
        self._on, self._killed = on, KilledWorker
        self._none = (NoValidWorkerError, NoWorkerError)
        _, _, address = on.partition("://")
        self._cluster: Any = None
        if address:
            reach(on)
        else:
            dask.config.set(_PATIENT)
            self._cluster = LocalCluster(
                n_workers=workers or os.cpu_count() or 1,
                threads_per_worker=1,
                dashboard_address="127.0.0.1:0",
                preload=[__name__],
            )
        try:
            self._client = Client(self._cluster or address, timeout=REACHED_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"no scheduler of Dask answers at {on}: {error}") from None
        self._executor = self._client.get_executor(pure=False)
        self.count = workers or sum(self._client.nthreads().values())
        if not self.count:
            self.shutdown()
            raise ConfigurationError(
                f"{on} has no workers yet; wait, or say with --workers how many there will be"
            )

    def submit(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        call = parcel(function, *args, **kwargs)
        return self.passed_on(self._executor.submit(call))

    def everywhere(self, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        call = parcel(function, *args, **kwargs)

        async def apart() -> object:  # from the thread that answers the scheduler
            return await asyncio.to_thread(call)

        outcomes: dict[str, Any] = {}
        with suppress(OSError):
            if self._client.status == "running":
                outcomes = self._client.run(apart, on_error="return")
        for outcome in outcomes.values():
            told = self.told(outcome) if isinstance(outcome, BaseException) else None
            if told is not None and not isinstance(told, BrokenExecutor):
                raise told

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        with suppress(OSError):
            self._client.close()
            if self._cluster is not None:
                self._cluster.close()
        self.give_up()

    def told(self, error: BaseException) -> BaseException:
        if isinstance(error, self._none):
            return ConfigurationError(f"{self._on} has no workers left; the same command goes on")
        match error:
            case self._killed():
                return WorkerLost(str(error))
            case CancelledError() | asyncio.CancelledError() | OSError():
                return BrokenExecutor(f"{self._on}: the scheduler is lost")
            case ImportError():
                return ConfigurationError(f"{self._on}: {error}")
        return error


def dask_setup(_worker: object) -> None:
    """What Dask calls as a worker of this machine's cluster begins."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who began the run tells when to stop
