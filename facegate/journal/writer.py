"""The one thread of a process that writes to the journal.

Requests hand their records over and go on, or wait until they are committed. Whatever came in while
the thread was writing is committed together, so a slow disk costs a commit and not one for each.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections.abc import Sequence
from itertools import count
from queue import SimpleQueue
from typing import Protocol

from facegate.errors import JournalUnavailable
from facegate.journal.chain import Record
from facegate.runtime.forking import in_child

_BATCH = 500
"""Requests in one transaction, at most."""
LINGER_S = 0.02
"""Seconds that the first of a batch waits for company where nobody waits for it."""
_PAUSES_S = (0.05, 0.2, 1.0)
"""Seconds before trying again; the last one over and over."""

_log = logging.getLogger(__name__)


class Append(Protocol):
    """A function that writes records, all or none; see :meth:`.store.Store.append`."""

    def __call__(self, batch: Sequence[Record], *, again: bool = False) -> object: ...


class Entry:
    """The records of one request, on their way to the database.

    Args:
        records: in their order, the request's first.
    """

    __slots__ = ("_unwritten", "records")

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self._unwritten = threading.Lock()  # a fifth of what an Event costs
        self._unwritten.acquire()

    def wait(self, seconds: float) -> bool:
        """Wait until they are committed, so many seconds at most; tells whether they are."""
        if not self._unwritten.acquire(timeout=seconds):
            return False
        self._unwritten.release()
        return True

    def written(self) -> None:
        """Tell whoever waits that they are committed."""
        self._unwritten.release()


class Writer:
    """The thread that takes entries and writes them, in their order.

    What cannot be written is tried again until it can; meanwhile the queue fills up and
    :meth:`put` refuses what is too much. Nothing that was taken is dropped.

    Args:
        append: writes records, all or none.
        most: entries that may wait.
        linger_s: seconds that the first of a batch waits for company.
        close_s: seconds that closing waits for what is not written.
    """

    def __init__(self, append: Append, most: int, linger_s: float, close_s: float) -> None:
        self._append, self._most = append, most
        self._linger_s, self._close_s = linger_s, close_s
        self._begin()
        in_child(self._begin)

    def _begin(self) -> None:
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()  # None: nothing more will come
        self._waiting = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ends: float | None = None
        self.failure = ""

    def offer(self, entry: Entry) -> bool:
        """Take an entry if there is room; tells whether it was taken.

        Raises:
            JournalUnavailable: it is closed, or no thread can be started to write.
        """
        return self.put(entry, 0)

    def put(self, entry: Entry, seconds: float) -> bool:
        """Take an entry, waiting up to so many seconds for room; tells whether it was taken.

        Raises:
            JournalUnavailable: it is closed, or no thread can be started to write.
        """
        with self._changed:
            if not self._room:
                self._changed.wait_for(lambda: self._closed or self._room, seconds)
            taken = self._closed or self._room
            if taken:
                self._take(entry)
        return taken

    def add(self, entry: Entry) -> None:
        """Take an entry, room or not.

        Raises:
            JournalUnavailable: it is closed, or no thread can be started to write.
        """
        with self._changed:
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")
        if self._thread is None:
            self._thread = self._begun()
        self._waiting += 1
        self._queue.put(entry)

    def _begun(self) -> threading.Thread:
        # A daemon: a database that hangs must not keep the process alive.
        thread = threading.Thread(target=self._run, name="facegate-journal", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # there are too many; then nobody would ever write what was taken
            raise JournalUnavailable("no thread could be started to write the journal") from None
        _started.add(self)
        return thread

    def close(self) -> None:
        """Take nothing more, and write what waits. A second call does nothing."""
        with self._changed:
            if self._closed:
                return
            self._ends = time.monotonic() + self._close_s
            self._queue.put(None)
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(self._close_s + _PAUSES_S[-1])
        if self._waiting:
            _log.error("%d requests were not recorded: %s", self._waiting, self.failure)

    @property
    def _closed(self) -> bool:
        return self._ends is not None

    @property
    def _room(self) -> bool:
        return self._waiting < self._most

    def _run(self) -> None:
        last = False
        while not last:
            batch, last = self._next()
            if batch and not self._write([each for entry in batch for each in entry.records]):
                return
            for entry in batch:
                entry.written()
            with self._changed:
                self._waiting -= len(batch)
                self._changed.notify_all()

    def _next(self) -> tuple[list[Entry], bool]:
        """Entries to write together, and whether they are the last."""
        batch, entry = list[Entry](), self._queue.get()
        if self._linger_s and not self._closed:
            time.sleep(self._linger_s)
        while entry is not None:
            batch.append(entry)
            if len(batch) == _BATCH or self._queue.empty():  # nobody else takes anything out
                return batch, False
            entry = self._queue.get()
        return batch, True

    def _write(self, records: Sequence[Record]) -> bool:
        """Write until it succeeds; False where it was closed before that."""
        for tries in count():
            try:
                self._append(records, again=tries > 0)
            except Exception as error:  # noqa: BLE001  whatever it is, the records are still here
                self.failure = getattr(error, "message", type(error).__name__)
            else:
                self.failure = ""
                return True
            if not tries:
                _log.warning("%s; it is tried again", self.failure)
            if self._ends is not None and time.monotonic() >= self._ends:
                return False
            time.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
        return False


_started: weakref.WeakSet[Writer] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Close the journals that nobody closed, so that nothing is lost."""
    for writer in list(_started):
        writer.close()
