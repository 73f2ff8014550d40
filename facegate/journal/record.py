"""Records of a request: never a picture, a token or a vendor's words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from facegate.errors import InvalidRequest
from facegate.events import Finished, Shadowed
from facegate.journal.chain import Kind, Record
from facegate.model import Attempt, Billed
from facegate.providers.registry import plugin_versions

_LONGEST = 200
"""Letters of what a caller wrote that are kept."""
_BILLED = tuple(Billed)


def records_of(event: Finished | Shadowed, key: bytes | None) -> list[Record]:
    """The records of a request: one for itself and one for each attempt.

    Of a shadowed request these are the candidate's; the primary's have the same request id.

    Args:
        event: the request as it ended, or what a shadow candidate made of it.
        key: secret that subjects are hashed with; None to leave them out.
    """
    shadow = isinstance(event, Shadowed)
    finished = event.candidate if isinstance(event, Shadowed) else event
    shared = {
        "request_id": finished.request_id,
        "subject": subject_hash(finished.subject or None, key),
        "route": finished.route,
        "arm": finished.arm,
        "shadow": shadow,
        "caller": finished.caller,
        "operation": str(finished.operation),
        "configuration": finished.configuration,
    }
    at = stamp(finished.at)
    primary_at = stamp(event.primary.at) if isinstance(event, Shadowed) else None
    return [
        Record(Kind.REQUEST, at, shared | _request(finished), primary_at=primary_at),
        *(
            Record(Kind.ATTEMPT, stamp(attempt.at) if attempt.at else at, shared | content)
            for attempt, content in _attempts(finished.attempts)
        ),
    ]


def _request(finished: Finished) -> dict[str, Any]:
    result, consent, last = finished.result, finished.consent, finished.attempts[-1:]
    by = result if result is not None else next(iter(last), None)
    reference = consent.reference if consent else None
    match, liveness = (None, None) if result is None else (result.match, result.liveness)
    return {
        **(_who(by.provider, by.plugin, by.lineage) if by is not None else {}),
        "engine": None if result is None else result.engine,
        "decision": None if result is None else str(result.decision),
        "match_score": None if match is None else _number(match.score),
        "match_threshold": None if match is None else _number(match.threshold),
        "liveness_score": None if liveness is None else _number(liveness.score),
        "liveness_threshold": None if liveness is None else _number(liveness.threshold),
        "error_code": finished.error.code if finished.error else None,
        "seconds": _number(finished.seconds),
        "attempts": len(finished.attempts),
        "billed": str(max((each.billed for each in finished.attempts), key=_BILLED.index))
        if finished.attempts
        else str(Billed.NO),
        "cost": _cost(finished.attempts),
        "calibration": next((each.calibration for each in last), None),
        "judged_by_caller": finished.judged_by_caller,
        "consent_reference": kept_text(reference) if reference is not None else None,
        "consent_purpose": kept_text(consent.purpose) if consent else None,
    }


def _attempts(attempts: Sequence[Attempt]) -> Iterator[tuple[Attempt, dict[str, Any]]]:
    for number, attempt in enumerate(attempts, 1):
        yield (
            attempt,
            {
                **_who(attempt.provider, attempt.plugin, attempt.lineage),
                "number": number,
                "image": attempt.image,
                "step": attempt.step,
                "error_code": attempt.error_code,
                "seconds": _number(attempt.seconds),
                "billed": str(attempt.billed),
                "cost": _number(attempt.cost),
                "calibration": attempt.calibration,
            },
        )


def _who(provider: str, plugin: str, lineage: str) -> dict[str, Any]:
    return {
        "provider": provider,
        "plugin": plugin,
        "plugin_version": plugin_versions().get(plugin),
        "lineage": kept_text(lineage),
    }


def stamp(moment: datetime) -> str:
    """Text of a moment: UTC, in ISO 8601 with microseconds.

    Raises:
        InvalidRequest: a moment without a time zone, or one that UTC has no year for.
    """
    if moment.tzinfo is None:
        raise InvalidRequest(f"{moment} has no time zone; add one, such as datetime.UTC")
    try:
        return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError):
        raise InvalidRequest(f"{moment} cannot be told in UTC") from None


def subject_hash(subject: str | None, key: bytes | None) -> str | None:
    """The name of a person in the journal, 32 hexadecimal digits; None without a key."""
    if subject is None or key is None:
        return None
    # BLAKE2 takes 64 bytes of key, a file may hold more.
    short = hashlib.blake2b(key, digest_size=32).digest()
    text = subject.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=16, key=short, person=b"facegate subject").hexdigest()


def _cost(attempts: Sequence[Attempt]) -> float | None:
    known = [each.cost for each in attempts if each.cost is not None]
    return _number(sum(known)) if known else None


def _number(value: float | None) -> float | None:
    """A number without a negative zero, which SQLite does not keep."""
    return None if value is None else float(value) + 0.0


def kept_text(value: str, longest: int = _LONGEST) -> str:
    """Text that every database can hold: no longer than that, and without what is no letter."""
    return value[:longest].encode("utf-8", "replace").decode().replace("\0", "")
