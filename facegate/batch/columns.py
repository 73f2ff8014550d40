"""The columns of a job: those that a file may have, and those that an answer adds to it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from facegate.consent import Consent
from facegate.errors import CaptureRejected, FacegateError, Fault, InvalidRequest
from facegate.model import Attempt, Billed, Operation, VerificationResult
from facegate.providers.registry import plugin_versions
from facegate.question import Question

RESULT = {
    "row": "BIGINT",
    "request_id": "VARCHAR",
    "operation": "VARCHAR",
    "decision": "VARCHAR",
    "score": "DOUBLE",
    "threshold": "DOUBLE",
    "scale": "VARCHAR",
    "liveness_score": "DOUBLE",
    "liveness_threshold": "DOUBLE",
    "liveness_passed": "BOOLEAN",
    "error_code": "VARCHAR",
    "reason": "VARCHAR",
    "image": "VARCHAR",
    "seconds": "DOUBLE",
    "attempts": "INTEGER",
    "billed": "VARCHAR",
    "cost": "DOUBLE",
    "provider": "VARCHAR",
    "plugin_version": "VARCHAR",
    "lineage": "VARCHAR",
    "engine": "VARCHAR",
    "configuration": "VARCHAR",
}
"""The columns that an answer adds, each with its type in Parquet.

``error_code`` is the class of the error where there is no decision. ``reason`` is the defect of a
capture, or else the error in words, and ``image`` the picture at fault: where it is empty, no
picture is. ``billed`` and ``cost`` are of all attempts together.
"""

_BILLED = tuple(Billed)
_CONSENT = {f"consent_{each.name}": each.name for each in fields(Consent)}
_SETS = ("recipients", "regions")
_TEXTS = ("purpose", "reference")
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

Source = str | bytes
"""A picture as a file names it: a path, an https URL, a data URI, or its bytes."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it is asked.

    Attributes:
        number: its number in the job, from 1 on.
        probe: the picture captured now.
        gallery: those of the claimed person.
        others: its values in the columns for the subject and the consent, by column.
    """

    number: int
    probe: Source
    gallery: tuple[Source, ...] = ()
    others: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, number: int, values: Mapping[str, Any], folder: str = "") -> Row:
        """The row that a file's values make; what is empty is absent.

        Args:
            number: its number.
            values: its values by column; the picture of a list has the column ``image``.
            folder: the folder that relative paths start from; the working directory if absent.
        """
        gallery: list[Source] = []
        for name, value in values.items():
            if is_picture(name) and name != "probe":
                gallery += value if isinstance(value, list) else [value]
        others = {name: value for name, value in values.items() if name in _OTHERS and value}
        pictures = tuple(_placed(each, folder) for each in gallery if each)
        probe = values.get("image") or values.get("probe") or ""
        return cls(number, _placed(probe, folder), pictures, others or None)

    @property
    def has_consent(self) -> bool:
        """Whether the row says what the person consented to."""
        return any(name in _CONSENT for name in self.others or ())

    def question(
        self, operation: Operation, probe: Any, gallery: Sequence[Any], **asked: Any
    ) -> Question:
        """The question that the row asks.

        Args:
            operation: what is asked.
            probe: the probe, as far as it was loaded.
            gallery: the gallery, likewise.
            **asked: further arguments of the question.

        Raises:
            InvalidRequest: a column of the consent holds what it cannot.
        """
        others = self.others or {}
        return Question(
            operation=operation,
            probe=probe,
            gallery=() if operation is Operation.LIVENESS else tuple(gallery),
            subject=None if (subject := others.get("subject")) is None else str(subject),
            consent=_consent(others),
            **asked,
        )


_OTHERS = frozenset({"subject", *_CONSENT})
READ = ("probe", "gallery", *sorted(_OTHERS))
"""Columns that are read, beside further gallery pictures."""
_NO_PATHS = ("data:", "http://", "https://")


def _placed(picture: Source, folder: str) -> Source:
    """A picture with its path made absolute, where it is given by one."""
    if not isinstance(picture, str) or picture[:8].lower().startswith(_NO_PATHS):
        return picture
    return _absolute(picture, folder)


@lru_cache
def _absolute(path: str, folder: str) -> str:
    return str(Path(folder, path))


def is_read(name: str) -> bool:
    """Whether a column of that name is read; others are only kept."""
    return name in _OTHERS or is_picture(name)


def is_picture(name: str) -> bool:
    """Whether a column of that name holds pictures; ``image`` does where all pairs are asked."""
    return re.fullmatch(r"probe|gallery(_\d+)?", name) is not None


def answered(
    row: int, outcome: VerificationResult | FacegateError, seconds: float
) -> dict[str, Any]:
    """The columns of an answer, apart from those that all rows of a job share.

    Args:
        row: the row's number.
        outcome: the answer, or the reason why there is none.
        seconds: how long it took.
    """
    attempts = outcome.attempts
    return {
        "row": row,
        **(_failed(outcome) if isinstance(outcome, FacegateError) else _decided(outcome)),
        "seconds": round(seconds, 6),
        "attempts": len(attempts),
        **charged(attempts),
    }


def charged(attempts: Sequence[Attempt]) -> dict[str, Any]:
    """The columns on money, and on who was asked last."""
    known = [each.cost for each in attempts if each.cost is not None]
    last = attempts[-1] if attempts else None
    return {
        "billed": max((each.billed for each in attempts), key=_BILLED.index, default=Billed.NO),
        "cost": sum(known) if known else None,
        "provider": last and last.provider,
        "plugin_version": last and plugin_versions().get(last.plugin),
        "lineage": last and last.lineage,
    }


def failure(error: FacegateError) -> dict[str, Any]:
    """The columns of an error: its class, why, and the picture at fault."""
    reason = str(error.reason) if isinstance(error, CaptureRejected) else error.message
    return {"error_code": error.code, "reason": reason, "image": error.image}


def says_nothing_of_the_picture(error: FacegateError) -> bool:
    """Whether it counts among the failures that stop a job: the caller is not at fault."""
    return error.fault is not Fault.CALLER


def _failed(error: FacegateError) -> dict[str, Any]:
    counts = {"failure": True} if says_nothing_of_the_picture(error) else {}
    return failure(error) | counts


def _decided(result: VerificationResult) -> dict[str, Any]:
    match, liveness = result.match, result.liveness
    columns: dict[str, Any] = {"decision": result.decision, "engine": result.engine}
    if match is not None:
        scale = match.scale and match.scale.name
        columns |= {
            "score": match.score,
            "threshold": match.threshold,
            "scale": scale,
        }
    if liveness is not None:
        columns |= {
            "liveness_score": liveness.score,
            "liveness_threshold": liveness.threshold,
            "liveness_passed": liveness.passed,
        }
    return columns


def _consent(others: Mapping[str, Any]) -> Consent | None:
    given = {_CONSENT[name]: value for name, value in others.items() if name in _CONSENT}
    if not given:
        return None
    if missing := {"purpose", "recipients"} - given.keys():
        raise InvalidRequest(f"consent_{min(missing)} is empty, and the row has a consent")
    return Consent(**{name: _of_consent(name, value) for name, value in given.items()})


def _of_consent(name: str, value: Any) -> Any:
    """A value of the consent: sets are lists, or texts separated by semicolons."""
    if name in _SETS:
        parts = value if isinstance(value, list) else str(value).split(";")
        return frozenset(str(part).strip() for part in parts)
    if name in _TEXTS:
        return str(value)
    word = str(value).strip().lower()
    if word not in _WORDS:
        raise InvalidRequest(f"consent_{name} is true, false or empty")
    return _WORDS[word]
