"""Counters that all processes share: uses within a time, and money within a period.

They are in the journal's database (:mod:`facegate.gateway.stored`) or in a Redis. Either counts all
that one question takes in one step, so that no two processes take the last place. What cannot be
counted is refused: nobody goes on uncounted.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import SecretStr

from facegate.errors import ConfigurationError, ProviderUnavailable
from facegate.runtime.extras import extra


@dataclass(frozen=True, slots=True)
class Use:
    """A use that counts against a limit for a while.

    Attributes:
        name: what is counted.
        most: uses that there may be at once.
        seconds: how long it counts, above 0.
    """

    name: str
    most: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Spending:
    """Money that may be spent, in millionths: whole numbers add up exactly.

    Attributes:
        name: whose it is.
        period: the day or month, ``2026-11-28`` or ``2026-11``.
        most: money that there is; None for no limit.
        amount: that may be spent now; below 0 for what is given back.
        ends: the end of the period, in seconds since 1970.
    """

    name: str
    period: str
    most: int | None
    amount: int
    ends: float


@dataclass(frozen=True, slots=True)
class Full:
    """The limit that was in the way; then nothing was counted.

    Attributes:
        name: of the use or the money.
        wait: seconds until there is room again, as far as that is known.
    """

    name: str
    wait: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What was counted.

    Attributes:
        token: by which it is given back.
        spent: money in millionths that is spent or reserved in each period, this time included.
    """

    token: str = field(default_factory=lambda: secrets.token_hex(12))
    spent: Sequence[int] = ()


class Counters(Protocol):
    """Counters; every method blocks, and raises a FacegateError where it cannot count."""

    def take(self, uses: Sequence[Use], money: Sequence[Spending]) -> Taken | Full:
        """Count all of it, or nothing."""

    def give_back(self, taken: Taken, names: Sequence[str], money: Sequence[Spending]) -> None:
        """Let go of uses by name, and change what was spent by each ``amount``."""

    def check(self) -> None:
        """Find out whether anything could be counted now.

        Raises:
            JournalUnavailable, ProviderUnavailable: it could not.
        """


_PATIENCE_S = 1.0
"""Seconds that the Redis has to answer."""
_IDLE_S = 15
"""Seconds after which a connection is tried before it is used."""

# All at once, by the server's own clock. ``now`` is told back so that waits are by that clock too.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
local uses, token = tonumber(ARGV[1]), ARGV[2]
for i = 1, uses do
    redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now)
    local over = redis.call('ZCARD', KEYS[i]) - tonumber(ARGV[1 + 2 * i])
    if over >= 0 then
        local free = redis.call('ZRANGE', KEYS[i], over, over, 'WITHSCORES')[2]
        return {i, tostring(free - now)}
    end
end
for i = uses + 1, #KEYS do
    local at = 2 + 2 * uses + 3 * (i - uses - 1)
    local amount, most = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local spent = tonumber(redis.call('GET', KEYS[i]) or '0')
    if most >= 0 and spent + amount > most then
        return {i, tostring(ARGV[at + 3] - now)}
    end
end
for i = 1, uses do
    local ends = now + ARGV[2 + 2 * i]
    redis.call('ZADD', KEYS[i], ends, token)
    local last = redis.call('ZRANGE', KEYS[i], -1, -1, 'WITHSCORES')[2]
    redis.call('EXPIREAT', KEYS[i], math.ceil(tonumber(last)) + 1)
end
local told = {0}
for i = uses + 1, #KEYS do
    local at = 2 + 2 * uses + 3 * (i - uses - 1)
    table.insert(told, redis.call('INCRBY', KEYS[i], ARGV[at + 1]))
    redis.call('EXPIREAT', KEYS[i], math.ceil(tonumber(ARGV[at + 3])) + 86400)
end
return told
"""


class RedisCounters:
    """Counters in a Redis, which all processes that name it share.

    Args:
        url: the Redis's URL, which may hold a password.

    Raises:
        ConfigurationError: the URL cannot be used, or the package that reads it is missing.
    """

    def __init__(self, url: SecretStr) -> None:
        with extra("limits", "redis", needed_by="serve.api.shared"):
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        options: dict[str, Any] = {
            "socket_timeout": _PATIENCE_S,
            "socket_connect_timeout": _PATIENCE_S,
            "health_check_interval": _IDLE_S,
            "retry": Retry(NoBackoff(), 0),  # what was done twice would be counted twice
        }
        try:
            self._redis: Any = Redis.from_url(url.get_secret_value(), **options)
        except ValueError as error:  # its text may hold the URL, which holds a password
            failed = type(error).__name__
        else:
            self._take = self._redis.register_script(_TAKE)
            return
        raise ConfigurationError(f"serve.api.shared: not a URL of a Redis ({failed})")

    def take(self, uses: Sequence[Use], money: Sequence[Spending]) -> Taken | Full:
        taken = Taken()
        keys = [*(f"facegate:use:{each.name}" for each in uses), *map(_purse, money)]
        arguments: list[Any] = [len(uses), taken.token]
        for use in uses:
            arguments += [use.most, use.seconds]
        for spending in money:
            most = -1 if spending.most is None else spending.most
            arguments += [spending.amount, most, spending.ends]
        place, *told = self._asked(lambda: self._take(keys, arguments))
        if place:
            return Full([*uses, *money][place - 1].name, max(0.001, float(told[0])))
        return Taken(taken.token, [int(each) for each in told])

    def give_back(self, taken: Taken, names: Sequence[str], money: Sequence[Spending]) -> None:
        def change() -> None:
            pipe = self._redis.pipeline(transaction=True)
            for name in names:
                pipe.zrem(f"facegate:use:{name}", taken.token)
            for each in money:
                pipe.incrby(_purse(each), each.amount)
            pipe.execute()

        self._asked(change)

    def check(self) -> None:
        self._asked(self._redis.ping)

    def _asked(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except Exception as error:  # noqa: BLE001  its text may hold the URL, which holds a password
            failed = type(error).__name__
        raise ProviderUnavailable(f"what callers use cannot be counted now ({failed})")


def _purse(spending: Spending) -> str:
    return f"facegate:money:{spending.name}:{spending.period}"


class _Nothing:
    """Counters of nothing, where there is no limit at all."""

    def take(self, uses: Sequence[Use], money: Sequence[Spending]) -> Taken | Full:
        if uses or money:
            raise ConfigurationError(
                "limits of keys and people need [journal], or serve.api.shared, to be counted in"
            )
        return Taken()

    def give_back(self, taken: Taken, names: Sequence[str], money: Sequence[Spending]) -> None:
        """Do nothing: nothing was counted."""

    def check(self) -> None:
        """Do nothing: there is nothing to count."""


NOWHERE: Counters = _Nothing()
