"""The files of a job: read once, cut by row number, whatever an engine takes for a block."""

from __future__ import annotations

import csv
import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facegate.batch.columns import RESULT, Row, is_picture, is_read
from facegate.errors import InvalidRequest
from facegate.model import Operation
from facegate.runtime.extras import extra

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_AT_A_TIME = 500
"""Rows that are taken out of a chunk together."""
_LONGEST = 16 * 2**20
"""Bytes of the longest line of a CSV: one may hold pictures as data URIs."""


@dataclass(frozen=True, slots=True)
class Input:
    """A file of a job.

    Attributes:
        name: the file as it was given, for messages.
        folder: the folder that its relative paths start from, absolute.
        sha256: digest of its bytes, in hex.
        parquet: the Parquet file that its rows are read from, absolute.
        before: rows of the files before it.
        rows: rows of this one.
        columns: its columns, each with its type.
    """

    name: str
    folder: str
    sha256: str
    parquet: str
    before: int
    rows: int
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Source:
    """The rows of a job: those of its files, or all pairs of the pictures that they list.

    Attributes:
        inputs: the files, in order.
        all_pairs: whether each unordered pair of the listed pictures is a row.
        group_by: a column by which the rows of a chunk are put in order before they are asked.
    """

    inputs: Sequence[Input]
    all_pairs: bool = False
    group_by: str | None = None

    @property
    def listed(self) -> int:
        """The rows of the files."""
        return sum(each.rows for each in self.inputs)

    @property
    def rows(self) -> int:
        """The rows of the job."""
        listed = self.listed
        return listed * (listed - 1) // 2 if self.all_pairs else listed

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of the files, each with its type."""
        return self.inputs[0].columns

    def as_data(self, folder: Path) -> dict[str, Any]:
        """The source as data, for :meth:`of_data`; files in ``folder`` are named from there."""
        inputs = []
        for each in self.inputs:
            path = Path(each.parquet)
            inside = path.relative_to(folder) if path.is_relative_to(folder) else path
            inputs.append({**asdict(each), "parquet": inside.as_posix()})
        return {**asdict(self), "inputs": inputs}

    @classmethod
    def of_data(cls, data: Mapping[str, Any], folder: Path) -> Source:
        """The source that was written down; the arguments are those of :meth:`as_data`."""
        inputs = [
            Input(**{**each, "parquet": str(folder / each["parquet"])}) for each in data["inputs"]
        ]
        return cls(**{**data, "inputs": inputs})

    def stamps(self) -> tuple[tuple[int, int], ...]:
        """Size, and moment of the last change, of each file that rows are read from.

        Raises:
            InvalidRequest: one is gone.
        """
        try:
            stats = [Path(each.parquet).stat() for each in self.inputs]
        except OSError as error:
            raise InvalidRequest(f"cannot read {error.filename}: {error.strerror}") from None
        return tuple((each.st_size, each.st_mtime_ns) for each in stats)

    def _folder(self, row: int) -> str:
        """The folder that the relative paths of a listed row start from."""
        place = bisect_right(self.inputs, row - 1, key=lambda each: each.before)
        return self.inputs[place - 1].folder

    def pairs(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Rows ``first`` to ``last`` of all pairs, from 1 on: each with its two listed rows."""
        listed = self.listed

        def before(probe: int) -> int:
            return (probe - 1) * listed - (probe - 1) * probe // 2

        probe = bisect_right(range(1, listed), first - 1, key=before)
        gallery = probe + first - before(probe)
        for row in range(first, last + 1):
            yield row, probe, gallery
            gallery += 1
            if gallery > listed:
                probe, gallery = probe + 1, probe + 2

    def table(self, database: DuckDBPyConnection, first: int, last: int) -> DuckDBPyRelation:
        """Rows ``first`` to ``last`` of the files, from 1 on: all their columns, and ``row``."""
        # By name: files may have the same columns in another order, and a union goes by place.
        names = ", ".join(map(quoted, self.columns))
        slices = [
            database.read_parquet(escape(each.parquet), file_row_number=True)
            .filter(
                f"file_row_number BETWEEN {first - 1 - each.before} AND {last - 1 - each.before}"
            )
            .project(f'{names}, CAST(file_row_number + {each.before + 1} AS BIGINT) AS "row"')
            for each in self.inputs
            if each.before < last and each.before + each.rows >= first
        ]
        table = slices[0]
        for part in slices[1:]:
            table = table.union(part)
        return table

    def read(self, database: DuckDBPyConnection, first: int, last: int) -> Iterator[Row]:
        """Rows ``first`` to ``last`` of the files as they are asked, in the order of asking."""
        names = ["image"] if self.all_pairs else list(filter(is_read, self.columns))
        order = [quoted(self.group_by)] if self.group_by else []
        table = self.table(database, first, last)
        if order or len(self.inputs) > 1:
            table = table.order(", ".join([*order, '"row"']))
        picked = table.project(", ".join(['"row"', *map(quoted, names)]))
        # In a cursor of its own: whoever asks the rows may look at others meanwhile.
        with database.cursor() as cursor:
            taken = cursor.execute(picked.sql_query())
            while some := taken.fetchmany(_AT_A_TIME):
                for number, *values in some:
                    given = dict(zip(names, values, strict=True))
                    yield Row.of(number, given, self._folder(number))


def database() -> DuckDBPyConnection:
    """A database in memory, for files. Of one thread, as each further one takes 150 MB.

    Raises:
        ConfigurationError: the package is missing.
    """
    with extra("batch", "duckdb", needed_by="facegate batch"):
        import duckdb

    return duckdb.connect(config={"threads": 1})


def quoted(name: str) -> str:
    """A column's name as SQL writes it."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def inputs(
    database: DuckDBPyConnection, files: Sequence[Path], root: Path | None, store: Path
) -> list[Input]:
    """The files of a new job; those of CSV are rewritten as Parquet, once.

    Args:
        database: a database in memory.
        files: CSV or Parquet files, with the same columns.
        root: the folder that relative paths start from; each file's own if absent.
        store: folder to rewrite into.

    Raises:
        InvalidRequest: a file cannot be read, naming it and the line.
    """
    found: list[Input] = []
    for number, file in enumerate(files):
        digest = sha256_of(file)
        parquet = file.absolute()
        if file.suffix.lower() != ".parquet":
            parquet = (store / f"{number:03}.parquet").absolute()
            _rewrite(database, file, parquet)
        table = _opened(database, file, parquet)
        found.append(
            Input(
                name=file.name,
                folder=str((root or file.parent).absolute()),
                sha256=digest,
                parquet=str(parquet),
                before=sum(each.rows for each in found),
                rows=len(table),
                columns=dict(zip(table.columns, map(str, table.types), strict=True)),
            )
        )
    return found


def check(database: DuckDBPyConnection, source: Source, operation: Operation) -> None:
    """Refuse files that cannot be asked, before anything is.

    Raises:
        InvalidRequest: naming the file, the column and, where it is one, the row.
    """
    for each in source.inputs:
        if {*each.columns.items()} != {*source.columns.items()}:
            odd = {*each.columns.items()} ^ {*source.columns.items()}
            raise InvalidRequest(
                f"{each.name}: column {min(odd)[0]!r} is not as in {source.inputs[0].name}; all"
                " files of a job have the same columns, of the same types"
            )
        _check_columns(each, source, operation)
    if not source.rows:
        raise InvalidRequest(f"{source.inputs[0].name}: no rows, so there is nothing to ask")
    _check_values(database, source, operation)


def sha256_of(file: Path) -> str:
    """SHA-256 of a file's bytes, in hex.

    Raises:
        InvalidRequest: it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise InvalidRequest(f"cannot read {file}: {error.strerror}") from None


def _needed(source: Source, operation: Operation) -> list[str]:
    if source.all_pairs:
        return ["image"]
    return ["probe"] if operation is Operation.LIVENESS else ["probe", "gallery"]


def _check_columns(each: Input, source: Source, operation: Operation) -> None:
    needed = _needed(source, operation)
    for name in needed:
        if name not in each.columns:
            raise InvalidRequest(
                f"{each.name}: no column {name!r}; there are: {', '.join(each.columns)}"
            )
    for name, kind in each.columns.items():
        # SQL takes upper and lower case for the same. All pairs keep no column under its own name.
        reserved = {*RESULT, "id", "file_row_number"} - {"id" if name == "id" else "", *needed}
        if name.lower() in reserved:
            raise InvalidRequest(f"{each.name}: column {name!r} is the result's; rename it")
        if not is_read(name) and (is_read(name.lower()) or name.startswith("consent_")):
            raise InvalidRequest(
                f"{each.name}: no column is called {name!r}, though it looks like one that is read"
            )
        if name in ("probe", "image") and kind.endswith("[]"):
            raise InvalidRequest(f"{each.name}: column {name!r} is a list, and holds one picture")
        if is_picture(name) and kind.removesuffix("[]") not in ("VARCHAR", "BLOB"):
            raise InvalidRequest(f"{each.name}: column {name!r} is {kind}, and no pictures")
        if source.all_pairs and name.startswith("consent_"):
            raise InvalidRequest(f"{each.name}: pairs of two people have no {name!r}")
    if source.group_by and source.group_by not in each.columns:
        raise InvalidRequest(f"{each.name}: no column {source.group_by!r} to group by")


def _check_values(database: DuckDBPyConnection, source: Source, operation: Operation) -> None:
    for each in source.inputs:
        table = database.read_parquet(escape(each.parquet), file_row_number=True)
        for name in _needed(source, operation):
            empty = f"{quoted(name)} IS NULL OR len({quoted(name)}) = 0"
            if each.columns[name] == "BLOB":
                empty = f"{quoted(name)} IS NULL OR octet_length({quoted(name)}) = 0"
            for (place,) in table.filter(empty).project("file_row_number").limit(1).fetchall():
                raise InvalidRequest(f"{each.name}, row {place + 1}: column {name!r} is empty")
    if "id" in source.columns:
        ids = source.table(database, 1, source.listed).aggregate(
            "id, count(*) AS times, min(row) AS first", "id"
        )
        for name, times, row in ids.filter("times > 1 OR id IS NULL").limit(1).fetchall():
            raise InvalidRequest(
                f"row {row}: column 'id' is empty"
                if name is None
                else f"row {row}: id {name!r} is there {times} times"
            )


def _opened(database: DuckDBPyConnection, file: Path, parquet: Path) -> DuckDBPyRelation:
    import duckdb

    try:
        return database.read_parquet(escape(str(parquet)))
    except duckdb.Error as error:
        raise InvalidRequest(f"{file.name} is no Parquet file ({type(error).__name__})") from None


def _rewrite(database: DuckDBPyConnection, file: Path, parquet: Path) -> None:
    """Write a CSV anew as Parquet; every value stays the text that it is."""
    import duckdb

    names, separator = _header(file)
    try:
        table = database.read_csv(
            escape(str(file)),
            header=True,
            sep=separator,
            quotechar='"',
            escapechar='"',
            columns=dict.fromkeys(names, "VARCHAR"),
            auto_detect=False,
            max_line_size=_LONGEST,
        )
        table.write_parquet(str(parquet), compression="zstd")
    except duckdb.Error as error:
        said = str(error)
        line = re.search(r"CSV Error on Line: (\d+)", said)
        count = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said)
        where = f"{file.name}, line {line[1]}" if line else file.name
        what = f"{count[2]} values for {count[1]} columns" if count else "no CSV in UTF-8"
        raise InvalidRequest(f"{where}: {what}") from None


def _header(file: Path) -> tuple[list[str], str]:
    """The names of a CSV's columns, and what separates them."""
    try:
        with file.open("rb") as opened:
            line = opened.readline().decode("utf-8-sig")
        separator = next((each for each in ";\t" if each in line), ",")  # as Excel has it
        names = [name.strip() for name in next(csv.reader([line], delimiter=separator), [])]
    except OSError as error:
        raise InvalidRequest(f"cannot read {file}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(
            f"{file.name}, line 1: no CSV in UTF-8 ({type(error).__name__})"
        ) from None
    plain = [name.lower() for name in names]
    wrong = [name for name in names if not name or plain.count(name.lower()) > 1]
    if wrong or not names:
        problem = (
            f"column {wrong[0]!r} is there twice" if wrong and wrong[0] else "a column has no name"
        )
        raise InvalidRequest(f"{file.name}, line 1: {problem}")
    return names, separator
