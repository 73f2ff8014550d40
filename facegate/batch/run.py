"""A run of a job: gives chunks to workers, holds to the money, and writes the summary."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from facegate.batch import worker
from facegate.batch.asking import Ending
from facegate.batch.cluster import WorkerLost, Workers
from facegate.batch.engines import Engine, engine
from facegate.batch.job import Job, Opened, Order, write_whole
from facegate.batch.lease import Lease, at_work
from facegate.batch.ledger import Figures, Replay, open_chunks, sum_of
from facegate.batch.money import Budget, Prices
from facegate.batch.parts import Part
from facegate.batch.pictures import folders_of
from facegate.batch.scoring import templated
from facegate.batch.source import database
from facegate.batch.worker import Report
from facegate.batch.worker import Run as Shared
from facegate.errors import ConfigurationError, InvalidRequest
from facegate.opening import recorder

_LOOK_S = 0.5
"""Seconds between two looks at what the workers have done."""
_KILLS = 3
"""Times that workers may be killed over one chunk."""


@dataclass(frozen=True, slots=True)
class Status:
    """How far a job is.

    Attributes:
        job: the job's id.
        rows: its rows.
        figures: the figures of the rows that have an answer or an error.
        ending: why the run ended; None while it goes on, or where a run was killed.
        at_work: whether a run is at work.
        digest: SHA-256 of the summary, in hex; None until all rows are done.
    """

    job: str
    rows: int
    figures: Figures
    ending: Ending | None = None
    at_work: bool = False
    digest: str | None = None

    @property
    def done(self) -> bool:
        """Whether every row has an answer or an error, in a part."""
        return self.digest is not None

    def as_data(self) -> dict[str, Any]:
        """The status as JSON-ready data."""
        return {
            "job": self.job,
            "rows": self.rows,
            "answered_or_failed": self.figures.rows,
            "at_work": self.at_work,
            "ending": self.ending,
            "summary_sha256": self.digest,
            **figures_as_data(self.figures),
        }


def figures_as_data(figures: Figures) -> dict[str, Any]:
    """Figures in the words of the summary."""
    return {
        "decisions": dict(figures.decisions),
        "errors": dict(figures.errors),
        "failed": figures.failed,
        "cost": round(figures.cost, 6),
        "perhaps_charged_twice": figures.doubtful,
    }


Progress = Callable[[Status], object]
"""A function that is called now and then with how far the job is."""


def _silently(_status: Status) -> None:
    """Progress that nobody watches."""


def run(order: Order, progress: Progress = _silently) -> Status:
    """Do what was ordered, or go on with it.

    Args:
        order: what is to be done.
        progress: is told how far it is.

    Raises:
        ConfigurationError: it is not the job that the folder holds, or it cannot be held to its
            limits.
        InvalidRequest: the files cannot be asked, or the folder cannot be written.
    """
    opened = Opened.of(order.config, order.name)
    prices = Prices.of(opened.setup.route, order.operation)
    most = order.most or opened.settings.most
    if most is not None:
        if not most > 0:  # also refuses NaN, which no sum would pass
            raise InvalidRequest("the money that a job may cost is a number above 0")
        prices.refuse_unknown()
    begin = engine(order.on, order.workers)
    if order.on or (order.workers or 1) > 1:
        _refuse_several(order, opened)
    _make(order.out)
    lease = Lease.take(order.out / "runs")
    try:
        with database() as files:
            job = Job.begun(order, opened, files)
            folders = folders_of(next(job.source.read(files, 1, 1)))
        shared = Shared(
            folder=str(job.folder.absolute()),
            number=lease.number,
            config=str(opened.loaded.path) if opened.loaded.path else None,
            name=opened.name,
            at_once=order.at_once or opened.settings.at_once,
            unknown=order.unknown,
            again=order.again is not None,
            failures=opened.settings.failures,
            stamps=job.source.stamps(),
            lease=lease.path.read_bytes(),
            folders=folders,
        )
        money = Budget(most, prices.worst(1) * shared.at_once)
        running = _Run(
            job=job,
            lease=lease,
            shared=shared,
            money=money,
            progress=progress,
            engine=begin,
            order=order,
        )
        ending = running.work()
        return _ended(job, opened, ending)
    finally:
        lease.release()


def status(folder: Path) -> Status:
    """How far the job of a folder is, read from its files alone.

    Raises:
        InvalidRequest: there is no job, or one of its ledgers is damaged.
    """
    job = Job.read(folder)
    digest = None
    if (folder / "summary.json").exists():
        digest = hashlib.sha256((folder / "summary.json").read_bytes()).hexdigest()
    unfinished = open_chunks(job.ledgers)
    figures = sum_of(part.figures for part in job.done(unfinished).values())
    for chunk in unfinished:
        figures += Replay().read(job.ledgers, chunk).figures()
    return Status(job.id, job.source.rows, figures, at_work=at_work(folder / "runs"), digest=digest)


class _Run:
    """One run, in the process that began it."""

    def __init__(
        self,
        *,
        job: Job,
        lease: Lease,
        shared: Shared,
        money: Budget,
        progress: Progress,
        engine: Engine,
        order: Order,
    ) -> None:
        self._job, self._lease, self._shared, self._money = job, lease, shared, money
        self._progress, self._engine = progress, engine
        unfinished = open_chunks(job.ledgers)
        done = job.done(unfinished)
        self._figures = {chunk: part.figures for chunk, part in done.items()}
        self._closed = sum_of(self._figures.values())
        self._open = {chunk: Replay().read(job.ledgers, chunk) for chunk in unfinished}
        money.spent = {chunk: each.cost for chunk, each in self._figures.items()}
        money.spent |= {chunk: replay.spent for chunk, replay in self._open.items()}
        self._waiting = deque(
            chunk
            for chunk in job.chunks
            if chunk not in done or (order.again and done[chunk].figures.errors)
        )
        self._running: dict[Future[Report], int] = {}
        self._ending = Ending.DONE
        self._kills = Counter[int]()

    def work(self) -> Ending:
        """Have all chunks worked on, until there is none left or a reason to stop."""
        if not self._waiting:
            return self._ending
        workers = self._engine()
        try:
            self._shared = replace(self._shared, workers=workers.count)
            workers.everywhere(worker.ready, self._shared)
            while self._waiting or self._running:
                broken = self._submit(workers)
                finished, _ = wait(self._running, _LOOK_S, FIRST_COMPLETED)
                self._lease.beat()
                if self._take(finished) or broken:
                    workers.shutdown()
                    workers = self._engine()
                self._tell()
        except BaseException:
            self._stop()
            wait(self._running)
            raise
        finally:
            workers.everywhere(worker.close)
            workers.shutdown()
        return self._ending

    def _submit(self, workers: Workers) -> bool:
        """Give chunks to workers that have none; gives whether they are to be begun anew."""
        while self._waiting and len(self._running) < workers.count:
            chunk = self._waiting[0]
            if not self._money.grant(chunk, workers.count - len(self._running)):
                break
            most = self._money.granted.get(chunk)
            try:
                future = workers.submit(worker.work, self._shared, chunk, most)
            except BrokenExecutor:
                self._money.granted.pop(chunk, None)
                self._note_kill(chunk)
                return True
            self._running[future] = self._waiting.popleft()
        return False

    def _take(self, finished: set[Future[Report]]) -> bool:
        """Take the reports of chunks; gives whether the workers are to be begun anew."""
        broken = False
        for future in finished:
            chunk = self._running.pop(future)
            try:
                report = future.result()
            except BrokenExecutor as error:
                broken = broken or not isinstance(error, WorkerLost)
                self._waiting.appendleft(chunk)
                self._money.settle(chunk, self._replayed(chunk).spent)
                self._note_kill(chunk)
            else:
                self._note(report)
        return broken

    def _note_kill(self, chunk: int) -> None:
        self._kills[chunk] += 1
        if self._kills[chunk] >= _KILLS:
            raise ConfigurationError(
                f"workers were killed {_KILLS} times before one was done with a chunk: is there"
                " enough memory? The same command goes on"
            )

    def _note(self, report: Report) -> None:
        chunk = report.chunk
        self._open.pop(chunk, None)
        self._closed -= self._figures.get(chunk, Figures())
        self._closed += report.figures
        was_all = self._money.settle(chunk, report.figures.cost)
        self._figures[chunk] = report.figures
        match report.ending:
            case Ending.MONEY:
                self._waiting.appendleft(chunk)
                if was_all:
                    self._stop(Ending.MONEY)
            case Ending.SUPERSEDED if not self._lease.successor.exists():
                self._waiting.append(chunk)  # an engine gave it to two workers
            case Ending.FAILURES | Ending.STOPPED | Ending.SUPERSEDED:
                self._stop(report.ending)

    def _stop(self, ending: Ending = Ending.STOPPED) -> None:
        """Have the workers come to an end; the first reason counts."""
        self._waiting.clear()
        self._lease.stop()
        if self._ending is Ending.DONE:
            self._ending = ending

    def _replayed(self, chunk: int) -> Replay:
        self._closed -= self._figures.pop(chunk, Figures())
        return self._open.setdefault(chunk, Replay()).read(self._job.ledgers, chunk)

    def _tell(self) -> None:
        for chunk in self._running.values():
            self._replayed(chunk)
        figures = sum_of(replay.figures() for replay in self._open.values())
        figures += self._closed
        self._progress(Status(self._job.id, self._job.source.rows, figures, at_work=True))


def _ended(job: Job, opened: Opened, ending: Ending) -> Status:
    """The status after a run, and the summary where every row is done."""
    unfinished = open_chunks(job.ledgers)
    done = job.done(unfinished)
    figures = sum_of(part.figures for part in done.values())
    if len(done) < len(job.chunks):
        if ending not in (Ending.MONEY, Ending.FAILURES):
            raise ConfigurationError(f"{job.folder}: another run has taken the job over")
        for chunk in unfinished:
            figures += Replay().read(job.ledgers, chunk).figures()
        return Status(job.id, job.source.rows, figures, ending)
    if ending is Ending.DONE and figures.failed >= max(1, opened.settings.failures * figures.rows):
        ending = Ending.FAILURES
    path = job.folder / "summary.json"
    before = path.read_bytes() if path.exists() else None
    content = write_whole(path, _summary(job, done, figures))
    digest = hashlib.sha256(content).hexdigest()
    if content != before:
        _record(opened, job, digest)
    return Status(job.id, job.source.rows, figures, ending, digest=digest)


def _summary(job: Job, done: Mapping[int, Part], figures: Figures) -> dict[str, Any]:
    parts = [
        {"file": f"parts/{part.file}", "rows": part.figures.rows, "sha256": part.sha256}
        for part in (done[chunk] for chunk in job.chunks)
    ]
    return {
        "job": job.id,
        "operation": str(job.operation),
        "configuration": job.configuration,
        "rows": job.source.rows,
        **figures_as_data(figures),
        "parts": parts,
    }


def _record(opened: Opened, job: Job, digest: str) -> None:
    """Note the job in the journal, where there is one that can keep it."""
    journal: Any = recorder(opened.loaded)  # of all recorders, the one that is configured
    if journal is None:
        return
    try:
        journal.note_batch(job=job.id, digest=digest, rows=job.source.rows)
    finally:
        journal.close()


def _refuse_several(order: Order, opened: Opened) -> None:
    """Refuse what several workers cannot do together."""
    route = opened.setup.route
    if order.all_pairs and templated(route, order.operation):
        raise InvalidRequest(
            "all pairs are compared by templates, which one worker keeps: its engine uses all"
            " cores of this machine; leave --workers and --on away"
        )
    for provider in route.providers:
        limits = opened.loaded.document.limits.get(provider.name)
        if limits is not None and limits.shared is None:
            raise ConfigurationError(
                f"limits.{provider.name} would hold for each worker by itself;"
                f" set limits.{provider.name}.shared, or take one worker of this machine"
            )


def _make(folder: Path) -> None:
    """Make the job's folder, which holds nothing else."""
    known = {"job.json", "runs", "input", "chunks", "parts", "summary.json"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strange = [each.name for each in folder.iterdir() if each.name not in known]
    except OSError as error:
        raise InvalidRequest(f"cannot write {folder}: {error.strerror}") from None
    if strange and not (folder / "job.json").exists():
        raise ConfigurationError(f"{folder} holds {min(strange)}, which is no part of a job")
