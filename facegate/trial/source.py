"""Rows of a trial that a journal exported as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from facegate.errors import InvalidRequest
from facegate.journal.rows import RequestRow

_ROW = TypeAdapter(RequestRow)
_NEEDED = {field.name for field in fields(RequestRow) if field.default is MISSING}


def from_csv(
    path: Path, route: str, since: datetime | None = None, until: datetime | None = None
) -> Iterator[RequestRow]:
    """The rows of one route, as the journal exported them.

    Args:
        path: a file with a column for each field of a row that has no default.
        route: whose requests to read.
        since: the earliest beginning of a request, with its time zone.
        until: the moment before which a request began, with its time zone.

    Raises:
        InvalidRequest: the file cannot be read, or a line of it is wrong, naming the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = sorted(_NEEDED - set(reader.fieldnames or ()))
            if missing:
                raise InvalidRequest(f"{path.name}, line 1: no column is called {missing[0]}")
            for record in reader:
                row = _row(record, f"{path.name}, line {reader.line_num}")
                after = since is None or row.at >= since
                if row.route == route and after and (until is None or row.at < until):
                    yield row
    except OSError as error:
        raise InvalidRequest(f"cannot read {path.name}: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidRequest(f"{path.name} is no CSV in UTF-8 ({type(error).__name__})") from None


def _row(record: dict[str, str], where: str) -> RequestRow:
    texts = {"provider": "", "lineage": ""}  # empty where nobody was asked
    given = {name: texts.get(name) if value == "" else value for name, value in record.items()}
    try:
        row = _ROW.validate_python(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        column = first["loc"][0] if first["loc"] else "values"
        raise InvalidRequest(f"{where}: {column}: {first['msg']}") from None
    numbers = (row.match_score, row.liveness_score, row.seconds, row.cost)
    if not all(math.isfinite(number) for number in numbers if number is not None):
        raise InvalidRequest(f"{where}: a number that is none, or infinite")
    if row.at.tzinfo is None:
        raise InvalidRequest(f"{where}: at: a time without its zone")
    return row
