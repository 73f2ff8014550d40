"""Admission: what callers, and the people they ask about, may take up and cost."""

from __future__ import annotations

import calendar
import logging
import math
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import anyio
from anyio.to_thread import run_sync

from facegate.batch.money import Prices
from facegate.errors import ConfigurationError, FacegateError, Fault, InvalidRequest
from facegate.events import RECORD_S, BudgetPassed, Observer, tell
from facegate.gateway.attempts import AttemptSettings
from facegate.gateway.counters import NOWHERE, Counters, Full, Spending, Taken, Use
from facegate.gateway.grants import per
from facegate.gateway.keys import Caller
from facegate.model import Attempt, Operation, VerificationResult
from facegate.question import Question
from facegate.routing.route import Route

SOFT = "x-facegate-budget"
"""Header of a reply to a key that has spent more than its soft budget."""
_LOG = logging.getLogger("facegate.gateway")


class TooManyRequests(FacegateError):
    """A limit of the key, or of the person, is reached.

    Attributes:
        retry_after: seconds until there is room again; None where there never is.
    """

    http_status = 429
    fault = Fault.CALLER

    def __init__(self, message: str, *, retry_after: float | None = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BudgetSpent(TooManyRequests):
    """The key's money for the day or the month is spent, or reserved."""


class TooManyAttempts(TooManyRequests):
    """The person was not accepted too often."""


@dataclass
class Admitted:
    """A question that may be asked.

    Attributes:
        headers: of its reply.
        accepted: whether the person was accepted; None where there was no answer.
        attempts: the providers that were asked; None where that is not known.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    accepted: bool | None = None
    attempts: Sequence[Attempt] | None = None

    def settle(self, result: VerificationResult) -> None:
        """Note the answer."""
        self.accepted, self.attempts = result.accepted, result.attempts


@dataclass(frozen=True)
class Admission:
    """The limits of callers and of people, counted by all processes together.

    A question reserves the dearest way that it can take, and gives back what it did not cost. One
    that broke off, or whose process died, has cost all of it until the day or the month is over:
    nobody knows what the vendor has charged. A place among those at once ends by itself then.

    A shadow's copies are the operator's own wish, and cost no caller anything.

    Attributes:
        counters: where all of it is counted.
        attempts: how often one person may try; None for no limit.
        key: secret that people are told apart by, so that no name is kept.
        observers: functions that are told when a soft budget is passed.
    """

    counters: Counters = NOWHERE
    attempts: AttemptSettings | None = None
    key: bytes = field(default=b"", repr=False)
    observers: Sequence[Observer] = ()

    @asynccontextmanager
    async def admitted(
        self, caller: Caller, question: Question, route: Route
    ) -> AsyncIterator[Admitted]:
        """The question, for as long as it is asked.

        Raises:
            TooManyRequests: a limit is reached, saying when to come again.
            InvalidRequest: the person's attempts are limited, and it names nobody.
            ConfigurationError: a budget has to be kept and a provider has no price.
            JournalUnavailable, ProviderUnavailable: it cannot be counted, so it may not be asked.
        """
        uses = [*_of_key(caller, route), *self._of_person(question)]
        money = list(_of_budgets(caller, question, route))
        if not uses and not money:
            yield Admitted()
            return
        taken = await run_sync(self.counters.take, uses, money)
        if isinstance(taken, Full):
            raise _refusal(taken, caller, money)
        admitted = Admitted(self._warning(caller, taken, money))
        try:
            yield admitted
        except FacegateError as error:
            admitted.attempts = error.attempts
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await run_sync(self._settle, taken, uses, money, admitted)

    def _of_person(self, question: Question) -> Iterator[Use]:
        """The attempt of a person, which counts unless it turns out to be none, or accepted."""
        rate = self.attempts.rate(question.operation) if self.attempts else None
        if rate is None:
            return
        if question.subject is None:
            raise InvalidRequest("name the subject: attempts of one person are limited here")
        subject = question.subject.encode("utf-8", "surrogatepass")
        who = blake2b(subject, digest_size=16, key=self.key).hexdigest()
        most, own = per(rate)
        for seconds in self.attempts.windows if self.attempts else ():
            # It counts in the other window too, where it is not held against that one's limit.
            yield Use(f"{_PERSON}:{seconds}:{who}", most if seconds == own else _ANY, seconds)

    def _warning(
        self, caller: Caller, taken: Taken, money: Sequence[Spending]
    ) -> Mapping[str, str]:
        """Headers that say that the soft budget is spent."""
        if caller.soft_budget is None:
            return {}
        most, period = caller.soft_budget
        totals = zip(money, taken.spent, strict=True)
        own, total = next(each for each in totals if len(each[0].period) == _LENGTHS[period])
        if total <= _millionths(most):
            return {}
        spent = total / 1_000_000
        text = f"{spent:.4g} spent or reserved of {most:g} a {period}"
        if total - own.amount <= _millionths(most):  # with this question, and not long ago
            _LOG.warning("key %s: %s", caller.id, text)
            tell(self.observers, BudgetPassed(str(caller.id), spent, most, period))
        return {SOFT: text}

    def _settle(
        self, taken: Taken, uses: Sequence[Use], money: Sequence[Spending], admitted: Admitted
    ) -> None:
        """Give back what was taken too much; where that fails it stays taken, which is safe."""
        over = [_AT_ONCE]
        # An error says nothing of the person, unless nobody knows how it ended.
        if admitted.accepted or (admitted.accepted is None and admitted.attempts is not None):
            over.append(_PERSON)
        names = [use.name for use in uses if use.name.partition(":")[0] in over]
        back = []
        if admitted.attempts is not None:
            cost = _millionths(sum(each.cost or 0.0 for each in admitted.attempts))
            back = [replace(each, amount=cost - each.amount) for each in money]
        if not names and not back:
            return
        try:
            self.counters.give_back(taken, names, back)
        except FacegateError as error:
            _LOG.warning("a question's limits were not given back: %s", error.message)


_RATE, _AT_ONCE, _PERSON, _MONEY = "rate", "at once", "person", "money"
_ANY = 1_000_000_000
_LENGTHS = {"day": len("2026-11-28"), "month": len("2026-11")}


def _of_key(caller: Caller, route: Route) -> Iterator[Use]:
    if caller.rate is not None:
        yield Use(f"{_RATE}:{caller.id}", *caller.rate)
    if caller.at_once is not None:
        # Longer than the question can take: its place must not end before it does.
        yield Use(f"{_AT_ONCE}:{caller.id}", caller.at_once, route.deadline_s + RECORD_S + 1)


def _of_budgets(caller: Caller, question: Question, route: Route) -> Iterator[Spending]:
    """The dearest that the question can cost, in each period that the key has a budget for."""
    budgets = [each for each in (caller.budget, caller.soft_budget) if each is not None]
    if not budgets:
        return
    reserved, now = dearest(caller, question, route), datetime.now(UTC)
    for period in sorted({period for _, period in budgets}):
        hard = caller.budget
        most = _millionths(hard[0]) if hard is not None and hard[1] == period else None
        begins, ends = _period(period, now)
        yield Spending(f"{_MONEY}:{caller.id}", begins, most, reserved, ends.timestamp())


def dearest(caller: Caller, question: Question, route: Route) -> int:
    """The dearest way that a question can take, in millionths.

    Raises:
        ConfigurationError: a provider of the route has no price, so no budget can be kept.
    """
    return _millionths(_prices(caller, question.operation, route).worst(question.gallery_size))


def refuse_unpriced(caller: Caller, route: Route) -> None:
    """Refuse a budget that could not be kept.

    Raises:
        ConfigurationError: a provider of the route has no price.
    """
    if caller.budget or caller.soft_budget:
        for operation in sorted(caller.operations or route.node.capabilities):
            _prices(caller, operation, route)


def _prices(caller: Caller, operation: Operation, route: Route) -> Prices:
    prices = Prices.of(route, operation)
    for name, cost in prices.costs.items():
        if cost is None:
            raise ConfigurationError(
                f"key {caller.name} has a budget, and {name} has no price for {operation}; set"
                f" providers.{name}.cost"
            )
    return prices


def _millionths(money: float) -> int:
    """Money in millionths, rounded up, but for what floating point is off by."""
    return math.ceil(money * 1_000_000 - 1e-3)


def _period(period: str, now: datetime) -> tuple[str, datetime]:
    """The name of the day or month that a moment is in, and its end."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"{day:%Y-%m-%d}"[: _LENGTHS[period]]
    if period == "day":
        return name, day + timedelta(days=1)
    _, days = calendar.monthrange(day.year, day.month)
    return name, day.replace(day=1) + timedelta(days=days)


def _refusal(full: Full, caller: Caller, money: Sequence[Spending]) -> TooManyRequests:
    kind = full.name.partition(":")[0]
    if kind == _RATE and caller.rate is not None:
        times, seconds = caller.rate
        text = f"the key may ask {times} times in {seconds} s"
        return TooManyRequests(text, retry_after=full.wait)
    if kind == _AT_ONCE:
        text = f"the key may ask {caller.at_once} questions at once"
        return TooManyRequests(text)
    if kind == _PERSON:
        text = "the person was not accepted too often; let them try again later"
        return TooManyAttempts(text, retry_after=full.wait)
    cost, (most, period) = money[0].amount / 1_000_000, caller.budget or (0.0, "day")
    text = f"the question may cost {cost:.4g}, which is not left of the key's {most:g} a {period}"
    fits = cost <= most
    return BudgetSpent(text, retry_after=full.wait if fits else None)
