"""Limits: a provider is asked no more at once, and no more often, than it allows."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Self

from pydantic import (
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from facegate.document import Table
from facegate.errors import RateLimited
from facegate.model import VerificationResult
from facegate.routing.node import Node, Resource, Run, Share
from facegate.routing.redis import SharedLimits
from facegate.routing.wrapper import Wrapper
from facegate.runtime.deadline import Deadline
from facegate.runtime.flow import Flow, call, sleep
from facegate.runtime.forking import PerProcess

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_STEP_S, _LONGEST_STEP_S = 0.002, 0.2


class LimitSettings(Table):
    """Limits of how much a provider may be asked."""

    concurrency: int | None = Field(default=None, ge=1, description="Most requests at once.")
    rate: str | None = Field(
        default=None,
        description='Most requests within any second, minute, hour or day, such as "10/second".',
    )
    shared: SecretStr | None = Field(
        default=None,
        description="URL of the Redis where all processes that name it keep the limits together.",
    )

    @field_validator("rate")
    @classmethod
    def _readable(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(rf"[1-9]\d*/({'|'.join(_SECONDS)})", value):
            raise ValueError('must be a number and a unit, such as "10/second"')
        return value

    @field_validator("shared")
    @classmethod
    def _redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value and not re.match("(rediss?|unix)://.", value.get_secret_value()):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @model_validator(mode="after")
    def _something_to_share(self) -> Self:
        if self.shared and not (self.concurrency or self.rate):
            raise ValueError("shared without concurrency or rate limits nothing")
        return self

    @property
    def per(self) -> tuple[int, int] | None:
        """The rate as a number of requests and the seconds within which they may begin."""
        if self.rate is None:
            return None
        most, unit = self.rate.split("/")
        return int(most), _SECONDS[unit]


class _Queue:
    """Requests that wait and requests under way, by number, in one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)
        # A plain dict would pass by all that was taken out in front, each time its first is wanted.
        self.waiting: OrderedDict[int, None] = OrderedDict()
        self.busy: set[int] = set()


class ConcurrencyLimiter:
    """A concurrency limit: so many requests at once; the one that waited longest is next."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._queue = PerProcess(_Queue)

    def join(self) -> int:
        """Queue up; gives the request's number, for the other methods."""
        queue = self._queue.value
        with queue.lock:
            number = next(queue.numbers)
            queue.waiting[number] = None
            return number

    def acquire(self, number: int) -> int:
        """Take a place if it is the request's turn.

        Gives 0, or about how many are to go first.
        """
        queue = self._queue.value
        with queue.lock:
            # Requests that gave up count along; the first in line never has one before it.
            place = number - next(iter(queue.waiting)) + 1
            if place > self._most - len(queue.busy):
                return place
            del queue.waiting[number]
            queue.busy.add(number)
            return 0

    def release(self, number: int) -> None:
        """Give the place back, or leave the queue."""
        queue = self._queue.value
        with queue.lock:
            queue.waiting.pop(number, None)
            queue.busy.discard(number)


class RateLimiter:
    """A rate limit over a sliding window: so many requests in any ``seconds``.

    Each request is given its moment in turn.
    """

    def __init__(self, most: int, seconds: int, clock: Callable[[], float]) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._moments: deque[float] = deque()
        self._lock = PerProcess(threading.Lock)

    def reserve(self, patience: float) -> tuple[float, float]:
        """Reserve a moment; gives it, by the clock, and the seconds until then.

        Raises:
            RateLimited: it is more than ``patience`` seconds away.
        """
        with self._lock.value:
            now, moments = self._clock(), self._moments
            while moments and moments[0] + self._seconds <= now:
                moments.popleft()
            moment = max(now, moments[-1]) if moments else now
            if len(moments) >= self._most:
                moment = max(moment, moments[-self._most] + self._seconds)
            if moment - now > patience:
                raise _too_often(self._most, self._seconds, moment - now)
            moments.append(moment)
            return moment, moment - now

    def cancel(self, moment: float) -> None:
        """Let go of a moment that was not used."""
        with self._lock.value:
            if moment in self._moments:
                self._moments.remove(moment)


class Limiter:
    """The limits of one provider. One serves all threads and routes that ask the provider.

    A request waits for its turn, for half of the time it has left at most: the other half is for
    the attempt, or for another provider. Within a process, first come is first served.

    Limits that are shared hold over all processes together. A process that dies with requests under
    way holds their places until their deadlines have passed. While the Redis cannot be reached,
    each process keeps the limits by itself.

    Args:
        provider: the provider's configured name, the same in all processes that share its limits.
        settings: the limits.
        clock: clock in seconds, for the rate of this process; only differences count.

    Raises:
        ConfigurationError: limits are to be shared, and cannot.
    """

    def __init__(
        self,
        provider: str,
        settings: LimitSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.settings = provider, settings
        self._concurrency = (
            ConcurrencyLimiter(settings.concurrency) if settings.concurrency else None
        )
        self._rate = RateLimiter(*settings.per, clock) if settings.per else None
        self._shared = SharedLimits(settings.shared, provider) if settings.shared else None

    def acquire(self, deadline: Deadline, held: ExitStack) -> Flow[None]:
        """Wait for a turn.

        Args:
            deadline: the request's.
            held: stack that gives the places back when it is closed.

        Raises:
            RateLimited: it would be too late for an attempt.
        """
        patience = Deadline(deadline.left() / 2)
        try:
            if self._concurrency:
                yield from self._acquire_place(self._concurrency, patience, held)
                if self._shared:
                    yield from self._acquire_lease(self._shared, deadline, patience, held)
            if self._rate:
                yield from self._acquire_moment(self._rate, patience)
        except RateLimited as error:
            error.provider = self.name
            raise

    def close(self) -> None:
        """Let go of connections; they are opened again where the limiter is used again."""
        if self._shared:
            self._shared.close()

    def _acquire_place(
        self, limiter: ConcurrencyLimiter, patience: Deadline, held: ExitStack
    ) -> Flow[None]:
        number = limiter.join()
        held.callback(limiter.release, number)
        while place := limiter.acquire(number):
            # The nearer to its turn, the more often a request looks.
            yield from self._waiting(patience, min(_STEP_S * place, _LONGEST_STEP_S))

    def _acquire_lease(
        self, shared: SharedLimits, deadline: Deadline, patience: Deadline, held: ExitStack
    ) -> Flow[None]:
        # A second more than the request can take: a lease must not end before its request does.
        lease, step = shared.lease(self.settings.concurrency or 1, deadline.left() + 1), _STEP_S
        held.callback(lease.release)
        while not (yield from call(lease.acquire)):
            yield from self._waiting(patience, step)
            step = min(2 * step, _LONGEST_STEP_S)

    def _waiting(self, patience: Deadline, step: float) -> Flow[None]:
        left = patience.left()
        if not left:
            raise RateLimited(
                f"as many requests as it may be asked at once ({self.settings.concurrency}) were"
                f" under way for {patience.seconds:.3g} s"
            )
        yield from sleep(min(left, step))

    def _acquire_moment(self, limiter: RateLimiter, patience: Deadline) -> Flow[None]:
        moment, wait = limiter.reserve(patience.left())
        try:
            if wait:
                yield from sleep(wait)
            if self._shared and self.settings.per:
                hit = partial(self._shared.hit, *self.settings.per)
                while wait := (yield from call(hit)):
                    if wait > patience.left():
                        raise _too_often(*self.settings.per, wait)
                    yield from sleep(wait)
        except BaseException:
            limiter.cancel(moment)
            raise


class Limited(Wrapper):
    """A node that is asked once the limits allow it; refuses if that would be too late."""

    def __init__(self, node: Node, limiter: Limiter) -> None:
        super().__init__(node)
        self.limiter = limiter

    def resources(self) -> Sequence[Resource]:
        return (self.limiter,)

    def ask(self, run: Run, share: Share) -> Flow[VerificationResult]:
        with ExitStack() as held:
            yield from self.limiter.acquire(share.deadline, held)
            return (yield from self.node.ask(run, share))


def _too_often(most: int, seconds: int, wait: float) -> RateLimited:
    return RateLimited(
        f"it may be asked {most} times in {seconds} s, and the next is {wait:.3g} s away",
        retry_after=wait,
    )
