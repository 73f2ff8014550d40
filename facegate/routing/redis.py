"""Limits that several processes keep together, in a Redis. What is here blocks.

A Redis that cannot be reached limits nobody: each process then keeps the limits by itself, and asks
again after a while.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import SecretStr

from facegate.errors import ConfigurationError
from facegate.runtime.extras import extra
from facegate.runtime.forking import in_child

T = TypeVar("T")

_PATIENCE_S = 0.5
"""Seconds that the Redis has to answer."""
_REST_S = 5.0
"""Seconds that one that cannot be reached is not asked."""

# By the server's own clock; a lease whose time is up is no longer counted.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1e6
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[3])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2]
redis.call('EXPIREAT', KEYS[1], math.ceil(tonumber(last)) + 1)
return 1
"""

_log = logging.getLogger(__name__)
_inherited: list[Any] = []


class SharedLimits:
    """One provider's limits, shared by all processes that call it so and use the same Redis.

    Args:
        url: the Redis's URL, which may hold a password.
        provider: the provider's configured name.

    Raises:
        ConfigurationError: the URL cannot be used, or the packages that read it are missing.
    """

    def __init__(self, url: SecretStr, provider: str) -> None:
        self._url, self._provider = url, provider
        self._storage: Any = None
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        if self._storage is not None:
            # Kept, never used: its connections are the parent's, and its locks may be closed.
            _inherited.append(self._storage)
        self._rests_until = 0.0
        self._ending: set[threading.Thread] = set()
        self._storage = _opened(self._url, self._provider)
        self._take = self._storage.get_connection().register_script(_TAKE)

    def hit(self, most: int, seconds: int) -> float:
        """Count a request, unless ``most`` began in the last ``seconds``.

        Gives 0, or the seconds to wait before the next try.

        The processes' clocks are trusted; they must agree as far as the limit is to be exact.
        """
        return self._ask(lambda: self._hit(most, seconds)) or 0.0

    def lease(self, most: int, seconds: float) -> Lease:
        """A lease, not yet taken, of one of ``most`` places, for ``seconds`` at most."""
        return Lease(self, most, seconds)

    def close(self) -> None:
        """Finish giving places back, and let go of connections."""
        for thread in tuple(self._ending):
            thread.join()
        self._storage.get_connection().connection_pool.disconnect()

    def _hit(self, most: int, seconds: int) -> float:
        from limits import RateLimitItemPerSecond
        from limits.strategies import MovingWindowRateLimiter

        item = RateLimitItemPerSecond(most, seconds)
        limiter = MovingWindowRateLimiter(self._storage)
        if limiter.hit(item, self._provider):
            return 0.0
        free_at = limiter.get_window_stats(item, self._provider).reset_time
        return max(0.001, free_at - time.time())

    def _add(self, lease: Lease) -> bool:
        arguments = [lease.most, lease.seconds, lease.token]
        # None is no refusal: without the Redis, the process keeps the limits by itself.
        return self._ask(lambda: bool(self._take([self._key], arguments))) is not False

    def _remove(self, lease: Lease) -> None:
        self._ask(lambda: self._storage.get_connection().zrem(self._key, lease.token))

    def _remove_beside(self, lease: Lease) -> None:
        def remove() -> None:
            self._remove(lease)
            self._ending.discard(thread)

        thread = threading.Thread(target=remove, name="facegate-limits")
        self._ending.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the interpreter ends and starts no thread; the lease ends by itself
            self._ending.discard(thread)

    @property
    def _key(self) -> str:
        return f"facegate:{self._provider}:under way"

    def _ask(self, ask: Callable[[], T]) -> T | None:
        """The Redis's reply; None where it cannot be reached."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            return ask()
        except Exception as error:  # noqa: BLE001  its text may hold the URL, which holds a password
            self._rests_until = time.monotonic() + _REST_S
            _log.warning(
                "the Redis that %s's limits are shared in failed (%s); for now, each process keeps"
                " them by itself",
                self._provider,
                type(error).__name__,
            )
            return None


class Lease:
    """A place among those that all processes have together.

    It ends by itself after its ``seconds``, so that a process that dies holds none for ever.

    Args:
        shared: the limits it belongs to.
        most: places that there are, 1 or more.
        seconds: its longest life, above 0.
    """

    def __init__(self, shared: SharedLimits, most: int, seconds: float) -> None:
        self.most, self.seconds, self.token = most, seconds, secrets.token_hex(8)
        self._shared = shared
        self._taken = self._over = False

    def acquire(self) -> bool:
        """Take the place, if one is free."""
        self._taken = self._shared._add(self)  # noqa: SLF001  two halves of one thing
        if self._over:  # the request was given up while this was under way
            self._shared._remove(self)  # noqa: SLF001
        return self._taken

    def release(self) -> None:
        """Give the place back, without waiting for that: this may be called on an event loop."""
        self._over = True
        if self._taken:
            self._shared._remove_beside(self)  # noqa: SLF001


def _opened(url: SecretStr, provider: str) -> Any:
    with extra("limits", "limits", "redis", needed_by=f"limits.{provider}.shared"):
        from limits.storage import RedisStorage
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    options: dict[str, Any] = {
        "socket_timeout": _PATIENCE_S,
        "socket_connect_timeout": _PATIENCE_S,
        "retry": Retry(NoBackoff(), 1),  # once, for a connection that died while it was idle
    }
    try:
        storage: Any = RedisStorage(url.get_secret_value(), key_prefix="facegate", **options)
        storage.get_connection().connection_pool.make_connection()  # reads the URL, opens nothing
    except Exception as error:  # noqa: BLE001  its text may hold the URL, which holds a password
        failed = type(error).__name__
    else:
        return storage
    raise ConfigurationError(
        f"limits.{provider}.shared: not a URL of a Redis ({failed})", provider=provider
    )
