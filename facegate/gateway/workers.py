"""Worker processes: several serve on one socket, and a parent minds them.

The parent opens the socket and nothing else; each worker reads the configuration and opens what it
needs by itself. Connections go to whichever worker is free to take them. A worker that dies is
started again, and whatever waits on the socket meanwhile is taken by the others.
"""

from __future__ import annotations

import logging
import math
import mmap
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass
from typing import NoReturn

from facegate.errors import ConfigurationError
from facegate.gateway.settings import Limits
from facegate.telemetry.processes import SharedMetrics

_LOG = logging.getLogger("facegate.gateway")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 30.0
"""Pauses before a worker is started again; each is twice as long as the one before."""
_STEADY_S = 60.0
"""Age in seconds from which on a worker's death counts as the first one again."""
_KILL_S = 10.0
"""Seconds beyond its own limits that a worker has for its end, before it is killed."""


@dataclass(frozen=True, slots=True)
class Worker:
    """This process's place among those that serve on one socket.

    Attributes:
        number: from 0.
        first: whether it is the first process in the first place, which tells what is served.
        parent: the parent's process id.
        life: file descriptor that can be read once the parent has gone.
        board: memory that all of them share: a byte a place, 1 where a worker serves.
    """

    number: int
    first: bool
    parent: int
    life: int
    board: mmap.mmap

    def started(self) -> None:
        """Tell the parent, and whoever counts, that this worker serves."""
        self.board[self.number] = 1
        if os.getppid() == self.parent:  # otherwise it has ended, and its number may be another's
            os.kill(self.parent, signal.SIGUSR1)

    @property
    def serving(self) -> int:
        """The number of workers that serve now."""
        return sum(self.board[:])

    @property
    def count(self) -> int:
        """The number of workers that there are to be."""
        return len(self.board)


def become_worker(
    count: int, listener: socket.socket, limits: Limits, metrics: SharedMetrics | None = None
) -> Worker:
    """Start the workers, and return in each of them; the parent stays here until all have ended.

    The first one has to serve before the others are started, so that what keeps them from it is
    told once. On SIGTERM or Ctrl-C, all are told to end, and are killed where they have not, some
    seconds after ``drain_s`` and ``grace_s``. SIGHUP goes to all of them. Where the parent is
    killed, they end as on SIGTERM.

    In a worker, SIGHUP waits until :func:`~facegate.gateway.reloading.reload_on_hangup`.

    Args:
        count: how many there are to be; 1 or more.
        listener: the socket that they serve on.
        limits: of the time for their end.
        metrics: what they count together.

    Raises:
        ConfigurationError: this system cannot fork; or, in the parent, the first worker ended
            before it served.
        SystemExit: in the parent, at its end on SIGTERM.
        KeyboardInterrupt: in the parent, at its end on Ctrl-C.
    """
    if not hasattr(os, "fork"):
        raise ConfigurationError("serve.workers: this system can serve with one process alone")
    heeded = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
    heeded |= {signal.SIGALRM, signal.SIGUSR1}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heeded)
    ignoring = signal.signal(signal.SIGCHLD, lambda *_: None)  # or some systems would drop it
    supervisor = _Supervisor(count, listener, limits, metrics)
    while True:
        worker = supervisor.start_due()
        if worker is not None:
            signal.signal(signal.SIGCHLD, ignoring)
            signal.pthread_sigmask(signal.SIG_SETMASK, before | {signal.SIGHUP})
            return worker
        supervisor.heed(signal.sigwait(heeded))


@dataclass(slots=True)
class _Place:
    """One worker after the other; moments are of the monotonic clock.

    Attributes:
        pid: the worker's; None while there is none.
        since: when it was started.
        due: when the next one may be.
        pause: seconds that the next one had to wait.
    """

    pid: int | None = None
    since: float = 0.0
    due: float = 0.0
    pause: float = 0.0


class _Supervisor:
    """The parent's side."""

    def __init__(
        self, count: int, listener: socket.socket, limits: Limits, metrics: SharedMetrics | None
    ) -> None:
        self._listener, self._metrics = listener, metrics
        self._patience_s, self._ends = limits.drain_s + limits.grace_s + _KILL_S, math.inf
        self._places = [_Place() for _ in range(count)]
        self._board = mmap.mmap(-1, count)
        self._life, self._held = os.pipe()
        self._served = False
        self._leaving: signal.Signals | None = None
        self._failure: str | None = None

    def start_due(self) -> Worker | None:
        """Start the workers that are due; gives each its place in its own process."""
        self._served = self._served or any(self._board[:])
        if self._leaving is not None:
            return None
        parent, now = os.getpid(), time.monotonic()
        wanted = self._places if self._served else self._places[:1]
        for number, place in enumerate(wanted):
            if place.pid is None and place.due <= now:
                sys.stdout.flush()
                place.pid, place.since = os.fork(), now
                if not place.pid:
                    os.setpgrp()  # a terminal's Ctrl-C is for the parent, which passes it on
                    os.close(self._held)
                    return Worker(number, not self._served, parent, self._life, self._board)
                _LOG.info("worker %d is process %d", number + 1, place.pid)
        pauses = [place.due - now for place in wanted if place.pid is None]
        if pauses:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, min(pauses)))
        return None

    def heed(self, received: int) -> None:
        """Do what a signal asks for."""
        if received in (signal.SIGTERM, signal.SIGINT):
            self._leave(signal.Signals(received))
        elif received == signal.SIGHUP:
            self._tell(signal.SIGHUP)
        elif received == signal.SIGALRM and time.monotonic() >= self._ends:
            _LOG.error("workers that have not ended in time are killed")
            self._tell(signal.SIGKILL)
        elif received == signal.SIGCHLD:
            self._bury()
        if self._leaving is not None and not any(place.pid for place in self._places):
            self._end()

    def _leave(self, why: signal.Signals) -> None:
        if self._leaving is None:
            self._leaving = why
            self._listener.close()  # once the workers have closed it too, nobody waits in vain
            self._ends = time.monotonic() + self._patience_s
            signal.setitimer(signal.ITIMER_REAL, self._patience_s)
        self._tell(why)

    def _tell(self, what: signal.Signals) -> None:
        for place in self._places:
            if place.pid is not None:
                os.kill(place.pid, what)  # it is there, for its end was not asked for yet

    def _bury(self) -> None:
        """See to the workers that have ended."""
        for number, place in enumerate(self._places):
            if place.pid is None:
                continue
            pid, status = os.waitpid(place.pid, os.WNOHANG)
            if not pid:
                continue
            self._served = self._served or any(self._board[:])
            place.pid, self._board[number] = None, 0
            if self._metrics:
                self._metrics.forget(pid)
            if self._leaving is None and self._served:
                self._plan(number, place, pid, status)
            elif self._leaving is None:
                self._failure = _how(status)
                self._leave(signal.SIGTERM)

    def _plan(self, number: int, place: _Place, pid: int, status: int) -> None:
        now = time.monotonic()
        steady = now - place.since >= _STEADY_S
        longer = _FIRST_PAUSE_S if steady or not place.pause else 2 * place.pause
        place.pause = min(longer, _LONGEST_PAUSE_S)
        place.due = now + place.pause
        _LOG.error(
            "worker %d (process %d) ended %s; in %.3g s it is started again",
            number + 1,
            pid,
            _how(status),
            place.pause,
        )

    def _end(self) -> NoReturn:
        if self._metrics:
            self._metrics.close()
        if self._leaving is signal.SIGINT:
            raise KeyboardInterrupt
        if self._failure is not None:
            raise ConfigurationError(f"no worker serves; the first one ended {self._failure}")
        sys.exit(0)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
