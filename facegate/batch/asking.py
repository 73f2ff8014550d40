"""Asking the rows of a chunk: so many at once, each committed before it is asked."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from facegate.batch.columns import Row, answered
from facegate.batch.ledger import Ledger, Superseded
from facegate.batch.money import CENT, Prices
from facegate.batch.pictures import Pictures
from facegate.errors import FacegateError, InvalidRequest
from facegate.model import Operation
from facegate.thresholds import Wanted
from facegate.verifier import AsyncFaceVerifier


class Ending(StrEnum):
    """The reason why a worker leaves a chunk."""

    DONE = "done"
    """All rows have an answer or an error."""
    MONEY = "money"
    """The next row could cost more than is left."""
    FAILURES = "failures"
    """Too many of the last rows failed."""
    STOPPED = "stopped"
    """The run is to end."""
    SUPERSEDED = "superseded"
    """Another worker has the chunk now, or another run the job."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of every row.

    Attributes:
        job: the job's id.
        operation: the question.
        wanted: the thresholds.
    """

    job: str
    operation: Operation
    wanted: Wanted

    def request_id(self, row: int) -> str:
        """The id of a row's request: the same on every try."""
        return f"b-{self.job}-{row}"


@dataclass
class Window:
    """The last rows of a worker, whose share of failures may stop it.

    Attributes:
        share: share of failures, above 0 up to 1.
        rows: rows that the share is of.
    """

    share: float
    rows: int
    _last: deque[bool] = field(init=False)

    def __post_init__(self) -> None:
        self._last = deque(maxlen=max(1, self.rows))

    def note(self, *, failed: bool) -> None:
        """Note how a row ended."""
        self._last.append(failed)

    @property
    def is_too_much(self) -> bool:
        """Whether so many failed that asking more makes no sense."""
        return sum(self._last) >= max(1.0, self.share * (self._last.maxlen or 1))


@dataclass
class Desk:
    """Where the rows of one chunk are asked.

    Attributes:
        verifier: who is asked.
        asked: what is asked of every row.
        pictures: the pictures of the job.
        prices: the prices of the question.
        ledger: the ledger of the chunk.
        window: the last rows of the worker.
        at_once: most rows in flight.
        most: money that the chunk may have cost at its end; None for no limit.
        stopped: tells whether the run is to end.
    """

    verifier: AsyncFaceVerifier
    asked: Asked
    pictures: Pictures
    prices: Prices
    ledger: Ledger
    window: Window
    at_once: int
    most: float | None
    stopped: Callable[[], bool]

    def __post_init__(self) -> None:
        self._ending = Ending.DONE
        self._flying = 0
        self._finished: list[dict[str, Any]] = []
        self._waiting: deque[Row] = deque()

    async def ask(self, rows: Iterator[Row]) -> Ending:
        """Ask rows until there are no more, or until there is a reason to stop.

        What is in flight then is waited for, and written.

        Raises:
            InvalidRequest: the ledger cannot be written; likewise.
        """
        failure: InvalidRequest | None = None
        unwritten: list[dict[str, Any]] = []
        self._changed = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            while self._flying or self._finished or self._ending is Ending.DONE:
                # Answers first: their rows are in flight until they are committed.
                finished, self._finished = self._finished, []
                self._judge(finished)
                group = self._next(rows, finished) if self._ending is Ending.DONE else []
                if not (finished or group or self._flying):
                    break
                if finished or group:
                    try:
                        ready = await self._committed(finished, group)
                    except InvalidRequest as error:
                        failure, self._ending, ready = failure or error, Ending.STOPPED, []
                        unwritten += finished
                    for row, pictures in ready:
                        self._flying += 1
                        tasks.create_task(self._one(row, pictures))
                if self._flying and not self._finished:
                    await self._changed.wait()
                self._changed = asyncio.Event()
        if failure is not None:
            with suppress(InvalidRequest, Superseded):  # there may be room again
                self.ledger.commit(unwritten)
            raise failure
        return self._ending

    def _judge(self, finished: Sequence[dict[str, Any]]) -> None:
        for each in finished:
            self.window.note(failed="failure" in each)
        if self._ending is Ending.DONE and self.window.is_too_much:
            self._ending = Ending.FAILURES
        if self._ending is Ending.DONE and self.stopped():
            self._ending = Ending.STOPPED

    def _next(self, rows: Iterator[Row], finished: Sequence[dict[str, Any]]) -> list[Row]:
        """The rows that may be asked once these answers are written."""
        group: list[Row] = []
        seen = self.ledger.seen
        spent = seen.spent + sum(
            (each["cost"] or 0) - seen.asking[each["row"]] for each in finished
        )
        while len(group) < self.at_once - self._flying:
            row = self._waiting.popleft() if self._waiting else next(rows, None)
            if row is None:
                break
            worst = self.prices.worst(len(row.gallery))
            if self.most is not None and spent + worst > self.most + CENT:
                self._waiting.append(row)
                if not group and not self._flying:  # what is in flight may turn out cheaper
                    self._ending = Ending.MONEY
                break
            spent += worst
            group.append(row)
        return group

    async def _committed(
        self, finished: Sequence[dict[str, Any]], group: Sequence[Row]
    ) -> list[tuple[Row, list[Any]]]:
        """:meth:`_commit`, in a thread where it waits for a disk."""
        if self.ledger.durable:
            return await asyncio.to_thread(self._commit, finished, group)
        return self._commit(finished, group)

    def _commit(
        self, finished: Sequence[dict[str, Any]], group: Sequence[Row]
    ) -> list[tuple[Row, list[Any]]]:
        """Write answers, and the rows that are to be asked; gives these with their pictures."""
        lines = list(finished)
        if group:
            worst = sum(self.prices.worst(len(row.gallery)) for row in group)
            lines.append({"asking": [row.number for row in group], "worst": worst})
        try:
            self.ledger.commit(lines)
        except Superseded:
            self._ending = Ending.SUPERSEDED
            return []
        return [(row, self._read(row)) for row in group]

    def _read(self, row: Row) -> list[Any]:
        """The pictures of a row, or the reason why one of them may not be read, at the end."""
        read: list[Any] = []
        try:
            for index, each in enumerate((row.probe, *row.gallery)):
                self.pictures.refuse_outside(each, f"gallery[{index - 1}]" if index else "probe")
                read.append(self.pictures.read(each))
        except InvalidRequest as error:
            read.append(error)
        return read

    async def _one(self, row: Row, pictures: Sequence[Any]) -> None:
        started = time.perf_counter()
        try:
            if isinstance(pictures[-1], InvalidRequest):
                raise pictures[-1]
            question = row.question(
                self.asked.operation,
                pictures[0],
                pictures[1:],
                threshold=self.asked.wanted.threshold,
                liveness_threshold=self.asked.wanted.liveness_threshold,
                request_id=self.asked.request_id(row.number),
            )
            outcome: Any = await self.verifier.ask(question)
        except FacegateError as error:
            outcome = error
        self._finished.append(answered(row.number, outcome, time.perf_counter() - started))
        self._flying -= 1
        self._changed.set()
