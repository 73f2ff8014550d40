"""The parts of a result: a Parquet file for each chunk, there as a whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facegate.batch.columns import RESULT, is_picture
from facegate.batch.ledger import Figures
from facegate.batch.source import Source, quoted, sha256_of
from facegate.errors import InvalidRequest

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection, DuckDBPyRelation

_SHARED = ("request_id", "operation", "configuration")
"""Columns whose values follow from the row's number, or are those of the job."""
_OWN = {name: kind for name, kind in RESULT.items() if name not in _SHARED}
_NO_PATH = "lower(left(ltrim({0}, ' \t\r\n'), 5)) = 'data:' OR length({0}) > 4096"
"""SQL of a text that holds a picture, or most likely does: no path is as long."""
_SIDES = {"first": "BIGINT", "second": "BIGINT"}
"""The listed rows of a pair, where a job asks all pairs."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part that is there.

    Attributes:
        file: its name.
        size: bytes of it.
        sha256: digest of it, in hex.
        run: number of the run that wrote it.
        figures: the figures of its rows.
    """

    file: str
    size: int
    sha256: str
    run: int
    figures: Figures

    @classmethod
    def read(cls, folder: Path, chunk: int) -> Part | None:
        """The part of a chunk; None where there is none, or not as it was written."""
        try:
            data = json.loads(_about(folder, chunk).read_bytes())
            size = part_file(folder, chunk).stat().st_size
            part = cls(**{**data, "figures": Figures.of_data(data["figures"])})
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return part if part.size == size else None

    @classmethod
    def written(cls, folder: Path, chunk: int) -> Part | None:
        """The part of a chunk that nobody works on; None where it was never done.

        Raises:
            InvalidRequest: it was done, and its file is gone or another one. Its rows may have been
                paid for, so they are not simply asked again.
        """
        part = cls.read(folder, chunk)
        if part is None and _about(folder, chunk).exists():
            raise InvalidRequest(
                f"{part_file(folder, chunk)}: gone, or not as it was written; put it back from a"
                " copy, or begin the job anew in another folder"
            )
        return part


def part_file(folder: Path, chunk: int) -> Path:
    """The file of a part."""
    return folder / f"{chunk:06}.parquet"


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes the parts of a job.

    Attributes:
        database: a database in memory.
        source: the rows of the job.
        folder: the folder of the parts.
        shared: SQL for each column that is not in an answer.
    """

    database: DuckDBPyConnection
    source: Source
    folder: Path
    shared: Mapping[str, str]

    def write(self, made: Path, first: int, last: int, lines: Iterable[bytes]) -> None:
        """Write the part with rows ``first`` to ``last``, of their answers as JSON lines.

        Args:
            made: the file to write, which becomes the part with :meth:`publish`.
            first: the first row.
            last: the last one.
            lines: the answers.

        Raises:
            InvalidRequest: it cannot be written, for instance as the disk is full.
        """
        import duckdb

        answers = made.with_suffix(".answers")
        try:
            with answers.open("wb") as file:
                file.writelines(lines)
            table = self._table(answers, first, last)
            table.order('"row"').write_parquet(str(made), compression="zstd")
        except (OSError, duckdb.Error) as error:
            reason = error.strerror if isinstance(error, OSError) else type(error).__name__
            raise InvalidRequest(f"cannot write {made}: {reason}") from None
        finally:
            answers.unlink(missing_ok=True)

    def publish(self, made: Path, chunk: int, run: int, figures: Figures) -> None:
        """Make a file the part of a chunk, and write down its figures; with that, it is done."""
        path = part_file(self.folder, chunk)
        data = {
            "file": path.name,
            "size": made.stat().st_size,
            "sha256": sha256_of(made),
            "run": run,
            "figures": figures.as_data(),
        }
        about = made.with_suffix(".about")
        try:
            about.write_text(json.dumps(data), encoding="utf-8")
            made.replace(path)
            about.replace(_about(self.folder, chunk))
        except OSError as error:
            raise InvalidRequest(f"cannot write {about}: {error.strerror}") from None

    def good_answers(self, chunk: int) -> list[dict[str, Any]]:
        """The answers of a part's rows that ended without an error."""
        table = self.database.read_parquet(escape(str(part_file(self.folder, chunk))))
        names = list(_OWN)
        rows = table.filter("error_code IS NULL").project(", ".join(map(quoted, names)))
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for row in rows.fetchall()
        ]

    def _table(self, answers: Path, first: int, last: int) -> DuckDBPyRelation:
        sides = _SIDES if self.source.all_pairs else {}
        told = self.database.read_json(
            escape(str(answers)), columns={**_OWN, **sides}, format="newline_delimited"
        ).set_alias("told")
        results = ", ".join(
            f"{self.shared[name]} AS {name}" if name in self.shared else f'told."{name}"'
            for name in RESULT
        )
        if self.source.all_pairs:
            images = self.source.table(self.database, 1, self.source.listed)
            pairs = told.join(images.set_alias("probes"), 'told."first" = probes."row"').join(
                images.set_alias("galleries"), 'told."second" = galleries."row"'
            )
            return pairs.project(f"{self._both_sides()}, {results}")
        rows = self.source.table(self.database, first, last).set_alias("rows")
        joined = rows.join(told, 'rows."row" = told."row"')
        return joined.project(f"{self._kept()}, {results}")

    def _kept(self) -> str:
        """SQL of the columns of the files: as they are, but faces only by their digest."""
        kept = [
            _named(f"rows.{quoted(name)}", name, kind, shows_a_face=is_picture(name))
            for name, kind in self.source.columns.items()
        ]
        if "id" not in self.source.columns:
            cases = " ".join(
                f"WHEN rows.\"row\" > {each.before} THEN '{each.sha256[:12]}-'"
                f' || (rows."row" - {each.before})'
                for each in reversed(self.source.inputs)
            )
            kept.insert(0, f"CASE {cases} END AS id")
        return ", ".join(kept)

    def _both_sides(self) -> str:
        return ", ".join(
            _named(
                f"{table}.{quoted(name)}",
                side if name == "image" else f"{side}_{name}",
                kind,
                shows_a_face=name == "image",
            )
            for table, side in (("probes", "probe"), ("galleries", "gallery"))
            for name, kind in self.source.columns.items()
        )


def _named(value: str, name: str, kind: str, *, shows_a_face: bool) -> str:
    if shows_a_face:
        element = "'sha256:' || sha256({0})"
        if not kind.startswith("BLOB"):
            element = f"CASE WHEN {_NO_PATH} THEN {element} ELSE {{0}} END"
        inner = element.format("each" if kind.endswith("[]") else value)
        value = f"list_transform({value}, lambda each: {inner})" if kind.endswith("[]") else inner
    return f"{value} AS {quoted(name)}"


def _about(folder: Path, chunk: int) -> Path:
    return folder / f"{chunk:06}.json"
