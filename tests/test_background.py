"""What runs beside a request, and time limits within time limits; held by every driver."""

from __future__ import annotations

import asyncio
import gc
import math
import threading
from contextvars import ContextVar

import anyio
import pytest

from both import Run, every_driver, run_sync
from facegate import ProviderTimeout
from facegate.runtime.deadline import Deadline
from facegate.runtime.drivers import AsyncDriver, SyncDriver
from facegate.runtime.flow import Flow, call, gather, sleep, spawn, timeout


def noted(notes: list[str], seconds: float = 0, name: str = "done") -> Flow[None]:
    """Wait, and note how that ended."""
    try:
        yield from sleep(seconds)
    except ProviderTimeout as error:
        notes.append(error.message)
        raise
    except BaseException as error:
        notes.append(type(error).__name__)
        raise
    notes.append(name)


@every_driver
def test_what_is_spawned_runs_beside_the_flow_and_is_waited_for_at_the_end(run: Run) -> None:
    let_go, notes = threading.Event(), list[str]()

    def beside() -> Flow[None]:
        yield from call(lambda: let_go.wait(60))
        notes.append("beside")

    def flow() -> Flow[str]:
        yield from spawn(beside(), 10)
        notes.append("flow")
        let_go.set()
        return "at once"

    assert run(flow()) == "at once"
    assert notes == ["flow", "beside"]


@every_driver
@pytest.mark.parametrize("error", [LookupError("no"), ProviderTimeout("no"), StopIteration()])
def test_nobody_hears_of_its_failure(run: Run, error: Exception) -> None:
    def fail() -> Flow[None]:
        yield from sleep(0)
        raise error

    def flow() -> Flow[str]:
        yield from spawn(fail(), 10)
        return "unharmed"

    assert run(flow()) == "unharmed"


@every_driver
def test_it_has_its_own_time_limit_and_not_the_flows(run: Run) -> None:
    notes: list[str] = []

    def flow() -> Flow[None]:
        yield from timeout(spawn(noted(notes, 0.05, "longer than within"), 10), 0.01)
        yield from spawn(noted(notes, 60), 0.2)

    run(flow())
    assert sorted(notes) == ["longer than within", "no answer within the deadline of 0.2 s"]


@every_driver
def test_it_may_spawn_nest_and_run_together_in_turn(run: Run) -> None:
    notes: list[str] = []

    def beside() -> Flow[None]:
        yield from timeout(gather([noted(notes, 0, "together")], 1), 10)
        yield from spawn(noted(notes, 0.05, "spawned"), 10)

    run(spawn(beside(), 10))
    assert notes == ["together", "spawned"]


@every_driver
def test_it_runs_in_the_context_of_the_request(run: Run) -> None:
    notes, request = list[str](), ContextVar("request", default="none")

    def look() -> Flow[None]:
        notes.append(request.get())
        yield from ()

    def flow() -> Flow[None]:
        token = request.set("r-1")
        yield from spawn(look(), 10)
        request.reset(token)

    run(flow())
    assert notes == ["r-1"]


@every_driver
def test_closing_waits_for_a_while_only(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facegate.runtime.background.GRACE_S", 0.05)
    notes, let_go = list[str](), threading.Event()

    def beside() -> Flow[None]:
        try:
            yield from call(lambda: let_go.wait(60))
        finally:
            notes.append("ended")

    run(spawn(beside(), 10))
    # A thread cannot be stopped; a task is ended before closing returns.
    assert notes == ([] if run is run_sync else ["ended"])
    let_go.set()


def running() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "facegate-background"]


def test_no_thread_is_left_behind() -> None:
    driver = SyncDriver()
    before = running()
    notes: list[str] = []
    for _ in range(20):
        driver.run(spawn(noted(notes), 10), Deadline(10))
    driver.close()
    assert len(notes) == 20
    for each in running():
        each.join(60)
    assert running() == before
    driver.close()


def test_no_task_is_left_behind() -> None:
    notes: list[str] = []

    async def main() -> None:
        driver = AsyncDriver()
        for _ in range(20):
            await driver.run(spawn(noted(notes), 10), Deadline(10))
        gc.collect()
        await driver.close()
        assert len(notes) == 20
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await driver.close()

    asyncio.run(main())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_request_leaves_what_it_spawned_alone(backend: str) -> None:
    notes: list[str] = []

    async def main() -> None:
        driver = AsyncDriver()

        def flow() -> Flow[None]:
            yield from spawn(noted(notes, 0.05), 10)
            tasks.cancel_scope.cancel()
            yield from noted(notes, 60)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(driver.run, flow(), Deadline(10))
        await driver.close()

    anyio.run(main, backend=backend)
    assert "done" in notes


def test_a_loop_that_ends_its_tasks_does_not_keep_closing_waiting() -> None:
    notes: list[str] = []

    async def main() -> None:
        driver = AsyncDriver()
        await driver.run(spawn(noted(notes, 60), 60), Deadline(10))
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()  # before it could begin
        async with asyncio.timeout(60):
            await driver.close()

    asyncio.run(main())
    assert notes == []


@every_driver
def test_within_gives_the_value_or_the_failure(run: Run) -> None:
    def fail() -> Flow[None]:
        yield from sleep(0)
        raise LookupError("inside")

    assert run(timeout(call(lambda: 42), 10)) == 42
    with pytest.raises(LookupError, match="inside"):
        run(timeout(fail(), 10))


@every_driver
def test_what_takes_longer_ends_and_the_flow_goes_on(run: Run) -> None:
    notes: list[str] = []

    def flow() -> Flow[str]:
        with pytest.raises(ProviderTimeout):
            yield from timeout(noted(notes, 60), 0.05)
        yield from noted(notes, 0.06, "and on")
        return "in time"

    assert run(flow()) == "in time"
    assert notes == ["no answer within the deadline of 0.05 s", "and on"]


@every_driver
@pytest.mark.parametrize("limits", [(0.05, 90, 60), (90, 0.05, 60), (60, 90, 0.05)])
def test_of_nested_limits_the_shortest_holds(run: Run, limits: tuple[float, ...]) -> None:
    notes: list[str] = []
    whole, outer, inner = limits
    with pytest.raises(ProviderTimeout, match=r"deadline of 0\.05 s"):
        run(timeout(timeout(noted(notes, math.inf), inner), outer), whole)
    assert notes == ["no answer within the deadline of 0.05 s"]


@every_driver
def test_a_limit_holds_for_all_that_runs_together(run: Run) -> None:
    notes: list[str] = []
    with pytest.raises(ProviderTimeout):
        run(timeout(gather([noted(notes, 60), noted(notes, 60)], 2), 0.05))
    assert notes == ["no answer within the deadline of 0.05 s"] * 2


@every_driver
def test_what_was_cut_short_is_closed(run: Run) -> None:
    ended: list[str] = []

    def forgetful() -> Flow[str]:
        try:
            yield from sleep(60)
        except ProviderTimeout:
            ended.append("noticed")
        finally:
            ended.append("closed")
        return "instead"

    assert run(timeout(forgetful(), 0.05)) == "instead"
    assert ended == ["noticed", "closed"]
