"""Replacing a route while requests are on their way through it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from facegate.images.intake import Intake
from facegate.providers.provider import Provider
from facegate.routing.limits import Limited, Limiter
from facegate.routing.route import Route
from facegate.runtime.deadline import Deadline
from facegate.runtime.forking import in_child

_Held = Provider | Limiter

_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Version:
    """A route for as long as requests are on their way through it.

    Attributes:
        route: where they go.
        intake: what they may bring as pictures.
        working: how many there are in this process.
    """

    route: Route
    intake: Intake
    working: int = 0

    def deadline(self) -> Deadline:
        """The deadline of a request that begins now."""
        return Deadline(self.route.deadline_s)


class Versions:
    """The route that new requests take, and those before it that still have some to finish.

    A provider, and a limit shared with other processes, is closed when it is a part of none of them
    any more.

    Attributes:
        replacing: for threads that replace it, to do so one after the other.
    """

    def __init__(self, route: Route, intake: Intake) -> None:
        self._all = [Version(route, intake)]
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        # What the parent is answering just now is not answered here.
        self._lock, self.replacing = threading.Lock(), threading.Lock()
        self._all = self._all[-1:]
        self._all[0].working = 0

    @property
    def current(self) -> Version:
        """The one that new requests take."""
        return self._all[-1]

    @contextmanager
    def use(self) -> Iterator[Version]:
        """The current one, held for a request."""
        with self._lock:
            current = self._all[-1]
            current.working += 1
        try:
            yield current
        finally:
            self.release(current)

    def acquire(self, version: Version) -> None:
        """Hold one that is held already, until :meth:`release`."""
        with self._lock:
            version.working += 1

    def release(self, version: Version) -> None:
        """Let go of one."""
        with self._lock:
            version.working -= 1
            unused = self._ended()
        _close(unused)

    def replace(self, route: Route, intake: Intake) -> None:
        """Let new requests take another route."""
        with self._lock:
            self._all.append(Version(route, intake))
            unused = self._ended()
        _close(unused)

    def close(self) -> None:
        """Close everything, whoever is still asking."""
        with self._lock:
            held = _held(self._all)
            self._all = self._all[-1:]
        for each in held.values():
            each.close()

    def _ended(self) -> Sequence[_Held]:
        """Forget versions that have finished; gives what is to be closed with them."""
        *past, current = self._all
        ended = [each for each in past if not each.working]
        if not ended:
            return ()
        self._all = [each for each in past if each.working] + [current]
        kept = _held(self._all)
        return [each for key, each in _held(ended).items() if key not in kept]


def _held(versions: Sequence[Version]) -> dict[int, _Held]:
    found: list[_Held] = []
    for route in (each.route for each in versions):
        found += route.held
        found += [node.limiter for node in route.nodes if isinstance(node, Limited)]
    return {id(each): each for each in found}


def _close(held: Sequence[_Held]) -> None:
    for each in held:
        try:
            each.close()
        except Exception as error:  # noqa: BLE001  the request that ends here is another one's
            _log.warning("%s could not be closed: %s", each.name, type(error).__name__)
