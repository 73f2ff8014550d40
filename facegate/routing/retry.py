"""Retries: the only place where facegate asks a provider again."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from facegate.errors import FacegateError, ProviderError
from facegate.model import Attempt, Billed, VerificationResult
from facegate.routing.node import Node, Run, Share
from facegate.routing.wrapper import Wrapper
from facegate.runtime.flow import Flow, sleep
from facegate.runtime.forking import PerProcess

CAPACITY = 100
"""Tokens of a provider's retries at the start, and at most."""
COST = 5
"""Tokens that a retry takes."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The policy of a retry: when a provider is asked again, and the wait before.

    Attributes:
        attempts: most times that it is asked, the first included; 1 or more.
        first_s: longest wait in seconds before it is asked a second time; it doubles each time. The
            wait is drawn evenly from zero up to it ("full jitter"), so that callers do not come
            back all at once.
        most_s: seconds that the longest wait doubles up to. A provider that says how long to wait
            is taken at its word.
        retry_unknown: whether to repeat an attempt that may have been charged for, such as one that
            was not answered in time.
    """

    attempts: int = 2
    first_s: float = 0.1
    most_s: float = 2.0
    retry_unknown: bool = False


class RetryQuota:
    """The quota of one provider's retries, in all routes together.

    A bucket of tokens, as in AWS's SDKs: a retry takes several out and an answer puts one back, so
    that a provider which fails everything is soon asked just once for each request.
    """

    def __init__(self) -> None:
        self._left = CAPACITY
        self._lock = PerProcess(threading.Lock)

    def take(self) -> bool:
        """Pay for a retry; False if there is not enough left."""
        with self._lock.value:
            enough = self._left >= COST
            self._left -= COST if enough else 0
            return enough

    def refill(self) -> None:
        """Put a token back, for an answer."""
        with self._lock.value:
            self._left = min(CAPACITY, self._left + 1)


class Retry(Wrapper):
    """A provider that is asked again where that may help, costs nothing twice and is in time."""

    def __init__(
        self,
        node: Node,
        policy: RetryPolicy,
        quota: RetryQuota,
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        super().__init__(node)
        self.policy, self.quota, self._uniform = policy, quota, uniform

    def ask(self, run: Run, share: Share) -> Flow[VerificationResult]:
        asked, ceiling = 1, self.policy.first_s
        while True:
            before = len(run.attempts)
            try:
                result = yield from self.node.ask(run, share)
            except FacegateError as error:
                pause = self._pause(error, ceiling)
                if (
                    asked >= self.policy.attempts
                    or run.budget <= 0
                    or pause >= share.deadline.left()
                    or not self._may_repeat(error, run.attempts[before:])
                    or not self.quota.take()
                ):
                    raise
            else:
                self.quota.refill()
                return result
            yield from sleep(pause)
            asked, ceiling = asked + 1, 2 * ceiling

    def _pause(self, error: FacegateError, ceiling: float) -> float:
        drawn = self._uniform(0, min(ceiling, self.policy.most_s))
        requested = error.retry_after if isinstance(error, ProviderError) else None
        return max(drawn, requested or 0)

    def _may_repeat(self, error: FacegateError, attempts: Sequence[Attempt]) -> bool:
        if not attempts:  # refused on the way, by a breaker or a limit, and would be again
            return False
        if self.policy.retry_unknown:
            return error.retryable or error.billed is not Billed.NO
        return error.retryable and all(attempt.billed is Billed.NO for attempt in attempts)
