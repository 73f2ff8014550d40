"""Labels read from CSV, and rows written as CSV or Parquet."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

from facegate.errors import InvalidRequest
from facegate.journal.rows import RequestRow
from facegate.runtime.extras import extra

_WORDS = {
    **dict.fromkeys(("true", "yes", "1"), True),
    **dict.fromkeys(("false", "no", "0"), False),
    "": None,
}
_COLUMNS = ("request_id", "genuine", "spoof")
_TYPES = {
    "at": "TIMESTAMPTZ",
    **dict.fromkeys(("shadow", "judged_by_caller", "genuine", "spoof"), "BOOLEAN"),
    **dict.fromkeys(("match_score", "match_threshold"), "DOUBLE"),
    **dict.fromkeys(("liveness_score", "liveness_threshold"), "DOUBLE"),
    **dict.fromkeys(("seconds", "cost"), "DOUBLE"),
    "attempts": "INTEGER",
    "seq": "BIGINT",
}
"""Columns that Parquet keeps as anything but text."""
_FIELDS = [field.name for field in fields(RequestRow)]
_values = attrgetter(*_FIELDS)
_CHUNK = 1000
"""Rows between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Label:
    """The truth about a request, as somebody found it out.

    Attributes:
        request_id: id of the request.
        genuine: true for the claimed person, false for an impostor, None for not known.
        spoof: true for a presentation attack, false for none, None for not known.

    Raises:
        InvalidRequest: neither is known.
    """

    request_id: str
    genuine: bool | None
    spoof: bool | None

    def __post_init__(self) -> None:
        if self.genuine is None and self.spoof is None:
            raise InvalidRequest("a label says whether it was genuine, or a spoof")


def labels(path: Path) -> Iterator[tuple[int, Label]]:
    """Labels of a CSV file, and the lines they are on, from 2 on.

    Raises:
        InvalidRequest: the file cannot be read, or a line of it is wrong, naming the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            separator = next((each for each in ";\t" if each in header), ",")  # as Excel has it
            file.seek(0)
            reader = csv.reader(file, delimiter=separator)
            columns = [name.strip().lower() for name in next(reader, [])]
            if "request_id" not in columns or not set(columns) <= {*_COLUMNS}:
                raise InvalidRequest(f"{path.name}, line 1: columns are {', '.join(_COLUMNS)}")
            for values in filter(None, reader):  # a blank line says nothing
                try:
                    yield reader.line_num, _label(columns, values)
                except InvalidRequest as error:
                    where = f"{path.name}, line {reader.line_num}"
                    raise InvalidRequest(f"{where}: {error.message}") from None
    except OSError as error:
        raise InvalidRequest(f"cannot read {path.name}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(f"{path.name} is no CSV in UTF-8 ({type(error).__name__})") from None


def _label(columns: Sequence[str], values: Sequence[str]) -> Label:
    if len(values) != len(columns):
        raise InvalidRequest(f"{len(values)} values for {len(columns)} columns")
    given = {name: value.strip() for name, value in zip(columns, values, strict=True)}
    truths: dict[str, bool | None] = {}
    for name in _COLUMNS[1:]:
        word = given.get(name, "").lower()
        if word not in _WORDS:
            raise InvalidRequest(f"{name} is true, false or empty")
        truths[name] = _WORDS[word]
    return Label(given["request_id"], **truths)


def export(rows: Iterable[RequestRow], path: Path, progress: Callable[[int], object]) -> int:
    """Write rows as CSV, or as Parquet where the name ends so; gives how many.

    Raises:
        InvalidRequest: another ending, or a place that cannot be written.
        ConfigurationError: the package for Parquet is missing.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InvalidRequest("export to a file that ends in .csv or .parquet")
    written = path.with_name(f"{path.name}.partial")
    try:
        try:
            count = _csv(rows, written, progress)
            if path.suffix == ".parquet":
                _parquet(written)
            written.replace(path)
        finally:
            written.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidRequest(f"cannot write {path.name}: {error.strerror}") from None
    return count


def _csv(rows: Iterable[RequestRow], path: Path, progress: Callable[[int], object]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_FIELDS)
        for count, row in enumerate(rows, 1):
            writer.writerow(map(_cell, _values(row)))
            if not count % _CHUNK:
                progress(count)
    return count


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else value


def _parquet(path: Path) -> None:
    """Turn a CSV into Parquet, in its place."""
    with extra("parquet", "duckdb", needed_by="Parquet"):
        import duckdb
    types = {name: _TYPES.get(name, "VARCHAR") for name in _FIELDS}
    with duckdb.connect() as database:
        table = database.read_csv(str(path), header=True, dtype=types)
        made = path.with_suffix(".parquet.made")
        table.write_parquet(str(made))
    made.replace(path)
