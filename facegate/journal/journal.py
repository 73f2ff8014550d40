"""The journal: written by a verifier; read, labelled and cleared by whoever keeps it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path

from sqlalchemy import select

from facegate.errors import ConfigurationError, InvalidRequest, JournalUnavailable, ProviderTimeout
from facegate.events import Finished, Shadowed
from facegate.journal import reading, retention, transfer
from facegate.journal.chain import Head, Kind, Record
from facegate.journal.record import records_of, stamp, subject_hash
from facegate.journal.rows import RequestRow
from facegate.journal.schema import records
from facegate.journal.settings import JournalSettings
from facegate.journal.store import Store
from facegate.journal.transfer import Label
from facegate.journal.verification import ChainVerification
from facegate.journal.writer import LINGER_S, Entry, Writer
from facegate.providers.registry import plugin_versions
from facegate.runtime.flow import Flow, call

_CHUNK = 500
"""Labels in one transaction, or asked for in one query."""

Progress = Callable[[int, int], object]
"""A function that is called now and then with how many are done, and of how many."""


def _silently(_done: int, _of: int) -> None:
    """Progress that nobody watches."""


class Journal:
    """The record of every request, which shows if one was altered; see :mod:`facegate.journal`.

    When a request counts as recorded is a setting:

    - ``before_answer``: its records are committed, and with SQLite on disk. No answer is lost,
      whatever is killed. Requests that come in together are committed together.
    - ``background``: they are in memory, and written together every 20 ms. A killed process loses
      what came in since, and under more load than the database takes, or while it is away, up to
      ``queue`` requests. A machine that loses its power may lose SQLite's last commits as well.

    Either way, a request that is not recorded within ``wait_s`` seconds fails with
    :class:`~facegate.JournalUnavailable`. It may be recorded later all the same.

    Methods other than :meth:`record` block, and raise JournalUnavailable where the database fails.
    One journal serves any number of threads and, opened before a fork, the child as well.
    """

    def __init__(self, settings: JournalSettings) -> None:
        key = settings.subject_key
        self._key = key.get_secret_value().encode() if key else None
        self._settings = settings
        plugin_versions()  # now, and not during the first request
        self._waits = settings.sync == "before_answer"
        self._store = Store(settings.url.get_secret_value(), durable=self._waits)
        linger_s = 0.0 if self._waits else LINGER_S
        self._writer = Writer(self._store.append, settings.queue, linger_s, settings.close_s)

    def record(self, event: Finished | Shadowed) -> Flow[None]:
        """Record a request.

        Args:
            event: the request as it ended, or what a shadow candidate made of it.

        Raises:
            JournalUnavailable: it was not recorded in time.
        """
        ends = time.monotonic() + self._settings.wait_s
        entry = Entry(records_of(event, self._key))
        try:
            taken = self._writer.offer(entry)
            if not taken:
                taken = yield from call(partial(self._writer.put, entry, _left(ends)))
            if taken and self._waits:
                taken = yield from call(lambda: entry.written.wait(_left(ends)))
        except ProviderTimeout:  # the driver's deadline
            taken = False
        if taken:
            return
        why = f" ({self._writer.failure})" if self._writer.failure else ""
        failure = JournalUnavailable(f"not recorded within {self._settings.wait_s:g} s{why}")
        finished = event.candidate if isinstance(event, Shadowed) else event
        failure.attempts, failure.request_id = finished.attempts, finished.request_id
        raise failure

    def check(self) -> None:
        """Find out whether the database can be written to.

        Raises:
            JournalUnavailable: it cannot.
        """
        with self._store.writing():
            pass

    def close(self) -> None:
        """Write what waits, and close the database. A second call does nothing."""
        self._writer.close()
        self._store.close()

    def label(
        self, request_id: str, *, genuine: bool | None = None, spoof: bool | None = None
    ) -> None:
        """Note what was found out about a request; where labels differ, the latest holds.

        Args:
            request_id: id of the request.
            genuine: true for the claimed person, false for an impostor, None for not known.
            spoof: true for a presentation attack, false for none, None for not known.

        Raises:
            InvalidRequest: the journal has no such request, or there is nothing to note.
        """
        label = Label(request_id, genuine, spoof)
        if self._unknown([label]):
            raise InvalidRequest(f"no request {request_id!r} in the journal")
        self._store.append([_record(label)])

    def import_labels(self, path: Path, progress: Progress = _silently) -> int:
        """Note the labels of a CSV file, all or none where a line is wrong; gives how many.

        The columns are ``request_id``, ``genuine`` and ``spoof``: ``true``, ``false`` or empty.

        Raises:
            InvalidRequest: the file cannot be read, or a line of it is wrong, naming the line.
        """
        total = count = 0
        for some in _chunks(transfer.labels(path)):
            total += len(some)
            unknown = self._unknown(label for _, label in some)
            for line, label in some:
                if label.request_id in unknown:
                    raise InvalidRequest(
                        f"{path.name}, line {line}: no request {label.request_id!r} in the journal"
                    )
        for some in _chunks(transfer.labels(path)):
            self._store.append([_record(label) for _, label in some])
            count += len(some)
            progress(count, total)
        return count

    def note_batch(self, *, job: str, digest: str, rows: int) -> None:
        """Note that a batch is done, whose requests are in its own files and not here.

        Args:
            job: id of the batch.
            digest: SHA-256, in hex, of its summary, which has that of every part of its result.
            rows: number of its requests.
        """
        detail = json.dumps({"job": job, "summary": digest, "rows": rows})
        self._store.append([Record(Kind.BATCH, stamp(datetime.now(UTC)), {"detail": detail})])

    def rows(
        self,
        route: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[RequestRow]:
        """The requests in the order they were recorded, as the journal is now.

        Args:
            route: whose requests to read; None for all.
            since: the earliest beginning of a request; None for no bound.
            until: the moment before which a request began; None for no bound.
        """
        return reading.rows(self._store, route, since, until)

    def export(
        self,
        path: Path,
        route: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        progress: Progress = _silently,
    ) -> int:
        """Write :meth:`rows` to a ``.csv`` or ``.parquet`` file; gives how many.

        Raises:
            InvalidRequest: another ending, or a place that cannot be written.
            ConfigurationError: the package for Parquet is missing.
        """
        total = reading.count(self._store, route, since, until)
        rows = self.rows(route, since, until)
        return transfer.export(rows, path, lambda done: progress(done, total))

    @property
    def exists(self) -> bool:
        """Whether anything was ever recorded, as far as that is known without a server."""
        return self._store.exists

    def head(self) -> Head:
        """The end of the chain, to be written down elsewhere."""
        with self._store.reading() as connection:
            return self._store.head(connection)

    def verify(
        self, expected: Head | None = None, progress: Progress = _silently
    ) -> ChainVerification:
        """Check every record against the one before it, and a head that was written down."""
        return reading.verify(self._store, expected, progress)

    def erase(self, subject: str) -> int:
        """Erase what is recorded of a person; gives how many records.

        Raises:
            ConfigurationError: there is no ``subject_key``, so nobody is recorded by name.
        """
        hashed = subject_hash(subject, self._key)
        if hashed is None:
            raise ConfigurationError("journal.subject_key is not set, so no subject is recorded")
        return retention.erase(self._store, hashed)

    def purge(self, before: datetime, progress: Progress = _silently) -> int:
        """Remove the oldest records, up to the first that is younger; gives how many."""
        return retention.purge(self._store, before, progress)

    def _unknown(self, labels: Iterable[Label]) -> set[str]:
        wanted = {label.request_id for label in labels}
        there = select(records.c.request_id).where(
            records.c.request_id.in_(wanted), records.c.kind == Kind.REQUEST
        )
        with self._store.reading() as connection:
            return wanted - set(connection.scalars(there))


def _left(ends: float) -> float:
    return max(0.0, ends - time.monotonic())


def _record(label: Label) -> Record:
    content = {
        "request_id": label.request_id,
        "genuine": label.genuine,
        "spoof": label.spoof,
    }
    return Record(Kind.LABEL, stamp(datetime.now(UTC)), content)


def _chunks(labels: Iterator[tuple[int, Label]]) -> Iterator[list[tuple[int, Label]]]:
    while some := list(islice(labels, _CHUNK)):
        yield some
