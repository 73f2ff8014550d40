"""Running the same thing blocking and on both event loops."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import anyio
import pytest

from facegate import AsyncFaceVerifier, FaceVerifier, VerificationResult
from facegate.images.intake import Intake
from facegate.providers.provider import Provider
from facegate.routing.route import Route
from facegate.runtime.deadline import Deadline
from facegate.runtime.drivers import AsyncDriver, SyncDriver
from facegate.runtime.flow import Flow

Run = Callable[..., Any]
Ask = Callable[..., VerificationResult]


def run_sync(flow: Flow[Any], seconds: float = 60) -> Any:
    driver = SyncDriver()
    try:
        return driver.run(flow, Deadline(seconds))
    finally:
        driver.close()


def run_async(
    flow: Flow[Any], seconds: float = 60, backend: str = "asyncio", **options: Any
) -> Any:
    async def main() -> Any:
        driver = AsyncDriver()
        try:
            return await driver.run(flow, Deadline(seconds))
        finally:
            await driver.close()

    return anyio.run(main, backend=backend, backend_options=options)


def run_uvloop(flow: Flow[Any], seconds: float = 60) -> Any:
    return run_async(flow, seconds, use_uvloop=True)


def run_trio(flow: Flow[Any], seconds: float = 60) -> Any:
    return run_async(flow, seconds, "trio")


def ask_sync(
    provider: Provider | Route, operation: str = "compare", intake: Intake | None = None, **how: Any
) -> VerificationResult:
    with FaceVerifier(provider, intake=intake) as verifier:
        result: VerificationResult = getattr(verifier, operation)(**how)
    return result


def ask_async(
    provider: Provider | Route, operation: str = "compare", intake: Intake | None = None, **how: Any
) -> VerificationResult:
    async def main() -> VerificationResult:
        async with AsyncFaceVerifier(provider, intake=intake) as verifier:
            result: VerificationResult = await getattr(verifier, operation)(**how)
        return result

    return anyio.run(main)


with_uvloop = pytest.mark.skipif(find_spec("uvloop") is None, reason="there is no uvloop here")
every_driver = pytest.mark.parametrize(
    "run",
    [run_sync, run_async, run_trio, pytest.param(run_uvloop, marks=with_uvloop)],
    ids=["sync", "asyncio", "trio", "uvloop"],
)
both_ways = pytest.mark.parametrize("ask", [ask_sync, ask_async], ids=["sync", "async"])
