"""A worker: takes chunks one after the other, in whatever thread or process an engine gives it."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from facegate.batch.asking import Desk, Ending, Window
from facegate.batch.columns import Row
from facegate.batch.job import Job, Opened
from facegate.batch.lease import Lease
from facegate.batch.ledger import Figures, Ledger, Superseded, files, removed, reopened
from facegate.batch.money import Prices, may_bill
from facegate.batch.parts import Part, Writer
from facegate.batch.pictures import Pictures
from facegate.batch.scoring import Scored, Scoring
from facegate.batch.settings import LAST
from facegate.batch.source import database
from facegate.errors import ConfigurationError, FacegateError, InvalidRequest
from facegate.model import Billed

_LAST_HERE = 50
"""Rows that the share of failures is taken of at least: of fewer, chance would stop a run."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the workers of a run have in common.

    Attributes:
        folder: the job's folder.
        number: the run's number.
        config: the configuration's file.
        name: the route or provider that is asked.
        at_once: questions in flight, in each worker.
        unknown: what becomes of rows that were being asked when a worker was killed.
        again: whether rows that ended in an error are asked again.
        failures: share of a worker's last rows that stops it.
        stamps: size and last change of the files that rows are read from.
        lease: what the run's file holds, by which a worker knows the folder.
        folders: folders that the first row's pictures lie in.
        workers: workers that share the work.
    """

    folder: str
    number: int
    config: str | None
    name: str
    at_once: int
    unknown: Literal["ask", "skip"]
    again: bool
    failures: float
    stamps: tuple[tuple[int, int], ...]
    lease: bytes
    folders: tuple[str, ...]
    workers: int = 1


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a chunk.

    Attributes:
        chunk: its number.
        ending: why the worker left it.
        figures: its figures now.
    """

    chunk: int
    ending: Ending
    figures: Figures


_idle: list[Worker] = []
"""The workers of this process that have no chunk. An engine may have a thread for each chunk."""
_lock = threading.Lock()


def work(run: Run, chunk: int, most: float | None) -> Report:
    """Work on a chunk until it is done, or cannot go on.

    Whoever is given the same chunk later goes on where this one stopped.

    Args:
        run: the run.
        chunk: the chunk's number.
        most: money that the chunk may have cost in the end, what was spent on it before included.

    Raises:
        FacegateError: the job cannot be read or written here.
    """
    worker = _taken(run)
    try:
        return worker.take(chunk, most)
    finally:
        with _lock:
            _idle.append(worker)


def ready(run: Run) -> None:
    """Have a worker ready in this process, which has looked whether it can work for a run.

    Raises:
        ConfigurationError: it cannot.
    """
    worker = _taken(run)
    with _lock:
        _idle.append(worker)


def close(but: Run | None = None) -> None:
    """Let go of what the workers of this process hold that have no chunk; of one run's not."""
    with _lock:
        gone = [worker for worker in _idle if worker.run != but]
        _idle[:] = [worker for worker in _idle if worker.run == but]
    for worker in gone:
        worker.close()


def _taken(run: Run) -> Worker:
    """A worker of this process for a run: one that has no chunk, or a new one."""
    with _lock:
        for place, worker in enumerate(_idle):
            if worker.run == run:
                return _idle.pop(place)
    close(but=run)  # those of a run that was killed, as a rule
    try:
        return Worker(run)
    except FacegateError as error:
        raise ConfigurationError(f"a worker on {socket.gethostname()}: {error}") from None


class Worker:
    """A worker, for one run. One thread at a time uses it.

    Raises:
        FacegateError: it does not see what the run does, or has other software.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._lease = Lease(Path(run.folder, "runs"), run.number)
        self._refuse_elsewhere()
        self._job = job = Job.read(Path(run.folder))
        opened = Opened.of(run.config, run.name)
        route = opened.setup.route
        job.refuse_other_software(route)
        self._billed, self._prices = may_bill(route), Prices.of(route, job.operation)
        self._pictures = Pictures(opened.loaded.intake, job.root)
        self._scoring = Scoring.of(
            route,
            job.operation,
            job.wanted,
            self._pictures,
            threads=max(1, (os.cpu_count() or 1) // run.workers),
        )
        self._stopped = self._lease.stop_file.exists
        self._window = Window(run.failures, max(_LAST_HERE, LAST // run.workers))
        self._database = database()
        self._parts = Writer(
            self._database,
            job.source,
            job.parts,
            {
                "request_id": f"'b-{job.id}-' || told.\"row\"",
                "operation": f"'{job.operation}'",
                "configuration": f"'{job.configuration or ''}'",
            },
        )
        self._images: list[Row] = []
        self._runner = asyncio.Runner()
        self._verifier = opened.setup.awaited()

    def close(self) -> None:
        """Let go of connections and models."""
        self._runner.run(self._verifier.close())
        self._runner.close()
        self._database.close()

    def take(self, chunk: int, most: float | None) -> Report:
        """Work on a chunk; see :func:`work`."""
        job = self._job
        part, open_already = Part.read(job.parts, chunk), bool(files(job.ledgers, chunk))
        if part is not None and not open_already:
            if part.run == self.run.number or not (self.run.again and part.figures.errors):
                return Report(chunk, Ending.DONE, part.figures)
            good = self._parts.good_answers(chunk)
            reopened(job.ledgers, chunk, self.run.number, part.figures, good)
        try:
            with closing(Ledger(job.ledgers, chunk, self._lease, durable=self._billed)) as ledger:
                ending, figures = self._work(chunk, ledger, most)
        except Superseded:
            return Report(chunk, Ending.SUPERSEDED, Figures())
        return Report(chunk, ending, figures)

    def _work(self, chunk: int, ledger: Ledger, most: float | None) -> tuple[Ending, Figures]:
        self._refuse_changed()
        ledger.commit(self._heads(ledger))
        scored = self._score(self._scoring, chunk, ledger) if self._scoring else None
        if self._scoring and scored is None:
            return Ending.STOPPED, ledger.seen.figures()
        desk = Desk(
            verifier=self._verifier,
            asked=self._job.asked,
            pictures=self._pictures,
            prices=self._prices,
            ledger=ledger,
            window=self._window,
            at_once=self.run.at_once,
            most=most,
            stopped=self._stopped,
        )
        rows = self._rows(chunk, ledger, None if scored is None else set(scored.left))
        ending = self._runner.run(desk.ask(rows))
        figures = ledger.seen.figures()
        if scored is not None:
            figures += scored.figures
        if ending is Ending.DONE:
            made = self._job.parts / f"{ledger.name}.made"
            self._parts.write(made, *self._job.bounds(chunk), self._lines(ledger, scored))
            self._refuse_changed()
            ledger.commit(())  # or somebody else has the chunk, and writes its part
            self._parts.publish(made, chunk, self.run.number, figures)
            removed(self._job.ledgers, chunk)
        return ending, figures

    def _refuse_elsewhere(self) -> None:
        """Refuse to work with folders that are not those of the run."""
        try:
            same = self._lease.path.read_bytes() == self.run.lease
        except OSError:
            same = False
        if not same:
            raise ConfigurationError(
                f"{self.run.folder} is not there, or is another folder; a job lies on storage that"
                " all workers share"
            )
        for folder in self.run.folders:
            if not Path(folder).is_dir():
                raise ConfigurationError(f"{folder} is not there, and pictures are in it")

    def _refuse_changed(self) -> None:
        """Refuse to go on with files that are others than when the run began."""
        if self._job.source.stamps() != self.run.stamps:
            raise InvalidRequest(
                f"{self._job.folder}: a file was changed while its rows were asked; put it back,"
                " and the same command goes on"
            )

    def _heads(self, ledger: Ledger) -> Iterator[dict[str, Any]]:
        """What is to be said before the first row is asked: of those that others left behind."""
        seen = ledger.seen
        unknown = list(seen.asking)
        if unknown and self._billed and self.run.unknown == "skip":
            yield from (_interrupted(row, seen.asking[row]) for row in unknown)
        elif unknown:
            yield {"unknown": unknown, "doubtful": len(unknown) if self._billed else 0}
        if self.run.again and seen.again != self.run.number:
            wrong = [row for row, line in seen.answers.items() if "error_code" in line]
            yield {"again": wrong, "run": self.run.number}

    def _rows(self, chunk: int, ledger: Ledger, only: set[int] | None) -> Iterator[Row]:
        """The rows of a chunk that have no answer yet."""
        first, last = self._job.bounds(chunk)
        if only is not None and not only:
            return
        answered = ledger.seen.answers
        for row in self._all_rows(first, last):
            if row.number not in answered and (only is None or row.number in only):
                yield row

    def _all_rows(self, first: int, last: int) -> Iterator[Row]:
        source = self._job.source
        if not source.all_pairs:
            yield from source.read(self._database, first, last)
            return
        images = self._listed()
        for row, probe, other in source.pairs(first, last):
            yield Row(row, images[probe - 1].probe, (images[other - 1].probe,))

    def _listed(self) -> list[Row]:
        """The pictures that are listed, where all pairs of them are asked."""
        source = self._job.source
        if not self._images:
            self._images = list(source.read(self._database, 1, source.listed))
        return self._images

    def _score(self, scoring: Scoring, chunk: int, ledger: Ledger) -> Scored | None:
        """The rows of a chunk that templates answer; None where the run is to end meanwhile."""
        source, answered = self._job.source, ledger.seen.answers
        first, last = self._job.bounds(chunk)
        if source.all_pairs:
            numbers = [each for each in source.pairs(first, last) if each[0] not in answered]
            images = [each.probe for each in self._listed()]
            pictures = (images[place - 1] for _, *places in numbers for place in places)
            if not scoring.look(pictures, self._stopped):
                return None
            return scoring.score(scoring.pairs(numbers, images))
        rows = [row for row in self._all_rows(first, last) if row.number not in answered]
        pictures = (each for row in rows for each in (row.probe, *row.gallery))
        if not scoring.look(pictures, self._stopped):
            return None
        scored = scoring.score(map(scoring.pair, rows))
        scoring.forget()
        return scored

    def _lines(self, ledger: Ledger, scored: Scored | None) -> Iterator[bytes]:
        source = self._job.source
        for row, answer in ledger.seen.answers.items():
            sides = {}
            if source.all_pairs:
                _, first, second = next(source.pairs(row, row))
                sides = {"first": first, "second": second}
            yield json.dumps({**answer, **sides}).encode() + b"\n"
        if scored is not None:
            yield from scored.lines


def _interrupted(row: int, worst: float) -> dict[str, Any]:
    """The answer of a row that was being asked, and is not asked again."""
    return {
        "row": row,
        "error_code": "Interrupted",
        "reason": "a worker was killed while it was being asked",
        "attempts": 1,
        "billed": Billed.MAYBE,
        "cost": worst,
    }
