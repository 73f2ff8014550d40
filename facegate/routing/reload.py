"""Versions of a route, which is replaced while requests are on their way through it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from facegate.images.intake import Intake
from facegate.routing.node import Resource
from facegate.routing.route import Route
from facegate.runtime.forking import in_child

_log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Version:
    """A route for as long as requests are on their way through it.

    Attributes:
        route: the route that they take.
        intake: limits for their input pictures.
        working: number of such requests in this process.
    """

    route: Route
    intake: Intake
    working: int = 0


class Versions:
    """The version that new requests take, and those before it that still have some to finish.

    A provider, and a limit shared with other processes, is closed when it is a part of no version
    any more.

    Attributes:
        replacing: lock of the threads that replace the route, which do so one after the other.
    """

    def __init__(self, route: Route, intake: Intake) -> None:
        self._all = [Version(route, intake)]
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        # The requests under way are the parent's: none of them ends here.
        self._lock, self.replacing = threading.Lock(), threading.Lock()
        self._all = self._all[-1:]
        self._all[0].working = 0

    @property
    def current(self) -> Version:
        """The version that new requests take."""
        return self._all[-1]

    @contextmanager
    def use(self) -> Iterator[Version]:
        """The current version, held for a request."""
        with self._lock:
            current = self._all[-1]
            current.working += 1
        try:
            yield current
        finally:
            self.release(current)

    def acquire(self, version: Version) -> None:
        """Hold a version that is held already, until :meth:`release`."""
        with self._lock:
            version.working += 1

    def release(self, version: Version) -> None:
        """Let go of a version; the last request through an old one closes what is left over."""
        with self._lock:
            version.working -= 1
            unused = self._ended()
        _close(unused)  # not under the lock: closing may take seconds, and every request needs it

    def replace(self, route: Route, intake: Intake) -> None:
        """Let new requests take another route."""
        with self._lock:
            self._all.append(Version(route, intake))
            unused = self._ended()
        _close(unused)

    def close(self) -> None:
        """Close everything, also under requests that are still on their way."""
        with self._lock:
            resources = _resources(self._all)
            self._all = self._all[-1:]
        for resource in resources.values():
            resource.close()

    def _ended(self) -> Sequence[Resource]:
        """Forget versions that have finished; gives the resources to close with them.

        A reload keeps providers whose settings are the same, so one may be a part of several
        versions, and goes with the last of them.
        """
        *past, current = self._all
        ended = [version for version in past if not version.working]
        if not ended:
            return ()
        self._all = [version for version in past if version.working] + [current]
        kept = _resources(self._all)
        return [resource for key, resource in _resources(ended).items() if key not in kept]


def _resources(versions: Sequence[Version]) -> dict[int, Resource]:
    """Providers and limiters of some versions, by identity: equal ones are closed each."""
    nodes = (node for version in versions for node in version.route.nodes)
    return {id(resource): resource for node in nodes for resource in node.resources()}


def _close(resources: Sequence[Resource]) -> None:
    for resource in resources:
        try:
            resource.close()
        except Exception as error:  # noqa: BLE001  the request that ends here is another one's
            _log.warning("%s could not be closed: %s", resource.name, type(error).__name__)
