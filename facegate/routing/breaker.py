"""The circuit breaker, which leaves a provider alone that fails too often until it is back."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import Field

from facegate.document import Table
from facegate.errors import FacegateError, ProviderTimeout, ProviderUnavailable
from facegate.events import BreakerTurned
from facegate.model import Operation, VerificationResult
from facegate.routing.node import Node, Run, Share
from facegate.routing.wrapper import Wrapper
from facegate.runtime.flow import Flow
from facegate.runtime.forking import in_child

_SLICES = 10


class BreakerSettings(Table):
    """Settings of a breaker: when a provider is left alone; for each operation by itself."""

    window_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds of the past that are judged, rolling in tenths. Under steady traffic a"
        " provider that dies is left alone after this times failure_rate.",
    )
    failure_rate: float = Field(
        default=0.5, gt=0, le=1, description="Out of service from this share of failures on."
    )
    minimum_calls: int = Field(
        default=10, ge=1, description="Fewer calls within the window prove nothing."
    )
    in_a_row: int = Field(
        default=5,
        ge=1,
        description="Below minimum_calls, out of service from so many failures in a row on.",
    )
    open_s: float = Field(
        default=30.0, gt=0, description="Seconds out of service before it is tried again."
    )
    probes: int = Field(
        default=1, ge=1, description="Trial requests at once, and successes that bring it back."
    )


class State(StrEnum):
    """The state of a provider's circuit, for one operation."""

    CLOSED = "closed"
    """The provider is in service."""
    OPEN = "open"
    """The provider is out of service."""
    HALF_OPEN = "half_open"
    """The provider is on probation: a few requests find out whether it is back."""


@dataclass(slots=True)
class _Slice:
    """The calls of a tenth of the window; its number counts tenths of the clock."""

    number: int
    calls: int = 0
    failures: int = 0


@dataclass(slots=True)
class _OperationCircuit:
    """The circuit of one operation.

    Attributes:
        epoch: number of its turns. A request that began before one says nothing about the state
            after it, so each brings back the epoch that it began in.
        since: moment when it opened or closed, by the circuit's clock.
        slices: the window, oldest first; kept only while closed.
        in_a_row: failures since the last answer, however long ago; likewise.
        trying: trial requests under way, while half open.
        succeeded: trial requests that were answered, while half open.
    """

    state: State = State.CLOSED
    epoch: int = 0
    since: float = 0.0
    slices: deque[_Slice] = field(default_factory=deque)
    in_a_row: int = 0
    trying: int = 0
    succeeded: int = 0


class Circuit:
    """A provider's circuit. One serves all threads and routes that ask the provider.

    Args:
        provider: the provider's configured name.
        settings: its breaker's settings; the defaults if absent.
        clock: clock in seconds; only differences count.
    """

    def __init__(
        self,
        provider: str,
        settings: BreakerSettings | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self.settings = settings or BreakerSettings()
        self._clock = clock
        self._circuits = {operation: _OperationCircuit() for operation in Operation}
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        # All that the parent learnt of the provider holds here too; its trials will not end here.
        self._lock = threading.Lock()
        for circuit in self._circuits.values():
            circuit.trying = 0

    def state(self, operation: Operation) -> State:
        """The state now; open lasts until a request comes that may try the provider again."""
        return self._circuits[operation].state

    def acquire(self, operation: Operation) -> tuple[int, State | None]:
        """Let a request through.

        Gives its epoch, for :meth:`release`, and the state that the circuit turned to, if it did.

        Raises:
            ProviderUnavailable: out of service, or on probation with enough trials under way.
        """
        circuit, now = self._circuits[operation], self._clock()
        with self._lock:
            turned = None
            if circuit.state is State.OPEN and now >= circuit.since + self.settings.open_s:
                turned = self._turn(circuit, State.HALF_OPEN)
            if circuit.state is State.HALF_OPEN and circuit.trying < self.settings.probes:
                circuit.trying += 1
            elif circuit.state is not State.CLOSED:
                raise ProviderUnavailable(
                    f"taken out of service for {operation} {now - circuit.since:.0f} s ago: too"
                    " many requests failed",
                    provider=self.provider,
                )
            return circuit.epoch, turned

    def release(self, operation: Operation, epoch: int, *, failed: bool | None) -> State | None:
        """Note the end of a request; gives the state that the circuit turned to, if it did.

        Args:
            operation: the question that was asked.
            epoch: the request's, from :meth:`acquire`.
            failed: whether the provider failed; None where it says nothing about the provider.
        """
        circuit = self._circuits[operation]
        with self._lock:
            # A request of an earlier epoch may fail long after the outage that it met: counted now,
            # it would close the door on a provider that is back, or end a probation it was not in.
            if epoch != circuit.epoch:
                return None
            if circuit.state is State.CLOSED:
                if failed is not None and self._is_too_much(circuit, failed=failed):
                    return self._turn(circuit, State.OPEN)
                return None
            circuit.trying -= 1
            if failed:
                return self._turn(circuit, State.OPEN)
            circuit.succeeded += failed is False
            if circuit.succeeded >= self.settings.probes:
                return self._turn(circuit, State.CLOSED)
            return None

    def _turn(self, circuit: _OperationCircuit, state: State) -> State:
        circuit.state = state
        circuit.epoch += 1
        if state is not State.HALF_OPEN:  # a refusal while on probation tells how long it has been
            circuit.since = self._clock()
        circuit.trying = circuit.succeeded = circuit.in_a_row = 0
        circuit.slices.clear()
        return state

    def _is_too_much(self, circuit: _OperationCircuit, *, failed: bool) -> bool:
        settings, slices = self.settings, circuit.slices
        number = int(self._clock() * _SLICES / settings.window_s)
        while slices and slices[0].number <= number - _SLICES:
            slices.popleft()
        if not slices or slices[-1].number != number:
            slices.append(_Slice(number))
        slices[-1].calls += 1
        slices[-1].failures += failed
        calls = sum(part.calls for part in slices)
        failures = sum(part.failures for part in slices)
        circuit.in_a_row = circuit.in_a_row + 1 if failed else 0
        if calls < settings.minimum_calls:
            return circuit.in_a_row >= settings.in_a_row
        return failures >= settings.failure_rate * calls


class Breaker(Wrapper):
    """A node that is asked unless its provider is out of service; else the request is refused.

    Only errors that cool a provider down count against it (``cools_down``), and answers count for
    it, whatever they say. A caller's mistake says nothing, nor does a request that was given up,
    nor a timeout that had less than half of its share of the request's time, because others, or
    pictures that were slow to arrive, had used it up.

    The last part of a failover is asked even so: refused, the request would have no answer at all.
    """

    def __init__(self, node: Node, circuit: Circuit) -> None:
        super().__init__(node)
        self.circuit = circuit

    def ask(self, run: Run, share: Share) -> Flow[VerificationResult]:
        operation, deadline = run.question.operation, share.deadline
        left = deadline.left()
        try:
            epoch, turned = self.circuit.acquire(operation)
        except ProviderUnavailable:
            if not share.last:
                raise
            return (yield from self.node.ask(run, share))
        failed: bool | None = None  # as it stays where the flow is closed: the request was given up
        try:
            self._notify(run, turned)
            result = yield from self.node.ask(run, share)
            failed = False
        except FacegateError as error:
            hurried = not deadline.left() and left < share.fair_s / 2
            if error.cools_down and not (hurried and isinstance(error, ProviderTimeout)):
                failed = True
            raise
        else:
            return result
        finally:
            self._notify(run, self.circuit.release(operation, epoch, failed=failed))

    def _notify(self, run: Run, turned: State | None) -> None:
        if turned is not None:
            run.notify(BreakerTurned(self.circuit.provider, run.question.operation, turned))
