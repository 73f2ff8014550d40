"""The journal: written by a verifier; read, labelled and cleared by whoever keeps it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from facegate.errors import ConfigurationError, JournalUnavailable, ProviderTimeout
from facegate.events import Finished, Shadowed
from facegate.journal import finding, labelling, reading, retention, transfer
from facegate.journal.chain import Head, Kind, Record
from facegate.journal.lookup import Detail, Extent, Figures, Filter, Page
from facegate.journal.record import records_of, stamp, subject_hash
from facegate.journal.reviews import CLAIM_S, Reviews
from facegate.journal.rounds import Rounds
from facegate.journal.rows import Case, RequestRow
from facegate.journal.settings import JournalSettings
from facegate.journal.store import Store
from facegate.journal.transfer import Label
from facegate.journal.verification import ChainVerification
from facegate.journal.writer import LINGER_S, Entry, Writer
from facegate.providers.registry import plugin_versions
from facegate.runtime.flow import Flow, call

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

    Attributes:
        store: the database, where other tables of a service may be kept as well.
        rounds: what a sentinel found out about providers.
    """

    def __init__(self, settings: JournalSettings) -> None:
        key = settings.subject_key
        self._key = key.get_secret_value().encode() if key else None
        self._settings = settings
        plugin_versions()  # now, and not during the first request
        self._waits = settings.sync == "before_answer"
        chain_key = settings.chain_key
        self.store = Store(
            settings.url.get_secret_value(),
            durable=self._waits,
            key=chain_key.get_secret_value().encode() if chain_key else None,
        )
        linger_s = 0.0 if self._waits else LINGER_S
        self._reviews = Reviews(self.store)
        self.rounds = Rounds(self.store)
        self._writer = Writer(self.store.append, settings.queue, linger_s, settings.close_s)

    def record(self, event: Finished | Shadowed) -> Flow[None]:
        """Record a request.

        Args:
            event: the request as it ended, or what a shadow candidate made of it.

        Raises:
            JournalUnavailable: it was not recorded in time.
        """
        ends = time.monotonic() + self._settings.wait_s
        entry = self._entry(event)
        try:
            taken = self._writer.offer(entry)
            if not taken:
                taken = yield from call(partial(self._writer.put, entry, _left(ends)))
            if taken and self._waits:
                taken = yield from call(lambda: entry.wait(_left(ends)))
        except ProviderTimeout:  # the driver's deadline
            taken = False
        if taken:
            return
        why = f" ({self._writer.failure})" if self._writer.failure else ""
        failure = JournalUnavailable(f"not recorded within {self._settings.wait_s:g} s{why}")
        finished = event.candidate if isinstance(event, Shadowed) else event
        failure.attempts, failure.request_id = finished.attempts, finished.request_id
        raise failure

    def submit(self, event: Finished) -> None:
        """Queue a request that nobody waits for, even where the queue is full.

        Raises:
            JournalUnavailable: the journal is closed, or no thread can be started to write.
        """
        self._writer.add(self._entry(event))

    def check(self) -> None:
        """Find out whether the database can be written to.

        Raises:
            JournalUnavailable: it cannot.
        """
        try:
            with self.store.writing():
                pass
        except ConfigurationError as error:
            raise JournalUnavailable(error.message) from None

    def close(self) -> None:
        """Write what waits, and close the database. A second call does nothing."""
        self._writer.close()
        self.store.close()

    def label(
        self,
        request_id: str,
        *,
        genuine: bool | None = None,
        spoof: bool | None = None,
        caller: str | None = None,
    ) -> None:
        """Note what was found out about a request; where labels differ, the latest holds.

        Args:
            request_id: id of the request.
            genuine: true for the claimed person, false for an impostor, None for not known.
            spoof: true for a presentation attack, false for none, None for not known.
            caller: id of the key that it came with.

        Raises:
            InvalidRequest: the journal has no such request, or there is nothing to note.
        """
        labelling.label(self.store, Label(request_id, genuine, spoof), caller)

    def import_labels(self, path: Path, progress: Progress = _silently) -> int:
        """Note the labels of a CSV file, all or none where a line is wrong; gives how many.

        The columns are ``request_id``, ``genuine`` and ``spoof``: ``true``, ``false`` or empty.

        Raises:
            InvalidRequest: the file cannot be read, or a line of it is wrong, naming the line.
        """
        return labelling.import_labels(self.store, path, progress)

    def note(self, kind: Kind, detail: Mapping[str, Any], caller: str | None = None) -> None:
        """Note something that is no request: a key that was made, a configuration that was read.

        Args:
            kind: its subject.
            detail: what happened, as JSON has it; never a secret.
            caller: id of the key of whoever did it.
        """
        content = {"caller": caller, "detail": json.dumps(detail)}
        self.store.append([Record(kind, stamp(datetime.now(UTC)), content)])

    def note_batch(self, *, job: str, digest: str, rows: int) -> None:
        """Note that a batch is done, whose requests are in its own files and not here.

        Args:
            job: id of the batch.
            digest: SHA-256, in hex, of its summary, which has that of every part of its result.
            rows: number of its requests.
        """
        self.note(Kind.BATCH, {"job": job, "summary": digest, "rows": rows})

    def find(
        self,
        wanted: Filter = Filter(),  # noqa: B008  it is frozen
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> Page:
        """The requests that are wanted, the newest first; without shadows and what was erased.

        Args:
            wanted: which requests.
            after: number of a record that those wanted were recorded after; then the oldest come
                first. None for the newest.
            before: :attr:`Page.next` of the page before; None for the newest.
            limit: most of them.

        Raises:
            ConfigurationError: a subject is wanted, and there is no ``subject_key``.
        """
        subject = None if wanted.subject is None else self._hashed(wanted.subject)
        return finding.find(self.store, wanted, subject, after=after, before=before, limit=limit)

    def decision(self, request_id: str) -> Detail:
        """All that is recorded of one request.

        Raises:
            NotRecorded: there is no such request, or it was erased.
        """
        return finding.detail(self.store, request_id)

    def provider_figures(self, since: datetime) -> dict[str, Figures]:
        """Figures of every provider's attempts since a moment, by the provider's name."""
        return finding.figures(self.store, since)

    def cases(self, *, four_eyes: bool = False, routes: Sequence[str] | None = None) -> list[Case]:
        """The decisions that wait for a person, the oldest first, 200 at most.

        Args:
            routes: those of these routes alone; None for all.
            four_eyes: whether two reviewers must say the same, here and wherever it is asked.
        """
        return self._reviews.open(1 + four_eyes, routes)

    def claim(
        self, request_id: str, caller: str, seconds: float = CLAIM_S, *, four_eyes: bool = False
    ) -> Case:
        """Claim a case for so many seconds from now.

        Raises:
            NotRecorded: there is no such case.
            CaseTaken: somebody else looks at it, it is done, or the caller has decided it and
                another one must confirm that.
        """
        return self._reviews.claim(request_id, caller, seconds, 1 + four_eyes)

    def release(self, request_id: str, caller: str, *, four_eyes: bool = False) -> Case:
        """Give a case back.

        Raises:
            NotRecorded: there is no such case.
            CaseTaken: the caller does not look at it.
        """
        return self._reviews.release(request_id, caller, 1 + four_eyes)

    def review(
        self,
        request_id: str,
        caller: str,
        verdict: str,
        reason: str,
        found: str | None = None,
        *,
        four_eyes: bool = False,
    ) -> Case:
        """Decide a case that the caller has claimed.

        Args:
            request_id: id of the request.
            caller: the reviewer.
            verdict: ``accept`` or ``reject``.
            reason: theirs, in their words.
            found: ``genuine``, ``impostor`` or ``attack``, where they know; it becomes a label once
                the verdict counts.
            four_eyes: whether another reviewer must say the same.

        Raises:
            NotRecorded: there is no such case.
            CaseTaken: the caller does not look at it.
            InvalidRequest: another word than these.
        """
        return self._reviews.decide(
            request_id,
            caller,
            verdict=verdict,
            reason=reason,
            found=found,
            needed=1 + four_eyes,
        )

    def undo(self, request_id: str, caller: str, *, four_eyes: bool = False) -> Case:
        """Take back the caller's verdict, and the label that came of it, while the claim lasts.

        Raises:
            NotRecorded: there is no such case.
            CaseTaken: there is no such verdict, or the claim has ended.
        """
        return self._reviews.undo(request_id, caller, 1 + four_eyes)

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
        return reading.rows(self.store, route, since, until)

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
        total = reading.count(self.store, route, since, until)
        rows = self.rows(route, since, until)
        return transfer.export(rows, path, lambda done: progress(done, total))

    @property
    def exists(self) -> bool:
        """Whether anything was ever recorded, as far as that is known without a server."""
        return self.store.exists

    def head(self) -> Head:
        """The end of the chain, to be written down elsewhere."""
        with self.store.reading() as connection:
            return self.store.head(connection)

    def extent(self) -> Extent:
        """The size of the journal."""
        return reading.extent(self.store)

    def seal(self) -> None:
        """Hash the chain with ``chain_key`` from here on, where it was hashed without one before.

        Raises:
            ConfigurationError: there is no ``chain_key``, or the chain is hashed with one already.
        """
        self.store.seal()

    def verify(
        self, expected: Head | None = None, progress: Progress = _silently
    ) -> ChainVerification:
        """Check every record against the one before it, and a head that was written down.

        Raises:
            ConfigurationError: the chain is hashed with another key than ``chain_key``, or with
                none.
        """
        return reading.verify(self.store, expected, progress)

    def erase(self, subject: str) -> int:
        """Erase what is recorded of a person; gives how many records.

        Raises:
            ConfigurationError: there is no ``subject_key``, so nobody is recorded by name.
        """
        return retention.erase(self.store, self._hashed(subject))

    def purge(self, before: datetime, progress: Progress = _silently) -> int:
        """Remove the oldest records, up to the first that is younger; gives how many."""
        return retention.purge(self.store, before, progress)

    def _entry(self, event: Finished | Shadowed) -> Entry:
        return Entry([each.hashed() for each in records_of(event, self._key)])

    def _hashed(self, subject: str) -> str:
        hashed = subject_hash(subject, self._key)
        if hashed is None:
            raise ConfigurationError("journal.subject_key is not set, so no subject is recorded")
        return hashed


def _left(ends: float) -> float:
    return max(0.0, ends - time.monotonic())
