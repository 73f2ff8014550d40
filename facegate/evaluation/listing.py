"""A list in a file, as columns of numbers and codes."""

from __future__ import annotations

import csv
import gzip
import lzma
import re
import shutil
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

import duckdb
import numpy as np
from numpy.typing import NDArray

from facegate.errors import InvalidRequest
from facegate.evaluation.arrays import Codes

CAPTURE: Final = ("CaptureRejected", "ImageRejected", "UnsupportedPicture")
"""Errors that are of the picture, and so biometric outcomes. All others are outages."""
_MEMORY: Final = "250MB"
"""Of the database, beside the columns that it gives; what is more goes to a file."""
BROKEN: Final = (
    duckdb.Error,
    lzma.LZMAError,
    gzip.BadGzipFile,
    EOFError,
    UnicodeDecodeError,
    csv.Error,
    zlib.error,
)
"""Errors of a file that is not what its name says."""
PLACE: Final = "file_row_number"
"""The column of a row's place in its file, from 0 on."""


@contextmanager
def opened(path: Path) -> Iterator[Listing]:
    """A list, read from CSV, or from Parquet where its name ends so.

    CSV is turned into Parquet first, in a folder that nobody else can read and that goes at the
    end: so it is read once, and its columns many times.

    Raises:
        InvalidRequest: the file cannot be read.
    """
    with TemporaryDirectory(prefix="facegate-") as folder, duckdb.connect() as database:
        database.execute("SET threads = 2")
        database.execute(f"SET memory_limit = '{_MEMORY}'")
        database.execute(f"SET temp_directory = {_quoted(Path(folder, 'spilled'))}")
        try:
            staged = path if path.suffix == ".parquet" else _staged(database, path, Path(folder))
            yield Listing(database, path, staged)
        except BROKEN as error:
            raise _unreadable(path, error) from None
        except OSError as error:
            raise InvalidRequest(f"cannot read {path.name}: {error.strerror}") from None


class Listing:
    """A list whose rows are answers.

    Attributes:
        path: the file.
        names: its columns.
        outages: how often each class of provider failure came. These rows are in no column.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, path: Path, staged: Path) -> None:
        self._database = database
        self.path = path
        path.open("rb").close()  # for the system's own words where that cannot be
        source = f"read_parquet({_quoted(staged)}, {PLACE} = true)"
        described = database.execute(f"DESCRIBE FROM {source}").fetchall()
        self.names = {str(name) for name, *_ in described} - {PLACE}
        answered = f"{self.word('error_code')} IN ({', '.join(map(_quoted, ('', *CAPTURE)))})"
        self.outages = self._counts(self.word("error_code"), f"{source} WHERE NOT {answered}")
        self._answers = f"{source} WHERE {answered}" if self.outages else source

    @property
    def file_rows(self) -> Codes:
        """Place of each row in the file, from 0 on."""
        return self.column(f"{PLACE}::INTEGER")

    def word(self, name: str) -> str:
        """SQL of a column as text; empty where it is empty or missing."""
        return f"coalesce({_named(name)}::VARCHAR, '')" if name in self.names else "''"

    def number(self, name: str) -> str:
        """SQL of a column as a number; NaN where it is none."""
        return f"coalesce(try_cast({_named(name)} AS DOUBLE), 'nan')"

    def column(self, expression: str) -> NDArray[Any]:
        """The values of an expression, which is never null, for each row."""
        query = f"SELECT {expression} AS one FROM {self._answers}"  # noqa: S608 - names are quoted
        return np.asarray(self._database.execute(query).fetchnumpy()["one"])

    def filled(self, name: str) -> bool:
        """Whether a column is there and anything in it."""
        return name in self.names and bool(self.column(f"count({_named(name)})")[0])

    def values(self, name: str) -> list[str]:
        """The different texts in a column, sorted."""
        return sorted(self.counts(self.word(name)))

    def counts(self, expression: str) -> dict[str, int]:
        """How often there is each text but the empty one."""
        return self._counts(expression, self._answers)

    def codes(self, *names: str) -> tuple[tuple[Codes, ...], list[str]]:
        """Codes of the texts in columns, the same in all of them, and the texts by code.

        A code is -1 where there is no text.
        """
        texts = " UNION ".join(
            f"SELECT {self.word(name)} AS one FROM {self._answers}"  # noqa: S608
            for name in names
        )
        self._database.execute("DROP TYPE IF EXISTS texts")
        self._database.execute(
            f"CREATE TYPE texts AS ENUM (SELECT one FROM ({texts}) WHERE one <> '' ORDER BY one)"  # noqa: S608
        )
        known = self._database.execute("SELECT unnest(enum_range(NULL::texts))::VARCHAR").fetchall()
        coded = tuple(
            self.column(
                f"coalesce(enum_code(nullif({self.word(name)}, '')::texts)::INTEGER, -1)::INTEGER"
            )
            for name in names
        )
        return coded, [text for (text,) in known]

    def ids(self, rows: Sequence[int]) -> list[str]:
        """The ids of rows by their places in the file; their numbers, from 1 on, without ids."""
        if "id" not in self.names:
            return [str(row + 1) for row in rows]
        places = ", ".join(map(str, rows))
        query = f"SELECT {PLACE}, id::VARCHAR FROM {self._answers}"  # noqa: S608
        where = "AND" if self.outages else "WHERE"
        found = dict(self._database.execute(f"{query} {where} {PLACE} IN ({places})").fetchall())
        return [found[row] for row in rows]

    def where(self, row: int) -> str:
        """A row, by its place in the file, as people find it: by its line, if lines there are."""
        if self.path.suffix == ".parquet":
            return f"{self.path.name}, row {row + 1}"
        with text_of(self.path) as file, suppress(csv.Error):  # a value too long for it
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=_separator(first))
            for _, _ in zip(range(row + 2), filter(None, reader), strict=False):
                pass
            return f"{self.path.name}, line {reader.line_num}"
        return f"{self.path.name}, row {row + 1}"

    def _counts(self, expression: str, source: str) -> dict[str, int]:
        query = f"SELECT {expression} AS one, count(*) FROM {source} GROUP BY one ORDER BY one"  # noqa: S608
        return {text: count for text, count in self._database.execute(query).fetchall() if text}


@contextmanager
def text_of(path: Path) -> Iterator[IO[str]]:
    """A text file, also of one that is compressed as ``.gz`` or ``.xz``."""
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(path.suffix, open)
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:  # type: ignore[operator]
        yield file


def _staged(database: duckdb.DuckDBPyConnection, path: Path, folder: Path) -> Path:
    source, staged = path, folder / "list.parquet"
    with text_of(path) as file:
        first = file.readline()
    separator = _separator(first)
    names = next(csv.reader([first], delimiter=separator), [])
    repeated = [name for name in names if names.count(name) > 1]
    if repeated or not all(names):
        raise InvalidRequest(f"{path.name}, line 1: two columns of one name, or one without a name")
    if not names:
        raise InvalidRequest(f"{path.name} holds no answers")
    if path.suffix == ".xz":
        source = folder / "list.csv"
        with lzma.open(path) as packed, source.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in names)
    read = (
        f"read_csv({_quoted(source)}, auto_detect = false, header = true, quote = '\"',"
        f" escape = '\"', delim = {_quoted(separator)}, columns = {{{columns}}})"
    )
    database.execute(f"COPY (FROM {read}) TO {_quoted(staged)} (FORMAT parquet)")
    return staged


def _separator(first: str) -> str:
    """The separator of values, told by a file's first line: a spreadsheet may have another."""
    return next((each for each in ";\t" if each in first), ",")


def _unreadable(path: Path, error: Exception) -> InvalidRequest:
    """What is wrong with a file, without what is in it."""
    line = re.search(r"CSV Error on Line: (\d+)", str(error))
    if line:
        return InvalidRequest(f"{path.name}, line {line[1]}: not as many values as there are names")
    kind = "Parquet" if path.suffix == ".parquet" else "CSV in UTF-8"
    return InvalidRequest(f"{path.name} is no {kind} that can be read ({type(error).__name__})")


def _quoted(value: object) -> str:
    """A value as text in SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def _named(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'
