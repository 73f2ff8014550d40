"""The watch over models: what becomes of requests to a provider whose model changed.

Whoever watches notes in the journal that a provider's answers are no longer those that were known,
and every process that asks it looks there now and then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial

from facegate.errors import JournalUnavailable, ProviderUnavailable
from facegate.model import Decision, VerificationResult
from facegate.routing.node import Node, Run, Share
from facegate.routing.tables import SentinelTable
from facegate.routing.wrapper import Wrapper
from facegate.runtime.flow import Flow, call
from facegate.runtime.forking import in_child

LOOK_S = 5.0
"""Seconds from one look into the journal to the next."""
_LONGEST_S = 3 * LOOK_S
"""Seconds after which a look that does not come back is given up."""
_FIRST_S, _NEXT_S = 2.0, 0.25
"""Seconds that requests wait for the very first look, and the one that begins another for that."""

_log = logging.getLogger(__name__)


def _aside(work: Callable[[], None]) -> None:
    """Do work in a thread of its own: a database that hangs is to keep nobody waiting."""
    threading.Thread(target=work, name="facegate-watch", daemon=True).start()


class Watch:
    """What is known of providers that changed. One serves all threads and routes.

    Args:
        settings: the ``[sentinel]`` table.
        look: reads the moments, as text, since when providers are known to have changed, by name.
        clock: clock in seconds; only differences count.
        begin: has a look begun that takes however long.

    Attributes:
        settings: likewise.
    """

    def __init__(
        self,
        settings: SentinelTable,
        look: Callable[[], Mapping[str, str]],
        clock: Callable[[], float] = time.monotonic,
        begin: Callable[[Callable[[], None]], None] = _aside,
    ) -> None:
        self.settings, self._look, self._clock, self._begin_look = settings, look, clock, begin
        self._known: Mapping[str, str] | None = None
        self._looked: float | None = None
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        self._lock, self._seen = threading.Lock(), threading.Event()
        self._seen.set()

    def changed(self, provider: str) -> Flow[str | None]:
        """The moment since when a provider is known to have changed; None where it is not.

        While the journal is away, or hangs, what was read last holds.

        Raises:
            JournalUnavailable: it was away all the time, so nothing is known.
        """
        if self._looks() or self._known is None:
            seconds = _FIRST_S if self._known is None else _NEXT_S
            yield from call(partial(self._seen.wait, seconds))
        if self._known is None:
            raise JournalUnavailable(f"nobody can tell whether the model of {provider} changed")
        return self._known.get(provider)

    def _looks(self) -> bool:
        """Begin to look, if it is time and nobody does; tells whether it was begun here."""
        with self._lock:
            there = self._seen.is_set()
            lasts = LOOK_S if there else _LONGEST_S
            if self._looked is not None and self._clock() < self._looked + lasts:
                return False
            if not there:
                _log.warning("a look at the sentinel's rounds does not come back")
            self._looked, self._seen = self._clock(), threading.Event()
        self._begin_look(partial(self._read, self._seen))
        return True

    def _read(self, seen: threading.Event) -> None:
        try:
            known = self._look()
            if seen is self._seen:  # or another look was begun since
                self._known = known
        except Exception as error:  # noqa: BLE001  of a driver, whatever it is
            _log.warning("no look at the sentinel's rounds: %s", type(error).__name__)
        finally:
            seen.set()

    def leaves(self, provider: str) -> bool:
        """Whether a provider is left alone, as far as was read last."""
        return self.settings.on_alarm == "leave" and provider in (self._known or {})


class Watched(Wrapper):
    """A provider that is watched. Once it changed, its calibration counts no more."""

    def __init__(self, node: Node, watch: Watch) -> None:
        super().__init__(node)
        self.watch = watch

    def ask(self, run: Run, share: Share) -> Flow[VerificationResult]:
        since = yield from self.watch.changed(self.name)
        if since is None:
            return (yield from self.node.ask(run, share))
        self._refuse(run, since)
        result = yield from self.node.ask(run, share)
        return self._doubted(result, since)

    def _refuse(self, run: Run, since: str) -> None:
        """Refuse what nothing is known of any more; who comes next in a failover steps in.

        Raises:
            ProviderUnavailable: it is not asked.
        """
        terms = run.terms.get(self.name)
        calibration = getattr(terms, "calibration", None)
        if self.watch.leaves(self.name):
            why = "it is left alone"
        elif calibration:
            why = f"the rate that was asked for, of calibration {calibration}, counts no more"
        else:
            return
        raise ProviderUnavailable(
            f"its model changed by {since}: {why}, until `facegate sentinel accept {self.name}`",
            provider=self.name,
        )

    def _doubted(self, result: VerificationResult, since: str) -> VerificationResult:
        """A result without what was measured with another model."""
        match, liveness, decision = result.match, result.liveness, result.decision
        if match is not None and match.calibration is not None:
            unknown = {"fmr": None, "fmr_by": None, "calibration": None}
            match = match.model_copy(update=unknown)
        if self.watch.settings.on_alarm == "review" and decision is Decision.ACCEPT:
            decision = Decision.REVIEW  # and no yes in it, for those who look at nothing else
            if match is not None:
                match = match.model_copy(update={"is_match": False, "uncertain": True})
            elif liveness is not None:
                liveness = liveness.model_copy(update={"passed": False, "uncertain": True})
        warning = f"the model of {self.name} changed by {since}: what was measured is of another"
        return result.model_copy(
            update={
                "match": match,
                "liveness": liveness,
                "decision": decision,
                "warnings": (*result.warnings, warning),
            }
        )
