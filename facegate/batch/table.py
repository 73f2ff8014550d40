"""Rows in, rows out: one function for pipelines that have an engine of their own."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, overload

from facegate.batch.columns import RESULT, Row, answered
from facegate.errors import FacegateError, InvalidRequest
from facegate.model import Operation
from facegate.thresholds import Thresholds
from facegate.verifier import FaceVerifier


@overload
def answer(
    table: Mapping[str, Sequence[Any]],
    verifier: FaceVerifier,
    operation: Operation = ...,
    *,
    threshold: Thresholds | None = ...,
    liveness_threshold: Thresholds | None = ...,
    at_once: int = ...,
) -> dict[str, list[Any]]: ...


@overload
def answer(
    table: Iterable[Mapping[str, Any]],
    verifier: FaceVerifier,
    operation: Operation = ...,
    *,
    threshold: Thresholds | None = ...,
    liveness_threshold: Thresholds | None = ...,
    at_once: int = ...,
) -> list[dict[str, Any]]: ...


def answer(
    table: Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]],
    verifier: FaceVerifier,
    operation: Operation = Operation.COMPARE,
    *,
    threshold: Thresholds | None = None,
    liveness_threshold: Thresholds | None = None,
    at_once: int = 20,
) -> dict[str, list[Any]] | list[dict[str, Any]]:
    """Answer the rows of a table, and add the columns of the answers.

    For Ray Data's ``map_batches``, Spark's ``mapInPandas``, Daft and others. Open the verifier once
    in each of their workers. Nothing is written down, so what an engine does twice is asked, and
    charged for, twice: where that counts, use ``facegate batch run``.

    Args:
        table: columns by name, or rows of values by column: ``probe``, ``gallery``, and those that
            a file of ``facegate batch run`` may have. Pictures are paths, URLs, data URIs or bytes.
        verifier: who is asked.
        operation: the question.
        threshold: similarity that a match takes; see :meth:`FaceVerifier.compare`.
        liveness_threshold: liveness score that a pass takes.
        at_once: most questions at a time, 1 or more.

    Returns:
        The table in the form that it came, in its order, with the columns of an answer. A row
        without an answer has an ``error_code``.

    Raises:
        InvalidRequest: a column of the table has the name of one of an answer.
    """
    given = _rows(table)
    for name in given[0] if given else ():
        if name in RESULT:
            raise InvalidRequest(f"column {name!r} is the result's; rename it")
    ask = partial(
        _answered,
        verifier,
        operation,
        threshold=threshold,
        liveness_threshold=liveness_threshold,
    )
    with ThreadPoolExecutor(at_once) as threads:
        rows = list(threads.map(ask, range(1, len(given) + 1), given))
    if isinstance(table, Mapping):
        names = [*table, *RESULT]
        return {name: [row[name] for row in rows] for name in names}
    return rows


def _rows(table: Mapping[str, Sequence[Any]] | Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(table, Mapping):
        columns = zip(*table.values(), strict=True)
        return [dict(zip(table, values, strict=True)) for values in columns]
    return [dict(row) for row in table]


def _answered(
    verifier: FaceVerifier,
    operation: Operation,
    number: int,
    values: Mapping[str, Any],
    **asked: Any,
) -> dict[str, Any]:
    started, request_id = time.perf_counter(), None
    row = Row.of(number, values)
    try:
        question = row.question(operation, row.probe, row.gallery, **asked)
        request_id = question.id
        outcome: Any = verifier.ask(question)
    except FacegateError as error:
        outcome = error
    shared = {
        "request_id": request_id,
        "operation": str(operation),
        "configuration": verifier.route.digest,
    }
    found = answered(number, outcome, time.perf_counter() - started)
    return {
        **values,
        **dict.fromkeys(RESULT),
        **shared,
        **{k: found[k] for k in found if k in RESULT},
    }
