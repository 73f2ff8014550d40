"""The ledger of a chunk: what is being asked, committed before it is, and every answer.

A ledger is a file of JSON lines that only grows, ``chunks/000123.1.jsonl``. Whoever takes a chunk
over begins the next file, ``000123.2.jsonl``, which of two that try succeeds for one, and reads
those before. Who worked on it until then looks for that file after each write and before it asks:
either the rows that it is about to ask can be read by the successor, or it sees that it has one.

Lines are:

- ``{"asking": [rows], "worst": money}``: they are about to be asked, for that much at most
- ``{"row": 7, ...}``: an answer, in the columns of the result
- ``{"unknown": [rows], ...}``: they were being asked when a worker was killed
- ``{"again": [rows], "run": 3}``: their answers do not count any more, by order of that run
- ``{"before": {...}, "run": 3}``: the figures of the part that is worked on again, by order of
  that run; those of its answers that are kept follow
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from facegate.batch.lease import Lease
from facegate.errors import InvalidRequest
from facegate.model import Billed


class Superseded(Exception):
    """Another worker has the chunk now, or another run the job."""


@dataclass(slots=True)
class Figures:
    """The figures of a part, a chunk or a job.

    Attributes:
        rows: rows with an answer or an error.
        decisions: number of rows by decision.
        errors: number of rows by the class of their error.
        failed: rows that failed for no fault of the picture.
        billed_errors: rows with an error that may have been charged for.
        cost: money that was charged or may have been, those asked twice included.
        doubtful: times that a row was asked again which may have been charged for.
    """

    rows: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    billed_errors: int = 0
    cost: float = 0.0
    doubtful: int = 0

    def __iadd__(self, other: Figures) -> Self:
        self.rows += other.rows
        self.decisions.update(other.decisions)
        self.errors.update(other.errors)
        self.failed += other.failed
        self.billed_errors += other.billed_errors
        self.cost += other.cost
        self.doubtful += other.doubtful
        return self

    def as_data(self) -> dict[str, Any]:
        """The figures as data, for :meth:`of_data`."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def __isub__(self, other: Figures) -> Self:
        self.rows -= other.rows
        self.decisions -= other.decisions
        self.errors -= other.errors
        self.failed -= other.failed
        self.billed_errors -= other.billed_errors
        self.cost -= other.cost
        self.doubtful -= other.doubtful
        return self

    @classmethod
    def of_data(cls, data: Mapping[str, Any]) -> Figures:
        """The figures that were written down."""
        counted = {name: Counter(data[name]) for name in ("decisions", "errors")}
        return cls(**{**data, **counted})


def sum_of(several: Iterable[Figures]) -> Figures:
    """The figures of several chunks together."""
    total = Figures()
    for each in several:
        total += each
    return total


class Replay:
    """A ledger as it was read so far.

    Attributes:
        answers: the answer of each row, by number.
        asking: rows that were being asked and have no answer.
        spent: money for all that was asked: what it cost, or the most that it may have.
        doubtful: times that a row was asked again which may have been charged for.
        again: number of the last run that had rows asked again; 0 for none.
        offsets: bytes that were read of each file.
    """

    def __init__(self) -> None:
        self.answers: dict[int, dict[str, Any]] = {}
        self.asking: dict[int, float] = {}
        self.spent = 0.0
        self.doubtful = 0
        self.again = 0
        self.offsets: dict[Path, int] = {}
        self._counted = Figures()

    def read(self, folder: Path, chunk: int) -> Self:
        """Read on, in all files of a chunk; a last line that is torn is left for later.

        Raises:
            InvalidRequest: a line is damaged, naming file and line.
        """
        for path in files(folder, chunk):
            self._read(path)
        return self

    def figures(self) -> Figures:
        """The figures of the rows so far."""
        counted = self._counted
        return replace(
            counted,
            rows=len(self.answers),
            decisions=+counted.decisions,  # a copy
            errors=+counted.errors,
            cost=self.spent,
            doubtful=self.doubtful,
        )

    def take(self, line: Mapping[str, Any]) -> None:
        """Take one line into account."""
        if "row" in line:
            row = line["row"]
            self.spent += (line.get("cost") or 0.0) - self.asking.pop(row, 0.0)
            if row in self.answers:
                self._count(self.answers[row], -1)
            self.answers[row] = dict(line)
            self._count(line, 1)
        elif "asking" in line:
            rows, worst = line["asking"], line["worst"]
            self.asking |= dict.fromkeys(rows, worst / len(rows))
            self.spent += worst
        elif "unknown" in line:
            self.doubtful += line["doubtful"]
            for row in line["unknown"]:  # the money stays spent
                self.asking.pop(row)
        elif "again" in line:
            self.again = line["run"]
            for row in line["again"]:
                self._count(self.answers.pop(row), -1)
        elif "before" in line:
            self.again = line["run"]
            before = Figures.of_data(line["before"])
            # The answers that follow bring their own cost along.
            self.spent += before.cost - line["kept"]
            self.doubtful += before.doubtful
        else:
            raise ValueError("no line of a ledger")

    def _count(self, answer: Mapping[str, Any], times: int) -> None:
        counted = self._counted
        if "decision" in answer:
            counted.decisions[answer["decision"]] += times
        if "error_code" in answer:
            counted.errors[answer["error_code"]] += times
            counted.failed += times * ("failure" in answer)
            counted.billed_errors += times * (answer.get("billed", Billed.MAYBE) != Billed.NO)

    def _read(self, path: Path) -> None:
        start = self.offsets.get(path, 0)
        try:
            with path.open("rb") as file:
                file.seek(start)
                whole, _, _torn = file.read().rpartition(b"\n")
        except FileNotFoundError:  # its part is there now
            return
        if not whole:
            return
        self.offsets[path] = start + len(whole) + 1
        for number, line in enumerate(whole.split(b"\n"), 1):
            try:
                self.take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError):
                before = path.read_bytes()[:start].count(b"\n")
                raise InvalidRequest(
                    f"{path}, line {before + number}: damaged; put the file back from a copy, or"
                    " begin the job anew in another folder"
                ) from None


class Ledger:
    """The ledger of one worker on one chunk.

    Args:
        folder: the folder of the ledgers.
        chunk: the chunk's number.
        lease: the run that it works for.
        durable: whether a write must be on disk before it counts.

    Attributes:
        durable: likewise.
        seen: what it says so far.

    Raises:
        InvalidRequest: it cannot be written, or one before it is damaged.
    """

    def __init__(self, folder: Path, chunk: int, lease: Lease, *, durable: bool) -> None:
        self._lease, self.durable = lease, durable
        before = files(folder, chunk)
        number = len(before) + 1
        self._path = path_of(folder, chunk, number)
        self._successor = path_of(folder, chunk, number + 1)
        try:
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            raise Superseded from None
        except OSError as error:
            raise _unwritable(self._path, error) from None
        self._end = 0
        if durable:
            _sync_folder(folder)
        try:
            self.seen = Replay().read(folder, chunk)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """Its name, which no other one of the job has."""
        return self._path.stem

    def commit(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write lines; where they must be, they are on disk once this returns.

        Raises:
            InvalidRequest: they cannot be written. Nothing of them is there then.
            Superseded: somebody else goes on from here; nothing more may be asked.
        """
        lines = list(lines)
        data = b"".join(_line(each) for each in lines)
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
            if self.durable and data:
                _sync(self._file)
        except OSError as error:
            os.ftruncate(self._file, self._end)
            os.lseek(self._file, self._end, os.SEEK_SET)
            raise _unwritable(self._path, error) from None
        self._end += len(data)
        for each in lines:
            self.seen.take(each)
        if self._is_lost():
            raise Superseded

    def _is_lost(self) -> bool:
        return self._successor.exists() or self._lease.successor.exists() or not self._path.exists()

    def close(self) -> None:
        """Close the file. A second call does nothing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def path_of(folder: Path, chunk: int, number: int) -> Path:
    """The file of a ledger: the first of a chunk has the number 1."""
    return folder / f"{chunk:06}.{number}.jsonl"


def files(folder: Path, chunk: int) -> list[Path]:
    """The files of a chunk's ledger, oldest first."""
    found: list[Path] = []
    while (path := path_of(folder, chunk, len(found) + 1)).exists():
        found.append(path)
    return found


def open_chunks(folder: Path) -> set[int]:
    """Numbers of the chunks that have a ledger."""
    return {int(each.name.split(".")[0]) for each in folder.glob("*.1.jsonl")}


def reopened(
    folder: Path, chunk: int, run: int, before: Figures, answers: Iterable[Mapping[str, Any]]
) -> None:
    """Begin a ledger with the answers of a part that a run is to work on again."""
    kept = list(answers)
    cost = sum(each.get("cost") or 0.0 for each in kept)
    head = {"before": before.as_data(), "kept": cost, "run": run}
    made = folder / f"{chunk:06}.made"
    removed(folder, chunk)  # what a kill has left of an older one
    try:
        made.write_bytes(b"".join(map(_line, [head, *kept])))
        made.replace(path_of(folder, chunk, 1))
    except OSError as error:
        raise _unwritable(made, error) from None


def removed(folder: Path, chunk: int) -> None:
    """Remove a ledger whose part is there.

    The oldest file goes first: without it, what is left is no ledger any more.
    """
    for path in sorted(folder.glob(f"{chunk:06}.*.jsonl"), key=_number):
        path.unlink(missing_ok=True)


def _number(path: Path) -> int:
    return int(path.name.split(".")[1])


def _line(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def _unwritable(path: Path, error: OSError) -> InvalidRequest:
    return InvalidRequest(
        f"cannot write {path}: {error.strerror}; what was answered is kept, and the same command"
        " goes on from there"
    )


_sync = getattr(os, "fdatasync", os.fsync)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere, a folder cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
